#include "cli/event_detail.h"

#include "base/symbols.h"
#include "cli/text.h"
#include "subscription/counters.h"

#include <arpa/inet.h>
#include <endian.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>

/* What a line shows of one string, of bytes, and of all arguments together; JSON has everything. */
#define WORD_MAX      512
#define BYTES_MAX     32
#define ARGUMENTS_MAX 4096

typedef Capsule8__Api__V0__FileEvent file_message;
typedef Capsule8__Api__V0__NetworkEvent network_message;
typedef Capsule8__Api__V0__NetworkAddress address_message;
typedef Capsule8__Api__V0__ContainerEvent container_message;

void event_detail_put_result(struct buffer *out, bool color, int64_t result)
{
	const char *name = result < 0 && result >= -4095 ? symbol_errno(-result) : NULL;

	if (name) {
		text_style(out, color, STYLE_WARNING);
		buffer_printf(out, "%" PRId64 " %s", result, name);
		text_style(out, color, STYLE_PLAIN);
		return;
	}
	/* Beyond any count or descriptor: an address. */
	if (result > INT32_MAX || result < -4095)
		buffer_printf(out, "0x%" PRIx64, (uint64_t)result);
	else
		buffer_printf(out, "%" PRId64, result);
}

void event_detail_put_word(struct buffer *out, const char *word)
{
	char start[WORD_MAX + 1];
	size_t length = strnlen(word, sizeof(start));

	if (length < sizeof(start)) {
		text_put_quoted(out, word);
		return;
	}
	length = WORD_MAX;
	while (length && ((unsigned char)word[length] & 0xc0) == 0x80)
		length--;
	memcpy(start, word, length);
	start[length] = 0;
	text_put_quoted(out, start);
	buffer_put_string(out, "…");
}

void event_detail_put_mark(struct buffer *out, bool color, const char *mark)
{
	text_style(out, color, STYLE_DIM);
	buffer_printf(out, " (%s)", mark);
	text_style(out, color, STYLE_PLAIN);
}

/* The path too, where the name alone does not say it. */
static void put_file_name(struct buffer *out, bool color, const file_message *file, const char *name, const char *path)
{
	buffer_put_u8(out, ' ');
	if (*name)
		event_detail_put_word(out, name);
	else
		buffer_put_u8(out, '?');
	if (!*path || !strcmp(name, path) || file->name_truncated)
		return;
	text_style(out, color, STYLE_DIM);
	buffer_put_string(out, " (");
	event_detail_put_word(out, path);
	buffer_put_u8(out, ')');
	text_style(out, color, STYLE_PLAIN);
}

static void put_open(struct buffer *out, const file_message *file)
{
	uint32_t flags = (uint32_t)file->open_flags;

	buffer_put_u8(out, ' ');
	symbol_put_open_flags(out, flags);
	if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE)
		buffer_printf(out, " 0%" PRIo32, (uint32_t)file->open_mode);
}

static void put_two_names(struct buffer *out, bool color, const file_message *file, const char *name, const char *between,
			  const char *target)
{
	put_file_name(out, color, file, name, file->path);
	buffer_put_string(out, between);
	put_file_name(out, color, file, target, file->target_path);
}

#define FILE_TYPE(name) CAPSULE8__API__V0__FILE_EVENT_TYPE__FILE_EVENT_TYPE_##name

static const char *file_verb(const file_message *file)
{
	static const char *const verbs[] = {
		[FILE_TYPE(OPEN)] = "open",
		[FILE_TYPE(CREATE)] = "create",
		[FILE_TYPE(DELETE)] = "delete",
		[FILE_TYPE(LINK)] = "link",
		[FILE_TYPE(OPEN_FOR_MODIFY)] = "open_for_modify",
		[FILE_TYPE(RENAME)] = "rename",
		[FILE_TYPE(MODIFY)] = "modify",
		[FILE_TYPE(CLOSE_FOR_MODIFY)] = "close_for_modify",
		[FILE_TYPE(ATTRIBUTE_CHANGE)] = "attribute_change",
	};

	if (file->type == FILE_TYPE(LINK) && file->symlink)
		return "symlink";
	return (size_t)file->type < sizeof(verbs) / sizeof(verbs[0]) ? verbs[file->type] : NULL;
}

