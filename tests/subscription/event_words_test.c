#include "subscription/event_words.h"

#include "tracing/sample_source.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct subscription_spec *spec;
static struct error err;

static void done(void)
{
	spec = subscription_spec_free(spec);
}

TestSuite(event_words, .fini = done);

static void parse(const char *word)
{
	spec = subscription_spec_free(spec);
	spec = subscription_spec_new();
	cr_assert_eq(event_word_add(spec, word, &err), 0, "%s", err.message);
}

static void refuse(const char *word, const char *message)
{
	spec = subscription_spec_free(spec);
	spec = subscription_spec_new();
	cr_assert_eq(event_word_add(spec, word, &err), -EINVAL, "%s", word);
	cr_assert_str_eq(err.message, message);
}

static void expect_condition(const struct expression *e, const char *name, uint64_t value)
{
	cr_assert_eq(e->type, EXPRESSION_EQ);
	cr_assert_str_eq(e->first->field->name, name);
	cr_assert_eq(e->first->next->integer, value);
}

static void expect_syscall(size_t i, enum event_kind kind, uint64_t number, enum sample_abi abi)
{
	const struct clause *clause;

	cr_assert_lt(i, spec->clause_count);
	clause = &spec->clauses[i];
	cr_assert_eq(clause->kind, kind);
	cr_assert_eq(clause->filter->type, EXPRESSION_AND);
	expect_condition(clause->filter->first, "id", number);
	expect_condition(clause->filter->first->next, "abi", abi);
	cr_assert_null(clause->filter->first->next->next);
}

Test(event_words, process_alone_is_every_process_event)
{
	parse("process");
	cr_assert_eq(spec->clause_count, 5);
	cr_assert_eq(spec->clauses[0].kind, EVENT_PROCESS_FORK);
	cr_assert_eq(spec->clauses[1].kind, EVENT_PROCESS_EXEC);
	cr_assert_eq(spec->clauses[2].kind, EVENT_PROCESS_EXIT);
	cr_assert_eq(spec->clauses[3].kind, EVENT_PROCESS_CWD);
	cr_assert_eq(spec->clauses[4].kind, EVENT_PROCESS_RENAME);
}

Test(event_words, one_process_event_can_be_named)
{
	parse("process:exec");
	cr_assert_eq(spec->clause_count, 1);
	cr_assert_eq(spec->clauses[0].kind, EVENT_PROCESS_EXEC);
	cr_assert_null(spec->clauses[0].filter);
}

Test(event_words, files_and_the_network_can_be_had_whole_or_by_kind)
{
	parse("file");
	cr_assert_eq(spec->clause_count, 9);
	cr_assert_eq(spec->clauses[0].kind, EVENT_FILE_OPEN);
	parse("file:close_for_modify");
	cr_assert_eq(spec->clause_count, 1);
	cr_assert_eq(spec->clauses[0].kind, EVENT_FILE_CLOSE_FOR_MODIFY);
	parse("network");
	cr_assert_eq(spec->clause_count, 12);
	parse("network:connect");
	cr_assert_eq(spec->clause_count, 1);
	cr_assert_eq(spec->clauses[0].kind, EVENT_CONNECT_ATTEMPT);
	parse("network:connect:result");
	cr_assert_eq(spec->clause_count, 1);
	cr_assert_eq(spec->clauses[0].kind, EVENT_CONNECT_RESULT);
}

Test(event_words, a_system_call_by_name_is_enter_and_exit_of_both_tables)
{
	parse("syscall:openat");
	cr_assert_eq(spec->clause_count, 4);
	expect_syscall(0, EVENT_SYSCALL_ENTER, 257, SAMPLE_ABI_64);
	expect_syscall(1, EVENT_SYSCALL_ENTER, 295, SAMPLE_ABI_32);
	expect_syscall(2, EVENT_SYSCALL_EXIT, 257, SAMPLE_ABI_64);
	expect_syscall(3, EVENT_SYSCALL_EXIT, 295, SAMPLE_ABI_32);
}

