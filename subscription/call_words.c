#include "subscription/call_words.h"

#include "base/parse.h"
#include "sensor/probe_request.h"
#include "subscription/counters.h"
#include "subscription/query_string.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FREQUENCY_DEFAULT 1

/* A call's word in pieces, each of them inside of one copy. */
struct call {
	bool of_user;
	bool at_exit;
	char *executable;
	char *symbol;
	char *filter;
	struct probe_parameter parameters[PROBE_PARAMETERS_MAX];
	size_t parameter_count;
};

static int no_memory(struct error *err)
{
	return error_set(err, -ENOMEM, "out of memory");
}

static bool is_end(const char *text)
{
	return !strcmp(text, ":enter") || !strcmp(text, ":exit");
}

/* Takes ":enter" or ":exit" off the end. */
static void cut_end(struct call *call, char *text)
{
	char *colon = strrchr(text, ':');

	if (!colon || !is_end(colon))
		return;
	/* FILE:exit is the function exit. */
	if (call->of_user && !call->executable && colon == strchr(text, ':'))
		return;
	call->at_exit = !strcmp(colon, ":exit");
	*colon = 0;
}

/* What stands between quotation marks becomes what it means, where it stands. Returns behind it, NULL after an error. */
static char *unquote(char *at, struct error *err)
{
	size_t size = query_quoted_size(at);
	char *meant;

	if (!size) {
		error_set(err, -EINVAL, "a ' is not closed");
		return NULL;
	}
	if (query_unquote(at, size, QUERY_STRING, &meant, NULL, err))
		return NULL;
	/* What is meant is never longer than how it is written. */
	memcpy(at, meant, strlen(meant) + 1);
	free(meant);
	return at + size;
}

/* Behind the string that `at` begins with, if it is one: '...' with escapes, or "..." as the kernel has them. */
static const char *skip_string(const char *at)
{
	const char *end;

	if (*at == '\'')
		return at + query_quoted_size(at);
	end = *at == '"' ? strchr(at + 1, '"') : NULL;
	return end ? end + 1 : at;
}

/* The first `wanted` that neither parentheses nor quotation marks surround; NULL: there is none. */
static const char *find_outside(const char *at, char wanted)
{
	size_t depth = 0;
	char before = 0;

	while (*at) {
		const char *behind = *at == '\'' && !strchr("(,= ", before) ? at : skip_string(at);

		if (behind != at) {
			before = behind[-1];
			at = behind;
			continue;
		}
		if (*at == wanted && !depth)
			return at;
		depth += *at == '(';
		if (*at == ')' && depth)
			depth--;
		before = *at++;
	}
	return NULL;
}

static char *skip_blanks(char *at)
{
	return at + strspn(at, " \t\n");
}

/* The end of a piece, without the blanks in front of it. */
static void cut_blanks(char *start, char *end)
{
	while (end > start && strchr(" \t\n", end[-1]))
		end--;
	*end = 0;
}

/* A name or a fetcharg, up to `end`; a quoted one is alone there. */
static int read_piece(char **piece, char *end, const char *whole, struct error *err)
{
	char *behind;

	*piece = skip_blanks(*piece);
	cut_blanks(*piece, end);
	if (**piece != '\'')
		return **piece ? 0 : error_set(err, -EINVAL, "the argument \"%s\" is not NAME=FETCHARG, like path=+0(%%si):ustring", whole);
	behind = unquote(*piece, err);
	if (!behind)
		return -EINVAL;
	return *behind ? error_set(err, -EINVAL, "\"%s\" stands behind a quoted part of an argument", behind) : 0;
}

static int read_argument(struct call *call, char *at, char *end, struct error *err)
{
	char *whole = strndup(at, (size_t)(end - at));
	struct probe_parameter *parameter = &call->parameters[call->parameter_count];
	char *equals;
	int r;

	if (!whole)
		return no_memory(err);
	*end = 0;
	equals = (char *)find_outside(at, '=');
	if (!equals) {
		r = error_set(err, -EINVAL, "the argument \"%s\" is not NAME=FETCHARG, like path=+0(%%si):ustring", whole);
	} else if (call->parameter_count == PROBE_PARAMETERS_MAX) {
		r = error_set(err, -EINVAL, "more than %d arguments", PROBE_PARAMETERS_MAX);
	} else {
		call->parameter_count++;
		*parameter = (struct probe_parameter){.name = at, .expression = equals + 1};
		r = read_piece(&parameter->expression, end, whole, err);
		if (!r)
			r = read_piece(&parameter->name, equals, whole, err);
	}
	free(whole);
	return r;
}

