#include "tracing/error_log.h"
#include "tracing/probe_list.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(const struct probe_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct probe_entry *entry = &list->entries[i];

		assert(strlen(entry->group) && entry->name && entry->place && entry->kind < PROBE_KIND_COUNT);
		for (size_t k = 0; k < entry->argument_count; k++)
			assert(strlen(entry->arguments[k].name) + strlen(entry->arguments[k].expression) < SIZE_MAX);
	}
}

/* The lists and profiles of tracefs, and its error log. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error_log_entry entry;
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	for (enum probe_file file = PROBE_FILE_KPROBES; file <= PROBE_FILE_DYNAMIC; file++) {
		bool is_user = file == PROBE_FILE_UPROBES;
		struct probe_list list = {0};
		struct probe_profile profile;

		if (!probe_list_parse(&list, text, file) && !probe_profile_parse(&profile, text, is_user)) {
			probe_list_count(&list, &profile, is_user);
			probe_profile_done(&profile);
		}
		read_all(&list);
		probe_list_done(&list);
	}
	if (error_log_find(&entry, text, "p:a/b c"))
		assert(entry.position <= strlen("p:a/b c"));
	free(text);
	return 0;
}
