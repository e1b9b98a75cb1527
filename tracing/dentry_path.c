#include "tracing/dentry_path.h"

#include "tracing/probe_limits.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define NAME_BYTES_MAX 255

/* Numbers of names by chain; what does not fit into PROBE_ARGUMENT_CHARACTERS_MAX is left out. */
struct shape {
	uint8_t names[DENTRY_PATH_CHAINS];
	uint8_t words; /* 0: strings only */
};

/* Best first. Names of five words hold a UUID. */
static const struct shape shapes[] = {
	{{DENTRY_PATH_NAMES_MAX, DENTRY_PATH_NAMES_MAX, DENTRY_PATH_NAMES_MAX, DENTRY_PATH_NAMES_MAX, 0}, 0},
	{{8, 8, 6, 5, 0}, 0},
	{{8, 6, 4, 2, 0}, 8},
	{{8, 5, 3, 1, 0}, 5},
	{{8, 4, 2, 1, 0}, 5},
	{{8, 4, 2, 1, 0}, 4},
	{{6, 3, 2, 0, 0}, 4},
	{{4, 2, 1, 0, 0}, 4},
};

/* An expression under construction, innermost first. */
struct expression {
	char text[128];
};

static struct expression expression_of(const char *base)
{
	struct expression e;

	snprintf(e.text, sizeof(e.text), "%s", base);
	return e;
}

/* What the pointer at `offset` behind `inner` points to. One that is too long is refused later, by its length. */
static struct expression at(int offset, struct expression inner)
{
	struct expression e;

	if (snprintf(e.text, sizeof(e.text), "%+d(%s)", offset, inner.text) >= (int)sizeof(e.text))
		memset(e.text, '(', sizeof(e.text) - 1);
	e.text[sizeof(e.text) - 1] = '\0';
	return e;
}

static bool expression_fits(const struct expression *e, const char *type)
{
	return strlen(e->text) + strlen(type) <= PROBE_ARGUMENT_CHARACTERS_MAX;
}

/* Where a chain begins. */
struct anchor {
	struct expression dentry;
	struct expression root;
	struct expression parent;
};

static struct expression own_mount(const struct kernel_layout *layout, const struct dentry_path_spec *spec)
{
	return at(spec->kind == DENTRY_PATH_OF_FILE ? layout->file.mount : layout->path.mount, expression_of(spec->base));
}

static struct expression own_dentry(const struct kernel_layout *layout, const struct dentry_path_spec *spec)
{
	if (spec->kind == DENTRY_PATH_OF_DENTRY)
		return expression_of(spec->base);
	return at(spec->kind == DENTRY_PATH_OF_FILE ? layout->file.dentry : layout->path.dentry, expression_of(spec->base));
}

static void find_anchors(const struct kernel_layout *layout, const struct dentry_path_spec *spec, struct anchor anchors[DENTRY_PATH_CHAINS])
{
	const struct mount_layout *mount = &layout->mount;
	struct expression own;

	anchors[0].dentry = own_dentry(layout, spec);
	if (spec->kind == DENTRY_PATH_OF_DENTRY)
		return;
	own = own_mount(layout, spec);
	anchors[0].root = at(mount->root, own);
	anchors[0].parent = at(mount->parent, own);
	anchors[1].dentry = at(mount->mountpoint, own);
	for (int i = 1; i < DENTRY_PATH_CHAINS; i++) {
		/* The parent is a struct mount, not the struct vfsmount in it. */
		anchors[i].root = at(mount->vfsmount + mount->root, anchors[i - 1].parent);
		anchors[i].parent = at(mount->vfsmount + mount->parent, anchors[i - 1].parent);
		if (i + 1 < DENTRY_PATH_CHAINS)
			anchors[i + 1].dentry = at(mount->vfsmount + mount->mountpoint, anchors[i - 1].parent);
	}
}

/* What has been written and what it costs. */
struct writer {
	struct buffer text;
	const char *prefix;
	uint32_t arguments;
	uint32_t bytes;
};

/* Words are of the kernel's own default type, which spares characters: as wide as a pointer on all kernels. */
static void put_word(struct writer *w, const char *name, int number, const struct expression *e)
{
	buffer_printf(&w->text, " %s%s%d=%s", w->prefix, name, number, e->text);
	w->arguments++;
	w->bytes += 8;
}

static void put_string(struct writer *w, const char *name, int number, const struct expression *e)
{
	buffer_printf(&w->text, " %s%s%d=%s:string", w->prefix, name, number, e->text);
	w->arguments++;
	w->bytes += PROBE_STRING_BYTES(NAME_BYTES_MAX);
}

