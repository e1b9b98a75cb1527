#include "tests/vm/observation.h"
#include "tests/vm/scenario.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX  512
#define LONG_PATH_SIZE 4000

static void do_nothing(void *unused)
{
	(void)unused;
}

struct child_of {
	pid_t parent;
	pid_t child;
};

static bool matches_fork(const Capsule8__Api__V0__Event *event, const void *child_of)
{
	const struct child_of *wanted = child_of;

	return capsule8_event_kind(event) == EVENT_PROCESS_FORK && event->process_pid == wanted->parent &&
	       event->process->fork_child_pid == wanted->child;
}

static const Capsule8__Api__V0__Event *await_fork(struct observation *o, pid_t child)
{
	return await_event(o, matches_fork, &(struct child_of){getpid(), child}, "the fork");
}

static struct observation *observe_processes(void)
{
	struct subscription_spec *spec = wish(EVENT_PROCESS_FORK);

	wish_also(spec, EVENT_PROCESS_EXEC);
	wish_also(spec, EVENT_PROCESS_EXIT);
	return observe(spec);
}

static void check_arguments(const Capsule8__Api__V0__ProcessEvent *exec, char *const *expected)
{
	size_t count = 0;

	while (expected[count])
		count++;
	CHECK(!exec->exec_command_line_truncated, "only %zu of %zu arguments came", exec->n_exec_command_line, count);
	CHECK_INTEGER(exec->n_exec_command_line, count);
	for (size_t i = 0; i < count; i++)
		CHECK_STRING(exec->exec_command_line[i], expected[i]);
}

/* Executes it as `path` with these arguments and checks that the sensor tells the same, and its exit status. */
static void check_exec(const char *path, char *const *arguments, int status)
{
	struct observation *o = observe_processes();
	const Capsule8__Api__V0__Event *exec;
	const Capsule8__Api__V0__Event *exit;
	pid_t pid;

	CHECK_INTEGER(start_and_reap(run_program, &(struct program){path, arguments}, &pid), status << 8);
	exec = await_of_process(o, EVENT_PROCESS_EXEC, pid);
	exit = await_of_process(o, EVENT_PROCESS_EXIT, pid);
	CHECK_STRING(exec->process->exec_filename, path);
	check_arguments(exec->process, arguments);
	CHECK_INTEGER(exit->process->exit_code, status << 8);
	CHECK_STRING(exit->process_id, exec->process_id);
	settle(o);
	CHECK_INTEGER(count_events(o, matches_process, &(struct of_process){EVENT_PROCESS_EXEC, pid}), 1);
}

static void fork_tells_the_child_and_its_id(void)
{
	struct observation *o = observe_processes();
	const Capsule8__Api__V0__Event *fork;
	const Capsule8__Api__V0__Event *exit;
	pid_t pid;

	start_and_reap(do_nothing, NULL, &pid);
	fork = await_fork(o, pid);
	exit = await_of_process(o, EVENT_PROCESS_EXIT, pid);
	CHECK(*fork->process->fork_child_id, "the child has no id");
	CHECK_STRING(exit->process_id, fork->process->fork_child_id);
	CHECK(strcmp(fork->process_id, exit->process_id) != 0, "parent and child have the same id");
	CHECK(fork->sensor_sequence_number < exit->sensor_sequence_number, "the exit came before the fork");
}

static void fork_tells_the_flags_of_clone(void)
{
	static const unsigned long flags[] = {0, CLONE_FS, CLONE_FS | CLONE_FILES, CLONE_VFORK | CLONE_SYSVSEM};
	struct observation *o = observe_processes();

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		pid_t pid = (pid_t)syscall(SYS_clone, flags[i] | SIGCHLD, 0L, 0L, 0L, 0L);

		if (!pid)
			_exit(0);
		CHECK_CALL(pid);
		reap(pid);
		/* The signal in the lowest byte is no flag; old kernels have it there. */
		CHECK_INTEGER(await_fork(o, pid)->process->fork_clone_flags & ~(uint64_t)CSIGNAL, flags[i]);
	}
}

static void threads_are_no_forks(void)
{
	struct observation *o = observe_processes();
	pthread_t thread;
	pid_t pid;

	CHECK_INTEGER(pthread_create(&thread, NULL, (void *(*)(void *))(void (*)(void))do_nothing, NULL), 0);
	pthread_join(thread, NULL);
	start_and_reap(do_nothing, NULL, &pid);
	await_of_process(o, EVENT_PROCESS_EXIT, pid);
	settle(o);
	CHECK_INTEGER(count_events(o, matches_process, &(struct of_process){EVENT_PROCESS_FORK, getpid()}), 1);
	CHECK_INTEGER(count_events(o, matches_process, &(struct of_process){EVENT_PROCESS_EXIT, getpid()}), 0);
}

static void exec_tells_path_and_arguments(void)
{
	char *arguments[] = {"a name of its own", "0", "20000", "", "two  words", "line\nbreak", "--flag=caf\303\251", NULL};

	check_exec(program_path("short_lived_dynamic"), arguments, 0);
}

