#include "cli/text.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static struct buffer out;

static void init(void)
{
	buffer_init(&out, 0);
}

static void done(void)
{
	buffer_done(&out);
}

static void expect(const char *expected)
{
	buffer_put_u8(&out, 0);
	cr_assert_not(out.failed);
	cr_assert_str_eq((const char *)out.data, expected);
	buffer_clear(&out);
}

TestSuite(text, .init = init, .fini = done);

Test(text, printable_text_passes_as_it_is)
{
	text_put_escaped(&out, "kworker/0:1 (näme) 日本 👍");
	expect("kworker/0:1 (näme) 日本 👍");
}

Test(text, control_characters_do_not_reach_the_terminal)
{
	text_put_escaped(&out, "a\033[2Jb\nc\td\x7f\x01");
	expect("a\\x1b[2Jb\\nc\\td\\x7f\\x01");
}

Test(text, c1_controls_are_escaped_in_both_their_forms)
{
	text_put_escaped(&out, "\x9b"
			       "2J\xc2\x9b"
			       "2J");
	expect("\\x9b2J\\xc2\\x9b2J");
}

Test(text, characters_that_change_the_direction_of_writing_are_escaped)
{
	text_put_escaped(&out, "a\xe2\x80\xae"
			       "b\xe2\x81\xa6"
			       "c\xe2\x80\xa8");
	expect("a\\xe2\\x80\\xaeb\\xe2\\x81\\xa6c\\xe2\\x80\\xa8");
}

Test(text, bytes_that_are_not_utf8_are_escaped)
{
	/* A lone continuation byte, a cut character, an overlong slash, a surrogate, a value beyond Unicode. */
	text_put_escaped(&out, "\x80|\xc3|\xc0\xaf|\xed\xa0\x80|\xf4\x90\x80\x80");
	expect("\\x80|\\xc3|\\xc0\\xaf|\\xed\\xa0\\x80|\\xf4\\x90\\x80\\x80");
}

Test(text, a_backslash_cannot_be_taken_for_an_escape)
{
	text_put_escaped(&out, "\\n");
	expect("\\\\n");
}

Test(text, a_word_that_a_shell_leaves_alone_is_not_quoted)
{
	text_put_quoted(&out, "/usr/bin/ls");
	expect("/usr/bin/ls");
	text_put_quoted(&out, "--color=auto");
	expect("--color=auto");
	text_put_quoted(&out, "größe");
	expect("größe");
}

Test(text, words_with_blanks_quotes_and_nothing_at_all_are_quoted)
{
	text_put_quoted(&out, "a b");
	expect("'a b'");
	text_put_quoted(&out, "it's");
	expect("'it'\\''s'");
	text_put_quoted(&out, "");
	expect("''");
	text_put_quoted(&out, "$HOME");
	expect("'$HOME'");
	text_put_quoted(&out, "~");
	expect("'~'");
}

Test(text, words_with_control_characters_are_quoted_with_escapes)
{
	text_put_quoted(&out, "it's\n\033[2J\\");
	expect("$'it\\'s\\n\\x1b[2J\\\\'");
}

Test(text, quoted_words_read_by_a_shell_are_the_words_again)
{
	static const char word[] = "it's a \\ \"word\"\twith $(all) `kinds` \x01\xff of\n* bytes ~!#&;|<>[]{}?";
	char read_back[sizeof(word)] = "";
	FILE *shell;

	buffer_put_string(&out, "printf %s ");
	text_put_quoted(&out, word);
	buffer_put_u8(&out, 0);
	setenv("COMMAND", (const char *)out.data, 1);
	shell = popen("exec bash -c \"$COMMAND\"", "r");
	cr_assert_not_null(shell);
	cr_assert_eq(fread(read_back, 1, sizeof(read_back), shell), sizeof(word) - 1);
	cr_assert_eq(pclose(shell), 0);
	cr_assert_arr_eq(read_back, word, sizeof(word) - 1);
}

Test(text, padding_counts_characters_not_bytes_and_no_escape_sequences)
{
	text_put_styled(&out, true, STYLE_NAME, "größe");
	text_pad(&out, 0, 7);
	buffer_put_u8(&out, '|');
	expect("\033[36mgröße\033[0m  |");
}

Test(text, text_wider_than_its_column_is_not_padded)
{
	buffer_put_string(&out, "wide word");
	text_pad(&out, 0, 4);
	expect("wide word");
}

Test(text, without_colour_there_are_no_escape_sequences)
{
	text_put_styled(&out, false, STYLE_BAD, "lost");
	expect("lost");
}

Test(text, sizes_are_rounded_down_to_one_decimal_place)
{
	text_put_size(&out, 17);
	expect("17 B");
	text_put_size(&out, 64 << 20);
	expect("64 MiB");
	text_put_size(&out, 1536);
	expect("1.5 KiB");
	text_put_size(&out, UINT64_MAX);
	expect("15.9 EiB");
}

Test(text, durations_show_their_two_biggest_units)
{
	text_put_duration(&out, 0);
	expect("0 ns");
	text_put_duration(&out, UINT64_C(250999999));
	expect("250 ms");
	text_put_duration(&out, UINT64_C(192000000000));
	expect("3 m 12 s");
	text_put_duration(&out, UINT64_C(180000000000));
	expect("3 m");
	text_put_duration(&out, UINT64_C(187200) * 1000000000 + 5);
	expect("2 d 4 h");
}

Test(text, colour_modes_have_names)
{
	enum color_mode mode;

	cr_assert_eq(color_mode_parse("always", &mode), 0);
	cr_assert(color_mode_wanted(mode, -1));
	cr_assert_eq(color_mode_parse("never", &mode), 0);
	cr_assert_not(color_mode_wanted(mode, -1));
	cr_assert_eq(color_mode_parse("sometimes", &mode), -EINVAL);
}

Test(text, automatic_colour_needs_a_terminal_and_honours_no_color)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY);

	cr_assert_geq(terminal, 0);
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	cr_assert(color_mode_wanted(COLOR_AUTO, terminal));
	setenv("NO_COLOR", "1", 1);
	cr_assert_not(color_mode_wanted(COLOR_AUTO, terminal));
	setenv("NO_COLOR", "", 1);
	cr_assert(color_mode_wanted(COLOR_AUTO, terminal));
	setenv("TERM", "dumb", 1);
	cr_assert_not(color_mode_wanted(COLOR_AUTO, terminal));
	close(terminal);
}

Test(text, a_reader_that_went_away_is_no_failure)
{
	int ends[2];

	signal(SIGPIPE, SIG_IGN);
	cr_assert_eq(pipe(ends), 0);
	buffer_put_string(&out, "line\n");
	cr_assert_eq(text_flush(&out, ends[1]), 0);
	cr_assert_eq(out.length, 0);
	close(ends[0]);
	buffer_put_string(&out, "line\n");
	cr_assert_eq(text_flush(&out, ends[1]), -EPIPE);
	cr_assert_eq(text_output_status(-EPIPE), 0);
	close(ends[1]);
}
