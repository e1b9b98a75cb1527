#ifndef SUBSCRIPTION_QUERY_WORD_H
#define SUBSCRIPTION_QUERY_WORD_H

#include "base/buffer.h"
#include "subscription/spec.h"

/*
 * Clauses as the words that they came from (event_words.h), for the printer.
 */

/* Appends the word that stands for the clause's kind with its parameters; its filter is not told. A clause that is not served is
 * unserved('the refusal'), which nothing can read. */
void query_word_put(const struct clause *c, struct buffer *out);

/* "250ms", in the largest unit that says it exactly. */
void query_put_duration(uint64_t ns, struct buffer *out);

/* Words that may say a clause and those behind it at once, the longest run of clauses first. */
struct query_words {
	const struct clause *clause;
	size_t tried;
	char word[96];
	struct subscription_spec *spec; /* what `word` stands for */
};

void query_words_init(struct query_words *w, const struct clause *first);
/* False: there are no more. */
bool query_words_next(struct query_words *w);
void query_words_done(struct query_words *w);

#endif
