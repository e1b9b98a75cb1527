#include "tracing/fetchargs.h"

#include "base/cleanup.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct buffer out;
static struct error err;

static void init(void)
{
	buffer_init(&out, 0);
	err = (struct error){0};
}

static void done(void)
{
	buffer_done(&out);
}

TestSuite(fetchargs, .init = init, .fini = done);

static struct fetcharg parse_named(const char *name, const char *expression)
{
	struct fetcharg arg;

	cr_assert_eq(fetcharg_parse(&arg, name, expression, NULL, &err), 0, "%s=%s: %s", name, expression, err.message);
	return arg;
}

static struct fetcharg parse(const char *expression)
{
	return parse_named("a", expression);
}

/* Where in "a=EXPRESSION" the trouble is. */
static size_t refused_at(const char *expression)
{
	struct fetcharg arg;
	struct fetcharg_mistake mistake;

	cr_assert_eq(fetcharg_parse(&arg, "a", expression, &mistake, &err), -EINVAL, "a=%s was taken", expression);
	cr_assert(strstr(err.message, "argument a"), "%s", err.message);
	cr_assert(strstr(err.message, mistake.sentence), "%s", err.message);
	return mistake.position;
}

static const struct fetcharg_dialect oldest;

static const char *write_list(const struct fetcharg_dialect *dialect, enum fetcharg_place place, const struct fetcharg *args, size_t count)
{
	buffer_clear(&out);
	cr_assert_eq(fetchargs_write(&out, dialect, arch_host(), place, args, count, NULL, &err), 0, "%s", err.message);
	buffer_put_u8(&out, 0);
	return (const char *)out.data;
}

static const char *written(const struct fetcharg_dialect *dialect, enum fetcharg_place place, const char *expression)
{
	struct fetcharg arg = parse(expression);

	return write_list(dialect, place, &arg, 1);
}

static int refused(const struct fetcharg_dialect *dialect, enum fetcharg_place place, const char *expression)
{
	struct fetcharg arg = parse(expression);

	buffer_clear(&out);
	return fetchargs_write(&out, dialect, arch_host(), place, &arg, 1, NULL, &err);
}

Test(fetchargs, nested_offsets_and_a_type_are_taken_apart)
{
	struct fetcharg arg = parse("+0(+u8($arg2)):string");

	cr_assert_eq(arg.base, FETCHARG_ARGUMENT);
	cr_assert_eq(arg.number, 2);
	cr_assert_eq(arg.deref_count, 2);
	cr_assert_eq(arg.derefs[0].offset, 0);
	cr_assert_not(arg.derefs[0].user);
	cr_assert_eq(arg.derefs[1].offset, 8);
	cr_assert(arg.derefs[1].user);
	cr_assert_eq(arg.type, FETCHARG_STRING);
	cr_assert(arg.is_string);
}

Test(fetchargs, numbers_know_their_size_and_sign)
{
	struct fetcharg s32 = parse("%di:s32"), plain = parse("$retval"), bits = parse("%di:b4@8/16"), array = parse("-0x10(%si):u8[16]");

	cr_assert(s32.is_signed && s32.size == 4);
	cr_assert(!plain.is_signed && plain.size == 8 && plain.type == FETCHARG_X64);
	cr_assert(bits.size == 2 && bits.bit_width == 4 && bits.bit_offset == 8);
	cr_assert(array.array_count == 16 && array.size == 1 && array.derefs[0].offset == -16);
}

Test(fetchargs, every_kind_of_place_comes_out_as_it_went_in)
{
	static const char *const expressions[] = {"%di:s32",
						  "$arg1:u64",
						  "$stack:x64",
						  "$stack3:u8",
						  "$comm",
						  "@jiffies:x64",
						  "@linux_banner+8:string",
						  "@jiffies-4:u32",
						  "@0xffffffff81000000:x8",
						  "+u0(%si):ustring",
						  "+0(%si):string[4]",
						  "-8(+16(%bp)):char",
						  "\\5:x64",
						  "\\-5:s32",
						  "\\\"lit\"",
						  "%di:symbol",

						  "%di:b4@0/32",
						  "+0(%si):b4@0/32[2]"};
	char expected[128];

	for (size_t i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++) {
		snprintf(expected, sizeof(expected), "a=%s", expressions[i]);
		cr_expect_str_eq(written(&fetcharg_dialect_full, FETCHARG_KERNEL_ENTRY, expressions[i]), expected);
	}
	cr_expect_str_eq(written(&fetcharg_dialect_full, FETCHARG_USER_ENTRY, "@+0x100:u32"), "a=@+0x100:u32");
	cr_expect_str_eq(written(&fetcharg_dialect_full, FETCHARG_KERNEL_RETURN, "$retval:s64"), "a=$retval:s64");
	cr_expect_str_eq(written(&fetcharg_dialect_full, FETCHARG_KERNEL_RETURN, "$arg1"), "a=$arg1:x64");
}

