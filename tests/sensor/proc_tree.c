#include "tests/sensor/proc_tree.h"

#include "tests/support/temporary.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void remove_below(const char *path)
{
	cr_assert_eq(temporary_remove(path), 0, "%s", path);
}

static void make_parents(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0755);
		*slash = '/';
	}
}

void proc_tree_write(struct proc_tree *t, const char *path, const char *text)
{
	char full[256];
	FILE *file;

	(void)snprintf(full, sizeof(full), "%s/%s", t->path, path);
	make_parents(full);
	file = fopen(full, "w");
	cr_assert_not_null(file, "%s", full);
	cr_assert(fputs(text, file) >= 0);
	cr_assert_eq(fclose(file), 0);
}

void proc_tree_init(struct proc_tree *t)
{
	(void)snprintf(t->path, sizeof(t->path), "/tmp/proc_tree.XXXXXX");
	cr_assert_not_null(mkdtemp(t->path));
	proc_tree_write(t, "sys/kernel/random/boot_id", "5f0c2a7e-91d0-4b3c-8f11-223344556677\n");
	proc_tree_write(t, "uptime", "350735.47 234388.90\n");
}

void proc_tree_done(struct proc_tree *t)
{
	remove_below(t->path);
}

void proc_tree_put(struct proc_tree *t, const struct proc_tree_process *p)
{
	uint32_t threads = p->threads ? p->threads : 1;
	char path[64], text[256];

	(void)snprintf(path, sizeof(path), "%u/stat", p->pid);
	(void)snprintf(text, sizeof(text),
		       "%u (%s) %c %u %u %u 0 -1 %u 98 0 0 0 0 0 0 0 20 0 %u 0 %llu 3133440 379 18446744073709551615 0 0 0 0 0 0 0\n",
		       p->pid, p->comm, p->state ? p->state : 'S', p->parent, p->pid, p->pid, p->flags, threads,
		       (unsigned long long)p->start_tick);
	proc_tree_write(t, path, text);
	for (uint32_t i = 0; i < threads; i++) {
		(void)snprintf(path, sizeof(path), "%u/task/%u/stat", p->pid, p->pid + i);
		proc_tree_write(t, path, "");
	}
}

void proc_tree_remove(struct proc_tree *t, uint32_t pid)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%u", t->path, pid);
	remove_below(path);
}
