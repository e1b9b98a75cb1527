#include "sensor/process_tree.h"

#include <stdlib.h>
#include <utlist.h>

struct process_entry *process_tree_add(struct process_tree *t, uint32_t tgid)
{
	struct process_entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->process.tgid = tgid;
	e->process.references = 1;
	e->process.revision = ++t->revision;
	e->nth = 1;
	return e;
}

void process_entry_contain(struct process_entry *e, struct container *container)
{
	struct container *before = e->process.container;

	if (before)
		DL_DELETE2(before->members, e, member_prev, member_next);
	container_unref(before);
	e->process.container = container;
	if (container)
		DL_PREPEND2(container->members, e, member_prev, member_next);
}

void process_entry_free(struct process_entry *e)
{
	thread_set_done(&e->threads);
	free(e->process.encoded);
	free(e->process.cwd);
	process_entry_contain(e, NULL);
	free(e);
}

static void drop_encoded(struct process_entry *e)
{
	free(e->process.encoded);
	e->process.encoded = NULL;
	e->process.encoded_size = 0;
	e->process.encoded_revision = 0;
}

static void take_off_list(struct process_tree *t, struct process_entry *e)
{
	if (e->process.exit_time_ns == 0)
		return;
	if (e->in_table) {
		DL_DELETE2(t->lingering, e, older, newer);
		t->lingering_count--;
	} else {
		/* The analyzer does not see that whoever ended is in one of the lists. */
		DL_DELETE2(t->kept, e, older, newer); /* NOLINT(clang-analyzer-unix.Malloc) */
		t->kept_count--;
	}
}

/* Frees what nothing refers to any more, upwards. */
static void unref(struct process_tree *t, struct process_entry *e)
{
	while (e && --e->process.references == 0) {
		struct process_entry *parent = process_entry_parent(e);

		if (parent)
			DL_DELETE2(parent->children, e, sibling_prev, sibling_next);
		take_off_list(t, e);
		process_entry_free(e);
		e = parent;
	}
}

static bool is_ancestor(const struct process_entry *e, const struct process_entry *of)
{
	for (; of; of = process_entry_parent(of)) {
		if (of == e)
			return true;
	}
	return false;
}

void process_tree_link(struct process_tree *t, struct process_entry *child, struct process_entry *parent)
{
	struct process_entry *before = process_entry_parent(child);

	if (before == parent)
		return;
	if (parent && (child->children || parent == child) && is_ancestor(child, parent))
		parent = NULL;
	if (parent) {
		parent->process.references++;
		child->process.parent = &parent->process;
	} else {
		child->process.parent = NULL;
	}
	if (before)
		DL_DELETE2(before->children, child, sibling_prev, sibling_next);
	if (parent)
		DL_APPEND2(parent->children, child, sibling_prev, sibling_next);
	unref(t, before);
	process_tree_revise(t, child);
}

/* Only what process_set_encoded() has marked can hold stale bytes: below an entry without the mark there is nothing to do. So a process
 * with many children that renames itself all the time costs no more than the encoding that its children cause. */
void process_tree_revise(struct process_tree *t, struct process_entry *root)
{
	struct process_entry *e = root;

	for (;;) {
		bool descend = e->encoded_below && e->children;

		e->process.revision = ++t->revision;
		e->encoded_below = false;
		if (descend) {
			e = e->children;
			continue;
		}
		while (e != root && !e->sibling_next)
			e = process_entry_parent(e);
		if (e == root)
			return;
		e = e->sibling_next;
	}
}

void process_set_encoded(const struct process *p, void *bytes, size_t size)
{
	struct process_entry *e = process_entry_of(p);

	if (e->process.encoded != bytes)
		free(e->process.encoded);
	e->process.encoded = bytes;
	e->process.encoded_size = size;
	e->process.encoded_revision = e->process.revision;
	for (; e && !e->encoded_below; e = process_entry_parent(e))
		e->encoded_below = true;
}

/* Its children get its parent. */
static void cut(struct process_tree *t, struct process_entry *e)
{
	struct process_entry *parent = process_entry_parent(e);

	e->process.references++;
	while (e->children)
		process_tree_link(t, e->children, parent);
	unref(t, e);
	t->cut++;
}

void process_tree_bound_lineage(struct process_tree *t, struct process_entry *e)
{
	for (;;) {
		struct process_entry *oldest = NULL;
		size_t ancestors = 0;

		for (struct process_entry *up = process_entry_parent(e); up; up = process_entry_parent(up)) {
			ancestors++;
			if (up->process.exit_time_ns != 0)
				oldest = up;
		}
		if (ancestors <= PROCESS_LINEAGE_MAX || !oldest)
			return;
		cut(t, oldest);
	}
}

void process_tree_end(struct process_tree *t, struct process_entry *e, uint64_t exit_time_ns)
{
	/* The bytes of the one that ended before served the event of its end; hardly anything comes after that. */
	if (t->lingering)
		drop_encoded(t->lingering->older);
	e->process.exit_time_ns = exit_time_ns;
	DL_APPEND2(t->lingering, e, older, newer);
	t->lingering_count++;
}

void process_tree_leave_table(struct process_tree *t, struct process_entry *e)
{
	take_off_list(t, e);
	e->in_table = false;
	DL_APPEND2(t->kept, e, older, newer);
	t->kept_count++;
	drop_encoded(e);
	process_entry_contain(e, NULL);
	unref(t, e);
}

void process_tree_cut_oldest(struct process_tree *t)
{
	if (t->kept)
		cut(t, t->kept);
}
