/* libFuzzer on what a client can send: whatever the bytes are, the decoder takes or refuses them, with a reason; and what it takes, our own client
 * can ask for as well, and means the same. Seeds: corpus/request/. */
#include "proto/capsule8_decoder.h"
#include "proto/capsule8_request.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not everything can be asked for: kinds that are not served, expressions that would be too deep. */
static void ask_again(const struct subscription_spec *spec)
{
	struct subscription_spec *again = NULL;
	struct buffer bytes;

	buffer_init(&bytes, 0);
	if (!capsule8_encode_request(spec, &bytes, NULL)) {
		if (capsule8_decode_request(bytes.data, bytes.length, NULL, &again, NULL) || !subscription_spec_equal(spec, again))
			abort();
	}
	subscription_spec_free(again);
	buffer_done(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct subscription_spec *spec = NULL;
	struct error err = {0};

	if (capsule8_decode_request(data, size, NULL, &spec, &err) ? spec || !err.code || !*err.message : !spec || !spec->clause_count)
		abort();
	if (spec)
		ask_again(spec);
	subscription_spec_free(spec);
	return 0;
}