void event_detail_put_file(struct buffer *out, bool color, const file_message *file)
{
	const char *verb = file_verb(file);

	if (!verb) {
		buffer_printf(out, "file event of type %d", (int)file->type);
		return;
	}
	text_put_styled(out, color, STYLE_NAME, verb);
	if (file->type == FILE_TYPE(LINK))
		put_two_names(out, color, file, file->source_file, " as", file->target_file);
	else if (file->type == FILE_TYPE(RENAME))
		put_two_names(out, color, file, file->oldname, " ->", file->newname);
	else
		put_file_name(out, color, file, file->filename, file->path);
	if (file->type == FILE_TYPE(OPEN))
		put_open(out, file);
	else if (file->type == FILE_TYPE(CREATE))
		buffer_printf(out, " 0%" PRIo32, (uint32_t)file->open_mode);
	if (file->name_truncated)
		event_detail_put_mark(out, color, "truncated");
}

/* The contract's numbers are the bytes of the sockaddr, read as little endian. */
static void put_ipv4(struct buffer *out, const Capsule8__Api__V0__IPv4AddressAndPort *address)
{
	uint32_t bytes = htole32(address->address ? address->address->address : 0);
	char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &bytes, text, sizeof(text));
	buffer_printf(out, " %s:%u", text, be16toh(htole16((uint16_t)address->port)));
}

static void put_ipv6(struct buffer *out, const Capsule8__Api__V0__IPv6AddressAndPort *address)
{
	uint64_t bytes[2] = {0};
	char text[INET6_ADDRSTRLEN];

	if (address->address) {
		bytes[0] = htole64(address->address->high);
		bytes[1] = htole64(address->address->low);
	}
	inet_ntop(AF_INET6, bytes, text, sizeof(text));
	buffer_printf(out, " [%s]:%u", text, be16toh(htole16((uint16_t)address->port)));
}

static void put_address(struct buffer *out, const network_message *network)
{
	const address_message *address = network->address;

	if (network->address_unknown)
		buffer_put_string(out, " address unknown");
	if (!address)
		return;
	switch (address->address_case) {
	case CAPSULE8__API__V0__NETWORK_ADDRESS__ADDRESS_IPV4_ADDRESS:
		put_ipv4(out, address->ipv4_address);
		return;
	case CAPSULE8__API__V0__NETWORK_ADDRESS__ADDRESS_IPV6_ADDRESS:
		put_ipv6(out, address->ipv6_address);
		return;
	case CAPSULE8__API__V0__NETWORK_ADDRESS__ADDRESS_LOCAL_ADDRESS:
		buffer_put_string(out, *address->local_address ? " unix:" : " unix without a name");
		if (*address->local_address)
			event_detail_put_word(out, address->local_address);
		return;
	default:
		buffer_put_string(out, " address of another family");
	}
}

void event_detail_put_network(struct buffer *out, bool color, const network_message *network)
{
	static const char *const calls[] = {"connect", "bind", "listen", "accept", "sendto", "recvfrom"};
	/* From 1 on, attempts and results take turns. */
	size_t call = ((size_t)network->type - 1) / 2;
	bool is_result = network->type % 2 == 0;

	if (network->type <= 0 || call >= sizeof(calls) / sizeof(calls[0])) {
		buffer_printf(out, "network event of type %d", (int)network->type);
		return;
	}
	text_put_styled(out, color, STYLE_NAME, calls[call]);
	if (is_result) {
		buffer_put_string(out, " = ");
		event_detail_put_result(out, color, network->result);
		return;
	}
	buffer_printf(out, " fd=%" PRId64, (int64_t)network->sockfd);
	put_address(out, network);
	if (network->type == CAPSULE8__API__V0__NETWORK_EVENT_TYPE__NETWORK_EVENT_TYPE_LISTEN_ATTEMPT)
		buffer_printf(out, " backlog=%" PRId64, (int64_t)network->backlog);
}

static void put_bytes(struct buffer *out, const ProtobufCBinaryData *bytes)
{
	for (size_t i = 0; i < bytes->len && i < BYTES_MAX; i++)
		buffer_printf(out, "%02x", bytes->data[i]);
	if (bytes->len > BYTES_MAX)
		buffer_put_string(out, "…");
}

static void put_unsigned(struct buffer *out, uint64_t value)
{
	buffer_printf(out, value > INT32_MAX ? "0x%" PRIx64 : "%" PRIu64, value);
}

/* What the kernel puts into every sample: not what was asked for. */
static bool is_common(const char *name)
{
	return !strncmp(name, "common_", 7) || !strncmp(name, "__probe_", 8);
}

/* An argument of a kernel or a user call, which have messages of their own for the same thing. */
struct argument {
	const char *name;
	enum {
		ARGUMENT_NONE,
		ARGUMENT_BYTES,
		ARGUMENT_STRING,
		ARGUMENT_SIGNED,
		ARGUMENT_UNSIGNED,
	} form;
	const ProtobufCBinaryData *bytes;
	const char *string;
	uint64_t integer;
};

