#include "proto/capsule8_encoder.h"

#include "base/clock.h"
#include "proto/capsule8_events.h"
#include "sensor/process_cache.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENSOR "0123456789abcdef"
#define R      "\xef\xbf\xbd" /* U+FFFD */

static struct encoder *encoder;
static struct buffer out;
static Capsule8__Api__V0__GetEventsResponse *response;
static struct process_cache *cache;
static struct process *init, *shell, *child;

/* Beyond what the kernel allows (PID_MAX_LIMIT, 4194304), so that no process of this host gets in the way. */
enum {
	INIT = 5000001,
	SHELL = 5004000,
	SHELL_THREAD = 5004005,
	CHILD = 5004001
};

static struct process *make_process(uint32_t tgid, const char *comm, const struct process *parent)
{
	struct process *p = process_cache_fork(cache, parent ? parent->tgid : 0, tgid, 0, comm, NSEC_PER_SEC);

	cr_assert_not_null(p);
	return p;
}

static void set_up(void)
{
	static const struct process_cache_options options;
	struct error err = {0};

	encoder = capsule8_encoder_new(SENSOR);
	cr_assert_not_null(encoder);
	buffer_init(&out, 0);
	cr_assert_eq(process_cache_new(&cache, &options, &err), 0, "%s", err.message);
	init = make_process(INIT, "init", NULL);
	shell = make_process(SHELL, "bash", init);
	child = make_process(CHILD, "ls", shell);
}

static void tear_down(void)
{
	encoder = capsule8_encoder_free(encoder);
	cr_expect_null(encoder);
	response = capsule8_response_free(response);
	buffer_done(&out);
	process_cache_free(cache);
}

TestSuite(encoder, .init = set_up, .fini = tear_down);

/* An event about `shell` with everything that all kinds have in common. */
static struct event event_of(enum event_kind kind)
{
	return (struct event){.kind = kind,
			      .cpu = 3,
			      .tid = SHELL_THREAD,
			      .tgid = SHELL,
			      .time_ns = 123456789012345,
			      .sequence = 0xfedc,
			      .process = shell};
}

static const Capsule8__Api__V0__Event *decoded(size_t index, size_t count)
{
	struct error err = {0};

	response = capsule8_response_free(response);
	cr_assert_not(out.failed);
	cr_assert_eq(capsule8_response_unpack(out.data, out.length, &response, &err), 0, "%s", err.message);
	cr_assert_eq(response->n_events, count);
	cr_assert_eq(response->n_statuses, 0);
	cr_assert_null(response->base.unknown_fields);
	cr_assert_not_null(response->events[index]->event);
	cr_assert_eq(response->events[index]->event->base.n_unknown_fields, 0);
	return response->events[index]->event;
}

static const Capsule8__Api__V0__Event *encoded(const struct event *event)
{
	buffer_clear(&out);
	encoder->encode(encoder, event, &out);
	return decoded(0, 1);
}

static void expect_common(const Capsule8__Api__V0__Event *e)
{
	cr_expect_str_eq(e->id, SENSOR "-000000000000fedc");
	cr_expect_str_eq(e->sensor_id, SENSOR);
	cr_expect_eq(e->sensor_sequence_number, 0xfedc);
	cr_expect_eq(e->sensor_monotime_nanos, 123456789012345);
	cr_expect_eq(e->cpu, 3);
	cr_expect_eq(e->process_tid, SHELL_THREAD);
	cr_expect_eq(e->process_pid, SHELL);
	cr_expect_eq(e->process_tgid, SHELL);
	cr_expect_str_eq(e->process_id, shell->id);
	cr_assert_eq(e->n_process_lineage, 2);
	cr_expect_eq(e->process_lineage[0]->pid, SHELL);
	cr_expect_str_eq(e->process_lineage[0]->command, "bash");
	cr_expect_eq(e->process_lineage[1]->pid, INIT);
	cr_expect_str_eq(e->process_lineage[1]->command, "init");
	cr_expect_str_empty(e->container_id);
	cr_expect_null(e->credentials);
}

