#include "service/history.h"

#include "base/clock.h"
#include "proto/capsule8_encoder.h"
#include "proto/capsule8_entry.h"
#include "subscription/query_parse.h"
#include "subscription/window.h"
#include "tests/support/temporary.h"

#include <criterion/criterion.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

/*
 * A sensor without a kernel: events are made by a timer on the loop, 100,000 in a second, and written down as they are dispatched. Clients come at random
 * moments and ask for random parts of the past; what each one gets has to be exactly what the list says.
 */

#define CLIENTS      50
#define QUEUE_BYTES  ((size_t)16 << 20) /* a busy machine may keep the reading thread waiting for a while */
#define EVENTS_MAX   ((size_t)4 << 20)
#define TICK_MS      5
#define TICK_EVENTS  500
#define RUN_MS       3000
#define PATIENCE_NS  (90 * NSEC_PER_SEC)
#define RECORD_QUERY "syscall:enter; file:open; process:exec where filename = '/bin/p1'"

struct logged {
	uint64_t sequence;
	uint64_t time_ns;
	enum event_kind kind;
	uint32_t value;
};

/* What clients ask for, and the same in C. */
struct wish {
	const char *query;
	bool (*wants)(const struct logged *e, bool past);
	uint64_t limit;
	uint64_t throttle_ns;
};

struct client {
	const struct wish *wish;
	uint64_t since_ns;
	uint64_t live_ns, joined; /* when it became active, and the last number before that */
	atomic_uint bytes_per_turn;
	struct outbox *outbox;
	struct history_subscription *subscription;
	atomic_bool room, ended;
	struct logged *got;
	size_t count, capacity;
	uint64_t gaps[8]; /* by enum record_gap */
	uint64_t lost, first_gap_at;
	size_t statuses;
	atomic_size_t read;
};

static uv_loop_t loop;
static uv_timer_t maker, starter;
static uv_async_t room_async;
static struct subscriber_set *set;
static struct recorder *recorder;
static struct history *history;
static struct subscription_spec *kept;
static struct encoder *encoder;
static char directory[TEMPORARY_PATH_BYTES];
static struct logged *log_of_all;
static size_t logged_count;
static struct client clients[CLIENTS];
static size_t client_count, wanted_clients;
static uint64_t now_ns, end_ns, made;
static unsigned random_state;
static atomic_bool reading;
static pthread_t reader;

static bool any(const struct logged *e, bool past)
{
	return e->kind == EVENT_SYSCALL_ENTER || e->kind == EVENT_FILE_OPEN || (e->kind == EVENT_PROCESS_EXEC && (!past || e->value == 1));
}

static bool one_call(const struct logged *e, bool past)
{
	(void)past;
	return e->kind == EVENT_SYSCALL_ENTER && e->value == 3;
}

static bool some_files(const struct logged *e, bool past)
{
	(void)past;
	return e->kind == EVENT_FILE_OPEN && e->value % 5 == 2;
}

static bool call_and_files(const struct logged *e, bool past)
{
	return one_call(e, past) || some_files(e, past);
}

static bool all_files(const struct logged *e, bool past)
{
	(void)past;
	return e->kind == EVENT_FILE_OPEN;
}

/* Recorded in part. */
static bool execs(const struct logged *e, bool past)
{
	return e->kind == EVENT_PROCESS_EXEC && (!past || e->value == 1);
}

/* Not recorded. */
static bool exits(const struct logged *e, bool past)
{
	return e->kind == EVENT_PROCESS_EXIT && !past;
}

static bool files_and_exits(const struct logged *e, bool past)
{
	return all_files(e, past) || exits(e, past);
}

static bool files_and_execs(const struct logged *e, bool past)
{
	return some_files(e, past) || execs(e, past);
}

static const struct wish wishes[] = {
	{"syscall:enter; file:open; process:exec", any, 0, 0},
	{"syscall:close:enter", one_call, 0, 0},
	{"file:open where filename like '/tmp/2/%'", some_files, 0, 0},
	{"syscall:close:enter; file:open where filename like '/tmp/2/%'", call_and_files, 0, 0},
	{"file:open", all_files, 0, 0},
	{"process:exec", execs, 0, 0},
	{"process:exit", exits, 0, 0},
	{"file:open; process:exit", files_and_exits, 0, 0},
	{"process:exec; file:open where filename like '/tmp/2/%'", files_and_execs, 0, 0},
	{"file:open; process:exit", files_and_exits, 5000, 0},
	{"file:open; process:exec", NULL, 1, 0},
	{"file:open; process:exit", files_and_exits, 0, 3 * NSEC_PER_MSEC},
	{"syscall:enter", NULL, 200000, 0},
};

