#ifndef SENSOR_CONTAINER_H
#define SENSOR_CONTAINER_H

#include "container/container_fact.h"
#include "sensor/event.h"

#define CONTAINER_TEXT_BYTES 2048 /* id, name, image id and image name together are not longer */

/*
 * A container: what the processes in it have in common (struct process, `container`).
 *
 * Its id is known from the moment a process is in it, or a runtime has told of it; the rest comes from its runtime, and may come later or never
 * (container_table.h). All strings are also NUL-terminated, and empty while they are not known; they, and the arrays, belong to the container and
 * are valid until its revision changes, which happens between two events only.
 *
 * The loop thread.
 */
struct container {
	struct event_string id;         /* 64 hexadecimal digits, or the name that its runtime has for one: "web" */
	struct event_string name;       /* as the runtime has it: Docker's begin with a slash, "/web" */
	struct event_string image_id;   /* hexadecimal digits, without "sha256:" */
	struct event_string image_name; /* as whoever started it wrote it: "nginx", "registry:5000/team/app:1.2", "sha256:..." */
	enum container_runtime runtime;
	bool pending; /* nobody has told yet what it is, and somebody still may: name and image are not known */

	enum container_state state;
	uint32_t init_pid;   /* in the sensor's pid namespace, while it runs; 0: not known */
	int64_t created_ns;  /* CLOCK_REALTIME, ns since the epoch; 0: not known */
	int64_t started_ns;  /* the last time */
	int64_t finished_ns; /* the last time */
	bool has_exit_code;
	int32_t exit_code; /* of its last run: 0 to 255, 128 + number of the signal */

	struct event_string bundle; /* directory of its OCI config.json */
	const struct container_label *labels;
	size_t label_count;
	struct container_pod pod; /* strings may be NULL */
	/* The runtimes' own files, kept only while somebody wants them (container_table_keep_json()); empty else. */
	struct event_string docker_config;
	struct event_string oci_config;

	/* Changes with any of the above. Never 0, and never one that this container or another one had before: what was concluded from them can
	 * be kept by this number alone. */
	uint64_t revision;
	uint32_t references;
	uint32_t processes;            /* that are in it and have not ended; the revision does not tell of them */
	struct process_entry *members; /* all that have it as theirs; the process cache's own list */
};

/* Takes NULL; returns its argument. */
struct container *container_ref(struct container *c);
/* Takes NULL; returns NULL. Without a reference it leaves its table and is freed. */
struct container *container_unref(struct container *c);

#endif
