#include "runtime/docker_event.h"
#include "tests/fuzz/fact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A line of Docker's events, and what becomes of a container by it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct docker_event e;
	struct container_fact *f;

	if (docker_event_parse(&e, (const char *)data, size) != 1)
		return 0;
	assert(e.time_ns >= 0 && e.exit_code >= 0);
	f = container_fact_new(e.id, CONTAINER_SOURCE_DOCKER_API);
	docker_event_apply(&e, f);
	docker_event_apply(&e, f);
	fact_check(f);
	container_fact_free(f);
	return 0;
}
