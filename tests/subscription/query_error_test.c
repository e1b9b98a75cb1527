#include "subscription/query_parse.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Texts that mean nothing, and what is said of them. */
static const struct {
	const char *text;
	const char *message;
} mistakes[] = {
	{"proces:exec", "column 1: there is no event \"proces:exec\"; did you mean process:exec?"},
	{"process:exce", "column 1: there is no event process:exce; did you mean process:exec?"},
	{"process:start", "column 1: there is no event process:start: use process:fork, process:exec, process:exit, process:cwd, "
			  "process:rename, or process for all of them"},
	{"syscall", "column 1: syscall needs a name or a number, like syscall:openat or syscall:110:exit"},
	{"syscall:opneat", "column 1: there is no system call \"opneat\"; did you mean openat?"},
	{"syscall:openat:begin",
	 "column 1: there is no event syscall:openat:begin: use syscall:openat:enter, syscall:openat:exit, or syscall:openat for both"},
	{"network:conect", "column 1: there is no event network:conect; did you mean network:connect?"},
	{"lost", "column 1: lost events need not be asked for: whoever loses something is told"},
	{"container", "column 10: container needs something behind it, like container web, or container image 'nginx*' (events of "
		      "containers are container:created and others)"},
	{"container where exit_code = 1",
	 "column 11: a condition stands behind an event: container:exited where ..., or container:all where ..."},
	{"container:created/ful", "column 1: container:created has no \"/ful\": use container:created, or container:created/full"},
	{"container:creatd/full", "column 1: there is no event container:creatd; did you mean container:created?"},
	{"container:all where exit_code = 1",
	 "column 21: container:created has no field \"exit_code\"; of what is asked for here container:exited has it"},
	{"contaner web", "column 1: there is no event \"contaner\"; did you mean container?"},
	{"limt 5", "column 1: there is no event \"limt\"; did you mean limit?"},
	{"frobnicate", "column 1: there is no event \"frobnicate\": events begin with process, file, network, syscall, kernel_call, "
		       "user_call, performance, container, ticker or chargen ('ringside events' lists them)"},
	{"unserved('no')", "column 1: unserved(...) says what a sensor could not serve; it cannot be asked for"},
	{"process:exec where", "column 19: something is missing at the end: a field or a value must follow"},
	{"process:exec wehre uid = 1",
	 "column 14: behind an event only where can follow, or ; or a new line and the next one; did you mean where?"},
	{"process:exec uid = 1", "column 14: behind an event only where can follow, or ; or a new line and the next one"},
	{"process:exec where uid", "column 20: uid alone is no condition: compare it with something"},
	{"process:exec where uid = ", "column 26: something is missing at the end: a field or a value must follow"},
	{"process:exec where = 1", "column 20: here a field or a value must stand"},
	{"process:exec where uid 1", "column 24: a condition goes on with and or or, or ends with ; or a new line"},
	{"process:exec where uid = 1 an gid = 2",
	 "column 28: a condition goes on with and or or, or ends with ; or a new line; did you mean and?"},
	{"process:exec where (uid = 1", "column 20: the parenthesis is not closed"},
	{"process:exec where (uid = 1; limit 5", "column 20: the parenthesis is not closed"},
	{"process:exec where uid = 1)", "column 27: a condition goes on with and or or, or ends with ; or a new line"},
	{"process:exec where (uid = 1 gid)", "column 29: here and, or, or the closing parenthesis must stand"},
	{"process:exec where ()", "column 21: here a field or a value must stand"},
	{"process:exec where uid = 1 and", "column 31: something is missing at the end: a field or a value must follow"},
	{"process:exec where and uid = 1", "column 20: here a field or a value must stand, not \"and\""},
	{"process:exec where 1 < uid < 5", "column 28: comparisons cannot be chained: write a < b and b < c"},
	{"process:exec where not uid = 1",
	 "column 20: there is no NOT: turn the comparison round, with != for =, >= for <, is not null for is null"},
	{"process:exec where filename not like 'a%'", "column 29: there is no NOT LIKE: write != for each string that is not wanted"},
	{"process:exec where uid not in (1, 2)",
	 "column 24: there is no NOT IN: write each != a and != b; of a network, (ipv4_address & MASK) != NETWORK"},
	{"process:exec where uid not 5", "column 24: there is no NOT: turn the comparison round, with != for = or >= for <"},
	{"process:exec where !uid", "column 20: there is no !: turn the comparison round, with != for = or >= for <"},
	{"process:exec where uid = 1 && gid = 2", "column 28: && is written: and"},
	{"process:exec where uid = 1 || gid = 2", "column 28: || is written: or"},
	{"process:exec where uid = 5 % 2", "column 28: a % cannot stand here; strings stand between ' and '"},
	{"process:exec where uid = $1", "column 26: a $ cannot stand here; strings stand between ' and '"},
	{"process:exec where filname = 'x'", "column 20: process:exec has no field \"filname\" (it has exec_filename; and pid, tid, cpu, "
					     "comm, uid and others that all events have); did you mean filename?"},
	{"process:exec where frobnication = 'x'", "column 20: process:exec has no field \"frobnication\" (it has exec_filename; and pid, "
						  "tid, cpu, comm, uid and others that all events have)"},
	{"process:exec where filename = x", "column 31: process:exec has no field \"x\"; a string stands between ' and '"},
	{"process:exec where filename = 'x", "column 31: the string is not closed: there is no other '"},
	{"process:exec where filename = \"x", "column 31: the string is not closed: there is no other \""},
	{"process:exec where `uid = 1", "column 20: the string is not closed: there is no other `"},
	{"process:exec where filename = 'a\\qb'",
	 "column 33: there is no escape \\q: \\' \\\" \\\\ \\n \\t \\r and \\xHH are known; a backslash is \\\\"},
	{"process:exec where filename = 'a\\x4'", "column 33: \\x needs two hexadecimal digits behind it, like \\x1b"},
	{"process:exec where filename = 'a\\x00b'", "column 33: a string cannot have \\x00 in it"},
	{"process:exec where filename like 'a\\*'",
	 "column 36: a pattern cannot ask for the character * itself: * stands for any characters, ? for one"},
	{"process:exec where filename like 'a\\x3f'",
	 "column 36: a pattern cannot ask for the character ? itself: * stands for any characters, ? for one"},
	{"process:exec where filename like foo", "column 34: like needs a pattern behind it, like '/usr/bin/%' or '*.sh'"},
	{"process:exec where uid like 'a*'", "column 20: LIKE needs a string field on its left"},
	{"process:exec where filename > 'a'", "column 29: STRING has no order: only = and != compare it, and LIKE"},
	{"process:exec where filename = 1", "column 31: exec_filename is a string, and 1 is not"},
	{"process:exec where uid = 'root'", "column 26: uid is a number, and \"root\" is a string"},
	{"process:exec where uid = root", "column 26: process:exec has no field \"root\", and the values of uid have no names"},
	{"process:exec where uid = -1", "column 26: -1 does not fit into uid, which is UINT32"},
	{"process:exec where uid = 4294967296", "column 26: 4294967296 does not fit into uid, which is UINT32"},
	{"process:exec where uid = 99999999999999999999", "column 26: 99999999999999999999 does not fit into 64 bits"},
	{"process:exec where uid = -9223372036854775809", "column 26: -9223372036854775809 does not fit into 64 bits"},
	{"process:exec where uid = 12ab", "column 26: 12ab is no number"},
	{"process:exec where uid = 089", "column 26: 089 is no number: with a 0 in front it is octal"},
	{"process:exec where uid = 0x", "column 26: 0x is no number"},
	{"process:exec where uid = 1.5", "column 26: 1.5 does not fit into uid, which is UINT32"},
	{"process:exec where uid = 1.5.", "column 26: an address can only be compared with address and ipv4_address"},
	{"process:exec where uid = 1e999", "column 26: 1e999 is beyond the largest number"},
	{"process:exec where uid = - 'a'", "column 28: a minus needs a number behind it, or the name of an error"},
	{"process:exec where uid = -SIGKILL", "column 26: a minus stands in front of numbers, and of the errors of results only"},
	{"process:exec where uid = true", "column 26: uid is a number, and true is not"},
	{"process:exec where uid is", "column 26: is needs null or not null behind it"},
	{"process:exec where uid is not", "column 30: is needs null or not null behind it"},
	{"process:exec where 5 is null", "column 20: IS NULL and IS NOT NULL need a field"},
	{"process:exec where uid in 5", "column 27: in needs a list behind it, like in (1, 2), or a network, like in 10.0.0.0/8"},
	{"process:exec where uid in (1", "column 29: here a comma and the next value, or the closing parenthesis must stand"},
	{"process:exec where uid in ()", "column 28: here a field or a value must stand"},
	{"process:exec where uid in (1 2)", "column 30: here a comma and the next value, or the closing parenthesis must stand"},
	{"process:exec where 5 in (1)", "column 22: in needs a field on its left"},
	{"process:exec where filename & 1 = 1", "column 31: exec_filename is a string, and 1 is not"},
	{"process:exec where uid = 1|filename", "column 28: | combines names of flags and whole numbers only"},
	{"process:exec where (uid = 1) = true", "column 25: a condition cannot be compared; only fields and values can"},
	{"process where filename = 'x'",
	 "column 15: process:fork has no field \"filename\"; of what is asked for here process:exec has it"},
	{"process where frob = 1", "column 15: process:fork has no field \"frob\" (it has fork_clone_flags; and pid, tid, cpu, comm, uid "
				   "and others that all events have)"},
	{"file where flags & O_CREAT != 0", "column 12: file:create has no field \"flags\"; of what is asked for here file:open has it"},
	{"file where newname is null", "column 12: file:open has no field \"newname\"; of what is asked for here file:rename has it"},
	{"file:open where flags = O_WRONYL", "column 25: \"O_WRONYL\" is not a flag of open(2); did you mean O_WRONLY?"},
	{"file:open where flags = o_wronly", "column 25: \"o_wronly\" is not a flag of open(2); did you mean O_WRONLY?"},
	{"file:open where flags = FROB", "column 25: \"FROB\" is not a flag of open(2) (others can be given by their number)"},
	{"file:open where mode = S_IXUSER", "column 24: \"S_IXUSER\" is not a permission; did you mean S_IXUSR?"},
	{"syscall:exit where ret = ENOENT", "column 26: the errors of results are negative: write -ENOENT"},
	{"syscall:exit where ret = -ENOENTX", "column 27: \"ENOENTX\" is not an error; did you mean ENOENT?"},
	{"syscall:exit where id = opneat", "column 25: \"opneat\" is not a system call; did you mean openat?"},
	{"syscall:exit where id = frobnicate_all",
	 "column 25: \"frobnicate_all\" is not a system call (a newer one can be given by its number)"},
	{"syscall:enter where abi = X64", "column 27: \"X64\" is not an ABI (there are I386 and X86_64)"},
	{"process:exit where exit_signal = SIGKIL", "column 34: \"SIGKIL\" is not a signal; did you mean SIGKILL?"},
	{"process:fork where fork_clone_flags & CLONE_NEWUSR",
	 "column 39: \"CLONE_NEWUSR\" is not a flag of clone(2); did you mean CLONE_NEWUSER?"},
	{"network:connect where port = 70000",
	 "column 30: 70000 is no port: they go from 0 to 65535 (a hexadecimal number is what the field holds, its bytes swapped)"},
	{"network:connect where port & 443 = 443",
	 "column 30: under a mask a port is what the field holds, its bytes swapped: write it in hexadecimal, or compare port_number"},
	{"network:connect where family = IPV4", "column 32: \"IPV4\" is not an address family (there are NONE, INET, INET6 and LOCAL)"},
	{"network:connect where ipv4_address = 10.0.0.256", "column 38: \"10.0.0.256\" is no address"},
	{"network:connect where ipv4_address = 10.0.0.0/8", "column 38: with a network it is written: in, like ipv4_address in 10.0.0.0/8"},
	{"network:connect where ipv4_address in 10.1.2.3/8", "column 39: 10.1.2.3/8 has bits behind the first 8; did you mean 10.0.0.0/8?"},
	{"network:connect where ipv4_address in 10.0.0.0/33", "column 39: 10.0.0.0/33 has no length from 0 to 32 behind the /"},
	{"network:connect where ipv4_address in 10.0.0.0/", "column 39: 10.0.0.0/ has no length from 0 to 32 behind the /"},
	{"network:connect where ipv4_address = fe80::1", "column 38: ipv4_address is no IPv6 address; address can be either"},
	{"network:connect where ipv4_address in (fe80::/10)", "column 40: ipv4_address is no IPv6 address; address can be either"},
	{"network:connect where ipv4_address < 10.0.0.0",
	 "column 38: addresses have no order; ask for a network, like ipv4_address in 10.0.0.0/8"},
	{"network:connect where address < 10.0.0.0", "column 23: addresses have no order; ask for a network, like address in 10.0.0.0/8"},
	{"network:connect where address = 5",
	 "column 33: address is compared with an address, like 10.1.2.3 or fe80::1, or with a string, the path of a socket"},
	{"network:connect where address in fe80::1/10", "column 34: fe80::1/10 has bits behind the first 10; did you mean fe80::/10?"},
	{"network:connect where port = 10.0.0.1", "column 30: an address can only be compared with address and ipv4_address"},
	{"network:listen where address = 10.0.0.1", "column 22: network:listen has no field \"address\" (it has sockfd, backlog; and pid, "
						    "tid, cpu, comm, uid and others that all events have)"},
	{"ticker where seconds = timestamp '2026-02-31T00:00:00Z'",
	 "column 34: \"2026-02-31T00:00:00Z\" is no time: write it like 2026-11-25T10:00:00Z, 2026-11-25T11:00:00.123456789+01:00, or "
	 "@SECONDS since 1970"},
	{"ticker where seconds = timestamp 5", "column 34: timestamp needs a time behind it, like timestamp '2026-11-25T10:00:00Z'"},
	{"ticker where seconds = timestamp '2026-11-25T10:00:00.5Z'",
	 "column 34: the time 1795600800.500000000 does not fit into seconds, which is SINT64"},
	{"ticker where pid = 1", "column 14: ticker has no field \"pid\" (it has seconds, nanoseconds)"},
	{"ticker:0", "column 1: ticker:0: the interval must be more than 0 and less than 292 years"},
	{"chargen:0", "column 1: chargen:0: \"0\" is not a whole number from 1 to 65536"},
	{"limit 0", "column 7: \"0\" is not a whole number of at least 1"},
	{"limit", "column 6: limit needs something behind it, like limit 10"},
	{"limit 5; limit 6", "column 16: there is a limit already"},
	{"limit 5 6", "column 9: here ; or a new line must stand, and then the next item"},
	{"throttle 1us", "column 10: \"1us\" is not a whole number of milliseconds of at least 1"},
	{"throttle 5", "column 10: \"5\" is not a duration: write a whole number with a unit, like 10us, 250ms, 1s, 2m, 1h or 7d"},
	{"for x", "column 5: \"x\" is not a duration: write a whole number with a unit, like 10us, 250ms, 1s, 2m, 1h or 7d"},
	{"kernel_call:f(a) where a = 1", "column 1: kernel_call:f(a): the argument \"a\" is not NAME=FETCHARG, like path=+0(%si):ustring"},
	{"kernel_call:f(a=%di:u32) where b = 1", "column 32: kernel_call:enter has no field \"b\" (it has a; and pid, tid, cpu, comm, uid "
						 "and others that all events have); did you mean a?"},
	{"kernel_call:f(a=%di:u32[2]) where a = 1", "column 35: the argument \"a\" cannot be compared: its fetcharg is not understood"},
	{"user_call:/bin/sh", "column 1: user_call:/bin/sh: it needs a file and a function, like /bin/bash:readline"},
	{"performance:cylces", "column 1: performance:cylces: there is no counter \"cylces\"; did you mean cycles?"},
	{"performance where total_time_enabled > 5",
	 "column 1: performance needs counters, like performance:cycles,instructions/period=1000000"},
	{"process:exec\nfile:open where frob = 1", "line 2, column 17: file:open has no field \"frob\" (it has filename, path, open_flags, "
						   "open_mode; and pid, tid, cpu, comm, uid and others that all events have)"},
	{"process:exec where filename = '\303\244' and frob = 1", "column 39: process:exec has no field \"frob\" (it has exec_filename; "
								  "and pid, tid, cpu, comm, uid and others that all events have)"},
	{"process:exec where (((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((uid = "
	 "1)))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))",
	 "column 120: parentheses in more than 100 others"},
};

