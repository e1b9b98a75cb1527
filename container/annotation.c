#include "container/annotation.h"

#include <stddef.h>
#include <string.h>

static const char *find(const struct container_fact *f, const char *key)
{
	for (size_t i = 0; i < f->label_count; i++)
		if (!strcmp(f->labels[i].key, key))
			return f->labels[i].value;
	return NULL;
}

static bool has_prefix(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

/* For the same string, the first row whose annotation is there is taken. */
static const struct annotation {
	const char *key;
	size_t offset;
} strings[] = {
	{"io.kubernetes.cri.sandbox-namespace", offsetof(struct container_fact, pod.namespace_name)},
	{"io.kubernetes.pod.namespace", offsetof(struct container_fact, pod.namespace_name)},
	{"io.kubernetes.cri-o.Namespace", offsetof(struct container_fact, pod.namespace_name)},
	{"io.kubernetes.cri.sandbox-name", offsetof(struct container_fact, pod.name)},
	{"io.kubernetes.pod.name", offsetof(struct container_fact, pod.name)},
	{"io.kubernetes.cri-o.KubeName", offsetof(struct container_fact, pod.name)},
	{"io.kubernetes.cri.sandbox-uid", offsetof(struct container_fact, pod.uid)},
	{"io.kubernetes.pod.uid", offsetof(struct container_fact, pod.uid)},
	{"io.kubernetes.cri.container-name", offsetof(struct container_fact, pod.container_name)},
	{"io.kubernetes.container.name", offsetof(struct container_fact, pod.container_name)},
	{"nerdctl/name", offsetof(struct container_fact, name)},
	{"io.kubernetes.cri.container-name", offsetof(struct container_fact, name)},
	{"io.kubernetes.cri-o.ContainerName", offsetof(struct container_fact, name)},
	{"io.kubernetes.cri-o.Name", offsetof(struct container_fact, name)},
	{"io.kubernetes.cri.image-name", offsetof(struct container_fact, image_name)},
	{"io.kubernetes.cri-o.ImageName", offsetof(struct container_fact, image_name)},
	{"org.opencontainers.image.ref.name", offsetof(struct container_fact, image_name)},
};

static bool set_missing(struct container_fact *f, size_t offset, const char *value)
{
	char **string = (char **)((char *)f + offset);

	return *string || !value || container_fact_set(string, value, strlen(value), CONTAINER_STRING_MAX);
}

/* CRI-O has had ids, names and digests under these keys, by version: an id is told by its looks, and a digest is like an id only behind "@". */
static bool set_image(struct container_fact *f)
{
	static const char *const keys[] = {"io.kubernetes.cri-o.Image", "io.kubernetes.cri-o.ImageRef"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *value = find(f, keys[i]);
		bool is_id;

		if (!value)
			continue;
		if (has_prefix(value, "sha256:"))
			value += strlen("sha256:");
		is_id = container_id_is_hexadecimal(value);
		if (!set_missing(f, is_id ? offsetof(struct container_fact, image_id) : offsetof(struct container_fact, image_name), value))
			return false;
	}
	return true;
}

static bool is_sandbox(const struct container_fact *f)
{
	static const struct {
		const char *key, *value;
	} marks[] = {
		{"io.kubernetes.cri.container-type", "sandbox"},
		{"io.kubernetes.cri-o.ContainerType", "sandbox"},
		{"io.kubernetes.docker.type", "podsandbox"},
	};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		const char *value = find(f, marks[i].key);

		if (value && !strcmp(value, marks[i].value))
			return true;
	}
	return false;
}

static enum container_runtime find_runtime(const struct container_fact *f)
{
	static const struct {
		const char *prefix;
		enum container_runtime runtime;
	} prefixes[] = {
		{"io.kubernetes.cri.", CONTAINER_RUNTIME_CONTAINERD},
		{"nerdctl/", CONTAINER_RUNTIME_CONTAINERD},
		{"io.kubernetes.cri-o.", CONTAINER_RUNTIME_CRIO},
	};
	/* Podman's containers have some of CRI-O's annotations as well. */
	const char *manager = find(f, "io.container.manager");

	if (manager && !strcmp(manager, "libpod"))
		return CONTAINER_RUNTIME_PODMAN;
	if (manager && !strcmp(manager, "cri-o"))
		return CONTAINER_RUNTIME_CRIO;
	for (size_t i = 0; i < f->label_count; i++)
		for (size_t j = 0; j < sizeof(prefixes) / sizeof(prefixes[0]); j++)
			if (has_prefix(f->labels[i].key, prefixes[j].prefix))
				return prefixes[j].runtime;
	return CONTAINER_RUNTIME_UNKNOWN;
}

bool annotation_apply(struct container_fact *f)
{
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		if (!set_missing(f, strings[i].offset, find(f, strings[i].key)))
			return false;
	if (!set_image(f))
		return false;
	f->pod.sandbox = f->pod.sandbox || is_sandbox(f);
	if (f->runtime == CONTAINER_RUNTIME_UNKNOWN)
		f->runtime = find_runtime(f);
	return true;
}