Test(fetchargs, an_old_kernel_gets_what_means_the_same)
{
	cr_expect_str_eq(written(&oldest, FETCHARG_KERNEL_ENTRY, "$arg1:x32"), "a=%di:u32");
	cr_expect_str_eq(written(&oldest, FETCHARG_KERNEL_ENTRY, "$arg7"), "a=$stack1:u64");
	cr_expect_str_eq(written(&oldest, FETCHARG_KERNEL_ENTRY, "+u0($arg4):ustring"), "a=+0(%cx):string");
	cr_expect_str_eq(written(&oldest, FETCHARG_KERNEL_ENTRY, "%di:symbol"), "a=%di:u64");
	cr_expect_str_eq(written(&oldest, FETCHARG_KERNEL_ENTRY, "%di:symstr"), "a=%di:u64");
	cr_expect_str_eq(written(&fetcharg_dialect_full, FETCHARG_KERNEL_ENTRY, "%di:symstr"), "a=%di:u64",
			 "its end is overwritten where it exists");
	cr_expect_str_eq(written(&oldest, FETCHARG_KERNEL_ENTRY, "+3(%di):char"), "a=+3(%di):u8");
	cr_expect_str_eq(written(&oldest, FETCHARG_KERNEL_ENTRY, "$comm"), "");
	cr_expect_str_eq(written(&oldest, FETCHARG_KERNEL_ENTRY, "+4(%si):u16[3]"), "a__0=+4(%si):u16 a__1=+6(%si):u16 a__2=+8(%si):u16");
	cr_expect_str_eq(written(&oldest, FETCHARG_KERNEL_ENTRY, "-1(%si):u8[2]"), "a__0=-1(%si):u8 a__1=+0(%si):u8");
	cr_expect_str_eq(written(&oldest, FETCHARG_KERNEL_ENTRY, "+8(%si):string[2]"), "a__0=+0(+8(%si)):string a__1=+0(+16(%si)):string");
	cr_expect_str_eq(written(&oldest, FETCHARG_KERNEL_ENTRY, "@jiffies:u32[2]"), "a__0=@jiffies:u32 a__1=@jiffies+4:u32");
	cr_expect_str_eq(written(&oldest, FETCHARG_KERNEL_ENTRY, "@0x1000:u64[2]"), "a__0=@0x1000:u64 a__1=@0x1008:u64");
}

Test(fetchargs, user_functions_get_registers_and_their_own_memory_on_every_kernel)
{
	cr_expect_str_eq(written(&fetcharg_dialect_full, FETCHARG_USER_ENTRY, "+u0($arg2):ustring"), "a=+0(%si):string");
	cr_expect_str_eq(written(&fetcharg_dialect_full, FETCHARG_USER_ENTRY, "$arg1:symbol"), "a=%di:u64");
	cr_expect_eq(refused(&fetcharg_dialect_full, FETCHARG_USER_ENTRY, "@jiffies"), -EINVAL);
	cr_expect_eq(refused(&fetcharg_dialect_full, FETCHARG_KERNEL_ENTRY, "@+8"), -EINVAL);
}

