#include "subscription/outbox.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* One that can be stopped while other threads may be in it. Under the outbox's mutex. */
struct callback {
	void (*fn)(void *context);
	void *context;
	unsigned running;
};

/* The callbacks that the thread is in, innermost first: so that stopping one from inside it does not wait for itself. */
struct callback_call {
	const struct callback *callback;
	const struct callback_call *outer;
};

static _Thread_local const struct callback_call *calls_here;

struct outbox {
	_Atomic uint32_t references;
	pthread_mutex_t mutex;
	pthread_cond_t callback_left;
	struct callback ready;
	struct callback room;
	/* A ring of slots: `count` chunks from `head` on. */
	struct chunk **slots;
	size_t slot_count; /* a power of two */
	size_t head;
	size_t count;
	size_t bytes;
	size_t capacity;
	uint64_t taken_events;
	size_t awaited; /* bytes that the reader waits for; 0: it is told of the first behind an empty queue */
	bool ready_due; /* there was nothing before what is queued, and the reader has not been told yet */
	bool room_wanted;
	bool ended;
	bool closed;
	struct outbox_end end;
};

struct outbox *outbox_new(size_t capacity_bytes, const struct outbox_callbacks *callbacks)
{
	struct outbox *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	atomic_init(&o->references, 1);
	pthread_mutex_init(&o->mutex, NULL);
	pthread_cond_init(&o->callback_left, NULL);
	o->ready = (struct callback){.fn = callbacks->ready, .context = callbacks->ready_context};
	o->room = (struct callback){.fn = callbacks->room, .context = callbacks->room_context};
	o->capacity = capacity_bytes;
	return o;
}

void outbox_set_room(struct outbox *o, void (*room)(void *context), void *context)
{
	pthread_mutex_lock(&o->mutex);
	o->room.fn = room;
	o->room.context = context;
	pthread_mutex_unlock(&o->mutex);
}

struct outbox *outbox_ref(struct outbox *o)
{
	atomic_fetch_add_explicit(&o->references, 1, memory_order_relaxed);
	return o;
}

static struct chunk *pop(struct outbox *o)
{
	struct chunk *c = o->slots[o->head];

	o->head = (o->head + 1) & (o->slot_count - 1);
	o->count--;
	o->bytes -= c->length;
	return c;
}

static void drop_all(struct outbox *o)
{
	while (o->count)
		chunk_unref(pop(o));
}

struct outbox *outbox_unref(struct outbox *o)
{
	if (!o || atomic_fetch_sub_explicit(&o->references, 1, memory_order_acq_rel) != 1)
		return NULL;
	drop_all(o);
	free(o->slots);
	pthread_cond_destroy(&o->callback_left);
	pthread_mutex_destroy(&o->mutex);
	free(o);
	return NULL;
}

/* Calls it with the mutex released. The thread holds a reference meanwhile: the function may give the caller's away. */
static void callback_call_unlocked(struct outbox *o, struct callback *callback)
{
	struct callback_call here = {.callback = callback, .outer = calls_here};
	void (*fn)(void *context) = callback->fn;
	void *context = callback->context;

	if (!fn) {
		pthread_mutex_unlock(&o->mutex);
		return;
	}
	callback->running++;
	outbox_ref(o);
	pthread_mutex_unlock(&o->mutex);

	calls_here = &here;
	fn(context);
	calls_here = here.outer;

	pthread_mutex_lock(&o->mutex);
	callback->running--;
	pthread_cond_broadcast(&o->callback_left);
	pthread_mutex_unlock(&o->mutex);
	outbox_unref(o);
}

static void callback_stop(struct outbox *o, struct callback *callback)
{
	unsigned own = 0;

	for (const struct callback_call *call = calls_here; call; call = call->outer)
		own += call->callback == callback;
	pthread_mutex_lock(&o->mutex);
	callback->fn = NULL;
	while (callback->running > own)
		pthread_cond_wait(&o->callback_left, &o->mutex);
	pthread_mutex_unlock(&o->mutex);
}

void outbox_stop_ready(struct outbox *o)
{
	callback_stop(o, &o->ready);
}

void outbox_stop_room(struct outbox *o)
{
	callback_stop(o, &o->room);
}

static bool grow_slots(struct outbox *o)
{
	size_t slot_count = o->slot_count ? o->slot_count * 2 : 16;
	struct chunk **slots = calloc(slot_count, sizeof(struct chunk *));

	if (!slots)
		return false;
	for (size_t i = 0; i < o->count; i++)
		slots[i] = o->slots[(o->head + i) & (o->slot_count - 1)];
	free(o->slots);
	o->slots = slots;
	o->slot_count = slot_count;
	o->head = 0;
	return true;
}

static bool takes(struct outbox *o, size_t length)
{
	if (o->ended || o->closed)
		return false;
	if (o->count && (o->bytes > o->capacity || length > o->capacity - o->bytes)) {
		o->room_wanted = true;
		return false;
	}
	if (o->count == o->slot_count && !grow_slots(o)) {
		o->room_wanted = true;
		return false;
	}
	return true;
}

