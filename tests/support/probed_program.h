#ifndef TESTS_SUPPORT_PROBED_PROGRAM_H
#define TESTS_SUPPORT_PROBED_PROGRAM_H

#include <sys/types.h>

/* A program of tests/probed/ that has started, and waits with the calls of its functions until its input is closed. */
struct probed_program {
	pid_t pid;
	int go;
};

/* `enter`, which may be NULL, is run in the child before the program; when it fails, it ends the child with 1. */
struct probed_program probed_program_start(void (*enter)(void), const char *path, int calls);

/* For `enter`: as in a container that was made by chroot, with a copy of the program as /bin/tool, which is an absolute link and leads nowhere on
 * the host. */
void probed_program_enter_chroot(const char *root, const char *program);

/* Lets it make its calls, and waits for its end. */
void probed_program_finish(struct probed_program p);

#endif
