#include "sensor/call_source.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "sensor/call_decoder.h"
#include "sensor/call_filter.h"
#include "sensor/call_place.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool build_from_kernel(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
			      struct event *ret)
{
	(void)context;
	ret->kind = ret->request->kind;
	call_decode(probe->state, sample, ret->process, &ret->call);
	return true;
}

/* The caller's memory, too. */
static bool build_from_caller(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
			      struct event *ret)
{
	ret->capture = CAPTURE_CALLER;
	return build_from_kernel(context, probe, sample, ret);
}

static void free_decoder(void *decoder)
{
	call_decoder_free(decoder);
}

#define CALL_ROW(type_, build_)                                                                \
	{                                                                                      \
		.type = (type_), .name = "call", .free_state = free_decoder, .build = (build_) \
	}

static const struct source_probe rows[][2] = {
	[DYNAMIC_PROBE_KPROBE] = {CALL_ROW(SOURCE_KPROBE, build_from_kernel), CALL_ROW(SOURCE_KPROBE, build_from_caller)},
	[DYNAMIC_PROBE_KRETPROBE] = {CALL_ROW(SOURCE_KRETPROBE, build_from_kernel), CALL_ROW(SOURCE_KRETPROBE, build_from_caller)},
	[DYNAMIC_PROBE_UPROBE] = {CALL_ROW(SOURCE_UPROBE, build_from_kernel), CALL_ROW(SOURCE_UPROBE, build_from_caller)},
	[DYNAMIC_PROBE_URETPROBE] = {CALL_ROW(SOURCE_URETPROBE, build_from_kernel), CALL_ROW(SOURCE_URETPROBE, build_from_caller)},
};

/* All that is known of a request while it is being installed. */
struct installation {
	struct probe *probe;
	const struct probe_request *request;
	const struct probe_kernel *kernel;
	const struct self_filter *self;
	struct sample_source *source;
	const struct fetcharg_dialect *dialect;
	struct fetcharg *args;
	struct call_place place;
	struct dynamic_probe_refusal refusal;
	struct error *err;
};

static bool reads_caller(const struct installation *in)
{
	bool of_user = in->place.sort == FETCHARG_USER_ENTRY || in->place.sort == FETCHARG_USER_RETURN;

	for (size_t i = 0; i < in->request->parameter_count; i++) {
		const struct fetcharg *arg = &in->args[i];

		if (arg->type == FETCHARG_USTRING || (of_user && (arg->deref_count || arg->type == FETCHARG_STRING)))
			return true;
		for (size_t j = 0; j < arg->deref_count; j++)
			if (arg->derefs[j].user)
				return true;
	}
	return false;
}

static int parse_arguments(struct installation *in)
{
	const struct probe_request *request = in->request;
	int code = 0;

	for (size_t i = 0; !code && i < request->parameter_count; i++)
		code = fetcharg_parse(&in->args[i], request->parameters[i].name, request->parameters[i].expression, NULL, in->err);
	return code;
}

/* Names of events are C identifiers, */
static void make_name(const char *symbol, char *to, size_t size)
{
	snprintf(to, size, "%.32s", symbol);
	for (; *to; to++)
		if (!isalnum((unsigned char)*to))
			*to = '_';
}

/* and those of probes unique among ours. */
static void make_probe_name(const char *symbol, char *to, size_t size)
{
	static unsigned int count;
	char name[40];

	make_name(symbol, name, sizeof(name));
	snprintf(to, size, "call_%u_%s", ++count, name);
}

/* The fetcharg that has the kernel's caret in it, in the definition; NULL: the caret is elsewhere. */
static const char *blamed_word(const struct dynamic_probe_refusal *refusal)
{
	const char *place = refusal->definition + refusal->place;
	const char *word = refusal->definition + refusal->reason.position;

	if (!refusal->is_explained || !refusal->reason.has_position || refusal->reason.position >= strlen(refusal->definition) ||
	    word <= place + strcspn(place, " "))
		return NULL;
	while (word[-1] != ' ')
		word--;
	return word;
}

/* The kernel's reason in the client's terms: the definition that it was about is ours. */
static int explain_refusal(const struct installation *in, int code)
{
	const struct dynamic_probe_refusal *refusal = &in->refusal;
	const char *word = blamed_word(refusal);
	const char *caret = refusal->definition + refusal->reason.position;

	if (word)
		return error_set(in->err, code, "argument %.*s: %s, at \"%.*s\" of \"%.*s\"", (int)strcspn(word, "="), word,
				 refusal->reason.reason, (int)strcspn(caret, " "), caret, (int)strcspn(word, " "), word);
	if (refusal->is_explained)
		return error_set(in->err, code, "the kernel refuses the probe: %s", refusal->reason.reason);
	return code;
}

/* Our name for the event says nothing to the client. */
static void drop_event_name(struct error *err)
{
	const char *group = dynamic_probe_group();
	const char *end = err ? strstr(err->message, ": ") : NULL;

	if (end && !strncmp(err->message, group, strlen(group)))
		memmove(err->message, end + 2, strlen(end + 2) + 1);
}

