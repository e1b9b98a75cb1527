#include "cli/trace_session.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/caret.h"
#include "cli/limits.h"
#include "cli/text.h"
#include "cli/trace_text.h"
#include "tracing/collector.h"
#include "tracing/dynamic_probe.h"
#include "tracing/kernel_symbols.h"
#include "tracing/probe_profile.h"
#include "tracing/tracefs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

#define PREFIX            "ringside: "
#define COMM_NAME         "ringside_comm"
#define RING_MEMORY_BYTES (UINT64_C(16) << 20)
#define REORDER_NS        (500 * NSEC_PER_USEC)
#define ROUND_MS          20
#define SETTLE_NS         (200 * NSEC_PER_MSEC)
/* How long the samples of the last moment may take to appear. */
#define DRAIN_NS (100 * NSEC_PER_MSEC)
/* After a signal, how long a reader that stands still is waited for. */
#define LAST_WRITE_MS 200
/* A pipe that is ready takes as much without blocking (pipe(7), PIPE_BUF). */
#define WRITE_BYTES 4096

struct trace_session {
	const struct trace_request *request;
	struct trace_settings settings;
	struct fetcharg_dialect dialect;
	/* The request's, and, where the kernel can, the task's name. */
	struct fetcharg args[FETCHARGS_MAX];
	size_t count;
	bool has_comm;
	struct dynamic_probe *probe;
	struct sample_source *source;
	struct kernel_event *event;
	struct fetcharg_decoder *decoder;
	struct kernel_addresses *addresses;
	struct fetcharg_value values[FETCHARGS_MAX];
	char comm[64];
	int64_t realtime_offset_ns;
	uint64_t calls, lost;
	uint64_t settled_ns;
	int signals;
	bool stopping;
	struct buffer out;
};

static sigset_t ending_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	return set;
}

void trace_session_block_signals(void)
{
	sigset_t set = ending_signals();

	sigprocmask(SIG_BLOCK, &set, NULL);
}

static void report_error(struct buffer *report, const struct error *err)
{
	buffer_put_string(report, PREFIX);
	text_put_escaped(report, err->message);
	buffer_put_u8(report, '\n');
}

static enum fetcharg_place place_of(const struct trace_request *request)
{
	if (request->place.is_user)
		return request->at_return ? FETCHARG_USER_RETURN : FETCHARG_USER_ENTRY;
	if (request->at_return)
		return FETCHARG_KERNEL_RETURN;
	return request->place.is_inside ? FETCHARG_KERNEL_INSIDE : FETCHARG_KERNEL_ENTRY;
}

static void copy_args(struct trace_session *s)
{
	s->count = s->request->count;
	memcpy(s->args, s->request->args, s->count * sizeof(s->args[0]));
	s->has_comm = s->dialect.comm && s->count < FETCHARGS_MAX && !fetcharg_parse(&s->args[s->count], COMM_NAME, "$comm", NULL, NULL);
	s->count += s->has_comm;
}

/* The caret says which argument is meant. */
static const char *without_name(const char *message)
{
	const char *colon = strstr(message, ": ");

	return colon && !strncmp(message, "argument ", 9) ? colon + 2 : message;
}

static int write_args(struct trace_session *s, struct buffer *fetchargs, struct buffer *report)
{
	struct error err = {0};
	size_t index = 0;
	int r = fetchargs_write(fetchargs, &s->dialect, arch_host(), place_of(s->request), s->args, s->count, &index, &err);

	buffer_put_u8(fetchargs, 0);
	if (!r && fetchargs->failed)
		r = error_set(&err, -ENOMEM, "out of memory");
	if (r)
		caret_put(report, PREFIX, s->request->text, trace_request_position(s->request, index), without_name(err.message));
	return r;
}

/* The kernel's caret is one in what was written, so that this is what is shown; without what we have added ourselves. */
static void report_refusal(struct buffer *report, struct dynamic_probe_refusal *refusal, const struct trace_request *request,
			   const struct error *err)
{
	char *text = refusal->definition + refusal->place;
	char *added = strstr(text, " " COMM_NAME "=");
	size_t position = refusal->reason.position;

	if (err->code == -ENODEV && !request->place.is_user) {
		buffer_put_string(report, PREFIX
				  "this kernel has no kprobe_events, so that its functions cannot be traced; functions of programs and "
				  "libraries still can (PATH:SYMBOL)\n");
		return;
	}
	if (!refusal->is_explained || !refusal->reason.has_position) {
		report_error(report, err);
		return;
	}
	if (added)
		*added = 0;
	position = position > refusal->place ? position - refusal->place : 0;
	caret_put(report, PREFIX, text, position < strlen(text) ? position : strlen(text), refusal->reason.reason);
}

