#include "tracing/elf_symbol.h"
#include "tracing/close_names.h"
#include "tracing/elf_debug.h"
#include "tracing/elf_symbol_table.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLES_MAX   3
#define SCORE_NONE   UINT_MAX
#define SCORE_KIND   10
#define VERSIONS_MAX 128
/* Real files have a handful of one name. Looking up a version may take long in one that was made for it. */
#define NAMESAKES_MAX 256

/* A place, cut up. */
struct wanted {
	char name[ELF_NAME_BYTES];
	const char *version; /* in `name`, behind its NUL; NULL: the default one */
	uint64_t offset;
};

struct search {
	const struct target_path *target;
	struct wanted wanted;
	struct elf_file program;
	struct elf_file debug;
	char debug_path[PATH_MAX];
	struct elf_symbol_table tables[TABLES_MAX];
	size_t table_count;
	bool is_stripped;

	unsigned best_score;
	GElf_Sym best;
	unsigned same_count; /* functions at other addresses that are as good as the best one */
	bool is_imported;
	char versions[VERSIONS_MAX]; /* there are, when the wanted one is not: " @V1 @@V2" */
};

static int parse_number(const char *text, uint64_t *ret)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	*ret = strtoull(text, &end, 0);
	return errno || *end ? -EINVAL : 0;
}

static int parse_place(const char *place, struct wanted *ret, struct error *err)
{
	char *plus;
	char *at;

	*ret = (struct wanted){0};
	if (snprintf(ret->name, sizeof(ret->name), "%s", place) >= (int)sizeof(ret->name))
		return error_set(err, -EINVAL, "%.32s...: a symbol has less than %d bytes", place, ELF_NAME_BYTES);
	plus = strrchr(ret->name, '+');
	if (plus && parse_number(plus + 1, &ret->offset) < 0)
		return error_set(err, -EINVAL, "%.128s: behind the + an offset is wanted, like 16 or 0x10", place);
	if (plus)
		*plus = '\0';
	at = strchr(ret->name, '@');
	if (at) {
		ret->version = at + (at[1] == '@' ? 2 : 1);
		*at = '\0';
	}
	if (!ret->name[0] || strpbrk(ret->name, " \t\n") || (ret->version && !*ret->version))
		return error_set(err, -EINVAL, "\"%.128s\" is no place in a file: SYMBOL, SYMBOL@VERSION, SYMBOL+OFFSET or 0xOFFSET is",
				 place);
	return 0;
}

static bool is_function(const GElf_Sym *symbol)
{
	unsigned type = GELF_ST_TYPE(symbol->st_info);

	return (type == STT_FUNC || type == STT_GNU_IFUNC) && symbol->st_shndx != SHN_UNDEF && symbol->st_value;
}

/* The default version's word in the dynamic table counts before that of a name without any, which may be the old one's. */
static unsigned score(const struct elf_table_symbol *symbol)
{
	static const unsigned kinds[] = {[ELF_VERSION_DEFAULT] = 0, [ELF_VERSION_NONE] = SCORE_KIND, [ELF_VERSION_OLD] = 2 * SCORE_KIND};
	unsigned binding = GELF_ST_BIND(symbol->symbol.st_info);

	return kinds[symbol->version_kind] + (binding == STB_LOCAL ? 2 : binding == STB_WEAK);
}

static void note_version(struct search *s, const struct elf_table_symbol *symbol)
{
	size_t length = strlen(s->versions);
	char text[VERSIONS_MAX];

	if (!symbol->version)
		return;
	snprintf(text, sizeof(text), " %s%.60s", symbol->version_kind == ELF_VERSION_DEFAULT ? "@@" : "@", symbol->version);
	if (!strstr(s->versions, text))
		snprintf(s->versions + length, sizeof(s->versions) - length, "%s", text);
}

static void offer(struct search *s, const struct elf_table_symbol *symbol)
{
	unsigned points = score(symbol);

	if (s->wanted.version && (!symbol->version || strcmp(symbol->version, s->wanted.version) != 0)) {
		note_version(s, symbol);
		return;
	}
	if (points > s->best_score)
		return;
	if (points < s->best_score)
		s->same_count = 0;
	else if (symbol->symbol.st_value == s->best.st_value)
		return;
	else
		s->same_count++;
	/* Of several, the first. */
	if (points < s->best_score)
		s->best = symbol->symbol;
	s->best_score = points;
}

static void search_table(struct search *s, const struct elf_symbol_table *table)
{
	size_t length = strlen(s->wanted.name);
	struct elf_table_symbol symbol;
	unsigned namesakes = 0;

	for (size_t i = 0; i < table->count && namesakes < NAMESAKES_MAX; i++) {
		if (!elf_symbol_table_get(table, i, &symbol) || symbol.name_length != length ||
		    memcmp(symbol.name, s->wanted.name, length) != 0)
			continue;
		if (symbol.symbol.st_shndx == SHN_UNDEF)
			s->is_imported = true;
		if (!is_function(&symbol.symbol))
			continue;
		namesakes++;
		elf_symbol_table_version(table, i, &symbol);
		offer(s, &symbol);
	}
}

static void open_tables(struct search *s)
{
	if (elf_symbol_table_open(&s->tables[s->table_count], &s->program, SHT_SYMTAB))
		s->table_count++;
	else
		s->is_stripped = true;
	if (s->is_stripped && elf_debug_open(&s->debug, s->debug_path, &s->program, s->target, NULL) == 0 &&
	    elf_symbol_table_open(&s->tables[s->table_count], &s->debug, SHT_SYMTAB)) {
		s->table_count++;
		s->is_stripped = false;
	}
	if (elf_symbol_table_open(&s->tables[s->table_count], &s->program, SHT_DYNSYM))
		s->table_count++;
}

