#ifndef TESTS_VM_STORY_H
#define TESTS_VM_STORY_H

#include "tests/vm/observation.h"

/*
 * A story is a row of calls by one child, and every event that may come of them, in their order: none is missing, none too many.
 *
 *	static void make_and_remove(void)
 *	{
 *		MUST(mkdir("folder", 0755));
 *		FAILS(mkdir("folder", 0755));
 *		MUST(rmdir("folder"));
 *	}
 *
 *	struct story story = play(wish(EVENT_FILE_DELETE), make_and_remove);
 *	expect_files(&story, (struct file_telling[]){{EVENT_FILE_DELETE, .name = "folder", .path = "~/folder"}, {0}});
 *
 * The child has a copy of the scenario's memory and its current directory, and stays when its story is over, with its memory and descriptors,
 * for a sensor that reads late. So names must stay where they are until then, and descriptors open.
 */
struct story {
	struct observation *o;
	pid_t pid;
};

/* Has `act` played by a child that is watched as wished; returns when all that it did has been told. Events are in time order, so that is when
 * a system call has come that it makes at the end. A call that did not do what it must fails the scenario; so do lost events. */
struct story play(struct subscription_spec *spec, void (*act)(void));

/* Within act(): ends the story with a failure that names the line. */
#define MUST(call)  must((call), __LINE__)
#define FAILS(call) must_fail((call), __LINE__)
long must(long result, int line);
void must_fail(long result, int line);

/* Within act(): long enough for what is only looked up late. */
void linger(void);

/* What a file event has to tell. A string that begins with `~` has the scenario's directory in its place; NULL is "". */
struct file_telling {
	enum event_kind kind; /* EVENT_FILE_...; 0 at the end of a list */
	const char *name;     /* filename, source_file or oldname */
	const char *path;
	const char *target; /* target_file or newname */
	const char *target_path;
	int flags; /* O_LARGEFILE apart */
	int mode;
	bool symlink;
};

/* That the child's file events are these. */
void expect_files(const struct story *story, const struct file_telling *tellings);

/* The n-th event of that kind by the child, from 0. Fails when it has fewer. */
const Capsule8__Api__V0__Event *nth_of_story(const struct story *story, enum event_kind kind, size_t n);
size_t count_of_story(const struct story *story, enum event_kind kind);

/* The scenario's directory with `name` behind it; lives until the scenario's end. */
const char *in_directory(const char *name);

#endif
