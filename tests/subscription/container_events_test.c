#include "harness.h"

#include "sensor/container.h"
#include "sensor/process_cache.h"
#include "subscription/query_parse.h"

#include <criterion/criterion.h>
#include <string.h>

#define ROOMY ((size_t)1 << 20)

/* Not terminated at its end: nothing may look further. */
#define TEXT(literal)                                             \
	{                                                         \
		.bytes = (literal), .length = sizeof(literal) - 1 \
	}

static struct harness h;
static struct record records[16];

static struct container web = {.id = TEXT("4f57c1af3f04"), .name = TEXT("/web"), .image_name = TEXT("nginx"), .revision = 1};
static struct container db = {.id = TEXT("00c0ffee0000"), .name = TEXT("/db"), .image_name = TEXT("postgres"), .revision = 2};

static void set_up(void)
{
	harness_init(&h);
}

static void tear_down(void)
{
	harness_done(&h);
}

TestSuite(container_events, .init = set_up, .fini = tear_down);

static struct subscription_spec *spec_from(const char *text)
{
	struct subscription_spec *spec = NULL;
	struct error err = {0};

	cr_assert_eq(query_parse(text, &spec, NULL, &err), 0, "%s: %s", text, err.message);
	return spec;
}

static void subscribe(struct client *c, const char *text)
{
	cr_assert_eq(client_subscribe(c, &h, spec_from(text), &fake_encoder, ROOMY), 0, "%s: %s", text, c->err.message);
	cr_assert_eq(c->statuses.count, 1);
	cr_assert_eq(c->statuses.items[0].code, STATUS_OK);
}

static void dispatch(enum event_kind kind, const struct container *container, int32_t exit_code)
{
	struct event event = {.kind = kind, .time_ns = ++h.now_ns, .container = {.container = container, .exit_code = exit_code}};

	subscriber_set_dispatch(h.set, &event);
}

static size_t read_all(struct client *c)
{
	subscriber_set_flush(h.set);
	return client_read(c, records, 0, 16);
}

Test(container_events, they_are_wanted_of_the_sensor_and_have_no_kernel_filter)
{
	struct client c;

	subscribe(&c, "container:exited where exit_code != 0 and pid is null");
	cr_expect(h.plan.kinds[EVENT_CONTAINER_EXITED].wanted);
	cr_expect_null(h.plan.kinds[EVENT_CONTAINER_EXITED].filter);
	cr_expect_not(h.plan.kinds[EVENT_CONTAINER_CREATED].wanted);
	cr_expect_not(h.plan.container_json);
	client_done(&c, &h);
	cr_expect_not(h.plan.kinds[EVENT_CONTAINER_EXITED].wanted);
}

Test(container_events, the_sensor_may_refuse_them)
{
	struct client c;

	error_set(&h.refuse[EVENT_CONTAINER_CREATED], -ENOSYS, "there is no inotify");
	cr_assert_eq(client_subscribe(&c, &h, spec_from("container:created/full"), &fake_encoder, ROOMY), -EOPNOTSUPP);
	cr_expect_str_eq(c.statuses.items[0].message, "container:created/full: there is no inotify");
	cr_expect_not(h.plan.container_json);
	client_done(&c, &h);
}

Test(container_events, a_condition_is_held_against_the_event_and_its_container)
{
	struct client c;

	subscribe(&c, "container:exited where exit_code != 0 and container_name = '/web' and image_name like 'ngi*'");
	dispatch(EVENT_CONTAINER_EXITED, &web, 0);
	dispatch(EVENT_CONTAINER_EXITED, &db, 1);
	dispatch(EVENT_CONTAINER_DESTROYED, &web, 1);
	dispatch(EVENT_CONTAINER_EXITED, &web, 1);
	cr_assert_eq(read_all(&c), 1);
	cr_expect_eq(records[0].kind, EVENT_CONTAINER_EXITED);
	cr_expect_eq(records[0].sequence, 1);
	client_done(&c, &h);
}

Test(container_events, a_container_filter_asks_for_the_container_they_are_about)
{
	struct process in_web = {.container = &web};
	struct event exec = {.kind = EVENT_PROCESS_EXEC, .process = &in_web, .time_ns = 5000};
	struct client c;

	subscribe(&c, "container:all; process:exec; container web");
	dispatch(EVENT_CONTAINER_CREATED, &db, 0);
	dispatch(EVENT_CONTAINER_CREATED, &web, 0);
	dispatch(EVENT_CONTAINER_UPDATED, &db, 0);
	dispatch(EVENT_CONTAINER_UPDATED, &web, 0);
	subscriber_set_dispatch(h.set, &exec);
	exec.process = NULL;
	subscriber_set_dispatch(h.set, &exec);
	cr_assert_eq(read_all(&c), 3);
	cr_expect_eq(records[0].kind, EVENT_CONTAINER_CREATED);
	cr_expect_eq(records[1].kind, EVENT_CONTAINER_UPDATED);
	cr_expect_eq(records[2].kind, EVENT_PROCESS_EXEC);
	client_done(&c, &h);
}