Test(encoder, a_syscall_that_begins_has_its_number_and_six_arguments)
{
	struct event event = event_of(EVENT_SYSCALL_ENTER);
	const Capsule8__Api__V0__Event *e;

	event.syscall =
		(struct event_syscall){.id = 257, .arguments = {1, 0, UINT64_MAX, 0x7ffd12345678, 5, 1ULL << 56}, .abi = SAMPLE_ABI_64};
	e = encoded(&event);
	expect_common(e);
	cr_assert_eq(e->event_case, CAPSULE8__API__V0__EVENT__EVENT_SYSCALL);
	cr_expect_eq(capsule8_event_kind(e), EVENT_SYSCALL_ENTER);
	cr_expect_eq(e->syscall->type, CAPSULE8__API__V0__SYSCALL_EVENT_TYPE__SYSCALL_EVENT_TYPE_ENTER);
	cr_expect_eq(e->syscall->id, 257);
	cr_expect_eq(e->syscall->arg0, 1);
	cr_expect_eq(e->syscall->arg1, 0);
	cr_expect_eq(e->syscall->arg2, UINT64_MAX);
	cr_expect_eq(e->syscall->arg3, 0x7ffd12345678);
	cr_expect_eq(e->syscall->arg4, 5);
	cr_expect_eq(e->syscall->arg5, 1ULL << 56);
	cr_expect_eq(e->syscall->ret, 0);
	cr_expect_eq(e->syscall->abi, CAPSULE8__API__V0__SYSCALL_ABI__SYSCALL_ABI_X86_64);
}

Test(encoder, a_syscall_that_returns_has_its_result_and_no_arguments)
{
	struct event event = event_of(EVENT_SYSCALL_EXIT);
	const Capsule8__Api__V0__Event *e;

	event.syscall = (struct event_syscall){.id = 5, .arguments = {1, 2, 3}, .result = -2, .abi = SAMPLE_ABI_32};
	e = encoded(&event);
	expect_common(e);
	cr_expect_eq(capsule8_event_kind(e), EVENT_SYSCALL_EXIT);
	cr_expect_eq(e->syscall->id, 5);
	cr_expect_eq(e->syscall->ret, -2);
	cr_expect_eq(e->syscall->arg0, 0);
	cr_expect_eq(e->syscall->abi, CAPSULE8__API__V0__SYSCALL_ABI__SYSCALL_ABI_I386);
}

Test(encoder, system_call_0_of_an_unknown_caller_is_a_syscall_event_all_the_same)
{
	struct event event = event_of(EVENT_SYSCALL_EXIT);
	const Capsule8__Api__V0__Event *e;

	event.syscall = (struct event_syscall){.id = 0, .result = 0, .abi = SAMPLE_ABI_UNKNOWN};
	e = encoded(&event);
	cr_expect_eq(capsule8_event_kind(e), EVENT_SYSCALL_EXIT);
	cr_expect_eq(e->syscall->abi, CAPSULE8__API__V0__SYSCALL_ABI__SYSCALL_ABI_UNSPECIFIED);
}

Test(encoder, the_largest_numbers_fit)
{
	struct event event = event_of(EVENT_SYSCALL_ENTER);
	const Capsule8__Api__V0__Event *e;

	event.cpu = UINT32_MAX >> 1;
	event.time_ns = INT64_MAX;
	event.sequence = UINT64_MAX;
	event.syscall = (struct event_syscall){.id = INT64_MIN, .abi = SAMPLE_ABI_32};
	memset(event.syscall.arguments, 0xff, sizeof(event.syscall.arguments));
	e = encoded(&event);
	cr_expect_str_eq(e->id, SENSOR "-ffffffffffffffff");
	cr_expect_eq(e->sensor_sequence_number, UINT64_MAX);
	cr_expect_eq(e->sensor_monotime_nanos, INT64_MAX);
	cr_expect_eq(e->syscall->id, INT64_MIN);
	cr_expect_eq(e->syscall->arg5, UINT64_MAX);
}

