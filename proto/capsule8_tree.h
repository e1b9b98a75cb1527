#ifndef PROTO_CAPSULE8_TREE_H
#define PROTO_CAPSULE8_TREE_H

#include "proto/capsule8_place.h"

/*
 * Inside the decoder of requests: a tree of conditions, of either generation, on its way into a clause. Its parts are numbered as they are met,
 * each before what is below it. When the check (expression.h) refuses the part with some number, the tree is walked a second time, for the path
 * that leads there. How deep it is has been bounded by message_check().
 */
struct tree {
	const struct place *at;
	uint32_t count;  /* parts so far */
	uint32_t wanted; /* the part whose path is looked for; 0: none */
	char path[256];  /* of that */
	int r;           /* a negative errno, with the error in at->err: it was refused; 0 and no expression: out of memory */
};

/* The way to a part: by the field `name` from what `up` leads to; NULL: from the filter. Lives on the walker's stack. */
struct tree_step {
	const struct tree_step *up;
	const char *name; /* may be several: "binary_op.lhs" */
};

/* The number of the next part, which `step` leads to; for expression.position. */
uint32_t tree_number(struct tree *t, const struct tree_step *step);

/* NULL, with the error "PATH: SENTENCE". */
struct expression *tree_refuse(struct tree *t, const struct tree_step *step, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Like their namesakes of struct place, for the field `name` of what `step` leads to; false: refused. */
bool tree_check_enum(struct tree *t, const struct tree_step *step, const char *name, const ProtobufCEnumDescriptor *type, int value);
bool tree_check_choice(struct tree *t, const struct tree_step *step, const char *name, const ProtobufCEnumDescriptor *type, int value);
bool tree_check_length(struct tree *t, const struct tree_step *step, const char *string);

/* "LIKE", for values that have been checked. */
const char *tree_enum_name(const ProtobufCEnumDescriptor *type, int value);

/* Makes an expression of a message; NULL: as struct tree has it. */
typedef struct expression *tree_decode_fn(struct tree *t, const struct tree_step *step, const void *message);

/* ANDs what `decode` makes of the message, which stands in the filter's field `name`, to the clause's filter. */
int tree_add(const struct place *at, struct clause *clause, const char *name, tree_decode_fn *decode, const void *message);

#endif
