#include "sensor/credentials.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct credentials parse(const char *text)
{
	struct credentials ret = {.known = true, .uid = 9};

	credentials_parse_status(&ret, text, strlen(text));
	return ret;
}

/* Of a process under 6.18. */
static const char status[] = "Name:\tcat\nUmask:\t0022\nState:\tR (running)\nTgid:\t812\nNgid:\t0\nPid:\t812\nPPid:\t700\nTracerPid:\t0\n"
			     "Uid:\t1000\t1001\t1002\t1003\nGid:\t100\t101\t102\t4294967295\nFDSize:\t64\nGroups:\t0 \nNStgid:\t812\n";

Test(credentials, the_ids_of_a_status_file_are_real_effective_saved_and_file_system)
{
	struct credentials c = parse(status);

	cr_expect(c.known && c.late);
	cr_expect_eq(c.uid, 1000);
	cr_expect_eq(c.euid, 1001);
	cr_expect_eq(c.suid, 1002);
	cr_expect_eq(c.fsuid, 1003);
	cr_expect_eq(c.gid, 100);
	cr_expect_eq(c.egid, 101);
	cr_expect_eq(c.sgid, 102);
	cr_expect_eq(c.fsgid, UINT32_MAX);
}

Test(credentials, text_without_all_eight_makes_none_known)
{
	static const char *const texts[] = {
		"",
		"Uid:\t0\t0\t0\t0\n",
		"Name:\tx\nUid:\t0\t0\t0\t0\n",
		"Name:\tx\nGid:\t0\t0\t0\t0\n",
		"Name:\tx\nUid:\t0\t0\t0\nGid:\t0\t0\t0\t0\n",
		"Name:\tx\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\tx\n",
		"Name:\tx\nUid:\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct credentials c = parse(texts[i]);

		cr_expect_not(c.known, "%s", texts[i]);
		cr_expect_eq(c.uid, 0);
	}
}

/* The kernel writes a newline in a name as backslash and n (fs/proc/array.c). */
Test(credentials, a_name_cannot_pass_for_the_ids)
{
	cr_expect_eq(parse("Name:\tUid:\t0\t0\t0\t0\nUid:\t7\t7\t7\t7\nGid:\t7\t7\t7\t7\n").uid, 7);
	cr_expect_eq(parse("Name:\t\\nUid:\t0\t0\t0\t0\nUid:\t7\t7\t7\t7\nGid:\t7\t7\t7\t7\n").uid, 7);
}

Test(credentials, text_need_not_be_terminated_and_may_go_on_for_long)
{
	size_t length = strlen(status), size = 100000;
	struct credentials c;
	char *text = malloc(length);

	memcpy(text, status, length);
	credentials_parse_status(&c, text, length);
	cr_expect(c.known);
	text = realloc(text, size);
	memset(text + length, 'x', size - length);
	credentials_parse_status(&c, text, size);
	cr_expect(c.known);
	cr_expect_eq(c.fsuid, 1003);
	free(text);
}

Test(credentials, all_ids_count_in_comparing_and_where_they_come_from_does_not)
{
	struct credentials a = parse(status), b = a;
	uint32_t *const ids[] = {&b.uid, &b.gid, &b.euid, &b.egid, &b.suid, &b.sgid, &b.fsuid, &b.fsgid};

	b.late = false;
	cr_expect(credentials_equal(&a, &b));
	b.known = false;
	cr_expect_not(credentials_equal(&a, &b));
	b.known = true;
	for (size_t i = 0; i < 8; i++) {
		++*ids[i];
		cr_expect_not(credentials_equal(&a, &b), "%zu", i);
		--*ids[i];
	}
}