Test(event_words, a_system_call_can_be_had_at_one_end_only)
{
	parse("syscall:openat:enter");
	cr_assert_eq(spec->clause_count, 2);
	expect_syscall(0, EVENT_SYSCALL_ENTER, 257, SAMPLE_ABI_64);
	expect_syscall(1, EVENT_SYSCALL_ENTER, 295, SAMPLE_ABI_32);
}

Test(event_words, a_system_call_by_number_is_that_of_64_bit_callers)
{
	parse("syscall:110:exit");
	cr_assert_eq(spec->clause_count, 1);
	expect_syscall(0, EVENT_SYSCALL_EXIT, 110, SAMPLE_ABI_64);
}

Test(event_words, a_system_call_that_only_32_bit_callers_have_is_asked_of_them_only)
{
	parse("syscall:socketcall:exit");
	cr_assert_eq(spec->clause_count, 1);
	expect_syscall(0, EVENT_SYSCALL_EXIT, 102, SAMPLE_ABI_32);
}

Test(event_words, a_number_that_no_table_knows_is_good)
{
	parse("syscall:4000:enter");
	expect_syscall(0, EVENT_SYSCALL_ENTER, 4000, SAMPLE_ABI_64);
}

Test(event_words, the_ticker_has_an_interval_of_one_second_by_default)
{
	parse("ticker");
	cr_assert_eq(spec->clauses[0].kind, EVENT_TICKER);
	cr_assert_eq(spec->clauses[0].interval_ns, 1000000000);
	parse("ticker:250ms");
	cr_assert_eq(spec->clauses[0].interval_ns, 250000000);
}

Test(event_words, chargen_takes_a_length)
{
	parse("chargen:65536");
	cr_assert_eq(spec->clauses[0].kind, EVENT_CHARGEN);
	cr_assert_eq(spec->clauses[0].length, 65536);
	parse("chargen");
	cr_assert_eq(spec->clauses[0].length, 64);
}

Test(event_words, containers_have_kinds_but_their_name_alone_is_none)
{
	parse("container:exited");
	cr_assert_eq(spec->clause_count, 1);
	cr_assert_eq(spec->clauses[0].kind, EVENT_CONTAINER_EXITED);
	parse("container:all");
	cr_assert_eq(spec->clause_count, 5);
	for (size_t i = 0; i < 5; i++)
		cr_assert_eq(spec->clauses[i].kind, EVENT_CONTAINER_CREATED + i);
	parse("container:all/full");
	cr_assert_eq(spec->clause_count, 5);
	for (size_t i = 0; i < 5; i++)
		cr_assert_eq(spec->clauses[i].detail, DETAIL_FULL);
	cr_assert_eq(event_word_add(spec, "container:created", &err), 0);
	cr_assert_eq(spec->clauses[5].detail, DETAIL_BASIC);
	refuse("container", "container alone is no event: use container:created or another one, or container:all for all of them");
	refuse("container:exit", "there is no event container:exit; did you mean container:exited?");
	refuse("container:no",
	       "there is no event container:no: use container:created, container:running, container:exited, container:destroyed,"
	       " container:updated, or container:all for all of them");
}

Test(event_words, several_words_add_up)
{
	parse("process:exec");
	cr_assert_eq(event_word_add(spec, "ticker:1s", &err), 0);
	cr_assert_eq(spec->clause_count, 2);
	cr_assert_eq(spec->clauses[1].kind, EVENT_TICKER);
}

Test(event_words, system_calls_can_be_had_as_kinds)
{
	parse("syscall:enter");
	cr_assert_eq(spec->clause_count, 1);
	cr_assert_eq(spec->clauses[0].kind, EVENT_SYSCALL_ENTER);
	cr_assert_null(spec->clauses[0].filter);
	parse("syscall:exit");
	cr_assert_eq(spec->clauses[0].kind, EVENT_SYSCALL_EXIT);
	parse("syscall:exit:enter");
	expect_syscall(0, EVENT_SYSCALL_ENTER, 60, SAMPLE_ABI_64);
	expect_syscall(1, EVENT_SYSCALL_ENTER, 1, SAMPLE_ABI_32);
}

