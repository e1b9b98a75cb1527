#include "tests/vm/scenario.h"
#include "tests/vm/story.h"
#include "tests/vm/ways.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * What every event says of its process: working directory, name, credentials. Story children linger after each change, so that a sensor that can
 * only look late sees each of them.
 */

#define AT_EXIT_US "300000"

/* Working directories */

static void change_directories(void)
{
	int directory;

	MUST(unshare(CLONE_NEWNS));
	MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	MUST(mkdir("one", 0755));
	MUST(mkdir("one/two", 0755));
	MUST(mkdir("memory", 0755));
	MUST(mount("scenario", "memory", "tmpfs", 0, NULL));
	MUST(mkdir("memory/three", 0755));
	directory = (int)MUST(open("memory/three", O_RDONLY | O_DIRECTORY));
	MUST(chdir("one/two"));
	MUST(open("a", O_RDWR | O_CREAT, 0600));
	linger();
	MUST(chdir(".."));
	FAILS(chdir("nothing"));
	MUST(open("a", O_RDWR | O_CREAT, 0600));
	linger();
	MUST(fchdir(directory));
	MUST(open("./a", O_RDWR | O_CREAT, 0600));
	linger();
	MUST(chdir("/"));
	MUST(open("tmp/../proc/version", O_RDONLY));
}

static void check_directory(const struct story *story, size_t n, const char *path)
{
	CHECK_STRING(nth_of_story(story, EVENT_PROCESS_CWD, n)->process->update_cwd, path);
}

static void names_are_resolved_against_the_directory_that_a_process_went_to(void)
{
	struct subscription_spec *spec = wish(EVENT_PROCESS_CWD);
	struct story story;

	wish_also(spec, EVENT_FILE_OPEN_FOR_MODIFY);
	wish_also(spec, EVENT_FILE_OPEN);
	require_string(spec, "filename", PREDICATE_GLOB, "*version");
	story = play(spec, change_directories);
	check_directory(&story, 0, in_directory("/one/two"));
	check_directory(&story, 1, in_directory("/one"));
	check_directory(&story, 2, in_directory("/memory/three"));
	check_directory(&story, 3, "/");
	CHECK_INTEGER(count_of_story(&story, EVENT_PROCESS_CWD), 4);
	expect_files(&story, (struct file_telling[]){
				     {.kind = EVENT_FILE_OPEN_FOR_MODIFY, .name = "a", .path = "~/one/two/a"},
				     {.kind = EVENT_FILE_OPEN_FOR_MODIFY, .name = "a", .path = "~/one/a"},
				     {.kind = EVENT_FILE_OPEN_FOR_MODIFY, .name = "./a", .path = "~/memory/three/a"},
				     {.kind = EVENT_FILE_OPEN, .name = "tmp/../proc/version", .path = "/proc/version", .flags = O_RDONLY},
				     {0},
			     });
}

static void open_from_a_fork(void)
{
	pid_t child;

	MUST(mkdir("folder", 0755));
	MUST(chdir("folder"));
	linger();
	child = (pid_t)MUST(syscall(SYS_clone, (unsigned long)SIGCHLD, 0L, 0L, 0L, 0L));
	if (!child) {
		(void)!open("inherited", O_RDWR | O_CREAT, 0600);
		linger();
		_exit(0);
	}
	MUST(waitpid(child, NULL, 0));
}

static bool is_inherited(const Capsule8__Api__V0__Event *event, const void *unused)
{
	(void)unused;
	return capsule8_event_kind(event) == EVENT_FILE_OPEN && !strcmp(event->file->filename, "inherited");
}

static void a_child_begins_in_its_parent_s_directory(void)
{
	struct subscription_spec *spec = wish(EVENT_FILE_OPEN);
	struct story story;

	wish_also(spec, EVENT_PROCESS_CWD);
	story = play(spec, open_from_a_fork);
	CHECK_STRING(await_event(story.o, is_inherited, NULL, "the child's open")->file->path, in_directory("/folder/inherited"));
}

