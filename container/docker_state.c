#include "container/docker_state.h"

#include "container/annotation.h"
#include "container/state_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Of hostconfig.json, what `docker update` changes (moby: container/container_unix.go, UpdateContainer); the rest is filled in, bit by bit, while a
 * container is being made. */
static const char *const updatable[] = {
	"BlkioWeight",       "CpuPeriod",  "CpuQuota",   "CpuRealtimePeriod", "CpuRealtimeRuntime",
	"CpuShares",         "CpusetCpus", "CpusetMems", "KernelMemory",      "Memory",
	"MemoryReservation", "MemorySwap", "NanoCpus",   "PidsLimit",         "RestartPolicy",
};

static uint64_t hash_settings(const json_t *config, const json_t *host_config)
{
	struct state_json_hash *h;

	if (!host_config)
		return 0;
	h = state_json_hash_new();
	state_json_hash_add(h, json_object_get(config, "Name"));
	state_json_hash_add(h, json_object_get(config, "Image"));
	state_json_hash_add(h, json_object_get(config, "Config"));
	for (size_t i = 0; i < sizeof(updatable) / sizeof(updatable[0]); i++)
		state_json_hash_add(h, json_object_get(host_config, updatable[i]));
	return state_json_hash_end(h);
}

static bool is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

static void take_state(struct container_fact *f, const json_t *state)
{
	f->started_ns = state_json_time_ns(state, "StartedAt");
	f->finished_ns = state_json_time_ns(state, "FinishedAt");
	f->oom_killed = is_true(state, "OOMKilled");
	if (!json_is_object(state))
		return;
	/* One that waits to be started again by its restart policy is "Running" to Docker, without a process. */
	if (is_true(state, "Running") && !is_true(state, "Restarting")) {
		f->state = CONTAINER_RUNNING;
		f->init_pid = (uint32_t)state_json_number(state, "Pid", INT32_MAX);
	} else if (f->started_ns) {
		f->state = CONTAINER_EXITED;
		f->has_exit_code = json_is_integer(json_object_get(state, "ExitCode"));
		f->exit_code = (int32_t)state_json_number(state, "ExitCode", INT32_MAX);
	} else {
		f->state = CONTAINER_CREATED;
	}
}

/* config.v2.json, and the answer of the API, which differ in the spelling of the id only. */
static int fill(struct container_fact *f, const json_t *config, const json_t *host_config)
{
	const json_t *own = json_object_get(config, "Config");

	f->runtime = CONTAINER_RUNTIME_DOCKER;
	f->created_ns = state_json_time_ns(config, "Created");
	take_state(f, json_object_get(config, "State"));
	f->settings = hash_settings(config, host_config);
	if (!state_json_string(&f->name, config, "Name", CONTAINER_STRING_MAX) || !state_json_image_id(&f->image_id, config, "Image") ||
	    !state_json_string(&f->image_name, own, "Image", CONTAINER_STRING_MAX) ||
	    !state_json_labels(f, json_object_get(own, "Labels")) || !annotation_apply(f))
		return -ENOMEM;
	return 0;
}

static int make(struct container_fact **ret, const char *id, enum container_source source, const json_t *config, const json_t *host_config)
{
	struct container_fact *f = container_fact_new(id, source);
	int r = f ? fill(f, config, host_config) : -ENOMEM;

	*ret = r ? container_fact_free(f) : f;
	return r;
}

static bool is_of(const json_t *config, const char *id)
{
	const char *own_id = json_string_value(json_object_get(config, "ID"));

	return own_id && !strcmp(own_id, id) && container_id_is_valid(id);
}

int docker_state_parse(struct container_fact **ret, const char *id, const char *config, size_t config_size, const char *host_config,
		       size_t host_config_size)
{
	json_t *config_json = NULL, *host_json = NULL;
	int r = state_json_load(&config_json, config, config_size);

	*ret = NULL;
	/* Docker renames a whole file into place; one that makes no sense is as good as none. */
	if (!r && host_config && state_json_load(&host_json, host_config, host_config_size) == -ENOMEM)
		r = -ENOMEM;
	if (!r)
		r = is_of(config_json, id) ? make(ret, id, CONTAINER_SOURCE_DOCKER, config_json, host_json) : -EINVAL;
	if (!r && !container_fact_set(&(*ret)->docker_config, config, config_size, CONTAINER_JSON_MAX)) {
		*ret = container_fact_free(*ret);
		r = -ENOMEM;
	}
	json_decref(host_json);
	json_decref(config_json);
	return r;
}

int docker_state_parse_inspect(struct container_fact **ret, const char *json, size_t size)
{
	json_t *answer;
	const char *id;
	int r = state_json_load(&answer, json, size);

	*ret = NULL;
	if (r)
		return r;
	id = json_string_value(json_object_get(answer, "Id"));
	r = id && container_id_is_valid(id) ? make(ret, id, CONTAINER_SOURCE_DOCKER_API, answer, json_object_get(answer, "HostConfig"))
					    : -EINVAL;
	json_decref(answer);
	return r;
}

static int read_one(struct state_file *ret, const char *root, const char *id, const char *name)
{
	char path[64 + CONTAINER_ID_BYTES];

	(void)snprintf(path, sizeof(path), "containers/%s/%s", id, name);
	return state_file_read(ret, root, path);
}

int docker_state_read(struct container_fact **ret, struct docker_files *known, const char *root, const char *id)
{
	struct state_file config, host_config;
	struct docker_files now;
	int r;

	*ret = NULL;
	if (!container_id_is_valid(id))
		return -EINVAL;
	r = read_one(&config, root, id, "config.v2.json");
	if (r < 0)
		return r;
	(void)read_one(&host_config, root, id, "hostconfig.json");
	now = (struct docker_files){config.id, host_config.id};
	if (known && !memcmp(&now, known, sizeof(now)))
		r = 0;
	else
		r = docker_state_parse(ret, id, config.text, config.size, host_config.text, host_config.size);
	state_file_done(&config);
	state_file_done(&host_config);
	if (*ret && known)
		*known = now;
	return *ret ? 1 : r;
}

int docker_state_list(const char *root, void (*fn)(void *context, const char *id), void *context)
{
	return state_file_list(root, "containers", fn, context);
}
