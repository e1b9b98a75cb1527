#include "tracing/cpu_set.h"
#include "tracing/format.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

/* As two kernels describe the same tracepoint (events/sched/sched_process_fork/format): 4.4 and 7.2. */
static const char fork_4_4[] = "name: sched_process_fork\nID: 269\nformat:\n"
			       "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
			       "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
			       "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
			       "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
			       "\tfield:char parent_comm[16];\toffset:8;\tsize:16;\tsigned:1;\n"
			       "\tfield:pid_t parent_pid;\toffset:24;\tsize:4;\tsigned:1;\n"
			       "\tfield:char child_comm[16];\toffset:28;\tsize:16;\tsigned:1;\n"
			       "\tfield:pid_t child_pid;\toffset:44;\tsize:4;\tsigned:1;\n\n"
			       "print fmt: \"comm=%s\", REC->parent_comm\n";
static const char fork_7_2[] = "name: sched_process_fork\nID: 366\nformat:\n"
			       "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
			       "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
			       "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
			       "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
			       "\tfield:__data_loc char[] parent_comm;\toffset:8;\tsize:4;\tsigned:0;\n"
			       "\tfield:pid_t parent_pid;\toffset:12;\tsize:4;\tsigned:1;\n"
			       "\tfield:__data_loc char[] child_comm;\toffset:16;\tsize:4;\tsigned:0;\n"
			       "\tfield:pid_t child_pid;\toffset:20;\tsize:4;\tsigned:1;\n\n"
			       "print fmt: \"comm=%s\", __get_str(parent_comm)\n";

static struct format *parse(const char *text)
{
	struct format *format = NULL;
	struct error err = {0};

	cr_assert_eq(format_parse(&format, "sched", "sched_process_fork", text, strlen(text), &err), 0, "%s", err.message);
	return format;
}

static struct format_field field(const struct format *format, const char *name)
{
	struct format_field ret;
	struct error err = {0};

	cr_assert_eq(format_field(format, name, &ret, &err), 0, "%s", err.message);
	return ret;
}

Test(format, a_field_that_moved_and_changed_its_kind_is_read_by_name_all_the_same)
{
	struct format *old = parse(fork_4_4), *new = parse(fork_7_2);
	struct format_field pid_old = field(old, "child_pid"), pid_new = field(new, "child_pid");
	struct format_field comm_old = field(old, "child_comm"), comm_new = field(new, "child_comm");
	uint8_t raw_old[48] = {0}, raw_new[32] = {0};
	uint32_t location = 24 | 5 << 16;
	int32_t pid = 4711;
	const char *comm;
	size_t length;

	memcpy(raw_old + 28, "bash", 5);
	memcpy(raw_old + 44, &pid, sizeof(pid));
	memcpy(raw_new + 16, &location, sizeof(location));
	memcpy(raw_new + 20, &pid, sizeof(pid));
	memcpy(raw_new + 24, "bash", 5);

	cr_assert_eq(format_id(old), 269);
	cr_assert_eq(format_id(new), 366);
	cr_assert_eq(format_read_integer(&pid_old, raw_old, sizeof(raw_old)), 4711);
	cr_assert_eq(format_read_integer(&pid_new, raw_new, sizeof(raw_new)), 4711);
	comm = format_read_string(&comm_old, raw_old, sizeof(raw_old), &length);
	cr_assert(length == 4 && !memcmp(comm, "bash", 4));
	comm = format_read_string(&comm_new, raw_new, sizeof(raw_new), &length);
	cr_assert(length == 4 && !memcmp(comm, "bash", 4));
	format_free(old);
	format_free(new);
}

Test(format, a_field_that_vanished_is_refused_with_what_there_is)
{
	struct format *format = parse(fork_7_2);
	struct format_field ret;
	struct error err = {0};

	cr_assert_eq(format_field(format, "clone_flags", &ret, &err), -ENOENT);
	cr_assert_not_null(strstr(err.message, "clone_flags"), "%s", err.message);
	cr_assert_not_null(strstr(err.message, "parent_comm, parent_pid, child_comm, child_pid"), "%s", err.message);
	format_free(format);
}

Test(format, negative_values_keep_their_sign_and_unsigned_ones_do_not_get_one)
{
	struct format_field is_signed = {.offset = 4, .size = 4, .element_size = 4, .is_signed = true};
	struct format_field is_unsigned = {.offset = 4, .size = 4, .element_size = 4};
	uint8_t raw[8] = {0, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff};

	cr_assert_eq((int64_t)format_read_integer(&is_signed, raw, sizeof(raw)), -2);
	cr_assert_eq(format_read_integer(&is_unsigned, raw, sizeof(raw)), UINT64_C(0xfffffffe));
}

Test(format, a_sample_too_short_for_a_field_gives_nothing)
{
	struct format *format = parse(fork_7_2);
	struct format_field pid = field(format, "child_pid"), comm = field(format, "child_comm");
	static const uint32_t locations[] = {24 | 9 << 16, 33 | 1 << 16, 0xffff | 0xffffu << 16};
	uint8_t raw[32] = {0};
	size_t length;

	memset(raw, 0xff, sizeof(raw));
	cr_assert_eq(format_read_integer(&pid, raw, 23), 0);
	format_read_string(&comm, raw, 18, &length);
	cr_assert_eq(length, 0);
	for (size_t i = 0; i < 3; i++) {
		memcpy(raw + 16, &locations[i], sizeof(locations[i]));
		format_read_string(&comm, raw, sizeof(raw), &length);
		cr_assert_eq(length, 0, "location %x", locations[i]);
	}
	format_free(format);
}

Test(format, a_text_that_is_no_format_is_refused)
{
	static const char *const texts[] = {"", "name", "name: x\nID: y\n", "\x01\x02\x03"};
	struct format *format;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_assert_eq(format_parse(&format, "sched", "sched_process_fork", texts[i], strlen(texts[i]), NULL), -EINVAL, "text %zu",
			     i);
}

Test(cpu_set, the_kernels_lists_are_understood)
{
	bool *cpus = calloc(CPU_MAX, sizeof(*cpus));

	cr_assert_eq(cpu_list_parse("0-3,7,9-10\n", cpus, NULL), 7);
	cr_assert(cpus[0] && cpus[3] && cpus[7] && cpus[10]);
	cr_assert(!cpus[4] && !cpus[8] && !cpus[11]);
	cr_assert_eq(cpu_list_parse("0\n", cpus, NULL), 1);
	cr_assert_eq(cpu_list_parse("\n", cpus, NULL), 0);
	free(cpus);
}

Test(cpu_set, other_lists_are_refused)
{
	static const char *const lists[] = {"a", "0-", "3-1", "-1", "0;1", "8192", "0-99999", "99999999999999999999", "0x1"};
	bool *cpus = calloc(CPU_MAX, sizeof(*cpus));

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		cr_assert_eq(cpu_list_parse(lists[i], cpus, NULL), -EINVAL, "%s", lists[i]);
	free(cpus);
}
