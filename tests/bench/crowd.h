#ifndef TESTS_BENCH_CROWD_H
#define TESTS_BENCH_CROWD_H

#include <stdint.h>

/*
 * A host with many processes, as files show it: a tree like /proc, and Docker's directory of the containers that they are in. Everything is made
 * below a directory of its own in $TMPDIR or /tmp, and the same numbers make the same host.
 *
 * Processes are in tens: a child of init's (or of the last of its `ancestors`), and nine children of that one.
 */
struct crowd_shape {
	const char *name;
	uint32_t processes;
	uint32_t containers; /* each process is in one of them, ten and ten in the same one; 0: none is in any */
	uint32_t ancestors;  /* between init and them: processes whose names make what is told of each of them longer */
};

struct crowd {
	struct crowd_shape shape;
	char path[96];
	char proc[128], docker[128];
};

#define CROWD_TEAM  10                                   /* processes together */
#define CROWD_IMAGE "registry.example.com/shop/service-" /* what the names of all images begin with */

void crowd_make(struct crowd *c, const struct crowd_shape *shape);
/* Only the containers, for processes that are made otherwise. */
void crowd_make_containers(struct crowd *c, const struct crowd_shape *shape);
void crowd_remove(struct crowd *c);

/* The tgid of the n-th. */
uint32_t crowd_tgid(uint32_t n);
/* No process has this tgid or a higher one. */
uint32_t crowd_tgid_end(const struct crowd *c);

#define CROWD_ID_BYTES 65

/* The id of the n-th container. */
void crowd_container_id(uint32_t n, char ret[CROWD_ID_BYTES]);

/* Docker's files are written anew with other names: in `generation` 0 they have those that crowd_make() has given them. */
void crowd_rename(const struct crowd *c, uint32_t generation);

#endif
