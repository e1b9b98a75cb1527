#include "subscription/matcher.h"
#include "subscription/push_down.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A field as the kernel could have one, whatever the catalog pushes down at present. */
static const struct catalog_field filename_field = {.name = "filename",
						    .type = FIELD_STRING,
						    .offset = offsetof(struct event, exec.filename),
						    .kernel_name = "filename",
						    .summary = ""};
static const struct catalog_field hidden_field = {.name = "hidden",
						  .type = FIELD_UINT64,
						  .offset = offsetof(struct event, syscall.arguments[4]),
						  .summary = ""};

/* A condition that expression_check() would not let pass. */
static void add_raw(struct clause *c, const struct catalog_field *field, enum predicate_operator op, uint64_t integer, const char *string)
{
	struct expression *left = expression_new_field(field->name, 0);
	struct expression *right = string ? expression_new_string(string, 0) : expression_new_integer(VALUE_UINT64, integer, 0);
	struct expression *e;

	left->field = field;
	left->value_type = right->value_type;
	e = expression_new(op == PREDICATE_GLOB ? EXPRESSION_LIKE : EXPRESSION_EQ, left, right, 0);
	c->filter = c->filter ? expression_new(EXPRESSION_AND, c->filter, e, 0) : e;
}

/* The filter of a kind for all clauses of a spec. From malloc. */
static char *filter_of(const struct subscription_spec *spec, enum event_kind kind)
{
	const struct clause **clauses = calloc(spec->clause_count + 1, sizeof(*clauses));
	struct plan plan;
	char *filter;

	for (size_t i = 0; i < spec->clause_count; i++)
		clauses[i] = &spec->clauses[i];
	push_down_plan(clauses, spec->clause_count, &plan);
	cr_assert(plan.kinds[kind].wanted);
	filter = plan.kinds[kind].filter ? strdup(plan.kinds[kind].filter) : NULL;
	plan_done(&plan);
	free(clauses);
	return filter;
}

static void expect_filter(struct subscription_spec *spec, const char *expected)
{
	char *filter = filter_of(spec, EVENT_SYSCALL_EXIT);

	if (expected)
		cr_assert_str_eq(filter ? filter : "(none)", expected);
	else
		cr_assert_null(filter, "%s", filter);
	free(filter);
}

static struct clause *add_exit(struct subscription_spec *spec, int64_t id)
{
	struct clause *clause = subscription_spec_add(spec, EVENT_SYSCALL_EXIT);

	if (id >= 0)
		cr_assert_eq(clause_add(clause, "id", PREDICATE_EQUAL, (uint64_t)id, NULL, NULL), 0);
	return clause;
}

Test(push_down, clauses_are_or_ed_and_predicates_and_ed)
{
	struct subscription_spec *spec = subscription_spec_new();

	clause_add(add_exit(spec, 257), "ret", PREDICATE_EQUAL, (uint64_t)-2, NULL, NULL);
	add_exit(spec, 0);
	expect_filter(spec, "(id == 0) || (id == 257 && ret == -2)");
	subscription_spec_free(spec);
}

Test(push_down, order_and_repetition_do_not_change_the_string)
{
	struct subscription_spec *spec = subscription_spec_new();
	struct clause *clause = subscription_spec_add(spec, EVENT_SYSCALL_EXIT);

	clause_add(clause, "ret", PREDICATE_EQUAL, 3, NULL, NULL);
	clause_add(clause, "id", PREDICATE_EQUAL, 9, NULL, NULL);
	clause_add(clause, "ret", PREDICATE_EQUAL, 3, NULL, NULL);
	add_exit(spec, 1);
	clause_add(add_exit(spec, 9), "ret", PREDICATE_EQUAL, 3, NULL, NULL);
	add_exit(spec, 1);
	expect_filter(spec, "(id == 1) || (id == 9 && ret == 3)");
	subscription_spec_free(spec);
}

