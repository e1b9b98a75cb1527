/* What expressions on the wire become, both generations: one row for each thing that they can say. */
#include "capsule8/api/v0/telemetry_service.pb-c.h"
#include "proto/capsule8_decoder.h"
#include "proto/message_check.h"
#include "tests/expressions/conditions.h"
#include "tests/proto/json_message.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct subscription_spec *spec;
static struct error err;

static void tear_down(void)
{
	spec = subscription_spec_free(spec);
}

TestSuite(expression, .fini = tear_down);

static int decode_with(const struct capsule8_decode_options *options, const char *format, ...)
{
	struct buffer bytes;
	json_error_t error;
	va_list args;
	char *text;
	json_t *json;
	int r;

	va_start(args, format);
	cr_assert_geq(vasprintf(&text, format, args), 0);
	va_end(args);
	/* C has no good way to write quotes. */
	for (char *at = text; *at; at++)
		*at = *at == '\'' ? '"' : *at;
	json = json_loads(text, 0, &error);
	cr_assert_not_null(json, "%s in %s", error.text, text);
	buffer_init(&bytes, 0);
	json_message_pack(&capsule8__api__v0__get_events_request__descriptor, json, &bytes);
	tear_down();
	err = (struct error){0};
	r = capsule8_decode_request(bytes.data, bytes.length, options, &spec, &err);
	buffer_done(&bytes);
	json_decref(json);
	free(text);
	return r;
}

#define decode(...) decode_with(NULL, __VA_ARGS__)

#define FILTER(list, ...) "{'subscription':{'event_filter':{'" list "':[{" __VA_ARGS__ "}]}}}"

/* An expression as a word that says everything in it: EQ(cpu,UINT32:1). */

static void put(struct buffer *out, const struct expression *e, const struct clause *c);

static void put_value(struct buffer *out, const struct expression *e)
{
	buffer_printf(out, "%s:", value_type_name(e->value_type));
	if (e->value_type == VALUE_STRING)
		buffer_put_string(out, e->string);
	else if (e->value_type == VALUE_DOUBLE)
		buffer_printf(out, "%.17g", e->number);
	else if (e->value_type == VALUE_TIMESTAMP)
		buffer_printf(out, "%" PRId64 "+%" PRId32, e->timestamp.seconds, e->timestamp.nanoseconds);
	else
		buffer_printf(out, value_type_is_signed(e->value_type) ? "%" PRId64 : "%" PRIu64, e->integer);
}

static void put_operands(struct buffer *out, const struct expression *e, const struct clause *c)
{
	static const char *const names[] = {
		[EXPRESSION_AND] = "AND",
		[EXPRESSION_OR] = "OR",
		[EXPRESSION_EQ] = "EQ",
		[EXPRESSION_NE] = "NE",
		[EXPRESSION_LT] = "LT",
		[EXPRESSION_LE] = "LE",
		[EXPRESSION_GT] = "GT",
		[EXPRESSION_GE] = "GE",
		[EXPRESSION_LIKE] = "LIKE",
		[EXPRESSION_IS_NULL] = "IS_NULL",
		[EXPRESSION_IS_NOT_NULL] = "IS_NOT_NULL",
		[EXPRESSION_BITWISE_AND] = "BITS",
	};

	buffer_printf(out, "%s(", names[e->type]);
	for (const struct expression *operand = e->first; operand; operand = operand->next) {
		if (operand != e->first)
			buffer_put_u8(out, ',');
		put(out, operand, c);
	}
	buffer_put_u8(out, ')');
}

static void put(struct buffer *out, const struct expression *e, const struct clause *c)
{
	if (e->type == EXPRESSION_FIELD)
		buffer_put_string(out, e->field ? e->field->name : c->request->parameters[e->argument].name);
	else if (e->type == EXPRESSION_VALUE)
		put_value(out, e);
	else
		put_operands(out, e, c);
}

static void expect_filter(const char *what, const char *expected)
{
	struct buffer out;

	cr_assert_eq(spec->clause_count, 1, "%s", what);
	cr_assert_not_null(spec->clauses[0].filter, "%s", what);
	buffer_init(&out, 0);
	put(&out, spec->clauses[0].filter, &spec->clauses[0]);
	buffer_put_u8(&out, 0);
	cr_expect_str_eq((const char *)out.data, expected, "%s: %s", what, (const char *)out.data);
	buffer_done(&out);
}

