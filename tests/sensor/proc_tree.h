#ifndef TESTS_SENSOR_PROC_TREE_H
#define TESTS_SENSOR_PROC_TREE_H

#include <stdint.h>

/* A directory that looks like /proc to the process cache: tests say who is in it. */
struct proc_tree {
	char path[64];
};

#define PROC_TREE_BOOT "5f0c2a7e91d04b3c"

struct proc_tree_process {
	uint32_t pid;
	const char *comm;
	uint32_t parent;
	uint64_t start_tick;
	uint32_t threads; /* the main one and tids from pid + 1 on; 0: 1 */
	char state;       /* 0: 'S' */
	uint32_t flags;
};

void proc_tree_init(struct proc_tree *t);
void proc_tree_done(struct proc_tree *t);
/* Adds a process, or changes it. */
void proc_tree_put(struct proc_tree *t, const struct proc_tree_process *p);
void proc_tree_remove(struct proc_tree *t, uint32_t pid);
/* A file with any content. */
void proc_tree_write(struct proc_tree *t, const char *path, const char *text);

#endif
