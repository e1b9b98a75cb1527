#include "proto/capsule8_encoder.h"

#include "base/clock.h"
#include "proto/capsule8_events.h"
#include "sensor/catalog.h"
#include "sensor/container_table.h"
#include "sensor/probe_request.h"
#include "sensor/process_cache.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENSOR "0123456789abcdef"
#define R      "\xef\xbf\xbd" /* U+FFFD */

static struct encoder *encoder;
static struct buffer out;
static Capsule8__Api__V0__GetEventsResponse *response;
static struct container_table *containers;
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
	static const struct container_table_options no_runtime;
	struct process_cache_options options = {0};
	struct error err = {0};

	encoder = capsule8_encoder_new(SENSOR);
	cr_assert_not_null(encoder);
	buffer_init(&out, 0);
	cr_assert_eq(container_table_new(&containers, &no_runtime, &err), 0, "%s", err.message);
	options.containers = containers;
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
	container_table_free(containers);
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
	encoder->encode(encoder, event, DETAIL_BASIC, &out);
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

Test(encoder, a_new_working_directory_and_a_new_name_are_process_events)
{
	struct event event = event_of(EVENT_PROCESS_CWD);
	const Capsule8__Api__V0__Event *e;

	event.cwd.path = (struct event_string){"/srv/\xff", 6};
	e = encoded(&event);
	expect_common(e);
	cr_expect_eq(capsule8_event_kind(e), EVENT_PROCESS_CWD);
	cr_expect_eq(e->process->type, CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_UPDATE);
	cr_expect_str_eq(e->process->update_cwd, "/srv/" R);

	event = event_of(EVENT_PROCESS_RENAME);
	event.rename.comm = (struct event_string){"kworker", 7};
	e = encoded(&event);
	cr_expect_eq(capsule8_event_kind(e), EVENT_PROCESS_RENAME);
	cr_expect_str_eq(e->process->update_comm, "kworker");
	cr_expect_str_empty(e->process->update_cwd);
}

static const struct event_file file_names = {
	.filename = {"a", 1},
	.path = {"/tmp/a", 6},
	.target = {"b\xff", 2},
	.target_path = {"/tmp/b\xff", 7},
	.flags = 0x88241,
	.mode = 0640,
	.symlink = true,
};

Test(encoder, an_open_has_the_name_as_given_its_path_flags_and_mode)
{
	struct event event = event_of(EVENT_FILE_OPEN);
	const Capsule8__Api__V0__Event *e;

	event.file = file_names;
	e = encoded(&event);
	expect_common(e);
	cr_assert_eq(e->event_case, CAPSULE8__API__V0__EVENT__EVENT_FILE);
	cr_expect_eq(capsule8_event_kind(e), EVENT_FILE_OPEN);
	cr_expect_str_eq(e->file->filename, "a");
	cr_expect_str_eq(e->file->path, "/tmp/a");
	cr_expect_eq(e->file->open_flags, 0x88241);
	cr_expect_eq(e->file->open_mode, 0640);
	cr_expect_str_empty(e->file->target_file);
	cr_expect_str_empty(e->file->target_path);
	cr_expect_not(e->file->symlink);
	cr_expect_not(e->file->name_truncated);
	cr_expect_not(e->file->name_unknown);
}

Test(encoder, links_and_renames_have_two_names)
{
	struct event event = event_of(EVENT_FILE_LINK);
	const Capsule8__Api__V0__Event *e;

	event.file = file_names;
	e = encoded(&event);
	cr_expect_eq(capsule8_event_kind(e), EVENT_FILE_LINK);
	cr_expect_str_eq(e->file->source_file, "a");
	cr_expect_str_eq(e->file->target_file, "b" R);
	cr_expect_str_eq(e->file->path, "/tmp/a");
	cr_expect_str_eq(e->file->target_path, "/tmp/b" R);
	cr_expect(e->file->symlink);
	cr_expect_eq(e->file->open_mode, 0);
	cr_expect_str_empty(e->file->filename);

	event.kind = EVENT_FILE_RENAME;
	e = encoded(&event);
	cr_expect_eq(capsule8_event_kind(e), EVENT_FILE_RENAME);
	cr_expect_str_eq(e->file->oldname, "a");
	cr_expect_str_eq(e->file->newname, "b" R);
	cr_expect_str_eq(e->file->target_path, "/tmp/b" R);
	cr_expect_not(e->file->symlink);
}

