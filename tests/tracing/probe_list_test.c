#include "tracing/probe_list.h"

#include <criterion/criterion.h>
#include <string.h>

static struct probe_list list;

static void done(void)
{
	probe_list_done(&list);
}

TestSuite(probe_list, .fini = done);

static void parse(const char *text, enum probe_file file)
{
	cr_assert_eq(probe_list_parse(&list, text, file), 0);
}

Test(probe_list, a_line_is_cut_into_its_parts)
{
	parse("r16:ringside_12_345/open_12 module:symbol+8 name=+0(%si):string arg2=%di\n", PROBE_FILE_KPROBES);
	cr_assert_eq(list.count, 1);
	cr_assert_eq(list.entries[0].kind, PROBE_KRETPROBE);
	cr_assert_eq(list.entries[0].maxactive, 16);
	cr_assert_str_eq(list.entries[0].group, "ringside_12_345");
	cr_assert_str_eq(list.entries[0].name, "open_12");
	cr_assert_str_eq(list.entries[0].place, "module:symbol+8");
	cr_assert_eq(list.entries[0].argument_count, 2);
	cr_assert_str_eq(list.entries[0].arguments[0].name, "name");
	cr_assert_str_eq(list.entries[0].arguments[0].expression, "+0(%si):string");
	cr_assert_str_eq(list.entries[0].arguments[1].name, "arg2");
	cr_assert(list.entries[0].is_ours);
	cr_assert_eq(list.entries[0].owner.pid, 12);
	cr_assert_eq(list.entries[0].owner.start_time, 345);
}

/* As a 6.18 kernel shows them. */
Test(probe_list, user_probes_stand_in_a_file_of_their_own)
{
	parse("p:t1/a /bin/cat:0x0000000000004000 a=%di:b4@0/32 arg2=$comm s=%sp\nr:uprobes/p_cat_0x4000 /bin/cat:0x0000000000004000 "
	      "a=$retval\n",
	      PROBE_FILE_UPROBES);
	cr_assert_eq(list.count, 2);
	cr_assert_eq(list.entries[0].kind, PROBE_UPROBE);
	cr_assert_eq(list.entries[0].argument_count, 3);
	cr_assert_eq(list.entries[1].kind, PROBE_URETPROBE);
	cr_assert_str_eq(list.entries[1].place, "/bin/cat:0x0000000000004000");
	cr_assert_not(list.entries[1].is_ours);
}

Test(probe_list, the_kinds_of_newer_kernels_are_taken_from_dynamic_events)
{
	parse("p:t1/a vfs_write\nr:t1/b vfs_write\ne:t1/c sched.sched_process_exec f=$filename:string\nf:t1/d vfs_read a=$arg1\n"
	      "f16:t1/e vfs_read%return ret=$retval\nt:t1/f sched_process_exec p=$arg1\ns:synthetic/lat unsigned long lat; pid_t pid; "
	      "char[16] c\n",
	      PROBE_FILE_DYNAMIC);
	cr_assert_eq(list.count, 5, "kprobes are listed elsewhere");
	cr_assert_eq(list.entries[0].kind, PROBE_EPROBE);
	cr_assert_eq(list.entries[1].kind, PROBE_FPROBE);
	cr_assert_eq(list.entries[2].kind, PROBE_FRETPROBE);
	cr_assert_eq(list.entries[2].maxactive, 16);
	cr_assert_eq(list.entries[3].kind, PROBE_TRACEPOINT);
	cr_assert_eq(list.entries[4].kind, PROBE_SYNTHETIC);
	cr_assert_eq(list.entries[4].argument_count, 3);
	cr_assert_str_eq(list.entries[4].arguments[0].name, "lat");
	cr_assert_str_eq(list.entries[4].arguments[0].expression, "unsigned long");
	cr_assert_str_eq(list.entries[4].arguments[2].expression, "char[16]");
}

Test(probe_list, lines_that_are_none_are_left_out)
{
	parse("\n\nnonsense\n:\np:/\np:\n/:\npx:a/b c\n12:a/b c\np:group name/x\np:a/b\np:g/n place x", PROBE_FILE_KPROBES);
	cr_assert_eq(list.count, 2);
	cr_assert_str_eq(list.entries[0].place, "");
	cr_assert_str_eq(list.entries[1].arguments[0].name, "");
	cr_assert_str_eq(list.entries[1].arguments[0].expression, "x");
}

Test(probe_list, only_groups_of_exactly_our_form_are_ours)
{
	parse("p:ringside_12/a x\np:ringside_012_3/a x\np:ringside_1_2_3/a x\np:ringside_99999999999_3/a x\np:xringside_1_2/a "
	      "x\np:ringside_1_2/a x\n",
	      PROBE_FILE_KPROBES);
	cr_assert_eq(list.count, 6);
	for (size_t i = 0; i < 5; i++)
		cr_expect_not(list.entries[i].is_ours, "%s", list.entries[i].group);
	cr_assert(list.entries[5].is_ours);
}

Test(probe_list, events_of_one_name_in_two_groups_get_their_counts_by_the_order)
{
	struct probe_profile profile;

	parse("p:one/same a\np:two/same b\np:one/other c\n", PROBE_FILE_KPROBES);
	parse("p:one/same /bin/cat:0x1\n", PROBE_FILE_UPROBES);
	cr_assert_eq(probe_profile_parse(&profile, " same 1 2\n same 3 4\n other 5 6\n", false), 0);
	probe_list_count(&list, &profile, false);
	probe_profile_done(&profile);
	cr_assert_eq(list.entries[0].counts.hits, 1);
	cr_assert_eq(list.entries[1].counts.misses, 4);
	cr_assert_eq(list.entries[2].counts.hits, 5);
	cr_assert_not(list.entries[3].has_counts);
}
