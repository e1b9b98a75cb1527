#include "cli/probes_text.h"

#include "cli/fetcharg_text.h"
#include "cli/json.h"
#include "cli/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* By the names that tools give their events. */
static const char *owner_kind(const struct probe_entry *entry)
{
	if (entry->is_ours)
		return "ringside";
	/* perf probe: "probe" for the kernel, "probe_FILE" for user functions */
	if (!strcmp(entry->group, "probe") || !strncmp(entry->group, "probe_", 6) || !strncmp(entry->group, "perf_", 5))
		return "perf";
	if (strstr(entry->name, "_bcc_"))
		return "bcc";
	return "other";
}

static void owner_text(const struct probe_entry *entry, char *ret, size_t size)
{
	if (entry->is_ours)
		snprintf(ret, size, "ringside %" PRIu32 " %s", entry->owner.pid, entry->owner_lives ? "alive" : "dead");
	else
		snprintf(ret, size, "%s", owner_kind(entry));
}

struct widths {
	size_t name, owner;
};

static struct widths column_widths(const struct probe_list *list)
{
	struct widths w = {.name = strlen("PROBE"), .owner = strlen("OWNER")};
	char owner[64];

	for (size_t i = 0; i < list->count; i++) {
		size_t name = strlen(list->entries[i].group) + 1 + strlen(list->entries[i].name);

		owner_text(&list->entries[i], owner, sizeof(owner));
		w.name = name > w.name ? name : w.name;
		w.owner = strlen(owner) > w.owner ? strlen(owner) : w.owner;
	}
	return w;
}

static void put_padded(struct buffer *out, bool color, enum style style, const char *text, size_t width)
{
	size_t start = out->length;

	text_style(out, color, style);
	text_put_escaped(out, text);
	text_style(out, color, STYLE_PLAIN);
	text_pad(out, start, width + 2);
}

#define KIND_WIDTH  10
#define COUNT_WIDTH 10

static void put_head(struct buffer *out, bool color, const struct widths *w)
{
	put_padded(out, color, STYLE_BOLD, "PROBE", w->name);
	put_padded(out, color, STYLE_BOLD, "KIND", KIND_WIDTH);
	put_padded(out, color, STYLE_BOLD, "OWNER", w->owner);
	put_padded(out, color, STYLE_BOLD, "HITS", COUNT_WIDTH);
	put_padded(out, color, STYLE_BOLD, "MISSES", COUNT_WIDTH);
	text_put_styled(out, color, STYLE_BOLD, "PLACE");
	buffer_put_u8(out, '\n');
}

static void put_count(struct buffer *out, bool color, const struct probe_entry *entry, uint64_t count, enum style style)
{
	char text[32] = "-";

	if (entry->has_counts)
		snprintf(text, sizeof(text), "%" PRIu64, count);
	put_padded(out, color, style, text, COUNT_WIDTH);
}

static void put_arguments(struct buffer *out, bool color, const struct probe_entry *entry)
{
	size_t width = 0;

	for (size_t i = 0; i < entry->argument_count; i++)
		width = strlen(entry->arguments[i].name) > width ? strlen(entry->arguments[i].name) : width;
	for (size_t i = 0; i < entry->argument_count; i++) {
		const struct probe_argument *argument = &entry->arguments[i];

		buffer_put_string(out, "    ");
		put_padded(out, color, STYLE_PLAIN, *argument->name ? argument->name : "-", width);
		if (entry->kind == PROBE_SYNTHETIC)
			text_put_escaped(out, argument->expression);
		else
			fetcharg_text_put_expression(out, argument->expression);
		buffer_put_string(out, "  ");
		if (entry->kind != PROBE_SYNTHETIC) {
			text_style(out, color, STYLE_DIM);
			text_put_escaped(out, argument->expression);
			text_style(out, color, STYLE_PLAIN);
		}
		buffer_put_u8(out, '\n');
	}
}

static void put_entry(struct buffer *out, bool color, const struct probe_entry *entry, const struct widths *w)
{
	enum style owner_style = !entry->is_ours ? STYLE_DIM : entry->owner_lives ? STYLE_GOOD : STYLE_BAD;
	size_t start = out->length;
	char owner[64];

	text_style(out, color, STYLE_NAME);
	text_put_escaped(out, entry->group);
	buffer_put_u8(out, '/');
	text_put_escaped(out, entry->name);
	text_style(out, color, STYLE_PLAIN);
	text_pad(out, start, w->name + 2);
	put_padded(out, color, STYLE_PLAIN, probe_kind_name(entry->kind), KIND_WIDTH);
	owner_text(entry, owner, sizeof(owner));
	put_padded(out, color, owner_style, owner, w->owner);
	put_count(out, color, entry, entry->counts.hits, STYLE_PLAIN);
	put_count(out, color, entry, entry->counts.misses, entry->counts.misses ? STYLE_BAD : STYLE_PLAIN);
	text_put_escaped(out, entry->place);
	if (entry->maxactive)
		buffer_printf(out, " (maxactive %u)", entry->maxactive);
	buffer_put_u8(out, '\n');
	put_arguments(out, color, entry);
}

void probes_text_put(struct buffer *out, bool color, const struct probe_list *list)
{
	struct widths widths = column_widths(list);

	if (!list->count) {
		buffer_put_string(out, "no dynamic events\n");
		return;
	}
	put_head(out, color, &widths);
	for (size_t i = 0; i < list->count; i++)
		put_entry(out, color, &list->entries[i], &widths);
}

static json_t *argument_json(const struct probe_entry *entry, const struct probe_argument *argument)
{
	struct buffer meaning;
	json_t *object;

	buffer_init(&meaning, 0);
	if (entry->kind == PROBE_SYNTHETIC)
		buffer_put_string(&meaning, argument->expression);
	else
		fetcharg_text_put_expression(&meaning, argument->expression);
	object = json_pack("{s:s, s:s, s:s%}", "name", argument->name, "expression", argument->expression, "meaning",
			   meaning.data ? (const char *)meaning.data : "", meaning.length);
	buffer_done(&meaning);
	return object;
}

static json_t *owner_json(const struct probe_entry *entry)
{
	json_t *object = json_pack("{s:s}", "kind", owner_kind(entry));

	if (!entry->is_ours)
		return object;
	json_object_set_new(object, "pid", json_integer(entry->owner.pid));
	json_object_set_new(object, "alive", json_boolean(entry->owner_lives));
	return object;
}

static json_t *entry_json(const struct probe_entry *entry)
{
	json_t *arguments = json_array();
	json_t *object;

	for (size_t i = 0; i < entry->argument_count; i++)
		json_array_append_new(arguments, argument_json(entry, &entry->arguments[i]));
	object = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "group", entry->group, "name", entry->name, "kind",
			   probe_kind_name(entry->kind), "place", entry->place, "arguments", arguments, "owner", owner_json(entry));
	if (entry->maxactive)
		json_object_set_new(object, "maxactive", json_integer(entry->maxactive));
	if (entry->has_counts) {
		json_object_set_new(object, "hits", json_integer((json_int_t)entry->counts.hits));
		json_object_set_new(object, "misses", json_integer((json_int_t)entry->counts.misses));
	}
	return object;
}

void probes_json_put(struct buffer *out, const struct probe_list *list)
{
	json_t *probes = json_array();

	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(probes, entry_json(&list->entries[i]));
	json_put(out, json_pack("{s:o}", "probes", probes));
}
