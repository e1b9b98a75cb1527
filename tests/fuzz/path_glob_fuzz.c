#include "subscription/container_filter.h"
#include "subscription/path_glob.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A pattern, a newline, and a text to hold against it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *newline = memchr(data, '\n', size);
	size_t length = newline ? (size_t)(newline - data) : size;
	const char *text = newline ? (const char *)newline + 1 : "";
	struct container_filter *filter = container_filter_new();
	char *pattern = strndup((const char *)data, length);
	struct error err = {0};

	if (pattern && filter) {
		if (!path_glob_check(pattern, &err))
			(void)path_glob_matches(pattern, text, newline ? size - length - 1 : 0);
		else
			assert(err.code && *err.message);
		for (int list = 0; list < CONTAINER_FILTER_LISTS; list++)
			(void)container_filter_add(filter, (enum container_filter_list)list, pattern, &err);
	}
	free(pattern);
	container_filter_free(filter);
	return 0;
}
