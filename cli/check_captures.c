#include "cli/check_captures.h"

#include "sensor/capture.h"
#include "sensor/catalog.h"
#include "sensor/trial.h"
#include "tracing/perf_event.h"
#include "tracing/tracefs.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

/* The better ways that were passed over, and why, as long as there is room. */
static void put_rejections(const struct capture *c, struct buffer *out)
{
	size_t end = c->chosen ? (size_t)(c->chosen - c->source->candidates) : 0;

	for (size_t i = 0; i < end; i++)
		buffer_printf(out, "%s%s: %s", i ? "; " : "; not by ", c->source->candidates[i].name, c->rejections[i].message);
}

static void report_ways(struct check_report *report, struct capture_set *set, struct capture *c, struct probe_kernel *kernel)
{
	struct error reason;

	for (size_t i = 0; i < c->source->candidate_count; i++) {
		const struct source_candidate *candidate = &c->source->candidates[i];

		if (capture_try(set, c, i, kernel, &reason))
			check_report_add_way(report, VERDICT_MISSING, candidate->name, reason.message);
		else
			check_report_add_way(report, candidate->limits ? VERDICT_LIMITED : VERDICT_GOOD, candidate->name,
					     candidate->limits ? candidate->limits : "");
	}
}

static void report_capture(struct check_report *report, struct capture_set *set, struct capture *c, struct probe_kernel *kernel)
{
	struct buffer text;
	char name[64];

	capture_name(c->source, name, sizeof(name));
	if (capture_choose(set, c, kernel)) {
		check_report_add(report, CHECK_EVENTS, VERDICT_MISSING, name, "%s", c->refusal.message);
		return;
	}
	buffer_init(&text, 0);
	buffer_printf(&text, "by %s", c->chosen->name);
	if (c->chosen->limits)
		buffer_printf(&text, ": %s", c->chosen->limits);
	put_rejections(c, &text);
	check_report_add(report, CHECK_EVENTS, c->chosen->limits ? VERDICT_LIMITED : VERDICT_GOOD, name, "%.*s", (int)text.length,
			 (const char *)text.data);
	buffer_done(&text);
}

static void report_calls(struct check_report *report, const char *name, const char *file, const char *what)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", tracefs_path(), file);
	if (access(path, W_OK))
		check_report_add(report, CHECK_EVENTS, VERDICT_MISSING, name, "this kernel has no %s", file);
	else
		check_report_add(report, CHECK_EVENTS, VERDICT_GOOD, name, "by %s on what the client names", what);
}

/* Whether perf takes a counter on the CPU that we are on. */
static int try_counter(uint32_t type, uint64_t config, struct error *err)
{
	struct perf_event_attr attr = {.type = type, .size = PERF_ATTR_SIZE_VER5, .config = config, .disabled = 1};
	int fd = perf_event_open_cpu(&attr, sched_getcpu(), err);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static void report_counters(struct check_report *report)
{
	struct error err = {0};

	if (try_counter(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, &err))
		check_report_add(report, CHECK_EVENTS, VERDICT_MISSING, "performance", "%s", err.message);
	else if (try_counter(PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, &err))
		check_report_add(report, CHECK_EVENTS, VERDICT_LIMITED, "performance",
				 "software counters; no hardware counters, which a virtual machine may lack: %s", err.message);
	else
		check_report_add(report, CHECK_EVENTS, VERDICT_GOOD, "performance", "hardware and software counters");
}

static void report_hopeless(struct check_report *report, const struct capture_set *set, const struct error *hopeless)
{
	char name[64];

	for (size_t i = 0; i < set->count; i++) {
		capture_name(set->captures[i].source, name, sizeof(name));
		check_report_add(report, CHECK_EVENTS, VERDICT_MISSING, name, "%s", hopeless->message);
	}
}

void check_captures(struct check_report *report, const struct forbidden *forbidden, bool all_ways, const struct error *hopeless)
{
	const struct capture_options options = {.trial = trial_run, .forbidden = forbidden->names, .forbidden_count = forbidden->count};
	struct error err = *hopeless;
	struct probe_kernel kernel;
	struct capture_set set;

	if (capture_set_init(&set, &options)) {
		capture_set_done(&set);
		return;
	}
	if (err.code || probe_kernel_init(&kernel, &err)) {
		report_hopeless(report, &set, &err);
	} else {
		kernel.spoiled = forbidden->structures;
		for (size_t i = 0; i < set.count; i++) {
			report_capture(report, &set, &set.captures[i], &kernel);
			if (all_ways)
				report_ways(report, &set, &set.captures[i], &kernel);
		}
		report_calls(report, "kernel_call", "kprobe_events", "kprobes and kretprobes");
		report_calls(report, "user_call", "uprobe_events", "uprobes and uretprobes");
		report_counters(report);
		probe_kernel_done(&kernel);
	}
	capture_set_done(&set);
}
