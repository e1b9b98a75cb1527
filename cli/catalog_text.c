#include "cli/catalog_text.h"

#include "cli/json.h"
#include "cli/text.h"

#include <string.h>

#define EVENT_WIDTH 25
#define FIELD_WIDTH 20
#define TYPE_WIDTH  8
#define WHERE_WIDTH 8

#define COMMON_FIELDS "What all events but ticker, chargen and lost have (container events: the last four)"
#define NO_FIELDS     "its fields are the arguments that the subscriber asks for"

const char *field_type_name(enum field_type type)
{
	static const char *const names[] = {
		[FIELD_SINT32] = "sint32", [FIELD_UINT32] = "uint32", [FIELD_SINT64] = "sint64", [FIELD_UINT64] = "uint64",
		[FIELD_BOOL] = "bool",     [FIELD_STRING] = "string", [FIELD_CHARS] = "string",  [FIELD_PORT] = "uint16",
	};

	return names[type];
}

void catalog_put_name(struct buffer *out, const struct catalog_entry *entry)
{
	buffer_printf(out, "%s%s%s", entry->family, *entry->type ? ":" : "", entry->type);
}

static void put_padded(struct buffer *out, const char *text, size_t width)
{
	size_t start = out->length;

	buffer_put_string(out, text);
	text_pad(out, start, width);
}

static void put_field(struct buffer *out, bool color, const struct catalog_field *field)
{
	buffer_put_string(out, "    ");
	put_padded(out, field->name, FIELD_WIDTH);
	put_padded(out, field_type_name(field->type), TYPE_WIDTH);
	text_style(out, color, STYLE_GOOD);
	put_padded(out, field->kernel_name ? "kernel" : "", WHERE_WIDTH);
	text_style(out, color, STYLE_PLAIN);
	text_put_styled(out, color, STYLE_DIM, field->summary);
	if (field->alias) {
		text_put_styled(out, color, STYLE_DIM, "; short: ");
		buffer_put_string(out, field->alias);
	}
	buffer_put_u8(out, '\n');
}

static void put_common_fields(struct buffer *out, bool color)
{
	size_t count;
	const struct catalog_field *common = catalog_common_fields(&count);

	buffer_put_string(out, COMMON_FIELDS "\n");
	for (size_t i = 0; i < count; i++)
		put_field(out, color, &common[i]);
}

void catalog_text_put(struct buffer *out, bool color)
{
	for (enum event_kind kind = 0; kind < EVENT_KIND_COUNT; kind++) {
		const struct catalog_entry *entry = catalog_entry(kind);
		size_t start = out->length;

		text_style(out, color, STYLE_NAME);
		catalog_put_name(out, entry);
		text_style(out, color, STYLE_PLAIN);
		text_pad(out, start, EVENT_WIDTH);
		buffer_put_string(out, entry->summary);
		buffer_put_u8(out, '\n');
		for (size_t i = 0; i < entry->field_count; i++)
			put_field(out, color, &entry->fields[i]);
		if (!entry->field_count) {
			buffer_put_string(out, "    ");
			text_put_styled(out, color, STYLE_DIM, NO_FIELDS);
			buffer_put_u8(out, '\n');
		}
	}
	put_common_fields(out, color);
}

static void put_markdown_fields(struct buffer *out, const struct catalog_field *fields, size_t count)
{
	buffer_put_string(out, "| field | type | kernel | what it is |\n|---|---|---|---|\n");
	for (size_t i = 0; i < count; i++) {
		const struct catalog_field *field = &fields[i];

		buffer_printf(out, "| `%s`", field->name);
		if (field->alias)
			buffer_printf(out, ", `%s`", field->alias);
		buffer_printf(out, " | %s | %s | %s |\n", field_type_name(field->type), field->kernel_name ? "yes" : "", field->summary);
	}
}

static void put_markdown_entry(struct buffer *out, const struct catalog_entry *entry)
{
	buffer_put_string(out, "\n### ");
	catalog_put_name(out, entry);
	buffer_printf(out, "\n\n%s\n\n", entry->summary);
	if (!entry->field_count) {
		buffer_put_string(out, NO_FIELDS ".\n");
		return;
	}
	put_markdown_fields(out, entry->fields, entry->field_count);
}

void catalog_markdown_put(struct buffer *out)
{
	const struct catalog_field *common;
	const char *family = "";
	size_t count;

	buffer_put_string(
		out,
		"# Events\n\n"
		"Every kind of event that can be watched, and its fields. `make docs` writes this page from the catalog that the program\n"
		"itself has (`ringside events`). Where *kernel* says yes, the kernel can compare the field before it hands an event out, "
		"if the\n"
		"way that the kind is captured has it: `ringside check` tells the way. Expressions can name a field by either of its "
		"names.\n");
	for (enum event_kind kind = 0; kind < EVENT_KIND_COUNT; kind++) {
		const struct catalog_entry *entry = catalog_entry(kind);

		if (strcmp(entry->family, family) != 0)
			buffer_printf(out, "\n## %s\n", entry->family);
		family = entry->family;
		put_markdown_entry(out, entry);
	}
	common = catalog_common_fields(&count);
	buffer_put_string(out, "\n## " COMMON_FIELDS "\n\n");
	put_markdown_fields(out, common, count);
}

static json_t *field_json(const struct catalog_field *field)
{
	return json_pack("{s:s, s:s*, s:s, s:s, s:b}", "name", field->name, "alias", field->alias, "type", field_type_name(field->type),
			 "summary", field->summary, "kernel_filter", field->kernel_name != NULL);
}

static json_t *entry_json(const struct catalog_entry *entry)
{
	size_t common_count;
	const struct catalog_field *common = catalog_common_fields(&common_count);
	json_t *fields = json_array();
	struct buffer name;
	json_t *object;

	buffer_init(&name, 0);
	catalog_put_name(&name, entry);
	for (size_t i = 0; i < entry->field_count; i++)
		json_array_append_new(fields, field_json(&entry->fields[i]));
	for (size_t i = 0; entry->observed && i < common_count; i++)
		if (catalog_field(entry->kind, common[i].name) == &common[i])
			json_array_append_new(fields, field_json(&common[i]));
	object = json_pack("{s:s%, s:s, s:b, s:o}", "event", (const char *)name.data, name.length, "summary", entry->summary, "from_kernel",
			   entry->from_kernel, "fields", fields);
	buffer_done(&name);
	return object;
}

void catalog_json_put(struct buffer *out)
{
	json_t *array = json_array();

	for (enum event_kind kind = 0; kind < EVENT_KIND_COUNT; kind++)
		json_array_append_new(array, entry_json(catalog_entry(kind)));
	json_put(out, array);
}
