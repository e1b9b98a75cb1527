#include "recorder/recorder.h"

#include "base/clock.h"
#include "base/log.h"
#include "recorder/record_block.h"
#include "recorder/record_store.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENT_BYTES_MIN ((uint64_t)256 << 10)
#define SEGMENT_BYTES_MAX ((uint64_t)128 << 20)

/* How often age is looked at while nothing is recorded. */
#define TIDY_INTERVAL_NS (UINT64_C(10) * NSEC_PER_SEC)

#define TAKE_MAX 64

struct recorder {
	struct recorder_options options;
	char *directory;
	char *query;
	struct outbox *outbox;
	struct record_store *store; /* the thread's own, but for its list of segments */
	pthread_t thread;
	bool has_thread;

	pthread_mutex_t mutex; /* for what follows, up to the next blank line */
	pthread_cond_t wake;
	bool woken;
	bool hurry; /* recorder_free() waits */
	uint64_t end_sequence;
	struct chunk **pending; /* taken, and not written */
	size_t pending_count, pending_capacity;
	uint64_t pending_offset; /* of the first of them */
	struct recorder_counters counters;

	/* The thread's own. */
	struct record_block block; /* of the pending chunks */
	uint64_t pending_since_ns;
	uint64_t synced_ns; /* when everything written before was on disk */
	bool dirty;
	bool ended;          /* the outbox has nothing more */
	uint64_t retry_ns;   /* 0: nothing has failed */
	uint64_t give_up_ns; /* 0: never */
	uint64_t tidied_ns;
};

/* The outbox's `ready`: by the thread that puts. */
static void on_ready(void *context)
{
	struct recorder *r = context;

	pthread_mutex_lock(&r->mutex);
	r->woken = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->mutex);
}

/* Counters and state that others look at */

/* What is in memory, taken or not. With the mutex held. */
static size_t queued_bytes(const struct recorder *r)
{
	struct outbox_counters outbox;
	size_t bytes = 0;

	for (size_t i = 0; i < r->pending_count; i++)
		bytes += r->pending[i]->length;
	outbox_counters(r->outbox, &outbox);
	return bytes + outbox.bytes;
}

static void count_failure(struct recorder *r, const struct error *err)
{
	bool first;

	pthread_mutex_lock(&r->mutex);
	r->counters.failures++;
	first = !r->counters.failing;
	r->counters.failing = true;
	snprintf(r->counters.failure, sizeof(r->counters.failure), "%.255s", err->message);
	pthread_mutex_unlock(&r->mutex);
	if (first)
		log_warning("the recorder cannot write; what happens is kept in memory as far as it fits", "directory=\"%s\" error=\"%s\"",
			    r->directory, err->message);
	r->retry_ns = clock_monotonic_ns() + RECORDER_RETRY_NS;
}

static void count_success(struct recorder *r)
{
	bool recovered;

	r->retry_ns = 0;
	pthread_mutex_lock(&r->mutex);
	recovered = r->counters.failing;
	r->counters.failing = false;
	pthread_mutex_unlock(&r->mutex);
	if (recovered)
		log_info("the recorder writes again", "directory=\"%s\"", r->directory);
}

/* Blocks */

static void tidy(struct recorder *r)
{
	struct error err = {0};
	uint64_t deleted;

	r->tidied_ns = clock_monotonic_ns();
	if (record_store_tidy(r->store, &deleted, &err))
		count_failure(r, &err);
	pthread_mutex_lock(&r->mutex);
	r->counters.deleted_segments += deleted;
	pthread_mutex_unlock(&r->mutex);
}

static void forget_pending(struct recorder *r, const struct record_block_header *header)
{
	pthread_mutex_lock(&r->mutex);
	for (size_t i = 0; i < r->pending_count; i++)
		chunk_unref(r->pending[i]);
	r->pending_count = 0;
	r->pending_offset += header->raw_size;
	r->counters.blocks++;
	r->counters.events += header->events;
	r->counters.lost += header->lost;
	r->counters.raw_bytes += header->raw_size;
	r->counters.written_bytes += sizeof(*header) + header->stored_size;
	pthread_mutex_unlock(&r->mutex);
}

