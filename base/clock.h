#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/*
 * Clocks, in nanoseconds. All events carry CLOCK_MONOTONIC, which perf stamps samples with; process start times are CLOCK_BOOTTIME, which
 * goes on during suspend; people and the ticker get CLOCK_REALTIME.
 */

#define NSEC_PER_SEC  UINT64_C(1000000000)
#define NSEC_PER_MSEC UINT64_C(1000000)
#define NSEC_PER_USEC UINT64_C(1000)

uint64_t clock_monotonic_ns(void);
uint64_t clock_boottime_ns(void);
uint64_t clock_realtime_ns(void);

#endif
