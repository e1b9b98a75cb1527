#ifndef CLI_WATCH_QUERY_H
#define CLI_WATCH_QUERY_H

#include "base/buffer.h"
#include "subscription/spec.h"

/*
 * What `ringside watch` asks for: words of the command line and a file, each in the text form (subscription/query_parse.h), or a file that is
 * protobuf's JSON of a capsule8.api.v0.Subscription or GetEventsRequest.
 */
struct watch_query {
	struct subscription_spec *spec; /* the text form. With JSON: as the sensor will read it, for its clauses; NULL: it will refuse it */
	struct buffer packed;           /* a GetEventsRequest, with JSON only */
	bool is_json;
	bool may_be_empty;    /* the caller's to set: without an event there are no clauses in the spec, rather than those of "process" */
	struct buffer report; /* after a failure: lines for standard error */
};

void watch_query_init(struct watch_query *q);
void watch_query_done(struct watch_query *q);

/*
 * Reads the words, each of them a query, then the file (NULL: none; "-": standard input). Without any, "process" is meant, unless may_be_empty. -EINVAL and other errors
 * with the report: it shows the line that is wrong, with a caret under the place.
 */
int watch_query_read(struct watch_query *q, char *const *words, size_t count, const char *file);

/* Appends the request as it goes to the sensor. */
int watch_query_pack(const struct watch_query *q, struct buffer *out, struct error *err);

#endif