struct row {
	const char *json;
	const char *expected;
};

#define FIELD(name)        "{'type':'IDENTIFIER','identifier':'" name "'}"
#define VALUE(type, value) "{'type':'VALUE','value':{'type':" type "," value "}}"
#define OP(type, lhs, rhs) "{'type':" type ",'binary_op':{'lhs':" lhs ",'rhs':" rhs "}}"
#define UNARY(type, of)    "{'type':" type ",'unary_op':" of "}"
#define EQ(lhs, rhs)       OP("'EQ'", lhs, rhs)
#define AND(lhs, rhs)      OP("'LOGICAL_AND'", lhs, rhs)
#define OR(lhs, rhs)       OP("'LOGICAL_OR'", lhs, rhs)
#define STRING(string)     VALUE("'STRING'", "'string_value':'" string "'")
#define SIGNED(number)     VALUE("'SINT64'", "'signed_value':'" number "'")
#define UNSIGNED(number)   VALUE("'UINT64'", "'unsigned_value':'" number "'")

static void expect_rows(const char *format, const struct row *rows, size_t count)
{
	char request[16384];

	for (size_t i = 0; i < count; i++) {
		cr_assert_lt((size_t)snprintf(request, sizeof(request), format, rows[i].json), sizeof(request));
		cr_assert_eq(decode("%s", request), 0, "%s: %s", rows[i].json, err.message);
		expect_filter(rows[i].json, rows[i].expected);
	}
}

#define EXPECT_ROWS(format, rows) expect_rows(format, rows, sizeof(rows) / sizeof(rows[0]))

Test(expression, every_operator_is_what_its_number_says)
{
	static const struct row rows[] = {
		{OP("10", UNARY("28", FIELD("cpu")), UNARY("27", FIELD("comm"))), "AND(IS_NOT_NULL(cpu),IS_NULL(process_comm))"},
		{OP("11", UNARY("28", FIELD("cpu")), UNARY("27", FIELD("comm"))), "OR(IS_NOT_NULL(cpu),IS_NULL(process_comm))"},
		{OP("20", FIELD("cpu"), UNSIGNED("7")), "EQ(cpu,UINT32:7)"},
		{OP("21", FIELD("cpu"), UNSIGNED("7")), "NE(cpu,UINT32:7)"},
		{OP("22", FIELD("cpu"), UNSIGNED("7")), "LT(cpu,UINT32:7)"},
		{OP("23", FIELD("cpu"), UNSIGNED("7")), "LE(cpu,UINT32:7)"},
		{OP("24", FIELD("cpu"), UNSIGNED("7")), "GT(cpu,UINT32:7)"},
		{OP("25", FIELD("cpu"), UNSIGNED("7")), "GE(cpu,UINT32:7)"},
		{OP("26", FIELD("comm"), STRING("ba*")), "LIKE(process_comm,STRING:ba*)"},
		{UNARY("27", FIELD("filename")), "IS_NULL(filename)"},
		{UNARY("28", FIELD("filename")), "IS_NOT_NULL(filename)"},
		{EQ(OP("30", FIELD("cpu"), UNSIGNED("6")), UNSIGNED("2")), "EQ(BITS(cpu,UINT32:6),UINT32:2)"},
		/* As the contract says: they have a bit in common. */
		{OP("30", FIELD("cpu"), UNSIGNED("6")), "NE(BITS(cpu,UINT32:6),UINT32:0)"},
		{OR(OP("30", FIELD("cpu"), UNSIGNED("6")), UNARY("27", FIELD("cpu"))), "OR(NE(BITS(cpu,UINT32:6),UINT32:0),IS_NULL(cpu))"},
		{EQ(UNSIGNED("7"), FIELD("cpu")), "EQ(UINT32:7,cpu)"},
		{EQ(FIELD("filename"), FIELD("path")), "EQ(filename,path)"},
		{"{'type':2,'value':{'type':10,'bool_value':true}}", "BOOL:1"},
	};

	EXPECT_ROWS(FILTER("file_events", "'type':1,'filter_expression':%s"), rows);
}

