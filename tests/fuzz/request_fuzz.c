/* libFuzzer on what a client can send: whatever the bytes are, the decoder takes or refuses them, with a reason. Seeds: corpus/request/. */
#include "proto/capsule8_decoder.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct subscription_spec *spec = NULL;
	struct error err = {0};

	if (capsule8_decode_request(data, size, &spec, &err) ? spec || !err.code || !*err.message : !spec || !spec->clause_count)
		abort();
	subscription_spec_free(spec);
	return 0;
}
