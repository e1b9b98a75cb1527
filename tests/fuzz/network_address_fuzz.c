#include "sensor/network_address.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte is the length that the caller said; the rest is the address. The seeds are addresses of each family as programs passed them
 * to connect(2). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[NETWORK_PATH_BYTES];
	struct event_address address;

	if (!size)
		return 0;
	network_address_decode(data + 1, size - 1, data[0], path, &address);
	assert(address.family == ADDRESS_LOCAL || address.path.length == 0);
	assert(address.path.length <= sizeof(path));
	for (size_t i = 0; i < address.path.length; i++)
		assert(address.path.bytes[i] || address.path.bytes[0] == '@');
	return 0;
}
