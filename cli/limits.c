#include "cli/limits.h"

#include <errno.h>
#include <sys/resource.h>

int limits_raise_files(struct error *err)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return error_set_errno(err, -errno, "getrlimit(RLIMIT_NOFILE)");
	if (limit.rlim_cur == limit.rlim_max)
		return 0;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		return error_set_errno(err, -errno, "setrlimit(RLIMIT_NOFILE)");
	return 0;
}
