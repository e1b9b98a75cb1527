#include "recorder/record_store.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "proto/capsule8_encoder.h"
#include "recorder/record_aside.h"
#include "recorder/segment_writer.h"

#include <errno.h>
#include <inttypes.h>

struct record_store {
	const struct recorder_options *options;
	char sensor_id[CAPSULE8_SENSOR_ID_BYTES + 1];
	struct record_moment began;
	uint64_t first_sequence; /* the last that was given before this run */
	uint64_t offset;         /* where this run begins */
	int directory_fd, lock_fd;
	struct record_segments *segments;
	struct segment_writer *writer; /* NULL: the next block begins a segment */
	struct record_segment segment; /* that is being written, or was last */
	uint64_t next_number;
	uint64_t last_sequence; /* that was recorded */
	enum record_begin begin;
};

/* Segments */

static void abandon_segment(struct record_store *s)
{
	s->writer = segment_writer_abandon(s->writer);
}

/* The directory was removed, or is another one now: what was in it is gone. */
static int reopen_directory(struct record_store *s, struct error *err)
{
	int fd = record_directory_open(s->options->directory, true, err);
	int lock_fd = fd < 0 ? fd : record_directory_lock(fd, err);
	char id[17];
	int code = lock_fd < 0 ? lock_fd : record_directory_sensor_id(fd, s->sensor_id, id, err);

	if (code < 0) {
		if (lock_fd >= 0)
			close(lock_fd);
		if (fd >= 0)
			close(fd);
		return code;
	}
	log_warning("the recorder's directory was removed; it begins anew", "directory=\"%s\"", s->options->directory);
	record_segments_clear(s->segments);
	close(s->lock_fd);
	close(s->directory_fd);
	s->directory_fd = fd;
	s->lock_fd = lock_fd;
	return 0;
}

static struct record_segment_header new_header(const struct record_store *s, uint64_t offset)
{
	bool first = s->begin != RECORD_BEGIN_CONTINUED;
	struct record_segment_header header = {
		.number = s->next_number,
		.offset = offset,
		.sequence = s->last_sequence,
		/* A run begins with the sensor's, not with its first block. */
		.monotonic_ns = first ? (uint64_t)s->began.monotonic_ns : clock_monotonic_ns(),
		.realtime_ns = first ? s->began.realtime_ns : (int64_t)clock_realtime_ns(),
		.begin = s->begin,
	};

	memcpy(header.boot_id, s->began.boot_id, sizeof(header.boot_id));
	memcpy(header.sensor_id, s->sensor_id, sizeof(header.sensor_id));
	memcpy(header.dialect, RECORD_DIALECT, sizeof(RECORD_DIALECT));
	return header;
}

static int open_segment(struct record_store *s, uint64_t offset, struct error *err)
{
	struct record_segment_header header = new_header(s, offset);
	char name[RECORD_NAME_BYTES];
	int code = segment_writer_create(&s->writer, s->directory_fd, &header, s->options->query, s->options->level, err);

	if (code == -ENOENT) {
		code = reopen_directory(s, err);
		if (!code)
			code = segment_writer_create(&s->writer, s->directory_fd, &header, s->options->query, s->options->level, err);
	}
	if (code == -EEXIST)
		s->next_number++;
	if (code) {
		s->writer = NULL;
		return code;
	}
	s->segment = (struct record_segment){
		.number = header.number,
		.size = segment_writer_size(s->writer),
		.header = header,
		.end_offset = header.offset,
	};
	record_segment_name(name, header.number);
	code = record_segments_add(s->segments, s->directory_fd, name, &s->segment);
	if (code) {
		abandon_segment(s);
		return error_set_errno(err, code, "%s", name);
	}
	s->next_number++;
	s->begin = RECORD_BEGIN_CONTINUED;
	return 0;
}

static int close_segment(struct record_store *s, struct error *err)
{
	int code = segment_writer_close(take_pointer(s->writer), err);

	s->segment.closed = !code;
	record_segments_update(s->segments, &s->segment);
	return code;
}

