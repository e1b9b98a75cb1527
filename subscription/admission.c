#include "subscription/admission.h"

#include "sensor/probe_request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum status_code admission_code(int error)
{
	switch (-error) {
	case ENOENT:
	case ENODEV:
	case ENOSYS:
	case EOPNOTSUPP:
		return STATUS_UNIMPLEMENTED;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOSPC:
	case E2BIG:
		return STATUS_RESOURCE_EXHAUSTED;
	case EACCES:
	case EPERM:
		return STATUS_PERMISSION_DENIED;
	default:
		return STATUS_UNAVAILABLE;
	}
}

static void set_status(struct subscriber_status *ret, const struct clause *c, int code, const char *reason)
{
	struct buffer text;

	buffer_init(&text, 0);
	clause_describe(c, &text);
	ret->code = code;
	/* A clause can be long, and the reason must not be cut off behind it. */
	snprintf(ret->message, sizeof(ret->message), "%.*s%s: %s", (int)(text.length < 200 ? text.length : 200), (const char *)text.data,
		 text.length < 200 ? "" : "...", reason);
	buffer_done(&text);
}

/* A clause whose events are made here. */
static bool check_generated(const struct clause *c, bool valid, const char *why_not, bool has_loop, struct subscriber_status *ret)
{
	if (!valid)
		set_status(ret, c, STATUS_INVALID_ARGUMENT, why_not);
	else if (!has_loop)
		set_status(ret, c, STATUS_UNIMPLEMENTED, "there is no loop that it could run on");
	return valid && has_loop;
}

bool admission_check(const struct clause *c, bool has_loop, struct subscriber_status *ret)
{
	switch (c->kind) {
	case EVENT_KIND_COUNT:
		ret->code = c->refusal_code ? c->refusal_code : STATUS_UNIMPLEMENTED;
		snprintf(ret->message, sizeof(ret->message), "%s", c->refusal ? c->refusal : "not served by this sensor");
		return false;
	case EVENT_LOST:
		set_status(ret, c, STATUS_UNIMPLEMENTED, "lost events come by themselves to every subscription that they concern");
		return false;
	case EVENT_TICKER:
		return check_generated(c, c->interval_ns, "the interval must be more than 0 ns", has_loop, ret);
	case EVENT_CHARGEN:
		return check_generated(c, c->length, "the length must be more than 0 characters", has_loop, ret);
	default:
		if (probe_request_needed(c->kind) && !c->request) {
			set_status(ret, c, STATUS_INVALID_ARGUMENT, "it does not say of what");
			return false;
		}
		return true;
	}
}

void admission_refuse(const struct clause *c, const struct error *reason, struct subscriber_status *ret)
{
	/* Only what a client wrote itself can be wrong. */
	bool wrong = c->request && (reason->code == -EINVAL || reason->code == -ENOENT);

	set_status(ret, c, wrong ? STATUS_INVALID_ARGUMENT : admission_code(reason->code), reason->message);
}

void admission_refuse_since(uint64_t since_ns, struct subscriber_statuses *statuses)
{
	struct subscriber_status status = {.code = STATUS_UNIMPLEMENTED};

	snprintf(status.message, sizeof(status.message),
		 "subscription.since_duration: no history is kept by this sensor: what happened in the %" PRIu64
		 " ns before now is not sent, only what happens from now on",
		 since_ns);
	admission_append(statuses, &status);
}

void admission_append(struct subscriber_statuses *statuses, const struct subscriber_status *status)
{
	struct subscriber_status *last = &statuses->items[SUBSCRIBER_STATUS_MAX - 1];

	if (statuses->count < SUBSCRIBER_STATUS_MAX) {
		statuses->items[statuses->count++] = *status;
		return;
	}
	snprintf(last->message, sizeof(last->message), "this clause and others cannot be served, too many to name each");
}
