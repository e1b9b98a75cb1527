#ifndef SUBSCRIPTION_CONTAINER_VERDICTS_H
#define SUBSCRIPTION_CONTAINER_VERDICTS_H

#include "subscription/container_filter.h"

/*
 * What a filter has said of the containers that it was asked about, so that it need not be asked for each event: a hash table of containers'
 * revisions, from which they fall out by and by. It begins small, and doubles when it is asked for more than it has places too often, up to
 * CONTAINER_VERDICTS_MAX: enough for as many containers as events come from in turns, and no more where they come and go all the time.
 *
 * The loop thread.
 */

#define CONTAINER_VERDICTS_MIN 16
#define CONTAINER_VERDICTS_MAX 16384 /* 128 KiB; a host has room for some thousand containers */

/* Zeros at first. */
struct container_verdicts {
	uint64_t *places; /* a container's revision, and in the lowest bit the verdict; 0: free */
	uint32_t capacity;
	uint32_t missed; /* of those that were asked, since it was looked at last whether there are enough places */
	uint64_t asked;
	uint32_t next_victim;
};

void container_verdicts_done(struct container_verdicts *v);

/* The same as container_filter_matches(), for the same filter each time. Without memory it only takes longer. */
bool container_verdicts_match(struct container_verdicts *v, const struct container_filter *f, const struct container *c);

#endif