Test(encoder, every_digit_of_the_sequence_number_gets_into_the_id)
{
	struct event event = event_of(EVENT_TICKER);

	event.sequence = UINT64_C(0x0123456789abcdef);
	cr_expect_str_eq(encoded(&event)->id, SENSOR "-0123456789abcdef");
	event.sequence = UINT64_C(0xfedcba9876543210);
	cr_expect_str_eq(encoded(&event)->id, SENSOR "-fedcba9876543210");
}

Test(encoder, a_fork_names_the_child_by_pid_and_id)
{
	struct event event = event_of(EVENT_PROCESS_FORK);
	const Capsule8__Api__V0__Event *e;

	event.fork = (struct event_fork){.child = child, .clone_flags = 0x1200011};
	e = encoded(&event);
	expect_common(e);
	cr_assert_eq(e->event_case, CAPSULE8__API__V0__EVENT__EVENT_PROCESS);
	cr_expect_eq(capsule8_event_kind(e), EVENT_PROCESS_FORK);
	cr_expect_eq(e->process->fork_child_pid, CHILD);
	cr_expect_str_eq(e->process->fork_child_id, child->id);
	cr_expect_eq(e->process->fork_clone_flags, 0x1200011);
	cr_expect_eq(e->process->n_exec_command_line, 0);
}

Test(encoder, an_exec_has_the_filename_and_all_arguments_also_empty_ones)
{
	static const char arguments[] = "ls\0\0-l\0/tmp";
	struct event event = event_of(EVENT_PROCESS_EXEC);
	const Capsule8__Api__V0__Event *e;

	event.exec = (struct event_exec){.filename = {"/usr/bin/lsXXX", 11},
					 .arguments = {arguments, sizeof(arguments)},
					 .argument_count = 4,
					 .arguments_truncated = true};
	e = encoded(&event);
	expect_common(e);
	cr_expect_eq(capsule8_event_kind(e), EVENT_PROCESS_EXEC);
	cr_expect_str_eq(e->process->exec_filename, "/usr/bin/ls");
	cr_assert_eq(e->process->n_exec_command_line, 4);
	cr_expect_str_eq(e->process->exec_command_line[0], "ls");
	cr_expect_str_eq(e->process->exec_command_line[1], "");
	cr_expect_str_eq(e->process->exec_command_line[2], "-l");
	cr_expect_str_eq(e->process->exec_command_line[3], "/tmp");
	cr_expect(e->process->exec_command_line_truncated);
}

Test(encoder, an_exec_without_arguments_has_none)
{
	struct event event = event_of(EVENT_PROCESS_EXEC);
	const Capsule8__Api__V0__Event *e;

	event.exec = (struct event_exec){.filename = {"/x", 2}};
	e = encoded(&event);
	cr_expect_eq(e->process->n_exec_command_line, 0);
	cr_expect_not(e->process->exec_command_line_truncated);
}

Test(encoder, bytes_that_are_no_utf8_are_replaced_in_names_and_arguments)
{
	static const char arguments[] = "\xff\xfe\0gr\xc3\xbc\xc3\x9f\0\xe2\x82";
	struct event event = event_of(EVENT_PROCESS_EXEC);
	const Capsule8__Api__V0__Event *e;

	process_cache_rename(cache, SHELL, "b\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xffh", 2 * NSEC_PER_SEC);
	event.exec = (struct event_exec){.filename = {"/tmp/\x80", 6}, .arguments = {arguments, sizeof(arguments)}, .argument_count = 3};
	e = encoded(&event);
	cr_expect_str_eq(e->process->exec_filename, "/tmp/" R);
	cr_assert_eq(e->process->n_exec_command_line, 3);
	cr_expect_str_eq(e->process->exec_command_line[0], R R);
	cr_expect_str_eq(e->process->exec_command_line[1], "gr\xc3\xbc\xc3\x9f");
	cr_expect_str_eq(e->process->exec_command_line[2], R);
	cr_expect_str_eq(e->process_lineage[0]->command, "b" R R R R R R R R R R R R R "h");
}

