#include "base/suggest.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

static const char *suggest(const char *word)
{
	struct suggestion s;

	suggestion_init(&s, word);
	suggestion_offer(&s, "sensor");
	suggestion_offer(&s, "watch");
	suggestion_offer(&s, "events");
	suggestion_offer(&s, "check");
	suggestion_offer(&s, "status");
	return suggestion_best(&s);
}

Test(suggest, a_letter_too_many_too_few_or_wrong_finds_the_word)
{
	cr_assert_str_eq(suggest("wattch"), "watch");
	cr_assert_str_eq(suggest("wtch"), "watch");
	cr_assert_str_eq(suggest("wotch"), "watch");
	cr_assert_str_eq(suggest("event"), "events");
}

Test(suggest, two_swapped_letters_are_one_slip)
{
	cr_assert_str_eq(suggest("wathc"), "watch");
	cr_assert_str_eq(suggest("sattus"), "status");
}

Test(suggest, a_word_that_is_far_from_all_gets_no_suggestion)
{
	cr_assert_null(suggest("frobnicate"));
	cr_assert_null(suggest(""));
	cr_assert_null(suggest("a word that is a good deal longer than any that could be known"));
}

Test(suggest, the_distance_counts_letters_and_gives_up_on_very_long_words)
{
	char long_word[66] = {0};

	cr_assert_eq(edit_distance("", "abc"), 3);
	cr_assert_eq(edit_distance("kitten", "sitting"), 3);
	memset(long_word, 'a', 64);
	cr_assert_eq(edit_distance(long_word, "a"), 63);
	long_word[64] = 'a';
	cr_assert_eq(edit_distance(long_word, "a"), SIZE_MAX);
}
