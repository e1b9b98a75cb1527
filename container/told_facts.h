#ifndef CONTAINER_TOLD_FACTS_H
#define CONTAINER_TOLD_FACTS_H

#include "container/container_inbox.h"

/*
 * What was told of the containers that one directory or file has: so that nothing is told twice, and that what is gone is told once, and only of
 * what was told before.
 *
 * One thread.
 */
struct told_fact;

struct told_facts {
	struct told_fact *by_id;
	uint32_t round;
};

/* Puts a fact into the inbox, unless the last one told of this container is the same. Takes the fact over; NULL is no fact.
 * What is `listed` in the first one is so in all that follow. True: it was put. */
bool told_facts_put(struct told_facts *t, struct container_inbox *inbox, struct container_fact *fact);

/* Says that there is a container, of which nothing can be told yet, unless something was told of it before. True: it was put. */
bool told_facts_announce(struct told_facts *t, struct container_inbox *inbox, const char *id, enum container_source source);

/* A whole list of containers is put between these two: those that were told of before and are not in it are gone. Returns how many facts were put
 * by told_facts_end(). */
void told_facts_begin(struct told_facts *t);
size_t told_facts_end(struct told_facts *t, struct container_inbox *inbox);

/* All are gone. Returns how many facts were put. */
size_t told_facts_done(struct told_facts *t, struct container_inbox *inbox);

/* Forgets all without a word. */
void told_facts_forget(struct told_facts *t);

/* What is put next is told, also when it is the same as before. */
void told_facts_repeat(struct told_facts *t);

#endif
