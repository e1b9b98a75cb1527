#ifndef TESTS_EXPRESSIONS_REFERENCE_H
#define TESTS_EXPRESSIONS_REFERENCE_H

#include "sensor/container.h"
#include "sensor/process_cache.h"
#include "tests/expressions/random_tree.h"

/*
 * The meaning of an expression, said as plainly as possible: recursion over the tree, and a list of what is known of the event. matcher.h has to
 * come to the same.
 */

/* Holds every integer of 64 bits, signed or not. */
__extension__ typedef __int128 wide;

struct fact {
	const struct catalog_field *field; /* NULL: the argument `argument` */
	uint32_t argument;
	bool is_null;
	wide integer;
	char string[32];
};

#define FACTS_MAX 48

/* An event, and what is known of it. */
struct known_event {
	struct event event;
	struct fact facts[FACTS_MAX];
	size_t fact_count;
	struct process process;
	struct credentials credentials;
	struct container container;
	struct call_argument arguments[16];
};

/* An event of a kind that known_event_fields() tells the fields of, at random. `request`: of calls. */
void known_event_make(struct known_event *ret, struct random *r, enum event_kind kind, const struct probe_request *request);

/* A call with one argument of each type, in the order of enum call_argument_type. Unreference it; NULL: out of memory. */
struct probe_request *known_request_new(void);

/* What an expression says, for the message of an assertion. From malloc. */
char *known_text(const struct expression *e, const struct probe_request *request);

/* The fields of a kind, own and common ones; how many. `ret` has room for FACTS_MAX. */
size_t known_event_fields(enum event_kind kind, const struct catalog_field **ret);

bool reference_holds(const struct expression *e, const struct fact *facts, size_t count);

#endif
