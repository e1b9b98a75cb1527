#include "tracing/probe_trial.h"

#include "base/log.h"
#include "tracing/dynamic_probe.h"
#include "tracing/tracefs.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Some sixty records of the largest size that a probe's can have on old kernels. */
#define RING_BYTES (128 * 1024)

static int open_event(struct probe_trial *t, const struct perf_features *features, pid_t tid, struct error *err)
{
	struct perf_event_attr attr = perf_tracepoint_attr(features, format_id(t->format));
	int r;

	t->layout = perf_layout(features);
	t->fd = perf_event_open_task(&attr, tid, err);
	if (t->fd < 0)
		return t->fd;
	r = perf_ring_open(&t->ring, t->fd, RING_BYTES, err);
	if (!r && ioctl(t->fd, PERF_EVENT_IOC_ENABLE, 0))
		r = error_set_errno(err, -errno, "cannot enable a perf event on thread %d", (int)tid);
	return r;
}

int probe_trial_open(struct probe_trial *t, const struct probe_trial_spec *spec, pid_t tid, struct error *err)
{
	int (*install)(struct dynamic_probe **, const char *, const char *, const char *, struct error *) =
		spec->is_return ? dynamic_probe_install_kretprobe : dynamic_probe_install_kprobe;
	int r;

	*t = (struct probe_trial){.fd = -1};
	r = install(&t->probe, spec->name, spec->symbol, spec->fetchargs, err);
	if (r < 0)
		return r;
	r = tracefs_format(&t->format, dynamic_probe_group(), dynamic_probe_name(t->probe), err);
	return r < 0 ? r : open_event(t, spec->features, tid, err);
}

/* A sample: our header's fields, then a u32 size and the raw data. NULL when that is not what it is. */
static const uint8_t *sample_raw(const struct probe_trial *t, const struct perf_event_header *record, uint32_t *ret_raw_size)
{
	const uint8_t *bytes = (const uint8_t *)record;
	const uint32_t first = t->layout.raw + (uint32_t)sizeof(*ret_raw_size);

	if (record->type != PERF_RECORD_SAMPLE || record->size < first)
		return NULL;
	memcpy(ret_raw_size, bytes + t->layout.raw, sizeof(*ret_raw_size));
	return *ret_raw_size <= record->size - first ? bytes + first : NULL;
}

static void count_lost(struct probe_trial *t, const struct perf_event_header *record)
{
	struct {
		struct perf_event_header header;
		uint64_t id;
		uint64_t lost;
	} note;

	if (record->type != PERF_RECORD_LOST || record->size < sizeof(note))
		return;
	memcpy(&note, record, sizeof(note));
	t->lost += note.lost;
}

const uint8_t *probe_trial_next(struct probe_trial *t, uint32_t *ret_raw_size)
{
	const struct perf_event_header *record;
	const uint8_t *raw = NULL;

	if (!t->ring.page)
		return NULL;
	/* What was handed out before has been read by now. */
	perf_ring_release(&t->ring);
	perf_ring_snapshot(&t->ring);
	while (!raw && (record = perf_ring_peek(&t->ring))) {
		raw = sample_raw(t, record, ret_raw_size);
		count_lost(t, record);
		perf_ring_consume(&t->ring, record);
	}
	return raw;
}

void probe_trial_close(struct probe_trial *t)
{
	struct error err = {0};

	perf_ring_close(&t->ring);
	if (t->probe && t->fd >= 0)
		close(t->fd);
	t->format = format_free(t->format);
	if (t->probe && dynamic_probe_remove(t->probe, &err))
		log_warning("cannot remove a probe", "name=%s error=\"%s\"", dynamic_probe_name(t->probe), err.message);
	t->probe = dynamic_probe_free(t->probe);
	t->fd = -1;
}
