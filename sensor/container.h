#ifndef SENSOR_CONTAINER_H
#define SENSOR_CONTAINER_H

#include "sensor/container_path.h"
#include "sensor/event.h"

#define CONTAINER_TEXT_BYTES 1024 /* all strings of a container together are not longer */

/*
 * A container: what the processes in it have in common (struct process, `container`).
 *
 * Its id is known from the moment a process is in it; the rest comes from its runtime, and may come later or never (container_table.h). All
 * strings are also NUL-terminated, and empty while they are not known; they belong to the container and are valid until its revision changes,
 * which happens between two events only.
 *
 * The loop thread.
 */
struct container {
	struct event_string id;         /* 64 hexadecimal digits; of LXC and systemd-nspawn the name */
	struct event_string name;       /* as the runtime has it: Docker's begin with a slash, "/web" */
	struct event_string image_id;   /* hexadecimal digits, without "sha256:" */
	struct event_string image_name; /* as whoever started it wrote it: "nginx", "registry:5000/team/app:1.2", "sha256:..." */
	enum container_runtime runtime;
	/* Changes with any of the strings. Never 0, and never one that this container or another one had before: what was concluded from the
	 * strings can be kept by this number alone. */
	uint64_t revision;
	uint32_t references;
};

/* Takes NULL; returns its argument. */
struct container *container_ref(struct container *c);
/* Takes NULL; returns NULL. Without a reference it leaves its table and is freed. */
struct container *container_unref(struct container *c);

#endif
