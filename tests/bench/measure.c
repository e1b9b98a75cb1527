#include "tests/bench/measure.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void measure_require(int ok, const char *format, ...)
{
	va_list arguments;

	if (ok)
		return;
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
	exit(1);
}

static uint64_t read_clock(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

uint64_t measure_cpu_ns(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t measure_all_cpu_ns(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

static int compare_doubles(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

struct measure_spread measure_spread(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare_doubles);
	return (struct measure_spread){values[count / 4], values[count / 2], values[count - 1 - count / 4]};
}

uint64_t measure_resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;

	measure_require(file && fscanf(file, "%*u %lu", &pages) == 1, "cannot read /proc/self/statm");
	(void)fclose(file);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

char *measure_numbered(const char *query, uint32_t number)
{
	const char *place = strstr(query, "{}");
	char *text;
	int length =
		place ? asprintf(&text, "%.*s%" PRIu32 "%s", (int)(place - query), query, number, place + 2) : asprintf(&text, "%s", query);

	measure_require(length >= 0, "out of memory");
	return text;
}

uint32_t measure_argument(int argc, char **argv, int n, uint32_t usual, uint32_t max)
{
	unsigned long value;
	char *end;

	if (argc <= n)
		return usual;
	value = strtoul(argv[n], &end, 10);
	measure_require(!*end && value > 0 && value <= max, "\"%s\": a number from 1 to %u is allowed", argv[n], max);
	return (uint32_t)value;
}
