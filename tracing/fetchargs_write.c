#include "tracing/fetchargs.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct writer {
	struct buffer *out;
	const struct fetcharg_dialect *dialect;
	const struct arch *arch;
	enum fetcharg_place place;
	struct error *err;
	size_t start; /* of the whole list */
	size_t count; /* written so far */
};

static bool is_user(const struct writer *w)
{
	return w->place == FETCHARG_USER_ENTRY || w->place == FETCHARG_USER_RETURN;
}

static bool is_return(const struct writer *w)
{
	return w->place == FETCHARG_KERNEL_RETURN || w->place == FETCHARG_USER_RETURN;
}

static void put_register_argument(struct writer *w, uint64_t number)
{
	size_t in_registers = w->arch->argument_register_count;

	if (number <= in_registers)
		buffer_printf(w->out, "%%%s", w->arch->argument_registers[number - 1]);
	else
		buffer_printf(w->out, "$stack%" PRIu64, number - in_registers - 1 + w->arch->stack_argument_first);
}

static int put_argument(struct writer *w, const struct fetcharg *arg)
{
	if (w->place == FETCHARG_KERNEL_INSIDE)
		return error_set(w->err, -EOPNOTSUPP,
				 "argument %s: $arg%" PRIu64 " is known at a function's first instruction only; name the register",
				 arg->name, arg->number);
	if (is_return(w) && !(w->place == FETCHARG_KERNEL_RETURN && w->dialect->return_arguments))
		return error_set(w->err, -EOPNOTSUPP,
				 "argument %s: $arg%" PRIu64 " is gone when a function returns, and this kernel does not keep it",
				 arg->name, arg->number);
	if (w->place == FETCHARG_KERNEL_RETURN || (w->place == FETCHARG_KERNEL_ENTRY && w->dialect->arguments))
		buffer_printf(w->out, "$arg%" PRIu64, arg->number);
	else
		put_register_argument(w, arg->number);
	return 0;
}

/* A kernel that explains itself does so better than we could. */
static int put_register(struct writer *w, const struct fetcharg *arg)
{
	const char *const *name = w->arch->registers;

	while (*name && strcmp(*name, arg->word) != 0)
		name++;
	if (!*name && !w->dialect->error_log)
		return error_set(w->err, -EINVAL, "argument %s: %s has no register %%%s", arg->name, w->arch->name, arg->word);
	buffer_printf(w->out, "%%%s", arg->word);
	return 0;
}

static int put_symbol(struct writer *w, const struct fetcharg *arg, uint64_t extra)
{
	int64_t offset = (int64_t)(arg->number + extra);

	if (is_user(w))
		return error_set(w->err, -EINVAL, "argument %s: @%s is a symbol of the kernel, which a user function cannot be asked for",
				 arg->name, arg->word);
	buffer_printf(w->out, "@%s", arg->word);
	if (offset)
		buffer_printf(w->out, "%+" PRId64, offset);
	return 0;
}

static int put_immediate(struct writer *w, const struct fetcharg *arg)
{
	if (!w->dialect->immediates)
		return error_set(w->err, -EOPNOTSUPP,
				 "argument %s: this kernel's probes know no immediate values (\\5, \\\"text\"; Linux 5.4)", arg->name);
	if (arg->base == FETCHARG_TEXT)
		buffer_printf(w->out, "\\\"%s\"", arg->word);
	else
		buffer_printf(w->out, "\\%" PRId64, (int64_t)arg->number);
	return 0;
}

static int put_base(struct writer *w, const struct fetcharg *arg, uint64_t extra)
{
	switch (arg->base) {
	case FETCHARG_REGISTER:
		return put_register(w, arg);
	case FETCHARG_ARGUMENT:
		return put_argument(w, arg);
	case FETCHARG_RETVAL:
		if (!is_return(w))
			return error_set(w->err, -EINVAL, "argument %s: $retval is there at a function's return only", arg->name);
		buffer_put_string(w->out, "$retval");
		return 0;
	case FETCHARG_STACK:
		buffer_put_string(w->out, "$stack");
		return 0;
	case FETCHARG_STACK_WORD:
		buffer_printf(w->out, "$stack%" PRIu64, arg->number);
		return 0;
	case FETCHARG_COMM:
		buffer_put_string(w->out, "$comm");
		return 0;
	case FETCHARG_ADDRESS:
		buffer_printf(w->out, "@0x%" PRIx64, arg->number + extra);
		return 0;
	case FETCHARG_SYMBOL:
		return put_symbol(w, arg, extra);
	case FETCHARG_FILE_OFFSET:
		if (!is_user(w))
			return error_set(w->err, -EINVAL, "argument %s: @+OFFSET is of the file of a user function; the kernel has none",
					 arg->name);
		buffer_printf(w->out, "@+0x%" PRIx64, arg->number + extra);
		return 0;
	case FETCHARG_NUMBER:
	case FETCHARG_TEXT:
		return put_immediate(w, arg);
	}
	return error_set(w->err, -EINVAL, "argument %s: unknown place", arg->name);
}

static void put_deref(struct writer *w, int64_t offset, bool user)
{
	/* A uprobe reads user memory anyway. */
	buffer_printf(w->out, "%c%s%" PRId64 "(", offset < 0 ? '-' : '+', user && w->dialect->user_memory && !is_user(w) ? "u" : "",
		      offset < 0 ? -offset : offset);
}

/* `extra` bytes behind where the value lies. */
static int put_place(struct writer *w, const struct fetcharg *arg, uint64_t extra)
{
	int r;

	for (size_t i = 0; i < arg->deref_count; i++)
		put_deref(w, arg->derefs[i].offset + (i ? 0 : (int64_t)extra), arg->derefs[i].user);
	r = put_base(w, arg, arg->deref_count ? 0 : extra);
	for (size_t i = 0; i < arg->deref_count; i++)
		buffer_put_u8(w->out, ')');
	return r;
}

