#include "tests/vm/story.h"
#include "tests/vm/scenario.h"
#include "tests/vm/ways.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The last call of a story: getpgid(MARK, line, errno), which nobody else makes. line 0: all went well. */
#define MARK           0x5ce0a110
#define END_LINE       0
#define LINGER_US      250000
#define KERNEL_O_LARGE 0100000

__attribute__((noreturn)) static void end_story(int line, int error)
{
	syscall(SYS_getpgid, MARK, line, error);
	for (;;)
		pause();
}

long must(long result, int line)
{
	if (result < 0)
		end_story(line, errno);
	return result;
}

void must_fail(long result, int line)
{
	if (result >= 0)
		end_story(line, 0);
}

void linger(void)
{
	usleep(LINGER_US);
}

static void run_story(void *act)
{
	void (*const *story)(void) = act;

	(*story)();
	end_story(END_LINE, 0);
}

static bool is_mark(const Capsule8__Api__V0__Event *event, const void *pid)
{
	return event->event_case == CAPSULE8__API__V0__EVENT__EVENT_SYSCALL && event->process_pid == *(const pid_t *)pid &&
	       event->syscall->arg0 == MARK;
}

static bool is_lost(const Capsule8__Api__V0__Event *event, const void *unused)
{
	(void)unused;
	return event->event_case == CAPSULE8__API__V0__EVENT__EVENT_LOST;
}

static void check_nothing_lost(const struct story *story)
{
	const Capsule8__Api__V0__Event *event = nth_event(story->o, is_lost, NULL, 0);

	if (event)
		scenario_fail("%" PRIu64 " events were lost (type %d, cause %d)", event->lost->lost, (int)event->lost->type,
			      (int)event->lost->cause);
}

struct story play(struct subscription_spec *spec, void (*act)(void))
{
	struct story story;
	const Capsule8__Api__V0__SyscallEvent *mark;

	wish_also(spec, EVENT_SYSCALL_ENTER);
	require_integer(spec, "id", SYS_getpgid);
	require_integer(spec, "arg0", MARK);
	story.o = observe(spec);
	story.pid = start(run_story, &act);
	mark = await_event(story.o, is_mark, &story.pid, "the end of the story")->syscall;
	if (mark->arg1 != END_LINE && mark->arg2)
		scenario_fail("the call in line %d fails: %s", (int)mark->arg1, strerror((int)mark->arg2));
	if (mark->arg1 != END_LINE)
		scenario_fail("the call in line %d does not fail", (int)mark->arg1);
	check_nothing_lost(&story);
	return story;
}

const char *in_directory(const char *name)
{
	static char directory[4096];
	char *path;

	if (!*directory)
		CHECK(getcwd(directory, sizeof(directory)), "no current directory");
	CHECK_CALL(asprintf(&path, "%s%s", directory, name));
	return path;
}

static const char *expand(const char *text)
{
	if (!text)
		return "";
	return text[0] == '~' ? in_directory(text + 1) : text;
}

static bool is_file_event(const Capsule8__Api__V0__Event *event, const void *pid)
{
	return event->event_case == CAPSULE8__API__V0__EVENT__EVENT_FILE && event->process_pid == *(const pid_t *)pid;
}

/* Which of a list went wrong, in front of a failure's text. */
static const char *describe(size_t i, const Capsule8__Api__V0__FileEvent *file, const char *what)
{
	char *text;

	CHECK_CALL(asprintf(&text, "event %zu (type %d, \"%.100s%.100s%.100s\"): %s", i, (int)file->type, file->filename, file->source_file,
			    file->oldname, what));
	return text;
}

/* Where nobody tells the working directory, that of a relative name is not known. */
static void check_path(const char *actual, const char *expected, const char *name, const char *what)
{
	if (!*actual && name && name[0] != '/' && name[0] != '~' && ways_lack_kind(EVENT_PROCESS_CWD))
		return;
	check_string(actual, expand(expected), what);
}

static void check_names(size_t i, const Capsule8__Api__V0__FileEvent *file, const struct file_telling *telling)
{
	bool is_link = telling->kind == EVENT_FILE_LINK, is_rename = telling->kind == EVENT_FILE_RENAME;

	check_integer(file->name_unknown, false, describe(i, file, "name_unknown"));
	check_integer(file->name_truncated, false, describe(i, file, "name_truncated"));
	check_string(file->filename, is_link || is_rename ? "" : expand(telling->name), describe(i, file, "filename"));
	check_string(file->source_file, is_link ? expand(telling->name) : "", describe(i, file, "source_file"));
	check_string(file->target_file, is_link ? expand(telling->target) : "", describe(i, file, "target_file"));
	check_string(file->oldname, is_rename ? expand(telling->name) : "", describe(i, file, "oldname"));
	check_string(file->newname, is_rename ? expand(telling->target) : "", describe(i, file, "newname"));
	check_path(file->path, telling->path, telling->name, describe(i, file, "path"));
	check_path(file->target_path, telling->target_path, telling->target, describe(i, file, "target_path"));
}

static void check_file(size_t i, const Capsule8__Api__V0__Event *event, const struct file_telling *telling)
{
	const Capsule8__Api__V0__FileEvent *file = event->file;

	check_integer(capsule8_event_kind(event), telling->kind, describe(i, file, "kind"));
	check_names(i, file, telling);
	check_integer(file->open_flags & ~KERNEL_O_LARGE, telling->flags, describe(i, file, "open_flags"));
	check_integer(file->open_mode, telling->mode, describe(i, file, "open_mode"));
	check_integer(file->symlink, telling->symlink, describe(i, file, "symlink"));
}

void expect_files(const struct story *story, const struct file_telling *tellings)
{
	const Capsule8__Api__V0__Event *event;
	size_t i;

	for (i = 0; tellings[i].kind; i++) {
		event = nth_event(story->o, is_file_event, &story->pid, i);
		CHECK(event, "only %zu file events came; \"%s\" is missing", i, expand(tellings[i].name));
		check_file(i, event, &tellings[i]);
	}
	event = nth_event(story->o, is_file_event, &story->pid, i);
	if (event)
		scenario_fail("%s", describe(i, event->file, "nothing was done that it could tell of"));
}

const Capsule8__Api__V0__Event *nth_of_story(const struct story *story, enum event_kind kind, size_t n)
{
	const struct of_process wanted = {kind, story->pid};
	const Capsule8__Api__V0__Event *event = nth_event(story->o, matches_process, &wanted, n);

	CHECK(event, "there is no event %zu of kind %d", n, (int)kind);
	return event;
}

size_t count_of_story(const struct story *story, enum event_kind kind)
{
	return count_events(story->o, matches_process, &(struct of_process){kind, story->pid});
}