static const char *const name_letters[DENTRY_PATH_CHAINS] = {"a", "b", "c", "d", "e"};
static const char *const dentry_letters[DENTRY_PATH_CHAINS] = {"A", "B", "C", "D", "E"};

static void put_name(struct writer *w, int chain, int level, struct expression pointer, uint8_t words)
{
	char name[16];
	struct expression e;

	if (!words) {
		e = at(0, pointer);
		put_string(w, name_letters[chain], level, &e);
		return;
	}
	snprintf(name, sizeof(name), "%s%d_", name_letters[chain], level);
	for (int i = 0; i < words; i++) {
		e = at(i * 8, pointer);
		put_word(w, name, i, &e);
	}
}

/* Whether a name can be read there, however it is read: "+56" is the longest offset of a word. */
static bool name_fits(struct expression pointer)
{
	struct expression string = at(0, pointer);
	struct expression word = at((DENTRY_PATH_WORDS_MAX - 1) * 8, pointer);

	return expression_fits(&string, ":string") && expression_fits(&word, "");
}

/* Names as far as `wanted` and the length of expressions allow, and a dentry more. */
static void put_chain(struct writer *w, struct dentry_path *p, int chain, const struct kernel_layout *layout, const struct anchor *anchor,
		      uint8_t wanted)
{
	struct dentry_path_chain *c = &p->chains[chain];
	struct expression dentry = anchor->dentry;
	uint8_t before = 0;

	for (int i = 0; i < chain; i++)
		before = (uint8_t)(before + p->chains[i].count);
	for (c->count = 0; c->count < wanted && name_fits(at(layout->dentry.name, dentry)); c->count++) {
		bool is_string = !p->words || before + c->count < p->string_count;

		put_name(w, chain, c->count, at(layout->dentry.name, dentry), is_string ? 0 : p->words);
		c->names[c->count].words = is_string ? 0 : p->words;
		put_word(w, dentry_letters[chain], c->count, &dentry);
		dentry = at(layout->dentry.parent, dentry);
	}
	put_word(w, dentry_letters[chain], c->count, &dentry);
	if (p->kind == DENTRY_PATH_OF_DENTRY)
		return;
	put_word(w, "r", chain, &anchor->root);
	put_word(w, "q", chain, &anchor->parent);
}

static void put_plan(struct writer *w, struct dentry_path *p, const struct kernel_layout *layout, const struct dentry_path_spec *spec,
		     const struct shape *shape)
{
	struct anchor anchors[DENTRY_PATH_CHAINS];

	buffer_clear(&w->text);
	w->arguments = 0;
	w->bytes = 0;
	find_anchors(layout, spec, anchors);
	for (int i = 0; i < p->chain_count; i++)
		put_chain(w, p, i, layout, &anchors[i], shape->names[i]);
	if (p->kind != DENTRY_PATH_OF_DENTRY) {
		struct expression mount = own_mount(layout, spec);

		put_word(w, "m", 0, &mount);
	}
}

struct room {
	uint32_t arguments;
	uint32_t characters;
	uint32_t bytes;
};

static struct room room_for(const struct dentry_path_spec *spec)
{
	return (struct room){
		.arguments = spec->arguments ? spec->arguments : PROBE_ARGUMENTS_MAX,
		.characters = spec->characters ? spec->characters : PROBE_DEFINITION_CHARACTERS_MAX - 256,
		.bytes = spec->record_bytes ? spec->record_bytes : PROBE_RECORD_BYTES_OLD - 2 * PROBE_HEADER_BYTES,
	};
}

static bool fits(const struct writer *w, const struct room *room)
{
	return w->arguments <= room->arguments && w->text.length <= room->characters && w->bytes <= room->bytes;
}

static uint8_t count_names(const struct dentry_path *p)
{
	uint8_t count = 0;

	for (int i = 0; i < p->chain_count; i++)
		count = (uint8_t)(count + p->chains[i].count);
	return count;
}

/* With as many strings as there is room for: they take fewer arguments and characters, but may take more of the record. The file's own
 * name is one always. */
static bool try_shape(struct writer *w, struct dentry_path *p, const struct kernel_layout *layout, const struct dentry_path_spec *spec,
		      const struct shape *shape)
{
	const struct room room = room_for(spec);

	p->words = shape->words;
	p->string_count = UINT8_MAX;
	put_plan(w, p, layout, spec, shape);
	if (fits(w, &room) || !shape->words)
		return fits(w, &room);
	for (p->string_count = count_names(p); --p->string_count > 0;) {
		put_plan(w, p, layout, spec, shape);
		if (fits(w, &room))
			return true;
	}
	return false;
}

