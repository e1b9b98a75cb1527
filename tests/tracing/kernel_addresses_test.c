#include "tracing/kernel_addresses.h"

#include <criterion/criterion.h>
#include <errno.h>

static const char kallsyms[] =
	"ffffffff81000000 T _stext\nffffffff81000000 T _text\nffffffff812a0000 T vfs_read\nffffffff812a0300 t vfs_write\n"
	"ffffffffc0001000 t probe_me\t[some_module]\n";

static const char *shown(const struct kernel_addresses *a, uint64_t address)
{
	static struct buffer out;

	buffer_done(&out);
	buffer_init(&out, 0);
	kernel_addresses_put(a, &out, address);
	buffer_put_u8(&out, 0);
	return (const char *)out.data;
}

Test(kernel_addresses, an_address_is_shown_by_the_symbol_it_lies_in)
{
	struct kernel_addresses *a = NULL;

	cr_assert_eq(kernel_addresses_parse(&a, kallsyms, NULL), 0);
	cr_expect_str_eq(shown(a, 0xffffffff812a0000), "vfs_read");
	cr_expect_str_eq(shown(a, 0xffffffff812a02ff), "vfs_read+0x2ff");
	cr_expect_str_eq(shown(a, 0xffffffff812a0300), "vfs_write");
	cr_expect_str_eq(shown(a, 0xffffffff81000000), "_stext");
	cr_expect_str_eq(shown(a, 0xffffffffc0001004), "probe_me+0x4 [some_module]");
	cr_expect_str_eq(shown(a, 0x1000), "0x1000");
	cr_expect_str_eq(shown(a, 0xffffffffffffffff), "0xffffffffffffffff");
	cr_expect_str_eq(shown(NULL, 0xffffffff812a0000), "0xffffffff812a0000");
	kernel_addresses_free(a);
}

Test(kernel_addresses, a_text_without_addresses_is_refused)
{
	struct kernel_addresses *a = NULL;

	cr_assert_eq(kernel_addresses_parse(&a, "0000000000000000 T vfs_read\nx\n\n", NULL), -ENODATA);
	cr_assert_eq(kernel_addresses_parse(&a, "", NULL), -ENODATA);
	cr_assert_null(a);
}
