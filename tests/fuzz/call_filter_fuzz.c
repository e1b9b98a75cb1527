#include "sensor/call_filter.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is taken is still a whole when it stands between parentheses, and what is refused is refused with a sentence. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct fetcharg_dialect oldest;
	const struct fetcharg args[] = {{.name = "count"}, {.name = "who", .base = FETCHARG_COMM}, {.name = "how", .array_count = 4}};
	struct error err = {0};
	char *text = malloc(size + 3);

	if (!text)
		return 0;
	text[0] = '(';
	memcpy(text + 1, data, size);
	text[size + 1] = '\0';
	if (call_filter_check(text + 1, args, 3, &oldest, FETCHARG_KERNEL_ENTRY, &err)) {
		assert(err.code < 0 && *err.message);
	} else {
		strcat(text, ")");
		assert(!call_filter_check(text, args, 3, &oldest, FETCHARG_KERNEL_ENTRY, &err));
	}
	free(text);
	return 0;
}
