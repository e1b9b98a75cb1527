#ifndef SUBSCRIPTION_GENERATOR_H
#define SUBSCRIPTION_GENERATOR_H

#include "subscription/feed.h"

struct uv_loop_s;

/*
 * Clauses whose events are made here: tickers and chargens on the loop, which dispatch to their own feed alone (event->addressee). A chargen
 * pauses while its subscriber's outbox has no room, so that nothing of it is ever lost, and until its throttle lets another piece through, so that
 * none is made for nothing.
 */

/* Starts the generator of clause `index` of the feed. Its first event comes from the loop, never from this call. */
int generator_add(struct subscriber_set *set, struct uv_loop_s *loop, struct feed *f, size_t index, struct error *err);

/* Ends all of the feed's. Also from inside one of their events. */
void generators_free(struct feed *f);

/* There is room in the outbox, or the throttle's interval is over: chargens go on. */
void generators_resume(struct feed *f);

#endif
