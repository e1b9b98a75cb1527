#include "base/clock.h"
#include "sensor/plan.h"
#include "sensor/sensor.h"
#include "tests/support/probed_program.h"
#include "tracing/collector.h"
#include "tracing/dynamic_probe.h"
#include "tracing/tracefs.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM TEST_PROBED "/called"
#define CALLS   5
#define TOGGLES 40

#define SEEN_MAX  32
#define ARGS_MAX  16
#define BYTES_MAX 64

struct seen_argument {
	char name[32];
	enum call_argument_type type;
	int64_t integer;
	char bytes[BYTES_MAX];
	size_t length;
};

struct seen {
	enum event_kind kind;
	enum event_capture capture;
	uint32_t tgid;
	const struct probe_request *request;
	struct seen_argument arguments[ARGS_MAX];
	uint32_t count;
};

static struct sample_source *source;
static struct sensor *sensor;
static struct seen seen[SEEN_MAX];
static size_t seen_count;
static struct plan plan;
static struct error refusals[8];
static pid_t watched; /* other tests run the same program at the same time */
static char root[] = "/tmp/call_source_live_XXXXXX";

static void take_event(void *context, struct event *event)
{
	struct seen *to = &seen[seen_count];

	(void)context;
	if (!event->request || event->tgid != (uint32_t)watched)
		return;
	cr_assert_lt(seen_count++, SEEN_MAX);
	*to = (struct seen){event->kind, event->capture, event->tgid, event->request, .count = event->call.count};
	cr_assert_leq(event->call.count, ARGS_MAX);
	for (uint32_t i = 0; i < event->call.count; i++) {
		const struct call_argument *from = &event->call.arguments[i];

		snprintf(to->arguments[i].name, sizeof(to->arguments[i].name), "%s", from->name);
		to->arguments[i].type = from->type;
		to->arguments[i].integer = (int64_t)from->integer;
		to->arguments[i].length = from->bytes.length;
		if (from->type == CALL_STRING || from->type == CALL_BYTES)
			memcpy(to->arguments[i].bytes, from->bytes.bytes,
			       from->bytes.length < BYTES_MAX ? from->bytes.length : BYTES_MAX - 1);
	}
}

static void take_flush(void *context)
{
	(void)context;
}

static void prepare(void)
{
	const struct collector_options collector = {.ring_memory_bytes = 1 << 20, .reorder_ns = 500000};
	const struct sensor_consumer consumer = {.event = take_event, .flush = take_flush};
	struct sensor_options options = {.probes = {.with_trials = true, .max_requests = 3}};
	struct error err = {0};

	cr_assert_eq(collector_open(&source, &collector, &err), 0, "%s", err.message);
	options.source = source;
	cr_assert_eq(sensor_new(&sensor, &options, &consumer, &err), 0, "%s", err.message);
	cr_assert_not_null(mkdtemp(root));
}

static void clean_up(void)
{
	char command[128];

	plan_done(&plan);
	sensor_free(sensor);
	snprintf(command, sizeof(command), "rm -rf %s", root);
	cr_assert_eq(system(command), 0);
}

TestSuite(call_source_live, .init = prepare, .fini = clean_up, .timeout = 120);

static void apply(void)
{
	struct error kinds[EVENT_KIND_COUNT] = {0};

	sensor_apply(sensor, &plan, kinds);
}

/* `text` is "NAME=EXPRESSION NAME=EXPRESSION". */
static struct probe_request *make_request(enum event_kind kind, const char *executable, const char *symbol, const char *text,
					  const char *filter)
{
	struct probe_parameter parameters[PROBE_PARAMETERS_MAX];
	struct probe_request *request = NULL;
	char *copy = strdup(text), *rest, *word;
	struct error err = {0};
	size_t count = 0;

	for (word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		parameters[count].name = word;
		parameters[count].expression = strchr(word, '=') + 1;
		*strchr(word, '=') = '\0';
		count++;
	}
	cr_assert_eq(probe_request_new_call(&request, kind, executable, symbol, parameters, count, filter, &err), 0, "%s", err.message);
	free(copy);
	return request;
}

/* Wants it, too; returns why it cannot be had. */
static const struct error *want(enum event_kind kind, const char *executable, const char *symbol, const char *text, const char *filter)
{
	struct probe_request *request = make_request(kind, executable, symbol, text, filter);
	struct error *refusal = &refusals[plan.request_count];

	cr_assert_eq(plan_add_request(&plan, request, refusal), 0);
	probe_request_unref(request);
	apply();
	return refusal;
}

static void want_well(enum event_kind kind, const char *executable, const char *symbol, const char *text, const char *filter)
{
	const struct error *refusal = want(kind, executable, symbol, text, filter);

	cr_assert_eq(refusal->code, 0, "%s", refusal->message);
}

