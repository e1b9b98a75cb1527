#include "tracing/collector.h"

#include "base/clock.h"
#include "tracing/collector_event.h"
#include "tracing/cpu_set.h"
#include "tracing/hook.h"
#include "tracing/late_reads.h"
#include "tracing/loss_list.h"
#include "tracing/probe_profile.h"
#include "tracing/sample_record.h"
#include "tracing/tracefs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* The profile of probes costs the kernel a walk over all of them, whoever they are of. */
#define MISSES_INTERVAL_NS (250 * NSEC_PER_MSEC)

struct collector {
	struct sample_source base;
	struct perf_features features;
	struct perf_layout layout;
	uint64_t reorder_ns;
	int64_t clock_offset_ns;

	struct cpu_rings rings;
	struct hook_table hooks;
	struct collector_event *events;
	struct loss_list losses;
	struct late_reads late;
	uint32_t counting_events; /* how many of the events are counters */
	uint32_t reading_events;  /* how many of the events have reads */
	uint32_t missing_events;  /* how many of them can be missed */
	uint64_t misses_read_ns;  /* when it was looked for those */

	uint64_t horizon_ns;
	uint64_t last_time_ns;
	struct merge_ring *current;   /* whose record the last sample borrows */
	struct counter_values values; /* of the last sample */
	struct sample_source_counters counters;
};

static struct collector *collector_of(struct sample_source *s)
{
	return (struct collector *)s;
}

/* Events */

/* A CPU that has just gone is taken out by collector_update_cpus(). */
static int collector_open_hooks(struct collector *c, struct collector_event *event, uint32_t generation, struct error *err)
{
	struct cpu_slot *slot;
	int code;

	DL_FOREACH (c->rings.slots, slot) {
		code = slot->gone ? 0 : collector_event_open(event, &c->hooks, slot, &c->features, generation, err);
		if (code && code != -ENODEV)
			return code;
	}
	return 0;
}

static int collector_add(struct sample_source *s, const struct kernel_event_spec *spec, void *owner, struct kernel_event **ret,
			 struct error *err)
{
	struct collector *c = collector_of(s);
	struct collector_event *event = NULL;
	int code;

	code = collector_event_new(&event, spec, &c->features, owner, err);
	if (code)
		return code;
	code = collector_open_hooks(c, event, 0, err);
	if (code) {
		hook_table_close_event(&c->hooks, &event->base, HOOK_ALL_GENERATIONS);
		hook_table_forget_event(&c->hooks, &event->base);
		collector_event_free(event);
		return code;
	}
	hook_table_enable_event(&c->hooks, &event->base, 0);
	DL_APPEND(c->events, event);
	c->counting_events += event->counters.count != 0;
	c->reading_events += event->reads.count != 0;
	c->missing_events += collector_event_can_miss(event);
	*ret = &event->base;
	return 0;
}

static void hook_count_losses(struct collector *c, struct cpu_slot *slot, struct hook *hook, uint64_t time_ns)
{
	const struct loss loss = {.event = hook->event, .count = hook_take_lost(hook), .time_ns = time_ns, .cpu = (uint32_t)slot->cpu};

	loss_list_add(&c->losses, &loss);
}

/* Reads each event's own count of losses on a CPU. */
static void slot_count_losses(struct collector *c, struct cpu_slot *slot, uint64_t time_ns)
{
	struct hook *hook;

	slot->merge.ring.was_tight = false;
	DL_FOREACH2 (slot->hooks, hook, slot_next)
		if (hook->event)
			hook_count_losses(c, slot, hook, time_ns);
}

static void collector_count_losses(struct collector *c, struct kernel_event *event)
{
	struct cpu_slot *slot;
	struct hook *hook;

	DL_FOREACH (c->rings.slots, slot) {
		DL_FOREACH2 (slot->hooks, hook, slot_next)
			if (hook->event == event)
				hook_count_losses(c, slot, hook, c->last_time_ns);
	}
}

