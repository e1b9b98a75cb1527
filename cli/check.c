#include "cli/check_captures.h"
#include "cli/check_events.h"
#include "cli/check_host.h"
#include "cli/command.h"
#include "cli/limits.h"
#include "cli/options.h"
#include "cli/text.h"
#include "tracing/tracefs.h"

#include <stdio.h>
#include <unistd.h>

static const char help[] =
	"ringside check says what this kernel offers, how each event is captured or why it cannot be, and which limits bind.\n"
	"It finds out by trying: it opens each event, makes it happen, and looks whether it came. Nothing is left behind.\n"
	"\n"
	"usage: ringside check [OPTIONS]\n"
	"\n"
	"  -o, --output text|json   how to print it (text)\n"
	"      --color auto|always|never\n"
	"  -h, --help\n"
	"\n"
	"'ok' works in full, 'limited' works with less than it could have, 'missing' does not work, '-' is a mere fact.\n"
	"\n"
	"exit status: 0 when every event can be captured in full, 1 when some cannot, 2 when none can (not root, say); 64 for\n"
	"words it does not understand.\n"
	"\n"
	"examples:\n"
	"  sudo ringside check\n"
	"  sudo ringside check -o json | jq -r '.checks[] | select(.verdict == \"missing\") | .name'\n";

static void run_checks(struct check_report *report)
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
	check_captures(report, &(struct check_forbidden){0}, tracefs_err.code ? &tracefs_err : &perf_err);
	check_limits(report);
}

int command_check(int argc, char **argv)
{
	struct check_report report = {0};
	struct print_options options;
	struct buffer out;
	int status;

	if (!print_options_parse(argc, argv, help, OUTPUT_FORMS_USUAL, false, &options, &status))
		return status;
	run_checks(&report);
	status = check_report_status(&report);
	buffer_init(&out, 0);
	if (options.form == OUTPUT_JSON)
		check_report_json(&report, &out);
	else
		check_report_text(&report, color_mode_wanted(options.color, STDOUT_FILENO), &out);
	if (text_output_status(text_flush(&out, STDOUT_FILENO)))
		status = 1;
	buffer_done(&out);
	check_report_done(&report);
	return status;
}