static int read_arguments(struct call *call, char *list, char *end, struct error *err)
{
	int r = 0;

	if (skip_blanks(list) == end)
		return 0;
	*end = 0;
	while (!r && list) {
		char *comma = (char *)find_outside(list, ',');

		r = read_argument(call, list, comma ? comma : end, err);
		list = comma ? comma + 1 : NULL;
	}
	return r;
}

/* "/count > 4096/" behind everything else. */
static int cut_filter(struct call *call, char *slash, struct error *err)
{
	size_t length = strlen(slash);

	if (length < 3 || slash[length - 1] != '/')
		return error_set(err, -EINVAL, "the filter \"%s\" is not /FILTER/, like /count > 4096/", slash);
	slash[length - 1] = 0;
	*slash = 0;
	call->filter = slash + 1;
	return *call->filter == '\'' && !unquote(call->filter, err) ? -EINVAL : 0;
}

/* What stands behind the symbol or its arguments. */
static int read_tail(struct call *call, char *tail, struct error *err)
{
	char *slash = call->of_user ? NULL : strchr(tail, '/');
	int r = slash ? cut_filter(call, slash, err) : 0;

	if (r || !*tail)
		return r;
	if (!is_end(tail))
		return error_set(err, -EINVAL, "\"%s\" behind the arguments: only :enter or :exit can stand there", tail);
	call->at_exit = !strcmp(tail, ":exit");
	return 0;
}

/* A quoted symbol, or one that ends at its arguments or at a filter. Returns behind it, NULL after an error. */
static char *read_symbol(struct call *call, char *text, struct error *err)
{
	call->symbol = text;
	if (*text == '\'')
		return unquote(text, err);
	return text + strcspn(text, call->of_user ? "(" : "(/");
}

/* `open`: the parenthesis at the symbol's end. */
static int read_list(struct call *call, char *open, struct error *err)
{
	char *end = (char *)find_outside(open + 1, ')');
	int r;

	if (!end)
		return error_set(err, -EINVAL, "a parenthesis is not closed");
	*open = 0;
	r = read_arguments(call, open + 1, end, err);
	return r ? r : read_tail(call, end + 1, err);
}

/* FILE in front of the symbol, when it is quoted; the symbol's start, NULL after an error. */
static char *read_quoted_file(struct call *call, char *text, struct error *err)
{
	char *behind = unquote(text, err);

	call->executable = text;
	if (behind && *behind != ':')
		error_set(err, -EINVAL, "it needs a file and a function, like /bin/bash:readline");
	return behind && *behind == ':' ? behind + 1 : NULL;
}

/* FILE and symbol in one, up to the arguments. */
static int split_file(struct call *call, struct error *err)
{
	char *colon = strrchr(call->symbol, ':');

	if (!colon)
		return error_set(err, -EINVAL, "it needs a file and a function, like /bin/bash:readline");
	*colon = 0;
	call->executable = call->symbol;
	call->symbol = colon + 1;
	return 0;
}

static int read_call(struct call *call, char *text, struct error *err)
{
	bool is_quoted;
	char *behind;
	int r = 0;

	if (call->of_user && *text == '\'')
		text = read_quoted_file(call, text, err);
	if (!text)
		return -EINVAL;
	is_quoted = *text == '\'';
	behind = read_symbol(call, text, err);
	if (!behind)
		return -EINVAL;
	if (*behind == '(') {
		r = read_list(call, behind, err);
	} else if (is_quoted) {
		r = read_tail(call, behind, err);
	} else {
		if (*behind)
			r = cut_filter(call, behind, err);
		cut_end(call, text);
	}
	return r || !call->of_user || call->executable ? r : split_file(call, err);
}

static int add_call(struct subscription_spec *spec, const struct call *call, enum event_kind kind, struct error *err)
{
	struct clause *clause = subscription_spec_add(spec, kind);

	if (!clause)
		return no_memory(err);
	return probe_request_new_call(&clause->request, kind, call->executable, call->symbol, call->parameters, call->parameter_count,
				      call->filter, err);
}

static int add_kernel_call(struct subscription_spec *spec, char *text, struct error *err)
{
	struct call call = {0};
	int r = read_call(&call, text, err);

	return r ? r : add_call(spec, &call, call.at_exit ? EVENT_KERNEL_CALL_EXIT : EVENT_KERNEL_CALL_ENTER, err);
}

static int add_user_call(struct subscription_spec *spec, char *text, struct error *err)
{
	struct call call = {.of_user = true};
	int r = read_call(&call, text, err);

	return r ? r : add_call(spec, &call, call.at_exit ? EVENT_USER_CALL_EXIT : EVENT_USER_CALL_ENTER, err);
}

