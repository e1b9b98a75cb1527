#include "tracing/kernel_layout.h"

#include "tracing/layout_cred.h"
#include "tracing/layout_names.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char *const group_names[LAYOUT_GROUP_COUNT] = {
	[LAYOUT_CRED] = "cred",   [LAYOUT_NAMES] = "names", [LAYOUT_FILE_FLAGS] = "file flags",
	[LAYOUT_MOUNT] = "mount", [LAYOUT_PATH] = "path",
};

#define MEMBER(group, place)                                                  \
	{                                                                     \
		LAYOUT_##group, #place, offsetof(struct kernel_layout, place) \
	}

static const struct {
	enum kernel_layout_group group;
	const char *name;
	size_t place; /* of its int16_t */
} members[] = {
	MEMBER(CRED, cred.uid),        MEMBER(CRED, cred.gid),      MEMBER(CRED, cred.euid),         MEMBER(CRED, cred.egid),
	MEMBER(CRED, cred.suid),       MEMBER(CRED, cred.sgid),     MEMBER(CRED, cred.fsuid),        MEMBER(CRED, cred.fsgid),
	MEMBER(NAMES, file.dentry),    MEMBER(NAMES, file.inode),   MEMBER(NAMES, dentry.parent),    MEMBER(NAMES, dentry.name),
	MEMBER(NAMES, dentry.inode),   MEMBER(NAMES, inode.mode),   MEMBER(FILE_FLAGS, file.mode),   MEMBER(FILE_FLAGS, file.flags),
	MEMBER(MOUNT, file.mount),     MEMBER(MOUNT, mount.parent), MEMBER(MOUNT, mount.mountpoint), MEMBER(MOUNT, mount.root),
	MEMBER(MOUNT, mount.vfsmount), MEMBER(PATH, path.mount),    MEMBER(PATH, path.dentry),
};

#define MEMBER_COUNT (sizeof(members) / sizeof(members[0]))

const char *kernel_layout_group_name(enum kernel_layout_group group)
{
	return (unsigned int)group < LAYOUT_GROUP_COUNT ? group_names[group] : "?";
}

/* Appends like snprintf(), for which a text that is full already has no place. */
static int append(char *text, uint32_t size, int length, const char *format, ...) __attribute__((format(printf, 4, 5)));

static int append(char *text, uint32_t size, int length, const char *format, ...)
{
	bool full = (uint32_t)length >= size;
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(full ? NULL : text + length, full ? 0 : size - (uint32_t)length, format, arguments);
	va_end(arguments);
	return length + (n > 0 ? n : 0);
}

int kernel_layout_print(const struct kernel_layout *layout, char *text, uint32_t size)
{
	int length = append(text, size, 0, "%s", "");

	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		int16_t offset;

		if (!kernel_layout_knows(layout, members[i].group))
			continue;
		memcpy(&offset, (const uint8_t *)layout + members[i].place, sizeof(offset));
		length = append(text, size, length, "%s%s=%d", length ? " " : "", members[i].name, offset);
	}
	for (enum kernel_layout_group group = 0; group < LAYOUT_GROUP_COUNT; group++)
		if (!kernel_layout_knows(layout, group))
			length = append(text, size, length, "%s%s", length ? "; " : "", layout->missing[group].message);
	return length;
}

int kernel_layout_calibrate(struct kernel_layout *ret, const struct kernel_layout_options *options, struct error *err)
{
	struct kernel_layout_options full = *options;

	if (!full.groups)
		full.groups = LAYOUT_ALL_GROUPS;
	if (!full.timeout_ms)
		full.timeout_ms = LAYOUT_TIMEOUT_MS;
	memset(ret, 0, sizeof(*ret));
	for (enum kernel_layout_group group = 0; group < LAYOUT_GROUP_COUNT; group++)
		error_set(&ret->missing[group], -ENODATA, "%s: not calibrated", group_names[group]);
	if (full.groups & LAYOUT_GROUP_BIT(LAYOUT_CRED) && !layout_cred_calibrate(&full, &ret->cred, &ret->missing[LAYOUT_CRED]))
		ret->missing[LAYOUT_CRED].code = 0;
	layout_names_calibrate(&full, ret, NULL, NULL);
	for (enum kernel_layout_group group = 0; group < LAYOUT_GROUP_COUNT; group++)
		if (full.groups & LAYOUT_GROUP_BIT(group) && !kernel_layout_knows(ret, group))
			return error_set(err, ret->missing[group].code, "%s", ret->missing[group].message);
	return 0;
}
