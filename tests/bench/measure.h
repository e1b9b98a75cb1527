#ifndef TESTS_BENCH_MEASURE_H
#define TESTS_BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>

/* What benchmarks do with what they have measured. Whatever goes wrong ends the program: half a measurement is none. */

/* Ends the program with the sentence, unless `ok`. */
void measure_require(int ok, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What this thread has used of a CPU, in user space and in the kernel: other programs on the same machine do not count. */
uint64_t measure_cpu_ns(void);
/* The same of all threads of this program. */
uint64_t measure_all_cpu_ns(void);

/* The middle one, and those at a quarter and three quarters of the way; sorts `values`. */
struct measure_spread {
	double low, median, high;
};
struct measure_spread measure_spread(double *values, size_t count);

/* Bytes of this process that are in memory. */
uint64_t measure_resident_bytes(void);

/* The query with the number in the place of the first {}, if it has one; free() it. */
char *measure_numbered(const char *query, uint32_t number);

/* The n-th argument of the program, a number from 1 to `max`; `usual` when there are not so many. */
uint32_t measure_argument(int argc, char **argv, int n, uint32_t usual, uint32_t max);

#endif
