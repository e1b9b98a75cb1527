/*
 * syscall_flood CALLS [CPU [NUMBER [SPACING_NS [KINDS]]]]: makes one system call CALLS times on one CPU (-1: wherever it is put), as fast as it can,
 * or one every SPACING_NS nanoseconds.
 *
 * The call is readahead(2), or whatever NUMBER says, with -1 for its descriptor: it fails at once, whatever the kernel, and neither libc nor
 * any shell makes it by itself, so that a listener must see exactly CALLS of them. The second argument counts from 0, which tells a test
 * which call a lost or doubled event is; the third is 0x72696e67, or the second modulo KINDS.
 *
 * Prints the nanoseconds it took. Exit status 0, or 2 for wrong arguments.
 */
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

int main(int argc, char **argv)
{
	long number = SYS_readahead;
	uint64_t calls, start, spacing_ns = 0, kinds = 0;

	if (argc < 2 || argc > 6) {
		fprintf(stderr, "usage: syscall_flood CALLS [CPU [NUMBER [SPACING_NS [KINDS]]]]\n");
		return 2;
	}
	calls = strtoull(argv[1], NULL, 10);
	if (argc > 2 && atoi(argv[2]) >= 0 && pin(atoi(argv[2]))) {
		perror("sched_setaffinity");
		return 2;
	}
	if (argc > 3)
		number = atol(argv[3]);
	if (argc > 4)
		spacing_ns = strtoull(argv[4], NULL, 10);
	if (argc > 5)
		kinds = strtoull(argv[5], NULL, 10);

	start = now_ns();
	for (uint64_t i = 0; i < calls; i++) {
		syscall(number, -1L, i, kinds ? i % kinds : 0x72696e67);
		while (spacing_ns && now_ns() < start + (i + 1) * spacing_ns)
			;
	}
	printf("%llu\n", (unsigned long long)(now_ns() - start));
	return 0;
}
