#include "subscription/query_string.h"

#include "base/printable.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void put_byte(struct buffer *out, char byte)
{
	if (byte == '\n')
		buffer_put_string(out, "\\n");
	else if (byte == '\t')
		buffer_put_string(out, "\\t");
	else
		buffer_printf(out, "\\x%02x", (unsigned char)byte);
}

bool query_is_identifier(const char *name)
{
	static const char *const words[] = {"and", "or", "not", "like", "is", "null", "in", "where", "true", "false", "timestamp"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcasecmp(words[i], name))
			return false;
	if (!*name || isdigit((unsigned char)*name))
		return false;
	for (; *name; name++)
		if ((unsigned char)*name >= 0x80 || (!isalnum((unsigned char)*name) && *name != '_'))
			return false;
	return true;
}

void query_put_quoted(struct buffer *out, const char *string, enum query_string_type type)
{
	char mark = type == QUERY_NAME ? '`' : '\'';

	buffer_put_u8(out, (uint8_t)mark);
	while (*string) {
		size_t size = printable_size(string);

		if (!size) {
			put_byte(out, *string++);
			continue;
		}
		if (*string == mark || *string == '\\' || (*string == '%' && type == QUERY_PATTERN))
			buffer_put_u8(out, '\\');
		buffer_put(out, string, size);
		string += size;
	}
	buffer_put_u8(out, (uint8_t)mark);
}

size_t query_quoted_size(const char *text)
{
	for (size_t i = 1; text[i]; i++) {
		if (text[i] == *text)
			return i + 1;
		if (text[i] == '\\' && !text[++i])
			return 0;
	}
	return 0;
}

static int hex_digit(char c)
{
	return !isxdigit((unsigned char)c) ? -1 : isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* "xHH" */
static int read_byte(const char *at, char *ret, struct error *err)
{
	int high = hex_digit(at[1]), low = high < 0 ? -1 : hex_digit(at[2]);

	if (low < 0)
		return error_set(err, -EINVAL, "\\x needs two hexadecimal digits behind it, like \\x1b");
	*ret = (char)(high << 4 | low);
	return *ret ? 3 : error_set(err, -EINVAL, "a string cannot have \\x00 in it");
}

/* What stands behind a backslash; returns how many bytes that is. */
static int read_escape(const char *at, enum query_string_type type, char *ret, struct error *err)
{
	static const char letters[] = "ntr'\"`\\", meant[] = "\n\t\r'\"`\\";
	const char *letter = strchr(letters, *at);
	int size = *at == 'x' ? read_byte(at, ret, err) : 1;

	if (size < 0)
		return size;
	if (letter)
		*ret = meant[letter - letters];
	else if (type == QUERY_PATTERN && strchr("%*?", *at))
		*ret = *at;
	else if (*at != 'x')
		return error_set(err, -EINVAL,
				 "there is no escape \\%c: \\' \\\" \\\\ \\n \\t \\r and \\xHH are known; a backslash is \\\\", *at);
	if (type == QUERY_PATTERN && (*ret == '*' || *ret == '?'))
		return error_set(err, -EINVAL, "a pattern cannot ask for the character %c itself: * stands for any characters, ? for one",
				 *ret);
	return size;
}

int query_unquote(const char *text, size_t size, enum query_string_type type, char **ret, size_t *ret_offset, struct error *err)
{
	char *string = malloc(size);
	size_t length = 0;

	if (!string)
		return error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 1; i + 1 < size; i++) {
		int r;

		if (text[i] != '\\') {
			string[length++] = type == QUERY_PATTERN && text[i] == '%' ? '*' : text[i];
			continue;
		}
		r = read_escape(text + i + 1, type, &string[length++], err);
		if (r < 0) {
			if (ret_offset)
				*ret_offset = i;
			free(string);
			return r;
		}
		i += (size_t)r;
	}
	string[length] = 0;
	*ret = string;
	return 0;
}