static int collector_refilter(struct sample_source *s, struct kernel_event *kernel_event, const char *filter, struct error *err)
{
	struct collector *c = collector_of(s);
	struct collector_event *event = (struct collector_event *)kernel_event;
	char *old_filter = event->filter;
	uint32_t generation;
	int code;

	if (event->counters.count)
		return filter && *filter ? error_set(err, -EINVAL, "counters have no filter") : 0;
	generation = hook_table_next_generation(&c->hooks);
	event->filter = strdup(filter ? filter : "");
	code = event->filter ? collector_open_hooks(c, event, generation, err) : error_set(err, -ENOMEM, "out of memory");
	if (code) {
		hook_table_close_event(&c->hooks, kernel_event, generation);
		free(event->filter);
		event->filter = old_filter;
		return code;
	}
	free(old_filter);
	hook_table_replace_event(&c->hooks, kernel_event, generation);
	collector_count_losses(c, kernel_event);
	return 0;
}

static void collector_remove(struct sample_source *s, struct kernel_event *kernel_event)
{
	struct collector *c = collector_of(s);
	struct collector_event *event = (struct collector_event *)kernel_event;

	hook_table_close_event(&c->hooks, kernel_event, HOOK_ALL_GENERATIONS);
	hook_table_forget_event(&c->hooks, kernel_event);
	loss_list_forget(&c->losses, kernel_event);
	c->counting_events -= event->counters.count != 0;
	c->reading_events -= event->reads.count != 0;
	c->missing_events -= collector_event_can_miss(event);
	DL_DELETE(c->events, event); /* NOLINT(clang-analyzer-core.NullDereference): it is in the list, so the list is not empty */
	collector_event_free(event);
}

/* Samples */

static void collector_step(struct collector *c)
{
	if (!c->current)
		return;
	if (c->late.entries)
		late_reads_drop(&c->late, c->current, c->current->ring.position);
	c->current = NULL;
	ring_merge_step(&c->rings.merge);
}

/* The hook that made a sample; NULL: it is not known any more. Counters have the last word on whose their samples are: a raw sample cannot be
 * taken for one of theirs, because it begins with the id of its tracepoint where those have a small number. */
static struct hook *collector_find_hook(struct collector *c, struct cpu_slot *slot, const struct perf_event_header *record)
{
	struct hook *hook = hook_table_find(&c->hooks, slot, sample_record_id(record, &c->layout)), *leader;
	uint64_t id;

	if ((hook && !hook->group.count) || !c->counting_events)
		return hook;
	if (!sample_record_block_id(record, &c->layout, counter_group_read_format(&c->features), &id))
		return hook;
	leader = hook_table_find(&c->hooks, slot, id);
	return leader && leader->group.count ? leader : NULL;
}

/* Reads what is to be read of the task that made a sample, if anything is. */
static void collector_look_at(struct collector *c, struct cpu_slot *slot, const struct perf_event_header *record, uint64_t position)
{
	struct collector_event *event;
	struct sample sample;
	struct hook *hook;

	if (record->type != PERF_RECORD_SAMPLE || record->size < c->layout.raw)
		return;
	hook = collector_find_hook(c, slot, record);
	event = hook ? (struct collector_event *)hook->event : NULL;
	if (!event || !event->reads.count || !sample_record_parse(record, &c->layout, &event->form, &c->values, &sample))
		return;
	late_reads_take(&c->late, &event->reads, &slot->merge, position, &sample);
}

/* Everything that has come into the rings since the last look, long before its turn: tasks do not wait. */
static void collector_look_ahead(struct collector *c)
{
	const struct perf_event_header *record;
	struct cpu_slot *slot;

	DL_FOREACH (c->rings.slots, slot) {
		struct perf_ring ahead = slot->merge.ring;

		/* One record at most straddles the end, so that the bounce buffer never holds another one that is still wanted. */
		if (slot->looked > ahead.position)
			ahead.position = slot->looked;
		while ((record = perf_ring_peek(&ahead))) {
			collector_look_at(c, slot, record, ahead.position);
			perf_ring_consume(&ahead, record);
		}
		slot->looked = ahead.position;
	}
}

