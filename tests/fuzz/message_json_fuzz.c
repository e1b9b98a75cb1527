/* libFuzzer on subscriptions in JSON, which people write into files: what is taken is a message on the wire. Seeds: corpus/message_json/. */
#include "capsule8/api/v0/telemetry_service.pb-c.h"
#include "proto/message_parse_json.h"

#include <assert.h>
#include <errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const ProtobufCMessageDescriptor *type = &capsule8__api__v0__get_events_request__descriptor;
	struct error err = {0};
	struct buffer packed;
	json_t *json = NULL;
	int r;

	buffer_init(&packed, 0);
	r = message_json_load((const char *)data, size, &json, &err);
	if (!r)
		r = message_parse_json(type, json, &packed, &err);
	if (r) {
		assert(r == -EINVAL && *err.message);
	} else {
		ProtobufCMessage *message = protobuf_c_message_unpack(type, NULL, packed.length, packed.data);

		assert(message);
		protobuf_c_message_free_unpacked(message, NULL);
	}
	json_decref(json);
	buffer_done(&packed);
	return 0;
}
