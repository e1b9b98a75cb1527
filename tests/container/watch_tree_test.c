#include "container/watch_tree.h"

#include "base/clock.h"
#include "tests/container/scratch.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(watch_tree);

/*
 * A runtime of our own: ROOT/ID/state has a number, which is told as the pid; ROOT/some-list/all has lines "ID NUMBER". A number below zero is an
 * errno.
 */
static int read_number(struct container_fact **ret, const char *path, const char *id)
{
	FILE *file = fopen(path, "re");
	int number = 0;

	if (!file)
		return -errno;
	if (fscanf(file, "%d", &number) != 1)
		number = -EINVAL;
	fclose(file);
	if (number < 0)
		return number;
	*ret = container_fact_new(id, CONTAINER_SOURCE_RUNC);
	(*ret)->init_pid = (uint32_t)number;
	return 0;
}

static int read_state(struct container_fact **ret, const struct watch_place *place)
{
	char path[PATH_MAX];

	cr_assert_str_eq(place->parent, "");
	snprintf(path, sizeof(path), "%s/%s/state", place->root, place->name);
	return read_number(ret, path, place->name);
}

static int read_list(struct container_fact **ret, const struct watch_place *place)
{
	char path[PATH_MAX], id[CONTAINER_ID_BYTES];
	unsigned int number;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s/all", place->root, place->name);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (fscanf(file, "%128s %u", id, &number) == 2) {
		struct container_fact *fact = container_fact_new(id, CONTAINER_SOURCE_STORAGE);

		fact->init_pid = number;
		fact->next = *ret;
		*ret = fact;
	}
	fclose(file);
	return 0;
}

static bool ends_in_list(const char *name)
{
	return strstr(name, "-list");
}

static const char *const state_files[] = {"state", NULL};
static const char *const list_files[] = {"all", NULL};
static const struct watch_kind container = {.files = state_files, .read = read_state, .is_container = true};
static const struct watch_kind containers = {.child = &container, .takes_child = container_id_is_valid, .children_max = 5000};
static const struct watch_kind few = {.child = &container, .takes_child = container_id_is_valid, .children_max = 3};
static const struct watch_kind list = {.files = list_files, .markers = list_files, .read = read_list, .is_list = true};
static const struct watch_kind lists = {.child = &list, .takes_child = ends_in_list, .children_max = 10};

struct fixture {
	struct container_inbox *inbox;
	struct watch_tree *tree;
	const char *root;
};

static struct fixture set_up(const struct watch_kind *kind)
{
	struct fixture f = {.inbox = container_inbox_new(NULL, NULL), .root = scratch_path("%s/root", scratch_dir())};

	f.tree = watch_tree_new(f.inbox, NULL, NULL);
	cr_assert_not_null(f.tree);
	if (kind)
		cr_assert_eq(watch_tree_add_root(f.tree, f.root, kind, true), 0);
	return f;
}

static void tear_down(struct fixture *f)
{
	watch_tree_free(f->tree);
	container_inbox_free(f->inbox);
}

static void run(struct fixture *f)
{
	static const atomic_bool stop;

	while (watch_tree_run(f->tree, -1, 0, &stop))
		;
}

/* What was told since the last time: "a=1 b=2(listed) a=gone ". */
static const char *told(struct fixture *f)
{
	static char text[4096];
	struct container_fact *facts;
	size_t length = 0;

	run(f);
	facts = container_inbox_take(f->inbox);
	text[0] = '\0';
	for (struct container_fact *fact = facts; fact; fact = fact->next) {
		if (fact->gone)
			length += (size_t)snprintf(text + length, sizeof(text) - length, "%s=gone ", fact->id);
		else
			length += (size_t)snprintf(text + length, sizeof(text) - length, "%s=%u%s ", fact->id, fact->init_pid,
						   fact->listed ? "(listed)" : "");
	}
	container_fact_free_all(facts);
	return text;
}

/* These and nothing else, in any order: that of a directory. */
static bool is_told(struct fixture *f, const char *a, const char *b, const char *c)
{
	const char *text = told(f);

	return strstr(text, a) && strstr(text, b) && strstr(text, c) && strlen(text) == strlen(a) + strlen(b) + strlen(c);
}

static struct container_watch_counters count(struct fixture *f)
{
	struct container_watch_counters counters;

