/* The decoder on tests/data/invalid_subscriptions.json; the real sensor gets the same in tests/clients/invalid.test.js. */
#include "capsule8/api/v0/telemetry_service.pb-c.h"
#include "proto/capsule8_decoder.h"
#include "tests/proto/json_message.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#define CASES_MIN 300

static const char *text_of(json_t *one, const char *name)
{
	const char *text = json_string_value(json_object_get(one, name));

	cr_assert_not_null(text, "a case without %s", name);
	return text;
}

/* "PATH: ...REASON..." */
static bool is_message(const char *message, const char *path, const char *reason)
{
	size_t length = strlen(path);

	return !strncmp(message, path, length) && !strncmp(message + length, ": ", 2) && strstr(message + length, reason);
}

static void expect_refused(json_t *one)
{
	const char *name = text_of(one, "name"), *path = text_of(one, "path"), *reason = text_of(one, "reason");
	struct subscription_spec *spec = NULL;
	struct error err = {0};
	struct buffer bytes;

	buffer_init(&bytes, 0);
	json_message_pack(&capsule8__api__v0__get_events_request__descriptor, json_object_get(one, "request"), &bytes);
	cr_expect_eq(capsule8_decode_request(bytes.data, bytes.length, NULL, &spec, &err), -EINVAL, "%s: %d %s", name, err.code,
		     err.message);
	cr_expect(is_message(err.message, path, reason), "%s: \"%s: ...%s\" was expected and not \"%s\"", name, path, reason, err.message);
	cr_expect_null(spec, "%s", name);
	subscription_spec_free(spec);
	buffer_done(&bytes);
}

Test(invalid_subscriptions, each_is_refused_with_its_path_and_the_reason)
{
	json_error_t error;
	json_t *cases = json_load_file(TEST_DATA "/invalid_subscriptions.json", JSON_ALLOW_NUL, &error), *one;
	size_t i;

	cr_assert_not_null(cases, "line %d: %s", error.line, error.text);
	cr_assert_geq(json_array_size(cases), CASES_MIN);
	json_array_foreach (cases, i, one)
		expect_refused(one);
	json_decref(cases);
}
