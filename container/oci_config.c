#include "container/oci_config.h"

#include "container/annotation.h"
#include "container/state_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct part {
	const char *text;
	int length;
};

static bool cut_at_colon(const char **text, struct part *ret)
{
	const char *colon = strchr(*text, ':');

	if (!colon || colon - *text > CONTAINER_STRING_MAX)
		return false;
	*ret = (struct part){*text, (int)(colon - *text)};
	*text = colon + 1;
	return true;
}

/* Appends to a path that is CONTAINER_PATH_MAX long at most. False: it would be longer. */
static bool append(char *path, const char *before, const struct part *part, const char *behind)
{
	size_t length = strlen(path), room = CONTAINER_PATH_MAX + 1 - length;
	int r = snprintf(path + length, room, "%s%.*s%s", before, part->length, part->text, behind);

	return r >= 0 && (size_t)r < room;
}

/* "a-b.slice" is in "a.slice" (man 5 systemd.slice); "-.slice" is the root. */
static bool append_slice(char *path, const struct part *slice)
{
	static const char suffix[] = ".slice";
	int stem = slice->length - (int)sizeof(suffix) + 1;

	if (stem < 1 || memcmp(slice->text + stem, suffix, sizeof(suffix) - 1) != 0)
		return false;
	if (stem == 1 && *slice->text == '-')
		return true;
	for (int i = 1; i < stem; i++) {
		const struct part outer = {slice->text, i};

		if (slice->text[i] == '-' && !append(path, "/", &outer, suffix))
			return false;
	}
	return append(path, "/", slice, "");
}

/* runc's and crun's "SLICE:PREFIX:NAME": the scope PREFIX-NAME.scope in that slice. */
static bool expand_unit(char *path, const char *unit)
{
	const struct part system = {"system.slice", (int)strlen("system.slice")};
	struct part slice, prefix, name;

	if (!cut_at_colon(&unit, &slice) || !cut_at_colon(&unit, &prefix) || strlen(unit) > CONTAINER_STRING_MAX)
		return false;
	name = (struct part){unit, (int)strlen(unit)};
	if (!append_slice(path, slice.length ? &slice : &system))
		return false;
	return prefix.length ? append(path, "/", &prefix, "-") && append(path, "", &name, ".scope") : append(path, "/", &name, ".scope");
}

static bool take_cgroup(struct container_fact *f, const json_t *config)
{
	const char *path = json_string_value(json_object_get(json_object_get(config, "linux"), "cgroupsPath"));
	char expanded[CONTAINER_PATH_MAX + 1] = "";

	if (f->cgroup || !path)
		return true;
	if (*path == '/')
		return container_fact_set(&f->cgroup, path, strlen(path), CONTAINER_PATH_MAX);
	return !expand_unit(expanded, path) || container_fact_set(&f->cgroup, expanded, strlen(expanded), CONTAINER_PATH_MAX);
}

static int take(struct container_fact *f, const json_t *config, const char *json, size_t size)
{
	if (!state_json_labels(f, json_object_get(config, "annotations")) || !annotation_apply(f) || !take_cgroup(f, config) ||
	    !container_fact_set(&f->oci_config, json, size, CONTAINER_JSON_MAX))
		return -ENOMEM;
	return 0;
}

int oci_config_parse(struct container_fact *f, const char *json, size_t size)
{
	json_t *config;
	int r = state_json_load(&config, json, size);

	if (r)
		return r;
	r = json_is_object(config) ? take(f, config, json, size) : -EINVAL;
	json_decref(config);
	return r;
}

int oci_config_read(struct container_fact *f, const char *root, const char *directory)
{
	char path[CONTAINER_PATH_MAX + 1];
	struct state_file file;
	int r;

	if (snprintf(path, sizeof(path), "%s%sconfig.json", directory, *directory ? "/" : "") >= (int)sizeof(path))
		return -ENAMETOOLONG;
	r = state_file_read(&file, root, path);
	if (r < 0)
		return r;
	r = oci_config_parse(f, file.text, file.size);
	state_file_done(&file);
	return r;
}
