#include "tracing/cpu_set.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool cpus[CPU_MAX];
	struct error err = {0};
	char *list = strndup((const char *)data, size);
	int count, members = 0;

	if (!list)
		return 0;
	count = cpu_list_parse(list, cpus, &err);
	for (size_t cpu = 0; cpu < CPU_MAX; cpu++)
		members += cpus[cpu];
	assert(count < 0 ? err.code == count && *err.message : count == members);
	free(list);
	return 0;
}
