/* A sample's record with anything in it. The first byte says what the event asked for (bit 0: the ABI, bits 1 to 5: how many counters), the
 * second the optional parts of the read block; the record, with its header, follows. */
#include "tracing/sample_record.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned int sum;

static void check(const struct perf_event_header *record, const struct sample_record_form *form, const struct counter_values *values,
		  const struct sample *sample)
{
	const uint8_t *end = (const uint8_t *)record + record->size;

	for (uint32_t i = 0; i < sample->raw_size; i++)
		sum += sample->raw[i];
	assert(!sample->raw_size || sample->raw + sample->raw_size <= end);
	assert(form->counters ? sample->counters == values && values->count == form->counters : !sample->counters);
	assert(sample->tid != UINT32_MAX && sample->abi <= SAMPLE_ABI_64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct perf_features features = {.identifier = true};
	const struct perf_layout layout = perf_layout(&features);
	struct sample_record_form form;
	struct perf_event_header *record;
	struct counter_values values;
	struct sample sample = {0};
	uint64_t id;

	if (size < 2 + sizeof(*record) || size > UINT16_MAX)
		return 0;
	form = (struct sample_record_form){.with_abi = data[0] & 1, .counters = data[0] >> 1 & 31, .read_format = data[1]};
	data += 2;
	size -= 2;
	record = malloc(size);
	assert(record);
	memcpy(record, data, size);
	record->size = (uint16_t)size;
	if (sample_record_block_id(record, &layout, form.read_format, &id))
		sum += (unsigned int)id;
	if (sample_record_parse(record, &layout, &form, &values, &sample))
		check(record, &form, &values, &sample);
	free(record);
	return 0;
}
