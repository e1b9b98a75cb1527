#include "recorder/recorder.h"

#include "base/clock.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "proto/capsule8_encoder.h"
#include "recorder/record_aside.h"
#include "recorder/record_block.h"
#include "recorder/segment_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>

#define SEGMENT_BYTES_MIN ((uint64_t)256 << 10)
#define SEGMENT_BYTES_MAX ((uint64_t)128 << 20)
#define SEGMENTS_WANTED   32

/* How often age is looked at while nothing is recorded. */
#define TIDY_INTERVAL_NS (UINT64_C(10) * NSEC_PER_SEC)

#define TAKE_MAX 64

struct recorder {
	struct recorder_options options;
	char *directory;
	char *query;
	char sensor_id[17];
	uint64_t first_sequence; /* the last that was given before this run */
	struct record_moment began;
	struct outbox *outbox;
	struct record_segments *segments;
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
	int directory_fd, lock_fd;
	struct record_block block; /* of the pending chunks */
	struct segment_writer *writer;
	struct record_segment segment; /* that is being written */
	uint64_t next_number;
	uint64_t last_sequence; /* that was recorded */
	enum record_begin begin;
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

/* Segments */

static void abandon_segment(struct recorder *r)
{
	r->writer = segment_writer_abandon(r->writer);
}

/* The directory was removed, or is another one now: what was in it is gone. */
static int reopen_directory(struct recorder *r, struct error *err)
{
	int fd = record_directory_open(r->directory, true, err);
	int lock_fd = fd < 0 ? fd : record_directory_lock(fd, err);
	char id[17];
	int code = lock_fd < 0 ? lock_fd : record_directory_sensor_id(fd, r->sensor_id, id, err);

	if (code < 0) {
		if (lock_fd >= 0)
			close(lock_fd);
		if (fd >= 0)
			close(fd);
		return code;
	}
	log_warning("the recorder's directory was removed; it begins anew", "directory=\"%s\"", r->directory);
	record_segments_clear(r->segments);
	close(r->lock_fd);
	close(r->directory_fd);
	r->directory_fd = fd;
	r->lock_fd = lock_fd;
	return 0;
}

static struct record_segment_header new_header(const struct recorder *r)
{
	bool first = r->begin != RECORD_BEGIN_CONTINUED;
	struct record_segment_header header = {
		.number = r->next_number,
		.offset = r->pending_offset,
		.sequence = r->last_sequence,
		/* A run begins with the sensor's, not with its first block. */
		.monotonic_ns = first ? (uint64_t)r->began.monotonic_ns : clock_monotonic_ns(),
		.realtime_ns = first ? r->began.realtime_ns : (int64_t)clock_realtime_ns(),
		.begin = r->begin,
	};

