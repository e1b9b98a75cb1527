#include "container/watch_tree.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "container/told_facts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#define HASH_NONFATAL_OOM 1 /* what did not fit has no hh.tbl */
#include <uthash.h>
#include <utlist.h>
#include <xxhash.h>

#define RELOOK_NS   NSEC_PER_SEC /* between two looks at everything because the queue was full */
#define ROUNDS_MAX  256          /* before the caller is asked again */
#define WAY_RETRIES 64           /* a path has no more parts that come one after another while we look */

enum listed {
	LISTED_NEVER,
	LISTED_IF_OLDER, /* than the tree */
	LISTED_ALWAYS,
};

struct watch_root;

/* Which directory it is. File systems give an inode's number to the next one at once, but not the time of its birth, where they keep that. */
struct identity {
	uint64_t device, inode;
	int64_t born_ns;
};

/* Whose watch it is. */
struct owner {
	struct inotify_watch watch; /* first */
	struct watch_root *root;
	struct watch_dir *dir; /* NULL: the watch for the root to come */
};

struct watch_dir {
	struct owner owner;
	const struct watch_kind *kind;
	struct watch_dir *parent, *children;
	UT_hash_handle hh; /* in the parent's children, by name */
	struct watch_dir *prev, *next, *polled_prev, *polled_next;
	struct told_facts told;
	enum listed listed; /* what is found now: LISTED_NEVER after the first look */
	bool in_line, polled, failed, is_known;
	uint32_t ignored; /* children beyond the bound */
	uint32_t seen;    /* the scan that has seen it last */
	uint64_t batch;   /* after which it was read last */
	uint64_t stamp;   /* of the files when they were read by a look; 0: none */
	struct identity identity;
	char name[];
};

struct watch_root {
	const char *path;
	const struct watch_kind *kind;
	struct watch_dir *dir; /* NULL: not there */
	enum listed listed;
	struct owner way;            /* watches the nearest directory above that is there, while the root is not */
	char way_name[NAME_MAX + 1]; /* what has to come in it */
	struct watch_root *next;
};

struct watch_tree {
	atomic_bool is_idle;
	struct inotify_set *set;
	struct container_inbox *inbox;
	void (*between)(void *context);
	void *context;
	struct watch_root *roots;
	struct watch_dir *line;   /* to be looked at */
	struct watch_dir *polled; /* the one that was looked at longest ago first */
	uint32_t polled_count, failed_count, ignored_count, containers, scan;
	uint64_t batch, facts, unreadable, overflows;
	uint64_t relook_ns, relooked_ns; /* CLOCK_MONOTONIC; 0: not due, never */
	int64_t start_ns;                /* CLOCK_REALTIME_COARSE */
	bool leads_to_roots;
	char problem[256];
};

static void look(struct watch_tree *t, struct watch_dir *dir, bool at_once);
static void check_root(struct watch_tree *t, struct watch_root *root);

static void set_problem(struct watch_tree *t, const char *what, const char *path, int r)
{
	snprintf(t->problem, sizeof(t->problem), "%s%.120s: %.60s", what, path, strerrordesc_np(-r));
}

/* "ROOT/a/b"; false: too long. */
static bool put_path(const struct watch_dir *dir, char path[PATH_MAX])
{
	size_t length;

	if (!dir->parent) {
		length = strlen(dir->owner.root->path);
		if (length < PATH_MAX)
			memcpy(path, dir->owner.root->path, length + 1);
		return length < PATH_MAX;
	}
	if (!put_path(dir->parent, path))
		return false;
	length = strlen(path);
	return snprintf(path + length, PATH_MAX - length, "/%s", dir->name) < (int)(PATH_MAX - length);
}

static void get_in_line(struct watch_tree *t, struct watch_dir *dir)
{
	if (dir->in_line)
		return;
	dir->in_line = true;
	DL_APPEND(t->line, dir);
}

