#include "tests/container/scratch.h"

#include "tests/support/temporary.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define put_path(path, format)                                                               \
	do {                                                                                 \
		va_list args_;                                                               \
		va_start(args_, format);                                                     \
		cr_assert(vsnprintf(path, sizeof(path), format, args_) < (int)sizeof(path)); \
		va_end(args_);                                                               \
	} while (0)

static char made[PATH_MAX];
static pid_t maker;

static void remove_made(void)
{
	if (getpid() == maker)
		temporary_remove(made);
}

const char *scratch_dir(void)
{
	if (made[0])
		return made;
	snprintf(made, sizeof(made), "%s/ringside-container.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	cr_assert_not_null(mkdtemp(made), "%s: %s", made, strerror(errno));
	maker = getpid();
	atexit(remove_made);
	return made;
}

/* Paths that were handed out, so that they are no leaks. */
struct kept {
	struct kept *next;
	char path[];
};
static struct kept *_Atomic all_kept;

static const char *keep(const char *path)
{
	struct kept *kept = malloc(sizeof(*kept) + strlen(path) + 1);

	cr_assert_not_null(kept);
	memcpy(kept->path, path, strlen(path) + 1);
	kept->next = all_kept;
	while (!atomic_compare_exchange_weak(&all_kept, &kept->next, kept))
		;
	return kept->path;
}

const char *scratch_path(const char *format, ...)
{
	char path[PATH_MAX];

	put_path(path, format);
	return keep(path);
}

const char *scratch_mkdir(const char *format, ...)
{
	char path[PATH_MAX];

	put_path(path, format);
	cr_assert_eq(mkdir(path, 0711), 0, "mkdir %s: %s", path, strerror(errno));
	return keep(path);
}

void scratch_write(const char *content, const char *format, ...)
{
	char path[PATH_MAX - 8], temporary[PATH_MAX];
	int fd;

	put_path(path, format);
	snprintf(temporary, sizeof(temporary), "%s.tmp", path);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	cr_assert(fd >= 0, "open %s: %s", temporary, strerror(errno));
	cr_assert_eq(write(fd, content, strlen(content)), (ssize_t)strlen(content));
	close(fd);
	cr_assert_eq(rename(temporary, path), 0, "rename %s: %s", path, strerror(errno));
}

void scratch_remove(const char *format, ...)
{
	char path[PATH_MAX];

	put_path(path, format);
	temporary_remove(path);
}
