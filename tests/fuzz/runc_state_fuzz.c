#include "container/runc_state.h"
#include "tests/fuzz/fact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As runc's and as crun's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct container_fact *f;

	if (!runc_state_parse(&f, "two", text, size))
		fact_check(f);
	container_fact_free(f);
	if (!runc_state_parse_crun(&f, "two", text, size))
		fact_check(f);
	container_fact_free(f);
	return 0;
}
