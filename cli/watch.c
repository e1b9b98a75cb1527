#include "cli/command.h"

#include "base/clock.h"
#include "cli/interrupt.h"
#include "cli/response.h"
#include "cli/text.h"
#include "cli/watch_options.h"
#include "service/grpc_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define GET_EVENTS         "/capsule8.api.v0.TelemetryService/GetEvents"
#define CONNECT_TIMEOUT_MS 5000

static const char help[] =
	"ringside watch shows events of this host as they happen, from a running sensor.\n"
	"\n"
	"usage: ringside watch [OPTIONS] [EVENT [where CONDITION]]...\n"
	"\n"
	"EVENT, any number of them (process when there is none), each one word for the shell:\n"
	"  process                 processes: fork, exec, exit, cwd, rename\n"
	"  process:exec            only exec; likewise the others\n"
	"  file                    files: open, create, delete, link, rename, open_for_modify, modify,\n"
	"                          close_for_modify, attribute_change\n"
	"  file:open               only open; likewise the others\n"
	"  network                 sockets: connect, bind, listen, accept, sendto, recvfrom, and their results\n"
	"  network:connect         only what is tried; network:connect:result what came of it; likewise the others\n"
	"  syscall:openat          a system call: its begin with the arguments and its end with the result\n"
	"  syscall:openat:exit     only the end; likewise syscall:openat:enter\n"
	"  syscall:110             a system call by its number on x86-64\n"
	"  kernel_call:SYMBOL(NAME=FETCHARG,...):exit/FILTER/\n"
	"                          a function of the kernel; all but SYMBOL can be left out; ':exit' is its return.\n"
	"                          FETCHARG says where a value stands, in the notation of the kernel's probes:\n"
	"                          +0(%si):ustring, %dx:u64, $retval:s64; FILTER is one of tracefs over the names\n"
	"  user_call:FILE:SYMBOL(NAME=FETCHARG,...):exit\n"
	"                          a function of a program or library\n"
	"  performance:COUNTER,.../period=N\n"
	"                          counters by perf's names, read whenever the first one has counted N more, or\n"
	"                          with /frequency=N so often per second (1), on each CPU\n"
	"  container:created       containers: created, running, exited, destroyed, updated; container:all for all of\n"
	"                          them; with /full behind it also their runtimes' configuration\n"
	"  ticker:1s               a tick every second\n"
	"  chargen:64              lines of 64 characters, as fast as they are read\n"
	"\n"
	"CONDITION picks some of the events, by the fields that 'ringside events' lists: =, !=, <, <=, >, >=, like with % or *,\n"
	"in (...), is null, & for flags, and, or, parentheses. Values have their names: O_CREAT, -ENOENT, SIGKILL, 10.0.0.0/8.\n"
	"docs/QUERIES.md has all of it.\n"
	"\n"
	"      --file FILE         events, conditions, limits and the like from a file (-: standard input), one to a line; or,\n"
	"                          when it begins with {, protobuf's JSON of a Subscription or GetEventsRequest\n"
	"      --container WHAT    only what happens in these containers, any number of times: WHAT is the beginning of an\n"
	"                          id, a name, or a pattern for the image's name ('nginx*', 'registry:5000/**', with\n"
	"                          * and ? not crossing a /)\n"
	"  -n, --limit N           end after N events\n"
	"      --throttle DURATION at most one event in so much time: 100ms, 1s, 2m, 1h\n"
	"      --for DURATION      end after so much time, counted from where it begins\n"
	"      --since DURATION    begin so long ago: what a sensor with a recorder (ringside sensor --record) has kept comes\n"
	"                          first, then what happens, without a gap between; what is missing is told by a line\n"
	"                          that begins with 'lost'. A sensor without one begins now, and says so\n"
	"  -o, --output FORM       text; json: one object per line, protobuf's JSON of a TelemetryEvent;\n"
	"                          none: only count\n"
	"      --connect ADDRESS   of the sensor: unix:PATH or HOST:PORT (" DEFAULT_ADDRESS ",\n"
	"                          or what the environment variable " ADDRESS_VARIABLE " says)\n"
	"      --color auto|always|never\n"
	"  -q, --quiet             no notes on standard error, only errors\n"
	"  -h, --help\n"
	"\n"
	"Ctrl-C ends it and says how many events came and how many were lost. A line 'ringside: subscribed' on\n"
	"standard error says that everything that happens from then on will be seen.\n"
	"\n"
	"exit status: 0 after Ctrl-C, SIGTERM, the limit or the time; 1 when the sensor cannot be reached or ends the\n"
	"stream with an error; 64 for words it does not understand.\n";