Test(encoder, the_other_kinds_of_files_have_a_name)
{
	static const enum event_kind kinds[] = {EVENT_FILE_CREATE, EVENT_FILE_DELETE,           EVENT_FILE_OPEN_FOR_MODIFY,
						EVENT_FILE_MODIFY, EVENT_FILE_CLOSE_FOR_MODIFY, EVENT_FILE_ATTRIBUTE_CHANGE};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct event event = event_of(kinds[i]);
		const Capsule8__Api__V0__Event *e;

		event.file = file_names;
		event.file.truncated = true;
		e = encoded(&event);
		cr_expect_eq(capsule8_event_kind(e), kinds[i]);
		cr_expect_str_eq(e->file->filename, "a");
		cr_expect_str_eq(e->file->path, "/tmp/a");
		cr_expect_eq(e->file->open_mode, kinds[i] == EVENT_FILE_CREATE ? 0640 : 0);
		cr_expect_eq(e->file->open_flags, 0);
		cr_expect(e->file->name_truncated);
	}
}

Test(encoder, a_name_that_could_not_be_read_says_so)
{
	struct event event = event_of(EVENT_FILE_OPEN);

	event.file = (struct event_file){.unknown = true};
	cr_expect(encoded(&event)->file->name_unknown);
	cr_expect_str_empty(encoded(&event)->file->filename);
}

Test(encoder, four_long_names_that_are_no_utf8_fit_in_what_was_reserved)
{
	static char name[4096];
	struct event event = event_of(EVENT_FILE_RENAME);
	const struct event_string string = {name, sizeof(name)};

	memset(name, 0xff, sizeof(name));
	event.file = (struct event_file){.filename = string, .path = string, .target = string, .target_path = string};
	cr_expect_eq(strlen(encoded(&event)->file->target_path), 3 * sizeof(name));
}

Test(encoder, addresses_are_what_the_contract_makes_of_a_sockaddr)
{
	struct event event = event_of(EVENT_CONNECT_ATTEMPT);
	const Capsule8__Api__V0__Event *e;

	event.network = (struct event_network){.sockfd = 3, .address = {.family = ADDRESS_INET, .ipv4 = 16777343, .port = 36895}};
	e = encoded(&event);
	expect_common(e);
	cr_assert_eq(e->event_case, CAPSULE8__API__V0__EVENT__EVENT_NETWORK);
	cr_expect_eq(capsule8_event_kind(e), EVENT_CONNECT_ATTEMPT);
	cr_expect_eq(e->network->sockfd, 3);
	cr_assert_not_null(e->network->address);
	cr_expect_eq(e->network->address->family, CAPSULE8__API__V0__NETWORK_ADDRESS_FAMILY__NETWORK_ADDRESS_FAMILY_INET);
	cr_assert_eq(e->network->address->address_case, CAPSULE8__API__V0__NETWORK_ADDRESS__ADDRESS_IPV4_ADDRESS);
	cr_expect_eq(e->network->address->ipv4_address->address->address, 16777343);
	cr_expect_eq(e->network->address->ipv4_address->port, 36895);

	event.kind = EVENT_SENDTO_ATTEMPT;
	event.network.address =
		(struct event_address){.family = ADDRESS_INET6, .ipv6_high = UINT64_MAX, .ipv6_low = 72057594037927936, .port = 1};
	e = encoded(&event);
	cr_expect_eq(capsule8_event_kind(e), EVENT_SENDTO_ATTEMPT);
	cr_assert_eq(e->network->address->address_case, CAPSULE8__API__V0__NETWORK_ADDRESS__ADDRESS_IPV6_ADDRESS);
	cr_expect_eq(e->network->address->ipv6_address->address->high, UINT64_MAX);
	cr_expect_eq(e->network->address->ipv6_address->address->low, 72057594037927936);
	cr_expect_eq(e->network->address->ipv6_address->port, 1);

	event.kind = EVENT_BIND_ATTEMPT;
	event.network.address = (struct event_address){.family = ADDRESS_LOCAL, .path = {"@bus\xff", 5}};
	e = encoded(&event);
	cr_assert_eq(e->network->address->address_case, CAPSULE8__API__V0__NETWORK_ADDRESS__ADDRESS_LOCAL_ADDRESS);
	cr_expect_str_eq(e->network->address->local_address, "@bus" R);
}

