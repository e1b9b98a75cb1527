/*
 * containers [PROCESSES [CONTAINERS [ROUNDS]]]: what it costs to know which container an event is from, on a host with 10,000 processes in 1,000
 * containers, against the same host without any. All on files and samples that are made here (crowd.h, stream.h): no root, no kernel.
 *
 *	events      from the sample to the bytes in the subscribers' outboxes, in turns on each host. A host without containers whose events are
 *	            as long as those with them tells the price of the bytes from that of the context.
 *	changes     what is done every few seconds, and when something changes, whatever happens
 *	start-up    until the sensor knows who is there, and its memory then
 *
 * Fails when an event of a host with containers costs half as much again as one that is as long on a host without, or the sensor takes 2 s to start.
 */
#include "proto/capsule8_encoder.h"
#include "sensor/sensor.h"
#include "subscription/subscriber_set.h"
#include "tests/bench/crowd.h"
#include "tests/bench/measure.h"
#include "tests/bench/stream.h"

#include "base/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES   10000
#define CONTAINERS  1000
#define ROUNDS      15
#define ROUNDS_MAX  101
#define STARTS      7
#define SAMPLES     50000 /* of a round */
#define BATCH       4096  /* of one call of sensor_round() */
#define SUBSCRIBERS 16
#define OUTBOX_MIB  64
#define SELF        4194305 /* beyond any pid_max */
#define RATIO_MAX   1.5
#define START_MAX_S 2.0

/* Ancestors whose names are as long as what is told of a container. */
#define AS_MANY_BYTES 9

enum {
	NONE,
	LONGER,
	WITH,
	HOSTS,
};

static struct crowd hosts[HOSTS];
static bool failed;

/* A sensor and its subscribers on one of the hosts. */
struct lane {
	const char *name;
	struct sample_source *source; /* the sensor's */
	struct sensor *sensor;
	struct subscriber_set *set;
	struct encoder *encoder;
	struct outbox *outboxes[SUBSCRIBERS];
	size_t subscribers;
	uint64_t events, bytes; /* that came out, of all subscribers */
	double ns[ROUNDS_MAX];  /* per event that happened */
};

static void take_event(void *context, struct event *event)
{
	subscriber_set_dispatch(((struct lane *)context)->set, event);
}

static void take_flush(void *context)
{
	struct lane *l = context;

	if (!l->set)
		return;
	subscriber_set_flush(l->set);
	for (size_t i = 0; i < l->subscribers; i++) {
		struct chunk *chunks[64];
		struct outbox_end end;
		bool ended;
		size_t count;

		while ((count = outbox_take(l->outboxes[i], chunks, 64, SIZE_MAX, &end, &ended)))
			for (size_t j = 0; j < count; j++) {
				l->events += chunks[j]->events;
				l->bytes += chunks[j]->length;
				chunk_unref(chunks[j]);
			}
	}
}

static void apply(void *context, const struct plan *plan, struct error refusals[EVENT_KIND_COUNT])
{
	sensor_apply(((struct lane *)context)->sensor, plan, refusals);
}

static uint64_t now_ns(void *context)
{
	return sensor_now_ns(((struct lane *)context)->sensor);
}

static struct sensor *start_sensor(struct lane *l, const struct crowd *host, bool with_names)
{
	const char *const roots[] = {host->docker};
	const struct sensor_options options = {
		.source = l->source,
		.proc = host->proc,
		.docker_roots = roots,
		.docker_root_count = with_names ? 1 : 0,
		.probes = {.self_tgid = SELF},
	};
	const struct sensor_consumer consumer = {.context = l, .event = take_event, .flush = take_flush};
	struct sensor *sensor;
	struct error err = {0};

	measure_require(sensor_new(&sensor, &options, &consumer, &err) == 0, "sensor: %s", err.message);
	return sensor;
}

