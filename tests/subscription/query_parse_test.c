#include "subscription/query_parse.h"
#include "subscription/query_print.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Texts, and the one that is printed for what they mean. */
static const struct {
	const char *text;
	const char *printed;
} queries[] = {
	{"process:exec", "process:exec"},
	{"process:exec; file:open", "process:exec; file:open"},
	{"# a comment\n\nprocess:exec # and another\n\tfile:open;;\n", "process:exec; file:open"},
	{"process:exec\n  where filename like '/usr/bin/%' # programs\n  and uid != 0\nLIMIT 10",
	 "process:exec where exec_filename like '/usr/bin/*' and uid != 0; limit 10"},
	{"process:exec where\n(uid = 1\nor\nuid = 2)", "process:exec where uid in (1, 2)"},
	{"process:exec where uid == 0 or uid <> 1 and gid <= 2", "process:exec where uid = 0 or uid != 1 and gid <= 2"},
	{"process:exec where (uid = 0 or uid = 1) and (gid = 2 and egid = 3)", "process:exec where uid in (0, 1) and gid = 2 and egid = 3"},
	{"process:exec where ((((uid = 1))))", "process:exec where uid = 1"},
	{"process:exec where uid in (0, 0x10, 010) and filename in ('a', \"b\")",
	 "process:exec where uid in (0, 16, 8) and exec_filename in ('a', 'b')"},
	{"process:exec where uid in (7)", "process:exec where uid = 7"},
	{"process:exec where filename = \"it's\" and filename != 'a \"b\"' and filename = 'tab\\tnl\\n\\x7f\\\\'",
	 "process:exec where exec_filename = 'it\\'s' and exec_filename != 'a \"b\"' and exec_filename = 'tab\\tnl\\n\\x7f\\\\'"},
	{"process:exec where filename like '%.s?' or filename like '100\\%' or filename like 'a\\\\b*'",
	 "process:exec where exec_filename like '*.s?' or exec_filename like '100\\%' or exec_filename like 'a\\\\b*'"},
	{"process:exec where filename = '\303\244\342\202\254\360\237\230\200' and filename = '\\xff\\xe2\\x80\\x8b'",
	 "process:exec where exec_filename = '\303\244\342\202\254\360\237\230\200' and exec_filename = '\\xff\\xe2\\x80\\x8b'"},
	{"process:exec where comm is null or pid is not null", "process:exec where process_comm is null or process_pid is not null"},
	{"process:exec where uid = 1e3 and 5 > gid and tgid = tid",
	 "process:exec where uid = 1000 and 5 > gid and process_tgid = process_tid"},
	{"process:exec where 1 = 1 and 1.5 < 2.0 and 'a' = 'b' and true", "process:exec where 1 = 1 and 1.5 < 2.0 and 'a' = 'b' and true"},
	{"process:exec where timestamp '2026-11-25T11:00:00.25+01:00' < timestamp '@-1.5'",
	 "process:exec where timestamp '2026-11-25T10:00:00.25Z' < timestamp '1969-12-31T23:59:59.5Z'"},
	{"process:exec where -5 < 3 and 18446744073709551615 > 5", "process:exec where -5 < 3 and 18446744073709551615 > 5"},
	{"process:exit where exit_core_dumped or exit_core_dumped = false",
	 "process:exit where exit_core_dumped or exit_core_dumped = false"},
	{"process:exit where exit_signal in (SIGKILL, SIGIOT, 9, 34)", "process:exit where exit_signal in (SIGKILL, SIGABRT, SIGKILL, 34)"},
	{"process where uid = 0", "process where uid = 0"},
	{"process where uid = 0; process:exec where uid = 0", "process where uid = 0; process:exec where uid = 0"},
	{"file:open where flags & O_CREAT", "file:open where (open_flags & O_CREAT) != 0"},
	{"file:open where (flags & O_ACCMODE) = O_RDWR and flags = O_RDONLY",
	 "file:open where (open_flags & O_ACCMODE) = O_RDWR and open_flags = O_RDONLY"},
	{"file:open where flags = O_WRONLY|O_CREAT|O_TRUNC and mode = 0644 and mode != S_IRUSR|S_IWUSR",
	 "file:open where open_flags = O_WRONLY|O_CREAT|O_TRUNC and open_mode = 0644 and open_mode != 0600"},
	{"file:open where flags = 0x41 or flags = O_SYNC or flags = 64|0x40000000 or flags > O_CREAT",
	 "file:open where open_flags in (O_WRONLY|O_CREAT, O_SYNC, 1073741888) or open_flags > 64"},
	{"file:open where flags & mode & 7 = 1 and (flags & (mode & 7)) = 1",
	 "file:open where (open_flags & open_mode & 7) = O_WRONLY and (open_flags & (open_mode & 07)) = O_WRONLY"},
	{"process:fork where fork_clone_flags & CLONE_NEWUSER and fork_clone_flags & CSIGNAL = SIGCHLD and fork_clone_flags = "
	 "CLONE_VM|CLONE_VFORK|SIGCHLD",
	 "process:fork where (fork_clone_flags & CLONE_NEWUSER) != 0 and (fork_clone_flags & CSIGNAL) = SIGCHLD and fork_clone_flags = "
	 "SIGCHLD|CLONE_VM|CLONE_VFORK"},
	{"syscall:openat", "syscall:openat"},
	{"syscall:openat:exit where ret < 0; limit 10", "syscall:openat:exit where ret < 0; limit 10"},
	{"syscall:openat:exit where ret = -EAGAIN or ret = -EWOULDBLOCK", "syscall:openat:exit where ret in (-EAGAIN, -EAGAIN)"},
	{"syscall:openat:enter where arg2 & 1 and pid = 5", "syscall:openat:enter where (arg2 & 1) != 0 and process_pid = 5"},
	{"syscall:110:exit", "syscall:exit where id = getppid and abi = X86_64"},
	{"syscall:4000:exit where ret = 0", "syscall:4000:exit where ret = 0"},
	{"syscall:exit where id in (open, openat) and abi = X86_64 and ret = -ENOENT",
	 "syscall:exit where id in (open, openat) and abi = X86_64 and ret = -ENOENT"},
	{"syscall:enter where id = 5 and abi = I386", "syscall:enter where id = 5 and abi = I386"},
	{"syscall:exit:enter", "syscall:exit:enter"},
	{"syscall:enter; syscall:exit", "syscall:enter; syscall:exit"},
	{"network:connect where port = 443", "network:connect where port = 443"},
	{"network:connect where port = 0xbb01 and port != 0x12345", "network:connect where port = 443 and port != 0x12345"},
	{"network:connect where port < 1024 and 1024 > port and port < 0x100",
	 "network:connect where port_number < 1024 and 1024 > port_number and port < 0x100"},
	{"network:connect where port in (80, 443) and port_number = 80", "network:connect where port in (80, 443) and port_number = 80"},
	{"network:connect where ipv4_address = 10.1.2.3 and ipv4_address != 127.0.0.1",
	 "network:connect where ipv4_address = 10.1.2.3 and ipv4_address != 127.0.0.1"},
	{"network:connect where ipv4_address in 10.0.0.0/8 or ipv4_address in (192.168.0.0/16, 10.1.2.3/32, 0.0.0.0/0)",
	 "network:connect where ipv4_address in 10.0.0.0/8 or ipv4_address in 192.168.0.0/16 or ipv4_address = 10.1.2.3 or ipv4_address in "
	 "0.0.0.0/0"},
	{"network:connect where (ipv4_address & 255.0.0.0) != 10.0.0.0 and (ipv4_address & 255.0.0.255) = 1.0.0.1",
	 "network:connect where (ipv4_address & 255.0.0.0) != 10.0.0.0 and (ipv4_address & 255.0.0.255) = 1.0.0.1"},
	{"network:connect where address = 10.1.2.3 or address = fe80::1 or address = '/run/x.sock' or address like '/run/%'",
	 "network:connect where ipv4_address = 10.1.2.3 or address = fe80::1 or local_address = '/run/x.sock' or local_address like "
	 "'/run/*'"},
	{"network:connect where address in (10.0.0.0/8, fe80::/10, 2001:db8::/64, 2001:db8::8000/113, ::/0, ::1)",
	 "network:connect where ipv4_address in 10.0.0.0/8 or address in fe80::/10 or address in 2001:db8::/64 or address in "
	 "2001:db8::8000/113 or address in ::/0 or address = ::1"},
	{"network:connect where address != 10.1.2.3 and address != ::1",
	 "network:connect where ipv4_address != 10.1.2.3 and (ipv6_high != 0x0 or ipv6_low != 0x100000000000000)"},
	{"network:connect where address is null or address is not null",
	 "network:connect where ipv4_address is null and ipv6_high is null and local_address is null or ipv4_address is not null or "
	 "ipv6_high is not null or local_address is not null"},
	{"network:connect where address = ::ffff:10.0.0.1 and family = INET6",
	 "network:connect where address = ::ffff:10.0.0.1 and family = INET6"},
	{"network:connect where ipv6_high = 1 and ipv6_low = 2 and ipv6_low = 3",
	 "network:connect where address = 100::200:0:0:0 and ipv6_low = 0x3"},
	{"network:connect:result where ret = -ECONNREFUSED", "network:connect:result where result = -ECONNREFUSED"},
	{"network where uid = 0", "network where uid = 0"},
	{"ticker", "ticker:1s"},
	{"ticker:1500ms where seconds >= timestamp '2026-11-25T10:00:00Z' and nanoseconds < timestamp '2026-11-25 10:00:00.000000001z'",
	 "ticker:1500ms where seconds >= timestamp '2026-11-25T10:00:00Z' and nanoseconds < timestamp '2026-11-25T10:00:00.000000001Z'"},
	{"chargen where characters like '*a*' and index > 5", "chargen:64 where characters like '*a*' and index > 5"},
	{"kernel_call:vfs_read(count=%dx:u64):exit/count > 4096/ where count > 5",
	 "kernel_call:vfs_read(count=%dx:u64):exit/count > 4096/ where count > 5"},
	{"kernel_call:f( a = +0(%di):string , b=%si:u32 ) where `a` like 'x%' and b & 0x80",
	 "kernel_call:f(a=+0(%di):string, b=%si:u32) where a like 'x*' and (b & 128) != 0"},
	{"kernel_call:f(where=%di:u32) where `where` = 1", "kernel_call:f(where=%di:u32) where `where` = 1"},
	{"kernel_call:f/comm == \"a/b\"/ where pid = 1", "kernel_call:f/'comm == \"a/b\"'/ where process_pid = 1"},
	{"kernel_call:mod:exit()", "kernel_call:mod:exit()"},
	{"kernel_call:exit", "kernel_call:exit()"},
	{"user_call:/opt/my app:main where pid = 1", "user_call:'/opt/my app':'main' where process_pid = 1"},
	{"user_call:'/opt/a: b':'x:y'('and'=%di:u32):exit where `and` = 1",
	 "user_call:'/opt/a: b':'x:y'(and=%di:u32):exit where `and` = 1"},
	{"user_call:libc.so.6:exit:exit", "user_call:libc.so.6:exit():exit"},
	{"performance:cycles,4:0x1a8/period=100 where total_time_running > 0",
	 "performance:cycles,4:0x1a8/period=100 where total_time_running > 0"},
	{"performance:page-faults", "performance:page-faults/frequency=1"},
	{"ticker; limit 5; throttle 1s; since 90m; for 0", "ticker:1s; limit 5; throttle 1s; since 90m; for 0s"},
	{"container:exited/full where exit_signal = SIGKILL; container:updated; container web",
	 "container:exited/full where exit_signal = SIGKILL; container:updated; container name 'web'; container image 'web'"},
	{"container:all/full where name like '/web%'", "container:all/full where name like '/web*'"},
	{"container:created; container where; limit 5", "container:created; container name 'where'; container image 'where'; limit 5"},
	{"process:exec; container web; container image 'nginx*'; container id 4f57c1af3f04",
	 "process:exec; container name 'web'; container image 'web'; container image 'nginx*'; container id '4f57c1af3f04'"},
};

