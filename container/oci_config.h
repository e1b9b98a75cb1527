#ifndef CONTAINER_OCI_CONFIG_H
#define CONTAINER_OCI_CONFIG_H

#include "container/container_fact.h"
#include "container/state_file.h"

/*
 * config.json of a bundle (github.com/opencontainers/runtime-spec, config.md): what a runtime was told to run. It says nothing of the state. What
 * Kubernetes' runtimes know stands in its annotations, under names of their own.
 *
 * Any thread.
 */

/* The content of a config.json: adds to the fact what is said in it and the fact does not have yet: labels (the annotations), pod, name, image, cgroup
 * ("linux"."cgroupsPath"), and whose container it is; and the text itself as `oci_config`.
 * 0; -EINVAL: no JSON object, the fact is as it was; -ENOMEM: it may have a part of it. */
int oci_config_parse(struct container_fact *f, const char *json, size_t size);

/* Reads ROOT/directory/config.json (`directory` may be "") into the fact, like oci_config_parse(). Errors also like state_file_read(). */
int oci_config_read(struct container_fact *f, const char *root, const char *directory);

#endif
