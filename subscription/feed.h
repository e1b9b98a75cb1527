#ifndef SUBSCRIPTION_FEED_H
#define SUBSCRIPTION_FEED_H

#include "subscription/container_verdicts.h"
#include "subscription/matcher.h"
#include "subscription/subscriber_set.h"
#include "subscription/window.h"

/*
 * The inside of the subscriber set: feeds and their members. Nobody outside of subscription/ includes this.
 *
 * A feed is one spec in one dialect: its compiled clauses and the chunk that is being filled. Every subscriber is a member of one feed and
 * gets the feed's chunks; subscribers with equal wishes are members of the same one. A feed with state of its own (a limit, a throttle, a
 * window, a ticker, a chargen) has exactly one member.
 *
 * The loop thread.
 */

/* A chunk is handed over when one more event like its last one would make it longer. Events that are longer themselves end a chunk. */
#define FEED_CHUNK_BYTES ((size_t)64 * 1024)

struct generator;
struct feed;

/* What the feeds with the same encoder share: where the event that is being dispatched has been encoded already, for each detail. */
struct encoding {
	struct encoding *next;
	struct encoder *encoder;
	uint32_t references;
	struct encoded {
		uint64_t sequence;         /* of that event */
		const struct feed *source; /* its open chunk holds the bytes */
		size_t offset;
		size_t length;
	} encoded[DETAIL_COUNT];
};

struct subscriber {
	struct subscriber *prev, *next;               /* of the set */
	struct subscriber *member_prev, *member_next; /* of the feed */
	struct feed *feed;                            /* NULL: the stream has ended and its share is released */
	struct outbox *outbox;
	struct outbox *later; /* while the feed is held: what becomes its outbox then; else NULL */
	uint64_t from_ns;     /* while it waits to join: from which event on */
	struct subscriber_counters counters;
	uint64_t untold; /* events, and hits from lost events, that were dropped and not told yet */
};

struct feed {
	/* What every event looks at comes first, so that thousands of feeds fit into a CPU's cache. */
	bool dirty;
	bool ended;          /* the limit or the end of the window is reached; takes nothing more, waits for its release */
	bool held;           /* its past comes first (subscriber_set_add_held()) */
	bool is_plain;       /* neither containers nor a throttle nor a limit in the spec: there is no need to look */
	uint64_t found_by;   /* the last search of the index that found it */
	uint64_t from_ns;    /* events that are older happened before the feed was there */
	uint64_t joining_ns; /* the least of theirs; UINT64_MAX: none */
	struct subscriber *members;
	struct window window;
	uint64_t full_kinds; /* of the served clauses that ask for DETAIL_FULL */
	struct encoding *encoding;
	struct buffer open;         /* the chunk that is being filled */
	size_t last_bytes;          /* of its last event */
	size_t chunk_bytes;         /* length of the last chunk, as a guess at the next: no more than FEED_CHUNK_BYTES */
	uint32_t open_events;       /* in it, without lost events */
	uint64_t open_lost;         /* told by lost events in it */
	struct chunk_extent extent; /* of it */

	struct feed *prev, *next;             /* of the set */
	struct feed *dirty_prev, *dirty_next; /* of the set's feeds that took something since the last flush */
	struct subscription_spec *spec;       /* owned */
	bool *served;                         /* per clause */
	bool *fed;                            /* of these, those that take events: while the feed is held, not the ones that are recorded */
	struct matcher *matchers;             /* per clause */
	uint64_t kinds;                       /* EVENT_KIND_BIT of the clauses that are fed and whose events are observed (catalog.h) */
	const struct subscriber_set_callbacks *callbacks;
	struct generator *generators;
	struct container_verdicts containers; /* of the spec's filter */
	uint64_t throttle_until_ns;           /* events before this are dropped; 0: none was let through yet */
	struct subscriber *joining;           /* not members before an event of joining_ns or later */
};

/* Takes over the spec (on failure too). Nothing is served yet. NULL: out of memory. */
struct feed *feed_new(struct subscription_spec *spec, struct encoding *encoding, const struct subscriber_set_callbacks *callbacks);
/* Has no members any more; drops what is open. Takes NULL; returns NULL. */
struct feed *feed_free(struct feed *f);

/* Whether others may join it, and whether a feed would give exactly the same bytes. */
bool feed_is_shareable(const struct feed *f);
bool feed_equal(const struct feed *a, const struct feed *b);

/* The first member makes the feed begin with events of `from_ns`; another one joins with the first event of `from_ns` or later, and whatever
 * is open then goes to the old members alone. */
void feed_join(struct feed *f, struct subscriber *m, uint64_t from_ns);
/* True: nobody is left. */
bool feed_leave(struct feed *f, struct subscriber *m);

/* Makes members of those who were waiting for an event of this time. */
void feed_admit(struct feed *f, uint64_t time_ns);

/* The rest of feed_passes(), for an event that is not let through at a glance. */
bool feed_passes_modifiers(struct feed *f, const struct event *event);

/* Whether an event that a clause takes gets through: it has to be of a container that the spec is about, in the window, and the
 * first one in an interval of the throttle, which it then begins. What the throttle drops is counted. Lost events always pass: nobody knows what
 * they were in. */
static inline bool feed_passes(struct feed *f, const struct event *event)
{
	return (f->is_plain && event->time_ns < f->window.end_ns) || feed_passes_modifiers(f, event);
}

/* Appends the event, numbered already, to the open chunk. */
void feed_take(struct feed *f, const struct event *event);

/* The chunk is full, or could not be filled: one more event of the same length would not fit. */
static inline bool feed_is_full(const struct feed *f)
{
	return f->open.failed || f->open.length + f->last_bytes > FEED_CHUNK_BYTES;
}

/* With what is open, its limit is reached. */
static inline bool feed_is_complete(const struct feed *f)
{
	return !f->is_plain && f->spec->limit && !f->held && f->members &&
	       f->members->counters.delivered + f->open_events >= f->spec->limit;
}

/* Hands the open chunk to every member; for a member that has no room, counts it as lost. */
void feed_seal(struct feed *f);

/* The same, and wakes the readers: that was all for now. */
void feed_flush(struct feed *f);

/* Has the set look at its feeds in the first flush of this time or later. */
void subscriber_set_look_at(struct subscriber_set *s, uint64_t time_ns);

/* Tells the member what it missed, if there is something and room for it. */
void feed_tell_lost(struct feed *f, struct subscriber *m);

#endif
