#include "tracing/elf_symbol.h"
#include "base/cleanup.h"

#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The files of tests/probed/: each function there loads a number of its own in its first instruction. */
#define LIBRARY TEST_PROBED "/library.so"
#define PROGRAM TEST_PROBED "/program"

static struct target_path target;
static struct elf_symbol symbol;
static struct error err;

static int find(const char *path, const char *place)
{
	err = (struct error){0};
	cr_assert_eq(target_path_resolve(&target, path, &err), 0, "%s", err.message);
	return elf_symbol_find(&target, place, &symbol, &err);
}

static bool says(const char *text)
{
	return strstr(err.message, text) != NULL;
}

/* movl $NUMBER, %eax is b8 and the number. */
static void expect_function(const char *path, const char *place, uint32_t number)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t code[5];
	uint32_t found;

	cr_assert_eq(find(path, place), 0, "%s", err.message);
	cr_assert_eq(pread(fd, code, sizeof(code), (off_t)symbol.file_offset), 5);
	memcpy(&found, code + 1, sizeof(found));
	cr_assert_eq(code[0], 0xb8, "%s %s", path, place);
	cr_assert_eq(found, number, "%s %s: %x", path, place, found);
}

Test(elf_symbol, a_function_is_found_in_a_library_a_pie_a_program_at_a_fixed_address_and_a_32_bit_one)
{
	expect_function(LIBRARY, "plain", 0x51000001);
	expect_function(PROGRAM, "probed_function", 0x51000061);
	expect_function(PROGRAM ".fixed", "probed_function", 0x51000061);
	expect_function(TEST_PROBED "/program32", "probed_function", 0x51000081);
	cr_assert_eq(symbol.size, 6);
}

Test(elf_symbol, local_and_weak_functions_are_found_too)
{
	expect_function(PROGRAM, "local_function", 0x51000071);
	expect_function(LIBRARY, "local_one", 0x51000031);
	expect_function(LIBRARY, "weak_one", 0x51000021);
}

Test(elf_symbol, the_default_version_is_meant_when_none_is_named)
{
	expect_function(LIBRARY, "versioned", 0x51000012);
	expect_function(LIBRARY, "versioned@PROBED_2", 0x51000012);
	expect_function(LIBRARY, "versioned@@PROBED_2", 0x51000012);
	expect_function(LIBRARY, "versioned@PROBED_1", 0x51000011);
}

Test(elf_symbol, an_old_version_is_better_than_none)
{
	expect_function(LIBRARY, "retired", 0x51000013);
}

Test(elf_symbol, the_dynamic_table_is_enough_for_what_is_exported)
{
	expect_function(TEST_PROBED "/library.stripped.so", "plain", 0x51000001);
	expect_function(TEST_PROBED "/library.stripped.so", "versioned", 0x51000012);
	expect_function(TEST_PROBED "/library.stripped.so", "versioned@PROBED_1", 0x51000011);
	expect_function(TEST_PROBED "/library.stripped.so", "retired", 0x51000013);
}

Test(elf_symbol, a_version_that_is_not_there_gets_the_others_named)
{
	cr_assert_eq(find(LIBRARY, "versioned@PROBED_3"), -ENOENT);
	cr_assert(says("no version PROBED_3 of versioned; it has"), "%s", err.message);
	cr_assert(says(" @PROBED_1"));
	cr_assert(says(" @@PROBED_2"));
}

Test(elf_symbol, two_local_functions_of_one_name_are_ambiguous)
{
	cr_assert_eq(find(LIBRARY, "twin"), -EADDRNOTAVAIL);
	cr_assert(says("has 2 functions twin"), "%s", err.message);
}

Test(elf_symbol, an_indirect_function_is_no_place_for_a_probe_and_what_it_may_resolve_to_is_told)
{
	cr_assert_eq(find(LIBRARY, "chosen"), -ENOTSUP);
	cr_assert(says("indirect function (IFUNC)"), "%s", err.message);
	cr_assert(says("chosen_fast"), "%s", err.message);
	expect_function(LIBRARY, "chosen_fast", 0x51000051);
	cr_assert_eq(find("libc.so.6", "memcpy"), -ENOTSUP, "%s", err.message);
}

