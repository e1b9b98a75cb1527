#include "cli/check_events.h"

#include "cli/provoke.h"
#include "sensor/catalog.h"
#include "sensor/source.h"
#include "tracing/exec_arguments.h"
#include "tracing/exec_copy.h"
#include "tracing/exit_status.h"
#include "tracing/tracefs.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <uv.h>

/* The loop's handles need a turn to close; more than a few means that something else keeps it. */
#define LOOP_TURNS_MAX 8

struct kind_check {
	struct error err;        /* why the kind cannot be had; code 0 while it can */
	struct error filter_err; /* why the kernel does not filter it */
	int fd;                  /* counts its hits on one CPU; -1: none */
	bool filters;            /* the catalog has fields that the kernel can filter by */
};

/* What is learnt beside the samples. */
struct way_check {
	struct error exec_err;
	struct error exit_err;
	struct exec_arguments_counters exec;
	struct exit_status_counters exit;
	uint32_t child;                      /* the one that was provoked */
	char no_kprobe[ERROR_MESSAGE_BYTES]; /* why the arguments do not come from a kprobe; "": they do */
	bool exec_told;
	bool exit_told;
};

/* The tracepoint of a kind that has one way only; NULL: it is captured in one of several ways. */
static const struct source_probe *source_find(enum event_kind kind)
{
	const struct {
		const struct source_probe *rows;
		size_t count;
	} sources[] = {{syscall_source, syscall_source_count}, {process_source, process_source_count}};

	for (size_t s = 0; s < 2; s++)
		for (size_t i = 0; i < sources[s].count; i++)
			if ((sources[s].rows[i].kinds & EVENT_KIND_BIT(kind)) && !sources[s].rows[i].helper)
				return &sources[s].rows[i];
	return NULL;
}

/* The fields that the kind cannot do without are there. */
static int check_fields(const struct source_probe *row, const struct format *format, struct error *err)
{
	struct format_field field;
	int r = 0;

	for (size_t i = 0; !r && i < SOURCE_FIELDS_MAX && row->fields[i]; i++)
		if (row->fields[i][0] != '?')
			r = format_field(format, row->fields[i], &field, err);
	return r;
}

/* A filter that lets everything through. */
static void check_filter(struct kind_check *c, const struct catalog_entry *entry)
{
	char filter[64];

	for (size_t i = 0; i < entry->field_count; i++) {
		if (!entry->fields[i].kernel_name)
			continue;
		c->filters = true;
		snprintf(filter, sizeof(filter), "%s != 123456789", entry->fields[i].kernel_name);
		perf_event_filter(c->fd, filter, &c->filter_err);
		return;
	}
}

static void check_kind_open(struct kind_check *c, const struct catalog_entry *entry, const struct perf_features *features, int cpu)
{
	const struct source_probe *row = source_find(entry->kind);
	struct perf_event_attr attr;
	struct format *format;

	if (!row) {
		error_set(&c->err, -EOPNOTSUPP, "nothing in this program reads %s:%s", entry->family, entry->type);
		return;
	}
	if (tracefs_format(&format, row->system, row->name, &c->err))
		return;
	if (!check_fields(row, format, &c->err)) {
		attr = perf_tracepoint_attr(features, format_id(format));
		c->fd = perf_event_open_cpu(&attr, cpu, &c->err);
	}
	format_free(format);
	if (c->fd < 0)
		return;
	check_filter(c, entry);
	if (ioctl(c->fd, PERF_EVENT_IOC_ENABLE, 0))
		error_set_errno(&c->err, -errno, "cannot enable a perf event on %s:%s", row->system, row->name);
}

static void check_kind_fired(struct kind_check *c, const struct catalog_entry *entry, const struct error *provoke_err)
{
	const struct source_probe *row = source_find(entry->kind);
	/* The number of hits stands first, whatever else the kernel counts. */
	uint64_t counts[4] = {0};

	if (c->fd < 0 || c->err.code)
		return;
	if (provoke_err->code)
		c->err = *provoke_err;
	else if (read(c->fd, counts, sizeof(counts)) < (ssize_t)sizeof(counts[0]))
		error_set_errno(&c->err, -errno, "cannot read a perf event on %s:%s", row->system, row->name);
	else if (!counts[0])
		error_set(&c->err, -ENODATA, "%s:%s exists, but did not fire when it should have", row->system, row->name);
}

static void count_notice(void *context, const struct notice *notice)
{
	struct way_check *ways = context;

	if (notice->tgid != ways->child)
		return;
	if (notice->kind == NOTICE_EXIT_STATUS)
		ways->exit_told = true;
	else
		ways->exec_told = ways->exec_told || notice->exec.count;
}

static void close_loop(uv_loop_t *loop)
{
	for (int i = 0; i < LOOP_TURNS_MAX && uv_loop_close(loop) == UV_EBUSY; i++)
		uv_run(loop, UV_RUN_NOWAIT);
}

static void check_kprobe(struct way_check *ways, const struct exec_arguments *exec)
{
	const char *why = exec_arguments_without_kprobe(exec);

	if (!why && ways->child && !ways->exec.from_kprobe)
		why = "it brought nothing when a program was executed";
	snprintf(ways->no_kprobe, sizeof(ways->no_kprobe), "%s", why ? why : "");
}

