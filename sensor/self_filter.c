#include "sensor/self_filter.h"

#include "base/buffer.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_tid(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static bool list_threads(struct self_filter *f, uint32_t *tids, size_t *ret_count)
{
	struct dirent *entry;
	char path[64];
	size_t count = 0;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%u/task", f->tgid);
	directory = opendir(path);
	if (!directory)
		return false;
	while (count < SELF_FILTER_THREADS && (entry = readdir(directory))) {
		unsigned long tid = strtoul(entry->d_name, NULL, 10);

		if (tid)
			tids[count++] = (uint32_t)tid;
	}
	closedir(directory);
	qsort(tids, count, sizeof(*tids), compare_tid);
	*ret_count = count;
	return true;
}

static bool take_threads(struct self_filter *f)
{
	uint32_t tids[SELF_FILTER_THREADS], *copy;
	size_t count;

	if (!f->tgid || !list_threads(f, tids, &count) || !count)
		return false;
	if (count == f->count && !memcmp(tids, f->tids, count * sizeof(*tids)))
		return false;
	copy = realloc(f->tids, count * sizeof(*copy));
	if (!copy)
		return false;
	memcpy(copy, tids, count * sizeof(*copy));
	f->tids = copy;
	f->count = count;
	return true;
}

void self_filter_init(struct self_filter *f, uint32_t tgid)
{
	*f = (struct self_filter){.tgid = tgid};
	take_threads(f);
}

void self_filter_done(struct self_filter *f)
{
	free(f->tids);
	*f = (struct self_filter){0};
}

bool self_filter_refresh(struct self_filter *f)
{
	if (!f->seen)
		return false;
	f->seen = false;
	return take_threads(f);
}

/* Threads that were made one after the other have ids in a row, and two comparisons for all of them. */
static size_t row_length(const struct self_filter *f, size_t first)
{
	size_t count = 1;

	while (first + count < f->count && f->tids[first + count] == f->tids[first] + count)
		count++;
	return count;
}

static void put_row(struct buffer *text, uint32_t first, size_t count)
{
	if (count == 1)
		buffer_printf(text, "common_pid != %" PRIu32, first);
	else
		buffer_printf(text, "(common_pid < %" PRIu32 " || common_pid > %" PRIu32 ")", first, first + (uint32_t)count - 1);
}

char *self_filter_combine(const struct self_filter *f, const char *filter, bool only)
{
	struct buffer text;

	if (only || !f->count)
		return filter ? strdup(filter) : NULL;
	buffer_init(&text, 0);
	/* The kernel stops at the first part that does not hold, which is hardly ever ours. */
	if (filter)
		buffer_printf(&text, "(%s)", filter);
	for (size_t i = 0, count; i < f->count; i += count) {
		count = row_length(f, i);
		if (text.length)
			buffer_put_string(&text, " && ");
		put_row(&text, f->tids[i], count);
	}
	return (char *)buffer_take(&text, NULL);
}
