#include "tracing/probe_limits.h"

#include "base/cleanup.h"
#include "tracing/tracefs.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

uint32_t probe_record_bytes_of(const char *readme)
{
	return readme && strstr(readme, "symstr") ? PROBE_RECORD_BYTES_NEW : PROBE_RECORD_BYTES_OLD;
}

uint32_t probe_record_bytes_max(void)
{
	char path[PATH_MAX];
	cleanup_fclose FILE *file = NULL;
	cleanup_free char *text = NULL;
	size_t capacity = 0;

	if (snprintf(path, sizeof(path), "%s/README", tracefs_path()) >= (int)sizeof(path))
		return PROBE_RECORD_BYTES_OLD;
	file = fopen(path, "re");
	if (!file || getdelim(&text, &capacity, '\0', file) < 0)
		return PROBE_RECORD_BYTES_OLD;
	return probe_record_bytes_of(text);
}
