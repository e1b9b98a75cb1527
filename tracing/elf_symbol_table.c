#include "tracing/elf_symbol_table.h"

#include <limits.h>
#include <string.h>

#define VERSION_HIDDEN 0x8000 /* in .gnu.version: not the default one */

static Elf_Scn *find_section(Elf *elf, uint32_t type, GElf_Shdr *ret)
{
	for (Elf_Scn *section = elf_nextscn(elf, NULL); section; section = elf_nextscn(elf, section))
		if (gelf_getshdr(section, ret) && ret->sh_type == type)
			return section;
	return NULL;
}

static void open_names(struct elf_symbol_table *t, Elf_Scn *section)
{
	const Elf_Data *names = elf_file_section(section);
	const char *last = names ? memrchr(names->d_buf, '\0', names->d_size) : NULL;

	if (!last)
		return;
	t->names = names->d_buf;
	t->names_size = (size_t)(last - t->names) + 1;
}

static void open_versions(struct elf_symbol_table *t)
{
	GElf_Shdr header = {0};

	t->versions = elf_file_section(find_section(t->elf, SHT_GNU_versym, &header));
	t->version_definitions = elf_file_section(find_section(t->elf, SHT_GNU_verdef, &header));
	t->version_names = header.sh_link;
}

bool elf_symbol_table_open(struct elf_symbol_table *t, const struct elf_file *f, uint32_t type)
{
	GElf_Shdr header = {0};
	size_t entry = gelf_fsize(f->elf, ELF_T_SYM, 1, EV_CURRENT);

	*t = (struct elf_symbol_table){.elf = f->elf, .symbols = elf_file_section(find_section(f->elf, type, &header))};
	if (!t->symbols || !entry)
		return false;
	t->count = t->symbols->d_size / entry;
	open_names(t, elf_getscn(f->elf, header.sh_link));
	if (type == SHT_DYNSYM)
		open_versions(t);
	return true;
}

/* libelf's elf_strptr() looks through the whole table for the end of each name when a file is made to have it so. */
bool elf_symbol_table_get(const struct elf_symbol_table *t, size_t index, struct elf_table_symbol *ret)
{
	size_t length;

	*ret = (struct elf_table_symbol){0};
	if (index > INT_MAX || !gelf_getsym((Elf_Data *)t->symbols, (int)index, &ret->symbol) || ret->symbol.st_name >= t->names_size)
		return false;
	ret->name = t->names + ret->symbol.st_name;
	length = strnlen(ret->name, ELF_NAME_BYTES);
	if (length == ELF_NAME_BYTES)
		return false;
	ret->name_length = strcspn(ret->name, "@");
	return ret->name_length > 0;
}

/* Definitions are a chain of offsets, which a broken file may lead in a circle: there are no more than 0x7fff. */
static const char *version_name(const struct elf_symbol_table *t, unsigned index)
{
	Elf_Data *data = (Elf_Data *)t->version_definitions;
	GElf_Verdef definition;
	GElf_Verdaux name;
	uint64_t at = 0;

	for (unsigned i = 0; data && i < VERSION_HIDDEN && at < INT_MAX && gelf_getverdef(data, (int)at, &definition); i++) {
		if (definition.vd_ndx == index && at + definition.vd_aux < INT_MAX &&
		    gelf_getverdaux(data, (int)(at + definition.vd_aux), &name))
			return elf_strptr(t->elf, t->version_names, name.vda_name);
		if (!definition.vd_next)
			break;
		at += definition.vd_next;
	}
	return NULL;
}

void elf_symbol_table_version(const struct elf_symbol_table *t, size_t index, struct elf_table_symbol *symbol)
{
	const char *suffix = symbol->name + symbol->name_length;
	GElf_Versym version = VER_NDX_GLOBAL;

	if (*suffix == '@') {
		symbol->version_kind = suffix[1] == '@' ? ELF_VERSION_DEFAULT : ELF_VERSION_OLD;
		symbol->version = suffix + (suffix[1] == '@' ? 2 : 1);
		return;
	}
	if (!t->versions || index > INT_MAX || !gelf_getversym((Elf_Data *)t->versions, (int)index, &version))
		return;
	if ((version & ~VERSION_HIDDEN) <= VER_NDX_GLOBAL)
		return;
	symbol->version = version_name(t, version & ~VERSION_HIDDEN);
	if (symbol->version)
		symbol->version_kind = version & VERSION_HIDDEN ? ELF_VERSION_OLD : ELF_VERSION_DEFAULT;
}
