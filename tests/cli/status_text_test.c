#include "cli/status_text.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct buffer out;

static void done(void)
{
	buffer_done(&out);
}

TestSuite(status_text, .fini = done);

static char *copy(const char *text)
{
	return strdup(text);
}

static Ringside__V0__KernelEvent *kernel_event(const char *system, const char *name, const char *filter, uint64_t delivered, uint64_t lost)
{
	Ringside__V0__KernelEvent *event = malloc(sizeof(*event));

	ringside__v0__kernel_event__init(event);
	event->system = copy(system);
	event->name = copy(name);
	event->filter = copy(filter);
	event->delivered = delivered;
	event->lost = lost;
	return event;
}

static Ringside__V0__Subscriber *subscriber(const char *clause)
{
	Ringside__V0__Subscriber *s = malloc(sizeof(*s));

	ringside__v0__subscriber__init(s);
	s->clauses = calloc(1, sizeof(char *));
	s->clauses[0] = copy(clause);
	s->n_clauses = 1;
	s->matched = 30;
	s->delivered = 25;
	s->lost_queue = 5;
	s->lost_ring = 2;
	s->queue_bytes = 1536;
	s->queue_capacity = 8 << 20;
	return s;
}

Test(status_text, everything_a_sensor_tells_has_its_place)
{
	Ringside__V0__GetStatusResponse *status = malloc(sizeof(*status));

	ringside__v0__get_status_response__init(status);
	status->version = copy("0.1.0");
	status->sensor_id = copy("4d");
	status->pid = 4711;
	status->last_sequence_number = 99;
	status->start_time = malloc(sizeof(*status->start_time));
	google__protobuf__timestamp__init(status->start_time);
	status->start_time->seconds = 1000;
	status->kernel_events = calloc(2, sizeof(void *));
	status->kernel_events[0] = kernel_event("raw_syscalls", "sys_enter", "id == 257", 1234, 17);
	status->kernel_events[1] = kernel_event("sched", "sched_process_exec", "", 5, 0);
	status->n_kernel_events = 2;
	status->subscribers = calloc(1, sizeof(void *));
	status->subscribers[0] = subscriber("syscall:enter where id = 295 and abi = I386 and process_pid = 1");
	status->n_subscribers = 1;
	status->rings = malloc(sizeof(*status->rings));
	ringside__v0__ring_counters__init(status->rings);
	status->rings->rings = 2;
	status->rings->ring_bytes = 64 << 20;
	status->rings->descriptors = 14;
	status->rings->samples = 1239;
	status->rings->lost = 17;
	status->rings->rounds = 100;
	status->processes = malloc(sizeof(*status->processes));
	ringside__v0__process_counters__init(status->processes);
	status->processes->alive = 80;
	status->containers = malloc(sizeof(*status->containers));
	ringside__v0__container_counters__init(status->containers);
	status->containers->known = 12;
	status->containers->pending = 1;
	status->containers->watched = 11;
	status->containers->facts = 345;
	status->containers->unreadable = 2;
	status->containers->sockets = 1;
	status->containers->problem = copy("/var/lib/docker/containers/\033[2J: Permission denied");

	status_text_put(&out, false, status, UINT64_C(1192000000000));
	buffer_put_u8(&out, 0);
	ringside__v0__get_status_response__free_unpacked(status, NULL);
	cr_assert_str_eq(
		(const char *)out.data,
		"sensor     version 0.1.0, pid 4711, up 3 m 12 s, id 4d, last sequence number 99\n"
		"rings      2 with 64 MiB in all, 14 perf descriptors, 1239 samples in 100 rounds, 17 lost, 0 late, 0 corrupt, 0 of closed "
		"events\n"
		"processes  80 alive, 0 kept after their end, 0 seen to be forked, 0 found in /proc, 0 cut from lineages\n"
		"containers 12 known, 1 pending, 11 directories watched, 345 facts, 1 sockets, 2 unreadable, 0 overflows, 0 not watched\n"
		"           /var/lib/docker/containers/\\x1b[2J: Permission denied\n"
		"kernel events                           delivered       lost  filter\n"
		"  raw_syscalls:sys_enter                     1234         17  id == 257\n"
		"  sched:sched_process_exec                      5          0\n"
		"subscribers (1)\n"
		"  30 matched, 25 delivered, lost 5 in its queue and 2 in rings; queue holds 1.5 KiB of 8 MiB\n"
		"      syscall:enter where id = 295 and abi = I386 and process_pid = 1 (openat of 32-bit callers)\n");
}

Test(status_text, a_sensor_that_tells_nothing_is_survived)
{
	Ringside__V0__GetStatusResponse status = RINGSIDE__V0__GET_STATUS_RESPONSE__INIT;

	status_text_put(&out, true, &status, 0);
	cr_assert_not(out.failed);
	cr_assert_gt(out.length, 0);
}

Test(status_text, what_a_throttle_drops_is_told_where_there_is_a_throttle)
{
	Ringside__V0__GetStatusResponse status = RINGSIDE__V0__GET_STATUS_RESPONSE__INIT;
	Ringside__V0__Subscriber *s = subscriber("process:exec");

	s->throttled = 7;
	status.subscribers = &s;
	status.n_subscribers = 1;
	status_text_put(&out, false, &status, 0);
	buffer_put_u8(&out, 0);
	ringside__v0__subscriber__free_unpacked(s, NULL);
	cr_assert_not_null(strstr((const char *)out.data, "  30 matched, 25 delivered, 7 throttled, lost 5 in its queue"));
}

Test(status_text, a_recorder_that_cannot_write_says_why)
{
	Ringside__V0__GetStatusResponse status = RINGSIDE__V0__GET_STATUS_RESPONSE__INIT;
	Ringside__V0__RecorderStatus recorder = RINGSIDE__V0__RECORDER_STATUS__INIT;
	Google__Protobuf__Timestamp oldest = GOOGLE__PROTOBUF__TIMESTAMP__INIT;

	oldest.seconds = 1000;
	recorder.directory = (char *)"/var/lib/ringside\x1b";
	recorder.query = (char *)"process:exec";
	recorder.failure = (char *)"segment: No space left on device";
	recorder.failing = true;
	recorder.failures = 3;
	recorder.events = 200;
	recorder.written_bytes = 2500;
	recorder.stored_bytes = 2048;
	recorder.capacity_bytes = 8192;
	recorder.segments = 1;
	recorder.queue_capacity = 1024;
	recorder.oldest = &oldest;
	status.recorder = &recorder;
	status_text_put(&out, false, &status, 1060 * NSEC_PER_SEC);
	buffer_put_u8(&out, 0);
	cr_assert_not_null(
		strstr((const char *)out.data,
		       "recorder   /var/lib/ringside\\x1b: 2 KiB of 8 KiB in 1 segment, the last 1 m, 0 deleted\n"
		       "           200 events written (12.5 bytes each), 0 lost, 0 B of 1 KiB wait; 0 replaying, 0 joined the live stream\n"
		       "           process:exec\n"
		       "           3 failures, it cannot write now: segment: No space left on device\n"),
		"%s", (const char *)out.data);
}