static bool all_calls(const struct logged *e, bool past)
{
	(void)past;
	return e->kind == EVENT_SYSCALL_ENTER;
}

static bool files_and_all_execs(const struct logged *e, bool past)
{
	return all_files(e, past) || execs(e, past);
}

static bool wants(const struct wish *w, const struct logged *e, bool past)
{
	if (w->wants)
		return w->wants(e, past);
	return w->limit == 1 ? files_and_all_execs(e, past) : all_calls(e, past);
}

static uint32_t draw(uint32_t below)
{
	return (uint32_t)rand_r(&random_state) % below;
}

/* The set's */

static void apply_nothing(void *context, const struct plan *plan, struct error refusals[EVENT_KIND_COUNT])
{
	(void)context;
	(void)plan;
	(void)refusals;
}

static uint64_t tell_now(void *context)
{
	(void)context;
	return now_ns;
}

static void dispatch(uint64_t number)
{
	char name[32];
	struct event e = {.time_ns = now_ns, .tid = 10, .tgid = 10};
	uint32_t value;

	snprintf(name, sizeof(name), "/tmp/%" PRIu64 "/name", number % 11);
	if (number % 4 == 1) {
		e.kind = EVENT_FILE_OPEN;
		value = (uint32_t)(number % 11);
		e.file.filename = (struct event_string){.bytes = name, .length = strlen(name)};
	} else if (number % 40 == 2) {
		e.kind = EVENT_PROCESS_EXEC;
		value = (uint32_t)(number / 40 % 3);
		snprintf(name, sizeof(name), "/bin/p%u", value);
		e.exec.filename = (struct event_string){.bytes = name, .length = strlen(name)};
	} else if (number % 50 == 3) {
		e.kind = EVENT_PROCESS_EXIT;
		value = (uint32_t)number;
		e.exit.code = (int32_t)number;
	} else {
		e.kind = EVENT_SYSCALL_ENTER;
		value = (uint32_t)(number % 7);
		e.syscall = (struct event_syscall){.id = (int64_t)value, .abi = SAMPLE_ABI_64, .arguments = {number, number * 7919}};
	}
	/* "/tmp/2/" stands for 2 and nothing else. */
	if (e.kind == EVENT_FILE_OPEN)
		value = value == 2 ? 2 : 3;
	subscriber_set_dispatch(set, &e);
	if (!e.sequence)
		return;
	cr_assert_lt(logged_count, EVENTS_MAX);
	log_of_all[logged_count++] = (struct logged){.sequence = e.sequence, .time_ns = e.time_ns, .kind = e.kind, .value = value};
}

static void on_make(uv_timer_t *timer)
{
	for (size_t i = 0; i < TICK_EVENTS; i++) {
		/* Numbers and times grow together, some times are the same. */
		if (i % 8 == 0) {
			uint64_t t = clock_monotonic_ns();

			now_ns = t > now_ns ? t : now_ns;
		}
		dispatch(made++);
	}
	subscriber_set_flush(set);
	if (now_ns >= end_ns) {
		uv_timer_stop(timer);
		uv_timer_stop(&starter);
	}
}

/* Clients */

static void on_client_room(void *context)
{
	struct client *c = context;

	atomic_store(&c->room, true);
	uv_async_send(&room_async);
}

static void on_room(uv_async_t *async)
{
	(void)async;
	for (size_t i = 0; i < client_count; i++)
		if (atomic_exchange(&clients[i].room, false) && clients[i].subscription)
			history_room(clients[i].subscription);
}

static struct chunk *first_response(void *context, const struct subscriber_statuses *statuses)
{
	struct client *c = context;

	for (size_t i = 0; i < statuses->count; i++)
		c->statuses += statuses->items[i].code != 0;
	return chunk_new(calloc(1, 1), 0, 0);
}

static struct subscription_spec *parse(const char *query)
{
	struct subscription_spec *spec = NULL;
	struct error err = {0};

	cr_assert_eq(query_parse(query, &spec, NULL, &err), 0, "%s: %s", query, err.message);
	return spec;
}

static void add_client(const struct wish *wish, uint64_t since_ns, uint32_t bytes_per_turn)
{
	const struct outbox_callbacks callbacks = {.room = on_client_room, .room_context = &clients[client_count]};
	struct client *c = &clients[client_count];
	struct subscriber_statuses statuses;
	struct subscription_spec *spec = parse(wish->query);
	struct error err = {0};

	*c = (struct client){.wish = wish, .since_ns = since_ns, .bytes_per_turn = bytes_per_turn};
	spec->since_ns = since_ns;
	spec->limit = wish->limit;
	spec->throttle_ns = wish->throttle_ns;
	c->outbox = outbox_new(QUEUE_BYTES, &callbacks);
	c->live_ns = now_ns;
	c->joined = subscriber_set_sequence(set);
	cr_assert_eq(history_add(history, spec, c->outbox, first_response, c, &c->subscription, &statuses, &err), 0, "%s", err.message);
	client_count++;
}

