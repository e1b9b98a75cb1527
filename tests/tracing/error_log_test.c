#include "tracing/error_log.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* As a 6.18 kernel wrote them. */
static const char log_6_18[] = "[  652.537565] trace_uprobe: error: String is not closed with '\"'\n"
			       "  Command: p:t1/a /bin/cat:0x4000 a=\\\"x y\"\n"
			       "                                       ^\n"
			       "[  652.538084] trace_uprobe: error: $arg* can be used only on function entry or exit\n"
			       "  Command: p:t1/d /bin/cat:0x4000 a=$arg1\n"
			       "                                    ^\n"
			       "[  652.538107] trace_uprobe: error: Unknown type is specified\n"
			       "  Command: p:t1/e /bin/cat:0x4000 a=+0(%si):u8[16] c=%di:symstr\n"
			       "                                                         ^\n";

Test(error_log, the_entry_of_a_command_is_found_among_others_with_the_word_it_points_at)
{
	static const char command[] = "p:t1/e /bin/cat:0x4000 a=+0(%si):u8[16] c=%di:symstr";
	struct error_log_entry entry;

	cr_assert(error_log_find(&entry, log_6_18, command));
	cr_assert_str_eq(entry.reason, "Unknown type is specified");
	cr_assert(entry.has_position);
	cr_assert_str_eq(command + entry.position, "symstr");
	cr_assert(error_log_find(&entry, log_6_18, "p:t1/d /bin/cat:0x4000 a=$arg1"), "an older one as well");
	cr_assert_eq(entry.position, strlen("p:t1/d /bin/cat:0x4000 a="));
}

Test(error_log, what_the_kernel_said_about_another_command_is_not_taken)
{
	struct error_log_entry entry;

	cr_assert_not(error_log_find(&entry, log_6_18, "p:t1/z /bin/cat:0x4000"));
	cr_assert_not(error_log_find(&entry, "", "x"));
}

Test(error_log, a_text_that_breaks_off_anywhere_is_read_as_far_as_it_goes)
{
	struct error_log_entry entry;
	char cut[sizeof(log_6_18)];

	for (size_t length = 0; length < sizeof(log_6_18); length++) {
		snprintf(cut, sizeof(cut), "%.*s", (int)length, log_6_18);
		if (error_log_find(&entry, cut, "p:t1/d /bin/cat:0x4000 a=$arg1"))
			cr_assert_leq(entry.position, 30);
	}
}
