#include "cli/catalog_text.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/text.h"

#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

static const char help[] =
	"ringside events lists what can be watched: every kind of event, and its fields with their types.\n"
	"A field marked 'kernel' can be filtered by the kernel itself, so that what is not wanted costs next to nothing.\n"
	"\n"
	"usage: ringside events [OPTIONS]\n"
	"\n"
	"  -o, --output text|json    how to print it (text)\n"
	"      --color auto|always|never\n"
	"  -h, --help\n"
	"\n"
	"examples:\n"
	"  ringside events\n"
	"  ringside events -o json | jq -r '.[].fields[].name'\n";

int command_events(int argc, char **argv)
{
	static const struct option longs[] = {
		{"output", required_argument, NULL, 'o'},
		{"color", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	enum color_mode color = COLOR_AUTO;
	enum output_form form = OUTPUT_TEXT;
	struct buffer out;
	int option;
	int r;

	optind = 0;
	while ((option = options_next(argc, argv, "o:h", longs)) != -1) {
		switch (option) {
		case 'o':
			if (!output_form_parse(argv[0], optarg, false, &form))
				return EX_USAGE;
			break;
		case 'c':
			if (color_mode_parse(optarg, &color))
				return usage_error(argv[0], "--color %s: use auto, always or never", optarg);
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			return EX_USAGE;
		}
	}
	if (!options_no_more_words(argc, argv))
		return EX_USAGE;
	buffer_init(&out, 0);
	if (form == OUTPUT_JSON)
		catalog_json_put(&out);
	else
		catalog_text_put(&out, color_mode_wanted(color, STDOUT_FILENO));
	r = text_flush(&out, STDOUT_FILENO);
	buffer_done(&out);
	return text_output_status(r);
}
