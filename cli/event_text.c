#include "cli/event_text.h"

#include "base/clock.h"
#include "base/symbols.h"
#include "cli/event_detail.h"
#include "cli/text.h"
#include "tracing/syscall_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PID_WIDTH       13
#define PROCESS_WIDTH   15
#define CONTAINER_WIDTH 12

/* What a line shows of all arguments together; JSON has everything. */
#define ARGUMENTS_MAX 4096

typedef Capsule8__Api__V0__Event event_message;
typedef Capsule8__Api__V0__ProcessEvent process_message;
typedef Capsule8__Api__V0__SyscallEvent syscall_message;
typedef Capsule8__Api__V0__LostRecordEvent lost_message;

void event_text_put_head(struct buffer *out, const struct event_text_options *options)
{
	static const struct {
		const char *name;
		size_t width;
	} heads[] = {{"TIME", 12}, {"PID", PID_WIDTH}, {"PROCESS", PROCESS_WIDTH}, {"CONTAINER", CONTAINER_WIDTH}};

	text_style(out, options->color, STYLE_BOLD);
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		size_t start = out->length;

		buffer_put_string(out, heads[i].name);
		text_pad(out, start, heads[i].width + 2);
	}
	buffer_put_string(out, "EVENT");
	text_style(out, options->color, STYLE_PLAIN);
	buffer_put_u8(out, '\n');
}

static void put_time(struct buffer *out, int64_t realtime_ns)
{
	time_t seconds = (time_t)(realtime_ns / (int64_t)NSEC_PER_SEC);
	int64_t rest_ns = realtime_ns % (int64_t)NSEC_PER_SEC;
	struct tm local;

	if (realtime_ns < 0 || !localtime_r(&seconds, &local)) {
		buffer_put_string(out, "--:--:--.---");
		return;
	}
	buffer_printf(out, "%02d:%02d:%02d.%03d", local.tm_hour, local.tm_min, local.tm_sec, (int)(rest_ns / (int64_t)NSEC_PER_MSEC));
}

static void put_pid(struct buffer *out, const event_message *event)
{
	if (!event->process_pid && !event->process_tid)
		buffer_put_u8(out, '-');
	else if (event->process_tid && event->process_tid != event->process_pid)
		buffer_printf(out, "%" PRId32 "/%" PRId32, event->process_pid, event->process_tid);
	else
		buffer_printf(out, "%" PRId32, event->process_pid);
}

static void put_process(struct buffer *out, const event_message *event)
{
	const char *command = event->n_process_lineage ? event->process_lineage[0]->command : "";

	if (*command)
		text_put_escaped(out, command);
	else
		buffer_put_u8(out, '-');
}

static void put_container(struct buffer *out, const event_message *event)
{
	char id[EVENT_DETAIL_ID_DIGITS + 1];

	if (*event->container_name) {
		/* Docker's names begin with a slash. */
		text_put_escaped(out, event->container_name + (event->container_name[0] == '/'));
		return;
	}
	snprintf(id, sizeof(id), "%.*s", EVENT_DETAIL_ID_DIGITS, *event->container_id ? event->container_id : "-");
	text_put_escaped(out, id);
}

static void put_name(struct buffer *out, bool color, const char *name)
{
	text_put_styled(out, color, STYLE_NAME, name);
}

static void put_syscall_name(struct buffer *out, bool color, const syscall_message *call)
{
	bool is_32 = call->abi == CAPSULE8__API__V0__SYSCALL_ABI__SYSCALL_ABI_I386;
	const char *name = syscall_name(is_32 ? SAMPLE_ABI_32 : SAMPLE_ABI_64, call->id);

	text_style(out, color, STYLE_NAME);
	if (name)
		buffer_put_string(out, name);
	else
		buffer_printf(out, "syscall_%" PRId64, call->id);
	text_style(out, color, STYLE_PLAIN);
	if (is_32)
		buffer_put_string(out, "[32-bit]");
}

static void put_syscall(struct buffer *out, bool color, const syscall_message *call)
{
	put_syscall_name(out, color, call);
	if (call->type == CAPSULE8__API__V0__SYSCALL_EVENT_TYPE__SYSCALL_EVENT_TYPE_EXIT) {
		buffer_put_string(out, " = ");
		event_detail_put_result(out, color, call->ret);
		return;
	}
	buffer_printf(out, "(0x%" PRIx64 ", 0x%" PRIx64 ", 0x%" PRIx64 ", 0x%" PRIx64 ", 0x%" PRIx64 ", 0x%" PRIx64 ")", call->arg0,
		      call->arg1, call->arg2, call->arg3, call->arg4, call->arg5);
}

