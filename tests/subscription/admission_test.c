#include "subscription/admission.h"

#include "sensor/probe_request.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct subscription_spec *spec;
static struct subscriber_status status;

static void setup(void)
{
	spec = subscription_spec_new();
	memset(&status, 0, sizeof(status));
}

static void teardown(void)
{
	spec = subscription_spec_free(spec);
}

TestSuite(admission, .init = setup, .fini = teardown);

Test(admission, calls_and_counters_without_a_request_do_not_say_of_what)
{
	static const enum event_kind kinds[] = {EVENT_KERNEL_CALL_ENTER, EVENT_KERNEL_CALL_EXIT, EVENT_USER_CALL_ENTER,
						EVENT_USER_CALL_EXIT, EVENT_PERFORMANCE};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		cr_expect_not(admission_check(subscription_spec_add(spec, kinds[i]), true, &status));
		cr_expect_eq(status.code, STATUS_INVALID_ARGUMENT);
		cr_expect_not_null(strstr(status.message, "does not say of what"), "%s", status.message);
	}
}

Test(admission, one_with_a_request_is_taken)
{
	struct clause *clause = subscription_spec_add(spec, EVENT_KERNEL_CALL_ENTER);

	cr_assert_eq(probe_request_new_call(&clause->request, EVENT_KERNEL_CALL_ENTER, NULL, "f", NULL, 0, NULL, NULL), 0);
	cr_expect(admission_check(clause, false, &status));
}

/* Only what a client wrote itself can be an invalid argument: what this kernel lacks is unimplemented. */
Test(admission, a_refused_request_is_the_clients_mistake_and_a_refused_kind_is_not)
{
	static const struct {
		int code, of_request, of_kind;
	} rows[] = {
		{-EINVAL, STATUS_INVALID_ARGUMENT, STATUS_UNAVAILABLE},
		{-ENOENT, STATUS_INVALID_ARGUMENT, STATUS_UNIMPLEMENTED},
		{-EOPNOTSUPP, STATUS_UNIMPLEMENTED, STATUS_UNIMPLEMENTED},
		{-ENOSPC, STATUS_RESOURCE_EXHAUSTED, STATUS_RESOURCE_EXHAUSTED},
		{-EPERM, STATUS_PERMISSION_DENIED, STATUS_PERMISSION_DENIED},
		{-EBUSY, STATUS_UNAVAILABLE, STATUS_UNAVAILABLE},
	};
	struct clause call = {.kind = EVENT_KERNEL_CALL_ENTER}, file = {.kind = EVENT_FILE_OPEN};

	cr_assert_eq(probe_request_new_call(&call.request, EVENT_KERNEL_CALL_ENTER, NULL, "nonesuch", NULL, 0, NULL, NULL), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct error reason = {.code = rows[i].code, .message = "there is a reason"};

		admission_refuse(&call, &reason, &status);
		cr_expect_eq(status.code, rows[i].of_request, "%d", rows[i].code);
		cr_expect_not_null(strstr(status.message, "nonesuch"), "%s", status.message);
		cr_expect_not_null(strstr(status.message, ": there is a reason"), "%s", status.message);
		admission_refuse(&file, &reason, &status);
		cr_expect_eq(status.code, rows[i].of_kind, "%d", rows[i].code);
	}
	probe_request_unref(call.request);
}

Test(admission, a_long_clause_does_not_cut_off_the_reason)
{
	const struct error reason = {.code = -EINVAL, .message = "the reason"};
	struct clause *clause = subscription_spec_add(spec, EVENT_FILE_OPEN);
	char name[1000];

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	cr_assert_eq(clause_add(clause, "filename", PREDICATE_EQUAL, 0, name, NULL), 0);
	admission_refuse(clause, &reason, &status);
	cr_expect_not_null(strstr(status.message, "...: the reason"), "%s", status.message);
}
