#include "tracing/elf_entry.h"

#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRY_ADDRESS  0x401234
#define SEGMENT_OFFSET 0x1000
#define SEGMENT_START  0x401000

static char path[] = "/tmp/elf_entry_test_XXXXXX";

static void write_file(const void *bytes, size_t size)
{
	int fd;

	strcpy(path + strlen(path) - 6, "XXXXXX");
	fd = mkstemp(path);
	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
	cr_assert_eq(ftruncate(fd, 0x2000), 0);
	close(fd);
}

static void write_elf64(uint64_t entry)
{
	struct {
		Elf64_Ehdr header;
		Elf64_Phdr segment;
	} file = {
		.header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			   .e_type = ET_DYN,
			   .e_machine = EM_X86_64,
			   .e_version = EV_CURRENT,
			   .e_entry = entry,
			   .e_phoff = sizeof(Elf64_Ehdr),
			   .e_ehsize = sizeof(Elf64_Ehdr),
			   .e_phentsize = sizeof(Elf64_Phdr),
			   .e_phnum = 1},
		.segment = {.p_type = PT_LOAD, .p_offset = SEGMENT_OFFSET, .p_vaddr = SEGMENT_START, .p_filesz = 0x500, .p_memsz = 0x900},
	};

	write_file(&file, sizeof(file));
}

static void write_elf32(uint32_t entry)
{
	struct {
		Elf32_Ehdr header;
		Elf32_Phdr segment;
	} file = {
		.header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
			   .e_type = ET_EXEC,
			   .e_machine = EM_386,
			   .e_version = EV_CURRENT,
			   .e_entry = entry,
			   .e_phoff = sizeof(Elf32_Ehdr),
			   .e_ehsize = sizeof(Elf32_Ehdr),
			   .e_phentsize = sizeof(Elf32_Phdr),
			   .e_phnum = 1},
		.segment = {.p_type = PT_LOAD, .p_offset = SEGMENT_OFFSET, .p_vaddr = SEGMENT_START, .p_filesz = 0x500, .p_memsz = 0x900},
	};

	write_file(&file, sizeof(file));
}

static void remove_file(void)
{
	unlink(path);
}

TestSuite(elf_entry, .fini = remove_file);

Test(elf_entry, the_entry_address_is_carried_back_through_its_segment)
{
	uint64_t offset = 0;

	write_elf64(ENTRY_ADDRESS);
	cr_assert_eq(elf_entry_offset(path, &offset, NULL), 0);
	cr_assert_eq(offset, ENTRY_ADDRESS - SEGMENT_START + SEGMENT_OFFSET);
}

Test(elf_entry, a_32_bit_file_is_read_as_well)
{
	uint64_t offset = 0;

	write_elf32(ENTRY_ADDRESS);
	cr_assert_eq(elf_entry_offset(path, &offset, NULL), 0);
	cr_assert_eq(offset, ENTRY_ADDRESS - SEGMENT_START + SEGMENT_OFFSET);
}

Test(elf_entry, an_entry_point_outside_of_the_files_part_of_all_segments_is_refused)
{
	struct error err = {0};
	uint64_t offset;

	/* In memory, but beyond what comes from the file. */
	write_elf64(SEGMENT_START + 0x600);
	cr_assert_eq(elf_entry_offset(path, &offset, &err), -ENOEXEC);
	cr_assert_not_null(strstr(err.message, path));
	remove_file();
	write_elf64(0);
	cr_assert_eq(elf_entry_offset(path, &offset, &err), -ENOEXEC);
}

Test(elf_entry, a_file_that_is_no_elf_file_is_refused)
{
	struct error err = {0};
	uint64_t offset;

	write_file("#!/bin/sh\n", 10);
	cr_assert_eq(elf_entry_offset(path, &offset, &err), -ENOEXEC);
	cr_assert_eq(elf_entry_offset("/nonexistent", &offset, &err), -ENOENT);
}

Test(elf_entry, a_program_without_loader_is_told_from_one_with)
{
	char loader[PATH_MAX];
	char small[4];

	cr_assert_eq(elf_interpreter("/proc/self/exe", loader, sizeof(loader), NULL), 0);
	cr_assert_eq(access(loader, X_OK), 0);
	cr_assert_eq(elf_interpreter("/proc/self/exe", small, sizeof(small), NULL), -ENAMETOOLONG);
	write_elf64(ENTRY_ADDRESS);
	cr_assert_eq(elf_interpreter(path, loader, sizeof(loader), NULL), -ENOENT);
}

Test(elf_entry, the_hosts_loaders_are_distinct_files_and_ours_is_the_first)
{
	struct elf_loader loaders[ELF_LOADERS_MAX];
	struct stat status[ELF_LOADERS_MAX];
	size_t count = elf_loaders_find(loaders);
	char own[PATH_MAX];

	cr_assert_geq(count, 1);
	cr_assert_eq(elf_interpreter("/proc/self/exe", own, sizeof(own), NULL), 0);
	cr_assert_str_eq(loaders[0].path, own);
	for (size_t i = 0; i < count; i++) {
		cr_assert_neq(loaders[i].entry_offset, 0);
		cr_assert_eq(stat(loaders[i].path, &status[i]), 0);
		for (size_t k = 0; k < i; k++)
			cr_assert(status[i].st_dev != status[k].st_dev || status[i].st_ino != status[k].st_ino);
	}
}