Test(encoder, an_address_of_zeros_is_an_address)
{
	struct event event = event_of(EVENT_BIND_ATTEMPT);
	const Capsule8__Api__V0__Event *e;

	event.network.address.family = ADDRESS_INET;
	e = encoded(&event);
	cr_assert_not_null(e->network->address);
	cr_assert_not_null(e->network->address->ipv4_address);
	cr_expect_not_null(e->network->address->ipv4_address->address);
	event.network.address.family = ADDRESS_LOCAL;
	cr_expect_eq(encoded(&event)->network->address->address_case, CAPSULE8__API__V0__NETWORK_ADDRESS__ADDRESS_LOCAL_ADDRESS);
	event.network.address.family = ADDRESS_NONE;
	event.network.address_unknown = true;
	e = encoded(&event);
	cr_expect_null(e->network->address);
	cr_expect(e->network->address_unknown);
}

Test(encoder, every_network_kind_comes_back_with_what_it_has)
{
	for (enum event_kind kind = EVENT_CONNECT_ATTEMPT; kind <= EVENT_RECVFROM_RESULT; kind++) {
		struct event event = event_of(kind);
		const Capsule8__Api__V0__Event *e;

		event.network = (struct event_network){.sockfd = UINT64_MAX,
						       .backlog = kind == EVENT_LISTEN_ATTEMPT ? UINT64_MAX : 0,
						       .result = -99};
		e = encoded(&event);
		cr_expect_eq(capsule8_event_kind(e), kind);
		if (strstr(catalog_entry(kind)->type, ":result")) {
			cr_expect_eq(e->network->result, -99);
			cr_expect_eq(e->network->sockfd, 0);
		} else {
			cr_expect_eq(e->network->sockfd, UINT64_MAX);
			cr_expect_eq(e->network->backlog, event.network.backlog);
			cr_expect_eq(e->network->result, 0);
		}
	}
}

/* One of each type, with the values that are easily lost. */
static const struct call_argument call_arguments[] = {
	{.name = "bytes", .type = CALL_BYTES, .bytes = {"\xff\0\1", 3}},
	{.name = "name", .type = CALL_STRING, .bytes = {"/tmp/\xff", 6}},
	{.name = "s8", .type = CALL_SINT8, .integer = (uint64_t)INT64_C(-128)},
	{.name = "s16", .type = CALL_SINT16, .integer = 0},
	{.name = "s32", .type = CALL_SINT32, .integer = INT32_MAX},
	{.name = "s64", .type = CALL_SINT64, .integer = (uint64_t)INT64_MIN},
	{.name = "u8", .type = CALL_UINT8, .integer = 0},
	{.name = "u16", .type = CALL_UINT16, .integer = 65535},
	{.name = "u32", .type = CALL_UINT32, .integer = UINT32_MAX},
	{.name = "u64", .type = CALL_UINT64, .integer = UINT64_MAX},
	{.name = "empty", .type = CALL_STRING},
};

#define CALL_ARGUMENTS (sizeof(call_arguments) / sizeof(call_arguments[0]))

typedef Capsule8__Api__V0__KernelFunctionCallEvent__FieldValue kernel_value;

