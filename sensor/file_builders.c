#include "sensor/file_builders.h"

#include "sensor/source_names.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define NO_DIRECTORY (-1)

#define KERNEL_OPEN_EXEC 0x20 /* kernel: __FMODE_EXEC, an execve's own open; no user space flag */

/* Numbers of a call. */
enum {
	CALL_DIRECTORY,
	CALL_TARGET_DIRECTORY,
	CALL_FLAGS,
	CALL_MODE,
	CALL_CREATED,
	CALL_FILLED, /* bits of the names that it has */
};

#define FILLED_NAME   1
#define FILLED_TARGET 2

/* Strings of a call. */
enum {
	CALL_NAME,
	CALL_TARGET,
	CALL_DIRECTORY_PATH,
	CALL_TARGET_DIRECTORY_PATH,
};

static int64_t read_field(const struct source_instance *probe, unsigned int i, const struct sample *sample, int64_t otherwise)
{
	return probe->fields[i].size ? (int64_t)format_read_integer(&probe->fields[i], sample->raw, sample->raw_size) : otherwise;
}

/* The kernel looks at the low 32 bits; a system call's field is as wide as a register. */
static int64_t read_directory(const struct source_instance *probe, unsigned int i, const struct sample *sample)
{
	return (int32_t)read_field(probe, i, sample, AT_FDCWD);
}

/* Opens */

bool file_note_flags(struct source_context *context, const struct source_instance *probe, const struct sample *sample, struct event *ret)
{
	struct call *call = call_table_begin(context->calls, sample->tid, FILE_CALL_FLAGS, sample->time_ns);

	(void)ret;
	if (call)
		call->numbers[CALL_FLAGS] = read_field(probe, 0, sample, 0);
	return false;
}

/* Not those of an open that failed before it got here: they have to agree in what the kernel leaves as it is. */
static int64_t passed_flags(struct source_context *context, const struct sample *sample, int64_t flags)
{
	const int64_t kept = O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_DIRECTORY;
	const struct call *call = call_table_end(context->calls, sample->tid, FILE_CALL_FLAGS);
	int64_t passed = call ? call->numbers[CALL_FLAGS] : flags;

	return flags & passed & O_PATH || !((flags ^ passed) & kept) ? passed : flags;
}

static bool may_create(int64_t flags)
{
	return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
}

static bool make_open(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
		      const struct source_name *name, int64_t flags, int64_t mode, struct event *ret)
{
	struct event_string base = source_base(ret->process, read_directory(probe, FILE_FIELD_DIRECTORY, sample),
					       source_late_string(sample, FILE_READ_DIRECTORY));

	if (flags & KERNEL_OPEN_EXEC)
		return false;
	ret->kind = EVENT_FILE_OPEN;
	ret->capture = name->capture;
	ret->file = (struct event_file){
		.filename = name->string,
		.path = path_resolve(base.bytes, base.length, name->string.bytes, name->string.length, context->scratch[0]),
		.flags = (int32_t)flags,
		.mode = may_create(flags) ? (int32_t)(mode & 07777) : 0,
		.truncated = name->truncated,
		.unknown = name->unknown,
	};
	return true;
}

bool file_build_open_kernel(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
			    struct event *ret)
{
	struct source_name name;

	source_read_name(&probe->fields[FILE_FIELD_NAME], sample, FILE_READ_NAME, &name);
	return make_open(context, probe, sample, &name, passed_flags(context, sample, read_field(probe, FILE_FIELD_FLAGS, sample, 0)),
			 read_field(probe, FILE_FIELD_MODE, sample, 0), ret);
}

bool file_build_open_caller(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
			    struct event *ret)
{
	struct source_name name;

	source_read_caller_name(&probe->fields[FILE_FIELD_NAME], sample, FILE_READ_NAME, &name);
	return make_open(context, probe, sample, &name, read_field(probe, FILE_FIELD_FLAGS, sample, 0),
			 read_field(probe, FILE_FIELD_MODE, sample, 0), ret);
}

/* Flags and mode of an open by its system call. False: they are in memory that could not be read. */
static bool read_open_arguments(const struct source_instance *probe, const struct sample *sample, int64_t *ret_flags, int64_t *ret_mode)
{
	struct event_string how = source_late_string(sample, FILE_READ_TARGET);
	uint64_t words[2];

	*ret_flags = read_field(probe, FILE_FIELD_FLAGS, sample, O_CREAT | O_WRONLY | O_TRUNC);
	*ret_mode = read_field(probe, FILE_FIELD_MODE, sample, 0);
	if (!(probe->row->tag & FILE_TAG_OPENAT2))
		return true;
	*ret_flags = 0;
	if (how.length < sizeof(words))
		return false;
	memcpy(words, how.bytes, sizeof(words));
	*ret_flags = (int64_t)words[0];
	*ret_mode = (int64_t)words[1];
	return true;
}

