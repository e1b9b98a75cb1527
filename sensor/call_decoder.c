#include "sensor/call_decoder.h"

#include "sensor/process_cache.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "SYMBOL+0xOFFSET [MODULE]"; longer names are cut. */
#define ADDRESS_BYTES 256

/* What kernels from 6.2 on write where memory cannot be read (kernel: trace_probe.h, FAULT_STRING). */
#define FAULT_TEXT "(fault)"

static const char *const common_fields[] = {
	"common_type", "common_flags", "common_preempt_count", "common_pid", "__probe_ip", "__probe_func", "__probe_ret_ip",
};

#define COMMON_MAX (sizeof(common_fields) / sizeof(common_fields[0]))

struct call_decoder {
	struct fetcharg_decoder *fetchargs;
	struct kernel_addresses *addresses;
	struct fetcharg *args;
	size_t arg_count;
	struct format_field common[COMMON_MAX];
	size_t common_count;
	char (*texts)[ADDRESS_BYTES]; /* one for each of `args` */
	struct call_argument *arguments;
};

_Static_assert(FETCHARG_KIND_BYTES == (int)CALL_BYTES && FETCHARG_KIND_UINT64 == (int)CALL_UINT64, "both are the contract's numbers");

static enum call_argument_type field_type(const struct format_field *field)
{
	switch (field->size) {
	case 1:
		return field->is_signed ? CALL_SINT8 : CALL_UINT8;
	case 2:
		return field->is_signed ? CALL_SINT16 : CALL_UINT16;
	case 4:
		return field->is_signed ? CALL_SINT32 : CALL_UINT32;
	default:
		return field->is_signed ? CALL_SINT64 : CALL_UINT64;
	}
}

static void find_common(struct call_decoder *d, const struct format *format)
{
	for (size_t i = 0; i < COMMON_MAX; i++) {
		struct format_field *field = &d->common[d->common_count];
		struct call_argument *argument = &d->arguments[d->arg_count + d->common_count];

		if (format_field(format, common_fields[i], field, NULL))
			continue;
		argument->name = common_fields[i];
		argument->type = field_type(field);
		d->common_count++;
	}
}

/* The table of addresses takes a while to read: now rather than between two samples. */
static void read_addresses(struct call_decoder *d)
{
	struct kernel_address ignored;

	for (size_t i = 0; i < d->arg_count && d->addresses; i++) {
		if (d->args[i].type != FETCHARG_SYMBOL_NAME && d->args[i].type != FETCHARG_SYMBOL_TEXT)
			continue;
		kernel_addresses_find(d->addresses, 0, &ignored, NULL);
		return;
	}
}

int call_decoder_new(struct call_decoder **ret, const struct probe_request *request, const struct fetcharg *args,
		     const struct format *format, struct kernel_addresses *addresses, struct error *err)
{
	size_t count = request->parameter_count;
	struct call_decoder *d = calloc(1, sizeof(*d));
	int code = -ENOMEM;

	if (!d)
		return error_set(err, code, "out of memory");
	d->addresses = addresses;
	d->arg_count = count;
	d->args = malloc((count + 1) * sizeof(*d->args));
	d->texts = calloc(count + 1, sizeof(*d->texts));
	d->arguments = calloc(count + COMMON_MAX, sizeof(*d->arguments));
	if (!d->args || !d->texts || !d->arguments) {
		error_set(err, code, "out of memory");
		goto fail;
	}
	memcpy(d->args, args, count * sizeof(*args));
	code = fetcharg_decoder_new(&d->fetchargs, format, args, count, err);
	if (code)
		goto fail;
	for (size_t i = 0; i < count; i++)
		d->arguments[i].name = request->parameters[i].name;
	find_common(d, format);
	read_addresses(d);
	*ret = d;
	return 0;
fail:
	call_decoder_free(d);
	return code;
}

struct call_decoder *call_decoder_free(struct call_decoder *d)
{
	if (!d)
		return NULL;
	fetcharg_decoder_free(d->fetchargs);
	free(d->args);
	free(d->texts);
	free(d->arguments);
	free(d);
	return NULL;
}

static void set_string(struct call_argument *to, const char *bytes, size_t length)
{
	to->type = CALL_STRING;
	to->bytes = (struct event_string){.bytes = bytes, .length = length};
}

static void set_address(struct call_decoder *d, size_t index, uint64_t address)
{
	char *text = d->texts[index];
	struct kernel_address found;

	if (!d->addresses || kernel_addresses_find(d->addresses, address, &found, NULL))
		snprintf(text, ADDRESS_BYTES, "0x%" PRIx64, address);
	else
		snprintf(text, ADDRESS_BYTES, "%.160s+0x%" PRIx64 "%s%.56s%s", found.symbol, found.offset, found.module[0] ? " [" : "",
			 found.module, found.module[0] ? "]" : "");
	set_string(&d->arguments[index], text, strlen(text));
}

static bool is_fault(const struct fetcharg *arg, const struct fetcharg_value *value)
{
	return (arg->type == FETCHARG_STRING || arg->type == FETCHARG_USTRING) && value->length == strlen(FAULT_TEXT) &&
	       !memcmp(value->bytes, FAULT_TEXT, strlen(FAULT_TEXT));
}

static void decode_argument(struct call_decoder *d, size_t index, const struct sample *sample, const struct process *process)
{
	struct call_argument *to = &d->arguments[index];
	struct fetcharg_value value;

	fetcharg_decode(d->fetchargs, index, sample->raw, sample->raw_size, &value);
	if (value.state == FETCHARG_UNRESOLVED) {
		set_address(d, index, value.uint);
		return;
	}
	if (value.state == FETCHARG_FROM_PROCESS) {
		set_string(to, process ? process->comm : "", process ? strlen(process->comm) : 0);
		return;
	}
	to->type = (enum call_argument_type)value.kind;
	if (value.kind == FETCHARG_KIND_STRING && is_fault(&d->args[index], &value))
		set_string(to, "", 0);
	else if (value.kind == FETCHARG_KIND_STRING || value.kind == FETCHARG_KIND_BYTES)
		to->bytes = (struct event_string){.bytes = value.bytes, .length = value.length};
	else
		to->integer = value.uint;
}

void call_decode(struct call_decoder *d, const struct sample *sample, const struct process *process, struct event_call *ret)
{
	for (size_t i = 0; i < d->arg_count; i++)
		decode_argument(d, i, sample, process);
	for (size_t i = 0; i < d->common_count; i++)
		d->arguments[d->arg_count + i].integer = format_read_integer(&d->common[i], sample->raw, sample->raw_size);
	ret->arguments = d->arguments;
	ret->count = (uint32_t)(d->arg_count + d->common_count);
}