static int check_layout(const struct kernel_layout *layout, enum dentry_path_kind kind, struct error *err)
{
	static const uint32_t needs[] = {
		[DENTRY_PATH_OF_FILE] = LAYOUT_GROUP_BIT(LAYOUT_NAMES) | LAYOUT_GROUP_BIT(LAYOUT_MOUNT),
		[DENTRY_PATH_OF_PATH] = LAYOUT_GROUP_BIT(LAYOUT_NAMES) | LAYOUT_GROUP_BIT(LAYOUT_MOUNT) | LAYOUT_GROUP_BIT(LAYOUT_PATH),
		[DENTRY_PATH_OF_DENTRY] = LAYOUT_GROUP_BIT(LAYOUT_NAMES),
	};

	for (enum kernel_layout_group group = 0; group < LAYOUT_GROUP_COUNT; group++)
		if (needs[kind] & LAYOUT_GROUP_BIT(group) && !kernel_layout_knows(layout, group))
			return error_set(err, -ENODATA, "paths cannot be captured: %s", layout->missing[group].message);
	return 0;
}

int dentry_path_plan(struct dentry_path *ret, const struct kernel_layout *layout, const struct dentry_path_spec *spec,
		     struct buffer *fetchargs, struct error *err)
{
	struct writer w = {.prefix = spec->prefix};
	bool found = false;
	int r = check_layout(layout, spec->kind, err);

	if (r < 0)
		return r;
	memset(ret, 0, sizeof(*ret));
	if (snprintf(ret->prefix, sizeof(ret->prefix), "%s", spec->prefix) >= (int)sizeof(ret->prefix))
		return error_set(err, -EINVAL, "prefix %s is longer than %zu characters", spec->prefix, sizeof(ret->prefix) - 1);
	ret->kind = spec->kind;
	ret->chain_count = spec->kind == DENTRY_PATH_OF_DENTRY ? 1 : DENTRY_PATH_CHAINS;
	ret->vfsmount = layout->mount.vfsmount;
	buffer_init(&w.text, 0);
	for (size_t i = 0; !found && i < sizeof(shapes) / sizeof(shapes[0]); i++)
		found = try_shape(&w, ret, layout, spec, &shapes[i]);
	if (w.text.failed)
		r = error_set(err, -ENOMEM, "out of memory");
	else if (!found)
		r = error_set(err, -E2BIG, "a path does not fit into what is left of a probe's %u arguments, %u characters and %u bytes",
			      room_for(spec).arguments, room_for(spec).characters, room_for(spec).bytes);
	else
		buffer_put(fetchargs, w.text.data, w.text.length);
	buffer_done(&w.text);
	return r;
}

static int find_field(const struct dentry_path *p, const struct format *format, const char *name, int number, struct format_field *ret,
		      struct error *err)
{
	char full[32];

	snprintf(full, sizeof(full), "%s%s%d", p->prefix, name, number);
	return format_field(format, full, ret, err);
}

static int find_name(const struct dentry_path *p, const struct format *format, int chain, int level, struct dentry_path_name *ret,
		     struct error *err)
{
	char name[16];
	int r;

	if (!ret->words)
		return find_field(p, format, name_letters[chain], level, &ret->field, err);
	snprintf(name, sizeof(name), "%s%d_", name_letters[chain], level);
	r = find_field(p, format, name, 0, &ret->field, err);
	/* The words of a name stand one behind the other. */
	for (int i = 1; !r && i < ret->words; i++) {
		struct format_field next;

		r = find_field(p, format, name, i, &next, err);
		if (!r && (next.size != 8 || next.offset != ret->field.offset + 8 * i))
			return error_set(err, -EPROTO, "this kernel does not lay the arguments of a probe out in their order");
	}
	return r;
}

int dentry_path_compile(struct dentry_path *p, const struct format *format, struct error *err)
{
	bool mounted = p->kind != DENTRY_PATH_OF_DENTRY;
	int r = mounted ? find_field(p, format, "m", 0, &p->mount, err) : 0;

	for (int i = 0; !r && i < p->chain_count; i++) {
		struct dentry_path_chain *c = &p->chains[i];

		for (int level = 0; !r && level < c->count; level++)
			r = find_name(p, format, i, level, &c->names[level], err);
		for (int level = 0; !r && level <= c->count; level++)
			r = find_field(p, format, dentry_letters[i], level, &c->dentries[level], err);
		if (!r && mounted)
			r = find_field(p, format, "r", i, &c->root, err);
		if (!r && mounted)
			r = find_field(p, format, "q", i, &c->parent, err);
	}
	return r;
}

/* The path grows from its end towards the beginning of the buffer. */
struct path_text {
	char *text;
	uint32_t size;
	uint32_t start; /* first byte in use; the last one is the NUL */
};

