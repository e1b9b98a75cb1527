#ifndef CLI_WATCH_OPTIONS_H
#define CLI_WATCH_OPTIONS_H

#include "cli/options.h"
#include "cli/watch_query.h"

/*
 * The options that `ringside watch` and `ringside replay` have in common: which events, how many, of which time, and in what form. Main thread.
 */
struct watch_options {
	const char *file;                    /* NULL: none */
	struct container_filter *containers; /* NULL: none, or the spec has it */
	uint64_t limit;
	uint64_t throttle_ns;
	uint64_t since_ns;
	bool has_since;
	uint64_t for_ns;
	bool has_for;
	enum output_form form;
	enum color_mode color;
	bool quiet;
};

/* Rows for getopt_long(3), --help ('h') included, which the verb answers itself. */
#define WATCH_OPTIONS_SHORT "n:o:qh"
/* clang-format off */
#define WATCH_OPTIONS_LONG                         \
	{"container", required_argument, NULL, 'C'}, \
	{"limit", required_argument, NULL, 'n'},     \
	{"throttle", required_argument, NULL, 't'},  \
	{"since", required_argument, NULL, 's'},     \
	{"for", required_argument, NULL, 'f'},       \
	{"file", required_argument, NULL, 'F'},      \
	{"output", required_argument, NULL, 'o'},    \
	{"color", required_argument, NULL, 'c'},     \
	{"quiet", no_argument, NULL, 'q'},           \
	{"help", no_argument, NULL, 'h'}
/* clang-format on */

/* Takes one of them, with its argument in `optarg`. False: it is none of them, or its argument is wrong, and standard error says why. */
bool watch_options_take(struct watch_options *o, const char *verb, int option);

/* Reads the words and the file (watch_query_read()), and puts into the query's spec what the options say, which are stronger than the text. False: standard
 * error says why. */
bool watch_options_read_query(struct watch_options *o, const char *verb, char *const *words, size_t count, struct watch_query *ret);

void watch_options_done(struct watch_options *o);

#endif
