#include "tracing/close_names.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *near(const char *wanted, const char *const *names)
{
	static char text[512];
	struct close_names c;

	close_names_init(&c, wanted);
	for (; *names; names++)
		close_names_offer(&c, *names);
	return close_names_text(&c, text, sizeof(text));
}

Test(close_names, a_name_that_goes_on_comes_before_one_that_has_something_in_front_and_both_before_a_slip)
{
	static const char *const names[] = {"do_sys_opem", "__do_sys_open", "do_sys_openat2", "tcp_connect", NULL};

	cr_assert_str_eq(near("do_sys_open", names), "; near it: do_sys_openat2, __do_sys_open, do_sys_opem");
}

Test(close_names, the_shortest_three_are_kept_whatever_the_order_they_come_in)
{
	static const char *const names[] = {"vfs_readlong", "vfs_read4", "vfs_readv", "vfs_readvec", "vfs_read22", NULL};

	cr_assert_str_eq(near("vfs_read", names), "; near it: vfs_read4, vfs_readv, vfs_read22");
}

Test(close_names, a_name_that_comes_twice_is_told_once)
{
	static const char *const names[] = {"init_once", "init_once", NULL};

	cr_assert_str_eq(near("init_onse", names), "; near it: init_once");
}

Test(close_names, nothing_near_is_nothing_said)
{
	static const char *const names[] = {"tcp_connect", "x", "", NULL};

	cr_assert_str_eq(near("frobnicate", names), "");
	cr_assert_str_eq(near("", names), "");
}

Test(close_names, a_candidate_gone_after_the_offer_is_still_told_and_a_small_text_is_cut)
{
	struct close_names c;
	char name[] = "tcp_connect";
	char text[16];

	close_names_init(&c, "tcp_conect");
	close_names_offer(&c, name);
	memset(name, 'x', strlen(name));
	cr_assert_str_eq(c.names[0], "tcp_connect");
	cr_assert_str_eq(close_names_text(&c, text, sizeof(text)), "; near it: tcp_");
}