	watch_tree_count(f->tree, &counters);
	return counters;
}

static void make(const char *root, const char *id, const char *content)
{
	scratch_mkdir("%s/%s", root, id);
	scratch_write(content, "%s/%s/state", root, id);
}

Test(watch_tree, what_is_there_is_listed_what_comes_changes_and_goes_is_told_once)
{
	struct fixture f = set_up(NULL);

	scratch_mkdir("%s", f.root);
	make(f.root, "a", "1");
	scratch_mkdir("%s/not an id", f.root);
	scratch_write("", "%s/file", f.root);
	cr_assert_eq(watch_tree_add_root(f.tree, f.root, &containers, true), 0);
	cr_assert_eq(watch_tree_add_root(f.tree, f.root, &containers, true), 0);
	cr_assert_str_eq(told(&f), "a=1(listed) ");
	make(f.root, "b", "2");
	cr_assert_str_eq(told(&f), "b=2 ");
	scratch_write("3", "%s/a/state", f.root);
	scratch_write("2", "%s/b/state", f.root);
	scratch_write("", "%s/b/other", f.root);
	cr_assert_str_eq(told(&f), "a=3(listed) ");
	cr_assert_eq(count(&f).containers, 2);
	scratch_remove("%s/b", f.root);
	scratch_mkdir("%s/c", f.root);
	scratch_remove("%s/c", f.root);
	cr_assert_str_eq(told(&f), "b=gone ");
	cr_assert_eq(count(&f).containers, 1);
	cr_assert_eq(count(&f).facts, 4);
	cr_assert_str_eq(count(&f).problem, "");
	tear_down(&f);
}

Test(watch_tree, a_file_that_is_written_in_place_is_told_when_it_is_whole)
{
	struct fixture f = set_up(&containers);
	FILE *file;

	scratch_mkdir("%s", f.root);
	scratch_mkdir("%s/a", f.root);
	file = fopen(scratch_path("%s/a/state", f.root), "we");
	cr_assert_str_eq(told(&f), "");
	cr_assert_eq(count(&f).unreadable, 0);
	fputs("12", file);
	fclose(file);
	cr_assert_str_eq(told(&f), "a=12 ");
	tear_down(&f);
}

Test(watch_tree, the_same_id_in_a_new_directory_is_gone_first)
{
	struct fixture f = set_up(&containers);

	scratch_mkdir("%s", f.root);
	make(f.root, "a", "1");
	cr_assert_str_eq(told(&f), "a=1 ");
	scratch_remove("%s/a", f.root);
	make(f.root, "a", "1");
	cr_assert_str_eq(told(&f), "a=gone a=1 ");
	tear_down(&f);
}

Test(watch_tree, a_root_is_waited_for_part_by_part_and_may_go_and_come_back)
{
	struct fixture f = set_up(NULL);
	const char *deep = scratch_path("%s/x/y/root", f.root);

	cr_assert_eq(watch_tree_add_root(f.tree, deep, &containers, true), 0);
	cr_assert_str_eq(told(&f), "");
	scratch_mkdir("%s", f.root);
	cr_assert_str_eq(told(&f), "");
	scratch_mkdir("%s/x", f.root);
	scratch_mkdir("%s/x/y", f.root);
	cr_assert_str_eq(told(&f), "");
	scratch_mkdir("%s", deep);
	make(deep, "a", "1");
	cr_assert_str_eq(told(&f), "a=1 ");
	scratch_remove("%s/x", f.root);
	cr_assert_str_eq(told(&f), "a=gone ");
	scratch_mkdir("%s/x", f.root);
	scratch_mkdir("%s/x/y", f.root);
	scratch_mkdir("%s", deep);
	make(deep, "b", "2");
	cr_assert_str_eq(told(&f), "b=2 ");
	/* Moved away, with all that is in it. */
	cr_assert_eq(rename(deep, scratch_path("%s/away", f.root)), 0);
	cr_assert_str_eq(told(&f), "b=gone ");
	cr_assert_eq(rename(scratch_path("%s/away", f.root), deep), 0);
	cr_assert_str_eq(told(&f), "b=2 ");
	tear_down(&f);
}

