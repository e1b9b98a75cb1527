#include "cli/command.h"

#include "cli/json.h"
#include "cli/options.h"
#include "cli/probes_text.h"
#include "cli/text.h"
#include "tracing/dynamic_probe.h"
#include "tracing/tracefs.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char help[] =
	"ringside probes lists every dynamic event in tracefs, whoever made it: kprobes, kretprobes, uprobes, uretprobes, and\n"
	"the other kinds that newer kernels have, with the place where it stands, what it fetches (in words, and in tracefs'\n"
	"own notation), how often it fired, and how often it could not and was missed. 'dead' owners are ringsides that were\n"
	"killed and could not clean up.\n"
	"\n"
	"usage: ringside probes [OPTIONS]\n"
	"\n"
	"      --clean              remove the probes of dead ringsides, and say which; nobody else's are touched\n"
	"  -o, --output text|json   how to print it (text)\n"
	"      --color auto|always|never\n"
	"  -h, --help\n"
	"\n"
	"HITS and MISSES are counted by the kernel while somebody listens to an event, for kprobes and uprobes only.\n"
	"\n"
	"exit status: 0; 1 when tracefs cannot be read, or a dead one's probe cannot be removed; 64 for words it does not\n"
	"understand.\n"
	"\n"
	"examples:\n"
	"  sudo ringside probes\n"
	"  sudo ringside probes --clean\n"
	"  sudo ringside probes -o json | jq -r '.probes[] | select(.misses > 0) | .name'\n";

struct probes_options {
	enum output_form form;
	enum color_mode color;
	bool clean;
};

/* What a sweep did, as it is to be printed. */
struct clean_report {
	struct buffer text;
	json_t *removed, *kept;
	size_t failures;
};

static void take_swept(void *context, const char *group, const char *name, const struct error *error)
{
	struct clean_report *report = context;

	buffer_printf(&report->text, error ? "cannot remove %s/%s: " : "removed %s/%s", group, name);
	if (error)
		text_put_escaped(&report->text, error->message);
	buffer_put_u8(&report->text, '\n');
	report->failures += error != NULL;
	if (error)
		json_array_append_new(report->kept, json_pack("{s:s, s:s, s:s}", "group", group, "name", name, "error", error->message));
	else
		json_array_append_new(report->removed, json_pack("{s:s, s:s}", "group", group, "name", name));
}

static int print(struct buffer *out)
{
	return text_output_status(text_flush(out, STDOUT_FILENO));
}

static int clean(const struct probes_options *options, struct error *err)
{
	struct clean_report report = {.removed = json_array(), .kept = json_array()};
	int status = 1;

	buffer_init(&report.text, 0);
	if (dynamic_probe_sweep_each(take_swept, &report, err) >= 0) {
		tracefs_sweep();
		if (!report.text.length)
			buffer_put_string(&report.text, "nothing to remove: no dead ringside has left a probe\n");
		if (options->form == OUTPUT_JSON) {
			buffer_clear(&report.text);
			json_put(&report.text, json_pack("{s:O, s:O}", "removed", report.removed, "kept", report.kept));
		}
		status = print(&report.text) || report.failures;
	}
	buffer_done(&report.text);
	json_decref(report.removed);
	json_decref(report.kept);
	return status;
}

static int list(const struct probes_options *options, struct error *err)
{
	struct probe_list probes;
	struct buffer out;
	int status = 1;

	buffer_init(&out, 0);
	if (!probe_list_read(&probes, err)) {
		if (options->form == OUTPUT_JSON)
			probes_json_put(&out, &probes);
		else
			probes_text_put(&out, color_mode_wanted(options->color, STDOUT_FILENO), &probes);
		status = print(&out);
	}
	probe_list_done(&probes);
	buffer_done(&out);
	return status;
}

static bool parse_option(struct probes_options *options, const char *verb, int option)
{
	switch (option) {
	case 'C':
		options->clean = true;
		return true;
	case 'o':
		return output_form_parse(verb, optarg, OUTPUT_FORMS_USUAL, &options->form);
	case 'c':
		return color_option_parse(verb, optarg, &options->color);
	default:
		return false;
	}
}

int command_probes(int argc, char **argv)
{
	static const struct option longs[] = {
		{"clean", no_argument, NULL, 'C'},
		{"output", required_argument, NULL, 'o'},
		{"color", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct probes_options options = {0};
	struct error err = {0};
	int option, status;

	optind = 0;
	while ((option = options_next(argc, argv, "o:h", longs)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return 0;
		}
		if (!parse_option(&options, argv[0], option))
			return EX_USAGE;
	}
	if (!options_no_more_words(argc, argv))
		return EX_USAGE;
	status = 1;
	if (!tracefs_open(&err))
		status = options.clean ? clean(&options, &err) : list(&options, &err);
	if (err.code)
		text_say("ringside: ", err.message);
	return status;
}
