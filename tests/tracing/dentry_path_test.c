#include "tracing/dentry_path.h"

#include "tests/tracing/fake_kernel.h"
#include "tracing/probe_limits.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Structures with the members in other places than any kernel has them. */
struct dentry {
	const char *padding[2]; /* offsets of two digits, as the kernels have them */
	const char *name;
	struct dentry *parent;
	char more[64]; /* names captured as words may be read beyond their end */
};

struct mount {
	void *padding[2];
	struct dentry *mountpoint;
	struct mount *parent;
	struct {
		void *padding;
		struct dentry *root;
	} vfsmount;
};

struct path {
	struct dentry *dentry;
	void *vfsmount;
};

struct file {
	void *padding[3];
	void *vfsmount;
	struct dentry *dentry;
};

static const struct kernel_layout layout = {
	.file = {.dentry = offsetof(struct file, dentry), .mount = offsetof(struct file, vfsmount)},
	.dentry = {.parent = offsetof(struct dentry, parent), .name = offsetof(struct dentry, name)},
	.mount = {.parent = (int16_t)offsetof(struct mount, parent) - (int16_t)offsetof(struct mount, vfsmount),
		  .mountpoint = (int16_t)offsetof(struct mount, mountpoint) - (int16_t)offsetof(struct mount, vfsmount),
		  .root = 8,
		  .vfsmount = offsetof(struct mount, vfsmount)},
	.path = {.dentry = offsetof(struct path, dentry), .mount = offsetof(struct path, vfsmount)},
};

/* What fits into a probe of an old kernel, and of a new one. */
static const struct dentry_path_spec old_kernel = {.kind = DENTRY_PATH_OF_FILE, .base = "%di", .prefix = "p"};
static const struct dentry_path_spec new_kernel = {.kind = DENTRY_PATH_OF_FILE,
						   .base = "%di",
						   .prefix = "p",
						   .record_bytes = PROBE_RECORD_BYTES_NEW - 64};

/* Zeroed memory that lives as long as the test, which is a process of its own. */
static void *arena_new(size_t size)
{
	static _Alignas(16) char arena[8 << 20];
	static size_t used;
	void *ret = arena + used;

	used += (size + 15) & ~(size_t)15;
	cr_assert_leq(used, sizeof(arena));
	return ret;
}

/* A dentry below `parent`; without one, a root. */
static struct dentry *dentry(struct dentry *parent, const char *name)
{
	struct dentry *d = arena_new(sizeof(*d));

	/* Room behind the name, for words. */
	d->name = memcpy(arena_new(strlen(name) + 128), name, strlen(name));
	d->parent = parent ? parent : d;
	return d;
}

static struct dentry *dentries(struct dentry *parent, const char *path)
{
	char *copy = strcpy(arena_new(strlen(path) + 1), path); /* NOLINT */
	char *state = NULL;

	for (char *name = strtok_r(copy, "/", &state); name; name = strtok_r(NULL, "/", &state))
		parent = dentry(parent, name);
	return parent;
}

/* A mount that shows `root` at `mountpoint` in `parent`; without one, the topmost. */
static struct mount *mount(struct mount *parent, struct dentry *mountpoint, struct dentry *root)
{
	struct mount *m = arena_new(sizeof(*m));

	m->parent = parent ? parent : m;
	m->mountpoint = mountpoint ? mountpoint : root;
	m->vfsmount.root = root;
	return m;
}

struct reading {
	enum dentry_path_result result;
	char text[4096];
	uint32_t length;
	struct fake_record record;
};

static struct reading *read_as(const struct dentry_path_spec *spec, const void *pointer, uint32_t text_size)
{
	struct reading *reading = arena_new(sizeof(*reading));
	struct dentry_path p;
	struct buffer fetchargs;
	struct error err = {0};