static void leave_line(struct watch_tree *t, struct watch_dir *dir)
{
	if (!dir->in_line)
		return;
	dir->in_line = false;
	DL_DELETE(t->line, dir);
}

static void set_polled(struct watch_tree *t, struct watch_dir *dir, bool polled)
{
	if (dir->polled == polled)
		return;
	dir->polled = polled;
	if (polled) {
		DL_APPEND2(t->polled, dir, polled_prev, polled_next);
		t->polled_count++;
	} else {
		DL_DELETE2(t->polled, dir, polled_prev, polled_next);
		t->polled_count--;
	}
}

static void set_failed(struct watch_tree *t, struct watch_dir *dir, bool failed)
{
	if (dir->failed == failed)
		return;
	dir->failed = failed;
	if (failed)
		t->failed_count++;
	else
		t->failed_count--;
}

static void set_ignored(struct watch_tree *t, struct watch_dir *dir, uint32_t ignored)
{
	t->ignored_count += ignored - dir->ignored;
	dir->ignored = ignored;
}

static struct watch_dir *new_dir(struct watch_tree *t, struct watch_root *root, struct watch_dir *parent, const char *name)
{
	struct watch_dir *dir = calloc(1, sizeof(*dir) + strlen(name) + 1);

	if (!dir)
		return NULL;
	memcpy(dir->name, name, strlen(name) + 1);
	dir->owner.root = root;
	dir->owner.dir = dir;
	dir->kind = parent ? parent->kind->child : root->kind;
	dir->parent = parent;
	if (parent) {
		HASH_ADD_STR(parent->children, name, dir);
		if (!dir->hh.tbl) {
			free(dir);
			return NULL;
		}
		if (parent->kind->leads_to_roots)
			t->leads_to_roots = true;
	}
	if (dir->kind->is_container)
		t->containers++;
	return dir;
}

/* What was told of is gone, and so are all below. */
static void forget(struct watch_tree *t, struct watch_dir *dir);

static void drop(struct watch_tree *t, struct watch_dir *dir)
{
	forget(t, dir);
	inotify_set_unwatch(t->set, &dir->owner.watch);
	leave_line(t, dir);
	set_polled(t, dir, false);
	set_failed(t, dir, false);
	set_ignored(t, dir, 0);
	if (dir->kind->is_container)
		t->containers--;
	if (dir->parent)
		HASH_DEL(dir->parent->children, dir);
	else
		dir->owner.root->dir = NULL;
	free(dir);
}

static void forget(struct watch_tree *t, struct watch_dir *dir)
{
	struct watch_dir *child, *next;

	HASH_ITER (hh, dir->children, child, next)
		drop(t, child);
	t->facts += told_facts_done(&dir->told, t->inbox);
	dir->stamp = 0;
}

static uint32_t mask_of(const struct watch_dir *dir)
{
	uint32_t mask = dir->kind->child ? IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE : 0;

	if (dir->kind->files)
		mask |= IN_MOVED_TO | IN_CLOSE_WRITE;
	if (dir->kind->markers)
		mask |= IN_DELETE;
	if (!dir->parent)
		mask |= IN_MOVE_SELF;
	/* The name in the root is ours to follow, names below it are not links. */
	return dir->parent ? mask | IN_DONT_FOLLOW : mask;
}

/* 0; -ENOTDIR; others as statx(2). */
static int identify(struct identity *ret, const char *path, int flags)
{
	struct statx s;

	if (statx(AT_FDCWD, path, flags, STATX_TYPE | STATX_INO | STATX_BTIME, &s) < 0)
		return -errno;
	if (!S_ISDIR(s.stx_mode))
		return -ENOTDIR;
	*ret = (struct identity){.device = (uint64_t)s.stx_dev_major << 32 | s.stx_dev_minor, .inode = s.stx_ino};
	if (s.stx_mask & STATX_BTIME)
		ret->born_ns = s.stx_btime.tv_sec * (int64_t)NSEC_PER_SEC + s.stx_btime.tv_nsec;
	return 0;
}

