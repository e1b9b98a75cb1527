#include "sensor/catalog.h"

#include "sensor/container.h"
#include "sensor/process_cache.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* FIELD(name, type, member of struct event, kernel's name, summary, further members of the row...) */
#define FIELD_IN(structure, base_, name_, type_, member_, kernel_, ...)                                                              \
	{                                                                                                                            \
		.name = (name_), .type = (type_), .base = (base_), .offset = offsetof(structure, member_), .kernel_name = (kernel_), \
		.summary = __VA_ARGS__                                                                                               \
	}
#define FIELD(...)         FIELD_IN(struct event, FIELD_OF_EVENT, __VA_ARGS__)
#define PROCESS_FIELD(...) FIELD_IN(struct process, FIELD_OF_PROCESS, __VA_ARGS__)
#define CONTAINER_FIELD(name, member, summary) \
	FIELD_IN(struct container, FIELD_OF_CONTAINER, name, FIELD_STRING, member, NULL, summary, .presence = PRESENT_FILLED)
#define CREDENTIALS_FIELD(id, summary) FIELD_IN(struct credentials, FIELD_OF_CREDENTIALS, #id, FIELD_UINT32, id, NULL, summary)

#define SYSCALL_COMMON                                                                                                                     \
	FIELD("id", FIELD_SINT64, syscall.id, "id", "system call number, in the table of the caller's ABI", .notation = NOTATION_SYSCALL), \
		FIELD("abi", FIELD_UINT32, syscall.abi, NULL, "how the caller calls: 1 32-bit (i386 table), 2 64-bit (x86-64 table)",      \
		      .notation = NOTATION_SYSCALL_ABI)

static const struct catalog_field syscall_enter_fields[] = {
	SYSCALL_COMMON,
	FIELD("arg0", FIELD_UINT64, syscall.arguments[0], NULL, "first argument"),
	FIELD("arg1", FIELD_UINT64, syscall.arguments[1], NULL, "second argument"),
	FIELD("arg2", FIELD_UINT64, syscall.arguments[2], NULL, "third argument"),
	FIELD("arg3", FIELD_UINT64, syscall.arguments[3], NULL, "fourth argument"),
	FIELD("arg4", FIELD_UINT64, syscall.arguments[4], NULL, "fifth argument"),
	FIELD("arg5", FIELD_UINT64, syscall.arguments[5], NULL, "sixth argument"),
};

static const struct catalog_field syscall_exit_fields[] = {
	SYSCALL_COMMON,
	FIELD("ret", FIELD_SINT64, syscall.result, "ret", "return value; -4095 to -1 is a negative errno", .notation = NOTATION_RESULT),
};

/* The kernel's filter would compare pids and flags, but forks are rare and the process cache needs them all: no kernel names. The same
 * goes for exec and exit. */
static const struct catalog_field process_fork_fields[] = {
	FIELD("fork_clone_flags", FIELD_UINT64, fork.clone_flags, NULL, "flags of clone(2)", .notation = NOTATION_CLONE_FLAGS),
};

static const struct catalog_field process_exec_fields[] = {
	FIELD("exec_filename", FIELD_STRING, exec.filename, NULL, "the path as given to execve(2)", .alias = "filename",
	      .presence = PRESENT_FILLED),
};

static const struct catalog_field process_exit_fields[] = {
	FIELD("exit_code", FIELD_SINT32, exit.code, NULL, "wait status as wait(2) gives it", .presence = PRESENT_EXIT_CODE),
	FIELD("exit_status", FIELD_UINT32, exit.status, NULL, "what was passed to exit(3), 0 when a signal ended the process",
	      .presence = PRESENT_EXIT_CODE),
	FIELD("exit_signal", FIELD_UINT32, exit.signal, NULL, "the signal that ended the process, 0 when it exited",
	      .presence = PRESENT_EXIT_CODE, .notation = NOTATION_SIGNAL),
	FIELD("exit_core_dumped", FIELD_BOOL, exit.core_dumped, NULL, "whether it dumped core", .presence = PRESENT_EXIT_CODE),
};

static const struct catalog_field process_cwd_fields[] = {
	FIELD("update_cwd", FIELD_STRING, cwd.path, NULL, "the new working directory, absolute", .alias = "cwd",
	      .presence = PRESENT_FILLED),
};

