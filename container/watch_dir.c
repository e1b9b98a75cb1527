#include "container/watch_dir.h"

#include "base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <xxhash.h>

void watch_tree_set_problem(struct watch_tree *t, const char *what, const char *path, int r)
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

void watch_dir_get_in_line(struct watch_tree *t, struct watch_dir *dir)
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

struct watch_dir *watch_dir_new(struct watch_tree *t, struct watch_root *root, struct watch_dir *parent, const char *name)
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

void watch_dir_drop(struct watch_tree *t, struct watch_dir *dir)
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
		watch_dir_drop(t, child);
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

int watch_identity_read(struct watch_identity *ret, const char *path, int flags)
{
	struct statx s;

	if (statx(AT_FDCWD, path, flags, STATX_TYPE | STATX_INO | STATX_BTIME, &s) < 0)
		return -errno;
	if (!S_ISDIR(s.stx_mode))
		return -ENOTDIR;
	*ret = (struct watch_identity){.device = (uint64_t)s.stx_dev_major << 32 | s.stx_dev_minor, .inode = s.stx_ino};
	if (s.stx_mask & STATX_BTIME)
		ret->born_ns = s.stx_btime.tv_sec * (int64_t)NSEC_PER_SEC + s.stx_btime.tv_nsec;
	return 0;
}

bool watch_identity_equal(const struct watch_identity *a, const struct watch_identity *b)
{
	return a->device == b->device && a->inode == b->inode && a->born_ns == b->born_ns;
}

/* The same name can be another directory by now. A watch tells; where there is none, the inode has to. */
static bool is_another(const struct watch_dir *dir, int watched, bool had_watch, const struct watch_identity *now)
{
	return dir->is_known && (had_watch ? watched == 1 : !watch_identity_equal(&dir->identity, now));
}

/* 0: looked at what is there; -ENOENT, -ENOTDIR: it is gone; else it cannot be had. */
static int watch_dir(struct watch_tree *t, struct watch_dir *dir, const char *path)
{
	bool had_watch = dir->owner.watch.entry;
	int watched = inotify_set_watch(t->set, &dir->owner.watch, path, mask_of(dir));
	struct watch_identity now = {0};
	int r;

	if (watched < 0 && watched != -ENOSPC && watched != -EMFILE)
		return watched;
	if (watched < 0)
		watch_tree_set_problem(t,
				       watched == -ENOSPC ? "no watch left (fs.inotify.max_user_watches) for "
							  : "no inotify instance left (fs.inotify.max_user_instances) for ",
				       path, watched);
	set_polled(t, dir, watched < 0);
	r = watch_identity_read(&now, path, dir->parent ? AT_SYMLINK_NOFOLLOW : 0);
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
		watch_tree_set_problem(t, "cannot read ", path, r);
	}
	set_failed(t, dir, true);
	dir->stamp = 0;
}

void watch_dir_read(struct watch_tree *t, struct watch_dir *dir, bool is_whole)
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

struct watch_dir *watch_dir_child(struct watch_tree *t, struct watch_dir *dir, const char *name)
{
	struct watch_dir *child;

	HASH_FIND_STR(dir->children, name, child);
	if (child)
		return child;
	if (!is_full(t, dir))
		return watch_dir_new(t, dir->owner.root, dir, name);
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
		child = watch_dir_child(t, dir, entry->d_name);
		if (!child)
			continue;
		is_new = !child->seen;
		child->seen = number;
		if (!is_new)
			continue;
		child->listed = dir->listed;
		if (at_once)
			watch_dir_look(t, child, true);
		else
			watch_dir_get_in_line(t, child);
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
			watch_dir_drop(t, child);
	dir->listed = LISTED_NEVER;
	return 0;
}

static void look_failed(struct watch_tree *t, struct watch_dir *dir, const char *path, int r)
{
	if (dir->parent && (r == -ENOENT || r == -ENOTDIR)) {
		watch_dir_drop(t, dir);
		return;
	}
	/* Of a root, the next check says what became of it. */
	if (r != -ENOENT)
		watch_tree_set_problem(t, "cannot look at ", path, r);
	set_failed(t, dir, true);
}

void watch_dir_look(struct watch_tree *t, struct watch_dir *dir, bool at_once)
{
	char path[PATH_MAX];
	int r = put_path(dir, path) ? watch_dir(t, dir, path) : -ENAMETOOLONG;

	leave_line(t, dir);
	if (!r && dir->kind->read) {
		uint64_t stamp = stamp_files(dir, path);

		if (stamp != dir->stamp) {
			dir->stamp = stamp;
			watch_dir_read(t, dir, false);
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
