#ifndef SUBSCRIPTION_MATCHER_H
#define SUBSCRIPTION_MATCHER_H

#include "subscription/spec.h"

/*
 * A clause, compiled: a flat list of loads and compares on `struct event`. Matching allocates nothing and looks nothing up; what is cheap
 * and likely to fail is tested first.
 */

struct matcher_term;

struct matcher {
	struct matcher_term *terms;
	size_t count; /* 0: every event of the kind matches */
};

/* Compiles a clause of a kind that is served. Its strings and its request are borrowed: the clause must live as long. -ENOMEM. */
int matcher_init(struct matcher *m, const struct clause *clause);
void matcher_done(struct matcher *m);

/* The event must be of the clause's kind. */
bool matcher_matches(const struct matcher *m, const struct event *event);

/* `*` stands for any run of characters, `?` for any one; the rest for itself. In at most pattern × text steps, without recursion. */
bool glob_matches(const char *pattern, size_t pattern_length, const char *text, size_t text_length);

#endif
