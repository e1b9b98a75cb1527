#include "runtime/containerd_task.h"
#include "tests/fuzz/fact.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_event(const uint8_t *data, size_t size)
{
	struct containerd_event e;
	struct container_fact *f;

	if (containerd_parse_event(&e, data, size, NULL) != 1)
		return;
	assert(e.namespace_name[0] && e.time_ns >= 0 && e.exited_ns >= 0);
	f = container_fact_new(e.id, CONTAINER_SOURCE_CONTAINERD);
	containerd_task_event(f, &e);
	containerd_task_event(f, &e);
	fact_check(f);
	container_fact_free(f);
}

static void fuzz_container(const uint8_t *data, size_t size)
{
	struct container_fact *f;

	if (containerd_parse_container(&f, "moby", data, size, NULL) < 0)
		return;
	fact_check(f);
	assert(f->settings);
	container_fact_free(f);
}

static void fuzz_tasks(const uint8_t *data, size_t size)
{
	struct containerd_task *tasks;
	size_t count;

	if (containerd_parse_tasks(&tasks, &count, data, size, NULL) < 0)
		return;
	for (size_t i = 0; i < count; i++)
		assert(container_id_is_valid(tasks[i].id));
	free(tasks);
}

static void fuzz_namespaces(const uint8_t *data, size_t size)
{
	char(*names)[CONTAINERD_NAMESPACE_BYTES];
	size_t count;

	if (containerd_parse_namespaces(&names, &count, data, size, NULL) == 0)
		free(names);
}

/* The first byte says what the others are. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char digest[CONTAINER_STRING_MAX + 1];

	if (!size)
		return 0;
	switch (data[0] % 5) {
	case 0:
		fuzz_event(data + 1, size - 1);
		break;
	case 1:
		fuzz_container(data + 1, size - 1);
		break;
	case 2:
		fuzz_tasks(data + 1, size - 1);
		break;
	case 3:
		fuzz_namespaces(data + 1, size - 1);
		break;
	default:
		containerd_parse_image(digest, data + 1, size - 1, NULL);
	}
	return 0;
}
