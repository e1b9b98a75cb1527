#include "container/storage_state.h"
#include "tests/container/state_tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WEB     "62441f30653954b7b54e2886fa70b9f51708b8c1f7c27bab45c39b6e720c4bc0"
#define IMAGE   "c81053953ee98abf2e1ba2fa01a1a2860dd736a2d22f2975f1605cbd5914439f"
#define SANDBOX "500027715b8ab8cdb7871c0894b8a7d3eea199c7a8f458351952f44a6ad6cc14"
#define COREDNS "438e2ba9d5970597608a7df68ae72f6085a1460f976f964ed5f369c793eaa4fe"
#define PODMAN  FIXTURES "/podman-4.3.1/"
#define CRIO    FIXTURES "/kubernetes-documented/cri-o"

static struct state_tree tree;

static void setup(void)
{
	state_tree_init(&tree);
}

static void teardown(void)
{
	state_tree_done(&tree);
}

TestSuite(storage_state, .init = setup, .fini = teardown, .timeout = 20);

static struct container_fact *read_one(const char *root, const char *id)
{
	struct container_fact *f;

	cr_assert_eq(storage_state_read_one(&f, root, id), 0, "%s", root);
	cr_assert_not_null(f);
	cr_expect_null(f->next);
	return f;
}

/* Its directory, which was empty, is in no repository. */
static struct container_fact *read_created(void)
{
	state_tree_copy(&tree, "vfs-containers/containers.json", "podman-4.3.1/created/vfs-containers/containers.json");
	state_tree_copy(&tree, "vfs-images/images.json", "podman-4.3.1/created/vfs-images/images.json");
	state_tree_directory(&tree, "vfs-containers/" WEB "/userdata");
	return read_one(tree.path, WEB);
}

Test(storage_state, a_container_that_was_created)
{
	struct container_fact *f = read_created();

	cr_expect_str_eq(f->id, WEB);
	cr_expect_eq(f->source, CONTAINER_SOURCE_STORAGE);
	cr_expect_eq(f->runtime, CONTAINER_RUNTIME_PODMAN);
	cr_expect_eq(f->state, CONTAINER_STATE_UNKNOWN);
	cr_expect_str_eq(f->name, "web");
	cr_expect_str_eq(f->image_id, IMAGE);
	cr_expect_str_eq(f->image_name, "docker.io/library/bb:1");
	cr_expect_eq(f->created_ns, INT64_C(1795658780150409063));
	cr_expect_null(f->bundle);
	cr_expect_null(f->oci_config);
	container_fact_free(f);
}

Test(storage_state, a_container_that_was_started)
{
	struct container_fact *f = read_one(PODMAN "running", WEB);

	cr_expect_eq(f->runtime, CONTAINER_RUNTIME_PODMAN);
	cr_expect_eq(f->state, CONTAINER_STATE_UNKNOWN);
	cr_expect_str_eq(f->bundle, PODMAN "running/vfs-containers/" WEB "/userdata");
	cr_expect_str_eq(f->cgroup, "/libpod_parent/libpod-" WEB);
	cr_expect_eq(f->oci_config[0], '{');
	cr_expect_str_eq(f->name, "web");
	cr_expect_null(f->pod.name);
	container_fact_free(f);
}

static uint64_t settings_of(const char *root)
{
	struct container_fact *f = read_one(root, WEB);
	uint64_t ret = f->settings;

	container_fact_free(f);
	return ret;
}

Test(storage_state, settings_change_with_the_name_and_not_with_a_start)
{
	struct container_fact *f = read_one(PODMAN "exited3", WEB), *created = read_created();

	cr_expect_str_eq(f->name, "web2");
	cr_expect_neq(f->settings, settings_of(PODMAN "running"));
	cr_expect_eq(f->settings, settings_of(PODMAN "restarted"));
	cr_expect_eq(settings_of(PODMAN "running"), created->settings);
	container_fact_free(created);
	container_fact_free(f);
}

Test(storage_state, a_container_that_was_removed_is_not_there)
{
	struct container_fact *f;

	cr_expect_eq(storage_state_read_one(&f, PODMAN "removed", WEB), -ENOENT);
	cr_expect_null(f);
	cr_expect_eq(storage_state_read(&f, PODMAN "removed", "vfs"), 0);
	cr_expect_null(f);
}

