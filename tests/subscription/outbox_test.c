#include "subscription/outbox.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static struct chunk *chunk_of(size_t length, uint32_t events)
{
	uint8_t *data = malloc(length);

	memset(data, 'x', length);
	return chunk_new(data, length, events);
}

static bool put_bytes(struct outbox *o, size_t length)
{
	struct chunk *c = chunk_of(length, 1);
	bool put = outbox_put(o, c);

	chunk_unref(c);
	return put;
}

static size_t take_one(struct outbox *o)
{
	struct outbox_end end;
	struct chunk *c;
	size_t length;
	bool ended;

	if (!outbox_take(o, &c, 1, SIZE_MAX, &end, &ended))
		return 0;
	length = c->length;
	chunk_unref(c);
	return length;
}

static void count_call(void *context)
{
	++*(unsigned *)context;
}

struct calls {
	unsigned ready, room;
};

static struct outbox *counting_outbox(size_t capacity, struct calls *calls)
{
	*calls = (struct calls){0};
	return outbox_new(capacity, &(struct outbox_callbacks){count_call, &calls->ready, count_call, &calls->room});
}

Test(outbox, chunks_come_out_in_order_up_to_count_and_bytes)
{
	struct calls calls;
	struct outbox *o = counting_outbox(1 << 20, &calls);
	struct chunk *chunks[8];
	struct outbox_end end;
	bool ended;

	for (size_t i = 1; i <= 40; i++)
		cr_assert(put_bytes(o, i));
	cr_assert_eq(outbox_take(o, chunks, 3, 1000, &end, &ended), 3);
	cr_assert_not(ended);
	for (size_t i = 0; i < 3; i++) {
		cr_assert_eq(chunks[i]->length, i + 1);
		chunk_unref(chunks[i]);
	}
	cr_assert_eq(outbox_take(o, chunks, 8, 9, &end, &ended), 2); /* 4 + 5 */
	chunk_unref(chunks[0]);
	chunk_unref(chunks[1]);
	cr_assert_eq(outbox_take(o, chunks, 8, 1, &end, &ended), 1); /* always one */
	cr_assert_eq(chunks[0]->length, 6);
	chunk_unref(chunks[0]);
	for (size_t i = 7; i <= 40; i++)
		cr_assert_eq(take_one(o), i);
	cr_assert_eq(take_one(o), 0);
	outbox_unref(o);
}

Test(outbox, what_does_not_fit_is_refused_but_an_empty_queue_takes_anything)
{
	struct calls calls;
	struct outbox *o = counting_outbox(100, &calls);

	cr_assert(put_bytes(o, 1000));
	cr_assert_eq(outbox_room(o), 0);
	cr_assert_not(put_bytes(o, 1));
	cr_assert_eq(take_one(o), 1000);
	cr_assert_eq(outbox_room(o), 100);
	cr_assert(put_bytes(o, 60));
	cr_assert_not(put_bytes(o, 41));
	cr_assert(put_bytes(o, 40));
	cr_assert_eq(outbox_room(o), 0);
	outbox_unref(o);
}

Test(outbox, ready_comes_once_for_each_time_the_queue_was_empty)
{
	struct calls calls;
	struct outbox *o = counting_outbox(100, &calls);

	put_bytes(o, 10);
	put_bytes(o, 10);
	cr_assert_eq(calls.ready, 1);
	take_one(o);
	put_bytes(o, 10);
	cr_assert_eq(calls.ready, 1);
	take_one(o);
	take_one(o);
	put_bytes(o, 10);
	cr_assert_eq(calls.ready, 2);
	take_one(o);
	outbox_finish(o, 0, "");
	cr_assert_eq(calls.ready, 3);
	outbox_unref(o);
}

Test(outbox, room_comes_once_after_a_refusal_when_half_is_free)
{
	struct calls calls;
	struct outbox *o = counting_outbox(100, &calls);

	for (int i = 0; i < 4; i++)
		put_bytes(o, 25);
	take_one(o);
	cr_assert_eq(calls.room, 0);
	cr_assert_not(put_bytes(o, 50));
	cr_assert_eq(calls.room, 0);
	take_one(o);
	cr_assert_eq(calls.room, 1);
	take_one(o);
	take_one(o);
	cr_assert_eq(calls.room, 1);
	outbox_unref(o);
}

Test(outbox, room_that_is_there_is_told_at_once_to_who_asks)
{
	struct calls calls;
	struct outbox *o = counting_outbox(100, &calls);

	put_bytes(o, 50);
	outbox_want_room(o);
	cr_assert_eq(calls.room, 1);
	put_bytes(o, 50);
	outbox_want_room(o);
	cr_assert_eq(calls.room, 1);
	take_one(o);
	cr_assert_eq(calls.room, 2);
	outbox_unref(o);
}