/* False: no room, and nothing was put. */
static bool prepend(struct path_text *t, const char *name, size_t length)
{
	if (length + 1 > t->start)
		return false;
	t->start -= (uint32_t)length;
	memcpy(t->text + t->start, name, length);
	t->text[--t->start] = '/';
	return true;
}

static uint64_t read_pointer(const struct format_field *field, const uint8_t *raw, uint32_t raw_size)
{
	return format_read_integer(field, raw, raw_size);
}

/* NULL: it is not there whole. */
static const char *read_name(const struct dentry_path_name *name, const uint8_t *raw, uint32_t raw_size, size_t *ret_length)
{
	const char *text;
	uint32_t room = name->words * 8U;

	if (!name->words) {
		text = format_read_string(&name->field, raw, raw_size, ret_length);
		return text && *ret_length ? text : NULL;
	}
	if (name->field.offset + room > raw_size)
		return NULL;
	text = (const char *)raw + name->field.offset;
	*ret_length = strnlen(text, room);
	return *ret_length && *ret_length < room ? text : NULL;
}

/* A dentry that is its own parent, but not what the mount shows as its root. A root is called "/", which is no name; what hangs nowhere may
 * have one. */
static enum dentry_path_result read_tree_top(bool mounted, const char *name, size_t length, struct path_text *t)
{
	if (!mounted)
		return DENTRY_PATH_IN_MOUNT;
	if (name && !(length == 1 && *name == '/'))
		prepend(t, name, length);
	return DENTRY_PATH_UNREACHABLE;
}

/* Goes up a chain as far as the root of its mount (or, without mounts, of its file system). */
static enum dentry_path_result read_chain(const struct dentry_path *p, const struct dentry_path_chain *c, const uint8_t *raw,
					  uint32_t raw_size, struct path_text *t)
{
	bool mounted = p->kind != DENTRY_PATH_OF_DENTRY;
	uint64_t root = mounted ? read_pointer(&c->root, raw, raw_size) : 0;
	uint64_t dentry = read_pointer(&c->dentries[0], raw, raw_size);

	if (!dentry || (mounted && !root))
		return DENTRY_PATH_ABSENT;
	for (int i = 0; i < c->count; i++) {
		uint64_t parent = read_pointer(&c->dentries[i + 1], raw, raw_size);
		size_t length = 0;
		const char *name = read_name(&c->names[i], raw, raw_size, &length);

		if (dentry == root)
			return DENTRY_PATH_WHOLE;
		if (dentry == parent)
			return read_tree_top(mounted, name, length, t);
		if (!name || !parent || !prepend(t, name, length))
			return DENTRY_PATH_TRUNCATED;
		dentry = parent;
	}
	return dentry == root ? DENTRY_PATH_WHOLE : DENTRY_PATH_TRUNCATED;
}

/* A mount whose parent is itself is the topmost. The pointers are to the start of a struct mount. */
static bool is_topmost(const struct dentry_path *p, int chain, const uint8_t *raw, uint32_t raw_size)
{
	uint64_t parent = read_pointer(&p->chains[chain].parent, raw, raw_size);

	if (chain)
		return parent == read_pointer(&p->chains[chain - 1].parent, raw, raw_size);
	return parent + (uint64_t)(int64_t)p->vfsmount == read_pointer(&p->mount, raw, raw_size);
}

static enum dentry_path_result read_chains(const struct dentry_path *p, const uint8_t *raw, uint32_t raw_size, struct path_text *t)
{
	for (int i = 0; i < p->chain_count; i++) {
		enum dentry_path_result result = read_chain(p, &p->chains[i], raw, raw_size, t);

		/* What is above is lost, what is below is not. */
		if (result == DENTRY_PATH_ABSENT && i)
			return DENTRY_PATH_TRUNCATED;
		if (result != DENTRY_PATH_WHOLE || is_topmost(p, i, raw, raw_size))
			return result;
	}
	return DENTRY_PATH_TRUNCATED;
}

enum dentry_path_result dentry_path_read(const struct dentry_path *p, const uint8_t *raw, uint32_t raw_size, char *text, uint32_t size,
					 uint32_t *ret_length)
{
	struct path_text t = {.text = text, .size = size, .start = size - 1};
	enum dentry_path_result result;

	text[size - 1] = '\0';
	result = read_chains(p, raw, raw_size, &t);
	if (result == DENTRY_PATH_WHOLE || result == DENTRY_PATH_IN_MOUNT) {
		if (t.start == size - 1 && !prepend(&t, "", 0))
			result = DENTRY_PATH_TRUNCATED;
	} else if (t.start < size - 1) {
		/* Not from the beginning: without the slash that each name has before it. */
		t.start++;
	}
	*ret_length = size - 1 - t.start;
	memmove(text, text + t.start, *ret_length + 1);
	return result;
}
