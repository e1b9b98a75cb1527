#include "tests/proto/table_events.h"

#include "sensor/container.h"
#include "sensor/process_cache.h"
#include "tracing/sample_source.h"

#include <criterion/criterion.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Strings of events are not terminated: what stands behind one must not count. */
#define TEXT(literal)                                                             \
	{                                                                         \
		.bytes = literal "*trailing bytes", .length = sizeof(literal) - 1 \
	}

/* Every id is another number, at the edges of 32 bits where there is one. */
static const struct process shell = {
	.tgid = 1000,
	.id = "b007-1000",
	.comm = "sh",
	.credentials = {.known = true,
			.uid = 1000,
			.gid = 100,
			.euid = 0,
			.egid = UINT32_MAX,
			.suid = UINT32_C(0x80000000),
			.sgid = INT32_MAX,
			.fsuid = 65534,
			.fsgid = 1},
};

static const struct process horse = {
	.tgid = 4194304,
	.id = "b007-4194304",
	.comm = "k\u016f\u0148", /* kůň: five bytes */
	.credentials = {.known = true, .uid = UINT32_MAX},
};

/* In a container whose runtime has not told the id of its image. */
static struct container in_container = {
	.id = TEXT("c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00"),
	.name = TEXT("/web-k\u016f\u0148"),
	.image_id = TEXT(""),
	.image_name = TEXT("registry:5000/team/app:1.2"),
};

/* Of which nothing but its image is known. */
static const struct container nameless = {
	.id = TEXT("sandbox"),
	.name = TEXT(""),
	.image_id = TEXT("d462265d362c"),
	.image_name = TEXT(""),
};

static const struct process web = {
	.tgid = 80,
	.id = "b007-80",
	.comm = "web server",
	.container = &in_container,
	.credentials =
		{.known = true, .uid = 101, .gid = 101, .euid = 101, .egid = 101, .suid = 101, .sgid = 101, .fsuid = 101, .fsgid = 101},
};

/* Its name is empty, and nobody knows whose rights it has. */
static const struct process stranger = {.tgid = 7, .id = "b007-7"};

/* Of a thread that has changed them. */
static const struct credentials of_thread = {
	.known = true, .uid = 33, .gid = 33, .euid = 33, .egid = 33, .suid = 33, .sgid = 33, .fsuid = 33, .fsgid = 33};
static const struct credentials not_known = {.known = false};

#define BY_SHELL    .process = &shell, .tgid = 1000, .tid = 1001, .cpu = 3
#define BY_HORSE    .process = &horse, .tgid = 4194304, .tid = 4194304, .cpu = UINT32_MAX
#define BY_WEB      .process = &web, .tgid = 80, .tid = 81, .cpu = 1
#define BY_STRANGER .process = &stranger, .tgid = 7, .tid = 7, .cpu = 0
#define BY_NOBODY   .process = NULL, .tgid = 0, .tid = 0, .cpu = 0

/* One argument of each type; the last one has the name of a field that all events have. */
static const struct probe_parameter parameters[] = {
	{"text", "+0(%di):string"}, {"s8", "%di:s8"},   {"s16", "%di:s16"}, {"s32", "%di:s32"}, {"s64", "%di:s64"},
	{"u8", "%di:u8"},           {"u16", "%di:u16"}, {"u32", "%di:u32"}, {"u64", "%di:u64"}, {"cpu", "%di:s32"},
};

static const struct call_argument lowest[] = {
	{.name = "text", .type = CALL_STRING, .bytes = TEXT("/dev/null")},
	{.name = "s8", .type = CALL_SINT8, .integer = (uint64_t)INT8_MIN},
	{.name = "s16", .type = CALL_SINT16, .integer = (uint64_t)INT16_MIN},
	{.name = "s32", .type = CALL_SINT32, .integer = (uint64_t)INT32_MIN},
	{.name = "s64", .type = CALL_SINT64, .integer = (uint64_t)INT64_MIN},
	{.name = "u8", .type = CALL_UINT8, .integer = 0x80},
	{.name = "u16", .type = CALL_UINT16, .integer = 0x8000},
	{.name = "u32", .type = CALL_UINT32, .integer = UINT32_C(0x80000000)},
	{.name = "u64", .type = CALL_UINT64, .integer = UINT64_C(0x8000000000000000)},
	{.name = "cpu", .type = CALL_SINT32, .integer = (uint64_t)INT64_C(-5)},
};

static const struct call_argument highest[] = {
	{.name = "text", .type = CALL_STRING, .bytes = TEXT("")},    {.name = "s8", .type = CALL_SINT8, .integer = INT8_MAX},
	{.name = "s16", .type = CALL_SINT16, .integer = INT16_MAX},  {.name = "s32", .type = CALL_SINT32, .integer = INT32_MAX},
	{.name = "s64", .type = CALL_SINT64, .integer = INT64_MAX},  {.name = "u8", .type = CALL_UINT8, .integer = UINT8_MAX},
	{.name = "u16", .type = CALL_UINT16, .integer = UINT16_MAX}, {.name = "u32", .type = CALL_UINT32, .integer = UINT32_MAX},
	{.name = "u64", .type = CALL_UINT64, .integer = UINT64_MAX}, {.name = "cpu", .type = CALL_SINT32, .integer = 5},
};

