#include "subscription/call_words.h"

#include "sensor/probe_request.h"
#include "subscription/counters.h"
#include "subscription/event_words.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>

static struct subscription_spec *spec;
static struct error err;

static void done(void)
{
	spec = subscription_spec_free(spec);
}

TestSuite(call_words, .fini = done);

/* Parses a whole word; the request that its one clause has. */
static const struct probe_request *parse(const char *word, enum event_kind kind)
{
	spec = subscription_spec_free(spec);
	spec = subscription_spec_new();
	cr_assert_eq(event_word_add(spec, word, &err), 0, "%s", err.message);
	cr_assert_eq(spec->clause_count, 1);
	cr_assert_eq(spec->clauses[0].kind, kind, "%s", word);
	cr_assert_not_null(spec->clauses[0].request);
	cr_assert_eq(spec->clauses[0].request->kind, kind);
	return spec->clauses[0].request;
}

static void refuse(const char *word, const char *message)
{
	spec = subscription_spec_free(spec);
	spec = subscription_spec_new();
	cr_assert_eq(event_word_add(spec, word, &err), -EINVAL, "%s", word);
	cr_assert_str_eq(err.message, message);
}

Test(call_words, a_function_of_the_kernel_has_arguments_an_end_and_a_filter)
{
	const struct probe_request *r =
		parse("kernel_call:do_sys_openat2(name=+0(%si):ustring,flags=+0(%dx):u64):exit/flags & 3/", EVENT_KERNEL_CALL_EXIT);

	cr_assert_str_eq(r->symbol, "do_sys_openat2");
	cr_assert_null(r->executable);
	cr_assert_eq(r->parameter_count, 2);
	cr_assert_str_eq(r->parameters[0].name, "name");
	cr_assert_str_eq(r->parameters[0].expression, "+0(%si):ustring");
	cr_assert_str_eq(r->parameters[1].name, "flags");
	cr_assert_str_eq(r->parameters[1].expression, "+0(%dx):u64");
	cr_assert_str_eq(r->filter, "flags & 3");
}

Test(call_words, all_but_the_function_can_be_left_out)
{
	cr_assert_str_eq(parse("kernel_call:vfs_read", EVENT_KERNEL_CALL_ENTER)->symbol, "vfs_read");
	cr_assert_str_eq(parse("kernel_call:vfs_read()", EVENT_KERNEL_CALL_ENTER)->symbol, "vfs_read");
	cr_assert_str_eq(parse("kernel_call:vfs_read:enter", EVENT_KERNEL_CALL_ENTER)->symbol, "vfs_read");
	cr_assert_str_eq(parse("kernel_call:vfs_read:exit", EVENT_KERNEL_CALL_EXIT)->symbol, "vfs_read");
	cr_assert_str_eq(parse("kernel_call:vfs_read/common_pid == 1/", EVENT_KERNEL_CALL_ENTER)->filter, "common_pid == 1");
	cr_assert_str_eq(parse("kernel_call:nf_tables:nft_do_chain", EVENT_KERNEL_CALL_ENTER)->symbol, "nf_tables:nft_do_chain");
}

Test(call_words, commas_between_parentheses_belong_to_the_argument)
{
	const struct probe_request *r = parse("kernel_call:f(a=+0(+8(%di)):x8,b=f(1,2))", EVENT_KERNEL_CALL_ENTER);

	cr_assert_eq(r->parameter_count, 2);
	cr_assert_str_eq(r->parameters[0].expression, "+0(+8(%di)):x8");
	cr_assert_str_eq(r->parameters[1].expression, "f(1,2)");
}

Test(call_words, a_function_of_a_program_stands_behind_its_file)
{
	const struct probe_request *r = parse("user_call:/usr/lib/libc.so.6:malloc(size=%di:u64)", EVENT_USER_CALL_ENTER);

	cr_assert_str_eq(r->executable, "/usr/lib/libc.so.6");
	cr_assert_str_eq(r->symbol, "malloc");
	cr_assert_eq(r->parameter_count, 1);
	r = parse("user_call:/bin/bash:readline(line=+0($retval):ustring):exit", EVENT_USER_CALL_EXIT);
	cr_assert_str_eq(r->executable, "/bin/bash");
	cr_assert_str_eq(r->symbol, "readline");
	r = parse("user_call:/bin/bash:readline:exit", EVENT_USER_CALL_EXIT);
	cr_assert_str_eq(r->symbol, "readline");
}

Test(call_words, a_function_may_be_called_exit)
{
	cr_assert_str_eq(parse("user_call:libc.so.6:exit", EVENT_USER_CALL_ENTER)->symbol, "exit");
	cr_assert_str_eq(parse("user_call:libc.so.6:exit()", EVENT_USER_CALL_ENTER)->symbol, "exit");
	cr_assert_str_eq(parse("user_call:libc.so.6:exit:exit", EVENT_USER_CALL_EXIT)->symbol, "exit");
	cr_assert_str_eq(parse("user_call:libc.so.6:exit():exit", EVENT_USER_CALL_EXIT)->symbol, "exit");
	cr_assert_str_eq(parse("kernel_call:exit", EVENT_KERNEL_CALL_ENTER)->symbol, "exit");
}

