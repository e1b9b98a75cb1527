#include "tests/sensor/docker_tree.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

void docker_tree_init(struct docker_tree *t)
{
	char path[128];

	(void)snprintf(t->path, sizeof(t->path), "/tmp/docker_tree.XXXXXX");
	cr_assert_not_null(mkdtemp(t->path));
	(void)snprintf(path, sizeof(path), "%s/containers", t->path);
	cr_assert_eq(mkdir(path, 0700), 0);
}

void docker_tree_done(struct docker_tree *t)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -rf %s", t->path);
	cr_assert_eq(system(command), 0);
}

void docker_tree_write(struct docker_tree *t, const char *id, const char *text)
{
	char path[256], temporary[256];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/containers/%s", t->path, id);
	(void)mkdir(path, 0700);
	(void)snprintf(temporary, sizeof(temporary), "%s/containers/%s/.tmp-config", t->path, id);
	(void)snprintf(path, sizeof(path), "%s/containers/%s/config.v2.json", t->path, id);
	/* Whole or not at all, as Docker does. */
	file = fopen(temporary, "w");
	cr_assert_not_null(file, "%s", temporary);
	cr_assert(fputs(text, file) >= 0);
	cr_assert_eq(fclose(file), 0);
	cr_assert_eq(rename(temporary, path), 0);
}

void docker_tree_put(struct docker_tree *t, const char *id, const char *name, const char *image_id, const char *image_name)
{
	char text[2048];

	(void)snprintf(text, sizeof(text),
		       "{\"StreamConfig\":{},\"State\":{\"Running\":true,\"Pid\":4000},\"ID\":\"%s\",\"Created\":\"2024-05-01T10:00:00Z\","
		       "\"Path\":\"sleep\",\"Args\":[\"60\"],\"Config\":{\"Hostname\":\"%.12s\",\"Env\":[\"PATH=/bin\"],"
		       "\"Image\":\"%s\",\"Labels\":{}},\"Image\":\"%s\",\"Name\":\"%s\",\"Driver\":\"overlay2\"}\n",
		       id, id, image_name, image_id, name);
	docker_tree_write(t, id, text);
}
