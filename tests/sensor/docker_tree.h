#ifndef TESTS_SENSOR_DOCKER_TREE_H
#define TESTS_SENSOR_DOCKER_TREE_H

/* A directory that looks like Docker's root: tests say which containers are in it. */
struct docker_tree {
	char path[64];
};

void docker_tree_init(struct docker_tree *t);
void docker_tree_done(struct docker_tree *t);

/* What Docker writes of a container, or writes anew; the image's id with "sha256:", as Docker has it. */
void docker_tree_put(struct docker_tree *t, const char *id, const char *name, const char *image_id, const char *image_name);
/* The same file with any content. */
void docker_tree_write(struct docker_tree *t, const char *id, const char *text);

#endif
