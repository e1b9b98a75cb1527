#include "sensor/function_names.h"

#include "sensor/capture.h"
#include "tracing/kernel_symbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct kernel_symbol_request *find(const struct function_names *n, const char *name)
{
	for (size_t i = 0; i < n->count; i++)
		if (!strcmp(n->requests[i].name, name))
			return &n->requests[i];
	return NULL;
}

static int add(struct function_names *n, const char *name)
{
	struct kernel_symbol_request *requests;

	if (find(n, name))
		return 0;
	requests = reallocarray(n->requests, n->count + 1, sizeof(*requests));
	if (!requests)
		return error_set(&n->err, -ENOMEM, "out of memory");
	n->requests = requests;
	requests[n->count++] = (struct kernel_symbol_request){.name = name, .is_brief = true};
	return 0;
}

static int add_candidate(struct function_names *n, const struct source_candidate *candidate)
{
	int code = 0;

	for (size_t i = 0; !code && candidate->probes[i]; i++)
		if (candidate->probes[i]->type != SOURCE_TRACEPOINT)
			code = add(n, candidate->probes[i]->name);
	return code;
}

static void look_up(struct function_names *n)
{
	const struct source_capture *source;
	int code = 0;

	for (size_t i = 0; (source = capture_of_source(i)); i++)
		for (size_t j = 0; !code && j < source->candidate_count; j++)
			code = add_candidate(n, &source->candidates[j]);
	if (!code)
		(void)kernel_symbols_find(NULL, n->requests, n->count, &n->err);
}

const char *function_names_find(struct function_names *n, const char *name, struct error *err)
{
	const struct kernel_symbol_request *request;

	if (!function_names_are_known(n))
		look_up(n);
	request = find(n, name);
	if (n->err.code || !request) {
		error_set(err, -ENODATA, "%s: %s", name, n->err.code ? n->err.message : "in none of the tables");
		return NULL;
	}
	if (request->err.code == -ENOENT) {
		error_set(err, -ENOENT, "this kernel has no function %s", name);
		return NULL;
	}
	return request->symbol.name;
}

void function_names_done(struct function_names *n)
{
	free(n->requests);
	*n = (struct function_names){0};
}
