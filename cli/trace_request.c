#include "cli/trace_request.h"

#include "cli/caret.h"
#include "cli/text.h"
#include "tracing/elf_symbol.h"
#include "tracing/kernel_symbols.h"
#include "tracing/target_path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "ringside: "

static int resolve_user(struct trace_place *ret, const char *word, const char *colon, struct error *err)
{
	struct target_path target;
	struct elf_symbol symbol;
	char path[PATH_MAX];
	int code;

	if (colon - word >= PATH_MAX)
		return error_set(err, -ENAMETOOLONG, "%.200s...: the path is too long", word);
	memcpy(path, word, (size_t)(colon - word));
	path[colon - word] = 0;
	code = target_path_resolve(&target, path, err);
	if (!code)
		code = elf_symbol_find(&target, colon + 1, &symbol, err);
	if (code)
		return code;
	snprintf(ret->place, sizeof(ret->place), "%s", target.path);
	ret->offset = symbol.file_offset;
	ret->is_inside = strchr(colon + 1, '+') || !symbol.size;
	return 0;
}

static int resolve_kernel(struct trace_place *ret, const char *word, struct error *err)
{
	const char *plus = strchr(word, '+');

	if (!*word || strlen(word) >= KERNEL_SYMBOL_BYTES)
		return error_set(err, -EINVAL, "\"%.60s\" is no function: SYMBOL, SYMBOL+OFFSET or MODULE:SYMBOL of the kernel", word);
	memcpy(ret->place, word, strlen(word) + 1);
	ret->is_inside = plus && strtoull(plus + 1, NULL, 0) != 0;
	return 0;
}

/* "MODULE:SYMBOL" of the kernel looks like "libc.so.6:malloc" or "bash:readline": it is a module that has no such file. */
static bool names_a_file(const char *word, const char *colon)
{
	struct target_path target;
	char name[PATH_MAX];

	if (memchr(word, '/', (size_t)(colon - word)))
		return true;
	snprintf(name, sizeof(name), "%.*s", (int)(colon - word), word);
	return !target_path_resolve(&target, name, NULL);
}

int trace_place_resolve(struct trace_place *ret, const char *word, struct error *err)
{
	const char *colon = strrchr(word, ':');

	*ret = (struct trace_place){.is_user = colon && names_a_file(word, colon)};
	if (!colon && strchr(word, '/'))
		return error_set(err, -EINVAL, "%.200s: which function of the file? PATH:SYMBOL, or PATH:0xOFFSET in the file", word);
	return ret->is_user ? resolve_user(ret, word, colon, err) : resolve_kernel(ret, word, err);
}

static int join_words(struct trace_request *r, char *const *words, size_t count)
{
	struct buffer text;
	size_t length;

	buffer_init(&text, 0);
	for (size_t i = 0; i < count; i++) {
		buffer_put_string(&text, i ? " " : "");
		buffer_put_string(&text, words[i]);
	}
	r->text = (char *)buffer_take(&text, &length);
	return r->text ? 0 : -ENOMEM;
}

/* Into the argument's place in the list. */
static int parse_argument(struct trace_request *r, const char *word, size_t position, struct buffer *report)
{
	const char *equals = strchr(word, '=');
	char *name;
	struct fetcharg_mistake mistake;
	int code;

	if (!equals) {
		caret_put(report, PREFIX, r->text, position, "what is fetched needs a name: NAME=FETCHARG");
		return -EINVAL;
	}
	if (r->count == FETCHARGS_MAX) {
		caret_put(report, PREFIX, r->text, position, "the kernel takes at most 128 arguments");
		return -E2BIG;
	}
	name = strndup(word, (size_t)(equals - word));
	if (!name)
		return -ENOMEM;
	code = fetcharg_parse(&r->args[r->count], name, equals + 1, &mistake, NULL);
	free(name);
	if (code)
		caret_put(report, PREFIX, r->text, position + mistake.position, mistake.sentence);
	else
		r->count++;
	return code;
}

static int take_defaults(struct trace_request *r)
{
	static const char *const names[] = {"arg1", "arg2", "arg3"};
	static const char *const expressions[] = {"$arg1", "$arg2", "$arg3"};
	int code = 0;

	if (r->at_return)
		return fetcharg_parse(&r->args[r->count++], "ret", "$retval:s64", NULL, NULL);
	/* In the middle of a function the registers hold anything. */
	for (size_t i = 0; i < 3 && !code && !r->place.is_inside; i++)
		code = fetcharg_parse(&r->args[r->count++], names[i], expressions[i], NULL, NULL);
	return code;
}

int trace_request_parse(struct trace_request *ret, char *const *words, size_t count, struct buffer *report)
{
	struct error err = {0};
	size_t position;
	int r;

	ret->word = words[0];
	ret->count = 0;
	r = join_words(ret, words, count);
	if (r)
		return r;
	r = trace_place_resolve(&ret->place, words[0], &err);
	if (r) {
		buffer_put_string(report, PREFIX);
		text_put_escaped(report, err.message);
		buffer_put_u8(report, '\n');
		return r;
	}
	position = strlen(words[0]) + 1;
	for (size_t i = 1; i < count && !r; i++) {
		r = parse_argument(ret, words[i], position, report);
		position += strlen(words[i]) + 1;
	}
	return r || count > 1 ? r : take_defaults(ret);
}

void trace_request_done(struct trace_request *r)
{
	free(r->text);
	r->text = NULL;
}

size_t trace_request_position(const struct trace_request *r, size_t index)
{
	size_t position = strlen(r->word);

	if (index >= r->count || !strchr(r->text + position, '='))
		return 0;
	/* The words hold no blanks, or they would not have been taken. */
	for (; index && r->text[position]; index--)
		position += 1 + strcspn(r->text + position + 1, " ");
	return position + 1;
}
