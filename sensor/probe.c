#include "sensor/probe.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "sensor/probe_request.h"
#include "sensor/fetchargs_template.h"
#include "tracing/arch.h"
#include "tracing/probe_limits.h"

#include <errno.h>
#include <inttypes.h>

/* "p:ringside_4194304_18446744073709551615/p_..." and the symbol, at most. */
#define DEFINITION_HEAD_BYTES 256

const char *probe_sort(enum source_probe_type type)
{
	static const char *const sorts[] = {[SOURCE_TRACEPOINT] = "tracepoint",
					    [SOURCE_KPROBE] = "kprobe",
					    [SOURCE_KRETPROBE] = "kretprobe",
					    [SOURCE_UPROBE] = "uprobe",
					    [SOURCE_URETPROBE] = "uretprobe"};

	return sorts[type];
}

/* A name that was fetched as an array is one field, or, on kernels without arrays, many that stand one behind another. */
static int find_field(const struct format *format, const char *name, struct format_field *ret, struct error *err)
{
	char first[64];
	int code = format_field(format, name, ret, err);

	snprintf(first, sizeof(first), "%s__0", name);
	if (code != -ENOENT || format_field(format, first, ret, NULL))
		return code;
	ret->size = FETCHARGS_NAME_BYTES;
	ret->is_array = true;
	return 0;
}

static int compile_fields(struct probe *p, struct error *err)
{
	const struct source_probe *row = p->instance.row;

	for (size_t i = 0; i < SOURCE_FIELDS_MAX && row->fields[i]; i++) {
		const char *name = row->fields[i];
		bool optional = name[0] == '?';
		int code = find_field(p->event->format, name + optional, &p->instance.fields[i], optional ? NULL : err);

		if (code && !optional)
			return code;
		if (code)
			p->instance.fields[i] = (struct format_field){0};
	}
	return p->instance.path ? dentry_path_compile(p->instance.path, p->event->format, err) : 0;
}

static int add_event(struct probe *p, struct sample_source *source, struct kernel_event_spec *spec, struct error *err)
{
	struct kernel_event_spec unfiltered = *spec;
	struct error refusal = {0};
	int code = source->ops->add(source, spec, p, &p->event, err);

	unfiltered.filter = NULL;
	if (code == -EINVAL && spec->filter && !source->ops->add(source, &unfiltered, p, &p->event, &refusal)) {
		log_debug("filter refused, going on without", "event=%s:%s error=\"%s\"", spec->system, spec->name,
			  err ? err->message : "");
		return 0;
	}
	if (code)
		p->event = NULL;
	return code;
}

/* Names of probes are unique among ours: a function may be probed by several rows. */
static void make_name(const struct source_probe *row, char *to, size_t size)
{
	static unsigned int count;

	snprintf(to, size, "%c_%.40s_%u", row->type == SOURCE_KRETPROBE ? 'r' : 'p', row->name, ++count);
}

/* The path's fetchargs, behind those of the row itself. */
static int add_path(struct probe *p, const struct source_probe *row, struct probe_kernel *kernel, uint32_t count, struct buffer *out,
		    struct error *err)
{
	const struct kernel_layout *layout = probe_kernel_layout(kernel, LAYOUT_NAMES, err);
	struct dentry_path_spec spec = {.kind = row->path_kind, .prefix = "z"};
	char base[16];

	if (!layout)
		return -ENODATA;
	snprintf(base, sizeof(base), "%%%s", arch_host()->argument_registers[row->path_base[strlen("$arg")] - '1']);
	spec.base = base;
	spec.arguments = PROBE_ARGUMENTS_MAX - count;
	spec.characters = PROBE_DEFINITION_CHARACTERS_MAX - DEFINITION_HEAD_BYTES - (uint32_t)out->length;
	spec.record_bytes = kernel->record_bytes - PROBE_HEADER_BYTES - 8 * count;
	p->instance.path = calloc(1, sizeof(*p->instance.path));
	if (!p->instance.path)
		return error_set(err, -ENOMEM, "out of memory");
	return dentry_path_plan(p->instance.path, layout, &spec, out, err);
}

static int make_fetchargs(struct probe *p, const struct source_probe *row, struct probe_kernel *kernel, struct buffer *out,
			  struct error *err)
{
	enum fetcharg_place place = row->type == SOURCE_KPROBE ? FETCHARG_KERNEL_ENTRY : FETCHARG_KERNEL_RETURN;
	uint32_t count = 0;
	int code = row->fetchargs ? fetchargs_template_write(row->fetchargs, place, kernel, out, &count, err) : 0;

