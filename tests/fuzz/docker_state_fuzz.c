#include "container/docker_state.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ID "4f57c1af3f04fb5c9ef1734e1c399865d1d9e2b7a0c84f6f2a5c1b3e7d90aa01"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct docker_state state;

	if (docker_state_parse(&state, (const char *)data, size, ID))
		return 0;
	assert(memchr(state.name, 0, sizeof(state.name)));
	assert(memchr(state.image_id, 0, sizeof(state.image_id)));
	assert(memchr(state.image_name, 0, sizeof(state.image_name)));
	return 0;
}