Test(watch_tree, what_is_older_than_the_watch_is_listed_in_a_root_that_comes_later)
{
	struct fixture f;
	const char *away = scratch_path("%s/away", scratch_dir());

	scratch_mkdir("%s", away);
	make(away, "old", "1");
	usleep(50000); /* times of files are those of the last tick */
	f = set_up(&containers);
	cr_assert_str_eq(told(&f), "");
	usleep(50000);
	make(away, "new", "2");
	cr_assert_eq(rename(away, f.root), 0);
	cr_assert(is_told(&f, "old=1(listed) ", "new=2 ", ""));
	tear_down(&f);
}

Test(watch_tree, a_root_by_a_link_is_watched_where_it_leads_and_only_once)
{
	struct fixture f = set_up(NULL);
	const char *real = scratch_mkdir("%s/real", scratch_dir()), *other = scratch_mkdir("%s/other", scratch_dir());

	cr_assert_eq(symlink("real", f.root), 0);
	cr_assert_eq(watch_tree_add_root(f.tree, f.root, &containers, true), 0);
	cr_assert_eq(watch_tree_add_root(f.tree, real, &containers, true), 0);
	cr_assert_str_eq(told(&f), "");
	make(real, "a", "1");
	cr_assert_str_eq(told(&f), "a=1 ");
	/* No event tells where a link leads, nor of mounts. */
	make(other, "b", "2");
	cr_assert_eq(unlink(f.root), 0);
	cr_assert_eq(symlink("other", f.root), 0);
	watch_tree_check(f.tree);
	cr_assert_str_eq(told(&f), "a=gone b=2 a=1 ");
	tear_down(&f);
}

Test(watch_tree, a_list_is_compared_with_what_it_was)
{
	struct fixture f = set_up(&lists);

	scratch_mkdir("%s", f.root);
	scratch_mkdir("%s/x-list", f.root);
	cr_assert_str_eq(told(&f), "");
	scratch_write("a 1\n", "%s/x-list/all", f.root);
	cr_assert_str_eq(told(&f), "a=1 ");
	scratch_write("a 1\nb 2\nc 3\n", "%s/x-list/all", f.root);
	cr_assert_str_eq(told(&f), "c=3 b=2 ");
	scratch_write("a 4\nc 3\n", "%s/x-list/all", f.root);
	cr_assert_str_eq(told(&f), "a=4 b=gone ");
	scratch_remove("%s/x-list/all", f.root);
	cr_assert_str_eq(told(&f), "a=gone c=gone ");
	tear_down(&f);
}

Test(watch_tree, everything_is_told_again_when_it_is_asked_for)
{
	struct fixture f = set_up(&containers);

	scratch_mkdir("%s", f.root);
	make(f.root, "a", "1");
	cr_assert_str_eq(told(&f), "a=1 ");
	watch_tree_repeat(f.tree);
	cr_assert_str_eq(told(&f), "a=1 ");
	cr_assert_str_eq(told(&f), "");
	tear_down(&f);
}

Test(watch_tree, what_cannot_be_read_is_counted_and_tried_again)
{
	struct fixture f = set_up(&containers);

	scratch_mkdir("%s", f.root);
	make(f.root, "a", "-13"); /* EACCES */
	make(f.root, "b", "1");
	cr_assert_str_eq(told(&f), "b=1 ");
	cr_assert_eq(count(&f).unreadable, 1);
	cr_assert_str_eq(count(&f).problem, scratch_path("cannot read %s/a: Permission denied", f.root));
	watch_tree_check(f.tree);
	cr_assert_str_eq(told(&f), "");
	cr_assert_eq(count(&f).unreadable, 1);
	scratch_write("2", "%s/a/state", f.root);
	scratch_write("nonsense", "%s/b/state", f.root);
	cr_assert_str_eq(told(&f), "a=2 ");
	cr_assert_eq(count(&f).unreadable, 2);
	cr_assert_str_eq(count(&f).problem, scratch_path("cannot read %s/b: Invalid argument", f.root));
	tear_down(&f);
}

Test(watch_tree, a_file_in_the_way_of_a_root_is_said_and_waited_out)
{
	struct fixture f = set_up(NULL);

	scratch_write("", "%s", f.root);
	cr_assert_eq(watch_tree_add_root(f.tree, scratch_path("%s/x", f.root), &containers, true), 0);
	cr_assert_str_eq(told(&f), "");
	cr_assert_str_eq(count(&f).problem, scratch_path("%s/x: Not a directory", f.root));
	scratch_remove("%s", f.root);
	scratch_mkdir("%s", f.root);
	scratch_mkdir("%s/x", f.root);
	make(scratch_path("%s/x", f.root), "a", "1");
	cr_assert_str_eq(told(&f), "a=1 ");
	tear_down(&f);
}