Test(encoder, thousands_of_bad_arguments_fit_in_what_was_reserved)
{
	enum {
		COUNT = 20000,
		EACH = 7
	};
	static char arguments[COUNT * EACH];
	struct event event = event_of(EVENT_PROCESS_EXEC);
	const Capsule8__Api__V0__Event *e;

	for (size_t i = 0; i < COUNT; i++)
		memcpy(arguments + i * EACH, "\xff\xff\xff\xff\xff\xff", EACH);
	event.exec = (struct event_exec){.filename = {"/x", 2}, .arguments = {arguments, sizeof(arguments)}, .argument_count = COUNT};
	e = encoded(&event);
	cr_assert_eq(e->process->n_exec_command_line, COUNT);
	cr_expect_str_eq(e->process->exec_command_line[COUNT - 1], R R R R R R);
}

Test(encoder, an_exit_has_code_status_signal_and_core_flag)
{
	struct event event = event_of(EVENT_PROCESS_EXIT);
	const Capsule8__Api__V0__Event *e;

	event.exit = (struct event_exit){.code = 139, .signal = 11, .core_dumped = true};
	e = encoded(&event);
	expect_common(e);
	cr_expect_eq(capsule8_event_kind(e), EVENT_PROCESS_EXIT);
	cr_expect_eq(e->process->exit_code, 139);
	cr_expect_eq(e->process->exit_status, 0);
	cr_expect_eq(e->process->exit_signal, 11);
	cr_expect(e->process->exit_core_dumped);
	cr_expect_not(e->process->exit_code_unknown);

	event.exit = (struct event_exit){.code = 256, .status = 1};
	e = encoded(&event);
	cr_expect_eq(e->process->exit_code, 256);
	cr_expect_eq(e->process->exit_status, 1);
	cr_expect_not(e->process->exit_core_dumped);

	event.exit = (struct event_exit){.code_unknown = true};
	cr_expect(encoded(&event)->process->exit_code_unknown);
}

Test(encoder, a_tick_has_the_time_and_no_process)
{
	struct event event = {.kind = EVENT_TICKER, .time_ns = 7, .sequence = 1};
	const Capsule8__Api__V0__Event *e;

	event.ticker = (struct event_ticker){.seconds = 1700000000, .nanoseconds = 1700000000123456789};
	e = encoded(&event);
	cr_expect_eq(capsule8_event_kind(e), EVENT_TICKER);
	cr_expect_eq(e->ticker->seconds, 1700000000);
	cr_expect_eq(e->ticker->nanoseconds, 1700000000123456789);
	cr_expect_str_empty(e->process_id);
	cr_expect_eq(e->process_pid, 0);
	cr_expect_eq(e->process_tgid, 0);
	cr_expect_eq(e->n_process_lineage, 0);
	cr_expect_str_eq(e->sensor_id, SENSOR);
}

Test(encoder, characters_come_through_at_every_length)
{
	static const size_t lengths[] = {1, 60, 120, 127, 128, 129, 16380, 16384, 65536};
	static char characters[65536];
	struct event event = event_of(EVENT_CHARGEN);

	for (size_t i = 0; i < sizeof(characters); i++)
		characters[i] = (char)(0x20 + i % 95);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		const Capsule8__Api__V0__Event *e;

		event.chargen = (struct event_chargen){.index = i << 40, .characters = {characters, lengths[i]}};
		e = encoded(&event);
		expect_common(e);
		cr_assert_eq(capsule8_event_kind(e), EVENT_CHARGEN);
		cr_expect_eq(e->chargen->index, i << 40);
		cr_assert_eq(strlen(e->chargen->characters), lengths[i]);
		cr_expect_eq(memcmp(e->chargen->characters, characters, lengths[i]), 0);
	}
}

