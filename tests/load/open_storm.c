/*
 * open_storm OPENS [FILES]: opens a file for reading and closes it again, OPENS times, one of FILES (64) after the other. They are in a directory
 * of its own below $TMPDIR or /tmp, which it removes.
 *
 * Exit status 0, or 2 when it cannot.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FILES_MAX 10000

static void fail(const char *what)
{
	perror(what);
	exit(2);
}

int main(int argc, char **argv)
{
	unsigned long opens = argc > 1 ? strtoul(argv[1], NULL, 10) : 0, files = argc > 2 ? strtoul(argv[2], NULL, 10) : 64;
	const char *parent = getenv("TMPDIR");
	char directory[4096], name[32];

	if (!opens || !files || files > FILES_MAX) {
		fprintf(stderr, "usage: open_storm OPENS [FILES]\n");
		return 2;
	}
	snprintf(directory, sizeof(directory), "%s/open_storm_XXXXXX", parent ? parent : "/tmp");
	if (!mkdtemp(directory) || chdir(directory))
		fail(directory);
	for (unsigned long i = 0; i < files; i++) {
		snprintf(name, sizeof(name), "file-%lu", i);
		close(open(name, O_CREAT | O_WRONLY, 0600));
	}
	for (unsigned long i = 0; i < opens; i++) {
		int fd;

		snprintf(name, sizeof(name), "file-%lu", i % files);
		fd = open(name, O_RDONLY);
		if (fd < 0)
			fail(name);
		close(fd);
	}
	for (unsigned long i = 0; i < files; i++) {
		snprintf(name, sizeof(name), "file-%lu", i);
		unlink(name);
	}
	rmdir(directory);
	return 0;
}
