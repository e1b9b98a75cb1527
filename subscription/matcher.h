#ifndef SUBSCRIPTION_MATCHER_H
#define SUBSCRIPTION_MATCHER_H

#include "subscription/spec.h"

/*
 * A clause, compiled: a flat list of tests on `struct event`, each of which says where to go on when it holds and when it does not. Matching
 * allocates nothing, looks nothing up by name and tests nothing twice; of what is AND-ed or OR-ed the cheap tests come first.
 */

struct matcher_term;
struct matcher_operand;

#define MATCHER_KEYS_MAX   4
#define MATCHER_PREFIX_MAX 32

struct matcher {
	struct matcher_term *terms;
	struct matcher_operand *operands;
	uint32_t start; /* the term to begin with; or the answer, when that is the same for every event */
	/* What every matching event has at some offsets of struct event, for whoever sorts clauses by it (kind_index.h): integers or pointers
	 * first, then strings that begin so. */
	uint32_t key_count;
	struct matcher_key {
		enum {
			MATCHER_KEY_32,
			MATCHER_KEY_64,
			MATCHER_KEY_PREFIX
		} type;
		uint32_t offset;
		uint32_t length; /* of the prefix, at most MATCHER_PREFIX_MAX; else 0 */
		uint64_t value;  /* of a prefix its hash: others can have the same */
	} keys[MATCHER_KEYS_MAX];
};

/* Compiles a clause of a kind that is served. Its strings and its request are borrowed: the clause must live as long. -ENOMEM. */
int matcher_init(struct matcher *m, const struct clause *clause);
void matcher_done(struct matcher *m);

/* The event must be of the clause's kind. */
bool matcher_matches(const struct matcher *m, const struct event *event);

/* Where to begin with an event that has this one of the keys: often there is less to test then. */
uint32_t matcher_start_behind(const struct matcher *m, const struct matcher_key *key);

/* What an event of the kind has where the key of a matcher is; to be compared with key->value. False: nothing that could match. */
bool matcher_key_load(const struct matcher_key *key, const struct event *event, uint64_t *ret);

/* `*` stands for any run of bytes, `?` for any one; the rest for itself. In at most pattern × text steps, without recursion. */
bool glob_matches(const char *pattern, size_t pattern_length, const char *text, size_t text_length);

#endif