Test(outbox, room_can_be_given_to_another_side_and_be_stopped)
{
	struct calls calls;
	struct outbox *o = counting_outbox(100, &calls);
	unsigned room = 0;

	outbox_set_room(o, count_call, &room);
	outbox_want_room(o);
	cr_assert_eq(calls.room, 0);
	cr_assert_eq(room, 1);
	outbox_stop_room(o);
	outbox_want_room(o);
	cr_assert_eq(room, 1);
	outbox_unref(o);
}

Test(outbox, the_end_comes_behind_what_is_queued_and_the_first_counts)
{
	struct calls calls;
	struct outbox *o = counting_outbox(100, &calls);
	struct outbox_end end = {0};
	struct chunk *c;
	bool ended = true;

	put_bytes(o, 10);
	outbox_finish(o, 14, "going down");
	outbox_finish(o, 0, "again");
	cr_assert_not(put_bytes(o, 10));
	cr_assert_eq(outbox_take(o, &c, 1, 100, &end, &ended), 1);
	cr_assert_not(ended);
	chunk_unref(c);
	cr_assert_eq(outbox_take(o, &c, 1, 100, &end, &ended), 0);
	cr_assert(ended);
	cr_assert_eq(end.code, 14);
	cr_assert_str_eq(end.message, "going down");
	outbox_unref(o);
}

Test(outbox, a_closed_one_frees_and_refuses_everything)
{
	struct calls calls;
	struct outbox *o = counting_outbox(100, &calls);
	struct chunk *c = chunk_of(10, 1);

	cr_assert(outbox_put(o, c));
	cr_assert_eq(atomic_load(&c->references), 2);
	outbox_close(o);
	cr_assert_eq(atomic_load(&c->references), 1);
	cr_assert_not(outbox_put(o, c));
	cr_assert_eq(outbox_room(o), 0);
	outbox_want_room(o);
	cr_assert_eq(calls.room, 0);
	chunk_unref(c);
	outbox_unref(o);
}

Test(outbox, the_last_reference_frees_what_is_queued)
{
	struct calls calls;
	struct outbox *o = counting_outbox(100, &calls);
	struct chunk *c = chunk_of(10, 1);

	outbox_ref(o);
	outbox_put(o, c);
	outbox_unref(o);
	cr_assert_eq(atomic_load(&c->references), 2);
	outbox_unref(o);
	cr_assert_eq(atomic_load(&c->references), 1);
	chunk_unref(c);
	cr_assert_null(outbox_unref(NULL));
}

Test(outbox, counters_tell_bytes_and_events_taken)
{
	struct calls calls;
	struct outbox *o = counting_outbox(100, &calls);
	struct chunk *c = chunk_of(10, 7);
	struct outbox_counters counters;

	outbox_put(o, c);
	outbox_put(o, c);
	chunk_unref(c);
	take_one(o);
	outbox_counters(o, &counters);
	cr_assert_eq(counters.bytes, 10);
	cr_assert_eq(counters.capacity, 100);
	cr_assert_eq(counters.taken_events, 7);
	outbox_unref(o);
}

static void stop_ready_from_inside(void *context)
{
	struct outbox **o = context;

	outbox_stop_ready(*o);
	*o = outbox_unref(*o);
}

Test(outbox, a_callback_may_stop_itself_and_give_its_reference_away, .timeout = 10)
{
	struct outbox *o = NULL, *mine;

	mine = o = outbox_new(100, &(struct outbox_callbacks){.ready = stop_ready_from_inside, .ready_context = &o});
	outbox_ref(mine);
	put_bytes(mine, 10);
	cr_assert_null(o);
	take_one(mine);
	put_bytes(mine, 10);
	outbox_unref(mine);
}

/*
 * Two threads: one puts numbered chunks and counts what is refused, the other takes them, asleep while there is nothing.
 */
#define STRESS_CHUNKS 200000

struct stress {
	struct outbox *outbox;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	bool ready;
	_Atomic unsigned room_calls;
	uint64_t taken, sum;
	uint64_t put, put_sum, refused;
	bool out_of_order;
};

static void stress_ready(void *context)
{
	struct stress *s = context;

	pthread_mutex_lock(&s->mutex);
	s->ready = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->mutex);
}

static void stress_room(void *context)
{
	struct stress *s = context;

	atomic_fetch_add(&s->room_calls, 1);
}

static void *stress_put(void *context)
{
	struct stress *s = context;

	for (uint64_t i = 1; i <= STRESS_CHUNKS; i++) {
		uint64_t *number = malloc(sizeof(*number));
		struct chunk *c;

		*number = i;
		c = chunk_new((uint8_t *)number, sizeof(*number), 1);
		if (outbox_put(s->outbox, c)) {
			s->put++;
			s->put_sum += i;
		} else {
			s->refused++;
			if (i % 16 == 0)
				outbox_want_room(s->outbox);
		}
		chunk_unref(c);
	}
	outbox_finish(s->outbox, 0, "");
	return NULL;
}

static void stress_wait(struct stress *s)
{
	pthread_mutex_lock(&s->mutex);
	while (!s->ready)
		pthread_cond_wait(&s->wake, &s->mutex);
	s->ready = false;
	pthread_mutex_unlock(&s->mutex);
}

