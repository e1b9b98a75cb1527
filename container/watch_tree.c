#include "container/watch_dir.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>

#define RELOOK_NS   NSEC_PER_SEC /* between two looks at everything because the queue was full */
#define ROUNDS_MAX  256          /* before the caller is asked again */
#define WAY_RETRIES 64           /* a path has no more parts that come one after another while we look */

/* Roots. */

static bool is_alias(const struct watch_tree *t, const struct watch_root *root, const struct watch_identity *identity)
{
	for (const struct watch_root *other = t->roots; other; other = other->next)
		if (other != root && other->kind == root->kind && other->dir && watch_identity_equal(&other->dir->identity, identity))
			return true;
	return false;
}

static void root_is_there(struct watch_tree *t, struct watch_root *root, const struct watch_identity *identity)
{
	if (root->dir && !watch_identity_equal(&root->dir->identity, identity))
		watch_dir_drop(t, root->dir);
	inotify_set_unwatch(t->set, &root->way.watch);
	if (root->dir || is_alias(t, root, identity))
		return;
	root->dir = watch_dir_new(t, root, NULL, "");
	if (!root->dir)
		return;
	root->dir->listed = root->listed;
	root->dir->identity = *identity;
	/* What is found at the start waits in line; what came just now is looked at, down to the container that made it come. */
	if (root->listed == LISTED_ALWAYS)
		watch_dir_get_in_line(t, root->dir);
	else
		watch_dir_look(t, root->dir, true);
}

/* Cuts the path where it ends for now: "/run" for "/run/docker/x" when there is no /run/docker, "docker" is to come. */
static bool find_way(const char *path, char above[PATH_MAX], char name[NAME_MAX + 1])
{
	struct stat s;
	char *slash;

	if (snprintf(above, PATH_MAX, "%s", path) >= PATH_MAX)
		return false;
	for (;;) {
		while ((slash = strrchr(above, '/')) && slash > above && !slash[1])
			*slash = '\0';
		if (!slash || strlen(slash + 1) > NAME_MAX)
			return false;
		memcpy(name, slash + 1, strlen(slash + 1) + 1);
		slash[slash == above] = '\0';
		if (!stat(above, &s) && S_ISDIR(s.st_mode))
			return true;
		if (slash == above)
			return false;
	}
}

/* 0: it is watched; else there is no use in another try now. */
static int watch_way(struct watch_tree *t, struct watch_root *root)
{
	char above[PATH_MAX];
	int r = -ENAMETOOLONG;

	if (find_way(root->path, above, root->way_name))
		r = inotify_set_watch(t->set, &root->way.watch, above, IN_CREATE | IN_MOVED_TO | IN_MOVE_SELF);
	if (r < 0 && r != -ENOENT)
		watch_tree_set_problem(t, "cannot wait for ", root->path, r);
	return r < 0 ? r : 0;
}

/* Parts of the path may come while we look for them: the watch is there when the path is looked at for the last time. */
static void check_root(struct watch_tree *t, struct watch_root *root)
{
	char name[NAME_MAX + 1] = "";

	for (int i = 0; i < WAY_RETRIES; i++) {
		struct watch_identity identity = {0};
		int r = watch_identity_read(&identity, root->path, 0);

		if (!r) {
			root_is_there(t, root, &identity);
			break;
		}
		if (root->dir)
			watch_dir_drop(t, root->dir);
		if (r != -ENOENT)
			watch_tree_set_problem(t, "", root->path, r);
		r = watch_way(t, root);
		if (!r && !strcmp(name, root->way_name))
			break;
		if (r && r != -ENOENT)
			break;
		memcpy(name, root->way_name, sizeof(name));
	}
	root->listed = LISTED_IF_OLDER;
}

int watch_tree_add_root(struct watch_tree *t, const char *path, const struct watch_kind *kind, bool listed)
{
	struct watch_root *root;

	LL_FOREACH (t->roots, root)
		if (root->kind == kind && !strcmp(root->path, path))
			return 0;
	root = calloc(1, sizeof(*root));
	if (!root)
		return -ENOMEM;
	root->path = path;
	root->kind = kind;
	root->way.root = root;
	root->listed = listed ? LISTED_ALWAYS : LISTED_IF_OLDER;
	LL_APPEND(t->roots, root);
	check_root(t, root);
	return 0;
}

/* Events. */

static bool is_among(const char *const *files, const char *name)
{
	for (; files && *files; files++)
		if (!strcmp(*files, name))
			return true;
	return false;
}

