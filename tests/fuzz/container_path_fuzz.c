#include "container/container_path.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct container_path *found)
{
	size_t length = strnlen(found->id, sizeof(found->id));

	assert(length && length < sizeof(found->id) && found->depth && !strchr(found->id, '/') && !strchr(found->id, '\n'));
	assert(found->runtime >= CONTAINER_RUNTIME_LXC || length == 64);
}

/* The content of /proc/PID/cgroup, and the same bytes as one path. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct container_path found;
	/* A copy of exactly that size, so that a byte too far is seen. */
	char *text = malloc(size ? size : 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	if (container_path_parse_file(text, size, NULL, NULL, &found)) {
		assert(found.hierarchies);
		check(&found);
	}
	if (container_path_parse(text, size, &found))
		check(&found);
	free(text);
	return 0;
}
