#include "tracing/probe_list.h"

#include "base/cleanup.h"
#include "tracing/tracefs.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *probe_kind_name(enum probe_kind kind)
{
	static const char *const names[PROBE_KIND_COUNT] = {
		[PROBE_KPROBE] = "kprobe",       [PROBE_KRETPROBE] = "kretprobe",   [PROBE_UPROBE] = "uprobe",
		[PROBE_URETPROBE] = "uretprobe", [PROBE_EPROBE] = "eprobe",         [PROBE_FPROBE] = "fprobe",
		[PROBE_FRETPROBE] = "fretprobe", [PROBE_TRACEPOINT] = "tracepoint", [PROBE_SYNTHETIC] = "synthetic",
		[PROBE_OTHER] = "other",
	};

	return names[kind];
}

static bool is_user_kind(enum probe_kind kind)
{
	return kind == PROBE_UPROBE || kind == PROBE_URETPROBE;
}

static bool is_kernel_kind(enum probe_kind kind)
{
	return kind == PROBE_KPROBE || kind == PROBE_KRETPROBE;
}

static enum probe_kind kind_of(char letter, enum probe_file file)
{
	bool is_user = file == PROBE_FILE_UPROBES;

	switch (letter) {
	case 'p':
		return is_user ? PROBE_UPROBE : PROBE_KPROBE;
	case 'r':
		return is_user ? PROBE_URETPROBE : PROBE_KRETPROBE;
	case 'e':
		return PROBE_EPROBE;
	case 'f':
		return PROBE_FPROBE;
	case 't':
		return PROBE_TRACEPOINT;
	case 's':
		return PROBE_SYNTHETIC;
	default:
		return PROBE_OTHER;
	}
}

static int add_argument(struct probe_entry *entry, const char *name, const char *expression)
{
	struct probe_argument *arguments = reallocarray(entry->arguments, entry->argument_count + 1, sizeof(*arguments));

	if (!arguments)
		return -ENOMEM;
	entry->arguments = arguments;
	arguments[entry->argument_count++] = (struct probe_argument){.name = name, .expression = expression};
	return 0;
}

