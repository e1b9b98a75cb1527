#include "proto/capsule8_member_reader.h"

#include "capsule8/api/v0/event.pb-c.h"

#include <linux/perf_event.h>

/* Field numbers: capsule8/api/v0/event.proto and types.proto. A field of another wire type than it should have is none that is known. */
#define NUMBER(n)  WIRE_TAG(n, WIRE_VARINT)
#define CONTENT(n) WIRE_TAG(n, WIRE_LENGTH)

struct span {
	const uint8_t *at;
	const uint8_t *end;
};

static struct span span_of(const struct wire_field *f)
{
	return (struct span){.at = f->bytes, .end = f->bytes + f->size};
}

static struct event_string string_of(const struct wire_field *f)
{
	return (struct event_string){.bytes = (const char *)f->bytes, .length = f->size};
}

static int32_t sint32_of(const struct wire_field *f)
{
	return (int32_t)wire_unzigzag(f->value);
}

uint32_t capsule8_member_number(enum event_kind kind)
{
	switch (kind) {
	case EVENT_SYSCALL_ENTER:
	case EVENT_SYSCALL_EXIT:
		return CAPSULE8__API__V0__EVENT__EVENT_SYSCALL;
	case EVENT_PROCESS_FORK:
	case EVENT_PROCESS_EXEC:
	case EVENT_PROCESS_EXIT:
	case EVENT_PROCESS_CWD:
	case EVENT_PROCESS_RENAME:
		return CAPSULE8__API__V0__EVENT__EVENT_PROCESS;
	case EVENT_FILE_OPEN:
	case EVENT_FILE_CREATE:
	case EVENT_FILE_DELETE:
	case EVENT_FILE_LINK:
	case EVENT_FILE_RENAME:
	case EVENT_FILE_OPEN_FOR_MODIFY:
	case EVENT_FILE_MODIFY:
	case EVENT_FILE_CLOSE_FOR_MODIFY:
	case EVENT_FILE_ATTRIBUTE_CHANGE:
		return CAPSULE8__API__V0__EVENT__EVENT_FILE;
	case EVENT_CONNECT_ATTEMPT:
	case EVENT_CONNECT_RESULT:
	case EVENT_BIND_ATTEMPT:
	case EVENT_BIND_RESULT:
	case EVENT_LISTEN_ATTEMPT:
	case EVENT_LISTEN_RESULT:
	case EVENT_ACCEPT_ATTEMPT:
	case EVENT_ACCEPT_RESULT:
	case EVENT_SENDTO_ATTEMPT:
	case EVENT_SENDTO_RESULT:
	case EVENT_RECVFROM_ATTEMPT:
	case EVENT_RECVFROM_RESULT:
		return CAPSULE8__API__V0__EVENT__EVENT_NETWORK;
	case EVENT_KERNEL_CALL_ENTER:
	case EVENT_KERNEL_CALL_EXIT:
		return CAPSULE8__API__V0__EVENT__EVENT_KERNEL_CALL;
	case EVENT_USER_CALL_ENTER:
	case EVENT_USER_CALL_EXIT:
		return CAPSULE8__API__V0__EVENT__EVENT_USER_CALL;
	case EVENT_PERFORMANCE:
		return CAPSULE8__API__V0__EVENT__EVENT_PERFORMANCE;
	case EVENT_CONTAINER_CREATED:
	case EVENT_CONTAINER_RUNNING:
	case EVENT_CONTAINER_EXITED:
	case EVENT_CONTAINER_DESTROYED:
	case EVENT_CONTAINER_UPDATED:
		return CAPSULE8__API__V0__EVENT__EVENT_CONTAINER;
	case EVENT_TICKER:
		return CAPSULE8__API__V0__EVENT__EVENT_TICKER;
	case EVENT_CHARGEN:
		return CAPSULE8__API__V0__EVENT__EVENT_CHARGEN;
	case EVENT_LOST:
		return CAPSULE8__API__V0__EVENT__EVENT_LOST;
	case EVENT_KIND_COUNT:
		break;
	}
	return CAPSULE8__API__V0__EVENT__EVENT__NOT_SET;
}

static uint32_t abi_of(uint64_t wire)
{
	switch (wire) {
	case CAPSULE8__API__V0__SYSCALL_ABI__SYSCALL_ABI_I386:
		return SAMPLE_ABI_32;
	case CAPSULE8__API__V0__SYSCALL_ABI__SYSCALL_ABI_X86_64:
		return SAMPLE_ABI_64;
	default:
		return SAMPLE_ABI_UNKNOWN;
	}
}