static void offer_close_names(const struct search *s, const char *wanted, struct close_names *names)
{
	struct elf_table_symbol symbol;
	char name[CLOSE_NAME_BYTES];

	close_names_init(names, wanted);
	for (size_t t = 0; t < s->table_count; t++)
		for (size_t i = 0; i < s->tables[t].count; i++) {
			if (!elf_symbol_table_get(&s->tables[t], i, &symbol) || !is_function(&symbol.symbol) ||
			    symbol.name_length >= sizeof(name))
				continue;
			memcpy(name, symbol.name, symbol.name_length);
			name[symbol.name_length] = '\0';
			if (strcmp(name, s->wanted.name) != 0)
				close_names_offer(names, name);
		}
}

static int explain_missing(const struct search *s, struct error *err)
{
	const char *path = s->target->path;
	char near[CLOSE_NAMES_MAX * (CLOSE_NAME_BYTES + 2) + 16];
	struct close_names names;

	if (s->versions[0])
		return error_set(err, -ENOENT, "%s has no version %.64s of %.64s; it has%s", path, s->wanted.version, s->wanted.name,
				 s->versions);
	if (s->is_imported)
		return error_set(err, -ENOENT, "%s takes %.64s from a library: that library is the place for the probe", path,
				 s->wanted.name);
	offer_close_names(s, s->wanted.name, &names);
	return error_set(err, -ENOENT, "%s has no function %.64s%s%s", path, s->wanted.name,
			 s->is_stripped ? "; it is stripped, and there is no debug file for it" : "",
			 close_names_text(&names, near, sizeof(near)));
}

/* The functions to choose from are by custom called after it: __memcpy_avx_unaligned. */
static int explain_indirect(const struct search *s, struct error *err)
{
	char near[CLOSE_NAMES_MAX * (CLOSE_NAME_BYTES + 2) + 16];
	struct close_names names;
	char beginning[CLOSE_NAME_BYTES];

	snprintf(beginning, sizeof(beginning), "%.64s_", s->wanted.name);
	offer_close_names(s, beginning, &names);
	return error_set(
		err, -ENOTSUP,
		"%.64s of %s is an indirect function (IFUNC): programs call what it resolves to at their start; the probe has to go "
		"there%s",
		s->wanted.name, s->target->path, close_names_text(&names, near, sizeof(near)));
}

static int judge(const struct search *s, struct elf_symbol *ret, struct error *err)
{
	const char *path = s->target->path;
	const char *name = s->wanted.name;
	uint64_t size = s->best.st_size;

	if (s->best_score == SCORE_NONE)
		return explain_missing(s, err);
	if (s->same_count)
		return error_set(err, -EADDRNOTAVAIL, "%s has %u functions %.64s; the offset in the file (0x...) says which is meant", path,
				 s->same_count + 1, name);
	if (GELF_ST_TYPE(s->best.st_info) == STT_GNU_IFUNC)
		return explain_indirect(s, err);
	if (size && s->wanted.offset >= size)
		return error_set(err, -ERANGE, "%.64s of %s has %" PRIu64 " bytes: +%" PRIu64 " is outside", name, path, size,
				 s->wanted.offset);
	if (s->wanted.offset > UINT64_MAX - s->best.st_value ||
	    !elf_file_offset(&s->program, s->best.st_value + s->wanted.offset, &ret->file_offset) ||
	    !elf_file_is_code(&s->program, ret->file_offset))
		return error_set(err, -ERANGE, "%.64s of %s is in no segment of code", name, path);
	ret->size = size;
	return 0;
}

static int find_symbol(struct search *s, const char *place, struct elf_symbol *ret, struct error *err)
{
	int r = parse_place(place, &s->wanted, err);

	if (r < 0)
		return r;
	open_tables(s);
	for (size_t i = 0; i < s->table_count; i++)
		search_table(s, &s->tables[i]);
	return judge(s, ret, err);
}

static int take_offset(const struct search *s, const char *place, struct elf_symbol *ret, struct error *err)
{
	if (parse_number(place, &ret->file_offset) < 0)
		return error_set(err, -EINVAL, "\"%.64s\" is no offset in a file: it is written like 0x1a40", place);
	if (!elf_file_is_code(&s->program, ret->file_offset))
		return error_set(err, -ERANGE, "%s has no code at offset 0x%" PRIx64 " of the file", s->target->path, ret->file_offset);
	return 0;
}

int elf_symbol_find(const struct target_path *target, const char *place, struct elf_symbol *ret, struct error *err)
{
	struct search *s = calloc(1, sizeof(*s));
	int r;

	*ret = (struct elf_symbol){0};
	if (!s)
		return error_set(err, -ENOMEM, "out of memory");
	s->target = target;
	s->best_score = SCORE_NONE;
	s->debug = (struct elf_file)ELF_FILE_NONE;
	r = elf_file_open(&s->program, target->path, err);
	if (r == 0)
		r = isdigit((unsigned char)place[0]) ? take_offset(s, place, ret, err) : find_symbol(s, place, ret, err);
	elf_file_close(&s->debug);
	elf_file_close(&s->program);
	free(s);
	return r;
}