/* The numbers of all types; each is then as wide as the field. */
Test(expression, values_of_every_type_are_taken)
{
	static const struct row numbers[] = {
		{VALUE("2", "'signed_value':'127'"), "EQ(nanoseconds,SINT64:127)"},
		{VALUE("2", "'signed_value':'-128'"), "EQ(nanoseconds,SINT64:-128)"},
		{VALUE("3", "'signed_value':'32767'"), "EQ(nanoseconds,SINT64:32767)"},
		{VALUE("3", "'signed_value':'-32768'"), "EQ(nanoseconds,SINT64:-32768)"},
		{VALUE("4", "'signed_value':'2147483647'"), "EQ(nanoseconds,SINT64:2147483647)"},
		{VALUE("4", "'signed_value':'-2147483648'"), "EQ(nanoseconds,SINT64:-2147483648)"},
		{VALUE("5", "'signed_value':'9223372036854775807'"), "EQ(nanoseconds,SINT64:9223372036854775807)"},
		{VALUE("5", "'signed_value':'-9223372036854775808'"), "EQ(nanoseconds,SINT64:-9223372036854775808)"},
		{VALUE("6", "'unsigned_value':'255'"), "EQ(nanoseconds,SINT64:255)"},
		{VALUE("7", "'unsigned_value':'65535'"), "EQ(nanoseconds,SINT64:65535)"},
		{VALUE("8", "'unsigned_value':'4294967295'"), "EQ(nanoseconds,SINT64:4294967295)"},
		{VALUE("9", "'unsigned_value':'9223372036854775807'"), "EQ(nanoseconds,SINT64:9223372036854775807)"},
		{VALUE("11", "'double_value':-3"), "EQ(nanoseconds,SINT64:-3)"},
	};
	static const struct row alone[] = {
		{EQ(VALUE("1", "'string_value':''"), STRING("gr\xc3\xbcn")), "EQ(STRING:,STRING:gr\xc3\xbcn)"},
		{EQ(VALUE("11", "'double_value':0.1"), VALUE("11", "'double_value':-1e300")),
		 "EQ(DOUBLE:0.10000000000000001,DOUBLE:-1.0000000000000001e+300)"},
		{EQ(VALUE("12", "'timestamp_value':{'seconds':'-62135596800'}"),
		    VALUE("12", "'timestamp_value':{'seconds':'253402300799','nanos':999999999}")),
		 "EQ(TIMESTAMP:-62135596800+0,TIMESTAMP:253402300799+999999999)"},
		{EQ(VALUE("9", "'unsigned_value':'18446744073709551615'"), VALUE("6", "'unsigned_value':'0'")),
		 "EQ(UINT64:18446744073709551615,UINT64:0)"},
		{EQ(FIELD("symlink"), VALUE("10", "'bool_value':false")), "EQ(symlink,BOOL:0)"},
		{EQ(FIELD("symlink"), UNSIGNED("1")), "EQ(symlink,BOOL:1)"},
	};
	struct row row;
	char json[512], expected[128];

	/* No filter of the contract's is of ticks; a call's argument of 64 bits is as wide. */
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		snprintf(json, sizeof(json), EQ(FIELD("nanoseconds"), "%s"), numbers[i].json);
		snprintf(expected, sizeof(expected), "%s", numbers[i].expected);
		row = (struct row){json, expected};
		expect_rows(FILTER("user_events",
				   "'type':2,'executable':'/bin/sh','symbol':'main','arguments':{'nanoseconds':'$retval:s64'},"
				   "'filter_expression':%s"),
			    &row, 1);
	}
	EXPECT_ROWS(FILTER("file_events", "'type':4,'filter_expression':%s"), alone);
}

