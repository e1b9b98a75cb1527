#include "container/runc_state.h"

#include "base/proc_stat.h"
#include "container/annotation.h"
#include "container/oci_config.h"
#include "container/state_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NAME_BYTES (CONTAINER_ID_BYTES + 16)

static bool has_infix(const char *text, const char *infix)
{
	return text && strstr(text, infix);
}

/* Of those that have runc run for them and write no annotations, the bundle's path tells. */
static enum container_runtime runtime_of_bundle(const char *bundle)
{
	if (has_infix(bundle, "/io.containerd.runtime.v2.task/moby/") || has_infix(bundle, "/io.containerd.runtime.v1.linux/moby/"))
		return CONTAINER_RUNTIME_DOCKER;
	if (has_infix(bundle, "/io.containerd.runtime.v2.task/") || has_infix(bundle, "/io.containerd.runtime.v1.linux/"))
		return CONTAINER_RUNTIME_CONTAINERD;
	return CONTAINER_RUNTIME_RUNC;
}

/* Docker's containers can have any annotation; what containerd calls their namespace is surer. */
static bool take_runtime(struct container_fact *f)
{
	enum container_runtime runtime = runtime_of_bundle(f->bundle);

	if (runtime == CONTAINER_RUNTIME_DOCKER)
		f->runtime = runtime;
	if (!annotation_apply(f))
		return false;
	if (f->runtime == CONTAINER_RUNTIME_UNKNOWN)
		f->runtime = runtime;
	return true;
}

/* "key=value", of which "bundle" is runc's own. */
static bool take_label(struct container_fact *f, const char *label)
{
	static const char bundle[] = "bundle=";
	const char *sign = strchr(label, '=');
	char key[CONTAINER_STRING_MAX + 1];

	if (!strncmp(label, bundle, sizeof(bundle) - 1))
		return container_fact_set(&f->bundle, sign + 1, strlen(sign + 1), CONTAINER_PATH_MAX);
	if (!sign)
		return true;
	if ((size_t)(sign - label) >= sizeof(key)) {
		f->labels_cut = true;
		return true;
	}
	memcpy(key, label, (size_t)(sign - label));
	key[sign - label] = '\0';
	return container_fact_add_label(f, key, sign + 1);
}

static bool take_labels(struct container_fact *f, const json_t *labels)
{
	const json_t *label;
	size_t i;

	json_array_foreach (labels, i, label)
		if (json_is_string(label) && !take_label(f, json_string_value(label)))
			return false;
	return true;
}

/* "/sys/fs/cgroup/memory/docker/ID" is "/docker/ID" in the hierarchy that is mounted on /sys/fs/cgroup/memory. The unified one is mounted on
 * /sys/fs/cgroup itself, or beside others on .../unified; its key is "". */
static const char *cut_mount(const char *path, bool unified)
{
	static const char mounts[] = "/sys/fs/cgroup/", hybrid[] = "unified/";

	if (strncmp(path, mounts, sizeof(mounts) - 1) != 0)
		return NULL;
	path += sizeof(mounts) - 1;
	if (unified && strncmp(path, hybrid, sizeof(hybrid) - 1) != 0)
		return path - 1;
	return strchr(path, '/');
}

/* Hierarchies can differ; these are those that nobody takes resources from. */
static bool take_cgroup(struct container_fact *f, const json_t *paths)
{
	static const char *const hierarchies[] = {"", "name=systemd", "pids", "devices", "freezer"};

	for (size_t i = 0; i < sizeof(hierarchies) / sizeof(hierarchies[0]); i++) {
		const char *path = json_string_value(json_object_get(paths, hierarchies[i]));

		path = path ? cut_mount(path, !*hierarchies[i]) : NULL;
		if (path)
			return container_fact_set(&f->cgroup, path, strlen(path), CONTAINER_PATH_MAX);
	}
	return true;
}

/* Of "config", `runc update` changes "cgroups"; so does `runc pause`, but only "freezer" in it. */
static uint64_t hash_settings(const json_t *config)
{
	json_t *cgroups = json_copy(json_object_get(config, "cgroups"));
	struct state_json_hash *h;

	if (!cgroups)
		return 0;
	(void)json_object_del(cgroups, "freezer");
	h = state_json_hash_new();
	state_json_hash_add(h, json_object_get(config, "labels"));
	state_json_hash_add(h, cgroups);
	json_decref(cgroups);
	return state_json_hash_end(h);
}

/* Besides the fact, what tells the process from another one that has got its number. */
struct parsed {
	struct container_fact *fact;
	uint64_t process_start; /* /proc/PID/stat, the 22nd field */
};

static int fill_runc(struct parsed *p, const json_t *state)
{
	const json_t *config = json_object_get(state, "config");
	struct container_fact *f = p->fact;

	f->state = CONTAINER_RUNNING;
	f->init_pid = (uint32_t)state_json_number(state, "init_process_pid", INT32_MAX);
	p->process_start = state_json_number(state, "init_process_start", INT64_MAX);
	f->created_ns = state_json_time_ns(state, "created");
	f->settings = hash_settings(config);
	if (!take_labels(f, json_object_get(config, "labels")) || !take_cgroup(f, json_object_get(state, "cgroup_paths")) ||
	    !take_runtime(f))
		return -ENOMEM;
	return 0;
}

