#include "base/parse.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static uint64_t size_of(const char *text)
{
	struct error err = {0};
	uint64_t bytes = 0;

	cr_assert_eq(parse_size(text, &bytes, &err), 0, "%s: %s", text, err.message);
	return bytes;
}

static uint64_t duration_of(const char *text)
{
	struct error err = {0};
	uint64_t ns = 0;

	cr_assert_eq(parse_duration(text, &ns, &err), 0, "%s: %s", text, err.message);
	return ns;
}

Test(parse, a_plain_number_is_a_size_in_bytes)
{
	cr_assert_eq(size_of("0"), 0);
	cr_assert_eq(size_of("4096"), 4096);
	cr_assert_eq(size_of("17B"), 17);
	cr_assert_eq(size_of("18446744073709551615"), UINT64_MAX);
}

Test(parse, sizes_have_binary_units_in_any_case)
{
	cr_assert_eq(size_of("512KiB"), 512 << 10);
	cr_assert_eq(size_of("64MiB"), 64 << 20);
	cr_assert_eq(size_of("2GiB"), UINT64_C(2) << 30);
	cr_assert_eq(size_of("64mib"), 64 << 20);
	cr_assert_eq(size_of("8K"), 8192);
	cr_assert_eq(size_of("1M"), 1 << 20);
}

Test(parse, what_is_no_size_is_refused_with_the_word_and_an_example)
{
	static const char *const words[] = {
		"", "MiB", "-1", "+1", " 1", "1 MiB", "1.5MiB", "0x10", "64Mib/s", "18446744073709551616", "17179869184GiB"};
	struct error err;
	uint64_t bytes = 42;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		cr_assert_eq(parse_size(words[i], &bytes, &err), -EINVAL, "%s", words[i]);
		cr_assert(strstr(err.message, words[i]));
		cr_assert(strstr(err.message, "64MiB"));
	}
	cr_assert_eq(bytes, 42);
}

Test(parse, durations_have_units_from_nanoseconds_to_hours)
{
	cr_assert_eq(duration_of("500ns"), 500);
	cr_assert_eq(duration_of("10us"), 10000);
	cr_assert_eq(duration_of("250ms"), 250000000);
	cr_assert_eq(duration_of("1s"), 1000000000);
	cr_assert_eq(duration_of("2m"), UINT64_C(120000000000));
	cr_assert_eq(duration_of("1h"), UINT64_C(3600000000000));
}

Test(parse, only_a_duration_of_nothing_needs_no_unit)
{
	struct error err;
	uint64_t ns;

	cr_assert_eq(duration_of("0"), 0);
	cr_assert_eq(parse_duration("10", &ns, &err), -EINVAL);
	cr_assert(strstr(err.message, "250ms"));
}

Test(parse, a_duration_beyond_the_range_is_refused)
{
	struct error err;
	uint64_t ns;

	cr_assert_eq(parse_duration("18446744074s", &ns, &err), -EINVAL);
	cr_assert_eq(duration_of("18446744073s"), UINT64_C(18446744073000000000));
}

Test(parse, a_number_must_lie_between_its_bounds)
{
	struct error err;
	uint64_t number = 0;

	cr_assert_eq(parse_number("1", 1, 10, &number, &err), 0);
	cr_assert_eq(number, 1);
	cr_assert_eq(parse_number("10", 1, 10, &number, &err), 0);
	cr_assert_eq(number, 10);
	cr_assert_eq(parse_number("11", 1, 10, &number, &err), -EINVAL);
	cr_assert_str_eq(err.message, "\"11\" is not a whole number from 1 to 10");
	cr_assert_eq(parse_number("0", 1, UINT64_MAX, &number, &err), -EINVAL);
	cr_assert_str_eq(err.message, "\"0\" is not a whole number of at least 1");
	cr_assert_eq(parse_number("5x", 1, 10, &number, &err), -EINVAL);
	cr_assert_eq(number, 10);
}