static uint64_t collector_advance(struct sample_source *s)
{
	struct collector *c = collector_of(s);
	uint64_t now_ns = clock_monotonic_ns();

	collector_step(c);
	c->rings.merge.now_ns = now_ns - (uint64_t)c->clock_offset_ns;
	ring_merge_snapshot(&c->rings.merge);
	if (c->reading_events)
		collector_look_ahead(c);
	hook_table_close_retired(&c->hooks, now_ns);
	hook_table_reap(&c->hooks);
	c->horizon_ns = now_ns > c->reorder_ns ? now_ns - c->reorder_ns : 0;
	return c->horizon_ns;
}

static uint64_t clamp_time(struct collector *c, uint64_t time_ns)
{
	if (time_ns < c->last_time_ns)
		return c->last_time_ns;
	c->last_time_ns = time_ns;
	return time_ns;
}

static bool collector_take_sample(struct collector *c, struct cpu_slot *slot, struct sample *ret)
{
	const struct perf_event_header *record = slot->merge.next;
	struct collector_event *event;
	struct hook *hook;
	uint64_t time_ns;

	hook = collector_find_hook(c, slot, record);
	if (!hook) {
		c->counters.unknown++;
		return false;
	}
	if (hook->state != HOOK_COUNTING && !hook_take_over(hook))
		return false;
	event = (struct collector_event *)hook->event;
	if (!sample_record_parse(record, &c->layout, &event->form, &c->values, ret)) {
		c->counters.corrupt++;
		return false;
	}
	ret->kind = SAMPLE_HIT;
	ret->event = &event->base;
	ret->cpu = (uint32_t)slot->cpu;
	ret->lost = 0;
	ret->missed = false;
	ret->reads = event->reads.count ? late_reads_find(&c->late, &slot->merge, slot->merge.ring.position) : NULL;
	time_ns = slot->merge.next_time_ns + (uint64_t)c->clock_offset_ns;
	ret->time_ns = clamp_time(c, time_ns);
	c->counters.late += ret->time_ns != time_ns;
	c->counters.samples++;
	event->base.delivered++;
	return true;
}

/* struct { header; u64 id; u64 lost; sample_id } */
static void collector_take_lost(struct collector *c, struct cpu_slot *slot)
{
	const struct perf_event_header *record = slot->merge.next;
	struct collector_event *event;
	uint64_t count;

	if (c->features.lost_count) {
		slot_count_losses(c, slot, slot->merge.next_time_ns + (uint64_t)c->clock_offset_ns);
		return;
	}
	if (record->size < sizeof(*record) + 16) {
		c->counters.corrupt++;
		return;
	}
	memcpy(&count, (const uint8_t *)record + sizeof(*record) + 8, sizeof(count));
	DL_FOREACH (c->events, event) {
		const struct loss loss = {.event = &event->base,
					  .count = count,
					  .time_ns = slot->merge.next_time_ns + (uint64_t)c->clock_offset_ns,
					  .cpu = (uint32_t)slot->cpu};

		loss_list_add(&c->losses, &loss);
	}
}

static bool collector_take_loss(struct collector *c, struct sample *ret)
{
	struct loss loss;

	if (!loss_list_take(&c->losses, &loss))
		return false;
	*ret = (struct sample){
		.kind = SAMPLE_LOST,
		.event = loss.event,
		.time_ns = clamp_time(c, loss.time_ns),
		.cpu = loss.cpu,
		.lost = loss.count,
		.missed = loss.missed,
	};
	*(loss.missed ? &loss.event->missed : &loss.event->lost) += loss.count;
	*(loss.missed ? &c->counters.missed : &c->counters.lost) += loss.count;
	return true;
}

static int collector_next(struct sample_source *s, struct sample *ret)
{
	struct collector *c = collector_of(s);
	struct merge_ring *ring;

	for (;;) {
		collector_step(c);
		if (collector_take_loss(c, ret))
			return 1;
		ring = ring_merge_first(&c->rings.merge);
		if (!ring || ring->next_time_ns + (uint64_t)c->clock_offset_ns > c->horizon_ns) {
			/* Others may take this for the time that it is now: what comes late must not be before it. */
			clamp_time(c, c->horizon_ns);
			return 0;
		}
		c->current = ring;
		if (ring->next->type == PERF_RECORD_SAMPLE) {
			if (collector_take_sample(c, cpu_slot_of(ring), ret))
				return 1;
		} else if (ring->next->type == PERF_RECORD_LOST) {
			collector_take_lost(c, cpu_slot_of(ring));
		}
	}
}