static void file_event(struct watch_tree *t, struct watch_dir *dir, uint32_t mask, const char *name)
{
	if (!is_among(mask & IN_DELETE ? dir->kind->markers : dir->kind->files, name) || dir->batch == t->batch)
		return;
	watch_dir_read(t, dir, true);
	if (t->between)
		t->between(t->context);
}

static void child_came(struct watch_tree *t, struct watch_dir *dir, const char *name)
{
	struct watch_dir *child = watch_dir_child(t, dir, name);

	if (!child)
		return;
	/* A scan is not the first to see it: it did not come before. */
	if (!child->seen)
		child->seen = t->scan;
	if (child->kind->is_announced)
		t->facts += told_facts_announce(&child->told, t->inbox, name, child->kind->source);
	watch_dir_look(t, child, true);
}

static void child_went(struct watch_tree *t, struct watch_dir *dir, const char *name)
{
	struct watch_dir *child;

	HASH_FIND_STR(dir->children, name, child);
	if (child)
		watch_dir_drop(t, child);
}

static void directory_event(struct watch_tree *t, struct watch_dir *dir, uint32_t mask, const char *name)
{
	if (!dir->kind->child || !dir->kind->takes_child(name))
		return;
	if (mask & (IN_CREATE | IN_MOVED_TO))
		child_came(t, dir, name);
	else if (mask & (IN_DELETE | IN_MOVED_FROM))
		child_went(t, dir, name);
}

static void self_event(struct watch_tree *t, struct watch_dir *dir, uint32_t mask)
{
	struct watch_root *root = dir->owner.root;

	if (!(mask & (IN_IGNORED | IN_MOVE_SELF | IN_UNMOUNT)))
		return;
	if (dir->parent) {
		watch_dir_drop(t, dir);
		return;
	}
	watch_dir_drop(t, dir);
	check_root(t, root);
}

/* Everything is looked at again, but not all the time: what floods the queue may go on. */
static void overflow(struct watch_tree *t)
{
	t->overflows++;
	if (!t->relook_ns)
		t->relook_ns = t->relooked_ns + RELOOK_NS;
}

static void event(void *context, struct inotify_watch *w, uint32_t mask, const char *name)
{
	struct watch_owner *owner = (struct watch_owner *)w;
	struct watch_tree *t = context;

	if (!w)
		overflow(t);
	else if (!owner->dir) {
		if (!*name || !strcmp(name, owner->root->way_name))
			check_root(t, owner->root);
	} else if (!*name)
		self_event(t, owner->dir, mask);
	else if (mask & IN_ISDIR)
		directory_event(t, owner->dir, mask, name);
	else
		file_event(t, owner->dir, mask, name);
}

/* What files' times are taken from, at most a tick behind. */
static int64_t time_of_files_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return (int64_t)now.tv_sec * (int64_t)NSEC_PER_SEC + now.tv_nsec;
}

struct watch_tree *watch_tree_new(struct container_inbox *inbox, void (*between)(void *context), void *context)
{
	struct watch_tree *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return NULL;
	t->inbox = inbox;
	t->between = between;
	t->context = context;
	t->start_ns = time_of_files_ns();
	t->set = inotify_set_new(event, t);
	if (!t->set) {
		free(t);
		return NULL;
	}
	r = inotify_set_open(t->set);
	if (r)
		watch_tree_set_problem(t, "no inotify instance (fs.inotify.max_user_instances)", "", r);
	return t;
}

static void free_dir(struct watch_tree *t, struct watch_dir *dir)
{
	struct watch_dir *child, *next;

	HASH_ITER (hh, dir->children, child, next)
		free_dir(t, child);
	inotify_set_unwatch(t->set, &dir->owner.watch);
	told_facts_forget(&dir->told);
	if (dir->parent)
		HASH_DEL(dir->parent->children, dir);
	free(dir);
}

struct watch_tree *watch_tree_free(struct watch_tree *t)
{
	struct watch_root *root, *next;

	if (!t)
		return NULL;
	LL_FOREACH_SAFE (t->roots, root, next) {
		if (root->dir)
			free_dir(t, root->dir);
		inotify_set_unwatch(t->set, &root->way.watch);
		free(root);
	}
	inotify_set_free(t->set);
	free(t);
	return NULL;
}

static void line_up(struct watch_tree *t, struct watch_dir *dir)
{
	struct watch_dir *child, *next;

	watch_dir_get_in_line(t, dir);
	HASH_ITER (hh, dir->children, child, next)
		line_up(t, child);
}

static void look_at_all(struct watch_tree *t)
{
	struct watch_root *root;

	LL_FOREACH (t->roots, root) {
		check_root(t, root);
		if (root->dir)
			line_up(t, root->dir);
	}
}