Test(call_words, calls_that_cannot_be_read_are_refused_with_the_word)
{
	refuse("kernel_call", "kernel_call needs a function, like kernel_call:vfs_unlink or kernel_call:vfs_read(count=%dx:u64)");
	refuse("user_call:", "user_call needs a file and a function, like user_call:/bin/bash:readline:exit");
	refuse("kernel_call:f(a=+0(%di)", "kernel_call:f(a=+0(%di): a parenthesis is not closed");
	refuse("kernel_call:f(a)", "kernel_call:f(a): the argument \"a\" is not NAME=FETCHARG, like path=+0(%si):ustring");
	refuse("kernel_call:f(=x)", "kernel_call:f(=x): the argument \"=x\" is not NAME=FETCHARG, like path=+0(%si):ustring");
	refuse("kernel_call:f(a=)", "kernel_call:f(a=): the argument \"a=\" is not NAME=FETCHARG, like path=+0(%si):ustring");
	refuse("kernel_call:f(a=1,a=2)", "kernel_call:f(a=1,a=2): argument a is there twice");
	refuse("kernel_call:f():begin", "kernel_call:f():begin: \":begin\" behind the arguments: only :enter or :exit can stand there");
	refuse("kernel_call:f/x", "kernel_call:f/x: the filter \"/x\" is not /FILTER/, like /count > 4096/");
	refuse("kernel_call:(a=%di)", "kernel_call:(a=%di): no symbol is given; it must name a function");
	refuse("user_call:/bin/sh", "user_call:/bin/sh: it needs a file and a function, like /bin/bash:readline");
	refuse("user_call::main", "user_call::main: no executable is given; it must name the program or library that has main");
}

Test(call_words, as_many_arguments_as_a_probe_takes_and_no_more)
{
	char word[2048] = "kernel_call:f(";
	size_t length = strlen(word);

	for (int i = 0; i < PROBE_PARAMETERS_MAX; i++)
		length += (size_t)snprintf(word + length, sizeof(word) - length, "a%d=%%di,", i);
	word[length - 1] = ')';
	cr_assert_eq(parse(word, EVENT_KERNEL_CALL_ENTER)->parameter_count, PROBE_PARAMETERS_MAX);
	snprintf(word + length - 1, sizeof(word) - length, ",more=%%di)");
	spec = subscription_spec_free(spec);
	spec = subscription_spec_new();
	cr_assert_eq(event_word_add(spec, word, &err), -EINVAL);
	cr_assert(strstr(err.message, "more than 64 arguments"));
}

Test(call_words, counters_have_the_names_of_perf_and_a_rate)
{
	const struct probe_request *r = parse("performance:cycles,LLC-load-misses,page-faults/period=100000", EVENT_PERFORMANCE);

	cr_assert_eq(r->counter_count, 3);
	cr_assert_eq(r->counters[0].type, PERF_TYPE_HARDWARE);
	cr_assert_eq(r->counters[0].config, PERF_COUNT_HW_CPU_CYCLES);
	cr_assert_eq(r->counters[1].type, PERF_TYPE_HW_CACHE);
	cr_assert_eq(r->counters[1].config, 0x10002);
	cr_assert_eq(r->counters[2].type, PERF_TYPE_SOFTWARE);
	cr_assert_eq(r->counters[2].config, PERF_COUNT_SW_PAGE_FAULTS);
	cr_assert_not(r->by_frequency);
	cr_assert_eq(r->rate, 100000);
	r = parse("performance:context-switches/frequency=99", EVENT_PERFORMANCE);
	cr_assert(r->by_frequency);
	cr_assert_eq(r->rate, 99);
	r = parse("performance:context-switches", EVENT_PERFORMANCE);
	cr_assert(r->by_frequency);
	cr_assert_eq(r->rate, 1);
}

Test(call_words, counters_that_cannot_be_read_are_refused_with_the_word)
{
	refuse("performance", "performance needs counters, like performance:cycles,instructions/period=1000000");
	refuse("performance:cylces", "performance:cylces: there is no counter \"cylces\"; did you mean cycles?");
	refuse("performance:cycles/rate=1", "performance:cycles/rate=1: \"rate=1\" is neither period=N nor frequency=N");
	refuse("performance:cycles/period=0", "performance:cycles/period=0: \"0\" is not a whole number of at least 1");
	refuse("performance:cycles,,x", "performance:cycles,,x: there is no counter \"\": it knows perf's names, like cycles, instructions,"
					" cache-misses, page-faults, context-switches or LLC-load-misses");
}

Test(counters, every_name_comes_back)
{
	static const char *const names[] = {"cycles",           "emulation-faults", "L1-dcache-loads",
					    "iTLB-load-misses", "node-prefetches",  "branch-stores"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct perf_counter counter;
		struct buffer out;

		buffer_init(&out, 0);
		cr_assert_eq(counter_parse(names[i], &counter, &err), 0, "%s", err.message);
		counter_put_name(&out, &counter);
		buffer_put_u8(&out, 0);
		cr_assert_str_eq((const char *)out.data, names[i]);
		buffer_done(&out);
	}
}

Test(counters, a_number_without_a_name_is_shown_with_its_type)
{
	static const struct {
		struct perf_counter counter;
		const char *text;
	} pairs[] = {{{PERF_TYPE_HARDWARE, 99}, "hardware:99"},
		     {{PERF_TYPE_HW_CACHE, 0xffffff}, "cache:16777215"},
		     {{PERF_TYPE_HW_CACHE, UINT64_MAX}, "cache:18446744073709551615"},
		     {{PERF_TYPE_TRACEPOINT, 5}, "counter:5"},
		     {{PERF_TYPE_RAW, 5}, "counter:5"}};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct buffer out;

		buffer_init(&out, 0);
		counter_put_name(&out, &pairs[i].counter);
		buffer_put_u8(&out, 0);
		cr_assert_str_eq((const char *)out.data, pairs[i].text);
		buffer_done(&out);
	}
}