static const struct table_event events[] = {
	{"enter-open",
	 {.kind = EVENT_SYSCALL_ENTER,
	  BY_SHELL,
	  .syscall = {.id = 257,
		      .abi = SAMPLE_ABI_64,
		      .arguments = {(uint64_t)INT64_C(-100), UINT64_C(0x7ffd12345678), 0, UINT64_C(0x8000000000000000), INT64_MAX,
				    UINT64_MAX}}}},
	{"enter-i386",
	 {.kind = EVENT_SYSCALL_ENTER, BY_NOBODY, .syscall = {.id = 5, .abi = SAMPLE_ABI_32, .arguments = {5, 5, 4, 3, 2, 1}}}},
	{"exit-failed",
	 {.kind = EVENT_SYSCALL_EXIT, BY_SHELL, .credentials = &of_thread, .syscall = {.id = 257, .abi = SAMPLE_ABI_64, .result = -2}}},
	{"exit-lowest", {.kind = EVENT_SYSCALL_EXIT, BY_SHELL, .syscall = {.id = 1, .abi = SAMPLE_ABI_64, .result = INT64_MIN}}},
	{"exit-highest", {.kind = EVENT_SYSCALL_EXIT, BY_SHELL, .syscall = {.id = 0, .abi = SAMPLE_ABI_64, .result = INT64_MAX}}},

	{"exec-plain", {.kind = EVENT_PROCESS_EXEC, BY_SHELL, .exec = {.filename = TEXT("/bin/sh")}}},
	{"exec-unicode", {.kind = EVENT_PROCESS_EXEC, BY_HORSE, .exec = {.filename = TEXT("/tmp/k\u016f\u0148/\u65e5\u672c")}}},
	{"exec-odd", {.kind = EVENT_PROCESS_EXEC, BY_SHELL, .exec = {.filename = TEXT("/tmp/[a]\\b*?'d%e\n\x01")}}},
	{"exec-nothing", {.kind = EVENT_PROCESS_EXEC, BY_STRANGER, .exec = {.filename = TEXT("")}}},
	{"process-negative", {.kind = EVENT_PROCESS_EXIT, BY_SHELL, .exit = {.code = -1, .status = 255, .signal = 127}}},
	{"process-core", {.kind = EVENT_PROCESS_EXIT, BY_SHELL, .exit = {.code = 139, .status = 0, .signal = 11, .core_dumped = true}}},
	{"process-unknown", {.kind = EVENT_PROCESS_EXIT, BY_SHELL, .exit = {.code_unknown = true}}},
	{"process-fork", {.kind = EVENT_PROCESS_FORK, BY_SHELL, .fork = {.child = &horse, .clone_flags = UINT64_C(0x200010000)}}},

	{"open-file",
	 {.kind = EVENT_FILE_OPEN,
	  BY_SHELL,
	  .file = {.filename = TEXT("notes.txt"), .path = TEXT("/home/ann/notes.txt"), .flags = 01101, .mode = 0644}}},
	{"open-root",
	 {.kind = EVENT_FILE_OPEN, BY_SHELL, .file = {.filename = TEXT("/"), .path = TEXT("/"), .flags = -1, .mode = INT32_MIN}}},
	{"open-unread", {.kind = EVENT_FILE_OPEN, BY_SHELL, .file = {.filename = TEXT("/etc/pas"), .path = TEXT(""), .unknown = true}}},
	{"link-symbolic",
	 {.kind = EVENT_FILE_LINK,
	  BY_SHELL,
	  .file = {.filename = TEXT("./libc.so.6"),
		   .path = TEXT("/lib/libc.so.6"),
		   .target = TEXT("libc.so"),
		   .target_path = TEXT("/lib/libc.so"),
		   .symlink = true}}},
	{"rename-same",
	 {.kind = EVENT_FILE_RENAME,
	  BY_SHELL,
	  .file = {.filename = TEXT("same"), .path = TEXT("/tmp/same"), .target = TEXT("same"), .target_path = TEXT("")}}},

	/* Addresses and ports: the bytes of the sockaddr, read as little endian. */
	{"connect-inet",
	 {.kind = EVENT_CONNECT_ATTEMPT,
	  BY_SHELL,
	  .network = {.sockfd = 3, .address = {.family = ADDRESS_INET, .port = 0xbb01, .ipv4 = UINT32_C(0x0302010a)}}}},
	{"connect-inet-high",
	 {.kind = EVENT_CONNECT_ATTEMPT,
	  BY_HORSE,
	  .network = {.sockfd = UINT64_MAX, .address = {.family = ADDRESS_INET, .port = 0xffff, .ipv4 = UINT32_C(0xc800a8c0)}}}},
	{"connect-inet6",
	 {.kind = EVENT_CONNECT_ATTEMPT,
	  BY_SHELL,
	  .network = {.sockfd = 4,
		      .address = {.family = ADDRESS_INET6, .port = 0x3500, .ipv6_high = 0, .ipv6_low = UINT64_C(0x0100000000000000)}}}},
	{"sendto-inet6",
	 {.kind = EVENT_SENDTO_ATTEMPT,
	  BY_STRANGER,
	  .network = {.sockfd = 5,
		      .address = {.family = ADDRESS_INET6,
				  .port = 0,
				  .ipv6_high = UINT64_C(0xb80d0120),
				  .ipv6_low = UINT64_C(0xff00000000000000)}}}},
	{"connect-local",
	 {.kind = EVENT_CONNECT_ATTEMPT,
	  BY_SHELL,
	  .network = {.sockfd = 6, .address = {.family = ADDRESS_LOCAL, .path = TEXT("/run/app.sock")}}}},
	{"bind-abstract",
	 {.kind = EVENT_BIND_ATTEMPT,
	  BY_HORSE,
	  .network = {.sockfd = 7, .address = {.family = ADDRESS_LOCAL, .path = TEXT("@k\u016f\u0148/[1]")}}}},
	{"connect-unnamed",
	 {.kind = EVENT_CONNECT_ATTEMPT, BY_SHELL, .network = {.sockfd = 8, .address = {.family = ADDRESS_LOCAL, .path = TEXT("")}}}},
	{"sendto-none", {.kind = EVENT_SENDTO_ATTEMPT, BY_NOBODY, .network = {.sockfd = 9, .address = {.family = ADDRESS_NONE}}}},
	{"connect-unread",
	 {.kind = EVENT_CONNECT_ATTEMPT, BY_SHELL, .credentials = &not_known, .network = {.sockfd = 10, .address_unknown = true}}},
	{"listen-plain", {.kind = EVENT_LISTEN_ATTEMPT, BY_SHELL, .network = {.sockfd = 4, .backlog = 128}}},
	{"listen-negative",
	 {.kind = EVENT_LISTEN_ATTEMPT, BY_SHELL, .network = {.sockfd = UINT64_C(0x8000000000000000), .backlog = UINT64_MAX}}},
	{"listen-container", {.kind = EVENT_LISTEN_ATTEMPT, BY_WEB, .network = {.sockfd = 11, .backlog = 0}}},
	{"accept-plain", {.kind = EVENT_ACCEPT_ATTEMPT, BY_SHELL, .credentials = &of_thread, .network = {.sockfd = 0}}},
	{"connect-refused", {.kind = EVENT_CONNECT_RESULT, BY_SHELL, .network = {.result = -111}}},
	{"bind-lowest", {.kind = EVENT_BIND_RESULT, BY_SHELL, .network = {.result = INT64_MIN}}},
	{"recvfrom-highest", {.kind = EVENT_RECVFROM_RESULT, BY_SHELL, .network = {.result = INT64_MAX}}},

	{"call-lowest", {.kind = EVENT_KERNEL_CALL_ENTER, BY_SHELL, .call = {.arguments = lowest, .count = COUNT(lowest)}}},
	{"call-highest", {.kind = EVENT_KERNEL_CALL_ENTER, BY_SHELL, .call = {.arguments = highest, .count = COUNT(highest)}}},
	{"call-short", {.kind = EVENT_KERNEL_CALL_ENTER, BY_SHELL, .call = {.arguments = lowest, .count = 2}}},

	{"container-running",
	 {.kind = EVENT_CONTAINER_RUNNING, .container = {.container = &in_container, .host_pid = UINT32_C(0x80000000)}}},
	{"container-failed",
	 {.kind = EVENT_CONTAINER_EXITED, .container = {.container = &in_container, .host_pid = 80, .exit_code = 1, .exit_status = 1}}},
	{"container-killed",
	 {.kind = EVENT_CONTAINER_EXITED,
	  .container = {.container = &nameless, .exit_code = 139, .exit_signal = 11, .core_dumped = true, .oom_killed = true}}},
	{"container-unknown", {.kind = EVENT_CONTAINER_EXITED, .container = {.container = &nameless, .exit_unknown = true}}},

	{"ticker", {.kind = EVENT_TICKER, .ticker = {.seconds = 1700000000, .nanoseconds = INT64_C(1700000000123456789)}}},
	{"ticker-before-1970", {.kind = EVENT_TICKER, .ticker = {.seconds = -1, .nanoseconds = -1000000000}}},
};

const struct table_event *table_event_find(const char *name)
{
	for (size_t i = 0; i < COUNT(events); i++)
		if (!strcmp(events[i].name, name))
			return &events[i];
	return NULL;
}

const struct table_event *table_event_at(size_t index)
{
	return index < COUNT(events) ? &events[index] : NULL;
}

struct probe_request *table_request_new(enum event_kind kind)
{
	struct probe_request *request = NULL;

	if (!probe_request_needed(kind))
		return NULL;
	cr_assert_eq(probe_request_new_call(&request, kind, NULL, "f", parameters, COUNT(parameters), NULL, NULL), 0);
	return request;
}
