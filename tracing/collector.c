#include "tracing/collector.h"

#include "base/clock.h"
#include "base/log.h"
#include "tracing/cpu_set.h"
#include "tracing/dynamic_probe.h"
#include "tracing/hook.h"
#include "tracing/late_reads.h"
#include "tracing/tracefs.h"

#include <errno.h>
#include <string.h>
#include <utlist.h>

struct collector_event {
	struct kernel_event base;
	struct format *format;
	char *filter;
	bool with_abi;
	struct dynamic_probe *probe; /* NULL: a tracepoint */
	struct late_read_plan reads;
	struct collector_event *prev, *next;
};

/* Losses that were found and are to be reported. */
struct pending_loss {
	struct collector_event *event;
	uint64_t count;
	uint64_t time_ns;
	uint32_t cpu;
	struct pending_loss *prev, *next;
};

struct collector {
	struct sample_source base;
	struct perf_features features;
	struct perf_layout layout;
	uint64_t reorder_ns;
	int64_t clock_offset_ns;

	struct cpu_rings rings;
	struct hook_table hooks;
	struct collector_event *events;
	struct pending_loss *losses;
	struct late_reads late;
	uint32_t reading_events; /* how many of the events have reads */

	uint64_t horizon_ns;
	uint64_t last_time_ns;
	struct merge_ring *current; /* whose record the last sample borrows */
	struct sample_source_counters counters;
};

static struct collector *collector_of(struct sample_source *s)
{
	return (struct collector *)s;
}

/* Events */

static struct hook_spec event_hook_spec(const struct collector *c, const struct collector_event *event)
{
	return (struct hook_spec){
		.features = &c->features,
		.tracepoint = format_id(event->format),
		.filter = event->filter,
		.with_abi = event->with_abi,
		.wakes = event->reads.urgent,
	};
}

/* An error names the tracepoint and, for a filter, what the kernel dislikes about it. */
static int event_open_hooks(struct collector *c, struct collector_event *event, uint32_t generation, struct error *err)
{
	const char *system = format_system(event->format), *name = format_name(event->format);
	struct hook_spec spec = event_hook_spec(c, event);
	struct cpu_slot *slot;
	int code;

	DL_FOREACH (c->rings.slots, slot) {
		code = slot->gone ? 0 : hook_table_open(&c->hooks, slot, &spec, &event->base, generation, err);
		/* A CPU that has just gone is taken out by collector_update_cpus(). */
		if (!code || code == -ENODEV)
			continue;
		if (code == -EINVAL && event->filter[0])
			tracefs_explain_filter(system, name, event->filter, err);
		return error_prefix(err, code, "%s:%s", system, name);
	}
	return 0;
}

/* With its probe, if it has one: its perf events are closed. */
static struct collector_event *event_free(struct collector_event *event)
{
	struct error err = {0};

	if (!event)
		return NULL;
	if (event->probe && dynamic_probe_remove(event->probe, &err))
		log_warning("cannot remove a probe", "probe=%s error=\"%s\"", dynamic_probe_name(event->probe), err.message);
	dynamic_probe_free(event->probe);
	format_free(event->format);
	free(event->filter);
	free(event);
	return NULL;
}

static int event_new(const struct kernel_event_spec *spec, bool with_abi, void *owner, struct collector_event **ret, struct error *err)
{
	struct collector_event *event = calloc(1, sizeof(*event));
	int code;

	if (!event)
		return error_set(err, -ENOMEM, "out of memory");
	event->with_abi = with_abi;
	event->base.owner = owner;
	event->filter = strdup(spec->filter ? spec->filter : "");
	code = event->filter ? 0 : error_set(err, -ENOMEM, "out of memory");
	if (!code && spec->probe)
		code = dynamic_probe_install(&event->probe, spec->probe, spec->refusal, err);
	if (!code && event->probe)
		code = tracefs_format(&event->format, dynamic_probe_group(), dynamic_probe_name(event->probe), err);
	else if (!code)
		code = tracefs_format(&event->format, spec->system, spec->name, err);
	if (!code)
		code = late_reads_compile(&event->reads, spec->reads, event->format, err);
	if (code) {
		event_free(event);
		return code;
	}
	event->base.format = event->format;
	*ret = event;
	return 0;
}

