#include "cli/json.h"

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
