#include "cli/trace_text.h"

#include "base/clock.h"
#include "base/symbols.h"
#include "cli/json.h"
#include "cli/text.h"
#include "proto/utf8.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIME_WIDTH 15
#define CPU_WIDTH  3
#define PID_WIDTH  13
#define COMM_WIDTH 15

/* The kernel's MAX_ERRNO */
#define ERRNO_MAX 4095

static void put_column(struct buffer *out, size_t start, size_t width)
{
	text_pad(out, start, width + 2);
}

void trace_text_put_head(struct buffer *out, bool color)
{
	static const struct {
		const char *name;
		size_t width;
	} heads[] = {{"TIME", TIME_WIDTH}, {"CPU", CPU_WIDTH}, {"PID", PID_WIDTH}, {"PROCESS", COMM_WIDTH}};

	text_style(out, color, STYLE_BOLD);
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		size_t start = out->length;

		buffer_put_string(out, heads[i].name);
		put_column(out, start, heads[i].width);
	}
	buffer_put_string(out, "CALL");
	text_style(out, color, STYLE_PLAIN);
	buffer_put_u8(out, '\n');
}

static void put_time(struct buffer *out, int64_t realtime_ns)
{
	time_t seconds = (time_t)(realtime_ns / (int64_t)NSEC_PER_SEC);
	struct tm local = {0};

	localtime_r(&seconds, &local);
	buffer_printf(out, "%02d:%02d:%02d.%06d", local.tm_hour, local.tm_min, local.tm_sec,
		      (int)(realtime_ns % (int64_t)NSEC_PER_SEC / (int64_t)NSEC_PER_USEC));
}

/* Foreign bytes, which may hold a NUL. */
static void put_bytes(struct buffer *out, const char *bytes, size_t length)
{
	while (length) {
		size_t part = strnlen(bytes, length);
		char *text = strndup(bytes, part);

		for (char *from = text, *quote; from; from = quote ? quote + 1 : NULL) {
			quote = strchr(from, '"');
			if (quote)
				*quote = 0;
			text_put_escaped(out, from);
			if (quote)
				buffer_put_string(out, "\\\"");
		}
		free(text);
		if (part < length)
			buffer_put_string(out, "\\0");
		part += part < length;
		bytes += part;
		length -= part;
	}
}

static void put_quoted(struct buffer *out, const char *bytes, size_t length)
{
	buffer_put_u8(out, '"');
	put_bytes(out, bytes, length);
	buffer_put_u8(out, '"');
}

/* A return value that is an error, whatever type it was asked for as; 0: it is none. A function that returns an int leaves the upper half of
 * the register as it likes, zero more often than not. */
static int64_t error_of(const struct fetcharg *arg, uint64_t value)
{
	int64_t number = (int64_t)value;

	if (arg->base != FETCHARG_RETVAL || arg->deref_count || arg->array_count || arg->size < 4)
		return 0;
	if (value <= UINT32_MAX)
		number = (int32_t)value;
	return number < 0 && number >= -ERRNO_MAX ? -number : 0;
}

static bool is_hex(const struct fetcharg *arg)
{
	return (arg->type >= FETCHARG_X8 && arg->type <= FETCHARG_X64) || arg->type == FETCHARG_SYMBOL_NAME ||
	       arg->type == FETCHARG_SYMBOL_TEXT;
}

static void put_plain_number(struct buffer *out, const struct fetcharg *arg, uint64_t value)
{
	if (arg->type == FETCHARG_CHAR && isprint((int)value))
		buffer_printf(out, "'%c'", (int)value);
	else if (is_hex(arg))
		buffer_printf(out, "0x%" PRIx64, value);
	else if (arg->is_signed)
		buffer_printf(out, "%" PRId64, (int64_t)value);
	else
		buffer_printf(out, "%" PRIu64, value);
}

