#ifndef CONTAINER_ANNOTATION_H
#define CONTAINER_ANNOTATION_H

#include "container/container_fact.h"

/*
 * What container managers write into a container's annotations or labels about it, under names of their own:
 *
 *	io.kubernetes.cri.*       containerd's CRI plugin (pkg/cri/annotations)
 *	io.kubernetes.cri-o.*     CRI-O, and a few of them Podman (pkg/annotations)
 *	io.kubernetes.{pod,container,docker}.*   kubelet, as labels: Docker (dockershim) and CRI-O keep them
 *	io.container.manager      "cri-o", "libpod"
 *	nerdctl/name              nerdctl
 *	org.opencontainers.image.ref.name
 *
 * Any thread.
 */

/* Reads the fact's labels and sets what it does not have yet: pod, name, image, runtime (if that is CONTAINER_RUNTIME_UNKNOWN). False: out of memory. */
bool annotation_apply(struct container_fact *f);

#endif
