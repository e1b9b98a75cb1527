#include "tracing/kernel_symbols.h"
#include "base/cleanup.h"
#include "tracing/kallsyms.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define EXCERPT TEST_DATA "/kallsyms/excerpt/"

static const struct kernel_symbol_files old = {EXCERPT "4.4", "/nonexistent"};
static const struct kernel_symbol_files hidden = {EXCERPT "4.4-hidden", "/nonexistent"};
static const struct kernel_symbol_files guarded = {EXCERPT "4.4", EXCERPT "blacklist"};
static const struct kernel_symbol_files new = {EXCERPT "6.18", "/nonexistent"};

static struct kernel_symbol_request request;

static int find(const struct kernel_symbol_files *files, const char *name)
{
	request = (struct kernel_symbol_request){.name = name};
	cr_assert_eq(kernel_symbols_find(files, &request, 1, NULL), 0);
	return request.err.code;
}

static int find_call(const struct kernel_symbol_files *files, const char *name)
{
	request = (struct kernel_symbol_request){.name = name, .is_system_call = true};
	cr_assert_eq(kernel_symbols_find(files, &request, 1, NULL), 0);
	return request.err.code;
}

static bool says(const char *text)
{
	return strstr(request.err.message, text) != NULL;
}

Test(kernel_symbols, a_function_is_found_by_its_exact_name)
{
	cr_assert_eq(find(&new, "vfs_read"), 0, "%s", request.err.message);
	cr_assert_str_eq(request.symbol.name, "vfs_read");
	cr_assert_eq(request.symbol.address, 0xffffffff816b89f0);
	cr_assert_eq(request.symbol.same_count, 1);
	cr_assert_eq(request.symbol.copy_count, 0);
	cr_assert_not(request.symbol.takes_registers);
	cr_assert_eq(find(&new, "acpi_arch_init"), 0, "weak ones are functions too");
}

Test(kernel_symbols, a_missing_function_is_told_briefly_to_those_who_want_no_more)
{
	request = (struct kernel_symbol_request){.name = "vfs_reed", .is_brief = true};
	cr_assert_eq(kernel_symbols_find(&new, &request, 1, NULL), 0);
	cr_assert_eq(request.err.code, -ENOENT);
	cr_assert_str_eq(request.err.message, "this kernel has no function vfs_reed");
	cr_assert_eq(find(&new, "vfs_reed"), -ENOENT);
	cr_assert(says("vfs_read"), "%s", request.err.message);
}

Test(kernel_symbols, a_system_call_is_found_under_any_of_its_names_as_this_kernel_calls_it)
{
	static const char *const names[] = {"openat", "sys_openat", "SyS_openat", "__x64_sys_openat"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cr_assert_eq(find_call(&new, names[i]), 0, "%s", request.err.message);
		cr_assert_str_eq(request.symbol.name, "__x64_sys_openat");
		cr_assert(request.symbol.takes_registers);
		cr_assert_eq(find_call(&old, names[i]), 0, "%s", request.err.message);
		cr_assert_str_eq(request.symbol.name, "SyS_openat");
		cr_assert_not(request.symbol.takes_registers);
		cr_assert_eq(request.symbol.copy_count, 0);
	}
	cr_assert_eq(find_call(&new, "frobnicate"), -ENOENT);
	cr_assert(says("system call frobnicate"));
}

Test(kernel_symbols, a_plain_name_is_never_taken_for_a_wrapper_with_other_arguments)
{
	cr_assert_eq(find(&new, "sys_openat"), -ENOENT);
	cr_assert(says("__x64_sys_openat"), "%s", request.err.message);
}

Test(kernel_symbols, what_the_compiler_renamed_stands_in_for_the_name_but_not_its_cold_part)
{
	cr_assert_eq(find(&new, "__parse_discovery_table"), 0);
	cr_assert_str_eq(request.symbol.name, "__parse_discovery_table.isra.0");
	cr_assert_eq(find(&new, "tty_paranoia_check"), 0);
	cr_assert_str_eq(request.symbol.name, "tty_paranoia_check.part.0.isra.0");
	cr_assert_eq(find(&new, "wait_for_initramfs"), -ENOENT);
	cr_assert_eq(find(&new, "do_exit"), 0);
	cr_assert_str_eq(request.symbol.name, "do_exit");
	cr_assert_eq(request.symbol.copy_count, 0);
	cr_assert_eq(find(&old, "no_such_suffix"), -ENOENT);
}