static bool read_syscall(struct event_syscall *syscall, struct span s)
{
	struct wire_field f;

	while (s.at < s.end) {
		if (!wire_read_field(&s.at, s.end, &f))
			return false;
		switch (wire_field_tag(&f)) {
		case NUMBER(2):
			syscall->id = (int64_t)f.value;
			break;
		case NUMBER(10):
		case NUMBER(11):
		case NUMBER(12):
		case NUMBER(13):
		case NUMBER(14):
		case NUMBER(15):
			syscall->arguments[f.number - 10] = f.value;
			break;
		case NUMBER(20):
			syscall->result = (int64_t)f.value;
			break;
		case NUMBER(1000):
			syscall->abi = abi_of(f.value);
			break;
		default:
			break;
		}
	}
	return true;
}

static void take_exit(struct event_exit *exit, const struct wire_field *f)
{
	switch (wire_field_tag(f)) {
	case NUMBER(30):
		exit->code = sint32_of(f);
		break;
	case NUMBER(31):
		exit->status = (uint32_t)f->value;
		break;
	case NUMBER(32):
		exit->signal = (uint32_t)f->value;
		break;
	case NUMBER(33):
		exit->core_dumped = f->value;
		break;
	case NUMBER(1001):
		exit->code_unknown = f->value;
		break;
	default:
		break;
	}
}

/* The kind says which part of the union is meant. */
static bool read_process(struct event *event, struct span s)
{
	struct wire_field f;
	uint32_t tag;

	while (s.at < s.end) {
		if (!wire_read_field(&s.at, s.end, &f))
			return false;
		tag = wire_field_tag(&f);
		if (event->kind == EVENT_PROCESS_EXIT)
			take_exit(&event->exit, &f);
		else if (event->kind == EVENT_PROCESS_FORK && tag == NUMBER(12))
			event->fork.clone_flags = f.value;
		else if (event->kind == EVENT_PROCESS_EXEC && tag == CONTENT(20))
			event->exec.filename = string_of(&f);
		else if (event->kind == EVENT_PROCESS_CWD && tag == CONTENT(40))
			event->cwd.path = string_of(&f);
		else if (event->kind == EVENT_PROCESS_RENAME && tag == CONTENT(1002))
			event->rename.comm = string_of(&f);
	}
	return true;
}

static bool read_file(struct event_file *file, struct span s)
{
	struct wire_field f;

	while (s.at < s.end) {
		if (!wire_read_field(&s.at, s.end, &f))
			return false;
		switch (wire_field_tag(&f)) {
		case CONTENT(10): /* filename, source_file, oldname: a kind has one of them */
		case CONTENT(13):
		case CONTENT(16):
			file->filename = string_of(&f);
			break;
		case CONTENT(14): /* target_file, newname */
		case CONTENT(17):
			file->target = string_of(&f);
			break;
		case NUMBER(11):
			file->flags = sint32_of(&f);
			break;
		case NUMBER(12):
			file->mode = sint32_of(&f);
			break;
		case NUMBER(15):
			file->symlink = f.value;
			break;
		case CONTENT(1000):
			file->path = string_of(&f);
			break;
		case CONTENT(1001):
			file->target_path = string_of(&f);
			break;
		case NUMBER(1002):
			file->truncated = f.value;
			break;
		case NUMBER(1003):
			file->unknown = f.value;
			break;
		default:
			break;
		}
	}
	return true;
}

static bool read_ipv4(struct event_address *address, struct span s)
{
	struct wire_field f;

	while (s.at < s.end) {
		if (!wire_read_field(&s.at, s.end, &f))
			return false;
		if (wire_field_tag(&f) == WIRE_TAG(1, WIRE_FIXED32))
			address->ipv4 = (uint32_t)f.value;
	}
	return true;
}

static bool read_ipv6(struct event_address *address, struct span s)
{
	struct wire_field f;

	while (s.at < s.end) {
		if (!wire_read_field(&s.at, s.end, &f))
			return false;
		if (wire_field_tag(&f) == WIRE_TAG(1, WIRE_FIXED64))
			address->ipv6_high = f.value;
		else if (wire_field_tag(&f) == WIRE_TAG(2, WIRE_FIXED64))
			address->ipv6_low = f.value;
	}
	return true;
}

static bool read_address_and_port(struct event_address *address, struct span s,
				  bool (*read_address)(struct event_address *address, struct span s))
{
	struct wire_field f;

	while (s.at < s.end) {
		if (!wire_read_field(&s.at, s.end, &f))
			return false;
		if (wire_field_tag(&f) == NUMBER(2))
			address->port = (uint32_t)f.value;
		else if (wire_field_tag(&f) == CONTENT(1) && !read_address(address, span_of(&f)))
			return false;
	}
	return true;
}