Test(watch_tree, those_beyond_the_bound_are_counted_and_looked_at_when_there_is_room)
{
	struct fixture f = set_up(&few);

	scratch_mkdir("%s", f.root);
	for (int i = 0; i < 3; i++)
		make(f.root, scratch_path("a%d", i), "1");
	cr_assert(is_told(&f, "a0=1 ", "a1=1 ", "a2=1 "));
	make(f.root, "b", "2");
	make(f.root, "c", "3");
	scratch_remove("%s/c", f.root);
	cr_assert_str_eq(told(&f), "");
	cr_assert_eq(count(&f).containers, 3);
	cr_assert_not_null(strstr(count(&f).problem, "more than"));
	watch_tree_check(f.tree);
	cr_assert_str_eq(told(&f), "");
	cr_assert_eq(count(&f).unwatched, 1);
	scratch_remove("%s/a1", f.root);
	cr_assert_str_eq(told(&f), "a1=gone ");
	watch_tree_check(f.tree);
	cr_assert_str_eq(told(&f), "b=2 ");
	cr_assert_eq(count(&f).unwatched, 0);
	tear_down(&f);
}

/* Two events each. */
static void flood(const struct fixture *f)
{
	const char *path = scratch_path("%s/x", f->root);

	for (int i = 0; i < 10000; i++) {
		cr_assert_eq(mkdir(path, 0700), 0);
		cr_assert_eq(rmdir(path), 0);
	}
}

Test(watch_tree, after_a_full_queue_everything_is_looked_at_again_but_not_all_the_time)
{
	struct fixture f = set_up(&containers);
	uint64_t flooded, end;
	const char *text;

	scratch_mkdir("%s", f.root);
	make(f.root, "stays", "1");
	make(f.root, "goes", "1");
	make(f.root, "changes", "1");
	cr_assert(is_told(&f, "stays=1 ", "goes=1 ", "changes=1 "));
	flood(&f);
	scratch_remove("%s/goes", f.root);
	scratch_write("2", "%s/changes/state", f.root);
	make(f.root, "comes", "1");
	cr_assert(is_told(&f, "goes=gone ", "changes=2 ", "comes=1 "));
	cr_assert_eq(count(&f).overflows, 1);
	flooded = clock_monotonic_ns();
	flood(&f);
	make(f.root, "late", "1");
	text = told(&f);
	cr_assert_eq(count(&f).overflows, 2);
	if (clock_monotonic_ns() - flooded < NSEC_PER_SEC)
		cr_assert_str_eq(text, "");
	end = clock_monotonic_ns() + 2 * NSEC_PER_SEC;
	while (strcmp(text, "late=1 ") != 0) {
		static const atomic_bool stop;

		cr_assert_lt(clock_monotonic_ns(), end);
		(void)watch_tree_run(f.tree, -1, 3000, &stop);
		text = told(&f);
	}
	tear_down(&f);
}

/* Without the right to look, after the last line that needs any. */
static void become_nobody(void)
{
	cr_assert_eq(chmod(scratch_dir(), 0755), 0);
	if (!geteuid())
		cr_assert_eq(seteuid(65534), 0);
}

Test(watch_tree, a_directory_that_may_not_be_looked_at_is_said_and_tried_again)
{
	struct fixture f = set_up(NULL);
	uid_t before = geteuid();

	scratch_mkdir("%s", f.root);
	make(f.root, "a", "1");
	make(f.root, "b", "2");
	cr_assert_eq(chmod(f.root, 0755), 0);
	cr_assert_eq(chmod(scratch_path("%s/a/state", f.root), 0644), 0);
	cr_assert_eq(chmod(scratch_path("%s/b/state", f.root), 0644), 0);
	cr_assert_eq(chmod(scratch_path("%s/a", f.root), 0755), 0);
	cr_assert_eq(chmod(scratch_path("%s/b", f.root), 0), 0);
	become_nobody();
	cr_assert_eq(watch_tree_add_root(f.tree, f.root, &containers, true), 0);
	cr_assert_str_eq(told(&f), "a=1(listed) ");
	cr_assert_str_eq(count(&f).problem, scratch_path("cannot look at %s/b: Permission denied", f.root));
	cr_assert_eq(seteuid(before), 0);
	cr_assert_eq(chmod(scratch_path("%s/b", f.root), 0755), 0);
	become_nobody();
	watch_tree_check(f.tree);
	cr_assert_str_eq(told(&f), "b=2(listed) ");
	cr_assert_eq(seteuid(before), 0);
	tear_down(&f);
}