Test(fetchargs, what_cannot_be_written_another_way_is_refused_with_a_sentence)
{
	cr_assert_eq(refused(&oldest, FETCHARG_KERNEL_ENTRY, "\\5"), -EOPNOTSUPP);
	cr_assert(strstr(err.message, "argument a") && strstr(err.message, "immediate"), "%s", err.message);
	cr_assert_eq(refused(&oldest, FETCHARG_KERNEL_RETURN, "$arg1"), -EOPNOTSUPP);
	cr_assert_eq(refused(&fetcharg_dialect_full, FETCHARG_USER_RETURN, "$arg1"), -EOPNOTSUPP);
	cr_assert_eq(refused(&fetcharg_dialect_full, FETCHARG_KERNEL_INSIDE, "$arg1"), -EOPNOTSUPP);
	cr_assert_eq(refused(&fetcharg_dialect_full, FETCHARG_KERNEL_ENTRY, "$retval"), -EINVAL);
	cr_assert_eq(refused(&oldest, FETCHARG_KERNEL_ENTRY, "%zz"), -EINVAL);
	cr_assert(strstr(err.message, "%zz"), "%s", err.message);
	cr_assert_eq(refused(&fetcharg_dialect_full, FETCHARG_KERNEL_ENTRY, "%zz"), 0, "a kernel that says why itself is asked");
}

Test(fetchargs, the_kernels_limits_hold)
{
	static struct fetcharg args[FETCHARGS_MAX + 1];
	size_t index = 9999;
	char name[16];

	for (size_t i = 0; i <= FETCHARGS_MAX; i++) {
		snprintf(name, sizeof(name), "n%zu", i);
		args[i] = parse_named(name, "%di:u8");
	}
	write_list(&oldest, FETCHARG_KERNEL_ENTRY, args, FETCHARGS_MAX);
	buffer_clear(&out);
	cr_assert_eq(fetchargs_write(&out, &oldest, arch_host(), FETCHARG_KERNEL_ENTRY, args, FETCHARGS_MAX + 1, &index, &err), -E2BIG);
	cr_assert_eq(index, FETCHARGS_MAX);
	cr_assert_eq(out.length, 0, "nothing is left of a list that is refused");

	args[0] = parse("+1(%si):u8[64]");
	args[1] = parse_named("b", "+1(%si):u8[64]");
	args[2] = parse_named("c", "%di");
	cr_assert_eq(fetchargs_write(&out, &oldest, arch_host(), FETCHARG_KERNEL_ENTRY, args, 3, &index, &err), -E2BIG);
	cr_assert_eq(index, 2);
	cr_assert_eq(refused(&fetcharg_dialect_full, FETCHARG_KERNEL_ENTRY,
			     "+1000000000(+1000000000(+1000000000(+1000000000(+1000000000(%si)))))"),
		     -E2BIG);
}

Test(fetchargs, a_long_list_is_refused_before_the_kernel_cuts_it)
{
	static struct fetcharg args[80];
	char name[FETCHARG_NAME_BYTES];

	for (size_t i = 0; i < 80; i++) {
		snprintf(name, sizeof(name), "a_name_of_thirty_two_letters__%02zu", i);
		args[i] = parse_named(name, "+1000000000(+1000000000(+1000000(%si))):u64");
	}
	cr_assert_eq(fetchargs_write(&out, &fetcharg_dialect_full, arch_host(), FETCHARG_KERNEL_ENTRY, args, 80, NULL, &err), -E2BIG);
	cr_assert(strstr(err.message, "4095"), "%s", err.message);
}

Test(fetchargs, a_name_is_used_once_also_by_the_elements_of_an_array)
{
	struct fetcharg twice[] = {parse_named("same", "%di"), parse_named("other", "%si"), parse_named("same", "%dx")};
	struct fetcharg hidden[] = {parse_named("x__1", "%di"), parse_named("x", "+0(%si):u8[2]")};
	size_t index;

	cr_assert_eq(fetchargs_write(&out, &fetcharg_dialect_full, arch_host(), FETCHARG_KERNEL_ENTRY, twice, 3, &index, &err), -EINVAL);
	cr_assert_eq(index, 2);
	cr_assert(strstr(err.message, "same"));
	cr_assert_eq(fetchargs_write(&out, &oldest, arch_host(), FETCHARG_KERNEL_ENTRY, hidden, 2, &index, &err), -EINVAL);
	cr_assert_eq(fetchargs_write(&out, &fetcharg_dialect_full, arch_host(), FETCHARG_KERNEL_ENTRY, hidden, 2, &index, &err), 0);
}

