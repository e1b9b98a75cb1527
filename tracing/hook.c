#include "tracing/hook.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utlist.h>

static void hook_close_perf(struct hook_table *t, struct hook *hook)
{
	t->members -= hook->group.open;
	counter_group_close(&hook->group);
	if (hook->fd >= 0)
		close(hook->fd);
	hook->fd = -1;
}

static void hook_free(struct hook_table *t, struct hook *hook)
{
	struct hook *other;

	hook_close_perf(t, hook);
	if (hook->slot->found[hook->id % 8] == hook)
		hook->slot->found[hook->id % 8] = NULL;
	DL_FOREACH2 (hook->slot->hooks, other, slot_next)
		if (other->predecessor == hook)
			other->predecessor = NULL;
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc,clang-analyzer-core.NullDereference): a hook is in the list, and once */
	DL_DELETE2(hook->slot->hooks, hook, slot_prev, slot_next);
	HASH_DEL(t->by_id, hook); /* NOLINT(clang-analyzer-unix.Malloc,clang-analyzer-core.NullDereference) */
	free(hook);
}

static int hook_open_tracepoint(const struct hook *hook, const struct hook_spec *spec, struct error *err)
{
	struct perf_event_attr attr = perf_tracepoint_attr(spec->features, spec->tracepoint);

	if (spec->with_abi) {
		attr.sample_type |= PERF_SAMPLE_REGS_USER;
		attr.sample_regs_user = 1;
	}
	if (spec->wakes)
		attr.wakeup_events = 1;
	return perf_event_open_cpu(&attr, hook->slot->cpu, err);
}

static int hook_open_perf(struct hook *hook, const struct hook_spec *spec, struct error *err)
{
	int code;

	hook->fd = spec->counters ? counter_group_open(&hook->group, spec->counters, spec->features, hook->slot->cpu, err)
				  : hook_open_tracepoint(hook, spec, err);
	if (hook->fd < 0)
		return hook->fd;
	code = perf_event_id(hook->fd, &hook->id, err);
	if (!code && spec->filter && spec->filter[0])
		code = perf_event_filter(hook->fd, spec->filter, err);
	if (!code && ioctl(hook->fd, PERF_EVENT_IOC_SET_OUTPUT, hook->slot->fd))
		code = error_set_errno(err, -errno, "cannot share the ring of CPU %d", hook->slot->cpu);
	return code;
}

int hook_table_open(struct hook_table *t, struct cpu_slot *slot, const struct hook_spec *spec, struct kernel_event *event,
		    uint32_t generation, struct error *err)
{
	struct hook *hook = calloc(1, sizeof(*hook));
	int code;

	if (!hook)
		return error_set(err, -ENOMEM, "out of memory");
	*hook = (struct hook){.fd = -1, .event = event, .slot = slot, .generation = generation};
	code = hook_open_perf(hook, spec, err);
	t->members += hook->group.open;
	if (code) {
		hook_close_perf(t, hook);
		free(hook);
		return code;
	}
	/* With losses counted per ring only, the lost field of a hook stays 0. */
	HASH_ADD(hh, t->by_id, id, sizeof(hook->id), hook);
	DL_APPEND2(slot->hooks, hook, slot_prev, slot_next);
	return 0;
}

uint32_t hook_table_next_generation(struct hook_table *t)
{
	t->generation = (t->generation + 1) % HOOK_ALL_GENERATIONS;
	return t->generation;
}

void hook_table_enable_event(struct hook_table *t, struct kernel_event *event, uint32_t generation)
{
	struct hook *hook, *next;

	HASH_ITER (hh, t->by_id, hook, next) {
		if (hook->event != event || hook->generation != generation || hook->fd < 0 || hook->state != HOOK_IDLE)
			continue;
		hook->state = HOOK_COUNTING;
		ioctl(hook->fd, PERF_EVENT_IOC_ENABLE, 0);
	}
}

/* A retired hook's count was fixed when it was replaced: from then on its successor counts the same losses. */
static void hook_read_lost(struct hook *hook)
{
	uint64_t lost;
	int code;

	if (hook->fd < 0 || hook->retired_ns)
		return;
	code = hook->group.count ? counter_group_lost(&hook->group, hook->fd, &lost) : perf_event_lost(hook->fd, &lost);
	if (!code)
		hook->lost = lost;
}

/* Its samples that are in the ring already are still to come. */
static void hook_close(struct hook_table *t, struct hook *hook)
{
	if (hook->fd < 0)
		return;
	ioctl(hook->fd, PERF_EVENT_IOC_DISABLE, 0);
	hook_read_lost(hook);
	hook_close_perf(t, hook);
	t->retired -= hook->retired_ns != 0;
	hook->closed_position = __atomic_load_n(&hook->slot->merge.ring.page->data_head, __ATOMIC_ACQUIRE);
	t->closed++;
}

