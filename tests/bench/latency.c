#include "tests/bench/latency.h"

#define RANGE_BITS 5 /* 32 ranges to each power of two */

static uint32_t range_of(uint64_t ns)
{
	uint32_t shift;

	if (ns < 2u << RANGE_BITS)
		return (uint32_t)ns;
	shift = 63 - RANGE_BITS - (uint32_t)__builtin_clzll(ns);
	return (shift << RANGE_BITS) + (uint32_t)(ns >> shift);
}

static uint64_t range_end_ns(uint32_t range)
{
	uint32_t shift;

	if (range < 2u << RANGE_BITS)
		return range;
	shift = (range >> RANGE_BITS) - 1;
	return ((uint64_t)(range - (shift << RANGE_BITS)) + 1) << shift;
}

void latency_add(struct latency *l, uint64_t ns)
{
	l->counts[range_of(ns)]++;
	l->count++;
	if (ns > l->max_ns)
		l->max_ns = ns;
}

uint64_t latency_percentile_ns(const struct latency *l, double part)
{
	uint64_t wanted = (uint64_t)(part * (double)l->count), seen = 0;

	if (!l->count)
		return 0;
	for (uint32_t i = 0; i < LATENCY_RANGES; i++) {
		seen += l->counts[i];
		if (seen > wanted || seen == l->count)
			return range_end_ns(i) < l->max_ns ? range_end_ns(i) : l->max_ns;
	}
	return l->max_ns;
}
