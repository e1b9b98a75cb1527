/*
 * slow_sync.so, for LD_PRELOAD: while the file that the environment variable SLOW_SYNC names exists, every fsync(2) and fdatasync(2) takes 5 s, as on a disk
 * that is in trouble.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void be_slow(void)
{
	const char *file = getenv("SLOW_SYNC");
	const struct timespec five_seconds = {.tv_sec = 5};

	if (file && !access(file, F_OK))
		nanosleep(&five_seconds, NULL);
}

int fsync(int fd)
{
	be_slow();
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	be_slow();
	return (int)syscall(SYS_fdatasync, fd);
}
