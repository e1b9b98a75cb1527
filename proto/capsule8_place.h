#ifndef PROTO_CAPSULE8_PLACE_H
#define PROTO_CAPSULE8_PLACE_H

#include "capsule8/api/v0/telemetry_service.pb-c.h"
#include "proto/capsule8_decoder.h"
#include "subscription/spec.h"

/*
 * Inside the decoder of requests (capsule8_decoder.h): where a filter stands in the request, and what all filters are decoded with. Functions
 * that return an int return 0, or a negative errno with the path of the field in front of at->err.
 */
struct place {
	struct subscription_spec *spec; /* what is made of the request */
	const char *list;               /* "file_events" */
	size_t index;
	const struct capsule8_decode_options *options;
	struct error *err; /* never NULL */
};

/* Puts the path of `field` in front of the error that happened, and returns its code. */
int place_prefix(const struct place *at, const char *field);

/* -EINVAL, "PATH.FIELD: " and the sentence. */
int place_refuse(const struct place *at, const char *field, const char *format, ...) __attribute__((format(printf, 3, 4)));

int place_no_memory(const struct place *at);

/* The value of an enum must be one that exists, and not 0. */
int place_check_enum(const struct place *at, const char *field, const ProtobufCEnumDescriptor *type, int value);

/* The same where 0 means something as well. */
int place_check_choice(const struct place *at, const char *field, const ProtobufCEnumDescriptor *type, int value);

/* A string of a client must not be longer than CAPSULE8_PATTERN_MAX_BYTES. */
int place_check_length(const struct place *at, const char *field, const char *string);

/* A new clause; NULL: out of memory, and the error says so. */
struct clause *place_add_clause(const struct place *at, enum event_kind kind);

/* Conditions; `field` is the one of the request, `name` the catalog's. Strings may be NULL: nothing is added. */
int place_add_integer(const struct place *at, struct clause *clause, const char *field, const char *name, enum predicate_operator op,
		      uint64_t value);
int place_add_string(const struct place *at, struct clause *clause, const char *field, const char *name, enum predicate_operator op,
		     const Google__Protobuf__StringValue *value);

/* Expressions, the filter's `filter_expression` and the older form, its `filter`; the clause has its request by then. NULL: nothing is added. */
int place_add_expression(const struct place *at, struct clause *clause, const Capsule8__Api__V0__Expression *e);
int place_add_filter_expression(const struct place *at, struct clause *clause, const Capsule8__Api__V0__FilterExpression *e);

/* What becomes of one filter of each list. */
int place_decode_syscall(const struct place *at, const Capsule8__Api__V0__SyscallEventFilter *filter);
int place_decode_process(const struct place *at, const Capsule8__Api__V0__ProcessEventFilter *filter);
int place_decode_file(const struct place *at, const Capsule8__Api__V0__FileEventFilter *filter);
int place_decode_network(const struct place *at, const Capsule8__Api__V0__NetworkEventFilter *filter);
int place_decode_kernel_call(const struct place *at, const Capsule8__Api__V0__KernelFunctionCallFilter *filter);
int place_decode_user_call(const struct place *at, const Capsule8__Api__V0__UserFunctionCallFilter *filter);
int place_decode_container(const struct place *at, const Capsule8__Api__V0__ContainerEventFilter *filter);
int place_decode_performance(const struct place *at, const Capsule8__Api__V0__PerformanceEventFilter *filter);

#endif