static const struct catalog_field process_rename_fields[] = {
	FIELD("update_comm", FIELD_STRING, rename.comm, NULL, "the new name of the process (its main thread's)"),
};

#define FILE_NAME(summary)                                                                             \
	FIELD("filename", FIELD_STRING, file.filename, "filename", summary, .presence = PRESENT_NAME), \
		FIELD("path", FIELD_STRING, file.path, NULL, "the same, absolute", .presence = PRESENT_FILLED)

static const struct catalog_field file_open_fields[] = {
	FILE_NAME("as passed to open(2)"),
	FIELD("open_flags", FIELD_SINT32, file.flags, "flags", "as passed to open(2); O_LARGEFILE may be added", .alias = "flags",
	      .notation = NOTATION_OPEN_FLAGS),
	FIELD("open_mode", FIELD_SINT32, file.mode, "mode", "permissions of a new file; 0 without O_CREAT and O_TMPFILE", .alias = "mode",
	      .notation = NOTATION_MODE),
};

static const struct catalog_field file_create_fields[] = {
	FILE_NAME("the new file or directory"),
	FIELD("open_mode", FIELD_SINT32, file.mode, NULL, "permissions that were asked for", .alias = "mode", .notation = NOTATION_MODE),
};

static const struct catalog_field file_name_fields[] = {
	FILE_NAME("the file, as the caller gave it"),
};

static const struct catalog_field file_path_fields[] = {
	FIELD("filename", FIELD_STRING, file.filename, NULL, "the file's absolute path; as the caller gave it when that is not known",
	      .presence = PRESENT_NAME),
	FIELD("path", FIELD_STRING, file.path, NULL, "the same, absolute", .presence = PRESENT_FILLED),
};

static const struct catalog_field file_link_fields[] = {
	FIELD("source_file", FIELD_STRING, file.filename, NULL, "what the link points to, as the caller gave it", .alias = "filename",
	      .presence = PRESENT_NAME),
	FIELD("target_file", FIELD_STRING, file.target, NULL, "the new name, as the caller gave it", .presence = PRESENT_NAME),
	FIELD("path", FIELD_STRING, file.path, NULL, "source_file, absolute", .presence = PRESENT_FILLED),
	FIELD("target_path", FIELD_STRING, file.target_path, NULL, "target_file, absolute", .presence = PRESENT_FILLED),
	FIELD("symlink", FIELD_BOOL, file.symlink, NULL, "whether it is a symbolic link"),
};

static const struct catalog_field file_rename_fields[] = {
	FIELD("oldname", FIELD_STRING, file.filename, NULL, "the old name, as the caller gave it", .alias = "filename",
	      .presence = PRESENT_NAME),
	FIELD("newname", FIELD_STRING, file.target, NULL, "the new name, as the caller gave it", .presence = PRESENT_NAME),
	FIELD("path", FIELD_STRING, file.path, NULL, "oldname, absolute", .presence = PRESENT_FILLED),
	FIELD("target_path", FIELD_STRING, file.target_path, NULL, "newname, absolute", .presence = PRESENT_FILLED),
};

#define NETWORK_SOCKFD FIELD("sockfd", FIELD_UINT64, network.sockfd, NULL, "the socket's descriptor, as passed")
#define NETWORK_RESULT                                                                                                       \
	FIELD("result", FIELD_SINT64, network.result, NULL, "return value; -4095 to -1 is a negative errno", .alias = "ret", \
	      .notation = NOTATION_RESULT)

/* In the byte order of the contract (event.h); `port_number` is for those who want to compare ports by size. */
#define NETWORK_ADDRESS                                                                                                              \
	FIELD("family", FIELD_UINT32, network.address.family, NULL, "0 none, 1 IPv4, 2 IPv6, 3 local", .presence = PRESENT_ADDRESS,  \
	      .notation = NOTATION_ADDRESS_FAMILY),                                                                                  \
		FIELD("port", FIELD_UINT32, network.address.port, NULL, "port, its two bytes read as little endian",                 \
		      .presence = PRESENT_PORT, .notation = NOTATION_PORT),                                                          \
		FIELD("port_number", FIELD_PORT, network.address.port, NULL, "port", .presence = PRESENT_PORT),                      \
		FIELD("ipv4_address", FIELD_UINT32, network.address.ipv4, NULL, "IPv4 address, its bytes read as little endian",     \
		      .presence = PRESENT_INET, .notation = NOTATION_IPV4),                                                          \
		FIELD("ipv6_high", FIELD_UINT64, network.address.ipv6_high, NULL, "IPv6 address, the first eight bytes",             \
		      .presence = PRESENT_INET6),                                                                                    \
		FIELD("ipv6_low", FIELD_UINT64, network.address.ipv6_low, NULL, "IPv6 address, the last eight bytes",                \
		      .presence = PRESENT_INET6),                                                                                    \
		FIELD("local_address", FIELD_STRING, network.address.path, NULL, "path of a unix socket; @name for an abstract one", \
		      .presence = PRESENT_LOCAL)

