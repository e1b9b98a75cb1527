#include "sensor/call_table.h"
#include "sensor/process_notes.h"
#include "sensor/source.h"
#include "base/clock.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

/* A char array field as a C string, cut to what a task's name can hold. */
static void read_comm(char comm[PROCESS_COMM_BYTES], const struct format_field *field, const struct sample *sample)
{
	size_t length = 0;
	const char *bytes = format_read_string(field, sample->raw, sample->raw_size, &length);

	if (length > PROCESS_COMM_BYTES - 1)
		length = PROCESS_COMM_BYTES - 1;
	memcpy(comm, bytes, length);
	comm[length] = '\0';
}

static uint64_t read_integer(const struct format_field *field, const struct sample *sample)
{
	return format_read_integer(field, sample->raw, sample->raw_size);
}

enum {
	NEWTASK_PID,
	NEWTASK_COMM,
	NEWTASK_CLONE_FLAGS,
};

static bool build_fork(struct source_context *context, const struct source_instance *probe, const struct sample *sample, struct event *ret)
{
	uint32_t child_tid = (uint32_t)read_integer(&probe->fields[NEWTASK_PID], sample);
	uint64_t flags = read_integer(&probe->fields[NEWTASK_CLONE_FLAGS], sample);
	char comm[PROCESS_COMM_BYTES];
	const struct credentials *creator = thread_credentials_find(&context->thread_credentials, sample->tid);
	const struct process *child;

	read_comm(comm, &probe->fields[NEWTASK_COMM], sample);
	if (!(flags & CLONE_THREAD))
		process_notes_forget(context->notes, child_tid);
	child = process_cache_fork(context->processes, sample->tgid, child_tid, flags, comm, sample->time_ns);
	if (creator && child && (flags & CLONE_THREAD))
		thread_credentials_set(&context->thread_credentials, child_tid, creator);
	if (!child || (flags & CLONE_THREAD))
		return false;
	if (creator)
		process_cache_set_credentials(context->processes, child_tid, creator);
	ret->kind = EVENT_PROCESS_FORK;
	ret->process = process_cache_get(context->processes, sample->tgid, sample->time_ns);
	ret->fork = (struct event_fork){.child = child, .clone_flags = flags};
	return true;
}

enum {
	RENAME_PID,
	RENAME_NEWCOMM,
};

/* The sample is the writer's: a thread of the same process, or whoever made a kernel thread. */
static bool build_rename(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
			 struct event *ret)
{
	uint32_t tid = (uint32_t)read_integer(&probe->fields[RENAME_PID], sample);
	char comm[PROCESS_COMM_BYTES];

	read_comm(comm, &probe->fields[RENAME_NEWCOMM], sample);
	if (!process_cache_rename(context->processes, tid, comm, sample->time_ns))
		return false;
	ret->kind = EVENT_PROCESS_RENAME;
	ret->process = process_cache_find(context->processes, tid);
	if (!ret->process)
		return false;
	/* It may be another thread of the process that gave the name. */
	ret->tgid = tid;
	ret->rename.comm = (struct event_string){.bytes = ret->process->comm, .length = strlen(ret->process->comm)};
	return true;
}

enum {
	EXEC_FILENAME,
	EXEC_OLD_PID,
};

/* The loader's dump comes when the new program gets a processor; if it had one and is gone, its dump is there by the next round. */
#define EXEC_WAIT_NS (5 * NSEC_PER_MSEC)

static uint64_t wait_for_exec_notice(const struct source_context *context, const struct source_instance *probe, const struct sample *sample)
{
	(void)probe;
	if (!context->expects_exec_notices || process_notes_has_exec(context->notes, sample->tid, sample->time_ns))
		return 0;
	return EXEC_WAIT_NS;
}

static bool build_exec(struct source_context *context, const struct source_instance *probe, const struct sample *sample, struct event *ret)
{
	uint32_t old_tid = (uint32_t)read_integer(&probe->fields[EXEC_OLD_PID], sample);
	struct event_exec *exec = &ret->exec;
	struct notice notice;

	process_cache_exec(context->processes, sample->tgid, sample->time_ns);
	/* The thread that has become the main one: its old number ends without an exit sample. */
	if (old_tid != sample->tid) {
		thread_credentials_forget(&context->thread_credentials, old_tid);
		call_table_forget(context->calls, old_tid);
	}
	/* The other threads were killed for the exec, with signals that look as if they were the end of the process. */
	process_notes_forget(context->notes, sample->tgid);
	ret->kind = EVENT_PROCESS_EXEC;
	ret->process = process_cache_get(context->processes, sample->tgid, sample->time_ns);
	*exec = (struct event_exec){.arguments = {.bytes = ""}, .arguments_truncated = true};
	exec->filename.bytes = format_read_string(&probe->fields[EXEC_FILENAME], sample->raw, sample->raw_size, &exec->filename.length);
	if (!process_notes_exec(context->notes, sample->tid, sample->time_ns, &notice))
		return true;
	exec->arguments = (struct event_string){.bytes = notice.exec.bytes, .length = notice.exec.size};
	exec->argument_count = notice.exec.count;
	exec->arguments_truncated = notice.exec.argc > notice.exec.count;
	return true;
}