/* Each wants the same; a limit that is never reached keeps them from sharing one stream of bytes. */
static void subscribe(struct lane *l, size_t n, bool filtered)
{
	static const enum event_kind kinds[] = {EVENT_SYSCALL_EXIT, EVENT_FILE_OPEN, EVENT_PROCESS_FORK, EVENT_PROCESS_EXEC,
						EVENT_PROCESS_EXIT};
	static const struct outbox_callbacks nobody_waits;
	struct subscription_spec *spec = subscription_spec_new();
	struct subscriber_statuses statuses;
	struct subscriber *subscriber;
	struct error err = {0};

	measure_require(spec != NULL, "out of memory");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		measure_require(subscription_spec_add(spec, kinds[i]) != NULL, "out of memory");
	spec->limit = UINT64_MAX - n;
	if (filtered) {
		spec->containers = container_filter_new();
		measure_require(spec->containers &&
					!container_filter_add(spec->containers, CONTAINER_FILTER_IMAGE_NAME, CROWD_IMAGE "*", &err),
				"filter: %s", err.message);
	}
	l->outboxes[n] = outbox_new((size_t)OUTBOX_MIB << 20, &nobody_waits);
	measure_require(l->outboxes[n] &&
				!subscriber_set_add(l->set, spec, l->encoder, l->outboxes[n], NULL, NULL, &subscriber, &statuses, &err),
			"subscription: %s", err.message);
	measure_require(statuses.count == 1 && statuses.items[0].code == 0, "subscription: %s", statuses.items[0].message);
}

static void lane_init(struct lane *l, const char *name, const struct crowd *host, const struct stream *stream, size_t subscribers,
		      bool filtered)
{
	const struct subscriber_set_callbacks callbacks = {.context = l, .apply = apply, .now_ns = now_ns};

	*l = (struct lane){.name = name, .source = stream_source_new(stream)};
	l->sensor = start_sensor(l, host, true);
	l->encoder = capsule8_encoder_new("00112233445566ff");
	l->set = subscriber_set_new(&callbacks, NULL);
	measure_require(l->encoder && l->set, "out of memory");
	for (; l->subscribers < subscribers; l->subscribers++)
		subscribe(l, l->subscribers, filtered);
}

static void lane_done(struct lane *l)
{
	subscriber_set_free(l->set, 0, "");
	for (size_t i = 0; i < l->subscribers; i++)
		outbox_unref(l->outboxes[i]);
	sensor_free(l->sensor);
	capsule8_encoder_free(l->encoder);
}

/* ns per event. */
static double lane_run(struct lane *l)
{
	struct sensor_counters before, after;
	uint64_t start;

	sensor_counters(l->sensor, &before);
	stream_source_repeat(l->source);
	start = measure_cpu_ns();
	while (sensor_round(l->sensor, BATCH) == SENSOR_MORE)
		;
	start = measure_cpu_ns() - start;
	sensor_counters(l->sensor, &after);
	measure_require(after.events - before.events == SAMPLES, "%s: %llu samples made %llu events", l->name, (unsigned long long)SAMPLES,
			(unsigned long long)(after.events - before.events));
	return (double)start / SAMPLES;
}

/* Events */

/* How often the cost of `other` in the same round, in `ret`: what slows both does not count. */
static struct measure_spread compare(const struct lane *l, const struct lane *other, size_t rounds)
{
	double ratios[ROUNDS_MAX];

	for (size_t i = 0; i < rounds; i++)
		ratios[i] = l->ns[i] / other->ns[i];
	return measure_spread(ratios, rounds);
}

static void print_lane(const struct lane *l, const struct lane lanes[HOSTS], size_t rounds)
{
	struct measure_spread to_none = compare(l, &lanes[NONE], rounds), to_longer = compare(l, &lanes[LONGER], rounds), cost;
	double ns[ROUNDS_MAX];

	memcpy(ns, l->ns, sizeof(ns));
	cost = measure_spread(ns, rounds);
	printf("  %-30s %5.0f %5.0f..%-5.0f   %5.3f %5.3f..%5.3f   %5.3f %5.3f..%5.3f %6.0f\n", l->name, cost.median, cost.low, cost.high,
	       to_none.median, to_none.low, to_none.high, to_longer.median, to_longer.low, to_longer.high,
	       (double)l->bytes / (double)l->events);
	if (to_longer.median <= RATIO_MAX)
		return;
	printf("  that is more than %.1f times of what the same bytes cost without containers\n", RATIO_MAX);
	failed = true;
}

