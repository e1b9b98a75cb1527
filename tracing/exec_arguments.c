#include "tracing/exec_arguments.h"
#include "base/clock.h"
#include "tracing/exec_memory.h"
#include "tracing/exec_rings.h"

#include <stdlib.h>
#include <string.h>

/* Execs that wait for the end of a drain. More of them in one drain are read from memory ahead of their turn. */
#define PENDING_MAX 256

/* Rounds of looking into the rings and reading memory in one drain. */
#define DRAIN_ROUNDS_MAX 4

/* The scratch buffer is given back when one long list has made it grow. */
#define SCRATCH_KEEP_BYTES ((size_t)256 << 10)

/* An exec whose dump was incomplete. */
struct pending_exec {
	struct notice notice; /* without strings */
	uint64_t stack_pointer;
	struct exec_memory memory;
	bool readable; /* `memory` is filled */
	bool gone;     /* could not be read */
};

/* Copies whose exec sample has not come yet: hardly more than one for each CPU. The place of the oldest is used again, since an exec sample
 * can be lost. */
#define COPIES_MAX 64

/* From start_thread() to the exec tracepoint takes microseconds, unless the thread has to wait for a CPU. */
#define COPY_NS_MAX (100 * NSEC_PER_MSEC)

struct kept_copy {
	uint32_t tid; /* 0: none */
	uint64_t time_ns;
	struct exec_copy copy;
	char strings[EXEC_COPY_STRING_BYTES_MAX];
};

struct exec_arguments {
	uv_poll_t poll;
	uint64_t lost_told;
	notice_fn fn;
	void *context;
	struct exec_rings rings;
	struct pending_exec pending[PENDING_MAX];
	uint32_t pending_count;
	struct kept_copy copies[COPIES_MAX];
	uint32_t next_copy;
	struct buffer scratch;
	struct exec_arguments_counters counters;
};

static void tell(const struct exec_arguments *e, const struct notice *exec, const char *strings, size_t size, uint32_t count)
{
	struct notice notice = *exec;

	notice.exec.bytes = strings ? strings : "";
	notice.exec.size = size;
	notice.exec.count = count;
	e->fn(e->context, &notice);
}

static size_t strings_size(const char *strings, uint32_t count)
{
	const char *end = strings;

	while (count--)
		end += strlen(end) + 1;
	return (size_t)(end - strings);
}

static bool read_memory(struct exec_arguments *e, const struct pending_exec *p)
{
	int count;

	if (!p->readable)
		return false;
	buffer_clear(&e->scratch);
	count = exec_memory_read(&p->memory, &e->scratch);
	if (count <= 0 || e->scratch.failed)
		return false;
	tell(e, &p->notice, (const char *)e->scratch.data, strings_size((const char *)e->scratch.data, (uint32_t)count), (uint32_t)count);
	return (uint32_t)count == p->notice.exec.argc;
}

static struct pending_exec *find_pending(struct exec_arguments *e, uint32_t tid)
{
	for (uint32_t i = 0; i < e->pending_count; i++)
		if (e->pending[i].notice.tid == tid)
			return &e->pending[i];
	return NULL;
}

static void drop_pending(struct exec_arguments *e, struct pending_exec *p)
{
	*p = e->pending[--e->pending_count];
}

static struct pending_exec *new_pending(struct exec_arguments *e)
{
	if (e->pending_count == PENDING_MAX) {
		if (read_memory(e, &e->pending[0]))
			e->counters.from_memory++;
		else
			e->counters.incomplete++;
		drop_pending(e, &e->pending[0]);
	}
	return &e->pending[e->pending_count++];
}

static struct kept_copy *find_copy(struct exec_arguments *e, uint32_t tid)
{
	for (uint32_t i = 0; i < COPIES_MAX; i++)
		if (e->copies[i].tid == tid)
			return &e->copies[i];
	return NULL;
}