/* In characters of the line, as people count them. */
static size_t column_of(const char *text, size_t position)
{
	size_t column = 1;

	for (size_t i = 0; i < position; i++) {
		column += (text[i] & 0xc0) != 0x80;
		if (text[i] == '\n')
			column = 1;
	}
	return column;
}

Test(query_error, each_mistake_has_a_column_and_a_sentence)
{
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct subscription_spec *spec = NULL;
		struct query_mistake mistake = {.position = SIZE_MAX};
		struct error err = {0};
		const char *column;

		cr_expect_eq(query_parse(mistakes[i].text, &spec, &mistake, &err), -EINVAL, "%s", mistakes[i].text);
		cr_expect_null(spec);
		cr_expect_str_eq(err.message, mistakes[i].message, "%s\n%s", mistakes[i].text, err.message);
		cr_assert_leq(mistake.position, strlen(mistakes[i].text));
		cr_expect(strstr(err.message, mistake.sentence), "%s", mistake.sentence);
		column = strstr(err.message, "column ");
		cr_assert_not_null(column, "%s", err.message);
		cr_expect_eq(strtoul(column + strlen("column "), NULL, 10), column_of(mistakes[i].text, mistake.position));
	}
}

Test(query_error, a_text_without_an_event_is_refused)
{
	static const char *const texts[] = {"", " \n;;\t", "# process:exec", "limit 5", "container web"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct subscription_spec *spec = NULL;
		struct error err = {0};

		cr_expect_eq(query_parse(texts[i], &spec, NULL, &err), -EINVAL);
		cr_expect_str_eq(err.message, "there is no event in it; one is needed, like process:exec");
	}
}

