#include "cli/command.h"

#include "base/clock.h"
#include "base/parse.h"
#include "cli/options.h"
#include "cli/text.h"
#include "cli/trace_request.h"
#include "cli/trace_session.h"
#include "tracing/dynamic_probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

static const char help[] =
	"ringside trace shows the calls of a function of the kernel or of a program, with what is fetched at each of them. It\n"
	"puts a probe there, prints, and takes it away again; no sensor is needed.\n"
	"\n"
	"usage: ringside trace [OPTIONS] FUNCTION [NAME=FETCHARG...]\n"
	"\n"
	"FUNCTION:\n"
	"  do_sys_openat2          of the kernel, as /proc/kallsyms has it; also SYMBOL+OFFSET and MODULE:SYMBOL\n"
	"  bash:readline           of a program or library: a name or a path, and a symbol, SYMBOL@VERSION, SYMBOL+OFFSET or\n"
	"  libc.so.6:malloc        0xOFFSET in the file; /proc/PID/root/PATH:SYMBOL in a container or chroot\n"
	"\n"
	"NAME=FETCHARG, any number of them (arg1 to arg3 in hexadecimal when there is none; with --return, ret=$retval:s64):\n"
	"  $arg1 $arg2 ...         the function's arguments, on every kernel; %di, %si, ... are the registers themselves\n"
	"  $retval                 what it returns; errors are shown by name. An int is $retval:s32: 'ret < 0' is true for it then\n"
	"  +8($arg1)               memory: what lies 8 bytes behind where the argument points; +u8(...) is user memory\n"
	"  @jiffies $comm $stack1  a variable of the kernel, the task's name, a word of the stack\n"
	"  PLACE:TYPE              s8 ... s64, u8 ... u64, x8 ... x64 (hexadecimal, x64 when no type is given), char, string,\n"
	"                          ustring (in user memory), symbol (an address in the kernel), b4@0/32 (4 bits of 32)\n"
	"  PLACE:TYPE[8]           an array of up to 64\n"
	"\n"
	"      --return            at the function's return, not at its entry\n"
	"      --maxactive N       with --return: so many calls can be under way at once, more are missed and counted\n"
	"      --filter EXPR       only calls where this holds, in the kernel's own notation, over the names given:\n"
	"                          'flags & 0x40', 'name ~ \"/etc/*\"' (Documentation/trace/events.rst)\n"
	"  -p, --pid PID           only calls of this process\n"
	"  -n, --limit N           end after N calls\n"
	"      --duration TIME     end after this time (10s, 500ms)\n"
	"  -o, --output text|json  text, or one object per line\n"
	"      --color auto|always|never\n"
	"  -q, --quiet             no notes on standard error, only errors\n"
	"  -h, --help\n"
	"\n"
	"Ctrl-C ends it, and says how many calls there were, how many were lost because the ring was full, and how many the\n"
	"kernel missed. A line 'ringside: tracing FUNCTION' on standard error says that from then on every call is seen.\n"
	"\n"
	"exit status: 0 after Ctrl-C, SIGTERM, the limit or the time; 1 when the kernel refuses; 64 for words it does not\n"
	"understand.\n"
	"\n"
	"examples:\n"
	"  sudo ringside trace do_sys_openat2 'name=+u0($arg2):ustring' 'flags=+0($arg3):x64'\n"
	"  sudo ringside trace --return do_sys_openat2\n"
	"  sudo ringside trace --return --filter 'ret < 0' -n 10 security_file_open 'ret=$retval:s32'\n"
	"  sudo ringside trace -o json --duration 10s security_file_open | jq -r .comm | sort | uniq -c\n";

struct trace_command {
	struct trace_request request;
	struct trace_settings settings;
	enum output_form form;
	enum color_mode color;
};

static bool parse_count(const char *verb, const char *option, uint64_t most, uint64_t *ret)
{
	struct error err;

	if (!parse_number(optarg, 1, most, ret, &err))
		return true;
	usage_error(verb, "%s: %s", option, err.message);
	return false;
}

static bool parse_time(const char *verb, uint64_t *ret_ns)
{
	struct error err;

	if (!parse_duration(optarg, ret_ns, &err) && *ret_ns)
		return true;
	usage_error(verb, "--duration: %s", *optarg == '0' ? "it has to be more than nothing" : err.message);
	return false;
}

static bool parse_option(struct trace_command *c, const char *verb, int option)
{
	uint64_t number;

	switch (option) {
	case 'r':
		c->request.at_return = true;
		return true;
	case 'm':
		if (!parse_count(verb, "--maxactive", DYNAMIC_PROBE_MAXACTIVE_MAX, &number))
			return false;
		c->request.maxactive = (unsigned int)number;
		return true;
	case 'f':
		c->request.filter = optarg;
		return true;
	case 'p':
		if (!parse_count(verb, "--pid", INT32_MAX, &number))
			return false;
		c->settings.tgid = (uint32_t)number;
		return true;
	case 'n':
		return parse_count(verb, "--limit", INT64_MAX, &c->settings.limit);
	case 'd':
		return parse_time(verb, &c->settings.duration_ns);
	case 'o':
		return output_form_parse(verb, optarg, OUTPUT_FORMS_USUAL, &c->form);
	case 'c':
		return color_option_parse(verb, optarg, &c->color);
	case 'q':
		c->settings.quiet = true;
		return true;
	default:
		return false;
	}
}

static int run(struct trace_command *c, struct buffer *report)
{
	struct trace_session *session;
	int r;

	c->settings.json = c->form == OUTPUT_JSON;
	c->settings.color = color_mode_wanted(c->color, STDOUT_FILENO);
	trace_session_block_signals();
	r = trace_session_open(&session, &c->request, &c->settings, report);
	if (r) {
		text_flush(report, STDERR_FILENO);
		return 1;
	}
	r = trace_session_run(session);
	trace_session_close(session);
	return text_output_status(r);
}

static int parse_and_run(struct trace_command *c, int argc, char **argv)
{
	struct buffer report;
	int status;

	if (optind >= argc)
		return usage_error(argv[0], "which function? FUNCTION [NAME=FETCHARG...]");
	if (c->request.maxactive && !c->request.at_return)
		return usage_error(argv[0], "--maxactive is for returns: with --return");
	buffer_init(&report, 0);
	if (trace_request_parse(&c->request, argv + optind, (size_t)(argc - optind), &report)) {
		text_flush(&report, STDERR_FILENO);
		status = EX_USAGE;
	} else {
		status = run(c, &report);
	}
	buffer_done(&report);
	trace_request_done(&c->request);
	return status;
}

int command_trace(int argc, char **argv)
{
	static const struct option longs[] = {
		{"return", no_argument, NULL, 'r'},
		{"maxactive", required_argument, NULL, 'm'},
		{"filter", required_argument, NULL, 'f'},
		{"pid", required_argument, NULL, 'p'},
		{"limit", required_argument, NULL, 'n'},
		{"duration", required_argument, NULL, 'd'},
		{"output", required_argument, NULL, 'o'},
		{"color", required_argument, NULL, 'c'},
		{"quiet", no_argument, NULL, 'q'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct trace_command *c = calloc(1, sizeof(*c));
	int status = EX_USAGE;
	int option;

	if (!c)
		return 1;
	optind = 0;
	while ((option = options_next(argc, argv, "p:n:o:qh", longs)) != -1 && option != 'h')
		if (!parse_option(c, argv[0], option))
			break;
	if (option == 'h') {
		fputs(help, stdout);
		status = 0;
	} else if (option == -1) {
		status = parse_and_run(c, argc, argv);
	}
	free(c);
	return status;
}
