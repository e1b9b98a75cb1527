#include "cli/catalog_text.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/text.h"

#include <stdio.h>
#include <unistd.h>

static const char help[] =
	"ringside events lists what can be watched: every kind of event, and its fields with their types.\n"
	"A field marked 'kernel' can be filtered by the kernel itself, so that what is not wanted costs next to nothing.\n"
	"\n"
	"usage: ringside events [OPTIONS]\n"
	"\n"
	"  -o, --output text|json|markdown\n"
	"                            how to print it (text)\n"
	"      --color auto|always|never\n"
	"  -h, --help\n"
	"\n"
	"examples:\n"
	"  ringside events\n"
	"  ringside events -o json | jq -r '.[].fields[].name'\n";

int command_events(int argc, char **argv)
{
	struct print_options options;
	struct buffer out;
	int status;
	int r;

	if (!print_options_parse(argc, argv, help, OUTPUT_FORMS_USUAL | OUTPUT_FORM_BIT(OUTPUT_MARKDOWN), false, &options, &status))
		return status;
	buffer_init(&out, 0);
	if (options.form == OUTPUT_JSON)
		catalog_json_put(&out);
	else if (options.form == OUTPUT_MARKDOWN)
		catalog_markdown_put(&out);
	else
		catalog_text_put(&out, color_mode_wanted(options.color, STDOUT_FILENO));
	r = text_flush(&out, STDOUT_FILENO);
	buffer_done(&out);
	return text_output_status(r);
}
