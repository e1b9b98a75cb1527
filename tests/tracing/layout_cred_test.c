#include "tracing/layout_cred.h"

#include "base/cleanup.h"
#include "tests/support/layout_file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>

static const char *const kernels[] = {"5.10", "6.1", "6.12", "7.2"};

#define KERNEL_COUNT (sizeof(kernels) / sizeof(kernels[0]))

static struct layout_capture *read_capture(const char *kernel)
{
	struct layout_capture *c = NULL;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/layouts/%s/cred", TEST_DATA, kernel);
	cr_assert_eq(layout_file_read(path, &layout_cred_row, 1, &c), 0, "%s", path);
	return c;
}

/* All of these kernels begin with a counter of 8 bytes; older ones and others with one of 4. */
Test(layout_cred, the_ids_are_found_in_what_real_kernels_captured)
{
	for (size_t i = 0; i < KERNEL_COUNT; i++) {
		cleanup_free struct layout_capture *c = read_capture(kernels[i]);
		struct cred_layout cred;
		struct error err = {0};

		cr_assert_eq(layout_cred_search(c, 0, &cred, &err), 0, "%s: %s", kernels[i], err.message);
		cr_assert(cred.uid == 8 && cred.gid == 12 && cred.suid == 16 && cred.sgid == 20 && cred.euid == 24 && cred.egid == 28 &&
				  cred.fsuid == 32 && cred.fsgid == 36,
			  "%s", kernels[i]);
	}
}

/* Moves what a sample holds from byte `from` of the structure on to `to`. */
static void move_members(struct layout_capture *c, uint32_t from, uint32_t to)
{
	for (uint32_t i = 0; i < c->count; i++) {
		uint8_t *window = c->samples[i].raw + c->row_offsets[0];

		memmove(window + to, window + from, 160 - (to > from ? to : from));
	}
}

Test(layout_cred, ids_that_stand_elsewhere_are_found_there)
{
	static const uint32_t places[] = {4, 20, 40};

	for (size_t i = 0; i < 3; i++) {
		cleanup_free struct layout_capture *c = read_capture("6.1");
		struct cred_layout cred;

		move_members(c, 8, places[i]);
		for (uint32_t s = 0; s < c->count; s++)
			memset(c->samples[s].raw + c->row_offsets[0], 0, places[i]);
		/* What was moved may have left itself behind at the end. */
		for (uint32_t s = 0; s < c->count; s++)
			memset(c->samples[s].raw + c->row_offsets[0] + places[i] + 32, 0, 160 - 32 - places[i]);
		cr_assert_eq(layout_cred_search(c, 0, &cred, NULL), 0);
		cr_assert_eq(cred.uid, (int16_t)places[i]);
		cr_assert_eq(cred.fsgid, (int16_t)places[i] + 28);
	}
}

Test(layout_cred, an_id_that_stands_in_two_places_makes_all_of_them_unknown)
{
	cleanup_free struct layout_capture *c = read_capture("6.1");
	struct cred_layout cred;
	struct error err = {0};

	for (uint32_t i = 0; i < c->count; i++) {
		uint8_t *window = c->samples[i].raw + c->row_offsets[0];

		memcpy(window + 120, window + 24, 4);
	}
	cr_assert_eq(layout_cred_search(c, 0, &cred, &err), -ENOTUNIQ);
	cr_assert_str_eq(err.message, "credentials: the euid of a child process stands in more than one place of struct cred");
}

Test(layout_cred, values_that_are_not_there_are_said_to_be_missing)
{
	cleanup_free struct layout_capture *c = read_capture("6.1");
	struct cred_layout cred;
	struct error err = {0};

	cr_assert_eq(layout_cred_search(c, 1, &cred, &err), -ENODATA);
	cr_assert_str_eq(err.message, "credentials: the uid that a child process gave itself is not where struct cred is looked for");
}

Test(layout_cred, one_set_of_values_alone_is_not_enough)
{
	cleanup_free struct layout_capture *c = read_capture("6.1");
	struct cred_layout cred;

	while (c->count && c->samples[c->count - 1].step)
		c->count--;
	cr_assert_gt(c->count, 0);
	cr_assert_eq(layout_cred_search(c, 0, &cred, NULL), -ENODATA);
}