static void take_copy(struct exec_arguments *e, const struct exec_sample *s)
{
	struct kept_copy *kept = find_copy(e, s->tid);

	if (!kept)
		kept = &e->copies[e->next_copy++ % COPIES_MAX];
	kept->tid = s->tid;
	kept->time_ns = s->time_ns;
	kept->copy = s->copy;
	kept->copy.strings = kept->strings;
	if (s->copy.strings_size)
		memcpy(kept->strings, s->copy.strings, s->copy.strings_size);
}

/* Takes what the kprobe has captured in place of what is found in the dump when that is more. Returns whether it is. */
static bool prefer_copy(struct exec_arguments *e, const struct exec_sample *s, struct stack_arguments *found)
{
	struct kept_copy *kept = find_copy(e, s->tid);

	if (!kept)
		return false;
	kept->tid = 0;
	if (s->time_ns - kept->time_ns > COPY_NS_MAX || kept->copy.stack_pointer != s->dump.stack_pointer || kept->copy.argc != found->argc)
		return false;
	if (!found->strings_address)
		found->strings_address = kept->copy.strings_address;
	if (!kept->copy.count || kept->copy.strings_address != found->strings_address || kept->copy.count < found->count)
		return false;
	found->count = kept->copy.count;
	found->strings = kept->strings;
	found->strings_size = kept->copy.strings_size;
	return true;
}

/* The process has gone on to its next program. */
static void give_up_pending(struct exec_arguments *e, uint32_t tid)
{
	struct pending_exec *p = find_pending(e, tid);

	if (!p)
		return;
	e->counters.incomplete++;
	drop_pending(e, p);
}

static void take_exec(struct exec_arguments *e, const struct exec_sample *s)
{
	struct notice notice = {.kind = NOTICE_EXEC_ARGUMENTS, .tgid = s->tgid, .tid = s->tid, .time_ns = s->time_ns};
	struct stack_arguments found;
	struct pending_exec *p;
	bool from_kprobe;

	e->counters.execs++;
	give_up_pending(e, s->tid);
	if (stack_dump_parse(&s->dump, &found) < 0) {
		e->counters.incomplete++;
		return;
	}
	from_kprobe = prefer_copy(e, s, &found);
	notice.exec.argc = found.argc;
	tell(e, &notice, found.strings, found.strings_size, found.count);
	if (found.count == found.argc) {
		e->counters.from_kprobe += from_kprobe;
		e->counters.from_exec += !from_kprobe;
		return;
	}
	p = new_pending(e);
	p->notice = notice;
	p->notice.exec.count = found.count;
	p->stack_pointer = s->dump.stack_pointer;
	p->gone = false;
	p->readable = exec_memory_init(&p->memory, s->tgid, &s->dump, &found) == 0;
}

/* Only for an exec that waits for it, and with its very stack: any program may jump to the loader's first instruction whenever it likes. */
static void take_loader(struct exec_arguments *e, const struct exec_sample *s)
{
	struct pending_exec *p = find_pending(e, s->tid);
	struct stack_arguments found;

	if (!p || p->stack_pointer != s->dump.stack_pointer || stack_dump_parse(&s->dump, &found) < 0 || found.argc != p->notice.exec.argc)
		return;
	if (found.count > p->notice.exec.count) {
		tell(e, &p->notice, found.strings, found.strings_size, found.count);
		p->notice.exec.count = found.count;
	}
	if (found.count < found.argc)
		return;
	e->counters.from_loader++;
	drop_pending(e, p);
}

static void tell_lost(struct exec_arguments *e)
{
	struct notice notice = {.kind = NOTICE_EXEC_LOST, .time_ns = clock_monotonic_ns()};

	if (e->rings.lost_execs == e->lost_told)
		return;
	e->lost_told = e->rings.lost_execs;
	for (uint32_t i = 0; i < COPIES_MAX; i++)
		e->copies[i].tid = 0;
	e->fn(e->context, &notice);
}

