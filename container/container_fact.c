#include "container/container_fact.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* All strings but the raw JSON, which alone can be long. */
#define STRINGS X(name) X(image_id) X(image_name) X(bundle) X(cgroup) X(pod.namespace_name) X(pod.name) X(pod.uid) X(pod.container_name)

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
#define X(member) free(f->member);
	STRINGS
#undef X
	free_labels(f);
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

void container_fact_set_seen(struct container_fact *list, uint64_t seen_ns)
{
	for (; list; list = list->next)
		list->seen_ns = seen_ns;
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

static bool copy_strings(struct container_fact *to, const struct container_fact *from)
{
	bool copied = true;

#define X(member)                                                \
	to->member = from->member ? strdup(from->member) : NULL; \
	copied = copied && (to->member || !from->member);
	STRINGS
#undef X
	for (size_t i = 0; i < from->label_count && copied; i++)
		copied = container_fact_add_label(to, from->labels[i].key, from->labels[i].value);
	return copied;
}

struct container_fact *container_fact_copy(const struct container_fact *f)
{
	struct container_fact *copy = container_fact_new(f->id, f->source);
	uint64_t seen_ns;

	if (!copy)
		return NULL;
	seen_ns = copy->seen_ns;
	*copy = *f;
	copy->seen_ns = seen_ns;
	copy->put_ns = 0;
	copy->next = NULL;
	copy->gone = copy->bare = copy->listed = false;
	copy->labels = NULL;
	copy->label_count = 0;
	copy->docker_config = copy->oci_config = NULL;
	return copy_strings(copy, f) ? copy : container_fact_free(copy);
}

static void add_number(uint64_t *digest, uint64_t number)
{
	*digest = XXH3_64bits_withSeed(&number, sizeof(number), *digest);
}

/* With its end, so that "ab" and "c" is not "a" and "bc"; a string that is not known differs from an empty one. */
static void add_string(uint64_t *digest, const char *string)
{
	const char *bytes = string ? string : "\xff";

	*digest = XXH3_64bits_withSeed(bytes, string ? strlen(string) + 1 : 1, *digest);
}

static void add_labels(uint64_t *digest, const struct container_fact *f)
{
	for (size_t i = 0; i < f->label_count; i++) {
		add_string(digest, f->labels[i].key);
		add_string(digest, f->labels[i].value);
	}
}

uint64_t container_fact_digest(const struct container_fact *f)
{
	uint64_t digest = 0;

	add_number(&digest, f->runtime);
#define X(member) add_string(&digest, f->member);
	STRINGS
#undef X
	add_labels(&digest, f);
	add_string(&digest, f->docker_config);
	add_string(&digest, f->oci_config);
	add_number(&digest, f->label_count);
	add_number(&digest, f->labels_cut);
	add_number(&digest, f->pod.sandbox);
	add_number(&digest, (uint64_t)f->created_ns);
	add_number(&digest, (uint64_t)f->started_ns);
	add_number(&digest, (uint64_t)f->finished_ns);
	add_number(&digest, f->state);
	add_number(&digest, f->init_pid);
	add_number(&digest, f->has_exit_code);
	add_number(&digest, (uint64_t)f->exit_code);
	add_number(&digest, f->oom_killed);
	add_number(&digest, f->settings);
	return digest ? digest : 1;
}

uint64_t container_fact_digest_settings(const struct container_fact *f)
{
	uint64_t digest = 0;

	add_string(&digest, f->name);
	add_string(&digest, f->image_name);
	add_labels(&digest, f);
	return digest ? digest : 1;
}

bool container_id_is_valid(const char *id)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-";
	size_t length = strspn(id, allowed);

	return length && length < CONTAINER_ID_BYTES && !id[length] && id[0] != '.';
}

#define HEXADECIMAL_DIGITS 64

bool container_id_is_hexadecimal(const char *id)
{
	return strspn(id, "0123456789abcdef") == HEXADECIMAL_DIGITS && !id[HEXADECIMAL_DIGITS];
}

enum container_runtime container_runtime_of_namespace(const char *namespace_name)
{
	return strcmp(namespace_name, "moby") ? CONTAINER_RUNTIME_CONTAINERD : CONTAINER_RUNTIME_DOCKER;
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
