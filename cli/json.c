#include "cli/json.h"

#include "cli/text.h"

static int put_piece(const char *bytes, size_t size, void *out)
{
	buffer_put(out, bytes, size);
	return 0;
}

void json_put(struct buffer *out, json_t *value)
{
	if (!value || json_dump_callback(value, put_piece, out, JSON_COMPACT | JSON_ENCODE_ANY))
		out->failed = true;
	buffer_put_u8(out, '\n');
	json_decref(value);
}

json_t *json_of_text(const char *text)
{
	json_t *string = json_string(text);
	struct buffer escaped;

	if (string)
		return string;
	buffer_init(&escaped, 0);
	text_put_escaped(&escaped, text);
	string = escaped.failed ? NULL : json_stringn((const char *)escaped.data, escaped.length);
	buffer_done(&escaped);
	return string;
}
