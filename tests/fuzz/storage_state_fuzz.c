#include "container/storage_state.h"
#include "tests/fuzz/fact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The lists of containers and of images, with a NUL between them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *nul = memchr(text, '\0', size);
	size_t length = nul ? (size_t)(nul - text) : size;
	struct container_fact *list;

	if (!storage_state_parse(&list, text, length, nul ? nul + 1 : NULL, nul ? size - length - 1 : 0))
		for (struct container_fact *f = list; f; f = f->next)
			fact_check(f);
	container_fact_free_all(list);
	return 0;
}
