#include "cli/status_text.h"

#include "base/clock.h"
#include "cli/text.h"
#include "tracing/syscall_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HEAD_WIDTH  11
#define EVENT_WIDTH 34

static void put_head(struct buffer *out, bool color, const char *head)
{
	size_t start = out->length;

	text_put_styled(out, color, STYLE_BOLD, head);
	text_pad(out, start, HEAD_WIDTH);
}

/* A count of something that had better be zero. */
static void put_bad_count(struct buffer *out, bool color, uint64_t count, const char *what)
{
	text_style(out, color && count, STYLE_BAD);
	buffer_printf(out, "%" PRIu64 " %s", count, what);
	text_style(out, color && count, STYLE_PLAIN);
}

static uint64_t timestamp_ns(const Google__Protobuf__Timestamp *timestamp)
{
	return (uint64_t)timestamp->seconds * NSEC_PER_SEC + (uint64_t)timestamp->nanos;
}

static void put_sensor(struct buffer *out, bool color, const Ringside__V0__GetStatusResponse *status, uint64_t now_ns)
{
	put_head(out, color, "sensor");
	buffer_put_string(out, "version ");
	text_put_escaped(out, status->version);
	buffer_printf(out, ", pid %" PRId32, status->pid);
	if (status->start_time) {
		uint64_t start_ns = timestamp_ns(status->start_time);

		buffer_put_string(out, ", up ");
		text_put_duration(out, now_ns > start_ns ? now_ns - start_ns : 0);
	}
	buffer_put_string(out, ", id ");
	text_put_escaped(out, status->sensor_id);
	buffer_printf(out, ", last sequence number %" PRIu64 "\n", status->last_sequence_number);
}

static void put_rings(struct buffer *out, bool color, const Ringside__V0__RingCounters *rings)
{
	put_head(out, color, "rings");
	buffer_printf(out, "%" PRIu32 " with ", rings->rings);
	text_put_size(out, rings->ring_bytes);
	buffer_printf(out, " in all, %" PRIu32 " perf descriptors, %" PRIu64 " samples in %" PRIu64 " rounds, ", rings->descriptors,
		      rings->samples, rings->rounds);
	put_bad_count(out, color, rings->lost, "lost, ");
	put_bad_count(out, color, rings->late, "late, ");
	put_bad_count(out, color, rings->corrupt, "corrupt, ");
	buffer_printf(out, "%" PRIu64 " of closed events\n", rings->unknown);
}

static void put_processes(struct buffer *out, bool color, const Ringside__V0__ProcessCounters *processes)
{
	put_head(out, color, "processes");
	buffer_printf(out,
		      "%" PRIu64 " alive, %" PRIu64 " kept after their end, %" PRIu64 " seen to be forked, %" PRIu64
		      " found in /proc, %" PRIu64 " cut from lineages\n",
		      processes->alive, processes->dead, processes->created, processes->looked_up, processes->cut);
}

static void put_containers(struct buffer *out, bool color, const Ringside__V0__ContainerCounters *containers)
{
	put_head(out, color, "containers");
	buffer_printf(out,
		      "%" PRIu64 " known, %" PRIu64 " pending, %" PRIu32 " directories watched, %" PRIu64 " facts, %" PRIu32 " sockets, ",
		      containers->known, containers->pending, containers->watched, containers->facts, containers->sockets);
	put_bad_count(out, color, containers->unreadable, "unreadable, ");
	put_bad_count(out, color, containers->overflows, "overflows, ");
	put_bad_count(out, color, containers->unwatched, "not watched\n");
	if (!*containers->problem)
		return;
	put_head(out, color, "");
	text_put_escaped(out, containers->problem);
	buffer_put_u8(out, '\n');
}

static void put_recorder(struct buffer *out, bool color, const Ringside__V0__RecorderStatus *recorder, uint64_t now_ns)
{
	put_head(out, color, "recorder");
	text_put_escaped(out, recorder->directory);
	buffer_put_string(out, ": ");
	text_put_size(out, recorder->stored_bytes);
	buffer_put_string(out, " of ");
	text_put_size(out, recorder->capacity_bytes);
	buffer_printf(out, " in %" PRIu64 " segment%s", recorder->segments, recorder->segments == 1 ? "" : "s");
	if (recorder->oldest) {
		uint64_t oldest_ns = timestamp_ns(recorder->oldest);

		buffer_put_string(out, ", the last ");
		text_put_duration(out, now_ns > oldest_ns ? now_ns - oldest_ns : 0);
	}
	buffer_printf(out, ", %" PRIu64 " deleted\n", recorder->deleted_segments);
	put_head(out, color, "");
	buffer_printf(out, "%" PRIu64 " events written", recorder->events);
	if (recorder->events)
		buffer_printf(out, " (%.1f bytes each)", (double)recorder->written_bytes / (double)recorder->events);
	buffer_put_string(out, ", ");
	put_bad_count(out, color, recorder->lost, "lost, ");
	text_put_size(out, recorder->queued_bytes);
	buffer_put_string(out, " of ");
	text_put_size(out, recorder->queue_capacity);
	buffer_printf(out, " wait; %" PRIu32 " replaying, %" PRIu64 " joined the live stream\n", recorder->replaying, recorder->joined);
	put_head(out, color, "");
	text_put_escaped(out, recorder->query);
	buffer_put_u8(out, '\n');
	if (!recorder->failures)
		return;
	put_head(out, color, "");
	put_bad_count(out, color, recorder->failures, recorder->failing ? "failures, it cannot write now: " : "failures, the last was: ");
	text_put_escaped(out, recorder->failure);
	buffer_put_u8(out, '\n');
}

