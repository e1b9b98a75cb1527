#ifndef CLI_RECORD_OPTIONS_H
#define CLI_RECORD_OPTIONS_H

#include "cli/watch_query.h"
#include "proto/capsule8_decoder.h"
#include "recorder/recorder.h"

#include <getopt.h>

/*
 * What is said to `ringside sensor` about its recorder: --record and the options that begin so. Main thread.
 */

#define RECORD_QUERIES_MAX 64

struct record_options {
	struct recorder_options recorder; /* `directory` NULL: nothing is recorded. `query` points into `text` */
	char *queries[RECORD_QUERIES_MAX];
	size_t query_count;
	const char *file;    /* with more of them; NULL: none */
	bool needs_recorder; /* there is an option that means nothing without --record */
	struct buffer text;
};

enum record_option {
	RECORD_OPTION_DIRECTORY = 256, /* behind all letters */
	RECORD_OPTION_QUERY,
	RECORD_OPTION_FILE,
	RECORD_OPTION_CAPACITY,
	RECORD_OPTION_AGE,
	RECORD_OPTION_FLUSH,
	RECORD_OPTION_MEMORY,
	RECORD_OPTION_LEVEL,
};

/* For the verb's table of long options, and for its help. */
/* clang-format off */
#define RECORD_OPTIONS \
	{"record", required_argument, NULL, RECORD_OPTION_DIRECTORY}, \
	{"record-query", required_argument, NULL, RECORD_OPTION_QUERY}, \
	{"record-file", required_argument, NULL, RECORD_OPTION_FILE}, \
	{"record-capacity", required_argument, NULL, RECORD_OPTION_CAPACITY}, \
	{"record-age", required_argument, NULL, RECORD_OPTION_AGE}, \
	{"record-flush", required_argument, NULL, RECORD_OPTION_FLUSH}, \
	{"record-memory", required_argument, NULL, RECORD_OPTION_MEMORY}, \
	{"record-level", required_argument, NULL, RECORD_OPTION_LEVEL}
/* clang-format on */
extern const char record_options_help[];

void record_options_init(struct record_options *o);
void record_options_done(struct record_options *o);

/* Takes one of these, with its argument in `optarg`. 0, or EX_USAGE after an error on standard error. */
int record_options_parse(struct record_options *o, const char *verb, int option);

/* Once all are taken: reads what is to be recorded. *ret is to be freed with subscription_spec_free(); NULL: nothing is. 0, or EX_USAGE after an error on
 * standard error. */
int record_options_spec(struct record_options *o, const char *verb, const struct capsule8_decode_options *decode_options,
			struct subscription_spec **ret);

#endif
