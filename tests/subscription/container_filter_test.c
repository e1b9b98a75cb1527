#include "subscription/container_filter.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define A     "4f57c1af3f04fb5c9ef1734e1c399865d1d9e2b7a0c84f6f2a5c1b3e7d90aa01"
#define B     "b0c4a1d2e3f405162738495a6b7c8d9eaf01b2c3d4e5f60718293a4b5c6d7e8f"
#define IMAGE "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct container_filter *filter;

static void setup(void)
{
	filter = container_filter_new();
	cr_assert_not_null(filter);
}

static void teardown(void)
{
	filter = container_filter_free(filter);
}

TestSuite(container_filter, .init = setup, .fini = teardown);

static struct event_string string(const char *bytes)
{
	return (struct event_string){.bytes = bytes, .length = strlen(bytes)};
}

static struct container make(const char *id, const char *name, const char *image_id, const char *image_name)
{
	static uint64_t revision;

	return (struct container){
		.id = string(id),
		.name = string(name),
		.image_id = string(image_id),
		.image_name = string(image_name),
		.revision = ++revision,
		.references = 1,
	};
}

static void add(enum container_filter_list list, const char *value)
{
	struct error err = {0};

	cr_assert_eq(container_filter_add(filter, list, value, &err), 0, "%s", err.message);
}

enum {
	WEB,
	SHOP,
	BARE,
	LXC,
	DIGEST,
	COUNT
};

static struct container containers[COUNT];

static void make_containers(void)
{
	containers[WEB] = make(A, "/web", IMAGE, "nginx:1.25");
	containers[SHOP] = make(B, "/shop.front_1", A, "registry.example:5000/team/shop:2");
	/* Its runtime has not told of it. */
	containers[BARE] = make("4f57c1af3f04fb5c9ef1734e1c39986500000000000000000000000000000000", "", "", "");
	containers[LXC] = make("beefcake", "beefcake", "", "");
	/* Started by the image's id. */
	containers[DIGEST] = make("00000000000000000000000000000000000000000000000000000000000000aa", "/by-digest", IMAGE, "sha256:" IMAGE);
}

struct row {
	enum container_filter_list list;
	const char *value;
	unsigned int takes; /* a bit for each container */
};

#define BIT(container) (1u << (container))

static const struct row rows[] = {
	{CONTAINER_FILTER_ID, A, BIT(WEB)},
	{CONTAINER_FILTER_ID, "4f57c1af3f04fb5c9ef1734e1c399865d", BIT(WEB)},
	{CONTAINER_FILTER_ID, "4f57c1af3f04", BIT(WEB) | BIT(BARE)},
	{CONTAINER_FILTER_ID, "4f57", BIT(WEB) | BIT(BARE)},
	{CONTAINER_FILTER_ID, "57c1", 0},
	{CONTAINER_FILTER_ID, "beef", 0},
	{CONTAINER_FILTER_NAME, "web", BIT(WEB)},
	{CONTAINER_FILTER_NAME, "/web", BIT(WEB)},
	{CONTAINER_FILTER_NAME, "we", 0},
	{CONTAINER_FILTER_NAME, "web1", 0},
	{CONTAINER_FILTER_NAME, "/shop.front_1", BIT(SHOP)},
	{CONTAINER_FILTER_NAME, "beefcake", BIT(LXC)},
	{CONTAINER_FILTER_NAME, "4f57c1af3f04", 0},
	{CONTAINER_FILTER_IMAGE_ID, IMAGE, BIT(WEB) | BIT(DIGEST)},
	{CONTAINER_FILTER_IMAGE_ID, "sha256:" IMAGE, BIT(WEB) | BIT(DIGEST)},
	{CONTAINER_FILTER_IMAGE_ID, "001122334455", BIT(WEB) | BIT(DIGEST)},
	{CONTAINER_FILTER_IMAGE_ID, "sha256:4f57", BIT(SHOP)},
	{CONTAINER_FILTER_IMAGE_ID, "beef", 0},
	{CONTAINER_FILTER_IMAGE_NAME, "nginx:1.25", BIT(WEB)},
	{CONTAINER_FILTER_IMAGE_NAME, "nginx", 0},
	{CONTAINER_FILTER_IMAGE_NAME, "nginx*", BIT(WEB)},
	{CONTAINER_FILTER_IMAGE_NAME, "*", BIT(WEB) | BIT(DIGEST)},
	{CONTAINER_FILTER_IMAGE_NAME, "**", BIT(WEB) | BIT(SHOP) | BIT(DIGEST)},
	{CONTAINER_FILTER_IMAGE_NAME, "registry.example:5000/*/shop:[0-9]", BIT(SHOP)},
	{CONTAINER_FILTER_IMAGE_NAME, "*/shop:2", 0},
	{CONTAINER_FILTER_IMAGE_NAME, "**/shop:?", BIT(SHOP)},
	{CONTAINER_FILTER_IMAGE_NAME, "sha256:" IMAGE, BIT(WEB) | BIT(DIGEST)},
	{CONTAINER_FILTER_IMAGE_NAME, "sha256:0011", BIT(WEB) | BIT(DIGEST)},
	{CONTAINER_FILTER_IMAGE_NAME, "sha256:0011*", BIT(WEB) | BIT(DIGEST)},
	{CONTAINER_FILTER_IMAGE_NAME, "sha256:4*", BIT(SHOP)},
};

