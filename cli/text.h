#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Text for a person's terminal. Whatever comes from events (names, arguments) was chosen by the programs that are watched: it reaches the
 * terminal only through text_put_escaped() and text_put_quoted(), which let no control character, no byte that is not UTF-8 and no
 * character that reorders its neighbours through.
 */

enum style {
	STYLE_PLAIN,
	STYLE_DIM,
	STYLE_BOLD,
	STYLE_GOOD,
	STYLE_WARNING,
	STYLE_BAD,
	STYLE_NAME, /* event names, column heads */
};

enum color_mode {
	COLOR_AUTO, /* on a terminal, unless NO_COLOR (https://no-color.org) is set or TERM is "dumb" */
	COLOR_ALWAYS,
	COLOR_NEVER,
};

/* "auto", "always", "never"; -EINVAL for any other word. */
int color_mode_parse(const char *word, enum color_mode *ret);
bool color_mode_wanted(enum color_mode mode, int fd);

/* Switches the style on and off again (STYLE_PLAIN); nothing without `color`. */
void text_style(struct buffer *out, bool color, enum style style);
/* `text` as it is, in a style. */
void text_put_styled(struct buffer *out, bool color, enum style style, const char *text);

/* Foreign text on one line: \n, \t, \\, \x1b, ... for what must not reach a terminal. */
void text_put_escaped(struct buffer *out, const char *text);

/* Foreign text as one word of a shell: as it is when that is safe, else in single quotes, or in $'...' when it holds what must not reach a
 * terminal. Pasted into a shell it gives the same bytes again. */
void text_put_quoted(struct buffer *out, const char *text);

/* Blanks until what was put since `start` (a value of out->length) is `width` columns wide, escape sequences not counted. */
void text_pad(struct buffer *out, size_t start, size_t width);

/* `bytes` as "64 MiB", "1.5 GiB", "17 B". */
void text_put_size(struct buffer *out, uint64_t bytes);

/* `ns` as "2 d 3 h", "3 m 12 s", "250 ms": the two biggest units. */
void text_put_duration(struct buffer *out, uint64_t ns);

/* Writes all of it to `fd` and empties the buffer. 0 or a negative errno (-EPIPE: nobody reads any more). */
int text_flush(struct buffer *out, int fd);

/* One line to standard error; `text` may be foreign. */
void text_say(const char *prefix, const char *text);

/* The exit status for a result of text_flush() on standard output: 0, also when nobody reads any more (`| head`), or 1 after an error. */
int text_output_status(int result);

#endif
