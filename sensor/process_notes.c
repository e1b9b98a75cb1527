#include "sensor/process_notes.h"

#include "sensor/number_table.h"
#include "sensor/wait_rule.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* The clocks of samples and of notices are the same, but read by different ways: perf's may be behind for a moment when the kernel adjusts
 * it. */
#define CLOCK_SLACK_NS UINT64_C(100000)

/* Two notices of one exec (the dump of the new stack, the program's first instruction) are closer than two execs of one thread can be. */
#define SAME_EXEC_NS UINT64_C(100000)

struct note {
	struct notice notice; /* its bytes lie behind it */
	bool taken;
	struct thread *thread;
	struct note *thread_prev, *thread_next;
	struct note *older, *newer;
};

/* A thread of which there are notices. */
struct thread {
	uint32_t tid;
	struct note *notes; /* in the order they came */
	UT_hash_handle hh;
};

enum mark_kind {
	MARK_NONE,
	MARK_EXIT_GROUP,
	MARK_SIGNAL,
};

/* What samples told about one thread group that is going to end; of a thread other than the main one, only what was sent to it. */
struct mark {
	uint32_t tgid;
	enum mark_kind kind;
	int32_t status;
	uint64_t time_ns;
	int sent; /* the last deadly signal but SIGKILL that waits to be delivered; 0: none */
	uint64_t sent_ns;
	uint32_t exit_tid; /* the last thread that called exit(2); 0: none */
	int32_t exit_status;
	uint64_t main_exit_ns; /* the main thread ended then, others lived on; 0: it did not */
	bool main_known;
	int32_t main_status;
	struct mark *older, *newer;
	UT_hash_handle hh;
};

struct process_notes {
	struct note *notes; /* oldest first */
	struct mark *marks; /* oldest first */
	struct thread *thread_table;
	struct mark *mark_table;
	struct process_notes_counters counters;
	bool exec_lost; /* at exec_lost_ns, notices of execs were */
	uint64_t exec_lost_ns;
};

struct process_notes *process_notes_new(void)
{
	return calloc(1, sizeof(struct process_notes));
}

static size_t note_bytes(const struct note *note)
{
	return note->notice.kind == NOTICE_EXEC_ARGUMENTS ? note->notice.exec.size : 0;
}

static struct thread *find_thread(struct process_notes *n, uint32_t tid)
{
	struct thread *thread;

	HASH_FIND(hh, n->thread_table, &tid, sizeof(tid), thread);
	return thread;
}

/* Made when there is none; NULL: out of memory. */
static struct thread *get_thread(struct process_notes *n, uint32_t tid)
{
	struct thread *thread = find_thread(n, tid);

	if (thread)
		return thread;
	thread = calloc(1, sizeof(*thread));
	if (!thread)
		return NULL;
	thread->tid = tid;
	HASH_ADD(hh, n->thread_table, tid, sizeof(tid), thread);
	if (thread->hh.tbl)
		return thread;
	free(thread);
	return NULL;
}

static void drop_thread_without_notes(struct process_notes *n, struct thread *thread)
{
	if (thread->notes)
		return;
	HASH_DEL(n->thread_table, thread);
	free(thread);
}

static void drop_note(struct process_notes *n, struct note *note)
{
	DL_DELETE2(note->thread->notes, note, thread_prev, thread_next);
	drop_thread_without_notes(n, note->thread);
	DL_DELETE2(n->notes, note, older, newer);
	n->counters.notices--;
	n->counters.bytes -= note_bytes(note);
	free(note);
}

static void drop_mark(struct process_notes *n, struct mark *mark)
{
	/* The analyzer does not see that whatever is in the list is in the table. */
	HASH_DEL(n->mark_table, mark); /* NOLINT(clang-analyzer-core.NullDereference) */
	DL_DELETE2(n->marks, mark, older, newer);
	n->counters.marks--;
	free(mark);
}