Test(fetchargs, the_error_points_at_the_wrong_word)
{
	cr_expect_eq(refused_at("+0(%si"), 8);
	cr_expect_eq(refused_at("+0%si)"), 4);
	cr_expect_eq(refused_at("+0(%si):strong"), 10);
	cr_assert(strstr(err.message, "\"strong\"") && strstr(err.message, "ustring"), "%s", err.message);
	cr_expect_eq(refused_at("$arg0"), 2);
	cr_expect_eq(refused_at("$arg*"), 2);
	cr_expect_eq(refused_at("$nonsense:u8"), 2);
	cr_expect_eq(refused_at("filename"), 2);
	cr_expect_eq(refused_at(""), 2);
	cr_expect_eq(refused_at("+0(+0(%di)"), 12);
	cr_expect_eq(refused_at("+0(%di))"), 9);
	cr_expect_eq(refused_at("+0x(%di)"), 3);
	cr_expect_eq(refused_at("+99999999999(%di)"), 3);
	cr_expect_eq(refused_at("%di:string"), 6);
	cr_expect_eq(refused_at("%di:u8[4]"), 6);
	cr_expect_eq(refused_at("+0(%di):u8[0]"), 13);
	cr_expect_eq(refused_at("+0(%di):u8[65]"), 13);
	cr_expect_eq(refused_at("+0(%di):u8[4"), 14);
	cr_expect_eq(refused_at("+0(%di):u8[4]x"), 15);
	cr_expect_eq(refused_at("%di:b40@0/32"), 6);
	cr_expect_eq(refused_at("+0($comm)"), 5);
	cr_expect_eq(refused_at("$comm:u8"), 8);
	cr_expect_eq(refused_at("\\\"open"), 3);
}

Test(fetchargs, nothing_can_smuggle_a_second_argument_or_definition_in)
{
	cr_expect_eq(refused_at("%di b=%si"), 5);
	cr_expect_eq(refused_at("%di\tb=%si"), 5);
	cr_expect_eq(refused_at("%di\np:x/y z"), 5);
	cr_expect_eq(refused_at("%di;-:x/y"), 5);
	cr_expect_eq(refused_at("%di#"), 5);
	cr_expect_eq(refused_at("\\\"a b\""), 5);
	cr_expect_eq(refused_at("%d\xc3\xa4"), 4);
	cr_expect_eq(refused_at("%di\x7f"), 5);
}

Test(fetchargs, names_are_identifiers_and_none_of_the_kernels)
{
	static const char *const bad[] = {"",
					  "1a",
					  "a-b",
					  "a b",
					  "a=b",
					  "a.b",
					  "common_pid",
					  "common_new",
					  "__probe_ip",
					  "__probe_func",
					  "a23456789012345678901234567890123"};
	struct fetcharg arg;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(fetcharg_parse(&arg, bad[i], "%di", NULL, &err), -EINVAL, "%s", bad[i]);
	cr_expect_eq(fetcharg_parse(&arg, "a2345678901234567890123456789012", "%di", NULL, &err), 0);
	cr_expect_eq(fetcharg_parse(&arg, "_", "%di", NULL, &err), 0);
}

/* A file of tests/data/fetchargs, or NULL. */
static char *read_data(const char *name)
{
	cleanup_fclose FILE *file = NULL;
	char path[512];
	char *text = NULL;
	size_t capacity = 0;

	snprintf(path, sizeof(path), "%s/fetchargs/%s", TEST_DATA, name);
	file = fopen(path, "re");
	if (file && getdelim(&text, &capacity, '\0', file) > 0)
		return text;
	free(text);
	return NULL;
}

/* Which README a kernel of the table has: none before 4.9. */
static struct fetcharg_dialect dialect_of(const char *kernel)
{
	static const struct {
		const char *kernel, *readme;
	} rows[] = {{"4.9", "readme-4.9"},   {"4.14", "readme-4.19"}, {"4.18el8", "readme-4.19"},
		    {"4.19", "readme-4.19"}, {"5.4", "readme-5.4"},   {"5.10", "readme-5.10"},
		    {"6.1", "readme-6.1"},   {"6.12", "readme-6.12"}, {"7.2", "readme-7.x"}};
	struct fetcharg_dialect dialect = {.error_log = true};
	cleanup_free char *text = NULL;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && !text; i++)
		if (!strcmp(rows[i].kernel, kernel))
			text = read_data(rows[i].readme);
	fetcharg_dialect_parse(&dialect, text ? text : "tracing mini-HOWTO:\n\n# echo 0 > tracing_on : quick way to disable tracing\n");
	return dialect;
}