static void expect_kernel_arguments(const Capsule8__Api__V0__KernelFunctionCallEvent *call)
{
	cr_assert_eq(call->n_arguments, CALL_ARGUMENTS);
	for (size_t i = 0; i < CALL_ARGUMENTS; i++) {
		const struct call_argument *given = &call_arguments[i];
		const kernel_value *value = call->arguments[i]->value;

		cr_expect_str_eq(call->arguments[i]->key, given->name);
		cr_assert_not_null(value);
		cr_expect_eq((int)value->field_type, (int)given->type);
		if (given->type >= CALL_UINT8) {
			cr_assert_eq(value->value_case, CAPSULE8__API__V0__KERNEL_FUNCTION_CALL_EVENT__FIELD_VALUE__VALUE_UNSIGNED_VALUE);
			cr_expect_eq(value->unsigned_value, given->integer);
		} else if (given->type >= CALL_SINT8) {
			cr_assert_eq(value->value_case, CAPSULE8__API__V0__KERNEL_FUNCTION_CALL_EVENT__FIELD_VALUE__VALUE_SIGNED_VALUE);
			cr_expect_eq(value->signed_value, (int64_t)given->integer);
		}
	}
	cr_expect_eq(call->arguments[0]->value->bytes_value.len, 3);
	cr_expect_eq(memcmp(call->arguments[0]->value->bytes_value.data, "\xff\0\1", 3), 0);
	cr_expect_str_eq(call->arguments[1]->value->string_value, "/tmp/" R);
	cr_expect_eq(call->arguments[10]->value->value_case,
		     CAPSULE8__API__V0__KERNEL_FUNCTION_CALL_EVENT__FIELD_VALUE__VALUE_STRING_VALUE);
}

static struct probe_request *call_request(enum event_kind kind, const char *executable)
{
	struct probe_request *request = NULL;
	struct error err = {0};

	cr_assert_eq(probe_request_new_call(&request, kind, executable, "the_function", NULL, 0, NULL, &err), 0, "%s", err.message);
	return request;
}

Test(encoder, a_kernel_call_has_its_arguments_with_their_types)
{
	struct probe_request *request = call_request(EVENT_KERNEL_CALL_EXIT, NULL);
	struct event event = event_of(EVENT_KERNEL_CALL_ENTER);
	const Capsule8__Api__V0__Event *e;

	event.call = (struct event_call){call_arguments, CALL_ARGUMENTS};
	event.request = request;
	e = encoded(&event);
	expect_common(e);
	cr_assert_eq(e->event_case, CAPSULE8__API__V0__EVENT__EVENT_KERNEL_CALL);
	cr_expect_eq(capsule8_event_kind(e), EVENT_KERNEL_CALL_ENTER);
	expect_kernel_arguments(e->kernel_call);
	cr_expect_str_eq(e->kernel_call->symbol, "the_function");
	event.kind = EVENT_KERNEL_CALL_EXIT;
	cr_expect_eq(capsule8_event_kind(encoded(&event)), EVENT_KERNEL_CALL_EXIT);
	probe_request_unref(request);
}

Test(encoder, a_user_call_is_like_a_kernel_call_with_an_executable)
{
	struct probe_request *request = call_request(EVENT_USER_CALL_ENTER, "/lib/libc.so.6");
	struct event event = event_of(EVENT_USER_CALL_ENTER);
	const Capsule8__Api__V0__Event *e;

	event.call = (struct event_call){call_arguments + 5, 1};
	event.request = request;
	e = encoded(&event);
	expect_common(e);
	cr_expect_eq(capsule8_event_kind(e), EVENT_USER_CALL_ENTER);
	cr_assert_eq(e->user_call->n_arguments, 1);
	cr_expect_str_eq(e->user_call->arguments[0]->key, "s64");
	cr_expect_eq(e->user_call->arguments[0]->value->signed_value, INT64_MIN);
	cr_expect_str_eq(e->user_call->symbol, "the_function");
	cr_expect_str_eq(e->user_call->executable, "/lib/libc.so.6");
	event.kind = EVENT_USER_CALL_EXIT;
	event.call.count = 0;
	e = encoded(&event);
	cr_expect_eq(capsule8_event_kind(e), EVENT_USER_CALL_EXIT);
	cr_expect_eq(e->user_call->n_arguments, 0);
	probe_request_unref(request);
}

