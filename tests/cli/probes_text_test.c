#include "cli/probes_text.h"

#include "cli/fetcharg_text.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

static struct buffer out;
static struct probe_list list;

static void init(void)
{
	struct probe_profile profile;

	buffer_init(&out, 0);
	cr_assert_eq(probe_list_parse(&list,
				      "p:ringside_12_345/open_12 do_sys_openat2 name=+u0(%si):ustring flags=%dx:x32\n"
				      "r16:probe/vfs_read vfs_read ret=$retval\n",
				      PROBE_FILE_KPROBES),
		     0);
	cr_assert_eq(probe_list_parse(&list,
				      "e:mine/exec sched.sched_process_exec f=$filename:string\ns:synthetic/lat pid_t pid; u64 lat\n",
				      PROBE_FILE_DYNAMIC),
		     0);
	cr_assert_eq(probe_profile_parse(&profile, " open_12 7 1\n vfs_read 9 0\n", false), 0);
	probe_list_count(&list, &profile, false);
	probe_profile_done(&profile);
}

static void done(void)
{
	buffer_done(&out);
	probe_list_done(&list);
}

TestSuite(probes_text, .init = init, .fini = done);

static const char *meaning(const char *expression)
{
	buffer_clear(&out);
	fetcharg_text_put_expression(&out, expression);
	buffer_put_u8(&out, 0);
	return (const char *)out.data;
}

Test(probes_text, fetchargs_are_put_into_words)
{
	cr_expect_str_eq(meaning("%di:s32"), "%di as s32");
	cr_expect_str_eq(meaning("$arg2"), "argument 2 as x64");
	cr_expect_str_eq(meaning("$retval:s64"), "the return value as s64");
	cr_expect_str_eq(meaning("+u0(%si):ustring"), "user string at %si");
	cr_expect_str_eq(meaning("+u8(%si):u32"), "u32 at user %si + 8");
	cr_expect_str_eq(meaning("+0(+8($arg2)):string"), "string at [argument 2 + 8]");
	cr_expect_str_eq(meaning("-4(+u8(+16(%di))):u8[16]"), "u8[16] at user [[%di + 16] + 8] - 4");
	cr_expect_str_eq(meaning("@jiffies"), "x64 at jiffies");
	cr_expect_str_eq(meaning("+8(@init_task+16):s32"), "s32 at [init_task + 16] + 8");
	cr_expect_str_eq(meaning("%di:b4@4/32"), "%di as bits 4-7 of a u32");
	cr_expect_str_eq(meaning("$comm"), "the task's name");
	cr_expect_str_eq(meaning("\\5:x8"), "5");
	cr_expect_str_eq(meaning("file->f_mode:x32"), "file->f_mode:x32", "what is not known is left as it is");
}

Test(probes_text, each_event_has_its_line_and_its_arguments)
{
	const char *text;

	probes_text_put(&out, false, &list);
	buffer_put_u8(&out, 0);
	text = (const char *)out.data;
	cr_assert(strstr(text, "ringside_12_345/open_12  kprobe      ringside 12 dead  7           1           do_sys_openat2\n"), "%s",
		  text);
	cr_assert(strstr(text, "    name   user string at %si  +u0(%si):ustring\n"), "%s", text);
	cr_assert(strstr(text, "vfs_read (maxactive 16)\n"));
	cr_assert(strstr(text, " perf  "));
	cr_assert(strstr(text, "    lat  u64"));
}

Test(probes_text, json_has_what_is_known_and_nothing_else)
{
	json_t *root, *probes, *first, *third;

	probes_json_put(&out, &list);
	root = json_loadb((const char *)out.data, out.length, 0, NULL);
	probes = json_object_get(root, "probes");
	cr_assert_eq(json_array_size(probes), 4);
	first = json_array_get(probes, 0);
	cr_assert_eq(json_integer_value(json_object_get(first, "misses")), 1);
	cr_assert_eq(json_integer_value(json_object_get(json_object_get(first, "owner"), "pid")), 12);
	cr_assert(json_is_false(json_object_get(json_object_get(first, "owner"), "alive")));
	third = json_array_get(probes, 2);
	cr_assert_null(json_object_get(third, "hits"));
	cr_assert_str_eq(json_string_value(json_object_get(third, "kind")), "eprobe");
	json_decref(root);
}

Test(probes_text, a_host_without_any_says_so)
{
	struct probe_list none = {0};

	probes_text_put(&out, false, &none);
	cr_assert_eq(out.length, strlen("no dynamic events\n"));
}