static char *describe(const struct subscription_spec *spec)
{
	struct buffer out;

	buffer_init(&out, 0);
	subscription_spec_describe(spec, &out);
	return (char *)buffer_take(&out, NULL);
}

Test(query_parse, there_is_one_printed_text_for_each_meaning)
{
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		struct subscription_spec *spec = NULL;
		struct error err = {0};
		char *text;

		cr_assert_eq(query_parse(queries[i].text, &spec, NULL, &err), 0, "%s: %s", queries[i].text, err.message);
		text = describe(spec);
		cr_expect_str_eq(text, queries[i].printed, "%s\n%s", queries[i].text, text);
		subscription_spec_free(spec);
		free(text);
	}
}

/* The tree of a text is what the functions of expression.h make. */
static void expect_tree(enum event_kind kind, const char *text, struct expression *e)
{
	struct subscription_spec *spec = NULL, *made = subscription_spec_new();
	struct clause *c = subscription_spec_add(made, kind);
	struct error err = {0};

	cr_assert_eq(clause_add_expression(c, e, NULL, &err), 0, "%s", err.message);
	cr_assert_eq(query_parse(text, &spec, NULL, &err), 0, "%s: %s", text, err.message);
	cr_expect(subscription_spec_equal(spec, made), "%s", text);
	subscription_spec_free(spec);
	subscription_spec_free(made);
}

