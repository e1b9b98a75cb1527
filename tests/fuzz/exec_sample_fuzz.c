#include "tracing/exec_rings.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A record is as long as its header says: the ring sees to that. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct perf_features features = {.identifier = true};
	const struct perf_layout layout = perf_layout(&features);
	struct perf_event_header *record;
	struct exec_sample sample;

	if (size < sizeof(*record) || size > UINT16_MAX || !(record = malloc(size)))
		return 0;
	memcpy(record, data, size);
	record->size = (uint16_t)size;
	if (exec_sample_parse(record, &layout, &sample))
		assert(sample.dump.size <= size);
	free(record);
	return 0;
}
