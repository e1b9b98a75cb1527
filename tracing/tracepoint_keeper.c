#include "tracing/tracepoint_keeper.h"

#include "tracing/perf_event.h"

#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

static int reserve(struct tracepoint_keeper *k)
{
	size_t capacity = k->capacity ? 2 * k->capacity : 16;
	struct kept_tracepoint *kept;

	if (k->count < k->capacity)
		return 0;
	kept = reallocarray(k->kept, capacity, sizeof(*kept));
	if (!kept)
		return -1;
	k->kept = kept;
	k->capacity = capacity;
	return 0;
}

void tracepoint_keeper_hold(struct tracepoint_keeper *k, uint32_t id)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT, .size = PERF_ATTR_SIZE_VER0, .config = id, .disabled = 1};
	int fd;

	for (size_t i = 0; i < k->count; i++)
		if (k->kept[i].id == id)
			return;
	if (reserve(k))
		return;
	fd = perf_event_open_cpu(&attr, sched_getcpu(), NULL);
	if (fd >= 0)
		k->kept[k->count++] = (struct kept_tracepoint){.id = id, .fd = fd};
}

void tracepoint_keeper_release(struct tracepoint_keeper *k)
{
	while (k->count)
		close(k->kept[--k->count].fd);
	free(k->kept);
	*k = (struct tracepoint_keeper){0};
}
