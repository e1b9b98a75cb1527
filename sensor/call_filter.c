#include "sensor/call_filter.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static const struct fetcharg *find_argument(const struct fetcharg *args, size_t count, const char *word, size_t length)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(args[i].name) == length && !memcmp(args[i].name, word, length))
			return &args[i];
	return NULL;
}

static int check_argument(const struct fetcharg *arg, const struct fetcharg_dialect *dialect, enum fetcharg_place place, struct error *err)
{
	bool is_user = place == FETCHARG_USER_ENTRY || place == FETCHARG_USER_RETURN;

	/* `comm` is a name that filters know of themselves (kernel: trace_events.c, trace_define_generic_fields()). */
	if (arg->base == FETCHARG_COMM && !dialect->comm && strcmp(arg->name, "comm") != 0)
		return error_set(
			err, -EOPNOTSUPP,
			"filter: %s cannot be tested, because this kernel's probes have no $comm; filters know it by the name comm",
			arg->name);
	if (arg->array_count && !dialect->arrays)
		return error_set(err, -EOPNOTSUPP,
				 "filter: %s cannot be tested as a whole, because this kernel's probes have no arrays; its elements can: "
				 "%s__0 to %s__%d",
				 arg->name, arg->name, arg->name, arg->array_count - 1);
	if (arg->type == FETCHARG_SYMBOL_TEXT && (is_user || !dialect->symstr))
		return error_set(err, -EOPNOTSUPP, "filter: %s cannot be tested as text, because %s", arg->name,
				 is_user ? "programs' symbols are not known to the kernel" : "this kernel's probes have no symstr");
	return 0;
}

/* What stands in quotes, with the quotes. */
static size_t quoted_length(const char *at)
{
	const char *end = *at == '"' || *at == '\'' ? strchr(at + 1, *at) : NULL;

	return end ? (size_t)(end - at) + 1 : 1;
}

static size_t word_length(const char *at)
{
	size_t length = 0;

	while (isalnum((unsigned char)at[length]) || at[length] == '_')
		length++;
	return length;
}

int call_filter_check(const char *filter, const struct fetcharg *args, size_t count, const struct fetcharg_dialect *dialect,
		      enum fetcharg_place place, struct error *err)
{
	const char *at = filter;
	int open = 0;

	while (*at) {
		size_t length = word_length(at);
		const struct fetcharg *arg = length ? find_argument(args, count, at, length) : NULL;
		int code = arg ? check_argument(arg, dialect, place, err) : 0;

		if (code)
			return code;
		open += (*at == '(') - (*at == ')');
		if (open < 0)
			break;
		at += length ? length : quoted_length(at);
	}
	if (open < 0)
		return error_set(err, -EINVAL, "filter: a ')' without a '(' before it, at \"%.80s\"", at);
	return open ? error_set(err, -EINVAL, "filter: a '(' without its ')'") : 0;
}