bool file_build_open_late(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
			  struct event *ret)
{
	struct source_name name;
	int64_t flags, mode;

	source_read_late_name(sample, FILE_READ_NAME, &name);
	if (!read_open_arguments(probe, sample, &flags, &mode))
		name.unknown = true;
	return make_open(context, probe, sample, &name, flags, mode, ret);
}

/* Beginnings */

static bool is_open(uint32_t sort)
{
	return sort == FILE_CALL_OPEN || sort == FILE_CALL_OPEN_NEW;
}

/* The two names of a call may come from two probes, in any order: a name that is there already belongs to a call whose end was missed. */
static struct call *begin_or_join(struct source_context *context, const struct sample *sample, uint32_t tag)
{
	int64_t bit = tag & FILE_TAG_TARGET ? FILLED_TARGET : FILLED_NAME;
	struct call *call = call_table_find(context->calls, sample->tid, FILE_TAG_SORT(tag));

	if (!call || (call->numbers[CALL_FILLED] & bit) || is_open(FILE_TAG_SORT(tag)))
		call = call_table_begin(context->calls, sample->tid, FILE_TAG_SORT(tag), sample->time_ns);
	if (call)
		call->numbers[CALL_FILLED] |= bit;
	return call;
}

static struct call *begin_with_name(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
				    const struct source_name *name)
{
	uint32_t tag = probe->row->tag;
	unsigned int which = tag & FILE_TAG_TARGET ? 1 : 0;
	struct call *call = begin_or_join(context, sample, tag);
	struct event_string directory = source_late_string(sample, FILE_READ_DIRECTORY);

	if (!call)
		return NULL;
	source_keep_name(call, CALL_NAME + which, name);
	call_set_string(call, CALL_DIRECTORY_PATH + which, directory.bytes, directory.length);
	call->numbers[CALL_DIRECTORY + which] = read_directory(probe, FILE_FIELD_DIRECTORY, sample);
	if (which)
		return call;
	call->numbers[CALL_FLAGS] = read_field(probe, FILE_FIELD_FLAGS, sample, 0);
	call->numbers[CALL_MODE] = read_field(probe, FILE_FIELD_MODE, sample, 0);
	return call;
}

bool file_begin_kernel(struct source_context *context, const struct source_instance *probe, const struct sample *sample, struct event *ret)
{
	struct source_name name;

	(void)ret;
	source_read_name(&probe->fields[FILE_FIELD_NAME], sample, FILE_READ_NAME, &name);
	begin_with_name(context, probe, sample, &name);
	return false;
}

static void keep_late_target(const struct source_instance *probe, const struct sample *sample, struct call *call)
{
	struct event_string directory = source_late_string(sample, FILE_READ_TARGET_DIRECTORY);
	struct source_name name;

	if (probe->row->reads[FILE_READ_TARGET].kind != SAMPLE_READ_STRING)
		return;
	source_read_late_name(sample, FILE_READ_TARGET, &name);
	source_keep_name(call, CALL_TARGET, &name);
	call_set_string(call, CALL_TARGET_DIRECTORY_PATH, directory.bytes, directory.length);
	call->numbers[CALL_TARGET_DIRECTORY] = read_directory(probe, FILE_FIELD_TARGET_DIRECTORY, sample);
	call->numbers[CALL_FILLED] |= FILLED_TARGET;
}

static void read_late_subject(const struct source_instance *probe, const struct sample *sample, struct source_name *ret)
{
	bool is_null = !read_field(probe, FILE_FIELD_NAME, sample, true);

	source_read_late_name(sample, FILE_READ_NAME, ret);
	if (is_null || (!ret->string.length && !ret->unknown))
		source_read_late_name(sample, FILE_READ_DIRECTORY, ret);
}

bool file_begin_late(struct source_context *context, const struct source_instance *probe, const struct sample *sample, struct event *ret)
{
	struct source_name name;
	struct call *call;

	(void)ret;
	read_late_subject(probe, sample, &name);
	call = begin_with_name(context, probe, sample, &name);
	if (!call)
		return false;
	if (FILE_TAG_SORT(probe->row->tag) == FILE_CALL_OPEN)
		read_open_arguments(probe, sample, &call->numbers[CALL_FLAGS], &call->numbers[CALL_MODE]);
	else
		keep_late_target(probe, sample, call);
	return false;
}