static void want_nothing(void)
{
	plan_done(&plan);
	apply();
}

static void expect_refused(const struct error *refusal, int code, const char *part)
{
	cr_expect_eq(refusal->code, code, "%d: %s", refusal->code, refusal->message);
	cr_expect(strstr(refusal->message, part), "no \"%s\" in: %s", part, refusal->message);
	want_nothing();
}

static void enter_chroot(void)
{
	probed_program_enter_chroot(root, PROGRAM ".fixed");
}

static struct probed_program start(void (*enter)(void), const char *path)
{
	struct probed_program program = probed_program_start(enter, path, CALLS);

	watched = program.pid;
	return program;
}

/* Lets it run to its end, and takes all that it has done. */
static void finish(struct probed_program program)
{
	uint64_t end_ns;

	probed_program_finish(program);
	for (end_ns = clock_monotonic_ns() + 20 * NSEC_PER_MSEC; clock_monotonic_ns() < end_ns;)
		sensor_round(sensor, UINT32_MAX);
}

static const struct seen_argument *argument(const struct seen *of, const char *name, enum call_argument_type type)
{
	for (uint32_t i = 0; i < of->count; i++) {
		if (strcmp(of->arguments[i].name, name) != 0)
			continue;
		cr_assert_eq(of->arguments[i].type, type, "%s is of type %d", name, (int)of->arguments[i].type);
		return &of->arguments[i];
	}
	cr_assert_fail("there is no %s", name);
	return NULL;
}

#define ARGUMENTS "number=+0($arg1):s64 value=+8(%di):s32 unit=+0(+16($arg1)):string label=+0($arg2):ustring scale=$arg3:s16 who=$comm"

static void expect_all_calls(pid_t pid, const char *comm)
{
	cr_assert_eq(seen_count, CALLS, "%zu calls", seen_count);
	for (int i = 0; i < CALLS; i++) {
		const struct seen *call = &seen[i];
		char label[32];

		snprintf(label, sizeof(label), "label %d", i);
		cr_expect_eq(call->kind, EVENT_USER_CALL_ENTER);
		cr_expect_eq(call->capture, CAPTURE_CALLER);
		cr_expect_eq(call->tgid, (uint32_t)pid);
		cr_expect_eq(call->request, plan.requests[0].request);
		cr_expect_eq(argument(call, "number", CALL_SINT64)->integer, 1000 + i);
		cr_expect_eq(argument(call, "value", CALL_SINT32)->integer, i * -3);
		cr_expect_eq(argument(call, "scale", CALL_SINT16)->integer, i - 2);
		cr_expect_str_eq(argument(call, "unit", CALL_STRING)->bytes, "volt");
		cr_expect_str_eq(argument(call, "label", CALL_STRING)->bytes, label);
		cr_expect_str_eq(argument(call, "who", CALL_STRING)->bytes, comm);
		cr_expect_eq(argument(call, "common_pid", CALL_SINT32)->integer, pid);
		cr_expect_neq(argument(call, "__probe_ip", CALL_UINT64)->integer, 0);
		cr_expect_str_eq(call->arguments[0].name, "number");
		cr_expect_str_eq(call->arguments[6].name, "common_type");
	}
}

Test(call_source_live, a_programs_function_tells_integers_strings_and_members_of_structs)
{
	struct probed_program program = start(NULL, PROGRAM);

	want_well(EVENT_USER_CALL_ENTER, PROGRAM, "measure", ARGUMENTS, NULL);
	finish(program);
	expect_all_calls(program.pid, "called");
}

Test(call_source_live, a_function_of_a_program_in_a_chroot_is_watched_by_the_path_through_its_process)
{
	struct probed_program program = start(enter_chroot, "/bin/tool");
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/root/bin/tool", program.pid);
	want_well(EVENT_USER_CALL_ENTER, path, "measure", ARGUMENTS, NULL);
	finish(program);
	expect_all_calls(program.pid, "tool");
}

Test(call_source_live, a_return_tells_the_value)
{
	struct probed_program program = start(NULL, PROGRAM);

	want_well(EVENT_USER_CALL_EXIT, PROGRAM, "measure", "result=$retval:s32", NULL);
	finish(program);
	cr_assert_eq(seen_count, CALLS, "%zu calls", seen_count);
	for (int i = 0; i < CALLS; i++) {
		cr_expect_eq(seen[i].kind, EVENT_USER_CALL_EXIT);
		cr_expect_eq(argument(&seen[i], "result", CALL_SINT32)->integer, i * 3);
		cr_expect_neq(argument(&seen[i], "__probe_ret_ip", CALL_UINT64)->integer, 0);
	}
}

