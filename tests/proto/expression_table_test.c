#include "proto/capsule8_decoder.h"
#include "proto/capsule8_request.h"
#include "subscription/matcher.h"
#include "subscription/query_lower.h"
#include "tests/proto/table_events.h"
#include "tests/proto/table_messages.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Every row of tests/data/expressions.txt, in all ways that there are to ask for it. They have to come to the answer of the row, each by itself.
 */

#define ROW_MAX_BYTES 512

enum answer {
	ANSWER_NO,
	ANSWER_YES,
	ANSWER_REFUSED,
};

struct row {
	unsigned int line;
	enum answer answer;
	const struct table_event *event;
	char expression[ROW_MAX_BYTES];
	char fragment[ROW_MAX_BYTES]; /* refused: what stands in the reason */
};

enum way {
	WAY_TEXT,       /* the text form, checked */
	WAY_OUR_CLIENT, /* what our encoder makes of that, decoded */
	WAY_SECOND,     /* filter_expression with the tree as it was written, decoded */
	WAY_NARROW,     /* the same, each integer in a type that just holds it */
	WAY_FIRST,      /* the older form of expressions, decoded */
	WAY_COUNT,
};

static const char *const way_names[] = {"text", "our client", "second generation", "second generation with narrow types",
					"first generation"};

struct tally {
	size_t matching, not_matching, refused;
};

/* So many there are at least. Of what is refused nothing is ours to send. */
static const struct tally least[] = {
	[WAY_TEXT] = {600, 400, 130},   [WAY_OUR_CLIENT] = {600, 400, 0}, [WAY_SECOND] = {600, 400, 110},
	[WAY_NARROW] = {600, 400, 110}, [WAY_FIRST] = {150, 120, 30},
};

/* The file */

static char *strip(char *text)
{
	char *end = text + strlen(text);

	while (*text == ' ' || *text == '\t')
		text++;
	while (end > text && strchr(" \t\n", end[-1]))
		*--end = 0;
	return text;
}

static void parse_row(char *line, struct row *row)
{
	static const char *const answers[] = {"no", "yes", "refused"};
	size_t length = strcspn(line, " ");
	char *arrow = strstr(line, "=>");

	while (row->answer <= ANSWER_REFUSED && (strncmp(line, answers[row->answer], length) != 0 || answers[row->answer][length]))
		row->answer++;
	cr_assert_leq(row->answer, ANSWER_REFUSED, "line %u: \"%.*s\"; must be yes, no or refused", row->line, (int)length, line);
	cr_assert_eq(row->answer == ANSWER_REFUSED, arrow != NULL, "line %u: refusals have a reason, answers none", row->line);
	if (arrow)
		*arrow = 0;
	strcpy(row->expression, strip(line + length));
	strcpy(row->fragment, arrow ? strip(arrow + 2) : "");
	cr_assert(*row->expression, "line %u: no expression", row->line);
}

/* False at the end of the file. */
static bool read_row(FILE *file, struct row *row)
{
	char line[ROW_MAX_BYTES];

	while (fgets(line, sizeof(line), file)) {
		row->line++;
		cr_assert(strchr(line, '\n'), "line %u: longer than %d bytes", row->line, ROW_MAX_BYTES);
		if (*line == '[') {
			*strchr(line, ']') = 0;
			row->event = table_event_find(line + 1);
			cr_assert(row->event, "line %u: no event is called \"%s\"", row->line, line + 1);
		} else if (*line != '#' && *strip(line)) {
			row->answer = 0;
			parse_row(line, row);
			cr_assert(row->event, "line %u: before the first event", row->line);
			return true;
		}
	}
	return false;
}

/* The ways */

/* As it was written; NULL: refused, with the reason. */
static struct expression *parse(const struct row *row, struct probe_request *request, struct error *err)
{
	struct clause clause = {.kind = row->event->event.kind, .request = request};
	struct query_clauses clauses = {.clauses = &clause, .count = 1};
	struct query_mistake mistake;
	struct expression *e = NULL;
	struct query_lexer lexer;
	struct query_tree tree;