static void collector_hold(struct sample_source *s)
{
	struct collector *c = collector_of(s);
	struct cpu_slot *slot;
	struct hook *hook;

	if (!c->current)
		return;
	slot = cpu_slot_of(c->current);
	hook = collector_find_hook(c, slot, slot->merge.next);
	if (hook && hook->event)
		hook->event->delivered--;
	c->counters.samples--;
	c->current = NULL;
}

static void collector_release(struct sample_source *s)
{
	struct collector *c = collector_of(s);

	collector_step(c);
	ring_merge_release(&c->rings.merge);
}

/* Puts what the kernel says of each probe that can be missed into the list of losses. The arrays have room for all of those. */
static void collector_take_misses(struct collector *c, struct collector_event **events, struct dynamic_probe **probes,
				  struct probe_counts *counts)
{
	struct collector_event *event;
	size_t count = 0;

	DL_FOREACH (c->events, event) {
		if (!collector_event_can_miss(event))
			continue;
		events[count] = event;
		probes[count++] = event->probe;
	}
	if (probe_profile_read_own(counts, probes, count, NULL))
		return;
	for (size_t i = 0; i < count; i++) {
		const struct loss loss = {.event = &events[i]->base,
					  .count = collector_event_take_misses(events[i], counts[i].misses),
					  .time_ns = c->last_time_ns,
					  .missed = true};

		loss_list_add(&c->losses, &loss);
	}
}

static void collector_count_misses(struct collector *c, uint64_t now_ns)
{
	struct collector_event **events;
	struct dynamic_probe **probes;
	struct probe_counts *counts;

	if (!c->missing_events || now_ns < c->misses_read_ns + MISSES_INTERVAL_NS)
		return;
	c->misses_read_ns = now_ns;
	events = calloc(c->missing_events, sizeof(struct collector_event *));
	probes = calloc(c->missing_events, sizeof(struct dynamic_probe *));
	counts = calloc(c->missing_events, sizeof(*counts));
	if (events && probes && counts)
		collector_take_misses(c, events, probes, counts);
	free(events);
	free(probes);
	free(counts);
}

static void collector_settle(struct sample_source *s)
{
	struct collector *c = collector_of(s);
	struct cpu_slot *slot;

	if (!c->features.clockid)
		perf_clock_offset(&c->features, &c->clock_offset_ns, NULL);
	collector_count_misses(c, clock_monotonic_ns());
	DL_FOREACH (c->rings.slots, slot) {
		if (!slot->merge.ring.was_tight)
			continue;
		if (c->features.lost_count) {
			slot_count_losses(c, slot, c->last_time_ns);
		} else {
			slot->merge.ring.was_tight = false;
			cpu_slot_provoke_record(slot);
		}
	}
}

static void collector_counters(const struct sample_source *s, struct sample_source_counters *ret)
{
	const struct collector *c = (const struct collector *)s;
	const struct cpu_slot *slot;

	*ret = c->counters;
	ret->corrupt += c->rings.merge.malformed;
	ret->descriptors = hook_table_descriptors(&c->hooks);
	DL_FOREACH (c->rings.slots, slot) {
		ret->corrupt += slot->merge.ring.corrupt;
		ret->ring_bytes += slot->merge.ring.size;
		ret->rings++;
		ret->descriptors++;
	}
}

static void collector_free(struct sample_source *s)
{
	struct collector *c = collector_of(s);

	while (c->events)
		collector_remove(s, &c->events->base);
	hook_table_done(&c->hooks);
	late_reads_done(&c->late);
	cpu_rings_close(&c->rings);
	free(c);
}

static const struct sample_source_ops collector_ops = {
	.add = collector_add,
	.refilter = collector_refilter,
	.remove = collector_remove,
	.advance = collector_advance,
	.next = collector_next,
	.hold = collector_hold,
	.release = collector_release,
	.settle = collector_settle,
	.counters = collector_counters,
	.free = collector_free,
};