static bool has_word(const char *text, const char *word)
{
	return strstr(text, word) != NULL;
}

/* What the table says of one form on one kernel, against what the README of that kernel was read to say. */
static void check_cell(const char *form, const char *kernel, bool accepted)
{
	struct fetcharg_dialect d = dialect_of(kernel);

	if (has_word(form, "u0(") || has_word(form, "ustring"))
		cr_expect_eq(d.user_memory, accepted, "%s on %s", form, kernel);
	else if (has_word(form, "$comm"))
		cr_expect_eq(d.comm, accepted, "%s on %s", form, kernel);
	else if (!strcmp(form, "a=$arg2"))
		cr_expect_eq(d.arguments, accepted, "%s on %s", form, kernel);
	else if (has_word(form, ":x64") && !has_word(form, "$current"))
		cr_expect_eq(d.hex_types, accepted, "%s on %s", form, kernel);
	else if (has_word(form, "["))
		cr_expect_eq(d.arrays, accepted, "%s on %s", form, kernel);
	else if (has_word(form, ":symbol"))
		cr_expect_eq(d.symbol, accepted, "%s on %s", form, kernel);
	else if (has_word(form, ":symstr"))
		cr_expect_eq(d.symstr, accepted, "%s on %s", form, kernel);
	else if (has_word(form, ":char"))
		cr_expect_eq(d.character, accepted, "%s on %s", form, kernel);
	else if (has_word(form, "=\\"))
		cr_expect_eq(d.immediates, accepted, "%s on %s", form, kernel);
}

/* What is taken of clients is written for every kernel in a form that this kernel was seen to accept, or refused. */
static void check_written(const char *form, const char *kernel, bool accepted)
{
	struct fetcharg_dialect d = dialect_of(kernel);
	struct fetcharg arg;
	int r;

	if (strncmp(form, "a=", 2) != 0 || fetcharg_parse(&arg, "a", form + 2, NULL, NULL))
		return;
	buffer_clear(&out);
	r = fetchargs_write(&out, &d, arch_host(), FETCHARG_KERNEL_ENTRY, &arg, 1, NULL, &err);
	if (accepted)
		cr_expect_eq(r, 0, "%s on %s: %s", form, kernel, err.message);
	if (r || accepted)
		return;
	buffer_put_u8(&out, 0);
	cr_expect_str_neq((const char *)out.data, form, "%s is refused by %s", form, kernel);
}

Test(fetchargs, the_readme_of_each_kernel_says_what_that_kernel_was_seen_to_accept)
{
	cleanup_free char *table = read_data("accepted.tsv");
	char *kernels[16], *rest = NULL;
	size_t cells = 0;

	cr_assert_not_null(table);
	for (char *line = strtok_r(table, "\n", &rest), *head = line; line; line = strtok_r(NULL, "\n", &rest)) {
		char *in_line = NULL, *form = strtok_r(line, "\t", &in_line);

		for (size_t i = 0; i < 12; i++) {
			char *cell = strtok_r(NULL, "\t", &in_line);

			cr_assert_not_null(cell);
			if (line == head) {
				kernels[i] = cell;
				continue;
			}
			check_cell(form, kernels[i], !strcmp(cell, "ok"));
			check_written(form, kernels[i], !strcmp(cell, "ok"));
			cells++;
		}
	}
	cr_assert_eq(cells, 28 * 12);
}

Test(fetchargs, what_else_a_readme_tells_is_read)
{
	struct fetcharg_dialect old = dialect_of("4.9"), middle = dialect_of("4.14"), new = dialect_of("5.10"), kept = dialect_of("6.12");

	cr_assert_not(old.maxactive);
	cr_assert(middle.maxactive);
	cr_assert_not(middle.error_log);
	cr_assert(new.error_log &&new.return_suffix);
	cr_assert_not(new.return_arguments);
	cr_assert(kept.return_arguments);
}

