#include "sensor/trial.h"

#include "base/clock.h"
#include "sensor/call_table.h"
#include "sensor/process_notes.h"
#include "tracing/collector.h"
#include "tracing/provoke.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define TRIAL_RING_BYTES (UINT64_C(2) << 20)
#define TRIAL_PROBES_MAX 64
#define POLL_INTERVAL_NS 500000

struct trial {
	struct source_context context; /* first: builders get it */
	const struct source_capture *capture;
	struct source_provocation provocation;
	char directory[64];
	struct sample_source *source;
	struct provoke child;
	struct probe probes[TRIAL_PROBES_MAX];
	size_t probe_count;
	uint64_t samples; /* of the child, since it was provoked last */
	bool verified;
};

static int act(void *context, uint8_t step)
{
	struct trial *t = context;

	t->provocation.pid = (uint32_t)getpid();
	t->provocation.number = step;
	t->capture->provoke(&t->provocation);
	return 0;
}

static bool make_directory(struct trial *t)
{
	static const char *const places[] = {"/run", "/dev/shm", "/tmp", "/var/tmp"};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(t->directory, sizeof(t->directory), "%s/ringside-trial-XXXXXX", places[i]);
		if (mkdtemp(t->directory))
			return true;
	}
	t->directory[0] = '\0';
	return false;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

static void check_event(struct trial *t, const struct event *event)
{
	if (event->tgid == t->provocation.pid && event->kind == t->capture->kind && t->capture->verify &&
	    t->capture->verify(&t->provocation, event))
		t->verified = true;
}

static void take_emitted(struct source_context *context, struct event *event)
{
	check_event((struct trial *)context, event);
}

static void take_sample(struct trial *t, const struct sample *sample)
{
	const struct probe *probe = sample->event->owner;
	const struct process *process;
	struct event event = {
		.cpu = sample->cpu,
		.tid = sample->tid,
		.tgid = sample->tgid,
		.time_ns = sample->time_ns,
	};

	if (sample->kind == SAMPLE_LOST || sample->tgid != t->provocation.pid)
		return;
	t->samples++;
	event.process = process_cache_find(t->context.processes, sample->tgid);
	if (probe->instance.row->build(&t->context, &probe->instance, sample, &event))
		check_event(t, &event);
	process = process_cache_find(t->context.processes, t->provocation.pid);
	if (process && t->capture->verify_process && t->capture->verify_process(&t->provocation, process))
		t->verified = true;
}

static void watch(struct trial *t)
{
	const struct timespec interval = {.tv_nsec = POLL_INTERVAL_NS};
	uint64_t end_ns = clock_monotonic_ns() + TRIAL_GRACE_MS * NSEC_PER_MSEC;
	struct sample sample;

	while (!t->verified && clock_monotonic_ns() < end_ns) {
		t->source->ops->advance(t->source);
		while (!t->verified && t->source->ops->next(t->source, &sample))
			take_sample(t, &sample);
		t->source->ops->release(t->source);
		if (!t->verified)
			nanosleep(&interval, NULL);
	}
}

static int install(struct trial *t, const struct source_candidate *candidate, struct probe_kernel *kernel, struct error *err)
{
	char filter[64];
	int code = 0;

	/* Others' hits would only cost time. */
	snprintf(filter, sizeof(filter), "common_pid == %" PRIu32, t->provocation.pid);
	for (size_t i = 0; !code && candidate->probes[i]; i++) {
		if (t->probe_count == TRIAL_PROBES_MAX)
			return error_set(err, -E2BIG, "more than %d probes", TRIAL_PROBES_MAX);
		code = probe_install(&t->probes[t->probe_count], candidate->probes[i], kernel, t->source, filter, err);
		if (!code && candidate->probes[i]->type == SOURCE_TRACEPOINT)
			tracepoint_keeper_hold(&kernel->keeper, format_id(t->probes[t->probe_count].event->format));
		t->probe_count += !code;
		if (code == -ENOENT && candidate->probes[i]->optional)
			code = 0;
	}
	return code;
}

static int open_context(struct trial *t, struct error *err)
{
	const struct collector_options options = {.ring_memory_bytes = TRIAL_RING_BYTES};
	int code = process_cache_new(&t->context.processes, NULL, err);

	if (code)
		return code;
	process_cache_track(t->context.processes, true, true);
	t->context.notes = process_notes_new();
	t->context.calls = call_table_new();
	t->context.emit = take_emitted;
	if (!t->context.notes || !t->context.calls)
		return error_set(err, -ENOMEM, "out of memory");
	if (!make_directory(t))
		return error_set_errno(err, -errno, "cannot make a directory to try it in");
	t->provocation.directory = t->directory;
	return collector_open(&t->source, &options, err);
}

/* Provokes once, and sees what comes of it. */
static int try_provocation(struct trial *t, uint32_t number, struct error *err)
{
	int code;

	t->provocation.number = number;
	t->verified = false;
	t->samples = 0;
	code = provoke_act(&t->child, (uint8_t)number, TRIAL_ACT_TIMEOUT_MS, err);
	if (code)
		return code;
	watch(t);
	if (t->verified)
		return 0;
	return t->samples ? error_set(err, -ENODATA, "it fires, but does not tell what was done to provoke it")
			  : error_set(err, -ENODATA, "it is there, but does not fire when it should");
}

static int run(struct trial *t, const struct source_candidate *candidate, struct probe_kernel *kernel, struct error *err)
{
	uint32_t count = t->capture->provocation_count ? t->capture->provocation_count : 1;
	int code = open_context(t, err);

	if (!code)
		code = provoke_start(&t->child, act, t, err);
	if (code)
		return code;
	t->provocation.pid = (uint32_t)provoke_pid(&t->child);
	(void)process_cache_get(t->context.processes, t->provocation.pid, clock_monotonic_ns());
	code = install(t, candidate, kernel, err);
	for (uint32_t number = 0; !code && number < count; number++)
		code = try_provocation(t, number, err);
	return code;
}

int trial_run(void *context, const struct source_capture *capture, const struct source_candidate *candidate, struct probe_kernel *kernel,
	      struct error *err)
{
	struct trial *t = calloc(1, sizeof(*t));
	int code;

	(void)context;
	if (!t)
		return error_set(err, -ENOMEM, "out of memory");
	t->capture = capture;
	code = run(t, candidate, kernel, err);
	for (size_t i = t->probe_count; i-- > 0;)
		probe_remove(&t->probes[i], t->source);
	provoke_stop(&t->child);
	if (t->source)
		t->source->ops->free(t->source);
	if (t->directory[0])
		nftw(t->directory, remove_entry, 4, FTW_DEPTH | FTW_PHYS);
	process_cache_free(t->context.processes);
	process_notes_free(t->context.notes);
	call_table_free(t->context.calls);
	free(t);
	return code;
}