int collector_open(struct sample_source **ret, const struct collector_options *options, struct error *err)
{
	struct collector *c;
	int code;

	code = tracefs_open(err);
	if (code)
		return code;
	c = calloc(1, sizeof(*c));
	if (!c)
		return error_set(err, -ENOMEM, "out of memory");
	c->base.ops = &collector_ops;
	c->reorder_ns = options->reorder_ns;
	c->rings.epoll_fd = -1;
	late_reads_init(&c->late);
	code = perf_features_probe(&c->features, err);
	if (code)
		goto fail;
	perf_features_without(&c->features, &options->forbidden);
	c->layout = perf_layout(&c->features);
	code = perf_clock_offset(&c->features, &c->clock_offset_ns, err);
	if (!code)
		code = cpu_rings_open(&c->rings, &c->features, options->ring_memory_bytes, err);
	if (code)
		goto fail;
	*ret = &c->base;
	return 0;
fail:
	collector_free(&c->base);
	return code;
}

int collector_fd(const struct sample_source *s)
{
	return ((const struct collector *)s)->rings.epoll_fd;
}

uint64_t collector_ring_bytes(const struct sample_source *s)
{
	return ((const struct collector *)s)->rings.ring_bytes;
}

uint64_t collector_samples(const struct sample_source *s)
{
	return ((const struct collector *)s)->counters.samples;
}

uint64_t collector_pending_ns(const struct sample_source *s)
{
	const struct collector *c = (const struct collector *)s;
	const struct merge_ring *first = ring_merge_first(&c->rings.merge);

	return first ? first->next_time_ns + (uint64_t)c->clock_offset_ns + c->reorder_ns : UINT64_MAX;
}

void collector_woken(struct sample_source *s)
{
	cpu_rings_woken(&collector_of(s)->rings);
}

static void collector_remove_cpu(struct collector *c, struct cpu_slot *slot)
{
	if (c->current == &slot->merge)
		c->current = NULL;
	late_reads_drop_ring(&c->late, &slot->merge);
	hook_table_drop_slot(&c->hooks, slot);
	cpu_rings_remove(&c->rings, slot);
}

static int collector_add_cpu(struct collector *c, int cpu, struct error *err)
{
	struct collector_event *event;
	struct cpu_slot *slot;
	int code;

	code = cpu_rings_add(&c->rings, cpu, &slot, err);
	if (code)
		return error_prefix(err, code, "CPU %d, which came online", cpu);
	DL_FOREACH (c->events, event) {
		code = collector_event_open(event, &c->hooks, slot, &c->features, 0, err);
		if (code)
			return error_prefix(err, code, "CPU %d, which came online", cpu);
		hook_table_enable_event(&c->hooks, &event->base, 0);
	}
	return 0;
}

/* The kernel has taken the events of a CPU that went apart. What they left in the ring is read first. */
static void collector_drop_cpus(struct collector *c, const bool online[CPU_MAX])
{
	struct cpu_slot *slot, *next;

	DL_FOREACH_SAFE (c->rings.slots, slot, next) {
		if (!online[slot->cpu] || cpu_incarnation(slot->cpu) != slot->incarnation)
			slot->gone = true;
		if (slot->gone && !slot->merge.next)
			collector_remove_cpu(c, slot);
	}
}

int collector_update_cpus(struct sample_source *s, struct error *err)
{
	struct collector *c = collector_of(s);
	bool online[CPU_MAX];
	struct cpu_slot *slot;
	int changes = 0, code = 0;

	collector_step(c);
	code = cpu_online(online, err);
	if (code < 0)
		return code;
	code = 0;
	collector_drop_cpus(c, online);
	DL_FOREACH (c->rings.slots, slot) {
		changes += slot->gone;
		online[slot->cpu] = false;
	}
	for (int cpu = 0; cpu < CPU_MAX; cpu++) {
		int failed = online[cpu] ? collector_add_cpu(c, cpu, err) : 0;

		/* One that has gone again meanwhile is no failure. */
		code = failed && failed != -ENODEV ? failed : code;
		changes += online[cpu];
	}
	return code ? code : changes;
}

const struct perf_features *collector_features(const struct sample_source *s)
{
	return &((const struct collector *)s)->features;
}
