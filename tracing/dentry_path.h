#ifndef TRACING_DENTRY_PATH_H
#define TRACING_DENTRY_PATH_H

#include "base/buffer.h"
#include "base/error.h"
#include "tracing/format.h"
#include "tracing/kernel_layout.h"

#include <stdint.h>

/*
 * The path of a file that a function of the kernel has been given as a struct file *, a struct path * or a struct dentry *: fetchargs that
 * capture the names of the file and of the directories above it from the kernel's own structures when the probe is hit, and a decoder that
 * makes a path of them. Nothing is looked up later, so that neither the caller nor anyone else can change what was captured.
 *
 *	dentry_path_plan(&p, layout, &spec, &fetchargs, &err);
 *	...						install a probe with these fetchargs
 *	dentry_path_compile(&p, format, &err);
 *	result = dentry_path_read(&p, raw, raw_size, text, sizeof(text), &length);
 *
 * What is captured. A file is a dentry in a mount; the mount shows a tree from its own root dentry on and covers a dentry of the mount
 * below it. That gives chains of dentries: from the file up to its mount's root, from the mountpoint up to the root of the next mount, and so
 * on, five in all, the last without names: on most hosts the kernel's first root file system lies under the root and adds no name, and from
 * 7.x on an empty one lies under that. So at least a mount on a mount on the root is whole. A chain is N names and the pointers of N + 1
 * dentries, which are compared with the pointer of the mount's root.
 *
 * How much. A fetcharg has at most 63 characters, which is good for 8 names in the first chain and in the second, 6 in the third and 5 in the fourth. A
 * record has a limit as well (tracing/probe_limits.h), beyond which it is lost: the worst case, 255 bytes in each name, must fit. Where it does
 * not, some names (those nearest to the file last) are captured as a few words instead of a string, and chains are shorter.
 * A path that has more than that is TRUNCATED: never a wrong path, and never a lost record.
 *
 * What a path means. It is what it is in the mount namespace of the caller, seen from the topmost mount of that namespace:
 *  - `/` is "/"; a file on a mount has the path of the mountpoint in front, on a mount on a mount too;
 *  - in a bind mount it is the path by which the caller came, through the mount that it used;
 *  - for a process in a chroot it is the whole path, with the new root's own path in front;
 *  - for one in a container with a mount namespace (after pivot_root) it is the path inside the container: the namespace's topmost mount ends it;
 *  - a file or directory that has been deleted has the path that it had; that it is deleted is not said;
 *  - a mount that was taken away while in use (umount -l) counts as the topmost one: the path begins there;
 *  - what no mount shows (pipes, sockets, memfd, files that were opened by handle) is UNREACHABLE.
 * A rename of one of the directories in the very moment of the capture may give a name from before it and another from after it.
 *
 * Plans and formats are constant after dentry_path_compile(): any thread may read with them.
 */

enum dentry_path_kind {
	DENTRY_PATH_OF_FILE,   /* needs LAYOUT_NAMES and LAYOUT_MOUNT */
	DENTRY_PATH_OF_PATH,   /* and LAYOUT_PATH */
	DENTRY_PATH_OF_DENTRY, /* needs LAYOUT_NAMES; says nothing of mounts */
};

struct dentry_path_spec {
	enum dentry_path_kind kind;
	const char *base;   /* a fetcharg expression for the pointer: "%di" (tracing/registers.h), or a short dereference, "+8(%si)" */
	const char *prefix; /* of all field names: a letter or two that no other field begins with */
	/* What is left for it in the probe; 0: all that a probe with no other arguments has. */
	uint32_t arguments;
	uint32_t characters;
	uint32_t record_bytes; /* for the worst case; 0: of a probe on the oldest kernels */
};

#define DENTRY_PATH_CHAINS    5
#define DENTRY_PATH_NAMES_MAX 10
#define DENTRY_PATH_WORDS_MAX 8

struct dentry_path_name {
	struct format_field field; /* a string, or the first of the words */
	uint8_t words;             /* 0: a string */
};

struct dentry_path_chain {
	uint8_t count; /* of names */
	struct dentry_path_name names[DENTRY_PATH_NAMES_MAX];
	struct format_field dentries[DENTRY_PATH_NAMES_MAX + 1];
	struct format_field root;   /* of the mount; none for DENTRY_PATH_OF_DENTRY */
	struct format_field parent; /* the struct mount below */
};

struct dentry_path {
	enum dentry_path_kind kind;
	char prefix[8];
	uint8_t chain_count;
	uint8_t string_count; /* how many names are strings: the first ones */
	uint8_t words;        /* of the other names */
	int16_t vfsmount;     /* inside struct mount */
	struct format_field mount;
	struct dentry_path_chain chains[DENTRY_PATH_CHAINS];
};

/* Chooses what fits and appends its fetchargs, each with a blank before it. -ENODATA: the layout lacks what it needs, and the error says why.
 * -E2BIG: not even the least fits. */
int dentry_path_plan(struct dentry_path *ret, const struct kernel_layout *layout, const struct dentry_path_spec *spec,
		     struct buffer *fetchargs, struct error *err);

/* Finds the fields in the probe's format. -ENOENT when they are not those of the plan. */
int dentry_path_compile(struct dentry_path *p, const struct format *format, struct error *err);

enum dentry_path_result {
	DENTRY_PATH_WHOLE,     /* from the top of the mount namespace on; begins with a slash */
	DENTRY_PATH_IN_MOUNT,  /* from the root of the file system on, wherever it is mounted; begins with a slash. DENTRY_PATH_OF_DENTRY */
	DENTRY_PATH_TRUNCATED, /* the last names of it only, or of the buffer's size; does not begin with a slash, may be empty */
	DENTRY_PATH_UNREACHABLE, /* its name, or the names up to where its tree ends; does not begin with a slash */
	DENTRY_PATH_ABSENT,      /* there was no file: the pointer led nowhere. Empty */
};

/* `text` gets the path with a NUL behind it, *ret_length its length without. `size` is at least 1. Bytes of names are as they are: anything
 * but NUL. */
enum dentry_path_result dentry_path_read(const struct dentry_path *p, const uint8_t *raw, uint32_t raw_size, char *text, uint32_t size,
					 uint32_t *ret_length);

#endif
