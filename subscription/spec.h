#ifndef SUBSCRIPTION_SPEC_H
#define SUBSCRIPTION_SPEC_H

#include "base/buffer.h"
#include "base/error.h"
#include "sensor/catalog.h"
#include "subscription/container_filter.h"

/*
 * What a subscriber asks for, in no dialect: decoders (proto/) make it of a request, the subscriber set (subscriber_set.h) serves it. A
 * value that owns everything it points to.
 */

enum predicate_operator {
	PREDICATE_EQUAL,
	PREDICATE_BITS, /* integers: any bit of the value is set in the field */
	PREDICATE_GLOB, /* strings: `*` any run of characters, `?` one character; everything else, `[` and `\` too, is itself */
};

/* field OP value. The value's type is the field's: integers in `integer` (two's complement, negative ones sign-extended to 64 bits), strings
 * in `string`. */
struct predicate {
	const struct catalog_field *field;
	enum predicate_operator op;
	uint64_t integer;
	char *string; /* NUL-terminated */
};

/* One wish: events of a kind for which all predicates hold. */
struct clause {
	enum event_kind kind; /* EVENT_KIND_COUNT: valid, but not served by this sensor; `refusal` says why */
	struct predicate *predicates;
	size_t predicate_count;
	uint64_t interval_ns; /* ticker */
	uint32_t length;      /* chargen: characters per event */
	/* Calls and counters (probe_request_needed()): a reference; the subscriber set may exchange it for an equal one. */
	struct probe_request *request;
	int refusal_code; /* a google.rpc.Code (status.h), with kind EVENT_KIND_COUNT */
	char *refusal;    /* names the clause and the reason; from malloc */
};

struct subscription_spec {
	struct clause *clauses; /* OR-ed */
	size_t clause_count;
	uint64_t limit;       /* ends after so many events; 0: no limit */
	uint64_t throttle_ns; /* one event per so much time, the first; 0: all of them */
	uint64_t since_ns;    /* begins so long ago; 0: now */
	uint64_t for_ns;      /* with has_for: ends so long after its beginning */
	bool has_for;
	struct container_filter *containers; /* only events of these; owned; NULL: whatever they are in */
};

/* An empty one; NULL: out of memory. */
struct subscription_spec *subscription_spec_new(void);

/* Takes NULL; returns NULL. */
struct subscription_spec *subscription_spec_free(struct subscription_spec *s);

/* Appends an empty clause of a kind; NULL: out of memory. Valid until the next one is appended. */
struct clause *subscription_spec_add(struct subscription_spec *s, enum event_kind kind);

/* Appends a predicate on the field called `name` of the clause's kind. `string` is copied; NULL for integer fields.
 * -EINVAL: no such field, the operator does not fit its type, or the value does not fit into it. -ENOMEM. */
int clause_add(struct clause *c, const char *name, enum predicate_operator op, uint64_t integer, const char *string, struct error *err);

/* Makes it one that is not served, with a google.rpc.Code and the sentence; what it asked for is gone. -ENOMEM. */
int clause_refuse(struct clause *c, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Whether both ask for the same, clause by clause in the same order. */
bool subscription_spec_equal(const struct subscription_spec *a, const struct subscription_spec *b);

/* Appends it in words: `syscall:enter(id=257, abi=2) or process:exec(exec_filename~"*.sh") limit 10 throttle 100ms since 1h for
 * 10m`; a clause that is not served is `unserved("the refusal")`. */
void subscription_spec_describe(const struct subscription_spec *s, struct buffer *out);
void clause_describe(const struct clause *c, struct buffer *out);

#endif