Test(container_filter, each_list_takes_what_it_is_about)
{
	make_containers();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct container_filter *one = container_filter_new();
		struct error err = {0};

		cr_assert_eq(container_filter_add(one, rows[i].list, rows[i].value, &err), 0, "%s", err.message);
		for (int c = 0; c < COUNT; c++)
			cr_expect_eq(container_filter_matches(one, &containers[c]), !!(rows[i].takes & BIT(c)), "%s %s on %s",
				     container_filter_list_name(rows[i].list), rows[i].value, containers[c].id.bytes);
		cr_expect_not(container_filter_matches(one, NULL), "%s", rows[i].value);
		container_filter_free(one);
	}
}

Test(container_filter, one_entry_of_any_list_is_enough)
{
	make_containers();
	add(CONTAINER_FILTER_ID, "ffff");
	add(CONTAINER_FILTER_IMAGE_NAME, "**/shop:*");
	add(CONTAINER_FILTER_NAME, "beefcake");
	cr_expect_not(container_filter_matches(filter, &containers[WEB]));
	cr_expect(container_filter_matches(filter, &containers[SHOP]));
	cr_expect(container_filter_matches(filter, &containers[LXC]));
}

struct refusal {
	enum container_filter_list list;
	const char *value;
	const char *reason;
};

#define LONG_NAME "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct refusal refusals[] = {
	{CONTAINER_FILTER_ID, "", "\"\"; must be 4 to 64 hexadecimal digits"},
	{CONTAINER_FILTER_ID, "4f5", "\"4f5\"; must be 4 to 64"},
	{CONTAINER_FILTER_ID, "4F57C1AF3F04", "in lower case"},
	{CONTAINER_FILTER_ID, "4f57*", "\"4f57*\"; "},
	{CONTAINER_FILTER_ID, "sha256:" A, "must be 4 to 64"},
	{CONTAINER_FILTER_ID, A "0", "must be 4 to 64"},
	{CONTAINER_FILTER_ID, "web", "a container's id or its beginning"},
	{CONTAINER_FILTER_NAME, "", "\"\"; must be a container's whole name"},
	{CONTAINER_FILTER_NAME, "/", "\"/\"; must be a container's whole name"},
	{CONTAINER_FILTER_NAME, "web*", "letters, digits"},
	{CONTAINER_FILTER_NAME, "we b", "\"we b\"; "},
	{CONTAINER_FILTER_NAME, LONG_NAME LONG_NAME LONG_NAME LONG_NAME "0", "cdef0123456789abcdef...\"; must be"},
	{CONTAINER_FILTER_IMAGE_ID, "", "\"\"; must be 4 to 64"},
	{CONTAINER_FILTER_IMAGE_ID, "sha256:", "with or without sha256:"},
	{CONTAINER_FILTER_IMAGE_ID, "sha512:" A, "must be 4 to 64"},
	{CONTAINER_FILTER_IMAGE_ID, "nginx", "must be 4 to 64"},
	{CONTAINER_FILTER_IMAGE_NAME, "", "\"\"; it is empty"},
	{CONTAINER_FILTER_IMAGE_NAME, "nginx:[", "\"nginx:[\"; character 7: the [ has no ]"},
	{CONTAINER_FILTER_IMAGE_NAME, "sha256:", "behind sha256:"},
	{CONTAINER_FILTER_IMAGE_NAME, "sha256:12", "behind sha256:"},
	{CONTAINER_FILTER_IMAGE_NAME, "sha256:latest", "behind sha256:"},
};

