#ifndef TESTS_BENCH_LATENCY_H
#define TESTS_BENCH_LATENCY_H

#include <stdint.h>

/*
 * How long things took, as counts of ranges that are at most 1/32 of their value wide: percentiles of millions of times in 16 KiB, without a
 * sample of them all. Zeroed: nothing yet.
 */
#define LATENCY_RANGES (64 * 32)

struct latency {
	uint64_t counts[LATENCY_RANGES];
	uint64_t count, max_ns;
};

void latency_add(struct latency *l, uint64_t ns);

/* The time that `part` (0 to 1) of them do not exceed, rounded up to the end of its range; 0 when there are none. */
uint64_t latency_percentile_ns(const struct latency *l, double part);

#endif
