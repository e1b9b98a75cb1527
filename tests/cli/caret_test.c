#include "cli/caret.h"

#include <criterion/criterion.h>

static const char *drawn(const char *prefix, const char *text, size_t position)
{
	static struct buffer out;

	buffer_done(&out);
	buffer_init(&out, 0);
	caret_put(&out, prefix, text, position, "why");
	buffer_put_u8(&out, 0);
	return (const char *)out.data;
}

Test(caret, it_stands_under_the_byte_it_is_for)
{
	cr_expect_str_eq(drawn("x: ", "abc", 0), "x: abc\n   ^ why\n");
	cr_expect_str_eq(drawn("x: ", "abc", 2), "x: abc\n     ^ why\n");
	cr_expect_str_eq(drawn("", "abc", 3), "abc\n   ^ why\n");
}

Test(caret, what_is_escaped_and_what_takes_more_bytes_than_columns_move_it)
{
	cr_expect_str_eq(drawn("", "a\nb", 2), "a\\nb\n   ^ why\n");
	cr_expect_str_eq(drawn("", "\xc3\xa4x", 2), "\xc3\xa4x\n ^ why\n");
	cr_expect_str_eq(drawn("", "\033[2J", 1), "\\x1b[2J\n    ^ why\n");
}