static bool is_same(const struct identity *a, const struct identity *b)
{
	return a->device == b->device && a->inode == b->inode && a->born_ns == b->born_ns;
}

/* The same name can be another directory by now. A watch tells; where there is none, the inode has to. */
static bool is_another(const struct watch_dir *dir, int watched, bool had_watch, const struct identity *now)
{
	return dir->is_known && (had_watch ? watched == 1 : !is_same(&dir->identity, now));
}

/* 0: looked at what is there; -ENOENT, -ENOTDIR: it is gone; else it cannot be had. */
static int watch_dir(struct watch_tree *t, struct watch_dir *dir, const char *path)
{
	bool had_watch = dir->owner.watch.entry;
	int watched = inotify_set_watch(t->set, &dir->owner.watch, path, mask_of(dir));
	struct identity now = {0};
	int r;

	if (watched < 0 && watched != -ENOSPC && watched != -EMFILE)
		return watched;
	if (watched < 0)
		set_problem(t,
			    watched == -ENOSPC ? "no watch left (fs.inotify.max_user_watches) for "
					       : "no inotify instance left (fs.inotify.max_user_instances) for ",
			    path, watched);
	set_polled(t, dir, watched < 0);
	r = identify(&now, path, dir->parent ? AT_SYMLINK_NOFOLLOW : 0);
	if (r)
		return r;
	if (is_another(dir, watched, had_watch, &now))
		forget(t, dir);
	dir->is_known = true;
	dir->identity = now;
	return 0;
}

static void stamp_each(uint64_t *stamp, const char *const *file, char path[PATH_MAX], size_t length)
{
	for (; file && *file; file++) {
		struct stat s = {0};
		uint64_t numbers[4];

		if (snprintf(path + length, PATH_MAX - length, "/%s", *file) < (int)(PATH_MAX - length))
			(void)stat(path, &s);
		numbers[0] = s.st_ino;
		numbers[1] = (uint64_t)s.st_size;
		numbers[2] = (uint64_t)s.st_mtim.tv_sec;
		numbers[3] = (uint64_t)s.st_mtim.tv_nsec;
		*stamp = XXH3_64bits_withSeed(numbers, sizeof(numbers), *stamp);
	}
}

/* Changes when the files do. */
static uint64_t stamp_files(const struct watch_dir *dir, char path[PATH_MAX])
{
	size_t length = strlen(path);
	uint64_t stamp = 1;

	stamp_each(&stamp, dir->kind->files, path, length);
	stamp_each(&stamp, dir->kind->markers, path, length);
	path[length] = '\0';
	return stamp ? stamp : 1;
}

static bool is_listed(const struct watch_tree *t, const struct watch_dir *dir, const struct container_fact *fact)
{
	char path[PATH_MAX];
	struct stat s;

	if (dir->listed != LISTED_IF_OLDER)
		return dir->listed == LISTED_ALWAYS;
	if (fact->created_ns)
		return fact->created_ns < t->start_ns;
	return put_path(dir, path) && !stat(path, &s) &&
	       (int64_t)s.st_mtim.tv_sec * (int64_t)NSEC_PER_SEC + s.st_mtim.tv_nsec < t->start_ns;
}

static void put_facts(struct watch_tree *t, struct watch_dir *dir, struct container_fact *list)
{
	if (dir->kind->is_list)
		told_facts_begin(&dir->told);
	while (list) {
		struct container_fact *fact = list;

		list = list->next;
		fact->listed = is_listed(t, dir, fact);
		t->facts += told_facts_put(&dir->told, t->inbox, fact);
	}
	if (dir->kind->is_list)
		t->facts += told_facts_end(&dir->told, t->inbox);
	dir->listed = LISTED_NEVER;
}

