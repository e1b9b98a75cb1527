#include "sensor/performance_source.h"

static bool build_performance(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
			      struct event *ret)
{
	const struct counter_values *values = sample->counters;

	(void)context;
	(void)probe;
	if (!values)
		return false;
	ret->kind = EVENT_PERFORMANCE;
	ret->performance = (struct event_performance){
		.time_enabled = values->time_enabled,
		.time_running = values->time_running,
		.values = values->values,
		.count = values->count,
	};
	return true;
}

static const struct source_probe performance_row = {
	.type = SOURCE_TRACEPOINT,
	.system = PERFORMANCE_SYSTEM,
	.name = "counters",
	.kinds = EVENT_KIND_BIT(EVENT_PERFORMANCE),
	.build = build_performance,
};

int performance_install(struct probe *p, struct probe_request *request, struct sample_source *source, struct error *err)
{
	const struct counter_group_spec counters = {
		.counters = request->counters,
		.count = (uint32_t)request->counter_count,
		.by_frequency = request->by_frequency,
		.rate = request->rate,
	};
	const struct kernel_event_spec spec = {.system = PERFORMANCE_SYSTEM, .name = request->key, .counters = &counters};
	int code;

	p->instance = (struct source_instance){.row = &performance_row};
	code = source->ops->add(source, &spec, p, &p->event, err);
	if (code) {
		p->event = NULL;
		return code;
	}
	p->request = probe_request_ref(request);
	return 0;
}