Test(encoder, many_long_arguments_that_are_no_utf8_fit_in_what_was_reserved)
{
	static struct call_argument many[PROBE_PARAMETERS_MAX];
	static char text[5000];
	struct event event = event_of(EVENT_KERNEL_CALL_ENTER);
	const Capsule8__Api__V0__Event *e;

	memset(text, 0xff, sizeof(text));
	for (size_t i = 0; i < PROBE_PARAMETERS_MAX; i++)
		many[i] = (struct call_argument){.name = "\xff\xff\xff", .type = CALL_STRING, .bytes = {text, i % 2 ? sizeof(text) : 40}};
	event.call = (struct event_call){many, PROBE_PARAMETERS_MAX};
	e = encoded(&event);
	cr_assert_eq(e->kernel_call->n_arguments, PROBE_PARAMETERS_MAX);
	cr_expect_str_eq(e->kernel_call->arguments[63]->key, R R R);
	cr_expect_eq(strlen(e->kernel_call->arguments[63]->value->string_value), 3 * sizeof(text));
}

Test(encoder, counters_have_the_order_types_and_numbers_of_the_request)
{
	static const struct perf_counter counters[] = {{PERF_TYPE_SOFTWARE, 9},
						       {PERF_TYPE_HARDWARE, 0},
						       {PERF_TYPE_HW_CACHE, 0x10002},
						       {PERF_TYPE_RAW, UINT64_MAX}};
	static const uint64_t values[] = {1, 0, UINT64_MAX, 7};
	struct event event = event_of(EVENT_PERFORMANCE);
	struct probe_request *request = NULL;
	const Capsule8__Api__V0__Event *e;

	cr_assert_eq(probe_request_new_performance(&request, counters, 4, false, 1000, NULL), 0);
	event.request = request;
	event.performance = (struct event_performance){.time_enabled = UINT64_MAX, .time_running = 5, .values = values, .count = 4};
	e = encoded(&event);
	expect_common(e);
	cr_expect_eq(capsule8_event_kind(e), EVENT_PERFORMANCE);
	cr_expect_eq(e->performance->total_time_enabled, UINT64_MAX);
	cr_expect_eq(e->performance->total_time_running, 5);
	cr_assert_eq(e->performance->n_values, 4);
	cr_expect_eq(e->performance->values[0]->type, CAPSULE8__API__V0__PERFORMANCE_EVENT_TYPE__PERFORMANCE_EVENT_TYPE_SOFTWARE);
	cr_expect_eq(e->performance->values[0]->config, 9);
	cr_expect_eq(e->performance->values[0]->value, 1);
	cr_expect_eq(e->performance->values[1]->type, CAPSULE8__API__V0__PERFORMANCE_EVENT_TYPE__PERFORMANCE_EVENT_TYPE_HARDWARE);
	cr_expect_eq(e->performance->values[2]->type, CAPSULE8__API__V0__PERFORMANCE_EVENT_TYPE__PERFORMANCE_EVENT_TYPE_HARDWARE_CACHE);
	cr_expect_eq(e->performance->values[2]->config, 0x10002);
	cr_expect_eq(e->performance->values[2]->value, UINT64_MAX);
	cr_expect_eq(e->performance->values[3]->type, CAPSULE8__API__V0__PERFORMANCE_EVENT_TYPE__PERFORMANCE_EVENT_TYPE_UNKNOWN);
	probe_request_unref(request);
}

Test(encoder, what_is_less_than_certain_says_so)
{
	struct event event = event_of(EVENT_FILE_OPEN);

	cr_expect_eq(encoded(&event)->capture, CAPSULE8__API__V0__CAPTURE__CAPTURE_KERNEL);
	event.capture = CAPTURE_CALLER;
	cr_expect_eq(encoded(&event)->capture, CAPSULE8__API__V0__CAPTURE__CAPTURE_CALLER);
	event.capture = CAPTURE_LATE;
	cr_expect_eq(encoded(&event)->capture, CAPSULE8__API__V0__CAPTURE__CAPTURE_LATE);
}