static void exec_tells_200_arguments(void)
{
	char *arguments[201] = {"short_lived", "3", "20000"};

	for (int i = 3; i < 200; i++)
		CHECK_CALL(asprintf(&arguments[i], "argument %d %.*s", i, i % 60,
				    "----------------------------------------------------------"));
	check_exec(program_path("short_lived_dynamic"), arguments, 3);
}

static void exec_tells_128_kib_of_arguments(void)
{
	char *arguments[132] = {"short_lived", "4", "20000"};

	for (int i = 3; i < 131; i++) {
		CHECK_CALL(asprintf(&arguments[i], "%01023d", i));
	}
	check_exec(program_path("short_lived_dynamic"), arguments, 4);
}

static void a_static_program_that_lives_1_ms_has_all_its_arguments(void)
{
	char *arguments[] = {"short_lived", "5", "1000", "one", "", "three", NULL};

	check_exec(program_path("short_lived"), arguments, 5);
}

#define AT_ONCE_PROGRAMS  100
#define AT_ONCE_ARGUMENTS 20

/* Nothing but what is captured during the exec itself can be had of them. */
static void static_programs_that_end_at_once_have_all_their_arguments(void)
{
	char *arguments[AT_ONCE_PROGRAMS][AT_ONCE_ARGUMENTS + 1] = {0};
	struct observation *o = observe(wish(EVENT_PROCESS_EXEC));
	pid_t pids[AT_ONCE_PROGRAMS];

	for (int i = 0; i < AT_ONCE_PROGRAMS; i++) {
		arguments[i][0] = "short_lived";
		arguments[i][1] = arguments[i][2] = "0";
		for (int k = 3; k < AT_ONCE_ARGUMENTS; k++)
			CHECK_CALL(asprintf(&arguments[i][k], "%d of program %d", k, i));
		start_and_reap(run_program, &(struct program){program_path("short_lived"), arguments[i]}, &pids[i]);
	}
	for (int i = 0; i < AT_ONCE_PROGRAMS; i++)
		check_arguments(await_of_process(o, EVENT_PROCESS_EXEC, pids[i])->process, arguments[i]);
}

static void an_exec_path_is_told_as_the_caller_gave_it(void)
{
	char *arguments[] = {"short_lived", "6", "20000", NULL};

	CHECK_CALL(mkdir("folder", 0755));
	CHECK_CALL(symlink(program_path("short_lived"), "folder/a link"));
	check_exec("./folder//../folder/a link", arguments, 6);
}

/* Directories with names of 200 characters, and a link that fills the rest. */
static void an_exec_path_of_4000_bytes_is_whole(void)
{
	char *arguments[] = {"short_lived", "7", "20000", NULL};
	char path[LONG_PATH_SIZE + 1];
	size_t length = 0;

	CHECK(getcwd(path, sizeof(path)), "no current directory");
	length = strlen(path);
	while (LONG_PATH_SIZE - length > 250) {
		path[length++] = '/';
		memset(path + length, 'a' + (int)(length % 26), 200);
		length += 200;
		path[length] = '\0';
		CHECK_CALL(mkdir(path, 0755));
	}
	path[length++] = '/';
	memset(path + length, 'x', LONG_PATH_SIZE - length);
	path[LONG_PATH_SIZE] = '\0';
	CHECK_CALL(symlink(program_path("short_lived"), path));
	check_exec(path, arguments, 7);
}

static void run_descriptor(void *descriptor)
{
	char *const arguments[] = {"short_lived", "8", "1000", NULL};
	char *const environment[] = {NULL};

	syscall(SYS_execveat, *(int *)descriptor, "", arguments, environment, AT_EMPTY_PATH);
	_exit(127);
}

static void exec_of_a_descriptor_is_told_as_the_kernel_names_it(void)
{
	struct observation *o = observe_processes();
	int descriptor = (int)CHECK_CALL(open(program_path("short_lived"), O_RDONLY));
	char name[32];
	pid_t pid;

	CHECK_INTEGER(start_and_reap(run_descriptor, &descriptor, &pid), 8 << 8);
	snprintf(name, sizeof(name), "/dev/fd/%d", descriptor);
	CHECK_STRING(await_of_process(o, EVENT_PROCESS_EXEC, pid)->process->exec_filename, name);
}

static void a_script_is_told_with_its_interpreter_first(void)
{
	struct observation *o = observe_processes();
	const char *interpreter = program_path("short_lived");
	char *arguments[] = {"script", "20000", "end", NULL};
	char *seen[] = {(char *)interpreter, "9", "./script", "20000", "end", NULL};
	FILE *file = fopen("script", "w");
	const Capsule8__Api__V0__Event *exec;
	pid_t pid;

	CHECK(file, "cannot make a file");
	fprintf(file, "#!%s 9\n", interpreter);
	fclose(file);
	CHECK_CALL(chmod("script", 0755));
	CHECK_INTEGER(start_and_reap(run_program, &(struct program){"./script", arguments}, &pid), 9 << 8);
	exec = await_of_process(o, EVENT_PROCESS_EXEC, pid);
	CHECK_STRING(exec->process->exec_filename, "./script");
	check_arguments(exec->process, seen);
}