Test(expression, fields_are_those_of_the_kind_and_those_that_all_have)
{
	static const struct row rows[] = {
		{EQ(FIELD("filename"), STRING("a")), "EQ(oldname,STRING:a)"},
		{EQ(FIELD("newname"), STRING("a")), "EQ(newname,STRING:a)"},
		{EQ(FIELD("pid"), SIGNED("1")), "EQ(process_pid,UINT32:1)"},
		{EQ(FIELD("process_tid"), SIGNED("1")), "EQ(process_tid,UINT32:1)"},
		{EQ(FIELD("euid"), SIGNED("0")), "EQ(euid,UINT32:0)"},
		{EQ(FIELD("process_id"), STRING("x")), "EQ(process_id,STRING:x)"},
	};

	EXPECT_ROWS(FILTER("file_events", "'type':'FILE_EVENT_TYPE_RENAME','filter_expression':%s"), rows);
}

Test(expression, arguments_of_a_call_are_fields_by_their_names)
{
	static const struct row rows[] = {
		{EQ(FIELD("name"), STRING("a")), "EQ(name,STRING:a)"},
		{EQ(FIELD("flags"), UNSIGNED("255")), "EQ(flags,UINT8:255)"},
		{OP("'LT'", FIELD("offset"), VALUE("2", "'signed_value':'-5'")), "LT(offset,SINT32:-5)"},
		{EQ(FIELD("cpu"), UNSIGNED("0")), "EQ(cpu,UINT32:0)"},
		{EQ(FIELD("comm"), STRING("sh")), "EQ(process_comm,STRING:sh)"},
	};
	static const char arguments[] = "'arguments':{'name':'+0(%%si):string','flags':'%%dx:u8','offset':'%%cx:s32'},";
	char format[512];

	snprintf(format, sizeof(format), FILTER("kernel_events", "'type':1,'symbol':'f',%s'filter_expression':%%s"), arguments);
	EXPECT_ROWS(format, rows);
	snprintf(format, sizeof(format), FILTER("user_events", "'type':2,'executable':'/bin/sh','symbol':'f',%s'filter_expression':%%s"),
		 arguments);
	EXPECT_ROWS(format, rows);
}

Test(expression, what_a_filter_says_otherwise_comes_before_its_expression)
{
	cr_assert_eq(decode(FILTER("file_events", "'type':1,'filename':{'value':'a'},'filename_pattern':{'value':'*'},"
						  "'open_flags_mask':{'value':3},'create_mode_mask':{'value':64},'filter_expression':" AND(
							  EQ(FIELD("cpu"), SIGNED("1")), EQ(FIELD("cpu"), SIGNED("2"))))),
		     0, "%s", err.message);
	expect_filter("file", "AND(EQ(filename,STRING:a),LIKE(filename,STRING:*),NE(BITS(open_flags,SINT32:3),SINT32:0),"
			      "NE(BITS(open_mode,SINT32:64),SINT32:0),EQ(cpu,UINT32:1),EQ(cpu,UINT32:2))");
	cr_assert_eq(decode(FILTER("process_events",
				   "'type':3,'exit_code':{'value':256},'filter_expression':" UNARY("'IS_NULL'", FIELD("comm")))),
		     0, "%s", err.message);
	expect_filter("process", "AND(EQ(exit_code,SINT32:256),IS_NULL(process_comm))");
	cr_assert_eq(decode(FILTER("network_events",
				   "'type':1,'filter':{'predicate':{'type':'EQ','field_name':'sockfd','signed_value':'3'}},"
				   "'filter_expression':" EQ(FIELD("port_number"), SIGNED("80")))),
		     0, "%s", err.message);
	expect_filter("network", "AND(EQ(sockfd,UINT64:3),EQ(port_number,UINT16:80))");
	cr_assert_eq(decode(FILTER("syscall_events", "'type':2,'id':{'value':1},'abi':2,'ret':{'value':-2},'filter_expression':" OR(
							     EQ(FIELD("cpu"), SIGNED("1")), EQ(FIELD("cpu"), SIGNED("2"))))),
		     0, "%s", err.message);
	expect_filter("syscall", "AND(EQ(id,SINT64:1),EQ(abi,UINT32:1),EQ(ret,SINT64:-2),OR(EQ(cpu,UINT32:1),EQ(cpu,UINT32:2)))");
}

/* System calls by an expression. */

#define ID_IS(number)        EQ(FIELD("id"), SIGNED(number))
#define SYSCALLS(expression) FILTER("syscall_events", "'type':1,'filter_expression':" expression)

