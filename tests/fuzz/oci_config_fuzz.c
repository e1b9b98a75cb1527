#include "container/oci_config.h"
#include "tests/fuzz/fact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct container_fact *f = container_fact_new("web", CONTAINER_SOURCE_TASK);

	if (f && !oci_config_parse(f, (const char *)data, size))
		fact_check(f);
	container_fact_free(f);
	return 0;
}
