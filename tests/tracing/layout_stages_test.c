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

enum stage {
	STAGE_FILE,
	STAGE_WORDS,
	STAGE_NAME,
	STAGE_TREE,
	STAGE_PATH,
};

static struct layout_capture *read_capture(const char *kernel, enum stage stage, const struct layout_state *state, struct layout_rows *rows)
{
	struct layout_capture *c = NULL;
	char path[PATH_MAX];

	rows->count = 0;
	layout_stages[stage].rows(rows, state);
	snprintf(path, sizeof(path), "%s/layouts/%s/%s", TEST_DATA, kernel, layout_stages[stage].name);
	cr_assert_eq(layout_file_read(path, rows->rows, rows->count, &c), 0, "%s", path);
	return c;
}

/* Searches with all stages before `end`. */
static struct layout_state search_until(const char *kernel, enum stage end)
{
	struct layout_state state = {0};

	for (enum stage s = 0; s < end; s++) {
		const struct layout_stage *stage = &layout_stages[s];
		struct layout_rows rows;
		cleanup_free struct layout_capture *c = read_capture(kernel, s, &state, &rows);
		struct error err = {0};

		for (int f = 0; f < LAYOUT_FINDINGS_MAX && stage->findings[f].search; f++)
			cr_assert_eq(layout_stage_search(stage, &stage->findings[f], c, 0, &state, &err), 0, "%s: %s", kernel, err.message);
	}
	return state;
}

Test(layout_stages, what_real_kernels_captured_gives_their_layout)
{
	for (size_t i = 0; i < KERNEL_COUNT; i++) {
		const struct file_layout *file = &kernels[i].file;
		struct kernel_layout l = search_until(kernels[i].kernel, LAYOUT_STAGE_COUNT).layout;

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
	static const struct {
		enum stage stage;
		int finding;
	} by_value[] = {{STAGE_FILE, 1}, {STAGE_NAME, 0}, {STAGE_TREE, 0}, {STAGE_TREE, 1}, {STAGE_PATH, 0}};

	for (size_t i = 0; i < sizeof(by_value) / sizeof(by_value[0]); i++) {
		const struct layout_stage *stage = &layout_stages[by_value[i].stage];
		struct layout_state state = search_until("6.1", by_value[i].stage);
		struct layout_rows rows;
		cleanup_free struct layout_capture *c = read_capture("6.1", by_value[i].stage, &state, &rows);
		struct error err = {0};

		cr_assert_eq(layout_stage_search(stage, &stage->findings[by_value[i].finding], c, 1, &state, &err), -ENODATA, "%s",
			     stage->name);
		cr_assert_not_null(strstr(err.message, stage->symbol), "%s", err.message);
	}
}

Test(layout_stages, a_capture_with_other_hits_than_those_of_the_child_is_refused)
{
	const struct layout_stage *stage = &layout_stages[STAGE_NAME];
	struct layout_state state = search_until("6.1", STAGE_NAME);
	struct layout_rows rows;
	cleanup_free struct layout_capture *c = read_capture("6.1", STAGE_NAME, &state, &rows);
	struct error err = {0};

	c->count--;
	cr_assert_eq(layout_stage_search(stage, &stage->findings[0], c, 0, &state, &err), -ENODATA);
	cr_assert_str_eq(err.message, "names: security_file_open fired 3 times when it should have 4 times");
}

/* Puts what one piece of a row has into another piece, in all samples. */
static void copy_piece(struct layout_capture *c, uint32_t row, int16_t from, int16_t to)
{
	for (uint32_t i = 0; i < c->count; i++) {
		struct layout_window w = layout_capture_window(c, i, row);
		uint64_t value = layout_window_at(&w, from);

		memcpy(c->samples[i].raw + c->row_offsets[row] + (to - w.first) / w.step * w.width, &value, w.width);
	}
}

Test(layout_stages, what_stands_in_two_places_is_refused)
{
	const struct layout_stage *stage = &layout_stages[STAGE_TREE];
	struct layout_state state = search_until("6.1", STAGE_TREE);
	struct layout_rows rows;
	struct error err = {0};

	/* Rows as in tracing/layout_stages.c: words of struct dentry, and around the struct vfsmount. */
	for (int finding = 0; finding < 2; finding++) {
		cleanup_free struct layout_capture *c = read_capture("6.1", STAGE_TREE, &state, &rows);

		copy_piece(c, finding ? 3 : 1, finding ? -8 : 24, finding ? 40 : 128);
		cr_assert_eq(layout_stage_search(stage, &stage->findings[finding], c, 0, &state, &err), -ENOTUNIQ);
		cr_assert_not_null(strstr(err.message, "is seen in more than one place"), "%s", err.message);
	}
}

Test(layout_stages, only_words_that_are_always_pointers_are_followed)
{
	struct layout_state state = search_until("6.1", STAGE_FILE);
	struct layout_rows rows;
	cleanup_free struct layout_capture *c = read_capture("6.1", STAGE_FILE, &state, &rows);
	const uint64_t no_pointer = UINT64_C(0x0000800100008800);
	uint16_t before;

	cr_assert_eq(layout_stages[STAGE_FILE].findings[0].search(c, 0, &state), 0);
	before = state.pointer_count;
	cr_assert_gt(before, 3);
	for (uint16_t i = 0; i < before; i++)
		cr_assert_neq(state.pointers[i], 64, "flags and mode are no pointer");
	memcpy(c->samples[2].raw + c->row_offsets[0] + state.pointers[1], &no_pointer, sizeof(no_pointer));
	cr_assert_eq(layout_stages[STAGE_FILE].findings[0].search(c, 0, &state), 0);
	cr_assert_eq(state.pointer_count, before - 1);
}

Test(layout_stages, every_stage_fits_into_a_probe)
{
	for (size_t k = 0; k < KERNEL_COUNT; k++) {
		for (enum stage s = 0; s < LAYOUT_STAGE_COUNT; s++) {
			struct layout_state state = search_until(kernels[k].kernel, s);
			struct layout_rows rows = {.count = 0};
			struct buffer text;
			uint32_t pieces = 0;
			uint32_t bytes = 16; /* what every probe's record begins with */

			buffer_init(&text, 0);
			layout_stages[s].rows(&rows, &state);
			for (uint32_t r = 0; r < rows.count; r++) {
				layout_row_put(&text, &rows.rows[r]);
				pieces += rows.rows[r].count;
				bytes += (uint32_t)rows.rows[r].count * rows.rows[r].width;
			}
			cr_expect_leq(pieces, 128, "%s: %u arguments", layout_stages[s].name, pieces);
			cr_expect_lt(text.length, 4000, "%s: %zu characters", layout_stages[s].name, text.length);
			cr_expect_leq(bytes, LAYOUT_SAMPLE_BYTES_MAX, "%s: %u bytes", layout_stages[s].name, bytes);
			buffer_done(&text);
		}
	}
}