static void expect_refused(char *text, const char *sentence)
{
	struct subscription_spec *spec = NULL;
	struct query_mistake mistake;

	cr_assert_not_null(text);
	cr_expect_eq(query_parse(text, &spec, &mistake, NULL), -EINVAL);
	cr_expect_str_eq(mistake.sentence, sentence);
	free(text);
}

/* `begin`, `count` times `middle`, `end`. */
static char *repeated(const char *begin, const char *middle, size_t count, const char *end)
{
	char *text = malloc(strlen(begin) + strlen(middle) * count + strlen(end) + 1), *at = text;

	if (!text)
		return NULL;
	at = stpcpy(at, begin);
	while (count--)
		at = stpcpy(at, middle);
	stpcpy(at, end);
	return text;
}

Test(query_error, what_has_no_bound_is_refused, .timeout = 20)
{
	expect_refused(repeated("process:exec where ", "(", 10000, ""), "parentheses in more than 100 others");
	expect_refused(repeated("process:exec where uid = 1", " or uid = 1", 9000, ""), "the condition has more than 4096 parts");
	expect_refused(repeated("process:exec where uid in (1", ",1", 10000, ")"), "the condition has more than 4096 parts");
	expect_refused(repeated("process:exec where uid", "&1", 10000, " = 1"), "the condition is deeper than 100 levels");
	expect_refused(repeated("file:open where flags = 1", "|O_CREAT", 10000, ""), "| combines more than 64 flags");
	expect_refused(repeated("process:exec", "\n", QUERY_BYTES_MAX, ""), "the text is longer than 1048576 bytes");
	expect_refused(repeated("process:exec where ", "\n", 10000, "1 ="),
		       "something is missing at the end: a field or a value must follow");
	expect_refused(repeated("", "x", 70000, ""), "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\" is too long for an event");
	expect_refused(repeated("", "process;", 10000, ""), "there are more than 4096 clauses");
	expect_refused(repeated("process:exec where uid = ", "1", 10000, ""), "a number of 10000 characters");
}