static int read_rate(const char *text, bool *ret_by_frequency, uint64_t *ret_rate, struct error *err)
{
	*ret_by_frequency = !strncmp(text, "frequency=", 10);
	if (!*ret_by_frequency && strncmp(text, "period=", 7) != 0)
		return error_set(err, -EINVAL, "\"%s\" is neither period=N nor frequency=N", text);
	return parse_number(strchr(text, '=') + 1, 1, INT64_MAX, ret_rate, err);
}

static int read_counters(char *list, struct perf_counter *counters, size_t *ret_count, struct error *err)
{
	char *name;
	int r = 0;

	*ret_count = 0;
	while (!r && (name = strsep(&list, ","))) {
		if (*ret_count == PERF_COUNTERS_MAX)
			return error_set(err, -EINVAL, "more than %d counters", PERF_COUNTERS_MAX);
		r = counter_parse(name, &counters[(*ret_count)++], err);
	}
	return r;
}

static int add_performance(struct subscription_spec *spec, char *text, struct error *err)
{
	struct perf_counter counters[PERF_COUNTERS_MAX];
	char *rate_text = strchr(text, '/');
	uint64_t rate = FREQUENCY_DEFAULT;
	bool by_frequency = true;
	struct clause *clause;
	size_t count;
	int r = 0;

	if (rate_text) {
		*rate_text++ = 0;
		r = read_rate(rate_text, &by_frequency, &rate, err);
	}
	if (!r)
		r = read_counters(text, counters, &count, err);
	if (r)
		return r;
	clause = subscription_spec_add(spec, EVENT_PERFORMANCE);
	if (!clause)
		return no_memory(err);
	return probe_request_new_performance(&clause->request, counters, count, by_frequency, rate, err);
}

/* Gives a copy that may be cut up to `add`, and puts the word in front of its error. */
static int add_copy(struct subscription_spec *spec, const char *family, const char *text,
		    int (*add)(struct subscription_spec *spec, char *text, struct error *err), struct error *err)
{
	char *copy = strdup(text);
	int r;

	if (!copy)
		return no_memory(err);
	r = add(spec, copy, err);
	free(copy);
	return r ? error_prefix(err, r, "%s:%.128s", family, text) : 0;
}

int call_word_add_kernel(struct subscription_spec *spec, const char *text, struct error *err)
{
	if (!text || !*text)
		return error_set(err, -EINVAL,
				 "kernel_call needs a function, like kernel_call:vfs_unlink or kernel_call:vfs_read(count=%%dx:u64)");
	return add_copy(spec, "kernel_call", text, add_kernel_call, err);
}

int call_word_add_user(struct subscription_spec *spec, const char *text, struct error *err)
{
	if (!text || !*text)
		return error_set(err, -EINVAL, "user_call needs a file and a function, like user_call:/bin/bash:readline:exit");
	return add_copy(spec, "user_call", text, add_user_call, err);
}

int call_word_add_performance(struct subscription_spec *spec, const char *text, struct error *err)
{
	if (!text || !*text)
		return error_set(err, -EINVAL, "performance needs counters, like performance:cycles,instructions/period=1000000");
	return add_copy(spec, "performance", text, add_performance, err);
}

#define BLANKS " \t\r"

static bool is_word_character(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Whether nothing but a comment or a condition can follow: behind these blanks is the end of the item. */
static bool item_ends(const char *at)
{
	at += strspn(at, BLANKS);
	return !*at || strchr(";\n#", *at) || (!strncasecmp(at, "where", 5) && !is_word_character(at[5]));
}

static const char *filter_end(const char *at)
{
	while (*at && *at != '\n') {
		const char *behind = skip_string(at);

		if (*at == '/' && item_ends(at + 1))
			return at + 1;
		at = behind != at ? behind : at + 1;
	}
	return at;
}

/* A file that is not quoted may have blanks in its name. */
static const char *user_place_end(const char *at)
{
	if (*at == '\'')
		at = skip_string(at);
	else
		while (*at && !strchr("(;\n", *at) && !(strchr(BLANKS, *at) && item_ends(at)))
			at++;
	return *at == ':' ? at + 1 : at;
}

size_t call_word_size(const char *text, bool of_user)
{
	const char *at = of_user ? user_place_end(text) : text;

	if (*at == '\'')
		at = skip_string(at);
	at += strcspn(at, BLANKS "\n;(/");
	if (*at == '(') {
		const char *end = find_outside(at + 1, ')');

		at = end ? end + 1 : at + strlen(at);
		at += strcspn(at, BLANKS "\n;/");
	}
	if (*at == '/' && !of_user)
		at = filter_end(at + 1);
	return (size_t)(at - text);
}
