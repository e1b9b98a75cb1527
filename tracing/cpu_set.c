#include "tracing/cpu_set.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define CPU_ONLINE_FILE "/sys/devices/system/cpu/online"

static bool parse_number(const char **at, long *ret)
{
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	*ret = strtol(*at, &end, 10);
	*at = end;
	return *ret >= 0 && *ret < CPU_MAX;
}

int cpu_list_parse(const char *list, bool ret[CPU_MAX], struct error *err)
{
	const char *at = list;
	int count = 0;

	memset(ret, 0, CPU_MAX * sizeof(*ret));
	while (*at && *at != '\n') {
		long first, last;

		if (!parse_number(&at, &first))
			return error_set(err, -EINVAL, "CPU list \"%s\" is not of the form 0-3,7", list);
		last = first;
		if (*at == '-') {
			at++;
			if (!parse_number(&at, &last) || last < first)
				return error_set(err, -EINVAL, "CPU list \"%s\" is not of the form 0-3,7", list);
		}
		for (long cpu = first; cpu <= last; cpu++) {
			count += !ret[cpu];
			ret[cpu] = true;
		}
		if (*at == ',')
			at++;
		else if (*at && *at != '\n')
			return error_set(err, -EINVAL, "CPU list \"%s\" is not of the form 0-3,7", list);
	}
	return count;
}

int cpu_online(bool ret[CPU_MAX], struct error *err)
{
	cleanup_fclose FILE *file = fopen(CPU_ONLINE_FILE, "re");
	char list[4096];

	if (!file || !fgets(list, sizeof(list), file))
		return error_set_errno(err, -errno, CPU_ONLINE_FILE);
	return cpu_list_parse(list, ret, err);
}

uint64_t cpu_incarnation(int cpu)
{
	struct stat status;
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/topology", cpu);
	return stat(path, &status) ? 0 : (uint64_t)status.st_ino;
}