/* Kernels differ in whether a uprobe may have `symbol`. Those that have `symstr` (tried: 6.1 to 7.2) write the next string over its end, and
 * give the length of both. */
static bool is_written_as_number(const struct writer *w, enum fetcharg_type type)
{
	return type == FETCHARG_SYMBOL_TEXT || (type == FETCHARG_SYMBOL_NAME && (!w->dialect->symbol || is_user(w)));
}

/* The type's own name, or that of what is as good on this kernel. */
static void put_type(struct writer *w, const struct fetcharg *arg)
{
	const struct fetcharg_dialect *d = w->dialect;
	enum fetcharg_type type = arg->type;

	buffer_put_u8(w->out, ':');
	if (type == FETCHARG_BITS) {
		buffer_printf(w->out, "b%u@%u/%u", arg->bit_width, arg->bit_offset, arg->size * 8u);
		return;
	}
	if (type >= FETCHARG_X8 && type <= FETCHARG_X64 && !d->hex_types)
		type = type - FETCHARG_X8 + FETCHARG_U8;
	else if (type == FETCHARG_CHAR && !d->character)
		type = FETCHARG_U8;
	else if (type == FETCHARG_USTRING && (!d->user_memory || is_user(w)))
		type = FETCHARG_STRING;
	else if (is_written_as_number(w, type))
		type = FETCHARG_U64;
	buffer_put_string(w->out, fetcharg_type_name(type));
}

/* Is there "NAME=" in what was written before `end`? */
static bool name_is_used(const struct writer *w, size_t end, const char *name, size_t name_length)
{
	const char *at = (const char *)w->out->data + w->start;
	const char *last = (const char *)w->out->data + end;

	while (at < last) {
		const char *blank = memchr(at, ' ', (size_t)(last - at));

		if ((size_t)(last - at) > name_length && !memcmp(at, name, name_length) && at[name_length] == '=')
			return true;
		if (!blank)
			return false;
		at = blank + 1;
	}
	return false;
}

static int check_written(struct writer *w, const struct fetcharg *arg, size_t start, size_t body)
{
	const char *name;

	if (w->out->failed)
		return error_set(w->err, -ENOMEM, "out of memory");
	name = (const char *)w->out->data + start;
	if (name_is_used(w, start, name, body - start - 1))
		return error_set(w->err, -EINVAL, "argument %s: the name %.*s is there already", arg->name, (int)(body - start - 1), name);
	if (w->out->length - body > FETCHARG_BODY_MAX)
		return error_set(w->err, -E2BIG, "argument %s: the kernel takes at most %d characters, not \"%.*s\"", arg->name,
				 FETCHARG_BODY_MAX, (int)(w->out->length - body), (const char *)w->out->data + body);
	if (w->out->length - w->start > FETCHARGS_BYTES_MAX)
		return error_set(w->err, -E2BIG, "argument %s: the kernel takes at most %d characters for all arguments together",
				 arg->name, FETCHARGS_BYTES_MAX);
	if (++w->count > FETCHARGS_MAX)
		return error_set(w->err, -E2BIG,
				 "argument %s: the kernel takes at most %d arguments (where it has no arrays, each element is one)",
				 arg->name, FETCHARGS_MAX);
	return 0;
}

/* The argument, or, with index >= 0, that element of it as an argument of its own. */
static int put_one(struct writer *w, const struct fetcharg *arg, int index)
{
	size_t start, body;
	int r;

	if (w->out->length > w->start)
		buffer_put_u8(w->out, ' ');
	start = w->out->length;
	buffer_put_string(w->out, arg->name);
	if (index >= 0)
		buffer_printf(w->out, "__%d", index);
	buffer_put_u8(w->out, '=');
	body = w->out->length;
	/* An array of strings is one of pointers to them. */
	if (index >= 0 && arg->is_string) {
		put_deref(w, 0, arg->deref_count && arg->derefs[0].user);
		r = put_place(w, arg, (uint64_t)index * w->arch->word_bytes);
		buffer_put_u8(w->out, ')');
	} else {
		r = put_place(w, arg, index >= 0 ? (uint64_t)index * arg->size : 0);
	}
	if (r)
		return r;
	if (arg->base != FETCHARG_COMM && arg->base != FETCHARG_TEXT)
		put_type(w, arg);
	if (index < 0 && arg->array_count)
		buffer_printf(w->out, "[%u]", arg->array_count);
	return check_written(w, arg, start, body);
}

static int put_argument_or_elements(struct writer *w, const struct fetcharg *arg)
{
	int r = 0;

	if (arg->base == FETCHARG_COMM && !w->dialect->comm)
		return 0;
	if (!arg->array_count || w->dialect->arrays)
		return put_one(w, arg, -1);
	for (int i = 0; i < arg->array_count && !r; i++)
		r = put_one(w, arg, i);
	return r;
}

int fetchargs_write(struct buffer *out, const struct fetcharg_dialect *dialect, const struct arch *arch, enum fetcharg_place place,
		    const struct fetcharg *args, size_t count, size_t *ret_index, struct error *err)
{
	struct writer w = {.out = out, .dialect = dialect, .arch = arch, .place = place, .err = err, .start = out->length};

	for (size_t i = 0; i < count; i++) {
		int r = put_argument_or_elements(&w, &args[i]);

		if (!r)
			continue;
		if (ret_index)
			*ret_index = i;
		out->length = w.start;
		return r;
	}
	return 0;
}