static void *exec_in_thread(void *program)
{
	run_program(program);
	return NULL;
}

static void run_program_in_a_thread(void *program)
{
	pthread_t thread;

	pthread_create(&thread, NULL, exec_in_thread, program);
	for (;;)
		pause();
}

/* The kernel gives the thread the process's number, before anyone is told of the exec. */
static void exec_by_a_thread_is_the_process_s(void)
{
	struct observation *o = observe_processes();
	char *arguments[] = {"short_lived", "10", "20000", NULL};
	const Capsule8__Api__V0__Event *exec;
	const Capsule8__Api__V0__Event *fork;
	pid_t pid;

	CHECK_INTEGER(start_and_reap(run_program_in_a_thread, &(struct program){program_path("short_lived"), arguments}, &pid), 10 << 8);
	exec = await_of_process(o, EVENT_PROCESS_EXEC, pid);
	fork = await_fork(o, pid);
	CHECK_INTEGER(exec->process_tid, pid);
	CHECK_STRING(exec->process_id, fork->process->fork_child_id);
	check_arguments(exec->process, arguments);
}

static void the_lineage_goes_up_to_the_first_process(void)
{
	struct observation *o = observe_processes();
	char *arguments[] = {"short_lived", "0", "1000", NULL};
	const Capsule8__Api__V0__Event *exit;
	pid_t pid;

	start_and_reap(run_program, &(struct program){program_path("short_lived"), arguments}, &pid);
	exit = await_of_process(o, EVENT_PROCESS_EXIT, pid);
	CHECK(exit->n_process_lineage >= 3, "only %zu processes in the lineage", exit->n_process_lineage);
	CHECK_INTEGER(exit->process_lineage[0]->pid, pid);
	CHECK_STRING(exit->process_lineage[0]->command, "short_lived");
	CHECK_INTEGER(exit->process_lineage[1]->pid, getpid());
	CHECK_STRING(exit->process_lineage[1]->command, "scenarios");
	CHECK_INTEGER(exit->process_lineage[2]->pid, getppid());
	CHECK_INTEGER(exit->process_lineage[exit->n_process_lineage - 1]->pid, 1);
}

static void a_filter_on_the_exec_path_lets_only_its_programs_through(void)
{
	struct subscription_spec *spec = wish(EVENT_PROCESS_EXEC);
	char *arguments[] = {"short_lived", "0", "1000", NULL};
	struct observation *o;
	pid_t unwanted;
	pid_t pid;

	require_string(spec, "exec_filename", PREDICATE_GLOB, "*/short_lived_dyn?mic");
	o = observe(spec);
	start_and_reap(run_program, &(struct program){program_path("short_lived"), arguments}, &unwanted);
	start_and_reap(run_program, &(struct program){program_path("short_lived_dynamic"), arguments}, &pid);
	await_of_process(o, EVENT_PROCESS_EXEC, pid);
	settle(o);
	CHECK_INTEGER(count_events(o, matches_process, &(struct of_process){EVENT_PROCESS_EXEC, unwanted}), 0);
}

const struct scenario process_scenarios[] = {
	{"fork_tells_the_child_and_its_id", fork_tells_the_child_and_its_id},
	{"fork_tells_the_flags_of_clone", fork_tells_the_flags_of_clone},
	{"threads_are_no_forks", threads_are_no_forks},
	{"exec_tells_path_and_arguments", exec_tells_path_and_arguments},
	{"exec_tells_200_arguments", exec_tells_200_arguments},
	{"exec_tells_128_kib_of_arguments", exec_tells_128_kib_of_arguments},
	{"a_static_program_that_lives_1_ms_has_all_its_arguments", a_static_program_that_lives_1_ms_has_all_its_arguments},
	{"static_programs_that_end_at_once_have_all_their_arguments", static_programs_that_end_at_once_have_all_their_arguments},
	{"an_exec_path_is_told_as_the_caller_gave_it", an_exec_path_is_told_as_the_caller_gave_it},
	{"an_exec_path_of_4000_bytes_is_whole", an_exec_path_of_4000_bytes_is_whole},
	{"exec_of_a_descriptor_is_told_as_the_kernel_names_it", exec_of_a_descriptor_is_told_as_the_kernel_names_it},
	{"a_script_is_told_with_its_interpreter_first", a_script_is_told_with_its_interpreter_first},
	{"exec_by_a_thread_is_the_process_s", exec_by_a_thread_is_the_process_s},
	{"the_lineage_goes_up_to_the_first_process", the_lineage_goes_up_to_the_first_process},
	{"a_filter_on_the_exec_path_lets_only_its_programs_through", a_filter_on_the_exec_path_lets_only_its_programs_through},
	{0},
};
