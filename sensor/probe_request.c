#include "sensor/probe_request.h"

#include "base/buffer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool probe_request_needed(enum event_kind kind)
{
	switch (kind) {
	case EVENT_KERNEL_CALL_ENTER:
	case EVENT_KERNEL_CALL_EXIT:
	case EVENT_USER_CALL_ENTER:
	case EVENT_USER_CALL_EXIT:
	case EVENT_PERFORMANCE:
		return true;
	default:
		return false;
	}
}

bool probe_request_equal(const struct probe_request *a, const struct probe_request *b)
{
	return a == b || (a && b && a->kind == b->kind && !strcmp(a->key, b->key));
}

struct probe_request *probe_request_ref(struct probe_request *r)
{
	r->references++;
	return r;
}

struct probe_request *probe_request_unref(struct probe_request *r)
{
	if (!r || --r->references)
		return NULL;
	for (size_t i = 0; i < r->parameter_count; i++) {
		free(r->parameters[i].name);
		free(r->parameters[i].expression);
	}
	free(r->parameters);
	free(r->counters);
	free(r->symbol);
	free(r->executable);
	free(r->filter);
	free(r->key);
	free(r);
	return NULL;
}

/* The kernel takes a definition as one line of words: a blank would make more words of one, a newline another definition. */
static bool is_word(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || *text == 0x7f)
			return false;
	return true;
}

static int check_parameters(const struct probe_parameter *parameters, size_t count, struct error *err)
{
	if (count > PROBE_PARAMETERS_MAX)
		return error_set(err, -E2BIG, "%zu arguments; at most %d are allowed", count, PROBE_PARAMETERS_MAX);
	for (size_t i = 0; i < count; i++) {
		if (!is_word(parameters[i].name) || !is_word(parameters[i].expression))
			return error_set(err, -EINVAL, "argument %zu has a blank or a control character in it; no probe can have that",
					 i + 1);
		for (size_t j = 0; j < i; j++)
			if (!strcmp(parameters[i].name, parameters[j].name))
				return error_set(err, -EINVAL, "argument %s is there twice", parameters[i].name);
	}
	return 0;
}

static bool copy_parameters(struct probe_request *r, const struct probe_parameter *parameters, size_t count)
{
	r->parameters = calloc(count + 1, sizeof(*r->parameters));
	if (!r->parameters)
		return false;
	for (size_t i = 0; i < count; i++) {
		struct probe_parameter *copy = &r->parameters[r->parameter_count++];

		copy->name = strdup(parameters[i].name);
		copy->expression = strdup(parameters[i].expression);
		if (!copy->name || !copy->expression)
			return false;
	}
	return true;
}

static char *call_key(const struct probe_request *r)
{
	struct buffer key;

	buffer_init(&key, 0);
	/* No symbol has a blank in it. */
	buffer_printf(&key, "%s%s%s", r->executable ? r->executable : "", r->executable ? " " : "", r->symbol);
	if (r->kind == EVENT_KERNEL_CALL_EXIT || r->kind == EVENT_USER_CALL_EXIT)
		buffer_put_string(&key, " exit");
	for (size_t i = 0; i < r->parameter_count; i++)
		buffer_printf(&key, " %s=%s", r->parameters[i].name, r->parameters[i].expression);
	if (r->filter)
		buffer_printf(&key, " if %s", r->filter);
	return (char *)buffer_take(&key, NULL);
}

static struct probe_request *request_new(enum event_kind kind)
{
	struct probe_request *r = calloc(1, sizeof(*r));

	if (r)
		*r = (struct probe_request){.references = 1, .kind = kind};
	return r;
}

static int no_memory(struct probe_request *r, struct error *err)
{
	probe_request_unref(r);
	return error_set(err, -ENOMEM, "out of memory");
}

int probe_request_new_call(struct probe_request **ret, enum event_kind kind, const char *executable, const char *symbol,
			   const struct probe_parameter *parameters, size_t parameter_count, const char *filter, struct error *err)
{
	bool of_user = kind == EVENT_USER_CALL_ENTER || kind == EVENT_USER_CALL_EXIT;
	struct probe_request *r;
	int code;

	if (!symbol || !*symbol)
		return error_set(err, -EINVAL, "no symbol is given; it must name a function");
	if (!is_word(symbol))
		return error_set(err, -EINVAL, "the symbol has a blank or a control character in it; no function has that");
	if (of_user && (!executable || !*executable))
		return error_set(err, -EINVAL, "no executable is given; it must name the program or library that has %s", symbol);
	code = check_parameters(parameters, parameter_count, err);
	if (code)
		return code;
	r = request_new(kind);
	if (!r)
		return no_memory(NULL, err);
	r->symbol = strdup(symbol);
	r->executable = of_user ? strdup(executable) : NULL;
	r->filter = filter && *filter ? strdup(filter) : NULL;
	if (!r->symbol || (of_user && !r->executable) || (filter && *filter && !r->filter) ||
	    !copy_parameters(r, parameters, parameter_count))
		return no_memory(r, err);
	r->key = call_key(r);
	if (!r->key)
		return no_memory(r, err);
	*ret = r;
	return 0;
}

static char *performance_key(const struct probe_request *r)
{
	struct buffer key;

	buffer_init(&key, 0);
	for (size_t i = 0; i < r->counter_count; i++)
		buffer_printf(&key, "%s%" PRIu32 ":0x%" PRIx64, i ? "," : "", r->counters[i].type, r->counters[i].config);
	buffer_printf(&key, " %s %" PRIu64, r->by_frequency ? "frequency" : "period", r->rate);
	return (char *)buffer_take(&key, NULL);
}

int probe_request_new_performance(struct probe_request **ret, const struct perf_counter *counters, size_t counter_count, bool by_frequency,
				  uint64_t rate, struct error *err)
{
	struct probe_request *r;

	if (!counter_count)
		return error_set(err, -EINVAL, "no counters are given; there must be at least one");
	if (counter_count > PERF_COUNTERS_MAX)
		return error_set(err, -E2BIG, "%zu counters; at most %d are allowed", counter_count, PERF_COUNTERS_MAX);
	if (!rate)
		return error_set(err, -EINVAL, "the %s is 0; must be at least 1", by_frequency ? "frequency" : "period");
	r = request_new(EVENT_PERFORMANCE);
	if (!r)
		return no_memory(NULL, err);
	r->counters = calloc(counter_count, sizeof(*r->counters));
	if (!r->counters)
		return no_memory(r, err);
	memcpy(r->counters, counters, counter_count * sizeof(*counters));
	r->counter_count = counter_count;
	r->by_frequency = by_frequency;
	r->rate = rate;
	r->key = performance_key(r);
	if (!r->key)
		return no_memory(r, err);
	*ret = r;
	return 0;
}
