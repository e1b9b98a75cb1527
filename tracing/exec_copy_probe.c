#include "tracing/exec_copy_probe.h"

#include "base/log.h"
#include "tracing/dynamic_probe.h"
#include "tracing/format.h"
#include "tracing/probe_limits.h"
#include "tracing/tracefs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

static int check_field(const struct format *format, const char *name, uint32_t offset, uint32_t size, struct error *err)
{
	struct format_field field;
	int r = format_field(format, name, &field, err);

	if (r == 0 && (field.offset != offset || field.size != size))
		r = error_set(err, -EINVAL, "the kernel puts %s of a probe at byte %u (%u bytes), not at %" PRIu32 " (%" PRIu32 ")", name,
			      field.offset, field.size, offset, size);
	return r;
}

static int check_arrays(const struct format *format, char prefix, uint32_t offset, uint32_t bytes, struct error *err)
{
	int r = 0;

	for (uint32_t at = 0; r == 0 && at < bytes; at += EXEC_COPY_ARRAY_BYTES) {
		char name[16];

		snprintf(name, sizeof(name), "%c%" PRIu32, prefix, at / EXEC_COPY_ARRAY_BYTES);
		r = check_field(format, name, offset + at, bytes - at < EXEC_COPY_ARRAY_BYTES ? bytes - at : EXEC_COPY_ARRAY_BYTES, err);
	}
	return r;
}

/* What is decoded without a look at the format is where the kernel says that it is. */
static int read_config(const struct exec_copy_layout *layout, const struct dynamic_probe *probe, uint64_t *ret, struct error *err)
{
	struct format *format;
	int r = tracefs_format(&format, dynamic_probe_group(), dynamic_probe_name(probe), err);

	if (r < 0)
		return r;
	r = check_field(format, "sp", EXEC_COPY_OFFSET_SP, sizeof(uint64_t), err);
	if (r == 0)
		r = check_field(format, "proof", EXEC_COPY_OFFSET_PROOF, sizeof(uint64_t), err);
	if (r == 0)
		r = check_arrays(format, 'p', EXEC_COPY_OFFSET_WORDS, layout->pointer_bytes, err);
	if (r == 0)
		r = check_arrays(format, 's', EXEC_COPY_OFFSET_WORDS + layout->pointer_bytes, layout->string_bytes, err);
	*ret = format_id(format);
	format_free(format);
	return r;
}

static int install(struct exec_copy_probe *p, const char *kind, void (*put_fetchargs)(struct buffer *, const struct exec_copy_layout *),
		   struct dynamic_probe **ret_probe, uint64_t *ret_config, struct error *err)
{
	static uint32_t serial; /* names are unique within the group */
	struct buffer fetchargs;
	char name[32];
	int r;

	snprintf(name, sizeof(name), "exec_%s_%" PRIu32, kind, serial++);
	buffer_init(&fetchargs, 0);
	put_fetchargs(&fetchargs, &p->layout);
	if (fetchargs.failed)
		r = error_set(err, -ENOMEM, "out of memory");
	else
		r = dynamic_probe_install_kprobe(ret_probe, name, EXEC_COPY_SYMBOL, (const char *)fetchargs.data, err);
	buffer_done(&fetchargs);
	return r < 0 ? r : read_config(&p->layout, *ret_probe, ret_config, err);
}

/* Of the probes at one place the kernel runs the youngest first (kernel/kprobes.c, add_new_kprobe). */
int exec_copy_probe_install(struct exec_copy_probe *p, struct error *err)
{
	int r;

	*p = (struct exec_copy_probe){.layout = exec_copy_layout(probe_record_bytes_max())};
	r = install(p, "copy", exec_copy_fetchargs, &p->copy, &p->copy_config, err);
	if (r == 0)
		r = install(p, "wipe", exec_copy_wipe_fetchargs, &p->wipe, &p->wipe_config, err);
	if (r < 0)
		exec_copy_probe_remove(p);
	return r;
}

static void take_out(struct dynamic_probe *probe)
{
	struct error refused = {0};

	if (!probe)
		return;
	if (dynamic_probe_remove(probe, &refused) < 0)
		log_debug("cannot remove a probe", "probe=%s error=\"%s\"", dynamic_probe_name(probe), refused.message);
	dynamic_probe_free(probe);
}

void exec_copy_probe_remove(struct exec_copy_probe *p)
{
	take_out(p->wipe);
	take_out(p->copy);
	*p = (struct exec_copy_probe){0};
}
