/*
 * Runs Criterion tests without Criterion's own runner: that one maps memory where ThreadSanitizer has its shadow, and does not start.
 * Linked into the test programs of `make tsan` only, in front of libcriterion, whose assertions go on to work with these functions.
 *
 * One forked process per test, one after another. Takes and ignores Criterion's options; ends with a line like Criterion's.
 */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMEOUT_SECONDS 120
#define STATUS_FAILED   1
#define STATUS_SKIPPED  77

/* What Test() and TestSuite() leave in the program (criterion/internal/test.h). */
extern struct criterion_test *__start_cr_tst[];
extern struct criterion_test *__stop_cr_tst[];
extern struct criterion_suite *__start_cr_sts[] __attribute__((weak));
extern struct criterion_suite *__stop_cr_sts[] __attribute__((weak));

static const struct criterion_test *running;
static const struct criterion_test_extra_data *running_suite;
static bool failed;

void criterion_send_assert(struct criterion_assert_stats *stats)
{
	if (stats->passed)
		return;
	failed = true;
	fprintf(stderr, "%s:%u: %s\n", stats->file, stats->line, stats->message ? stats->message : "");
}

void criterion_abort_test(void)
{
	exit(STATUS_FAILED);
}

void criterion_test_die(const char *message, ...)
{
	fprintf(stderr, "%s\n", message);
	exit(STATUS_FAILED);
}

void criterion_skip_test(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(STATUS_SKIPPED);
}

void cri_asserts_passed_incr(void)
{
}

void criterion_internal_test_setup(void)
{
	if (running_suite && running_suite->init)
		running_suite->init();
	if (running->data->init)
		running->data->init();
}

void criterion_internal_test_main(void (*test)(void))
{
	test();
}

void criterion_internal_test_teardown(void)
{
	if (running->data->fini)
		running->data->fini();
	if (running_suite && running_suite->fini)
		running_suite->fini();
}

static const struct criterion_test_extra_data *suite_of(const struct criterion_test *test)
{
	for (struct criterion_suite **s = __start_cr_sts; s && s < __stop_cr_sts; s++)
		if (*s && !strcmp((*s)->name, test->category))
			return (*s)->data;
	return NULL;
}

static bool run(const struct criterion_test *test)
{
	int status = 0, expected_signal = test->data->signal;
	pid_t pid;

	running = test;
	running_suite = suite_of(test);
	if (!expected_signal && running_suite)
		expected_signal = running_suite->signal;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		alarm(TIMEOUT_SECONDS);
		test->test();
		exit(failed ? STATUS_FAILED : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return false;
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == expected_signal;
	if (WEXITSTATUS(status) == STATUS_SKIPPED)
		fprintf(stderr, "[SKIP] %s::%s\n", test->category, test->name);
	return !expected_signal && (WEXITSTATUS(status) == test->data->exit_code || WEXITSTATUS(status) == STATUS_SKIPPED);
}

int main(void)
{
	unsigned int passing = 0, failing = 0;

	for (struct criterion_test **t = __start_cr_tst; t < __stop_cr_tst; t++) {
		if (!*t || (*t)->data->disabled)
			continue;
		if (run(*t)) {
			passing++;
			continue;
		}
		failing++;
		fprintf(stderr, "[FAIL] %s::%s\n", (*t)->category, (*t)->name);
	}
	fprintf(stderr, "[====] Synthesis: Tested: %u | Passing: %u | Failing: %u | Crashing: 0 \n", passing + failing, passing, failing);
	return failing ? 1 : 0;
}