Test(kernel_symbols, a_renamed_one_can_be_asked_for_by_its_full_name)
{
	cr_assert_eq(find(&old, "tcp_bar.constprop.5"), 0);
	cr_assert_str_eq(request.symbol.name, "tcp_bar.constprop.5");
	cr_assert_eq(request.symbol.address, 0xffffffff812a0100);
}

Test(kernel_symbols, copies_that_a_probe_would_miss_are_counted_and_a_part_is_the_last_choice)
{
	cr_assert_eq(find(&old, "tcp_bar"), 0);
	cr_assert_str_eq(request.symbol.name, "tcp_bar.constprop.4");
	cr_assert_eq(request.symbol.copy_count, 2);
	cr_assert_eq(find(&old, "tcp_foo"), 0);
	cr_assert_str_eq(request.symbol.name, "tcp_foo.part.3");
	cr_assert_eq(find(&old, "tcp_mixed"), 0);
	cr_assert_str_eq(request.symbol.name, "tcp_mixed");
	cr_assert_eq(request.symbol.copy_count, 1);
}

Test(kernel_symbols, an_ambiguous_name_says_how_many_there_are_and_gives_the_first)
{
	cr_assert_eq(find(&new, "type_show"), -EADDRNOTAVAIL);
	cr_assert_eq(request.symbol.same_count, 10);
	cr_assert_eq(request.symbol.address, 0xffffffff813057a0);
	cr_assert(says("type_show is ambiguous: 10 symbols"), "%s", request.err.message);
	cr_assert_eq(find(&new, "lruvec_stat_mod_folio"), -EADDRNOTAVAIL);
	cr_assert_str_eq(request.symbol.name, "lruvec_stat_mod_folio.constprop.0");
	/* For the kernel, data counts as well. */
	cr_assert_eq(find(&old, "shared_name"), -EADDRNOTAVAIL);
	cr_assert_eq(request.symbol.same_count, 2);
}

Test(kernel_symbols, a_function_of_a_module_is_told_with_it)
{
	cr_assert_eq(find(&old, "nft_do_chain"), 0);
	cr_assert_str_eq(request.symbol.name, "nf_tables:nft_do_chain");
	cr_assert_eq(find(&old, "ext4:ext4_release"), 0);
	cr_assert_str_eq(request.symbol.name, "ext4:ext4_release.isra.0");
	cr_assert_eq(find(&old, "init"), -EADDRNOTAVAIL);
	cr_assert(says("MODULE:SYMBOL"));
	cr_assert_eq(find(&old, "ext4:init"), 0);
	cr_assert_str_eq(request.symbol.name, "ext4:init");
	cr_assert_eq(request.symbol.address, 0xffffffffc0003000);
	cr_assert_eq(find(&old, "ext4:nft_do_chain"), -ENOENT);
	cr_assert_eq(find(&old, "ext4:vfs_read"), -ENOENT);
}

Test(kernel_symbols, what_the_kernel_generated_at_run_time_is_no_place_for_a_probe)
{
	cr_assert_eq(find(&old, "bpf_prog_6deef7357e7b4530"), -ENOENT);
	cr_assert_eq(find(&new, "ftrace_trampoline"), -ENOENT);
}

Test(kernel_symbols, hidden_addresses_are_no_obstacle)
{
	cr_assert_eq(find(&hidden, "vfs_read"), 0);
	cr_assert_eq(request.symbol.address, 0);
	cr_assert_eq(find_call(&hidden, "open"), 0);
	cr_assert_str_eq(request.symbol.name, "SyS_open");
	cr_assert_eq(find(&hidden, "init"), -EADDRNOTAVAIL);
	cr_assert_eq(request.symbol.same_count, 2);
}

Test(kernel_symbols, data_is_no_function_and_the_error_says_so)
{
	cr_assert_eq(find(&old, "init_task"), -ENOENT);
	cr_assert(says("only data of that name"), "%s", request.err.message);
}

Test(kernel_symbols, a_name_that_is_not_there_gets_close_ones_named)
{
	cr_assert_eq(find(&new, "vfs_raed"), -ENOENT);
	cr_assert(says("near it: vfs_read"), "%s", request.err.message);
	cr_assert_eq(find(&new, "do_sys_opena"), -ENOENT);
	cr_assert(says("do_sys_openat2"), "%s", request.err.message);
	cr_assert_not(says("__pfx_"));
	cr_assert_eq(find_call(&new, "opennat"), -ENOENT);
	cr_assert(says("opennat"), "%s", request.err.message);
}