static void put_number(struct buffer *out, bool color, const struct trace_call *call, const struct fetcharg *arg,
		       const struct fetcharg_value *value)
{
	int64_t error = error_of(arg, value->uint);
	const char *name = error ? symbol_errno(error) : NULL;

	if (value->state == FETCHARG_UNRESOLVED) {
		kernel_addresses_put(call->addresses, out, value->uint);
		return;
	}
	if (!name) {
		put_plain_number(out, arg, value->uint);
		return;
	}
	text_style(out, color, STYLE_WARNING);
	buffer_printf(out, "-%" PRId64 " %s", error, name);
	text_style(out, color, STYLE_PLAIN);
}

/* Element `index` of an array of numbers. */
static uint64_t element(const struct fetcharg *arg, const struct fetcharg_value *value, size_t index)
{
	const struct format_field field = {.size = arg->size, .element_size = arg->size, .is_signed = arg->is_signed};

	return format_read_integer(&field, (const uint8_t *)value->bytes + index * arg->size, arg->size);
}

static void put_array(struct buffer *out, const struct trace_call *call, const struct fetcharg *arg, const struct fetcharg_value *value)
{
	if (arg->type == FETCHARG_CHAR) {
		put_quoted(out, value->bytes, value->length);
		return;
	}
	buffer_put_u8(out, '{');
	for (size_t at = 0, length; arg->is_string && at < value->length; at += length + 1) {
		length = strnlen(value->bytes + at, value->length - at);
		buffer_put_string(out, at ? ", " : "");
		put_quoted(out, value->bytes + at, length);
	}
	for (size_t i = 0; !arg->is_string && (i + 1) * arg->size <= value->length; i++) {
		buffer_put_string(out, i ? ", " : "");
		if (arg->type == FETCHARG_SYMBOL_NAME)
			kernel_addresses_put(call->addresses, out, element(arg, value, i));
		else
			put_plain_number(out, arg, element(arg, value, i));
	}
	buffer_put_u8(out, '}');
}

static void put_value(struct buffer *out, bool color, const struct trace_call *call, size_t index)
{
	const struct fetcharg *arg = &call->args[index];
	const struct fetcharg_value *value = &call->values[index];

	if (value->state == FETCHARG_FAULT)
		text_put_styled(out, color, STYLE_DIM, "(fault)");
	else if (value->state == FETCHARG_FROM_PROCESS)
		put_quoted(out, call->comm, call->comm_length);
	else if (value->kind == FETCHARG_KIND_BYTES)
		put_array(out, call, arg, value);
	else if (value->kind == FETCHARG_KIND_STRING)
		put_quoted(out, value->bytes, value->length);
	else
		put_number(out, color, call, arg, value);
}

static void put_pid(struct buffer *out, const struct trace_call *call)
{
	if (call->tid != call->tgid)
		buffer_printf(out, "%" PRIu32 "/%" PRIu32, call->tgid, call->tid);
	else
		buffer_printf(out, "%" PRIu32, call->tgid);
}

void trace_text_put(struct buffer *out, bool color, const struct trace_call *call)
{
	size_t start = out->length;

	text_style(out, color, STYLE_DIM);
	put_time(out, call->realtime_ns);
	text_style(out, color, STYLE_PLAIN);
	put_column(out, start, TIME_WIDTH);
	start = out->length;
	buffer_printf(out, "%" PRIu32, call->cpu);
	put_column(out, start, CPU_WIDTH);
	start = out->length;
	put_pid(out, call);
	put_column(out, start, PID_WIDTH);
	start = out->length;
	put_bytes(out, call->comm, call->comm_length);
	put_column(out, start, COMM_WIDTH);
	text_style(out, color, STYLE_NAME);
	text_put_escaped(out, call->symbol);
	text_style(out, color, STYLE_PLAIN);
	buffer_put_string(out, call->is_return ? " returns" : "(");
	for (size_t i = 0; i < call->count; i++) {
		buffer_put_string(out, call->is_return ? " " : i ? ", " : "");
		buffer_printf(out, "%s=", call->args[i].name);
		put_value(out, color, call, i);
	}
	buffer_put_string(out, call->is_return ? "\n" : ")\n");
}

void trace_text_put_lost(struct buffer *out, bool color, uint64_t lost)
{
	text_style(out, color, STYLE_BAD);
	buffer_printf(out, "lost %" PRIu64 " call%s here: the ring was full", lost, lost == 1 ? "" : "s");
	text_style(out, color, STYLE_PLAIN);
	buffer_put_u8(out, '\n');
}