static int collector_add(struct sample_source *s, const struct kernel_event_spec *spec, void *owner, struct kernel_event **ret,
			 struct error *err)
{
	struct collector *c = collector_of(s);
	struct collector_event *event = NULL;
	int code;

	code = event_new(spec, spec->with_abi && c->features.user_abi, owner, &event, err);
	if (code)
		return code;
	code = event_open_hooks(c, event, 0, err);
	if (code) {
		hook_table_close_event(&c->hooks, &event->base, HOOK_ALL_GENERATIONS);
		hook_table_forget_event(&c->hooks, &event->base);
		event_free(event);
		return code;
	}
	hook_table_enable_event(&c->hooks, &event->base, 0);
	DL_APPEND(c->events, event);
	c->reading_events += event->reads.count != 0;
	*ret = &event->base;
	return 0;
}

static void loss_add(struct collector *c, struct kernel_event *event, uint64_t count, uint64_t time_ns, uint32_t cpu)
{
	struct pending_loss *loss;

	if (!count)
		return;
	DL_FOREACH (c->losses, loss) {
		if (&loss->event->base == event && loss->cpu == cpu) {
			loss->count += count;
			return;
		}
	}
	loss = calloc(1, sizeof(*loss));
	if (!loss)
		return;
	*loss = (struct pending_loss){.event = (struct collector_event *)event, .count = count, .time_ns = time_ns, .cpu = cpu};
	DL_APPEND(c->losses, loss);
}

/* Reads each event's own count of losses on a CPU. */
static void slot_count_losses(struct collector *c, struct cpu_slot *slot, uint64_t time_ns)
{
	struct hook *hook;

	slot->merge.ring.was_tight = false;
	DL_FOREACH2 (slot->hooks, hook, slot_next)
		if (hook->event)
			loss_add(c, hook->event, hook_take_lost(hook), time_ns, (uint32_t)slot->cpu);
}

static void collector_count_losses(struct collector *c, struct kernel_event *event)
{
	struct cpu_slot *slot;
	struct hook *hook;

	DL_FOREACH (c->rings.slots, slot) {
		DL_FOREACH2 (slot->hooks, hook, slot_next)
			if (hook->event == event)
				loss_add(c, event, hook_take_lost(hook), c->last_time_ns, (uint32_t)slot->cpu);
	}
}

