#include "sensor/source_names.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define NO_STRING ((struct event_string){.bytes = ""})

static const struct sample_read *late_read(const struct sample *sample, unsigned int read)
{
	return sample->reads ? &sample->reads[read] : NULL;
}

struct event_string source_late_string(const struct sample *sample, unsigned int read)
{
	const struct sample_read *late = late_read(sample, read);

	if (!late || late->error)
		return NO_STRING;
	return (struct event_string){.bytes = late->bytes, .length = late->length};
}

void source_read_late_name(const struct sample *sample, unsigned int read, struct source_name *ret)
{
	const struct sample_read *late = late_read(sample, read);

	*ret = (struct source_name){.string = NO_STRING, .capture = CAPTURE_LATE};
	ret->unknown = !late || (late->error && late->error != -ENAMETOOLONG);
	if (ret->unknown)
		return;
	ret->truncated = late->error;
	ret->string = (struct event_string){.bytes = late->bytes, .length = late->length};
}

static void read_fetched(const struct format_field *field, const struct sample *sample, struct source_name *ret)
{
	ret->string.bytes = format_read_string(field, sample->raw, sample->raw_size, &ret->string.length);
	ret->unknown = !format_has_string(field, sample->raw, sample->raw_size);
}

void source_read_caller_name(const struct format_field *field, const struct sample *sample, unsigned int long_read, struct source_name *ret)
{
	const struct sample_read *late = late_read(sample, long_read);

	*ret = (struct source_name){.string = NO_STRING, .capture = CAPTURE_CALLER};
	read_fetched(field, sample, ret);
	if (ret->unknown && late && late->length)
		source_read_late_name(sample, long_read, ret);
}

/* The whole has to begin as the kernel's copy does: the caller can have changed it meanwhile. */
static bool completes(const struct sample_read *late, const struct event_string *beginning)
{
	return late && !late->error && late->length >= beginning->length && !memcmp(late->bytes, beginning->bytes, beginning->length);
}

void source_read_name(const struct format_field *field, const struct sample *sample, unsigned int long_read, struct source_name *ret)
{
	const struct sample_read *late = late_read(sample, long_read);

	*ret = (struct source_name){.string = NO_STRING};
	if (field->is_data_loc) {
		read_fetched(field, sample, ret);
		return;
	}
	ret->string.bytes = format_read_string(field, sample->raw, sample->raw_size, &ret->string.length);
	if (ret->string.length < field->size)
		return;
	ret->truncated = !completes(late, &ret->string);
	if (ret->truncated)
		return;
	ret->string = (struct event_string){.bytes = late->bytes, .length = late->length};
	ret->capture = CAPTURE_LATE;
}

void source_read_path(const struct source_instance *probe, const struct sample *sample, char to[PATH_BYTES], struct source_name *ret)
{
	uint32_t length = 0;

	*ret = (struct source_name){.string = NO_STRING};
	if (!probe->path) {
		ret->unknown = true;
		return;
	}
	switch (dentry_path_read(probe->path, sample->raw, sample->raw_size, to, PATH_BYTES, &length)) {
	case DENTRY_PATH_WHOLE:
		break;
	case DENTRY_PATH_IN_MOUNT:
	case DENTRY_PATH_TRUNCATED:
	case DENTRY_PATH_UNREACHABLE:
		ret->truncated = true;
		break;
	case DENTRY_PATH_ABSENT:
		ret->unknown = true;
		break;
	}
	ret->string = (struct event_string){.bytes = to, .length = length};
}

void source_keep_name(struct call *call, unsigned int index, const struct source_name *name)
{
	call_set_string(call, index, name->string.bytes, name->string.length);
	call->truncated |= name->truncated;
	call->unknown |= name->unknown;
	if (name->capture > call->capture)
		call->capture = name->capture;
}

struct event_string source_base(const struct process *process, int64_t dfd, struct event_string directory)
{
	if (directory.length)
		return directory;
	if ((int32_t)dfd != AT_FDCWD || !process || !process->cwd)
		return NO_STRING;
	return (struct event_string){.bytes = process->cwd, .length = strlen(process->cwd)};
}
