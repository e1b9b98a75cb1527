#include "tracing/kernel_addresses.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define EXCERPT TEST_DATA "/kallsyms/excerpt/"

static struct kernel_addresses *addresses;

static void drop(void)
{
	addresses = kernel_addresses_free(addresses);
	cr_assert_null(addresses);
}

TestSuite(kernel_addresses, .fini = drop);

static void expect(uint64_t address, const char *symbol, uint64_t offset, const char *module)
{
	struct kernel_address found;
	struct error err = {0};

	cr_assert_eq(kernel_addresses_find(addresses, address, &found, &err), 0, "%s", err.message);
	cr_assert_str_eq(found.symbol, symbol);
	cr_assert_eq(found.offset, offset);
	cr_assert_str_eq(found.module, module);
}

Test(kernel_addresses, an_address_is_the_symbol_before_it_and_the_way_from_there)
{
	addresses = kernel_addresses_new(EXCERPT "4.4");
	expect(0xffffffff811e8050, "vfs_read", 0, "");
	expect(0xffffffff811e8051, "vfs_read", 1, "");
	expect(0xffffffffc0002fff, "init", 0xfff, "nf_tables");
	expect(0xffffffffc0003000, "init", 0, "ext4");
}

Test(kernel_addresses, of_symbols_at_one_address_the_first_of_the_file_is_told)
{
	addresses = kernel_addresses_new(EXCERPT "4.4");
	expect(0xffffffff811e60a4, "SyS_openat", 4, "");
	expect(0xffffffff81000000, "startup_64", 0, "");
}

Test(kernel_addresses, the_order_of_the_file_does_not_matter)
{
	/* 4.4 has shared_name's data before a function that lies at a lower address. */
	addresses = kernel_addresses_new(EXCERPT "4.4");
	expect(0xffffffff812b0010, "shared_name", 0x10, "");
	expect(0xffffffff81a00048, "init_task", 8, "");
}

Test(kernel_addresses, what_is_near_no_symbol_has_none)
{
	struct kernel_address found;
	struct error err = {0};

	addresses = kernel_addresses_new(EXCERPT "4.4");
	cr_assert_eq(kernel_addresses_find(addresses, 0, &found, &err), -ENOENT);
	cr_assert_eq(kernel_addresses_find(addresses, 0x4010, &found, &err), -ENOENT, "absolute symbols are no places");
	cr_assert_eq(kernel_addresses_find(addresses, 0xffffffffb0000000, &found, &err), -ENOENT);
	cr_assert_not_null(strstr(err.message, "0xffffffffb0000000"));
	cr_assert_eq(kernel_addresses_find(addresses, UINT64_MAX, &found, &err), -ENOENT);
}

Test(kernel_addresses, hidden_addresses_are_said_to_be_hidden)
{
	struct kernel_address found;
	struct error err = {0};

	addresses = kernel_addresses_new(EXCERPT "4.4-hidden");
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(kernel_addresses_find(addresses, 0xffffffff811e8050, &found, &err), -EPERM);
		cr_assert_not_null(strstr(err.message, "kptr_restrict"));
	}
}

Test(kernel_addresses, a_file_that_is_not_there_is_named)
{
	struct kernel_address found;
	struct error err = {0};

	addresses = kernel_addresses_new("/nonexistent");
	cr_assert_eq(kernel_addresses_find(addresses, 1, &found, &err), -ENOENT);
	cr_assert_not_null(strstr(err.message, "/nonexistent"));
}

static void expect_put(uint64_t address, const char *text)
{
	struct buffer out;

	buffer_init(&out, 0);
	kernel_addresses_put(addresses, &out, address);
	buffer_put_u8(&out, 0);
	cr_expect_str_eq((const char *)out.data, text);
	buffer_done(&out);
}

Test(kernel_addresses, they_are_shown_as_the_kernel_shows_them)
{
	expect_put(0x1234, "0x1234");
	addresses = kernel_addresses_new(EXCERPT "4.4");
	expect_put(0xffffffff811e8050, "vfs_read");
	expect_put(0xffffffff811e8060, "vfs_read+0x10");
	expect_put(0xffffffffc0002fff, "init+0xfff [nf_tables]");
	expect_put(0x1234, "0x1234");
}