/* As a 6.18 kernel describes a uprobe with such arguments (events/GROUP/NAME/format). */
static const char format_6_18[] =
	"name: e\nID: 2326\nformat:\n"
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\tfield:unsigned char "
	"common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n\tfield:int "
	"common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
	"\tfield:unsigned long __probe_ip;\toffset:8;\tsize:8;\tsigned:0;\n\tfield:u8 a[];\toffset:16;\tsize:16;\tsigned:0;\n"
	"\tfield:__data_loc char[][2] b;\toffset:32;\tsize:8;\tsigned:1;\n\tfield:u32 c[];\toffset:40;\tsize:12;\tsigned:0;\n"
	"\tfield:s32 e;\toffset:52;\tsize:4;\tsigned:1;\n\tfield:u64 f;\toffset:56;\tsize:8;\tsigned:0;\n"
	"\tfield:__data_loc char[] g;\toffset:64;\tsize:4;\tsigned:1;\n\tfield:__data_loc char[] h;\toffset:68;\tsize:4;\tsigned:1;\n\n"
	"print fmt: \"(%lx) a={%u}\", REC->__probe_ip, REC->a[0]\n";

/* The same arguments on a kernel without arrays and $comm. */
static const char format_4_4[] =
	"name: e\nID: 2326\nformat:\n"
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\tfield:unsigned char "
	"common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n\tfield:int "
	"common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
	"\tfield:unsigned long __probe_ip;\toffset:8;\tsize:8;\tsigned:0;\n\tfield:u32 c__0;\toffset:16;\tsize:4;\tsigned:0;\n"
	"\tfield:u32 c__1;\toffset:20;\tsize:4;\tsigned:0;\n\tfield:u32 c__2;\toffset:24;\tsize:4;\tsigned:0;\n"
	"\tfield:__data_loc char[] b__0;\toffset:28;\tsize:4;\tsigned:1;\n\tfield:__data_loc char[] b__1;\toffset:32;\tsize:4;\tsigned:1;\n"
	"\tfield:u64 f;\toffset:36;\tsize:8;\tsigned:0;\n\n"
	"print fmt: \"(%lx)\", REC->__probe_ip\n";

static struct fetcharg_decoder *decoder(const char *text, const struct fetcharg *args, size_t count)
{
	struct fetcharg_decoder *d = NULL;
	struct format *format = NULL;

	cr_assert_eq(format_parse(&format, "g", "e", text, strlen(text), &err), 0, "%s", err.message);
	cr_assert_eq(fetcharg_decoder_new(&d, format, args, count, &err), 0, "%s", err.message);
	format_free(format);
	return d;
}

static void put_u32(uint8_t *raw, size_t offset, uint32_t value)
{
	memcpy(raw + offset, &value, sizeof(value));
}

static void put_location(uint8_t *raw, size_t offset, uint32_t at, const char *string)
{
	put_u32(raw, offset, at | (uint32_t)(strlen(string) + 1) << 16);
	memcpy(raw + at, string, strlen(string) + 1);
}

Test(fetchargs, each_kind_of_value_is_decoded)
{
	struct fetcharg args[] = {parse_named("a", "+0(%si):u8[16]"), parse_named("b", "+0(%si):string[2]"),
				  parse_named("c", "+0(%si):u32[3]"), parse_named("e", "%di:s32"),
				  parse_named("f", "%di:symbol"),     parse_named("g", "$comm"),
				  parse_named("h", "+0(%di):string")};
	struct fetcharg_decoder *d = decoder(format_6_18, args, 7);
	uint64_t address = 0xffffffff81000010;
	struct fetcharg_value v;
	uint8_t raw[128] = {0};

	memcpy(raw + 16, "0123456789abcdef", 16);
	put_location(raw, 32, 72, "one");
	put_location(raw, 36, 76, "two");
	put_u32(raw, 40, 7);
	put_u32(raw, 52, (uint32_t)-100);
	memcpy(raw + 56, &address, sizeof(address));
	put_location(raw, 64, 80, "cat");

	fetcharg_decode(d, 0, raw, sizeof(raw), &v);
	cr_assert(v.kind == FETCHARG_KIND_BYTES && v.length == 16 && !memcmp(v.bytes, "0123456789abcdef", 16));
	fetcharg_decode(d, 1, raw, sizeof(raw), &v);
	cr_assert(v.kind == FETCHARG_KIND_BYTES && v.length == 8 && !memcmp(v.bytes, "one\0two", 8));
	fetcharg_decode(d, 2, raw, sizeof(raw), &v);
	cr_assert(v.kind == FETCHARG_KIND_BYTES && v.length == 12 && v.bytes[0] == 7);
	fetcharg_decode(d, 3, raw, sizeof(raw), &v);
	cr_assert(v.kind == FETCHARG_KIND_SINT32 && v.sint == -100);
	fetcharg_decode(d, 4, raw, sizeof(raw), &v);
	cr_assert(v.kind == FETCHARG_KIND_UINT64 && v.uint == address && v.state == FETCHARG_UNRESOLVED);
	fetcharg_decode(d, 5, raw, sizeof(raw), &v);
	cr_assert(v.kind == FETCHARG_KIND_STRING && v.length == 3 && !memcmp(v.bytes, "cat", 3) && v.state == FETCHARG_COMPLETE);
	fetcharg_decode(d, 6, raw, sizeof(raw), &v);
	cr_assert(v.kind == FETCHARG_KIND_STRING && v.length == 0 && v.state == FETCHARG_FAULT);
	fetcharg_decoder_free(d);
}