/* A user namespace has limits of its own, /proc/sys/user/, and takes a process that has one thread: not the one that a test runs in. */

#define STATUS_NO_NAMESPACE 77

#define check(expression)                                                                \
	do {                                                                             \
		if (!(expression)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #expression); \
			_exit(1);                                                        \
		}                                                                        \
	} while (0)

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	check(fd >= 0);
	check(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void limit(const char *what, const char *value)
{
	put(scratch_path("/proc/sys/user/%s", what), value);
}

static void in_user_namespace(void (*test)(void))
{
	const char *map = scratch_path("0 %d 1", (int)geteuid());
	int status;
	pid_t pid;

	scratch_dir();
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWUSER) < 0) {
			perror("unshare");
			_exit(STATUS_NO_NAMESPACE);
		}
		put("/proc/self/uid_map", map);
		test();
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NO_NAMESPACE)
		cr_skip_test("SKIPPED: there can be no user namespace here");
	cr_assert_eq(status, 0);
}

/* The runs that the thread would do. */
static const char *poll_once(struct fixture *f)
{
	watch_tree_poll(f->tree);
	return told(f);
}

static void without_watches(void)
{
	struct fixture f;

	limit("max_inotify_watches", "2");
	f = set_up(NULL);
	scratch_mkdir("%s", f.root);
	make(f.root, "a", "1");
	make(f.root, "b", "1");
	make(f.root, "c", "1");
	check(watch_tree_add_root(f.tree, f.root, &containers, true) == 0);
	check(is_told(&f, "a=1(listed) ", "b=1(listed) ", "c=1(listed) "));
	check(count(&f).unwatched == 2);
	check(watch_tree_is_polled(f.tree));
	check(strstr(count(&f).problem, "max_user_watches"));
	scratch_write("2", "%s/a/state", f.root);
	scratch_write("2", "%s/b/state", f.root);
	scratch_write("2", "%s/c/state", f.root);
	/* One of them has a watch. */
	check(strlen(told(&f)) == strlen("a=2(listed) "));
	check(strlen(poll_once(&f)) == 2 * strlen("b=2(listed) "));
	check(!strcmp(poll_once(&f), ""));
	/* Made anew between two looks: the inode says so, or the removal in the directory above. */
	scratch_remove("%s/a", f.root);
	make(f.root, "a", "3");
	check(!strcmp(told(&f), "a=gone a=3 "));
	limit("max_inotify_watches", "100");
	check(!strcmp(poll_once(&f), ""));
	check(!watch_tree_is_polled(f.tree));
	check(count(&f).unwatched == 0);
	scratch_write("4", "%s/a/state", f.root);
	scratch_write("4", "%s/b/state", f.root);
	scratch_write("4", "%s/c/state", f.root);
	check(!strcmp(told(&f), "a=4 b=4(listed) c=4(listed) "));
	tear_down(&f);
}

Test(watch_tree, without_watches_left_directories_are_polled_until_there_are_some)
{
	in_user_namespace(without_watches);
}

static void without_an_instance(void)
{
	struct fixture f;

	limit("max_inotify_instances", "0");
	f = set_up(&containers);
	check(!strcmp(told(&f), ""));
	check(watch_tree_is_polled(f.tree));
	scratch_mkdir("%s", f.root);
	make(f.root, "a", "1");
	check(!strcmp(poll_once(&f), "a=1 "));
	check(strstr(count(&f).problem, "max_user_instances"));
	make(f.root, "b", "2");
	check(!strcmp(poll_once(&f), "b=2 "));
	usleep(50000); /* times of files are those of the last tick */
	scratch_remove("%s/a", f.root);
	make(f.root, "a", "1");
	check(!strcmp(poll_once(&f), "a=gone a=1 "));
	scratch_remove("%s", f.root);
	check(strlen(poll_once(&f)) == strlen("a=gone b=gone "));
	scratch_mkdir("%s", f.root);
	make(f.root, "c", "3");
	check(!strcmp(poll_once(&f), "c=3 "));
	limit("max_inotify_instances", "10");
	check(!strcmp(poll_once(&f), ""));
	check(!watch_tree_is_polled(f.tree));
	make(f.root, "d", "4");
	check(!strcmp(told(&f), "d=4 "));
	tear_down(&f);
}

