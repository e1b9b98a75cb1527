/* Seeds: tests/data/formats/. */
#include "tracing/format.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the parser makes of it, reading never goes beyond the sample. */
static void read_field(const struct format *format, const char *name)
{
	struct format_field field;
	size_t length;

	if (format_field(format, name, &field, NULL))
		return;
	for (uint32_t bytes = 0; bytes <= 64; bytes += 4) {
		uint8_t *raw = malloc(bytes ? bytes : 1);
		const char *string;

		assert(raw);
		memset(raw, 4, bytes);
		(void)format_read_integer(&field, raw, bytes);
		string = format_read_string(&field, raw, bytes, &length);
		assert(!length || ((const uint8_t *)string >= raw && (const uint8_t *)string + length <= raw + bytes));
		free(raw);
	}
}

/* The name that the text gives itself, so that it is not refused for another. */
static void own_name(const char *text, size_t size, char name[32])
{
	static const char key[] = "name: ";
	size_t length = 0;

	if (size > strlen(key) && !memcmp(text, key, strlen(key)))
		for (const char *at = text + strlen(key); at < text + size && length < 31 && *at && *at != '\n'; at++)
			name[length++] = *at;
	name[length] = '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"pid", "comm", "id", "args", "filename", "clone_flags", "newcomm", "error_code", "sig"};
	struct format *format = NULL;
	struct error err = {0};
	char *text = malloc(size ? size : 1);
	char name[32];

	if (!text)
		return 0;
	memcpy(text, data, size);
	own_name(text, size, name);
	if (format_parse(&format, "system", name, text, size, &err))
		assert(!format && *err.message);
	for (size_t i = 0; format && i < sizeof(names) / sizeof(names[0]); i++)
		read_field(format, names[i]);
	format_free(format);
	free(text);
	return 0;
}