static struct hook *slot_hook_of(struct cpu_slot *slot, const struct kernel_event *event, uint32_t generation)
{
	struct hook *hook;

	DL_FOREACH2 (slot->hooks, hook, slot_next)
		if (hook->event == event && hook->generation == generation && hook->fd >= 0)
			return hook;
	return NULL;
}

/* One CPU. Both are enabled from now on, so that no hit falls between them. What the old one loses after the new one was enabled, the new one
 * loses too. The two counts cannot be read at once: what is lost between the readings is told twice rather than not at all. */
static void hook_replace(struct hook_table *t, struct hook *old, struct hook *new)
{
	uint64_t before;

	hook_read_lost(old);
	before = old->lost;
	new->predecessor = old;
	new->state = HOOK_WAITING;
	ioctl(new->fd, PERF_EVENT_IOC_ENABLE, 0);
	hook_read_lost(new);
	hook_read_lost(old);
	old->lost = old->lost - before > new->lost ? old->lost - new->lost : before;
	old->retired_ns = clock_monotonic_ns();
	t->retired++;
}

void hook_table_replace_event(struct hook_table *t, struct kernel_event *event, uint32_t generation)
{
	struct hook *hook, *next;

	HASH_ITER (hh, t->by_id, hook, next) {
		struct hook *new;

		if (hook->event != event || hook->generation == generation || hook->fd < 0 || hook->retired_ns)
			continue;
		new = slot_hook_of(hook->slot, event, generation);
		if (new)
			hook_replace(t, hook, new);
		else
			hook_close(t, hook);
	}
	/* CPUs that had none before. */
	hook_table_enable_event(t, event, generation);
}

void hook_table_close_retired(struct hook_table *t, uint64_t now_ns)
{
	struct hook *hook, *next;

	if (!t->retired)
		return;
	HASH_ITER (hh, t->by_id, hook, next)
		if (hook->fd >= 0 && hook->retired_ns && now_ns - hook->retired_ns >= HOOK_RETIRE_NS)
			hook_close(t, hook);
}

void hook_table_close_event(struct hook_table *t, const struct kernel_event *event, uint32_t generation)
{
	struct hook *hook, *next;

	HASH_ITER (hh, t->by_id, hook, next)
		if (hook->event == event && (generation == HOOK_ALL_GENERATIONS || hook->generation == generation))
			hook_close(t, hook);
}

void hook_table_forget_event(struct hook_table *t, const struct kernel_event *event)
{
	struct hook *hook, *next;

	HASH_ITER (hh, t->by_id, hook, next) {
		if (hook->event != event)
			continue;
		hook->event = NULL;
		hook->state = HOOK_ENDED;
	}
}

void hook_table_drop_slot(struct hook_table *t, struct cpu_slot *slot)
{
	while (slot->hooks) {
		t->closed -= slot->hooks->fd < 0;
		t->retired -= slot->hooks->fd >= 0 && slot->hooks->retired_ns;
		hook_free(t, slot->hooks);
	}
}

void hook_table_reap(struct hook_table *t)
{
	struct hook *hook, *next;

	if (!t->closed)
		return;
	HASH_ITER (hh, t->by_id, hook, next) {
		if (hook->fd >= 0 || hook->slot->merge.ring.position < hook->closed_position)
			continue;
		t->closed--;
		hook_free(t, hook);
	}
}

void hook_table_done(struct hook_table *t)
{
	struct hook *hook, *next;

	HASH_ITER (hh, t->by_id, hook, next)
		hook_free(t, hook);
	*t = (struct hook_table){0};
}

uint32_t hook_table_descriptors(const struct hook_table *t)
{
	return HASH_COUNT(t->by_id) - t->closed + t->members;
}

struct hook *hook_table_search(struct hook_table *t, struct cpu_slot *slot, uint64_t id)
{
	struct hook *hook;

	HASH_FIND(hh, t->by_id, &id, sizeof(id), hook);
	if (hook)
		slot->found[id % 8] = hook;
	return hook;
}

bool hook_take_over(struct hook *hook)
{
	struct hook *old;

	if (hook->state != HOOK_WAITING)
		return false;
	/* A filter that changed twice meanwhile has left a chain. */
	for (old = hook->predecessor; old; old = old->predecessor)
		old->state = HOOK_ENDED;
	hook->state = HOOK_COUNTING;
	return true;
}

uint64_t hook_take_lost(struct hook *hook)
{
	uint64_t lost;

	hook_read_lost(hook);
	lost = hook->lost - hook->lost_reported;
	hook->lost_reported = hook->lost;
	return lost;
}