	query_lexer_init(&lexer, row->expression, 0, &mistake);
	if (query_tree_parse(&tree, &lexer) || query_lower_one(&tree, &lexer, &clauses, 0, &e))
		error_set(err, -EINVAL, "%s", mistake.sentence);
	else
		cr_expect_eq(lexer.token, TOKEN_END, "line %u: %s", row->line, row->expression + lexer.position);
	query_tree_free(&tree);
	return e;
}

static enum answer match(const struct clause *clause, const struct event *event)
{
	struct event copy = *event;
	struct matcher m;
	bool matches;

	copy.request = clause->request;
	cr_assert_eq(matcher_init(&m, clause), 0);
	matches = matcher_matches(&m, &copy);
	matcher_done(&m);
	return matches ? ANSWER_YES : ANSWER_NO;
}

static enum answer decode_and_match(const struct buffer *message, const struct event *event, struct error *err)
{
	struct subscription_spec *spec = NULL;
	enum answer answer;

	if (capsule8_decode_request(message->data, message->length, NULL, &spec, err))
		return ANSWER_REFUSED;
	cr_assert_eq(spec->clause_count, 1);
	cr_assert_eq(spec->clauses[0].kind, event->kind, "%s", spec->clauses[0].refusal);
	answer = match(&spec->clauses[0], event);
	subscription_spec_free(spec);
	return answer;
}

/* A clause of a system call has to name it. */
static void add_call_number(struct clause *clause, const struct event_syscall *call)
{
	cr_assert_eq(clause_add(clause, "id", PREDICATE_EQUAL, (uint64_t)call->id, NULL, NULL), 0);
	cr_assert_eq(clause_add(clause, "abi", PREDICATE_EQUAL, call->abi, NULL, NULL), 0);
}

/* Checks the expression, which it takes over, as the filter of a clause, and either asks the clause itself or sends it. */
static enum answer ask_clause(enum way way, const struct event *event, struct probe_request *request, struct expression *e,
			      struct error *err)
{
	struct subscription_spec *spec = subscription_spec_new();
	struct clause *clause = subscription_spec_add(spec, event->kind);
	enum answer answer = ANSWER_REFUSED;
	struct buffer message;

	cr_assert_not_null(clause);
	buffer_init(&message, 0);
	clause->request = request ? probe_request_ref(request) : NULL;
	if (way == WAY_OUR_CLIENT && (event->kind == EVENT_SYSCALL_ENTER || event->kind == EVENT_SYSCALL_EXIT))
		add_call_number(clause, &event->syscall);
	if (clause_add_expression(clause, e, NULL, err) == 0) {
		if (way == WAY_TEXT) {
			answer = match(clause, event);
		} else {
			cr_assert_eq(capsule8_encode_request(spec, &message, err), 0, "%s", err->message);
			answer = decode_and_match(&message, event, err);
		}
	}
	buffer_done(&message);
	subscription_spec_free(spec);
	return answer;
}

/* False: this way, nobody can ask for it. */
static bool ask_message(enum way way, const struct event *event, const struct probe_request *request, const struct expression *e,
			enum answer *ret, struct error *err)
{
	struct buffer message;
	bool can_ask;

	buffer_init(&message, 0);
	if (way == WAY_FIRST)
		can_ask = table_message_first(event, e, &message);
	else
		can_ask = table_message_second(event, request, e, way == WAY_NARROW, &message);
	if (can_ask)
		*ret = decode_and_match(&message, event, err);
	buffer_done(&message);
	return can_ask;
}