/* With the mutex held, which it releases. */
static void tell_ready(struct outbox *o)
{
	if (!o->ready_due) {
		pthread_mutex_unlock(&o->mutex);
		return;
	}
	o->ready_due = false;
	callback_call_unlocked(o, &o->ready);
}

static bool put(struct outbox *o, struct chunk *c, size_t ready_bytes)
{
	pthread_mutex_lock(&o->mutex);
	if (!takes(o, c->length)) {
		/* Whoever is to make room has to know that there is something. */
		tell_ready(o);
		return false;
	}
	o->ready_due |= !o->count && !o->awaited;
	o->slots[(o->head + o->count) & (o->slot_count - 1)] = chunk_ref(c);
	o->count++;
	o->bytes += c->length;
	if (o->awaited && o->bytes >= o->awaited) {
		o->awaited = 0;
		o->ready_due = true;
		ready_bytes = 0;
	}
	if (o->bytes >= ready_bytes)
		tell_ready(o);
	else
		pthread_mutex_unlock(&o->mutex);
	return true;
}

bool outbox_put(struct outbox *o, struct chunk *c)
{
	return put(o, c, 0);
}

bool outbox_put_more(struct outbox *o, struct chunk *c)
{
	return put(o, c, o->capacity / 4 < OUTBOX_READY_BYTES ? o->capacity / 4 : OUTBOX_READY_BYTES);
}

void outbox_flush(struct outbox *o)
{
	pthread_mutex_lock(&o->mutex);
	tell_ready(o);
}

size_t outbox_room(struct outbox *o)
{
	size_t room = 0;

	pthread_mutex_lock(&o->mutex);
	if (!o->ended && !o->closed && o->bytes < o->capacity)
		room = o->capacity - o->bytes;
	pthread_mutex_unlock(&o->mutex);
	return room;
}

/* Whether the one call that was asked for is due; if so, it is not asked for any more. */
static bool room_is_due(struct outbox *o)
{
	if (!o->room_wanted || o->ended || o->closed || o->bytes > o->capacity / 2)
		return false;
	o->room_wanted = false;
	return true;
}

void outbox_want_room(struct outbox *o)
{
	pthread_mutex_lock(&o->mutex);
	o->room_wanted = true;
	if (room_is_due(o))
		callback_call_unlocked(o, &o->room);
	else
		pthread_mutex_unlock(&o->mutex);
}

void outbox_finish(struct outbox *o, int code, const char *message)
{
	pthread_mutex_lock(&o->mutex);
	if (o->ended || o->closed) {
		pthread_mutex_unlock(&o->mutex);
		return;
	}
	o->ended = true;
	o->end.code = code;
	snprintf(o->end.message, sizeof(o->end.message), "%s", message ? message : "");
	o->ready_due |= !o->count || o->awaited;
	tell_ready(o);
}

bool outbox_await(struct outbox *o, size_t bytes)
{
	bool there;

	pthread_mutex_lock(&o->mutex);
	there = o->bytes >= bytes || o->ended || o->closed;
	o->awaited = there ? 0 : bytes;
	o->ready_due = false;
	pthread_mutex_unlock(&o->mutex);
	return there;
}

size_t outbox_peek(struct outbox *o, size_t skip, struct chunk **chunks, size_t max)
{
	size_t count = 0;

	pthread_mutex_lock(&o->mutex);
	for (size_t i = skip; i < o->count && count < max; i++)
		chunks[count++] = chunk_ref(o->slots[(o->head + i) & (o->slot_count - 1)]);
	pthread_mutex_unlock(&o->mutex);
	return count;
}

size_t outbox_take(struct outbox *o, struct chunk **chunks, size_t max, size_t max_bytes, struct outbox_end *ret_end, bool *ret_ended)
{
	size_t taken = 0, bytes = 0;

	*ret_ended = false;
	pthread_mutex_lock(&o->mutex);
	while (taken < max && o->count) {
		size_t length = o->slots[o->head]->length;

		if (taken && (bytes > max_bytes || length > max_bytes - bytes))
			break;
		bytes += length;
		chunks[taken] = pop(o);
		o->taken_events += chunks[taken]->events;
		taken++;
	}
	if (!taken && !o->count && o->ended) {
		*ret_ended = true;
		*ret_end = o->end;
	}
	if (room_is_due(o))
		callback_call_unlocked(o, &o->room);
	else
		pthread_mutex_unlock(&o->mutex);
	return taken;
}

void outbox_close(struct outbox *o)
{
	pthread_mutex_lock(&o->mutex);
	o->closed = true;
	drop_all(o);
	pthread_mutex_unlock(&o->mutex);
}

void outbox_counters(struct outbox *o, struct outbox_counters *ret)
{
	pthread_mutex_lock(&o->mutex);
	*ret = (struct outbox_counters){.bytes = o->bytes, .capacity = o->capacity, .taken_events = o->taken_events};
	pthread_mutex_unlock(&o->mutex);
}