/* Names */

static void rename_itself(void)
{
	MUST(prctl(PR_SET_NAME, "another name"));
	MUST(prctl(PR_SET_NAME, "a name that is too long"));
}

static void a_process_that_renames_itself_is_told(void)
{
	struct story story = play(wish(EVENT_PROCESS_RENAME), rename_itself);

	CHECK_STRING(nth_of_story(&story, EVENT_PROCESS_RENAME, 0)->process->update_comm, "another name");
	CHECK_STRING(nth_of_story(&story, EVENT_PROCESS_RENAME, 1)->process->update_comm, "a name that is ");
	CHECK_STRING(nth_of_story(&story, EVENT_PROCESS_RENAME, 1)->process_lineage[0]->command, "a name that is ");
	CHECK_INTEGER(count_of_story(&story, EVENT_PROCESS_RENAME), 2);
}

/* Credentials */

struct ids {
	uint32_t real, effective, saved, for_files;
};

static void check_credentials(const Capsule8__Api__V0__Event *event, struct ids user, struct ids group)
{
	const Capsule8__Api__V0__Credentials *c = event->credentials;

	if (ways_lack("credentials")) {
		CHECK(!c, "there are credentials, of uid %u, though nobody can know them", c->uid);
		return;
	}
	CHECK(c, "there are no credentials");
	CHECK_INTEGER(c->uid, user.real);
	CHECK_INTEGER(c->euid, user.effective);
	CHECK_INTEGER(c->suid, user.saved);
	CHECK_INTEGER(c->fsuid, user.for_files);
	CHECK_INTEGER(c->gid, group.real);
	CHECK_INTEGER(c->egid, group.effective);
	CHECK_INTEGER(c->sgid, group.saved);
	CHECK_INTEGER(c->fsgid, group.for_files);
}

static const struct ids root = {0, 0, 0, 0};

/* By the kernel's calls: the C library would tell its other threads, which are not here after a fork. Renames, which no way to see is late, tell
 * of the credentials that there are then. */
static void change_ids(void)
{
	MUST(prctl(PR_SET_NAME, "as root"));
	MUST(syscall(SYS_setresgid, 61011, 61012, 61013));
	linger();
	MUST(prctl(PR_SET_NAME, "groups"));
	MUST(syscall(SYS_setfsuid, 61004));
	linger();
	MUST(prctl(PR_SET_NAME, "fsuid"));
	MUST(syscall(SYS_setresuid, 61001, 61002, 61003));
	linger();
	MUST(prctl(PR_SET_NAME, "users"));
	FAILS(syscall(SYS_setresuid, 0, 0, 0));
	MUST(syscall(SYS_setreuid, -1, 61003));
	linger();
	MUST(prctl(PR_SET_NAME, "effective"));
}

static void every_event_tells_the_ids_of_its_process(void)
{
	struct story story = play(wish(EVENT_PROCESS_RENAME), change_ids);
	const struct ids groups = {61011, 61012, 61013, 61012};

	check_credentials(nth_of_story(&story, EVENT_PROCESS_RENAME, 0), root, root);
	check_credentials(nth_of_story(&story, EVENT_PROCESS_RENAME, 1), root, groups);
	check_credentials(nth_of_story(&story, EVENT_PROCESS_RENAME, 2), (struct ids){0, 0, 0, 61004}, groups);
	check_credentials(nth_of_story(&story, EVENT_PROCESS_RENAME, 3), (struct ids){61001, 61002, 61003, 61002}, groups);
	check_credentials(nth_of_story(&story, EVENT_PROCESS_RENAME, 4), (struct ids){61001, 61003, 61003, 61003}, groups);
}

