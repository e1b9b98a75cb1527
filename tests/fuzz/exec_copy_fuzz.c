#include "tracing/exec_copy.h"
#include "tracing/probe_limits.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte chooses the layout. The seeds are tests/data/exec_copy. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct exec_copy_layout layout = exec_copy_layout(size && data[0] & 1 ? PROBE_RECORD_BYTES_NEW : PROBE_RECORD_BYTES_OLD);
	struct exec_copy found;
	size_t at = 0;

	if (!size || size > UINT16_MAX || exec_copy_decode(&found, &layout, data + 1, (uint32_t)size - 1) < 0)
		return 0;
	assert(found.count <= found.argc && found.strings_size <= layout.string_bytes && !found.count == !found.strings);
	for (uint32_t i = 0; i < found.count; i++)
		at += strlen(found.strings + at) + 1;
	assert(at == found.strings_size);
	return 0;
}
