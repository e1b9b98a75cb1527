/*
 * What a recording costs, and what reading it costs. For scripts/bench-recorder, which holds it against perf.
 *
 *	recording measure DIR [ROUNDS]   of a recording that is there: its events and bytes; compressing the same blocks with zstd and nothing else; reading
 *	                                 all of it, and one system call of it, through filters
 *	recording make DIR MIB           makes a recording of so many MiB that ends now
 *	recording first DIR              how long it takes from asking for the last second to its first event, with nothing of it in memory
 *
 * One line of numbers each; the script gives them names.
 */
#include "base/clock.h"
#include "proto/capsule8_encoder.h"
#include "recorder/record_directory.h"
#include "recorder/recorder.h"
#include "recorder/replay.h"
#include "recorder/segment_writer.h"
#include "subscription/query_parse.h"
#include "tests/bench/measure.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#define SENSOR        "0123456789abcdef"
#define ROUNDS_MAX    100
#define STEP_BYTES    ((size_t)1 << 20)
#define BLOCK_BYTES   ((size_t)20 << 10) /* stored as it is: as long as a block of a real recording is when it is compressed */
#define BLOCK_TEXT    "process:exec"
#define SEGMENT_BYTES ((uint64_t)128 << 20)
#define ENTRY_TIME_NS UINT64_C(1000)

static int directory_fd;

static struct record_segments *open_recording(const char *directory)
{
	struct record_segments *segments = record_segments_new(NULL);
	struct record_segment *list;
	struct error err = {0};
	size_t count;

	directory_fd = record_directory_open(directory, false, &err);
	measure_require(directory_fd >= 0, "%s: %s", directory, err.message);
	measure_require(!record_directory_list(directory_fd, &list, &count, &err), "%s: %s", directory, err.message);
	for (size_t i = 0; i < count; i++) {
		char name[RECORD_NAME_BYTES];

		record_segment_name(name, list[i].number);
		measure_require(!record_segments_add(segments, directory_fd, name, &list[i]), "out of memory");
	}
	free(list);
	return segments;
}

static struct replay *open_replay(struct record_segments *segments, struct encoder *encoder, const char *query, int64_t since_ns)
{
	struct replay_options options = {.segments = segments, .encoder = encoder, .joined = UINT64_MAX};
	struct subscription_spec *spec = NULL;
	struct record_moment from;
	struct error err = {0};

	measure_require(!query_parse(query, &spec, NULL, &err), "%s: %s", query, err.message);
	measure_require(!record_moment_now(&from, &err), "%s", err.message);
	memcpy(options.boot_id, from.boot_id, sizeof(options.boot_id));
	from = record_moment_earlier(&from, since_ns);
	options.filter = replay_filter_new(spec, NULL, NULL, &from, NULL);
	subscription_spec_free(spec);
	measure_require(options.filter != NULL, "out of memory");
	return replay_new(&options);
}

/* Reads to the end; *ret_events: what came. Returns the CPU time. */
static uint64_t replay_all(struct record_segments *segments, struct encoder *encoder, const char *query, uint64_t *ret_events)
{
	struct replay *r = open_replay(segments, encoder, query, (int64_t)24 * 3600 * 1000000000);
	uint64_t begin_ns = measure_cpu_ns();
	enum replay_result result;
	struct buffer out;
	uint32_t events;

	buffer_init(&out, 0);
	*ret_events = 0;
	do {
		buffer_clear(&out);
		result = replay_step(r, UINT64_MAX - 1, STEP_BYTES, &out, &events);
		*ret_events += events;
	} while (result == REPLAY_MORE);
	measure_require(result == REPLAY_CAUGHT_UP, "the replay failed");
	buffer_done(&out);
	replay_free(r);
	return measure_cpu_ns() - begin_ns;
}

