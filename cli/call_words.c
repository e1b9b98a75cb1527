#include "cli/call_words.h"

#include "cli/counters.h"
#include "cli/parse.h"
#include "sensor/probe_request.h"

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

/* Takes ":enter" or ":exit" off the end. */
static void cut_end(struct call *call, char *text)
{
	char *colon = strrchr(text, ':');

	if (!colon || (strcmp(colon, ":enter") != 0 && strcmp(colon, ":exit") != 0))
		return;
	/* FILE:exit is the function exit. */
	if (call->of_user && colon == strchr(text, ':'))
		return;
	call->at_exit = !strcmp(colon, ":exit");
	*colon = 0;
}

/* The parenthesis that closes the one at `open`; NULL: none does. */
static char *closing(char *open)
{
	size_t depth = 0;

	for (char *at = open; *at; at++) {
		depth += *at == '(';
		if (*at == ')' && !--depth)
			return at;
	}
	return NULL;
}

/* Ends the first piece at a comma that no parentheses surround; the rest, NULL behind the last piece. */
static char *split(char *list)
{
	size_t depth = 0;

	for (; *list; list++) {
		if (*list == '(')
			depth++;
		else if (*list == ')' && depth)
			depth--;
		else if (*list == ',' && !depth) {
			*list = 0;
			return list + 1;
		}
	}
	return NULL;
}

static int read_arguments(struct call *call, char *list, struct error *err)
{
	char *next;

	for (char *at = *list ? list : NULL; at; at = next) {
		char *equals;

		next = split(at);
		equals = strchr(at, '=');
		if (!equals || equals == at || !equals[1])
			return error_set(err, -EINVAL, "the argument \"%s\" is not NAME=FETCHARG, like path=+0(%%si):ustring", at);
		if (call->parameter_count == PROBE_PARAMETERS_MAX)
			return error_set(err, -EINVAL, "more than %d arguments", PROBE_PARAMETERS_MAX);
		*equals = 0;
		call->parameters[call->parameter_count++] = (struct probe_parameter){.name = at, .expression = equals + 1};
	}
	return 0;
}

/* "/count > 4096/" behind everything else. */
static int cut_filter(struct call *call, char *text, struct error *err)
{
	char *slash = call->of_user ? NULL : strchr(text, '/');
	size_t length;

	if (!slash)
		return 0;
	length = strlen(slash);
	if (length < 3 || slash[length - 1] != '/')
		return error_set(err, -EINVAL, "the filter \"%s\" is not /FILTER/, like /count > 4096/", slash);
	slash[length - 1] = 0;
	*slash = 0;
	call->filter = slash + 1;
	return 0;
}

/* What stands behind the arguments. */
static int read_tail(struct call *call, char *tail, struct error *err)
{
	int r = cut_filter(call, tail, err);

	if (r)
		return r;
	if (!*tail)
		return 0;
	if (strcmp(tail, ":enter") != 0 && strcmp(tail, ":exit") != 0)
		return error_set(err, -EINVAL, "\"%s\" behind the arguments: only :enter or :exit can stand there", tail);
	call->at_exit = !strcmp(tail, ":exit");
	return 0;
}

static int read_call(struct call *call, char *text, struct error *err)
{
	char *open = strchr(text, '(');
	char *end = open ? closing(open) : NULL;
	int r;

	if (open && !end)
		return error_set(err, -EINVAL, "a parenthesis is not closed");
	if (open) {
		*open = *end = 0;
		r = read_arguments(call, open + 1, err);
		if (!r)
			r = read_tail(call, end + 1, err);
	} else {
		r = cut_filter(call, text, err);
		cut_end(call, text);
	}
	if (r)
		return r;
	call->symbol = text;
	if (!call->of_user)
		return 0;
	call->symbol = strrchr(text, ':');
	if (!call->symbol)
		return error_set(err, -EINVAL, "it needs a file and a function, like /bin/bash:readline");
	*call->symbol++ = 0;
	call->executable = text;
	return 0;
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