Test(watch_tree, without_an_instance_everything_is_polled_until_there_is_one)
{
	in_user_namespace(without_an_instance);
}

/* Containers that come, change and go, by several threads. */

#define CHURNERS 4
#define CHURNED  250
#define CHANGES  3
#define LIFE_US  300

struct churner {
	pthread_t thread;
	const char *root;
	int number;
};

static void *churn(void *context)
{
	struct churner *c = context;

	for (int i = 0; i < CHURNED; i++) {
		/* Some have the name of one that is gone. */
		int id = c->number * CHURNED + i % 200;

		scratch_mkdir("%s/c%d", c->root, id);
		for (int n = 1; n <= CHANGES; n++) {
			char number[16];

			snprintf(number, sizeof(number), "%d", i * CHANGES + n);
			scratch_write(number, "%s/c%d/state", c->root, id);
			usleep(LIFE_US);
		}
		scratch_remove("%s/c%d", c->root, id);
	}
	return NULL;
}

struct churned {
	uint32_t last;
	bool is_there;
};

/* A valid stream: what is gone was there, numbers only grow, and the last number that there was has been told if the file could still be read. */
static size_t follow(struct churned *all, const struct container_fact *facts)
{
	size_t lives = 0;

	for (const struct container_fact *fact = facts; fact; fact = fact->next) {
		struct churned *c = &all[atoi(fact->id + 1)];

		cr_assert_not(fact->listed);
		if (fact->gone) {
			cr_assert(c->is_there, "%s is gone and never was", fact->id);
			c->is_there = false;
			lives++;
			continue;
		}
		cr_assert(c->is_there ? fact->init_pid > c->last : fact->init_pid >= c->last, "%s: %u after %u", fact->id, fact->init_pid,
			  c->last);
		c->is_there = true;
		c->last = fact->init_pid;
	}
	return lives;
}

struct runner {
	struct watch_tree *tree;
	atomic_bool stop;
};

static void *run_tree(void *context)
{
	struct runner *r = context;

	while (!r->stop)
		(void)watch_tree_run(r->tree, -1, 20, &r->stop);
	return NULL;
}

Test(watch_tree, the_stream_of_each_of_a_thousand_containers_that_come_and_go_is_whole)
{
	static struct churned all[CHURNERS * CHURNED];
	struct churner churners[CHURNERS];
	struct fixture f = set_up(&containers);
	struct runner runner = {.tree = f.tree};
	struct container_fact *facts;
	pthread_t thread;
	size_t lives;

	scratch_mkdir("%s", f.root);
	cr_assert_eq(pthread_create(&thread, NULL, run_tree, &runner), 0);
	for (int i = 0; i < CHURNERS; i++) {
		churners[i] = (struct churner){.root = f.root, .number = i};
		cr_assert_eq(pthread_create(&churners[i].thread, NULL, churn, &churners[i]), 0);
	}
	for (int i = 0; i < CHURNERS; i++)
		pthread_join(churners[i].thread, NULL);
	usleep(100000);
	runner.stop = true;
	pthread_join(thread, NULL);
	run(&f);
	facts = container_inbox_take(f.inbox);
	lives = follow(all, facts);
	container_fact_free_all(facts);
	for (int i = 0; i < CHURNERS * CHURNED; i++)
		cr_assert_not(all[i].is_there, "c%d has no end", i);
	fprintf(stderr, "%zu of %d lives\n", lives, CHURNERS * CHURNED);
	/* A life is a millisecond, and this thread has to wait for its turn like any other. */
	cr_assert_geq(lives, CHURNERS * CHURNED / 2);
	cr_assert_eq(count(&f).overflows, 0);
	cr_assert_eq(count(&f).containers, 0);
	cr_assert_eq(count(&f).unwatched, 0);
	tear_down(&f);
}
