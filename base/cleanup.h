#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Locals that clean up after themselves when they go out of scope (gcc and clang's `cleanup` attribute):
 *
 *	cleanup_free char *line = NULL;
 *	cleanup_close int fd = open(...);
 *
 * To hand such a local out, return take_pointer(line) or take_fd(&fd).
 */
#define cleanup_free   __attribute__((cleanup(cleanup_free_pointer)))
#define cleanup_close  __attribute__((cleanup(cleanup_close_fd)))
#define cleanup_fclose __attribute__((cleanup(cleanup_fclose_file)))

static inline void cleanup_free_pointer(void *pointer)
{
	void *bytes;

	memcpy(&bytes, pointer, sizeof(bytes));
	free(bytes);
}

static inline void cleanup_close_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclose_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

/* Returns the descriptor and leaves -1 behind, so that the clean-up has nothing to close. */
static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* With the variable's own type: written through a void **, the compiler may believe that it still holds what the clean-up then frees. */
#define take_pointer(variable)                          \
	__extension__({                                 \
		__typeof__(variable) taken_ = variable; \
		(variable) = NULL;                      \
		taken_;                                 \
	})

#endif
