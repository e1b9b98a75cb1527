#ifndef BASE_SUGGEST_H
#define BASE_SUGGEST_H

#include <stddef.h>

/*
 * "Did you mean ...?": the known word that is nearest to an unknown one. Offer all known words, then ask. Candidates are borrowed until
 * then.
 */
struct suggestion {
	const char *word;
	const char *best;
	size_t best_distance;
};

void suggestion_init(struct suggestion *s, const char *word);
void suggestion_offer(struct suggestion *s, const char *candidate);

/* The nearest candidate; NULL when none is near enough for a slip of the finger. */
const char *suggestion_best(const struct suggestion *s);

/* The number of letters to put in, take out, replace, or swap with their neighbour to make one word of the other (optimal string alignment
 * distance). SIZE_MAX when one of them is longer than 64 bytes: nobody mistypes those. */
size_t edit_distance(const char *a, const char *b);

#endif
