#include "cli/event_detail.h"

#include "cli/event_text.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>

#define V0(name)       Capsule8__Api__V0__##name
#define FILE_(name)    CAPSULE8__API__V0__FILE_EVENT_TYPE__FILE_EVENT_TYPE_##name
#define NETWORK(name)  CAPSULE8__API__V0__NETWORK_EVENT_TYPE__NETWORK_EVENT_TYPE_##name
#define TEXT(constant) ((char *)(uintptr_t)(constant))

static struct buffer out;
static V0(FileEvent) file = CAPSULE8__API__V0__FILE_EVENT__INIT;
static V0(NetworkEvent) network = CAPSULE8__API__V0__NETWORK_EVENT__INIT;
static V0(NetworkAddress) address = CAPSULE8__API__V0__NETWORK_ADDRESS__INIT;

static void init(void)
{
	buffer_init(&out, 0);
}

static void done(void)
{
	buffer_done(&out);
}

TestSuite(event_detail, .init = init, .fini = done);

static const char *text(void)
{
	cr_assert_not(out.failed);
	buffer_put_u8(&out, 0);
	return (const char *)out.data;
}

static const char *file_text(V0(FileEventType) type)
{
	buffer_clear(&out);
	file.type = type;
	event_detail_put_file(&out, false, &file);
	return text();
}

static const char *network_text(V0(NetworkEventType) type)
{
	buffer_clear(&out);
	network.type = type;
	event_detail_put_network(&out, false, &network);
	return text();
}

Test(event_detail, an_open_has_its_flags_by_name_and_a_mode_only_when_it_makes_a_file)
{
	file.filename = file.path = TEXT("/etc/passwd");
	file.open_flags = O_RDONLY | O_CLOEXEC;
	cr_assert_str_eq(file_text(FILE_(OPEN)), "open /etc/passwd O_RDONLY|O_CLOEXEC");
	file.open_flags = O_WRONLY | O_CREAT | O_TRUNC | 0100000;
	file.open_mode = 0640;
	cr_assert_str_eq(file_text(FILE_(OPEN)), "open /etc/passwd O_WRONLY|O_CREAT|O_TRUNC|O_LARGEFILE 0640");
	file.open_flags = O_RDWR | O_TMPFILE | O_SYNC | INT32_MIN;
	cr_assert_str_eq(file_text(FILE_(OPEN)), "open /etc/passwd O_RDWR|O_SYNC|O_TMPFILE|0x80000000 0640");
}

Test(event_detail, a_relative_name_has_its_path_behind_it)
{
	file.filename = TEXT("a b");
	file.path = TEXT("/tmp/a b");
	cr_assert_str_eq(file_text(FILE_(DELETE)), "delete 'a b' ('/tmp/a b')");
	file.path = TEXT("");
	cr_assert_str_eq(file_text(FILE_(MODIFY)), "modify 'a b'");
}

Test(event_detail, names_that_are_not_all_there_say_so)
{
	file.filename = TEXT("/very/lo");
	file.path = TEXT("/very/lo");
	file.name_truncated = true;
	cr_assert_str_eq(file_text(FILE_(ATTRIBUTE_CHANGE)), "attribute_change /very/lo (truncated)");
	file.filename = file.path = TEXT("");
	file.name_truncated = false;
	file.name_unknown = true;
	cr_assert_str_eq(file_text(FILE_(CLOSE_FOR_MODIFY)), "close_for_modify ?");
}

Test(event_detail, links_and_renames_have_two_names)
{
	file.oldname = TEXT("/a");
	file.newname = TEXT("b");
	file.target_path = TEXT("/tmp/b");
	cr_assert_str_eq(file_text(FILE_(RENAME)), "rename /a -> b (/tmp/b)");
	file.source_file = TEXT("/a");
	file.target_file = TEXT("/b");
	file.target_path = TEXT("");
	cr_assert_str_eq(file_text(FILE_(LINK)), "link /a as /b");
	file.symlink = true;
	cr_assert_str_eq(file_text(FILE_(LINK)), "symlink /a as /b");
}