static const struct catalog_field network_address_fields[] = {
	NETWORK_SOCKFD,
	NETWORK_ADDRESS,
};

static const struct catalog_field network_listen_fields[] = {
	NETWORK_SOCKFD,
	FIELD("backlog", FIELD_UINT64, network.backlog, NULL, "as passed to listen(2)"),
};

static const struct catalog_field network_socket_fields[] = {
	NETWORK_SOCKFD,
};

static const struct catalog_field network_result_fields[] = {
	NETWORK_RESULT,
};

static const struct catalog_field performance_fields[] = {
	FIELD("total_time_enabled", FIELD_UINT64, performance.time_enabled, NULL, "ns that the counters were enabled"),
	FIELD("total_time_running", FIELD_UINT64, performance.time_running, NULL, "ns that they really counted"),
};

#define CONTAINER_IDENTITY                                                                             \
	CONTAINER_FIELD("name", name, "its name, as its runtime has it: Docker's begin with a slash"), \
		CONTAINER_FIELD("image_id", image_id, "id of its image, without sha256:"),             \
		CONTAINER_FIELD("image_name", image_name, "name of its image, as whoever started it wrote it")
#define CONTAINER_HOST_PID \
	FIELD("host_pid", FIELD_UINT32, container.host_pid, NULL, "process id of its first process", .presence = PRESENT_FILLED)
#define CONTAINER_EXIT(name, type, member, ...) FIELD(name, type, container.member, NULL, __VA_ARGS__, .presence = PRESENT_CONTAINER_EXIT)

static const struct catalog_field container_fields[] = {
	CONTAINER_IDENTITY,
};

static const struct catalog_field container_running_fields[] = {
	CONTAINER_IDENTITY,
	CONTAINER_HOST_PID,
};

static const struct catalog_field container_exited_fields[] = {
	CONTAINER_IDENTITY,
	CONTAINER_HOST_PID,
	CONTAINER_EXIT("exit_code", FIELD_SINT32, exit_code,
		       "as runtimes tell it: what was passed to exit(3), or 128 + number of the signal"),
	CONTAINER_EXIT("exit_status", FIELD_UINT32, exit_status, "what was passed to exit(3), 0 when a signal ended it"),
	CONTAINER_EXIT("exit_signal", FIELD_UINT32, exit_signal, "the signal that ended its first process, 0 when that exited",
		       .notation = NOTATION_SIGNAL),
	CONTAINER_EXIT("exit_core_dumped", FIELD_BOOL, core_dumped, "whether it dumped core"),
	FIELD("oom_killed", FIELD_BOOL, container.oom_killed, NULL, "whether the kernel ended something in it for lack of memory"),
};

static const struct catalog_field ticker_fields[] = {
	FIELD("seconds", FIELD_SINT64, ticker.seconds, NULL, "seconds since the epoch", .notation = NOTATION_EPOCH_S),
	FIELD("nanoseconds", FIELD_SINT64, ticker.nanoseconds, NULL, "nanoseconds since the epoch, the whole time",
	      .notation = NOTATION_EPOCH_NS),
};

static const struct catalog_field chargen_fields[] = {
	FIELD("index", FIELD_UINT64, chargen.index, NULL, "index of the first character in the subscription's stream"),
	FIELD("characters", FIELD_STRING, chargen.characters, NULL, "the next characters"),
};

static const struct catalog_field lost_fields[] = {
	FIELD("lost", FIELD_UINT64, lost.count, NULL, "how many events did not get through"),
};

