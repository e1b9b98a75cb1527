#include "tracing/tracefs.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <tracefs.h>
#include <unistd.h>

static char mount_path[PATH_MAX];

int tracefs_open(struct error *err)
{
	char probe[PATH_MAX + 16];
	const char *path;

	if (geteuid() != 0)
		return error_set(err, -EACCES, "the tracing filesystem is root's: run as root");
	path = tracefs_tracing_dir();
	if (!path)
		return error_set(err, -ENODEV,
				 "no tracing filesystem: neither /sys/kernel/tracing nor /sys/kernel/debug/tracing can be mounted");
	snprintf(probe, sizeof(probe), "%s/events", path);
	if (access(probe, R_OK | X_OK))
		return error_set_errno(err, -errno, "%s", probe);
	snprintf(mount_path, sizeof(mount_path), "%s", path);
	return 0;
}

const char *tracefs_path(void)
{
	return mount_path;
}

/* getdelim() and not libtracefs: that reads to the first short read, and says nothing of why it failed. */
int tracefs_read_list(const char *file, char **ret, struct error *err)
{
	char path[PATH_MAX + 64];
	cleanup_fclose FILE *list = NULL;
	size_t capacity = 0;

	*ret = NULL;
	snprintf(path, sizeof(path), "%s/%s", tracefs_path(), file);
	list = fopen(path, "re");
	if (!list && errno == ENOENT)
		return 0;
	if (!list)
		return error_set_errno(err, -errno, "open %s", path);
	if (getdelim(ret, &capacity, '\0', list) >= 0)
		return 0;
	free(*ret);
	*ret = NULL;
	return ferror(list) ? error_set_errno(err, -EIO, "read %s", path) : 0;
}

int tracefs_format(struct format **ret, const char *system, const char *name, struct error *err)
{
	cleanup_free char *text = NULL;
	int size = 0;

	text = tracefs_event_file_read(NULL, system, name, "format", &size);
	if (!text || size <= 0)
		return error_set(err, -ENOENT, "this kernel has no tracepoint %s:%s", system, name);
	return format_parse(ret, system, name, text, (size_t)size, err);
}

/* A filter's caret stands behind a field's name that the kernel does not know (kernel: trace_events_filter.c, parse_pred()). */
static void step_back(struct error_log_entry *entry, const char *command)
{
	if (!entry->has_position || strcmp(entry->reason, "Field not found") != 0)
		return;
	while (entry->position && isspace((unsigned char)command[entry->position - 1]))
		entry->position--;
	while (entry->position && (isalnum((unsigned char)command[entry->position - 1]) || command[entry->position - 1] == '_'))
		entry->position--;
}

static void explain_from(const char *log, const char *command, struct error *err)
{
	struct error_log_entry entry;
	size_t length = strlen(err->message);

	if (!error_log_find(&entry, log, command))
		return;
	step_back(&entry, command);
	if (entry.has_position && command[entry.position])
		snprintf(err->message + length, sizeof(err->message) - length, ": %s, at \"%s\"", entry.reason, command + entry.position);
	else
		snprintf(err->message + length, sizeof(err->message) - length, ": %s", entry.reason);
}

bool tracefs_reason(struct error_log_entry *ret, const char *command)
{
	cleanup_free char *log = tracefs_error_all(NULL);

	return log && error_log_find(ret, log, command);
}

void tracefs_explain(const char *command, struct error *err)
{
	cleanup_free char *log = err ? tracefs_error_all(NULL) : NULL;

	if (log)
		explain_from(log, command, err);
}

#define INSTANCE_PREFIX "ringside_filter_"

void tracefs_explain_filter(const char *system, const char *name, const char *filter, struct error *err)
{
	cleanup_free char *log = NULL;
	struct tracefs_instance *instance;
	char instance_name[64];

	if (!err)
		return;
	snprintf(instance_name, sizeof(instance_name), INSTANCE_PREFIX "%d", (int)getpid());
	instance = tracefs_instance_create(instance_name);
	if (!instance)
		return;
	if (tracefs_event_file_write(instance, system, name, "filter", filter) < 0)
		log = tracefs_error_all(instance);
	if (log)
		explain_from(log, filter, err);
	tracefs_instance_destroy(instance);
	tracefs_instance_free(instance);
}

static int sweep_instance(const char *name, void *context)
{
	struct tracefs_instance *instance;
	long pid;

	(void)context;
	if (strncmp(name, INSTANCE_PREFIX, strlen(INSTANCE_PREFIX)) != 0)
		return 0;
	pid = strtol(name + strlen(INSTANCE_PREFIX), NULL, 10);
	if (pid <= 0 || pid == getpid() || !kill((pid_t)pid, 0) || errno != ESRCH)
		return 0;
	instance = tracefs_instance_create(name);
	if (!instance)
		return 0;
	tracefs_instance_destroy(instance);
	tracefs_instance_free(instance);
	return 0;
}

void tracefs_sweep(void)
{
	tracefs_instances_walk(sweep_instance, NULL);
}