static struct expression *compare(enum expression_type type, const char *field, int64_t value)
{
	return expression_new(type, expression_new_field(field, 0), expression_new_integer(VALUE_SINT64, (uint64_t)value, 0), 0);
}

static struct expression *masked(enum expression_type type, const char *field, uint64_t mask, uint64_t value)
{
	struct expression *bits =
		expression_new(EXPRESSION_BITWISE_AND, expression_new_field(field, 0), expression_new_integer(VALUE_UINT64, mask, 0), 0);

	return expression_new(type, bits, expression_new_integer(VALUE_UINT64, value, 0), 0);
}

static struct expression *both(enum expression_type type, struct expression *left, struct expression *right)
{
	return expression_new(type, left, right, 0);
}

Test(query_parse, conditions_become_trees)
{
	expect_tree(EVENT_PROCESS_EXEC, "process:exec where uid = 0 or gid = 1 and cpu = 2",
		    both(EXPRESSION_OR, compare(EXPRESSION_EQ, "uid", 0),
			 both(EXPRESSION_AND, compare(EXPRESSION_EQ, "gid", 1), compare(EXPRESSION_EQ, "cpu", 2))));
	expect_tree(EVENT_PROCESS_EXEC, "process:exec where (uid = 0 or gid = 1) and cpu = 2",
		    both(EXPRESSION_AND, both(EXPRESSION_OR, compare(EXPRESSION_EQ, "uid", 0), compare(EXPRESSION_EQ, "gid", 1)),
			 compare(EXPRESSION_EQ, "cpu", 2)));
	expect_tree(EVENT_PROCESS_EXEC, "process:exec where filename like '%a\\%?*'",
		    both(EXPRESSION_LIKE, expression_new_field("exec_filename", 0), expression_new_string("*a%?*", 0)));
	expect_tree(EVENT_PROCESS_EXEC, "process:exec where uid in (1, 2)",
		    both(EXPRESSION_OR, compare(EXPRESSION_EQ, "uid", 1), compare(EXPRESSION_EQ, "uid", 2)));
	expect_tree(EVENT_SYSCALL_EXIT, "syscall:exit where ret = -ENOENT", compare(EXPRESSION_EQ, "ret", -2));
	expect_tree(EVENT_FILE_OPEN, "file:open where flags & O_CREAT|O_EXCL != 0", masked(EXPRESSION_NE, "open_flags", 0300, 0));
	expect_tree(EVENT_FILE_OPEN, "file:open where flags & 0100", masked(EXPRESSION_NE, "open_flags", 0100, 0));
}

