#include "cli/options.h"

#include "cli/command.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

static const struct option longs[] = {
	{"limit", required_argument, NULL, 'n'},
	{"quiet", no_argument, NULL, 'q'},
	{0},
};

static void init(void)
{
	cr_redirect_stderr();
	optind = 0;
}

TestSuite(options, .init = init);

static char verb[] = "watch";

static void expect_stderr(const char *expected)
{
	fflush(stderr);
	cr_assert_stderr_eq_str(expected);
}

Test(options, known_options_come_one_after_another_wherever_the_words_stand)
{
	char word[] = "process";
	char limit[] = "--limit=5";
	char quiet[] = "-q";
	char *argv[] = {verb, word, limit, quiet, NULL};

	cr_assert_eq(options_next(4, argv, "n:q", longs), 'n');
	cr_assert_str_eq(optarg, "5");
	cr_assert_eq(options_next(4, argv, "n:q", longs), 'q');
	cr_assert_eq(options_next(4, argv, "n:q", longs), -1);
	cr_assert_str_eq(argv[optind], "process");
	cr_assert_not(options_no_more_words(4, argv));
}

Test(options, a_misspelt_option_gets_the_nearest_one_suggested)
{
	char lmit[] = "--lmit=5";
	char *argv[] = {verb, lmit, NULL};

	cr_assert_eq(options_next(2, argv, "n:q", longs), '?');
	expect_stderr("ringside watch: unknown option --lmit; did you mean --limit?\n'ringside watch --help' tells more.\n");
}

Test(options, an_unknown_letter_is_named)
{
	char letter[] = "-z";
	char *argv[] = {verb, letter, NULL};

	cr_assert_eq(options_next(2, argv, "n:q", longs), '?');
	expect_stderr("ringside watch: unknown option -z\n'ringside watch --help' tells more.\n");
}

Test(options, a_missing_argument_is_told_from_an_unknown_option)
{
	char limit[] = "--limit";
	char *argv[] = {verb, limit, NULL};

	cr_assert_eq(options_next(2, argv, "n:q", longs), '?');
	expect_stderr("ringside watch: --limit needs an argument\n'ringside watch --help' tells more.\n");
}

Test(options, an_argument_too_many_is_named)
{
	char quiet[] = "--quiet=yes";
	char *argv[] = {verb, quiet, NULL};

	cr_assert_eq(options_next(2, argv, "n:q", longs), '?');
	expect_stderr("ringside watch: --quiet=yes takes no argument\n'ringside watch --help' tells more.\n");
}

Test(options, an_output_form_that_the_verb_does_not_have_is_refused)
{
	enum output_form form = OUTPUT_TEXT;

	cr_assert(output_form_parse("watch", "none", OUTPUT_FORMS_USUAL | OUTPUT_FORM_BIT(OUTPUT_NONE), &form));
	cr_assert_eq(form, OUTPUT_NONE);
	cr_assert_not(output_form_parse("status", "none", OUTPUT_FORMS_USUAL, &form));
	expect_stderr("ringside status: -o none: the forms are text and json\n'ringside status --help' tells more.\n");
}

Test(options, a_color_mode_that_there_is_not_is_refused)
{
	enum color_mode color = COLOR_AUTO;

	cr_assert(color_option_parse("watch", "never", &color));
	cr_assert_eq(color, COLOR_NEVER);
	cr_assert_not(color_option_parse("watch", "blue", &color));
	expect_stderr("ringside watch: --color blue: use auto, always or never\n'ringside watch --help' tells more.\n");
}

Test(options, a_verb_that_prints_takes_a_form_a_color_and_where_it_asks_a_sensor_an_address)
{
	char form[] = "-ojson", color[] = "--color=always", connect[] = "--connect=localhost:1";
	char *argv[] = {verb, form, color, connect, NULL};
	struct print_options options;
	int status;

	cr_assert(print_options_parse(1, argv, "help\n", OUTPUT_FORMS_USUAL, true, &options, &status));
	cr_expect_eq(options.form, OUTPUT_TEXT);
	cr_expect_eq(options.color, COLOR_AUTO);
	cr_expect_null(options.connect);
	cr_assert(print_options_parse(4, argv, "help\n", OUTPUT_FORMS_USUAL, true, &options, &status));
	cr_expect_eq(options.form, OUTPUT_JSON);
	cr_expect_eq(options.color, COLOR_ALWAYS);
	cr_expect_str_eq(options.connect, "localhost:1");
	cr_assert_not(print_options_parse(4, argv, "help\n", OUTPUT_FORMS_USUAL, false, &options, &status));
	cr_expect_eq(status, EX_USAGE);
}

Test(options, a_verb_that_prints_is_done_after_its_help_or_a_word)
{
	char help[] = "--help", word[] = "process";
	char *argv[] = {verb, help, NULL}, *words[] = {verb, word, NULL};
	struct print_options options;
	int status = -1;

	cr_redirect_stdout();
	cr_assert_not(print_options_parse(2, argv, "help\n", OUTPUT_FORMS_USUAL, false, &options, &status));
	cr_expect_eq(status, 0);
	fflush(stdout);
	cr_expect_stdout_eq_str("help\n");
	cr_assert_not(print_options_parse(2, words, "help\n", OUTPUT_FORMS_USUAL, false, &options, &status));
	cr_expect_eq(status, EX_USAGE);
}

Test(options, the_address_given_wins_over_the_environment_and_that_over_the_default)
{
	unsetenv("RINGSIDE_ADDRESS");
	cr_assert_str_eq(options_address(NULL), "unix:/run/ringside/ringside.sock");
	setenv("RINGSIDE_ADDRESS", "localhost:1", 1);
	cr_assert_str_eq(options_address(NULL), "localhost:1");
	cr_assert_str_eq(options_address("localhost:2"), "localhost:2");
	setenv("RINGSIDE_ADDRESS", "", 1);
	cr_assert_str_eq(options_address(NULL), "unix:/run/ringside/ringside.sock");
}

Test(options, a_usage_error_without_a_verb_points_at_the_general_help)
{
	cr_assert_eq(usage_error("", "there is no verb \"%s\"", "x"), EX_USAGE);
	expect_stderr("ringside: there is no verb \"x\"\n'ringside --help' tells more.\n");
}
