#include "cli/fetcharg_text.h"

#include "cli/text.h"

#include <inttypes.h>

static void put_type(struct buffer *out, const struct fetcharg *arg)
{
	switch (arg->type) {
	case FETCHARG_BITS:
		buffer_printf(out, "bits %u-%u of a u%u", arg->bit_offset, arg->bit_offset + arg->bit_width - 1u, arg->size * 8u);
		break;
	case FETCHARG_USTRING:
		buffer_put_string(out, "user string");
		break;
	case FETCHARG_SYMBOL_NAME:
	case FETCHARG_SYMBOL_TEXT:
		buffer_put_string(out, "symbol");
		break;
	default:
		buffer_put_string(out, fetcharg_type_name(arg->type));
	}
	if (arg->array_count)
		buffer_printf(out, "[%u]", arg->array_count);
}

static void put_offset(struct buffer *out, int64_t offset)
{
	if (offset)
		buffer_printf(out, " %c %" PRId64, offset < 0 ? '-' : '+', offset < 0 ? -offset : offset);
}

static void put_base(struct buffer *out, const struct fetcharg *arg)
{
	switch (arg->base) {
	case FETCHARG_REGISTER:
		buffer_printf(out, "%%%s", arg->word);
		return;
	case FETCHARG_ARGUMENT:
		buffer_printf(out, "argument %" PRIu64, arg->number);
		return;
	case FETCHARG_RETVAL:
		buffer_put_string(out, "the return value");
		return;
	case FETCHARG_STACK:
		buffer_put_string(out, "the stack pointer");
		return;
	case FETCHARG_STACK_WORD:
		buffer_printf(out, "stack word %" PRIu64, arg->number);
		return;
	case FETCHARG_COMM:
		buffer_put_string(out, "the task's name");
		return;
	case FETCHARG_ADDRESS:
		buffer_printf(out, "0x%" PRIx64, arg->number);
		return;
	case FETCHARG_SYMBOL:
		text_put_escaped(out, arg->word);
		put_offset(out, (int64_t)arg->number);
		return;
	case FETCHARG_FILE_OFFSET:
		buffer_printf(out, "file offset 0x%" PRIx64, arg->number);
		return;
	case FETCHARG_NUMBER:
		buffer_printf(out, "%" PRId64, (int64_t)arg->number);
		return;
	case FETCHARG_TEXT:
		buffer_put_u8(out, '"');
		text_put_escaped(out, arg->word);
		buffer_put_u8(out, '"');
		return;
	}
}

static bool is_memory_base(const struct fetcharg *arg)
{
	return arg->base == FETCHARG_ADDRESS || arg->base == FETCHARG_SYMBOL || arg->base == FETCHARG_FILE_OFFSET;
}

/* An address: each pair of brackets is the pointer that lies there. */
static void put_address(struct buffer *out, const struct fetcharg *arg)
{
	size_t pointers = arg->deref_count ? arg->deref_count - 1u : 0;

	for (size_t i = 0; i < pointers; i++)
		buffer_put_string(out, arg->derefs[i + 1].user ? "user [" : "[");
	if (is_memory_base(arg) && arg->deref_count)
		buffer_put_u8(out, '[');
	put_base(out, arg);
	if (is_memory_base(arg) && arg->deref_count)
		buffer_put_u8(out, ']');
	for (size_t i = arg->deref_count; i-- > 0;) {
		put_offset(out, arg->derefs[i].offset);
		if (i)
			buffer_put_u8(out, ']');
	}
}

void fetcharg_text_put(struct buffer *out, const struct fetcharg *arg)
{
	bool is_memory = arg->deref_count || is_memory_base(arg);

	if (arg->base == FETCHARG_COMM || arg->base == FETCHARG_TEXT || arg->base == FETCHARG_NUMBER) {
		put_base(out, arg);
		return;
	}
	if (is_memory) {
		put_type(out, arg);
		buffer_put_string(out, arg->deref_count && arg->derefs[0].user && arg->type != FETCHARG_USTRING ? " at user " : " at ");
		put_address(out, arg);
		return;
	}
	put_base(out, arg);
	buffer_put_string(out, " as ");
	put_type(out, arg);
}

void fetcharg_text_put_expression(struct buffer *out, const char *expression)
{
	struct fetcharg arg;

	if (fetcharg_parse(&arg, "name", expression, NULL, NULL))
		text_put_escaped(out, expression);
	else
		fetcharg_text_put(out, &arg);
}
