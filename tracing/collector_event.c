#include "tracing/collector_event.h"

#include "base/log.h"
#include "tracing/dynamic_probe.h"
#include "tracing/fault_misses.h"
#include "tracing/tracefs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct collector_event *collector_event_free(struct collector_event *event)
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

static int set_up_hits(struct collector_event *event, const struct kernel_event_spec *spec, const struct perf_features *features,
		       struct error *err)
{
	int code = spec->probe ? dynamic_probe_install(&event->probe, spec->probe, spec->refusal, err) : 0;

	if (code)
		return code;
	if (event->probe)
		code = tracefs_format(&event->format, dynamic_probe_group(), dynamic_probe_name(event->probe), err);
	else
		code = tracefs_format(&event->format, spec->system, spec->name, err);
	if (!code)
		code = late_reads_compile(&event->reads, spec->reads, event->format, err);
	event->form.with_abi = spec->with_abi && features->user_abi;
	event->base.format = event->format;
	event->base.read_count = event->reads.count;
	return code;
}

static int set_up_counters(struct collector_event *event, const struct counter_group_spec *spec, const struct perf_features *features,
			   struct error *err)
{
	int code = counter_group_check(spec, err);

	if (code)
		return code;
	memcpy(event->group, spec->counters, spec->count * sizeof(*spec->counters));
	event->form = (struct sample_record_form){.counters = spec->count, .read_format = counter_group_read_format(features)};
	event->counters = *spec;
	event->counters.counters = event->group;
	return 0;
}

static bool has_true_misses(const struct collector_event *event, const struct kernel_event_spec *spec, const struct perf_features *features)
{
	if (!event->probe || dynamic_probe_is_user(event->probe))
		return false;
	return !fault_misses_can_come_of(spec->probe->fetchargs) || !fault_misses_are_counted(features);
}

int collector_event_new(struct collector_event **ret, const struct kernel_event_spec *spec, const struct perf_features *features,
			void *owner, struct error *err)
{
	struct collector_event *event = calloc(1, sizeof(*event));
	int code;

	if (!event)
		return error_set(err, -ENOMEM, "out of memory");
	event->base.owner = owner;
	event->filter = strdup(spec->filter ? spec->filter : "");
	code = event->filter ? 0 : error_set(err, -ENOMEM, "out of memory");
	if (!code)
		code = spec->counters ? set_up_counters(event, spec->counters, features, err) : set_up_hits(event, spec, features, err);
	if (code) {
		collector_event_free(event);
		return code;
	}
	event->misses_are_true = has_true_misses(event, spec, features);
	*ret = event;
	return 0;
}

static struct hook_spec hook_spec_of(const struct collector_event *event, const struct perf_features *features)
{
	if (event->counters.count)
		return (struct hook_spec){.features = features, .counters = &event->counters};
	return (struct hook_spec){
		.features = features,
		.tracepoint = format_id(event->format),
		.filter = event->filter,
		.with_abi = event->form.with_abi,
		.wakes = event->reads.urgent,
	};
}

int collector_event_open(struct collector_event *event, struct hook_table *hooks, struct cpu_slot *slot,
			 const struct perf_features *features, uint32_t generation, struct error *err)
{
	struct hook_spec spec = hook_spec_of(event, features);
	int code = hook_table_open(hooks, slot, &spec, &event->base, generation, err);
	const char *system, *name;

	if (!code || code == -ENODEV || event->counters.count)
		return code;
	system = format_system(event->format);
	name = format_name(event->format);
	if (code == -EINVAL && event->filter[0])
		tracefs_explain_filter(system, name, event->filter, err);
	return error_prefix(err, code, "%s:%s", system, name);
}

bool collector_event_can_miss(const struct collector_event *event)
{
	return event->misses_are_true;
}

uint64_t collector_event_take_misses(struct collector_event *event, uint64_t misses)
{
	uint64_t since = misses > event->misses ? misses - event->misses : 0;

	event->misses += since;
	return since;
}