Test(expression, an_expression_can_name_the_system_calls)
{
	cr_assert_eq(decode(SYSCALLS(ID_IS("1"))), 0, "%s", err.message);
	expect_filter("one", "AND(EQ(abi,UINT32:2),EQ(id,SINT64:1))");
	cr_assert_eq(decode(SYSCALLS(OR(ID_IS("1"), AND(ID_IS("2"), EQ(FIELD("arg0"), UNSIGNED("0")))))), 0, "%s", err.message);
	expect_filter("two", "AND(EQ(abi,UINT32:2),OR(EQ(id,SINT64:1),AND(EQ(id,SINT64:2),EQ(arg0,UINT64:0))))");
	cr_expect_eq(decode(SYSCALLS(OR(ID_IS("1"), EQ(FIELD("arg0"), UNSIGNED("0"))))), -EINVAL);
	cr_expect_not_null(strstr(err.message, "syscall_events[0].id: not set; must name a system call"), "%s", err.message);
}

Test(expression, one_that_speaks_of_the_abi_gets_no_other)
{
	cr_assert_eq(decode(SYSCALLS(AND(ID_IS("1"), EQ(FIELD("abi"), SIGNED("1"))))), 0, "%s", err.message);
	expect_filter("32-bit", "AND(EQ(id,SINT64:1),EQ(abi,UINT32:1))");
	cr_assert_eq(decode(SYSCALLS(OR(ID_IS("1"), AND(ID_IS("4"), EQ(FIELD("abi"), SIGNED("1")))))), 0, "%s", err.message);
	expect_filter("either", "OR(EQ(id,SINT64:1),AND(EQ(id,SINT64:4),EQ(abi,UINT32:1)))");
	/* Both are said. */
	cr_assert_eq(decode(FILTER("syscall_events",
				   "'type':1,'id':{'value':1},'abi':1,'filter_expression':" EQ(FIELD("abi"), SIGNED("1")))),
		     0, "%s", err.message);
	expect_filter("both", "AND(EQ(id,SINT64:1),EQ(abi,UINT32:2),EQ(abi,UINT32:1))");
}

Test(expression, a_server_may_serve_all_system_calls)
{
	static const struct capsule8_decode_options all = {.all_syscalls = true};

	cr_assert_eq(decode_with(&all, FILTER("syscall_events", "'type':1")), 0, "%s", err.message);
	expect_filter("all", "EQ(abi,UINT32:2)");
	cr_assert_eq(decode_with(&all, SYSCALLS(EQ(FIELD("arg0"), UNSIGNED("0")))), 0, "%s", err.message);
	expect_filter("some", "AND(EQ(abi,UINT32:2),EQ(arg0,UINT64:0))");
	cr_assert_eq(decode_with(&all, SYSCALLS(UNARY("'IS_NOT_NULL'", FIELD("abi")))), 0, "%s", err.message);
	expect_filter("of any ABI", "IS_NOT_NULL(abi)");
}

/* The older form. */

#define PREDICATE(type, name, value) "{'predicate':{'type':" type ",'field_name':'" name "'," value "}}"
#define OLD_AND(lhs, rhs)            "{'type':1,'lhs':" lhs ",'rhs':" rhs "}"
#define OLD_OR(lhs, rhs)             "{'type':2,'lhs':" lhs ",'rhs':" rhs "}"

