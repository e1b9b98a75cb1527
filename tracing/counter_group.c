#include "tracing/counter_group.h"

#include "base/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RATE_LIMIT_FILE "/proc/sys/kernel/perf_event_max_sample_rate"

/* Of what we ask for: count, time_enabled, time_running; then value, id and lost of each. */
#define BLOCK_WORDS(count) (3 + 3 * (size_t)(count))

static bool read_rate_limit(uint64_t *ret)
{
	cleanup_fclose FILE *file = fopen(RATE_LIMIT_FILE, "re");

	return file && fscanf(file, "%" SCNu64, ret) == 1;
}

int counter_group_check(const struct counter_group_spec *spec, struct error *err)
{
	uint64_t limit;

	if (!spec->count || spec->count > PERF_COUNTERS_MAX)
		return error_set(err, -EINVAL, "%" PRIu32 " counters; a group has 1 to %d", spec->count, PERF_COUNTERS_MAX);
	if (!spec->rate)
		return error_set(err, -EINVAL, "the %s is 0; it must be at least 1", spec->by_frequency ? "frequency" : "period");
	if (!spec->by_frequency && spec->rate > INT64_MAX)
		return error_set(err, -EINVAL, "the period is %" PRIu64 "; at most %" PRId64 " is allowed", spec->rate, INT64_MAX);
	if (spec->by_frequency && read_rate_limit(&limit) && spec->rate > limit)
		return error_set(err, -EINVAL,
				 "the frequency is %" PRIu64 "; the kernel allows at most %" PRIu64
				 " samples per second (kernel.perf_event_max_sample_rate)",
				 spec->rate, limit);
	return 0;
}

static void describe_counter(const struct perf_counter *counter, char *to, size_t size)
{
	static const char *const types[] = {[PERF_TYPE_HARDWARE] = "hardware",
					    [PERF_TYPE_SOFTWARE] = "software",
					    [PERF_TYPE_TRACEPOINT] = "tracepoint",
					    [PERF_TYPE_HW_CACHE] = "cache"};

	if (counter->type < sizeof(types) / sizeof(types[0]))
		snprintf(to, size, "%s:0x%" PRIx64, types[counter->type], counter->config);
	else
		snprintf(to, size, "%" PRIu32 ":0x%" PRIx64, counter->type, counter->config);
}

static int explain_refusal(const struct perf_counter *counter, bool is_member, int code, struct error *err)
{
	char name[64];

	describe_counter(counter, name, sizeof(name));
	switch (code) {
	case -ENODEV:
		return code;
	case -ENOENT:
		return error_prefix(err, code, "the processor has no counter %s", name);
	case -EOPNOTSUPP:
		return error_prefix(err, code, "the processor cannot sample by the counter %s", name);
	case -EINVAL:
		if (is_member)
			return error_prefix(err, code, "the counter %s is unknown, or there is no room for it beside those before it",
					    name);
		return error_prefix(err, code, "the counter %s is unknown", name);
	default:
		return error_prefix(err, code, "the counter %s", name);
	}
}

uint64_t counter_group_read_format(const struct perf_features *features)
{
	return PERF_FORMAT_GROUP | PERF_FORMAT_ID | PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING |
	       (features->lost_count ? PERF_FORMAT_LOST : 0);
}

static int open_leader(const struct counter_group_spec *spec, const struct perf_features *features, int cpu, struct error *err)
{
	const struct perf_counter *counter = &spec->counters[0];
	struct perf_event_attr attr = perf_counter_attr(features, counter->type, counter->config);
	int fd;

	attr.sample_type |= PERF_SAMPLE_READ;
	attr.read_format = counter_group_read_format(features);
	attr.freq = spec->by_frequency;
	attr.sample_period = spec->rate; /* a union with sample_freq */
	fd = perf_event_open_cpu(&attr, cpu, err);
	return fd < 0 ? explain_refusal(counter, false, fd, err) : fd;
}

