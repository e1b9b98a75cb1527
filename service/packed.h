#ifndef SERVICE_PACKED_H
#define SERVICE_PACKED_H

#include "base/chunk.h"

#include <protobuf-c/protobuf-c.h>

/* A message as bytes that can be sent; `message` is the base of a generated one. NULL: out of memory. */
struct chunk *packed_message(const ProtobufCMessage *message);

#endif