Test(expression, the_older_form_says_the_same)
{
	static const struct row rows[] = {
		{PREDICATE("1", "sockfd", "'value_type':0,'signed_value':'3'"), "EQ(sockfd,UINT64:3)"},
		{PREDICATE("2", "sockfd", "'value_type':1,'unsigned_value':'18446744073709551615'"),
		 "NE(sockfd,UINT64:18446744073709551615)"},
		{PREDICATE("3", "port_number", "'value_type':1,'unsigned_value':'1024'"), "LT(port_number,UINT16:1024)"},
		{PREDICATE("4", "port_number", "'signed_value':'1024'"), "LE(port_number,UINT16:1024)"},
		{PREDICATE("5", "port_number", "'signed_value':'1024'"), "GT(port_number,UINT16:1024)"},
		{PREDICATE("6", "port_number", "'signed_value':'0'"), "GE(port_number,UINT16:0)"},
		{PREDICATE("7", "local_address", "'value_type':2,'string_value':'/run/*'"), "LIKE(local_address,STRING:/run/*)"},
		{PREDICATE("1", "local_address", "'value_type':2,'string_value':''"), "EQ(local_address,STRING:)"},
		{PREDICATE("0", "", "'signed_value':'-1'"), "BOOL:1"},
		{PREDICATE("0", "", "'signed_value':'0'"), "BOOL:0"},
		{PREDICATE("0", "", "'value_type':1,'unsigned_value':'4294967296'"), "BOOL:1"},
		{OLD_AND(PREDICATE("0", "", "'signed_value':'1'"), PREDICATE("1", "family", "'signed_value':'2'")),
		 "AND(BOOL:1,EQ(family,UINT32:2))"},
		{OLD_OR(OLD_OR(PREDICATE("1", "family", "'signed_value':'1'"), PREDICATE("1", "family", "'signed_value':'2'")),
			OLD_AND(PREDICATE("1", "family", "'signed_value':'3'"),
				PREDICATE("1", "comm", "'value_type':2,'string_value':'x'"))),
		 "OR(EQ(family,UINT32:1),EQ(family,UINT32:2),AND(EQ(family,UINT32:3),EQ(process_comm,STRING:x)))"},
	};

	EXPECT_ROWS(FILTER("network_events", "'type':1,'filter':%s"), rows);
}

/* How much is too much. */

/* `count` ANDed conditions, each on the left of the next, as clients nest them. */
static char *chain(size_t count)
{
	static const char condition[] = EQ(FIELD("cpu"), SIGNED("1"));
	static const char before[] = "{'type':'LOGICAL_AND','binary_op':{'lhs':";
	struct buffer out;

	buffer_init(&out, 0);
	for (size_t i = 1; i < count; i++)
		buffer_put_string(&out, before);
	buffer_put_string(&out, condition);
	for (size_t i = 1; i < count; i++)
		buffer_printf(&out, ",'rhs':%s}}", condition);
	return (char *)buffer_take(&out, &(size_t){0});
}

Test(expression, a_chain_of_more_than_a_hundred_operators_is_one_level)
{
	char *json = chain(121);

	cr_assert_eq(decode(FILTER("file_events", "'type':1,'filter_expression':%s"), json), 0, "%s", err.message);
	cr_expect_eq(condition_count(&spec->clauses[0]), 121);
	free(json);
	json = chain(MESSAGE_DEPTH_MAX);
	cr_expect_eq(decode(FILTER("file_events", "'type':1,'filter_expression':%s"), json), -EINVAL);
	cr_expect_not_null(strstr(err.message, "more than 256 messages in one another"), "%s", err.message);
	free(json);
}

/* 2^depth comparisons. */
static void put_balanced(struct buffer *out, unsigned int depth)
{
	if (!depth) {
		buffer_put_string(out, EQ(FIELD("cpu"), SIGNED("1")));
		return;
	}
	buffer_put_string(out, "{'type':'LOGICAL_OR','binary_op':{'lhs':");
	put_balanced(out, depth - 1);
	buffer_put_string(out, ",'rhs':");
	put_balanced(out, depth - 1);
	buffer_put_string(out, "}}");
}

Test(expression, one_with_thousands_of_parts_is_refused)
{
	for (unsigned int depth = 10; depth <= 11; depth++) {
		struct buffer out;
		char *json;

		buffer_init(&out, 0);
		put_balanced(&out, depth);
		json = (char *)buffer_take(&out, &(size_t){0});
		cr_expect_eq(decode(FILTER("file_events", "'type':1,'filter_expression':%s"), json), depth == 10 ? 0 : -EINVAL);
		free(json);
	}
	cr_expect_not_null(strstr(err.message, "more than 4096 parts"), "%s", err.message);
	cr_expect_not_null(strstr(err.message, "file_events[0].filter_expression.binary_op.rhs.(4 more).binary_op.lhs."), "%s",
			   err.message);
}