static int open_member(const struct perf_counter *counter, const struct perf_features *features, int cpu, int leader_fd, struct error *err)
{
	struct perf_event_attr attr = perf_counter_attr(features, counter->type, counter->config);
	int fd;

	/* A member that is enabled waits for its leader. */
	attr.disabled = 0;
	fd = perf_event_open_member(&attr, cpu, leader_fd, err);
	return fd < 0 ? explain_refusal(counter, true, fd, err) : fd;
}

int counter_group_open(struct counter_group *ret, const struct counter_group_spec *spec, const struct perf_features *features, int cpu,
		       struct error *err)
{
	int leader_fd, fd;

	*ret = (struct counter_group){0};
	leader_fd = open_leader(spec, features, cpu, err);
	if (leader_fd < 0)
		return leader_fd;
	ret->count = spec->count;
	for (uint32_t i = 1; i < spec->count; i++) {
		fd = open_member(&spec->counters[i], features, cpu, leader_fd, err);
		if (fd < 0) {
			counter_group_close(ret);
			close(leader_fd);
			return fd;
		}
		ret->members[ret->open++] = fd;
	}
	return leader_fd;
}

void counter_group_close(struct counter_group *g)
{
	while (g->open)
		close(g->members[--g->open]);
}

static bool take_word(const uint8_t **block, size_t *size, uint64_t *ret)
{
	if (*size < sizeof(*ret))
		return false;
	memcpy(ret, *block, sizeof(*ret));
	*block += sizeof(*ret);
	*size -= sizeof(*ret);
	return true;
}

static bool skip_words(const uint8_t **block, size_t *size, size_t count)
{
	uint64_t word;

	while (count--)
		if (!take_word(block, size, &word))
			return false;
	return true;
}

bool counter_group_parse(const uint8_t *block, size_t size, uint64_t read_format, uint32_t count, struct counter_values *ret)
{
	size_t behind_value = ((read_format & PERF_FORMAT_ID) != 0) + ((read_format & PERF_FORMAT_LOST) != 0);
	uint64_t there;

	*ret = (struct counter_values){.count = count};
	if (count > PERF_COUNTERS_MAX || !take_word(&block, &size, &there) || there != count)
		return false;
	if ((read_format & PERF_FORMAT_TOTAL_TIME_ENABLED) && !take_word(&block, &size, &ret->time_enabled))
		return false;
	if ((read_format & PERF_FORMAT_TOTAL_TIME_RUNNING) && !take_word(&block, &size, &ret->time_running))
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (!take_word(&block, &size, &ret->values[i]) || !skip_words(&block, &size, behind_value))
			return false;
	return true;
}

bool counter_group_block_id(const uint8_t *block, size_t size, uint64_t read_format, uint64_t *ret)
{
	size_t times = ((read_format & PERF_FORMAT_TOTAL_TIME_ENABLED) != 0) + ((read_format & PERF_FORMAT_TOTAL_TIME_RUNNING) != 0);
	size_t each = 2 + ((read_format & PERF_FORMAT_LOST) != 0);
	uint64_t count;

	if (!(read_format & PERF_FORMAT_ID) || !take_word(&block, &size, &count) || !count || count > PERF_COUNTERS_MAX)
		return false;
	if (size != (times + count * each) * sizeof(*ret))
		return false;
	/* Behind the times and the leader's value. */
	return skip_words(&block, &size, times + 1) && take_word(&block, &size, ret);
}

int counter_group_lost(const struct counter_group *g, int leader_fd, uint64_t *ret_lost)
{
	uint64_t words[BLOCK_WORDS(PERF_COUNTERS_MAX)];
	ssize_t size = read(leader_fd, words, sizeof(words));

	/* The leader's value and id stand behind the count and both times, and what it lost behind them. */
	if (size < 0)
		return -errno;
	if ((size_t)size != BLOCK_WORDS(g->count) * sizeof(words[0]) || words[0] != g->count)
		return -ENODATA;
	*ret_lost = words[5];
	return 0;
}