Test(container_filter, what_a_list_cannot_take_is_refused_with_the_value_and_what_is_allowed)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *r = &refusals[i];
		struct error err = {0};

		cr_expect_eq(container_filter_add(filter, r->list, r->value, &err), -EINVAL, "%s", r->value);
		cr_expect_not_null(strstr(err.message, r->reason), "%s: %s", r->value, err.message);
	}
	cr_expect_eq(filter->count, 0);
}

Test(container_filter, there_are_so_many_entries_and_no_more)
{
	struct error err = {0};

	for (int i = 0; i < CONTAINER_FILTER_ENTRIES_MAX; i++)
		add(i % 2 ? CONTAINER_FILTER_ID : CONTAINER_FILTER_NAME, "cafe");
	cr_expect_eq(container_filter_add(filter, CONTAINER_FILTER_ID, "cafe", &err), -EINVAL);
	cr_expect_not_null(strstr(err.message, "1024"), "%s", err.message);
}

struct any {
	const char *value;
	unsigned int lists;
};

static const struct any anys[] = {
	{"4f57c1af3f04", BIT(CONTAINER_FILTER_ID) | BIT(CONTAINER_FILTER_NAME) | BIT(CONTAINER_FILTER_IMAGE_NAME)},
	{"web", BIT(CONTAINER_FILTER_NAME) | BIT(CONTAINER_FILTER_IMAGE_NAME)},
	{"/web", BIT(CONTAINER_FILTER_NAME) | BIT(CONTAINER_FILTER_IMAGE_NAME)},
	{"nginx:1.25", BIT(CONTAINER_FILTER_IMAGE_NAME)},
	{"nginx*", BIT(CONTAINER_FILTER_IMAGE_NAME)},
	{"sha256:0011", BIT(CONTAINER_FILTER_IMAGE_NAME)},
};

Test(container_filter, what_people_write_goes_into_each_list_that_it_can_be_in)
{
	struct error err = {0};

	for (size_t i = 0; i < sizeof(anys) / sizeof(anys[0]); i++) {
		struct container_filter *one = container_filter_new();
		unsigned int lists = 0;

		cr_assert_eq(container_filter_add_any(one, anys[i].value, &err), 0, "%s", err.message);
		for (size_t k = 0; k < one->count; k++)
			lists |= BIT(one->entries[k].list);
		cr_expect_eq(lists, anys[i].lists, "%s: %x", anys[i].value, lists);
		container_filter_free(one);
	}
	cr_expect_eq(container_filter_add_any(filter, "nginx:[", &err), -EINVAL);
	cr_expect_not_null(strstr(err.message, "has no ]"), "%s", err.message);
	cr_expect_eq(container_filter_add_any(filter, "", &err), -EINVAL);
	cr_expect_not_null(strstr(err.message, "it is empty"), "%s", err.message);
}

Test(container_filter, equal_means_the_same_entries_in_the_same_order)
{
	struct container_filter *other = container_filter_new();
	struct error err = {0};

	add(CONTAINER_FILTER_NAME, "/web");
	cr_expect_not(container_filter_equal(filter, other));
	cr_expect_not(container_filter_equal(filter, NULL));
	cr_expect(container_filter_equal(NULL, NULL));
	cr_assert_eq(container_filter_add(other, CONTAINER_FILTER_NAME, "web", &err), 0);
	cr_expect(container_filter_equal(filter, other));
	add(CONTAINER_FILTER_ID, "cafe");
	cr_assert_eq(container_filter_add(other, CONTAINER_FILTER_NAME, "cafe", &err), 0);
	cr_expect_not(container_filter_equal(filter, other));
	container_filter_free(other);
}
