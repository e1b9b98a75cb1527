#include "subscription/counters.h"

#include "base/suggest.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES   32
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HARDWARE(id)                                   \
	{                                              \
		PERF_TYPE_HARDWARE, PERF_COUNT_HW_##id \
	}
#define SOFTWARE(id)                                   \
	{                                              \
		PERF_TYPE_SOFTWARE, PERF_COUNT_SW_##id \
	}
#define CACHE_OP(c)     ((c) >> 8 & 0xff)
#define CACHE_RESULT(c) ((c) >> 16 & 0xff)

static const struct {
	const char *name;
	struct perf_counter counter;
} named[] = {
	{"cycles", HARDWARE(CPU_CYCLES)},
	{"instructions", HARDWARE(INSTRUCTIONS)},
	{"cache-references", HARDWARE(CACHE_REFERENCES)},
	{"cache-misses", HARDWARE(CACHE_MISSES)},
	{"branches", HARDWARE(BRANCH_INSTRUCTIONS)},
	{"branch-misses", HARDWARE(BRANCH_MISSES)},
	{"bus-cycles", HARDWARE(BUS_CYCLES)},
	{"stalled-cycles-frontend", HARDWARE(STALLED_CYCLES_FRONTEND)},
	{"stalled-cycles-backend", HARDWARE(STALLED_CYCLES_BACKEND)},
	{"ref-cycles", HARDWARE(REF_CPU_CYCLES)},
	{"cpu-clock", SOFTWARE(CPU_CLOCK)},
	{"task-clock", SOFTWARE(TASK_CLOCK)},
	{"page-faults", SOFTWARE(PAGE_FAULTS)},
	{"context-switches", SOFTWARE(CONTEXT_SWITCHES)},
	{"cpu-migrations", SOFTWARE(CPU_MIGRATIONS)},
	{"minor-faults", SOFTWARE(PAGE_FAULTS_MIN)},
	{"major-faults", SOFTWARE(PAGE_FAULTS_MAJ)},
	{"alignment-faults", SOFTWARE(ALIGNMENT_FAULTS)},
	{"emulation-faults", SOFTWARE(EMULATION_FAULTS)},
};

static const char *const caches[] = {
	[PERF_COUNT_HW_CACHE_L1D] = "L1-dcache", [PERF_COUNT_HW_CACHE_L1I] = "L1-icache", [PERF_COUNT_HW_CACHE_LL] = "LLC",
	[PERF_COUNT_HW_CACHE_DTLB] = "dTLB",     [PERF_COUNT_HW_CACHE_ITLB] = "iTLB",     [PERF_COUNT_HW_CACHE_BPU] = "branch",
	[PERF_COUNT_HW_CACHE_NODE] = "node",
};

static const char *const operations[] = {
	[PERF_COUNT_HW_CACHE_OP_READ] = "load",
	[PERF_COUNT_HW_CACHE_OP_WRITE] = "store",
	[PERF_COUNT_HW_CACHE_OP_PREFETCH] = "prefetch",
};

/* Every cache has a counter for each operation, and one for its misses. False: there is no such number. */
static bool cache_name(uint64_t config, char name[NAME_BYTES])
{
	uint64_t cache = config & 0xff;

	if (cache >= COUNT(caches) || CACHE_OP(config) >= COUNT(operations) || config >> 16 >= PERF_COUNT_HW_CACHE_RESULT_MAX)
		return false;
	snprintf(name, NAME_BYTES, "%s-%s%s", caches[cache], operations[CACHE_OP(config)],
		 CACHE_RESULT(config) == PERF_COUNT_HW_CACHE_RESULT_MISS ? "-misses"
		 : CACHE_OP(config) == PERF_COUNT_HW_CACHE_OP_PREFETCH   ? "es"
									 : "s");
	return true;
}

static bool find_cache(const char *wanted, uint64_t *ret)
{
	char name[NAME_BYTES];

	for (uint64_t result = 0; result < PERF_COUNT_HW_CACHE_RESULT_MAX; result++)
		for (uint64_t op = 0; op < COUNT(operations); op++)
			for (uint64_t cache = 0; cache < COUNT(caches); cache++) {
				*ret = result << 16 | op << 8 | cache;
				if (cache_name(*ret, name) && !strcmp(name, wanted))
					return true;
			}
	return false;
}

/* "4:0x1a8": the numbers themselves. */
static bool parse_numbers(const char *name, struct perf_counter *ret)
{
	char *end;
	unsigned long type;

	if (*name < '0' || *name > '9')
		return false;
	errno = 0;
	type = strtoul(name, &end, 10);
	if (*end != ':' || end[1] < '0' || end[1] > '9' || type > UINT32_MAX)
		return false;
	*ret = (struct perf_counter){.type = (uint32_t)type, .config = strtoull(end + 1, &end, 0)};
	return !*end && !errno;
}

int counter_parse(const char *name, struct perf_counter *ret, struct error *err)
{
	struct suggestion suggestion;
	uint64_t config;

	suggestion_init(&suggestion, name);
	for (size_t i = 0; i < COUNT(named); i++) {
		if (!strcmp(named[i].name, name)) {
			*ret = named[i].counter;
			return 0;
		}
		suggestion_offer(&suggestion, named[i].name);
	}
	if (parse_numbers(name, ret))
		return 0;
	if (find_cache(name, &config)) {
		*ret = (struct perf_counter){.type = PERF_TYPE_HW_CACHE, .config = config};
		return 0;
	}
	if (suggestion_best(&suggestion))
		return error_set(err, -EINVAL, "there is no counter \"%s\"; did you mean %s?", name, suggestion_best(&suggestion));
	return error_set(err, -EINVAL,
			 "there is no counter \"%s\": it knows perf's names, like cycles, instructions, cache-misses, page-faults,"
			 " context-switches or LLC-load-misses",
			 name);
}

/* False, and nothing put: it has no name. */
static bool put_known(struct buffer *out, const struct perf_counter *counter)
{
	char name[NAME_BYTES];

	for (size_t i = 0; i < COUNT(named); i++) {
		if (named[i].counter.type == counter->type && named[i].counter.config == counter->config) {
			buffer_put_string(out, named[i].name);
			return true;
		}
	}
	if (counter->type != PERF_TYPE_HW_CACHE || !cache_name(counter->config, name))
		return false;
	buffer_put_string(out, name);
	return true;
}

void counter_put_name(struct buffer *out, const struct perf_counter *counter)
{
	static const char *const types[] = {
		[PERF_TYPE_HARDWARE] = "hardware", [PERF_TYPE_SOFTWARE] = "software", [PERF_TYPE_HW_CACHE] = "cache"};
	const char *type = counter->type < COUNT(types) ? types[counter->type] : NULL;

	if (!put_known(out, counter))
		buffer_printf(out, "%s:%" PRIu64, type ? type : "counter", counter->config);
}

void counter_put_word(struct buffer *out, const struct perf_counter *counter)
{
	if (!put_known(out, counter))
		buffer_printf(out, "%" PRIu32 ":0x%" PRIx64, counter->type, counter->config);
}
