#include "container/inotify_set.h"

#include "tests/container/scratch.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

TestSuite(inotify_set);

/* What was told, as "w1:create:name w2:gone: ". */
struct record {
	struct inotify_watch first, second;
	struct inotify_set *set;
	struct inotify_watch *unwatch; /* by the next one who is told */
	char told[512];
};

static void note(void *context, struct inotify_watch *w, uint32_t mask, const char *name)
{
	struct record *r = context;
	size_t length = strlen(r->told);
	const char *what = mask & IN_CREATE ? "create" : mask & IN_DELETE ? "delete" : mask & IN_IGNORED ? "gone" : "other";

	snprintf(r->told + length, sizeof(r->told) - length, "%s:%s:%s ",
		 w == &r->first    ? "w1"
		 : w == &r->second ? "w2"
				   : "all",
		 what, name);
	if (r->unwatch) {
		inotify_set_unwatch(r->set, r->unwatch);
		r->unwatch = NULL;
	}
}

static void open_set(struct record *r)
{
	*r = (struct record){0};
	r->set = inotify_set_new(note, r);
	cr_assert_not_null(r->set);
	cr_assert_eq(inotify_set_fd(r->set), -1);
	cr_assert_eq(inotify_set_watch(r->set, &r->first, "/", IN_CREATE), -EMFILE);
	cr_assert_eq(inotify_set_open(r->set), 0);
	cr_assert_eq(inotify_set_open(r->set), 0);
}

static void close_set(struct record *r)
{
	inotify_set_unwatch(r->set, &r->first);
	inotify_set_unwatch(r->set, &r->second);
	inotify_set_free(r->set);
}

static const char *take(struct record *r)
{
	static char told[sizeof(r->told)];

	while (inotify_set_read(r->set))
		;
	memcpy(told, r->told, sizeof(told));
	r->told[0] = '\0';
	return told;
}

Test(inotify_set, two_that_watch_one_directory_by_different_paths_are_both_told_what_they_asked_for)
{
	const char *dir = scratch_dir(), *link = scratch_path("%s/link", dir);
	struct record r;

	open_set(&r);
	scratch_mkdir("%s/real", dir);
	cr_assert_eq(symlink("real", link), 0);
	cr_assert_eq(inotify_set_watch(r.set, &r.first, scratch_path("%s/real", dir), IN_CREATE), 1);
	cr_assert_eq(inotify_set_watch(r.set, &r.second, link, IN_DELETE | IN_CREATE), 1);
	cr_assert_eq(inotify_set_watch(r.set, &r.second, link, IN_DELETE | IN_CREATE), 0);
	scratch_mkdir("%s/real/x", dir);
	scratch_remove("%s/real/x", dir);
	cr_assert_str_eq(take(&r), "w2:create:x w1:create:x w2:delete:x ");
	inotify_set_unwatch(r.set, &r.second);
	scratch_mkdir("%s/real/y", dir);
	cr_assert_str_eq(take(&r), "w1:create:y ");
	scratch_remove("%s/real", dir);
	cr_assert_str_eq(take(&r), "w1:gone: ");
	cr_assert_null(r.first.entry);
	close_set(&r);
}

Test(inotify_set, who_is_told_may_take_the_next_one_out)
{
	const char *dir = scratch_dir(), *one = scratch_mkdir("%s/one", dir), *two = scratch_mkdir("%s/two", dir);
	struct record r;

	open_set(&r);
	cr_assert_eq(inotify_set_watch(r.set, &r.first, one, IN_CREATE), 1);
	cr_assert_eq(inotify_set_watch(r.set, &r.second, one, IN_CREATE), 1);
	r.unwatch = &r.first;
	scratch_mkdir("%s/x", one);
	cr_assert_str_eq(take(&r), "w2:create:x ");
	/* And when both are told that it is gone. */
	cr_assert_eq(inotify_set_watch(r.set, &r.first, two, IN_CREATE), 1);
	cr_assert_eq(inotify_set_watch(r.set, &r.second, two, IN_CREATE), 1);
	r.unwatch = &r.first;
	scratch_remove("%s", two);
	cr_assert_str_eq(take(&r), "w2:gone: ");
	close_set(&r);
}

Test(inotify_set, a_directory_that_was_made_anew_is_another_one)
{
	const char *dir = scratch_dir(), *one = scratch_mkdir("%s/one", dir);
	struct record r;

	open_set(&r);
	cr_assert_eq(inotify_set_watch(r.set, &r.first, one, IN_CREATE), 1);
	scratch_remove("%s", one);
	scratch_mkdir("%s", one);
	cr_assert_eq(inotify_set_watch(r.set, &r.first, one, IN_CREATE), 1);
	scratch_mkdir("%s/x", one);
	/* That the first one is gone is nobody's business any more. */
	cr_assert_str_eq(take(&r), "w1:create:x ");
	close_set(&r);
}

Test(inotify_set, what_is_no_directory_or_not_there_is_refused)
{
	const char *dir = scratch_dir();
	struct record r;

	open_set(&r);
	scratch_write("", "%s/file", dir);
	cr_assert_eq(inotify_set_watch(r.set, &r.first, scratch_path("%s/file", dir), IN_CREATE), -ENOTDIR);
	cr_assert_eq(inotify_set_watch(r.set, &r.first, scratch_path("%s/none", dir), IN_CREATE), -ENOENT);
	cr_assert_str_eq(take(&r), "");
	close_set(&r);
}