Test(query_parse, ports_and_addresses_become_what_the_catalog_has)
{
	expect_tree(EVENT_CONNECT_ATTEMPT, "network:connect where port = 443", compare(EXPRESSION_EQ, "port", 0xbb01));
	expect_tree(EVENT_CONNECT_ATTEMPT, "network:connect where port = 0x1bb", compare(EXPRESSION_EQ, "port", 0x1bb));
	expect_tree(EVENT_CONNECT_ATTEMPT, "network:connect where port < 1024", compare(EXPRESSION_LT, "port_number", 1024));
	expect_tree(EVENT_CONNECT_ATTEMPT, "network:connect where ipv4_address = 10.1.2.3",
		    compare(EXPRESSION_EQ, "ipv4_address", 0x0302010a));
	expect_tree(EVENT_CONNECT_ATTEMPT, "network:connect where address in 10.0.0.0/9",
		    masked(EXPRESSION_EQ, "ipv4_address", 0x80ff, 0x0a));
	expect_tree(EVENT_CONNECT_ATTEMPT, "network:connect where address = fe80::1",
		    both(EXPRESSION_AND, compare(EXPRESSION_EQ, "ipv6_high", 0x80fe),
			 compare(EXPRESSION_EQ, "ipv6_low", INT64_C(1) << 56)));
	expect_tree(EVENT_CONNECT_ATTEMPT, "network:connect where address in fe80::/10",
		    masked(EXPRESSION_EQ, "ipv6_high", 0xc0ff, 0x80fe));
	expect_tree(EVENT_CONNECT_ATTEMPT, "network:connect where address = '@x'",
		    both(EXPRESSION_EQ, expression_new_field("local_address", 0), expression_new_string("@x", 0)));
}