Test(fetchargs, what_was_split_for_an_old_kernel_is_put_together_again)
{
	struct fetcharg args[] = {parse_named("c", "+0(%si):u32[3]"), parse_named("b", "+0(%si):string[2]"), parse_named("f", "%di:symstr"),
				  parse_named("who", "$comm")};
	struct fetcharg_decoder *d = decoder(format_4_4, args, 4);
	uint32_t numbers[] = {1, 2, 3};
	struct fetcharg_value v;
	uint8_t raw[64] = {0};

	memcpy(raw + 16, numbers, sizeof(numbers));
	put_location(raw, 28, 44, "one");
	put_location(raw, 32, 48, "");
	fetcharg_decode(d, 0, raw, sizeof(raw), &v);
	cr_assert(v.kind == FETCHARG_KIND_BYTES && v.length == 12 && !memcmp(v.bytes, numbers, 12));
	fetcharg_decode(d, 1, raw, sizeof(raw), &v);
	cr_assert(v.kind == FETCHARG_KIND_BYTES && v.length == 5 && !memcmp(v.bytes, "one\0", 5));
	cr_assert_eq(fetcharg_decoder_kind(d, 2), FETCHARG_KIND_UINT64);
	fetcharg_decode(d, 2, raw, sizeof(raw), &v);
	cr_assert(v.state == FETCHARG_UNRESOLVED);
	fetcharg_decode(d, 3, raw, sizeof(raw), &v);
	cr_assert(v.kind == FETCHARG_KIND_STRING && v.length == 0 && v.state == FETCHARG_FROM_PROCESS);
	fetcharg_decoder_free(d);
}

Test(fetchargs, a_sample_that_is_too_short_gives_nothing_and_is_not_read_beyond)
{
	struct fetcharg args[] = {parse_named("a", "+0(%si):u8[16]"), parse_named("b", "+0(%si):string[2]"), parse_named("e", "%di:s32"),
				  parse_named("h", "+0(%di):string")};
	struct fetcharg_decoder *d = decoder(format_6_18, args, 4);

	for (uint32_t size = 0; size <= 72; size++) {
		uint8_t *raw = malloc(size ? size : 1);

		memset(raw, 0x20, size);
		for (size_t i = 0; i < 4; i++) {
			struct fetcharg_value v;

			fetcharg_decode(d, i, raw, size, &v);
			if (size < 16 && v.kind == FETCHARG_KIND_SINT32)
				cr_assert_eq(v.sint, 0);
		}
		free(raw);
	}
	fetcharg_decoder_free(d);
}

Test(fetchargs, a_format_without_the_argument_is_refused)
{
	struct fetcharg arg = parse_named("missing", "%di");
	struct fetcharg_decoder *d = NULL;
	struct format *format = NULL;

	cr_assert_eq(format_parse(&format, "g", "e", format_4_4, strlen(format_4_4), &err), 0);
	cr_assert_eq(fetcharg_decoder_new(&d, format, &arg, 1, &err), -ENOENT);
	cr_assert(strstr(err.message, "missing"));
	format_free(format);
}