static int fill_crun(struct parsed *p, const json_t *status)
{
	struct container_fact *f = p->fact;

	f->state = CONTAINER_RUNNING;
	f->init_pid = (uint32_t)state_json_number(status, "pid", INT32_MAX);
	p->process_start = state_json_number(status, "process-start-time", INT64_MAX);
	f->created_ns = state_json_time_ns(status, "created");
	if (!state_json_string(&f->bundle, status, "bundle", CONTAINER_PATH_MAX) ||
	    !state_json_string(&f->cgroup, status, "cgroup-path", CONTAINER_PATH_MAX))
		return -ENOMEM;
	f->runtime = runtime_of_bundle(f->bundle);
	return 0;
}

static bool is_of(const json_t *state, const char *id)
{
	const char *own_id = json_string_value(json_object_get(state, "id"));

	return own_id && !strcmp(own_id, id);
}

/* A status has no id; a number for the process is what both have. */
static bool is_status(const json_t *status, const char *id)
{
	(void)id;
	return json_is_integer(json_object_get(status, "pid"));
}

struct format {
	const char *file;
	bool (*is)(const json_t *state, const char *id);
	int (*fill)(struct parsed *p, const json_t *state);
};

static const struct format runc = {"state.json", is_of, fill_runc};
static const struct format crun = {"status", is_status, fill_crun};

static int parse(struct parsed *ret, const struct format *format, const char *id, const char *json, size_t size)
{
	json_t *state;
	int r;

	*ret = (struct parsed){0};
	if (!container_id_is_valid(id))
		return -EINVAL;
	r = state_json_load(&state, json, size);
	if (r)
		return r;
	if (!format->is(state, id)) {
		json_decref(state);
		return -EINVAL;
	}
	ret->fact = container_fact_new(id, CONTAINER_SOURCE_RUNC);
	r = ret->fact ? format->fill(ret, state) : -ENOMEM;
	if (r)
		ret->fact = container_fact_free(ret->fact);
	json_decref(state);
	return r;
}

int runc_state_parse(struct container_fact **ret, const char *id, const char *json, size_t size)
{
	struct parsed parsed;
	int r = parse(&parsed, &runc, id, json, size);

	*ret = parsed.fact;
	return r;
}

int runc_state_parse_crun(struct container_fact **ret, const char *id, const char *json, size_t size)
{
	struct parsed parsed;
	int r = parse(&parsed, &crun, id, json, size);

	*ret = parsed.fact;
	return r;
}

static bool process_is_there(uint32_t pid, uint64_t start)
{
	struct proc_stat stat;

	return !proc_read_stat(PROC_OF_HOST, pid, &stat) && !stat.is_zombie && (!start || stat.start_tick == start);
}

static void take_process(struct parsed *p, const char *root, const char *id)
{
	struct container_fact *f = p->fact;
	char path[NAME_BYTES];

	(void)snprintf(path, sizeof(path), "%s/exec.fifo", id);
	if (!f->init_pid || !process_is_there(f->init_pid, p->process_start)) {
		f->state = CONTAINER_EXITED;
	} else if (state_file_exists(root, path)) {
		f->state = CONTAINER_CREATED;
	}
}

/* Who runs runc by hand has a bundle wherever he likes. Podman and CRI-O write theirs when they start a container, after all that they note elsewhere.
 * In a user's own state it could name any directory, which we read as root. */
static int take_bundle(struct container_fact *f, const char *root)
{
	bool is_elsewhere = f->runtime == CONTAINER_RUNTIME_DOCKER || f->runtime == CONTAINER_RUNTIME_CONTAINERD;

	if (is_elsewhere || f->oci_config || !f->bundle || !state_file_is_trusted(root))
		return 0;
	return oci_config_read(f, f->bundle, "") == -ENOMEM ? -ENOMEM : 0;
}

static int read_format(struct parsed *ret, const struct format *format, const char *root, const char *id)
{
	char path[NAME_BYTES];
	struct state_file file;
	int r;

	(void)snprintf(path, sizeof(path), "%s/%s", id, format->file);
	r = state_file_read(&file, root, path);
	if (r < 0)
		return r;
	r = parse(ret, format, id, file.text, file.size);
	state_file_done(&file);
	return r;
}

/* crun keeps a copy of the bundle's config.json beside its status. */
static int read_crun(struct parsed *ret, const char *root, const char *id)
{
	int r = read_format(ret, &crun, root, id);

	if (r)
		return r;
	if (ret->fact->runtime == CONTAINER_RUNTIME_RUNC)
		ret->fact->runtime = CONTAINER_RUNTIME_UNKNOWN;
	if (oci_config_read(ret->fact, root, id) == -ENOMEM || !take_runtime(ret->fact))
		r = -ENOMEM;
	return r;
}

int runc_state_read(struct container_fact **ret, const char *root, const char *id)
{
	struct parsed parsed = {0};
	int r;

	*ret = NULL;
	if (!container_id_is_valid(id))
		return -EINVAL;
	r = read_format(&parsed, &runc, root, id);
	if (r == -ENOENT)
		r = read_crun(&parsed, root, id);
	if (!r)
		r = take_bundle(parsed.fact, root);
	if (r) {
		container_fact_free(parsed.fact);
		return r;
	}
	take_process(&parsed, root, id);
	*ret = parsed.fact;
	return 0;
}

int runc_state_list(const char *root, void (*fn)(void *context, const char *id), void *context)
{
	return state_file_list(root, "", fn, context);
}