/* When the directory has just come, a file in it may be half written: what comes next says that it is whole, so that is no failure yet. */
static void read_failed(struct watch_tree *t, struct watch_dir *dir, int r, bool is_whole)
{
	char path[PATH_MAX];

	if ((is_whole || dir->failed || r != -EINVAL) && put_path(dir, path)) {
		if (is_whole || !dir->failed)
			t->unreadable++;
		set_problem(t, "cannot read ", path, r);
	}
	set_failed(t, dir, true);
	dir->stamp = 0;
}

static void read_files(struct watch_tree *t, struct watch_dir *dir, bool is_whole)
{
	struct container_fact *list = NULL;
	const struct watch_place place = {dir->owner.root->path, dir->parent ? dir->parent->name : NULL, dir->parent ? dir->name : NULL};
	uint64_t seen_ns = clock_monotonic_ns();
	int r = dir->kind->read(&list, &place);

	container_fact_set_seen(list, seen_ns);
	dir->batch = t->batch;
	if (r && r != -ENOENT && r != -ENOTDIR) {
		read_failed(t, dir, r, is_whole);
		return;
	}
	set_failed(t, dir, false);
	if (list || dir->kind->is_list)
		put_facts(t, dir, list);
}

static bool is_full(const struct watch_tree *t, const struct watch_dir *dir)
{
	return HASH_COUNT(dir->children) >= dir->kind->children_max ||
	       (dir->kind->child->is_container && t->containers >= WATCH_CONTAINERS_MAX);
}

static struct watch_dir *get_child(struct watch_tree *t, struct watch_dir *dir, const char *name)
{
	struct watch_dir *child;

	HASH_FIND_STR(dir->children, name, child);
	if (child)
		return child;
	if (!is_full(t, dir))
		return new_dir(t, dir->owner.root, dir, name);
	set_ignored(t, dir, dir->ignored + 1);
	snprintf(t->problem, sizeof(t->problem), "%s in %s: there are more than are looked at", name, dir->owner.root->path);
	return NULL;
}

static bool is_directory(int fd, const struct dirent *entry)
{
	struct stat s;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return !fstatat(fd, entry->d_name, &s, AT_SYMLINK_NOFOLLOW) && S_ISDIR(s.st_mode);
}

/* What is known already is told of by its own watch, or waits for its own turn to be polled. */
static int find_children(struct watch_tree *t, struct watch_dir *dir, DIR *stream, uint32_t number, bool at_once)
{
	struct dirent *entry;

	set_ignored(t, dir, 0);
	while ((errno = 0, entry = readdir(stream))) {
		struct watch_dir *child;
		bool is_new;

		if (!dir->kind->takes_child(entry->d_name) || !is_directory(dirfd(stream), entry))
			continue;
		child = get_child(t, dir, entry->d_name);
		if (!child)
			continue;
		is_new = !child->seen;
		child->seen = number;
		if (!is_new)
			continue;
		child->listed = dir->listed;
		if (at_once)
			look(t, child, true);
		else
			get_in_line(t, child);
	}
	return -errno;
}

static int scan(struct watch_tree *t, struct watch_dir *dir, const char *path, bool at_once)
{
	struct watch_dir *child, *next;
	DIR *stream = opendir(path);
	uint32_t number;
	int r;

	if (!stream)
		return -errno;
	if (!++t->scan)
		t->scan = 1;
	number = t->scan;
	r = find_children(t, dir, stream, number, at_once);
	closedir(stream);
	if (r)
		return r;
	HASH_ITER (hh, dir->children, child, next)
		if (child->seen != number)
			drop(t, child);
	dir->listed = LISTED_NEVER;
	return 0;
}

static void look_failed(struct watch_tree *t, struct watch_dir *dir, const char *path, int r)
{
	if (dir->parent && (r == -ENOENT || r == -ENOTDIR)) {
		drop(t, dir);
		return;
	}
	/* Of a root, the next check says what became of it. */
	if (r != -ENOENT)
		set_problem(t, "cannot look at ", path, r);
	set_failed(t, dir, true);
}