static const struct catalog_field common_fields[] = {
	FIELD("process_pid", FIELD_UINT32, tgid, NULL, "process id", .alias = "pid", .presence = PRESENT_FILLED),
	FIELD("process_tid", FIELD_UINT32, tid, NULL, "thread id", .alias = "tid", .presence = PRESENT_FILLED),
	FIELD("process_tgid", FIELD_UINT32, tgid, NULL, "the same as process_pid", .alias = "tgid", .presence = PRESENT_FILLED),
	PROCESS_FIELD("process_id", FIELD_CHARS, id, NULL, "the process's id in events: never given to another process"),
	PROCESS_FIELD("process_comm", FIELD_CHARS, comm, NULL, "name of the process (its main thread's)", .alias = "comm"),
	FIELD("cpu", FIELD_UINT32, cpu, NULL, "CPU that it happened on", .presence = PRESENT_ON_CPU),
	CREDENTIALS_FIELD(uid, "real user id of the thread"),
	CREDENTIALS_FIELD(gid, "real group id"),
	CREDENTIALS_FIELD(euid, "effective user id"),
	CREDENTIALS_FIELD(egid, "effective group id"),
	CREDENTIALS_FIELD(suid, "saved user id"),
	CREDENTIALS_FIELD(sgid, "saved group id"),
	CREDENTIALS_FIELD(fsuid, "user id for files"),
	CREDENTIALS_FIELD(fsgid, "group id for files"),
	CONTAINER_FIELD("container_id", id, "id of the container"),
	CONTAINER_FIELD("container_name", name, "its name, as its runtime has it: Docker's begin with a slash"),
	CONTAINER_FIELD("image_id", image_id, "id of its image, without sha256:"),
	CONTAINER_FIELD("image_name", image_name, "name of its image, as whoever started it wrote it"),
};

#define ENTRY_OF(kind_, family_, type_, fields_, field_count_, observed_, from_kernel_, summary_) \
	[kind_] = {.kind = (kind_),                                                               \
		   .family = (family_),                                                           \
		   .type = (type_),                                                               \
		   .summary = (summary_),                                                         \
		   .fields = (fields_),                                                           \
		   .field_count = (field_count_),                                                 \
		   .observed = (observed_),                                                       \
		   .from_kernel = (from_kernel_)}
