#include "tracing/kallsyms.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	char *end;
	struct kallsyms_line line;

	if (!text)
		return 0;
	end = text + strlen(text);
	if (kallsyms_parse_line(text, &line)) {
		assert(line.name > text && line.name < end && *line.name && !strpbrk(line.name, " \t\n"));
		assert(!line.module || (line.module > line.name && line.module < end && *line.module));
	}
	free(text);
	return 0;
}