static void on_start(uv_timer_t *timer)
{
	(void)timer;
	if (client_count == wanted_clients)
		return;
	add_client(&wishes[draw(sizeof(wishes) / sizeof(wishes[0]))], 1 + (uint64_t)draw(RUN_MS) * draw(1500) * 1000,
		   draw(3) ? UINT32_MAX : 2000 + draw(20000));
	uv_timer_start(&starter, on_start, 1 + draw(2 * RUN_MS / CLIENTS * 3 / 4), 0);
}

static void take_entry(struct client *c, const struct capsule8_entry *entry)
{
	struct event_lost lost;

	if (entry->kind == EVENT_LOST) {
		cr_assert(capsule8_entry_lost(entry, &lost));
		if (lost.cause == LOST_RECORDER && lost.gap < 8)
			c->gaps[lost.gap]++;
		else
			c->lost += lost.count;
		return;
	}
	if (c->count == c->capacity) {
		c->capacity = c->capacity ? 2 * c->capacity : 4096;
		c->got = reallocarray(c->got, c->capacity, sizeof(*c->got));
		cr_assert_not_null(c->got);
	}
	c->got[c->count++] = (struct logged){.sequence = entry->sequence, .time_ns = entry->time_ns, .kind = entry->kind};
	atomic_store(&c->read, c->count);
}

static void read_some(struct client *c)
{
	struct chunk *chunk;
	struct outbox_end end;
	bool ended = false;
	size_t bytes = 0;

	while (bytes < c->bytes_per_turn && outbox_take(c->outbox, &chunk, 1, 0, &end, &ended)) {
		const uint8_t *at = chunk->data, *stop = chunk->data + chunk->length;
		struct capsule8_entry entry;

		while (at < stop) {
			cr_assert(capsule8_entry_next(&at, stop, &entry));
			take_entry(c, &entry);
		}
		bytes += chunk->length;
		chunk_unref(chunk);
	}
	if (ended)
		atomic_store(&c->ended, true);
}

static atomic_size_t visible_clients;

static void *read_all(void *context)
{
	(void)context;
	while (atomic_load(&reading)) {
		size_t count = atomic_load(&visible_clients);

		for (size_t i = 0; i < count; i++)
			if (!atomic_load(&clients[i].ended))
				read_some(&clients[i]);
		usleep(1000);
	}
	return NULL;
}

/* Life */

static void set_up_with(const struct recorder_options *options)
{
	static const struct subscriber_set_callbacks callbacks = {.apply = apply_nothing, .active_from_ns = tell_now, .now_ns = tell_now};
	struct recorder_options recorder_options = *options;
	struct history_options history_options;
	struct error err = {0};

	temporary_make(directory);
	recorder_options.directory = directory;
	cr_assert_eq(recorder_new(&recorder, &recorder_options, &err), 0, "%s", err.message);
	log_of_all = malloc(EVENTS_MAX * sizeof(*log_of_all));
	encoder = capsule8_encoder_new(recorder_sensor_id(recorder));
	kept = parse(RECORD_QUERY);
	uv_loop_init(&loop);
	set = subscriber_set_new(&callbacks, &loop);
	subscriber_set_begin_at(set, recorder_sequence(recorder));
	history_options = (struct history_options){
		.loop = &loop,
		.set = set,
		.recorder = recorder,
		.kept = kept,
		.encoder = encoder,
		.queue_bytes = QUEUE_BYTES,
		.encoder_new = capsule8_encoder_new,
		.encoder_free = capsule8_encoder_free,
	};
	history = history_new(&history_options);
	cr_assert_not_null(history);
	uv_timer_init(&loop, &maker);
	uv_timer_init(&loop, &starter);
	uv_async_init(&loop, &room_async, on_room);
	now_ns = clock_monotonic_ns();
	atomic_store(&reading, true);
	cr_assert_eq(pthread_create(&reader, NULL, read_all, NULL), 0);
}