static bool is_too_old(const struct record_store *s, const struct record_segment *segment)
{
	int64_t last_ns = segment->blocks ? (int64_t)segment->last_time_ns + segment->realtime_offset_ns : segment->header.realtime_ns;

	return s->options->age_ns && !segment->unreadable && (int64_t)clock_realtime_ns() - last_ns > (int64_t)s->options->age_ns;
}

int record_store_tidy(struct record_store *s, uint64_t *ret_deleted, struct error *err)
{
	struct record_segment oldest;

	*ret_deleted = 0;
	if (s->writer && is_too_old(s, &s->segment))
		close_segment(s, NULL);
	while (record_segments_find(s->segments, 0, &oldest) && !(s->writer && oldest.number == s->segment.number)) {
		char name[RECORD_NAME_BYTES];

		if (record_segments_bytes(s->segments) <= s->options->capacity_bytes && !is_too_old(s, &oldest))
			return 0;
		record_segment_name(name, oldest.number);
		if (unlinkat(s->directory_fd, name, 0) && errno != ENOENT)
			return error_set_errno(err, -errno, "cannot delete %s", name);
		record_segments_remove(s->segments, oldest.number);
		(*ret_deleted)++;
	}
	return 0;
}

/* Blocks */

static void note_block(struct record_store *s, const struct record_block_header *header)
{
	record_segment_add_block(&s->segment, header);
	s->segment.size = segment_writer_size(s->writer);
	if (header->last_sequence)
		s->last_sequence = header->last_sequence;
	record_segments_update(s->segments, &s->segment);
}

/* Age, too, is kept to the thickness of a segment. */
static bool segment_is_full(const struct record_store *s)
{
	uint64_t age_ns = clock_monotonic_ns() - s->segment.header.monotonic_ns;

	return segment_writer_size(s->writer) >= s->options->segment_bytes ||
	       (s->options->age_ns && age_ns > s->options->age_ns / RECORDER_SEGMENTS_WANTED && s->segment.blocks);
}

int record_store_append(struct record_store *s, struct record_block_header *header, const void *raw, size_t size, struct error *err)
{
	int code;

	if (s->writer && segment_is_full(s))
		close_segment(s, err);
	code = s->writer ? 0 : open_segment(s, header->offset, err);
	if (code)
		return code;
	code = segment_writer_append(s->writer, header, raw, size, err);
	if (!code) {
		note_block(s, header);
		return 0;
	}
	/* Room comes back; what else is wrong with a file may not be wrong with a new one. */
	if (code != -ENOSPC && code != -EDQUOT && s->segment.blocks)
		abandon_segment(s);
	return code;
}

int record_store_sync(struct record_store *s, struct error *err)
{
	int code = s->writer ? segment_writer_sync(s->writer, err) : 0;

	if (code) {
		/* What the kernel could not write it has forgotten: nothing is to be appended behind it. */
		abandon_segment(s);
	} else if (s->writer && !segment_writer_is_there(s->writer)) {
		/* Its blocks went with the directory, or with whoever deleted it. */
		record_segments_remove(s->segments, s->segment.number);
		abandon_segment(s);
	}
	return code;
}

/* A block without entries says which number was given last. */
int record_store_end(struct record_store *s, uint64_t offset, uint64_t sequence, struct error *err)
{
	uint64_t now_ns = clock_monotonic_ns();
	struct record_block_header header = {
		.offset = offset,
		.first_sequence = sequence,
		.last_sequence = sequence,
		.first_time_ns = now_ns,
		.last_time_ns = now_ns,
		.realtime_offset_ns = (int64_t)(clock_realtime_ns() - now_ns),
	};
	int code = record_store_append(s, &header, "", 0, err);

	return code ? code : close_segment(s, err);
}

/* What an earlier run has left */

static void note_sequence(struct record_store *s, uint64_t sequence)
{
	if (sequence > s->last_sequence)
		s->last_sequence = sequence;
}

/* What was put aside behind the last segment that is still there has numbers, too, of its own and of events. */
static int look_aside(struct record_store *s, uint64_t *unknown, struct error *err)
{
	uint64_t count, next;
	int code = record_directory_aside(s->directory_fd, s->next_number, &count, &next, err);

	if (code || !count)
		return code;
	s->next_number = next;
	s->begin = RECORD_BEGIN_CRASHED;
	*unknown += count;
	return 0;
}

