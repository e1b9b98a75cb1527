#include "tracing/elf_entry.h"
#include "tracing/elf_file.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const usual_loaders[] = {
	"/lib64/ld-linux-x86-64.so.2",
	"/lib/ld-musl-x86_64.so.1",
	"/lib/ld-linux.so.2",
	"/lib/ld-musl-i386.so.1",
};

int elf_entry_offset(const char *path, uint64_t *ret_offset, struct error *err)
{
	cleanup_elf_file struct elf_file file = ELF_FILE_NONE;
	GElf_Ehdr header;
	int r;

	r = elf_file_open(&file, path, err);
	if (r < 0)
		return r;
	if (!gelf_getehdr(file.elf, &header))
		return error_set(err, -ENOEXEC, "%s: no ELF header: %s", path, elf_errmsg(-1));
	if (!header.e_entry || !elf_file_offset(&file, header.e_entry, ret_offset))
		return error_set(err, -ENOEXEC, "%s has no entry point in a loaded segment", path);
	return 0;
}

int elf_interpreter(const char *path, char *ret, size_t size, struct error *err)
{
	cleanup_elf_file struct elf_file file = ELF_FILE_NONE;
	GElf_Phdr segment;
	ssize_t n;
	int r;

	r = elf_file_open(&file, path, err);
	if (r < 0)
		return r;
	if (!elf_file_segment(&file, PT_INTERP, NULL, &segment))
		return error_set(err, -ENOENT, "%s asks for no loader", path);
	if (segment.p_filesz == 0 || segment.p_filesz > size)
		return error_set(err, -ENAMETOOLONG, "%s: the loader's name has %llu bytes, at most %zu are allowed", path,
				 (unsigned long long)segment.p_filesz, size);
	n = pread(file.fd, ret, segment.p_filesz, (off_t)segment.p_offset);
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
