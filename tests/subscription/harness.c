#include "harness.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

unsigned fake_encodings;

static void fake_encode(struct encoder *e, const struct event *event, enum detail detail, struct buffer *out)
{
	struct record r = {.sequence = event->sequence, .time_ns = event->time_ns, .kind = event->kind, .detail = detail};
	struct event_string text = {0};

	(void)e;
	fake_encodings++;
	switch (event->kind) {
	case EVENT_SYSCALL_ENTER:
	case EVENT_SYSCALL_EXIT:
		r.value = (uint64_t)event->syscall.id;
		break;
	case EVENT_TICKER:
		r.value = (uint64_t)event->ticker.nanoseconds;
		break;
	case EVENT_CHARGEN:
		r.value = event->chargen.index;
		text = event->chargen.characters;
		break;
	case EVENT_LOST:
		r.value = event->lost.count;
		r.of = event->lost.of;
		r.cause = event->lost.cause;
		break;
	default:
		break;
	}
	r.text_length = (uint32_t)text.length;
	buffer_put(out, &r, sizeof(r));
	buffer_put(out, text.bytes, text.length);
}

struct encoder fake_encoder = {.name = "fake", .encode = fake_encode};
struct encoder other_encoder = {.name = "other", .encode = fake_encode};

static void keep_plan(void *context, const struct plan *plan, struct error refusals[EVENT_KIND_COUNT])
{
	struct harness *h = context;

	h->applied++;
	plan_done(&h->plan);
	h->plan.container_json = plan->container_json;
	for (size_t kind = 0; kind < EVENT_KIND_COUNT; kind++) {
		h->plan.kinds[kind].wanted = plan->kinds[kind].wanted;
		if (plan->kinds[kind].filter)
			h->plan.kinds[kind].filter = strdup(plan->kinds[kind].filter);
		if (plan->kinds[kind].wanted && h->refuse[kind].code)
			refusals[kind] = h->refuse[kind];
	}
}

static uint64_t fake_now(void *context)
{
	return ((struct harness *)context)->now_ns;
}

static uint64_t fake_settled(void *context)
{
	return ((struct harness *)context)->settled_ns;
}

void harness_init(struct harness *h)
{
	struct subscriber_set_callbacks callbacks = {.context = h, .apply = keep_plan, .now_ns = fake_now, .settled_ns = fake_settled};

	*h = (struct harness){.now_ns = 1000, .settled_ns = UINT64_MAX};
	fake_encodings = 0;
	cr_assert_eq(uv_loop_init(&h->loop), 0);
	h->set = subscriber_set_new(&callbacks, &h->loop);
	cr_assert_not_null(h->set);
}

void harness_end(struct harness *h, int code, const char *message)
{
	h->set = subscriber_set_free(h->set, code, message);
}

void harness_done(struct harness *h)
{
	if (h->set)
		harness_end(h, STATUS_UNAVAILABLE, "done");
	uv_run(&h->loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&h->loop), 0, "handles are left on the loop");
	plan_done(&h->plan);
}

struct subscription_spec *spec_of(enum event_kind kind, int64_t id, uint64_t limit)
{
	struct subscription_spec *spec = subscription_spec_new();
	struct clause *clause = subscription_spec_add(spec, kind);

	if (id >= 0)
		cr_assert_eq(clause_add(clause, "id", PREDICATE_EQUAL, (uint64_t)id, NULL, NULL), 0);
	spec->limit = limit;
	return spec;
}

static void count_ready(void *context)
{
	((struct client *)context)->ready_calls++;
}

static void count_room(void *context)
{
	struct client *c = context;

	c->room_calls++;
	if (c->room_goes_to)
		subscriber_room(c->room_goes_to->set, c->subscriber);
}

/* The first response: its length tells how many statuses there were. */
static struct chunk *make_first(void *context, const struct subscriber_statuses *statuses)
{
	(void)context;
	return chunk_new(calloc(1, statuses->count), statuses->count, 0);
}

int client_subscribe(struct client *c, struct harness *h, struct subscription_spec *spec, struct encoder *encoder, size_t capacity)
{
	struct outbox_callbacks callbacks = {.ready = count_ready, .ready_context = c, .room = count_room, .room_context = c};
	struct chunk *first;
	int r;

	*c = (struct client){.outbox = outbox_new(capacity, &callbacks)};
	cr_assert_not_null(c->outbox);
	r = subscriber_set_add(h->set, spec, encoder, c->outbox, make_first, NULL, &c->subscriber, &c->statuses, &c->err);
	first = client_take(c);
	if (r) {
		cr_assert_null(first);
		return r;
	}
	cr_assert_eq(first->length, c->statuses.count);
	cr_assert_eq(first->events, 0);
	chunk_unref(first);
	return 0;
}

void client_done(struct client *c, struct harness *h)
{
	if (c->subscriber && h->set)
		subscriber_set_remove(h->set, c->subscriber);
	outbox_close(c->outbox);
	c->outbox = outbox_unref(c->outbox);
}

struct chunk *client_take(struct client *c)
{
	struct chunk *chunk = NULL;

	return outbox_take(c->outbox, &chunk, 1, SIZE_MAX, &c->end, &c->ended) ? chunk : NULL;
}

size_t chunk_records(const struct chunk *c, struct record *records, size_t count, size_t max)
{
	for (size_t at = 0; at < c->length;) {
		cr_assert_lt(count, max);
		cr_assert_leq(at + sizeof(*records), c->length);
		memcpy(&records[count], c->data + at, sizeof(*records));
		at += sizeof(*records) + records[count++].text_length;
		cr_assert_leq(at, c->length);
	}
	return count;
}

size_t client_read(struct client *c, struct record *records, size_t count, size_t max)
{
	struct chunk *chunk;

	while ((chunk = client_take(c))) {
		count = chunk_records(chunk, records, count, max);
		chunk_unref(chunk);
	}
	return count;
}

void dispatch_syscall(struct harness *h, enum event_kind kind, int64_t id)
{
	struct event event = {.kind = kind, .time_ns = ++h->now_ns, .tid = 7, .tgid = 7, .syscall = {.id = id}};

	subscriber_set_dispatch(h->set, &event);
}

void dispatch_lost(struct harness *h, enum event_kind of, uint64_t count)
{
	struct event event = {.kind = EVENT_LOST, .time_ns = ++h->now_ns, .lost = {.count = count, .of = of, .cause = LOST_RING}};

	subscriber_set_dispatch(h->set, &event);
}

void dispatch_at(struct harness *h, uint64_t time_ns, int64_t id)
{
	h->now_ns = time_ns - 1;
	dispatch_syscall(h, EVENT_SYSCALL_ENTER, id);
}