static void put_kernel_event(struct buffer *out, bool color, const Ringside__V0__KernelEvent *event)
{
	size_t start;

	buffer_put_string(out, "  ");
	start = out->length;
	text_put_escaped(out, event->system);
	buffer_put_u8(out, ':');
	text_put_escaped(out, event->name);
	text_pad(out, start, EVENT_WIDTH);
	buffer_printf(out, " %12" PRIu64, event->delivered);
	text_style(out, color && event->lost, STYLE_BAD);
	buffer_printf(out, " %10" PRIu64, event->lost);
	text_style(out, color && event->lost, STYLE_PLAIN);
	if (*event->filter) {
		buffer_put_string(out, "  ");
		text_put_escaped(out, event->filter);
	}
	buffer_put_u8(out, '\n');
}

static void put_kernel_events(struct buffer *out, bool color, const Ringside__V0__GetStatusResponse *status)
{
	size_t start = out->length;

	text_style(out, color, STYLE_BOLD);
	buffer_put_string(out, "kernel events");
	text_pad(out, start, EVENT_WIDTH + 2);
	buffer_printf(out, " %12s %10s  %s", "delivered", "lost", "filter");
	text_style(out, color, STYLE_PLAIN);
	buffer_put_u8(out, '\n');
	for (size_t i = 0; i < status->n_kernel_events; i++)
		put_kernel_event(out, color, status->kernel_events[i]);
}

/* "syscall:enter where id = 295 and abi = I386": in queries only the numbers of 64-bit callers have names. */
static void put_syscall_name(struct buffer *out, bool color, const char *clause)
{
	const char *condition = strncmp(clause, "syscall:", strlen("syscall:")) != 0 ? NULL : strstr(clause, " where id = ");
	const char *name = NULL;
	long long id;
	int length = 0;

	if (condition && sscanf(condition, " where id = %lld and abi = I386%n", &id, &length) == 1 && length)
		name = syscall_name(SAMPLE_ABI_32, id);
	if (!name)
		return;
	text_style(out, color, STYLE_DIM);
	buffer_printf(out, " (%s of 32-bit callers)", name);
	text_style(out, color, STYLE_PLAIN);
}

static void put_subscriber(struct buffer *out, bool color, const Ringside__V0__Subscriber *subscriber)
{
	buffer_printf(out, "  %" PRIu64 " matched, %" PRIu64 " delivered, ", subscriber->matched, subscriber->delivered);
	if (subscriber->throttled)
		buffer_printf(out, "%" PRIu64 " throttled, ", subscriber->throttled);
	buffer_put_string(out, "lost ");
	put_bad_count(out, color, subscriber->lost_queue, "in its queue and ");
	put_bad_count(out, color, subscriber->lost_ring, "in rings");
	buffer_put_string(out, "; queue holds ");
	text_put_size(out, subscriber->queue_bytes);
	buffer_put_string(out, " of ");
	text_put_size(out, subscriber->queue_capacity);
	buffer_put_u8(out, '\n');
	for (size_t i = 0; i < subscriber->n_clauses; i++) {
		buffer_put_string(out, "      ");
		text_put_escaped(out, subscriber->clauses[i]);
		put_syscall_name(out, color, subscriber->clauses[i]);
		buffer_put_u8(out, '\n');
	}
}

void status_text_put(struct buffer *out, bool color, const Ringside__V0__GetStatusResponse *status, uint64_t now_ns)
{
	put_sensor(out, color, status, now_ns);
	if (status->rings)
		put_rings(out, color, status->rings);
	if (status->processes)
		put_processes(out, color, status->processes);
	if (status->containers)
		put_containers(out, color, status->containers);
	if (status->recorder)
		put_recorder(out, color, status->recorder, now_ns);
	put_kernel_events(out, color, status);
	text_style(out, color, STYLE_BOLD);
	buffer_printf(out, "subscribers (%zu)", status->n_subscribers);
	text_style(out, color, STYLE_PLAIN);
	buffer_put_u8(out, '\n');
	for (size_t i = 0; i < status->n_subscribers; i++)
		put_subscriber(out, color, status->subscribers[i]);
}
