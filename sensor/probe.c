#include "sensor/probe.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "sensor/probe_request.h"

#include <errno.h>

void probe_describe(const struct source_probe *row, char *to, size_t size)
{
	static const char *const types[] = {[SOURCE_TRACEPOINT] = "", [SOURCE_KPROBE] = "kprobe", [SOURCE_KRETPROBE] = "kretprobe"};

	if (row->type == SOURCE_TRACEPOINT)
		snprintf(to, size, "%s:%s", row->system, row->name);
	else
		snprintf(to, size, "%s %s", types[row->type], row->name);
}

static int compile_fields(struct probe *p, struct error *err)
{
	const struct source_probe *row = p->instance.row;

	for (size_t i = 0; i < SOURCE_FIELDS_MAX && row->fields[i]; i++) {
		const char *name = row->fields[i];
		bool optional = name[0] == '?';
		int code = format_field(p->event->format, name + optional, &p->instance.fields[i], optional ? NULL : err);

		if (code && !optional)
			return code;
		if (code)
			p->instance.fields[i] = (struct format_field){0};
	}
	return row->compile ? row->compile(p->event->format, &p->instance.state, err) : 0;
}

static int add_event(struct probe *p, struct sample_source *source, struct kernel_event_spec *spec, struct error *err)
{
	int code = source->ops->add(source, spec, p, &p->event, err);

	if (code == -EINVAL && spec->filter) {
		log_debug("filter refused, going on without", "event=%s:%s error=\"%s\"", spec->system, spec->name,
			  err ? err->message : "");
		spec->filter = NULL;
		code = source->ops->add(source, spec, p, &p->event, err);
	}
	if (code)
		p->event = NULL;
	return code;
}

/* Names of probes are unique among ours: a function may be probed by several rows. */
static void make_name(const struct source_probe *row, char *to, size_t size)
{
	static unsigned int count;

	snprintf(to, size, "%s_%s_%u", row->type == SOURCE_KRETPROBE ? "r" : "p", row->name, ++count);
}

static int install_function(struct probe *p, const struct source_probe *row, const struct probe_kernel *kernel,
			    struct sample_source *source, const char *filter, struct error *err)
{
	char name[64];
	struct probe_spec probe = {.type = row->type == SOURCE_KPROBE ? PROBE_KPROBE : PROBE_KRETPROBE, .place = row->name};
	struct kernel_event_spec spec = {.system = row->type == SOURCE_KPROBE ? "kprobe" : "kretprobe",
					 .name = name,
					 .filter = filter,
					 .with_abi = row->with_abi,
					 .probe = &probe};
	struct buffer fetchargs;
	int code = 0;

	buffer_init(&fetchargs, 0);
	if (row->make_fetchargs)
		code = row->make_fetchargs(kernel->layout, &fetchargs, err);
	else
		buffer_put_string(&fetchargs, row->fetchargs ? row->fetchargs : "");
	buffer_put_u8(&fetchargs, '\0');
	if (!code && fetchargs.failed)
		code = error_set(err, -ENOMEM, "out of memory");
	if (!code) {
		make_name(row, name, sizeof(name));
		probe.fetchargs = (const char *)fetchargs.data;
		memcpy(spec.reads, row->reads, sizeof(spec.reads));
		code = add_event(p, source, &spec, err);
	}
	buffer_done(&fetchargs);
	return code;
}

static int install_tracepoint(struct probe *p, const struct source_probe *row, struct sample_source *source, const char *filter,
			      struct error *err)
{
	struct kernel_event_spec spec = {.system = row->system, .name = row->name, .filter = filter, .with_abi = row->with_abi};

	memcpy(spec.reads, row->reads, sizeof(spec.reads));
	return add_event(p, source, &spec, err);
}

/* The row's own condition and a filter as one, from malloc; NULL: neither, or no memory. */
static char *add_condition(const struct source_probe *row, const char *filter)
{
	char *both;

	if (!row->condition || !filter)
		return row->condition ? strdup(row->condition) : filter ? strdup(filter) : NULL;
	return asprintf(&both, "(%s) && (%s)", row->condition, filter) < 0 ? NULL : both;
}

int probe_install(struct probe *p, const struct source_probe *row, const struct probe_kernel *kernel, struct sample_source *source,
		  const char *filter, struct error *err)
{
	cleanup_free char *whole = add_condition(row, filter);
	int code;

	p->instance = (struct source_instance){.row = row};
	code = row->type == SOURCE_TRACEPOINT ? install_tracepoint(p, row, source, whole, err)
					      : install_function(p, row, kernel, source, whole, err);
	if (!code)
		code = compile_fields(p, err);
	if (code)
		probe_remove(p, source);
	return code;
}

int probe_refilter(struct probe *p, struct sample_source *source, const char *filter, struct error *err)
{
	cleanup_free char *whole = add_condition(p->instance.row, filter);
	int code = source->ops->refilter(source, p->event, whole, err);

	if (code == -EINVAL && whole)
		code = source->ops->refilter(source, p->event, NULL, err);
	return code;
}

void probe_remove(struct probe *p, struct sample_source *source)
{
	if (p->event)
		source->ops->remove(source, p->event);
	p->event = NULL;
	free(p->instance.state);
	p->instance.state = NULL;
	free(p->filter);
	p->filter = NULL;
	p->request = probe_request_unref(p->request);
}