	buffer_init(&fetchargs, 0);
	cr_assert_eq(dentry_path_plan(&p, &layout, spec, &fetchargs, &err), 0, "%s", err.message);
	buffer_put_u8(&fetchargs, 0);
	fake_record_make(&reading->record, (const char *)fetchargs.data, pointer);
	cr_assert_eq(dentry_path_compile(&p, reading->record.format, &err), 0, "%s", err.message);
	reading->result = dentry_path_read(&p, reading->record.raw, reading->record.size, reading->text, text_size, &reading->length);
	cr_assert_eq(strlen(reading->text), reading->length);
	fake_record_done(&reading->record);
	buffer_done(&fetchargs);
	return reading;
}

static void expect(const struct dentry_path_spec *spec, struct mount *m, struct dentry *d, enum dentry_path_result result, const char *text)
{
	const struct file file = {.vfsmount = &m->vfsmount, .dentry = d};
	struct reading *reading = read_as(spec, &file, sizeof(reading->text));

	cr_expect_eq(reading->result, result, "%s: result %d, not %d", text, reading->result, result);
	cr_expect_str_eq(reading->text, text);
}

static void expect_all(struct mount *m, struct dentry *d, enum dentry_path_result result, const char *text)
{
	expect(&old_kernel, m, d, result, text);
	expect(&new_kernel, m, d, result, text);
}

Test(dentry_path, a_file_on_the_topmost_mount_has_its_names)
{
	struct dentry *root = dentry(NULL, "/");

	expect_all(mount(NULL, NULL, root), dentries(root, "usr/bin/true"), DENTRY_PATH_WHOLE, "/usr/bin/true");
}

Test(dentry_path, the_root_is_a_slash)
{
	struct dentry *root = dentry(NULL, "/");
	struct dentry *other = dentry(NULL, "/");
	struct mount *top = mount(NULL, NULL, root);

	expect_all(top, root, DENTRY_PATH_WHOLE, "/");
	expect_all(mount(top, root, other), other, DENTRY_PATH_WHOLE, "/");
}

Test(dentry_path, a_mount_on_a_mount_has_both_mountpoints_in_front)
{
	struct dentry *root = dentry(NULL, "/");
	struct dentry *outer = dentry(NULL, "/");
	struct dentry *inner = dentry(NULL, "/");
	struct mount *top = mount(NULL, NULL, root);
	struct mount *first = mount(top, dentries(root, "mnt/point"), outer);
	struct mount *second = mount(first, dentries(outer, "a/b"), inner);

	expect_all(first, dentries(outer, "file"), DENTRY_PATH_WHOLE, "/mnt/point/file");
	expect_all(second, dentries(inner, "dir/file"), DENTRY_PATH_WHOLE, "/mnt/point/a/b/dir/file");
	expect_all(second, inner, DENTRY_PATH_WHOLE, "/mnt/point/a/b");
}

Test(dentry_path, a_fifth_mount_is_beyond_what_is_captured_and_the_path_says_so)
{
	struct dentry *roots[5];
	struct mount *m = NULL;

	for (int i = 0; i < 5; i++) {
		roots[i] = dentry(NULL, "/");
		m = mount(m, i ? dentries(roots[i - 1], "on") : NULL, roots[i]);
	}
	expect_all(m, dentries(roots[4], "file"), DENTRY_PATH_TRUNCATED, "on/on/on/file");
	expect_all(m->parent, dentries(roots[3], "file"), DENTRY_PATH_WHOLE, "/on/on/on/file");
}

Test(dentry_path, empty_roots_under_the_root_are_no_matter)
{
	struct dentry *roots[3] = {dentry(NULL, "/"), dentry(NULL, "/"), dentry(NULL, "/")};
	struct dentry *outer = dentry(NULL, "/");
	struct dentry *inner = dentry(NULL, "/");
	struct mount *m = NULL;

	for (int i = 0; i < 3; i++)
		m = mount(m, i ? roots[i - 1] : NULL, roots[i]);
	m = mount(m, dentries(roots[2], "var/lib"), outer);
	m = mount(m, dentries(outer, "on"), inner);
	expect_all(m, dentries(inner, "usr/bin/true"), DENTRY_PATH_WHOLE, "/var/lib/on/usr/bin/true");
}