static void time_events(const char *what, enum stream_order order, size_t subscribers, size_t rounds)
{
	enum {
		FILTERED = HOSTS,
		LANES
	};
	static struct lane lanes[LANES];
	/* All hosts have the same processes. */
	struct stream *stream = stream_new(&hosts[NONE], order, SAMPLES);

	for (int i = 0; i < HOSTS; i++)
		lane_init(&lanes[i], hosts[i].shape.name, &hosts[i], stream, subscribers, false);
	lane_init(&lanes[FILTERED], "containers, filter by image", &hosts[WITH], stream, subscribers, true);
	for (int i = 0; i < LANES; i++)
		(void)lane_run(&lanes[i]);
	for (size_t round = 0; round < rounds; round++)
		for (size_t i = 0; i < LANES; i++) {
			struct lane *l = &lanes[(i + round) % LANES];

			l->ns[round] = lane_run(l);
		}
	printf("%s, %zu subscriber%s\n", what, subscribers, subscribers > 1 ? "s" : "");
	for (int i = 0; i < LANES; i++)
		print_lane(&lanes[i], lanes, rounds);
	for (int i = 0; i < LANES; i++) {
		measure_require(lanes[i].events == (rounds + 1) * SAMPLES * subscribers, "%s: %llu events came out", lanes[i].name,
				(unsigned long long)lanes[i].events);
		lane_done(&lanes[i]);
	}
	stream_free(stream);
}

/* Changes */

static double time_look(struct lane *l, uint64_t *at_ns)
{
	uint64_t start = measure_cpu_ns();

	*at_ns += CONTAINER_LOOK_AGAIN_NS;
	process_cache_refresh_containers(sensor_processes(l->sensor), *at_ns);
	return (double)(measure_cpu_ns() - start) / 1e6;
}

static void print_look(const char *what, double *ms, size_t count)
{
	struct measure_spread spread = measure_spread(ms, count);

	printf("  %-60s %8.2f ms  %.2f..%.2f\n", what, spread.median, spread.low, spread.high);
}

static void time_changes(void)
{
	struct stream *stream = stream_new(&hosts[WITH], STREAM_EACH_ANOTHER, SAMPLES);
	uint64_t at_ns = clock_monotonic_ns();
	struct lane l;
	double look[STARTS], change[STARTS];

	lane_init(&l, "containers", &hosts[WITH], stream, 1, false);
	for (uint32_t i = 0; i < STARTS; i++) {
		/* All of them are told of in between. */
		(void)lane_run(&l);
		look[i] = time_look(&l, &at_ns);
		crowd_rename(&hosts[WITH], i + 1);
		change[i] = time_look(&l, &at_ns);
	}
	printf("changes\n");
	print_look("looking whether there is something new of any of them", look, STARTS);
	print_look("all of them have got other names", change, STARTS);
	crowd_rename(&hosts[WITH], 0);
	lane_done(&l);
	stream_free(stream);
}

/* Start-up */

struct start {
	double ms;
	double mib; /* more in memory than before */
};

/* In a process of its own, so that each begins with an empty heap. */
static struct start start_once(const struct crowd *host, const struct stream *stream, bool with_table, bool with_names)
{
	struct start ret;
	int ends[2], status;
	pid_t pid;