static void *stress_take(void *context)
{
	struct stress *s = context;
	struct outbox_end end;
	struct chunk *chunks[16];
	uint64_t last = 0;
	bool ended = false;

	while (!ended) {
		size_t count = outbox_take(s->outbox, chunks, 16, 100, &end, &ended);

		if (!count && !ended)
			stress_wait(s);
		for (size_t i = 0; i < count; i++) {
			uint64_t number = *(uint64_t *)(void *)chunks[i]->data;

			s->out_of_order = s->out_of_order || number <= last;
			last = number;
			s->taken++;
			s->sum += number;
			chunk_unref(chunks[i]);
		}
	}
	return NULL;
}

Test(outbox, two_threads_lose_nothing_that_was_not_refused, .timeout = 60)
{
	struct stress s = {.mutex = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
	pthread_t putter, taker;
	struct outbox_counters counters;

	s.outbox = outbox_new(400, &(struct outbox_callbacks){stress_ready, &s, stress_room, &s});
	pthread_create(&taker, NULL, stress_take, &s);
	pthread_create(&putter, NULL, stress_put, &s);
	pthread_join(putter, NULL);
	pthread_join(taker, NULL);
	cr_assert_eq(s.put + s.refused, STRESS_CHUNKS);
	cr_assert_not(s.out_of_order);
	cr_assert_eq(s.taken, s.put);
	cr_assert_eq(s.sum, s.put_sum);
	cr_assert_gt(s.put, 0);
	outbox_counters(s.outbox, &counters);
	cr_assert_eq(counters.taken_events, s.taken);
	outbox_unref(s.outbox);
}

struct stopper {
	struct outbox *outbox;
	_Atomic bool stopped;
	_Atomic bool called_after_stop;
	_Atomic bool go_on;
};

static void stopper_ready(void *context)
{
	struct stopper *s = context;

	if (atomic_load(&s->stopped))
		atomic_store(&s->called_after_stop, true);
}

static void *stopper_put(void *context)
{
	struct stopper *s = context;

	for (int i = 0; i < 100000 && atomic_load(&s->go_on); i++) {
		put_bytes(s->outbox, 1);
		take_one(s->outbox);
	}
	return NULL;
}

Test(outbox, after_stop_ready_no_call_is_running_or_comes, .timeout = 60)
{
	for (int round = 0; round < 50; round++) {
		struct stopper s = {.go_on = true};
		pthread_t putter;

		s.outbox = outbox_new(100, &(struct outbox_callbacks){.ready = stopper_ready, .ready_context = &s});
		pthread_create(&putter, NULL, stopper_put, &s);
		for (int i = 0; i < 200; i++)
			outbox_room(s.outbox);
		outbox_stop_ready(s.outbox);
		atomic_store(&s.stopped, true);
		for (int i = 0; i < 200; i++)
			outbox_room(s.outbox);
		atomic_store(&s.go_on, false);
		pthread_join(putter, NULL);
		cr_assert_not(atomic_load(&s.called_after_stop));
		outbox_unref(s.outbox);
	}
}

Test(outbox, a_reader_that_waits_for_many_bytes_is_called_once_when_they_are_there)
{
	unsigned ready = 0;
	const struct outbox_callbacks callbacks = {.ready = count_call, .ready_context = &ready};
	struct outbox *o = outbox_new(1000, &callbacks);

	cr_assert_not(outbox_await(o, 100));
	put_bytes(o, 60);
	cr_assert_eq(ready, 0);
	put_bytes(o, 60);
	cr_assert_eq(ready, 1);
	put_bytes(o, 60);
	cr_assert_eq(ready, 1);
	cr_assert(outbox_await(o, 100), "there are 180");
	cr_assert_not(outbox_await(o, 500));
	outbox_finish(o, 0, "");
	cr_assert_eq(ready, 2, "the end is worth a call");
	cr_assert(outbox_await(o, 500));
	outbox_unref(o);
}

Test(outbox, who_looks_leaves_everything_where_it_is)
{
	static const struct outbox_callbacks nobody;
	struct outbox *o = outbox_new(1000, &nobody);
	struct chunk *chunks[4];

	put_bytes(o, 1);
	put_bytes(o, 2);
	put_bytes(o, 3);
	cr_assert_eq(outbox_peek(o, 1, chunks, 4), 2);
	cr_assert_eq(chunks[0]->length, 2);
	cr_assert_eq(chunks[1]->length, 3);
	chunk_unref(chunks[0]);
	chunk_unref(chunks[1]);
	cr_assert_eq(outbox_peek(o, 3, chunks, 4), 0);
	cr_assert_eq(take_one(o), 1);
	cr_assert_eq(outbox_peek(o, 0, chunks, 1), 1);
	cr_assert_eq(chunks[0]->length, 2);
	chunk_unref(chunks[0]);
	outbox_unref(o);
}