Test(event_detail, the_other_kinds_of_files)
{
	file.filename = TEXT("/x");
	file.open_mode = 0755;
	cr_assert_str_eq(file_text(FILE_(CREATE)), "create /x 0755");
	cr_assert_str_eq(file_text(FILE_(OPEN_FOR_MODIFY)), "open_for_modify /x");
	cr_assert_str_eq(file_text((V0(FileEventType))77), "file event of type 77");
	cr_assert_str_eq(file_text((V0(FileEventType)) - 1), "file event of type -1");
}

Test(event_detail, names_cannot_write_to_the_terminal)
{
	file.filename = TEXT("/tmp/\033[31mx");
	cr_assert_null(strchr(file_text(FILE_(OPEN)), '\033'));
}

Test(event_detail, addresses_are_shown_as_people_write_them)
{
	V0(IPv4AddressAndPort) ipv4 = CAPSULE8__API__V0__IPV4_ADDRESS_AND_PORT__INIT;
	V0(IPv6AddressAndPort) ipv6 = CAPSULE8__API__V0__IPV6_ADDRESS_AND_PORT__INIT;
	V0(IPv4Address) four = CAPSULE8__API__V0__IPV4_ADDRESS__INIT;
	V0(IPv6Address) six = CAPSULE8__API__V0__IPV6_ADDRESS__INIT;

	network.sockfd = 3;
	network.address = &address;
	address.address_case = CAPSULE8__API__V0__NETWORK_ADDRESS__ADDRESS_IPV4_ADDRESS;
	address.ipv4_address = &ipv4;
	ipv4.port = 36895;
	cr_assert_str_eq(network_text(NETWORK(BIND_ATTEMPT)), "bind fd=3 0.0.0.0:8080");
	ipv4.address = &four;
	four.address = 16777343;
	cr_assert_str_eq(network_text(NETWORK(CONNECT_ATTEMPT)), "connect fd=3 127.0.0.1:8080");
	address.address_case = CAPSULE8__API__V0__NETWORK_ADDRESS__ADDRESS_IPV6_ADDRESS;
	address.ipv6_address = &ipv6;
	ipv6.address = &six;
	ipv6.port = 256;
	six.low = 72057594037927936;
	cr_assert_str_eq(network_text(NETWORK(SENDTO_ATTEMPT)), "sendto fd=3 [::1]:1");
	address.address_case = CAPSULE8__API__V0__NETWORK_ADDRESS__ADDRESS_LOCAL_ADDRESS;
	address.local_address = TEXT("@bus");
	cr_assert_str_eq(network_text(NETWORK(CONNECT_ATTEMPT)), "connect fd=3 unix:@bus");
	address.local_address = TEXT("");
	cr_assert_str_eq(network_text(NETWORK(CONNECT_ATTEMPT)), "connect fd=3 unix without a name");
	network.address = NULL;
	network.address_unknown = true;
	cr_assert_str_eq(network_text(NETWORK(CONNECT_ATTEMPT)), "connect fd=3 address unknown");
}

Test(event_detail, attempts_without_an_address_and_results)
{
	network.sockfd = UINT64_MAX;
	network.backlog = 128;
	cr_assert_str_eq(network_text(NETWORK(LISTEN_ATTEMPT)), "listen fd=-1 backlog=128");
	cr_assert_str_eq(network_text(NETWORK(ACCEPT_ATTEMPT)), "accept fd=-1");
	network.result = -ECONNREFUSED;
	cr_assert_str_eq(network_text(NETWORK(CONNECT_RESULT)), "connect = -111 ECONNREFUSED");
	network.result = 5;
	cr_assert_str_eq(network_text(NETWORK(RECVFROM_RESULT)), "recvfrom = 5");
	cr_assert_str_eq(network_text((V0(NetworkEventType))13), "network event of type 13");
	cr_assert_str_eq(network_text((V0(NetworkEventType))0), "network event of type 0");
}