/* There was no memory for it. */
static void fill_block_again(struct recorder *r)
{
	record_block_clear(&r->block);
	for (size_t i = 0; i < r->pending_count; i++)
		record_block_add(&r->block, r->pending[i]);
}

/* 0, or the chunks stay. */
static int write_block(struct recorder *r)
{
	struct record_block_header header;
	struct error err = {0};
	size_t size;
	const uint8_t *raw;
	int code;

	if (r->block.raw.failed)
		fill_block_again(r);
	raw = record_block_make(&r->block, r->pending_offset, &header, &size);
	code = raw ? record_store_append(r->store, &header, raw, size, &err) : error_set(&err, -ENOMEM, "out of memory");

	if (code) {
		count_failure(r, &err);
		return code;
	}
	forget_pending(r, &header);
	record_block_clear(&r->block);
	r->dirty = true;
	count_success(r);
	tidy(r);
	return 0;
}

static void sync_blocks(struct recorder *r)
{
	struct error err = {0};

	if (record_store_sync(r->store, &err))
		count_failure(r, &err);
	r->dirty = false;
	r->synced_ns = clock_monotonic_ns();
}

/* Taking */

static bool reserve_pending(struct recorder *r)
{
	size_t capacity = r->pending_capacity ? 2 * r->pending_capacity : 2 * TAKE_MAX;
	struct chunk **pending;

	if (r->pending_count + TAKE_MAX <= r->pending_capacity)
		return true;
	pending = reallocarray(r->pending, capacity, sizeof(struct chunk *));
	if (!pending)
		return false;
	r->pending = pending;
	r->pending_capacity = capacity;
	return true;
}

/* From the outbox to the pending ones in one step, so that recorder_peek() finds each chunk in one of the two. */
static size_t take(struct recorder *r, size_t max_bytes)
{
	struct outbox_end end;
	size_t count = 0;

	pthread_mutex_lock(&r->mutex);
	if (reserve_pending(r)) {
		count = outbox_take(r->outbox, r->pending + r->pending_count, TAKE_MAX, max_bytes, &end, &r->ended);
		r->pending_count += count;
	}
	pthread_mutex_unlock(&r->mutex);
	return count;
}

/* Fills the block. */
static void gather(struct recorder *r)
{
	while (r->block.raw_bytes < RECORDER_BLOCK_BYTES && !r->ended) {
		size_t first = r->pending_count;
		size_t count = take(r, RECORDER_BLOCK_BYTES - r->block.raw_bytes);

		if (!count)
			return;
		if (!first)
			r->pending_since_ns = clock_monotonic_ns();
		for (size_t i = first; i < first + count; i++)
			record_block_add(&r->block, r->pending[i]);
	}
}

/* Waiting */