enum {
	EXIT_PID,
	EXIT_GROUP_DEAD,
};

static struct event_exit decode_status(int status)
{
	struct event_exit ret = {.code = status};

	if (WIFEXITED(status))
		ret.status = (uint32_t)WEXITSTATUS(status);
	else
		ret.signal = (uint32_t)(status & 0x7f);
	ret.core_dumped = ret.signal != 0 && (status & 0x80);
	return ret;
}

/* The notice comes when the kernel is done with the task, some ten microseconds after the sample if there is little to tear down. Without it
 * the code is known from other samples, but not whether there was a core dump: that is worth a longer wait. */
#define EXIT_WAIT_NS      (10 * NSEC_PER_MSEC)
#define EXIT_CORE_WAIT_NS (200 * NSEC_PER_MSEC)

/* signal(7): those whose default action is to dump core. */
static bool dumps_core(int signal)
{
	switch (signal) {
	case SIGABRT:
	case SIGBUS:
	case SIGFPE:
	case SIGILL:
	case SIGQUIT:
	case SIGSEGV:
	case SIGSYS:
	case SIGTRAP:
	case SIGXCPU:
	case SIGXFSZ:
		return true;
	default:
		return false;
	}
}

static uint64_t wait_for_exit_notice(const struct source_context *context, const struct source_instance *probe, const struct sample *sample)
{
	uint32_t tid = (uint32_t)read_integer(&probe->fields[EXIT_PID], sample);
	int32_t status;

	if (!context->expects_exit_notices || process_notes_has_exit(context->notes, sample->tgid, tid, sample->time_ns))
		return 0;
	if (process_notes_group_status(context->notes, sample->tgid, &status) && dumps_core(status & 0x7f))
		return EXIT_CORE_WAIT_NS;
	return EXIT_WAIT_NS;
}

static bool build_exit(struct source_context *context, const struct source_instance *probe, const struct sample *sample, struct event *ret)
{
	uint32_t tid = (uint32_t)read_integer(&probe->fields[EXIT_PID], sample);
	int group_dead = probe->fields[EXIT_GROUP_DEAD].size ? read_integer(&probe->fields[EXIT_GROUP_DEAD], sample) != 0 : -1;
	struct process *process = NULL;
	int32_t status = 0;

	(void)process_cache_get(context->processes, sample->tgid, sample->time_ns);
	thread_credentials_forget(&context->thread_credentials, tid);
	call_table_forget(context->calls, tid);
	if (!process_cache_exit(context->processes, sample->tgid, tid, group_dead, sample->time_ns, &process)) {
		if (tid == sample->tgid)
			process_notes_main_exit(context->notes, tid, sample->time_ns);
		else
			process_notes_forget(context->notes, tid);
		return false;
	}
	ret->kind = EVENT_PROCESS_EXIT;
	ret->process = process;
	if (process_notes_status(context->notes, sample->tgid, tid, sample->time_ns, &status))
		ret->exit = decode_status(status);
	else
		ret->exit = (struct event_exit){.code_unknown = true};
	process_notes_forget(context->notes, sample->tgid);
	return true;
}

enum {
	CALL_CODE,
};

/* The field is as wide as a register; the kernel takes an int. */
static bool take_exit_call(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
			   bool whole_group)
{
	int32_t code = (int32_t)read_integer(&probe->fields[CALL_CODE], sample);

	process_notes_exit_call(context->notes, sample->tgid, sample->tid, whole_group, code, sample->time_ns);
	return false;
}

static bool build_exit_group_call(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
				  struct event *ret)
{
	(void)ret;
	return take_exit_call(context, probe, sample, true);
}

static bool build_exit_call(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
			    struct event *ret)
{
	(void)ret;
	return take_exit_call(context, probe, sample, false);
}

/* signal(7), "Standard signals": those whose default action is not to terminate. */
static bool is_deadly_by_default(int signal)
{
	switch (signal) {
	case SIGCHLD:
	case SIGCONT:
	case SIGURG:
	case SIGWINCH:
	case SIGSTOP:
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
		return false;
	default:
		return signal > 0;
	}
}

enum {
	SENT_NUMBER,
	SENT_PID,
	SENT_RESULT,
};

#define TRACE_SIGNAL_DELIVERED 0 /* kernel: include/trace/events/signal.h */

/* The sample is the sender's. */
static bool build_signal_sent(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
			      struct event *ret)
{
	int signal = (int)read_integer(&probe->fields[SENT_NUMBER], sample);

	(void)ret;
	if (is_deadly_by_default(signal) && read_integer(&probe->fields[SENT_RESULT], sample) == TRACE_SIGNAL_DELIVERED)
		process_notes_signal_sent(context->notes, (uint32_t)read_integer(&probe->fields[SENT_PID], sample), signal,
					  sample->time_ns);
	return false;
}

enum {
	SIGNAL_NUMBER,
	SIGNAL_HANDLER,
};

static bool build_signal(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
			 struct event *ret)
{
	int signal = (int)read_integer(&probe->fields[SIGNAL_NUMBER], sample);
	uint64_t handler = read_integer(&probe->fields[SIGNAL_HANDLER], sample);