Test(event_detail, a_kernel_call_shows_what_was_asked_for_and_not_the_common_fields)
{
	enum {
		COUNT = 6
	};
	static uint8_t byte_values[40] = {0xab, 0x01};
	V0(KernelFunctionCallEvent) call = CAPSULE8__API__V0__KERNEL_FUNCTION_CALL_EVENT__INIT;
	V0(KernelFunctionCallEvent__FieldValue) values[COUNT];
	V0(KernelFunctionCallEvent__ArgumentsEntry) entries[COUNT], *list[COUNT];
	const char *names[COUNT] = {"name", "count", "ret", "data", "nothing", "common_pid"};

	for (size_t i = 0; i < COUNT; i++) {
		capsule8__api__v0__kernel_function_call_event__field_value__init(&values[i]);
		capsule8__api__v0__kernel_function_call_event__arguments_entry__init(&entries[i]);
		entries[i].key = TEXT(names[i]);
		entries[i].value = &values[i];
		list[i] = &entries[i];
	}
	values[0].value_case = CAPSULE8__API__V0__KERNEL_FUNCTION_CALL_EVENT__FIELD_VALUE__VALUE_STRING_VALUE;
	values[0].string_value = TEXT("/tmp/a b");
	values[1].value_case = CAPSULE8__API__V0__KERNEL_FUNCTION_CALL_EVENT__FIELD_VALUE__VALUE_UNSIGNED_VALUE;
	values[1].unsigned_value = UINT64_MAX;
	values[2].value_case = CAPSULE8__API__V0__KERNEL_FUNCTION_CALL_EVENT__FIELD_VALUE__VALUE_SIGNED_VALUE;
	values[2].signed_value = -2;
	values[3].value_case = CAPSULE8__API__V0__KERNEL_FUNCTION_CALL_EVENT__FIELD_VALUE__VALUE_BYTES_VALUE;
	values[3].bytes_value = (ProtobufCBinaryData){.data = byte_values, .len = 2};
	entries[4].value = NULL;
	call.arguments = list;
	call.n_arguments = COUNT;
	call.symbol = TEXT("vfs_read");
	event_detail_put_kernel_call(&out, false, &call);
	cr_assert_str_eq(text(), "vfs_read(name='/tmp/a b', count=0xffffffffffffffff, ret=-2, data=ab01, nothing=?)");
	buffer_clear(&out);
	call.type = CAPSULE8__API__V0__KERNEL_FUNCTION_CALL_EVENT_TYPE__KERNEL_FUNCTION_CALL_EVENT_TYPE_EXIT;
	call.n_arguments = 0;
	event_detail_put_kernel_call(&out, false, &call);
	cr_assert_str_eq(text(), "vfs_read returns ()");
}

Test(event_detail, a_user_call_names_the_file)
{
	V0(UserFunctionCallEvent) call = CAPSULE8__API__V0__USER_FUNCTION_CALL_EVENT__INIT;
	V0(UserFunctionCallEvent__FieldValue) value;
	V0(UserFunctionCallEvent__ArgumentsEntry) entry = CAPSULE8__API__V0__USER_FUNCTION_CALL_EVENT__ARGUMENTS_ENTRY__INIT;
	V0(UserFunctionCallEvent__ArgumentsEntry) * list[] = {&entry};

	capsule8__api__v0__user_function_call_event__field_value__init(&value);
	value.value_case = CAPSULE8__API__V0__USER_FUNCTION_CALL_EVENT__FIELD_VALUE__VALUE_UNSIGNED_VALUE;
	value.unsigned_value = 10;
	entry.key = TEXT("size");
	entry.value = &value;
	call.arguments = list;
	call.n_arguments = 1;
	call.symbol = TEXT("malloc");
	call.executable = TEXT("/lib/libc.so.6");
	call.type = CAPSULE8__API__V0__USER_FUNCTION_CALL_EVENT_TYPE__USER_FUNCTION_CALL_EVENT_TYPE_ENTER;
	event_detail_put_user_call(&out, false, &call);
	cr_assert_str_eq(text(), "/lib/libc.so.6:malloc(size=10)");
}

Test(event_detail, counters_have_their_names_and_how_much_of_the_time_they_ran)
{
	V0(PerformanceEvent) performance = CAPSULE8__API__V0__PERFORMANCE_EVENT__INIT;
	V0(PerformanceEventValue) cycles = CAPSULE8__API__V0__PERFORMANCE_EVENT_VALUE__INIT;
	V0(PerformanceEventValue) misses = CAPSULE8__API__V0__PERFORMANCE_EVENT_VALUE__INIT;
	V0(PerformanceEventValue) * list[] = {&cycles, &misses};

	cycles.type = CAPSULE8__API__V0__PERFORMANCE_EVENT_TYPE__PERFORMANCE_EVENT_TYPE_HARDWARE;
	cycles.value = 123;
	misses.type = CAPSULE8__API__V0__PERFORMANCE_EVENT_TYPE__PERFORMANCE_EVENT_TYPE_HARDWARE_CACHE;
	misses.config = 0x10002;
	performance.values = list;
	performance.n_values = 2;
	performance.total_time_enabled = performance.total_time_running = 10;
	event_detail_put_performance(&out, false, &performance);
	cr_assert_str_eq(text(), "performance cycles=123 LLC-load-misses=0");
	buffer_clear(&out);
	performance.total_time_running = 5;
	event_detail_put_performance(&out, false, &performance);
	cr_assert_str_eq(text(), "performance cycles=123 LLC-load-misses=0 (counted 50% of the time)");
}

