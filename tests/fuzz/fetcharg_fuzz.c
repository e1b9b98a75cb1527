#include "tracing/fetchargs.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever is taken is written as exactly one word, with that name and nothing that the kernel parts lines or arguments at, and what was
 * written means the same when it is read again. */
static void check_written(const struct fetcharg *arg, const struct fetcharg_dialect *dialect)
{
	struct fetcharg again;
	struct buffer out;
	char *text;

	buffer_init(&out, 0);
	if (fetchargs_write(&out, dialect, arch_host(), FETCHARG_KERNEL_ENTRY, arg, 1, NULL, NULL)) {
		assert(!out.length);
		buffer_done(&out);
		return;
	}
	text = (char *)buffer_take(&out, &(size_t){0});
	if (text && *text && dialect->arrays) {
		assert(!strncmp(text, arg->name, strlen(arg->name)) && text[strlen(arg->name)] == '=');
		for (const char *c = text; *c; c++)
			assert(isprint((unsigned char)*c) && *c != ' ' && *c != '#' && *c != ';');
		assert(!fetcharg_parse(&again, arg->name, text + strlen(arg->name) + 1, NULL, NULL));
		assert(again.base == arg->base && again.deref_count == arg->deref_count && again.array_count == arg->array_count);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct fetcharg_dialect oldest;
	struct error err = {0};
	struct fetcharg arg;
	struct fetcharg_mistake mistake;
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	if (fetcharg_parse(&arg, "name", text, &mistake, &err)) {
		assert(*err.message && *mistake.sentence && mistake.position <= strlen("name=") + strlen(text));
	} else {
		check_written(&arg, &fetcharg_dialect_full);
		check_written(&arg, &oldest);
	}
	free(text);
	return 0;
}
