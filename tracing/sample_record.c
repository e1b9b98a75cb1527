#include "tracing/sample_record.h"

#include "tracing/counter_group.h"

#include <string.h>

uint64_t sample_record_id(const struct perf_event_header *record, const struct perf_layout *layout)
{
	uint64_t id;

	memcpy(&id, (const uint8_t *)record + layout->id, sizeof(id));
	return id;
}

bool sample_record_block_id(const struct perf_event_header *record, const struct perf_layout *layout, uint64_t read_format, uint64_t *ret)
{
	if (record->size < layout->raw)
		return false;
	return counter_group_block_id((const uint8_t *)record + layout->raw, (size_t)record->size - layout->raw, read_format, ret);
}

/* Perf says -1 for the ids of a task that is not in the tables any more (kernel: perf_event_pid_type()). */
static void parse_task(const uint8_t *task, struct sample *ret)
{
	memcpy(&ret->tgid, task, sizeof(ret->tgid));
	memcpy(&ret->tid, task + sizeof(ret->tgid), sizeof(ret->tid));
	if (ret->tid == UINT32_MAX || ret->tgid == UINT32_MAX)
		ret->tgid = ret->tid = 0;
}

/* `struct { u32 size; char data[size]; }`, then the register block: u64 abi, and one register unless the abi is 0. */
static bool parse_raw(const uint8_t *bytes, size_t left, bool with_abi, struct sample *ret)
{
	uint32_t size;
	uint64_t abi;

	if (left < sizeof(size))
		return false;
	memcpy(&size, bytes, sizeof(size));
	bytes += sizeof(size);
	left -= sizeof(size);
	if (size > left)
		return false;
	ret->raw = bytes;
	ret->raw_size = size;
	if (!with_abi)
		return true;
	if (left - size < sizeof(abi))
		return false;
	memcpy(&abi, bytes + size, sizeof(abi));
	ret->abi = abi <= SAMPLE_ABI_64 ? (enum sample_abi)abi : SAMPLE_ABI_UNKNOWN;
	return true;
}

bool sample_record_parse(const struct perf_event_header *record, const struct perf_layout *layout, const struct sample_record_form *form,
			 struct counter_values *values, struct sample *ret)
{
	const uint8_t *bytes = (const uint8_t *)record;
	size_t left;

	if (record->size < layout->raw)
		return false;
	parse_task(bytes + layout->tid, ret);
	ret->abi = SAMPLE_ABI_UNKNOWN;
	ret->raw = NULL;
	ret->raw_size = 0;
	ret->counters = NULL;
	left = (size_t)record->size - layout->raw;
	if (!form->counters)
		return parse_raw(bytes + layout->raw, left, form->with_abi, ret);
	ret->counters = values;
	return counter_group_parse(bytes + layout->raw, left, form->read_format, form->counters, values);
}
