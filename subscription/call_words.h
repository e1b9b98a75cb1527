#ifndef SUBSCRIPTION_CALL_WORDS_H
#define SUBSCRIPTION_CALL_WORDS_H

#include "base/error.h"
#include "subscription/spec.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The EVENT words (event_words.h) that ask for probes: what stands behind the family and its colon becomes a clause with a
 * request. `text` NULL: nothing stands there. -EINVAL with a sentence that names the word; -ENOMEM.
 *
 *	SYMBOL[(NAME=FETCHARG,...)][:enter|:exit][/FILTER/]       kernel_call
 *	FILE:SYMBOL[(NAME=FETCHARG,...)][:enter|:exit]            user_call
 *	COUNTER,...[/period=N|/frequency=N]                       performance
 *
 * Commas between parentheses belong to a fetcharg. A function whose name is "exit" is written exit() or exit:enter. Each of the parts in capital
 * letters but COUNTER can be a string of query_string.h between ' and ' instead, for those with blanks, colons and the like in them;
 * FILTER then is /'...'/, and a SYMBOL behind a FILE needs a FILE that is quoted too.
 */
int call_word_add_kernel(struct subscription_spec *spec, const char *text, struct error *err);
int call_word_add_user(struct subscription_spec *spec, const char *text, struct error *err);
int call_word_add_performance(struct subscription_spec *spec, const char *text, struct error *err);

/* Where the text of a kernel or user call ends in a query: in front of `where`, of a comment or of the next item. */
size_t call_word_size(const char *text, bool of_user);

#endif
