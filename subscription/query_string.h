#ifndef SUBSCRIPTION_QUERY_STRING_H
#define SUBSCRIPTION_QUERY_STRING_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The strings of the text form (query_parse.h), between ' and ' or " and ". Escapes: \' \" \` \\ \n \t \r and \xHH, any byte but 0.
 *
 * Patterns of LIKE are written as strings in which * and % stand for any run of characters and ? for one, and \% for a percent sign. In the tree
 * the run is always *, and % is itself (expression.h), so that a literal * or ? cannot be said there, nor here.
 */
enum query_string_type {
	QUERY_STRING,
	QUERY_PATTERN,
	QUERY_NAME, /* of a field, between ` and ` */
};

/* Whether a field's name can stand without them: letters, digits and _, no digit first, and no word of the language. */
bool query_is_identifier(const char *name);

/* Appends it between ' and ' (or ` and `), so that query_unquote() gives the same bytes again; what must not reach a terminal (base/printable.h) is escaped. */
void query_put_quoted(struct buffer *out, const char *string, enum query_string_type type);

/* The bytes from the quotation mark that `text` begins with to the one that ends it, both included; 0: none does. */
size_t query_quoted_size(const char *text);

/* What stands in the `size` bytes of such a string; free() it. -EINVAL: an escape that does not exist, at *ret_offset from `text` (may be
 * NULL). -ENOMEM. */
int query_unquote(const char *text, size_t size, enum query_string_type type, char **ret, size_t *ret_offset, struct error *err);

#endif
