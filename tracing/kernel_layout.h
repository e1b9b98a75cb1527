#ifndef TRACING_KERNEL_LAYOUT_H
#define TRACING_KERNEL_LAYOUT_H

#include "base/error.h"
#include "tracing/perf_event.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Where this kernel's structures hold what fetchargs read, in bytes from their start. Not from BTF, which many kernels lack, and not from a
 * table of versions, which distributions do not keep to: calibrated. A child process does something with known values (unusual ids, files of
 * known names on mounts of its own), kprobes capture windows of the structures while it does, and the offsets are where the values stand
 * (layout_search.h). Each is confirmed by a second set of other values.
 *
 * So what is known is right, and what cannot be found unambiguously is absent: `missing` says why.
 */

enum kernel_layout_group {
	LAYOUT_CRED,       /* struct cred: the eight ids */
	LAYOUT_NAMES,      /* struct file: dentry, inode; struct dentry; struct inode */
	LAYOUT_FILE_FLAGS, /* struct file: mode and flags */
	LAYOUT_MOUNT,      /* struct file: mount; struct mount and the struct vfsmount inside it. Needs LAYOUT_NAMES */
	LAYOUT_PATH,       /* struct path. Needs LAYOUT_MOUNT */
	LAYOUT_GROUP_COUNT,
};

#define LAYOUT_GROUP_BIT(group) (1U << (group))
#define LAYOUT_ALL_GROUPS       (LAYOUT_GROUP_BIT(LAYOUT_GROUP_COUNT) - 1)

/* All but fs ids in the order of getresuid(2). Each is a u32. */
struct cred_layout {
	int16_t uid, gid;
	int16_t euid, egid;
	int16_t suid, sgid;
	int16_t fsuid, fsgid;
};

struct file_layout {
	int16_t dentry; /* f_path.dentry */
	int16_t mount;  /* f_path.mnt, a struct vfsmount *; of LAYOUT_MOUNT */
	int16_t inode;  /* f_inode */
	int16_t mode;   /* f_mode, u32; of LAYOUT_FILE_FLAGS */
	int16_t flags;  /* f_flags, u32; of LAYOUT_FILE_FLAGS */
};

struct dentry_layout {
	int16_t parent; /* d_parent; the root of a file system is its own */
	int16_t name;   /* d_name.name, a pointer to a string */
	int16_t inode;  /* d_inode; NULL when there is no such file */
};

struct inode_layout {
	int16_t mode; /* i_mode, u16 */
};

/* A struct vfsmount stands inside a struct mount; what the file system code has is a pointer to the former, and offsets count from there
 * unless they say otherwise. */
struct mount_layout {
	int16_t parent;     /* mnt_parent, a struct mount *; negative. The topmost is its own */
	int16_t mountpoint; /* mnt_mountpoint, the dentry it covers; negative */
	int16_t root;       /* mnt_root, the dentry that shows there */
	int16_t vfsmount;   /* from the start of struct mount */
};

struct path_layout {
	int16_t mount;
	int16_t dentry;
};

struct kernel_layout {
	struct cred_layout cred;
	struct file_layout file;
	struct dentry_layout dentry;
	struct inode_layout inode;
	struct mount_layout mount;
	struct path_layout path;
	/* By group: code 0 when it is known; otherwise its offsets mean nothing. */
	struct error missing[LAYOUT_GROUP_COUNT];
};

struct kernel_layout_options {
	const struct perf_features *features;
	uint32_t groups;     /* LAYOUT_GROUP_BIT() of those that are wanted, 0: all. What one of them needs is calibrated too */
	uint32_t timeout_ms; /* for each step of the child; 0: LAYOUT_TIMEOUT_MS. They are a handful, of a few system calls each */
	/* For tests: groups for which the child is expected to have done what it has not, so that their calibration fails. */
	uint32_t spoiled;
};

#define LAYOUT_TIMEOUT_MS 2000

/*
 * Forks, installs and removes probes (tracing/dynamic_probe.h): call it when an offset is first wanted, from the thread that owns the
 * probes; tracefs_open() comes first. Returns 0 when all wanted groups are known. Otherwise the first error that a wanted group has: -ENODATA
 * when the values were not found, -ENOTUNIQ when they were found in more than one place, -ENODEV without kprobes, -ETIMEDOUT. The groups
 * that are known can be used all the same.
 *
 * No file of the host is touched: the child works on file systems in memory, in a mount namespace of its own.
 */
int kernel_layout_calibrate(struct kernel_layout *ret, const struct kernel_layout_options *options, struct error *err);

static inline bool kernel_layout_knows(const struct kernel_layout *layout, enum kernel_layout_group group)
{
	return !layout->missing[group].code;
}

/* "cred", "names", ... */
const char *kernel_layout_group_name(enum kernel_layout_group group);

/* The layout in one line, "cred.uid=4 ... path.dentry=8", and the reasons for what is missing behind a semicolon each. Returns as snprintf(3) does. */
int kernel_layout_print(const struct kernel_layout *layout, char *text, uint32_t size);

#endif
