#ifndef CONTAINER_CONTAINER_FACT_H
#define CONTAINER_CONTAINER_FACT_H

#include "container/container_path.h"

/*
 * What one source knows of one container at some time: the only thing that crosses from those who look at runtimes (their files on disk,
 * their sockets) to those who keep containers. A fact is whole: it replaces what the same source told of the same container before, and what it
 * leaves out is not known to that source. Several sources can tell of the same container; whoever keeps it joins them.
 *
 * Everything in it comes from outside and has been bounded: no string is longer than CONTAINER_STRING_MAX, but the raw JSON may be CONTAINER_JSON_MAX.
 *
 * A fact is owned by one at a time and may cross threads; container_fact_free() frees it.
 */

#define CONTAINER_STRING_MAX 511               /* longer ones are left out: the beginning of a name is another name */
#define CONTAINER_PATH_MAX   4095              /* of paths (bundle, cgroup) */
#define CONTAINER_LABELS_MAX 256               /* those beyond are left out, and `labels_cut` says so */
#define CONTAINER_JSON_MAX   ((size_t)4 << 20) /* longer files are not read */

/* In the order of how much they have to say: the last one in this list that has told of a container is the one that says when it is gone. */
enum container_source {
	CONTAINER_SOURCE_RUNC,       /* state.json of runc, status of crun: there as long as there is a process, or until it is deleted */
	CONTAINER_SOURCE_TASK,       /* containerd's state on disk: a directory per task */
	CONTAINER_SOURCE_CONTAINERD, /* containerd's socket */
	CONTAINER_SOURCE_STORAGE,    /* containers/storage on disk: Podman and CRI-O */
	CONTAINER_SOURCE_DOCKER_API, /* Docker's socket */
	CONTAINER_SOURCE_DOCKER,     /* Docker's state on disk */
	CONTAINER_SOURCES,
};

enum container_state {
	CONTAINER_STATE_UNKNOWN, /* the source does not say */
	CONTAINER_CREATED,       /* there, and its program has not been started (again) */
	CONTAINER_RUNNING,       /* paused ones too */
	CONTAINER_EXITED,
};

struct container_label {
	char *key;
	char *value;
};

/* What Kubernetes calls it: from the annotations that containerd's CRI plugin, CRI-O and dockershim leave. NULL: not known. */
struct container_pod {
	char *namespace_name;
	char *name;
	char *uid;
	char *container_name;
	bool sandbox; /* the pod's own ("pause") container */
};

/* Strings are NUL-terminated and UTF-8 as it came, from malloc; NULL: not known. */
struct container_fact {
	struct container_fact *next; /* for whoever keeps them in a list */
	uint64_t put_ns;             /* CLOCK_MONOTONIC: when it was put into an inbox; what it tells of was before. 0: never */
	char id[CONTAINER_ID_BYTES];
	enum container_source source;
	enum container_runtime runtime; /* whose it is, as far as this source can say */
	bool gone;                      /* the source had it and has it no more: nothing else in the fact means anything */
	bool bare; /* the source has something of that id, and nothing could be read of it (yet): nothing else in the fact means anything */
	bool listed; /* it was there when the source was looked at for the first time */
	/* CLOCK_MONOTONIC ns, just before the source was looked at: a fact that was seen before another one of its source says nothing any more.
	 * container_fact_new() sets the time of its call; whoever reads a file sets the time before it was opened. */
	uint64_t seen_ns;

	char *name;       /* as the runtime has it: Docker's with a slash. Runtimes without names: NULL */
	char *image_id;   /* without "sha256:" */
	char *image_name; /* as it was asked for */
	char *bundle;     /* absolute: where the OCI config.json is */
	char *cgroup;     /* below a hierarchy's root, "/docker/ID": for runtimes whose cgroups are not named by ids */
	struct container_label *labels;
	size_t label_count;
	bool labels_cut;
	struct container_pod pod;

	/* CLOCK_REALTIME, ns since the epoch; 0: not known */
	int64_t created_ns;
	int64_t started_ns;  /* the last time; of the same run, every fact of a source has the same */
	int64_t finished_ns; /* the last time */

	enum container_state state;
	uint32_t init_pid; /* of its current or last run, in the host's pid namespace; 0: not known */
	bool has_exit_code;
	int32_t exit_code; /* as runtimes tell it: 0 to 255, 128 + number of the signal */
	bool oom_killed;

	/* Of what only an update changes (name, image, labels, limits of resources), not of its state; 0: not known. Compared with what the same source told. */
	uint64_t settings;

	/* The files as they are, valid JSON. NULL: there is none, or it was not to be had. */
	char *docker_config;
	char *oci_config;
};

/* All zeros but the id, the source and the time; NULL: out of memory. `id` must be shorter than CONTAINER_ID_BYTES. */
struct container_fact *container_fact_new(const char *id, enum container_source source);
/* Takes NULL; returns NULL. */
struct container_fact *container_fact_free(struct container_fact *f);
/* A whole list. Takes NULL; returns NULL. */
struct container_fact *container_fact_free_all(struct container_fact *list);

/* Says of a whole list when its source was looked at. */
void container_fact_set_seen(struct container_fact *list, uint64_t seen_ns);

/* A copy of what it says, without the raw JSON, and not listed. NULL: out of memory. */
struct container_fact *container_fact_copy(const struct container_fact *f);

/* A number that is the same when facts say the same (but for `listed`), and another one else, but for chance: XXH3, 64 bits. Not 0. */
uint64_t container_fact_digest(const struct container_fact *f);
/* The same of its name, its image's name and its labels: the `settings` of sources that have no others. */
uint64_t container_fact_digest_settings(const struct container_fact *f);

/* Replaces *string (one of the fact's) by a copy, unless it is empty or longer than `max`: NULL then. "sha256:" is for the caller to cut.
 * False: out of memory. */
bool container_fact_set(char **string, const char *from, size_t length, size_t max);
bool container_fact_add_label(struct container_fact *f, const char *key, const char *value);

/* Whether it can be an id: 1 to CONTAINER_ID_BYTES - 1 bytes of [a-zA-Z0-9_.+-], not beginning with a dot: what runtimes allow, and what can be a
 * file's name. */
bool container_id_is_valid(const char *id);

/* Whether it is 64 hexadecimal digits, as most ids of containers and images are. */
bool container_id_is_hexadecimal(const char *id);

/* Whose containers are in a namespace of containerd: "moby" is Docker's. */
enum container_runtime container_runtime_of_namespace(const char *namespace_name);

/* "docker", "containerd", ...; "" for CONTAINER_RUNTIME_UNKNOWN. */
const char *container_runtime_name(enum container_runtime runtime);
const char *container_source_name(enum container_source source);
const char *container_state_name(enum container_state state);

#endif