Test(encoder, a_loss_says_how_many_of_what_and_where)
{
	struct event event = {.kind = EVENT_LOST, .cpu = 1, .time_ns = 9};
	const Capsule8__Api__V0__Event *e;

	event.lost = (struct event_lost){.count = 12345, .of = EVENT_SYSCALL_ENTER, .cause = LOST_RING};
	e = encoded(&event);
	cr_expect_eq(capsule8_event_kind(e), EVENT_LOST);
	cr_expect_eq(e->lost->lost, 12345);
	cr_expect_eq(e->lost->type, CAPSULE8__API__V0__LOST_RECORD_EVENT_TYPE__LOST_RECORD_EVENT_TYPE_SUBSCRIPTION);
	cr_expect_eq(e->lost->cause, CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_RING);
	cr_expect_str_eq(e->lost->source, "syscall:enter");

	event.lost = (struct event_lost){.count = 1, .of = EVENT_PROCESS_EXEC, .cause = LOST_RING};
	e = encoded(&event);
	cr_expect_eq(e->lost->type, CAPSULE8__API__V0__LOST_RECORD_EVENT_TYPE__LOST_RECORD_EVENT_TYPE_PROCESS);
	cr_expect_str_eq(e->lost->source, "process:exec");

	event.lost = (struct event_lost){.count = 2, .of = EVENT_TICKER, .cause = LOST_QUEUE};
	e = encoded(&event);
	cr_expect_eq(e->lost->cause, CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_QUEUE);
	cr_expect_str_eq(e->lost->source, "ticker");

	event.lost = (struct event_lost){.count = 3, .of = EVENT_KIND_COUNT, .cause = LOST_QUEUE};
	e = encoded(&event);
	cr_expect_str_empty(e->lost->source);
}

Test(encoder, an_event_without_a_place_in_the_order_has_no_id)
{
	struct event event = event_of(EVENT_LOST);
	const Capsule8__Api__V0__Event *e;

	event.sequence = 0;
	event.lost = (struct event_lost){.count = 3, .of = EVENT_KIND_COUNT};
	e = encoded(&event);
	cr_expect_str_empty(e->id);
	cr_expect_eq(e->sensor_sequence_number, 0);
	cr_expect_str_eq(e->sensor_id, SENSOR);
}

Test(encoder, a_task_whose_process_is_not_known_still_has_its_numbers)
{
	struct event event = event_of(EVENT_SYSCALL_ENTER);
	const Capsule8__Api__V0__Event *e;

	event.process = NULL;
	event.syscall = (struct event_syscall){.id = 1};
	e = encoded(&event);
	cr_expect_eq(e->process_pid, SHELL);
	cr_expect_eq(e->process_tgid, SHELL);
	cr_expect_eq(e->process_tid, SHELL_THREAD);
	cr_expect_str_empty(e->process_id);
	cr_expect_eq(e->n_process_lineage, 0);
}

Test(encoder, entries_behind_one_another_are_one_response)
{
	struct event event = event_of(EVENT_SYSCALL_ENTER);

	for (int i = 0; i < 1000; i++) {
		event.sequence = (uint64_t)i + 1;
		event.syscall = (struct event_syscall){.id = i};
		encoder->encode(encoder, &event, &out);
	}
	for (size_t i = 0; i < 1000; i += 333)
		cr_expect_eq(decoded(i, 1000)->syscall->id, (int64_t)i);
}

