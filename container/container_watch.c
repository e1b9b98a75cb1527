#include "container/container_watch.h"

#include "base/clock.h"
#include "base/first_turn.h"
#include "container/watch_tree.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LISTING_NS UINT64_C(2000000000)
#define CHECK_NS   UINT64_C(5000000000) /* between two looks for what no event tells */
#define POLL_NS    UINT64_C(1000000000) /* between two looks at what cannot be watched */

struct container_watch {
	struct container_roots *roots;
	struct watch_tree *tree; /* the thread's */
	size_t known[CONTAINER_ROOT_TYPES];
	uint64_t checked_ns, polled_ns; /* CLOCK_MONOTONIC */
	struct first_turn turn;
	bool is_ready; /* the first listing, which is long, is over */
	char *hints[WATCH_HINTS];

	pthread_t thread;
	int wake_fd; /* eventfd(2) */
	atomic_bool stop, look, repeat;
	atomic_uint asked; /* how often somebody wants to hear when all is told */

	pthread_mutex_t lock;
	pthread_cond_t listed; /* is_listed has changed */
	bool is_listed;
	unsigned int answered;
	pthread_cond_t caught_up; /* answered has changed */
	struct container_watch_counters counters;
};

static void publish(struct container_watch *w, bool is_listed)
{
	pthread_mutex_lock(&w->lock);
	watch_tree_count(w->tree, &w->counters);
	if (is_listed && !w->is_listed) {
		w->is_listed = true;
		pthread_cond_broadcast(&w->listed);
	}
	pthread_mutex_unlock(&w->lock);
}

/* Without memory for one, new roots are found a few seconds later. */
static void watch_hints_too(struct container_watch *w)
{
	for (size_t i = 0; i < WATCH_HINTS; i++) {
		if (!container_roots_are_usual(w->roots, watch_hints[i].type))
			continue;
		if (asprintf(&w->hints[i], "%s%s", container_roots_host(w->roots), watch_hints[i].path) < 0)
			w->hints[i] = NULL;
		else
			(void)watch_tree_add_root(w->tree, w->hints[i], watch_hints[i].kind, true);
	}
}

/* Without memory for a root it is tried again when roots are looked for the next time. */
static void add_roots(struct container_watch *w, bool listed)
{
	for (enum container_root_type type = 0; type < CONTAINER_ROOT_TYPES; type++)
		while (w->known[type] < container_roots_count(w->roots, type)) {
			const char *path = container_roots_path(w->roots, type, w->known[type]);

			if (watch_tree_add_root(w->tree, path, watch_kind_of_root(type), listed) < 0)
				break;
			w->known[type]++;
		}
}

static void discover(struct container_watch *w, bool listed)
{
	(void)container_roots_discover(w->roots);
	add_roots(w, listed);
}

static void list_all(struct container_watch *w)
{
	watch_hints_too(w);
	discover(w, true);
	while (watch_tree_run(w->tree, w->wake_fd, 0, &w->stop) && !w->stop)
		;
	(void)watch_tree_leads_to_roots(w->tree);
	w->checked_ns = w->polled_ns = clock_monotonic_ns();
}

static void take_wishes(struct container_watch *w)
{
	uint64_t times;

	(void)!read(w->wake_fd, &times, sizeof(times));
	if (atomic_exchange(&w->repeat, false))
		watch_tree_repeat(w->tree);
	if (watch_tree_leads_to_roots(w->tree))
		w->look = true;
	if (atomic_exchange(&w->look, false))
		discover(w, false);
}

static void do_what_is_due(struct container_watch *w)
{
	uint64_t now = clock_monotonic_ns();

	if (now - w->checked_ns >= CHECK_NS) {
		w->checked_ns = now;
		discover(w, false);
		watch_tree_check(w->tree);
	}
	if (watch_tree_is_polled(w->tree) && now - w->polled_ns >= POLL_NS) {
		w->polled_ns = now;
		watch_tree_poll(w->tree);
	}
}

static int time_to_next_ms(const struct container_watch *w)
{
	uint64_t now = clock_monotonic_ns(), due = w->checked_ns + CHECK_NS;

	if (watch_tree_is_polled(w->tree) && w->polled_ns + POLL_NS < due)
		due = w->polled_ns + POLL_NS;
	return due > now ? (int)((due - now) / NSEC_PER_MSEC) + 1 : 0;
}