Test(storage_state, the_containers_of_crio_are_crios)
{
	struct container_fact *list, *sandbox, *coredns;

	cr_assert_eq(storage_state_read(&list, CRIO, "overlay"), 0);
	sandbox = list;
	coredns = list->next;
	cr_expect_null(coredns->next);
	cr_expect_str_eq(sandbox->id, SANDBOX);
	cr_expect_eq(sandbox->runtime, CONTAINER_RUNTIME_CRIO);
	cr_expect(sandbox->pod.sandbox);
	cr_expect_str_eq(sandbox->pod.container_name, "POD");
	cr_expect_str_eq(coredns->id, COREDNS);
	cr_expect_eq(coredns->runtime, CONTAINER_RUNTIME_CRIO);
	cr_expect_not(coredns->pod.sandbox);
	cr_expect_str_eq(coredns->pod.name, "coredns-6d4b75cb6d-4mtdm");
	cr_expect_str_eq(coredns->pod.namespace_name, "kube-system");
	cr_expect_str_eq(coredns->pod.container_name, "coredns");
	cr_expect_str_eq(coredns->image_name, "registry.k8s.io/coredns/coredns:v1.8.6");
	cr_expect_str_eq(coredns->image_id, "a4ca41631cc7ac19ce1be3ebf0314ac5f47af7c711f17066006db82ee3b75b03");
	container_fact_free_all(list);
}

#define ONE(id, more) "[{\"id\":\"" id "\"" more "}]"

Test(storage_state, containers_that_go_with_their_end_are_in_a_list_of_their_own)
{
	struct container_fact *list;

	state_tree_write(&tree, "overlay-containers/volatile-containers.json", ONE("b", ""));
	cr_assert_eq(storage_state_read(&list, tree.path, "overlay"), 0);
	cr_expect_str_eq(list->id, "b");
	container_fact_free_all(list);
	state_tree_write(&tree, "overlay-containers/containers.json", ONE("a", ""));
	cr_assert_eq(storage_state_read(&list, tree.path, "overlay"), 0);
	cr_expect_str_eq(list->id, "a");
	cr_expect_str_eq(list->next->id, "b");
	container_fact_free_all(list);
}

Test(storage_state, a_list_that_makes_no_sense_is_an_error)
{
	struct container_fact *list;

	cr_expect_eq(storage_state_read(&list, tree.path, "overlay"), -ENOENT);
	state_tree_write(&tree, "overlay-containers/containers.json", "[{\"id\":");
	cr_expect_eq(storage_state_read(&list, tree.path, "overlay"), -EINVAL);
	cr_expect_null(list);
	state_tree_write(&tree, "overlay-containers/volatile-containers.json", ONE("b", ""));
	cr_expect_eq(storage_state_read(&list, tree.path, "overlay"), -EINVAL);
	cr_expect_null(list);
	cr_expect_eq(storage_state_read(&list, tree.path, "../overlay"), -EINVAL);
}

/* Whoever owns the storage can link one long file to as many names as he likes. */
Test(storage_state, bundles_are_not_read_without_end)
{
	size_t size = CONTAINER_JSON_MAX, with = 0, all = 0;
	char list[2048] = "[", name[128], target[256], path[256], *text = malloc(size);
	struct container_fact *facts;

	cr_assert_not_null(text);
	memset(text, ' ', size);
	text[0] = '{';
	text[size - 1] = '}';
	state_tree_write_bytes(&tree, "long", text, size);
	(void)snprintf(target, sizeof(target), "%s/long", tree.path);
	for (int i = 0; i < 40; i++) {
		(void)snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s{\"id\":\"c%d\"}", i ? "," : "", i);
		(void)snprintf(name, sizeof(name), "vfs-containers/c%d/userdata/shm", i);
		state_tree_directory(&tree, name);
		(void)snprintf(path, sizeof(path), "%s/vfs-containers/c%d/userdata/config.json", tree.path, i);
		cr_assert_eq(link(target, path), 0);
	}
	state_tree_write(&tree, "vfs-containers/containers.json", strcat(list, "]"));
	cr_assert_eq(storage_state_read(&facts, tree.path, "vfs"), 0);
	for (const struct container_fact *f = facts; f; f = f->next, all++)
		with += f->oci_config != NULL;
	cr_expect_eq(all, 40);
	cr_expect_eq(with, STORAGE_STATE_BUNDLES_MAX / CONTAINER_JSON_MAX);
	container_fact_free_all(facts);
	free(text);
}

