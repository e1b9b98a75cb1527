#include "service/packed.h"

#include <stdlib.h>

struct chunk *packed_message(const ProtobufCMessage *message)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	uint8_t *bytes = malloc(size ? size : 1);

	if (!bytes)
		return NULL;
	protobuf_c_message_pack(message, bytes);
	return chunk_new(bytes, size, 0);
}
