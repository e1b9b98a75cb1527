#include "container/state_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xxhash.h>

/* Each value but the first begins behind one of these. Those in strings are counted too. */
static bool has_too_many_values(const char *text, size_t size)
{
	size_t count = 0;

	for (size_t i = 0; i < size; i++)
		count += text[i] == ',' || text[i] == '[' || text[i] == '{';
	return count > STATE_JSON_VALUES_MAX;
}

int state_json_load(json_t **ret, const char *text, size_t size)
{
	json_error_t error;

	*ret = NULL;
	if (has_too_many_values(text, size))
		return -EINVAL;
	*ret = json_loadb(text, size, 0, &error);
	if (!*ret && json_error_code(&error) == json_error_numeric_overflow)
		*ret = json_loadb(text, size, JSON_DECODE_INT_AS_REAL, &error);
	if (*ret)
		return 0;
	return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EINVAL;
}

bool state_json_string(char **string, const json_t *object, const char *key, size_t max)
{
	const json_t *value = json_object_get(object, key);
	size_t length = json_string_length(value);

	return !length || length > max || container_fact_set(string, json_string_value(value), length, max);
}

bool state_json_image_id(char **string, const json_t *object, const char *key)
{
	const char prefix[] = "sha256:";
	const char *value = json_string_value(json_object_get(object, key));

	if (!value || !*value)
		return true;
	if (!strncmp(value, prefix, sizeof(prefix) - 1))
		value += sizeof(prefix) - 1;
	return container_fact_set(string, value, strlen(value), CONTAINER_STRING_MAX);
}

bool state_json_labels(struct container_fact *f, const json_t *object)
{
	const char *key;
	json_t *value;

	/* The macro casts the const away; nothing is changed. */
	json_object_foreach ((json_t *)object, key, value)
		if (json_is_string(value) && !container_fact_add_label(f, key, json_string_value(value)))
			return false;
	return true;
}

static const char *take_digits(const char *text, int count, int *ret)
{
	*ret = 0;
	for (; count; count--, text++) {
		if (*text < '0' || *text > '9')
			return NULL;
		*ret = *ret * 10 + (*text - '0');
	}
	return text;
}

/* ".5" is half a second; digits beyond the ninth do not count. */
static const char *take_fraction(const char *text, int64_t *ret_ns)
{
	int64_t digit_ns = 100000000;

	*ret_ns = 0;
	if (*text != '.')
		return text;
	for (text++; *text >= '0' && *text <= '9'; text++, digit_ns /= 10)
		*ret_ns += (*text - '0') * digit_ns;
	return text;
}

static bool take_zone(const char *text, int *ret_s)
{
	int hours, minutes, sign = *text == '-' ? -1 : 1;

	*ret_s = 0;
	if (!strcmp(text, "Z"))
		return true;
	if (*text != '+' && *text != '-')
		return false;
	text = take_digits(text + 1, 2, &hours);
	if (!text || *text != ':')
		return false;
	text = take_digits(text + 1, 2, &minutes);
	*ret_s = sign * (hours * 3600 + minutes * 60);
	return text && !*text;
}

static const char *take_date(const char *text, struct tm *ret)
{
	static const char separators[] = "--T::";
	int *const fields[] = {&ret->tm_year, &ret->tm_mon, &ret->tm_mday, &ret->tm_hour, &ret->tm_min, &ret->tm_sec};

	*ret = (struct tm){0};
	for (size_t i = 0; text && i < sizeof(fields) / sizeof(fields[0]); i++) {
		text = take_digits(text, i ? 2 : 4, fields[i]);
		if (text && separators[i] && *text++ != separators[i])
			return NULL;
	}
	ret->tm_year -= 1900;
	ret->tm_mon -= 1;
	return text;
}

#define YEAR_MAX 2261 /* the last whole one that int64_t has ns for */

int64_t state_json_time_ns(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	int64_t seconds, fraction_ns;
	struct tm date;
	int zone_s;

	if (!text)
		return 0;
	text = take_date(text, &date);
	if (!text || date.tm_year < 70 || date.tm_year > YEAR_MAX - 1900)
		return 0;
	text = take_fraction(text, &fraction_ns);
	if (!take_zone(text, &zone_s))
		return 0;
	seconds = timegm(&date) - zone_s;
	return seconds > 0 ? seconds * 1000000000 + fraction_ns : 0;
}

uint64_t state_json_number(const json_t *object, const char *key, uint64_t max)
{
	const json_t *value = json_object_get(object, key);
	double real = json_is_integer(value) ? (double)json_integer_value(value) : json_real_value(value);

	if (real < 0 || real > (double)max)
		return 0;
	return json_is_integer(value) ? (uint64_t)json_integer_value(value) : (uint64_t)real;
}

struct state_json_hash {
	XXH3_state_t *state;
	bool failed;
};

struct state_json_hash *state_json_hash_new(void)
{
	struct state_json_hash *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->state = XXH3_createState();
	h->failed = !h->state || XXH3_64bits_reset(h->state) == XXH_ERROR;
	return h;
}

static int feed(const char *text, size_t size, void *context)
{
	const struct state_json_hash *h = context;

	return XXH3_64bits_update(h->state, text, size) == XXH_ERROR ? -1 : 0;
}

void state_json_hash_add(struct state_json_hash *h, const json_t *value)
{
	if (!h || h->failed)
		return;
	if (value)
		h->failed = json_dump_callback(value, feed, h, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) < 0;
	h->failed = h->failed || feed("", 1, h);
}

uint64_t state_json_hash_end(struct state_json_hash *h)
{
	uint64_t ret = 0;

	if (!h)
		return 0;
	if (!h->failed) {
		ret = XXH3_64bits_digest(h->state);
		if (!ret)
			ret = 1;
	}
	XXH3_freeState(h->state);
	free(h);
	return ret;
}
