#include "cli/check_report.h"

#include "cli/json.h"
#include "cli/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME_WIDTH    24
#define VERDICT_WIDTH 9

static const char *const group_names[CHECK_GROUP_COUNT] = {
	[CHECK_KERNEL] = "kernel",
	[CHECK_PERF] = "perf",
	[CHECK_EVENTS] = "events",
	[CHECK_LIMITS] = "limits",
};

static const struct {
	const char *word;
	enum style style;
} verdicts[] = {
	[VERDICT_INFO] = {"-", STYLE_DIM},
	[VERDICT_GOOD] = {"ok", STYLE_GOOD},
	[VERDICT_LIMITED] = {"limited", STYLE_WARNING},
	[VERDICT_MISSING] = {"missing", STYLE_BAD},
};

void check_report_add(struct check_report *r, enum check_group group, enum verdict verdict, const char *name, const char *format, ...)
{
	struct check_item *items = reallocarray(r->items, r->count + 1, sizeof(*items));
	struct check_item *item;
	va_list args;

	if (!items) {
		r->failed = true;
		return;
	}
	r->items = items;
	item = &items[r->count++];
	*item = (struct check_item){0};
	item->group = group;
	item->verdict = verdict;
	snprintf(item->name, sizeof(item->name), "%s", name);
	va_start(args, format);
	vsnprintf(item->detail, sizeof(item->detail), format, args);
	va_end(args);
}

void check_report_add_way(struct check_report *r, enum verdict verdict, const char *name, const char *detail)
{
	struct check_item *item = r->count ? &r->items[r->count - 1] : NULL;
	struct check_way *ways = item ? reallocarray(item->ways, item->way_count + 1, sizeof(*ways)) : NULL;
	struct check_way *way;

	if (!ways) {
		r->failed = true;
		return;
	}
	item->ways = ways;
	way = &ways[item->way_count++];
	way->verdict = verdict;
	snprintf(way->name, sizeof(way->name), "%s", name);
	snprintf(way->detail, sizeof(way->detail), "%s", detail);
}

void check_report_done(struct check_report *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->items[i].ways);
	free(r->items);
	*r = (struct check_report){0};
}

static void put_item(struct buffer *out, bool color, const struct check_item *item)
{
	size_t start;

	buffer_put_string(out, "  ");
	start = out->length;
	buffer_put_string(out, item->name);
	text_pad(out, start, NAME_WIDTH);
	start = out->length;
	text_put_styled(out, color, verdicts[item->verdict].style, verdicts[item->verdict].word);
	text_pad(out, start, VERDICT_WIDTH);
	text_put_escaped(out, item->detail);
	buffer_put_u8(out, '\n');
}

void check_report_text(const struct check_report *r, bool color, struct buffer *out)
{
	for (size_t i = 0; i < r->count; i++) {
		if (!i || r->items[i].group != r->items[i - 1].group) {
			text_put_styled(out, color, STYLE_BOLD, group_names[r->items[i].group]);
			buffer_put_u8(out, '\n');
		}
		put_item(out, color, &r->items[i]);
	}
	out->failed = out->failed || r->failed;
}

int check_report_status(const struct check_report *r)
{
	bool some = false;
	bool all = true;

	for (size_t i = 0; i < r->count; i++) {
		if (r->items[i].group != CHECK_EVENTS)
			continue;
		some = some || r->items[i].verdict != VERDICT_MISSING;
		all = all && r->items[i].verdict == VERDICT_GOOD;
	}
	if (!some)
		return 2;
	return all ? 0 : 1;
}

static const char *verdict_word(enum verdict verdict)
{
	return verdict == VERDICT_INFO ? "info" : verdicts[verdict].word;
}

static json_t *item_json(const struct check_item *item)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:s}", "group", group_names[item->group], "name", item->name, "verdict",
				 verdict_word(item->verdict), "detail", item->detail);
	json_t *ways = json_array();

	for (size_t i = 0; i < item->way_count; i++)
		json_array_append_new(ways, json_pack("{s:s, s:s, s:s}", "name", item->ways[i].name, "verdict",
						      verdict_word(item->ways[i].verdict), "detail", item->ways[i].detail));
	if (item->way_count)
		json_object_set(json, "ways", ways);
	json_decref(ways);
	return json;
}

void check_report_json(const struct check_report *r, struct buffer *out)
{
	static const char *const results[] = {"all", "some", "none"};
	json_t *checks = json_array();

	for (size_t i = 0; i < r->count; i++)
		json_array_append_new(checks, item_json(&r->items[i]));
	json_put(out, json_pack("{s:o, s:s}", "checks", checks, "result", results[check_report_status(r)]));
	out->failed = out->failed || r->failed;
}
