#include "proto/message_parse_json.h"

#include "capsule8/api/v0/telemetry_service.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "proto/capsule8_request.h"
#include "proto/message_json.h"
#include "subscription/query_parse.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct buffer packed, printed;

static void init(void)
{
	buffer_init(&packed, 0);
	buffer_init(&printed, 0);
}

static void done(void)
{
	buffer_done(&packed);
	buffer_done(&printed);
}

TestSuite(message_parse_json, .init = init, .fini = done);

static int parse(const ProtobufCMessageDescriptor *type, const char *text, struct error *err)
{
	json_t *json = NULL;
	int r = message_json_load(text, strlen(text), &json, err);

	buffer_clear(&packed);
	if (!r)
		r = message_parse_json(type, json, &packed, err);
	json_decref(json);
	return r;
}

/* The JSON of the message that `text` is. */
static void expect_json(const ProtobufCMessageDescriptor *type, const char *text, const char *expected)
{
	struct error err = {0};
	ProtobufCMessage *message;

	cr_assert_eq(parse(type, text, &err), 0, "%s: %s", text, err.message);
	message = protobuf_c_message_unpack(type, NULL, packed.length, packed.data);
	cr_assert_not_null(message, "%s", text);
	buffer_clear(&printed);
	cr_assert_eq(message_json(message, &printed), 0);
	buffer_put_u8(&printed, 0);
	cr_expect_str_eq((const char *)printed.data, expected, "%s", (const char *)printed.data);
	protobuf_c_message_free_unpacked(message, NULL);
}

#define REQUEST (&capsule8__api__v0__get_events_request__descriptor)
#define EVENT   (&capsule8__api__v0__telemetry_event__descriptor)
#define STATUS  (&google__rpc__status__descriptor)

Test(message_parse_json, fields_have_two_names_and_numbers_two_forms)
{
	expect_json(REQUEST, "{\"subscription\": {\"event_filter\": {\"ticker_events\": [{\"interval\": 5}]}}}",
		    "{\"subscription\":{\"eventFilter\":{\"tickerEvents\":[{\"interval\":\"5\"}]}}}");
	expect_json(REQUEST, "{\"subscription\": {\"eventFilter\": {\"tickerEvents\": [{\"interval\": \"-9223372036854775808\"}, {}]}}}",
		    "{\"subscription\":{\"eventFilter\":{\"tickerEvents\":[{\"interval\":\"-9223372036854775808\"},{}]}}}");
	expect_json(
		REQUEST,
		"{\"subscription\": {\"eventFilter\": {\"chargenEvents\": [{\"length\": \"18446744073709551615\"}, {\"length\": 1e3}]}}}",
		"{\"subscription\":{\"eventFilter\":{\"chargenEvents\":[{\"length\":\"18446744073709551615\"},{\"length\":\"1000\"}]}}}");
}

Test(message_parse_json, enums_wrappers_and_nothing)
{
	expect_json(REQUEST,
		    "{\"subscription\": {\"sinceDuration\": \"7\", \"forDuration\": null, \"eventFilter\": {\"syscallEvents\":"
		    " [{\"type\": \"SYSCALL_EVENT_TYPE_EXIT\", \"id\": 0, \"arg0\": \"18446744073709551615\"}, {\"type\": 77}]}}}",
		    "{\"subscription\":{\"eventFilter\":{\"syscallEvents\":[{\"type\":\"SYSCALL_EVENT_TYPE_EXIT\",\"id\":\"0\","
		    "\"arg0\":\"18446744073709551615\"},{\"type\":77}]},\"sinceDuration\":\"7\"}}");
}

Test(message_parse_json, maps_and_strings)
{
	expect_json(REQUEST,
		    "{\"subscription\": {\"eventFilter\": {\"kernelEvents\": [{\"symbol\": \"\\u00e4\\\"\", "
		    "\"arguments\": {\"a\": \"%di\", \"b\": \"\"}}]}}}",
		    "{\"subscription\":{\"eventFilter\":{\"kernelEvents\":[{\"symbol\":\"\303\244\\\"\","
		    "\"arguments\":{\"a\":\"%di\",\"b\":\"\"}}]}}}");
}

Test(message_parse_json, bytes_and_any)
{
	expect_json(STATUS, "{\"details\": [{\"@type\": \"x/y\", \"value\": \"_-8=\"}, {\"value\": \"AAE\", \"@type\": \"\"}]}",
		    "{\"details\":[{\"@type\":\"x/y\",\"value\":\"/+8=\"},{\"@type\":\"\",\"value\":\"AAE=\"}]}");
}

static void expect_refusal(const ProtobufCMessageDescriptor *type, const char *text, const char *message)
{
	struct error err = {0};

	cr_expect_eq(parse(type, text, &err), -EINVAL, "%s", text);
	cr_expect_str_eq(err.message, message, "%s: %s", text, err.message);
}