/* Takes what was there when it began. What comes meanwhile wakes us again. */
static void take_samples(struct exec_arguments *e)
{
	uint64_t until_ns = clock_monotonic_ns();
	struct exec_sample sample;

	while (exec_rings_next(&e->rings, until_ns, &sample)) {
		if (sample.kind == EXEC_SAMPLE_COPY)
			take_copy(e, &sample);
		else if (sample.kind == EXEC_SAMPLE_EXEC)
			take_exec(e, &sample);
		else
			take_loader(e, &sample);
	}
	tell_lost(e);
}

/* Those that were gone when we came last and for which no loader's sample has come since. */
static void drop_gone(struct exec_arguments *e)
{
	for (uint32_t i = e->pending_count; i-- > 0;) {
		if (!e->pending[i].gone)
			continue;
		e->counters.incomplete++;
		drop_pending(e, &e->pending[i]);
	}
}

static void read_pending(struct exec_arguments *e)
{
	for (uint32_t i = e->pending_count; i-- > 0;) {
		struct pending_exec *p = &e->pending[i];

		p->gone = !read_memory(e, p);
		if (p->gone)
			continue;
		e->counters.from_memory++;
		drop_pending(e, p);
	}
}

/* A program that is gone may have passed its loader before: then that sample is in a ring by now, and the next round finds it. */
void exec_arguments_drain(struct exec_arguments *e)
{
	for (int round = 0; round < DRAIN_ROUNDS_MAX; round++) {
		take_samples(e);
		drop_gone(e);
		if (!e->pending_count)
			break;
		read_pending(e);
	}
	if (e->scratch.capacity > SCRATCH_KEEP_BYTES) {
		buffer_done(&e->scratch);
		buffer_init(&e->scratch, EXEC_MEMORY_BYTES_MAX);
	}
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct exec_arguments *e = poll->data;

	(void)status;
	(void)events;
	exec_arguments_drain(e);
}

const char *exec_arguments_without_kprobe(const struct exec_arguments *e)
{
	return e->rings.has_copies ? NULL : e->rings.no_copies.message;
}

void exec_arguments_counters(const struct exec_arguments *e, struct exec_arguments_counters *ret)
{
	*ret = e->counters;
	ret->lost = e->rings.lost_execs;
	ret->lost_kprobe = e->rings.lost_copies;
	ret->unproven = e->rings.unproven;
	ret->lost_loader = e->rings.lost_loaders;
	ret->corrupt = exec_rings_corrupt(&e->rings);
	ret->ring_bytes = e->rings.bytes;
	ret->rings = e->rings.count;
	ret->loaders = e->rings.probe_count;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

int exec_arguments_open(struct exec_arguments **ret, uv_loop_t *loop, const struct exec_arguments_options *options, notice_fn fn,
			void *context, struct error *err)
{
	struct exec_arguments *e = calloc(1, sizeof(*e));
	int code;

	if (!e)
		return error_set(err, -ENOMEM, "out of memory");
	e->fn = fn;
	e->context = context;
	e->poll.data = e;
	buffer_init(&e->scratch, EXEC_MEMORY_BYTES_MAX);
	code = exec_rings_open(&e->rings, options ? options->memory_bytes : 0, !options || !options->without_kprobe, err);
	if (code < 0)
		goto fail;
	code = uv_poll_init(loop, &e->poll, e->rings.epoll_fd);
	if (code < 0) {
		error_set(err, code, "uv_poll_init: %s", uv_strerror(code));
		goto fail;
	}
	uv_poll_start(&e->poll, UV_READABLE, on_readable);
	*ret = e;
	return 0;
fail:
	exec_rings_close(&e->rings);
	free(e);
	return code;
}

struct exec_arguments *exec_arguments_close(struct exec_arguments *e)
{
	if (!e)
		return NULL;
	uv_poll_stop(&e->poll);
	exec_rings_close(&e->rings);
	buffer_done(&e->scratch);
	uv_close((uv_handle_t *)&e->poll, on_closed);
	return NULL;
}
