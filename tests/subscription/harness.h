#ifndef TESTS_SUBSCRIPTION_HARNESS_H
#define TESTS_SUBSCRIPTION_HARNESS_H

#include "subscription/subscriber_set.h"

#include <uv.h>

/*
 * A subscriber set without a kernel: the plan is written down instead of applied, the clock is a counter, and the dialect is a record that
 * can be read back.
 */

struct harness {
	struct subscriber_set *set;
	uv_loop_t loop;
	uint64_t now_ns;
	uint64_t settled_ns; /* UINT64_MAX: no loss comes late */
	unsigned applied;
	struct plan plan;                      /* the last one */
	struct error refuse[EVENT_KIND_COUNT]; /* code != 0: refused when wanted */
};

void harness_init(struct harness *h);
void harness_done(struct harness *h);
/* With an end for all streams. */
void harness_end(struct harness *h, int code, const char *message);

/* A subscriber and its client. */
struct client {
	struct outbox *outbox;
	struct subscriber *subscriber;
	struct subscriber_statuses statuses;
	struct error err;
	unsigned ready_calls;
	unsigned room_calls;
	struct harness *room_goes_to; /* NULL: `room` is only counted */
	struct outbox_end end;
	bool ended;
};

/* What the fake dialect makes of an event; behind it stand `text_length` bytes of text. */
struct record {
	uint64_t sequence;
	uint64_t time_ns;
	uint64_t value; /* id, count, index or nanoseconds, by kind */
	uint32_t kind;
	uint32_t of;
	uint32_t cause;
	uint32_t text_length;
	uint32_t detail;
};

extern struct encoder fake_encoder;
extern struct encoder other_encoder; /* the same dialect, but another encoder */
extern unsigned fake_encodings;      /* calls of both */

/* A spec of one clause: kind, and id == `id` unless it is negative. */
struct subscription_spec *spec_of(enum event_kind kind, int64_t id, uint64_t limit);

int client_subscribe(struct client *c, struct harness *h, struct subscription_spec *spec, struct encoder *encoder, size_t capacity);
void client_done(struct client *c, struct harness *h);

/* Takes one chunk; NULL: there is none, and c->ended says whether the stream has ended. */
struct chunk *client_take(struct client *c);
/* Takes all that is queued and appends its records to `records`; returns how many there are then. Texts are checked for length only. */
size_t client_read(struct client *c, struct record *records, size_t count, size_t max);
/* The records of one chunk. */
size_t chunk_records(const struct chunk *c, struct record *records, size_t count, size_t max);

/* Dispatches with the next time. */
void dispatch_syscall(struct harness *h, enum event_kind kind, int64_t id);
void dispatch_lost(struct harness *h, enum event_kind of, uint64_t count);
/* Dispatches a SYSCALL_ENTER of this time, which is the harness's time from then on. */
void dispatch_at(struct harness *h, uint64_t time_ns, int64_t id);

#endif