/* Watches it, then looks at what is there. It may be no more afterwards. */
static void look(struct watch_tree *t, struct watch_dir *dir, bool at_once)
{
	char path[PATH_MAX];
	int r = put_path(dir, path) ? watch_dir(t, dir, path) : -ENAMETOOLONG;

	leave_line(t, dir);
	if (!r && dir->kind->read) {
		uint64_t stamp = stamp_files(dir, path);

		if (stamp != dir->stamp) {
			dir->stamp = stamp;
			read_files(t, dir, false);
		}
	}
	if (!r && dir->kind->child)
		r = scan(t, dir, path, at_once);
	if (!r && !dir->kind->read)
		set_failed(t, dir, false);
	if (r)
		look_failed(t, dir, path, r);
	if (t->between)
		t->between(t->context);
}

/* Roots. */

static bool is_alias(const struct watch_tree *t, const struct watch_root *root, const struct identity *identity)
{
	for (const struct watch_root *other = t->roots; other; other = other->next)
		if (other != root && other->kind == root->kind && other->dir && is_same(&other->dir->identity, identity))
			return true;
	return false;
}

static void root_is_there(struct watch_tree *t, struct watch_root *root, const struct identity *identity)
{
	if (root->dir && !is_same(&root->dir->identity, identity))
		drop(t, root->dir);
	inotify_set_unwatch(t->set, &root->way.watch);
	if (root->dir || is_alias(t, root, identity))
		return;
	root->dir = new_dir(t, root, NULL, "");
	if (!root->dir)
		return;
	root->dir->listed = root->listed;
	root->dir->identity = *identity;
	/* What is found at the start waits in line; what came just now is looked at, down to the container that made it come. */
	if (root->listed == LISTED_ALWAYS)
		get_in_line(t, root->dir);
	else
		look(t, root->dir, true);
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
		set_problem(t, "cannot wait for ", root->path, r);
	return r < 0 ? r : 0;
}

/* Parts of the path may come while we look for them: the watch is there when the path is looked at for the last time. */
static void check_root(struct watch_tree *t, struct watch_root *root)
{
	char name[NAME_MAX + 1] = "";

	for (int i = 0; i < WAY_RETRIES; i++) {
		struct identity identity = {0};
		int r = identify(&identity, root->path, 0);

		if (!r) {
			root_is_there(t, root, &identity);
			break;
		}
		if (root->dir)
			drop(t, root->dir);
		if (r != -ENOENT)
			set_problem(t, "", root->path, r);
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
	read_files(t, dir, true);
	if (t->between)
		t->between(t->context);
}

static void child_came(struct watch_tree *t, struct watch_dir *dir, const char *name)
{
	struct watch_dir *child = get_child(t, dir, name);

	if (!child)
		return;
	/* A scan is not the first to see it: it did not come before. */
	if (!child->seen)
		child->seen = t->scan;
	if (child->kind->is_announced)
		t->facts += told_facts_announce(&child->told, t->inbox, name, child->kind->source);
	look(t, child, true);
}

static void child_went(struct watch_tree *t, struct watch_dir *dir, const char *name)
{
	struct watch_dir *child;

	HASH_FIND_STR(dir->children, name, child);
	if (child)
		drop(t, child);
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
		drop(t, dir);
		return;
	}
	drop(t, dir);
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
	struct owner *owner = (struct owner *)w;
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
		set_problem(t, "no inotify instance (fs.inotify.max_user_instances)", "", r);
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

	get_in_line(t, dir);
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
			look(t, t->line, false);
			more = true;
		}
	}
	return more;
}

static void line_up_failed(struct watch_tree *t, struct watch_dir *dir)
{
	struct watch_dir *child, *next;

	if (dir->failed || dir->ignored)
		get_in_line(t, dir);
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
		get_in_line(t, dir);
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
		get_in_line(t, dir);
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
