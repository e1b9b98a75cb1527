/*
 * subscribers [--latency] ADDRESS COUNT QUERY: COUNT clients of a sensor in one program, on one thread, each with a subscription of its own to
 * QUERY; {} in it is the client's number, from 0 on. Connections carry a hundred of them each.
 *
 * Prints "subscribed" when all have their first response. SIGINT (or SIGTERM) ends it, as soon as nothing has come for half a second:
 *
 *	events N lost N ring N queue N bytes N messages N cpu_ns N [p50_us N p99_us N p999_us N max_us N]
 *
 * over all clients. With --latency each event is looked into for its time. Exit status 0, or 1 when a subscription is refused or ends.
 */
#include "base/buffer.h"
#include "base/clock.h"
#include "cli/watch_query.h"
#include "cli/wire_count.h"
#include "proto/wire.h"
#include "tests/bench/latency.h"
#include "tests/bench/measure.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GET_EVENTS      "/capsule8.api.v0.TelemetryService/GetEvents"
#define PER_CONNECTION  100
#define SUBSCRIBERS_MAX 10000
#define WINDOW_BYTES    (8 * 1024 * 1024)
#define FRAME_BYTES     (1024 * 1024)
#define TICK_MS         50
#define QUIET_NS        (500 * NSEC_PER_MSEC)

enum {
	RESPONSE_EVENTS = 1,
	TELEMETRY_EVENT_EVENT = 2,
	EVENT_TIME = 7,
};

struct subscriber {
	grpc_call *call;
	grpc_metadata_array initial, trailing;
	grpc_status_code code;
	grpc_slice details;
	grpc_byte_buffer *received;
	bool active;
	char started, ended; /* tags; that of a message is the subscriber */
};

struct bench {
	grpc_completion_queue *queue;
	struct subscriber *subscribers;
	uint32_t count, active;
	struct wire_count counted;
	uint64_t bytes, messages;
	struct latency *latency; /* NULL: nobody asks */
	uint64_t last_ns;        /* when a message came last */
};

static volatile sig_atomic_t ending;

static void on_signal(int number)
{
	(void)number;
	ending = 1;
}

static void read_message(struct subscriber *s)
{
	grpc_op op = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &s->received};

	measure_require(grpc_call_start_batch(s->call, &op, 1, s, NULL) == GRPC_CALL_OK, "cannot read");
}

static grpc_byte_buffer *make_request(const char *query, uint32_t number)
{
	char *text = measure_numbered(query, number), *words[] = {text};
	struct watch_query q;
	struct error err = {0};
	struct buffer out;
	grpc_byte_buffer *request;
	grpc_slice slice;

	watch_query_init(&q);
	buffer_init(&out, 0);
	measure_require(!watch_query_read(&q, words, 1, NULL) && !watch_query_pack(&q, &out, &err), "\"%s\" is not understood %s", text,
			err.message);
	slice = grpc_slice_from_copied_buffer((const char *)out.data, out.length);
	request = grpc_raw_byte_buffer_create(&slice, 1);
	grpc_slice_unref(slice);
	buffer_done(&out);
	watch_query_done(&q);
	free(text);
	return request;
}

static void subscribe(struct bench *b, grpc_channel *channel, struct subscriber *s, const char *query)
{
	grpc_byte_buffer *request = make_request(query, (uint32_t)(s - b->subscribers));
	grpc_op start[4] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
			    {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = request},
			    {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
			    {.op = GRPC_OP_RECV_INITIAL_METADATA, .data.recv_initial_metadata.recv_initial_metadata = &s->initial}};
	grpc_op end = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
		       .data.recv_status_on_client = {.trailing_metadata = &s->trailing,
						      .status = &s->code,
						      .status_details = &s->details}};

	grpc_metadata_array_init(&s->initial);
	grpc_metadata_array_init(&s->trailing);
	s->call = grpc_channel_create_call(channel, NULL, GRPC_PROPAGATE_DEFAULTS, b->queue, grpc_slice_from_static_string(GET_EVENTS),
					   NULL, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
	measure_require(grpc_call_start_batch(s->call, &end, 1, &s->ended, NULL) == GRPC_CALL_OK &&
				grpc_call_start_batch(s->call, start, 4, &s->started, NULL) == GRPC_CALL_OK,
			"cannot subscribe");
	grpc_byte_buffer_destroy(request);
	read_message(s);
}

/* A channel with a connection of its own. */
static grpc_channel *connect_channel(const char *address)
{
	grpc_arg args[] = {
		{.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, .value.integer = -1},
		{.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, .value.integer = WINDOW_BYTES},
		{.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_HTTP2_BDP_PROBE, .value.integer = 0},
		{.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_HTTP2_MAX_FRAME_SIZE, .value.integer = FRAME_BYTES},
		{.type = GRPC_ARG_INTEGER, .key = GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, .value.integer = 1},
	};
	const grpc_channel_args list = {.num_args = sizeof(args) / sizeof(args[0]), .args = args};
	grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
	grpc_channel *channel = grpc_channel_create(address, credentials, &list);

	grpc_channel_credentials_release(credentials);
	return channel;
}

