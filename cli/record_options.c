#include "cli/record_options.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/parse.h"
#include "cli/options.h"
#include "recorder/record_coverage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sysexits.h>

/* What happens seldom and says much. What is opened, read and sent is left out: it would be most of the recording. */
#define RECORDED                                                                                                                 \
	"process; container:all; file:create; file:delete; file:link; file:rename; file:open_for_modify; file:attribute_change;" \
	" network:connect; network:connect:result; network:bind; network:bind:result; network:listen; network:listen:result;"    \
	" network:accept:result"

#define MEMORY_MIN ((uint64_t)1 << 20)
#define LEVEL_MIN  (-50)
#define LEVEL_MAX  19

const char record_options_help[] =
	"      --record DIR             keep what happens in this directory, for subscribers that begin in the past ('ringside\n"
	"                               watch --since 1h') and for 'ringside replay'\n"
	"      --record-query QUERY     what to keep, in the words of 'ringside watch', any number of times (processes,\n"
	"                               containers, changes of files, connections)\n"
	"      --record-file FILE       the same from a file, as text or as protobuf's JSON of a Subscription\n"
	"      --record-capacity SIZE   of all files in DIR; the oldest are deleted (10GiB)\n"
	"      --record-age DURATION    what is older is deleted (7d); 0: nothing is for its age\n"
	"      --record-flush DURATION  what a crash or a power loss can cost (1s)\n"
	"      --record-memory SIZE     what may wait for a slow disk before the recorder loses it (32MiB)\n"
	"      --record-level LEVEL     of zstd: 1 to 19, or -1 to -50 for less work and more bytes; 0: no compression (-1)\n";

void record_options_init(struct record_options *o)
{
	*o = (struct record_options){.recorder = {.age_ns = RECORDER_AGE_DEFAULT_NS, .level = RECORDER_LEVEL_DEFAULT}};
	buffer_init(&o->text, 0);
}

void record_options_done(struct record_options *o)
{
	buffer_done(&o->text);
}

static int parse_memory(const char *verb, size_t *ret)
{
	uint64_t bytes = 0;
	int r = size_option_parse(verb, "record-memory", MEMORY_MIN, &bytes);

	*ret = (size_t)bytes;
	return r;
}

static int parse_time(const char *verb, const char *option, uint64_t least_ns, uint64_t *ret)
{
	struct error err;

	if (parse_duration(optarg, ret, &err))
		return usage_error(verb, "--%s: %s", option, err.message);
	if (*ret < least_ns || *ret > INT64_MAX)
		return usage_error(verb, "--%s: \"%s\" is not possible: %s to 292 years are", option, optarg, least_ns ? "1ms" : "0");
	return 0;
}

static int parse_level(const char *verb, int *ret)
{
	char *end;
	long level;

	errno = 0;
	level = strtol(optarg, &end, 10);
	if (!*optarg || *end || errno || level < LEVEL_MIN || level > LEVEL_MAX)
		return usage_error(verb, "--record-level: \"%s\" is no number from %d to %d", optarg, LEVEL_MIN, LEVEL_MAX);
	*ret = (int)level;
	return 0;
}

int record_options_parse(struct record_options *o, const char *verb, int option)
{
	o->needs_recorder = o->needs_recorder || option != RECORD_OPTION_DIRECTORY;
	switch (option) {
	case RECORD_OPTION_DIRECTORY:
		if (!*optarg)
			return usage_error(verb, "--record: the name of a directory is needed");
		o->recorder.directory = optarg;
		return 0;
	case RECORD_OPTION_QUERY:
		if (o->query_count == RECORD_QUERIES_MAX)
			return usage_error(verb, "--record-query: more than %d queries", RECORD_QUERIES_MAX);
		o->queries[o->query_count++] = optarg;
		return 0;
	case RECORD_OPTION_FILE:
		o->file = optarg;
		return 0;
	case RECORD_OPTION_CAPACITY:
		return size_option_parse(verb, "record-capacity", RECORDER_CAPACITY_MIN, &o->recorder.capacity_bytes);
	case RECORD_OPTION_AGE:
		return parse_time(verb, "record-age", 0, &o->recorder.age_ns);
	case RECORD_OPTION_FLUSH:
		return parse_time(verb, "record-flush", NSEC_PER_MSEC, &o->recorder.flush_ns);
	case RECORD_OPTION_MEMORY:
		return parse_memory(verb, &o->recorder.memory_bytes);
	case RECORD_OPTION_LEVEL:
		return parse_level(verb, &o->recorder.level);
	default:
		return EX_USAGE;
	}
}

/* The query's spec, with the sensor's own rules. */
static int take_spec(struct watch_query *q, const char *verb, const struct capsule8_decode_options *decode_options,
		     struct subscription_spec **ret)
{
	struct error err = {0};

	if (!q->is_json) {
		*ret = take_pointer(q->spec);
		return 0;
	}
	if (!capsule8_decode_request(q->packed.data, q->packed.length, decode_options, ret, &err))
		return 0;
	return usage_error(verb, "--record-file: %s", err.message);
}

static int read_spec(struct record_options *o, const char *verb, const struct capsule8_decode_options *decode_options,
		     struct subscription_spec **ret)
{
	static char recorded[] = RECORDED;
	char *everything[] = {recorded};
	bool told = o->query_count || o->file;
	struct watch_query q;
	int r = EX_USAGE;

	watch_query_init(&q);
	if (watch_query_read(&q, told ? o->queries : everything, told ? o->query_count : 1, o->file))
		text_flush(&q.report, STDERR_FILENO);
	else
		r = take_spec(&q, verb, decode_options, ret);
	watch_query_done(&q);
	return r;
}

int record_options_spec(struct record_options *o, const char *verb, const struct capsule8_decode_options *decode_options,
			struct subscription_spec **ret)
{
	struct error err = {0};
	int r;

	*ret = NULL;
	if (!o->recorder.directory)
		return o->needs_recorder ? usage_error(verb, "--record DIR is needed for all options that begin with --record-") : 0;
	r = read_spec(o, verb, decode_options, ret);
	if (!r && record_spec_check(*ret, &err))
		r = usage_error(verb, "--record-%s: %s", o->file ? "file" : "query", err.message);
	if (r) {
		*ret = subscription_spec_free(*ret);
		return r;
	}
	buffer_clear(&o->text);
	subscription_spec_describe(*ret, &o->text);
	buffer_put_u8(&o->text, 0);
	o->recorder.query = o->text.failed ? "" : (const char *)o->text.data;
	return 0;
}
