#include "tracing/elf_debug.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define BUILD_ID_MAX    64 /* 20 in practice */
#define DEBUG_DIRECTORY "/usr/lib/debug"

struct build_id {
	size_t size; /* 0: there is none */
	uint8_t bytes[BUILD_ID_MAX];
};

struct debug_link {
	const char *name; /* in libelf's memory */
	uint32_t crc;
};

static bool read_note(const Elf_Data *data, struct build_id *ret)
{
	GElf_Nhdr note;
	size_t name;
	size_t content;
	size_t at = 0;

	while ((at = gelf_getnote((Elf_Data *)data, at, &note, &name, &content)) > 0) {
		if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != sizeof(ELF_NOTE_GNU) || note.n_descsz < 2 ||
		    note.n_descsz > BUILD_ID_MAX || memcmp((const char *)data->d_buf + name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) != 0)
			continue;
		ret->size = note.n_descsz;
		memcpy(ret->bytes, (const char *)data->d_buf + content, ret->size);
		return true;
	}
	return false;
}

static struct build_id read_build_id(const struct elf_file *f)
{
	struct build_id id = {0};
	GElf_Shdr header;

	for (Elf_Scn *section = elf_nextscn(f->elf, NULL); section; section = elf_nextscn(f->elf, section)) {
		const Elf_Data *data;

		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_NOTE)
			continue;
		data = elf_file_section(section);
		if (data && read_note(data, &id))
			break;
	}
	return id;
}

/* A name, NUL, zeros up to a multiple of four, and the CRC in the file's byte order. The name must not lead anywhere else. */
static bool parse_debug_link(const struct elf_file *f, const Elf_Data *data, struct debug_link *ret)
{
	const char *name = data->d_buf;
	const char *header = elf_getident(f->elf, NULL);
	size_t length = strnlen(name, data->d_size);
	size_t at = (length + 4) & ~(size_t)3;

	if (!length || !header || at + 4 > data->d_size || memchr(name, '/', length))
		return false;
	ret->name = name;
	memcpy(&ret->crc, name + at, sizeof(ret->crc));
	if ((header[EI_DATA] == ELFDATA2MSB) != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__))
		ret->crc = __builtin_bswap32(ret->crc);
	return true;
}

static bool read_debug_link(const struct elf_file *f, struct debug_link *ret)
{
	size_t names;
	GElf_Shdr header;

	if (elf_getshdrstrndx(f->elf, &names))
		return false;
	for (Elf_Scn *section = elf_nextscn(f->elf, NULL); section; section = elf_nextscn(f->elf, section)) {
		const char *name = gelf_getshdr(section, &header) ? elf_strptr(f->elf, names, header.sh_name) : NULL;
		const Elf_Data *data;

		if (!name || strcmp(name, ".gnu_debuglink") != 0)
			continue;
		data = elf_file_section(section);
		return data && parse_debug_link(f, data, ret);
	}
	return false;
}

static bool crc_fits(int fd, uint32_t crc)
{
	unsigned char block[65536];
	uLong sum = crc32(0, NULL, 0);
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, block, sizeof(block), at)) > 0) {
		sum = crc32(sum, block, (uInt)n);
		at += n;
	}
	return n == 0 && (uint32_t)sum == crc;
}

struct lookup {
	struct build_id id;
	struct debug_link link; /* name NULL: there is none */
	struct elf_file *file;
	char *path;
};

static bool fits(const struct lookup *l)
{
	struct build_id id = read_build_id(l->file);

	if (l->id.size && id.size)
		return l->id.size == id.size && !memcmp(l->id.bytes, id.bytes, id.size);
	return l->link.name && crc_fits(l->file->fd, l->link.crc);
}

static bool try_path(const struct lookup *l, const char *root, const char *inner)
{
	if (target_path_in_root(root, inner, l->path, NULL, NULL) < 0)
		return false;
	if (elf_file_open(l->file, l->path, NULL) == 0 && fits(l))
		return true;
	elf_file_close(l->file);
	return false;
}

static bool try_build_id(const struct lookup *l, const char *root)
{
	char inner[sizeof(DEBUG_DIRECTORY) + 32 + 2 * BUILD_ID_MAX];
	size_t length;

	if (!l->id.size)
		return false;
	length = (size_t)snprintf(inner, sizeof(inner), DEBUG_DIRECTORY "/.build-id/%02x/", l->id.bytes[0]);
	for (size_t i = 1; i < l->id.size; i++)
		length += (size_t)snprintf(inner + length, sizeof(inner) - length, "%02x", l->id.bytes[i]);
	snprintf(inner + length, sizeof(inner) - length, ".debug");
	return try_path(l, root, inner);
}

static bool try_link(const struct lookup *l, const struct target_path *target)
{
	static const char *const places[][2] = {{"", "/"}, {"", "/.debug/"}, {DEBUG_DIRECTORY, "/"}};
	const char *slash = strrchr(target->inner, '/');
	char inner[PATH_MAX];

	for (size_t i = 0; l->link.name && slash && i < sizeof(places) / sizeof(places[0]); i++)
		if (snprintf(inner, sizeof(inner), "%s%.*s%s%s", places[i][0], (int)(slash - target->inner), target->inner, places[i][1],
			     l->link.name) < (int)sizeof(inner) &&
		    try_path(l, target->root, inner))
			return true;
	return false;
}

int elf_debug_open(struct elf_file *ret, char path[PATH_MAX], const struct elf_file *program, const struct target_path *target,
		   struct error *err)
{
	struct lookup l = {.id = read_build_id(program), .file = ret, .path = path};

	*ret = (struct elf_file)ELF_FILE_NONE;
	if (!read_debug_link(program, &l.link))
		l.link.name = NULL;
	if (try_build_id(&l, target->root) || try_link(&l, target) || (target->root[0] && try_build_id(&l, "")))
		return 0;
	return error_set(err, -ENOENT, "no debug file for %s", target->path);
}
