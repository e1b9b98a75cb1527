#include "container/container_fact.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

struct container_fact *container_fact_new(const char *id, enum container_source source)
{
	struct container_fact *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	memcpy(f->id, id, strlen(id) + 1);
	f->source = source;
	f->seen_ns = clock_monotonic_ns();
	return f;
}

static void free_labels(struct container_fact *f)
{
	for (size_t i = 0; i < f->label_count; i++) {
		free(f->labels[i].key);
		free(f->labels[i].value);
	}
	free(f->labels);
}

struct container_fact *container_fact_free(struct container_fact *f)
{
	if (!f)
		return NULL;
	free(f->name);
	free(f->image_id);
	free(f->image_name);
	free(f->bundle);
	free(f->cgroup);
	free_labels(f);
	free(f->pod.namespace_name);
	free(f->pod.name);
	free(f->pod.uid);
	free(f->pod.container_name);
	free(f->docker_config);
	free(f->oci_config);
	free(f);
	return NULL;
}

struct container_fact *container_fact_free_all(struct container_fact *list)
{
	while (list) {
		struct container_fact *next = list->next;

		container_fact_free(list);
		list = next;
	}
	return NULL;
}

bool container_fact_set(char **string, const char *from, size_t length, size_t max)
{
	free(*string);
	*string = NULL;
	if (!from || !length || length > max || memchr(from, '\0', length))
		return true;
	*string = strndup(from, length);
	return *string;
}

static bool put_label(struct container_label *to, const char *key, const char *value)
{
	*to = (struct container_label){.key = strdup(key), .value = strdup(value)};
	if (to->key && to->value)
		return true;
	free(to->key);
	free(to->value);
	return false;
}

bool container_fact_add_label(struct container_fact *f, const char *key, const char *value)
{
	struct container_label *labels;

	if (f->label_count == CONTAINER_LABELS_MAX || strlen(key) > CONTAINER_STRING_MAX || strlen(value) > CONTAINER_PATH_MAX) {
		f->labels_cut = true;
		return true;
	}
	labels = realloc(f->labels, (f->label_count + 1) * sizeof(*labels));
	if (!labels)
		return false;
	f->labels = labels;
	if (!put_label(&labels[f->label_count], key, value))
		return false;
	f->label_count++;
	return true;
}

bool container_id_is_valid(const char *id)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-";
	size_t length = strspn(id, allowed);

	return length && length < CONTAINER_ID_BYTES && !id[length] && id[0] != '.';
}

const char *container_runtime_name(enum container_runtime runtime)
{
	static const char *const names[] = {
		[CONTAINER_RUNTIME_UNKNOWN] = "",      [CONTAINER_RUNTIME_DOCKER] = "docker", [CONTAINER_RUNTIME_CONTAINERD] = "containerd",
		[CONTAINER_RUNTIME_CRIO] = "cri-o",    [CONTAINER_RUNTIME_PODMAN] = "podman", [CONTAINER_RUNTIME_LXC] = "lxc",
		[CONTAINER_RUNTIME_NSPAWN] = "nspawn", [CONTAINER_RUNTIME_RUNC] = "runc",
	};

	return names[runtime];
}

const char *container_source_name(enum container_source source)
{
	static const char *const names[CONTAINER_SOURCES] = {
		[CONTAINER_SOURCE_RUNC] = "runc's state",
		[CONTAINER_SOURCE_TASK] = "containerd's tasks",
		[CONTAINER_SOURCE_CONTAINERD] = "containerd's socket",
		[CONTAINER_SOURCE_STORAGE] = "containers/storage",
		[CONTAINER_SOURCE_DOCKER_API] = "Docker's socket",
		[CONTAINER_SOURCE_DOCKER] = "Docker's files",
	};

	return names[source];
}

const char *container_state_name(enum container_state state)
{
	static const char *const names[] = {
		[CONTAINER_STATE_UNKNOWN] = "unknown",
		[CONTAINER_CREATED] = "created",
		[CONTAINER_RUNNING] = "running",
		[CONTAINER_EXITED] = "exited",
	};

	return names[state];
}