/* What is not UTF-8 is replaced: JSON has no other way. */
static json_t *string_json(const char *bytes, size_t length)
{
	uint8_t *valid = malloc(length * UTF8_EXPANSION + 1);
	json_t *string;

	if (!valid)
		return NULL;
	string = json_stringn((const char *)valid, utf8_copy_valid(valid, bytes, length));
	free(valid);
	return string;
}

static json_t *buffer_json(struct buffer *text)
{
	json_t *string = string_json(text->data ? (const char *)text->data : "", text->length);

	buffer_done(text);
	return string;
}

static json_t *number_json(const struct trace_call *call, const struct fetcharg *arg, uint64_t number, bool is_symbol)
{
	struct buffer text;

	/* Jansson's integers are signed. */
	if (!is_symbol && !is_hex(arg) && (arg->is_signed || number <= INT64_MAX))
		return json_integer((json_int_t)number);
	buffer_init(&text, 0);
	if (is_symbol)
		kernel_addresses_put(call->addresses, &text, number);
	else
		put_plain_number(&text, arg, number);
	return buffer_json(&text);
}

static json_t *array_json(const struct trace_call *call, const struct fetcharg *arg, const struct fetcharg_value *value)
{
	json_t *array;

	if (arg->type == FETCHARG_CHAR)
		return string_json(value->bytes, value->length);
	array = json_array();
	for (size_t at = 0, length; arg->is_string && at < value->length; at += length + 1) {
		length = strnlen(value->bytes + at, value->length - at);
		json_array_append_new(array, string_json(value->bytes + at, length));
	}
	for (size_t i = 0; !arg->is_string && (i + 1) * arg->size <= value->length; i++)
		json_array_append_new(array, number_json(call, arg, element(arg, value, i), arg->type == FETCHARG_SYMBOL_NAME));
	return array;
}

static json_t *value_json(const struct trace_call *call, size_t index)
{
	const struct fetcharg *arg = &call->args[index];
	const struct fetcharg_value *value = &call->values[index];

	if (value->state == FETCHARG_FAULT)
		return json_null();
	if (value->state == FETCHARG_FROM_PROCESS)
		return string_json(call->comm, call->comm_length);
	if (value->kind >= FETCHARG_KIND_SINT8 && error_of(arg, value->uint))
		return json_integer(-error_of(arg, value->uint));
	if (value->kind == FETCHARG_KIND_BYTES)
		return array_json(call, arg, value);
	if (value->kind == FETCHARG_KIND_STRING)
		return string_json(value->bytes, value->length);
	return number_json(call, arg, value->uint, value->state == FETCHARG_UNRESOLVED);
}

void trace_json_put(struct buffer *out, const struct trace_call *call)
{
	json_t *arguments = json_object();
	const char *error = NULL;
	json_t *object;

	for (size_t i = 0; i < call->count; i++) {
		if (call->values[i].kind >= FETCHARG_KIND_SINT8 && error_of(&call->args[i], call->values[i].uint))
			error = symbol_errno(error_of(&call->args[i], call->values[i].uint));
		json_object_set_new(arguments, call->args[i].name, value_json(call, i));
	}
	object = json_pack("{s:o, s:I, s:I, s:I, s:o, s:s, s:s, s:o}", "time",
			   json_sprintf("%" PRId64 ".%06d", call->realtime_ns / (int64_t)NSEC_PER_SEC,
					(int)(call->realtime_ns % (int64_t)NSEC_PER_SEC / (int64_t)NSEC_PER_USEC)),
			   "cpu", (json_int_t)call->cpu, "pid", (json_int_t)call->tgid, "tid", (json_int_t)call->tid, "comm",
			   string_json(call->comm, call->comm_length), "function", call->symbol, "event",
			   call->is_return ? "return" : "enter", "arguments", arguments);
	if (error)
		json_object_set_new(object, "error", json_string(error));
	json_put(out, object);
}

void trace_json_put_lost(struct buffer *out, uint64_t lost)
{
	json_put(out, json_pack("{s:I}", "lost", (json_int_t)lost));
}