	if (!code && row->path_base)
		code = add_path(p, row, kernel, count, out, err);
	buffer_put_u8(out, '\0');
	return !code && out->failed ? error_set(err, -ENOMEM, "out of memory") : code;
}

/* A name that the kernel does not know may be one that the compiler has changed. Some kernels say of it that there is no such thing (-ENOENT),
 * some that the definition is wrong (-EINVAL, from 6.12 on). */
static int add_function(struct probe *p, const struct source_probe *row, struct probe_kernel *kernel, struct sample_source *source,
			struct kernel_event_spec *spec, struct dynamic_probe_spec *probe, struct error *err)
{
	bool is_known = kernel->is_real && function_names_are_known(&kernel->functions);
	struct error reason = {0};
	const char *symbol;
	int code;

	code = is_known ? -ENOENT : add_event(p, source, spec, err);
	if (!kernel->is_real || (code != -ENOENT && code != -EINVAL))
		return code;
	symbol = function_names_find(&kernel->functions, row->name, &reason);
	if (reason.code == -ENOENT)
		return error_set(err, -ENOENT, "%s", reason.message);
	if (!is_known && (!symbol || !strcmp(symbol, row->name)))
		return code;
	if (symbol)
		probe->place = symbol;
	return add_event(p, source, spec, err);
}

static int install_function(struct probe *p, const struct source_probe *row, struct probe_kernel *kernel, struct sample_source *source,
			    const char *filter, struct error *err)
{
	bool is_return = row->type == SOURCE_KRETPROBE;
	char name[64];
	struct dynamic_probe_spec probe = {
		.kind = is_return ? DYNAMIC_PROBE_KRETPROBE : DYNAMIC_PROBE_KPROBE,
		.name = name,
		.place = row->name,
		.maxactive = is_return ? kernel->maxactive : 0,
	};
	struct kernel_event_spec spec = {.system = is_return ? "kretprobe" : "kprobe",
					 .name = row->name,
					 .filter = filter,
					 .with_abi = row->with_abi,
					 .probe = &probe};
	struct buffer fetchargs;
	int code;

	if (kernel->is_real && row->record_bytes > kernel->record_bytes)
		return error_set(err, -E2BIG,
				 "a long name would make a record of %" PRIu32 " bytes, and this kernel loses what is more than %" PRIu32,
				 row->record_bytes, kernel->record_bytes);
	buffer_init(&fetchargs, 0);
	code = make_fetchargs(p, row, kernel, &fetchargs, err);
	if (!code) {
		make_name(row, name, sizeof(name));
		probe.fetchargs = (const char *)fetchargs.data;
		memcpy(spec.reads, row->reads, sizeof(spec.reads));
		code = add_function(p, row, kernel, source, &spec, &probe, err);
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

int probe_install(struct probe *p, const struct source_probe *row, struct probe_kernel *kernel, struct sample_source *source,
		  const char *filter, struct error *err)
{
	char *whole = add_condition(row, filter);
	int code;

	p->instance = (struct source_instance){.row = row};
	code = row->type == SOURCE_TRACEPOINT ? install_tracepoint(p, row, source, whole, err)
					      : install_function(p, row, kernel, source, whole, err);
	free(whole);
	if (!code)
		code = compile_fields(p, err);
	if (code)
		probe_remove(p, source);
	return code;
}

int probe_refilter(struct probe *p, struct sample_source *source, const char *filter, struct error *err)
{
	char *whole = add_condition(p->instance.row, filter);
	bool filtered = whole;
	int code = source->ops->refilter(source, p->event, whole, err);

	free(whole);
	if (code == -EINVAL && filtered)
		code = source->ops->refilter(source, p->event, NULL, err);
	return code;
}

void probe_remove(struct probe *p, struct sample_source *source)
{
	if (p->event)
		source->ops->remove(source, p->event);
	p->event = NULL;
	free(p->instance.path);
	p->instance.path = NULL;
	if (p->instance.state && p->instance.row->free_state)
		p->instance.row->free_state(p->instance.state);
	else
		free(p->instance.state);
	p->instance.state = NULL;
	free(p->filter);
	p->filter = NULL;
	p->request = probe_request_unref(p->request);
}
