#include "cli/command.h"

#include "cli/interrupt.h"
#include "cli/recording_files.h"
#include "cli/response.h"
#include "cli/watch_options.h"
#include "proto/capsule8_decoder.h"
#include "proto/capsule8_encoder.h"
#include "recorder/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#define STEP_BYTES ((size_t)1 << 20)

static const char help[] =
	"ringside replay shows what a recorder has kept, from its files alone: no sensor is needed, and one that is writing is not\n"
	"disturbed.\n"
	"\n"
	"usage: ringside replay [OPTIONS] DIR_OR_SEGMENT... [EVENT [where CONDITION]]...\n"
	"\n"
	"DIR_OR_SEGMENT is the directory of 'ringside sensor --record', or segments of it, which may have been copied and renamed\n"
	"and stand in any order: they know their place. The first words that are there as files or directories are taken for\n"
	"these, or all before '--'. What follows picks events, in the words of 'ringside watch'; without any, everything is shown.\n"
	"\n"
	"      --file FILE         events, conditions, limits and the like from a file, as for 'ringside watch'\n"
	"      --container WHAT    only what happened in these containers, any number of times: the beginning of an id, a name, or\n"
	"                          a pattern for the image's name\n"
	"      --since DURATION    begin so long before the last event of the recording: 10s, 5m, 1h, 2d\n"
	"      --for DURATION      end so long after that or, without --since, after the first event of the recording\n"
	"  -n, --limit N           end after N events\n"
	"      --throttle DURATION at most one event in so much time: 100ms, 1s, 2m, 1h\n"
	"  -o, --output FORM       text; json: one object per line, protobuf's JSON of a TelemetryEvent;\n"
	"                          none: only count\n"
	"      --color auto|always|never\n"
	"  -q, --quiet             no notes on standard error, only errors\n"
	"  -h, --help\n"
	"\n"
	"'since' and 'for' in a query mean the same as these options. Times of day are those of the recording.\n"
	"\n"
	"What is missing is shown at its place, as a line that begins with 'lost': where no sensor ran, what is damaged, segments\n"
	"that are not there. Ctrl-C ends it and says how many events there were until then.\n"
	"\n"
	"exit status: 0; 1 when something could not be read, a damaged block too, though everything else was shown; 64 for words\n"
	"it does not understand.\n"
	"\n"
	"examples:\n"
	"  ringside replay /var/lib/ringside\n"
	"  ringside replay --since 1h /var/lib/ringside 'process:exec where uid = 0'\n"
	"  ringside replay -o json segment-000000000000001*.rec -- file:delete | jq .event.file.filename\n";

struct replay_command {
	struct recording_files files;
	struct watch_options options;
	struct watch_query query;
	struct response_reader reader;
	atomic_bool interrupted;
};

static int say(const struct error *err)
{
	text_say("ringside: ", err->message);
	return 1;
}

static void interrupt(void *context)
{
	atomic_store(&((struct replay_command *)context)->interrupted, true);
}

/* What is shown */

static struct record_moment moment_of(const struct record_segment_header *header, uint64_t time_ns, int64_t realtime_offset_ns)
{
	struct record_moment moment = {.monotonic_ns = (int64_t)time_ns};

	if (__builtin_add_overflow(moment.monotonic_ns, realtime_offset_ns, &moment.realtime_ns))
		moment.realtime_ns = INT64_MAX;
	memcpy(moment.boot_id, header->boot_id, sizeof(moment.boot_id));
	return moment;
}

static int64_t realtime_offset_ns(const struct record_segment_header *header)
{
	return header->realtime_ns - (int64_t)header->monotonic_ns;
}

/* Of one segment. False: it has no events. */
static bool last_event(const struct recording_file *file, struct record_moment *ret)
{
	const struct segment_block *blocks;
	struct segment_reader *reader;
	struct error err;
	size_t count;
	bool found = false;

	if (segment_reader_open(&reader, file->directory_fd, file->name, &err))
		return false;
	if (segment_reader_blocks(reader, &blocks, &count, &err))
		count = 0;
	/* A block without bytes tells when the run ended, which may be long after the last event. */
	while (count-- && !found) {
		found = !blocks[count].damaged && blocks[count].header.raw_size;
		if (found)
			*ret = moment_of(segment_reader_header(reader), blocks[count].header.last_time_ns,
					 blocks[count].header.realtime_offset_ns);
	}
	segment_reader_close(reader);
	return found;
}

/* What `since` counts back from. */
static struct record_moment end_of(const struct recording_files *f)
{
	const struct record_segment_header *last = &f->items[f->count - 1].segment.header;
	struct record_moment moment;

