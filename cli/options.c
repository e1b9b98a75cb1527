#include "cli/options.h"

#include "cli/command.h"
#include "cli/suggest.h"

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

bool output_form_parse(const char *verb, const char *word, bool none_allowed, enum output_form *ret)
{
	if (!strcmp(word, "text"))
		*ret = OUTPUT_TEXT;
	else if (!strcmp(word, "json"))
		*ret = OUTPUT_JSON;
	else if (none_allowed && !strcmp(word, "none"))
		*ret = OUTPUT_NONE;
	else
		return usage_error(verb, "-o %s: the forms are text%s json%s", word, none_allowed ? "," : " and",
				   none_allowed ? " and none" : "") == 0;
	return true;
}

bool options_no_more_words(int argc, char **argv)
{
	if (optind >= argc)
		return true;
	usage_error(argv[0], "it takes no words beside its options, but got \"%s\"", argv[optind]);
	return false;
}

const char *options_address(const char *given)
{
	const char *address = given ? given : getenv(ADDRESS_VARIABLE);

	return address && *address ? address : DEFAULT_ADDRESS;
}