struct process_notes *process_notes_free(struct process_notes *n)
{
	if (!n)
		return NULL;
	while (n->notes)
		drop_note(n, n->notes);
	while (n->marks)
		drop_mark(n, n->marks);
	free(n);
	return NULL;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static struct note *find_exec(struct process_notes *n, uint32_t tid, uint64_t time_ns, uint64_t within_ns)
{
	const struct thread *thread = find_thread(n, tid);
	struct note *nearest = NULL;

	for (struct note *note = thread ? thread->notes : NULL; note; note = note->thread_next) {
		uint64_t away_ns = distance(note->notice.time_ns, time_ns);

		if (note->notice.kind != NOTICE_EXEC_ARGUMENTS || note->taken || away_ns > within_ns)
			continue;
		if (!nearest || away_ns < distance(nearest->notice.time_ns, time_ns))
			nearest = note;
	}
	return nearest;
}

static struct note *find_exit(struct process_notes *n, uint32_t tgid, uint32_t tid, uint64_t time_ns)
{
	const struct thread *thread = find_thread(n, tid);
	struct note *nearest = NULL;

	for (struct note *note = thread ? thread->notes : NULL; note; note = note->thread_next) {
		const struct notice *notice = &note->notice;

		if (notice->kind != NOTICE_EXIT_STATUS || notice->tgid != tgid || note->taken)
			continue;
		if (notice->time_ns + CLOCK_SLACK_NS < time_ns)
			continue;
		if (!nearest || notice->time_ns < nearest->notice.time_ns)
			nearest = note;
	}
	return nearest;
}

static void make_room(struct process_notes *n, size_t bytes)
{
	while (n->notes && (n->counters.notices >= PROCESS_NOTES_MAX || n->counters.bytes + bytes > PROCESS_NOTES_BYTES)) {
		n->counters.dropped += !n->notes->taken;
		drop_note(n, n->notes);
	}
}

/* How far a notice may be from its sample. */
static uint64_t exec_window(const struct process_notes *n, uint64_t time_ns)
{
	bool lost_lately = n->exec_lost && distance(n->exec_lost_ns, time_ns) < PROCESS_NOTES_EXEC_LOST_NS;

	return lost_lately ? PROCESS_NOTES_EXEC_STRICT_NS : PROCESS_NOTES_EXEC_NS;
}

/* NULL: out of memory. */
static struct note *add_note(struct process_notes *n, const struct notice *notice, size_t bytes)
{
	struct note *note = malloc(sizeof(*note) + bytes);
	struct thread *thread = note ? get_thread(n, notice->tid) : NULL;

