#include "proto/message_json.h"

#include "capsule8/api/v0/telemetry_service.pb-c.h"
#include "google/protobuf/descriptor.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "google/protobuf/wrappers.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "proto/json_scalar.h"

#include <criterion/criterion.h>
#include <jansson.h>

#include <errno.h>
#include <float.h>
#include <math.h>
#include <string.h>

#define V0(name) Capsule8__Api__V0__##name

static struct buffer out;

static void set_up(void)
{
	buffer_init(&out, 0);
}

static void tear_down(void)
{
	buffer_done(&out);
}

TestSuite(json, .init = set_up, .fini = tear_down);

static const char *text(void)
{
	buffer_put_u8(&out, 0);
	cr_assert_not(out.failed);
	return (const char *)out.data;
}

static const char *json_of(const void *message)
{
	json_error_t error;
	json_t *parsed;

	buffer_clear(&out);
	cr_assert_eq(message_json(message, &out), 0);
	parsed = json_loadb((const char *)out.data, out.length, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
	cr_assert_not_null(parsed, "%s in %.*s", error.text, (int)out.length, (const char *)out.data);
	json_decref(parsed);
	return text();
}

#define JSON(message, expected) cr_expect_str_eq(json_of(message), expected, "%s", (const char *)out.data)

Test(json, an_empty_message_is_an_empty_object)
{
	V0(Event) event = CAPSULE8__API__V0__EVENT__INIT;

	JSON(&event, "{}");
}

Test(json, names_are_in_camel_case_and_numbers_of_64_bits_are_strings)
{
	V0(Event) event = CAPSULE8__API__V0__EVENT__INIT;

	event.process_pid = -7;
	event.sensor_sequence_number = UINT64_MAX;
	event.sensor_monotime_nanos = INT64_MIN;
	event.id = (char *)"x";
	JSON(&event, "{\"id\":\"x\",\"processPid\":-7,\"sensorSequenceNumber\":\"18446744073709551615\","
		     "\"sensorMonotimeNanos\":\"-9223372036854775808\"}");
}

Test(json, lists_enums_bools_and_members_of_a_oneof)
{
	V0(Event) event = CAPSULE8__API__V0__EVENT__INIT;
	V0(ProcessEvent) process = CAPSULE8__API__V0__PROCESS_EVENT__INIT;
	V0(Process) first = CAPSULE8__API__V0__PROCESS__INIT, second = CAPSULE8__API__V0__PROCESS__INIT;
	V0(Process) * lineage[] = {&first, &second};
	char *arguments[] = {(char *)"ls", (char *)"", (char *)"-l"};

	first.pid = 2;
	first.command = (char *)"bash";
	event.process_lineage = lineage;
	event.n_process_lineage = 2;
	event.event_case = CAPSULE8__API__V0__EVENT__EVENT_PROCESS;
	event.process = &process;
	process.type = CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_EXEC;
	process.exec_command_line = arguments;
	process.n_exec_command_line = 3;
	process.exec_command_line_truncated = 1;
	JSON(&event, "{\"processLineage\":[{\"pid\":2,\"command\":\"bash\"},{}],\"process\":{\"type\":\"PROCESS_EVENT_TYPE_EXEC\","
		     "\"execCommandLine\":[\"ls\",\"\",\"-l\"],\"execCommandLineTruncated\":true}}");
}

Test(json, only_the_member_that_is_set_of_a_oneof_is_written_and_it_is_written_when_0)
{
	V0(Value) value = CAPSULE8__API__V0__VALUE__INIT;

	JSON(&value, "{}");
	value.value_case = CAPSULE8__API__V0__VALUE__VALUE_UNSIGNED_VALUE;
	JSON(&value, "{\"unsignedValue\":\"0\"}");
	value.value_case = CAPSULE8__API__V0__VALUE__VALUE_BOOL_VALUE;
	JSON(&value, "{\"boolValue\":false}");
	value.value_case = CAPSULE8__API__V0__VALUE__VALUE_STRING_VALUE;
	value.string_value = (char *)"";
	JSON(&value, "{\"stringValue\":\"\"}");
	value.value_case = CAPSULE8__API__V0__VALUE__VALUE_SIGNED_VALUE;
	value.signed_value = -1;
	JSON(&value, "{\"signedValue\":\"-1\"}");
}

Test(json, an_enum_value_without_a_name_is_a_number)
{
	V0(SyscallEvent) syscall = CAPSULE8__API__V0__SYSCALL_EVENT__INIT;

	syscall.type = (V0(SyscallEventType))42;
	JSON(&syscall, "{\"type\":42}");
}

Test(json, wrappers_are_their_value_also_when_it_is_the_default)
{
	V0(SyscallEventFilter) filter = CAPSULE8__API__V0__SYSCALL_EVENT_FILTER__INIT;
	Google__Protobuf__Int64Value id = GOOGLE__PROTOBUF__INT64_VALUE__INIT;
	Google__Protobuf__UInt64Value arg0 = GOOGLE__PROTOBUF__UINT64_VALUE__INIT;
	V0(ProcessEventFilter) process = CAPSULE8__API__V0__PROCESS_EVENT_FILTER__INIT;
	Google__Protobuf__StringValue name = GOOGLE__PROTOBUF__STRING_VALUE__INIT;
	Google__Protobuf__Int32Value code = GOOGLE__PROTOBUF__INT32_VALUE__INIT;

	filter.id = &id;
	arg0.value = 5;
	filter.arg0 = &arg0;
	JSON(&filter, "{\"id\":\"0\",\"arg0\":\"5\"}");
	process.exec_filename = &name;
	code.value = 256;
	process.exit_code = &code;
	JSON(&process, "{\"execFilename\":\"\",\"exitCode\":256}");
}

Test(json, maps_are_objects)
{
	V0(KernelFunctionCallEvent) call = CAPSULE8__API__V0__KERNEL_FUNCTION_CALL_EVENT__INIT;
	V0(KernelFunctionCallEvent__ArgumentsEntry) first = CAPSULE8__API__V0__KERNEL_FUNCTION_CALL_EVENT__ARGUMENTS_ENTRY__INIT;
	V0(KernelFunctionCallEvent__ArgumentsEntry) second = CAPSULE8__API__V0__KERNEL_FUNCTION_CALL_EVENT__ARGUMENTS_ENTRY__INIT;
	V0(KernelFunctionCallEvent__ArgumentsEntry) * entries[] = {&first, &second};
	V0(KernelFunctionCallEvent__FieldValue) value;
	uint8_t bytes[] = {0xfb, 0xff};

	capsule8__api__v0__kernel_function_call_event__field_value__init(&value);
	first.key = (char *)"data";
	first.value = &value;
	value.field_type = CAPSULE8__API__V0__KERNEL_FUNCTION_CALL_EVENT__FIELD_TYPE__BYTES;
	value.value_case = CAPSULE8__API__V0__KERNEL_FUNCTION_CALL_EVENT__FIELD_VALUE__VALUE_BYTES_VALUE;
	value.bytes_value = (ProtobufCBinaryData){.len = 2, .data = bytes};
	call.arguments = entries;
	call.n_arguments = 2;
	JSON(&call, "{\"arguments\":{\"data\":{\"fieldType\":\"BYTES\",\"bytesValue\":\"+/8=\"},\"\":{}}}");
}

Test(json, strings_are_escaped_and_made_valid)
{
	V0(FileEvent) file = CAPSULE8__API__V0__FILE_EVENT__INIT;

	file.filename = (char *)"/a \"b\"\\\n\x01 gr\xc3\xbcn";
	JSON(&file, "{\"filename\":\"/a \\\"b\\\"\\\\\\n\\u0001 gr\xc3\xbcn\"}");
	file.filename = (char *)"\xff\n";
	JSON(&file, "{\"filename\":\"\xef\xbf\xbd\\n\"}");
}

Test(json, times_have_0_3_6_or_9_digits_behind_the_second)
{
	static const struct {
		int64_t seconds;
		int32_t nanos;
		const char *expected;
	} samples[] = {
		{0, 0, "\"1970-01-01T00:00:00Z\""},
		{1700000000, 120000000, "\"2023-11-14T22:13:20.120Z\""},
		{1700000000, 120000, "\"2023-11-14T22:13:20.000120Z\""},
		{-1, 1, "\"1969-12-31T23:59:59.000000001Z\""},
		{-62135596800, 0, "\"0001-01-01T00:00:00Z\""},
		{253402300799, 999999999, "\"9999-12-31T23:59:59.999999999Z\""},
	};
	Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		time.seconds = samples[i].seconds;
		time.nanos = samples[i].nanos;
		JSON(&time, samples[i].expected);
	}
}

