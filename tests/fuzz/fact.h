#ifndef TESTS_FUZZ_FACT_H
#define TESTS_FUZZ_FACT_H

#include "container/container_fact.h"

#include <assert.h>
#include <string.h>

/* What container_fact.h promises of every fact. */

static inline void fact_check_string(const char *string, size_t max)
{
	assert(!string || (*string && strlen(string) <= max));
}

static inline void fact_check(const struct container_fact *f)
{
	assert(container_id_is_valid(f->id));
	fact_check_string(f->name, CONTAINER_STRING_MAX);
	fact_check_string(f->image_id, CONTAINER_STRING_MAX);
	fact_check_string(f->image_name, CONTAINER_STRING_MAX);
	fact_check_string(f->bundle, CONTAINER_PATH_MAX);
	fact_check_string(f->cgroup, CONTAINER_PATH_MAX);
	fact_check_string(f->pod.namespace_name, CONTAINER_STRING_MAX);
	fact_check_string(f->pod.name, CONTAINER_STRING_MAX);
	fact_check_string(f->pod.uid, CONTAINER_STRING_MAX);
	fact_check_string(f->pod.container_name, CONTAINER_STRING_MAX);
	fact_check_string(f->docker_config, CONTAINER_JSON_MAX);
	fact_check_string(f->oci_config, CONTAINER_JSON_MAX);
	assert(f->label_count <= CONTAINER_LABELS_MAX);
	for (size_t i = 0; i < f->label_count; i++)
		assert(strlen(f->labels[i].key) <= CONTAINER_STRING_MAX && strlen(f->labels[i].value) <= CONTAINER_PATH_MAX);
	assert(f->created_ns >= 0 && f->started_ns >= 0 && f->finished_ns >= 0);
	assert(f->init_pid <= INT32_MAX);
}

#endif
