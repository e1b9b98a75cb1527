#include "runtime/socket_thread.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/un.h>

#define PATH_BYTES sizeof(((struct sockaddr_un *)0)->sun_path)

/* Which socket it is: one that is bound again at the same path has another inode, or at least another time. */
struct socket_identity {
	dev_t device;
	ino_t inode;
	struct timespec changed;
};

struct socket_thread {
	struct socket_thread_options options;
	char path[PATH_BYTES];
	pthread_t thread;
	int stop_fd;
	atomic_bool stopping;

	pthread_mutex_t lock; /* of the counters */
	struct socket_thread_counters counters;
	char logged[sizeof(((struct socket_thread_counters *)0)->problem)]; /* the last problem in the log */

	/* The thread's own. */
	struct socket_identity socket; /* that the session is with */
	bool good;                     /* whether the session was */
};

/* False: there is no socket. */
static bool identify(const char *path, struct socket_identity *ret)
{
	struct stat stat_now;

	if (stat(path, &stat_now) < 0 || !S_ISSOCK(stat_now.st_mode))
		return false;
	*ret = (struct socket_identity){.device = stat_now.st_dev, .inode = stat_now.st_ino, .changed = stat_now.st_ctim};
	return true;
}

static bool is_same(const struct socket_identity *a, const struct socket_identity *b)
{
	return a->device == b->device && a->inode == b->inode && a->changed.tv_sec == b->changed.tv_sec &&
	       a->changed.tv_nsec == b->changed.tv_nsec;
}

/* Whether the socket at the path is there and not the one of the last session. */
static bool is_new(const struct socket_thread *t)
{
	struct socket_identity now;

	return identify(t->path, &now) && !is_same(&now, &t->socket);
}

static bool is_there(const struct socket_thread *t)
{
	struct socket_identity now;

	return identify(t->path, &now);
}

static bool has_changed(const struct socket_thread *t)
{
	return is_new(t) || !is_there(t);
}

/* Watches the directory where the next part of the path is missing, or the socket's own one. A watch is made before the path is looked at, so that
 * nothing is made in between. -1: no watch. */
static int watch_directory(int fd, const char *path)
{
	char directory[PATH_BYTES];

	snprintf(directory, sizeof(directory), "%s", path);
	for (;;) {
		char *slash = strrchr(directory, '/');
		int watch;

		if (!slash)
			return -1;
		slash[slash == directory] = '\0';
		watch = inotify_add_watch(fd, directory, IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_ATTRIB | IN_ONLYDIR);
		if (watch >= 0 || slash == directory)
			return watch;
	}
}

/* What the events say does not matter: the path is looked at. */
static void drain(int fd)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	while (read(fd, events, sizeof(events)) > 0)
		;
}

/* A directory like /run is busy at times: let things settle for a moment before looking again. */
#define SETTLE_MS 20

/* Sleeps until `done` is true of the socket, or the time is over (negative: never), or the thread has to stop. */
static void wait_until(struct socket_thread *t, bool (*done)(const struct socket_thread *t), int timeout_ms)
{
	uint64_t end_ns = timeout_ms < 0 ? UINT64_MAX : clock_monotonic_ns() + (uint64_t)timeout_ms * NSEC_PER_MSEC;

	while (!socket_thread_stopping(t)) {
		cleanup_close int inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
		struct pollfd fds[2] = {{.fd = t->stop_fd, .events = POLLIN}, {.fd = inotify, .events = POLLIN}};
		uint64_t now_ns = clock_monotonic_ns(), left_ms;

		if (inotify >= 0)
			watch_directory(inotify, t->path);
		if (now_ns >= end_ns || done(t))
			return;
		left_ms = (end_ns - now_ns + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC;
		if (poll(fds, 2, left_ms < SOCKET_THREAD_LOOK_MS ? (int)left_ms : SOCKET_THREAD_LOOK_MS) > 0 && fds[1].revents &&
		    !done(t)) {
			poll(fds, 1, SETTLE_MS);
			drain(inotify);
		}
	}
}

static void set_connected(struct socket_thread *t, bool connected)
{
	pthread_mutex_lock(&t->lock);
	t->counters.connected = connected;
	pthread_mutex_unlock(&t->lock);
}

static void run_session(struct socket_thread *t)
{
	struct error err = {0};
	int r;

	t->good = false;
	identify(t->path, &t->socket);
	r = t->options.session(t->options.context, &err);
	set_connected(t, false);
	if (r < 0 && !socket_thread_stopping(t))
		socket_thread_problem(t, &err);
}

/* A socket that may be there and may not be seen is waited for like one that is not, but not without a word. */
static void complain_of_hidden(struct socket_thread *t)
{
	struct stat stat_now;
	struct error err = {0};

	if (stat(t->path, &stat_now) == 0 || errno != EACCES)
		return;
	error_set_errno(&err, -EACCES, "cannot look for the socket");
	socket_thread_problem(t, &err);
}

static void *run(void *argument)
{
	struct socket_thread *t = argument;
	int pause_ms = SOCKET_THREAD_PAUSE_MS;

	pthread_setname_np(pthread_self(), t->options.name);
	for (;;) {
		complain_of_hidden(t);
		wait_until(t, is_there, -1);
		if (socket_thread_stopping(t))
			return NULL;
		run_session(t);
		if (t->good)
			pause_ms = SOCKET_THREAD_PAUSE_MS;
		wait_until(t, is_new, pause_ms);
		/* A new socket may be bound already and listened on a moment later. */
		pause_ms = is_new(t) ? SOCKET_THREAD_PAUSE_MS : pause_ms * 2;
		if (pause_ms > SOCKET_THREAD_PAUSE_MAX_MS)
			pause_ms = SOCKET_THREAD_PAUSE_MAX_MS;
	}
}

/* A thread begins with the signals blocked that its maker has. */
static int start_thread(struct socket_thread *t)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&t->thread, NULL, run, t);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

