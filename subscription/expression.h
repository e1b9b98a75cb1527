#ifndef SUBSCRIPTION_EXPRESSION_H
#define SUBSCRIPTION_EXPRESSION_H

#include "base/error.h"
#include "sensor/catalog.h"
#include "sensor/probe_request.h"

/*
 * What a clause asks of its events, in no dialect: a tree of fields, values and operators. Both generations of wire expressions, the filters'
 * own fields and the text form (query_parse.h) become one of these; matcher.h runs it, push_down.h gives the kernel what it can decide.
 *
 * Built bottom up by the functions below, then checked once against the catalog by expression_check(), which also brings it into one form:
 * fields are looked up, values have the type of what they are compared with. Everything else in subscription/ takes checked ones only.
 *
 * There are two truth values. A field that an event does not have (the address of another family, a path that is not known) is NULL: every
 * comparison with it is false, and only IS NULL is true of it.
 */

enum expression_type {
	EXPRESSION_FIELD,
	EXPRESSION_VALUE,
	EXPRESSION_AND, /* two operands or more */
	EXPRESSION_OR,
	EXPRESSION_EQ, /* from here two operands, of one type */
	EXPRESSION_NE,
	EXPRESSION_LT, /* these four: numbers and times only */
	EXPRESSION_LE,
	EXPRESSION_GT,
	EXPRESSION_GE,
	EXPRESSION_LIKE, /* a string field and a pattern: `*` any run of characters, `?` one byte; everything else, `[` and `\` too, is itself */
	EXPRESSION_IS_NULL, /* these two: one operand, a field */
	EXPRESSION_IS_NOT_NULL,
	EXPRESSION_BITWISE_AND, /* of two integers of one type, which is its own type as well */
};

/* The numbers are those of the Capsule8 contract's ValueType. */
enum value_type {
	VALUE_NONE,
	VALUE_STRING,
	VALUE_SINT8,
	VALUE_SINT16,
	VALUE_SINT32,
	VALUE_SINT64,
	VALUE_UINT8,
	VALUE_UINT16,
	VALUE_UINT32,
	VALUE_UINT64,
	VALUE_BOOL,
	VALUE_DOUBLE,
	VALUE_TIMESTAMP,
};

struct expression_timestamp {
	int64_t seconds;     /* since the epoch */
	int32_t nanoseconds; /* 0 to 999,999,999 */
};

struct expression {
	enum expression_type type;
	enum value_type value_type; /* what it gives; conditions VALUE_BOOL. Before the check, of values only */
	uint32_t position;          /* for whoever built it: where it stands in a text or a message. Not compared */
	struct expression *first;   /* the operands, owned */
	struct expression *next;    /* the next operand of the same operator */

	/* EXPRESSION_FIELD */
	char *name;                        /* as it was given; not compared after the check */
	const struct catalog_field *field; /* NULL after the check: the argument `argument` of the clause's call */
	uint32_t argument;

	/* EXPRESSION_VALUE */
	union {
		uint64_t integer; /* and booleans; negative ones sign-extended to 64 bits */
		double number;
		struct expression_timestamp timestamp;
		char *string; /* NUL-terminated */
	};
};

/* Bounds of one clause's tree, far beyond what people write. */
#define EXPRESSION_DEPTH_MAX 100
#define EXPRESSION_NODES_MAX 4096

/* NULL from any of these: out of memory. Strings are copied. */
struct expression *expression_new_field(const char *name, uint32_t position);
struct expression *expression_new_integer(enum value_type type, uint64_t integer, uint32_t position);
struct expression *expression_new_bool(bool value, uint32_t position);
struct expression *expression_new_double(double number, uint32_t position);
struct expression *expression_new_timestamp(struct expression_timestamp timestamp, uint32_t position);
struct expression *expression_new_string(const char *string, uint32_t position);

/* An operator over what is taken over, also on failure; NULL among it gives NULL. `right` is NULL for the operators that have one operand. ANDs
 * become one with the ANDs they are made of, ORs likewise: a chain of any length is one level. */
struct expression *expression_new(enum expression_type type, struct expression *left, struct expression *right, uint32_t position);

/* Takes NULL; returns NULL. */
struct expression *expression_free(struct expression *e);

/*
 * Checks it as the filter of a clause of `kind` and brings it into its one form. `request`: the clause's, for kinds that have one; its arguments
 * are fields then, by their names. What cannot be meant is refused: a field that the kind does not have, a value that does not fit exactly into
 * what it is compared with, an operator that a type does not have, a tree that is no condition, or too deep or too large.
 *
 * -EINVAL: the error is a sentence about the node *ret_at (may be NULL), which stays in the tree.
 */
int expression_check(struct expression *e, enum event_kind kind, const struct probe_request *request, const struct expression **ret_at,
		     struct error *err);

/* A checked one again, that shares nothing with it but rows of the catalog. NULL: out of memory, or `e` is NULL. */
struct expression *expression_copy(const struct expression *e);

/* Whether both, checked, ask for the same in the same order; NULL is equal to NULL. */
bool expression_equal(const struct expression *a, const struct expression *b);

/* Whether a field occurs in it. Takes NULL. */
bool expression_has_field(const struct expression *e, const struct catalog_field *field);

/* Whether everything that it is true for has one of a bounded set of values in `field`: `field = 1 and ...`, `field = 1 or field = 2`. */
bool expression_binds(const struct expression *e, const struct catalog_field *field);

/* For those who print, compile and encode. */
bool expression_is_comparison(enum expression_type type); /* EQ to GE */
bool value_type_is_integer(enum value_type type);
bool value_type_is_signed(enum value_type type);
const char *value_type_name(enum value_type type); /* "UINT32" */
enum value_type value_type_of_field(const struct catalog_field *field);

/* Of a comparison of two values: what it is, for every event. */
bool expression_compare_values(enum expression_type type, const struct expression *left, const struct expression *right);

#endif