Test(json, times_that_have_no_json_form_are_refused)
{
	Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;

	time.seconds = 253402300800;
	cr_expect_eq(message_json(&time.base, &out), -EINVAL);
	time.seconds = -62135596801;
	cr_expect_eq(message_json(&time.base, &out), -EINVAL);
	time.seconds = 0;
	time.nanos = -1;
	cr_expect_eq(message_json(&time.base, &out), -EINVAL);
	time.nanos = 1000000000;
	cr_expect_eq(message_json(&time.base, &out), -EINVAL);
}

static const char *double_text(double value)
{
	buffer_clear(&out);
	json_put_double(&out, value);
	return text();
}

Test(json, doubles_have_as_many_digits_as_they_need)
{
	V0(Value) value = CAPSULE8__API__V0__VALUE__INIT;

	cr_expect_str_eq(double_text(0.1), "0.1");
	cr_expect_str_eq(double_text(1), "1");
	cr_expect_str_eq(double_text(-2.5e-7), "-2.5e-07");
	cr_expect_str_eq(double_text(1.0 / 3), "0.3333333333333333");
	cr_expect_eq(strtod(double_text(DBL_MAX), NULL), DBL_MAX);
	cr_expect_eq(strtod(double_text(DBL_TRUE_MIN), NULL), DBL_TRUE_MIN);
	cr_expect_str_eq(double_text((double)NAN), "\"NaN\"");
	cr_expect_str_eq(double_text((double)INFINITY), "\"Infinity\"");
	cr_expect_str_eq(double_text((double)-INFINITY), "\"-Infinity\"");
	value.value_case = CAPSULE8__API__V0__VALUE__VALUE_DOUBLE_VALUE;
	value.double_value = (double)NAN;
	JSON(&value, "{\"doubleValue\":\"NaN\"}");
}

