#ifndef TESTS_CONTAINER_STATE_TREE_H
#define TESTS_CONTAINER_STATE_TREE_H

#include <stddef.h>

/* A directory of its own that looks like some runtime's: tests say what is in it. Directories on the way are made. */
struct state_tree {
	char path[64];
};

void state_tree_init(struct state_tree *t);
void state_tree_done(struct state_tree *t);

void state_tree_write(struct state_tree *t, const char *name, const char *text);
void state_tree_write_bytes(struct state_tree *t, const char *name, const char *bytes, size_t size);
void state_tree_directory(struct state_tree *t, const char *name);
void state_tree_fifo(struct state_tree *t, const char *name);
void state_tree_link(struct state_tree *t, const char *name, const char *target);
void state_tree_remove(struct state_tree *t, const char *name);
/* A file of tests/data/containers/. */
void state_tree_copy(struct state_tree *t, const char *name, const char *fixture);
/* Gives the tree's root to nobody, if that can be done; else it is somebody's anyway. */
void state_tree_give_away(struct state_tree *t);

/* The content of a file of tests/data/containers/, with a NUL behind it; to be freed. */
char *fixture_read(const char *fixture, size_t *ret_size);

#define FIXTURES TEST_DATA "/containers"

#endif
