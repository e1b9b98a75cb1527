#include "tracing/kernel_addresses.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t addresses[] = {0, 1, 0xffffffff81000000, 0xffffffff81000010, 0xffffffffc0001004, UINT64_MAX};
	struct kernel_addresses *a = NULL;
	char *text = malloc(size + 1);
	struct buffer out;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	buffer_init(&out, 0);
	if (kernel_addresses_parse(&a, text, NULL))
		assert(!a);
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		size_t before = out.length;

		kernel_addresses_put(a, &out, addresses[i]);
		assert(out.length > before);
	}
	kernel_addresses_free(a);
	buffer_done(&out);
	free(text);
	return 0;
}