static bool find_field(const uint8_t *at, const uint8_t *end, uint32_t number, struct wire_field *ret)
{
	while (at < end && wire_read_field(&at, end, ret))
		if (ret->number == number)
			return true;
	return false;
}

static void take_latencies(struct latency *l, const uint8_t *at, const uint8_t *end, uint64_t now_ns)
{
	struct wire_field entry, event, time;

	while (at < end && wire_read_field(&at, end, &entry)) {
		if (entry.number != RESPONSE_EVENTS || !find_field(entry.bytes, entry.bytes + entry.size, TELEMETRY_EVENT_EVENT, &event) ||
		    !find_field(event.bytes, event.bytes + event.size, EVENT_TIME, &time))
			continue;
		latency_add(l, now_ns > time.value ? now_ns - time.value : 0);
	}
}

static void take_message(struct bench *b, struct subscriber *s)
{
	uint64_t now_ns = clock_monotonic_ns();
	grpc_byte_buffer_reader reader;
	grpc_slice slice;
	const uint8_t *bytes;
	size_t size;

	b->last_ns = now_ns;
	measure_require(grpc_byte_buffer_reader_init(&reader, s->received), "a message makes no sense");
	slice = grpc_byte_buffer_reader_readall(&reader);
	bytes = GRPC_SLICE_START_PTR(slice);
	size = GRPC_SLICE_LENGTH(slice);
	b->bytes += size;
	b->messages++;
	measure_require(wire_count_response(&b->counted, bytes, size), "a response makes no sense");
	if (b->latency)
		take_latencies(b->latency, bytes, bytes + size, now_ns);
	grpc_slice_unref(slice);
	grpc_byte_buffer_reader_destroy(&reader);
	grpc_byte_buffer_destroy(s->received);
	s->received = NULL;
	if (s->active)
		return;
	s->active = true;
	if (++b->active == b->count) {
		(void)puts("subscribed");
		(void)fflush(stdout);
	}
}

static void take_completion(struct bench *b, void *tag)
{
	uint64_t offset = (uint64_t)((char *)tag - (char *)b->subscribers);
	struct subscriber *s = &b->subscribers[offset / sizeof(*s)];

	if (tag == &s->ended && !ending) {
		char *details = grpc_slice_to_c_string(s->details);

		measure_require(0, "a subscription has ended: %s (code %d)", details, s->code);
	}
	if (tag != s || !s->received)
		return;
	take_message(b, s);
	read_message(s);
}

static void run(struct bench *b)
{
	for (;;) {
		gpr_timespec tick = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(TICK_MS, GPR_TIMESPAN));
		grpc_event event = grpc_completion_queue_next(b->queue, tick, NULL);

		if (event.type == GRPC_OP_COMPLETE)
			take_completion(b, event.tag);
		else if (ending && clock_monotonic_ns() > b->last_ns + QUIET_NS)
			return;
	}
}

static void print(const struct bench *b)
{
	const struct wire_count *c = &b->counted;

	printf("events %" PRIu64 " lost %" PRIu64 " ring %" PRIu64 " queue %" PRIu64 " bytes %" PRIu64 " messages %" PRIu64
	       " cpu_ns %" PRIu64,
	       c->events, c->lost_ring + c->lost_queue + c->lost_probe + c->lost_other, c->lost_ring, c->lost_queue, b->bytes, b->messages,
	       measure_all_cpu_ns());
	if (b->latency)
		printf(" p50_us %.0f p99_us %.0f p999_us %.0f max_us %.0f", (double)latency_percentile_ns(b->latency, 0.5) / 1e3,
		       (double)latency_percentile_ns(b->latency, 0.99) / 1e3, (double)latency_percentile_ns(b->latency, 0.999) / 1e3,
		       (double)b->latency->max_ns / 1e3);
	(void)putchar('\n');
	(void)fflush(stdout);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	bool with_latency = argc > 1 && !strcmp(argv[1], "--latency");
	grpc_channel *channel = NULL;
	struct bench b = {0};

	argc -= with_latency;
	argv += with_latency;
	measure_require(argc == 4, "usage: subscribers [--latency] ADDRESS COUNT QUERY");
	b.count = measure_argument(argc, argv, 2, 1, SUBSCRIBERS_MAX);
	b.subscribers = calloc(b.count, sizeof(*b.subscribers));
	b.latency = with_latency ? calloc(1, sizeof(*b.latency)) : NULL;
	measure_require(b.subscribers && (b.latency || !with_latency), "out of memory");
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	grpc_init();
	b.queue = grpc_completion_queue_create_for_next(NULL);
	for (uint32_t i = 0; i < b.count; i++) {
		if (i % PER_CONNECTION == 0)
			channel = connect_channel(argv[1]);
		subscribe(&b, channel, &b.subscribers[i], argv[3]);
	}
	run(&b);
	print(&b);
	/* What it has opened goes with it. */
	_Exit(0);
}