Test(elf_symbol, a_stripped_file_that_lacks_the_function_says_that_it_is_stripped)
{
	cr_assert_eq(find(TEST_PROBED "/library.stripped.so", "local_one"), -ENOENT);
	cr_assert(says("library.stripped.so has no function local_one; it is stripped"), "%s", err.message);
	cr_assert_eq(find(LIBRARY, "nothing_like_it"), -ENOENT);
	cr_assert_not(says("stripped"));
}

Test(elf_symbol, close_names_are_told)
{
	cr_assert_eq(find(PROGRAM, "probed_functoin"), -ENOENT);
	cr_assert(says("near it: probed_function"), "%s", err.message);
	cr_assert_eq(find(TEST_PROBED "/library.stripped.so", "version"), -ENOENT);
	cr_assert(says("near it: versioned"), "%s", err.message);
}

Test(elf_symbol, a_function_of_a_library_is_not_looked_for_in_its_caller)
{
	cr_assert_eq(find(PROGRAM, "puts"), -ENOENT);
	cr_assert(says("from a library"), "%s", err.message);
}

Test(elf_symbol, an_offset_into_a_function_stays_in_it)
{
	uint64_t start;

	cr_assert_eq(find(PROGRAM, "probed_function"), 0);
	start = symbol.file_offset;
	cr_assert_eq(find(PROGRAM, "probed_function+0x5"), 0, "%s", err.message);
	cr_assert_eq(symbol.file_offset, start + 5);
	cr_assert_eq(find(PROGRAM, "probed_function+5"), 0);
	cr_assert_eq(symbol.file_offset, start + 5);
	cr_assert_eq(find(PROGRAM, "probed_function+6"), -ERANGE);
	cr_assert(says("has 6 bytes: +6 is outside"), "%s", err.message);
	cr_assert_eq(find(PROGRAM, "probed_function+0xffffffffffffffff"), -ERANGE);
	cr_assert_eq(find(LIBRARY, "versioned@PROBED_1+5"), 0, "%s", err.message);
}

Test(elf_symbol, a_bare_offset_has_to_lie_in_code)
{
	char place[32];

	cr_assert_eq(find(PROGRAM, "probed_function"), 0);
	snprintf(place, sizeof(place), "0x%llx", (unsigned long long)symbol.file_offset);
	expect_function(PROGRAM, place, 0x51000061);
	cr_assert_eq(symbol.size, 0);
	cr_assert_eq(find(PROGRAM, "0x0"), -ERANGE);
	cr_assert(says("no code at offset 0x0"), "%s", err.message);
	cr_assert_eq(find(PROGRAM, "0xffffffff0000"), -ERANGE);
}

Test(elf_symbol, what_is_no_place_is_refused)
{
	static const char *const bad[] = {"",       "+1",           "a b",   "plain+",   "plain+x",
					  "plain@", "@GLIBC_2.2.5", "0x1g0", "plain+-1", "0x99999999999999999"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_assert_eq(find(LIBRARY, bad[i]), -EINVAL, "%s", bad[i]);
		cr_assert(err.message[0]);
	}
	cr_assert_eq(find("/etc/passwd", "plain"), -ENOEXEC);
	cr_assert(says("/etc/passwd is not an ELF file"));
}

/* Lets a copy's symbol table claim to have `size` bytes; the file has no more than before. */
static void enlarge_symbol_table(const char *path, uint64_t size)
{
	cleanup_close int fd = open(path, O_RDWR | O_CLOEXEC);
	Elf64_Ehdr header;
	Elf64_Shdr section;

	cr_assert_eq(pread(fd, &header, sizeof(header), 0), (ssize_t)sizeof(header));
	for (off_t i = 0; i < header.e_shnum; i++) {
		off_t at = (off_t)header.e_shoff + i * (off_t)sizeof(section);

		cr_assert_eq(pread(fd, &section, sizeof(section), at), (ssize_t)sizeof(section));
		if (section.sh_type != SHT_SYMTAB)
			continue;
		section.sh_size = size;
		cr_assert_eq(pwrite(fd, &section, sizeof(section), at), (ssize_t)sizeof(section));
	}
	/* It costs nothing to have a file of that size. */
	cr_assert_eq(ftruncate(fd, (off_t)size + 65536), 0);
}

