#include "container/storage_state.h"

#include "container/oci_config.h"
#include "container/state_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NAME_BYTES (64 + 2 * CONTAINER_ID_BYTES)

static bool takes_name_of_image(const json_t *image, const char *id)
{
	const char *own_id = json_string_value(json_object_get(image, "id"));

	return own_id && !strcmp(own_id, id);
}

/* What the image is called now, for containers that do not say what it was called. */
static bool take_image_name(struct container_fact *f, const json_t *images)
{
	const json_t *image;
	size_t i;

	json_array_foreach (images, i, image) {
		const char *name = json_string_value(json_array_get(json_object_get(image, "names"), 0));

		if (f->image_name || !f->image_id || !name || !takes_name_of_image(image, f->image_id))
			continue;
		return container_fact_set(&f->image_name, name, strlen(name), CONTAINER_STRING_MAX);
	}
	return true;
}

/* JSON in a string, of whoever uses the storage: of Podman and CRI-O struct RuntimeContainerMetadata. */
static bool take_metadata(struct container_fact *f, const json_t *container)
{
	const json_t *text = json_object_get(container, "metadata");
	json_t *metadata = NULL;
	bool ok;

	if (json_is_string(text) && state_json_load(&metadata, json_string_value(text), json_string_length(text)) == -ENOMEM)
		return false;
	if (json_object_get(metadata, "pod-name"))
		f->runtime = CONTAINER_RUNTIME_CRIO;
	else if (json_object_get(metadata, "image-name"))
		f->runtime = CONTAINER_RUNTIME_PODMAN;
	ok = (f->name || state_json_string(&f->name, metadata, "name", CONTAINER_STRING_MAX)) &&
	     state_json_string(&f->image_name, metadata, "image-name", CONTAINER_STRING_MAX);
	json_decref(metadata);
	return ok;
}

static uint64_t hash_settings(const json_t *container)
{
	struct state_json_hash *h = state_json_hash_new();

	state_json_hash_add(h, json_object_get(container, "names"));
	state_json_hash_add(h, json_object_get(container, "image"));
	state_json_hash_add(h, json_object_get(container, "metadata"));
	return state_json_hash_end(h);
}

/* The name in the metadata is that of the beginning; `podman rename` changes the list. */
static bool fill(struct container_fact *f, const json_t *container, const json_t *images)
{
	const char *name = json_string_value(json_array_get(json_object_get(container, "names"), 0));

	f->created_ns = state_json_time_ns(container, "created");
	f->settings = hash_settings(container);
	return (!name || container_fact_set(&f->name, name, strlen(name), CONTAINER_STRING_MAX)) &&
	       state_json_image_id(&f->image_id, container, "image") && take_metadata(f, container) && take_image_name(f, images);
}

static struct container_fact *make(const char *id, const json_t *container, const json_t *images)
{
	struct container_fact *f = container_fact_new(id, CONTAINER_SOURCE_STORAGE);

	return f && fill(f, container, images) ? f : container_fact_free(f);
}

/* In the file's order. With an id, only that one. */
static int parse(struct container_fact **ret, const json_t *containers, const json_t *images, const char *only)
{
	struct container_fact **end = ret;
	const json_t *container;
	size_t i, count = 0;

	json_array_foreach (containers, i, container) {
		const char *id = json_string_value(json_object_get(container, "id"));

		if (count == STORAGE_STATE_CONTAINERS_MAX)
			break;
		if (!id || !container_id_is_valid(id) || (only && strcmp(id, only) != 0))
			continue;
		*end = make(id, container, images);
		if (!*end)
			return -ENOMEM;
		end = &(*end)->next;
		count++;
	}
	return 0;
}

static int parse_text(struct container_fact **ret, const char *containers, size_t size, const json_t *images, const char *only)
{
	json_t *list;
	int r = state_json_load(&list, containers, size);

	*ret = NULL;
	if (r)
		return r;
	r = json_is_array(list) ? parse(ret, list, images, only) : -EINVAL;
	if (r)
		*ret = container_fact_free_all(*ret);
	json_decref(list);
	return r;
}

int storage_state_parse(struct container_fact **ret, const char *containers, size_t size, const char *images, size_t images_size)
{
	json_t *list = NULL;
	int r = images ? state_json_load(&list, images, images_size) : 0;

	*ret = NULL;
	if (r != -ENOMEM)
		r = parse_text(ret, containers, size, list, NULL);
	json_decref(list);
	return r;
}

static int read_file(struct state_file *ret, const char *root, const char *driver, const char *what, const char *file)
{
	char path[NAME_BYTES];

	(void)snprintf(path, sizeof(path), "%s-%s/%s", driver, what, file);
	return state_file_read(ret, root, path);
}

/* Without images their names are not known; that is all. */
static int read_images(json_t **ret, const char *root, const char *driver)
{
	struct state_file file;
	int r = read_file(&file, root, driver, "images", "images.json");

	*ret = NULL;
	if (!r)
		r = state_json_load(ret, file.text, file.size);
	state_file_done(&file);
	return r == -ENOMEM ? r : 0;
}

