#include "sensor/probe_request.h"
#include "sensor/request_source.h"
#include "tests/sensor/proc_tree.h"
#include "tracing/fake_source.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As two kernels show them: 4.4, and one from 6.1 on. Fields behind the common ones are those of each test. */
#define COMMON                                                                         \
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"         \
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"         \
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n" \
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
#define ENTRY COMMON "\tfield:unsigned long __probe_ip;\toffset:8;\tsize:8;\tsigned:0;\n"
#define RETURN                                                                        \
	COMMON "\tfield:unsigned long __probe_func;\toffset:8;\tsize:8;\tsigned:0;\n" \
	       "\tfield:unsigned long __probe_ret_ip;\toffset:16;\tsize:8;\tsigned:0;\n"
#define FORMAT(name, fields) "name: " name "\nID: 1392\nformat:\n" fields "\nprint fmt: \"%d\", REC->common_pid\n"

#define EXCERPT TEST_DATA "/kallsyms/excerpt/"

static const struct fetcharg_dialect oldest;
static const struct kernel_symbol_files symbols = {.kallsyms = EXCERPT "4.4", .blacklist = EXCERPT "blacklist"};

static struct sample_source *source;
static struct self_filter self;
static struct probe probe;
static struct probe_request *request;
static struct probe_kernel kernel;
static struct error err;

static void init(void)
{
	source = fake_source_new();
	kernel = (struct probe_kernel){.is_real = true,
				       .dialect = fetcharg_dialect_full,
				       .symbols = &symbols,
				       .addresses = kernel_addresses_new(EXCERPT "4.4")};
	self_filter_init(&self, 0);
}

static void done(void)
{
	probe_remove(&probe, source);
	source->ops->free(source);
	probe_request_unref(request);
	kernel_addresses_free(kernel.addresses);
	self_filter_done(&self);
}

TestSuite(call_source, .init = init, .fini = done);

/* `text` is "NAME=EXPRESSION NAME=EXPRESSION". */
static int install(enum event_kind kind, const char *executable, const char *symbol, const char *text, const char *filter)
{
	struct probe_parameter parameters[PROBE_PARAMETERS_MAX];
	char *copy = strdup(text), *rest, *word;
	size_t count = 0;
	int code;

	for (word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		parameters[count].name = word;
		parameters[count].expression = strchr(word, '=') + 1;
		*strchr(word, '=') = '\0';
		count++;
	}
	request = probe_request_unref(request);
	cr_assert_eq(probe_request_new_call(&request, kind, executable, symbol, parameters, count, filter, &err), 0, "%s", err.message);
	free(copy);
	err = (struct error){0};
	code = request_install(&probe, request, &kernel, &self, source, &err);
	cr_assert_eq(code, err.code);
	return code;
}

static void know(const char *system, const char *name, const char *format)
{
	cr_assert_eq(fake_source_format(source, system, name, format, &err), 0, "%s", err.message);
}

static struct event build(const void *raw, uint32_t raw_size, const struct process *process)
{
	static struct source_context context;
	struct sample sample = {.event = probe.event, .raw = raw, .raw_size = raw_size};
	struct event event = {.request = probe.request, .process = process};

	cr_assert(probe.instance.row->build(&context, &probe.instance, &sample, &event));
	return event;
}

static const struct call_argument *argument(const struct event *event, uint32_t index, const char *name, enum call_argument_type type)
{
	const struct call_argument *a = &event->call.arguments[index];

	cr_assert_lt(index, event->call.count);
	cr_assert_str_eq(a->name, name);
	cr_assert_eq(a->type, type, "%s is of type %d", name, (int)a->type);
	return a;
}

static void expect_integer(const struct event *event, uint32_t index, const char *name, enum call_argument_type type, uint64_t value)
{
	const struct call_argument *a = argument(event, index, name, type);

	cr_expect_eq(a->integer, value, "%s is %" PRIu64, name, a->integer);
}

static void expect_string(const struct event *event, uint32_t index, const char *name, const char *value)
{
	const struct call_argument *a = argument(event, index, name, CALL_STRING);

	cr_expect_eq(a->bytes.length, strlen(value), "%s is \"%.*s\"", name, (int)a->bytes.length, a->bytes.bytes);
	cr_expect_eq(memcmp(a->bytes.bytes, value, strlen(value)), 0, "%s is \"%.*s\"", name, (int)a->bytes.length, a->bytes.bytes);
}

