#ifndef SENSOR_SENSOR_H
#define SENSOR_SENSOR_H

#include "container/container_watch.h"
#include "sensor/plan.h"
#include "sensor/probe_set.h"
#include "sensor/process_cache.h"
#include "sensor/event.h"
#include "tracing/notice.h"

/*
 * The wiring from samples to events: takes samples in time order out of a source, keeps the process cache with them, builds events and
 * gives them to one consumer. Its own process (every thread of it) is never reported.
 *
 * The loop thread.
 */
struct sensor;

struct sensor_options {
	struct sample_source *source; /* taken over, freed with the sensor */
	const char *proc;             /* NULL: "/proc" */
	/* Where container runtimes keep their state; borrowed, must live longer. NULL: containers have ids only. */
	const struct container_roots *container_roots;
	/* container_table.h; may be NULL. */
	struct container_fact *(*catch_up)(void *context);
	void *catch_up_context;
	struct container_fact *facts; /* a list of what they tell of containers that are there; taken over, freed on failure too */
	/* What is put into the kernel, and what is not. `self_tgid` is not reported at all, nor are its children. */
	struct probe_set_options probes;
};

struct sensor_consumer {
	void *context;
	/* At the start of a round, after its horizon is fixed: notices of everything up to the horizon are to be handed in (sensor_notice())
	 * before it returns. NULL: none ever come. */
	void (*notices)(void *context);
	void (*event)(void *context, struct event *event); /* in time order */
	void (*flush)(void *context);                      /* at the end of a round */
};

struct sensor_counters {
	struct sample_source_counters source;
	struct process_cache_counters processes;
	uint64_t events; /* built and given to the consumer */
	uint64_t rounds;
};

/* Zeros of what does not run. */
struct sensor_container_counters {
	uint64_t known;
	uint64_t pending;                      /* of these: nobody has told yet what they are */
	struct container_watch_counters watch; /* of the runtimes' state on disk */
	uint32_t sockets;                      /* runtimes that are connected now */
};

/* Installs what the process cache needs, then scans /proc. The source is freed on failure too. */
int sensor_new(struct sensor **ret, const struct sensor_options *options, const struct sensor_consumer *consumer, struct error *err);

/* Removes everything from the kernel. Takes NULL; returns NULL. */
struct sensor *sensor_free(struct sensor *s);

/* Makes the kernel match the plan. A kind that cannot be had leaves its reason in refusals[kind], a request in its refusal; the rest is
 * installed. A kind that was never wanted before may need trials, some ten milliseconds each. */
void sensor_apply(struct sensor *s, const struct plan *plan, struct error refusals[EVENT_KIND_COUNT]);

/* What exec_arguments and exit_status watchers tell (a notice_fn; context: the sensor). */
void sensor_notice(void *sensor, const struct notice *notice);

/* Takes over a list of what runtimes tell of containers (container_inbox_take()). Each fact comes in its place among the samples, by the time at
 * which it was put. */
void sensor_take_facts(struct sensor *s, struct container_fact *list);

/* Whether some are later than all samples so far: then a round should not be long in coming. */
bool sensor_has_facts(const struct sensor *s);

/* Whether notices come, from now on, for every exec and for every thread that ends: their samples are held back for a moment then until theirs
 * is there. */
void sensor_expect_notices(struct sensor *s, bool of_execs, bool of_exits);

enum sensor_round_result {
	SENSOR_IDLE,    /* everything up to the horizon is taken */
	SENSOR_MORE,    /* it stopped after `max_samples`, and there is more */
	SENSOR_WAITING, /* a sample is held back for its notice; try again in about a millisecond */
};

/* Takes what has come and gives it to the consumer. */
enum sensor_round_result sensor_round(struct sensor *s, uint32_t max_samples);

/* To be called every few 100 ms, between rounds: reports losses that only counters know of, makes the kernel filter threads of our own that
 * were met, scans /proc again after samples were lost that the process cache lives on, and reads directories, credentials and cgroups there again
 * after changes of them were lost; looks again for what is not known of containers. */
void sensor_settle(struct sensor *s);

/* The time for events that are made in user space: CLOCK_MONOTONIC ns, not before the last event. */
uint64_t sensor_now_ns(const struct sensor *s);

struct process_cache *sensor_processes(struct sensor *s);
const struct container_table *sensor_containers(const struct sensor *s);
void sensor_counters(const struct sensor *s, struct sensor_counters *ret);
/* Looks at each container: for whoever asks, not for each round. */
void sensor_container_counters(const struct sensor *s, struct sensor_container_counters *ret);

/* Calls fn for each installed kernel event. `filter` is what the plan asked for, without the part that keeps our own threads out; "":
 * everything. */
void sensor_each_event(const struct sensor *s, kernel_event_fn fn, void *context);

#endif
