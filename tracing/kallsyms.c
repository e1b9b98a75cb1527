#include "tracing/kallsyms.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool cut_module(char *at, struct kallsyms_line *ret)
{
	char *end = strchr(at, ']');

	if (at[0] != '[' || !end || end == at + 1)
		return false;
	*end = '\0';
	ret->module = at + 1;
	return true;
}

bool kallsyms_parse_line(char *line, struct kallsyms_line *ret)
{
	char *at;
	char *end;

	*ret = (struct kallsyms_line){0};
	line[strcspn(line, "\n")] = '\0';
	if (!isxdigit((unsigned char)line[0]))
		return false;
	errno = 0;
	ret->address = strtoull(line, &at, 16);
	if (errno || at[0] != ' ' || !isgraph((unsigned char)at[1]) || at[2] != ' ')
		return false;
	ret->type = at[1];
	ret->name = at + 3;
	end = at + 3 + strcspn(at + 3, " \t");
	if (end == ret->name)
		return false;
	if (*end == '\0')
		return true;
	*end++ = '\0';
	return cut_module(end + strspn(end, " \t"), ret);
}

bool kallsyms_is_text(const struct kallsyms_line *line)
{
	return line->type == 't' || line->type == 'T' || line->type == 'w' || line->type == 'W';
}

int kallsyms_open(struct kallsyms *k, const char *path, struct error *err)
{
	const char *where = path ? path : KALLSYMS_PATH;

	*k = (struct kallsyms){.file = fopen(where, "re")};
	return k->file ? 0 : error_set_errno(err, -errno, "open %s", where);
}

void kallsyms_close(struct kallsyms *k)
{
	if (k->file)
		fclose(k->file);
	free(k->line);
	*k = (struct kallsyms){0};
}

bool kallsyms_next(struct kallsyms *k, struct kallsyms_line *ret)
{
	while (getline(&k->line, &k->capacity, k->file) > 0)
		if (kallsyms_parse_line(k->line, ret))
			return true;
	return false;
}
