#include "sensor/plan.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(plan, a_request_stands_in_it_once_and_is_given_back)
{
	struct probe_request *a, *b;
	struct error refusal_a, refusal_b, err = {0};
	struct plan plan = {0};

	cr_assert_eq(probe_request_new_call(&a, EVENT_KERNEL_CALL_ENTER, NULL, "a", NULL, 0, NULL, &err), 0, "%s", err.message);
	cr_assert_eq(probe_request_new_call(&b, EVENT_KERNEL_CALL_ENTER, NULL, "b", NULL, 0, NULL, &err), 0, "%s", err.message);
	cr_expect_eq(plan_add_request(&plan, a, &refusal_a), 0);
	cr_expect_eq(plan_add_request(&plan, b, &refusal_b), 0);
	cr_expect_eq(plan_add_request(&plan, a, &refusal_b), 0);
	cr_assert_eq(plan.request_count, 2);
	cr_expect_eq(plan.requests[0].request, a);
	cr_expect_eq(plan.requests[0].refusal, &refusal_a);
	cr_expect_eq(plan.requests[1].request, b);
	cr_expect_eq(a->references, 2);
	plan_done(&plan);
	cr_expect_eq(a->references, 1);
	cr_expect_eq(b->references, 1);
	cr_expect_eq(plan.request_count, 0);
	probe_request_unref(a);
	probe_request_unref(b);
}

Test(plan, one_that_is_done_can_be_done_again)
{
	struct plan plan = {0};

	plan.kinds[EVENT_FILE_OPEN] = (struct plan_entry){.wanted = true, .filter = strdup("flags == 1")};
	plan_done(&plan);
	cr_expect_not(plan.kinds[EVENT_FILE_OPEN].wanted);
	cr_expect_null(plan.kinds[EVENT_FILE_OPEN].filter);
	plan_done(&plan);
}
