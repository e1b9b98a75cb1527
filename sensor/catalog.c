#include "sensor/catalog.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* FIELD(name, type, member of struct event, kernel's name, summary) */
#define FIELD(name, type, member, kernel, summary)                          \
	{                                                                   \
		name, type, offsetof(struct event, member), kernel, summary \
	}

#define SYSCALL_COMMON                                                                                       \
	FIELD("id", FIELD_SINT64, syscall.id, "id", "system call number, in the table of the caller's ABI"), \
		FIELD("abi", FIELD_UINT32, syscall.abi, NULL, "how the caller calls: 1 32-bit (i386 table), 2 64-bit (x86-64 table)")

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
	FIELD("ret", FIELD_SINT64, syscall.result, "ret", "return value; -4095 to -1 is a negative errno"),
};

/* The kernel's filter would compare pids and flags, but forks are rare and the process cache needs them all: no kernel names. The same
 * goes for exec and exit. */
static const struct catalog_field process_fork_fields[] = {
	FIELD("fork_clone_flags", FIELD_UINT64, fork.clone_flags, NULL, "flags of clone(2)"),
};

static const struct catalog_field process_exec_fields[] = {
	FIELD("exec_filename", FIELD_STRING, exec.filename, NULL, "the path as given to execve(2)"),
};

static const struct catalog_field process_exit_fields[] = {
	FIELD("exit_code", FIELD_SINT32, exit.code, NULL, "wait status as wait(2) gives it"),
	FIELD("exit_status", FIELD_UINT32, exit.status, NULL, "what was passed to exit(3), 0 when a signal ended the process"),
	FIELD("exit_signal", FIELD_UINT32, exit.signal, NULL, "the signal that ended the process, 0 when it exited"),
	FIELD("exit_core_dumped", FIELD_BOOL, exit.core_dumped, NULL, "whether it dumped core"),
};

static const struct catalog_field ticker_fields[] = {
	FIELD("seconds", FIELD_SINT64, ticker.seconds, NULL, "seconds since the epoch"),
	FIELD("nanoseconds", FIELD_SINT64, ticker.nanoseconds, NULL, "nanoseconds since the epoch, the whole time"),
};

static const struct catalog_field chargen_fields[] = {
	FIELD("index", FIELD_UINT64, chargen.index, NULL, "index of the first character in the subscription's stream"),
	FIELD("characters", FIELD_STRING, chargen.characters, NULL, "the next characters"),
};

static const struct catalog_field lost_fields[] = {
	FIELD("lost", FIELD_UINT64, lost.count, NULL, "how many events did not get through"),
};

#define ENTRY(kind_, family_, type_, fields_, system_, tracepoint_, summary_) \
	[kind_] = {.kind = (kind_),                                           \
		   .family = (family_),                                       \
		   .type = (type_),                                           \
		   .summary = (summary_),                                     \
		   .fields = (fields_),                                       \
		   .field_count = COUNT(fields_),                             \
		   .system = (system_),                                       \
		   .tracepoint = (tracepoint_)}

static const struct catalog_entry entries[EVENT_KIND_COUNT] = {
	ENTRY(EVENT_SYSCALL_ENTER, "syscall", "enter", syscall_enter_fields, "raw_syscalls", "sys_enter", "a task calls the kernel"),
	ENTRY(EVENT_SYSCALL_EXIT, "syscall", "exit", syscall_exit_fields, "raw_syscalls", "sys_exit", "a system call returns"),
	ENTRY(EVENT_PROCESS_FORK, "process", "fork", process_fork_fields, "task", "task_newtask", "a process makes a child process"),
	ENTRY(EVENT_PROCESS_EXEC, "process", "exec", process_exec_fields, "sched", "sched_process_exec", "a process runs another program"),
	ENTRY(EVENT_PROCESS_EXIT, "process", "exit", process_exit_fields, "sched", "sched_process_exit",
	      "a process ends with its last thread"),
	ENTRY(EVENT_TICKER, "ticker", "", ticker_fields, NULL, NULL, "a clock that ticks at the interval asked for"),
	ENTRY(EVENT_CHARGEN, "chargen", "", chargen_fields, NULL, NULL, "a stream of characters, as fast as it is read"),
	ENTRY(EVENT_LOST, "lost", "", lost_fields, NULL, NULL, "events that did not get through, told to whoever missed them"),
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

const struct catalog_field *catalog_field(enum event_kind kind, const char *name)
{
	const struct catalog_entry *entry = catalog_entry(kind);

	for (size_t i = 0; i < entry->field_count; i++)
		if (!strcmp(entry->fields[i].name, name))
			return &entry->fields[i];
	return NULL;
}