	(void)ret;
	if (handler != (uint64_t)(uintptr_t)SIG_DFL)
		process_notes_signal_handled(context->notes, sample->tgid, sample->tid, signal);
	else if (is_deadly_by_default(signal))
		process_notes_fatal_signal(context->notes, sample->tgid, sample->tid, signal, sample->time_ns);
	return false;
}

enum {
	ATTACH_PID,
	ATTACH_HIERARCHY,
	ATTACH_PATH,
};

/* Made by whoever moved the task, once per hierarchy; when a whole process is moved, with the number of its main thread. */
static bool build_attach(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
			 struct event *ret)
{
	uint32_t tid = (uint32_t)read_integer(&probe->fields[ATTACH_PID], sample);
	size_t length = 0;
	const char *path = format_read_string(&probe->fields[ATTACH_PATH], sample->raw, sample->raw_size, &length);

	(void)ret;
	process_cache_attach(context->processes, tid, read_integer(&probe->fields[ATTACH_HIERARCHY], sample), path, length,
			     sample->time_ns);
	return false;
}

enum {
	VICTIM_PID,
};

/* The sample is of whoever wanted memory, in the same container or not. The kernel kills the whole process, and whatever else has its memory. */
static bool build_victim(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
			 struct event *ret)
{
	uint32_t pid = (uint32_t)read_integer(&probe->fields[VICTIM_PID], sample);

	(void)ret;
	process_cache_out_of_memory(context->processes, pid, sample->time_ns);
	return false;
}

/* What tells how a process ended. */
#define STATUS_KINDS (EVENT_KIND_BIT(EVENT_PROCESS_EXIT) | EVENT_KIND_BIT(EVENT_CONTAINER_EXITED))

const struct source_probe process_source[] = {
	{
		.system = "task",
		.name = "task_newtask",
		.kinds = EVENT_KIND_BIT(EVENT_PROCESS_FORK),
		.always = true,
		.fields = {[NEWTASK_PID] = "pid", [NEWTASK_COMM] = "comm", [NEWTASK_CLONE_FLAGS] = "clone_flags"},
		.build = build_fork,
	},
	{
		.system = "task",
		.name = "task_rename",
		.kinds = EVENT_KIND_BIT(EVENT_PROCESS_RENAME),
		.always = true,
		.fields = {[RENAME_PID] = "pid", [RENAME_NEWCOMM] = "newcomm"},
		.build = build_rename,
	},
	{
		.system = "sched",
		.name = "sched_process_exec",
		.kinds = EVENT_KIND_BIT(EVENT_PROCESS_EXEC),
		.always = true,
		.fields = {[EXEC_FILENAME] = "filename", [EXEC_OLD_PID] = "old_pid"},
		.wait_ns = wait_for_exec_notice,
		.build = build_exec,
	},
	{
		.system = "sched",
		.name = "sched_process_exit",
		.kinds = EVENT_KIND_BIT(EVENT_PROCESS_EXIT),
		.always = true,
		.fields = {[EXIT_PID] = "pid", [EXIT_GROUP_DEAD] = "?group_dead"},
		.wait_ns = wait_for_exit_notice,
		.build = build_exit,
	},
	/* From 4.9 on; "optional" for those before. Containers and services that start are what makes it, so that it costs nothing. */
	{
		.system = "cgroup",
		.name = "cgroup_attach_task",
		.always = true,
		.helper = true,
		.optional = true,
		.fields = {[ATTACH_PID] = "pid", [ATTACH_HIERARCHY] = "dst_root", [ATTACH_PATH] = "dst_path"},
		.build = build_attach,
	},
	/* From 4.14 on. */
	{
		.system = "oom",
		.name = "mark_victim",
		.kinds = EVENT_KIND_BIT(EVENT_CONTAINER_EXITED),
		.helper = true,
		.optional = true,
		.fields = {[VICTIM_PID] = "pid"},
		.build = build_victim,
	},
	{
		.system = "syscalls",
		.name = "sys_enter_exit_group",
		.kinds = STATUS_KINDS,
		.helper = true,
		.fields = {[CALL_CODE] = "error_code"},
		.build = build_exit_group_call,
	},
	{
		.system = "syscalls",
		.name = "sys_enter_exit",
		.kinds = STATUS_KINDS,
		.helper = true,
		.fields = {[CALL_CODE] = "error_code"},
		.build = build_exit_call,
	},
	{
		.system = "signal",
		.name = "signal_generate",
		.kinds = STATUS_KINDS,
		.helper = true,
		.fields = {[SENT_NUMBER] = "sig", [SENT_PID] = "pid", [SENT_RESULT] = "?result"},
		.build = build_signal_sent,
	},
	{
		.system = "signal",
		.name = "signal_deliver",
		.kinds = STATUS_KINDS,
		.helper = true,
		.fields = {[SIGNAL_NUMBER] = "sig", [SIGNAL_HANDLER] = "sa_handler"},
		.build = build_signal,
	},
};

const size_t process_source_count = sizeof(process_source) / sizeof(process_source[0]);
