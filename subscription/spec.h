#ifndef SUBSCRIPTION_SPEC_H
#define SUBSCRIPTION_SPEC_H

#include "base/buffer.h"
#include "base/error.h"
#include "subscription/container_filter.h"
#include "subscription/encoder.h"
#include "subscription/expression.h"

/*
 * What a subscriber asks for, in no dialect: decoders (proto/) make it of a request, the subscriber set (subscriber_set.h) serves it. A
 * value that owns everything it points to.
 */

/* The simplest conditions, for clause_add(). */
enum predicate_operator {
	PREDICATE_EQUAL,
	PREDICATE_BITS, /* integers: any bit of the value is set in the field */
	PREDICATE_GLOB, /* strings: EXPRESSION_LIKE */
};

/* One wish: events of a kind for which the filter holds. */
struct clause {
	enum event_kind kind;      /* EVENT_KIND_COUNT: valid, but not served by this sensor; `refusal` says why */
	struct expression *filter; /* checked; NULL: every event of the kind */
	uint64_t interval_ns;      /* ticker */
	uint32_t length;           /* chargen: characters per event */
	enum detail detail;        /* containers; what several clauses of a subscription take is told in full if one of them says so */
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

/* One that asks for the same and lives on its own; requests are shared, with a reference of its own. NULL: out of memory. */
struct subscription_spec *subscription_spec_copy(const struct subscription_spec *s);

/* Appends an empty clause of a kind; NULL: out of memory. Valid until the next one is appended. */
struct clause *subscription_spec_add(struct subscription_spec *s, enum event_kind kind);

/* ANDs a condition on the field called `name` of the clause's kind to its filter. `integer` is in two's complement; `string` is copied, and NULL
 * for integer fields. -EINVAL: no such field, the operator does not fit its type, or the value does not fit into it. -ENOMEM. */
int clause_add(struct clause *c, const char *name, enum predicate_operator op, uint64_t integer, const char *string, struct error *err);

/* ANDs an expression, which it checks and takes over (also on failure), to its filter. Before it: the request of kinds that have one.
 * -EINVAL: the error is a sentence about the part of it that was built with *ret_position (may be NULL). -ENOMEM. */
int clause_add_expression(struct clause *c, struct expression *e, uint32_t *ret_position, struct error *err);

/* Makes it one that is not served, with a google.rpc.Code and the sentence; what it asked for is gone. -ENOMEM. */
int clause_refuse(struct clause *c, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Whether both ask for the same, clause by clause in the same order. */
bool subscription_spec_equal(const struct subscription_spec *a, const struct subscription_spec *b);

/* Appends it in the text form, on one line (query_print.h): `syscall:openat:exit where ret < 0; process:exec where exec_filename like '*.sh'; limit 10;
 * throttle 100ms; since 1h; for 10m`. A clause that is not served is `unserved('the refusal')`. */
void subscription_spec_describe(const struct subscription_spec *s, struct buffer *out);
void clause_describe(const struct clause *c, struct buffer *out);

#endif
