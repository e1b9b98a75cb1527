#ifndef CONTAINER_CONTAINER_INBOX_H
#define CONTAINER_CONTAINER_INBOX_H

#include "container/container_fact.h"

/*
 * Where the threads that look at runtimes put facts, for the one that keeps containers. First in, first out; what one thread puts stays in its
 * order. Any thread.
 */
struct container_inbox;

/* `wake` (may be NULL) is called by the putting thread when the inbox was empty before. NULL: out of memory. */
struct container_inbox *container_inbox_new(void (*wake)(void *context), void *context);
/* When nobody puts any more. Frees what is in it. Takes NULL; returns NULL. */
struct container_inbox *container_inbox_free(struct container_inbox *b);

/* Takes the fact over, and notes when; NULL is no fact. */
void container_inbox_put(struct container_inbox *b, struct container_fact *fact);

/* All there is, oldest first, as a list that the caller frees; NULL: nothing. */
struct container_fact *container_inbox_take(struct container_inbox *b);

#endif
