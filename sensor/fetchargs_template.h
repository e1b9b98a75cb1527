#ifndef SENSOR_FETCHARGS_TEMPLATE_H
#define SENSOR_FETCHARGS_TEMPLATE_H

#include "base/buffer.h"
#include "sensor/probe_kernel.h"
#include "tracing/sample_source.h"

/*
 * What the rows of our tables say they fetch, as fetchargs that the running kernel takes:
 *
 *	dfd=$arg1:s32 name=+0(+0($arg2)):name imode=+{inode.mode}(+{file.inode}($arg1)):u16
 *
 * Everything that the newest notation has is written another way for kernels without it (fetchargs.h). Beyond that notation:
 *
 *	:name      a string in the kernel's memory that nobody can make longer than PATH_MAX. Where a record has no room for that much, its
 *	           first FETCHARGS_NAME_BYTES bytes, as an array (source_names.h reads both).
 *	{a.b}      the offset of a structure's member (kernel_layout.h): file.inode, file.mode, file.flags, inode.mode, cred.uid ... cred.fsgid
 */

#define FETCHARGS_NAME_BYTES SAMPLE_LONG_STRING_BYTES

/* -ENODATA: a member's offset is not known on this kernel, and why. -EINVAL: the template is wrong. *ret_count: how many there are. */
int fetchargs_template_write(const char *text, enum fetcharg_place place, struct probe_kernel *kernel, struct buffer *out,
			     uint32_t *ret_count, struct error *err);

#endif
