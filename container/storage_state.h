#ifndef CONTAINER_STORAGE_STATE_H
#define CONTAINER_STORAGE_STATE_H

#include "container/container_fact.h"
#include "container/state_file.h"

/*
 * What Podman and CRI-O (containers/storage) keep of containers: per driver ("overlay", "vfs") a list ROOT/DRIVER-containers/containers.json and
 * volatile-containers.json, and one of images, ROOT/DRIVER-images/images.json; all of them are written to a file of another name and renamed into
 * place. The bundle's config.json is ROOT/DRIVER-containers/ID/userdata/config.json: by Podman made anew at each start, not renamed into place but
 * written there, by CRI-O once.
 *
 * It does not say whether a container runs, and the facts do not: runc or crun keep that (runc_state.h). Without a bundle (`bundle` is NULL) it was never
 * started. Names of containers are here, and change here: `settings` is of names,
 * image and metadata. Buildah's working containers stand in the same lists; they have no runtime.
 *
 * Any thread.
 */

#define STORAGE_STATE_CONTAINERS_MAX 16384              /* of one list; more are left out */
#define STORAGE_STATE_BUNDLES_MAX    ((size_t)64 << 20) /* bytes of config.json; when there have been so many, no more bundles are read */

/* The contents of containers.json (or volatile-containers.json) and images.json, which may be NULL: facts of CONTAINER_SOURCE_STORAGE, a list that
 * the caller frees, NULL if there are none. Elements that make no sense are left out. -EINVAL: no JSON array; -ENOMEM. */
int storage_state_parse(struct container_fact **ret, const char *containers, size_t size, const char *images, size_t images_size);

/* Reads all of one root and driver, bundles included: some 100 us for each that has one. 0: *ret is the caller's; NULL: there are none. -ENOENT: there is
 * no such list; -EINVAL: it makes no sense; others like state_file_read(). */
int storage_state_read(struct container_fact **ret, const char *root, const char *driver);

/* Reads that of one container, of whichever driver. -ENOENT: there is none; -EINVAL: the id cannot be one. */
int storage_state_read_one(struct container_fact **ret, const char *root, const char *id);

/* Tells of the drivers that have a ROOT/DRIVER-containers: how many, or -errno. */
int storage_state_drivers(const char *root, void (*fn)(void *context, const char *driver), void *context);

#endif
