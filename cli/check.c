#include "cli/check_captures.h"
#include "cli/check_events.h"
#include "cli/check_host.h"
#include "cli/command.h"
#include "cli/forbidden.h"
#include "cli/limits.h"
#include "cli/options.h"
#include "cli/text.h"
#include "tracing/tracefs.h"

#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

static const char help[] =
	"ringside check says what this kernel offers, how each event is captured or why it cannot be, and which limits bind.\n"
	"It finds out by trying: it opens each event, makes it happen, and looks whether it came. Nothing is left behind.\n"
	"\n"
	"usage: ringside check [OPTIONS]\n"
	"\n"
	"  -o, --output text|json   how to print it (text)\n"
	"      --color auto|always|never\n"
	"      --forbid NAME        see what is left without this way to capture events, any number of times; as for\n"
	"                           'ringside sensor'\n"
	"  -h, --help\n"
	"\n"
	"'ok' works in full, 'limited' works with less than it could have, 'missing' does not work, '-' is a mere fact.\n"
	"\n"
	"exit status: 0 when every event can be captured in full, 1 when some cannot, 2 when none can (not root, say); 64 for\n"
	"words it does not understand.\n"
	"\n"
	"examples:\n"
	"  sudo ringside check\n"
	"  sudo ringside check -o json | jq -r '.checks[] | select(.verdict == \"missing\") | .name'\n"
	"  sudo ringside check -o json | jq -r '.checks[] | select(.ways) | .name as $n | .ways[] | $n + \" \" + .name + \" \" + "
	".verdict'\n";

struct check_command {
	enum output_form form;
	enum color_mode color;
	struct forbidden forbidden;
};

static void run_checks(struct check_report *report, const struct check_command *command)
{
	struct perf_features features = {0};
	struct error tracefs_err = {0};
	struct error perf_err = {0};

	tracefs_open(&tracefs_err);
	perf_features_probe(&features, &perf_err);
	/* Of no use without root, and then the events say so. */
	limits_raise_files(NULL);
	check_kernel(report, &tracefs_err);
	check_perf(report, &features, &perf_err);
	check_events(report, &features, &tracefs_err, &perf_err);
	check_captures(report, &command->forbidden, command->form == OUTPUT_JSON, tracefs_err.code ? &tracefs_err : &perf_err);
	check_limits(report);
}

/* 0 or EX_USAGE. */
static int parse_option(struct check_command *c, const char *verb, int option)
{
	switch (option) {
	case 'o':
		return output_form_parse(verb, optarg, OUTPUT_FORMS_USUAL, &c->form) ? 0 : EX_USAGE;
	case 'c':
		return color_option_parse(verb, optarg, &c->color) ? 0 : EX_USAGE;
	case 'f':
		return forbidden_add(&c->forbidden, verb, optarg);
	case 's':
		return forbidden_add_structure(&c->forbidden, verb, optarg);
	default:
		return EX_USAGE;
	}
}

/* False: the verb is done, with *ret_status. */
static bool parse(struct check_command *c, int argc, char **argv, int *ret_status)
{
	static const struct option longs[] = {
		{"output", required_argument, NULL, 'o'}, {"color", required_argument, NULL, 'c'},
		{"forbid", required_argument, NULL, 'f'}, {"forbid-structure", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},         {0},
	};
	int option;

	*ret_status = EX_USAGE;
	optind = 0;
	while ((option = options_next(argc, argv, "o:h", longs)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			*ret_status = 0;
			return false;
		}
		if (parse_option(c, argv[0], option))
			return false;
	}
	return options_no_more_words(argc, argv);
}

static int print(const struct check_report *report, const struct check_command *command)
{
	int status = check_report_status(report);
	struct buffer out;

	buffer_init(&out, 0);
	if (command->form == OUTPUT_JSON)
		check_report_json(report, &out);
	else
		check_report_text(report, color_mode_wanted(command->color, STDOUT_FILENO), &out);
	if (text_output_status(text_flush(&out, STDOUT_FILENO)))
		status = 1;
	buffer_done(&out);
	return status;
}

int command_check(int argc, char **argv)
{
	struct check_command command = {.form = OUTPUT_TEXT, .color = COLOR_AUTO};
	struct check_report report = {0};
	int status;

	if (!parse(&command, argc, argv, &status))
		return status;
	run_checks(&report, &command);
	status = print(&report, &command);
	check_report_done(&report);
	return status;
}