static void fork_with_odd_ids(void)
{
	pid_t child;

	MUST(syscall(SYS_setresgid, 61111, 61112, 61113));
	MUST(syscall(SYS_setresuid, 61101, 61102, 61103));
	linger();
	child = (pid_t)MUST(syscall(SYS_clone, (unsigned long)SIGCHLD, 0L, 0L, 0L, 0L));
	if (!child)
		_exit(7);
	MUST(waitpid(child, NULL, 0));
}

static bool is_exit_7(const Capsule8__Api__V0__Event *event, const void *unused)
{
	(void)unused;
	return capsule8_event_kind(event) == EVENT_PROCESS_EXIT && event->process->exit_status == 7;
}

static void a_child_has_its_parent_s_ids(void)
{
	struct story story = play(wish(EVENT_PROCESS_EXIT), fork_with_odd_ids);

	check_credentials(await_event(story.o, is_exit_7, NULL, "the child's exit"), (struct ids){61101, 61102, 61103, 61102},
			  (struct ids){61111, 61112, 61113, 61112});
}

static void run_without_rights(void *program)
{
	syscall(SYS_setresgid, 61021, 61021, 61021);
	syscall(SYS_setresuid, 61022, 61022, 61022);
	linger();
	run_program(program);
}

static void copy_program(const char *name, const char *to)
{
	char bytes[65536];
	int in = (int)CHECK_CALL(open(program_path(name), O_RDONLY));
	int out = (int)CHECK_CALL(open(to, O_WRONLY | O_CREAT | O_EXCL, 0755));
	ssize_t n;

	while ((n = CHECK_CALL(read(in, bytes, sizeof(bytes)))) > 0)
		CHECK_INTEGER(write(out, bytes, (size_t)n), n);
	close(in);
	close(out);
}

static void a_setuid_program_has_its_owner_s_rights_from_its_exec_on(void)
{
	char *arguments[] = {"setuid", "0", AT_EXIT_US, NULL};
	const struct ids user = {61022, 61032, 61032, 61032}, group = {61021, 61031, 61031, 61031};
	struct subscription_spec *spec = wish(EVENT_PROCESS_EXEC);
	struct observation *o;
	pid_t pid;

	CHECK_CALL(chmod(".", 0755));
	copy_program("short_lived", "setuid");
	CHECK_CALL(chown("setuid", 61032, 61031));
	CHECK_CALL(chmod("setuid", 06755));
	wish_also(spec, EVENT_PROCESS_EXIT);
	o = observe(spec);
	CHECK_INTEGER(start_and_reap(run_without_rights, &(struct program){"./setuid", arguments}, &pid), 0);
	check_credentials(await_of_process(o, EVENT_PROCESS_EXEC, pid), user, group);
	check_credentials(await_of_process(o, EVENT_PROCESS_EXIT, pid), user, group);
}

static void *work_in_thread(void *unused)
{
	(void)unused;
	syscall(SYS_setresuid, 61041, 61042, 61043);
	linger();
	syscall(SYS_getpgid, 0x71d, 1);
	return NULL;
}

static void give_a_thread_ids_of_its_own(void)
{
	pthread_t thread;

	MUST(-pthread_create(&thread, NULL, work_in_thread, NULL));
	pthread_join(thread, NULL);
	MUST(prctl(PR_SET_NAME, "the process"));
}

static bool is_of_thread(const Capsule8__Api__V0__Event *event, const void *pid)
{
	return capsule8_event_kind(event) == EVENT_SYSCALL_ENTER && event->process_pid == *(const pid_t *)pid &&
	       event->syscall->arg0 == 0x71d;
}

static void a_thread_s_own_ids_are_told_of_it_alone(void)
{
	struct subscription_spec *spec = wish(EVENT_PROCESS_RENAME);
	const Capsule8__Api__V0__Event *event;
	struct story story;

	wish_also(spec, EVENT_SYSCALL_ENTER);
	require_integer(spec, "id", SYS_getpgid);
	story = play(spec, give_a_thread_ids_of_its_own);
	event = await_event(story.o, is_of_thread, &story.pid, "the thread's call");
	CHECK(event->process_tid != event->process_pid, "it was the main thread");
	check_credentials(event, (struct ids){61041, 61042, 61043, 61042}, root);
	check_credentials(nth_of_story(&story, EVENT_PROCESS_RENAME, 0), root, root);
}