static bool ask(enum way way, const struct row *row, enum answer *ret, struct error *err)
{
	const struct event *event = &row->event->event;
	struct probe_request *request = table_request_new(event->kind);
	struct expression *e = parse(row, request, err);
	bool can_ask = true;

	*ret = ANSWER_REFUSED;
	if (!e) {
		can_ask = way == WAY_TEXT;
	} else if (way == WAY_TEXT) {
		*ret = ask_clause(way, event, request, e, err);
	} else if (way == WAY_OUR_CLIENT) {
		/* It sends what has been checked, and nothing to a ticker: that has no filter in the contract. */
		can_ask = event->kind != EVENT_TICKER && row->answer != ANSWER_REFUSED;
		if (can_ask)
			*ret = ask_clause(way, event, request, e, err);
		else
			expression_free(e);
	} else {
		can_ask = ask_message(way, event, request, e, ret, err);
		expression_free(e);
	}
	probe_request_unref(request);
	return can_ask;
}

static void expect_answer(enum way way, const struct row *row, struct tally *tally)
{
	static const char *const answers[] = {"no match", "a match", "a refusal"};
	struct error err = {0};
	enum answer answer;

	if (!ask(way, row, &answer, &err))
		return;
	cr_expect_eq(answer, row->answer, "line %u, %s, of %s: %s: got %s, want %s: %s", row->line, way_names[way], row->event->name,
		     row->expression, answers[answer], answers[row->answer], err.message);
	if (answer == ANSWER_REFUSED)
		cr_expect(strstr(err.message, row->fragment), "line %u, %s, of %s: %s: \"%s\" has no \"%s\"", row->line, way_names[way],
			  row->event->name, row->expression, err.message, row->fragment);
	if (answer == ANSWER_YES)
		tally->matching++;
	else if (answer == ANSWER_NO)
		tally->not_matching++;
	else
		tally->refused++;
}

Test(expression_table, every_row_has_its_answer_in_all_ways_to_ask, .timeout = 60)
{
	FILE *file = fopen(TEST_DATA "/expressions.txt", "r");
	struct tally tallies[WAY_COUNT] = {0};
	struct row row = {0};

	cr_assert(file, "%s: %s", TEST_DATA "/expressions.txt", strerror(errno));
	while (read_row(file, &row))
		for (enum way way = 0; way < WAY_COUNT; way++)
			expect_answer(way, &row, &tallies[way]);
	fclose(file);
	for (enum way way = 0; way < WAY_COUNT; way++) {
		const struct tally *tally = &tallies[way];

		printf("%s: %zu rows match, %zu do not, %zu are refused\n", way_names[way], tally->matching, tally->not_matching,
		       tally->refused);
		cr_expect_geq(tally->matching, least[way].matching, "%s", way_names[way]);
		cr_expect_geq(tally->not_matching, least[way].not_matching, "%s", way_names[way]);
		cr_expect_geq(tally->refused, least[way].refused, "%s", way_names[way]);
	}
	fflush(stdout);
}

/* The contract calls BITWISE_AND a condition as well: a bit in common. */
Test(expression_table, in_the_second_generation_bits_alone_are_a_condition)
{
	static const struct {
		const char *event, *expression;
		enum answer answer;
	} rows[] = {
		{"enter-open", "cpu & 2", ANSWER_YES},
		{"enter-open", "cpu & 4", ANSWER_NO},
		{"enter-open", "cpu & 5", ANSWER_YES},
		{"enter-open", "arg0 & 0x8000000000000000", ANSWER_YES},
		{"enter-open", "arg2 & 0xffffffffffffffff", ANSWER_NO},
		{"enter-open", "arg3 & arg4", ANSWER_NO},
		{"enter-open", "arg3 & arg5", ANSWER_YES},
		{"enter-open", "cpu & 4 or cpu & 1", ANSWER_YES},
		{"enter-open", "cpu & 4 or cpu & 1 and uid & 1", ANSWER_NO},
		{"enter-i386", "uid & 0xffffffff", ANSWER_NO},
		{"exit-lowest", "ret & -1", ANSWER_YES},
		{"exit-lowest", "ret & 0x7fffffffffffffff", ANSWER_NO},
		{"open-root", "open_flags & -2147483648", ANSWER_YES},
		{"open-root", "open_flags & 0x80000000", ANSWER_REFUSED},
		{"process-core", "exit_core_dumped & true", ANSWER_REFUSED},
		{"process-core", "comm & 1", ANSWER_REFUSED},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct row row = {.line = (unsigned int)i, .answer = rows[i].answer, .event = table_event_find(rows[i].event)};
		struct tally tally = {0};

		strcpy(row.expression, rows[i].expression);
		expect_answer(WAY_SECOND, &row, &tally);
		expect_answer(WAY_NARROW, &row, &tally);
		cr_expect_eq(tally.matching + tally.not_matching + tally.refused, 2);
	}
}

