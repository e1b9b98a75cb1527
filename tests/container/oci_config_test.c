#include "container/oci_config.h"
#include "tests/container/state_tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SANDBOX "2f8ce2bd696584bcc7d7c107135a38354d6766bc7ea7dd137bb4acfc92592268"
#define COREDNS "7be7ca56452ce0f69575654683e3b8cdc61d8898d06caf92fbf5ffffcd856bd7"
#define TASKS   "kubernetes-documented/cri/io.containerd.runtime.v2.task/k8s.io/"

TestSuite(oci_config, .timeout = 20);

static struct container_fact *make(void)
{
	struct container_fact *f = container_fact_new("web", CONTAINER_SOURCE_TASK);

	cr_assert_not_null(f);
	return f;
}

static struct container_fact *read_fixture(const char *directory)
{
	struct container_fact *f = make();

	cr_assert_eq(oci_config_read(f, FIXTURES, directory), 0, "%s", directory);
	return f;
}

Test(oci_config, a_bundle_of_runc)
{
	struct container_fact *f = read_fixture("runc-1.1.5/bundle");

	cr_expect_eq(f->label_count, 2);
	cr_expect_str_eq(f->labels[0].key, "com.example.role");
	cr_expect_str_eq(f->image_name, "bb:1");
	cr_expect_null(f->name);
	cr_expect_null(f->cgroup);
	cr_expect_null(f->pod.name);
	cr_expect_eq(f->runtime, CONTAINER_RUNTIME_UNKNOWN);
	cr_expect_eq(f->oci_config[0], '{');
	container_fact_free(f);
}

Test(oci_config, a_container_of_kubernetes_in_containerd)
{
	struct container_fact *f = read_fixture(TASKS COREDNS);

	cr_expect_eq(f->runtime, CONTAINER_RUNTIME_CONTAINERD);
	cr_expect_str_eq(f->name, "coredns");
	cr_expect_str_eq(f->image_name, "registry.k8s.io/coredns/coredns:v1.8.6");
	cr_expect_str_eq(f->pod.namespace_name, "kube-system");
	cr_expect_str_eq(f->pod.name, "coredns-6d4b75cb6d-w4b72");
	cr_expect_str_eq(f->pod.uid, "5b5e07db-f1b9-4530-81ef-b7d04d66b83e");
	cr_expect_str_eq(f->pod.container_name, "coredns");
	cr_expect_not(f->pod.sandbox);
	cr_expect_str_eq(f->cgroup,
			 "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod5b5e07db_f1b9_4530_81ef_b7d04d66b83e.slice/"
			 "cri-containerd-" COREDNS ".scope");
	container_fact_free(f);
}

Test(oci_config, a_sandbox_of_kubernetes_in_containerd)
{
	struct container_fact *f = read_fixture(TASKS SANDBOX);

	cr_expect(f->pod.sandbox);
	cr_expect_str_eq(f->pod.name, "coredns-6d4b75cb6d-w4b72");
	cr_expect_null(f->pod.container_name);
	cr_expect_null(f->name);
	cr_expect_null(f->image_name);
	container_fact_free(f);
}

static struct container_fact *parse(const char *text)
{
	struct container_fact *f = make();

	cr_assert_eq(oci_config_parse(f, text, strlen(text)), 0, "%s", text);
	return f;
}

static void expect_cgroup(const char *path, const char *cgroup)
{
	struct container_fact *f;
	char text[1024];

	(void)snprintf(text, sizeof(text), "{\"linux\":{\"cgroupsPath\":\"%s\"}}", path);
	f = parse(text);
	if (cgroup)
		cr_expect_str_eq(f->cgroup, cgroup, "%s", path);
	else
		cr_expect_null(f->cgroup, "%s: %s", path, f->cgroup);
	container_fact_free(f);
}

Test(oci_config, a_cgroup_is_a_path_or_a_unit)
{
	expect_cgroup("/default/web", "/default/web");
	expect_cgroup("system.slice:docker:web", "/system.slice/docker-web.scope");
	expect_cgroup(":runc:web", "/system.slice/runc-web.scope");
	expect_cgroup("a-b-c.slice:p:n", "/a.slice/a-b.slice/a-b-c.slice/p-n.scope");
	expect_cgroup("-.slice:p:n", "/p-n.scope");
	expect_cgroup("a.slice::n", "/a.slice/n.scope");
	expect_cgroup("a.slice:p:n:m", "/a.slice/p-n:m.scope");
	expect_cgroup("relative/path", NULL);
	expect_cgroup("", NULL);
	expect_cgroup("slice:p:n", NULL);
	expect_cgroup(".slice:p:n", NULL);
	expect_cgroup("a.slice:p", NULL);
	expect_cgroup("::", "/system.slice/.scope");
}

Test(oci_config, a_slice_of_many_parts_is_no_longer_than_a_path)
{
	char slice[CONTAINER_STRING_MAX + 1], path[1024];

	for (size_t i = 0; i < 400; i++)
		slice[i] = i % 2 ? '-' : 'a';
	(void)strcpy(slice + 400, ".slice");
	(void)snprintf(path, sizeof(path), "%s:p:n", slice);
	expect_cgroup(path, NULL);
}

Test(oci_config, what_the_fact_has_already_stays)
{
	struct container_fact *f = make();
	const char *text = "{\"annotations\":{\"io.kubernetes.cri.container-name\":\"c\"},\"linux\":{\"cgroupsPath\":\"/other\"}}";

	cr_assert(container_fact_set(&f->name, "web", 3, CONTAINER_STRING_MAX));
	cr_assert(container_fact_set(&f->cgroup, "/web", 4, CONTAINER_PATH_MAX));
	cr_assert_eq(oci_config_parse(f, text, strlen(text)), 0);
	cr_expect_str_eq(f->name, "web");
	cr_expect_str_eq(f->cgroup, "/web");
	cr_expect_str_eq(f->pod.container_name, "c");
	cr_expect_str_eq(f->oci_config, text);
	container_fact_free(f);
}

Test(oci_config, what_has_another_type_is_not_known)
{
	struct container_fact *f = parse("{\"annotations\":[\"a\"],\"linux\":7}");

	cr_expect_eq(f->label_count, 0);
	cr_expect_null(f->cgroup);
	container_fact_free(f);
	f = parse("{\"annotations\":{\"a\":1,\"b\":null,\"c\":\"d\"},\"linux\":{\"cgroupsPath\":[]}}");
	cr_expect_eq(f->label_count, 1);
	cr_expect_null(f->cgroup);
	container_fact_free(f);
}

Test(oci_config, what_makes_no_sense_leaves_the_fact_as_it_was)
{
	static const char *const texts[] = {"", "[]", "7", "{\"annotations\":{\"a\":\"b\"}", "{\"annotations\":{\"a\":\"\\u0000\"}}"};
	struct container_fact *f = make();

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_expect_eq(oci_config_parse(f, texts[i], strlen(texts[i])), -EINVAL, "%s", texts[i]);
	cr_expect_eq(f->label_count, 0);
	cr_expect_null(f->oci_config);
	cr_expect_eq(oci_config_read(f, FIXTURES, "no-such-bundle"), -ENOENT);
	cr_expect_eq(oci_config_read(f, FIXTURES, "../containers/runc-1.1.5/bundle"), -EINVAL);
	container_fact_free(f);
}
