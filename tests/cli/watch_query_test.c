#include "cli/watch_query.h"

#include "capsule8/api/v0/telemetry_service.pb-c.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct watch_query query;
static char path[] = "/tmp/ringside-watch-query-XXXXXX";

static void init(void)
{
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	close(fd);
	watch_query_init(&query);
}

static void done(void)
{
	watch_query_done(&query);
	unlink(path);
}

TestSuite(watch_query, .init = init, .fini = done);

static void write_file(const char *text, size_t size)
{
	FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	cr_assert_eq(fwrite(text, 1, size, file), size);
	cr_assert_eq(fclose(file), 0);
}

static int read_words(const char *first, const char *second, const char *file)
{
	char *words[] = {(char *)first, (char *)second};

	return watch_query_read(&query, words, second ? 2 : first ? 1 : 0, file);
}

static int read_file(const char *text)
{
	write_file(text, strlen(text));
	return read_words(NULL, NULL, path);
}

static const char *report(void)
{
	buffer_put_u8(&query.report, 0);
	return (const char *)query.report.data;
}

static void expect_description(const char *expected)
{
	struct buffer text;

	buffer_init(&text, 0);
	subscription_spec_describe(query.spec, &text);
	buffer_put_u8(&text, 0);
	cr_expect_str_eq((const char *)text.data, expected);
	buffer_done(&text);
}

/* The report's lines, FILE standing for the path. */
static void expect_report(const char *before_path, const char *behind_path)
{
	char expected[1024];

	snprintf(expected, sizeof(expected), "%s%s%s", before_path, path, behind_path);
	cr_expect_str_eq(report(), expected);
}

Test(watch_query, nothing_means_processes)
{
	cr_assert_eq(read_words(NULL, NULL, NULL), 0);
	expect_description("process");
}

Test(watch_query, words_without_an_event_mean_processes_too)
{
	cr_assert_eq(read_words("limit 5", NULL, NULL), 0);
	expect_description("process; limit 5");
}

Test(watch_query, words_without_an_event_can_be_left_without_one)
{
	query.may_be_empty = true;
	cr_assert_eq(read_words(NULL, NULL, NULL), 0);
	expect_description("");
	cr_assert_eq(read_words("limit 5", NULL, NULL), 0);
	cr_assert_eq(query.spec->clause_count, 0);
	cr_assert_eq(query.spec->limit, 5);
}

Test(watch_query, each_word_is_a_query)
{
	cr_assert_eq(read_words("process:exec where uid != 0", "file:open; limit 3", NULL), 0);
	expect_description("process:exec where uid != 0; file:open; limit 3");
}

Test(watch_query, a_mistake_gets_a_caret_under_it)
{
	cr_assert_eq(read_words("process:exec", "process:exec where filname = 'x'", NULL), -EINVAL);
	cr_assert_str_eq(report(),
			 "ringside: process:exec where filname = 'x'\n"
			 "                             ^ process:exec has no field \"filname\" (it has exec_filename; and pid, tid, cpu, "
			 "comm, uid and others that all events have); did you mean filename?\n");
}

Test(watch_query, a_file_adds_to_the_words)
{
	static const char text[] = "# programs\nprocess:exec\n  where uid != 0\nlimit 7\n";

	write_file(text, strlen(text));
	cr_assert_eq(read_words("ticker:1s", NULL, path), 0);
	expect_description("ticker:1s; process:exec where uid != 0; limit 7");
}

Test(watch_query, a_mistake_in_a_file_is_shown_with_its_line)
{
	cr_assert_eq(read_file("process:exec\n  where uid = root\n  and gid = 0\n"), -EINVAL);
	expect_report("ringside: ",
		      ":2:   where uid = root\n"
		      "                                                            ^ process:exec has no field \"root\", and the "
		      "values of uid have no names\n");
}

Test(watch_query, what_cannot_be_read_is_said)
{
	cr_assert_eq(read_words(NULL, NULL, "/nowhere/at all"), -ENOENT);
	cr_assert_str_eq(report(), "ringside: /nowhere/at all: cannot read it: No such file or directory\n");
}

Test(watch_query, a_file_without_events_or_with_bytes_in_it_is_refused)
{
	cr_assert_eq(read_file("# nothing\n"), -EINVAL);
	expect_report("ringside: ", ": there is no event in it; one is needed, like process:exec\n");
	buffer_clear(&query.report);
	write_file("process\0exec", 12);
	cr_assert_eq(read_words(NULL, NULL, path), -EINVAL);
	expect_report("ringside: ", ": it is no text: there is a NUL in it\n");
}

/* The event filter of what would be sent, as the sensor reads it. */
static void expect_json(const char *text, const char *expected)
{
	struct error err = {0};
	struct buffer packed;

	cr_assert_eq(read_file(text), 0, "%s", report());
	cr_assert(query.is_json);
	buffer_init(&packed, 0);
	cr_assert_eq(watch_query_pack(&query, &packed, &err), 0, "%s", err.message);
	cr_assert_eq(packed.length, query.packed.length);
	cr_assert_not(memcmp(packed.data, query.packed.data, packed.length));
	buffer_done(&packed);
	cr_assert_not_null(query.spec);
	expect_description(expected);
	watch_query_done(&query);
	watch_query_init(&query);
}

Test(watch_query, a_file_in_json_is_a_subscription_or_a_whole_request)
{
	expect_json(" {\"eventFilter\": {\"processEvents\": [{\"type\": \"PROCESS_EVENT_TYPE_EXEC\", \"execFilename\": \"/bin/sh\"}]}}",
		    "process:exec where exec_filename = '/bin/sh'");
	expect_json("{\"subscription\": {\"event_filter\": {\"syscallEvents\": [{\"type\": \"SYSCALL_EVENT_TYPE_EXIT\", \"id\": \"2\", "
		    "\"ret\": -2}]},"
		    " \"modifier\": {\"limit\": {\"limit\": \"5\"}}}}",
		    "syscall:exit where id = open and abi = X86_64 and ret = -ENOENT; limit 5");
}

Test(watch_query, what_is_no_such_message_is_refused_with_the_path)
{
	cr_assert_eq(read_file("{\"eventFilter\": {\"processEvents\": [{}, {\"typ\": 1}]}}"), -EINVAL);
	expect_report("ringside: ", ": eventFilter.processEvents[1].typ: ProcessEventFilter has no such field; did you mean type?\n");
	buffer_clear(&query.report);
	cr_assert_eq(read_file("{\"eventFilter\": "), -EINVAL);
	expect_report("ringside: ", ": line 1, column 16: unexpected token near end of file\n");
}

Test(watch_query, words_do_not_go_with_json)
{
	write_file("{}", 2);
	cr_assert_eq(read_words("process", NULL, path), -EINVAL);
	expect_report("ringside: ", ": a subscription in JSON is a whole one: nothing can be added to it on the command line\n");
}