static void between_looks(void *context)
{
	struct container_watch *w = context;

	if (w->is_ready)
		first_turn_check(&w->turn);
}

static void answer(struct container_watch *w, unsigned int asked)
{
	pthread_mutex_lock(&w->lock);
	w->answered = asked;
	pthread_cond_broadcast(&w->caught_up);
	pthread_mutex_unlock(&w->lock);
}

static void *run(void *context)
{
	struct container_watch *w = context;

	list_all(w);
	publish(w, true);
	first_turn_begin(&w->turn);
	w->is_ready = true;
	while (!w->stop) {
		unsigned int asked = w->asked;

		(void)watch_tree_run(w->tree, w->wake_fd, asked == w->answered ? time_to_next_ms(w) : 0, &w->stop);
		if (asked != w->answered && !watch_tree_has_events(w->tree))
			answer(w, asked);
		take_wishes(w);
		do_what_is_due(w);
		publish(w, true);
		first_turn_check(&w->turn);
	}
	return NULL;
}

/* Signals are for those who wait for them. */
static int start(struct container_watch *w)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!r)
		(void)pthread_setname_np(w->thread, "container-watch");
	return r;
}

static struct timespec time_after(uint64_t ns)
{
	uint64_t until_ns = clock_monotonic_ns() + ns;

	return (struct timespec){.tv_sec = (time_t)(until_ns / NSEC_PER_SEC), .tv_nsec = (long)(until_ns % NSEC_PER_SEC)};
}

static void await_listing(struct container_watch *w)
{
	struct timespec until = time_after(LISTING_NS);

	pthread_mutex_lock(&w->lock);
	while (!w->is_listed && pthread_cond_timedwait(&w->listed, &w->lock, &until) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&w->lock);
}

static void init_locks(struct container_watch *w)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&w->listed, &attributes);
	pthread_cond_init(&w->caught_up, &attributes);
	pthread_condattr_destroy(&attributes);
}

static void free_all(struct container_watch *w)
{
	watch_tree_free(w->tree);
	for (size_t i = 0; i < WATCH_HINTS; i++)
		free(w->hints[i]);
	if (w->wake_fd >= 0)
		close(w->wake_fd);
	pthread_cond_destroy(&w->caught_up);
	pthread_cond_destroy(&w->listed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

int container_watch_new(struct container_watch **ret, struct container_roots *roots, struct container_inbox *inbox, struct error *err)
{
	struct container_watch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return error_set_errno(err, -ENOMEM, "watch containers");
	init_locks(w);
	w->roots = roots;
	w->tree = watch_tree_new(inbox, between_looks, w);
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = !w->tree ? -ENOMEM : w->wake_fd < 0 ? -errno : start(w);
	if (r) {
		free_all(w);
		return error_set_errno(err, r, "watch containers");
	}
	await_listing(w);
	*ret = w;
	return 0;
}

static void wake(struct container_watch *w)
{
	(void)eventfd_write(w->wake_fd, 1);
}

struct container_watch *container_watch_free(struct container_watch *w)
{
	if (!w)
		return NULL;
	w->stop = true;
	wake(w);
	pthread_join(w->thread, NULL);
	free_all(w);
	return NULL;
}

void container_watch_look(struct container_watch *w)
{
	w->look = true;
	wake(w);
}

void container_watch_repeat(struct container_watch *w)
{
	w->repeat = true;
	wake(w);
}

void container_watch_catch_up(struct container_watch *w, uint32_t timeout_ms)
{
	struct timespec until = time_after(timeout_ms * NSEC_PER_MSEC);
	unsigned int asked;

	if (watch_tree_is_idle(w->tree))
		return;
	asked = ++w->asked;
	wake(w);
	pthread_mutex_lock(&w->lock);
	while ((int)(w->answered - asked) < 0 && pthread_cond_timedwait(&w->caught_up, &w->lock, &until) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&w->lock);
}

void container_watch_counters(struct container_watch *w, struct container_watch_counters *ret)
{
	pthread_mutex_lock(&w->lock);
	*ret = w->counters;
	pthread_mutex_unlock(&w->lock);
}
