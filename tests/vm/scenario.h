#ifndef TESTS_VM_SCENARIO_H
#define TESTS_VM_SCENARIO_H

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/*
 * Scenarios: each does something that a running sensor must have seen, and compares what the sensor says with what it did. They run in the
 * guests of `make check-kernels`, and on any host as root:
 *
 *	ringside sensor --listen unix:/tmp/sock & build/tests/vm/scenarios --connect unix:/tmp/sock --only 'exec_*'
 *
 * One is a function without arguments that returns when all was as it should be. It runs in a process of its own, in an empty directory of
 * its own that is removed afterwards with everything that still runs in its process group, and has SCENARIO_SECONDS. So it cleans up
 * nothing, and a check that fails simply ends it:
 *
 *	static void a_shell_is_seen(void)
 *	{
 *		struct observation *o = observe(wish(EVENT_PROCESS_EXEC));
 *		pid_t pid = start(run_a_shell, NULL);
 *		const Capsule8__Api__V0__Event *exec = await_of_process(o, EVENT_PROCESS_EXEC, pid);
 *
 *		CHECK_STRING(exec->process->exec_filename, "/bin/sh");
 *	}
 *
 * A family has a file FAMILY_scenarios.c, which exports a table of its scenarios, and a line here and in main.c.
 */

#define SCENARIO_SECONDS 90

struct scenario {
	const char *name;
	void (*run)(void);
};

/* Ends with a row without a name. */
extern const struct scenario process_scenarios[];
extern const struct scenario exit_scenarios[];
extern const struct scenario syscall_scenarios[];
extern const struct scenario network_scenarios[];
extern const struct scenario file_scenarios[];
extern const struct scenario context_scenarios[];
extern const struct scenario container_scenarios[];
extern const struct scenario trial_scenarios[];
extern const struct scenario counter_scenarios[];
extern const struct scenario call_scenarios[];
extern const struct scenario filter_scenarios[];

/* End the scenario: it failed, or it cannot be tried here. For its own process only, not for children that it has made. */
void scenario_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void scenario_skip(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* And this: all was as it should be. */
void scenario_pass(void) __attribute__((noreturn));

#define CHECK(condition, ...)                                       \
	do {                                                        \
		if (!(condition))                                   \
			scenario_fail(#condition ": " __VA_ARGS__); \
	} while (0)

/* For what a call of the system returns. */
#define CHECK_CALL(call) check_call((call), #call)

/* Integers of any type, compared as 64-bit ones. */
#define CHECK_INTEGER(actual, expected) check_integer((int64_t)(actual), (int64_t)(expected), #actual)
#define CHECK_STRING(actual, expected)  check_string((actual), (expected), #actual)

long check_call(long result, const char *what);
void check_integer(int64_t actual, int64_t expected, const char *what);
void check_string(const char *actual, const char *expected, const char *what);

/* Makes a process by fork(2) that runs `run(context)` and then exits with 0. It may call what is async-signal-safe, exec for example, and
 * none of the checks: there are other threads in the scenario's process. */
pid_t start(void (*run)(void *context), void *context);
/* Waits for its end; returns the status as wait(2) has it. */
int reap(pid_t pid);
/* Both. */
int start_and_reap(void (*run)(void *context), void *context, pid_t *ret_pid);

/* For start(): execs context's `path` with its `arguments` (argv, NULL at the end) and an empty environment; exits with 127 when that fails. */
struct program {
	const char *path;
	char *const *arguments;
};
void run_program(void *program);

/* The path of a program that was built with the scenarios: of tests/vm/programs/ or tests/load/, or of ringside itself. Lives until the scenario's end. */
const char *program_path(const char *name);

/* The sensor's address. */
const char *scenario_address(void);
void scenario_set_address(const char *address);

/* For main.c: runs one, and prints its line: "ok NAME", "not ok NAME: reason" or "skip NAME: reason". False: it failed. */
int scenario_run(const struct scenario *scenario);

#endif