/* What is not absolute is relative to nothing: part of a path, "pipe:[1]". */
static void begin_with_path(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
			    const struct source_name *name)
{
	struct call *call = begin_with_name(context, probe, sample, name);

	if (call)
		call->numbers[CALL_DIRECTORY] = NO_DIRECTORY;
}

bool file_begin_descriptor(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
			   struct event *ret)
{
	struct source_name name;

	(void)ret;
	source_read_late_name(sample, FILE_READ_NAME, &name);
	begin_with_path(context, probe, sample, &name);
	return false;
}

/* Most descriptors that are written to are no files. What may be under way then is a call whose end was missed. */
bool file_begin_regular(struct source_context *context, const struct source_instance *probe, const struct sample *sample, struct event *ret)
{
	if (source_late_string(sample, FILE_READ_NAME).length)
		return file_begin_descriptor(context, probe, sample, ret);
	(void)call_table_end(context->calls, sample->tid, FILE_TAG_SORT(probe->row->tag));
	return false;
}

bool file_begin_path(struct source_context *context, const struct source_instance *probe, const struct sample *sample, struct event *ret)
{
	struct source_name name;

	(void)ret;
	source_read_path(probe, sample, context->scratch[0], &name);
	begin_with_path(context, probe, sample, &name);
	return false;
}

bool file_note_new(struct source_context *context, const struct source_instance *probe, const struct sample *sample, struct event *ret)
{
	struct call *call = call_table_find(context->calls, sample->tid, FILE_CALL_OPEN_NEW);

	(void)probe;
	(void)ret;
	if (call)
		call->numbers[CALL_CREATED] = true;
	return false;
}

/* Ends */

static struct event_string call_path(const struct event *event, const struct call *call, unsigned int which, char to[PATH_BYTES])
{
	const struct event_string *name = &call->strings[CALL_NAME + which];
	struct event_string base =
		source_base(event->process, call->numbers[CALL_DIRECTORY + which], call->strings[CALL_DIRECTORY_PATH + which]);

	return path_resolve(base.bytes, base.length, name->bytes, name->length, to);
}

/* The sample with one of its names was lost. */
static bool lacks_name(const struct call *call)
{
	bool has_two = call->sort == FILE_CALL_RENAME || call->sort == FILE_CALL_LINK || call->sort == FILE_CALL_SYMLINK;

	return call->numbers[CALL_FILLED] != (has_two ? FILLED_NAME | FILLED_TARGET : FILLED_NAME);
}

static void fill(struct source_context *context, const struct call *call, enum event_kind kind, struct event *ret)
{
	ret->kind = kind;
	ret->capture = call->capture;
	ret->file = (struct event_file){
		.filename = call->strings[CALL_NAME],
		.path = call_path(ret, call, 0, context->scratch[0]),
		.target = call->strings[CALL_TARGET],
		.target_path = call_path(ret, call, 1, context->scratch[1]),
		.truncated = call->truncated,
		.unknown = call->unknown || lacks_name(call),
	};
}

static bool end_open(struct source_context *context, const struct call *call, struct event *ret)
{
	int64_t flags = call->numbers[CALL_FLAGS];

	if ((flags & KERNEL_OPEN_EXEC) || (flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH))
		return false;
	fill(context, call, EVENT_FILE_OPEN_FOR_MODIFY, ret);
	return true;
}

static bool make_create(struct source_context *context, const struct call *call, struct event *ret)
{
	fill(context, call, EVENT_FILE_CREATE, ret);
	ret->file.mode = (int32_t)(call->numbers[CALL_MODE] & 07777);
	return true;
}

/* O_TMPFILE makes one without a name. */
static bool end_open_new(struct source_context *context, const struct call *call, struct event *ret)
{
	int64_t flags = call->numbers[CALL_FLAGS];

	return call->numbers[CALL_CREATED] && (flags & O_CREAT) && (flags & O_TMPFILE) != O_TMPFILE && make_create(context, call, ret);
}

/* What a symbolic link holds is relative to the directory that the link is in. */
static void fill_symlink(struct source_context *context, const struct call *call, struct event *ret)
{
	struct event_file *file = &ret->file;
	size_t directory;

	fill(context, call, EVENT_FILE_LINK, ret);
	file->symlink = true;
	file->path = (struct event_string){.bytes = ""};
	for (directory = file->target_path.length; directory && file->target_path.bytes[directory - 1] != '/'; directory--)
		;
	if (directory || (file->filename.length && file->filename.bytes[0] == '/'))
		file->path =
			path_resolve(file->target_path.bytes, directory, file->filename.bytes, file->filename.length, context->scratch[0]);
}