/* A private directory as the root of a process, with a copy of the stripped program in /opt. */
static char root[] = "/tmp/elf_symbol_test_XXXXXX";

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void run(const char *format, ...)
{
	char command[4096];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	cr_assert_eq(system(command), 0, "%s", command);
}

static void make_root(void)
{
	cr_assert_not_null(mkdtemp(root));
	run("mkdir %s/opt && cp " PROGRAM ".stripped %s/opt/program", root, root);
	target = (struct target_path){.inner = "/opt/program"};
	snprintf(target.root, sizeof(target.root), "%s", root);
	snprintf(target.path, sizeof(target.path), "%s/opt/program", root);
}

static void remove_root(void)
{
	run("rm -rf %s", root);
}

TestSuite(elf_debug, .init = make_root, .fini = remove_root);

static int find_here(void)
{
	err = (struct error){0};
	return elf_symbol_find(&target, "local_function", &symbol, &err);
}

static void expect_found(void)
{
	uint64_t offset;

	cr_assert_eq(find_here(), 0, "%s", err.message);
	offset = symbol.file_offset;
	expect_function(TEST_PROBED "/program.stripped", "local_function", 0x51000071);
	cr_assert_eq(symbol.file_offset, offset);
}

Test(elf_debug, a_linked_debug_file_is_found_beside_in_dot_debug_and_below_usr_lib_debug)
{
	static const char *const places[] = {"opt", "opt/.debug", "usr/lib/debug/opt"};
	struct target_path here = target;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		target = here;
		cr_assert_eq(find_here(), -ENOENT);
		cr_assert(says("it is stripped, and there is no debug file"), "%s", err.message);
		run("mkdir -p %s/%s && cp " TEST_PROBED "/.debug/program.debug %s/%s", root, places[i], root, places[i]);
		expect_found();
		run("rm %s/%s/program.debug", root, places[i]);
	}
}

Test(elf_debug, a_linked_file_with_another_checksum_is_another_programs)
{
	run("cp " TEST_PROBED "/.debug/program.debug %s/opt/ && printf x >>%s/opt/program.debug", root, root);
	cr_assert_eq(find_here(), -ENOENT);
}

Test(elf_debug, a_debug_file_is_found_by_build_id_and_a_symbolic_link_to_it_stays_in_the_root)
{
	/* The first byte of the id names the directory. */
	run("cd %s && strip -o opt/program " PROGRAM " && "
	    "id=$(readelf -n " PROGRAM " | sed -n 's/.*Build ID: //p') && first=$(echo $id | cut -c1-2) && rest=$(echo $id | cut -c3-) && "
	    "mkdir -p usr/lib/debug/.build-id/$first elsewhere && objcopy --only-keep-debug " PROGRAM " elsewhere/debug 2>&- && "
	    "ln -s /elsewhere/debug usr/lib/debug/.build-id/$first/$rest.debug",
	    root);
	cr_assert_eq(find_here(), 0, "%s", err.message);
	cr_assert_eq(symbol.size, 6);
	/* A file that is at the right place, but of another program. */
	run("cp " TEST_PROBED "/.debug/program.debug %s/elsewhere/debug", root);
	cr_assert_eq(find_here(), -ENOENT);
}

Test(elf_debug, a_symbol_table_that_claims_to_be_huge_is_not_read_and_the_dynamic_one_is)
{
	run("cp " LIBRARY " %s/opt/program", root);
	enlarge_symbol_table(target.path, UINT64_C(1) << 36);
	cr_assert_eq(find_here(), -ENOENT);
	cr_assert(says("stripped"), "%s", err.message);
	cr_assert_eq(elf_symbol_find(&target, "plain", &symbol, &err), 0, "%s", err.message);
}