static int collector_refilter(struct sample_source *s, struct kernel_event *kernel_event, const char *filter, struct error *err)
{
	struct collector *c = collector_of(s);
	struct collector_event *event = (struct collector_event *)kernel_event;
	char *old_filter = event->filter;
	uint32_t generation = hook_table_next_generation(&c->hooks);
	int code;

	event->filter = strdup(filter ? filter : "");
	code = event->filter ? event_open_hooks(c, event, generation, err) : error_set(err, -ENOMEM, "out of memory");
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
	struct pending_loss *loss, *next;

	hook_table_close_event(&c->hooks, kernel_event, HOOK_ALL_GENERATIONS);
	hook_table_forget_event(&c->hooks, kernel_event);
	DL_FOREACH_SAFE (c->losses, loss, next) {
		if (loss->event != event)
			continue;
		DL_DELETE(c->losses, loss);
		free(loss);
	}
	c->reading_events -= event->reads.count != 0;
	DL_DELETE(c->events, event); /* NOLINT(clang-analyzer-core.NullDereference): it is in the list, so the list is not empty */
	event_free(event);
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

static bool sample_parse(const struct collector *c, const struct perf_event_header *record, bool with_abi, struct sample *ret);

/* Reads what is to be read of the task that made a sample, if anything is. */
static void collector_look_at(struct collector *c, struct cpu_slot *slot, const struct perf_event_header *record, uint64_t position)
{
	struct collector_event *event;
	struct sample sample;
	struct hook *hook;
	uint64_t id;

	if (record->type != PERF_RECORD_SAMPLE || record->size < c->layout.raw)
		return;
	memcpy(&id, (const uint8_t *)record + c->layout.id, sizeof(id));
	hook = hook_table_find(&c->hooks, slot, id);
	event = hook ? (struct collector_event *)hook->event : NULL;
	if (!event || !event->reads.count || !sample_parse(c, record, event->with_abi, &sample))
		return;
	late_reads_take(&c->late, &event->reads, &slot->merge, position, sample.tgid, sample.tid, sample.raw, sample.raw_size);
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

/* `struct { u32 size; char data[size]; }`, then the register block: u64 abi, and one register unless the abi is 0. */
static bool sample_parse(const struct collector *c, const struct perf_event_header *record, bool with_abi, struct sample *ret)
{
	const uint8_t *bytes = (const uint8_t *)record;
	uint32_t size, after;
	uint64_t abi;

	if (record->size < c->layout.raw + sizeof(size))
		return false;
	memcpy(&ret->tgid, bytes + c->layout.tid, sizeof(ret->tgid));
	memcpy(&ret->tid, bytes + c->layout.tid + 4, sizeof(ret->tid));
	memcpy(&size, bytes + c->layout.raw, sizeof(size));
	after = c->layout.raw + (uint32_t)sizeof(size) + size;
	if (size > record->size || after > record->size)
		return false;
	ret->raw = bytes + c->layout.raw + sizeof(size);
	ret->raw_size = size;
	ret->abi = SAMPLE_ABI_UNKNOWN;
	if (with_abi) {
		if (after + sizeof(abi) > record->size)
			return false;
		memcpy(&abi, bytes + after, sizeof(abi));
		ret->abi = abi <= SAMPLE_ABI_64 ? (enum sample_abi)abi : SAMPLE_ABI_UNKNOWN;
	}
	return true;
}

static bool collector_take_sample(struct collector *c, struct cpu_slot *slot, struct sample *ret)
{
	const struct perf_event_header *record = slot->merge.next;
	struct collector_event *event;
	struct hook *hook;
	uint64_t id, time_ns;

	memcpy(&id, (const uint8_t *)record + c->layout.id, sizeof(id));
	hook = hook_table_find(&c->hooks, slot, id);
	if (!hook) {
		c->counters.unknown++;
		return false;
	}
	if (hook->state != HOOK_COUNTING && !hook_take_over(hook))
		return false;
	event = (struct collector_event *)hook->event;
	if (!sample_parse(c, record, event->with_abi, ret)) {
		c->counters.corrupt++;
		return false;
	}
	ret->kind = SAMPLE_HIT;
	ret->event = &event->base;
	ret->cpu = (uint32_t)slot->cpu;
	ret->lost = 0;
	ret->missed = false;
	ret->counters = NULL;
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
	DL_FOREACH (c->events, event)
		loss_add(c, &event->base, count, slot->merge.next_time_ns + (uint64_t)c->clock_offset_ns, (uint32_t)slot->cpu);
}

static void collector_pop_loss(struct collector *c, struct sample *ret)
{
	struct pending_loss *loss = c->losses;

	*ret = (struct sample){
		.kind = SAMPLE_LOST,
		.event = &loss->event->base,
		.time_ns = clamp_time(c, loss->time_ns),
		.cpu = loss->cpu,
		.lost = loss->count,
	};
	loss->event->base.lost += loss->count;
	c->counters.lost += loss->count;
	DL_DELETE(c->losses, loss);
	free(loss);
}

static int collector_next(struct sample_source *s, struct sample *ret)
{
	struct collector *c = collector_of(s);
	struct merge_ring *ring;

	for (;;) {
		collector_step(c);
		if (c->losses) {
			collector_pop_loss(c, ret);
			return 1;
		}
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
	uint64_t id;

	if (!c->current)
		return;
	slot = cpu_slot_of(c->current);
	memcpy(&id, (const uint8_t *)slot->merge.next + c->layout.id, sizeof(id));
	hook = hook_table_find(&c->hooks, slot, id);
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

static void collector_settle(struct sample_source *s)
{
	struct collector *c = collector_of(s);
	struct cpu_slot *slot;

	if (!c->features.clockid)
		perf_clock_offset(&c->features, &c->clock_offset_ns, NULL);
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
		struct hook_spec spec = event_hook_spec(c, event);

		code = hook_table_open(&c->hooks, slot, &spec, &event->base, 0, err);
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