static void put_arguments(struct buffer *out, char **arguments, size_t count)
{
	size_t start = out->length;

	for (size_t i = 0; i < count; i++) {
		if (out->length - start > ARGUMENTS_MAX) {
			buffer_printf(out, " … and %zu more", count - i);
			return;
		}
		buffer_put_u8(out, ' ');
		event_detail_put_word(out, arguments[i]);
	}
}

/* Whether argv[0] says what the file name says already. */
static bool names_file(const char *word, const char *filename)
{
	const char *slash = strrchr(filename, '/');

	return !strcmp(word, filename) || (slash && !strcmp(word, slash + 1));
}

static void put_exec(struct buffer *out, bool color, const process_message *process)
{
	put_name(out, color, "exec");
	buffer_put_u8(out, ' ');
	text_put_quoted(out, process->exec_filename);
	if (process->n_exec_command_line)
		put_arguments(out, process->exec_command_line + 1, process->n_exec_command_line - 1);
	if (process->exec_command_line_truncated)
		buffer_put_string(out, " …");
	if (!process->n_exec_command_line || names_file(process->exec_command_line[0], process->exec_filename))
		return;
	text_style(out, color, STYLE_DIM);
	buffer_put_string(out, " (as ");
	event_detail_put_word(out, process->exec_command_line[0]);
	buffer_put_u8(out, ')');
	text_style(out, color, STYLE_PLAIN);
}

static void put_exit(struct buffer *out, bool color, const process_message *process)
{
	put_name(out, color, "exit");
	if (process->exit_code_unknown)
		buffer_put_string(out, " status unknown");
	else
		event_detail_put_end(out, color, process->exit_status, process->exit_signal, process->exit_core_dumped);
}

static void put_process_event(struct buffer *out, bool color, const process_message *process)
{
	switch (process->type) {
	case CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_FORK:
		put_name(out, color, "fork");
		buffer_printf(out, " child=%" PRId32 " flags=", process->fork_child_pid);
		symbol_put_clone_flags(out, process->fork_clone_flags);
		return;
	case CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_EXEC:
		put_exec(out, color, process);
		return;
	case CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_EXIT:
		put_exit(out, color, process);
		return;
	case CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_UPDATE:
		put_name(out, color, "cwd");
		buffer_put_u8(out, ' ');
		if (*process->update_cwd)
			event_detail_put_word(out, process->update_cwd);
		else
			buffer_put_string(out, "unknown");
		return;
	case CAPSULE8__API__V0__PROCESS_EVENT_TYPE__PROCESS_EVENT_TYPE_RENAME:
		put_name(out, color, "renamed");
		buffer_put_u8(out, ' ');
		event_detail_put_word(out, process->update_comm);
		return;
	default:
		buffer_printf(out, "process event of type %d", (int)process->type);
	}
}

static const char *gap_text(Capsule8__Api__V0__RecordGap gap)
{
	switch (gap) {
	case CAPSULE8__API__V0__RECORD_GAP__RECORD_GAP_NOT_KEPT:
		return "older than what is kept";
	case CAPSULE8__API__V0__RECORD_GAP__RECORD_GAP_STOPPED:
		return "no sensor ran";
	case CAPSULE8__API__V0__RECORD_GAP__RECORD_GAP_CRASHED:
		return "the sensor ended without writing its last events";
	case CAPSULE8__API__V0__RECORD_GAP__RECORD_GAP_DAMAGED:
		return "the recording is damaged";
	case CAPSULE8__API__V0__RECORD_GAP__RECORD_GAP_DELETED:
		return "deleted to make room, or left out";
	case CAPSULE8__API__V0__RECORD_GAP__RECORD_GAP_OVERFLOW:
		return "its disk was too slow, full or gone";
	default:
		return NULL;
	}
}

/* " (recorder: no sensor ran; after 41, before 97)": why, and between which numbers. */
static void put_gap(struct buffer *out, const lost_message *lost)
{
	const char *text = gap_text(lost->gap);

	buffer_put_string(out, " (recorder");
	if (text)
		buffer_printf(out, ": %s", text);
	if (lost->after_sequence_number)
		buffer_printf(out, "; after %" PRIu64, lost->after_sequence_number);
	if (lost->before_sequence_number)
		buffer_printf(out, "%s before %" PRIu64, lost->after_sequence_number ? "," : ";", lost->before_sequence_number);
	buffer_put_u8(out, ')');
}