static bool read_address(struct event_address *address, struct span s)
{
	struct wire_field f;

	while (s.at < s.end) {
		if (!wire_read_field(&s.at, s.end, &f))
			return false;
		switch (wire_field_tag(&f)) {
		case NUMBER(1):
			address->family = (uint32_t)f.value;
			break;
		case CONTENT(10):
			if (!read_address_and_port(address, span_of(&f), read_ipv4))
				return false;
			break;
		case CONTENT(20):
			if (!read_address_and_port(address, span_of(&f), read_ipv6))
				return false;
			break;
		case CONTENT(30):
			address->path = string_of(&f);
			break;
		default:
			break;
		}
	}
	return true;
}

static bool read_network(struct event_network *network, struct span s)
{
	struct wire_field f;

	while (s.at < s.end) {
		if (!wire_read_field(&s.at, s.end, &f))
			return false;
		switch (wire_field_tag(&f)) {
		case NUMBER(10):
			network->sockfd = f.value;
			break;
		case CONTENT(11):
			if (!read_address(&network->address, span_of(&f)))
				return false;
			break;
		case NUMBER(12):
			network->result = wire_unzigzag(f.value);
			break;
		case NUMBER(13):
			network->backlog = f.value;
			break;
		case NUMBER(1000):
			network->address_unknown = f.value;
			break;
		default:
			break;
		}
	}
	return true;
}

static bool read_argument_value(struct call_argument *argument, struct span s)
{
	struct wire_field f;

	while (s.at < s.end) {
		if (!wire_read_field(&s.at, s.end, &f))
			return false;
		switch (wire_field_tag(&f)) {
		case NUMBER(1):
			argument->type = (enum call_argument_type)(uint32_t)f.value;
			break;
		case CONTENT(2):
		case CONTENT(3):
			argument->bytes = string_of(&f);
			break;
		case NUMBER(4):
			argument->integer = (uint64_t)wire_unzigzag(f.value);
			break;
		case NUMBER(5):
			argument->integer = f.value;
			break;
		default:
			break;
		}
	}
	return argument->type <= CALL_UINT64;
}

/* An entry of the map. */
static bool read_argument(struct capsule8_event_reader *r, struct span s)
{
	uint32_t i = r->event.call.count;
	struct wire_field f;

	if (i == CAPSULE8_READ_ARGUMENTS_MAX)
		return false;
	r->arguments[i] = (struct call_argument){0};
	r->argument_names[i] = (struct event_string){0};
	r->event.call.arguments = r->arguments;
	r->event.call.count = i + 1;
	while (s.at < s.end) {
		if (!wire_read_field(&s.at, s.end, &f))
			return false;
		if (wire_field_tag(&f) == CONTENT(1))
			r->argument_names[i] = string_of(&f);
		else if (wire_field_tag(&f) == CONTENT(2) && !read_argument_value(&r->arguments[i], span_of(&f)))
			return false;
	}
	return true;
}

static bool read_call(struct capsule8_event_reader *r, struct span s)
{
	struct wire_field f;

	while (s.at < s.end) {
		if (!wire_read_field(&s.at, s.end, &f))
			return false;
		switch (wire_field_tag(&f)) {
		case CONTENT(1):
			if (!read_argument(r, span_of(&f)))
				return false;
			break;
		case CONTENT(1001):
			r->symbol = string_of(&f);
			break;
		case CONTENT(1002):
			r->executable = string_of(&f);
			break;
		default:
			break;
		}
	}
	return true;
}

static uint32_t counter_type_of(uint64_t wire)
{
	switch (wire) {
	case CAPSULE8__API__V0__PERFORMANCE_EVENT_TYPE__PERFORMANCE_EVENT_TYPE_HARDWARE:
		return PERF_TYPE_HARDWARE;
	case CAPSULE8__API__V0__PERFORMANCE_EVENT_TYPE__PERFORMANCE_EVENT_TYPE_HARDWARE_CACHE:
		return PERF_TYPE_HW_CACHE;
	case CAPSULE8__API__V0__PERFORMANCE_EVENT_TYPE__PERFORMANCE_EVENT_TYPE_SOFTWARE:
		return PERF_TYPE_SOFTWARE;
	default:
		return UINT32_MAX;
	}
}