static int install_probe(struct trace_session *s, const char *fetchargs, struct buffer *report)
{
	const struct trace_request *request = s->request;
	struct dynamic_probe_spec spec = {
		.kind = request->place.is_user ? (request->at_return ? DYNAMIC_PROBE_URETPROBE : DYNAMIC_PROBE_UPROBE)
					       : (request->at_return ? DYNAMIC_PROBE_KRETPROBE : DYNAMIC_PROBE_KPROBE),
		.name = "trace",
		.place = request->place.place,
		.offset = request->place.offset,
		.fetchargs = fetchargs,
		.maxactive = request->maxactive,
	};
	struct kernel_symbol symbol;
	struct dynamic_probe_refusal refusal;
	struct error err = {0};
	int r = dynamic_probe_install(&s->probe, &spec, &refusal, &err);

	if (!r)
		return 0;
	/* A name that the compiler has changed is found; for one that is not there the kernel has no or a misleading reason, and we know what
	 * comes close. */
	if (!request->place.is_user && !request->place.is_inside && (r == -ENOENT || r == -EINVAL)) {
		int found = kernel_symbol_find(NULL, spec.place, &symbol, &err);

		if (found == -ENOENT) {
			report_error(report, &err);
			return found;
		}
		if (!found && strcmp(symbol.name, spec.place) != 0) {
			spec.place = symbol.name;
			r = dynamic_probe_install(&s->probe, &spec, &refusal, &err);
		}
	}
	if (r)
		report_refusal(report, &refusal, request, &err);
	return r;
}

/* With our own calls left out in the kernel where it takes that, or printing a call could cause the next. */
static int add_event(struct trace_session *s, struct buffer *report)
{
	const char *filter = s->request->filter;
	struct kernel_event_spec spec = {.system = dynamic_probe_group(), .name = dynamic_probe_name(s->probe)};
	struct error err = {0};
	struct buffer own;
	int r;

	buffer_init(&own, 0);
	if (filter)
		buffer_printf(&own, "(%s) && ", filter);
	buffer_printf(&own, "common_pid != %d%c", getpid(), 0);
	spec.filter = (const char *)own.data;
	r = own.failed ? error_set(&err, -ENOMEM, "out of memory") : s->source->ops->add(s->source, &spec, s, &s->event, NULL);
	if (r) {
		spec.filter = filter;
		r = s->source->ops->add(s->source, &spec, s, &s->event, &err);
	}
	buffer_done(&own);
	if (r)
		report_error(report, &err);
	return r;
}

static bool wants_addresses(const struct trace_session *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->args[i].type == FETCHARG_SYMBOL_NAME || s->args[i].type == FETCHARG_SYMBOL_TEXT)
			return !s->request->place.is_user;
	return false;
}

static int open_source(struct trace_session *s, struct error *err)
{
	struct collector_options options = {.ring_memory_bytes = RING_MEMORY_BYTES, .reorder_ns = REORDER_NS};
	sigset_t set = ending_signals();
	int r;

	limits_raise_files(NULL);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals < 0)
		return error_set_errno(err, -errno, "signalfd");
	r = tracefs_open(err);
	if (!r)
		r = fetcharg_dialect_detect(&s->dialect, err);
	if (!r)
		r = collector_open(&s->source, &options, err);
	return r;
}

static int open_session(struct trace_session *s, struct buffer *fetchargs, struct buffer *report)
{
	struct error err = {0};
	int r;

	r = open_source(s, &err);
	if (r) {
		report_error(report, &err);
		return r;
	}
	copy_args(s);
	/* Without them, addresses are shown as numbers. */
	if (wants_addresses(s))
		s->addresses = kernel_addresses_new(NULL);
	r = write_args(s, fetchargs, report);
	if (!r)
		r = install_probe(s, (const char *)fetchargs->data, report);
	if (!r)
		r = add_event(s, report);
	if (r)
		return r;
	r = fetcharg_decoder_new(&s->decoder, s->event->format, s->args, s->count, &err);
	if (r)
		report_error(report, &err);
	return r;
}