static void close_handle(uv_handle_t *handle, void *context)
{
	(void)context;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void tear_down(void)
{
	uint64_t last = subscriber_set_sequence(set);

	atomic_store(&reading, false);
	pthread_join(reader, NULL);
	for (size_t i = 0; i < client_count; i++)
		outbox_stop_room(clients[i].outbox);
	history_end(history);
	subscriber_set_free(set, 0, "");
	uv_walk(&loop, close_handle, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	history_free(history);
	cr_assert_eq(uv_loop_close(&loop), 0);
	recorder_free(recorder, last);
	for (size_t i = 0; i < client_count; i++) {
		outbox_unref(clients[i].outbox);
		free(clients[i].got);
	}
	subscription_spec_free(kept);
	capsule8_encoder_free(encoder);
	free(log_of_all);
	temporary_remove(directory);
}

/* What a client should have got; the list's places of its events, without the throttle. */
static size_t expect(const struct client *c, size_t *places)
{
	uint64_t from_ns = c->live_ns > c->since_ns ? c->live_ns - c->since_ns : 0;
	size_t count = 0;

	for (size_t i = 0; i < logged_count && (!c->wish->limit || count < c->wish->limit); i++)
		if (log_of_all[i].time_ns >= from_ns && wants(c->wish, &log_of_all[i], log_of_all[i].sequence <= c->joined))
			places[count++] = i;
	return count;
}

static size_t throttle(const struct client *c, size_t *places, size_t count)
{
	uint64_t until_ns = 0;
	size_t kept_count = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t time_ns = log_of_all[places[i]].time_ns;

		if (c->wish->throttle_ns && time_ns < until_ns)
			continue;
		until_ns = time_ns + c->wish->throttle_ns;
		places[kept_count++] = places[i];
	}
	return kept_count;
}

static void check(size_t index, const struct client *c, size_t *places)
{
	size_t count = throttle(c, places, expect(c, places));

	cr_assert_eq(c->lost, 0, "client %zu (%s): lost %" PRIu64, index, c->wish->query, c->lost);
	for (size_t i = 0; i < c->count && i < count; i++)
		cr_assert_eq(c->got[i].sequence, log_of_all[places[i]].sequence,
			     "client %zu (%s, since %" PRIu64 " ns, %u bytes): event %zu is number %" PRIu64 " instead of %" PRIu64
			     " (joined %" PRIu64 ")",
			     index, c->wish->query, c->since_ns, atomic_load(&c->bytes_per_turn), i, c->got[i].sequence,
			     log_of_all[places[i]].sequence, c->joined);
	cr_assert_eq(c->count, count, "client %zu (%s, since %" PRIu64 " ns): %zu events instead of %zu", index, c->wish->query,
		     c->since_ns, c->count, count);
	if (c->wish->limit)
		cr_assert(c->count < c->wish->limit || atomic_load(&c->ended));
}

/* Until all have what they are to get. */
static void wait_for_clients(size_t *places)
{
	uint64_t deadline_ns = clock_monotonic_ns() + PATIENCE_NS;
	size_t expected[CLIENTS];
	bool all = false;

	for (size_t i = 0; i < client_count; i++) {
		clients[i].bytes_per_turn = UINT32_MAX;
		expected[i] = throttle(&clients[i], places, expect(&clients[i], places));
	}
	while (!all && clock_monotonic_ns() < deadline_ns) {
		uv_run(&loop, UV_RUN_NOWAIT);
		all = true;
		for (size_t i = 0; i < client_count; i++)
			all = all && atomic_load(&clients[i].read) >= expected[i];
		usleep(500);
	}
	/* Should more come, it comes soon. */
	for (int i = 0; i < 50; i++) {
		uv_run(&loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
}

static void run_until_made(uint64_t ms)
{
	end_ns = clock_monotonic_ns() + ms * NSEC_PER_MSEC;
	uv_timer_start(&maker, on_make, 0, TICK_MS);
	while (uv_is_active((uv_handle_t *)&maker)) {
		uv_run(&loop, UV_RUN_ONCE);
		atomic_store(&visible_clients, client_count);
	}
}

Test(history, everybody_gets_exactly_the_past_and_the_present, .timeout = 300)
{
	const struct recorder_options options = {.capacity_bytes = (uint64_t)1 << 30,
						 .segment_bytes = 512 * 1024,
						 .flush_ns = 20 * NSEC_PER_MSEC,
						 .level = 1};
	struct history_counters counters;
	size_t *places = malloc(EVENTS_MAX * sizeof(*places));

	random_state = (unsigned)getpid();
	wanted_clients = CLIENTS;
	set_up_with(&options);
	uv_timer_start(&starter, on_start, 20, 0);
	run_until_made(RUN_MS);
	cr_assert_gt(client_count, CLIENTS / 2, "only %zu clients came", client_count);
	wait_for_clients(places);
	atomic_store(&reading, false);
	history_counters(history, &counters);
	fprintf(stderr, "seed %d: %zu events, %zu clients, %" PRIu64 " joined, %" PRIu64 " steps\n", (int)getpid(), logged_count,
		client_count, counters.joined, counters.steps);
	for (size_t i = 0; i < client_count; i++)
		check(i, &clients[i], places);
	free(places);
	tear_down();
}
