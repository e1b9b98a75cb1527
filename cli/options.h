#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "cli/text.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * getopt_long(3) with errors that help: an unknown option gets the nearest known one suggested. Main thread.
 */

/* Returns the next option's letter with its argument in `optarg`, -1 behind the last one, or '?' after an error that has been written to
 * standard error. `shorts` as for getopt(3). Call it with optind = 0 before the first one. */
int options_next(int argc, char **argv, const char *shorts, const struct option *longs);

/* "ringside VERB: MESSAGE", and where to read more, to standard error; returns EX_USAGE. `verb` may be "". */
int usage_error(const char *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The output forms -o takes. */
enum output_form {
	OUTPUT_TEXT,
	OUTPUT_JSON,
	OUTPUT_MARKDOWN,
	OUTPUT_NONE,
};

#define OUTPUT_FORM_BIT(form) (1u << (form))
/* What most verbs have. */
#define OUTPUT_FORMS_USUAL (OUTPUT_FORM_BIT(OUTPUT_TEXT) | OUTPUT_FORM_BIT(OUTPUT_JSON))

/* `forms`: those that this verb has. False, after an error to standard error, for any other word. */
bool output_form_parse(const char *verb, const char *word, unsigned int forms, enum output_form *ret);

/* False, after an error to standard error, for a word that is no color mode. */
bool color_option_parse(const char *verb, const char *word, enum color_mode *ret);

/* --OPTION's argument, in `optarg`, as a size of at least `least` bytes. 0, or EX_USAGE after an error to standard error. */
int size_option_parse(const char *verb, const char *option, uint64_t least, uint64_t *ret);

/* False, after an error, when there are words left behind the options. */
bool options_no_more_words(int argc, char **argv);

/* What can be said to a verb that prints one thing and is done. */
struct print_options {
	enum output_form form;
	enum color_mode color;
	const char *connect; /* NULL: not given */
};

/* Reads all words of such a verb, which has these forms; --connect only with `connects`. False: the verb is done, with *ret_status, because its
 * help was asked for (and printed) or its words are wrong (and it was said why). */
bool print_options_parse(int argc, char **argv, const char *help, unsigned int forms, bool connects, struct print_options *ret,
			 int *ret_status);

/* The sensor's address for a client: what was given, else the environment's, else the default. */
const char *options_address(const char *given);

#endif