/* Takes over what an earlier run has left. */
static int read_directory(struct record_store *s, struct error *err)
{
	struct record_segment *list = NULL;
	uint64_t unknown = 0; /* segments behind the last one that can be read */
	size_t count = 0;
	int code = record_directory_list(s->directory_fd, &list, &count, err);

	s->begin = RECORD_BEGIN_FIRST;
	for (size_t i = 0; !code && i < count; i++) {
		char name[RECORD_NAME_BYTES];
		uint64_t dropped = 0;

		if (i + 1 == count && !list[i].closed && !list[i].unreadable)
			code = record_segment_repair(s->directory_fd, &list[i], &dropped, err);
		if (dropped) {
			log_warning("the last run of the sensor ended in the middle of a block; it was cut off",
				    "directory=\"%s\" segment=%016" PRIx64 " bytes=%" PRIu64, s->options->directory, list[i].number,
				    dropped);
			list[i].size -= dropped;
		}
		record_segment_name(name, list[i].number);
		if (!code)
			code = record_segments_add(s->segments, s->directory_fd, name, &list[i]);
		s->next_number = list[i].number + 1;
		s->begin = list[i].ended ? RECORD_BEGIN_STOPPED : RECORD_BEGIN_CRASHED;
		unknown = list[i].unreadable ? unknown + 1 : 0;
		if (list[i].unreadable)
			continue;
		s->offset = list[i].end_offset;
		note_sequence(s, list[i].header.sequence);
		note_sequence(s, list[i].last_sequence);
	}
	if (!code)
		code = look_aside(s, &unknown, err);
	/* Each of those may have been a run of its own that began behind a crash. */
	if (s->begin == RECORD_BEGIN_CRASHED)
		s->last_sequence = (s->last_sequence / RECORDER_SEQUENCE_LEAP + 1 + unknown) * RECORDER_SEQUENCE_LEAP;
	s->first_sequence = s->last_sequence;
	if (s->begin != RECORD_BEGIN_FIRST)
		s->offset += RECORD_RUN_HOLE;
	free(list);
	return code;
}

static int open_directory(struct record_store *s, struct error *err)
{
	char fresh[CAPSULE8_SENSOR_ID_BYTES + 1];
	int code = capsule8_sensor_id_draw(fresh, err);

	if (code)
		return code;
	s->directory_fd = record_directory_open(s->options->directory, true, err);
	if (s->directory_fd < 0)
		return s->directory_fd;
	s->lock_fd = record_directory_lock(s->directory_fd, err);
	if (s->lock_fd < 0)
		return s->lock_fd;
	code = record_directory_sensor_id(s->directory_fd, fresh, s->sensor_id, err);
	return code ? code : read_directory(s, err);
}

int record_store_open(struct record_store **ret, const struct recorder_options *options, struct error *err)
{
	struct record_store *s = calloc(1, sizeof(*s));
	int code;

	if (!s)
		return error_set(err, -ENOMEM, "out of memory");
	s->options = options;
	s->directory_fd = s->lock_fd = -1;
	code = record_moment_now(&s->began, err);
	if (!code) {
		s->segments = record_segments_new(&s->began);
		code = s->segments ? open_directory(s, err) : error_set(err, -ENOMEM, "out of memory");
	}
	if (code)
		s = record_store_close(s);
	*ret = s;
	return code;
}

struct record_store *record_store_close(struct record_store *s)
{
	if (!s)
		return NULL;
	abandon_segment(s);
	record_segments_free(s->segments);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	if (s->directory_fd >= 0)
		close(s->directory_fd);
	free(s);
	return NULL;
}

int record_store_begin(struct record_store *s, struct error *err)
{
	return open_segment(s, s->offset, err);
}

const char *record_store_sensor_id(const struct record_store *s)
{
	return s->sensor_id;
}

uint64_t record_store_sequence(const struct record_store *s)
{
	return s->first_sequence;
}

uint64_t record_store_offset(const struct record_store *s)
{
	return s->offset;
}

const uint8_t *record_store_boot_id(const struct record_store *s)
{
	return s->began.boot_id;
}

struct record_segments *record_store_segments(struct record_store *s)
{
	return s->segments;
}
