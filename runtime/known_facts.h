#ifndef RUNTIME_KNOWN_FACTS_H
#define RUNTIME_KNOWN_FACTS_H

#include "container/container_inbox.h"

/*
 * What one source has told of each container that it has: needed because a fact is whole (what an event says of a container has to be joined with
 * what was known of it, and its metadata may be deleted by then), because only news are told, and because containers that have vanished
 * while nobody listened are to be told as gone.
 *
 * The copies have no raw JSON. One thread.
 */
#define KNOWN_FACTS_MAX 65536 /* those beyond are told and not remembered */

struct known_facts;

/* The inbox is borrowed. NULL: out of memory. */
struct known_facts *known_facts_new(struct container_inbox *inbox);
/* Tells nothing. Takes NULL; returns NULL. */
struct known_facts *known_facts_free(struct known_facts *k);

/* What was told last of a container, valid until something is told of it; NULL: nothing, or it is gone. */
const struct container_fact *known_facts_find(const struct known_facts *k, const char *id);

/* The place (containerd's namespace) that it was told with; NULL: none. */
const char *known_facts_place(const struct known_facts *k, const char *id);

/* Takes the fact over and puts it into the inbox, unless it says what was told last and brings no raw JSON. `place` may be NULL. True: it was
 * put. NULL is no fact. */
bool known_facts_tell(struct known_facts *k, struct container_fact *fact, const char *place);

/* Tells that it is gone, when it was known. `source` as in its facts. */
bool known_facts_tell_gone(struct known_facts *k, const char *id, enum container_source source);

/* A listing: those that are neither told nor seen between begin and end are gone. Returns how many. */
void known_facts_begin_list(struct known_facts *k);
void known_facts_see(struct known_facts *k, const char *id);
size_t known_facts_end_list(struct known_facts *k);

#endif