Test(encoder, what_is_kept_of_a_process_lasts_until_its_revision_changes)
{
	struct event event = event_of(EVENT_TICKER);
	const void *kept;
	uint64_t revision = shell->revision;

	encoded(&event);
	kept = shell->encoded;
	cr_assert_not_null(kept);
	encoded(&event);
	cr_expect_eq(shell->encoded, kept);
	cr_expect_eq(shell->encoded_revision, revision);

	process_cache_rename(cache, SHELL, "zsh", 2 * NSEC_PER_SEC);
	cr_expect_neq(shell->revision, revision);
	cr_expect_str_eq(encoded(&event)->process_lineage[0]->command, "zsh");
	process_cache_rename(cache, INIT, "systemd", 2 * NSEC_PER_SEC);
	cr_expect_str_eq(encoded(&event)->process_lineage[1]->command, "systemd");
}

Test(encoder, the_longest_lineage_fits)
{
	struct event event = event_of(EVENT_TICKER);
	const struct process *last = init;
	const Capsule8__Api__V0__Event *e;

	for (uint32_t i = 1; i < 2 * PROCESS_LINEAGE_MAX; i++)
		last = make_process(INT32_MAX - i, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", last);
	event.process = last;
	e = encoded(&event);
	cr_assert_eq(e->n_process_lineage, PROCESS_LINEAGE_MAX + 1);
	for (uint32_t i = 0; i <= PROCESS_LINEAGE_MAX; i++)
		cr_expect_eq(e->process_lineage[i]->pid, (int32_t)(last->tgid + i));
}

Test(encoder, a_buffer_at_its_limit_fails_and_keeps_what_was_there)
{
	struct event event = event_of(EVENT_TICKER);
	struct buffer small;
	size_t before;

	buffer_init(&small, 2048);
	while (!small.failed) {
		before = small.length;
		encoder->encode(encoder, &event, &small);
	}
	cr_expect_eq(small.length, before);
	cr_expect_eq(capsule8_response_unpack(small.data, small.length, &response, NULL), 0);
	buffer_done(&small);
}

Test(statuses, the_first_response_has_statuses_and_no_events)
{
	static struct subscriber_statuses statuses = {.count = 2, .items = {{.code = 12, .message = "no \"x\" \xff here"}, {.code = 0}}};
	struct chunk *chunk = capsule8_statuses_chunk(&statuses);

	cr_assert_not_null(chunk);
	cr_expect_eq(chunk->events, 0);
	cr_assert_eq(capsule8_response_unpack(chunk->data, chunk->length, &response, NULL), 0);
	cr_expect_eq(response->n_events, 0);
	cr_assert_eq(response->n_statuses, 2);
	cr_expect_eq(response->statuses[0]->code, 12);
	cr_expect_str_eq(response->statuses[0]->message, "no \"x\" " R " here");
	cr_expect_eq(response->statuses[1]->code, 0);
	cr_expect_str_empty(response->statuses[1]->message);
	response = capsule8_response_free(response);
	chunk_unref(chunk);
}

Test(statuses, the_most_and_the_longest_fit)
{
	static struct subscriber_statuses statuses = {.count = SUBSCRIBER_STATUS_MAX};
	struct chunk *chunk;

	for (size_t i = 0; i < SUBSCRIBER_STATUS_MAX; i++) {
		statuses.items[i].code = -1;
		memset(statuses.items[i].message, 0xff, sizeof(statuses.items[i].message) - 1);
	}
	chunk = capsule8_statuses_chunk(&statuses);
	cr_assert_not_null(chunk);
	cr_assert_eq(capsule8_response_unpack(chunk->data, chunk->length, &response, NULL), 0);
	cr_expect_eq(response->n_statuses, SUBSCRIBER_STATUS_MAX);
	cr_expect_eq(strlen(response->statuses[63]->message), 511 * 3);
	response = capsule8_response_free(response);
	chunk_unref(chunk);
}

Test(response, bytes_that_are_no_response_are_refused)
{
	struct error err = {0};

	cr_expect_eq(capsule8_response_unpack((const uint8_t *)"\x0a\x7f", 2, &response, &err), -EINVAL);
	cr_expect_not_null(strstr(err.message, "2 bytes"));
}