Test(kernel_symbols, a_blacklisted_function_is_known_by_name_by_address_and_as_a_system_call)
{
	cr_assert_eq(find(&guarded, "do_exit"), -EPERM);
	cr_assert(says("do_exit is blacklisted"));
	cr_assert_str_eq(request.symbol.name, "do_exit");
	cr_assert_eq(find(&guarded, "vfs_read"), -EPERM);
	cr_assert_eq(find_call(&guarded, "open"), -EPERM);
	cr_assert_eq(find_call(&guarded, "openat"), 0);
	cr_assert_eq(find(&guarded, "tcp_mixed"), 0);
}

Test(kernel_symbols, what_cannot_be_a_name_is_refused_without_a_look)
{
	static const char *const bad[] = {"", "vfs read", "vfs_read+8", ":vfs_read", "ext4:", "a\nb"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(find(&new, bad[i]), -EINVAL, "%s", bad[i]);
}

Test(kernel_symbols, many_are_answered_at_once_each_for_itself)
{
	struct kernel_symbol_request requests[] = {
		{.name = "vfs_read"},
		{.name = "vfs_read"},
		{.name = "nothing_of_the_kind"},
		{.name = "openat", .is_system_call = true},
		{.name = ""},
		{.name = "__x64_sys_open"},
		{.name = "open", .is_system_call = true},
	};

	cr_assert_eq(kernel_symbols_find(&new, requests, 7, NULL), 0);
	cr_assert_str_eq(requests[0].symbol.name, "vfs_read");
	cr_assert_str_eq(requests[1].symbol.name, "vfs_read");
	cr_assert_eq(requests[2].err.code, -ENOENT);
	cr_assert_str_eq(requests[3].symbol.name, "__x64_sys_openat");
	cr_assert_eq(requests[4].err.code, -EINVAL);
	cr_assert_str_eq(requests[5].symbol.name, "__x64_sys_open");
	cr_assert_str_eq(requests[6].symbol.name, "__x64_sys_open");
	cr_assert_not(requests[5].symbol.takes_registers);
	cr_assert(requests[6].symbol.takes_registers);
	cr_assert_eq(kernel_symbols_find(&new, NULL, 0, NULL), 0);
}

Test(kernel_symbols, a_table_that_cannot_be_read_is_an_error_of_the_whole)
{
	const struct kernel_symbol_files none = {"/nonexistent", NULL};
	struct kernel_symbol symbol;
	struct error err = {0};

	cr_assert_eq(kernel_symbol_find(&none, "vfs_read", &symbol, &err), -ENOENT);
	cr_assert_not_null(strstr(err.message, "/nonexistent"));
	cr_assert_eq(kernel_symbol_find(&new, "type_show", &symbol, &err), -EADDRNOTAVAIL);
	cr_assert_not_null(strstr(err.message, "ambiguous"));
	cr_assert_eq(symbol.same_count, 10);
}

Test(kernel_symbols, the_running_kernels_table_is_read_when_no_other_is_named)
{
	struct kernel_symbol symbol;
	struct error err = {0};

	cr_assert_eq(kernel_symbol_find(NULL, "security_file_open", &symbol, &err), 0, "%s", err.message);
	cr_assert_str_eq(symbol.name, "security_file_open");
}

Test(kallsyms, lines_that_are_none_are_told)
{
	static const char *const bad[] = {"",
					  "\n",
					  "ffffffff81000000",
					  "ffffffff81000000 T",
					  "ffffffff81000000 T ",
					  "ffffffff81000000 TT name",
					  "xyz T name",
					  " ffffffff81000000 T name",
					  "fffffffff81000000 T name",
					  "ffffffff81000000 T name junk",
					  "ffffffff81000000 T name\t[]",
					  "ffffffff81000000 T name\t[open"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cleanup_free char *line = strdup(bad[i]);
		struct kallsyms_line parsed;

		cr_assert_not(kallsyms_parse_line(line, &parsed), "%s", bad[i]);
	}
}

Test(kallsyms, a_line_is_cut_into_address_type_name_and_module)
{
	char line[] = "ffffffffc0001000 t nft_do_chain\t[nf_tables]\n";
	struct kallsyms_line parsed;

	cr_assert(kallsyms_parse_line(line, &parsed));
	cr_assert_eq(parsed.address, 0xffffffffc0001000);
	cr_assert_eq(parsed.type, 't');
	cr_assert_str_eq(parsed.name, "nft_do_chain");
	cr_assert_str_eq(parsed.module, "nf_tables");
}