/* Apart from the rest: C compilers need not take strings of more than 4095 bytes. */
static const char examples[] = "\n"
			       "examples:\n"
			       "  ringside watch\n"
			       "  ringside watch process:exec syscall:connect:exit\n"
			       "  ringside watch \"process:exec where filename like '/usr/bin/%' and uid != 0\"\n"
			       "  ringside watch 'network:connect where port = 443 and address in 10.0.0.0/8'\n"
			       "  ringside watch 'syscall:openat:exit where ret = -ENOENT' 'limit 10'\n"
			       "  ringside watch 'kernel_call:do_sys_openat2(name=+0(%si):ustring,flags=+0(%dx):u64)'\n"
			       "  ringside watch 'user_call:/bin/bash:readline(line=+0($retval):ustring):exit'\n"
			       "  ringside watch performance:context-switches,page-faults/frequency=1\n"
			       "  ringside watch -o json process:exec | jq -r '.event.process.execCommandLine | join(\" \")'\n"
			       "  ringside watch --container web --container 'nginx*' process file:open\n"
			       "  ringside watch container:created 'container:exited where exit_code != 0'\n"
			       "  ringside watch -n 1000000 -o none syscall:read\n"
			       "  ringside watch --for 10s -o none network\n"
			       "  ringside watch --throttle 1s file:modify\n";

struct watch {
	const char *address;
	char **words;
	size_t word_count;
	struct watch_options options;
	struct watch_query query;
	size_t refused; /* clauses that the sensor does not serve */
	struct response_reader reader;
};

static void note(const struct watch *w, const char *text)
{
	if (!w->options.quiet)
		fprintf(stderr, "ringside: %s\n", text);
}

static void say_error(const struct error *err)
{
	text_say("ringside: ", err->message);
}

/* A status is of a clause, or of a field of the subscription, which it names. */
static void say_refused(void *context, int code, const char *message)
{
	static const char field[] = "subscription.since_duration:";
	struct watch *w = context;
	struct error err;

	if (!strncmp(message, field, strlen(field))) {
		error_set(&err, -EOPNOTSUPP, "warning: %s (code %d)", message, code);
	} else {
		w->refused++;
		error_set(&err, -EOPNOTSUPP, "warning: not watched: %s (code %d)", message, code);
	}
	say_error(&err);
}

static void say_watching(const struct watch *w)
{
	/* All clauses refused: the stream's end says why. */
	if (w->query.spec && w->refused >= w->query.spec->clause_count)
		return;
	note(w, "subscribed");
	if (w->options.quiet || !isatty(STDERR_FILENO))
		return;
	fputs("watching", stderr);
	for (size_t i = 0; i < w->word_count; i++)
		fprintf(stderr, " %s", w->words[i]);
	if (w->options.file)
		fprintf(stderr, " %s", w->options.file);
	fprintf(stderr, "%s on %s; Ctrl-C ends it\n", w->word_count || w->options.file ? "" : " process", w->address);
}

/* Reads responses until the stream ends. 0, or a negative errno: -EPIPE when nobody reads our output any more. */
static int read_stream(struct watch *w, struct grpc_client_call *call, struct error *err)
{
	bool first = true;
	const uint8_t *bytes;
	size_t size;
	int r;

	while ((r = grpc_client_call_read(call, -1, &bytes, &size)) == 1) {
		r = response_reader_read(&w->reader, bytes, size, first, err);
		if (r)
			return r;
		if (first)
			say_watching(w);
		first = false;
		r = text_flush(&w->reader.out, STDOUT_FILENO);
		if (r == -EPIPE)
			return r;
		if (r)
			return error_set_errno(err, r, "cannot write to standard output");
	}
	return r ? error_set_errno(err, r, "reading from the sensor") : 0;
}