static void destroy(struct socket_thread *t)
{
	close(t->stop_fd);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

int socket_thread_start(struct socket_thread **ret, const struct socket_thread_options *options, struct error *err)
{
	struct socket_thread *t;
	int r;

	if (options->path[0] != '/' || strlen(options->path) >= PATH_BYTES)
		return error_set(err, -EINVAL, "\"%s\" is not the path of a socket: it must be absolute and at most %zu bytes long",
				 options->path, PATH_BYTES - 1);
	t = calloc(1, sizeof(*t));
	if (!t)
		return error_set(err, -ENOMEM, "out of memory");
	t->options = *options;
	memcpy(t->path, options->path, strlen(options->path) + 1);
	t->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (t->stop_fd < 0) {
		r = error_set_errno(err, -errno, "cannot make an eventfd");
		free(t);
		return r;
	}
	pthread_mutex_init(&t->lock, NULL);
	*ret = t;
	r = start_thread(t);
	if (r < 0) {
		*ret = NULL;
		destroy(t);
		return error_set_errno(err, r, "cannot start a thread for %s", options->path);
	}
	return 0;
}

void socket_thread_stop(struct socket_thread *t)
{
	if (atomic_exchange(&t->stopping, true))
		return;
	eventfd_write(t->stop_fd, 1);
	if (t->options.interrupt)
		t->options.interrupt(t->options.context);
}

struct socket_thread *socket_thread_free(struct socket_thread *t)
{
	if (!t)
		return NULL;
	socket_thread_stop(t);
	pthread_join(t->thread, NULL);
	destroy(t);
	return NULL;
}

void socket_thread_counters(struct socket_thread *t, struct socket_thread_counters *ret)
{
	pthread_mutex_lock(&t->lock);
	*ret = t->counters;
	pthread_mutex_unlock(&t->lock);
}

bool socket_thread_stopping(const struct socket_thread *t)
{
	return atomic_load(&t->stopping);
}

int socket_thread_stop_fd(const struct socket_thread *t)
{
	return t->stop_fd;
}

const char *socket_thread_path(const struct socket_thread *t)
{
	return t->path;
}

void socket_thread_connected(struct socket_thread *t)
{
	pthread_mutex_lock(&t->lock);
	t->counters.connected = true;
	t->counters.sessions += !t->good;
	/* A problem that comes back after this is news. */
	t->logged[0] = '\0';
	pthread_mutex_unlock(&t->lock);
	t->good = true;
}

void socket_thread_count_fact(struct socket_thread *t)
{
	pthread_mutex_lock(&t->lock);
	t->counters.facts++;
	pthread_mutex_unlock(&t->lock);
}

void socket_thread_problem(struct socket_thread *t, const struct error *err)
{
	bool is_news;

	pthread_mutex_lock(&t->lock);
	t->counters.errors++;
	snprintf(t->counters.problem, sizeof(t->counters.problem), "%.*s", (int)sizeof(t->counters.problem) - 1, err->message);
	is_news = strcmp(t->logged, t->counters.problem) != 0;
	memcpy(t->logged, t->counters.problem, sizeof(t->logged));
	pthread_mutex_unlock(&t->lock);
	if (is_news)
		log_warning("runtime's socket", "path=%s error=\"%s\"", t->path, err->message);
}

void socket_thread_wait_change(struct socket_thread *t)
{
	wait_until(t, has_changed, -1);
}
