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
#include "container/container_watch.h"
#include "container/docker_state.h"
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
	struct container_roots *roots; /* NULL: ids only */
	struct container_inbox *inbox;
	struct container_watch *watch;
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

/* Docker's directory of the host, and no others'. */
static void open_containers(struct lane *l, const struct crowd *host)
{
	const char *const docker[] = {host->docker}, *const nowhere[] = {"/nonexistent"};
	const struct container_roots_options options = {
		.paths = {[CONTAINER_ROOT_DOCKER] = docker,
			  [CONTAINER_ROOT_CONTAINERD] = nowhere,
			  [CONTAINER_ROOT_STORAGE] = nowhere,
			  [CONTAINER_ROOT_RUNC] = nowhere},
		.counts = {1, 1, 1, 1},
	};
	struct error err = {0};

	measure_require(container_roots_new(&l->roots, &options, &err) == 0, "roots: %s", err.message);
	l->inbox = container_inbox_new(NULL, NULL);
	measure_require(l->inbox != NULL, "out of memory");
	measure_require(container_watch_new(&l->watch, l->roots, l->inbox, &err) == 0, "watch: %s", err.message);
}

/* In the order in which the engine does it. */
static void start_sensor(struct lane *l, const struct crowd *host)
{
	const struct sensor_consumer consumer = {.context = l, .event = take_event, .flush = take_flush};
	struct sensor_options options = {.source = l->source, .proc = host->proc, .probes = {.self_tgid = SELF}};
	struct error err = {0};

	options.container_roots = l->roots;
	options.facts = l->inbox ? container_inbox_take(l->inbox) : NULL;
	measure_require(sensor_new(&l->sensor, &options, &consumer, &err) == 0, "sensor: %s", err.message);
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
	open_containers(l, host);
	start_sensor(l, host);
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
	container_watch_free(l->watch);
	container_inbox_free(l->inbox);
	container_roots_free(l->roots);
}

static uint64_t run_once(struct lane *l)
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
	return start;
}

/* ns per event. The lane before has had the caches: the first time is not measured. */
static double lane_run(struct lane *l)
{
	(void)run_once(l);
	return (double)run_once(l) / SAMPLES;
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
	for (size_t round = 0; round < rounds; round++)
		for (size_t i = 0; i < LANES; i++) {
			struct lane *l = &lanes[(i + round) % LANES];

			l->ns[round] = lane_run(l);
		}
	printf("%s, %zu subscriber%s\n", what, subscribers, subscribers > 1 ? "s" : "");
	for (int i = 0; i < LANES; i++)
		print_lane(&lanes[i], lanes, rounds);
	for (int i = 0; i < LANES; i++) {
		measure_require(lanes[i].events == 2 * rounds * SAMPLES * subscribers, "%s: %llu events came out", lanes[i].name,
				(unsigned long long)lanes[i].events);
		lane_done(&lanes[i]);
	}
	stream_free(stream);
}

/* Changes: how long the loop stands still for them. */

static double time_settling(struct lane *l)
{
	uint64_t start = measure_cpu_ns();

	sensor_settle(l->sensor);
	return (double)(measure_cpu_ns() - start) / 1e6;
}

/* As the thread that watches Docker's directories does: the order is the table's business. */
static struct container_fact *read_all(const struct crowd *host)
{
	struct container_fact *list = NULL;

	for (uint32_t n = 0; n < host->shape.containers; n++) {
		char id[CROWD_ID_BYTES];
		struct container_fact *fact;

		crowd_container_id(n, id);
		measure_require(docker_state_read(&fact, NULL, host->docker, id) == 1, "container %s cannot be read", id);
		fact->next = list;
		list = fact;
	}
	return list;
}

/* With the events that come of them. */
static double time_facts(struct lane *l, struct container_fact *facts)
{
	uint64_t start = measure_cpu_ns();

	sensor_take_facts(l->sensor, facts);
	(void)sensor_round(l->sensor, BATCH);
	return (double)(measure_cpu_ns() - start) / 1e6;
}

static void print_change(const char *what, double *ms)
{
	struct measure_spread spread = measure_spread(ms, STARTS);

	printf("  %-60s %8.2f ms  %.2f..%.2f\n", what, spread.median, spread.low, spread.high);
}

