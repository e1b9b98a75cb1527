#include "cli/text.h"

#include "base/clock.h"
#include "base/printable.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const style_codes[] = {
	[STYLE_PLAIN] = "\033[0m",    [STYLE_DIM] = "\033[2m",  [STYLE_BOLD] = "\033[1m",  [STYLE_GOOD] = "\033[32m",
	[STYLE_WARNING] = "\033[33m", [STYLE_BAD] = "\033[31m", [STYLE_NAME] = "\033[36m",
};

int color_mode_parse(const char *word, enum color_mode *ret)
{
	if (!strcmp(word, "auto"))
		*ret = COLOR_AUTO;
	else if (!strcmp(word, "always"))
		*ret = COLOR_ALWAYS;
	else if (!strcmp(word, "never"))
		*ret = COLOR_NEVER;
	else
		return -EINVAL;
	return 0;
}

bool color_mode_wanted(enum color_mode mode, int fd)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (mode != COLOR_AUTO)
		return mode == COLOR_ALWAYS;
	return !(no_color && *no_color) && term && strcmp(term, "dumb") != 0 && isatty(fd);
}

void text_style(struct buffer *out, bool color, enum style style)
{
	if (color)
		buffer_put_string(out, style_codes[style]);
}

void text_put_styled(struct buffer *out, bool color, enum style style, const char *text)
{
	text_style(out, color, style);
	buffer_put_string(out, text);
	text_style(out, color, STYLE_PLAIN);
}

static void put_escape(struct buffer *out, unsigned char byte)
{
	static const char letters[] = "abtnvfr"; /* 0x07 ... 0x0d */

	if (byte >= 7 && byte <= 13)
		buffer_printf(out, "\\%c", letters[byte - 7]);
	else
		buffer_printf(out, "\\x%02x", byte);
}

/* Puts what may pass and escapes the rest; `quotes`: escape ' too. */
static void put_escaped(struct buffer *out, const char *text, bool quotes)
{
	while (*text) {
		size_t size = printable_size(text);

		if (size) {
			if (*text == '\\' || (quotes && *text == '\''))
				buffer_put_u8(out, '\\');
			buffer_put(out, text, size);
		} else {
			put_escape(out, (unsigned char)*text);
			size = 1;
		}
		text += size;
	}
}

void text_put_escaped(struct buffer *out, const char *text)
{
	put_escaped(out, text, false);
}

enum quoting {
	QUOTING_NONE,
	QUOTING_SINGLE,
	QUOTING_ESCAPES,
};

static enum quoting quoting_needed(const char *text)
{
	enum quoting needed = *text ? QUOTING_NONE : QUOTING_SINGLE;
	while (*text) {
		size_t size = printable_size(text);

		if (!size)
			return QUOTING_ESCAPES;
		if (size == 1 && !isalnum((unsigned char)*text) && !strchr("_@%+=:,./-", *text))
			needed = QUOTING_SINGLE;
		text += size;
	}
	return needed;
}

void text_put_quoted(struct buffer *out, const char *text)
{
	switch (quoting_needed(text)) {
	case QUOTING_NONE:
		buffer_put_string(out, text);
		return;
	case QUOTING_ESCAPES:
		buffer_put_string(out, "$'");
		put_escaped(out, text, true);
		buffer_put_u8(out, '\'');
		return;
	case QUOTING_SINGLE:
		break;
	}
	buffer_put_u8(out, '\'');
	for (const char *c = text; *c; c++) {
		if (*c == '\'')
			buffer_put_string(out, "'\\''");
		else
			buffer_put_u8(out, (uint8_t)*c);
	}
	buffer_put_u8(out, '\'');
}

void text_pad(struct buffer *out, size_t start, size_t width)
{
	size_t columns = 0;

	for (size_t i = start; i < out->length; i++) {
		if (out->data[i] == '\033') {
			while (i + 1 < out->length && out->data[i] != 'm')
				i++;
			continue;
		}
		columns += (out->data[i] & 0xc0) != 0x80;
	}
	for (; columns < width; columns++)
		buffer_put_u8(out, ' ');
}

void text_put_size(struct buffer *out, uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	size_t unit = 0;
	uint64_t whole = bytes;
	uint64_t tenths = 0;

	while (whole >= 1024) {
		tenths = (whole % 1024) * 10 / 1024;
		whole /= 1024;
		unit++;
	}
	if (tenths)
		buffer_printf(out, "%" PRIu64 ".%" PRIu64 " %s", whole, tenths, units[unit]);
	else
		buffer_printf(out, "%" PRIu64 " %s", whole, units[unit]);
}

void text_put_duration(struct buffer *out, uint64_t ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{"d", 86400 * NSEC_PER_SEC},
		{"h", 3600 * NSEC_PER_SEC},
		{"m", 60 * NSEC_PER_SEC},
		{"s", NSEC_PER_SEC},
		{"ms", NSEC_PER_MSEC},
		{"us", NSEC_PER_USEC},
		{"ns", 1},
	};
	size_t unit = 0;

	while (unit < 6 && ns < units[unit].ns)
		unit++;
	buffer_printf(out, "%" PRIu64 " %s", ns / units[unit].ns, units[unit].name);
	ns %= units[unit].ns;
	/* Below a minute, a second unit tells nobody anything. */
	if (unit < 3 && ns >= units[unit + 1].ns)
		buffer_printf(out, " %" PRIu64 " %s", ns / units[unit + 1].ns, units[unit + 1].name);
}

int text_flush(struct buffer *out, int fd)
{
	size_t written = 0;

	if (out->failed)
		return -ENOMEM;
	while (written < out->length) {
		ssize_t n = write(fd, out->data + written, out->length - written);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		written += (size_t)n;
	}
	buffer_clear(out);
	return 0;
}

void text_say(const char *prefix, const char *text)
{
	struct buffer line;

	buffer_init(&line, 0);
	buffer_put_string(&line, prefix);
	text_put_escaped(&line, text);
	buffer_put_u8(&line, '\n');
	text_flush(&line, STDERR_FILENO);
	buffer_done(&line);
}

int text_output_status(int result)
{
	if (!result || result == -EPIPE)
		return 0;
	fprintf(stderr, "ringside: cannot write to standard output: %s\n", strerror(-result));
	return 1;
}
