#ifndef CLI_CALL_WORDS_H
#define CLI_CALL_WORDS_H

#include "base/error.h"
#include "subscription/spec.h"

/*
 * The EVENT words (event_words.h) that ask for probes: what stands behind the family and its colon becomes a clause with a
 * request. `text` NULL: nothing stands there. -EINVAL with a sentence that names the word; -ENOMEM.
 *
 *	SYMBOL[(NAME=FETCHARG,...)][:enter|:exit][/FILTER/]       kernel_call
 *	FILE:SYMBOL[(NAME=FETCHARG,...)][:enter|:exit]            user_call
 *	COUNTER,...[/period=N|/frequency=N]                       performance
 *
 * Commas between parentheses belong to a fetcharg. A function whose name is "exit" is written exit() or exit:enter.
 */
int call_word_add_kernel(struct subscription_spec *spec, const char *text, struct error *err);
int call_word_add_user(struct subscription_spec *spec, const char *text, struct error *err);
int call_word_add_performance(struct subscription_spec *spec, const char *text, struct error *err);

#endif
