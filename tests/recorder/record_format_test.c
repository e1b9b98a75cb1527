#include "recorder/record_format.h"

#include <criterion/criterion.h>

/* What is on people's disks: numbers in here are never changed, only added. */
static const struct {
	enum event_kind kind;
	int bit;
} written[] = {
	{EVENT_SYSCALL_ENTER, 0},
	{EVENT_SYSCALL_EXIT, 1},
	{EVENT_PROCESS_FORK, 2},
	{EVENT_PROCESS_EXEC, 3},
	{EVENT_PROCESS_EXIT, 4},
	{EVENT_PROCESS_CWD, 5},
	{EVENT_PROCESS_RENAME, 6},
	{EVENT_FILE_OPEN, 7},
	{EVENT_FILE_CREATE, 8},
	{EVENT_FILE_DELETE, 9},
	{EVENT_FILE_LINK, 10},
	{EVENT_FILE_RENAME, 11},
	{EVENT_FILE_OPEN_FOR_MODIFY, 12},
	{EVENT_FILE_MODIFY, 13},
	{EVENT_FILE_CLOSE_FOR_MODIFY, 14},
	{EVENT_FILE_ATTRIBUTE_CHANGE, 15},
	{EVENT_CONNECT_ATTEMPT, 16},
	{EVENT_CONNECT_RESULT, 17},
	{EVENT_BIND_ATTEMPT, 18},
	{EVENT_BIND_RESULT, 19},
	{EVENT_LISTEN_ATTEMPT, 20},
	{EVENT_LISTEN_RESULT, 21},
	{EVENT_ACCEPT_ATTEMPT, 22},
	{EVENT_ACCEPT_RESULT, 23},
	{EVENT_SENDTO_ATTEMPT, 24},
	{EVENT_SENDTO_RESULT, 25},
	{EVENT_RECVFROM_ATTEMPT, 26},
	{EVENT_RECVFROM_RESULT, 27},
	{EVENT_KERNEL_CALL_ENTER, 28},
	{EVENT_KERNEL_CALL_EXIT, 29},
	{EVENT_USER_CALL_ENTER, 30},
	{EVENT_USER_CALL_EXIT, 31},
	{EVENT_PERFORMANCE, 32},
	{EVENT_CONTAINER_CREATED, 33},
	{EVENT_CONTAINER_RUNNING, 34},
	{EVENT_CONTAINER_EXITED, 35},
	{EVENT_CONTAINER_DESTROYED, 36},
	{EVENT_CONTAINER_UPDATED, 37},
	{EVENT_TICKER, 38},
	{EVENT_CHARGEN, 39},
	{EVENT_LOST, 40},
};

Test(record_format, kinds_keep_the_numbers_that_were_written)
{
	for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++)
		cr_expect_eq(record_kind_bit(written[i].kind), UINT64_C(1) << written[i].bit, "kind %d", written[i].kind);
}

Test(record_format, every_kind_has_a_number_of_its_own)
{
	uint64_t seen = RECORD_KIND_OTHER;

	cr_assert_eq(sizeof(written) / sizeof(written[0]), EVENT_KIND_COUNT, "a new kind needs a number, and a line in this test");
	for (enum event_kind kind = 0; kind < EVENT_KIND_COUNT; kind++) {
		uint64_t bit = record_kind_bit(kind);

		cr_expect_eq(__builtin_popcountll(bit), 1);
		cr_expect_eq(seen & bit, 0, "kind %d has the number of another one", kind);
		seen |= bit;
	}
}

Test(record_format, what_is_no_kind_is_another_one)
{
	cr_expect_eq(record_kind_bit(EVENT_KIND_COUNT), UINT64_C(1) << 63);
}

Test(record_format, a_set_of_kinds_has_the_numbers_of_each)
{
	cr_expect_eq(record_kind_bits(0), 0);
	cr_expect_eq(record_kind_bits(EVENT_KIND_BIT(EVENT_PROCESS_EXEC) | EVENT_KIND_BIT(EVENT_LOST)), UINT64_C(1) << 3 | UINT64_C(1)
																   << 40);
}
