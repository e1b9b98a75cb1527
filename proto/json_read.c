#include "proto/json_read.h"

#include "base/suggest.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

const char *json_type_name(const json_t *json)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a string";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	case JSON_NULL:
		return "null";
	default:
		return "a number";
	}
}

/* Numbers in strings: nothing else may be in them. */
static bool is_decimal(const char *text)
{
	text += *text == '-';
	return *text && !text[strspn(text, "0123456789")];
}

int json_read_signed(const json_t *json, int64_t least, int64_t most, uint64_t *ret, struct error *err)
{
	const char *text = json_string_value(json);
	double real = json_is_real(json) ? json_real_value(json) : 0;
	int64_t value;

	if (json_is_integer(json)) {
		value = json_integer_value(json);
	} else if (text && is_decimal(text)) {
		errno = 0;
		value = strtoll(text, NULL, 10);
		if (errno)
			return error_set(err, -EINVAL, "%.40s is out of range: from %" PRId64 " to %" PRId64, text, least, most);
	} else if (json_is_real(json) && real == trunc(real) && fabs(real) < ldexp(1, 53)) {
		value = (int64_t)real;
	} else {
		return text ? error_set(err, -EINVAL, "\"%.40s\" is no whole number", text)
			    : error_set(err, -EINVAL, "a whole number is needed, not %s%s", json_is_real(json) ? "such " : "",
					json_type_name(json));
	}
	if (value < least || value > most)
		return error_set(err, -EINVAL, "%" PRId64 " is out of range: from %" PRId64 " to %" PRId64, value, least, most);
	*ret = (uint64_t)value;
	return 0;
}

int json_read_unsigned(const json_t *json, uint64_t most, uint64_t *ret, struct error *err)
{
	const char *text = json_string_value(json);

	/* Only what does not fit into 63 bits is different. */
	if (!text || !is_decimal(text) || *text == '-')
		return json_read_signed(json, 0, most > INT64_MAX ? INT64_MAX : (int64_t)most, ret, err);
	errno = 0;
	*ret = strtoull(text, NULL, 10);
	if (errno || *ret > most)
		return error_set(err, -EINVAL, "%.40s is out of range: from 0 to %" PRIu64, text, most);
	return 0;
}

int json_read_double(const json_t *json, double *ret, struct error *err)
{
	static const struct {
		const char *name;
		double value;
	} special[] = {{"NaN", NAN}, {"Infinity", INFINITY}, {"-Infinity", -INFINITY}};
	const char *text = json_string_value(json);
	char *end;

	if (!text && !json_is_number(json))
		return error_set(err, -EINVAL, "a number is needed, not %s", json_type_name(json));
	if (!text) {
		*ret = json_number_value(json);
		return 0;
	}
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (!strcmp(special[i].name, text)) {
			*ret = special[i].value;
			return 0;
		}
	*ret = strtod(text, &end);
	if (!*text || *end || text[strspn(text, "0123456789+-.eE")])
		return error_set(err, -EINVAL, "\"%.40s\" is no number", text);
	return 0;
}

int json_read_bool(const json_t *json, uint64_t *ret, struct error *err)
{
	const char *text = json_string_value(json);

	*ret = json_is_true(json) || (text && !strcmp(text, "true"));
	if (json_is_boolean(json) || *ret || (text && !strcmp(text, "false")))
		return 0;
	return error_set(err, -EINVAL, "true or false is needed, not %s", json_type_name(json));
}

int json_read_enum(const json_t *json, const ProtobufCEnumDescriptor *type, uint64_t *ret, struct error *err)
{
	const char *name = json_string_value(json);
	const ProtobufCEnumValue *value = name ? protobuf_c_enum_descriptor_get_value_by_name(type, name) : NULL;
	struct suggestion s;

	if (value) {
		*ret = (uint64_t)(int64_t)value->value;
		return 0;
	}
	if (json_is_integer(json))
		return json_read_signed(json, INT32_MIN, INT32_MAX, ret, err);
	if (!name)
		return error_set(err, -EINVAL, "a name of %s is needed, not %s", type->short_name, json_type_name(json));
	suggestion_init(&s, name);
	for (unsigned int i = 0; i < type->n_values; i++)
		suggestion_offer(&s, type->values[i].name);
	if (suggestion_best(&s))
		return error_set(err, -EINVAL, "%s has no value \"%.64s\"; did you mean %s?", type->short_name, name, suggestion_best(&s));
	return error_set(err, -EINVAL, "%s has no value \"%.64s\"; there is %s and others", type->short_name, name,
			 type->values[type->n_values - 1].name);
}

static int digit_of(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = strchr(digits, c == '-' ? '+' : c == '_' ? '/' : c);

	return c && at ? (int)(at - digits) : -1;
}

int json_read_base64(const json_t *json, struct buffer *out, struct error *err)
{
	const char *text = json_string_value(json);
	size_t length = text ? strlen(text) : 0;
	uint32_t bits = 0;
	unsigned int count = 0;

	if (!text)
		return error_set(err, -EINVAL, "bytes in base64 are needed, not %s", json_type_name(json));
	for (int padding = 0; padding < 2 && length % 4 != 1 && length && text[length - 1] == '='; padding++)
		length--;
	for (size_t i = 0; i < length; i++) {
		if (digit_of(text[i]) < 0)
			return error_set(err, -EINVAL, "\"%.40s\" is no base64", text);
		bits = bits << 6 | (uint32_t)digit_of(text[i]);
		count += 6;
		if (count >= 8) {
			count -= 8;
			buffer_put_u8(out, (uint8_t)(bits >> count));
		}
	}
	/* What is left over is less than a digit, and zeros. */
	if (count >= 6 || bits & ((1u << count) - 1))
		return error_set(err, -EINVAL, "\"%.40s\" is no base64", text);
	return 0;
}