static void expect_refusal(int code, int expected, const char *part)
{
	cr_expect_eq(code, expected, "%d: %s", code, err.message);
	cr_expect(strstr(err.message, part), "no \"%s\" in: %s", part, err.message);
	cr_expect_null(probe.event);
	cr_expect_null(probe.request);
}

static const char entry_format[] = FORMAT("do_sys_open", ENTRY "\tfield:s32 dfd;\toffset:16;\tsize:4;\tsigned:1;\n"
							       "\tfield:__data_loc char[] name;\toffset:20;\tsize:4;\tsigned:1;\n"
							       "\tfield:u64 how[];\toffset:24;\tsize:16;\tsigned:0;\n"
							       "\tfield:u64 sym;\toffset:40;\tsize:8;\tsigned:0;\n"
							       "\tfield:__data_loc char[] who;\toffset:48;\tsize:4;\tsigned:1;\n");

static const char old_entry_format[] = FORMAT("do_sys_open", ENTRY "\tfield:s32 dfd;\toffset:16;\tsize:4;\tsigned:1;\n"
								   "\tfield:__data_loc char[] name;\toffset:20;\tsize:4;\tsigned:1;\n"
								   "\tfield:u64 how__0;\toffset:24;\tsize:8;\tsigned:0;\n"
								   "\tfield:u64 how__1;\toffset:32;\tsize:8;\tsigned:0;\n"
								   "\tfield:u64 sym;\toffset:40;\tsize:8;\tsigned:0;\n");

#define ARGUMENTS "dfd=$arg1:s32 name=+u0($arg2):ustring how=+0($arg3):u64[2] sym=%ip:symbol who=$comm"

struct entry_record {
	uint16_t type;
	uint8_t flags, preempt_count;
	int32_t pid;
	uint64_t ip;
	int32_t dfd;
	uint32_t name;
	uint64_t how[2];
	uint64_t sym;
	uint32_t who;
	char text[16];
};

static const struct entry_record entry_record = {.type = 1392,
						 .flags = 1,
						 .preempt_count = 2,
						 .pid = 4242,
						 .ip = 0xffffffff811e5e60,
						 .dfd = -100,
						 .name = 5 << 16 | offsetof(struct entry_record, text),
						 .how = {7, 8},
						 .sym = 0xffffffff811e5e72,
						 .who = 4 << 16 | (offsetof(struct entry_record, text) + 5),
						 .text = "/etc\0cat"};

static void expect_the_entry(const struct event *event, const char *who)
{
	cr_expect_eq(event->kind, EVENT_KERNEL_CALL_ENTER);
	cr_expect_eq(event->capture, CAPTURE_CALLER);
	cr_assert_eq(event->call.count, 10);
	expect_integer(event, 0, "dfd", CALL_SINT32, (uint64_t)-100);
	expect_string(event, 1, "name", "/etc");
	cr_expect_eq(argument(event, 2, "how", CALL_BYTES)->bytes.length, 16);
	cr_expect_eq(memcmp(event->call.arguments[2].bytes.bytes, entry_record.how, 16), 0);
	expect_string(event, 3, "sym", "do_sys_open+0x12");
	expect_string(event, 4, "who", who);
	expect_integer(event, 5, "common_type", CALL_UINT16, 1392);
	expect_integer(event, 6, "common_flags", CALL_UINT8, 1);
	expect_integer(event, 7, "common_preempt_count", CALL_UINT8, 2);
	expect_integer(event, 8, "common_pid", CALL_SINT32, 4242);
	expect_integer(event, 9, "__probe_ip", CALL_UINT64, 0xffffffff811e5e60);
}

Test(call_source, an_entry_has_its_arguments_in_order_and_the_common_fields_behind_them)
{
	struct event event;

	know("kprobe", "do_sys_open", entry_format);
	cr_assert_eq(install(EVENT_KERNEL_CALL_ENTER, NULL, "do_sys_open", ARGUMENTS, NULL), 0, "%s", err.message);
	cr_assert_str_eq(fake_source_probe(source, "kprobe", "do_sys_open"),
			 "do_sys_open dfd=$arg1:s32 name=+u0($arg2):ustring how=+0($arg3):u64[2] sym=%ip:symbol who=$comm");
	event = build(&entry_record, sizeof(entry_record), NULL);
	expect_the_entry(&event, "cat");
}

