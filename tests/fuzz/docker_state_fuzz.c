#include "container/docker_state.h"
#include "tests/fuzz/fact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ID "4f57c1af3f04fb5c9ef1734e1c399865d1d9e2b7a0c84f6f2a5c1b3e7d90aa01"

/* The two files, with a NUL between them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *nul = memchr(text, '\0', size);
	size_t length = nul ? (size_t)(nul - text) : size;
	struct container_fact *f;

	if (!docker_state_parse(&f, ID, text, length, nul ? nul + 1 : NULL, nul ? size - length - 1 : 0))
		fact_check(f);
	container_fact_free(f);
	if (!docker_state_parse_inspect(&f, text, size))
		fact_check(f);
	container_fact_free(f);
	return 0;
}
