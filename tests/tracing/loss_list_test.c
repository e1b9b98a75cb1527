#include "tracing/loss_list.h"

#include <criterion/criterion.h>

static struct kernel_event first, second;

static void add(struct loss_list *l, struct kernel_event *event, uint32_t cpu, bool missed, uint64_t count)
{
	const struct loss loss = {.event = event, .count = count, .time_ns = 1000 + count, .cpu = cpu, .missed = missed};

	loss_list_add(l, &loss);
}

static void expect(struct loss_list *l, const struct kernel_event *event, uint32_t cpu, bool missed, uint64_t count, uint64_t time_ns)
{
	struct loss loss;

	cr_assert(loss_list_take(l, &loss));
	cr_expect_eq(loss.event, event);
	cr_expect_eq(loss.cpu, cpu);
	cr_expect_eq(loss.missed, missed);
	cr_expect_eq(loss.count, count);
	cr_expect_eq(loss.time_ns, time_ns);
}

Test(loss_list, losses_of_one_event_sort_and_cpu_are_one_and_the_oldest_comes_first)
{
	struct loss_list l = {0};
	struct loss loss;

	add(&l, &first, 0, false, 5);
	add(&l, &second, 0, false, 7);
	add(&l, &first, 1, false, 11);
	add(&l, &first, 0, true, 13);
	add(&l, &first, 0, false, 17);
	add(&l, &second, 1, false, 0);
	expect(&l, &first, 0, false, 22, 1005);
	expect(&l, &second, 0, false, 7, 1007);
	expect(&l, &first, 1, false, 11, 1011);
	expect(&l, &first, 0, true, 13, 1013);
	cr_expect_not(loss_list_take(&l, &loss));
}

Test(loss_list, an_event_that_goes_takes_its_losses_along)
{
	struct loss_list l = {0};
	struct loss loss;

	add(&l, &first, 0, false, 5);
	add(&l, &second, 0, false, 7);
	add(&l, &first, 1, true, 11);
	loss_list_forget(&l, &first);
	expect(&l, &second, 0, false, 7, 1007);
	loss_list_forget(&l, &second);
	cr_expect_not(loss_list_take(&l, &loss));
}
