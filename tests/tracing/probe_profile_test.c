#include "tracing/probe_profile.h"

#include <criterion/criterion.h>

Test(probe_profile, hits_and_misses_of_the_kernels_probes_are_read)
{
	static const char text[] = "  open_4711                                                   12               3\n"
				   "  a_name_that_is_longer_than_the_column_of_forty_four_letters_1               7               0\n";
	struct probe_profile profile;

	cr_assert_eq(probe_profile_parse(&profile, text, false), 0);
	cr_assert_eq(profile.count, 2);
	cr_assert_str_eq(profile.rows[0].name, "open_4711");
	cr_assert(profile.rows[0].counts.hits == 12 && profile.rows[0].counts.misses == 3);
	cr_assert_str_eq(profile.rows[1].name, "a_name_that_is_longer_than_the_column_of_forty_four_letters_1");
	cr_assert_eq(profile.rows[1].counts.hits, 7);
	probe_profile_done(&profile);
}

Test(probe_profile, those_of_user_functions_name_their_file_and_no_misses)
{
	struct probe_profile profile;

	cr_assert_eq(probe_profile_parse(&profile, "  /bin/cat p_cat_0x4000                                 18446744073709551615\n", true),
		     0);
	cr_assert_eq(profile.count, 1);
	cr_assert_str_eq(profile.rows[0].path, "/bin/cat");
	cr_assert_str_eq(profile.rows[0].name, "p_cat_0x4000");
	cr_assert_eq(profile.rows[0].counts.hits, UINT64_MAX);
	probe_profile_done(&profile);
}

Test(probe_profile, lines_that_are_none_are_left_out)
{
	struct probe_profile profile;

	cr_assert_eq(probe_profile_parse(&profile, "\n   \n12\n1 2\nname x 3\n  good 1 2\n-1 -2 -3", false), 0);
	cr_assert_eq(profile.count, 1);
	cr_assert_str_eq(profile.rows[0].name, "good");
	probe_profile_done(&profile);
	cr_assert_eq(probe_profile_parse(&profile, "", true), 0);
	cr_assert_eq(profile.count, 0);
	probe_profile_done(&profile);
}