/* `filter`: as a whole. */
static int add(struct installation *in, const char *fetchargs, const char *filter)
{
	const char *symbol = in->request->executable ? in->request->symbol : in->place.name;
	char name[40], probe_name[64];
	const struct dynamic_probe_spec probe = {
		.kind = in->place.kind,
		.name = probe_name,
		.place = in->place.name,
		.offset = in->place.offset,
		.fetchargs = fetchargs,
		.maxactive = in->place.kind == DYNAMIC_PROBE_KRETPROBE ? in->kernel->maxactive : 0,
	};
	const struct kernel_event_spec spec = {
		.system = probe_sort(in->probe->instance.row->type),
		.name = name,
		.filter = filter,
		.probe = &probe,
		.refusal = &in->refusal,
	};
	int code;

	make_name(symbol, name, sizeof(name));
	make_probe_name(symbol, probe_name, sizeof(probe_name));
	/* An attempt before may have left something in both. */
	in->refusal.definition[0] = '\0';
	if (in->err)
		*in->err = (struct error){0};
	code = in->source->ops->add(in->source, &spec, in->probe, &in->probe->event, in->err);
	if (!code)
		return 0;
	in->probe->event = NULL;
	drop_event_name(in->err);
	return code;
}

/* With our own threads kept out, if the kernel takes that much: an error is to show the client's filter, not ours. */
static int add_filtered(struct installation *in, const char *fetchargs)
{
	const char *filter = in->request->filter;
	cleanup_free char *combined = self_filter_combine(in->self, filter, false);
	int code = add(in, fetchargs, combined ? combined : filter);

	if (code != -EINVAL || in->refusal.definition[0] || !combined)
		return code;
	return add(in, fetchargs, filter);
}

/* Of a function that it does not know, a kernel may refuse the arguments first: $argN is for functions' beginnings only. */
static bool may_be_unknown(const struct installation *in, int code)
{
	const char *word = blamed_word(&in->refusal);

	if (in->request->executable)
		return false;
	return word ? code == -EINVAL && !strncmp(in->refusal.definition + in->refusal.reason.position, "$arg", strlen("$arg"))
		    : code == -ENOENT;
}

static int add_somewhere(struct installation *in, const char *fetchargs)
{
	int code = add_filtered(in, fetchargs);

	if (may_be_unknown(in, code)) {
		code = call_place_substitute(&in->place, in->request, in->args, in->kernel->symbols, in->err);
		if (code)
			return code;
		code = add_filtered(in, fetchargs);
	}
	if (!code || !in->refusal.definition[0])
		return code;
	if (code == -EINVAL && !in->request->executable && !blamed_word(&in->refusal) &&
	    call_place_is_forbidden(&in->place, in->kernel->symbols, in->err))
		return -EPERM;
	return explain_refusal(in, code);
}

static int install(struct installation *in)
{
	const struct probe_request *request = in->request;
	struct buffer fetchargs;
	int code = parse_arguments(in);

	if (!code)
		code = call_place_find(&in->place, request, in->args, in->err);
	if (!code && request->filter)
		code = call_filter_check(request->filter, in->args, request->parameter_count, in->dialect, in->place.sort, in->err);
	if (code)
		return code;
	in->probe->instance.row = &rows[in->place.kind][reads_caller(in)];
	buffer_init(&fetchargs, 0);
	code = fetchargs_write(&fetchargs, in->dialect, arch_host(), in->place.sort, in->args, request->parameter_count, NULL, in->err);
	buffer_put_u8(&fetchargs, '\0');
	if (!code && fetchargs.failed)
		code = error_set(in->err, -ENOMEM, "out of memory");
	if (!code)
		code = add_somewhere(in, (const char *)fetchargs.data);
	buffer_done(&fetchargs);
	return code;
}

static int make_decoder(struct installation *in)
{
	struct call_decoder *decoder = NULL;
	/* The kernel's symbols say nothing of addresses in programs. */
	struct kernel_addresses *addresses = in->request->executable ? NULL : in->kernel->addresses;
	int code = call_decoder_new(&decoder, in->request, in->args, in->probe->event->format, addresses, in->err);

	in->probe->instance.state = decoder;
	return code;
}

int call_install(struct probe *p, struct probe_request *request, const struct probe_kernel *kernel, const struct self_filter *self,
		 struct sample_source *source, struct error *err)
{
	struct fetcharg *args = calloc(request->parameter_count + 1, sizeof(*args));
	struct installation in = {
		.probe = p,
		.request = request,
		.kernel = kernel,
		.self = self,
		.source = source,
		.dialect = kernel->is_real ? &kernel->dialect : &fetcharg_dialect_full,
		.args = args,
		.err = err,
	};
	int code;

	if (!args)
		return error_set(err, -ENOMEM, "out of memory");
	p->request = probe_request_ref(request);
	p->instance = (struct source_instance){.row = &rows[DYNAMIC_PROBE_KPROBE][0]};
	code = install(&in);
	if (!code)
		code = make_decoder(&in);
	free(args);
	if (!code)
		return 0;
	probe_remove(p, source);
	return error_prefix(err, code, "%.80s", request->symbol);
}
