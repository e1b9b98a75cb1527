#ifndef CONTAINER_CONTAINER_PATH_H
#define CONTAINER_CONTAINER_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Which container a task is in, by the paths of its cgroups (man 7 cgroups). The kernel knows no containers: what makes a cgroup one is how
 * container runtimes name the groups that they make, and this is the table of those names.
 *
 *	/docker/ID, /any/parent/ID                            Docker and others with the cgroupfs driver
 *	/system.slice/docker-ID.scope                         Docker with the systemd driver
 *	/kubepods/burstable/podUID/ID                         Kubernetes with the cgroupfs driver
 *	.../kubepods-podUID.slice/cri-containerd-ID.scope     containerd
 *	.../kubepods-podUID.slice/crio-ID.scope, .../crio-ID  CRI-O
 *	/machine.slice/libpod-ID.scope, /libpod_parent/libpod-ID, .../libpod-payload-ID   Podman
 *	SLICE:RUNTIME:ID                                      runc's cgroupfs driver with a path for its systemd driver
 *	/lxc.payload.NAME, /lxc.payload/NAME, /lxc/NAME       LXC
 *	/machine.slice/machine-NAME.scope/payload, .../systemd-nspawn@NAME.service/payload   systemd-nspawn
 *
 * ID is 64 hexadecimal digits in lower case; LXC and systemd-nspawn have no ids, there the name is the id. Whatever is below such a group
 * belongs to the container. A container in a container is the one that its processes are in: the innermost wins.
 *
 * Not containers: what a runtime runs beside one on the host (libpod-conmon-ID.scope, crio-conmon-ID.scope, lxc.monitor.NAME, the .service of
 * a health check that is named by an ID), pods and slices without a container in the path, and virtual machines (machine-qemu...scope).
 */

#define CONTAINER_ID_BYTES 129 /* the longest id and its NUL; longer names are no ids */

enum container_runtime {
	CONTAINER_RUNTIME_UNKNOWN, /* the path has an id and does not say whose */
	CONTAINER_RUNTIME_DOCKER,
	CONTAINER_RUNTIME_CONTAINERD,
	CONTAINER_RUNTIME_CRIO,
	CONTAINER_RUNTIME_PODMAN,
	CONTAINER_RUNTIME_LXC,
	CONTAINER_RUNTIME_NSPAWN,
	CONTAINER_RUNTIME_RUNC, /* runc or crun by themselves; no path says so, their state does (container_lookup.h) */
};

struct container_path {
	char id[CONTAINER_ID_BYTES]; /* NUL-terminated, never empty */
	enum container_runtime runtime;
	unsigned int depth;   /* how many containers the path leads through, this one included */
	uint64_t hierarchies; /* CONTAINER_HIERARCHY_BIT() of those that say so; of a single path 0 */
};

/* Hierarchies by the numbers that the kernel gives them: the first field in /proc/PID/cgroup, `dst_root` in tracepoints; 0 is cgroup v2. There are a
 * dozen at most at a time, but their numbers go on when they are unmounted and mounted again. */
#define CONTAINER_HIERARCHY_BIT(number) (UINT64_C(1) << ((number) % 64))

/* One cgroup path, as tracepoints and the third field of /proc/PID/cgroup have it: from the hierarchy's root or, for a reader in a cgroup
 * namespace, from that ("/../ID"). False: no container; *ret means nothing then. */
bool container_path_parse(const char *path, size_t length, struct container_path *ret);

/* Who knows cgroups that are not named by an id (container_lookup.h). */
typedef bool (*container_path_resolve_fn)(void *context, const char *path, size_t length, struct container_path *ret);

/* The content of /proc/PID/cgroup: a line per hierarchy, "4:memory:/docker/ID" or "0::/...". Hierarchies can differ, while a task is being moved
 * or because a runtime leaves some of them alone: the one that leads through the most containers is believed, the first of those that lead
 * through as many. A line without its end is not looked at. `resolve` (may be NULL) is asked for paths that say nothing by themselves. */
bool container_path_parse_file(const char *text, size_t size, container_path_resolve_fn resolve, void *context, struct container_path *ret);

#endif