	for (size_t i = f->count; i--;)
		if (last_event(&f->items[i], &moment))
			return moment;
	return moment_of(last, last->monotonic_ns, realtime_offset_ns(last));
}

/* What `for` counts from. */
static struct record_moment begin_of(const struct recording_files *f)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct record_segment *s = &f->items[i].segment;

		if (s->events)
			return moment_of(&s->header, s->first_time_ns, s->realtime_offset_ns);
	}
	return end_of(f);
}

static struct replay_filter *make_filter(const struct replay_command *c, struct record_moment *ret_from)
{
	const struct subscription_spec *spec = c->query.spec;
	struct record_moment begin = begin_of(&c->files), until;

	*ret_from = begin;
	ret_from->monotonic_ns = ret_from->realtime_ns = INT64_MIN;
	if (spec->since_ns) {
		struct record_moment end = end_of(&c->files);

		begin = *ret_from = record_moment_earlier(&end, (int64_t)spec->since_ns);
	}
	until = record_moment_earlier(&begin, -(int64_t)spec->for_ns);
	return replay_filter_new(spec, NULL, NULL, ret_from, spec->has_for ? &until : NULL);
}

/* The first segment that is read: times are those of its boot, until a lost event says otherwise. */
static const struct record_segment_header *first_header(const struct replay_command *c, struct record_segments *segments,
							const struct record_moment *from, struct record_segment *ret)
{
	bool reaches;

	if (!record_segments_find(segments, record_segments_seek(segments, from, &reaches), ret))
		*ret = c->files.items[0].segment;
	return &ret->header;
}

/* The way through it. 0; -EPIPE when nobody reads our output any more; 1 after an error that was said. */
static int show(struct replay_command *c, struct replay *r)
{
	enum replay_result result = REPLAY_MORE;
	struct error err = {0};
	struct buffer out;
	uint32_t events;
	int code = 0;

	buffer_init(&out, 0);
	while (result == REPLAY_MORE && !code && !atomic_load(&c->interrupted)) {
		buffer_clear(&out);
		result = replay_step(r, UINT64_MAX - 1, STEP_BYTES, &out, &events);
		if (result == REPLAY_FAILED)
			code = error_set(&err, -ENOMEM, "out of memory");
		else
			code = response_reader_read(&c->reader, out.data, out.length, false, &err);
		if (!code && (code = text_flush(&c->reader.out, STDOUT_FILENO)) && code != -EPIPE)
			error_set_errno(&err, code, "cannot write to standard output");
	}
	buffer_done(&out);
	return code && code != -EPIPE ? say(&err) : code;
}

/* Returns the exit status. */
static int replay_files(struct replay_command *c, struct record_segments *segments, struct encoder *encoder)
{
	struct replay_options options = {.segments = segments, .encoder = encoder, .joined = UINT64_MAX};
	const struct record_segment_header *first;
	struct replay_counters counters;
	struct record_segment segment;
	struct record_moment from;
	struct error err;
	struct replay *r;
	int shown;

	options.filter = make_filter(c, &from);
	first = first_header(c, segments, &from, &segment);
	memcpy(options.boot_id, first->boot_id, sizeof(options.boot_id));
	r = options.filter ? replay_new(&options) : NULL;
	if (!r) {
		error_set(&err, -ENOMEM, "out of memory");
		return say(&err);
	}
	c->reader.text.realtime_offset_ns = realtime_offset_ns(first);
	if (c->options.form == OUTPUT_TEXT && isatty(STDOUT_FILENO))
		event_text_put_head(&c->reader.out, &c->reader.text);
	shown = show(c, r);
	if (!shown)
		response_say_summary(&c->reader, c->options.quiet);
	replay_counters(r, &counters);
	replay_free(r);
	return shown > 0 || counters.damaged ? 1 : 0;
}

/* Ctrl-C is heard from here on. */
static int replay_interruptibly(struct replay_command *c, struct record_segments *segments, struct encoder *encoder)
{
	struct interrupt *handler;
	struct error err;
	int status = 1;

	interrupt_block();
	if (interrupt_start(&handler, interrupt, c, &err)) {
		say(&err);
	} else {
		status = replay_files(c, segments, encoder);
		interrupt_stop(handler);
	}
	interrupt_unblock();
	return status;
}

