#include "tests/support/temporary.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void temporary_make(char path[TEMPORARY_PATH_BYTES])
{
	snprintf(path, TEMPORARY_PATH_BYTES, "/tmp/ringside-test.XXXXXX");
	cr_assert_not_null(mkdtemp(path), "%s: %s", path, strerror(errno));
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *where)
{
	(void)s, (void)type, (void)where;
	return remove(path);
}

int temporary_remove(const char *path)
{
	return nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
