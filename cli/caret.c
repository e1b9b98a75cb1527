#include "cli/caret.h"

#include "cli/text.h"

#include <stdlib.h>
#include <string.h>

/* How many columns the first `length` bytes take on the line. */
static size_t columns_of(const char *text, size_t length)
{
	struct buffer escaped;
	char *start = strndup(text, length);
	size_t columns = 0;

	if (!start)
		return length;
	buffer_init(&escaped, 0);
	text_put_escaped(&escaped, start);
	for (size_t i = 0; i < escaped.length; i++)
		columns += (escaped.data[i] & 0xc0) != 0x80;
	buffer_done(&escaped);
	free(start);
	return columns;
}

void caret_put(struct buffer *out, const char *prefix, const char *text, size_t position, const char *reason)
{
	size_t start;

	buffer_put_string(out, prefix);
	text_put_escaped(out, text);
	buffer_put_u8(out, '\n');
	start = out->length;
	text_pad(out, start, columns_of(prefix, strlen(prefix)) + columns_of(text, position));
	buffer_put_string(out, "^ ");
	text_put_escaped(out, reason);
	buffer_put_u8(out, '\n');
}
