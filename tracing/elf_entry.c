#include "tracing/elf_entry.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *const usual_loaders[] = {
	"/lib64/ld-linux-x86-64.so.2",
	"/lib/ld-musl-x86_64.so.1",
	"/lib/ld-linux.so.2",
	"/lib/ld-musl-i386.so.1",
};

static void cleanup_elf_end(Elf **elf)
{
	elf_end(*elf);
}

#define cleanup_elf __attribute__((cleanup(cleanup_elf_end)))

/* libelf reads from the descriptor later too: it has to stay open as long as the Elf. */
static int open_elf(const char *path, int *ret_fd, Elf **ret_elf, struct error *err)
{
	*ret_fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*ret_fd < 0)
		return error_set_errno(err, -errno, "open %s", path);
	elf_version(EV_CURRENT);
	*ret_elf = elf_begin(*ret_fd, ELF_C_READ, NULL);
	if (!*ret_elf || elf_kind(*ret_elf) != ELF_K_ELF)
		return error_set(err, -ENOEXEC, "%s is not an ELF file", path);
	return 0;
}

/* The first segment of a type that holds `address` (any, when address is NULL). */
static bool find_segment(Elf *elf, uint32_t type, const uint64_t *address, GElf_Phdr *ret)
{
	size_t count = 0;

	if (elf_getphdrnum(elf, &count))
		return false;
	for (size_t i = 0; i < count && i < INT_MAX; i++) {
		if (!gelf_getphdr(elf, (int)i, ret) || ret->p_type != type)
			continue;
		if (!address || (*address >= ret->p_vaddr && *address - ret->p_vaddr < ret->p_filesz))
			return true;
	}
	return false;
}

int elf_entry_offset(const char *path, uint64_t *ret_offset, struct error *err)
{
	cleanup_close int fd = -1;
	cleanup_elf Elf *elf = NULL;
	GElf_Ehdr header;
	GElf_Phdr segment;
	int r;

	r = open_elf(path, &fd, &elf, err);
	if (r < 0)
		return r;
	if (!gelf_getehdr(elf, &header))
		return error_set(err, -ENOEXEC, "%s: no ELF header: %s", path, elf_errmsg(-1));
	if (!header.e_entry || !find_segment(elf, PT_LOAD, &header.e_entry, &segment))
		return error_set(err, -ENOEXEC, "%s has no entry point in a loaded segment", path);
	*ret_offset = header.e_entry - segment.p_vaddr + segment.p_offset;
	return 0;
}

int elf_interpreter(const char *path, char *ret, size_t size, struct error *err)
{
	cleanup_close int fd = -1;
	cleanup_elf Elf *elf = NULL;
	GElf_Phdr segment;
	ssize_t n;
	int r;

	r = open_elf(path, &fd, &elf, err);
	if (r < 0)
		return r;
	if (!find_segment(elf, PT_INTERP, NULL, &segment))
		return error_set(err, -ENOENT, "%s asks for no loader", path);
	if (segment.p_filesz == 0 || segment.p_filesz > size)
		return error_set(err, -ENAMETOOLONG, "%s: the loader's name has %llu bytes, at most %zu are allowed", path,
				 (unsigned long long)segment.p_filesz, size);
	n = pread(fd, ret, segment.p_filesz, (off_t)segment.p_offset);
	if (n != (ssize_t)segment.p_filesz || ret[n - 1] != '\0')
		return error_set(err, -ENOEXEC, "%s: the loader's name is cut off", path);
	return 0;
}

struct found_loaders {
	struct elf_loader *loaders;
	size_t count;
	dev_t devices[ELF_LOADERS_MAX];
	ino_t inodes[ELF_LOADERS_MAX];
};

static void add_loader(struct found_loaders *found, const char *path)
{
	struct elf_loader *loader = &found->loaders[found->count];
	struct stat status;

	if (found->count == ELF_LOADERS_MAX || stat(path, &status) || !S_ISREG(status.st_mode))
		return;
	for (size_t i = 0; i < found->count; i++)
		if (found->devices[i] == status.st_dev && found->inodes[i] == status.st_ino)
			return;
	if (elf_entry_offset(path, &loader->entry_offset, NULL) < 0)
		return;
	if (snprintf(loader->path, sizeof(loader->path), "%s", path) >= (int)sizeof(loader->path))
		return;
	found->devices[found->count] = status.st_dev;
	found->inodes[found->count] = status.st_ino;
	found->count++;
}

size_t elf_loaders_find(struct elf_loader loaders[ELF_LOADERS_MAX])
{
	struct found_loaders found = {.loaders = loaders};
	char own[PATH_MAX];

	if (elf_interpreter("/proc/self/exe", own, sizeof(own), NULL) == 0)
		add_loader(&found, own);
	for (size_t i = 0; i < sizeof(usual_loaders) / sizeof(usual_loaders[0]); i++)
		add_loader(&found, usual_loaders[i]);
	return found.count;
}