	if (!thread) {
		free(note);
		return NULL;
	}
	*note = (struct note){.notice = *notice, .thread = thread};
	if (notice->kind == NOTICE_EXEC_ARGUMENTS) {
		note->notice.exec.bytes = (const char *)(note + 1);
		if (bytes > 0)
			memcpy(note + 1, notice->exec.bytes, bytes);
	}
	DL_APPEND2(thread->notes, note, thread_prev, thread_next);
	DL_APPEND2(n->notes, note, older, newer);
	n->counters.notices++;
	n->counters.bytes += bytes;
	return note;
}

void process_notes_put(struct process_notes *n, const struct notice *notice)
{
	bool is_exec = notice->kind == NOTICE_EXEC_ARGUMENTS;
	size_t bytes = is_exec ? notice->exec.size : 0;
	struct note *earlier = is_exec ? find_exec(n, notice->tid, notice->time_ns, SAME_EXEC_NS) : NULL;
	uint64_t time_ns = notice->time_ns;
	struct note *note;

	if (notice->kind == NOTICE_EXEC_LOST) {
		n->exec_lost = true;
		n->exec_lost_ns = notice->time_ns;
		return;
	}
	if (earlier && earlier->notice.exec.argc == notice->exec.argc) {
		if (notice->exec.count <= earlier->notice.exec.count)
			return;
		time_ns = earlier->notice.time_ns;
		drop_note(n, earlier);
	}
	if (bytes > PROCESS_NOTES_BYTES) {
		n->counters.dropped++;
		return;
	}
	make_room(n, bytes);
	note = add_note(n, notice, bytes);
	if (note)
		note->notice.time_ns = time_ns;
	else
		n->counters.dropped++;
}

bool process_notes_exec(struct process_notes *n, uint32_t tid, uint64_t time_ns, struct notice *ret)
{
	struct note *note = find_exec(n, tid, time_ns, exec_window(n, time_ns));

	if (!note)
		return false;
	note->taken = true;
	*ret = note->notice;
	return true;
}

bool process_notes_has_exec(struct process_notes *n, uint32_t tid, uint64_t time_ns)
{
	const struct note *note = find_exec(n, tid, time_ns, exec_window(n, time_ns));

	return note && note->notice.exec.count >= note->notice.exec.argc;
}

bool process_notes_has_exit(struct process_notes *n, uint32_t tgid, uint32_t tid, uint64_t time_ns)
{
	return find_exit(n, tgid, tid, time_ns) != NULL;
}

bool process_notes_exit(struct process_notes *n, uint32_t tgid, uint32_t tid, uint64_t time_ns, int32_t *ret_status)
{
	struct note *note = find_exit(n, tgid, tid, time_ns);

	if (!note)
		return false;
	*ret_status = note->notice.exit.status;
	drop_note(n, note);
	return true;
}

static struct mark *find_mark(struct process_notes *n, uint32_t tgid)
{
	struct mark *mark;

	HASH_FIND(hh, n->mark_table, &tgid, sizeof(tgid), mark);
	return mark;
}

/* The mark of a thread group, made when there is none; NULL: out of memory. */
static struct mark *get_mark(struct process_notes *n, uint32_t tgid)
{
	struct mark *mark = find_mark(n, tgid);

