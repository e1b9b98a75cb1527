#include "cli/trace_text.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct buffer out;
static struct fetcharg args[2];
static struct fetcharg_value values[2];
static struct trace_call call = {
	.realtime_ns = INT64_C(1700000000) * 1000000000 + 1234,
	.cpu = 1,
	.tgid = 4711,
	.tid = 4711,
	.comm = "cat",
	.comm_length = 3,
	.symbol = "do_sys_openat2",
	.args = args,
	.values = values,
	.count = 1,
};

static void init(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
	buffer_init(&out, 0);
}

static void done(void)
{
	buffer_done(&out);
}

TestSuite(trace_text, .init = init, .fini = done);

static void use(size_t index, const char *expression, struct fetcharg_value value)
{
	cr_assert_eq(fetcharg_parse(&args[index], index ? "b" : "a", expression, NULL, NULL), 0);
	values[index] = value;
}

static struct fetcharg_value string(enum fetcharg_kind kind, const char *bytes, size_t length)
{
	return (struct fetcharg_value){.kind = kind, .bytes = bytes, .length = length};
}

static const char *line(void)
{
	buffer_clear(&out);
	trace_text_put(&out, false, &call);
	buffer_put_u8(&out, 0);
	return (const char *)out.data;
}

/* What stands in the last column behind the function's name. */
static const char *shown(const char *expression, struct fetcharg_value value)
{
	use(0, expression, value);
	return strstr(line(), call.symbol) + strlen(call.symbol);
}

static struct fetcharg_value number(enum fetcharg_kind kind, uint64_t value)
{
	return (struct fetcharg_value){.kind = kind, .uint = value};
}

Test(trace_text, a_call_stands_on_one_line_under_its_heads)
{
	char head[128];

	trace_text_put_head(&out, false);
	snprintf(head, sizeof(head), "%.*s", (int)out.length, (const char *)out.data);
	use(0, "+u0(%si):ustring", string(FETCHARG_KIND_STRING, "/etc/passwd", 11));
	use(1, "%dx:x32", number(FETCHARG_KIND_UINT32, 0x8000));
	call.count = 2;
	cr_assert_str_eq(line(), "22:13:20.000001  1    4711           cat              do_sys_openat2(a=\"/etc/passwd\", b=0x8000)\n");
	cr_assert_eq(strstr(head, "CALL") - head, strstr(line(), "do_sys") - line());
}

Test(trace_text, values_are_shown_as_their_types_are_read)
{
	static const char words[] = {1, 2, 3, 4};

	cr_expect_str_eq(shown("%di:s32", number(FETCHARG_KIND_SINT32, (uint64_t)-100)), "(a=-100)\n");
	cr_expect_str_eq(shown("%di:u64", number(FETCHARG_KIND_UINT64, UINT64_MAX)), "(a=18446744073709551615)\n");
	cr_expect_str_eq(shown("%di", number(FETCHARG_KIND_UINT64, UINT64_MAX)), "(a=0xffffffffffffffff)\n");
	cr_expect_str_eq(shown("+0(%di):char", number(FETCHARG_KIND_UINT8, 'x')), "(a='x')\n");
	cr_expect_str_eq(shown("+0(%di):char", number(FETCHARG_KIND_UINT8, 7)), "(a=7)\n");
	cr_expect_str_eq(shown("+0(%di):u8[4]", string(FETCHARG_KIND_BYTES, words, 4)), "(a={1, 2, 3, 4})\n");
	cr_expect_str_eq(shown("+0(%di):x16[2]", string(FETCHARG_KIND_BYTES, words, 4)), "(a={0x201, 0x403})\n");
	cr_expect_str_eq(shown("+0(%di):string[2]", string(FETCHARG_KIND_BYTES, "one\0two", 8)), "(a={\"one\", \"two\"})\n");
	cr_expect_str_eq(shown("+0(%di):char[4]", string(FETCHARG_KIND_BYTES, "ab\0c", 4)), "(a=\"ab\\0c\")\n");
}