static int read_list(struct container_fact **ret, const char *root, const char *driver, const char *file_name, const json_t *images,
		     const char *only)
{
	struct state_file file;
	int r = read_file(&file, root, driver, "containers", file_name);

	*ret = NULL;
	if (!r)
		r = parse_text(ret, file.text, file.size, images, only);
	state_file_done(&file);
	return r;
}

static struct container_fact *join(struct container_fact *a, struct container_fact *b)
{
	struct container_fact **end = &a;

	while (*end)
		end = &(*end)->next;
	*end = b;
	return a;
}

/* `podman run --rm` may have put a container into a list of its own. One of the two is enough. */
static int read_lists(struct container_fact **ret, const char *root, const char *driver, const char *only)
{
	struct container_fact *stable, *removed_at_exit;
	int r, r_removed;
	json_t *images;

	*ret = NULL;
	r = read_images(&images, root, driver);
	if (r)
		return r;
	r = read_list(&stable, root, driver, "containers.json", images, only);
	r_removed = read_list(&removed_at_exit, root, driver, "volatile-containers.json", images, only);
	json_decref(images);
	*ret = join(stable, removed_at_exit);
	if (r == -ENOENT || (!r && r_removed != -ENOENT))
		r = r_removed;
	if (r)
		*ret = container_fact_free_all(*ret);
	return r;
}

/* There is none until the container is started, and it can be half written: then another time. */
static int read_bundle(struct container_fact *f, const char *root, const char *driver)
{
	enum container_runtime runtime = f->runtime;
	char path[CONTAINER_PATH_MAX + 1], directory[NAME_BYTES];
	int r;

	(void)snprintf(directory, sizeof(directory), "%s-containers/%s/userdata", driver, f->id);
	/* The annotations know better than the metadata. */
	f->runtime = CONTAINER_RUNTIME_UNKNOWN;
	r = oci_config_read(f, root, directory);
	if (f->runtime == CONTAINER_RUNTIME_UNKNOWN)
		f->runtime = runtime;
	if (!r && snprintf(path, sizeof(path), "%s/%s", root, directory) < (int)sizeof(path) &&
	    !container_fact_set(&f->bundle, path, strlen(path), CONTAINER_PATH_MAX))
		r = -ENOMEM;
	return r == -ENOMEM ? r : 0;
}

static int read_all(struct container_fact **ret, const char *root, const char *driver, const char *only)
{
	int r = read_lists(ret, root, driver, only);
	size_t size = 0;

	for (struct container_fact *f = *ret; f && !r && size < STORAGE_STATE_BUNDLES_MAX; f = f->next) {
		r = read_bundle(f, root, driver);
		size += f->oci_config ? strlen(f->oci_config) : 0;
	}
	if (r)
		*ret = container_fact_free_all(*ret);
	return r;
}

int storage_state_read(struct container_fact **ret, const char *root, const char *driver)
{
	*ret = NULL;
	return container_id_is_valid(driver) ? read_all(ret, root, driver, NULL) : -EINVAL;
}

struct search {
	const char *root, *id;
	struct container_fact *found;
	int r;
};

/* The directory is there for every container, and much quicker to be looked for than the list. */
static void search_driver(void *context, const char *driver)
{
	struct search *s = context;
	char path[NAME_BYTES];

	(void)snprintf(path, sizeof(path), "%s-containers/%s", driver, s->id);
	if (s->found || !state_file_exists(s->root, path))
		return;
	s->r = read_all(&s->found, s->root, driver, s->id);
	if (!s->r && !s->found)
		s->r = -ENOENT;
}

int storage_state_read_one(struct container_fact **ret, const char *root, const char *id)
{
	struct search search = {.root = root, .id = id, .r = -ENOENT};
	int r;

	*ret = NULL;
	if (!container_id_is_valid(id))
		return -EINVAL;
	r = storage_state_drivers(root, search_driver, &search);
	if (!search.found)
		return r < 0 ? r : search.r;
	/* In both lists at once it is only while it goes from one to the other. */
	search.found->next = container_fact_free_all(search.found->next);
	*ret = search.found;
	return 0;
}

struct drivers {
	void (*fn)(void *context, const char *driver);
	void *context;
	int count;
};

static void tell_driver(void *context, const char *directory)
{
	static const char suffix[] = "-containers";
	size_t length = strlen(directory), suffix_length = sizeof(suffix) - 1;
	char driver[CONTAINER_ID_BYTES];
	struct drivers *d = context;

	if (length <= suffix_length || strcmp(directory + length - suffix_length, suffix) != 0)
		return;
	length -= suffix_length;
	memcpy(driver, directory, length);
	driver[length] = '\0';
	d->fn(d->context, driver);
	d->count++;
}

int storage_state_drivers(const char *root, void (*fn)(void *context, const char *driver), void *context)
{
	struct drivers drivers = {.fn = fn, .context = context};
	int r = state_file_list(root, "", tell_driver, &drivers);

	return r < 0 ? r : drivers.count;
}
