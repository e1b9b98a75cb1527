#include "tracing/layout_names.h"

#include "base/cleanup.h"
#include "tests/support/layout_file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>

/* What the captures must give, as one reads it in them by eye. */
static const struct known {
	const char *kernel;
	struct file_layout file;
} kernels[] = {
	{"5.10", {.dentry = 24, .mount = 16, .inode = 32, .mode = 68, .flags = 64}},
	{"6.1", {.dentry = 24, .mount = 16, .inode = 32, .mode = 68, .flags = 64}},
	{"6.12", {.dentry = 72, .mount = 64, .inode = 40, .mode = 12, .flags = 48}},
	{"7.2", {.dentry = 72, .mount = 64, .inode = 32, .mode = 4, .flags = 40}},
};

#define KERNEL_COUNT (sizeof(kernels) / sizeof(kernels[0]))

static const struct layout_stage *stage_named(const char *name)
{
	for (size_t i = 0; i < LAYOUT_STAGE_COUNT; i++)
		if (!strcmp(layout_stages[i].name, name))
			return &layout_stages[i];
	cr_assert_fail("no stage %s", name);
	return NULL;
}

static struct layout_capture *read_capture(const char *kernel, const struct layout_stage *stage, const struct kernel_layout *known,
					   struct layout_rows *rows)
{
	struct layout_capture *c = NULL;
	char path[PATH_MAX];

	rows->count = 0;
	stage->rows(rows, 0, known);
	snprintf(path, sizeof(path), "%s/layouts/%s/%s", TEST_DATA, kernel, stage->name);
	cr_assert_eq(layout_file_read(path, rows->rows, rows->count, &c), 0, "%s", path);
	return c;
}

/* Searches with all stages before `end`. */
static struct kernel_layout search_until(const char *kernel, const struct layout_stage *end)
{
	struct kernel_layout layout = {0};

	for (const struct layout_stage *stage = layout_stages; stage < end; stage++) {
		struct layout_rows rows;
		cleanup_free struct layout_capture *c = read_capture(kernel, stage, &layout, &rows);
		struct error err = {0};

		cr_assert_eq(layout_stage_search(stage, c, 0, 0, &layout, &err), 0, "%s: %s", kernel, err.message);
	}
	return layout;
}

Test(layout_stages, what_real_kernels_captured_gives_their_layout)
{
	for (size_t i = 0; i < KERNEL_COUNT; i++) {
		const struct file_layout *file = &kernels[i].file;
		struct kernel_layout l = search_until(kernels[i].kernel, layout_stages + LAYOUT_STAGE_COUNT);

		cr_expect(l.file.dentry == file->dentry && l.file.mount == file->mount && l.file.inode == file->inode, "%s",
			  kernels[i].kernel);
		cr_expect(l.file.mode == file->mode && l.file.flags == file->flags, "%s: %d %d", kernels[i].kernel, l.file.mode,
			  l.file.flags);
		cr_expect(l.dentry.parent == 24 && l.dentry.name == 40 && l.dentry.inode == 48 && l.inode.mode == 0, "%s",
			  kernels[i].kernel);
		cr_expect(l.mount.parent == -16 && l.mount.mountpoint == -8 && l.mount.root == 0 && l.mount.vfsmount == 32, "%s",
			  kernels[i].kernel);
		cr_expect(l.path.mount == 0 && l.path.dentry == 8, "%s", kernels[i].kernel);
	}
}

Test(layout_stages, what_the_child_has_not_done_is_not_found)
{
	for (size_t i = 0; i < LAYOUT_STAGE_COUNT; i++) {
		const struct layout_stage *stage = &layout_stages[i];
		struct kernel_layout layout = search_until("6.1", stage);
		struct layout_rows rows;
		cleanup_free struct layout_capture *c = read_capture("6.1", stage, &layout, &rows);
		struct error err = {0};

		cr_assert_eq(layout_stage_search(stage, c, 0, 1, &layout, &err), -ENODATA, "%s", stage->name);
		cr_assert_not_null(strstr(err.message, stage->symbol), "%s", err.message);
	}
}

Test(layout_stages, a_capture_with_other_hits_than_those_of_the_child_is_refused)
{
	const struct layout_stage *stage = stage_named("dentry");
	struct kernel_layout layout = {0};
	struct layout_rows rows;
	cleanup_free struct layout_capture *c = read_capture("6.1", stage, &layout, &rows);
	struct error err = {0};

	c->count--;
	cr_assert_eq(layout_stage_search(stage, c, 0, 0, &layout, &err), -ENODATA);
	cr_assert_str_eq(err.message, "names: security_file_open fired 3 times when it should have 4 times");
}

Test(layout_stages, a_name_that_is_read_in_two_ways_is_refused)
{
	const struct layout_stage *stage = stage_named("dentry");
	struct kernel_layout layout = {0};
	struct layout_rows rows;
	cleanup_free struct layout_capture *c = read_capture("6.1", stage, &layout, &rows);
	struct error err = {0};

	/* By the second guess, where the first sees nothing. */
	for (uint32_t i = 0; i < c->count; i++) {
		uint8_t *raw = c->samples[i].raw;

		memcpy(raw + c->row_offsets[1] + 8, raw + c->row_offsets[0] + 3 * 8, 8);
	}
	cr_assert_eq(layout_stage_search(stage, c, 0, 0, &layout, &err), -ENOTUNIQ);
	cr_assert_str_eq(err.message, "names: what a child process did at security_file_open (dentry) is seen in more than one place");
}

Test(layout_stages, every_expression_fits_into_what_a_kernel_takes)
{
	for (size_t i = 0; i < LAYOUT_STAGE_COUNT; i++) {
		const struct layout_stage *stage = &layout_stages[i];
		struct kernel_layout layout = search_until("7.2", stage);

		for (uint8_t round = 0; round < stage->rounds; round++) {
			struct layout_rows rows = {.count = 0};
			struct buffer text;
			uint32_t pieces = 0;
			uint32_t bytes = 16; /* what every probe's record begins with */

			buffer_init(&text, 0);
			stage->rows(&rows, round, &layout);
			for (uint32_t r = 0; r < rows.count; r++) {
				layout_row_put(&text, &rows.rows[r]);
				pieces += rows.rows[r].count;
				bytes += (uint32_t)rows.rows[r].count * rows.rows[r].width;
			}
			cr_expect_leq(pieces, 128, "%s: %u arguments", stage->name, pieces);
			cr_expect_lt(text.length, 4000, "%s: %zu characters", stage->name, text.length);
			cr_expect_leq(bytes, LAYOUT_SAMPLE_BYTES_MAX, "%s: %u bytes", stage->name, bytes);
			buffer_done(&text);
		}
	}
}
