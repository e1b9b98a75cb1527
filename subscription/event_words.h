#ifndef SUBSCRIPTION_EVENT_WORDS_H
#define SUBSCRIPTION_EVENT_WORDS_H

#include "base/error.h"
#include "subscription/spec.h"

#include <stddef.h>

/*
 * The EVENT words that clauses of the text form (query_parse.h) begin with:
 *
 *	process, file, network      every kind of the family
 *	process:exec, file:open, network:connect, network:connect:result   one kind, as the catalog names it
 *	syscall:openat              enter and exit, of 64-bit callers and, by the number in their own table, of 32-bit callers
 *	syscall:openat:enter        only one of them
 *	syscall:110, syscall:110:exit   by number: 64-bit callers
 *	syscall:enter, syscall:exit all system calls, for a condition that picks some. (Calls of exit(2) are syscall:exit:enter.)
 *	kernel_call:vfs_read(count=%dx:u64):exit, user_call:/bin/bash:readline, performance:cycles,instructions/period=100000
 *	                            calls and counters (call_words.h)
 *	container:created, container:all   one kind, or every kind of the family: its name alone begins a list of containers (query_parse.h)
 *	container:created/full      the same with DETAIL_FULL
 *	ticker, ticker:250ms
 *	chargen, chargen:64
 */

/* Adds what `word` means to `spec`. -EINVAL: it means nothing; the error says what is allowed, or what may have been meant.
 * -ENOMEM. */
int event_word_add(struct subscription_spec *spec, const char *word, struct error *err);

/* The bytes of the word that `text`, a query, goes on with. */
size_t event_word_size(const char *text);

#endif
