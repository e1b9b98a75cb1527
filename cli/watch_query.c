#include "cli/watch_query.h"

#include "base/cleanup.h"
#include "capsule8/api/v0/subscription.pb-c.h"
#include "capsule8/api/v0/telemetry_service.pb-c.h"
#include "cli/caret.h"
#include "cli/text.h"
#include "proto/capsule8_decoder.h"
#include "proto/capsule8_request.h"
#include "proto/message_parse_json.h"
#include "proto/wire.h"
#include "subscription/query_parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERYTHING      "process"
#define FILE_BYTES_MAX  (16 << 20)
#define FILE_READ_BYTES 65536

void watch_query_init(struct watch_query *q)
{
	*q = (struct watch_query){0};
	buffer_init(&q->packed, 0);
	buffer_init(&q->report, 0);
}

void watch_query_done(struct watch_query *q)
{
	q->spec = subscription_spec_free(q->spec);
	buffer_done(&q->packed);
	buffer_done(&q->report);
}

/* "ringside: FILE: the reason" */
static int report(struct watch_query *q, const char *file, int r, const char *reason)
{
	buffer_put_string(&q->report, "ringside: ");
	if (file) {
		text_put_escaped(&q->report, file);
		buffer_put_string(&q->report, ": ");
	}
	text_put_escaped(&q->report, reason);
	buffer_put_u8(&q->report, '\n');
	return r;
}

/* The line of the text that the mistake is in, and a caret. In a file, its number comes first. */
static int report_mistake(struct watch_query *q, const char *file, const char *text, const struct query_mistake *mistake)
{
	size_t start = mistake->position, lines = 1;
	struct buffer prefix;
	char *line;

	while (start && text[start - 1] != '\n')
		start--;
	for (size_t i = 0; i < start; i++)
		lines += text[i] == '\n';
	line = strndup(text + start, strcspn(text + start, "\n"));
	buffer_init(&prefix, 0);
	buffer_put_string(&prefix, "ringside: ");
	if (file) {
		text_put_escaped(&prefix, file);
		buffer_printf(&prefix, ":%zu: ", lines);
	}
	buffer_put_u8(&prefix, 0);
	if (line && !prefix.failed)
		caret_put(&q->report, (const char *)prefix.data, line, mistake->position - start, mistake->sentence);
	buffer_done(&prefix);
	free(line);
	return -EINVAL;
}

static int read_text(struct watch_query *q, const char *file, const char *text)
{
	struct query_mistake mistake;
	struct error err = {0};
	int r;

	if (!q->spec)
		q->spec = subscription_spec_new();
	if (!q->spec)
		return report(q, file, -ENOMEM, "out of memory");
	r = query_parse_into(q->spec, text, &mistake, &err);
	if (r == -EINVAL)
		return report_mistake(q, file, text, &mistake);
	return r ? report(q, file, r, err.message) : 0;
}

/* Around a Subscription, what is there of a GetEventsRequest. */
static void wrap(struct buffer *out, const struct buffer *subscription)
{
	uint8_t *to = buffer_reserve(out, WIRE_FIELD_MAX + subscription->length + WIRE_SLACK);

	if (to)
		out->length += (size_t)(wire_put_bytes(to, 1, subscription->data, subscription->length) - to);
}

static int parse_request(const json_t *json, struct buffer *out, struct error *err)
{
	struct buffer subscription;
	int r;

	if (json_object_get(json, "subscription"))
		return message_parse_json(&capsule8__api__v0__get_events_request__descriptor, json, out, err);
	buffer_init(&subscription, 0);
	r = message_parse_json(&capsule8__api__v0__subscription__descriptor, json, &subscription, err);
	if (!r)
		wrap(out, &subscription);
	buffer_done(&subscription);
	return r || !out->failed ? r : error_set(err, -ENOMEM, "out of memory");
}

static int read_json(struct watch_query *q, const char *file, const char *text)
{
	struct error err = {0};
	json_t *json = NULL;
	int r = message_json_load(text, strlen(text), &json, &err);

	q->is_json = true;
	if (!r)
		r = parse_request(json, &q->packed, &err);
	json_decref(json);
	if (r)
		return report(q, file, r, err.message);
	/* What is wrong with it as a request is for the sensor to say: it may know more than this program. */
	if (capsule8_decode_request(q->packed.data, q->packed.length, NULL, &q->spec, NULL))
		q->spec = NULL;
	return 0;
}

static int read_all(FILE *stream, struct buffer *out)
{
	size_t size;

	do {
		uint8_t *to = buffer_reserve(out, FILE_READ_BYTES);

		size = to ? fread(to, 1, FILE_READ_BYTES, stream) : 0;
		out->length += size;
	} while (size);
	if (ferror(stream))
		return -errno;
	if (out->failed)
		return -EFBIG;
	buffer_put_u8(out, 0);
	return out->failed ? -EFBIG : 0;
}

static int read_file(struct watch_query *q, const char *file, bool has_words)
{
	bool is_stdin = !strcmp(file, "-");
	cleanup_fclose FILE *opened = is_stdin ? NULL : fopen(file, "re");
	struct buffer content;
	const char *text;
	struct error err;
	int r = is_stdin || opened ? 0 : -errno;

	buffer_init(&content, FILE_BYTES_MAX);
	if (!r)
		r = read_all(is_stdin ? stdin : opened, &content);
	if (r) {
		error_set_errno(&err, r, "cannot read it");
		report(q, file, r, err.message);
		goto out;
	}
	text = (const char *)content.data;
	if (strlen(text) + 1 != content.length)
		r = report(q, file, -EINVAL, "it is no text: there is a NUL in it");
	else if (text[strspn(text, " \t\r\n")] != '{')
		r = read_text(q, file, text);
	else if (has_words)
		r = report(q, file, -EINVAL, "a subscription in JSON is a whole one: nothing can be added to it on the command line");
	else
		r = read_json(q, file, text);
out:
	buffer_done(&content);
	return r;
}

int watch_query_read(struct watch_query *q, char *const *words, size_t count, const char *file)
{
	int r = 0;

	for (size_t i = 0; !r && i < count; i++)
		r = read_text(q, NULL, words[i]);
	if (!r && file)
		r = read_file(q, file, count);
	if (r || q->is_json)
		return r;
	if (q->may_be_empty)
		return q->spec ? 0 : read_text(q, NULL, "");
	/* Words may be limits and the like only. */
	if (!file && (!q->spec || !q->spec->clause_count))
		r = read_text(q, NULL, EVERYTHING);
	if (!r && !q->spec->clause_count)
		r = report(q, file, -EINVAL, "there is no event in it; one is needed, like process:exec");
	return r;
}

int watch_query_pack(const struct watch_query *q, struct buffer *out, struct error *err)
{
	if (!q->is_json)
		return capsule8_encode_request(q->spec, out, err);
	buffer_put(out, q->packed.data, q->packed.length);
	return out->failed ? error_set(err, -ENOMEM, "out of memory") : 0;
}