Test(container_events, each_gets_the_detail_it_asked_for_and_equal_details_share_their_bytes)
{
	struct client basic[3], full[2];

	subscribe(&basic[0], "container:created");
	subscribe(&full[0], "container:created/full");
	subscribe(&basic[1], "container:created; limit 100");
	subscribe(&full[1], "container:all/full; limit 100");
	subscribe(&basic[2], "container:created");
	cr_expect(h.plan.container_json);
	dispatch(EVENT_CONTAINER_CREATED, &web, 0);
	cr_expect_eq(fake_encodings, 2, "one of each");
	dispatch(EVENT_CONTAINER_CREATED, &db, 0);
	cr_expect_eq(fake_encodings, 4);
	for (size_t i = 0; i < 3; i++) {
		cr_assert_eq(read_all(&basic[i]), 2);
		cr_expect_eq(records[0].detail, DETAIL_BASIC);
		cr_expect_eq(records[1].detail, DETAIL_BASIC);
		cr_expect_eq(records[1].sequence, 2);
	}
	for (size_t i = 0; i < 2; i++) {
		cr_assert_eq(read_all(&full[i]), 2);
		cr_expect_eq(records[0].detail, DETAIL_FULL);
		cr_expect_eq(records[1].detail, DETAIL_FULL);
		cr_expect_eq(records[1].sequence, 2);
	}
	for (size_t i = 0; i < 3; i++)
		client_done(&basic[i], &h);
	client_done(&full[0], &h);
	cr_expect(h.plan.container_json);
	client_done(&full[1], &h);
	cr_expect_not(h.plan.container_json);
}

Test(container_events, what_several_clauses_take_is_told_in_full_if_one_of_them_says_so)
{
	struct client c;

	subscribe(&c, "container:exited; container:exited/full where exit_code != 0; container:created; container:destroyed/full");
	dispatch(EVENT_CONTAINER_EXITED, &web, 0);
	dispatch(EVENT_CONTAINER_EXITED, &web, 1);
	dispatch(EVENT_CONTAINER_CREATED, &web, 0);
	dispatch(EVENT_CONTAINER_DESTROYED, &web, 0);
	cr_assert_eq(read_all(&c), 4);
	cr_expect_eq(records[0].detail, DETAIL_BASIC);
	cr_expect_eq(records[1].detail, DETAIL_FULL);
	cr_expect_eq(records[2].detail, DETAIL_BASIC);
	cr_expect_eq(records[3].detail, DETAIL_FULL);
	client_done(&c, &h);
}

Test(container_events, a_loss_of_samples_is_none_of_theirs_but_one_of_their_kind_is)
{
	struct client containers, both;

	subscribe(&containers, "container:exited");
	subscribe(&both, "container:exited; process:exec");
	dispatch_lost(&h, EVENT_KIND_COUNT, 7);
	dispatch_lost(&h, EVENT_CONTAINER_EXITED, 2);
	cr_assert_eq(read_all(&containers), 1);
	cr_expect_eq(records[0].value, 2);
	cr_expect_eq(records[0].of, EVENT_CONTAINER_EXITED);
	cr_assert_eq(read_all(&both), 2);
	cr_expect_eq(records[0].value, 7);
	client_done(&containers, &h);
	client_done(&both, &h);
}

static void encode_much(struct encoder *e, const struct event *event, enum detail detail, struct buffer *out)
{
	(void)e;
	(void)event;
	memset(buffer_reserve(out, 1 << 20), 0, 1 << 20);
	out->length += detail == DETAIL_FULL ? 1 << 20 : 64;
}

static struct encoder long_encoder = {.name = "long", .encode = encode_much};

Test(container_events, an_event_that_is_longer_than_a_chunk_ends_one)
{
	struct client full, basic;
	struct chunk *chunk;

	cr_assert_eq(client_subscribe(&full, &h, spec_from("container:created; container:exited/full"), &long_encoder, 8 * ROOMY), 0);
	cr_assert_eq(client_subscribe(&basic, &h, spec_from("container:all"), &long_encoder, 8 * ROOMY), 0);
	dispatch(EVENT_CONTAINER_CREATED, &web, 0);
	dispatch(EVENT_CONTAINER_EXITED, &web, 0);
	dispatch(EVENT_CONTAINER_EXITED, &web, 0);
	dispatch(EVENT_CONTAINER_CREATED, &web, 0);
	subscriber_set_flush(h.set);
	for (size_t i = 0; i < 3; i++) {
		chunk = client_take(&full);
		cr_assert_not_null(chunk);
		cr_expect_eq(chunk->events, i ? 1 : 2);
		cr_expect_eq(chunk->length, i == 2 ? 64 : (1 << 20) + (i ? 0 : 64));
		chunk_unref(chunk);
	}
	chunk = client_take(&basic);
	cr_assert_not_null(chunk);
	cr_expect_eq(chunk->length, 4 * 64, "what others take in full ends none of its chunks");
	chunk_unref(chunk);
	client_done(&full, &h);
	client_done(&basic, &h);
}
