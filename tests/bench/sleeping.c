/*
 * sleeping PROCESSES: that many processes that do nothing, for as long as the program runs that made them. Prints "ready"; ends at the end of its standard
 * input.
 */
#include "tests/bench/measure.h"
#include "tests/bench/sleepers.h"

#include <stdio.h>

#define PROCESSES_MAX 30000

int main(int argc, char **argv)
{
	struct sleepers sleepers = {0};

	sleepers_make(&sleepers, measure_argument(argc, argv, 1, 10000, PROCESSES_MAX));
	(void)puts("ready");
	(void)fflush(stdout);
	while (getchar() != EOF)
		;
	sleepers_done(&sleepers);
	return 0;
}