static void wait_until(struct recorder *r, uint64_t deadline_ns)
{
	struct timespec until = {.tv_sec = (time_t)(deadline_ns / NSEC_PER_SEC), .tv_nsec = (long)(deadline_ns % NSEC_PER_SEC)};

	pthread_mutex_lock(&r->mutex);
	while (!r->woken && !pthread_cond_timedwait(&r->wake, &r->mutex, &until))
		;
	r->woken = false;
	pthread_mutex_unlock(&r->mutex);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t next_deadline(const struct recorder *r)
{
	uint64_t deadline_ns = r->tidied_ns + TIDY_INTERVAL_NS;

	if (r->retry_ns)
		return earlier(r->retry_ns, r->give_up_ns ? r->give_up_ns : UINT64_MAX);
	if (r->pending_count)
		deadline_ns = earlier(deadline_ns, r->pending_since_ns + r->options.flush_ns);
	if (r->dirty)
		deadline_ns = earlier(deadline_ns, r->synced_ns + r->options.flush_ns);
	return deadline_ns;
}

/* Until there is something to do. */
static void wait_for_work(struct recorder *r)
{
	size_t wanted = r->block.raw_bytes < RECORDER_BLOCK_BYTES ? RECORDER_BLOCK_BYTES - r->block.raw_bytes : 0;

	if (r->retry_ns) {
		wait_until(r, next_deadline(r));
		return;
	}
	if (!wanted || r->ended)
		return;
	if (outbox_await(r->outbox, r->pending_count ? wanted : 1))
		return;
	wait_until(r, next_deadline(r));
}

static bool block_is_due(const struct recorder *r, uint64_t now_ns)
{
	if (!r->pending_count || now_ns < r->retry_ns)
		return false;
	return r->ended || r->block.raw_bytes >= RECORDER_BLOCK_BYTES || now_ns >= r->pending_since_ns + r->options.flush_ns;
}

/* The outbox may have ended before recorder_free() says which number was given last. */
static void wait_for_end(struct recorder *r)
{
	pthread_mutex_lock(&r->mutex);
	while (!r->hurry)
		pthread_cond_wait(&r->wake, &r->mutex);
	pthread_mutex_unlock(&r->mutex);
}

static void write_end(struct recorder *r)
{
	struct error err = {0};

	if (record_store_end(r->store, r->pending_offset, r->end_sequence, &err))
		log_warning("the recorder could not end its last segment", "directory=\"%s\" error=\"%s\"", r->directory, err.message);
}

static bool gives_up(struct recorder *r, uint64_t now_ns)
{
	pthread_mutex_lock(&r->mutex);
	if (r->hurry && !r->give_up_ns)
		r->give_up_ns = now_ns + RECORDER_RETRY_NS;
	pthread_mutex_unlock(&r->mutex);
	return r->retry_ns && r->give_up_ns && now_ns >= r->give_up_ns;
}

static void *run(void *context)
{
	struct recorder *r = context;

	pthread_setname_np(pthread_self(), "recorder");
	while (!r->ended || r->pending_count) {
		uint64_t now_ns;

		wait_for_work(r);
		gather(r);
		now_ns = clock_monotonic_ns();
		if (gives_up(r, now_ns)) {
			log_warning("what was not recorded yet is lost", "directory=\"%s\" events=%" PRIu32, r->directory, r->block.events);
			return NULL;
		}
		if (block_is_due(r, now_ns))
			write_block(r);
		if (r->dirty && now_ns >= r->synced_ns + r->options.flush_ns)
			sync_blocks(r);
		if (now_ns >= r->tidied_ns + TIDY_INTERVAL_NS)
			tidy(r);
	}
	wait_for_end(r);
	write_end(r);
	return NULL;
}

/* Life */

static void set_defaults(struct recorder_options *o)
{
	if (!o->capacity_bytes)
		o->capacity_bytes = RECORDER_CAPACITY_DEFAULT;
	if (!o->flush_ns)
		o->flush_ns = RECORDER_FLUSH_DEFAULT_NS;
	if (!o->memory_bytes)
		o->memory_bytes = RECORDER_MEMORY_DEFAULT;
	if (!o->segment_bytes) {
		o->segment_bytes = o->capacity_bytes / RECORDER_SEGMENTS_WANTED;
		if (o->segment_bytes < SEGMENT_BYTES_MIN)
			o->segment_bytes = SEGMENT_BYTES_MIN;
		if (o->segment_bytes > SEGMENT_BYTES_MAX)
			o->segment_bytes = SEGMENT_BYTES_MAX;
	}
}

/* A disk that is in trouble already is no reason not to start. */
static void begin_run(struct recorder *r)
{
	struct error err = {0};

	tidy(r);
	if (record_store_begin(r->store, &err))
		count_failure(r, &err);
}

static int start(struct recorder *r, struct error *err)
{
	const struct outbox_callbacks callbacks = {.ready = on_ready, .ready_context = r};
	int code;

	r->outbox = outbox_new(r->options.memory_bytes, &callbacks);
	if (!r->outbox || !r->directory || !r->query)
		return error_set(err, -ENOMEM, "out of memory");
	code = record_store_open(&r->store, &r->options, err);
	if (code)
		return code;
	r->pending_offset = record_store_offset(r->store);
	r->synced_ns = clock_monotonic_ns();
	begin_run(r);
	code = pthread_create(&r->thread, NULL, run, r);
	if (code)
		return error_set_errno(err, -code, "cannot start the recorder's thread");
	r->has_thread = true;
	return 0;
}

int recorder_new(struct recorder **ret, const struct recorder_options *options, struct error *err)
{
	struct recorder *r = calloc(1, sizeof(*r));
	pthread_condattr_t attributes;
	int code;

	if (!r)
		return error_set(err, -ENOMEM, "out of memory");
	r->options = *options;
	set_defaults(&r->options);
	r->options.directory = r->directory = strdup(options->directory);
	r->options.query = r->query = strdup(options->query ? options->query : "");
	pthread_mutex_init(&r->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&r->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	record_block_init(&r->block);
	code = start(r, err);
	if (code) {
		error_prefix(err, code, "%s", options->directory);
		recorder_free(r, 0);
		return code;
	}
	*ret = r;
	return 0;
}

struct recorder *recorder_free(struct recorder *r, uint64_t last_sequence)
{
	if (!r)
		return NULL;
	if (r->has_thread) {
		pthread_mutex_lock(&r->mutex);
		r->end_sequence = last_sequence;
		r->hurry = true;
		r->woken = true;
		pthread_cond_signal(&r->wake);
		pthread_mutex_unlock(&r->mutex);
		outbox_finish(r->outbox, 0, "");
		pthread_join(r->thread, NULL);
	}
	record_store_close(r->store);
	for (size_t i = 0; i < r->pending_count; i++)
		chunk_unref(r->pending[i]);
	free(r->pending);
	record_block_done(&r->block);
	if (r->outbox)
		outbox_stop_ready(r->outbox);
	outbox_unref(r->outbox);
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->mutex);
	free(r->directory);
	free(r->query);
	free(r);
	return NULL;
}

const struct recorder_options *recorder_options(const struct recorder *r)
{
	return &r->options;
}

const char *recorder_sensor_id(const struct recorder *r)
{
	return record_store_sensor_id(r->store);
}

uint64_t recorder_sequence(const struct recorder *r)
{
	return record_store_sequence(r->store);
}

struct outbox *recorder_outbox(struct recorder *r)
{
	return r->outbox;
}

struct record_segments *recorder_segments(struct recorder *r)
{
	return record_store_segments(r->store);
}

const uint8_t *recorder_boot_id(const struct recorder *r)
{
	return record_store_boot_id(r->store);
}

void recorder_counters(struct recorder *r, struct recorder_counters *ret)
{
	struct record_segments *segments = record_store_segments(r->store);
	struct record_segment oldest;

	pthread_mutex_lock(&r->mutex);
	*ret = r->counters;
	ret->queued_bytes = queued_bytes(r);
	pthread_mutex_unlock(&r->mutex);
	ret->segments = record_segments_count(segments);
	ret->stored_bytes = record_segments_bytes(segments);
	if (record_segments_find(segments, 0, &oldest) && !oldest.unreadable)
		ret->oldest_ns = oldest.header.realtime_ns;
}

size_t recorder_peek(struct recorder *r, uint64_t offset, struct chunk **chunks, size_t max, uint64_t *ret_offset)
{
	uint64_t at;
	size_t skip = 0, count = 0;

	pthread_mutex_lock(&r->mutex);
	at = r->pending_offset;
	if (at > offset) {
		*ret_offset = at;
		pthread_mutex_unlock(&r->mutex);
		return 0;
	}
	while (skip < r->pending_count && at + r->pending[skip]->length <= offset)
		at += r->pending[skip++]->length;
	*ret_offset = at;
	for (size_t i = skip; i < r->pending_count && count < max; i++)
		chunks[count++] = chunk_ref(r->pending[i]);
	/* Behind them come those that were not taken yet. */
	for (size_t i = 0; count < max; i++) {
		struct chunk *c;

		if (!outbox_peek(r->outbox, i, &c, 1))
			break;
		if (!count && at + c->length <= offset) {
			at += c->length;
			*ret_offset = at;
			chunk_unref(c);
			continue;
		}
		chunks[count++] = c;
	}
	pthread_mutex_unlock(&r->mutex);
	return count;
}

size_t recorder_distance(struct recorder *r, uint64_t offset)
{
	uint64_t begin;
	size_t bytes;

	pthread_mutex_lock(&r->mutex);
	begin = r->pending_offset;
	bytes = queued_bytes(r);
	pthread_mutex_unlock(&r->mutex);
	if (offset < begin)
		return SIZE_MAX;
	return offset - begin < bytes ? bytes - (size_t)(offset - begin) : 0;
}
