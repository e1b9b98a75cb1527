#include "sensor/network_build.h"

#include "sensor/call_table.h"
#include "sensor/network_address.h"

#include <string.h>
#include <sys/socket.h>

_Static_assert(NETWORK_ADDRESS_WORDS * 8 == NETWORK_ADDRESS_BYTES, "all of an address");
_Static_assert(NETWORK_FLAGS < SOURCE_FIELDS_MAX, "all of a row");

#ifndef MSG_CMSG_COMPAT
#define MSG_CMSG_COMPAT 0x80000000 /* kernel: include/linux/socket.h */
#endif

/* What is kept of a call that has begun. */
enum {
	CALL_SOCKFD,
	CALL_GIVEN, /* an address was */
};

static enum event_kind kind_of(const struct source_instance *probe)
{
	return (enum event_kind)__builtin_ctzll(probe->row->kinds);
}

static uint64_t read_integer(const struct format_field *field, const struct sample *sample)
{
	return format_read_integer(field, sample->raw, sample->raw_size);
}

/* System call tracepoints have registers: what is above the int is the caller's leftovers. */
static int32_t read_int(const struct source_instance *probe, size_t field, const struct sample *sample)
{
	return (int32_t)read_integer(&probe->fields[field], sample);
}

static bool is_address_given(const struct source_instance *probe, const struct sample *sample)
{
	return read_integer(&probe->fields[NETWORK_POINTER], sample) && read_int(probe, NETWORK_LENGTH, sample);
}

/* Of what is longer, or shorter than nothing, the kernel does not take a byte. */
static bool is_length_valid(int32_t length)
{
	return length >= 0 && length <= NETWORK_ADDRESS_LENGTH_MAX;
}

static void set_attempt(struct event *ret, enum event_kind kind, int64_t sockfd)
{
	ret->kind = kind;
	ret->network = (struct event_network){.sockfd = (uint64_t)sockfd, .address.path.bytes = ""};
}

bool network_build_socket(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
			  struct event *ret)
{
	(void)context;
	set_attempt(ret, kind_of(probe), read_int(probe, NETWORK_SOCKFD, sample));
	return true;
}

bool network_build_listen(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
			  struct event *ret)
{
	network_build_socket(context, probe, sample, ret);
	ret->network.backlog = (uint64_t)(int64_t)read_int(probe, NETWORK_BACKLOG, sample);
	return true;
}

/* The hook did not see the call, or has not been heard of: an address that was given is unknown. */
static void emit_without_hook(struct source_context *context, const struct call *call, enum event_kind kind, const struct event *ret)
{
	struct event attempt = *ret;

	set_attempt(&attempt, kind, call->numbers[CALL_SOCKFD]);
	attempt.network.address_unknown = call->numbers[CALL_GIVEN];
	context->emit(context, &attempt);
}

static void begin(struct source_context *context, const struct source_instance *probe, const struct sample *sample, bool given,
		  const struct event *ret)
{
	enum event_kind kind = kind_of(probe);
	struct call *call = call_table_find(context->calls, sample->tid, kind);

	/* Its end was lost. */
	if (call)
		emit_without_hook(context, call, kind, ret);
	call = call_table_begin(context->calls, sample->tid, kind, sample->time_ns);
	if (!call)
		return;
	call->numbers[CALL_SOCKFD] = read_int(probe, NETWORK_SOCKFD, sample);
	call->numbers[CALL_GIVEN] = given;
}

/* Without an address there is nothing to wait for. */
bool network_build_begin(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
			 struct event *ret)
{
	if (!is_address_given(probe, sample))
		return network_build_socket(context, probe, sample, ret);
	begin(context, probe, sample, true, ret);
	return false;
}

bool network_build_begin_message(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
				 struct event *ret)
{
	const struct format_field *pointer = &probe->fields[NETWORK_POINTER];

	begin(context, probe, sample, !pointer->size || read_integer(pointer, sample), ret);
	return false;
}

static void read_words(uint64_t words[NETWORK_ADDRESS_WORDS], const struct source_instance *probe, size_t first,
		       const struct sample *sample)
{
	for (size_t i = 0; i < NETWORK_ADDRESS_WORDS; i++)
		words[i] = read_integer(&probe->fields[first + i], sample);
}

static void set_address(struct source_context *context, struct event *ret, const void *bytes, size_t size, size_t length)
{
	network_address_decode(bytes, size, length, context->scratch[0], &ret->network.address);
}

