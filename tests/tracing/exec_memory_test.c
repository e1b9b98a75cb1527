#include "tracing/exec_memory.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define AREA_BYTES ((size_t)512 << 10)

/* Memory of this process that looks like a new stack: proof in front, strings at `strings`. */
static uint8_t *area;

static void make_area(void)
{
	area = mmap(NULL, AREA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(area, MAP_FAILED);
}

static struct exec_memory memory_at(size_t strings, uint32_t argc)
{
	struct exec_memory m = {
		.pid = (uint32_t)getpid(),
		.argc = argc,
		.strings_address = (uintptr_t)area + strings,
		.proof_address = (uintptr_t)area,
		.proof_bytes = STACK_DUMP_RANDOM_BYTES,
	};

	memset(area, 'r', STACK_DUMP_RANDOM_BYTES);
	memset(m.proof, 'r', STACK_DUMP_RANDOM_BYTES);
	return m;
}

TestSuite(exec_memory, .init = make_area);

Test(exec_memory, strings_are_counted_up_to_argc_where_their_end_is_not_known)
{
	static const char strings[] = "one\0\0three\0environment";
	struct exec_memory m = memory_at(4000, 3);
	struct buffer bytes;

	memcpy(area + 4000, strings, sizeof(strings));
	buffer_init(&bytes, EXEC_MEMORY_BYTES_MAX);
	cr_assert_eq(exec_memory_read(&m, &bytes), 3);
	cr_assert_geq(bytes.length, sizeof("one\0\0three"));
	cr_assert_eq(memcmp(bytes.data, strings, sizeof("one\0\0three")), 0);
	buffer_done(&bytes);
}

Test(exec_memory, a_known_end_is_not_passed)
{
	struct exec_memory m = memory_at(4090, 2);
	struct buffer bytes;

	memcpy(area + 4090, "first\0second\0environment", 24);
	m.strings_end = m.strings_address + 13;
	buffer_init(&bytes, EXEC_MEMORY_BYTES_MAX);
	cr_assert_eq(exec_memory_read(&m, &bytes), 2);
	cr_assert_eq(bytes.length, 13);
	buffer_done(&bytes);
}

Test(exec_memory, a_list_of_many_pages_is_read_whole)
{
	const uint32_t argc = 100000;
	struct exec_memory m = memory_at(100, argc);
	struct buffer bytes;

	for (uint32_t i = 0; i < argc; i++)
		memcpy(area + 100 + (size_t)3 * i, "ab", 3);
	buffer_init(&bytes, EXEC_MEMORY_BYTES_MAX);
	cr_assert_eq(exec_memory_read(&m, &bytes), (int)argc);
	cr_assert_eq(memcmp(bytes.data, area + 100, (size_t)3 * argc), 0);
	buffer_done(&bytes);
}

Test(exec_memory, where_the_stack_ends_the_strings_that_were_whole_count)
{
	struct exec_memory m = memory_at(4096, 5);
	struct buffer bytes;

	memset(area + 4096, 'x', 8192);
	memcpy(area + 4096, "a\0b", 4);
	cr_assert_eq(munmap(area + 12288, AREA_BYTES - 12288), 0);
	buffer_init(&bytes, EXEC_MEMORY_BYTES_MAX);
	cr_assert_eq(exec_memory_read(&m, &bytes), 2);
	buffer_done(&bytes);
}

Test(exec_memory, another_program_in_the_same_process_is_not_believed)
{
	struct exec_memory m = memory_at(4096, 1);
	struct buffer bytes;

	memcpy(area + 4096, "x", 2);
	area[3] = 'R';
	buffer_init(&bytes, EXEC_MEMORY_BYTES_MAX);
	cr_assert_eq(exec_memory_read(&m, &bytes), -ESTALE);
	cr_assert_eq(munmap(area, 4096), 0);
	cr_assert_eq(exec_memory_read(&m, &bytes), -ESTALE);
	buffer_done(&bytes);
}

Test(exec_memory, a_process_that_is_gone_is_said_to_be)
{
	struct exec_memory m = memory_at(4096, 1);
	struct buffer bytes;
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	cr_assert_eq(waitpid(child, NULL, 0), child);
	m.pid = (uint32_t)child;
	buffer_init(&bytes, EXEC_MEMORY_BYTES_MAX);
	cr_assert_eq(exec_memory_read(&m, &bytes), -ESRCH);
	buffer_done(&bytes);
}

Test(exec_memory, the_random_bytes_are_the_proof_and_the_first_pointers_stand_in_for_them)
{
	uint64_t words[16] = {9, 0x1000, 0x1002};
	const uint8_t random[STACK_DUMP_RANDOM_BYTES] = "0123456789abcde";
	struct stack_dump dump = {.bytes = (const uint8_t *)words, .size = sizeof(words), .stack_pointer = 0x500, .word_bytes = 8};
	struct stack_arguments found = {.argc = 9, .strings_address = 0x1000, .random = random, .random_address = 0x900};
	struct exec_memory m;

	cr_assert_eq(exec_memory_init(&m, 7, &dump, &found), 0);
	cr_assert_eq(m.proof_address, 0x900);
	cr_assert_eq(m.proof_bytes, sizeof(random));
	cr_assert_eq(memcmp(m.proof, random, sizeof(random)), 0);

	found.random = NULL;
	cr_assert_eq(exec_memory_init(&m, 7, &dump, &found), 0);
	cr_assert_eq(m.proof_address, 0x500);
	cr_assert_eq(m.proof_bytes, EXEC_MEMORY_PROOF_BYTES);
	cr_assert_eq(memcmp(m.proof, words, EXEC_MEMORY_PROOF_BYTES), 0);

	/* Never beyond the argument pointers: what follows belongs to the program. */
	found.argc = 1;
	cr_assert_eq(exec_memory_init(&m, 7, &dump, &found), 0);
	cr_assert_eq(m.proof_bytes, 16);

	found.strings_address = 0;
	cr_assert_eq(exec_memory_init(&m, 7, &dump, &found), -ENODATA);
}