Test(dentry_path, a_bind_mount_ends_at_the_directory_that_it_shows)
{
	struct dentry *root = dentry(NULL, "/");
	struct dentry *source = dentries(root, "data/source");
	struct mount *top = mount(NULL, NULL, root);

	expect_all(mount(top, dentries(root, "target"), source), dentries(source, "x"), DENTRY_PATH_WHOLE, "/target/x");
	expect_all(top, dentries(source, "x"), DENTRY_PATH_WHOLE, "/data/source/x");
}

Test(dentry_path, eight_names_in_a_mount_are_whole_and_nine_are_truncated)
{
	struct dentry *root = dentry(NULL, "/");
	struct mount *top = mount(NULL, NULL, root);

	expect_all(top, dentries(root, "1/2/3/4/5/6/7/8"), DENTRY_PATH_WHOLE, "/1/2/3/4/5/6/7/8");
	expect_all(top, dentries(root, "1/2/3/4/5/6/7/8/9"), DENTRY_PATH_TRUNCATED, "2/3/4/5/6/7/8/9");
}

Test(dentry_path, what_no_mount_shows_is_unreachable_and_has_its_name)
{
	struct mount *internal = mount(NULL, NULL, dentry(NULL, "pipe:"));
	struct dentry *stray = dentry(NULL, "/");

	expect_all(internal, dentry(NULL, "memfd:x"), DENTRY_PATH_UNREACHABLE, "memfd:x");
	expect_all(internal, dentry(NULL, ""), DENTRY_PATH_UNREACHABLE, "");
	expect_all(internal, dentries(stray, "lost/file"), DENTRY_PATH_UNREACHABLE, "lost/file");
}

Test(dentry_path, a_pointer_that_leads_nowhere_is_absent)
{
	struct file file = {0};
	struct reading *reading = read_as(&old_kernel, NULL, sizeof(reading->text));

	cr_assert_eq(reading->result, DENTRY_PATH_ABSENT);
	cr_assert_str_eq(reading->text, "");
	reading = read_as(&old_kernel, &file, sizeof(reading->text));
	cr_assert_eq(reading->result, DENTRY_PATH_ABSENT);
}

Test(dentry_path, names_of_255_bytes_are_whole_where_they_fit_and_never_cut_in_the_middle)
{
	char name[256] = {0};
	struct dentry *root = dentry(NULL, "/");
	struct mount *top = mount(NULL, NULL, root);
	struct dentry *d = root;
	char path[4 * 256 + 1];
	struct file file = {.vfsmount = &top->vfsmount};
	struct reading *reading;

	memset(name, 'x', 255);
	for (int i = 0; i < 4; i++) {
		name[0] = (char)('a' + i);
		d = dentry(d, name);
		memcpy(path + i * 256, "/", 1);
		memcpy(path + i * 256 + 1, name, 255);
	}
	path[4 * 256] = '\0';
	expect(&new_kernel, top, d, DENTRY_PATH_WHOLE, path);
	file.dentry = d;
	reading = read_as(&old_kernel, &file, sizeof(reading->text));
	cr_assert(reading->result == DENTRY_PATH_WHOLE || reading->result == DENTRY_PATH_TRUNCATED);
	cr_assert_eq(reading->length % 256, reading->result == DENTRY_PATH_WHOLE ? 0 : 255);
	cr_assert_gt(reading->length, 0);
	cr_assert_str_eq(reading->text, path + sizeof(path) - 1 - reading->length);
}