Test(call_source_live, entry_and_return_of_one_function_come_in_turn)
{
	struct probed_program program = start(NULL, PROGRAM);

	want_well(EVENT_USER_CALL_ENTER, PROGRAM, "measure", "value=+8(%di):s32", NULL);
	want_well(EVENT_USER_CALL_EXIT, PROGRAM, "measure", "", NULL);
	finish(program);
	cr_assert_eq(seen_count, 2 * CALLS, "%zu", seen_count);
	for (int i = 0; i < 2 * CALLS; i++)
		cr_expect_eq(seen[i].request, plan.requests[i % 2].request);
}

Test(call_source_live, a_filter_on_arguments_lets_its_calls_through_and_no_others)
{
	struct probed_program program = start(NULL, PROGRAM);

	want_well(EVENT_USER_CALL_ENTER, PROGRAM, "measure", ARGUMENTS, "value == -9 || label == \"label 1\"");
	finish(program);
	cr_assert_eq(seen_count, 2);
	cr_expect_str_eq(argument(&seen[0], "label", CALL_STRING)->bytes, "label 1");
	cr_expect_eq(argument(&seen[1], "value", CALL_SINT32)->integer, -9);
}

Test(call_source_live, what_cannot_be_had_is_refused_with_the_reason)
{
	expect_refused(want(EVENT_USER_CALL_ENTER, PROGRAM, "measuer", "", NULL), -ENOENT, "near it: measure");
	expect_refused(want(EVENT_USER_CALL_ENTER, "/no/such", "measure", "", NULL), -ENOENT, "/no/such");
	expect_refused(want(EVENT_USER_CALL_ENTER, PROGRAM, "measure", "a=%di value=+8(%di:s32", NULL), -EINVAL, "argument value");
	expect_refused(want(EVENT_USER_CALL_ENTER, PROGRAM, "measure", "a=%di common_pid=%di", NULL), -EINVAL, "common_pid");
	expect_refused(want(EVENT_USER_CALL_ENTER, PROGRAM, "measure", "r=$retval", NULL), -EINVAL, "argument r");
	cr_assert_eq(seen_count, 0);
}

Test(call_source_live, the_kernels_reason_comes_with_the_argument_and_the_word)
{
	expect_refused(want(EVENT_USER_CALL_ENTER, PROGRAM, "measure", "a=%di:u64 bad=+8(%nonsense):s32", NULL), -EINVAL,
		       "measure: argument bad: Invalid register name, at \"%nonsense):s32\" of \"bad=+8(%nonsense):s32\"");
}

Test(call_source_live, a_filter_that_the_kernel_refuses_is_refused_with_its_words_and_the_word)
{
	const struct error *refusal = want(EVENT_USER_CALL_ENTER, PROGRAM, "measure", "a=%di:u64", "a == 1 && nothing == 2");

	cr_expect(strstr(refusal->message, "Field not found, at \"nothing == 2\""), "%s", refusal->message);
	expect_refused(refusal, -EINVAL, "measure: the kernel refuses the filter");
}

static size_t count_ours(void)
{
	struct error err = {0};
	size_t count = 0;
	char *list;

	cr_assert_eq(tracefs_read_list("uprobe_events", &list, &err), 0, "%s", err.message);
	for (const char *at = list; at && (at = strstr(at, dynamic_probe_group())); at++)
		count++;
	free(list);
	return count;
}

Test(call_source_live, not_more_than_the_limit_are_watched_at_once)
{
	want_well(EVENT_USER_CALL_ENTER, PROGRAM, "measure", "a=%di", NULL);
	want_well(EVENT_USER_CALL_ENTER, PROGRAM, "measure", "b=%di", NULL);
	want_well(EVENT_USER_CALL_ENTER, PROGRAM, "measure", "c=%di", NULL);
	cr_expect_eq(count_ours(), 3);
	expect_refused(want(EVENT_USER_CALL_ENTER, PROGRAM, "measure", "d=%di", NULL), -ENOSPC, "limit");
	want_well(EVENT_USER_CALL_ENTER, PROGRAM, "measure", "d=%di", NULL);
	cr_expect_eq(count_ours(), 1);
}

Test(call_source_live, watching_40_functions_one_after_the_other_leaves_nothing_behind)
{
	char text[32];

	for (int i = 0; i < TOGGLES; i++) {
		snprintf(text, sizeof(text), "argument_%d=+%d(%%di):s32", i, i);
		want_well(i % 2 ? EVENT_USER_CALL_EXIT : EVENT_USER_CALL_ENTER, PROGRAM, "measure", i % 2 ? "r=$retval" : text, NULL);
		cr_assert_eq(count_ours(), 1);
		want_nothing();
		cr_assert_eq(count_ours(), 0);
	}
}