static void cancel_call(void *call)
{
	grpc_client_call_cancel(call);
}

/* Tells how the stream ended; returns the exit status. */
static int stream_status(const struct watch *w, const struct grpc_client_call *call, bool interrupted)
{
	struct error err;
	const char *message;
	int code = grpc_client_call_status(call, &message);

	if (interrupted || !code) {
		response_say_summary(&w->reader, w->options.quiet);
		return 0;
	}
	if (w->reader.count.events)
		response_say_summary(&w->reader, w->options.quiet);
	error_set(&err, -EIO, "the sensor ended the stream: %s (code %d)", *message ? message : "without a reason", code);
	say_error(&err);
	return 1;
}

static int watch_call(struct watch *w, struct grpc_client_call *call)
{
	struct interrupt *interrupt;
	struct error err = {0};
	bool interrupted;
	int r;

	r = interrupt_start(&interrupt, cancel_call, call, &err);
	if (r) {
		say_error(&err);
		return 1;
	}
	r = read_stream(w, call, &err);
	interrupted = interrupt_stop(interrupt);
	if (r == -EPIPE)
		return 0;
	if (r) {
		say_error(&err);
		return 1;
	}
	return stream_status(w, call, interrupted);
}

static int watch_client(struct watch *w, struct grpc_client *client)
{
	struct grpc_client_call *call = NULL;
	struct error err = {0};
	struct buffer request;
	int status = 1;
	int r;

	buffer_init(&request, 0);
	r = watch_query_pack(&w->query, &request, &err);
	if (!r)
		r = grpc_client_start(client, GET_EVENTS, request.data, request.length, &call, &err);
	buffer_done(&request);
	if (r)
		say_error(&err);
	else
		status = watch_call(w, call);
	grpc_client_call_free(call);
	return status;
}

static int watch_run(struct watch *w)
{
	struct grpc_client *client;
	struct error err = {0};
	int status;

	/* Before the library makes threads, which inherit it. */
	interrupt_block();
	if (grpc_client_connect(&client, w->address, CONNECT_TIMEOUT_MS, &err)) {
		say_error(&err);
		return 1;
	}
	response_reader_init(&w->reader, w->options.form);
	w->reader.text.color = color_mode_wanted(w->options.color, STDOUT_FILENO);
	w->reader.text.realtime_offset_ns = (int64_t)(clock_realtime_ns() - clock_monotonic_ns());
	w->reader.refused = say_refused;
	w->reader.context = w;
	if (w->options.form == OUTPUT_TEXT && isatty(STDOUT_FILENO))
		event_text_put_head(&w->reader.out, &w->reader.text);
	status = watch_client(w, client);
	response_reader_done(&w->reader);
	grpc_client_free(client);
	return status;
}

int command_watch(int argc, char **argv)
{
	static const struct option longs[] = {
		{"connect", required_argument, NULL, 'a'},
		WATCH_OPTIONS_LONG,
		{0},
	};
	struct watch w = {0};
	int status = EX_USAGE;
	int option;

	watch_query_init(&w.query);
	optind = 0;
	while ((option = options_next(argc, argv, WATCH_OPTIONS_SHORT, longs)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			fputs(examples, stdout);
			status = 0;
			goto out;
		}
		if (option == 'a')
			w.address = optarg;
		else if (!watch_options_take(&w.options, argv[0], option))
			goto out;
	}
	w.address = options_address(w.address);
	w.words = argv + optind;
	w.word_count = (size_t)(argc - optind);
	if (!watch_options_read_query(&w.options, argv[0], w.words, w.word_count, &w.query))
		goto out;
	status = watch_run(&w);
out:
	watch_query_done(&w.query);
	watch_options_done(&w.options);
	return status;
}