#define ENTRY(kind, family, type, fields, summary) ENTRY_OF(kind, family, type, fields, COUNT(fields), true, true, summary)
/* A step in the life of a container. */
#define CONTAINER(kind, type, fields, summary) \
	ENTRY_OF(EVENT_CONTAINER_##kind, "container", type, fields, COUNT(fields), true, false, summary)
#define MADE(kind, family, fields, summary) ENTRY_OF(kind, family, "", fields, COUNT(fields), false, false, summary)
/* Its fields are the client's. */
#define CALL(kind, family, type, summary) ENTRY_OF(kind, family, type, NULL, 0, true, true, summary)
/* An attempt and its result. */
#define NETWORK(call, name, fields, summary)                             \
	ENTRY(EVENT_##call##_ATTEMPT, "network", name, fields, summary), \
		ENTRY(EVENT_##call##_RESULT, "network", name ":result", network_result_fields, name " returns")

static const struct catalog_entry entries[EVENT_KIND_COUNT] = {
	ENTRY(EVENT_SYSCALL_ENTER, "syscall", "enter", syscall_enter_fields, "a task calls the kernel"),
	ENTRY(EVENT_SYSCALL_EXIT, "syscall", "exit", syscall_exit_fields, "a system call returns"),
	ENTRY(EVENT_PROCESS_FORK, "process", "fork", process_fork_fields, "a process makes a child process"),
	ENTRY(EVENT_PROCESS_EXEC, "process", "exec", process_exec_fields, "a process runs another program"),
	ENTRY(EVENT_PROCESS_EXIT, "process", "exit", process_exit_fields, "a process ends with its last thread"),
	ENTRY(EVENT_PROCESS_CWD, "process", "cwd", process_cwd_fields, "a process changes its working directory"),
	ENTRY(EVENT_PROCESS_RENAME, "process", "rename", process_rename_fields, "a process gets another name, by itself or with an exec"),
	ENTRY(EVENT_FILE_OPEN, "file", "open", file_open_fields, "a file is to be opened, or made by opening it"),
	ENTRY(EVENT_FILE_CREATE, "file", "create", file_create_fields, "a file, directory or special file has been made"),
	ENTRY(EVENT_FILE_DELETE, "file", "delete", file_name_fields, "a name has been removed"),
	ENTRY(EVENT_FILE_LINK, "file", "link", file_link_fields, "a hard or symbolic link has been made"),
	ENTRY(EVENT_FILE_RENAME, "file", "rename", file_rename_fields, "a file or directory has got another name"),
	ENTRY(EVENT_FILE_OPEN_FOR_MODIFY, "file", "open_for_modify", file_name_fields, "a file has been opened for writing"),
	ENTRY(EVENT_FILE_MODIFY, "file", "modify", file_path_fields, "a file is written to, or its size changed"),
	ENTRY(EVENT_FILE_CLOSE_FOR_MODIFY, "file", "close_for_modify", file_path_fields, "a file that was open for writing is closed"),
	ENTRY(EVENT_FILE_ATTRIBUTE_CHANGE, "file", "attribute_change", file_path_fields,
	      "owner, permissions, times or extended attributes have changed"),
	NETWORK(CONNECT, "connect", network_address_fields, "a socket is to be connected"),
	NETWORK(BIND, "bind", network_address_fields, "a socket is to get an address"),
	NETWORK(LISTEN, "listen", network_listen_fields, "a socket is to wait for connections"),
	NETWORK(ACCEPT, "accept", network_socket_fields, "a connection is to be taken (accept, accept4)"),
	NETWORK(SENDTO, "sendto", network_address_fields, "a message is to be sent (sendto, sendmsg)"),
	NETWORK(RECVFROM, "recvfrom", network_socket_fields, "a message is to be received (recvfrom, recvmsg)"),
	CALL(EVENT_KERNEL_CALL_ENTER, "kernel_call", "enter", "a function of the kernel is called"),
	CALL(EVENT_KERNEL_CALL_EXIT, "kernel_call", "exit", "a function of the kernel returns"),
	CALL(EVENT_USER_CALL_ENTER, "user_call", "enter", "a function of a program or library is called"),
	CALL(EVENT_USER_CALL_EXIT, "user_call", "exit", "a function of a program or library returns"),
	ENTRY(EVENT_PERFORMANCE, "performance", "", performance_fields, "performance counters have counted so far"),
	CONTAINER(CREATED, "created", container_fields, "a container has been made; nothing runs in it yet"),
	CONTAINER(RUNNING, "running", container_running_fields, "the first process of a container runs"),
	CONTAINER(EXITED, "exited", container_exited_fields, "the first process of a container has ended"),
	CONTAINER(DESTROYED, "destroyed", container_fields, "a container is gone"),
	CONTAINER(UPDATED, "updated", container_fields, "something about a container has changed, or become known"),
	MADE(EVENT_TICKER, "ticker", ticker_fields, "a clock that ticks at the interval asked for"),
	MADE(EVENT_CHARGEN, "chargen", chargen_fields, "a stream of characters, as fast as it is read"),
	MADE(EVENT_LOST, "lost", lost_fields, "events that did not get through, told to whoever missed them"),
};

const struct catalog_entry *catalog_entry(enum event_kind kind)
{
	return &entries[kind];
}

const struct catalog_entry *catalog_find(const char *family, const char *type)
{
	for (size_t i = 0; i < EVENT_KIND_COUNT; i++)
		if (!strcmp(entries[i].family, family) && !strcmp(entries[i].type, type))
			return &entries[i];
	return NULL;
}

static const struct catalog_field *find_field(const struct catalog_field *fields, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(fields[i].name, name) || (fields[i].alias && !strcmp(fields[i].alias, name)))
			return &fields[i];
	return NULL;
}

const struct catalog_field *catalog_field(enum event_kind kind, const char *name)
{
	const struct catalog_entry *entry = catalog_entry(kind);
	const struct catalog_field *own = find_field(entry->fields, entry->field_count, name);

	return own || !entry->observed ? own : find_field(common_fields, COUNT(common_fields), name);
}

const struct catalog_field *catalog_common_fields(size_t *ret_count)
{
	*ret_count = COUNT(common_fields);
	return common_fields;
}

bool catalog_field_is_string(const struct catalog_field *field)
{
	return field->type == FIELD_STRING || field->type == FIELD_CHARS;
}

uint64_t catalog_lost_kinds(enum event_kind of)
{
	uint64_t kinds = 0;

	if (of < EVENT_KIND_COUNT)
		return EVENT_KIND_BIT(of);
	for (enum event_kind kind = 0; kind < EVENT_KIND_COUNT; kind++)
		if (entries[kind].from_kernel)
			kinds |= EVENT_KIND_BIT(kind);
	return kinds;
}