static struct expression *field(const char *name)
{
	return expression_new_field(name, 0);
}

static struct expression *number(uint64_t value)
{
	return expression_new_integer(VALUE_UINT64, value, 0);
}

static struct expression *binary(enum expression_type type, struct expression *left, struct expression *right)
{
	return expression_new(type, left, right, 0);
}

/* Sends it as the filter of an event's kind, and frees it. */
static void expect_refused(enum way way, const char *event, struct expression *e, const char *fragment)
{
	struct error err = {0};
	enum answer answer;

	cr_assert_not_null(e);
	cr_assert(ask_message(way, &table_event_find(event)->event, NULL, e, &answer, &err), "%s", fragment);
	cr_expect_eq(answer, ANSWER_REFUSED, "%s", fragment);
	cr_expect(strstr(err.message, fragment), "\"%s\" has no \"%s\"", err.message, fragment);
	expression_free(e);
}

/* The text form knows the names of fields and has no words for some mistakes. */
Test(expression_table, what_no_text_becomes_is_refused_in_messages)
{
	struct expression *uid_is_1, *gid_is_1;

	expect_refused(WAY_SECOND, "enter-open", binary(EXPRESSION_EQ, field("nosuch"), number(1)),
		       "syscall:enter has no field \"nosuch\"");
	expect_refused(WAY_SECOND, "enter-open", binary(EXPRESSION_IS_NULL, field("ret"), NULL), "syscall:enter has no field \"ret\"");
	expect_refused(WAY_SECOND, "rename-same", binary(EXPRESSION_EQ, field("symlink"), expression_new_bool(true, 0)),
		       "file:rename has no field \"symlink\"");
	expect_refused(WAY_SECOND, "exec-plain", binary(EXPRESSION_LIKE, field("comm"), field("process_id")),
		       "LIKE needs a pattern on its right");
	expect_refused(WAY_SECOND, "exec-plain", binary(EXPRESSION_LIKE, field("filename"), number(5)),
		       "LIKE needs a pattern on its right");
	expect_refused(WAY_SECOND, "exec-plain", binary(EXPRESSION_LIKE, expression_new_string("/bin/*", 0), field("filename")),
		       "LIKE needs a string field on its left");
	expect_refused(WAY_SECOND, "exec-plain", binary(EXPRESSION_IS_NOT_NULL, number(5), NULL), "IS NULL and IS NOT NULL need a field");
	uid_is_1 = binary(EXPRESSION_EQ, field("uid"), number(1));
	gid_is_1 = binary(EXPRESSION_EQ, field("gid"), number(1));
	expect_refused(WAY_SECOND, "exec-plain", binary(EXPRESSION_EQ, uid_is_1, gid_is_1), "a condition cannot be compared");
	expect_refused(WAY_FIRST, "connect-inet", binary(EXPRESSION_EQ, field("nosuch"), number(1)), "has no field \"nosuch\"");
	expect_refused(WAY_FIRST, "listen-plain", binary(EXPRESSION_EQ, field("port"), number(1)), "network:listen has no field \"port\"");
	expect_refused(WAY_FIRST, "connect-refused", binary(EXPRESSION_EQ, field("sockfd"), number(3)),
		       "network:connect:result has no field \"sockfd\"");
	expect_refused(WAY_FIRST, "connect-inet", binary(EXPRESSION_LIKE, field("comm"), number(3)), "GLOB needs a pattern");
	expect_refused(WAY_FIRST, "connect-inet", binary(EXPRESSION_LIKE, field("sockfd"), expression_new_string("3*", 0)),
		       "LIKE needs a string field on its left");
}