/* CPU time of compressing all blocks again, and how many bytes come of it. */
static uint64_t compress_all(const struct record_segments *list, int level, uint64_t *ret_bytes, uint64_t *ret_raw)
{
	struct record_segments *segments = (struct record_segments *)list;
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	struct record_segment segment;
	struct segment_reader *reader;
	struct buffer raw, stored;
	struct error err = {0};
	uint64_t number = 0, spent_ns = 0;

	buffer_init(&raw, 0);
	buffer_init(&stored, 0);
	*ret_bytes = *ret_raw = 0;
	ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, level);
	while (!record_segments_open(segments, number, &reader, &segment, &err)) {
		const struct segment_block *blocks;
		size_t count;

		measure_require(!segment_reader_blocks(reader, &blocks, &count, &err), "%s", err.message);
		for (size_t i = 0; i < count; i++) {
			uint64_t begin_ns;
			size_t bound;

			buffer_clear(&raw);
			buffer_clear(&stored);
			measure_require(!segment_reader_read(reader, &blocks[i], &raw, &err), "%s", err.message);
			bound = ZSTD_compressBound(raw.length);
			measure_require(buffer_reserve(&stored, bound) != NULL, "out of memory");
			begin_ns = measure_cpu_ns();
			*ret_bytes += ZSTD_compress2(zstd, stored.data, bound, raw.data, raw.length);
			spent_ns += measure_cpu_ns() - begin_ns;
			*ret_raw += raw.length;
		}
		segment_reader_close(reader);
		number = segment.number + 1;
	}
	buffer_done(&raw);
	buffer_done(&stored);
	ZSTD_freeCCtx(zstd);
	return spent_ns;
}

static int measure(int argc, char **argv)
{
	uint32_t rounds = measure_argument(argc, argv, 3, 3, ROUNDS_MAX);
	struct record_segments *segments = open_recording(argv[2]);
	struct encoder *encoder = capsule8_encoder_new(SENSOR);
	double zstd[ROUNDS_MAX], all[ROUNDS_MAX], some[ROUNDS_MAX], none[ROUNDS_MAX];
	uint64_t events = 0, selected = 0, nothing, bytes = 0, raw = 0;

	for (uint32_t i = 0; i < rounds; i++) {
		zstd[i] = (double)compress_all(segments, RECORDER_LEVEL_DEFAULT, &bytes, &raw);
		all[i] = (double)replay_all(segments, encoder, "syscall:187:enter", &events);
		some[i] = (double)replay_all(segments, encoder, "syscall:187:enter where arg1 = 4242", &selected);
		none[i] = (double)replay_all(segments, encoder, "process:exec", &nothing);
	}
	measure_require(events > 0, "nothing is recorded");
	printf("events %" PRIu64 " raw %" PRIu64 " stored %" PRIu64 " zstd_bytes %" PRIu64
	       " zstd_ns %.1f all_ns %.1f one_ns %.1f selected %" PRIu64 " other_ns %.2f resident %" PRIu64 "\n",
	       events, raw, record_segments_bytes(segments), bytes, measure_spread(zstd, rounds).median / (double)events,
	       measure_spread(all, rounds).median / (double)events, measure_spread(some, rounds).median / (double)events, selected,
	       measure_spread(none, rounds).median / (double)events, measure_resident_bytes());
	capsule8_encoder_free(encoder);
	record_segments_free(segments);
	close(directory_fd);
	return 0;
}

/* Entries of a block: execs whose numbers and times go on. */
static void fill(struct buffer *raw, struct encoder *encoder, uint64_t *sequence, uint64_t *time_ns, struct record_block_header *header)
{
	static const char name[] = "/usr/bin/something";
	struct event e = {.kind = EVENT_PROCESS_EXEC, .tid = 10, .tgid = 10};

	e.exec.filename = (struct event_string){.bytes = name, .length = sizeof(name) - 1};
	buffer_clear(raw);
	header->first_sequence = *sequence + 1;
	header->first_time_ns = *time_ns;
	header->events = 0;
	while (raw->length < BLOCK_BYTES) {
		e.sequence = ++*sequence;
		e.time_ns = *time_ns;
		*time_ns += ENTRY_TIME_NS;
		encoder->encode(encoder, &e, DETAIL_BASIC, raw);
		header->events++;
	}
	header->last_sequence = *sequence;
	header->last_time_ns = e.time_ns;
	header->kinds = record_kind_bit(EVENT_PROCESS_EXEC);
}