Test(dentry_path, names_of_39_bytes_are_whole_in_every_place_on_an_old_kernel)
{
	const char uuid[] = "vol-0b2c7f2e-8f43-4a57-9a8e-1f1d6c6b7a2"; /* 39 bytes */
	struct dentry *root = dentry(NULL, "/");
	struct dentry *outer = dentry(NULL, "/");
	char names[8 * 40 + 1] = "";
	char path[512];

	cr_assert_eq(strlen(uuid), 39);
	for (int i = 0; i < 8; i++)
		strcat(strcat(names, "/"), uuid);
	snprintf(path, sizeof(path), "/%s/pods%s", uuid, names);
	expect_all(mount(mount(NULL, NULL, root), dentries(dentries(root, uuid), "pods"), outer), dentries(outer, names), DENTRY_PATH_WHOLE,
		   path);
}

Test(dentry_path, a_buffer_that_is_too_small_keeps_the_last_names)
{
	struct dentry *root = dentry(NULL, "/");
	struct mount *top = mount(NULL, NULL, root);
	const struct file file = {.vfsmount = &top->vfsmount, .dentry = dentries(root, "usr/bin/true")};

	for (uint32_t size = 1; size <= 16; size++) {
		struct reading *reading = read_as(&new_kernel, &file, size);
		const char *expected = size >= 14 ? "/usr/bin/true" : size >= 10 ? "bin/true" : size >= 6 ? "true" : "";

		cr_expect_str_eq(reading->text, expected, "%u: %s", size, reading->text);
		cr_expect_eq(reading->result, size >= 14 ? DENTRY_PATH_WHOLE : DENTRY_PATH_TRUNCATED);
	}
}

Test(dentry_path, a_struct_path_and_a_dentry_can_be_read_too)
{
	const struct dentry_path_spec of_path = {.kind = DENTRY_PATH_OF_PATH, .base = "%si", .prefix = "x"};
	const struct dentry_path_spec of_dentry = {.kind = DENTRY_PATH_OF_DENTRY, .base = "%si", .prefix = "x"};
	struct dentry *root = dentry(NULL, "/");
	struct dentry *outer = dentry(NULL, "/");
	struct mount *m = mount(mount(NULL, NULL, root), dentries(root, "mnt"), outer);
	const struct path path = {.vfsmount = &m->vfsmount, .dentry = dentries(outer, "a/b")};
	struct reading *reading = read_as(&of_path, &path, sizeof(reading->text));

	cr_assert_eq(reading->result, DENTRY_PATH_WHOLE);
	cr_assert_str_eq(reading->text, "/mnt/a/b");
	reading = read_as(&of_dentry, path.dentry, sizeof(reading->text));
	cr_assert_eq(reading->result, DENTRY_PATH_IN_MOUNT);
	cr_assert_str_eq(reading->text, "/a/b");
	reading = read_as(&of_dentry, outer, sizeof(reading->text));
	cr_assert_eq(reading->result, DENTRY_PATH_IN_MOUNT);
	cr_assert_str_eq(reading->text, "/");
}

/* Whatever room is given: what is planned stays inside, with the longest names too. */
Test(dentry_path, a_plan_never_takes_more_than_it_was_given)
{
	struct dentry *root = dentry(NULL, "/");
	struct mount *top = mount(NULL, NULL, root);
	const struct file file = {.vfsmount = &top->vfsmount, .dentry = dentries(root, "f")};
	uint32_t planned = 0;

	for (uint32_t arguments = 8; arguments <= 128; arguments += 24) {
		for (uint32_t bytes = 256; bytes <= 8192; bytes += 331) {
			for (uint32_t characters = 400; characters <= 4000; characters += 600) {
				struct dentry_path_spec spec = new_kernel;
				struct fake_record record;
				struct dentry_path p;
				struct buffer fetchargs;
				int r;

				spec.arguments = arguments;
				spec.record_bytes = bytes;
				spec.characters = characters;
				buffer_init(&fetchargs, 0);
				r = dentry_path_plan(&p, &layout, &spec, &fetchargs, NULL);
				cr_assert(r == 0 || r == -E2BIG);
				if (r == 0) {
					planned++;
					cr_assert_leq(fetchargs.length, characters);
					buffer_put_u8(&fetchargs, 0);
					fake_record_make(&record, (const char *)fetchargs.data, &file);
					cr_assert_leq(record.arguments, arguments);
					cr_assert_leq(record.worst_size, PROBE_HEADER_BYTES + bytes);
					cr_assert_leq(record.longest, PROBE_ARGUMENT_CHARACTERS_MAX);
					fake_record_done(&record);
				}
				buffer_done(&fetchargs);
			}
		}
	}
	cr_assert_gt(planned, 0);
}