/* Opens all ways, provokes, and takes what they tell. */
static void check_ways(struct way_check *ways, int cpu, struct error *provoke_err)
{
	struct exec_arguments *exec = NULL;
	struct exit_status *exit = NULL;
	pid_t child;
	uv_loop_t loop;
	int r = uv_loop_init(&loop);

	if (r) {
		error_set(provoke_err, r, "cannot make an event loop: %s", uv_strerror(r));
		return;
	}
	if (exec_arguments_open(&exec, &loop, NULL, count_notice, ways, &ways->exec_err))
		exec = NULL;
	if (exit_status_open(&exit, &loop, NULL, count_notice, ways, &ways->exit_err))
		exit = NULL;
	if (!provoke_events("/proc/self/exe", cpu, &child, provoke_err))
		ways->child = (uint32_t)child;
	if (exec) {
		exec_arguments_drain(exec);
		exec_arguments_counters(exec, &ways->exec);
		check_kprobe(ways, exec);
	}
	if (exit) {
		exit_status_drain(exit);
		exit_status_counters(exit, &ways->exit);
	}
	if (exec && ways->child && !ways->exec_told)
		error_set(&ways->exec_err, -ENODATA, "no arguments came when a program was executed");
	if (exit && ways->child && !ways->exit_told)
		error_set(&ways->exit_err, -ENODATA, "the process events connector did not tell of a process that ended");
	exec_arguments_close(exec);
	exit_status_close(exit);
	close_loop(&loop);
}

static enum verdict describe_exec(const struct way_check *ways, char *text, size_t size)
{
	if (ways->exec_err.code) {
		snprintf(text, size, "; without arguments: %s", ways->exec_err.message);
		return VERDICT_LIMITED;
	}
	snprintf(text, size,
		 "; arguments %sfrom the new program's stack, again at the start of %" PRIu32 " dynamic loader%s, and from its memory%s%s",
		 *ways->no_kprobe ? "" : "from a kprobe on " EXEC_COPY_SYMBOL ", ", ways->exec.loaders, ways->exec.loaders == 1 ? "" : "s",
		 *ways->no_kprobe ? "; no kprobe: " : "", ways->no_kprobe);
	return VERDICT_GOOD;
}

static enum verdict describe_exit(const struct way_check *ways, char *text, size_t size)
{
	if (ways->exit_err.code) {
		snprintf(text, size, "; status only from exit calls and fatal signals: %s", ways->exit_err.message);
		return VERDICT_LIMITED;
	}
	snprintf(text, size, "; wait status from the process events connector%s", ways->exit.kernel_filters ? ", exits only" : "");
	return VERDICT_GOOD;
}

static enum verdict describe_syscall(const struct kind_check *c, const struct perf_features *features, char *text, size_t size)
{
	if (!features->user_abi) {
		snprintf(text, size, "; 32-bit callers cannot be told apart");
		return VERDICT_LIMITED;
	}
	if (c->filter_err.code) {
		snprintf(text, size, "; filtered in user space: %s", c->filter_err.message);
		return VERDICT_LIMITED;
	}
	snprintf(text, size, "%s", c->filters ? "; filtered in the kernel" : "");
	return VERDICT_GOOD;
}

static void report_kind(struct check_report *report, enum event_kind kind, const struct kind_check *c, const struct way_check *ways,
			const struct perf_features *features)
{
	const struct catalog_entry *entry = catalog_entry(kind);
	const struct source_probe *row = source_find(kind);
	enum verdict verdict = VERDICT_GOOD;
	char how[1024] = "";
	char name[32];

	snprintf(name, sizeof(name), "%s%s%s", entry->family, *entry->type ? ":" : "", entry->type);
	if (c->err.code) {
		check_report_add(report, CHECK_EVENTS, VERDICT_MISSING, name, "%s", c->err.message);
		return;
	}
	if (!entry->from_kernel) {
		check_report_add(report, CHECK_EVENTS, VERDICT_GOOD, name,
				 entry->observed ? "from the state of container runtimes" : "made by the sensor");
		return;
	}
	if (kind == EVENT_PROCESS_EXEC)
		verdict = describe_exec(ways, how, sizeof(how));
	else if (kind == EVENT_PROCESS_EXIT)
		verdict = describe_exit(ways, how, sizeof(how));
	else if (kind == EVENT_SYSCALL_ENTER || kind == EVENT_SYSCALL_EXIT)
		verdict = describe_syscall(c, features, how, sizeof(how));
	check_report_add(report, CHECK_EVENTS, verdict, name, "tracepoint %s:%s%s", row->system, row->name, how);
}

/* One that we may run on. */
static int choose_cpu(void)
{
	cpu_set_t allowed;

	if (!sched_getaffinity(0, sizeof(allowed), &allowed))
		for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
			if (CPU_ISSET(cpu, &allowed))
				return cpu;
	return 0;
}

void check_events(struct check_report *report, const struct perf_features *features, const struct error *tracefs_err,
		  const struct error *perf_err)
{
	const struct error *hopeless = tracefs_err->code ? tracefs_err : perf_err;
	struct kind_check checks[EVENT_KIND_COUNT] = {0};
	struct way_check ways = {0};
	struct error provoke_err = {0};
	int cpu = choose_cpu();

	for (enum event_kind kind = 0; kind < EVENT_KIND_COUNT; kind++) {
		checks[kind].fd = -1;
		if (hopeless->code)
			checks[kind].err = *hopeless;
		else if (source_find(kind))
			check_kind_open(&checks[kind], catalog_entry(kind), features, cpu);
	}
	if (!hopeless->code)
		check_ways(&ways, cpu, &provoke_err);
	for (enum event_kind kind = 0; kind < EVENT_KIND_COUNT; kind++) {
		struct kind_check *c = &checks[kind];

		if (catalog_entry(kind)->from_kernel && !source_find(kind))
			continue;
		check_kind_fired(c, catalog_entry(kind), &provoke_err);
		if (c->fd >= 0)
			close(c->fd);
		report_kind(report, kind, c, &ways, features);
	}
}