/* "NAME=EXPRESSION ..." */
static int take_fetchargs(struct probe_entry *entry, char *text)
{
	char *rest = NULL;

	for (char *word = strtok_r(text, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
		char *equals = strchr(word, '=');
		int r;

		if (equals)
			*equals = 0;
		r = add_argument(entry, equals ? word : "", equals ? equals + 1 : word);
		if (r)
			return r;
	}
	return 0;
}

/* "TYPE NAME; TYPE NAME;": a type may have blanks. */
static int take_fields(struct probe_entry *entry, char *text)
{
	char *rest = NULL;

	for (char *field = strtok_r(text, ";", &rest); field; field = strtok_r(NULL, ";", &rest)) {
		char *blank;
		int r;

		field += strspn(field, " \t");
		blank = strrchr(field, ' ');
		if (!blank)
			continue;
		*blank = 0;
		r = add_argument(entry, blank + 1, field);
		if (r)
			return r;
	}
	return 0;
}

/* Cuts `line` into the entry. *ret_good: it was an event. */
static int read_line(struct probe_entry *entry, char *line, enum probe_file file, bool *ret_good)
{
	char *group = strchr(line, ':');
	char *name = group ? strchr(group, '/') : NULL;
	char *place = group ? group + 1 + strcspn(group + 1, " \t") : NULL;
	size_t length;

	*ret_good = name && name > group + 1 && name + 1 < place && group > line && islower((unsigned char)line[0]) &&
		    strspn(line + 1, "0123456789") == (size_t)(group - line) - 1;
	if (!*ret_good)
		return 0;
	entry->kind = kind_of(line[0], file);
	entry->maxactive = (unsigned int)strtoul(line + 1, NULL, 10);
	if (*place)
		*place++ = 0;
	*name++ = 0;
	entry->group = group + 1;
	entry->name = name;
	entry->is_ours = probe_owner_parse(&entry->owner, entry->group);
	if (entry->kind == PROBE_SYNTHETIC) {
		entry->place = "";
		return take_fields(entry, place);
	}
	place += strspn(place, " \t");
	entry->place = place;
	place += strcspn(place, " \t");
	if (*place)
		*place++ = 0;
	length = strlen(entry->place);
	if (entry->kind == PROBE_FPROBE && length > 7 && !strcmp(entry->place + length - 7, "%return"))
		entry->kind = PROBE_FRETPROBE;
	return take_fetchargs(entry, place);
}

static void entry_done(struct probe_entry *entry)
{
	free(entry->arguments);
	free(entry->text);
}

static int add_line(struct probe_list *list, const char *text, size_t length, enum probe_file file)
{
	struct probe_entry entry = {.text = strndup(text, length)};
	struct probe_entry *entries;
	bool is_good = false;
	int r;

	if (!entry.text)
		return -ENOMEM;
	r = read_line(&entry, entry.text, file, &is_good);
	if (r || !is_good || (file == PROBE_FILE_DYNAMIC && is_kernel_kind(entry.kind))) {
		entry_done(&entry);
		return r;
	}
	entries = reallocarray(list->entries, list->count + 1, sizeof(*entries));
	if (!entries) {
		entry_done(&entry);
		return -ENOMEM;
	}
	list->entries = entries;
	entries[list->count++] = entry;
	return 0;
}

int probe_list_parse(struct probe_list *list, const char *text, enum probe_file file)
{
	int r = 0;

	while (*text && !r) {
		size_t length = strcspn(text, "\n");

		r = add_line(list, text, length, file);
		text += length + (text[length] == '\n');
	}
	return r;
}

void probe_list_done(struct probe_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		entry_done(&list->entries[i]);
	free(list->entries);
	*list = (struct probe_list){0};
}

static bool is_same(const struct probe_entry *entry, const struct probe_profile_row *row)
{
	size_t length = strlen(row->path);

	return !strcmp(entry->name, row->name) && (!length || !strncmp(entry->place, row->path, length));
}

void probe_list_count(struct probe_list *list, const struct probe_profile *profile, bool is_user)
{
	bool *used = calloc(profile->count ? profile->count : 1, sizeof(*used));

	for (size_t i = 0; i < list->count && used; i++) {
		struct probe_entry *entry = &list->entries[i];

		if (is_user ? !is_user_kind(entry->kind) : !is_kernel_kind(entry->kind))
			continue;
		for (size_t k = 0; k < profile->count && !entry->has_counts; k++) {
			if (used[k] || !is_same(entry, &profile->rows[k]))
				continue;
			used[k] = true;
			entry->has_counts = true;
			entry->counts = profile->rows[k].counts;
		}
	}
	free(used);
}

static int read_file(struct probe_list *list, const char *name, enum probe_file file, struct error *err)
{
	cleanup_free char *text = NULL;
	int r = tracefs_read_list(name, &text, err);

	if (r || !text)
		return r;
	r = probe_list_parse(list, text, file);
	return r ? error_set(err, r, "%s: out of memory", name) : 0;
}

static int read_counts(struct probe_list *list, bool is_user, struct error *err)
{
	struct probe_profile profile;
	int r = probe_profile_read(&profile, is_user, err);

	if (r)
		return r;
	probe_list_count(list, &profile, is_user);
	probe_profile_done(&profile);
	return 0;
}

int probe_list_read(struct probe_list *ret, struct error *err)
{
	int r;

	*ret = (struct probe_list){0};
	r = read_file(ret, "kprobe_events", PROBE_FILE_KPROBES, err);
	if (!r)
		r = read_file(ret, "uprobe_events", PROBE_FILE_UPROBES, err);
	if (!r)
		r = read_file(ret, "dynamic_events", PROBE_FILE_DYNAMIC, err);
	if (!r)
		r = read_counts(ret, false, err);
	if (!r)
		r = read_counts(ret, true, err);
	for (size_t i = 0; i < ret->count; i++)
		ret->entries[i].owner_lives = ret->entries[i].is_ours && probe_owner_lives(&ret->entries[i].owner);
	return r;
}
