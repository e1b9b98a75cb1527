#include "base/parse.h"

#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{"", 1},
	{"B", 1},
	{"K", UINT64_C(1) << 10},
	{"KB", UINT64_C(1) << 10},
	{"KiB", UINT64_C(1) << 10},
	{"M", UINT64_C(1) << 20},
	{"MB", UINT64_C(1) << 20},
	{"MiB", UINT64_C(1) << 20},
	{"G", UINT64_C(1) << 30},
	{"GB", UINT64_C(1) << 30},
	{"GiB", UINT64_C(1) << 30},
	{"T", UINT64_C(1) << 40},
	{"TB", UINT64_C(1) << 40},
	{"TiB", UINT64_C(1) << 40},
	{NULL, 0},
};

static const struct unit duration_units[] = {
	{"ns", 1},
	{"us", NSEC_PER_USEC},
	{"ms", NSEC_PER_MSEC},
	{"s", NSEC_PER_SEC},
	{"m", 60 * NSEC_PER_SEC},
	{"h", 3600 * NSEC_PER_SEC},
	{"d", 24 * 3600 * NSEC_PER_SEC},
	{NULL, 0},
};

/* Leaves *ret_rest behind the digits; false when there are none or too many. */
static bool parse_digits(const char *text, uint64_t *ret, const char **ret_rest)
{
	char *end;

	/* strtoull() would take blanks and signs. */
	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	*ret_rest = end;
	return !errno;
}

static bool parse_with_unit(const char *text, const struct unit *units, uint64_t *ret)
{
	const char *rest;
	uint64_t value;

	if (!parse_digits(text, &value, &rest))
		return false;
	while (units->name && strcasecmp(rest, units->name) != 0)
		units++;
	if (!units->name || value > UINT64_MAX / units->factor)
		return false;
	*ret = value * units->factor;
	return true;
}

int parse_size(const char *text, uint64_t *ret_bytes, struct error *err)
{
	if (parse_with_unit(text, size_units, ret_bytes))
		return 0;
	return error_set(err, -EINVAL, "\"%s\" is not a size: write bytes as a number, or with a unit, like 512KiB, 64MiB or 1GiB", text);
}

int parse_duration(const char *text, uint64_t *ret_ns, struct error *err)
{
	if (!strcmp(text, "0")) {
		*ret_ns = 0;
		return 0;
	}
	if (parse_with_unit(text, duration_units, ret_ns))
		return 0;
	return error_set(err, -EINVAL, "\"%s\" is not a duration: write a whole number with a unit, like 10us, 250ms, 1s, 2m, 1h or 7d",
			 text);
}

int parse_number(const char *text, uint64_t least, uint64_t most, uint64_t *ret, struct error *err)
{
	const char *rest;
	uint64_t value;

	if (parse_digits(text, &value, &rest) && !*rest && value >= least && value <= most) {
		*ret = value;
		return 0;
	}
	if (most == UINT64_MAX || most == INT64_MAX)
		return error_set(err, -EINVAL, "\"%s\" is not a whole number of at least %" PRIu64, text, least);
	return error_set(err, -EINVAL, "\"%s\" is not a whole number from %" PRIu64 " to %" PRIu64, text, least, most);
}
