#include "container/state_json.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

TestSuite(state_json, .timeout = 30);

static json_t *load(const char *text)
{
	json_t *json;

	cr_assert_eq(state_json_load(&json, text, strlen(text)), 0, "%s", text);
	return json;
}

static void expect_invalid(const char *text, size_t size, const char *why)
{
	json_t *json;

	cr_expect_eq(state_json_load(&json, text, size), -EINVAL, "%s", why);
	cr_expect_null(json);
}

#define EXPECT_INVALID(text, why) expect_invalid(text, sizeof(text) - 1, why)

Test(state_json, what_is_no_json_is_refused)
{
	EXPECT_INVALID("", "empty");
	EXPECT_INVALID("7", "neither object nor array");
	EXPECT_INVALID("{\"a\":", "cut off");
	EXPECT_INVALID("{} {}", "two of them");
	EXPECT_INVALID("{\"a\":\"\\u0000\"}", "a NUL in a string");
	EXPECT_INVALID("{}\0", "a NUL behind it");
	EXPECT_INVALID("{\"a\":\"\xff\xfe\"}", "no UTF-8");
	EXPECT_INVALID("{\"a\":\"\xed\xa0\x80\"}", "half of a surrogate pair");
	EXPECT_INVALID("{\"a\":1e999}", "more than a double holds");
}

Test(state_json, numbers_that_int64_does_not_hold_do_not_spoil_the_rest)
{
	json_t *json = load("{\"memory_swappiness\":18446744073709551615,\"pid\":1234,\"x\":-1,\"half\":1.5}");

	cr_expect_eq(state_json_number(json, "pid", INT32_MAX), 1234);
	cr_expect_eq(state_json_number(json, "memory_swappiness", INT64_MAX), 0);
	cr_expect_eq(state_json_number(json, "x", INT32_MAX), 0);
	json_decref(json);
}

Test(state_json, numbers_out_of_range_are_unknown)
{
	json_t *json = load("{\"negative\":-5,\"big\":4294967296,\"text\":\"7\",\"most\":2147483647,\"exact\":9007199254740993}");

	cr_expect_eq(state_json_number(json, "negative", INT32_MAX), 0);
	cr_expect_eq(state_json_number(json, "big", INT32_MAX), 0);
	cr_expect_eq(state_json_number(json, "text", INT32_MAX), 0);
	cr_expect_eq(state_json_number(json, "most", INT32_MAX), INT32_MAX);
	cr_expect_eq(state_json_number(json, "exact", INT64_MAX), UINT64_C(9007199254740993));
	cr_expect_eq(state_json_number(NULL, "pid", INT32_MAX), 0);
	json_decref(json);
}

static int64_t time_of(const char *text)
{
	json_t *json = json_pack("{s:s}", "t", text);
	int64_t ret = state_json_time_ns(json, "t");

	json_decref(json);
	return ret;
}

Test(state_json, times_are_ns_since_the_epoch)
{
	cr_expect_eq(time_of("2026-11-26T02:02:08.046026656Z"), INT64_C(1795658528046026656));
	cr_expect_eq(time_of("2026-11-26T02:02:08Z"), INT64_C(1795658528000000000));
	cr_expect_eq(time_of("2026-11-26T02:02:08.5Z"), INT64_C(1795658528500000000));
	cr_expect_eq(time_of("2026-11-26T02:02:08.1234567891234Z"), INT64_C(1795658528123456789));
	cr_expect_eq(time_of("2026-11-26T04:02:08.5+02:00"), INT64_C(1795658528500000000));
	cr_expect_eq(time_of("2026-11-25T20:32:08-05:30"), INT64_C(1795658528000000000));
}