static struct container_fact *parse(const char *containers, const char *images)
{
	struct container_fact *list;

	cr_assert_eq(storage_state_parse(&list, containers, strlen(containers), images, images ? strlen(images) : 0), 0, "%s", containers);
	return list;
}

Test(storage_state, elements_that_make_no_sense_are_left_out)
{
	struct container_fact *list =
		parse("[7,null,[],{},{\"id\":7},{\"id\":\"../a\"},{\"id\":\"\"},{\"id\":\"a\",\"names\":{},\"image\":[],"
		      "\"metadata\":7,\"created\":1}]",
		      NULL);

	cr_expect_str_eq(list->id, "a");
	cr_expect_null(list->name);
	cr_expect_null(list->image_id);
	cr_expect_eq(list->created_ns, 0);
	cr_expect_eq(list->runtime, CONTAINER_RUNTIME_UNKNOWN);
	cr_expect_null(list->next);
	container_fact_free_all(list);
}

Test(storage_state, metadata_that_makes_no_sense_is_none)
{
	struct container_fact *list = parse(ONE("a", ",\"names\":[\"n\"],\"metadata\":\"{\\\"image-name\\\":\""), NULL);

	cr_expect_str_eq(list->name, "n");
	cr_expect_eq(list->runtime, CONTAINER_RUNTIME_UNKNOWN);
	container_fact_free_all(list);
}

Test(storage_state, the_images_name_is_looked_up_where_the_container_does_not_say_it)
{
	struct container_fact *list =
		parse(ONE("a", ",\"image\":\"2\""), "[{\"id\":\"1\",\"names\":[\"one\"]},{\"id\":\"2\",\"names\":[\"two\",\"zwei\"]}]");

	cr_expect_str_eq(list->image_name, "two");
	container_fact_free_all(list);
	list = parse(ONE("a", ",\"image\":\"2\""), "{\"no\":\"list\"}");
	cr_expect_null(list->image_name);
	container_fact_free_all(list);
}

Test(storage_state, a_bundle_that_is_being_written_is_none)
{
	struct container_fact *f;

	state_tree_write(&tree, "overlay-containers/containers.json", ONE("a", ",\"metadata\":\"{\\\"image-name\\\":\\\"i\\\"}\""));
	state_tree_write(&tree, "overlay-containers/a/userdata/config.json", "{\"annotations\":{");
	f = read_one(tree.path, "a");
	cr_expect_eq(f->runtime, CONTAINER_RUNTIME_PODMAN);
	cr_expect_null(f->bundle);
	cr_expect_null(f->oci_config);
	container_fact_free(f);
}

Test(storage_state, a_working_container_of_buildah_has_no_runtime)
{
	struct container_fact *f;

	state_tree_write(&tree, "overlay-containers/containers.json",
			 ONE("a", ",\"names\":[\"alpine-working-container\"],\"metadata\":\"\""));
	state_tree_directory(&tree, "overlay-containers/a");
	f = read_one(tree.path, "a");
	cr_expect_eq(f->runtime, CONTAINER_RUNTIME_UNKNOWN);
	cr_expect_str_eq(f->name, "alpine-working-container");
	container_fact_free(f);
}

Test(storage_state, what_can_be_no_id_is_not_looked_for)
{
	struct container_fact *f;

	cr_expect_eq(storage_state_read_one(&f, PODMAN "running", ".."), -EINVAL);
	cr_expect_eq(storage_state_read_one(&f, PODMAN "running", "a/b"), -EINVAL);
	cr_expect_eq(storage_state_read_one(&f, "/no/such/root", WEB), -ENOENT);
}

static void remember(void *context, const char *driver)
{
	(void)strcat(strcat(context, driver), " ");
}

Test(storage_state, the_drivers_of_a_root_are_listed)
{
	char drivers[64] = "";

	cr_expect_eq(storage_state_drivers(PODMAN "running", remember, drivers), 1);
	cr_expect_str_eq(drivers, "vfs ");
	cr_expect_eq(storage_state_drivers("/no/such/root", remember, drivers), -ENOENT);
}
