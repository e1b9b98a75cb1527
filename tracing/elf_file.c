#include "tracing/elf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#define SECTION_BYTES_MAX (UINT64_C(1) << 30)

/* libelf reads from the descriptor later too: it has to stay open as long as the Elf. A FIFO must not keep us waiting. */
int elf_file_open(struct elf_file *f, const char *path, struct error *err)
{
	*f = (struct elf_file){.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), .path = path};
	if (f->fd < 0)
		return error_set_errno(err, -errno, "open %s", path);
	elf_version(EV_CURRENT);
	f->elf = elf_begin(f->fd, ELF_C_READ, NULL);
	if (!f->elf || elf_kind(f->elf) != ELF_K_ELF)
		return error_set(err, -ENOEXEC, "%s is not an ELF file", path);
	return 0;
}

void elf_file_close(struct elf_file *f)
{
	elf_end(f->elf);
	if (f->fd >= 0)
		close(f->fd);
	*f = (struct elf_file)ELF_FILE_NONE;
}

static bool next_segment(const struct elf_file *f, int *at, uint32_t type, GElf_Phdr *ret)
{
	size_t count = 0;

	if (elf_getphdrnum(f->elf, &count))
		return false;
	while (*at < INT_MAX && (size_t)*at < count)
		if (gelf_getphdr(f->elf, (*at)++, ret) && ret->p_type == type)
			return true;
	return false;
}

bool elf_file_segment(const struct elf_file *f, uint32_t type, const uint64_t *address, GElf_Phdr *ret)
{
	int at = 0;

	while (next_segment(f, &at, type, ret))
		if (!address || (*address >= ret->p_vaddr && *address - ret->p_vaddr < ret->p_filesz))
			return true;
	return false;
}

bool elf_file_offset(const struct elf_file *f, uint64_t address, uint64_t *ret_offset)
{
	GElf_Phdr segment;

	if (!elf_file_segment(f, PT_LOAD, &address, &segment))
		return false;
	*ret_offset = address - segment.p_vaddr + segment.p_offset;
	return true;
}

bool elf_file_is_code(const struct elf_file *f, uint64_t offset)
{
	GElf_Phdr segment;
	int at = 0;

	while (next_segment(f, &at, PT_LOAD, &segment))
		if ((segment.p_flags & PF_X) && offset >= segment.p_offset && offset - segment.p_offset < segment.p_filesz)
			return true;
	return false;
}

const Elf_Data *elf_file_section(Elf_Scn *section)
{
	GElf_Shdr header;
	const Elf_Data *data;

	if (!section || !gelf_getshdr(section, &header) || header.sh_size > SECTION_BYTES_MAX)
		return NULL;
	data = elf_getdata(section, NULL);
	return data && data->d_buf && data->d_size ? data : NULL;
}
