#include "proto/json_scalar.h"

#include "base/cleanup.h"
#include "proto/utf8.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z. */
#define TIME_FIRST INT64_C(-62135596800)
#define TIME_LAST  INT64_C(253402300799)

/* Printable ASCII, as nearly all strings are. */
static bool needs_no_escape(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] < ' ' || bytes[i] > '~' || bytes[i] == '"' || bytes[i] == '\\')
			return false;
	return true;
}

static void put_escaped(struct buffer *out, const char *bytes, size_t size)
{
	json_t *string = json_stringn(bytes, size);
	size_t needed;
	uint8_t *to;

	if (!string) {
		out->failed = true;
		return;
	}
	needed = json_dumpb(string, NULL, 0, JSON_ENCODE_ANY);
	to = buffer_reserve(out, needed);
	if (to)
		out->length += json_dumpb(string, (char *)to, needed, JSON_ENCODE_ANY);
	json_decref(string);
}

void json_put_text(struct buffer *out, const char *bytes, size_t size)
{
	cleanup_free uint8_t *valid = NULL;

	if (needs_no_escape(bytes, size)) {
		buffer_put_u8(out, '"');
		buffer_put(out, bytes, size);
		buffer_put_u8(out, '"');
		return;
	}
	if (utf8_is_valid(bytes, size)) {
		put_escaped(out, bytes, size);
		return;
	}
	valid = malloc(UTF8_EXPANSION * size);
	if (!valid) {
		out->failed = true;
		return;
	}
	size = utf8_copy_valid(valid, bytes, size);
	put_escaped(out, (const char *)valid, size);
}

void json_put_base64(struct buffer *out, const uint8_t *bytes, size_t size)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t length = (size + 2) / 3 * 4 + 2;
	uint8_t *to = buffer_reserve(out, length);

	if (!to)
		return;
	out->length += length;
	*to++ = '"';
	for (size_t i = 0; i < size; i += 3) {
		uint32_t group = (uint32_t)bytes[i] << 16;

		if (i + 1 < size)
			group |= (uint32_t)bytes[i + 1] << 8;
		if (i + 2 < size)
			group |= bytes[i + 2];
		*to++ = (uint8_t)alphabet[group >> 18];
		*to++ = (uint8_t)alphabet[group >> 12 & 63];
		*to++ = i + 1 < size ? (uint8_t)alphabet[group >> 6 & 63] : '=';
		*to++ = i + 2 < size ? (uint8_t)alphabet[group & 63] : '=';
	}
	*to = '"';
}

/* NaN and the infinities are no JSON numbers. */
static bool put_special(struct buffer *out, double value)
{
	if (isfinite(value))
		return false;
	buffer_put_string(out, isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
	return true;
}

void json_put_double(struct buffer *out, double value)
{
	char text[32];

	if (put_special(out, value))
		return;
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	buffer_put_string(out, text);
}

void json_put_float(struct buffer *out, float value)
{
	char text[32];

	if (put_special(out, (double)value))
		return;
	for (int digits = 6; digits <= 9; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, (double)value);
		if (strtof(text, NULL) == value)
			break;
	}
	buffer_put_string(out, text);
}

bool json_put_time(struct buffer *out, int64_t seconds, int32_t nanos)
{
	time_t time = (time_t)seconds;
	struct tm tm;

	if (seconds < TIME_FIRST || seconds > TIME_LAST || nanos < 0 || nanos > 999999999 || !gmtime_r(&time, &tm))
		return false;
	buffer_printf(out, "\"%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
		      tm.tm_sec);
	if (nanos % 1000)
		buffer_printf(out, ".%09d", nanos);
	else if (nanos % 1000000)
		buffer_printf(out, ".%06d", nanos / 1000);
	else if (nanos)
		buffer_printf(out, ".%03d", nanos / 1000000);
	buffer_put_string(out, "Z\"");
	return true;
}