	if (mark)
		return mark;
	if (n->counters.marks >= PROCESS_NOTES_MAX) {
		n->counters.dropped++;
		drop_mark(n, n->marks);
	}
	mark = calloc(1, sizeof(*mark));
	if (!mark)
		return NULL;
	mark->tgid = tgid;
	HASH_ADD(hh, n->mark_table, tgid, sizeof(tgid), mark);
	if (!mark->hh.tbl) {
		free(mark);
		return NULL;
	}
	DL_APPEND2(n->marks, mark, older, newer);
	n->counters.marks++;
	return mark;
}

static void mark_group(struct mark *mark, enum mark_kind kind, int32_t status, uint64_t time_ns)
{
	mark->kind = kind;
	mark->status = status;
	mark->time_ns = time_ns;
}

static bool is_ending(const struct mark *mark, uint64_t time_ns)
{
	return mark->kind != MARK_NONE && time_ns - mark->time_ns < PROCESS_NOTES_GROUP_NS;
}

void process_notes_exit_call(struct process_notes *n, uint32_t tgid, uint32_t tid, bool whole_group, int32_t code, uint64_t time_ns)
{
	int32_t status = (int32_t)(((uint32_t)code & 0xff) << 8);
	struct mark *mark = get_mark(n, tgid);

	if (!mark)
		return;
	if (!whole_group) {
		mark->exit_tid = tid;
		mark->exit_status = status;
		return;
	}
	if (mark->kind == MARK_EXIT_GROUP && is_ending(mark, time_ns))
		return;
	/* Who was being killed would not have come to call this. */
	mark_group(mark, MARK_EXIT_GROUP, status, time_ns);
}

void process_notes_signal_sent(struct process_notes *n, uint32_t tid, int signal, uint64_t time_ns)
{
	struct mark *mark = signal == SIGKILL ? find_mark(n, tid) : get_mark(n, tid);

	if (!mark)
		return;
	mark->sent = signal == SIGKILL ? 0 : signal;
	mark->sent_ns = time_ns;
}

void process_notes_signal_handled(struct process_notes *n, uint32_t tgid, uint32_t tid, int signal)
{
	struct mark *of_process = find_mark(n, tgid), *of_thread = find_mark(n, tid);

	if (of_process && of_process->sent == signal)
		of_process->sent = 0;
	if (of_thread && of_thread->sent == signal)
		of_thread->sent = 0;
}

static int sent_signal(const struct mark *mark, uint64_t time_ns)
{
	return mark && time_ns - mark->sent_ns < PROCESS_NOTES_GROUP_NS ? mark->sent : 0;
}

void process_notes_fatal_signal(struct process_notes *n, uint32_t tgid, uint32_t tid, int signal, uint64_t time_ns)
{
	struct mark *mark = get_mark(n, tgid);

	if (!mark || is_ending(mark, time_ns))
		return;
	if (signal == SIGKILL && sent_signal(mark, time_ns))
		signal = sent_signal(mark, time_ns);
	else if (signal == SIGKILL && sent_signal(find_mark(n, tid), time_ns))
		signal = sent_signal(find_mark(n, tid), time_ns);
	mark_group(mark, MARK_SIGNAL, signal & 0x7f, time_ns);
}

void process_notes_main_exit(struct process_notes *n, uint32_t tgid, uint64_t time_ns)
{
	struct mark *mark = get_mark(n, tgid);

	if (!mark)
		return;
	mark->main_exit_ns = time_ns;
	mark->main_known = process_notes_exit(n, tgid, tgid, time_ns, &mark->main_status);
	if (mark->main_known || mark->exit_tid != tgid)
		return;
	mark->main_known = true;
	mark->main_status = mark->exit_status;
}

bool process_notes_group_status(struct process_notes *n, uint32_t tgid, int32_t *ret_status)
{
	const struct mark *mark = find_mark(n, tgid);

	if (!mark || mark->kind == MARK_NONE)
		return false;
	*ret_status = mark->status;
	return true;
}

/* The status when every thread ended by exit(2); `last` is what the last one gave. */
static int32_t status_of_single_exits(struct process_notes *n, struct mark *mark, int32_t last)
{
	if (!mark->main_known && mark->main_exit_ns != 0)
		mark->main_known = process_notes_exit(n, mark->tgid, mark->tgid, mark->main_exit_ns, &mark->main_status);
	if (!mark->main_known || mark->main_status == last)
		return last;
	return wait_rule_takes_main_thread() ? mark->main_status : last;
}

bool process_notes_status(struct process_notes *n, uint32_t tgid, uint32_t tid, uint64_t time_ns, int32_t *ret_status)
{
	struct mark *mark = find_mark(n, tgid);
	bool noticed = process_notes_exit(n, tgid, tid, time_ns, ret_status);

	/* In a group that was ended as a whole every thread has the group's status; the notice tells of a core dump as well. */
	if (mark && mark->kind != MARK_NONE) {
		if (!noticed)
			*ret_status = mark->status;
		return true;
	}
	if (!mark || mark->exit_tid != tid)
		return noticed;
	if (!noticed)
		*ret_status = mark->exit_status;
	if (tid != tgid)
		*ret_status = status_of_single_exits(n, mark, *ret_status);
	return true;
}

void process_notes_forget(struct process_notes *n, uint32_t tgid)
{
	struct mark *mark = find_mark(n, tgid);

	if (mark)
		drop_mark(n, mark);
}

void process_notes_advance(struct process_notes *n, uint64_t time_ns)
{
	while (n->notes && n->notes->notice.time_ns + PROCESS_NOTES_LINGER_NS < time_ns)
		drop_note(n, n->notes);
}

void process_notes_counters(const struct process_notes *n, struct process_notes_counters *ret)
{
	*ret = n->counters;
}