Test(json, floats_are_not_written_with_the_digits_of_doubles)
{
	json_put_float(&out, 0.1f);
	json_put_float(&out, 16777216.0f);
	json_put_float(&out, -INFINITY);
	cr_expect_str_eq(text(), "0.116777216\"-Infinity\"");
}

Test(json, base64_is_padded)
{
	static const char *const expected[] = {"\"\"", "\"Zg==\"", "\"Zm8=\"", "\"Zm9v\"", "\"Zm9vYg==\"", "\"Zm9vYmE=\"", "\"Zm9vYmFy\""};

	for (size_t i = 0; i <= 6; i++) {
		buffer_clear(&out);
		json_put_base64(&out, (const uint8_t *)"foobar", i);
		cr_expect_str_eq(text(), expected[i]);
	}
}

Test(json, an_any_has_its_type_and_its_bytes)
{
	Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT;
	Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
	Google__Protobuf__Any *details[] = {&any};

	status.code = 3;
	status.message = (char *)"no";
	any.type_url = (char *)"type.googleapis.com/x.Y";
	any.value = (ProtobufCBinaryData){.len = 3, .data = (uint8_t *)"foo"};
	status.details = details;
	status.n_details = 1;
	JSON(&status, "{\"code\":3,\"message\":\"no\",\"details\":[{\"@type\":\"type.googleapis.com/x.Y\",\"value\":\"Zm9v\"}]}");
}

Test(json, optional_and_required_fields_of_proto2_are_written_when_set)
{
	Google__Protobuf__UninterpretedOption__NamePart part = GOOGLE__PROTOBUF__UNINTERPRETED_OPTION__NAME_PART__INIT;
	Google__Protobuf__EnumValueDescriptorProto value = GOOGLE__PROTOBUF__ENUM_VALUE_DESCRIPTOR_PROTO__INIT;

	part.name_part = (char *)"";
	JSON(&part, "{\"namePart\":\"\",\"isExtension\":false}");
	JSON(&value, "{}");
	value.has_number = 1;
	JSON(&value, "{\"number\":0}");
}

Test(json, out_of_room_is_an_error)
{
	V0(FileEvent) file = CAPSULE8__API__V0__FILE_EVENT__INIT;

	out.limit = 4;
	file.filename = (char *)"/long/enough";
	cr_expect_eq(message_json(&file.base, &out), -ENOMEM);
	cr_expect(out.failed);
}