int trace_session_open(struct trace_session **ret, const struct trace_request *request, const struct trace_settings *settings,
		       struct buffer *report)
{
	struct trace_session *s = calloc(1, sizeof(*s));
	struct buffer fetchargs;
	int r;

	if (!s) {
		buffer_put_string(report, PREFIX "out of memory\n");
		return -ENOMEM;
	}
	s->request = request;
	s->settings = *settings;
	s->signals = -1;
	s->realtime_offset_ns = (int64_t)(clock_realtime_ns() - clock_monotonic_ns());
	buffer_init(&s->out, 0);
	buffer_init(&fetchargs, 0);
	r = open_session(s, &fetchargs, report);
	buffer_done(&fetchargs);
	if (r) {
		trace_session_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

/* What the sample does not say, as far as the process still tells. */
static size_t read_comm(struct trace_session *s, uint32_t tid)
{
	cleanup_close int fd = -1;
	char path[48];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/comm", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, s->comm, sizeof(s->comm));
	if (n > 0 && s->comm[n - 1] == '\n')
		n--;
	return n > 0 ? (size_t)n : 0;
}

static void put_hit(struct trace_session *s, const struct sample *sample)
{
	struct trace_call call = {
		.realtime_ns = (int64_t)sample->time_ns + s->realtime_offset_ns,
		.cpu = sample->cpu,
		.tgid = sample->tgid,
		.tid = sample->tid,
		.symbol = s->request->word,
		.is_return = s->request->at_return,
		.args = s->args,
		.values = s->values,
		.count = s->request->count,
		.addresses = s->addresses,
	};

	for (size_t i = 0; i < s->count; i++)
		fetcharg_decode(s->decoder, i, sample->raw, sample->raw_size, &s->values[i]);
	if (s->has_comm) {
		call.comm = s->values[s->count - 1].bytes;
		call.comm_length = s->values[s->count - 1].length;
	} else {
		call.comm = s->comm;
		call.comm_length = read_comm(s, sample->tid);
	}
	if (s->settings.json)
		trace_json_put(&s->out, &call);
	else
		trace_text_put(&s->out, s->settings.color, &call);
}

static void take_sample(struct trace_session *s, const struct sample *sample)
{
	if (sample->kind == SAMPLE_LOST) {
		s->lost += sample->lost;
		if (s->settings.json)
			trace_json_put_lost(&s->out, sample->lost);
		else
			trace_text_put_lost(&s->out, s->settings.color, sample->lost);
		return;
	}
	if (sample->tgid == (uint32_t)getpid() || (s->settings.tgid && sample->tgid != s->settings.tgid))
		return;
	put_hit(s, sample);
	s->calls++;
}

static bool is_full(const struct trace_session *s)
{
	return s->settings.limit && s->calls >= s->settings.limit;
}

/* Returns the time up to which everything has been taken. */
static uint64_t take_round(struct trace_session *s)
{
	uint64_t horizon_ns = s->source->ops->advance(s->source);
	struct sample sample;
	size_t taken = 0;

	while (!is_full(s) && s->source->ops->next(s->source, &sample) == 1) {
		take_sample(s, &sample);
		/* Ring space goes back while there is more to print. */
		if (++taken % 64 == 0)
			s->source->ops->release(s->source);
	}
	s->source->ops->release(s->source);
	return horizon_ns;
}

static bool take_signal(struct trace_session *s)
{
	struct signalfd_siginfo info;
	bool taken = false;

	while (read(s->signals, &info, sizeof(info)) == sizeof(info))
		taken = true;
	s->stopping = s->stopping || taken;
	return taken;
}

/* Ready for more? A reader that stands still is waited for, but not beyond a signal. */
static bool wait_for_reader(struct trace_session *s)
{
	struct pollfd fds[] = {{.fd = STDOUT_FILENO, .events = POLLOUT}, {.fd = s->signals, .events = POLLIN}};

	while (!fds[0].revents) {
		int n = poll(fds, 2, s->stopping ? LAST_WRITE_MS : -1);

		if (n == 0)
			return false;
		if (n > 0 && fds[1].revents)
			take_signal(s);
	}
	return true;
}

static int write_out(struct trace_session *s)
{
	size_t written = 0;

	while (written < s->out.length && wait_for_reader(s)) {
		size_t size = s->out.length - written < WRITE_BYTES ? s->out.length - written : WRITE_BYTES;
		ssize_t n = write(STDOUT_FILENO, s->out.data + written, size);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		written += n > 0 ? (size_t)n : 0;
	}
	buffer_clear(&s->out);
	return 0;
}

/* 0, or -EPIPE: nobody reads any more, and no write was needed to see that. */
static int wait_round(struct trace_session *s)
{
	struct pollfd fds[] = {
		{.fd = s->signals, .events = POLLIN},
		{.fd = collector_fd(s->source), .events = POLLIN},
		{.fd = STDOUT_FILENO},
	};

	if (poll(fds, 3, ROUND_MS) <= 0)
		return 0;
	if (fds[0].revents)
		take_signal(s);
	if (fds[1].revents)
		collector_woken(s->source);
	return fds[2].revents & (POLLERR | POLLHUP | POLLNVAL) ? -EPIPE : 0;
}

static void settle(struct trace_session *s, uint64_t now_ns)
{
	if (now_ns - s->settled_ns < SETTLE_NS)
		return;
	s->settled_ns = now_ns;
	collector_update_cpus(s->source, NULL);
	s->source->ops->settle(s->source);
}

/* Whatever happened until now is still to be seen. */
static void drain(struct trace_session *s)
{
	uint64_t end_ns = clock_monotonic_ns();
	uint64_t horizon_ns;

	s->source->ops->settle(s->source);
	do {
		poll(NULL, 0, 1);
		horizon_ns = take_round(s);
	} while (!is_full(s) && horizon_ns < end_ns && clock_monotonic_ns() - end_ns < DRAIN_NS);
}

static void say_summary(struct trace_session *s)
{
	struct probe_counts counts = {0};
	struct buffer line;

	if (s->settings.quiet)
		return;
	probe_profile_read_own(&counts, &s->probe, 1, NULL);
	buffer_init(&line, 0);
	buffer_printf(&line, PREFIX "%" PRIu64 " call%s, ", s->calls, s->calls == 1 ? "" : "s");
	if (s->lost)
		buffer_printf(&line, "%" PRIu64 " lost in a full ring", s->lost);
	else
		buffer_put_string(&line, "none lost");
	if (counts.misses)
		buffer_printf(&line, ", %" PRIu64 " missed by the kernel%s", counts.misses,
			      s->request->at_return ? " (more calls at once than --maxactive)" : "");
	buffer_put_u8(&line, '\n');
	text_flush(&line, STDERR_FILENO);
	buffer_done(&line);
}

static void say_begin(struct trace_session *s)
{
	struct buffer line;

	if (!s->settings.json)
		trace_text_put_head(&s->out, s->settings.color);
	if (s->settings.quiet)
		return;
	buffer_init(&line, 0);
	buffer_put_string(&line, PREFIX "tracing ");
	text_put_escaped(&line, s->request->word);
	buffer_put_string(&line, isatty(STDERR_FILENO) ? "; Ctrl-C ends it\n" : "\n");
	text_flush(&line, STDERR_FILENO);
	buffer_done(&line);
}

int trace_session_run(struct trace_session *s)
{
	uint64_t begin_ns = clock_monotonic_ns();
	int r;

	say_begin(s);
	r = write_out(s);
	while (!r && !s->stopping && !is_full(s)) {
		uint64_t now_ns = clock_monotonic_ns();

		if (s->settings.duration_ns && now_ns - begin_ns >= s->settings.duration_ns)
			break;
		r = wait_round(s);
		if (r)
			break;
		settle(s, now_ns);
		take_round(s);
		r = write_out(s);
	}
	if (!r && !is_full(s)) {
		drain(s);
		r = write_out(s);
	}
	say_summary(s);
	return r;
}

static void remove_probe(struct trace_session *s)
{
	struct error err = {0};

	if (s->probe && dynamic_probe_remove(s->probe, &err))
		text_say(PREFIX, err.message);
	dynamic_probe_free(s->probe);
}

struct trace_session *trace_session_close(struct trace_session *s)
{
	if (!s)
		return NULL;
	if (s->event)
		s->source->ops->remove(s->source, s->event);
	if (s->source)
		s->source->ops->free(s->source);
	remove_probe(s);
	fetcharg_decoder_free(s->decoder);
	kernel_addresses_free(s->addresses);
	if (s->signals >= 0)
		close(s->signals);
	buffer_done(&s->out);
	free(s);
	return NULL;
}
