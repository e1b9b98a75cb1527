#include "container/annotation.h"

#include <criterion/criterion.h>

TestSuite(annotation);

static struct container_fact *make(void)
{
	struct container_fact *f = container_fact_new("web", CONTAINER_SOURCE_TASK);

	cr_assert_not_null(f);
	return f;
}

static void add(struct container_fact *f, const char *key, const char *value)
{
	cr_assert(container_fact_add_label(f, key, value));
}

static void expect_runtime(const char *key, const char *value, enum container_runtime runtime)
{
	struct container_fact *f = make();

	add(f, "com.example", "x");
	add(f, key, value);
	cr_assert(annotation_apply(f));
	cr_expect_eq(f->runtime, runtime, "%s: %s", key, container_runtime_name(f->runtime));
	container_fact_free(f);
}

Test(annotation, whose_a_container_is_shows_in_the_names_of_its_annotations)
{
	expect_runtime("io.kubernetes.cri.sandbox-id", "1", CONTAINER_RUNTIME_CONTAINERD);
	expect_runtime("nerdctl/name", "web", CONTAINER_RUNTIME_CONTAINERD);
	expect_runtime("io.kubernetes.cri-o.Name", "k8s_a", CONTAINER_RUNTIME_CRIO);
	expect_runtime("io.container.manager", "cri-o", CONTAINER_RUNTIME_CRIO);
	expect_runtime("io.container.manager", "libpod", CONTAINER_RUNTIME_PODMAN);
	expect_runtime("io.container.manager", "somebody", CONTAINER_RUNTIME_UNKNOWN);
	expect_runtime("io.kubernetes.pod.name", "web", CONTAINER_RUNTIME_UNKNOWN);
}

Test(annotation, podmans_containers_have_some_annotations_of_crio_and_are_podmans)
{
	struct container_fact *f = make();

	add(f, "io.kubernetes.cri-o.TTY", "false");
	add(f, "io.container.manager", "libpod");
	cr_assert(annotation_apply(f));
	cr_expect_eq(f->runtime, CONTAINER_RUNTIME_PODMAN);
	container_fact_free(f);
}

Test(annotation, what_is_known_already_stays)
{
	struct container_fact *f = make();

	f->runtime = CONTAINER_RUNTIME_DOCKER;
	cr_assert(container_fact_set(&f->name, "/web", 4, CONTAINER_STRING_MAX));
	add(f, "nerdctl/name", "other");
	add(f, "org.opencontainers.image.ref.name", "bb:1");
	cr_assert(annotation_apply(f));
	cr_expect_str_eq(f->name, "/web");
	cr_expect_str_eq(f->image_name, "bb:1");
	cr_expect_eq(f->runtime, CONTAINER_RUNTIME_DOCKER);
	container_fact_free(f);
}

#define IMAGE "a4ca41631cc7ac19ce1be3ebf0314ac5f47af7c711f17066006db82ee3b75b03"

static void expect_image(const char *image, const char *ref, const char *image_id, const char *image_name)
{
	struct container_fact *f = make();

	add(f, "io.kubernetes.cri-o.Image", image);
	add(f, "io.kubernetes.cri-o.ImageRef", ref);
	cr_assert(annotation_apply(f));
	if (image_id)
		cr_expect_str_eq(f->image_id, image_id);
	else
		cr_expect_null(f->image_id);
	cr_expect_str_eq(f->image_name, image_name);
	container_fact_free(f);
}

Test(annotation, an_image_of_crio_is_a_name_or_an_id_by_its_looks)
{
	expect_image("quay.io/crio/redis:alpine", IMAGE, IMAGE, "quay.io/crio/redis:alpine");
	expect_image(IMAGE, "quay.io/crio/redis@sha256:" IMAGE, IMAGE, "quay.io/crio/redis@sha256:" IMAGE);
	expect_image("redis", "sha256:" IMAGE, IMAGE, "redis");
	expect_image("redis", "deadbeef", NULL, "redis");
}

Test(annotation, a_value_that_is_too_long_is_not_known)
{
	char value[CONTAINER_STRING_MAX + 2];
	struct container_fact *f = make();

	memset(value, 'n', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	add(f, "io.kubernetes.pod.name", value);
	cr_assert(annotation_apply(f));
	cr_expect_null(f->pod.name);
	container_fact_free(f);
}