	memcpy(header.boot_id, r->began.boot_id, sizeof(header.boot_id));
	memcpy(header.sensor_id, r->sensor_id, sizeof(header.sensor_id));
	memcpy(header.dialect, RECORD_DIALECT, sizeof(RECORD_DIALECT));
	return header;
}

static int open_segment(struct recorder *r, struct error *err)
{
	struct record_segment_header header = new_header(r);
	char name[RECORD_NAME_BYTES];
	int code = segment_writer_create(&r->writer, r->directory_fd, &header, r->query, r->options.level, err);

	if (code == -ENOENT) {
		code = reopen_directory(r, err);
		if (!code)
			code = segment_writer_create(&r->writer, r->directory_fd, &header, r->query, r->options.level, err);
	}
	if (code == -EEXIST)
		r->next_number++;
	if (code) {
		r->writer = NULL;
		return code;
	}
	r->segment = (struct record_segment){
		.number = header.number,
		.size = segment_writer_size(r->writer),
		.header = header,
		.end_offset = header.offset,
	};
	record_segment_name(name, header.number);
	code = record_segments_add(r->segments, r->directory_fd, name, &r->segment);
	if (code) {
		abandon_segment(r);
		return error_set_errno(err, code, "%s", name);
	}
	r->next_number++;
	r->begin = RECORD_BEGIN_CONTINUED;
	return 0;
}

static int close_segment(struct recorder *r, struct error *err)
{
	int code = segment_writer_close(take_pointer(r->writer), err);

	r->segment.closed = !code;
	record_segments_update(r->segments, &r->segment);
	return code;
}

static bool is_too_old(const struct recorder *r, const struct record_segment *segment)
{
	int64_t last_ns = segment->blocks ? (int64_t)segment->last_time_ns + segment->realtime_offset_ns : segment->header.realtime_ns;

	return r->options.age_ns && !segment->unreadable && (int64_t)clock_realtime_ns() - last_ns > (int64_t)r->options.age_ns;
}

/* Retention: the oldest first, never the one that is being written. Those that a replay is reading stay readable for it: it has them open. */
static void tidy(struct recorder *r)
{
	struct record_segment oldest;

	r->tidied_ns = clock_monotonic_ns();
	if (r->writer && is_too_old(r, &r->segment))
		close_segment(r, NULL);
	while (record_segments_find(r->segments, 0, &oldest) && !(r->writer && oldest.number == r->segment.number)) {
		char name[RECORD_NAME_BYTES];
		struct error err = {0};

		if (record_segments_bytes(r->segments) <= r->options.capacity_bytes && !is_too_old(r, &oldest))
			break;
		record_segment_name(name, oldest.number);
		if (unlinkat(r->directory_fd, name, 0) && errno != ENOENT) {
			error_set_errno(&err, -errno, "cannot delete %s", name);
			count_failure(r, &err);
			break;
		}
		record_segments_remove(r->segments, oldest.number);
		pthread_mutex_lock(&r->mutex);
		r->counters.deleted_segments++;
		pthread_mutex_unlock(&r->mutex);
	}
}

/* Blocks */

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

static void note_block(struct recorder *r, const struct record_block_header *header)
{
	struct record_segment *s = &r->segment;

	record_segment_add_block(s, header);
	s->size = segment_writer_size(r->writer);
	if (header->last_sequence)
		r->last_sequence = header->last_sequence;
	record_segments_update(r->segments, s);
}

/* Age, too, is kept to the thickness of a segment. */
static bool segment_is_full(const struct recorder *r)
{
	uint64_t age_ns = clock_monotonic_ns() - r->segment.header.monotonic_ns;

	return segment_writer_size(r->writer) >= r->options.segment_bytes ||
	       (r->options.age_ns && age_ns > r->options.age_ns / SEGMENTS_WANTED && r->segment.blocks);
}

static int append(struct recorder *r, struct record_block_header *header, const void *raw, size_t size, struct error *err)
{
	int code;

	if (r->writer && segment_is_full(r))
		close_segment(r, err);
	code = r->writer ? 0 : open_segment(r, err);
	if (code)
		return code;
	code = segment_writer_append(r->writer, header, raw, size, err);
	if (!code)
		return 0;
	/* Room comes back; what else is wrong with a file may not be wrong with a new one. */
	if (code != -ENOSPC && code != -EDQUOT && r->segment.blocks)
		abandon_segment(r);
	return code;
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
	code = raw ? append(r, &header, raw, size, &err) : error_set(&err, -ENOMEM, "out of memory");

	if (code) {
		count_failure(r, &err);
		return code;
	}
	note_block(r, &header);
	forget_pending(r, &header);
	record_block_clear(&r->block);
	r->dirty = true;
	count_success(r);
	tidy(r);
	return 0;
}

static void sync_segment(struct recorder *r)
{
	struct error err = {0};

	if (r->writer && segment_writer_sync(r->writer, &err)) {
		/* What the kernel could not write it has forgotten: nothing is to be appended behind it. */
		count_failure(r, &err);
		abandon_segment(r);
	} else if (r->writer && !segment_writer_is_there(r->writer)) {
		/* Its blocks went with the directory, or with whoever deleted it. */
		record_segments_remove(r->segments, r->segment.number);
		abandon_segment(r);
	}
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

/* A block without entries says which number was given last. */
static void write_end(struct recorder *r)
{
	struct record_block_header header = {
		.offset = r->pending_offset,
		.first_sequence = r->end_sequence,
		.last_sequence = r->end_sequence,
		.first_time_ns = clock_monotonic_ns(),
		.last_time_ns = clock_monotonic_ns(),
		.realtime_offset_ns = (int64_t)(clock_realtime_ns() - clock_monotonic_ns()),
	};
	struct error err = {0};
	int code = append(r, &header, "", 0, &err);

	if (!code)
		code = segment_writer_close(take_pointer(r->writer), &err);
	if (code)
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
			sync_segment(r);
		if (now_ns >= r->tidied_ns + TIDY_INTERVAL_NS)
			tidy(r);
	}
	wait_for_end(r);
	write_end(r);
	return NULL;
}

/* Life */

static void note_sequence(struct recorder *r, uint64_t sequence)
{
	if (sequence > r->last_sequence)
		r->last_sequence = sequence;
}

/* What was put aside behind the last segment that is still there has numbers, too, of its own and of events. */
static int look_aside(struct recorder *r, uint64_t *unknown, struct error *err)
{
	uint64_t count, next;
	int code = record_directory_aside(r->directory_fd, r->next_number, &count, &next, err);

	if (code || !count)
		return code;
	r->next_number = next;
	r->begin = RECORD_BEGIN_CRASHED;
	*unknown += count;
	return 0;
}

/* Takes over what an earlier run has left. */
static int read_directory(struct recorder *r, struct error *err)
{
	struct record_segment *list = NULL;
	uint64_t unknown = 0; /* segments behind the last one that can be read */
	size_t count = 0;
	int code = record_directory_list(r->directory_fd, &list, &count, err);

	r->begin = RECORD_BEGIN_FIRST;
	for (size_t i = 0; !code && i < count; i++) {
		char name[RECORD_NAME_BYTES];
		uint64_t dropped = 0;

		if (i + 1 == count && !list[i].closed && !list[i].unreadable)
			code = record_segment_repair(r->directory_fd, &list[i], &dropped, err);
		if (dropped) {
			log_warning("the last run of the sensor ended in the middle of a block; it was cut off",
				    "directory=\"%s\" segment=%016" PRIx64 " bytes=%" PRIu64, r->directory, list[i].number, dropped);
			list[i].size -= dropped;
		}
		record_segment_name(name, list[i].number);
		if (!code)
			code = record_segments_add(r->segments, r->directory_fd, name, &list[i]);
		r->next_number = list[i].number + 1;
		r->begin = list[i].ended ? RECORD_BEGIN_STOPPED : RECORD_BEGIN_CRASHED;
		unknown = list[i].unreadable ? unknown + 1 : 0;
		if (list[i].unreadable)
			continue;
		r->pending_offset = list[i].end_offset;
		note_sequence(r, list[i].header.sequence);
		note_sequence(r, list[i].last_sequence);
	}
	if (!code)
		code = look_aside(r, &unknown, err);
	/* Each of those may have been a run of its own that began behind a crash. */
	if (r->begin == RECORD_BEGIN_CRASHED)
		r->last_sequence = (r->last_sequence / RECORDER_SEQUENCE_LEAP + 1 + unknown) * RECORDER_SEQUENCE_LEAP;
	r->first_sequence = r->last_sequence;
	if (r->begin != RECORD_BEGIN_FIRST)
		r->pending_offset += RECORD_RUN_HOLE;
	free(list);
	return code;
}

static int open_directory(struct recorder *r, struct error *err)
{
	char fresh[CAPSULE8_SENSOR_ID_BYTES + 1];
	int code = capsule8_sensor_id_draw(fresh, err);

	if (code)
		return code;
	r->directory_fd = record_directory_open(r->directory, true, err);
	if (r->directory_fd < 0)
		return r->directory_fd;
	r->lock_fd = record_directory_lock(r->directory_fd, err);
	if (r->lock_fd < 0)
		return r->lock_fd;
	code = record_directory_sensor_id(r->directory_fd, fresh, r->sensor_id, err);
	return code ? code : read_directory(r, err);
}

static void set_defaults(struct recorder_options *o)
{
	if (!o->capacity_bytes)
		o->capacity_bytes = RECORDER_CAPACITY_DEFAULT;
	if (!o->flush_ns)
		o->flush_ns = RECORDER_FLUSH_DEFAULT_NS;
	if (!o->memory_bytes)
		o->memory_bytes = RECORDER_MEMORY_DEFAULT;
	if (!o->segment_bytes) {
		o->segment_bytes = o->capacity_bytes / SEGMENTS_WANTED;
		if (o->segment_bytes < SEGMENT_BYTES_MIN)
			o->segment_bytes = SEGMENT_BYTES_MIN;
		if (o->segment_bytes > SEGMENT_BYTES_MAX)
			o->segment_bytes = SEGMENT_BYTES_MAX;
	}
}

/* Before any number is given: should this run crash, the next one has to know that there was one. */
static void begin_run(struct recorder *r)
{
	struct error err = {0};

	if (open_segment(r, &err))
		count_failure(r, &err);
}

static int start(struct recorder *r, struct error *err)
{
	const struct outbox_callbacks callbacks = {.ready = on_ready, .ready_context = r};
	int code = record_moment_now(&r->began, err);

	if (code)
		return code;
	r->outbox = outbox_new(r->options.memory_bytes, &callbacks);
	r->segments = record_segments_new(&r->began);
	if (!r->outbox || !r->segments || !r->directory || !r->query)
		return error_set(err, -ENOMEM, "out of memory");
	code = open_directory(r, err);
	if (code)
		return code;
	r->synced_ns = r->tidied_ns = clock_monotonic_ns();
	tidy(r);
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
	r->directory_fd = r->lock_fd = -1;
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
	segment_writer_abandon(r->writer);
	for (size_t i = 0; i < r->pending_count; i++)
		chunk_unref(r->pending[i]);
	free(r->pending);
	record_block_done(&r->block);
	if (r->outbox)
		outbox_stop_ready(r->outbox);
	outbox_unref(r->outbox);
	record_segments_free(r->segments);
	if (r->lock_fd >= 0)
		close(r->lock_fd);
	if (r->directory_fd >= 0)
		close(r->directory_fd);
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
	return r->sensor_id;
}

uint64_t recorder_sequence(const struct recorder *r)
{
	return r->first_sequence;
}

struct outbox *recorder_outbox(struct recorder *r)
{
	return r->outbox;
}

struct record_segments *recorder_segments(struct recorder *r)
{
	return r->segments;
}

const uint8_t *recorder_boot_id(const struct recorder *r)
{
	return r->began.boot_id;
}

void recorder_counters(struct recorder *r, struct recorder_counters *ret)
{
	struct record_segment oldest;

	pthread_mutex_lock(&r->mutex);
	*ret = r->counters;
	ret->queued_bytes = queued_bytes(r);
	pthread_mutex_unlock(&r->mutex);
	ret->segments = record_segments_count(r->segments);
	ret->stored_bytes = record_segments_bytes(r->segments);
	if (record_segments_find(r->segments, 0, &oldest) && !oldest.unreadable)
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