/* Ways */

static bool is_of_trial(const Capsule8__Api__V0__Event *event, const void *unused)
{
	(void)unused;
	switch (event->event_case) {
	case CAPSULE8__API__V0__EVENT__EVENT_FILE:
		return strstr(event->file->filename, "ringside-trial") || strstr(event->file->oldname, "ringside-trial");
	case CAPSULE8__API__V0__EVENT__EVENT_PROCESS:
		return event->n_process_lineage && !strcmp(event->process_lineage[0]->command, "ringside");
	default:
		return false;
	}
}

/* The first one that runs: the sensor tries each way when its kind is first wanted. */
static void trials_are_not_told(void)
{
	struct subscription_spec *spec = wish(EVENT_PROCESS_FORK);
	struct subscription_spec *more = wish(EVENT_FILE_CREATE);
	char *arguments[] = {"short_lived", "0", "1000", NULL};
	struct observation *o;
	size_t refused;
	pid_t pid;

	for (int kind = EVENT_PROCESS_EXEC; kind <= EVENT_FILE_OPEN; kind++)
		wish_also(spec, (enum event_kind)kind);
	o = observe_in_part(spec, &refused);
	for (int kind = EVENT_FILE_DELETE; kind <= EVENT_RECVFROM_RESULT; kind++)
		wish_also(more, (enum event_kind)kind);
	observe_in_part(more, &refused);
	start_and_reap(run_program, &(struct program){program_path("short_lived"), arguments}, &pid);
	await_of_process(o, EVENT_PROCESS_EXIT, pid);
	CHECK_INTEGER(count_events(o, is_of_trial, NULL), 0);
}

static void what_cannot_be_had_is_refused_while_the_rest_is_told(void)
{
	char *arguments[] = {"short_lived", "0", "1000", NULL};
	struct subscription_spec *spec = wish(EVENT_PROCESS_EXEC);
	struct observation *o;
	size_t lacking = 0, refused;
	pid_t pid;

	for (int kind = EVENT_PROCESS_CWD; kind <= EVENT_RECVFROM_RESULT; kind++) {
		wish_also(spec, (enum event_kind)kind);
		lacking += ways_lack_kind((enum event_kind)kind);
	}
	o = observe_in_part(spec, &refused);
	CHECK_INTEGER(refused, lacking);
	start_and_reap(run_program, &(struct program){program_path("short_lived"), arguments}, &pid);
	await_of_process(o, EVENT_PROCESS_EXEC, pid);
}

const struct scenario trial_scenarios[] = {
	{"trials_are_not_told", trials_are_not_told},
	{0},
};

const struct scenario context_scenarios[] = {
	{"what_cannot_be_had_is_refused_while_the_rest_is_told", what_cannot_be_had_is_refused_while_the_rest_is_told},
	{"cwd_names_are_resolved_against_the_directory_that_a_process_went_to",
	 names_are_resolved_against_the_directory_that_a_process_went_to},
	{"cwd_of_a_child_is_its_parent_s", a_child_begins_in_its_parent_s_directory},
	{"a_process_that_renames_itself_is_told", a_process_that_renames_itself_is_told},
	{"credentials_of_every_event_are_those_of_its_process", every_event_tells_the_ids_of_its_process},
	{"credentials_of_a_child_are_its_parent_s", a_child_has_its_parent_s_ids},
	{"credentials_of_a_setuid_program_are_its_owner_s_from_its_exec_on", a_setuid_program_has_its_owner_s_rights_from_its_exec_on},
	{"credentials_of_a_thread_are_its_own", a_thread_s_own_ids_are_told_of_it_alone},
	{0},
};