static int make(char **argv)
{
	uint64_t total = strtoull(argv[3], NULL, 10) << 20, done = 0, number = 0, sequence = 0, time_ns, events;
	struct encoder *encoder = capsule8_encoder_new(SENSOR);
	struct segment_writer *writer = NULL;
	struct record_block_header block = {0};
	struct record_moment now;
	struct error err = {0};
	struct buffer raw;

	directory_fd = record_directory_open(argv[2], true, &err);
	measure_require(directory_fd >= 0, "%s: %s", argv[2], err.message);
	measure_require(!record_moment_now(&now, &err), "%s", err.message);
	block.realtime_offset_ns = now.realtime_ns - now.monotonic_ns;
	buffer_init(&raw, 0);
	/* About 128 bytes an event; it has to end now. */
	events = total / 100;
	time_ns = (uint64_t)now.monotonic_ns - events * ENTRY_TIME_NS;
	measure_require((uint64_t)now.monotonic_ns > events * ENTRY_TIME_NS, "this machine has not run long enough for so many events");
	while (done < total) {
		if (!writer) {
			struct record_segment_header header = {.number = number++,
							       .offset = block.offset,
							       .sequence = sequence,
							       .monotonic_ns = time_ns,
							       .realtime_ns = (int64_t)time_ns + block.realtime_offset_ns,
							       .begin = number == 1 ? RECORD_BEGIN_FIRST : RECORD_BEGIN_CONTINUED};

			memcpy(header.boot_id, now.boot_id, sizeof(header.boot_id));
			memcpy(header.sensor_id, SENSOR, sizeof(header.sensor_id));
			memcpy(header.dialect, RECORD_DIALECT, sizeof(RECORD_DIALECT));
			measure_require(!segment_writer_create(&writer, directory_fd, &header, BLOCK_TEXT, 0, &err), "%s", err.message);
		}
		fill(&raw, encoder, &sequence, &time_ns, &block);
		measure_require(!segment_writer_append(writer, &block, raw.data, raw.length, &err), "%s", err.message);
		block.offset += raw.length;
		done += raw.length;
		if (segment_writer_size(writer) >= SEGMENT_BYTES || done >= total) {
			measure_require(!segment_writer_close(writer, &err), "%s", err.message);
			writer = NULL;
		}
	}
	printf("events %" PRIu64 " bytes %" PRIu64 " segments %" PRIu64 "\n", sequence, done, number);
	buffer_done(&raw);
	capsule8_encoder_free(encoder);
	close(directory_fd);
	return 0;
}

/* The recorder knows its segments when somebody asks: only the replay is timed. */
static int first(char **argv)
{
	struct record_segments *segments = open_recording(argv[2]);
	struct encoder *encoder = capsule8_encoder_new(SENSOR);
	struct record_segment last;
	struct record_moment now;
	struct error err = {0};
	struct replay *r;
	struct buffer out;
	uint64_t begin_ns, end_ns;
	int64_t since_ns;
	uint32_t events = 0;
	FILE *caches;

	measure_require(record_segments_last(segments, &last), "%s is empty", argv[2]);
	sync();
	caches = fopen("/proc/sys/vm/drop_caches", "w");
	if (caches) {
		fputs("3\n", caches);
		fclose(caches);
	}
	buffer_init(&out, 0);
	measure_require(!record_moment_now(&now, &err), "%s", err.message);
	/* The last second that there is. */
	since_ns = now.monotonic_ns - (int64_t)last.last_time_ns + (int64_t)NSEC_PER_SEC;
	begin_ns = clock_monotonic_ns();
	r = open_replay(segments, encoder, "process:exec", since_ns);
	while (!events && replay_step(r, UINT64_MAX - 1, 1, &out, &events) == REPLAY_MORE)
		buffer_clear(&out);
	end_ns = clock_monotonic_ns();
	measure_require(events > 0, "nothing came");
	printf("first_ms %.2f resident %" PRIu64 " bytes %" PRIu64 "\n", (double)(end_ns - begin_ns) / 1e6, measure_resident_bytes(),
	       record_segments_bytes(segments));
	buffer_done(&out);
	replay_free(r);
	capsule8_encoder_free(encoder);
	record_segments_free(segments);
	close(directory_fd);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 3 && !strcmp(argv[1], "measure"))
		return measure(argc, argv);
	if (argc == 4 && !strcmp(argv[1], "make"))
		return make(argv);
	if (argc == 3 && !strcmp(argv[1], "first"))
		return first(argv);
	fputs("usage: recording measure DIR [ROUNDS] | make DIR MIB | first DIR\n", stderr);
	return 2;
}
