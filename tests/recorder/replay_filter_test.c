#include "recorder/replay_filter.h"

#include "proto/capsule8_encoder.h"
#include "subscription/query_parse.h"

#include <criterion/criterion.h>

static struct encoder *encoder;
static struct buffer bytes;

static void init(void)
{
	encoder = capsule8_encoder_new("0123456789abcdef");
	buffer_init(&bytes, 0);
}

static void done(void)
{
	capsule8_encoder_free(encoder);
	buffer_done(&bytes);
}

TestSuite(replay_filter, .init = init, .fini = done);

/* Whether a subscription is told of a loss of `kind`, in the rings or, without a number, in the recorder's own queue. */
static bool is_told(const char *query, enum event_kind kind, uint64_t sequence)
{
	const struct event event = {.kind = EVENT_LOST, .sequence = sequence, .time_ns = 5, .lost = {.count = 3, .of = kind}};
	const struct record_segment_header segment = {0};
	const struct replay_place place = {.segment = &segment, .all = true};
	const struct record_moment from = {.monotonic_ns = 0};
	struct subscription_spec *spec;
	struct capsule8_entry entry;
	struct replay_filter *f;
	enum replay_verdict verdict;
	const uint8_t *at;

	cr_assert_eq(query_parse(query, &spec, NULL, NULL), 0);
	f = replay_filter_new(spec, NULL, NULL, &from, NULL);
	buffer_clear(&bytes);
	encoder->encode(encoder, &event, DETAIL_BASIC, &bytes);
	at = bytes.data;
	cr_assert(capsule8_entry_next(&at, bytes.data + bytes.length, &entry));
	verdict = replay_filter_ask(f, &entry, &place);
	replay_filter_free(f);
	subscription_spec_free(spec);
	cr_assert(verdict == REPLAY_TAKE || verdict == REPLAY_PASS);
	return verdict == REPLAY_TAKE;
}

Test(replay_filter, a_loss_is_told_to_whom_it_concerns_as_by_a_live_feed)
{
	cr_expect(is_told("process:exec", EVENT_PROCESS_EXEC, 7));
	cr_expect_not(is_told("process:fork", EVENT_PROCESS_EXEC, 7));
	cr_expect(is_told("process:exec", EVENT_KIND_COUNT, 7), "a mix from the kernel");
	cr_expect_not(is_told("container:created", EVENT_KIND_COUNT, 7), "containers are not told by probes");
	cr_expect(is_told("container:created", EVENT_KIND_COUNT, 0), "the recorder's own");
}