	(void)fflush(NULL);
	measure_require(pipe(ends) == 0, "pipe: %s", strerror(errno));
	pid = fork();
	measure_require(pid >= 0, "fork: %s", strerror(errno));
	if (!pid) {
		struct lane l = {.source = stream_source_new(stream)};
		uint64_t before = measure_resident_bytes(), start = measure_cpu_ns();
		struct process_cache *cache;
		struct error err = {0};

		if (with_table)
			(void)start_sensor(&l, host, with_names);
		else
			measure_require(process_cache_new(&cache, &(struct process_cache_options){.proc = host->proc}, &err) == 0 &&
						process_cache_scan(cache, &err) == 0,
					"process cache: %s", err.message);
		ret.ms = (double)(measure_cpu_ns() - start) / 1e6;
		ret.mib = (double)(measure_resident_bytes() - before) / (1 << 20);
		_exit(write(ends[1], &ret, sizeof(ret)) == sizeof(ret) ? 0 : 1);
	}
	close(ends[1]);
	measure_require(read(ends[0], &ret, sizeof(ret)) == sizeof(ret), "a sensor did not start");
	close(ends[0]);
	measure_require(waitpid(pid, &status, 0) == pid && status == 0, "a sensor did not start");
	return ret;
}

static void time_starts(void)
{
	static const struct {
		const char *what;
		int host;
		bool with_table, with_names;
	} rows[] = {
		{"the processes alone", NONE, false, false},
		{"none", NONE, true, true},
		{"containers, ids only", WITH, true, false},
		{"containers", WITH, true, true},
	};
	enum {
		ROWS = sizeof(rows) / sizeof(rows[0])
	};
	struct stream *stream = stream_new(&hosts[NONE], STREAM_EACH_ANOTHER, 1);
	double ms[ROWS][STARTS], mib[ROWS][STARTS];

	for (int i = 0; i < STARTS; i++)
		for (int row = 0; row < ROWS; row++) {
			struct start start = start_once(&hosts[rows[row].host], stream, rows[row].with_table, rows[row].with_names);

			ms[row][i] = start.ms;
			mib[row][i] = start.mib;
		}
	printf("start-up\n");
	for (int row = 0; row < ROWS; row++) {
		struct measure_spread time = measure_spread(ms[row], STARTS), memory = measure_spread(mib[row], STARTS);

		printf("  %-60s %8.1f ms  %.1f..%.1f  %8.1f MiB\n", rows[row].what, time.median, time.low, time.high, memory.median);
		if (time.median > START_MAX_S * 1000) {
			printf("  that is more than %.1f s\n", START_MAX_S);
			failed = true;
		}
	}
	stream_free(stream);
}

static int measure(size_t rounds)
{
	/* While the heap is empty. */
	time_starts();
	printf("%-32s %5s %-12s   %5s %-12s   %5s %-12s %6s\n", "events", "ns", " quartiles", "none", "= 1", "bytes", "= 1", "bytes");
	time_events("each event another process", STREAM_EACH_ANOTHER, 1, rounds);
	time_events("each event another process", STREAM_EACH_ANOTHER, SUBSCRIBERS, rounds);
	time_events("eight events of a process in a row", STREAM_RUNS, 1, rounds);
	time_events("eight events of a process in a row", STREAM_RUNS, SUBSCRIBERS, rounds);
	time_changes();
	return failed ? 1 : 0;
}

/* In a child, so that whatever ends it the hosts are removed. */
static int measure_apart(size_t rounds)
{
	int status;
	pid_t pid;

	(void)fflush(NULL);
	pid = fork();
	if (!pid) {
		(void)signal(SIGINT, SIG_DFL);
		(void)signal(SIGTERM, SIG_DFL);
		status = measure(rounds);
		(void)fflush(NULL);
		_exit(status);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	uint32_t processes = measure_argument(argc, argv, 1, PROCESSES, 1000000);
	uint32_t containers = measure_argument(argc, argv, 2, CONTAINERS, processes);
	uint32_t rounds = measure_argument(argc, argv, 3, ROUNDS, ROUNDS_MAX);
	const struct crowd_shape shapes[HOSTS] = {
		[NONE] = {"none", processes, 0, 0},
		[LONGER] = {"none, but as many bytes", processes, 0, AS_MANY_BYTES},
		[WITH] = {"containers", processes, containers, 0},
	};
	int ret;

	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	for (int i = 0; i < HOSTS; i++)
		crowd_make(&hosts[i], &shapes[i]);
	printf("%u processes, %u containers\n", processes, containers);
	ret = measure_apart(rounds);
	for (int i = 0; i < HOSTS; i++)
		crowd_remove(&hosts[i]);
	return ret;
}
