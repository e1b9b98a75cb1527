#ifndef SUBSCRIPTION_PATH_GLOB_H
#define SUBSCRIPTION_PATH_GLOB_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Patterns as in a shell, for names that have parts with `/` between them:
 *
 *	*        any run of characters but `/`, an empty one too
 *	**       any run of characters
 *	?        any character but `/`
 *	[a-z_]   one of these characters; [!a-z] or [^a-z]: any other one but `/`; a `]` that comes first is one of them
 *	\c       the character c, whatever it means otherwise
 *
 * Everything else is itself. The whole text has to fit. Not the patterns of filters on events (glob_matches() in matcher.h), where `*`
 * crosses everything.
 */

#define PATH_GLOB_BYTES_MAX 512

/* 0, or -EINVAL with a sentence that says at which character what is wrong: an empty pattern, or one that is longer than PATH_GLOB_BYTES_MAX; a
 * `[` without `]`; a range that runs backwards; a `/` between brackets; a `\` at the end; `{` or `}`, which shells take for alternatives;
 * a blank, a control character or one beyond ASCII. */
int path_glob_check(const char *pattern, struct error *err);

/* `pattern` must have passed path_glob_check(). In at most pattern x text steps, without memory. */
bool path_glob_matches(const char *pattern, const char *text, size_t length);

#endif