/* The file of such an event is its path, however it was named: most ways to capture it do not see the name. */
static bool make_of_path(struct source_context *context, const struct call *call, enum event_kind kind, struct event *ret)
{
	fill(context, call, kind, ret);
	if (ret->file.path.length)
		ret->file.filename = ret->file.path;
	return true;
}

static bool make_event(struct source_context *context, const struct call *call, struct event *ret)
{
	switch ((enum file_call)call->sort) {
	case FILE_CALL_OPEN:
		return end_open(context, call, ret);
	case FILE_CALL_OPEN_NEW:
		return end_open_new(context, call, ret);
	case FILE_CALL_CREATE:
		return make_create(context, call, ret);
	case FILE_CALL_DELETE:
		fill(context, call, EVENT_FILE_DELETE, ret);
		return true;
	case FILE_CALL_RENAME:
		fill(context, call, EVENT_FILE_RENAME, ret);
		return true;
	case FILE_CALL_LINK:
		fill(context, call, EVENT_FILE_LINK, ret);
		return true;
	case FILE_CALL_SYMLINK:
		fill_symlink(context, call, ret);
		return true;
	case FILE_CALL_ATTRIBUTE:
		return make_of_path(context, call, EVENT_FILE_ATTRIBUTE_CHANGE, ret);
	case FILE_CALL_TRUNCATE:
	case FILE_CALL_WRITE:
		return make_of_path(context, call, EVENT_FILE_MODIFY, ret);
	case FILE_CALL_CWD:
	case FILE_CALL_FLAGS:
		break;
	}
	return false;
}

/* Pointers and descriptors count as success; a number that is an errno does not (kernel: IS_ERR_VALUE). */
static bool has_failed(int64_t result)
{
	return result < 0 && result >= -4095;
}

bool file_end(struct source_context *context, const struct source_instance *probe, const struct sample *sample, struct event *ret)
{
	int64_t result = read_field(probe, 0, sample, 0);
	const struct call *call = call_table_end(context->calls, sample->tid, FILE_TAG_SORT(probe->row->tag));

	return call && !has_failed(result) && make_event(context, call, ret);
}

#define KERNEL_FMODE_CREATED 0x100000 /* kernel: include/linux/fs.h */

bool file_end_new(struct source_context *context, const struct source_instance *probe, const struct sample *sample, struct event *ret)
{
	struct call *call = call_table_find(context->calls, sample->tid, FILE_CALL_OPEN_NEW);

	if (call)
		call->numbers[CALL_CREATED] = !!(read_field(probe, 1, sample, 0) & KERNEL_FMODE_CREATED);
	return file_end(context, probe, sample, ret);
}

/* Writes and closes */

static bool make_of_file(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
			 enum event_kind kind, struct event *ret)
{
	struct source_name name;

	source_read_path(probe, sample, context->scratch[0], &name);
	ret->kind = kind;
	ret->file = (struct event_file){.filename = name.string, .path = name.string, .truncated = name.truncated, .unknown = name.unknown};
	if (name.truncated)
		ret->file.path = (struct event_string){.bytes = ""};
	return true;
}

enum {
	PERMISSION_MASK,
	PERMISSION_MODE,
};

#define KERNEL_MAY_WRITE 2 /* kernel: include/linux/fs.h */

bool file_build_modify(struct source_context *context, const struct source_instance *probe, const struct sample *sample, struct event *ret)
{
	if (read_field(probe, PERMISSION_MASK, sample, 0) != KERNEL_MAY_WRITE || !S_ISREG(read_field(probe, PERMISSION_MODE, sample, 0)))
		return false;
	return make_of_file(context, probe, sample, EVENT_FILE_MODIFY, ret);
}

#define KERNEL_FMODE_WRITE 2 /* kernel: include/linux/fs.h */

bool file_build_close(struct source_context *context, const struct source_instance *probe, const struct sample *sample, struct event *ret)
{
	if (!(read_field(probe, PERMISSION_MASK, sample, 0) & KERNEL_FMODE_WRITE) ||
	    !S_ISREG(read_field(probe, PERMISSION_MODE, sample, 0)))
		return false;
	return make_of_file(context, probe, sample, EVENT_FILE_CLOSE_FOR_MODIFY, ret);
}
