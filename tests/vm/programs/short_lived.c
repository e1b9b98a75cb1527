/*
 * short_lived STATUS MICROSECONDS [ANYTHING...]: sleeps so long and exits. It is built twice, without a dynamic loader and, as
 * short_lived_dynamic, with one.
 */
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	usleep((useconds_t)atoi(argv[2]));
	_exit(atoi(argv[1]));
}
