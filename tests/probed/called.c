/*
 * called CALLS: says "ready", waits until its standard input ends or brings something, and calls measure() that many times, each time with
 * other arguments.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct measurement {
	long number;
	int value;
	const char *unit;
};

int measure(const struct measurement *m, const char *label, short scale);

/* Returns what is in the struct, negated. */
__attribute__((noinline, noclone)) int measure(const struct measurement *m, const char *label, short scale)
{
	int value = m->value;

	__asm__ volatile("" : "+r"(value) : "r"(label), "r"(scale) : "memory");
	return -value;
}

int main(int argc, char **argv)
{
	int calls = argc > 1 ? atoi(argv[1]) : 0;
	char byte, label[32];

	puts("ready");
	fflush(stdout);
	if (read(STDIN_FILENO, &byte, 1) < 0)
		return 1;
	for (int i = 0; i < calls; i++) {
		struct measurement m = {.number = 1000L + i, .value = i * -3, .unit = "volt"};

		snprintf(label, sizeof(label), "label %d", i);
		if (measure(&m, label, (short)(i - 2)) != i * 3)
			return 1;
	}
	return 0;
}
