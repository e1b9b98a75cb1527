#include "subscription/path_glob.h"

#include <errno.h>
#include <string.h>

/* The character at *at, behind its backslash if it has one, and *at behind it. */
static unsigned char take_character(const char **at)
{
	if (**at == '\\')
		(*at)++;
	return (unsigned char)*(*at)++;
}

/* A character between brackets, or a range of them; *at is behind it then. */
static void take_range(const char **at, unsigned char *first, unsigned char *last)
{
	*first = *last = take_character(at);
	if ((*at)[0] == '-' && (*at)[1] && (*at)[1] != ']') {
		(*at)++;
		*last = take_character(at);
	}
}

/* `at` stands behind the `[`. Returns the place behind the `]`. */
static const char *match_brackets(const char *at, unsigned char c, bool *ret_matches)
{
	bool is_negated = *at == '!' || *at == '^';
	bool is_in = false, is_first = true;

	if (is_negated)
		at++;
	for (; *at != ']' || is_first; is_first = false) {
		unsigned char first, last;

		take_range(&at, &first, &last);
		is_in |= c >= first && c <= last;
	}
	*ret_matches = is_in != is_negated && c != '/';
	return at + 1;
}

static int refuse(const char *pattern, const char *at, const char *what, struct error *err)
{
	return error_set(err, -EINVAL, "character %zu: %s", (size_t)(at - pattern) + 1, what);
}

static int check_backslash(const char *pattern, const char *at, struct error *err)
{
	return *at == '\\' && !at[1] ? refuse(pattern, at, "there is nothing behind the \\", err) : 0;
}

/* *at stands behind the `[` and then behind the `]`. */
static int check_brackets(const char *pattern, const char **at, struct error *err)
{
	const char *open = *at - 1;
	bool is_first = true;

	if (**at == '!' || **at == '^')
		(*at)++;
	for (; **at != ']' || is_first; is_first = false) {
		const char *start = *at;
		unsigned char first, last;

		if (!**at)
			return refuse(pattern, open, "the [ has no ] (\\[ is the character itself)", err);
		if (check_backslash(pattern, *at, err))
			return -EINVAL;
		take_range(at, &first, &last);
		if (!last)
			return refuse(pattern, *at - 2, "there is nothing behind the \\", err);
		if (first > last)
			return refuse(pattern, start, "the range runs backwards", err);
		if (first <= '/' && last >= '/')
			return refuse(pattern, start, "a / within [ ] cannot match", err);
	}
	(*at)++;
	return 0;
}

static int check_characters(const char *pattern, struct error *err)
{
	for (const char *at = pattern; *at; at++)
		if (*at <= ' ' || *at > '~')
			return refuse(pattern, at, "only visible ASCII characters are allowed", err);
	return 0;
}

int path_glob_check(const char *pattern, struct error *err)
{
	size_t length = strlen(pattern);
	const char *at = pattern;

	if (!length)
		return error_set(err, -EINVAL, "it is empty");
	if (length > PATH_GLOB_BYTES_MAX)
		return error_set(err, -EINVAL, "it has %zu characters; at most %d are allowed", length, PATH_GLOB_BYTES_MAX);
	if (check_characters(pattern, err))
		return -EINVAL;
	while (*at) {
		if (*at == '{' || *at == '}')
			return refuse(pattern, at, "alternatives in { } must be patterns of their own", err);
		if (check_backslash(pattern, at, err))
			return -EINVAL;
		if (*at == '[') {
			at++;
			if (check_brackets(pattern, &at, err))
				return -EINVAL;
			continue;
		}
		(void)take_character(&at);
	}
	return 0;
}

/* Where the pattern goes on behind the element at `at` when that takes `c`; NULL: it does not. */
static const char *step(const char *at, unsigned char c)
{
	bool matches;

	switch (*at) {
	case '*':
		return at[1] == '*' || c != '/' ? at : NULL;
	case '?':
		return c != '/' ? at + 1 : NULL;
	case '[':
		at = match_brackets(at + 1, c, &matches);
		return matches ? at : NULL;
	default:
		return take_character(&at) == c ? at : NULL;
	}
}

/* What stands behind a star is reached without any character. */
static void pass_stars(const char *pattern, size_t length, bool *reached)
{
	for (size_t i = 0; i < length; i++)
		if (reached[i] && pattern[i] == '*')
			reached[i + (pattern[i + 1] == '*' ? 2 : 1)] = true;
}

/* All places of the pattern that the text so far can lead to are followed at once. */
bool path_glob_matches(const char *pattern, const char *text, size_t length)
{
	bool reached[2][PATH_GLOB_BYTES_MAX + 1] = {{true}};
	size_t pattern_length = strlen(pattern);
	bool *now = reached[0], *next = reached[1];

	pass_stars(pattern, pattern_length, now);
	for (size_t t = 0; t < length; t++) {
		bool *swap = now;

		memset(next, 0, PATH_GLOB_BYTES_MAX + 1);
		for (size_t i = 0; i < pattern_length; i++) {
			const char *to = now[i] ? step(pattern + i, (unsigned char)text[t]) : NULL;

			if (to)
				next[to - pattern] = true;
		}
		pass_stars(pattern, pattern_length, next);
		now = next;
		next = swap;
	}
	return now[pattern_length];
}