Test(state_json, what_is_no_time_is_unknown)
{
	static const char *const texts[] = {
		"",
		"0001-01-01T00:00:00Z",
		"1969-12-31T23:59:59Z",
		"9999-12-31T23:59:59Z",
		"2026-11-26",
		"2026-11-26T02:02:08",
		"2026-11-26T02:02:08+0200",
		"2026-11-26T02:02:08+02:00x",
		"2026-11-26 02:02:08Z",
		"26-11-26T02:02:08Z",
		"1970-01-01T00:00:00+23:00",
		"yesterday",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_expect_eq(time_of(texts[i]), 0, "%s", texts[i]);
	cr_expect_eq(state_json_time_ns(NULL, "t"), 0);
}

Test(state_json, more_values_than_a_state_can_have_are_refused)
{
	size_t count = STATE_JSON_VALUES_MAX + 1, size = 2 * count + 1;
	char *text = malloc(size);
	json_t *json;

	cr_assert_not_null(text);
	text[0] = '[';
	for (size_t i = 0; i < count; i++)
		memcpy(text + 1 + 2 * i, "1,", 2);
	text[size - 1] = ']';
	expect_invalid(text, size, "many");
	text[2 * (count - 2)] = ']';
	cr_expect_eq(state_json_load(&json, text, 2 * (count - 2) + 1), 0);
	json_decref(json);
	free(text);
}

#define DEEP 100000

struct nesting {
	const char *opening;
	char closing;
	size_t depth;
	int result;
};

static void *load_nested(void *context)
{
	struct nesting *n = context;
	size_t length = strlen(n->opening), size = n->depth * (length + 1) + 1;
	struct state_json_hash *h;
	char *text = malloc(size);
	json_t *json;

	for (size_t i = 0; i < n->depth; i++)
		memcpy(text + i * length, n->opening, length);
	text[n->depth * length] = '1';
	memset(text + n->depth * length + 1, n->closing, n->depth);
	n->result = state_json_load(&json, text, size);
	free(text);
	if (n->result)
		return NULL;
	h = state_json_hash_new();
	state_json_hash_add(h, json);
	(void)state_json_hash_end(h);
	json_decref(json);
	return NULL;
}

static void load_in_thread(const char *opening, char closing, size_t depth, int result)
{
	struct nesting nesting = {.opening = opening, .closing = closing, .depth = depth, .result = 1};
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	cr_assert_eq(pthread_attr_setstacksize(&attributes, (size_t)4 << 20), 0);
	cr_assert_eq(pthread_create(&thread, &attributes, load_nested, &nesting), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attributes);
	cr_expect_eq(nesting.result, result, "%zu levels", depth);
}

Test(state_json, what_is_nested_deeply_needs_no_more_than_half_of_a_usual_stack)
{
	load_in_thread("[", ']', 2000, 0);
	load_in_thread("{\"a\":", '}', 2000, 0);
	load_in_thread("[", ']', DEEP, -EINVAL);
	load_in_thread("{\"a\":", '}', DEEP, -EINVAL);
}

static uint64_t hash_of(const char *text)
{
	struct state_json_hash *h = state_json_hash_new();
	json_t *json = load(text);
	uint64_t ret;

	state_json_hash_add(h, json);
	ret = state_json_hash_end(h);
	cr_expect_neq(ret, 0);
	json_decref(json);
	return ret;
}

Test(state_json, a_hash_is_of_values_and_not_of_how_they_are_written)
{
	cr_expect_eq(hash_of("{\"a\":1,\"b\":[1,2]}"), hash_of("{ \"b\": [1, 2],\n\"a\": 1 }"));
	cr_expect_neq(hash_of("{\"a\":1}"), hash_of("{\"a\":2}"));
	cr_expect_neq(hash_of("[1,2]"), hash_of("[2,1]"));
}

Test(state_json, a_value_that_is_missing_is_another_than_the_next_ones)
{
	struct state_json_hash *first = state_json_hash_new(), *second = state_json_hash_new();
	json_t *json = load("[1]");

	state_json_hash_add(first, NULL);
	state_json_hash_add(first, json);
	state_json_hash_add(second, json);
	state_json_hash_add(second, NULL);
	cr_expect_neq(state_json_hash_end(first), state_json_hash_end(second));
	json_decref(json);
	cr_expect_eq(state_json_hash_end(NULL), 0);
}
