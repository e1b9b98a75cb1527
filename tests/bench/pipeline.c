/*
 * pipeline RECORDING PROC COUNT QUERY: what was recorded on a real kernel goes through the sensor, COUNT subscribers, the encoder and their outboxes; {}
 * in QUERY is the subscriber's number, from 0 on. PROC stands for /proc: the host of the recording is gone. Prints "samples N events N bytes N": what went in, and what came out to all of them.
 *
 * It reads no clock that matters and makes no thread: two runs execute the same instructions. scripts/check-instructions counts those of
 * sensor_round().
 */
#include "proto/capsule8_encoder.h"
#include "sensor/sensor.h"
#include "subscription/query_parse.h"
#include "subscription/subscriber_set.h"
#include "tests/bench/measure.h"
#include "tracing/recording.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SENSOR_ID       "0123456789abcdef"
#define SUBSCRIBERS_MAX 10000
#define QUEUE_BYTES     (256u << 20) /* nothing is lost here */
#define ROUND_SAMPLES   1000

struct pipeline {
	struct sensor *sensor;
	struct subscriber_set *set;
	struct encoder *encoder;
	struct outbox **outboxes;
	uint32_t count;
	uint64_t events, bytes;
};

static void on_event(void *context, struct event *event)
{
	subscriber_set_dispatch(((struct pipeline *)context)->set, event);
}

static void on_flush(void *context)
{
	subscriber_set_flush(((struct pipeline *)context)->set);
}

static void on_apply(void *context, const struct plan *plan, struct error refusals[EVENT_KIND_COUNT])
{
	sensor_apply(((struct pipeline *)context)->sensor, plan, refusals);
}

static uint64_t on_now(void *context)
{
	return sensor_now_ns(((struct pipeline *)context)->sensor);
}

static struct subscription_spec *make_spec(const char *query, uint32_t number)
{
	char *text = measure_numbered(query, number);
	struct subscription_spec *spec;
	struct error err = {0};

	measure_require(!query_parse(text, &spec, NULL, &err), "\"%s\": %s", text, err.message);
	free(text);
	return spec;
}

static void subscribe(struct pipeline *p, uint32_t number, const char *query)
{
	struct subscriber_statuses statuses;
	struct subscriber *subscriber;
	struct error err = {0};

	p->outboxes[number] = outbox_new(QUEUE_BYTES, &(struct outbox_callbacks){0});
	measure_require(p->outboxes[number] && !subscriber_set_add(p->set, make_spec(query, number), p->encoder, p->outboxes[number], NULL,
								   NULL, &subscriber, &statuses, &err),
			"cannot subscribe: %s", err.message);
}

static void count_outbox(struct pipeline *p, struct outbox *o)
{
	struct outbox_end end;
	struct chunk *chunk;
	bool ended;

	while (outbox_take(o, &chunk, 1, SIZE_MAX, &end, &ended)) {
		p->events += chunk->events;
		p->bytes += chunk->length;
		chunk_unref(chunk);
	}
}

int main(int argc, char **argv)
{
	struct pipeline p = {.encoder = capsule8_encoder_new(SENSOR_ID)};
	struct sensor_consumer consumer = {.context = &p, .event = on_event, .flush = on_flush};
	struct subscriber_set_callbacks callbacks = {.context = &p, .apply = on_apply, .now_ns = on_now};
	struct sensor_options options = {0};
	struct sensor_counters counters;
	struct error err = {0};

	measure_require(argc == 5, "usage: pipeline RECORDING PROC COUNT QUERY");
	options.proc = argv[2];
	p.count = measure_argument(argc, argv, 3, 1, SUBSCRIBERS_MAX);
	p.outboxes = calloc(p.count, sizeof(struct outbox *));
	measure_require(p.encoder && p.outboxes, "out of memory");
	measure_require(!recording_open(&options.source, argv[1], NULL, NULL, &err) && !sensor_new(&p.sensor, &options, &consumer, &err),
			"%s", err.message);
	recording_set_notice(options.source, sensor_notice, p.sensor);
	p.set = subscriber_set_new(&callbacks, NULL);
	measure_require(p.set != NULL, "out of memory");
	for (uint32_t i = 0; i < p.count; i++)
		subscribe(&p, i, argv[4]);
	while (sensor_round(p.sensor, ROUND_SAMPLES) == SENSOR_MORE)
		;
	for (uint32_t i = 0; i < p.count; i++)
		count_outbox(&p, p.outboxes[i]);
	sensor_counters(p.sensor, &counters);
	printf("samples %" PRIu64 " events %" PRIu64 " bytes %" PRIu64 "\n", counters.source.samples, p.events, p.bytes);
	subscriber_set_free(p.set, 0, "");
	for (uint32_t i = 0; i < p.count; i++)
		outbox_unref(p.outboxes[i]);
	free(p.outboxes);
	sensor_free(p.sensor);
	capsule8_encoder_free(p.encoder);
	return 0;
}
