#include "tracing/cpu_rings.h"

#include "base/cleanup.h"
#include "tracing/cpu_set.h"

#include <errno.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <utlist.h>

/* A ring wakes its reader when so much has come, or this part of it if that is less; until then the timer of the loop is quick enough. In a flood this is
 * what is read at a time: more would not be in the CPU's caches any more when it is read again, by whoever sends or records it. */
#define WATERMARK_BYTES    (UINT64_C(256) << 10)
#define WATERMARK_FRACTION 4

static void slot_close(struct cpu_rings *r, struct cpu_slot *slot)
{
	if (slot->in_merge)
		ring_merge_remove(&r->merge, &slot->merge);
	perf_ring_close(&slot->merge.ring);
	if (slot->fd >= 0)
		close(slot->fd);
	free(slot);
}

static int slot_open(struct cpu_rings *r, struct cpu_slot *slot, struct error *err)
{
	uint64_t part = r->ring_bytes / WATERMARK_FRACTION;
	uint64_t watermark = part < WATERMARK_BYTES ? part : WATERMARK_BYTES;
	struct perf_event_attr attr = perf_ring_owner_attr(&r->features, watermark ? (uint32_t)watermark : 1);
	struct epoll_event interest = {.events = EPOLLIN};
	int code;

	/* Only so can a record be provoked that carries the last losses with it. */
	if (!r->features.lost_count)
		attr.comm = 1;
	slot->fd = perf_event_open_cpu(&attr, slot->cpu, err);
	if (slot->fd < 0)
		return slot->fd;
	code = perf_ring_open(&slot->merge.ring, slot->fd, r->ring_bytes, err);
	if (code)
		return code;
	if (epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, slot->fd, &interest))
		return error_set_errno(err, -errno, "epoll_ctl");
	code = ring_merge_add(&r->merge, &slot->merge);
	if (code)
		return error_set_errno(err, code, "CPU %d", slot->cpu);
	slot->in_merge = true;
	return 0;
}

int cpu_rings_add(struct cpu_rings *r, int cpu, struct cpu_slot **ret, struct error *err)
{
	struct cpu_slot *slot = calloc(1, sizeof(*slot));
	int code;

	if (!slot)
		return error_set(err, -ENOMEM, "out of memory");
	slot->cpu = cpu;
	slot->incarnation = cpu_incarnation(cpu);
	slot->fd = -1;
	code = slot_open(r, slot, err);
	if (code) {
		slot_close(r, slot);
		return code;
	}
	DL_APPEND(r->slots, slot);
	*ret = slot;
	return 0;
}

void cpu_rings_remove(struct cpu_rings *r, struct cpu_slot *slot)
{
	DL_DELETE(r->slots, slot);
	slot_close(r, slot);
}

int cpu_rings_open(struct cpu_rings *r, const struct perf_features *features, uint64_t memory_bytes, struct error *err)
{
	bool online[CPU_MAX];
	struct perf_layout layout = perf_layout(features);
	struct cpu_slot *slot;
	int count, code;

	*r = (struct cpu_rings){.features = *features};
	ring_merge_init(&r->merge, &layout);
	r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (r->epoll_fd < 0)
		return error_set_errno(err, -errno, "epoll_create1");
	count = cpu_online(online, err);
	if (count < 0)
		return count;
	r->ring_bytes = memory_bytes / (uint64_t)(count ? count : 1);
	for (int cpu = 0; cpu < CPU_MAX; cpu++) {
		code = online[cpu] ? cpu_rings_add(r, cpu, &slot, err) : 0;
		if (code && code != -ENODEV)
			return code;
	}
	return r->slots ? 0 : error_set(err, -ENODEV, "no CPU is online");
}

void cpu_rings_close(struct cpu_rings *r)
{
	struct cpu_slot *slot, *next;

	DL_FOREACH_SAFE (r->slots, slot, next)
		cpu_rings_remove(r, slot);
	ring_merge_done(&r->merge);
	if (r->epoll_fd >= 0)
		close(r->epoll_fd);
	*r = (struct cpu_rings){.epoll_fd = -1};
}

void cpu_rings_woken(struct cpu_rings *r)
{
	struct epoll_event events[16];

	/* Polling a perf event clears it. */
	epoll_wait(r->epoll_fd, events, 16, 0);
}

void cpu_slot_provoke_record(const struct cpu_slot *slot)
{
	size_t set_size = CPU_ALLOC_SIZE(slot->cpu + 1), old_size = CPU_ALLOC_SIZE(8192);
	cleanup_free cpu_set_t *set = CPU_ALLOC(slot->cpu + 1);
	cleanup_free cpu_set_t *old = CPU_ALLOC(8192);
	char name[16];

	if (!set || !old || sched_getaffinity(0, old_size, old))
		return;
	CPU_ZERO_S(set_size, set);
	CPU_SET_S((size_t)slot->cpu, set_size, set);
	if (sched_setaffinity(0, set_size, set))
		return;
	prctl(PR_GET_NAME, name);
	/* Only for this moment, so that the ring is not filled with everybody's names. */
	ioctl(slot->fd, PERF_EVENT_IOC_ENABLE, 0);
	prctl(PR_SET_NAME, name);
	ioctl(slot->fd, PERF_EVENT_IOC_DISABLE, 0);
	sched_setaffinity(0, old_size, old);
}