Test(call_source, on_an_old_kernel_the_same_request_gives_the_same_event)
{
	struct process process = {.comm = "dog"};
	struct event event;

	kernel.dialect = oldest;
	know("kprobe", "do_sys_open", old_entry_format);
	cr_assert_eq(install(EVENT_KERNEL_CALL_ENTER, NULL, "do_sys_open", ARGUMENTS, NULL), 0, "%s", err.message);
	cr_assert_str_eq(fake_source_probe(source, "kprobe", "do_sys_open"),
			 "do_sys_open dfd=%di:s32 name=+0(%si):string how__0=+0(%dx):u64 how__1=+8(%dx):u64 sym=%ip:u64");
	event = build(&entry_record, sizeof(entry_record), &process);
	expect_the_entry(&event, "dog");
	event = build(&entry_record, sizeof(entry_record), NULL);
	expect_the_entry(&event, "");
}

Test(call_source, a_return_has_its_value_and_where_it_came_from)
{
	struct {
		uint64_t common, func, ret_ip;
		int32_t ret, pad;
	} raw = {0, 0x1000, 0x2000, -2, 0};
	struct event event;

	know("kretprobe", "do_sys_open", FORMAT("do_sys_open", RETURN "\tfield:s32 result;\toffset:24;\tsize:4;\tsigned:1;\n"));
	cr_assert_eq(install(EVENT_KERNEL_CALL_EXIT, NULL, "do_sys_open", "result=$retval:s32", NULL), 0, "%s", err.message);
	event = build(&raw, sizeof(raw), NULL);
	cr_assert_eq(event.call.count, 7);
	cr_expect_eq(event.kind, EVENT_KERNEL_CALL_EXIT);
	cr_expect_eq(event.capture, CAPTURE_KERNEL);
	expect_integer(&event, 0, "result", CALL_SINT32, (uint64_t)-2);
	expect_integer(&event, 5, "__probe_func", CALL_UINT64, 0x1000);
	expect_integer(&event, 6, "__probe_ret_ip", CALL_UINT64, 0x2000);
}

Test(call_source, a_return_that_nothing_is_asked_of_has_the_common_fields_alone)
{
	uint64_t raw[3] = {0, 1, 2};
	struct event event;

	know("kretprobe", "do_sys_open", FORMAT("do_sys_open", RETURN));
	cr_assert_eq(install(EVENT_KERNEL_CALL_EXIT, NULL, "do_sys_open", "", NULL), 0, "%s", err.message);
	cr_assert_str_eq(fake_source_probe(source, "kretprobe", "do_sys_open"), "do_sys_open");
	event = build(raw, sizeof(raw), NULL);
	cr_assert_eq(event.call.count, 6);
	expect_integer(&event, 0, "common_type", CALL_UINT16, 0);
}

Test(call_source, a_string_that_cannot_be_read_is_empty_however_the_kernel_says_so)
{
	struct {
		uint64_t common, ip;
		uint32_t name, pad;
		char text[8];
	} raw = {.name = 24, .text = "(fault)"};
	struct event event;

	know("kprobe", "do_sys_open", FORMAT("do_sys_open", ENTRY "\tfield:__data_loc char[] name;\toffset:16;\tsize:4;\tsigned:1;\n"));
	cr_assert_eq(install(EVENT_KERNEL_CALL_ENTER, NULL, "do_sys_open", "name=+0($arg2):string", NULL), 0, "%s", err.message);
	event = build(&raw, sizeof(raw), NULL);
	expect_string(&event, 0, "name", "");
	raw.name |= 8 << 16;
	event = build(&raw, sizeof(raw), NULL);
	expect_string(&event, 0, "name", "");
}

Test(call_source, an_address_without_a_name_is_shown_as_a_number)
{
	struct {
		uint64_t common, ip, sym;
	} raw = {.sym = 0x10};
	struct event event;

	know("kprobe", "vfs_read", FORMAT("vfs_read", ENTRY "\tfield:u64 sym;\toffset:16;\tsize:8;\tsigned:0;\n"));
	cr_assert_eq(install(EVENT_KERNEL_CALL_ENTER, NULL, "vfs_read", "sym=$arg1:symbol", NULL), 0, "%s", err.message);
	raw.sym = 0xffff0000;
	event = build(&raw, sizeof(raw), NULL);
	expect_string(&event, 0, "sym", "0xffff0000");
	raw.sym = 0xffffffffc0001008;
	event = build(&raw, sizeof(raw), NULL);
	expect_string(&event, 0, "sym", "nft_do_chain+0x8 [nf_tables]");
}

