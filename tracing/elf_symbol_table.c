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

bool elf_symbol_table_open(struct elf_symbol_table *t, const struct elf_file *f, uint32_t type)
{
	GElf_Shdr header;
	GElf_Shdr other;
	Elf_Scn *section = find_section(f->elf, type, &header);
	Elf_Scn *versions = type == SHT_DYNSYM ? find_section(f->elf, SHT_GNU_versym, &other) : NULL;
	size_t entry = gelf_fsize(f->elf, ELF_T_SYM, 1, EV_CURRENT);

	*t = (struct elf_symbol_table){.elf = f->elf, .symbols = section ? elf_getdata(section, NULL) : NULL};
	if (!t->symbols || !t->symbols->d_buf || !entry)
		return false;
	t->names = header.sh_link;
	t->count = t->symbols->d_size / entry;
	t->versions = versions ? elf_getdata(versions, NULL) : NULL;
	t->version_names = versions ? find_section(f->elf, SHT_GNU_verdef, &other) : NULL;
	return true;
}

bool elf_symbol_table_get(const struct elf_symbol_table *t, size_t index, struct elf_table_symbol *ret)
{
	*ret = (struct elf_table_symbol){0};
	if (index > INT_MAX || !gelf_getsym(t->symbols, (int)index, &ret->symbol))
		return false;
	ret->name = elf_strptr(t->elf, t->names, ret->symbol.st_name);
	ret->name_length = ret->name ? strcspn(ret->name, "@") : 0;
	return ret->name_length > 0;
}

/* Definitions are a chain of offsets, which a broken file may lead in a circle: there are no more than 0x7fff. */
static const char *version_name(const struct elf_symbol_table *t, unsigned index)
{
	GElf_Shdr header;
	Elf_Data *data = t->version_names ? elf_getdata(t->version_names, NULL) : NULL;
	GElf_Verdef definition;
	GElf_Verdaux name;
	uint64_t at = 0;

	if (!data || !gelf_getshdr(t->version_names, &header))
		return NULL;
	for (unsigned i = 0; i < VERSION_HIDDEN && at < INT_MAX && gelf_getverdef(data, (int)at, &definition); i++) {
		if (definition.vd_ndx == index && at + definition.vd_aux < INT_MAX &&
		    gelf_getverdaux(data, (int)(at + definition.vd_aux), &name))
			return elf_strptr(t->elf, header.sh_link, name.vda_name);
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
	if (!t->versions || index > INT_MAX || !gelf_getversym(t->versions, (int)index, &version))
		return;
	if ((version & ~VERSION_HIDDEN) <= VER_NDX_GLOBAL)
		return;
	symbol->version = version_name(t, version & ~VERSION_HIDDEN);
	if (symbol->version)
		symbol->version_kind = version & VERSION_HIDDEN ? ELF_VERSION_OLD : ELF_VERSION_DEFAULT;
}