Test(push_down, what_the_kernel_cannot_tell_is_left_out)
{
	struct subscription_spec *spec = subscription_spec_new();

	clause_add(add_exit(spec, 5), "abi", PREDICATE_EQUAL, 1, NULL, NULL);
	expect_filter(spec, "(id == 5)");
	subscription_spec_free(spec);
}

Test(push_down, a_clause_that_the_kernel_knows_nothing_of_lets_everything_through)
{
	struct subscription_spec *spec = subscription_spec_new();

	add_exit(spec, 5);
	clause_add(subscription_spec_add(spec, EVENT_SYSCALL_EXIT), "abi", PREDICATE_EQUAL, 1, NULL, NULL);
	add_exit(spec, 6);
	expect_filter(spec, NULL);
	subscription_spec_free(spec);
}

Test(push_down, kinds_are_planned_each_for_itself_and_only_those_of_the_kernel)
{
	struct subscription_spec *spec = subscription_spec_new();
	const struct clause *clauses[5];
	struct plan plan;

	subscription_spec_add(spec, EVENT_SYSCALL_ENTER);
	add_exit(spec, 4);
	subscription_spec_add(spec, EVENT_TICKER)->interval_ns = 1;
	subscription_spec_add(spec, EVENT_CHARGEN)->length = 1;
	subscription_spec_add(spec, EVENT_KIND_COUNT);
	for (size_t i = 0; i < 5; i++)
		clauses[i] = &spec->clauses[i];
	push_down_plan(clauses, 5, &plan);
	cr_assert(plan.kinds[EVENT_SYSCALL_ENTER].wanted);
	cr_assert_null(plan.kinds[EVENT_SYSCALL_ENTER].filter);
	cr_assert(plan.kinds[EVENT_SYSCALL_EXIT].wanted);
	cr_assert_str_eq(plan.kinds[EVENT_SYSCALL_EXIT].filter, "(id == 4)");
	cr_assert_not(plan.kinds[EVENT_PROCESS_EXEC].wanted);
	cr_assert_not(plan.kinds[EVENT_TICKER].wanted);
	cr_assert_not(plan.kinds[EVENT_CHARGEN].wanted);
	plan_done(&plan);
	subscription_spec_free(spec);
}