Test(dentry_path, too_little_room_is_refused_with_what_there_was)
{
	struct dentry_path_spec spec = old_kernel;
	struct dentry_path p;
	struct buffer fetchargs;
	struct error err = {0};

	spec.arguments = 5;
	buffer_init(&fetchargs, 0);
	cr_assert_eq(dentry_path_plan(&p, &layout, &spec, &fetchargs, &err), -E2BIG);
	cr_assert_eq(strncmp(err.message, "a path does not fit into what is left of a probe's 5 arguments", 60), 0, "%s", err.message);
	cr_assert_eq(fetchargs.length, 0);
	buffer_done(&fetchargs);
}

Test(dentry_path, a_layout_that_lacks_mounts_is_refused_with_its_reason)
{
	struct kernel_layout partial = layout;
	struct dentry_path p;
	struct buffer fetchargs;
	struct error err = {0};

	error_set(&partial.missing[LAYOUT_MOUNT], -ENOTUNIQ, "mount: seen twice");
	buffer_init(&fetchargs, 0);
	cr_assert_eq(dentry_path_plan(&p, &partial, &old_kernel, &fetchargs, &err), -ENODATA);
	cr_assert_str_eq(err.message, "paths cannot be captured: mount: seen twice");
	buffer_done(&fetchargs);
}

Test(dentry_path, a_record_cut_anywhere_is_read_within_its_bounds)
{
	struct dentry *root = dentry(NULL, "/");
	struct mount *top = mount(NULL, NULL, root);
	const struct file file = {.vfsmount = &top->vfsmount, .dentry = dentries(root, "usr/bin/true")};
	struct fake_record record;
	struct dentry_path p;
	struct buffer fetchargs;
	char text[128];
	uint32_t length;

	buffer_init(&fetchargs, 0);
	cr_assert_eq(dentry_path_plan(&p, &layout, &old_kernel, &fetchargs, NULL), 0);
	buffer_put_u8(&fetchargs, 0);
	fake_record_make(&record, (const char *)fetchargs.data, &file);
	cr_assert_eq(dentry_path_compile(&p, record.format, NULL), 0);
	for (uint32_t size = 0; size < record.size; size++) {
		uint8_t *copy = memcpy(malloc(size + 1), record.raw, size);
		enum dentry_path_result result = dentry_path_read(&p, copy, size, text, sizeof(text), &length);

		cr_assert(result != DENTRY_PATH_WHOLE || !strcmp(text, "/usr/bin/true"), "%u: %s", size, text);
		free(copy);
	}
	fake_record_done(&record);
	buffer_done(&fetchargs);
}

Test(probe_limits, only_a_kernel_that_shows_itself_to_be_new_gets_long_records)
{
	cr_assert_eq(probe_record_bytes_of(NULL), 2048);
	cr_assert_eq(probe_record_bytes_of(""), 2048);
	cr_assert_eq(probe_record_bytes_of("\t     type: s8/16/32/64, u8/16/32/64, x8/16/32/64, string, symbol,\n"), 2048);
	cr_assert_eq(probe_record_bytes_of("\t     type: s8/16/32/64, u8/16/32/64, string, symbol, char,\n\t           symstr\n"), 8192);
}