/* The two kinds of calls have messages of their own for the same. */
#define DEFINE_ARGUMENT(function, Message, PREFIX)                                                      \
	static struct argument function(const void *list, size_t i)                                     \
	{                                                                                               \
		const Message##__ArgumentsEntry *entry = ((Message##__ArgumentsEntry *const *)list)[i]; \
		struct argument shown = {.name = entry->key};                                           \
                                                                                                        \
		if (!entry->value)                                                                      \
			return shown;                                                                   \
		switch (entry->value->value_case) {                                                     \
		case PREFIX##__FIELD_VALUE__VALUE_BYTES_VALUE:                                          \
			shown.form = ARGUMENT_BYTES;                                                    \
			shown.bytes = &entry->value->bytes_value;                                       \
			break;                                                                          \
		case PREFIX##__FIELD_VALUE__VALUE_STRING_VALUE:                                         \
			shown.form = ARGUMENT_STRING;                                                   \
			shown.string = entry->value->string_value;                                      \
			break;                                                                          \
		case PREFIX##__FIELD_VALUE__VALUE_SIGNED_VALUE:                                         \
			shown.form = ARGUMENT_SIGNED;                                                   \
			shown.integer = (uint64_t)entry->value->signed_value;                           \
			break;                                                                          \
		case PREFIX##__FIELD_VALUE__VALUE_UNSIGNED_VALUE:                                       \
			shown.form = ARGUMENT_UNSIGNED;                                                 \
			shown.integer = entry->value->unsigned_value;                                   \
			break;                                                                          \
		default:                                                                                \
			break;                                                                          \
		}                                                                                       \
		return shown;                                                                           \
	}

DEFINE_ARGUMENT(kernel_argument, Capsule8__Api__V0__KernelFunctionCallEvent, CAPSULE8__API__V0__KERNEL_FUNCTION_CALL_EVENT)
DEFINE_ARGUMENT(user_argument, Capsule8__Api__V0__UserFunctionCallEvent, CAPSULE8__API__V0__USER_FUNCTION_CALL_EVENT)

static void put_argument(struct buffer *out, const struct argument *argument)
{
	text_put_escaped(out, argument->name);
	buffer_put_u8(out, '=');
	switch (argument->form) {
	case ARGUMENT_NONE:
		buffer_put_u8(out, '?');
		break;
	case ARGUMENT_BYTES:
		put_bytes(out, argument->bytes);
		break;
	case ARGUMENT_STRING:
		event_detail_put_word(out, argument->string);
		break;
	case ARGUMENT_SIGNED:
		buffer_printf(out, "%" PRId64, (int64_t)argument->integer);
		break;
	case ARGUMENT_UNSIGNED:
		put_unsigned(out, argument->integer);
		break;
	}
}

static void put_arguments(struct buffer *out, const void *list, size_t count, struct argument (*get)(const void *list, size_t i))
{
	size_t start = out->length;

	for (size_t i = 0; i < count; i++) {
		struct argument argument = get(list, i);

		if (is_common(argument.name))
			continue;
		if (out->length > start)
			buffer_put_string(out, ", ");
		if (out->length - start > ARGUMENTS_MAX) {
			buffer_put_string(out, "…");
			return;
		}
		put_argument(out, &argument);
	}
}

static void put_symbol(struct buffer *out, bool color, const char *symbol)
{
	text_style(out, color, STYLE_NAME);
	text_put_escaped(out, *symbol ? symbol : "function");
	text_style(out, color, STYLE_PLAIN);
}

void event_detail_put_kernel_call(struct buffer *out, bool color, const Capsule8__Api__V0__KernelFunctionCallEvent *call)
{
	bool at_exit = call->type == CAPSULE8__API__V0__KERNEL_FUNCTION_CALL_EVENT_TYPE__KERNEL_FUNCTION_CALL_EVENT_TYPE_EXIT;

	put_symbol(out, color, call->symbol);
	buffer_put_string(out, at_exit ? " returns (" : "(");
	put_arguments(out, call->arguments, call->n_arguments, kernel_argument);
	buffer_put_u8(out, ')');
}

void event_detail_put_user_call(struct buffer *out, bool color, const Capsule8__Api__V0__UserFunctionCallEvent *call)
{
	bool at_exit = call->type == CAPSULE8__API__V0__USER_FUNCTION_CALL_EVENT_TYPE__USER_FUNCTION_CALL_EVENT_TYPE_EXIT;

	if (*call->executable) {
		text_style(out, color, STYLE_DIM);
		text_put_escaped(out, call->executable);
		buffer_put_u8(out, ':');
		text_style(out, color, STYLE_PLAIN);
	}
	put_symbol(out, color, call->symbol);
	buffer_put_string(out, at_exit ? " returns (" : "(");
	put_arguments(out, call->arguments, call->n_arguments, user_argument);
	buffer_put_u8(out, ')');
}