Test(trace_text, foreign_bytes_do_not_reach_the_terminal)
{
	cr_expect_str_eq(shown("+0(%di):string", string(FETCHARG_KIND_STRING, "a\"b\033[2J\n\\", 9)), "(a=\"a\\\"b\\x1b[2J\\n\\\\\")\n");
}

Test(trace_text, errors_that_are_returned_have_names_also_those_of_an_int)
{
	call.is_return = true;
	cr_expect_str_eq(shown("$retval:s64", number(FETCHARG_KIND_SINT64, (uint64_t)-2)), " returns a=-2 ENOENT\n");
	cr_expect_str_eq(shown("$retval:s64", number(FETCHARG_KIND_SINT64, 4294967294)), " returns a=-2 ENOENT\n");
	cr_expect_str_eq(shown("$retval:s32", number(FETCHARG_KIND_SINT32, (uint64_t)-13)), " returns a=-13 EACCES\n");
	cr_expect_str_eq(shown("$retval", number(FETCHARG_KIND_UINT64, (uint64_t)-512)), " returns a=-512 ERESTARTSYS\n");
	cr_expect_str_eq(shown("$retval:s64", number(FETCHARG_KIND_SINT64, 3)), " returns a=3\n");
	cr_expect_str_eq(shown("+0($retval):s32", number(FETCHARG_KIND_SINT32, (uint64_t)-2)), " returns a=-2\n",
			 "what lies there is no result");
}

Test(trace_text, what_could_not_be_fetched_is_told_from_what_is_empty)
{
	struct fetcharg_value fault = {.kind = FETCHARG_KIND_STRING, .state = FETCHARG_FAULT, .bytes = ""};
	struct fetcharg_value comm = {.kind = FETCHARG_KIND_STRING, .state = FETCHARG_FROM_PROCESS, .bytes = ""};

	cr_expect_str_eq(shown("+0(%di):string", fault), "(a=(fault))\n");
	cr_expect_str_eq(shown("+0(%di):string", string(FETCHARG_KIND_STRING, "", 0)), "(a=\"\")\n");
	cr_expect_str_eq(shown("$comm", comm), "(a=\"cat\")\n");
}

Test(trace_text, an_address_is_shown_by_its_symbol)
{
	struct fetcharg_value address = {.kind = FETCHARG_KIND_UINT64, .state = FETCHARG_UNRESOLVED, .uint = 0xffffffff811e8060};
	struct kernel_addresses *addresses = NULL;

	cr_expect_str_eq(shown("%ip:symbol", address), "(a=0xffffffff811e8060)\n");
	addresses = kernel_addresses_new(TEST_DATA "/kallsyms/excerpt/4.4");
	call.addresses = addresses;
	cr_expect_str_eq(shown("%ip:symbol", address), "(a=vfs_read+0x10)\n");
	kernel_addresses_free(addresses);
}

Test(trace_text, json_has_the_same_values_with_their_types)
{
	json_t *root, *arguments;

	use(0, "+u0(%si):ustring", string(FETCHARG_KIND_STRING, "\xff/x", 3));
	use(1, "$retval:s64", number(FETCHARG_KIND_SINT64, 4294967294));
	call.count = 2;
	call.is_return = true;
	trace_json_put(&out, &call);
	root = json_loadb((const char *)out.data, out.length, 0, NULL);
	cr_assert_not_null(root);
	arguments = json_object_get(root, "arguments");
	cr_assert_str_eq(json_string_value(json_object_get(root, "time")), "1700000000.000001");
	cr_assert_str_eq(json_string_value(json_object_get(root, "event")), "return");
	cr_assert_str_eq(json_string_value(json_object_get(root, "error")), "ENOENT");
	cr_assert_str_eq(json_string_value(json_object_get(arguments, "a")), "\xef\xbf\xbd/x");
	cr_assert_eq(json_integer_value(json_object_get(arguments, "b")), -2);
	json_decref(root);
}

Test(trace_text, losses_are_told_in_both_forms)
{
	trace_text_put_lost(&out, false, 2);
	trace_json_put_lost(&out, 3);
	buffer_put_u8(&out, 0);
	cr_assert_str_eq((const char *)out.data, "lost 2 calls here: the ring was full\n{\"lost\":3}\n");
}
