/*
 * program CALLS: says "ready", waits until its standard input ends or brings something, and calls probed_function() that many times.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int probed_function(int n);

/* The number stands in its first instruction: tests know the place by it. */
__attribute__((noinline, noclone)) int probed_function(int n)
{
	int value = 0x51000061;

	__asm__ volatile("" : "+r"(value) : "r"(n));
	return value;
}

__attribute__((noinline, noclone, used)) static int local_function(void)
{
	return 0x51000071;
}

int main(int argc, char **argv)
{
	int calls = argc > 1 ? atoi(argv[1]) : 0;
	char byte;

	puts("ready");
	fflush(stdout);
	if (read(STDIN_FILENO, &byte, 1) < 0)
		return 1;
	for (int i = 0; i < calls; i++)
		probed_function(i);
	return 0;
}