static struct perf_counter counter_of(const Capsule8__Api__V0__PerformanceEventValue *value)
{
	switch (value->type) {
	case CAPSULE8__API__V0__PERFORMANCE_EVENT_TYPE__PERFORMANCE_EVENT_TYPE_HARDWARE:
		return (struct perf_counter){PERF_TYPE_HARDWARE, value->config};
	case CAPSULE8__API__V0__PERFORMANCE_EVENT_TYPE__PERFORMANCE_EVENT_TYPE_HARDWARE_CACHE:
		return (struct perf_counter){PERF_TYPE_HW_CACHE, value->config};
	case CAPSULE8__API__V0__PERFORMANCE_EVENT_TYPE__PERFORMANCE_EVENT_TYPE_SOFTWARE:
		return (struct perf_counter){PERF_TYPE_SOFTWARE, value->config};
	default:
		return (struct perf_counter){PERF_TYPE_MAX, value->config};
	}
}

void event_detail_put_performance(struct buffer *out, bool color, const Capsule8__Api__V0__PerformanceEvent *performance)
{
	text_put_styled(out, color, STYLE_NAME, "performance");
	for (size_t i = 0; i < performance->n_values; i++) {
		struct perf_counter counter = counter_of(performance->values[i]);

		buffer_put_u8(out, ' ');
		counter_put_name(out, &counter);
		buffer_printf(out, "=%" PRIu64, performance->values[i]->value);
	}
	if (performance->total_time_running < performance->total_time_enabled)
		buffer_printf(out, " (counted %.0f%% of the time)",
			      100.0 * (double)performance->total_time_running / (double)performance->total_time_enabled);
}

void event_detail_put_end(struct buffer *out, bool color, uint32_t status, uint32_t signal, bool core_dumped)
{
	bool bad = color && (signal || status);

	text_style(out, bad, STYLE_WARNING);
	if (signal) {
		buffer_put_string(out, " signal=");
		symbol_put_signal(out, signal);
		if (core_dumped)
			buffer_put_string(out, " (core)");
	} else {
		buffer_printf(out, " status=%" PRIu32, status);
	}
	text_style(out, bad, STYLE_PLAIN);
}

static void put_short_id(struct buffer *out, const char *id)
{
	char digits[EVENT_DETAIL_ID_DIGITS + 1];

	snprintf(digits, sizeof(digits), "%s", id);
	text_put_escaped(out, digits);
}

static void put_image(struct buffer *out, const container_message *container)
{
	if (!*container->image_name && !*container->image_id)
		return;
	buffer_put_string(out, " image=");
	if (*container->image_name)
		event_detail_put_word(out, container->image_name);
	else
		put_short_id(out, container->image_id);
}

static void put_container_exit(struct buffer *out, bool color, const container_message *container)
{
	if (container->exit_code_unknown)
		buffer_put_string(out, " status unknown");
	else
		event_detail_put_end(out, color, container->exit_status, container->exit_signal, container->exit_core_dumped);
	if (container->oom_killed)
		event_detail_put_mark(out, color, "out of memory");
}

#define CONTAINER_TYPE(name) CAPSULE8__API__V0__CONTAINER_EVENT_TYPE__CONTAINER_EVENT_TYPE_##name

void event_detail_put_container(struct buffer *out, bool color, const Capsule8__Api__V0__Event *event)
{
	static const char *const verbs[] = {
		[CONTAINER_TYPE(CREATED)] = "created",     [CONTAINER_TYPE(RUNNING)] = "running", [CONTAINER_TYPE(EXITED)] = "exited",
		[CONTAINER_TYPE(DESTROYED)] = "destroyed", [CONTAINER_TYPE(UPDATED)] = "updated",
	};
	const container_message *container = event->container;

	if ((size_t)container->type >= sizeof(verbs) / sizeof(verbs[0]) || !verbs[container->type]) {
		buffer_printf(out, "container event of type %d", (int)container->type);
		return;
	}
	text_style(out, color, STYLE_NAME);
	buffer_printf(out, "container %s", verbs[container->type]);
	text_style(out, color, STYLE_PLAIN);
	put_image(out, container);
	/* Without a name the column has the id. */
	if (*event->container_name && *event->container_id) {
		buffer_put_string(out, " id=");
		put_short_id(out, event->container_id);
	}
	if (container->host_pid)
		buffer_printf(out, " pid=%" PRId32, container->host_pid);
	if (container->type == CONTAINER_TYPE(EXITED))
		put_container_exit(out, color, container);
	if (*container->docker_config_json)
		event_detail_put_mark(out, color, "Docker's configuration");
	if (*container->oci_config_json)
		event_detail_put_mark(out, color, "OCI configuration");
}
