#include "cli/options.h"

#include "base/parse.h"
#include "base/suggest.h"
#include "cli/command.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

int usage_error(const char *verb, const char *format, ...)
{
	char message[512];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	fprintf(stderr, "ringside%s%s: %s\n", *verb ? " " : "", verb, message);
	fprintf(stderr, "'ringside %s%s--help' tells more.\n", verb, *verb ? " " : "");
	return EX_USAGE;
}

static void unknown_option(const char *verb, const char *word, const struct option *longs)
{
	struct suggestion suggestion;
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	suggestion_init(&suggestion, name + strspn(name, "-"));
	for (const struct option *o = longs; o->name; o++)
		suggestion_offer(&suggestion, o->name);
	if (suggestion_best(&suggestion))
		usage_error(verb, "unknown option %s; did you mean --%s?", name, suggestion_best(&suggestion));
	else
		usage_error(verb, "unknown option %s", name);
}

int options_next(int argc, char **argv, const char *shorts, const struct option *longs)
{
	char with_colon[64];
	int option;

	opterr = 0;
	/* The colon in front tells a missing argument from an unknown option. */
	snprintf(with_colon, sizeof(with_colon), ":%s", shorts);
	option = getopt_long(argc, argv, with_colon, longs, NULL);
	if (option == ':') {
		usage_error(argv[0], "%s needs an argument", argv[optind - 1]);
		return '?';
	}
	if (option != '?')
		return option;
	if (!optopt)
		unknown_option(argv[0], argv[optind - 1], longs);
	else if (strchr(shorts, optopt))
		usage_error(argv[0], "%s takes no argument", argv[optind - 1]);
	else
		usage_error(argv[0], "unknown option -%c", optopt);
	return '?';
}

static const char *const form_names[] = {
	[OUTPUT_TEXT] = "text",
	[OUTPUT_JSON] = "json",
	[OUTPUT_MARKDOWN] = "markdown",
	[OUTPUT_NONE] = "none",
};

#define FORM_COUNT (sizeof(form_names) / sizeof(form_names[0]))

/* "text, json and none" */
static void list_forms(unsigned int forms, char *to, size_t size)
{
	size_t length = 0;

	for (size_t i = 0; i < FORM_COUNT && length < size; i++) {
		unsigned int behind = forms >> i;

		if (behind & 1)
			length += (size_t)snprintf(to + length, size - length, "%s%s", form_names[i],
						   behind == 1                       ? ""
						   : __builtin_popcount(behind) == 2 ? " and "
										     : ", ");
	}
}

bool output_form_parse(const char *verb, const char *word, unsigned int forms, enum output_form *ret)
{
	char names[64];

	for (size_t i = 0; i < FORM_COUNT; i++) {
		if (!(forms & 1u << i) || strcmp(word, form_names[i]) != 0)
			continue;
		*ret = (enum output_form)i;
		return true;
	}
	list_forms(forms, names, sizeof(names));
	usage_error(verb, "-o %s: the forms are %s", word, names);
	return false;
}

bool color_option_parse(const char *verb, const char *word, enum color_mode *ret)
{
	if (!color_mode_parse(word, ret))
		return true;
	usage_error(verb, "--color %s: use auto, always or never", word);
	return false;
}

int size_option_parse(const char *verb, const char *option, uint64_t least, uint64_t *ret)
{
	struct error err;

	if (parse_size(optarg, ret, &err))
		return usage_error(verb, "--%s: %s", option, err.message);
	if (*ret < least)
		return usage_error(verb, "--%s: %s is less than %" PRIu64 " bytes", option, optarg, least);
	return 0;
}

bool options_no_more_words(int argc, char **argv)
{
	if (optind >= argc)
		return true;
	usage_error(argv[0], "it takes no words beside its options, but got \"%s\"", argv[optind]);
	return false;
}

static bool print_option_take(const char *verb, int option, unsigned int forms, struct print_options *ret)
{
	switch (option) {
	case 'a':
		ret->connect = optarg;
		return true;
	case 'o':
		return output_form_parse(verb, optarg, forms, &ret->form);
	case 'c':
		return color_option_parse(verb, optarg, &ret->color);
	default:
		return false;
	}
}

bool print_options_parse(int argc, char **argv, const char *help, unsigned int forms, bool connects, struct print_options *ret,
			 int *ret_status)
{
	static const struct option longs[] = {
		{"connect", required_argument, NULL, 'a'},
		{"output", required_argument, NULL, 'o'},
		{"color", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option;

	*ret = (struct print_options){.form = OUTPUT_TEXT, .color = COLOR_AUTO};
	*ret_status = EX_USAGE;
	optind = 0;
	while ((option = options_next(argc, argv, "o:h", connects ? longs : longs + 1)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			*ret_status = 0;
			return false;
		}
		if (!print_option_take(argv[0], option, forms, ret))
			return false;
	}
	return options_no_more_words(argc, argv);
}

const char *options_address(const char *given)
{
	const char *address = given ? given : getenv(ADDRESS_VARIABLE);

	return address && *address ? address : DEFAULT_ADDRESS;
}