Test(event_words, a_slip_gets_the_nearest_word_suggested)
{
	refuse("proces:exec", "there is no event \"proces:exec\"; did you mean process:exec?");
	refuse("syscal:openat", "there is no event \"syscal:openat\"; did you mean syscall:openat?");
	refuse("syscall:opneat", "there is no system call \"opneat\"; did you mean openat?");
}

Test(event_words, unknown_words_are_told_what_is_allowed)
{
	refuse("lifetime", "there is no event \"lifetime\": events begin with process, file, network, syscall, kernel_call, user_call,"
			   " performance, container, ticker or chargen ('ringside events' lists them)");
	refuse("process:start",
	       "there is no event process:start: use process:fork, process:exec, process:exit, process:cwd, process:rename,"
	       " or process for all of them");
	refuse("file:opne", "there is no event file:opne; did you mean file:open?");
	refuse("network:connect:reslut", "there is no event network:connect:reslut; did you mean network:connect:result?");
	refuse("syscall:openat:begin",
	       "there is no event syscall:openat:begin: use syscall:openat:enter, syscall:openat:exit, or syscall:openat "
	       "for both");
	refuse("syscall", "syscall needs a name or a number, like syscall:openat or syscall:110:exit");
	refuse("syscall:frobnicate_all", "there is no system call \"frobnicate_all\" (a newer one can be given by its number)");
	refuse("lost", "lost events need not be asked for: whoever loses something is told");
}

Test(event_words, parameters_out_of_range_are_refused)
{
	refuse("chargen:0", "chargen:0: \"0\" is not a whole number from 1 to 65536");
	refuse("chargen:65537", "chargen:65537: \"65537\" is not a whole number from 1 to 65536");
	refuse("ticker:0", "ticker:0: the interval must be more than 0 and less than 292 years");
	refuse("syscall:99999999999", "syscall:99999999999: \"99999999999\" is not a whole number from 0 to 2147483647");
}

Test(event_words, parts_that_belong_to_nothing_are_refused)
{
	refuse("process:exec:ls", "cannot read the event \"process:exec:ls\": it has too many colons");
	refuse("syscall:openat:enter:1", "cannot read the event \"syscall:openat:enter:1\": it has too many colons");
	refuse("process:", "cannot read the event \"process:\": it has too many colons");
	refuse("file::open", "cannot read the event \"file::open\": it has too many colons");
	refuse("network:connect:result:x", "cannot read the event \"network:connect:result:x\": it has too many colons");
	refuse("", "there is no event \"\": events begin with process, file, network, syscall, kernel_call, user_call, performance, "
		   "container, ticker or"
		   " chargen ('ringside events' lists them)");
}

Test(event_words, a_word_of_any_length_is_survived)
{
	char word[1000];

	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = 0;
	spec = subscription_spec_new();
	cr_assert_eq(event_word_add(spec, word, &err), -EINVAL);
	cr_assert_eq(spec->clause_count, 0);
}

Test(event_words, in_a_query_a_word_ends_where_nothing_but_a_condition_can_follow)
{
	static const struct {
		const char *text;
		size_t size;
	} words[] = {
		{"process:exec where x", 12},
		{"process;file", 7},
		{"kernel_call:f where x", 13},
		{"kernel_call:f(a=+0(%di), b=\"x) ;\"):exit;x", 39},
		{"kernel_call:f/a > 4 ; \"/ where\"/ where a", 32},
		{"kernel_call:f/a == \"x/y\"/", 25},
		{"user_call:/opt/my app:f where x", 23},
		{"user_call:/opt/my app:f # x", 23},
		{"user_call:'a where b':f(x=%di):exit", 35},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		cr_expect_eq(event_word_size(words[i].text), words[i].size, "%s: %zu", words[i].text, event_word_size(words[i].text));
}