/* The hook is called for other things too, writing to a connected socket for one: those have not begun here. */
bool network_build_hook(struct source_context *context, const struct source_instance *probe, const struct sample *sample, struct event *ret)
{
	enum event_kind kind = kind_of(probe);
	const struct call *call = call_table_end(context->calls, sample->tid, kind);
	int32_t length = read_int(probe, NETWORK_HOOK_LENGTH, sample);
	uint64_t words[NETWORK_ADDRESS_WORDS];

	if (!call)
		return false;
	set_attempt(ret, kind, call->numbers[CALL_SOCKFD]);
	read_words(words, probe, NETWORK_HOOK_FIRST_WORD, sample);
	set_address(context, ret, words, sizeof(words), length > 0 ? (size_t)length : 0);
	return true;
}

/* In the event model the result of a call comes right after its attempt. */
static enum event_kind attempt_of(enum event_kind result)
{
	_Static_assert(EVENT_CONNECT_RESULT == EVENT_CONNECT_ATTEMPT + 1 && EVENT_BIND_RESULT == EVENT_BIND_ATTEMPT + 1 &&
			       EVENT_SENDTO_RESULT == EVENT_SENDTO_ATTEMPT + 1,
		       "as it says");
	return (enum event_kind)(result - 1);
}

bool network_build_result(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
			  struct event *ret)
{
	enum event_kind kind = kind_of(probe);
	const struct call *call = call_table_end(context->calls, sample->tid, attempt_of(kind));

	if (call)
		emit_without_hook(context, call, attempt_of(kind), ret);
	ret->kind = kind;
	ret->network = (struct event_network){.result = (int64_t)read_integer(&probe->fields[0], sample), .address.path.bytes = ""};
	return true;
}

static bool is_compat_message(const struct source_instance *probe, const struct sample *sample)
{
	const struct format_field *flags = &probe->fields[NETWORK_FLAGS];

	return flags->size && (read_integer(flags, sample) & MSG_CMSG_COMPAT);
}

#define PAGE_BYTES ((uint64_t)4096)

static bool was_string_read(const struct format_field *field, const struct sample *sample)
{
	uint32_t location = 0;
	const char *bytes;
	size_t length;

	if (field->offset + sizeof(location) <= sample->raw_size)
		memcpy(&location, sample->raw + field->offset, sizeof(location));
	bytes = format_read_string(field, sample->raw, sample->raw_size, &length);
	return location >> 16 && !(length == strlen("(fault)") && !memcmp(bytes, "(fault)", length));
}

/* How many of the words' bytes are what the caller's memory has: all of its first page if the first byte is, and so with the last byte. */
static size_t count_read(const struct source_instance *probe, const struct sample *sample)
{
	uint64_t pointer = read_integer(&probe->fields[NETWORK_POINTER], sample);
	uint64_t page_rest = PAGE_BYTES - pointer % PAGE_BYTES;

	if (!was_string_read(&probe->fields[NETWORK_FIRST_BYTE], sample))
		return 0;
	if (page_rest >= NETWORK_ADDRESS_BYTES || was_string_read(&probe->fields[NETWORK_LAST_BYTE], sample))
		return NETWORK_ADDRESS_BYTES;
	return page_rest / sizeof(uint64_t) * sizeof(uint64_t);
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The header of a 32-bit caller's message is laid out in another way. */
bool network_build_caller(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
			  struct event *ret)
{
	int32_t length = read_int(probe, NETWORK_LENGTH, sample);
	size_t read = count_read(probe, sample);
	uint64_t words[NETWORK_ADDRESS_WORDS];

	network_build_socket(context, probe, sample, ret);
	if (!is_address_given(probe, sample))
		return true;
	ret->capture = CAPTURE_CALLER;
	ret->network.address_unknown =
		!is_length_valid(length) || read < min_size((size_t)length, NETWORK_ADDRESS_BYTES) || is_compat_message(probe, sample);
	if (ret->network.address_unknown)
		return true;
	read_words(words, probe, NETWORK_FIRST_WORD, sample);
	set_address(context, ret, words, sizeof(words), (size_t)length);
	return true;
}

static void set_late_address(struct source_context *context, const struct sample *sample, struct event *ret)
{
	const struct sample_read *read = sample->reads;

	ret->capture = CAPTURE_LATE;
	ret->network.address_unknown = !read || read->error || !is_length_valid((int32_t)read->length);
	if (!ret->network.address_unknown)
		set_address(context, ret, read->bytes, read->length, read->length);
}

bool network_build_late(struct source_context *context, const struct source_instance *probe, const struct sample *sample, struct event *ret)
{
	network_build_socket(context, probe, sample, ret);
	if (is_address_given(probe, sample))
		set_late_address(context, sample, ret);
	return true;
}

bool network_build_late_message(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
				struct event *ret)
{
	network_build_socket(context, probe, sample, ret);
	set_late_address(context, sample, ret);
	return true;
}