static void expect_credentials(const Capsule8__Api__V0__Credentials *given, const struct credentials *wanted)
{
	cr_assert_not_null(given);
	cr_expect_eq(given->uid, wanted->uid);
	cr_expect_eq(given->gid, wanted->gid);
	cr_expect_eq(given->euid, wanted->euid);
	cr_expect_eq(given->egid, wanted->egid);
	cr_expect_eq(given->suid, wanted->suid);
	cr_expect_eq(given->sgid, wanted->sgid);
	cr_expect_eq(given->fsuid, wanted->fsuid);
	cr_expect_eq(given->fsgid, wanted->fsgid);
	cr_expect_eq(given->late, wanted->late);
}

Test(encoder, credentials_are_there_when_they_are_known_also_those_of_root)
{
	static const struct credentials root = {.known = true};
	static const struct credentials user = {true, true, 1, 2, 3, 4, 5, 6, UINT32_MAX, 8};
	struct event event = event_of(EVENT_TICKER);

	process_cache_track(cache, false, true);
	process_cache_set_credentials(cache, SHELL, &root);
	expect_credentials(encoded(&event)->credentials, &root);
	process_cache_set_credentials(cache, SHELL, &user);
	expect_credentials(encoded(&event)->credentials, &user);
	process_cache_track(cache, false, false);
	cr_expect_null(encoded(&event)->credentials);
}

Test(encoder, credentials_of_a_thread_win_over_those_of_its_process_zeros_too)
{
	static const struct credentials process = {true, true, 1, 2, 3, 4, 5, 6, 7, 8};
	static const struct credentials thread = {.known = true, .egid = 9};
	static const struct credentials unknown = {0};
	struct event event = event_of(EVENT_TICKER);

	process_cache_track(cache, false, true);
	process_cache_set_credentials(cache, SHELL, &process);
	event.credentials = &thread;
	expect_credentials(encoded(&event)->credentials, &thread);
	/* Nor are those of its process the thread's when they are not known. */
	event.credentials = &unknown;
	cr_expect_null(encoded(&event)->credentials);
	expect_common(encoded(&event));
	event.credentials = NULL;
	expect_credentials(encoded(&event)->credentials, &process);
	event.credentials = &thread;
	event.process = NULL;
	expect_credentials(encoded(&event)->credentials, &thread);
}

#define CONTAINER "4f57c1af3f04fb5c9ef1734e1c399865d1d9e2b7a0c84f6f2a5c1b3e7d90aa01"

