#include "container/inotify_set.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1 /* what did not fit has no hh.tbl */
#include <uthash.h>

#define BATCH_BYTES 32768

/* What the kernel says without being asked. */
#define ALWAYS (IN_IGNORED | IN_UNMOUNT)

struct inotify_entry {
	int descriptor;
	struct inotify_watch *watches;
	UT_hash_handle hh;
};

struct inotify_set {
	int fd;
	struct inotify_entry *entries; /* by descriptor; the kernel gives none twice within 2^31 */
	struct inotify_watch *next;    /* who is told next: whoever is told may remove that one */
	inotify_set_fn *fn;
	void *context;
	char batch[BATCH_BYTES] __attribute__((aligned(__alignof__(struct inotify_event))));
};

struct inotify_set *inotify_set_new(inotify_set_fn *fn, void *context)
{
	struct inotify_set *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->fd = -1;
	s->fn = fn;
	s->context = context;
	return s;
}

struct inotify_set *inotify_set_free(struct inotify_set *s)
{
	if (!s)
		return NULL;
	if (s->fd >= 0)
		close(s->fd);
	free(s);
	return NULL;
}

int inotify_set_open(struct inotify_set *s)
{
	if (s->fd < 0)
		s->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	return s->fd < 0 ? -errno : 0;
}

int inotify_set_fd(const struct inotify_set *s)
{
	return s->fd;
}

static struct inotify_entry *get_entry(struct inotify_set *s, int descriptor)
{
	struct inotify_entry *e;

	HASH_FIND_INT(s->entries, &descriptor, e);
	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->descriptor = descriptor;
	HASH_ADD_INT(s->entries, descriptor, e);
	if (e->hh.tbl)
		return e;
	free(e);
	return NULL;
}

int inotify_set_watch(struct inotify_set *s, struct inotify_watch *w, const char *path, uint32_t mask)
{
	struct inotify_entry *e;
	int descriptor;

	if (s->fd < 0)
		return -EMFILE;
	/* Others may watch it too: what they asked for stays. */
	descriptor = inotify_add_watch(s->fd, path, mask | IN_MASK_ADD | IN_ONLYDIR | IN_EXCL_UNLINK);
	if (descriptor < 0)
		return -errno;
	w->mask = mask;
	if (w->entry && w->entry->descriptor == descriptor)
		return 0;
	e = get_entry(s, descriptor);
	if (!e) {
		(void)inotify_rm_watch(s->fd, descriptor);
		return -ENOMEM;
	}
	inotify_set_unwatch(s, w);
	w->entry = e;
	w->next = e->watches;
	e->watches = w;
	return 1;
}

static void free_entry(struct inotify_set *s, struct inotify_entry *e)
{
	HASH_DEL(s->entries, e);
	free(e);
}

/* Whether it was the last one. */
static bool take_out(struct inotify_set *s, struct inotify_watch *w)
{
	struct inotify_entry *e = w->entry;

	for (struct inotify_watch **link = &e->watches; *link; link = &(*link)->next) {
		if (*link == w) {
			*link = w->next;
			break;
		}
	}
	if (s->next == w)
		s->next = w->next;
	w->entry = NULL;
	w->next = NULL;
	return !e->watches;
}

void inotify_set_unwatch(struct inotify_set *s, struct inotify_watch *w)
{
	struct inotify_entry *e = w->entry;

	if (!e || !take_out(s, w))
		return;
	/* -EINVAL: the directory is gone, and what says so is in the queue. */
	(void)inotify_rm_watch(s->fd, e->descriptor);
	free_entry(s, e);
}

static void tell(struct inotify_set *s, struct inotify_entry *e, uint32_t mask, const char *name)
{
	struct inotify_watch *w;

	for (w = e->watches; w; w = s->next) {
		s->next = w->next;
		if (mask & (w->mask | ALWAYS))
			s->fn(s->context, w, mask, name);
	}
}

/* The kernel has dropped the watch: each is told when it has it no more, so that it may watch anew. */
static void tell_ignored(struct inotify_set *s, struct inotify_entry *e, uint32_t mask)
{
	struct inotify_watch *w;

	for (w = e->watches; w; w = s->next) {
		bool last;

		s->next = w->next;
		last = take_out(s, w);
		if (last)
			free_entry(s, e);
		s->fn(s->context, w, mask, "");
		if (last)
			return;
	}
}

static void tell_event(struct inotify_set *s, const struct inotify_event *event)
{
	struct inotify_entry *e;

	if (event->mask & IN_Q_OVERFLOW) {
		s->fn(s->context, NULL, event->mask, "");
		return;
	}
	HASH_FIND_INT(s->entries, &event->wd, e);
	if (!e)
		return;
	if (event->mask & IN_IGNORED)
		tell_ignored(s, e, event->mask);
	else
		tell(s, e, event->mask, event->len ? event->name : "");
}

bool inotify_set_read(struct inotify_set *s)
{
	ssize_t size = s->fd < 0 ? -1 : read(s->fd, s->batch, sizeof(s->batch));

	for (ssize_t at = 0; at < size;) {
		const struct inotify_event *event = (const void *)(s->batch + at);

		at += (ssize_t)(sizeof(*event) + event->len);
		tell_event(s, event);
	}
	return size > 0;
}