Test(call_source, a_sample_that_is_too_short_gives_nothing_and_reads_nothing)
{
	struct event event;

	know("kprobe", "do_sys_open", entry_format);
	cr_assert_eq(install(EVENT_KERNEL_CALL_ENTER, NULL, "do_sys_open", ARGUMENTS, NULL), 0, "%s", err.message);
	for (uint32_t size = 0; size < sizeof(entry_record); size++) {
		uint8_t *raw = malloc(size + 1);

		memcpy(raw, &entry_record, size);
		event = build(raw, size, NULL);
		cr_assert_eq(event.call.count, 10);
		free(raw);
	}
	event = build(&entry_record, sizeof(entry_record), NULL);
	expect_the_entry(&event, "cat");
}

Test(call_source, our_own_threads_are_kept_out_behind_the_clients_filter)
{
	char expected[64];

	self_filter_done(&self);
	self_filter_init(&self, (uint32_t)getpid());
	know("kprobe", "do_sys_open", entry_format);
	cr_assert_eq(install(EVENT_KERNEL_CALL_ENTER, NULL, "do_sys_open", ARGUMENTS, "dfd == 3 || name ~ \"a)*\""), 0, "%s", err.message);
	cr_assert_not_null(strstr(fake_source_filter(source, "kprobe", "do_sys_open"), "(dfd == 3 || name ~ \"a)*\") && "));
	snprintf(expected, sizeof(expected), "common_pid != %d", getpid());
	cr_assert_not_null(strstr(fake_source_filter(source, "kprobe", "do_sys_open"), expected));
}

Test(call_source, a_filter_on_what_this_kernel_writes_in_another_way_is_refused)
{
	kernel.dialect = oldest;
	know("kprobe", "do_sys_open", old_entry_format);
	expect_refusal(install(EVENT_KERNEL_CALL_ENTER, NULL, "do_sys_open", ARGUMENTS, "dfd == 1 && who == \"cat\""), -EOPNOTSUPP,
		       "who cannot be tested");
	expect_refusal(install(EVENT_KERNEL_CALL_ENTER, NULL, "do_sys_open", ARGUMENTS, "how == 1"), -EOPNOTSUPP, "how__0 to how__1");
	expect_refusal(install(EVENT_KERNEL_CALL_ENTER, NULL, "do_sys_open", "at=%ip:symstr", "at == \"x\""), -EOPNOTSUPP, "no symstr");
	cr_expect_eq(install(EVENT_KERNEL_CALL_ENTER, NULL, "do_sys_open", ARGUMENTS, "name == \"who\" && how__1 == 2"), 0, "%s",
		     err.message);
}

Test(call_source, a_filter_cannot_reach_out_of_its_parentheses)
{
	know("kprobe", "do_sys_open", entry_format);
	expect_refusal(install(EVENT_KERNEL_CALL_ENTER, NULL, "do_sys_open", ARGUMENTS, "dfd == 1) || (dfd == 2"), -EINVAL, "\") || (");
	expect_refusal(install(EVENT_KERNEL_CALL_ENTER, NULL, "do_sys_open", ARGUMENTS, "(dfd == 1"), -EINVAL, "without its ')'");
}

Test(call_source, arguments_that_make_no_sense_are_refused_with_their_name_and_place)
{
	know("kprobe", "vfs_read", FORMAT("vfs_read", ENTRY));
	expect_refusal(install(EVENT_KERNEL_CALL_ENTER, NULL, "vfs_read", "a=$arg1 buf=+0($arg2:string", NULL), -EINVAL, "argument buf");
	cr_expect(strstr(err.message, "character "), "%s", err.message);
	cr_expect(strstr(err.message, "vfs_read: ") == err.message, "%s", err.message);
	expect_refusal(install(EVENT_KERNEL_CALL_ENTER, NULL, "vfs_read", "common_pid=$arg1", NULL), -EINVAL, "common_pid");
	expect_refusal(install(EVENT_KERNEL_CALL_ENTER, NULL, "vfs_read", "r=$retval", NULL), -EINVAL, "return only");
	expect_refusal(install(EVENT_KERNEL_CALL_ENTER, NULL, "vfs_read+4", "a=$arg1", NULL), -EOPNOTSUPP, "first instruction");
	kernel.dialect = oldest;
	expect_refusal(install(EVENT_KERNEL_CALL_ENTER, NULL, "vfs_read", "a__0=$arg1 a=+0($arg2):u8[2]", NULL), -EINVAL, "a__0");
}