Test(query_parse, a_text_is_added_to_what_is_there)
{
	struct subscription_spec *spec = subscription_spec_new();
	struct error err = {0};

	cr_assert_eq(query_parse_into(spec, "process:exec where uid = 0; limit 3", NULL, &err), 0, "%s", err.message);
	cr_assert_eq(query_parse_into(spec, "file:open", NULL, &err), 0, "%s", err.message);
	cr_assert_eq(spec->clause_count, 2);
	cr_assert_null(spec->clauses[1].filter);
	cr_assert_eq(spec->limit, 3);
	cr_assert_eq(query_parse_into(spec, "limit 4", NULL, &err), -EINVAL);
	cr_assert_str_eq(err.message, "column 7: there is a limit already");
	subscription_spec_free(spec);
}

Test(query_parse, doubles_keep_their_bits)
{
	static const double numbers[] = {
		0.1, 1e300, 5e-324, 1.7976931348623157e308, -0.0, 3.0000000000000004, 100.0, 1e15, 123456789012345680.0};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct subscription_spec *spec = subscription_spec_new(), *again = NULL;
		struct clause *c = subscription_spec_add(spec, EVENT_PROCESS_EXEC);
		char *text;

		cr_assert_eq(clause_add_expression(c,
						   expression_new(EXPRESSION_LT, expression_new_double(numbers[i], 0),
								  expression_new_double(0.5, 0), 0),
						   NULL, NULL),
			     0);
		text = describe(spec);
		cr_assert_eq(query_parse(text, &again, NULL, NULL), 0, "%s", text);
		cr_expect_not(memcmp(&again->clauses[0].filter->first->number, &numbers[i], sizeof(double)), "%s", text);
		subscription_spec_free(spec);
		subscription_spec_free(again);
		free(text);
	}
}
