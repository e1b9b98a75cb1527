#include "tests/recorder/record_maker.h"

#include "base/clock.h"
#include "proto/capsule8_encoder.h"
#include "subscription/extent.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SENSOR "0123456789abcdef"

static struct encoder *encoder;

static struct encoder *get_encoder(void)
{
	if (!encoder)
		encoder = capsule8_encoder_new(SENSOR);
	cr_assert_not_null(encoder);
	return encoder;
}

struct chunk *maker_chunk(uint64_t sequence, uint32_t count)
{
	struct chunk_extent extent = {0};
	struct chunk *chunk;
	struct buffer out;
	size_t length;
	uint8_t *data;

	buffer_init(&out, 0);
	for (uint32_t i = 0; i < count; i++) {
		char name[32];
		struct event e = {.kind = EVENT_PROCESS_EXEC, .time_ns = clock_monotonic_ns(), .sequence = ++sequence, .tid = 7, .tgid = 7};

		snprintf(name, sizeof(name), "/bin/p%llu", (unsigned long long)(sequence * 2654435761u % 1000003));
		e.exec.filename = (struct event_string){.bytes = name, .length = strlen(name)};
		get_encoder()->encode(get_encoder(), &e, DETAIL_BASIC, &out);
		extent_add(&extent, &e);
	}
	data = buffer_take(&out, &length);
	chunk = chunk_new(data, length, count);
	cr_assert_not_null(chunk);
	chunk->extent = extent;
	return chunk;
}

uint64_t maker_put(struct recorder *r, uint64_t sequence, uint32_t chunks, uint32_t events_per_chunk)
{
	for (uint32_t i = 0; i < chunks; i++) {
		struct chunk *c = maker_chunk(sequence, events_per_chunk);
		bool put = outbox_put(recorder_outbox(r), c);

		chunk_unref(c);
		if (!put)
			break;
		sequence += events_per_chunk;
	}
	return sequence;
}

static void take(struct maker_log *log, const struct capsule8_entry *entry)
{
	struct event_lost lost;

	if (entry->kind == EVENT_LOST) {
		cr_assert(capsule8_entry_lost(entry, &lost));
		cr_assert_lt(log->gap_count, sizeof(log->gaps) / sizeof(log->gaps[0]));
		log->gaps[log->gap_count++] = (struct maker_gap){.gap = lost.gap,
								 .count = lost.count,
								 .after = lost.after_sequence,
								 .before = lost.before_sequence,
								 .at = log->count};
		return;
	}
	if (log->count == log->capacity) {
		log->capacity = log->capacity ? 2 * log->capacity : 4096;
		log->sequences = reallocarray(log->sequences, log->capacity, sizeof(*log->sequences));
		cr_assert_not_null(log->sequences);
	}
	log->sequences[log->count++] = entry->sequence;
}

static void walk(struct maker_log *log, const struct buffer *out)
{
	const uint8_t *at = out->data, *end = at + out->length;
	struct capsule8_entry entry;

	while (at < end) {
		cr_assert(capsule8_entry_next(&at, end, &entry));
		take(log, &entry);
	}
}

static struct record_segments *list(const char *directory, int *ret_fd)
{
	struct record_segments *segments = record_segments_new(NULL);
	struct record_segment *found;
	struct error err = {0};
	size_t count;

	*ret_fd = record_directory_open(directory, false, &err);
	cr_assert_geq(*ret_fd, 0, "%s", err.message);
	cr_assert_eq(record_directory_list(*ret_fd, &found, &count, &err), 0, "%s", err.message);
	for (size_t i = 0; i < count; i++) {
		char name[RECORD_NAME_BYTES];

		record_segment_name(name, found[i].number);
		cr_assert_eq(record_segments_add(segments, *ret_fd, name, &found[i]), 0);
	}
	free(found);
	return segments;
}

void maker_read(struct maker_log *log, const char *directory, struct recorder *r)
{
	int fd = -1;
	struct record_segments *segments = r ? recorder_segments(r) : list(directory, &fd);
	struct record_moment from = {.monotonic_ns = INT64_MIN, .realtime_ns = INT64_MIN};
	struct replay_options options = {.segments = segments,
					 .recorder = r,
					 .encoder = capsule8_encoder_new(SENSOR), /* another thread may be making events */
					 .filter = replay_filter_new(NULL, NULL, NULL, &from, NULL),
					 .joined = UINT64_MAX};
	enum replay_result result;
	struct record_moment now;
	struct replay *replay;
	struct buffer out;
	uint32_t events;

	cr_assert_eq(record_moment_now(&now, NULL), 0);
	memcpy(options.boot_id, now.boot_id, sizeof(now.boot_id));
	replay = replay_new(&options);
	cr_assert_not_null(replay);
	*log = (struct maker_log){0};
	buffer_init(&out, 0);
	do {
		buffer_clear(&out);
		result = replay_step(replay, UINT64_MAX - 1, 256 * 1024, &out, &events);
		walk(log, &out);
	} while (result == REPLAY_MORE);
	cr_assert_eq(result, REPLAY_CAUGHT_UP);
	buffer_done(&out);
	replay_free(replay);
	capsule8_encoder_free(options.encoder);
	if (r)
		return;
	record_segments_free(segments);
	close(fd);
}

void maker_log_done(struct maker_log *log)
{
	free(log->sequences);
}

bool maker_is_in_gap(const struct maker_log *log, uint64_t sequence)
{
	for (size_t i = 0; i < log->gap_count; i++)
		if (sequence > log->gaps[i].after && (!log->gaps[i].before || sequence < log->gaps[i].before))
			return true;
	return false;
}