static void put_lost(struct buffer *out, bool color, const lost_message *lost)
{
	text_style(out, color, STYLE_BAD);
	if (lost->gap && !lost->lost)
		buffer_put_string(out, "lost an unknown number of records");
	else
		buffer_printf(out, "lost %" PRIu64 " record%s", lost->lost, lost->lost == 1 ? "" : "s");
	if (*lost->source) {
		buffer_put_string(out, " of ");
		text_put_escaped(out, lost->source);
	}
	if (lost->cause == CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_RING)
		buffer_put_string(out, " (ring)");
	else if (lost->cause == CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_QUEUE)
		buffer_put_string(out, " (queue)");
	else if (lost->cause == CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_PROBE)
		buffer_put_string(out, " (probe)");
	else if (lost->cause == CAPSULE8__API__V0__LOST_RECORD_CAUSE__LOST_RECORD_CAUSE_RECORDER)
		put_gap(out, lost);
	text_style(out, color, STYLE_PLAIN);
}

static void put_event(struct buffer *out, const struct event_text_options *options, const event_message *event)
{
	bool color = options->color;

	switch (event->event_case) {
	case CAPSULE8__API__V0__EVENT__EVENT_SYSCALL:
		put_syscall(out, color, event->syscall);
		return;
	case CAPSULE8__API__V0__EVENT__EVENT_PROCESS:
		put_process_event(out, color, event->process);
		return;
	case CAPSULE8__API__V0__EVENT__EVENT_FILE:
		event_detail_put_file(out, color, event->file);
		return;
	case CAPSULE8__API__V0__EVENT__EVENT_NETWORK:
		event_detail_put_network(out, color, event->network);
		return;
	case CAPSULE8__API__V0__EVENT__EVENT_KERNEL_CALL:
		event_detail_put_kernel_call(out, color, event->kernel_call);
		return;
	case CAPSULE8__API__V0__EVENT__EVENT_USER_CALL:
		event_detail_put_user_call(out, color, event->user_call);
		return;
	case CAPSULE8__API__V0__EVENT__EVENT_PERFORMANCE:
		event_detail_put_performance(out, color, event->performance);
		return;
	case CAPSULE8__API__V0__EVENT__EVENT_CONTAINER:
		event_detail_put_container(out, color, event);
		return;
	case CAPSULE8__API__V0__EVENT__EVENT_TICKER:
		put_name(out, color, "tick");
		buffer_put_u8(out, ' ');
		put_time(out, event->ticker->nanoseconds);
		return;
	case CAPSULE8__API__V0__EVENT__EVENT_CHARGEN:
		put_name(out, color, "chargen");
		buffer_printf(out, " index=%" PRIu64 " ", event->chargen->index);
		event_detail_put_word(out, event->chargen->characters);
		return;
	case CAPSULE8__API__V0__EVENT__EVENT_LOST:
		put_lost(out, color, event->lost);
		return;
	default:
		buffer_printf(out, "event of kind %d, which this program does not know", (int)event->event_case);
	}
}

void event_text_put(struct buffer *out, const struct event_text_options *options, const Capsule8__Api__V0__TelemetryEvent *message)
{
	static const event_message nothing = CAPSULE8__API__V0__EVENT__INIT;
	const event_message *event = message->event ? message->event : &nothing;
	size_t start;

	text_style(out, options->color, STYLE_DIM);
	put_time(out, event->sensor_monotime_nanos + options->realtime_offset_ns);
	text_style(out, options->color, STYLE_PLAIN);
	buffer_put_string(out, "  ");
	start = out->length;
	put_pid(out, event);
	text_pad(out, start, PID_WIDTH + 2);
	start = out->length;
	put_process(out, event);
	text_pad(out, start, PROCESS_WIDTH + 2);
	start = out->length;
	put_container(out, event);
	text_pad(out, start, CONTAINER_WIDTH + 2);
	put_event(out, options, event);
	if (event->capture == CAPSULE8__API__V0__CAPTURE__CAPTURE_LATE)
		event_detail_put_mark(out, options->color, "late");
	buffer_put_u8(out, '\n');
}
