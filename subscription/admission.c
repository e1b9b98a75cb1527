#include "subscription/admission.h"

#include <errno.h>
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
		if (!c->interval_ns)
			set_status(ret, c, STATUS_INVALID_ARGUMENT, "the interval must be more than 0 ns");
		else if (!has_loop)
			set_status(ret, c, STATUS_UNIMPLEMENTED, "there is no loop that it could run on");
		return c->interval_ns && has_loop;
	case EVENT_CHARGEN:
		if (!c->length)
			set_status(ret, c, STATUS_INVALID_ARGUMENT, "the length must be more than 0 characters");
		else if (!has_loop)
			set_status(ret, c, STATUS_UNIMPLEMENTED, "there is no loop that it could run on");
		return c->length && has_loop;
	default:
		return true;
	}
}

void admission_refuse(const struct clause *c, const struct error *reason, struct subscriber_status *ret)
{
	set_status(ret, c, admission_code(reason->code), reason->message);
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