Test(call_source, a_function_that_there_is_not_is_refused_with_what_comes_close)
{
	expect_refusal(install(EVENT_KERNEL_CALL_ENTER, NULL, "vfs_reed", "", NULL), -ENOENT, "near it: vfs_read");
	expect_refusal(install(EVENT_KERNEL_CALL_ENTER, NULL, "init", "", NULL), -EADDRNOTAVAIL, "ambiguous");
	expect_refusal(install(EVENT_KERNEL_CALL_ENTER, NULL, "tcp_foo", "", NULL), -ENOENT, "inlined");
	expect_refusal(install(EVENT_KERNEL_CALL_ENTER, NULL, "sys_nope", "", NULL), -ENOENT, "sys_nope");
}

Test(call_source, what_the_compiler_has_renamed_is_taken_when_no_argument_of_it_is_read)
{
	know("kprobe", "ext4_ext4_release_isra_0", FORMAT("ext4_ext4_release_isra_0", ENTRY));
	expect_refusal(install(EVENT_KERNEL_CALL_ENTER, NULL, "ext4_release", "a=$arg1", NULL), -ENOENT, "ext4_release.isra.0 only");
	cr_assert_eq(install(EVENT_KERNEL_CALL_ENTER, NULL, "ext4_release", "", NULL), 0, "%s", err.message);
	cr_assert_str_eq(fake_source_probe(source, "kprobe", "ext4_ext4_release_isra_0"), "ext4:ext4_release.isra.0");
}

Test(call_source, a_system_call_is_found_by_another_name_where_its_arguments_are_the_same)
{
	know("kprobe", "SyS_openat", FORMAT("SyS_openat", ENTRY "\tfield:s32 dfd;\toffset:16;\tsize:4;\tsigned:1;\n"));
	cr_assert_eq(install(EVENT_KERNEL_CALL_ENTER, NULL, "__x64_sys_openat", "dfd=$arg1:s32", NULL), 0, "%s", err.message);
	cr_assert_str_eq(fake_source_probe(source, "kprobe", "SyS_openat"), "SyS_openat dfd=$arg1:s32");
}

Test(call_source, a_system_call_whose_entry_takes_the_registers_is_taken_for_its_result_only)
{
	const struct kernel_symbol_files newer = {.kallsyms = EXCERPT "6.18", .blacklist = EXCERPT "blacklist"};

	kernel.symbols = &newer;
	know("kretprobe", "__x64_sys_openat", FORMAT("__x64_sys_openat", RETURN "\tfield:s64 r;\toffset:24;\tsize:8;\tsigned:1;\n"));
	expect_refusal(install(EVENT_KERNEL_CALL_ENTER, NULL, "sys_openat", "dfd=$arg1:s32", NULL), -ENOENT, "struct pt_regs");
	cr_assert_eq(install(EVENT_KERNEL_CALL_EXIT, NULL, "sys_openat", "r=$retval:s64", NULL), 0, "%s", err.message);
}

int probed_by_this_test(int n);

__attribute__((noinline)) int probed_by_this_test(int n)
{
	return n + 1;
}

Test(call_source, a_programs_function_is_found_in_its_file)
{
	cr_assert_eq(probed_by_this_test(1), 2);
	know("uprobe", "probed_by_this_test", FORMAT("probed_by_this_test", ENTRY "\tfield:s32 n;\toffset:16;\tsize:4;\tsigned:1;\n"));
	cr_assert_eq(install(EVENT_USER_CALL_ENTER, "/proc/self/exe", "probed_by_this_test", "n=$arg1:s32", NULL), 0, "%s", err.message);
	cr_assert_str_eq(strchr(fake_source_probe(source, "uprobe", "probed_by_this_test"), ' '), " n=%di:s32");
	cr_assert_str_eq(probe.instance.row->type == SOURCE_UPROBE ? "uprobe" : "", "uprobe");
}

Test(call_source, a_program_or_function_that_there_is_not_is_refused)
{
	expect_refusal(install(EVENT_USER_CALL_ENTER, "/no/such/program", "main", "", NULL), -ENOENT, "/no/such/program");
	expect_refusal(install(EVENT_USER_CALL_ENTER, "/proc/self/exe", "probed_by_this_tset", "", NULL), -ENOENT,
		       "near it: probed_by_this_test");
}

Test(call_source, the_request_is_given_back_with_the_probe)
{
	know("kprobe", "vfs_read", FORMAT("vfs_read", ENTRY));
	cr_assert_eq(install(EVENT_KERNEL_CALL_ENTER, NULL, "vfs_read", "", NULL), 0, "%s", err.message);
	cr_assert_eq(request->references, 2);
	cr_assert_eq(probe.request, request);
	probe_remove(&probe, source);
	cr_assert_eq(request->references, 1);
	cr_assert_null(fake_source_filter(source, "kprobe", "vfs_read"));
}