Test(message_parse_json, what_is_no_such_message_is_refused_with_the_path)
{
	expect_refusal(REQUEST, "[]", "an object is needed, between { and }");
	expect_refusal(REQUEST, "{\"subscription\": 5}", "subscription: an object is needed, not a number");
	expect_refusal(REQUEST, "{\"subscriptoin\": {}}", "subscriptoin: GetEventsRequest has no such field; did you mean subscription?");
	expect_refusal(REQUEST, "{\"x\": {}}", "x: GetEventsRequest has no such field; it has subscription");
	expect_refusal(REQUEST, "{\"subscription\": {\"eventFilter\": {\"tickerEvents\": {}}}}",
		       "subscription.eventFilter.tickerEvents: a list is needed, not an object");
	expect_refusal(REQUEST, "{\"subscription\": {\"eventFilter\": {\"tickerEvents\": [{}, {\"interval\": \"1s\"}]}}}",
		       "subscription.eventFilter.tickerEvents[1].interval: \"1s\" is no whole number");
	expect_refusal(REQUEST, "{\"subscription\": {\"eventFilter\": {\"tickerEvents\": [{\"interval\": 1.5}]}}}",
		       "subscription.eventFilter.tickerEvents[0].interval: a whole number is needed, not such a number");
	expect_refusal(REQUEST, "{\"subscription\": {\"eventFilter\": {\"chargenEvents\": [{\"length\": -1}]}}}",
		       "subscription.eventFilter.chargenEvents[0].length: -1 is out of range: from 0 to 9223372036854775807");
	expect_refusal(
		REQUEST, "{\"subscription\": {\"eventFilter\": {\"chargenEvents\": [{\"length\": \"18446744073709551616\"}]}}}",
		"subscription.eventFilter.chargenEvents[0].length: 18446744073709551616 is out of range: from 0 to 18446744073709551615");
	expect_refusal(
		REQUEST, "{\"subscription\": {\"eventFilter\": {\"processEvents\": [{\"type\": \"PROCESS_EVENT_TYPE_EXCE\"}]}}}",
		"subscription.eventFilter.processEvents[0].type: ProcessEventType has no value \"PROCESS_EVENT_TYPE_EXCE\"; did you mean "
		"PROCESS_EVENT_TYPE_EXEC?");
	expect_refusal(REQUEST, "{\"subscription\": {\"sinceDuration\": true}}",
		       "subscription.sinceDuration: a whole number is needed, not true or false");
	expect_refusal(REQUEST, "{\"subscription\": {\"since_duration\": 1, \"sinceDuration\": 2}}",
		       "subscription.sinceDuration: it is there twice");
	expect_refusal(REQUEST, "{\"subscription\": {\"eventFilter\": {\"kernelEvents\": [{\"arguments\": {\"a\": 1}}]}}}",
		       "subscription.eventFilter.kernelEvents[0].arguments.a: a string is needed, not a number");
	expect_refusal(STATUS, "{\"details\": [{\"@type\": \"x\", \"value\": \"A\"}]}", "details[0]: \"A\" is no base64");
	expect_refusal(STATUS, "{\"details\": [{\"@type\": \"x\"}]}",
		       "details[0]: {\"@type\": ..., \"value\": ...} is needed, the value packed and in base64");
	expect_refusal(EVENT, "{\"event\": {\"id\": 1}}", "event.id: a string is needed, not a number");
	expect_refusal(EVENT, "{\"event\": {\"chargen\": {}, \"ticker\": {}}}",
		       "event.ticker: chargen is there already, and only one of them can be");
}

Test(message_parse_json, too_deep_a_message_is_refused)
{
	static const char more[] = "{\"binaryOp\": {\"lhs\": ";
	char *text = malloc(400 * sizeof(more) + 200), *at;
	struct error err = {0};

	cr_assert_not_null(text);
	at = stpcpy(text, "{\"subscription\": {\"eventFilter\": {\"processEvents\": [{\"filterExpression\": ");
	for (int i = 0; i < 300; i++)
		at = stpcpy(at, more);
	at = stpcpy(at, "{}");
	for (int i = 0; i < 600; i++)
		at = stpcpy(at, "}");
	stpcpy(at, "}]}}}");
	cr_expect_eq(parse(REQUEST, text, &err), -EINVAL);
	cr_expect(strstr(err.message, "more than 256 messages in one another"), "%s", err.message);
	free(text);
}

/* What message_json() writes is read as the same message: requests of all sorts. */
Test(message_parse_json, what_is_printed_is_read_as_the_same)
{
	static const char *const queries[] = {
		"process where uid = 0 or comm like 'x*'",
		"file:open where (flags & O_CREAT) != 0; limit 5; throttle 1s; since 1h; for 5s; container web",
		"network:connect where port = 443 and ipv4_address in 10.0.0.0/8",
		"syscall:openat:exit where ret < 0",
		"kernel_call:vfs_read(count=%dx:u64):exit/count > 4096/ where count > 5",
		"user_call:/bin/bash:readline(line=+0($retval):ustring):exit",
		"performance:cycles,instructions/period=100; ticker:5s; chargen:77",
	};

	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		struct subscription_spec *spec = NULL;
		struct buffer request, json;
		struct error err = {0};
		ProtobufCMessage *message;

		buffer_init(&request, 0);
		buffer_init(&json, 0);
		cr_assert_eq(query_parse(queries[i], &spec, NULL, &err), 0, "%s", err.message);
		cr_assert_eq(capsule8_encode_request(spec, &request, &err), 0, "%s: %s", queries[i], err.message);
		message = protobuf_c_message_unpack(REQUEST, NULL, request.length, request.data);
		cr_assert_not_null(message);
		cr_assert_eq(message_json(message, &json), 0);
		protobuf_c_message_free_unpacked(message, NULL);
		buffer_put_u8(&json, 0);
		cr_assert_eq(parse(REQUEST, (const char *)json.data, &err), 0, "%s: %s", (const char *)json.data, err.message);
		cr_expect_eq(packed.length, request.length, "%s", (const char *)json.data);
		expect_json(REQUEST, (const char *)json.data, (const char *)json.data);
		subscription_spec_free(spec);
		buffer_done(&request);
		buffer_done(&json);
	}
}