/* Those that cannot be read, which stand in front, are said and left out. Returns the exit status so far. */
static int drop_unreadable(struct recording_files *f)
{
	int status = 0;

	while (f->count && f->items[0].segment.unreadable) {
		struct segment_reader *reader = NULL;
		struct error err;

		/* By its whole path, so that the error names it so. */
		if (segment_reader_open(&reader, AT_FDCWD, f->items[0].path, &err))
			say(&err);
		segment_reader_close(reader);
		recording_files_remove(f, 0);
		status = 1;
	}
	return status;
}

static int run(struct replay_command *c)
{
	char sensor_id[CAPSULE8_SENSOR_ID_BYTES + 1] = "";
	struct record_segments *segments;
	struct encoder *encoder;
	struct error err;
	int status;

	if (recording_files_sort(&c->files, &err))
		return say(&err);
	status = drop_unreadable(&c->files);
	if (!c->files.count)
		return 1;
	memcpy(sensor_id, c->files.items[0].segment.header.sensor_id, CAPSULE8_SENSOR_ID_BYTES);
	segments = recording_files_segments(&c->files);
	encoder = capsule8_encoder_new(sensor_id);
	response_reader_init(&c->reader, c->options.form);
	c->reader.text.color = color_mode_wanted(c->options.color, STDOUT_FILENO);
	if (segments && encoder) {
		status |= replay_interruptibly(c, segments, encoder);
	} else {
		error_set(&err, -ENOMEM, "out of memory");
		status = say(&err);
	}
	response_reader_done(&c->reader);
	capsule8_encoder_free(encoder);
	record_segments_free(segments);
	return status;
}

/* Words */

/* How many of them stand for paths. `before`: those in front of a "--". */
static size_t count_paths(char *const *words, size_t count, size_t before)
{
	size_t paths = 0;

	if (before)
		return before;
	while (paths < count && !access(words[paths], F_OK))
		paths++;
	/* One is needed, and its error says which. */
	return count && !paths ? 1 : paths;
}

/* What is wrong with one of them is no reason not to show the others. Returns the exit status so far. */
static int add_paths(struct recording_files *f, char *const *words, size_t count)
{
	struct error err;
	int status = 0;

	for (size_t i = 0; i < count; i++)
		if (recording_files_add(f, words[i], &err))
			status = say(&err);
	return status;
}

/* A subscription in JSON is the sensor's to judge for `ringside watch`; here there is none. False: standard error says why. */
static bool read_json(struct watch_query *q, const char *file)
{
	static const struct capsule8_decode_options everything = {.all_syscalls = true};
	struct error err;

	q->spec = subscription_spec_free(q->spec);
	if (!capsule8_decode_request(q->packed.data, q->packed.length, &everything, &q->spec, &err))
		return true;
	q->spec = NULL;
	error_prefix(&err, err.code, "%s", file);
	say(&err);
	return false;
}

/* `dashes`: how many words stand behind "--"; -1: there is none. */
static int command(struct replay_command *c, const char *verb, char *const *words, size_t count, int dashes)
{
	size_t paths = count_paths(words, count, dashes < 0 ? 0 : count - (size_t)dashes);
	int status;

	if (!count)
		return usage_error(verb, "a directory or a segment of a recording is needed");
	if (!watch_options_read_query(&c->options, verb, words + paths, count - paths, &c->query))
		return EX_USAGE;
	if (c->query.is_json && !read_json(&c->query, c->options.file))
		return EX_USAGE;
	status = add_paths(&c->files, words, paths);
	return c->files.count ? status | run(c) : status;
}

/* How many words stand behind a "--" that getopt_long(3), which is done, has found; -1: there was none. */
static int words_behind_dashes(int argc, char **argv, int behind)
{
	return behind >= 0 && behind <= argc - optind && !strcmp(argv[optind - 1], "--") ? behind : -1;
}

int command_replay(int argc, char **argv)
{
	static const struct option longs[] = {WATCH_OPTIONS_LONG, {0}};
	struct replay_command c = {0};
	int status = EX_USAGE, dashes = 1, option;

	/* It moves words around, and so is no help with where that one stood. */
	while (dashes < argc && strcmp(argv[dashes], "--") != 0)
		dashes++;
	recording_files_init(&c.files);
	watch_query_init(&c.query);
	c.query.may_be_empty = true;
	optind = 0;
	while ((option = options_next(argc, argv, WATCH_OPTIONS_SHORT, longs)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			status = 0;
			goto out;
		}
		if (!watch_options_take(&c.options, argv[0], option))
			goto out;
	}
	status = command(&c, argv[0], argv + optind, (size_t)(argc - optind), words_behind_dashes(argc, argv, argc - dashes - 1));
out:
	recording_files_done(&c.files);
	watch_query_done(&c.query);
	watch_options_done(&c.options);
	return status;
}