Test(push_down, strings_go_to_the_kernel_only_as_it_reads_them_the_same)
{
	static const struct {
		enum predicate_operator op;
		const char *string;
		const char *filter; /* NULL: user space */
	} rows[] = {
		{PREDICATE_EQUAL, "/bin/true", "(filename == \"/bin/true\")"},
		{PREDICATE_EQUAL, "it's || (x)", "(filename == \"it's || (x)\")"},
		{PREDICATE_EQUAL, "", NULL},
		{PREDICATE_EQUAL, "a\"b", NULL},
		{PREDICATE_EQUAL, "a\\b", NULL},
		{PREDICATE_EQUAL, "a*b", NULL},
		{PREDICATE_EQUAL, "a?b", NULL},
		{PREDICATE_EQUAL, "a[b", NULL},
		{PREDICATE_EQUAL, "a\nb", NULL},
		{PREDICATE_EQUAL, "\xc3\xa4", NULL},
		{PREDICATE_GLOB, "/usr/*", "(filename ~ \"/usr/*\")"},
		{PREDICATE_GLOB, "*.sh", "(filename ~ \"*.sh\")"},
		{PREDICATE_GLOB, "**bin**", "(filename ~ \"*bin*\")"},
		{PREDICATE_GLOB, "/bin/true", "(filename == \"/bin/true\")"},
		{PREDICATE_GLOB, "!a*", NULL}, /* the kernel would negate it */
		{PREDICATE_GLOB, "*!a", "(filename ~ \"*!a\")"},
		{PREDICATE_GLOB, "5*", NULL}, /* the kernel would take it for an index */
		{PREDICATE_GLOB, "a*b", "(filename ~ \"a*\")"},
		{PREDICATE_GLOB, "a?*", "(filename ~ \"a*\")"},
		{PREDICATE_GLOB, "*a?b", "(filename ~ \"*b\")"},
		{PREDICATE_GLOB, "?b", "(filename ~ \"*b\")"},
		{PREDICATE_GLOB, "*a*b*", NULL},
		{PREDICATE_GLOB, "5?", NULL},
		{PREDICATE_GLOB, "*", NULL},
		{PREDICATE_GLOB, "", NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct subscription_spec *spec = subscription_spec_new();

		add_raw(subscription_spec_add(spec, EVENT_SYSCALL_EXIT), &filename_field, rows[i].op, 0, rows[i].string);
		expect_filter(spec, rows[i].filter);
		subscription_spec_free(spec);
	}
}

Test(push_down, a_long_string_is_left_to_user_space)
{
	struct subscription_spec *spec = subscription_spec_new();
	char name[PUSH_DOWN_STRING_BYTES + 2] = "";
	char *filter;

	memset(name, 'x', PUSH_DOWN_STRING_BYTES);
	add_raw(subscription_spec_add(spec, EVENT_SYSCALL_EXIT), &filename_field, PREDICATE_EQUAL, 0, name);
	filter = filter_of(spec, EVENT_SYSCALL_EXIT);
	cr_assert_not_null(filter);
	free(filter);
	name[PUSH_DOWN_STRING_BYTES] = 'x';
	add_raw(subscription_spec_add(spec, EVENT_SYSCALL_EXIT), &filename_field, PREDICATE_EQUAL, 0, name);
	expect_filter(spec, NULL);
	subscription_spec_free(spec);
}

Test(push_down, too_many_predicates_let_everything_through)
{
	struct subscription_spec *spec = subscription_spec_new();
	char *filter;

	for (int i = 0; i < PUSH_DOWN_PREDICATES; i++)
		add_exit(spec, i);
	add_exit(spec, 0);
	filter = filter_of(spec, EVENT_SYSCALL_EXIT);
	cr_assert_not_null(filter);
	free(filter);
	add_exit(spec, PUSH_DOWN_PREDICATES);
	expect_filter(spec, NULL);
	subscription_spec_free(spec);
}

Test(push_down, too_long_a_filter_lets_everything_through)
{
	struct subscription_spec *spec = subscription_spec_new();
	char name[PUSH_DOWN_STRING_BYTES + 1];

	for (int i = 0; i < 16; i++) {
		snprintf(name, sizeof(name), "/%0*d", PUSH_DOWN_STRING_BYTES - 1, i);
		add_raw(subscription_spec_add(spec, EVENT_SYSCALL_EXIT), &filename_field, PREDICATE_EQUAL, 0, name);
	}
	expect_filter(spec, NULL);
	subscription_spec_free(spec);
}

/*
 * A small reader of the kernel's filter language, after its documented grammar and with the meaning of `~` as the kernel decides it: text
 * with a `*` in front, behind, or both.
 */
static bool kernel_text_matches(const char *op, const char *pattern, size_t length, const struct event_string *value)
{
	bool front = *pattern == '*', back = length && pattern[length - 1] == '*';

	if (!strcmp(op, "=="))
		return value->length == length && !memcmp(value->bytes, pattern, length);
	cr_assert(front || back);
	pattern += front;
	length -= (size_t)front + back;
	if (length > value->length)
		return false;
	if (front && back)
		return memmem(value->bytes, value->length, pattern, length);
	return !memcmp(value->bytes + (front ? value->length - length : 0), pattern, length);
}

static bool kernel_predicate(const char **at, const struct event *event)
{
	char name[16], op[3];
	int used;

	cr_assert_eq(sscanf(*at, "%15[a-z] %2[=~] %n", name, op, &used), 2, "%s", *at);
	*at += used;
	if (**at == '"') {
		const char *text = *at + 1, *end = strchr(text, '"');

		cr_assert(end && !strcmp(name, "filename"));
		*at = end + 1;
		return kernel_text_matches(op, text, (size_t)(end - text), &event->exec.filename);
	}
	cr_assert(isdigit((unsigned char)**at) || **at == '-');
	return strtoll(*at, (char **)at, 10) == (!strcmp(name, "id") ? event->syscall.id : event->syscall.result);
}

static bool kernel_lets_through(const char *filter, const struct event *event)
{
	bool any = false;

	for (;;) {
		bool all = true;

		cr_assert_eq(*filter++, '(');
		for (;;) {
			all = kernel_predicate(&filter, event) && all;
			if (strncmp(filter, " && ", 4))
				break;
			filter += 4;
		}
		cr_assert_eq(*filter++, ')');
		any = any || all;
		if (!*filter)
			return any;
		cr_assert_eq(strncmp(filter, " || ", 4), 0);
		filter += 4;
	}
}

static const char *const words[] = {"a", "b", "ab", "ba", "aab", "!a", "5", "5a", "a b", "a\"b", "a\\", ""};
static const char *const patterns[] = {"*", "a*", "*a", "*a*", "a", "!a*", "5*", "?", "a?", "a*b", "*b", "**", ""};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void add_random_clause(struct subscription_spec *spec)
{
	struct clause *clause = subscription_spec_add(spec, EVENT_SYSCALL_EXIT);

	if (rand() % 2)
		clause_add(clause, "id", PREDICATE_EQUAL, (uint64_t)(rand() % 3), NULL, NULL);
	if (rand() % 2)
		clause_add(clause, "ret", PREDICATE_EQUAL, (uint64_t)(int64_t)(rand() % 3 - 1), NULL, NULL);
	if (rand() % 3 == 0)
		add_raw(clause, &hidden_field, PREDICATE_EQUAL, (uint64_t)(rand() % 2), NULL);
	if (rand() % 3 == 0)
		add_raw(clause, &filename_field, PREDICATE_EQUAL, 0, words[(size_t)rand() % COUNT(words)]);
	if (rand() % 3 == 0)
		add_raw(clause, &filename_field, PREDICATE_GLOB, 0, patterns[(size_t)rand() % COUNT(patterns)]);
}

static bool any_matches(const struct subscription_spec *spec, const struct event *event)
{
	bool any = false;

	for (size_t i = 0; i < spec->clause_count; i++) {
		struct matcher m;

		cr_assert_eq(matcher_init(&m, &spec->clauses[i]), 0);
		any = any || matcher_matches(&m, event);
		matcher_done(&m);
	}
	return any;
}

Test(push_down, the_kernel_never_holds_back_what_a_clause_matches)
{
	size_t filtered = 0, held_back = 0;

	srand(1);
	for (int round = 0; round < 2000; round++) {
		struct subscription_spec *spec = subscription_spec_new();
		char *filter;

		for (int i = rand() % 4; i >= 0; i--)
			add_random_clause(spec);
		filter = filter_of(spec, EVENT_SYSCALL_EXIT);
		for (int i = 0; filter && i < 50; i++) {
			const char *name = words[(size_t)rand() % COUNT(words)];
			struct event event = {.kind = EVENT_SYSCALL_EXIT};
			bool through;

			event.syscall.id = rand() % 3;
			event.syscall.result = rand() % 3 - 1;
			event.syscall.arguments[4] = (uint64_t)(rand() % 2);
			event.exec.filename = (struct event_string){name, strlen(name)};
			through = kernel_lets_through(filter, &event);
			cr_assert(through || !any_matches(spec, &event), "%s holds back id %d ret %d filename \"%s\"", filter,
				  (int)event.syscall.id, (int)event.syscall.result, name);
			filtered++;
			held_back += !through;
		}
		free(filter);
		subscription_spec_free(spec);
	}
	/* It does filter. */
	cr_assert_gt(filtered, 10000);
	cr_assert_gt(held_back, filtered / 4);
}

static uint64_t bit_of(enum event_kind kind, const char *name)
{
	return UINT64_C(1) << (catalog_field(kind, name) - catalog_entry(kind)->fields);
}

/* The fields that the filter of file:open uses; without a filter, none. */
static uint64_t fields_of(const struct subscription_spec *spec)
{
	const struct clause **clauses = calloc(spec->clause_count + 1, sizeof(*clauses));
	struct plan plan;
	uint64_t fields;

	for (size_t i = 0; i < spec->clause_count; i++)
		clauses[i] = &spec->clauses[i];
	push_down_plan(clauses, spec->clause_count, &plan);
	fields = plan.kinds[EVENT_FILE_OPEN].filter_fields;
	cr_assert(plan.kinds[EVENT_FILE_OPEN].filter || !fields);
	plan_done(&plan);
	free(clauses);
	return fields;
}

/* What is left to user space does not keep a capture from filtering the rest. */
Test(push_down, a_plan_says_which_fields_its_filter_uses_and_no_others)
{
	struct subscription_spec *spec = subscription_spec_new();
	struct clause *clause = subscription_spec_add(spec, EVENT_FILE_OPEN);

	cr_assert_eq(clause_add(clause, "open_flags", PREDICATE_BITS, 1, NULL, NULL), 0);
	cr_expect_eq(fields_of(spec), bit_of(EVENT_FILE_OPEN, "open_flags"));
	cr_assert_eq(clause_add(clause, "filename", PREDICATE_GLOB, 0, "*a*b*", NULL), 0);
	cr_expect_eq(fields_of(spec), bit_of(EVENT_FILE_OPEN, "open_flags"));
	clause = subscription_spec_add(spec, EVENT_FILE_OPEN);
	cr_assert_eq(clause_add(clause, "filename", PREDICATE_EQUAL, 0, "/etc/passwd", NULL), 0);
	cr_expect_eq(fields_of(spec), bit_of(EVENT_FILE_OPEN, "open_flags") | bit_of(EVENT_FILE_OPEN, "filename"));
	subscription_spec_add(spec, EVENT_FILE_OPEN);
	cr_expect_eq(fields_of(spec), 0, "everything is wanted now");
	subscription_spec_free(spec);
}

/* A way to capture the kind that lacks some of the fields still filters by the rest. */
Test(push_down, a_plan_has_what_is_left_of_a_filter_without_some_of_its_fields)
{
	static const char *const weaker[] = {"(flags & 0x3 && mode & 0x40)",
					     "(filename == \"/etc/passwd\" && mode & 0x40)",
					     "(filename == \"/etc/passwd\" && flags & 0x3)",
					     "(filename == \"/etc/passwd\")",
					     "(flags & 0x3)",
					     "(mode & 0x40)"};
	struct subscription_spec *spec = subscription_spec_new();
	struct clause *clause = subscription_spec_add(spec, EVENT_FILE_OPEN);
	const struct clause *clauses[] = {clause};
	struct plan plan;

	clause_add(clause, "filename", PREDICATE_EQUAL, 0, "/etc/passwd", NULL);
	clause_add(clause, "open_flags", PREDICATE_BITS, 3, NULL, NULL);
	clause_add(clause, "open_mode", PREDICATE_BITS, 0100, NULL, NULL);
	push_down_plan(clauses, 1, &plan);
	cr_assert_str_eq(plan.kinds[EVENT_FILE_OPEN].filter, "(filename == \"/etc/passwd\" && flags & 0x3 && mode & 0x40)");
	cr_assert_eq(plan.kinds[EVENT_FILE_OPEN].weaker_count, 6);
	for (size_t i = 0; i < 6; i++)
		cr_expect_str_eq(plan.kinds[EVENT_FILE_OPEN].weaker[i].text, weaker[i]);
	cr_expect_eq(plan.kinds[EVENT_FILE_OPEN].weaker[3].fields, bit_of(EVENT_FILE_OPEN, "filename"));
	plan_done(&plan);
	subscription_spec_free(spec);
}