static bool read_counter(struct capsule8_event_reader *r, struct span s)
{
	uint32_t i = r->event.performance.count;
	struct wire_field f;

	if (i == CAPSULE8_READ_COUNTERS_MAX)
		return false;
	r->counters[i].type = UINT32_MAX;
	r->counters[i].config = 0;
	r->counter_values[i] = 0;
	r->event.performance.values = r->counter_values;
	r->event.performance.count = i + 1;
	while (s.at < s.end) {
		if (!wire_read_field(&s.at, s.end, &f))
			return false;
		if (wire_field_tag(&f) == NUMBER(1))
			r->counters[i].type = counter_type_of(f.value);
		else if (wire_field_tag(&f) == NUMBER(2))
			r->counters[i].config = f.value;
		else if (wire_field_tag(&f) == NUMBER(3))
			r->counter_values[i] = f.value;
	}
	return true;
}

static bool read_performance(struct capsule8_event_reader *r, struct span s)
{
	struct event_performance *performance = &r->event.performance;
	struct wire_field f;

	while (s.at < s.end) {
		if (!wire_read_field(&s.at, s.end, &f))
			return false;
		if (wire_field_tag(&f) == NUMBER(1))
			performance->time_enabled = f.value;
		else if (wire_field_tag(&f) == NUMBER(2))
			performance->time_running = f.value;
		else if (wire_field_tag(&f) == CONTENT(3) && !read_counter(r, span_of(&f)))
			return false;
	}
	return true;
}

/* Its name and image stand in the event, too, where those of other events' containers are. */
static bool read_container(struct event_container *container, struct span s)
{
	struct wire_field f;

	while (s.at < s.end) {
		if (!wire_read_field(&s.at, s.end, &f))
			return false;
		switch (wire_field_tag(&f)) {
		case NUMBER(20):
			container->host_pid = (uint32_t)sint32_of(&f);
			break;
		case NUMBER(30):
			container->exit_code = sint32_of(&f);
			break;
		case NUMBER(31):
			container->exit_status = (uint32_t)f.value;
			break;
		case NUMBER(32):
			container->exit_signal = (uint32_t)f.value;
			break;
		case NUMBER(33):
			container->core_dumped = f.value;
			break;
		case NUMBER(1000):
			container->exit_unknown = f.value;
			break;
		case NUMBER(1001):
			container->oom_killed = f.value;
			break;
		default:
			break;
		}
	}
	return true;
}

static bool read_ticker(struct event_ticker *ticker, struct span s)
{
	struct wire_field f;

	while (s.at < s.end) {
		if (!wire_read_field(&s.at, s.end, &f))
			return false;
		if (wire_field_tag(&f) == NUMBER(1))
			ticker->seconds = (int64_t)f.value;
		else if (wire_field_tag(&f) == NUMBER(2))
			ticker->nanoseconds = (int64_t)f.value;
	}
	return true;
}

static bool read_chargen(struct event_chargen *chargen, struct span s)
{
	struct wire_field f;

	while (s.at < s.end) {
		if (!wire_read_field(&s.at, s.end, &f))
			return false;
		if (wire_field_tag(&f) == NUMBER(1))
			chargen->index = f.value;
		else if (wire_field_tag(&f) == CONTENT(2))
			chargen->characters = string_of(&f);
	}
	return true;
}

bool capsule8_member_read(struct capsule8_event_reader *r, const struct wire_field *member)
{
	struct event *event = &r->event;

	switch (member->number) {
	case CAPSULE8__API__V0__EVENT__EVENT_SYSCALL:
		return read_syscall(&event->syscall, span_of(member));
	case CAPSULE8__API__V0__EVENT__EVENT_PROCESS:
		return read_process(event, span_of(member));
	case CAPSULE8__API__V0__EVENT__EVENT_FILE:
		return read_file(&event->file, span_of(member));
	case CAPSULE8__API__V0__EVENT__EVENT_NETWORK:
		return read_network(&event->network, span_of(member));
	case CAPSULE8__API__V0__EVENT__EVENT_KERNEL_CALL:
	case CAPSULE8__API__V0__EVENT__EVENT_USER_CALL:
		return read_call(r, span_of(member));
	case CAPSULE8__API__V0__EVENT__EVENT_PERFORMANCE:
		return read_performance(r, span_of(member));
	case CAPSULE8__API__V0__EVENT__EVENT_CONTAINER:
		return read_container(&event->container, span_of(member));
	case CAPSULE8__API__V0__EVENT__EVENT_TICKER:
		return read_ticker(&event->ticker, span_of(member));
	case CAPSULE8__API__V0__EVENT__EVENT_CHARGEN:
		return read_chargen(&event->chargen, span_of(member));
	default:
		return true;
	}
}