static bool relook_is_due(struct watch_tree *t)
{
	uint64_t now = t->relook_ns ? clock_monotonic_ns() : 0;

	if (!t->relook_ns || now < t->relook_ns)
		return false;
	t->relook_ns = 0;
	t->relooked_ns = now;
	return true;
}

static int time_to_relook_ms(const struct watch_tree *t, int timeout_ms)
{
	uint64_t now = clock_monotonic_ns();
	int left_ms;

	if (!t->relook_ns)
		return timeout_ms;
	left_ms = now < t->relook_ns ? (int)((t->relook_ns - now) / NSEC_PER_MSEC) + 1 : 0;
	return left_ms < timeout_ms ? left_ms : timeout_ms;
}

bool watch_tree_has_events(const struct watch_tree *t)
{
	int bytes = 0;

	return !ioctl(inotify_set_fd(t->set), FIONREAD, &bytes) && bytes;
}

/* It goes to sleep when it has read all there was, and is woken before it reads more. */
bool watch_tree_is_idle(const struct watch_tree *t)
{
	return t->is_idle && !watch_tree_has_events(t) && t->is_idle;
}

bool watch_tree_run(struct watch_tree *t, int wake_fd, int timeout_ms, const atomic_bool *stop)
{
	struct pollfd fds[] = {{.fd = inotify_set_fd(t->set), .events = POLLIN}, {.fd = wake_fd, .events = POLLIN}};
	bool more = true;

	if (!t->line) {
		t->is_idle = true;
		(void)poll(fds, 2, time_to_relook_ms(t, timeout_ms));
		t->is_idle = false;
	}
	/* One of each: a flood of events does not keep what waits from its turn. */
	for (int round = 0; more && round < ROUNDS_MAX && !*stop; round++) {
		t->batch++;
		more = inotify_set_read(t->set);
		if (relook_is_due(t))
			look_at_all(t);
		if (t->line) {
			watch_dir_look(t, t->line, false);
			more = true;
		}
	}
	return more;
}

static void line_up_failed(struct watch_tree *t, struct watch_dir *dir)
{
	struct watch_dir *child, *next;

	if (dir->failed || dir->ignored)
		watch_dir_get_in_line(t, dir);
	HASH_ITER (hh, dir->children, child, next)
		line_up_failed(t, child);
}

void watch_tree_check(struct watch_tree *t)
{
	struct watch_root *root;

	LL_FOREACH (t->roots, root) {
		check_root(t, root);
		if (root->dir && t->failed_count + t->ignored_count)
			line_up_failed(t, root->dir);
	}
}

void watch_tree_poll(struct watch_tree *t)
{
	struct watch_root *root;
	uint32_t count;

	if (inotify_set_fd(t->set) < 0) {
		(void)inotify_set_open(t->set);
		LL_FOREACH (t->roots, root)
			check_root(t, root);
	}
	count = t->polled_count < WATCH_POLLED_MAX ? t->polled_count : WATCH_POLLED_MAX;
	while (count--) {
		struct watch_dir *dir = t->polled;

		DL_DELETE2(t->polled, dir, polled_prev, polled_next);
		DL_APPEND2(t->polled, dir, polled_prev, polled_next);
		watch_dir_get_in_line(t, dir);
	}
}

bool watch_tree_is_polled(const struct watch_tree *t)
{
	return t->polled || inotify_set_fd(t->set) < 0;
}

static void repeat(struct watch_tree *t, struct watch_dir *dir)
{
	struct watch_dir *child, *next;

	told_facts_repeat(&dir->told);
	dir->stamp = 0;
	if (dir->kind->read)
		watch_dir_get_in_line(t, dir);
	HASH_ITER (hh, dir->children, child, next)
		repeat(t, child);
}

void watch_tree_repeat(struct watch_tree *t)
{
	struct watch_root *root;

	LL_FOREACH (t->roots, root)
		if (root->dir)
			repeat(t, root->dir);
}

bool watch_tree_leads_to_roots(struct watch_tree *t)
{
	bool leads = t->leads_to_roots;

	t->leads_to_roots = false;
	return leads;
}

void watch_tree_count(const struct watch_tree *t, struct container_watch_counters *ret)
{
	*ret = (struct container_watch_counters){
		.facts = t->facts,
		.unreadable = t->unreadable,
		.overflows = t->overflows,
		.containers = t->containers,
		.unwatched = t->polled_count + t->ignored_count,
	};
	memcpy(ret->problem, t->problem, sizeof(ret->problem));
}
