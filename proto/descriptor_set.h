#ifndef PROTO_DESCRIPTOR_SET_H
#define PROTO_DESCRIPTOR_SET_H

#include "base/error.h"

#include "google/protobuf/descriptor.pb-c.h"

#include <stddef.h>
#include <stdint.h>

/*
 * The .proto files of everything we speak, as protoc described them at build time (a google.protobuf.FileDescriptorSet with all imports),
 * inside the binary: what server reflection answers from.
 *
 * Immutable after descriptor_set_new(): any thread may read. Everything that is handed out lives as long as the set.
 */
struct descriptor_set;

struct descriptor_file {
	const char *name;     /* "capsule8/api/v0/event.proto" */
	const uint8_t *bytes; /* the packed google.protobuf.FileDescriptorProto, exactly as protoc made it */
	size_t size;
	const Google__Protobuf__FileDescriptorProto *proto; /* the same, unpacked */
	/* The file itself and all that it imports, directly or not: each once, each before those that it imports. */
	const struct descriptor_file **closure;
	size_t closure_count;
};

/* -ENOMEM; -EINVAL when the bytes in the binary make no sense (a broken build). */
int descriptor_set_new(struct descriptor_set **ret, struct error *err);
/* Takes NULL; returns NULL. */
struct descriptor_set *descriptor_set_free(struct descriptor_set *s);

/* All files, sorted by nothing but protoc's order: imports first. */
const struct descriptor_file *descriptor_set_files(const struct descriptor_set *s, size_t *ret_count);

/* NULL: there is none. */
const struct descriptor_file *descriptor_set_find_file(const struct descriptor_set *s, const char *name);

/* The file that defines a message, field, oneof, enum, enum value, service or method, by full name without a dot in front. As in C++, a value
 * of an enum is a neighbour of the enum: capsule8.api.v0.BASIC. NULL: there is none. */
const struct descriptor_file *descriptor_set_find_symbol(const struct descriptor_set *s, const char *symbol);

/* Full names of all services, in the order of the files. */
const char *const *descriptor_set_services(const struct descriptor_set *s, size_t *ret_count);

#endif
