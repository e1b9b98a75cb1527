#include "tracing/exit_status.h"

#include <criterion/criterion.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTOR_OFFSET sizeof(struct nlmsghdr)
#define EVENT_OFFSET     (CONNECTOR_OFFSET + sizeof(struct cn_msg))
#define MESSAGE_BYTES    (EVENT_OFFSET + sizeof(struct proc_event))

struct seen {
	unsigned int count;
	struct notice last;
};

static void see(void *context, const struct notice *notice)
{
	struct seen *seen = context;

	seen->count++;
	seen->last = *notice;
}

/* What linux/drivers/connector/cn_proc.c sends. */
static void build(uint8_t bytes[MESSAGE_BYTES], uint32_t what, int tgid, int tid, uint32_t code)
{
	struct nlmsghdr netlink = {.nlmsg_len = MESSAGE_BYTES, .nlmsg_type = NLMSG_DONE};
	struct cn_msg connector = {.id = {.idx = CN_IDX_PROC, .val = CN_VAL_PROC}, .len = sizeof(struct proc_event)};
	struct proc_event event;

	memset(&event, 0, sizeof(event));
	memcpy(&event.what, &what, sizeof(what));
	event.timestamp_ns = 123456789;
	event.event_data.exit.process_pid = tid;
	event.event_data.exit.process_tgid = tgid;
	event.event_data.exit.exit_code = code;
	memcpy(bytes, &netlink, sizeof(netlink));
	memcpy(bytes + CONNECTOR_OFFSET, &connector, sizeof(connector));
	memcpy(bytes + EVENT_OFFSET, &event, sizeof(event));
}

Test(exit_status, an_exit_message_becomes_a_notice)
{
	struct exit_status_counters counters = {0};
	struct seen seen = {0};
	uint8_t bytes[MESSAGE_BYTES];

	build(bytes, (uint32_t)PROC_EVENT_EXIT, 100, 101, 0x8b);
	cr_assert_eq(exit_status_parse(bytes, sizeof(bytes), see, &seen, &counters), 1);
	cr_assert_eq(seen.count, 1);
	cr_assert_eq(seen.last.kind, NOTICE_EXIT_STATUS);
	cr_assert_eq(seen.last.tgid, 100);
	cr_assert_eq(seen.last.tid, 101);
	cr_assert_eq(seen.last.time_ns, 123456789);
	cr_assert_eq(seen.last.exit.status, 0x8b);
	cr_assert_eq(counters.malformed, 0);
}

Test(exit_status, other_process_events_are_counted_and_skipped)
{
	struct exit_status_counters counters = {0};
	struct seen seen = {0};
	uint8_t bytes[MESSAGE_BYTES];

	build(bytes, PROC_EVENT_FORK, 100, 101, 0);
	cr_assert_eq(exit_status_parse(bytes, sizeof(bytes), see, &seen, &counters), 0);
	cr_assert_eq(seen.count, 0);
	cr_assert_eq(counters.other, 1);
	cr_assert_eq(counters.malformed, 0);
}

Test(exit_status, two_messages_in_one_datagram_are_both_read)
{
	struct exit_status_counters counters = {0};
	struct seen seen = {0};
	uint8_t bytes[2 * NLMSG_ALIGN(MESSAGE_BYTES)] = {0};

	build(bytes, (uint32_t)PROC_EVENT_EXIT, 1, 1, 0);
	build(bytes + NLMSG_ALIGN(MESSAGE_BYTES), (uint32_t)PROC_EVENT_EXIT, 2, 2, 0x700);
	cr_assert_eq(exit_status_parse(bytes, sizeof(bytes), see, &seen, &counters), 2);
	cr_assert_eq(seen.last.tgid, 2);
	cr_assert_eq(seen.last.exit.status, 0x700);
}

Test(exit_status, a_message_of_another_connector_is_refused)
{
	struct exit_status_counters counters = {0};
	struct seen seen = {0};
	uint8_t bytes[MESSAGE_BYTES];
	uint32_t other = CN_IDX_PROC + 1;

	build(bytes, (uint32_t)PROC_EVENT_EXIT, 100, 101, 0);
	memcpy(bytes + CONNECTOR_OFFSET, &other, sizeof(other));
	cr_assert_eq(exit_status_parse(bytes, sizeof(bytes), see, &seen, &counters), 0);
	cr_assert_eq(counters.malformed, 1);
}

Test(exit_status, a_message_cut_at_any_byte_is_refused_within_its_bounds)
{
	/* Behind the exit code the message has more that is not needed, but its lengths still say that it was there. */
	for (size_t size = 0; size < MESSAGE_BYTES; size++) {
		struct exit_status_counters counters = {0};
		struct seen seen = {0};
		uint8_t bytes[MESSAGE_BYTES];
		uint8_t *copy = malloc(size + 1);

		build(bytes, (uint32_t)PROC_EVENT_EXIT, 100, 101, 0);
		memcpy(copy, bytes, size);
		cr_assert_eq(exit_status_parse(copy, size, see, &seen, &counters), 0);
		cr_assert_eq(counters.malformed, 1);
		free(copy);
	}
}

Test(exit_status, lengths_that_lie_are_refused)
{
	const uint32_t lies[] = {0, 1, sizeof(struct nlmsghdr) - 1, MESSAGE_BYTES + 1, UINT32_MAX};

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct exit_status_counters counters = {0};
		struct seen seen = {0};
		uint8_t bytes[MESSAGE_BYTES];

		build(bytes, (uint32_t)PROC_EVENT_EXIT, 100, 101, 0);
		memcpy(bytes, &lies[i], sizeof(lies[i]));
		cr_assert_eq(exit_status_parse(bytes, sizeof(bytes), see, &seen, &counters), 0);
		cr_assert_eq(counters.malformed, 1);
	}
}