Test(encoder, an_event_of_a_container_says_which_and_what_is_known_of_it)
{
	struct event event = event_of(EVENT_PROCESS_EXIT);
	const Capsule8__Api__V0__Event *e;
	char name[257], image[513];

	event.exit = (struct event_exit){0};
	encoded(&event);
	process_cache_attach(cache, SHELL, 0, "/docker/" CONTAINER, strlen("/docker/" CONTAINER), 2 * NSEC_PER_SEC);
	e = encoded(&event);
	cr_expect_str_eq(e->container_id, CONTAINER);
	cr_expect_str_empty(e->container_name);
	cr_expect_str_empty(e->image_id);
	cr_expect_str_empty(e->image_name);
	/* As the table does when it has learned something, which it says with a new revision of the process. */
	memset(name, 0xff, sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memset(image, 'i', sizeof(image) - 1);
	image[sizeof(image) - 1] = '\0';
	shell->container->name = (struct event_string){.bytes = name, .length = strlen(name)};
	shell->container->image_id = (struct event_string){.bytes = CONTAINER, .length = strlen(CONTAINER)};
	shell->container->image_name = (struct event_string){.bytes = image, .length = strlen(image)};
	shell->revision++;
	e = encoded(&event);
	cr_expect_str_eq(e->container_id, CONTAINER);
	cr_expect_eq(strlen(e->container_name), 3 * strlen(name));
	cr_expect_eq(strncmp(e->container_name, R R, 6), 0);
	cr_expect_str_eq(e->image_id, CONTAINER);
	cr_expect_str_eq(e->image_name, image);
	cr_assert_eq(e->n_process_lineage, 2);
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

Test(encoder, a_loss_of_files_and_processes_has_the_type_of_the_contract)
{
	static const struct {
		enum event_kind of;
		Capsule8__Api__V0__LostRecordEventType type;
	} pairs[] = {
		{EVENT_PROCESS_CWD, CAPSULE8__API__V0__LOST_RECORD_EVENT_TYPE__LOST_RECORD_EVENT_TYPE_PROCESS},
		{EVENT_FILE_OPEN, CAPSULE8__API__V0__LOST_RECORD_EVENT_TYPE__LOST_RECORD_EVENT_TYPE_SUBSCRIPTION},
		{EVENT_FILE_CREATE, CAPSULE8__API__V0__LOST_RECORD_EVENT_TYPE__LOST_RECORD_EVENT_TYPE_FILE_CREATE},
		{EVENT_FILE_DELETE, CAPSULE8__API__V0__LOST_RECORD_EVENT_TYPE__LOST_RECORD_EVENT_TYPE_FILE_DELETE},
		{EVENT_FILE_LINK, CAPSULE8__API__V0__LOST_RECORD_EVENT_TYPE__LOST_RECORD_EVENT_TYPE_FILE_LINK},
		{EVENT_FILE_RENAME, CAPSULE8__API__V0__LOST_RECORD_EVENT_TYPE__LOST_RECORD_EVENT_TYPE_FILE_RENAME},
		{EVENT_FILE_OPEN_FOR_MODIFY, CAPSULE8__API__V0__LOST_RECORD_EVENT_TYPE__LOST_RECORD_EVENT_TYPE_FILE_OPEN_MODIFY},
		{EVENT_FILE_MODIFY, CAPSULE8__API__V0__LOST_RECORD_EVENT_TYPE__LOST_RECORD_EVENT_TYPE_FILE_MODIFY},
		{EVENT_FILE_CLOSE_FOR_MODIFY, CAPSULE8__API__V0__LOST_RECORD_EVENT_TYPE__LOST_RECORD_EVENT_TYPE_FILE_CLOSE_MODIFY},
		{EVENT_FILE_ATTRIBUTE_CHANGE, CAPSULE8__API__V0__LOST_RECORD_EVENT_TYPE__LOST_RECORD_EVENT_TYPE_FILE_ATTRIBUTE_CHANGE},
		{EVENT_RECVFROM_RESULT, CAPSULE8__API__V0__LOST_RECORD_EVENT_TYPE__LOST_RECORD_EVENT_TYPE_SUBSCRIPTION},
	};
	struct event event = event_of(EVENT_LOST);

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		event.lost = (struct event_lost){.count = 1, .of = pairs[i].of, .cause = LOST_PROBE};
		cr_expect_eq(encoded(&event)->lost->type, pairs[i].type);
		cr_expect_eq(encoded(&event)->lost->cause, CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_PROBE);
	}
	cr_expect_str_eq(encoded(&event)->lost->source, "network:recvfrom:result");
}

Test(encoder, a_gap_in_a_recording_says_why_and_where)
{
	struct event event = event_of(EVENT_LOST);
	const Capsule8__Api__V0__LostRecordEvent *lost;

	for (enum record_gap gap = RECORD_GAP_NONE; gap <= RECORD_GAP_OVERFLOW; gap++) {
		event.lost = (struct event_lost){
			.of = EVENT_KIND_COUNT,
			.cause = LOST_RECORDER,
			.gap = gap,
			.after_sequence = 41,
			.before_sequence = UINT64_MAX,
			.realtime_offset_ns = -INT64_C(1700000000000000000),
		};
		lost = encoded(&event)->lost;
		cr_expect_eq(lost->lost, 0);
		cr_expect_eq(lost->cause, CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_RECORDER);
		cr_expect_eq((int)lost->gap, (int)gap);
		cr_expect_eq(lost->after_sequence_number, 41);
		cr_expect_eq(lost->before_sequence_number, UINT64_MAX);
		cr_expect_eq(lost->realtime_offset_nanos, -INT64_C(1700000000000000000));
		cr_expect_str_empty(lost->source);
	}
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
		encoder->encode(encoder, &event, DETAIL_BASIC, &out);
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
		encoder->encode(encoder, &event, DETAIL_BASIC, &small);
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