static void time_changes(void)
{
	struct stream *stream = stream_new(&hosts[WITH], STREAM_EACH_ANOTHER, SAMPLES);
	double settle[STARTS], read[STARTS], same[STARTS], other[STARTS];
	struct lane l;

	lane_init(&l, "containers", &hosts[WITH], stream, 1, false);
	for (uint32_t i = 0; i < STARTS; i++) {
		struct container_fact *facts;
		uint64_t start;

		/* All of them are told of in between. */
		(void)lane_run(&l);
		settle[i] = time_settling(&l);
		facts = read_all(&hosts[WITH]);
		same[i] = time_facts(&l, facts);

		crowd_rename(&hosts[WITH], i + 1);
		start = measure_cpu_ns();
		facts = read_all(&hosts[WITH]);
		read[i] = (double)(measure_cpu_ns() - start) / 1e6;
		other[i] = time_facts(&l, facts);
	}
	printf("changes of all containers\n");
	print_change("settling, every 200 ms", settle);
	print_change("all are told once more, and nothing has changed", same);
	print_change("all have got other names", other);
	print_change("reading that, which is another thread's work", read);
	crowd_rename(&hosts[WITH], 0);
	lane_done(&l);
	stream_free(stream);
}

/* Start-up */

enum start_with {
	START_PROCESSES, /* nobody asks for containers */
	START_IDS,       /* nobody knows where runtimes keep their state */
	START_ALL,
};

struct start {
	double ms, cpu_ms; /* of all threads */
	double mib;        /* more in memory than before */
};

static void start_in_child(struct start *ret, const struct crowd *host, const struct stream *stream, enum start_with with)
{
	struct lane l = {.source = stream_source_new(stream)};
	uint64_t before = measure_resident_bytes(), start = clock_monotonic_ns(), cpu_start = measure_all_cpu_ns();
	struct process_cache *cache;
	struct error err = {0};

	if (with == START_PROCESSES)
		measure_require(process_cache_new(&cache, &(struct process_cache_options){.proc = host->proc}, &err) == 0 &&
					process_cache_scan(cache, &err) == 0,
				"process cache: %s", err.message);
	if (with == START_ALL)
		open_containers(&l, host);
	if (with != START_PROCESSES)
		start_sensor(&l, host);
	ret->ms = (double)(clock_monotonic_ns() - start) / 1e6;
	ret->cpu_ms = (double)(measure_all_cpu_ns() - cpu_start) / 1e6;
	ret->mib = (double)(measure_resident_bytes() - before) / (1 << 20);
}

/* In a process of its own, so that each begins with an empty heap. */
static struct start start_once(const struct crowd *host, const struct stream *stream, enum start_with with)
{
	struct start ret;
	int ends[2], status;
	pid_t pid;

	(void)fflush(NULL);
	measure_require(pipe(ends) == 0, "pipe: %s", strerror(errno));
	pid = fork();
	measure_require(pid >= 0, "fork: %s", strerror(errno));
	if (!pid) {
		start_in_child(&ret, host, stream, with);
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
		enum start_with with;
	} rows[] = {
		{"the processes alone", NONE, START_PROCESSES},
		{"none", NONE, START_ALL},
		{"containers, ids only", WITH, START_IDS},
		{"containers", WITH, START_ALL},
	};
	enum {
		ROWS = sizeof(rows) / sizeof(rows[0])
	};
	struct stream *stream = stream_new(&hosts[NONE], STREAM_EACH_ANOTHER, 1);
	double ms[ROWS][STARTS], cpu_ms[ROWS][STARTS], mib[ROWS][STARTS];

	for (int i = 0; i < STARTS; i++)
		for (int row = 0; row < ROWS; row++) {
			struct start start = start_once(&hosts[rows[row].host], stream, rows[row].with);

			ms[row][i] = start.ms;
			cpu_ms[row][i] = start.cpu_ms;
			mib[row][i] = start.mib;
		}
	printf("%-32s %8s    %-14s %8s %12s\n", "start-up", "time", " quartiles", "CPU", "memory");
	for (int row = 0; row < ROWS; row++) {
		struct measure_spread time = measure_spread(ms[row], STARTS);

		printf("  %-30s %5.0f ms    %5.0f..%-5.0f %8.0f ms %8.1f MiB\n", rows[row].what, time.median, time.low, time.high,
		       measure_spread(cpu_ms[row], STARTS).median, measure_spread(mib[row], STARTS).median);
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
