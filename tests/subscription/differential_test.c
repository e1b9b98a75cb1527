#include "subscription/matcher.h"
#include "subscription/query_print.h"
#include "tests/expressions/reference.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define TREES           10000
#define EVENTS_PER_TREE 24

static const enum event_kind kinds[] = {EVENT_SYSCALL_ENTER, EVENT_SYSCALL_EXIT,      EVENT_PROCESS_EXEC,      EVENT_PROCESS_EXIT,
					EVENT_FILE_OPEN,     EVENT_FILE_LINK,         EVENT_CONNECT_ATTEMPT,   EVENT_KERNEL_CALL_ENTER,
					EVENT_TICKER,        EVENT_CONTAINER_CREATED, EVENT_CONTAINER_RUNNING, EVENT_CONTAINER_EXITED};

/* What is in the form that the check gives stays as it is; and in a copy, too. */
static void expect_checked(const struct expression *e, struct random again, const struct random_fields *fields, unsigned int depth,
			   enum event_kind kind)
{
	struct expression *twin = random_tree(&again, fields, depth), *copy;
	struct error err = {0};

	cr_assert_eq(expression_check(twin, kind, fields->request, NULL, &err), 0, "%s: %s", known_text(e, fields->request), err.message);
	cr_assert(expression_equal(e, twin), "%s", known_text(e, fields->request));
	copy = expression_copy(twin);
	expression_free(twin);
	cr_assert(expression_equal(e, copy), "%s", known_text(e, fields->request));
	expression_free(copy);
}

/* Whoever matches has the key, and whoever has it gets the same answer behind it. Returns whether the event has it. */
static bool expect_key(const struct matcher *m, const struct matcher_key *key, const struct event *event, bool expected,
		       const struct clause *clause)
{
	struct matcher behind = *m;
	uint64_t value;
	bool has = matcher_key_load(key, event, &value) && value == key->value;

	cr_assert(has || !expected, "%s", known_text(clause->filter, clause->request));
	behind.start = matcher_start_behind(m, key);
	if (has)
		cr_assert_eq(matcher_matches(&behind, event), expected, "behind its key: %s", known_text(clause->filter, clause->request));
	return has;
}

Test(differential, the_matcher_and_a_naive_reading_of_the_tree_come_to_the_same, .timeout = 120)
{
	struct probe_request *request = known_request_new();
	struct random r = {.state = 4711};
	size_t matched = 0, held_against = 0, behind_keys = 0;

	cr_assert_not_null(request);
	for (int round = 0; round < TREES; round++) {
		enum event_kind kind = kinds[random_below(&r, sizeof(kinds) / sizeof(kinds[0]))];
		const struct catalog_field *fields[FACTS_MAX];
		struct random_fields choice = {
			.fields = fields,
			.count = known_event_fields(kind, fields),
			.request = kind == EVENT_KERNEL_CALL_ENTER ? request : NULL,
		};
		unsigned int depth = (unsigned int)random_below(&r, 5);
		struct random again = r;
		struct clause clause = {.kind = kind,
					.request = kind == EVENT_KERNEL_CALL_ENTER ? request : NULL,
					.filter = random_tree(&r, &choice, depth)};
		struct matcher m;

		expect_checked(clause.filter, again, &choice, depth, kind);
		cr_assert_eq(matcher_init(&m, &clause), 0);
		for (int i = 0; i < EVENTS_PER_TREE; i++) {
			struct known_event known;
			bool expected;

			known_event_make(&known, &r, kind, choice.request);
			expected = reference_holds(clause.filter, known.facts, known.fact_count);
			cr_assert_eq(matcher_matches(&m, &known.event), expected, "tree %d, event %d: %s", round, i,
				     known_text(clause.filter, choice.request));
			for (uint32_t key = 0; key < m.key_count; key++)
				behind_keys += expect_key(&m, &m.keys[key], &known.event, expected, &clause);
			matched += expected;
			held_against++;
		}
		matcher_done(&m);
		expression_free(clause.filter);
	}
	probe_request_unref(request);
	/* Neither answer is rare. */
	cr_assert_gt(matched, held_against / 10);
	cr_assert_lt(matched, held_against * 9 / 10);
	cr_assert_gt(behind_keys, 1000);
}