Test(event_detail, what_was_read_late_says_so_at_the_end_of_the_line)
{
	V0(TelemetryEvent) message = CAPSULE8__API__V0__TELEMETRY_EVENT__INIT;
	V0(Event) event = CAPSULE8__API__V0__EVENT__INIT;
	const struct event_text_options options = {0};

	message.event = &event;
	event.event_case = CAPSULE8__API__V0__EVENT__EVENT_FILE;
	event.file = &file;
	file.type = FILE_(DELETE);
	file.filename = TEXT("/x");
	event.capture = CAPSULE8__API__V0__CAPTURE__CAPTURE_LATE;
	event_text_put(&out, &options, &message);
	cr_assert(strstr(text(), " delete /x (late)\n"));
	buffer_clear(&out);
	event.capture = CAPSULE8__API__V0__CAPTURE__CAPTURE_CALLER;
	event_text_put(&out, &options, &message);
	cr_assert(strstr(text(), " delete /x\n"));
}

#define CONTAINER(name) CAPSULE8__API__V0__CONTAINER_EVENT_TYPE__CONTAINER_EVENT_TYPE_##name

static V0(ContainerEvent) container = CAPSULE8__API__V0__CONTAINER_EVENT__INIT;
static V0(Event) container_event = CAPSULE8__API__V0__EVENT__INIT;

static const char *container_text(V0(ContainerEventType) type)
{
	buffer_clear(&out);
	container.type = type;
	container_event.container = &container;
	event_detail_put_container(&out, false, &container_event);
	return text();
}

Test(event_detail, a_container_shows_its_image_its_short_id_and_its_pid)
{
	container_event.container_id = TEXT("4f57c1af3f04c0ffee");
	cr_expect_str_eq(container_text(CONTAINER(CREATED)), "container created", "the id stands in a column of its own");
	container_event.container_name = TEXT("/web");
	container.image_id = TEXT("d462265d362cc0ffee");
	cr_expect_str_eq(container_text(CONTAINER(CREATED)), "container created image=d462265d362c id=4f57c1af3f04");
	container.image_name = TEXT("registry:5000/team app");
	container.host_pid = 4711;
	cr_expect_str_eq(container_text(CONTAINER(RUNNING)), "container running image='registry:5000/team app' id=4f57c1af3f04 pid=4711");
	container.image_name = TEXT("nginx");
	container.docker_config_json = TEXT("{}");
	container.oci_config_json = TEXT("{}");
	cr_expect_str_eq(container_text(CONTAINER(UPDATED)),
			 "container updated image=nginx id=4f57c1af3f04 pid=4711 (Docker's configuration) (OCI configuration)");
	cr_expect_str_eq(container_text((V0(ContainerEventType))6), "container event of type 6");
	cr_expect_str_eq(container_text((V0(ContainerEventType))0), "container event of type 0");
}

Test(event_detail, a_container_that_exited_shows_how)
{
	container_event.container_name = TEXT("/web");
	cr_expect_str_eq(container_text(CONTAINER(EXITED)), "container exited status=0");
	container.exit_code = container.exit_status = 3;
	cr_expect_str_eq(container_text(CONTAINER(EXITED)), "container exited status=3");
	container.exit_code = 139;
	container.exit_status = 0;
	container.exit_signal = 11;
	container.exit_core_dumped = true;
	container.oom_killed = true;
	cr_expect_str_eq(container_text(CONTAINER(EXITED)), "container exited signal=SIGSEGV (core) (out of memory)");
	container.exit_code_unknown = true;
	container.oom_killed = false;
	cr_expect_str_eq(container_text(CONTAINER(EXITED)), "container exited status unknown");
}
