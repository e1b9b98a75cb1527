#include "proto/descriptor_set.h"

#include "base/cleanup.h"

#include <criterion/criterion.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * tests/data/capsule8-v0.tsv is the wire contract, one row per field, enum value and method. The descriptors inside the binary are written
 * out in the same form, and the two sorted lists must be the same. Our own additions are outside of the contract: fields and enum values
 * from number OWN_NUMBERS up, and enums that only such fields use.
 */

#define PACKAGE     "capsule8.api.v0"
#define OWN_NUMBERS 1000

typedef Google__Protobuf__DescriptorProto message_proto;
typedef Google__Protobuf__FieldDescriptorProto field_proto;
typedef Google__Protobuf__EnumDescriptorProto enum_proto;

struct rows {
	char **items;
	size_t count;
};

static void rows_add(struct rows *rows, char *row)
{
	cr_assert_not_null(row);
	rows->items = reallocarray(rows->items, rows->count + 1, sizeof(*rows->items));
	cr_assert_not_null(rows->items);
	rows->items[rows->count++] = row;
}

#define rows_print(rows, ...)                                       \
	do {                                                        \
		char *row_printed = NULL;                           \
		cr_assert(asprintf(&row_printed, __VA_ARGS__) > 0); \
		rows_add(rows, row_printed);                        \
	} while (0)

static int compare_rows(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void rows_sort(struct rows *rows)
{
	qsort(rows->items, rows->count, sizeof(*rows->items), compare_rows);
}

static void rows_done(struct rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		free(rows->items[i]);
	free(rows->items);
}

static const char *const scalar_names[] = {
	[1] = "double",  [2] = "float",     [3] = "int64",     [4] = "uint64",  [5] = "int32",
	[6] = "fixed64", [7] = "fixed32",   [8] = "bool",      [9] = "string",  [12] = "bytes",
	[13] = "uint32", [15] = "sfixed32", [16] = "sfixed64", [17] = "sint32", [18] = "sint64",
};

/* ".capsule8.api.v0.Event" as the table writes it: "Event"; what is of another package in full. */
static const char *short_name(const char *name)
{
	size_t length = strlen("." PACKAGE ".");

	return strncmp(name, "." PACKAGE ".", length) ? name + 1 : name + length;
}

static const char *type_name(const field_proto *field)
{
	return field->type_name ? short_name(field->type_name) : scalar_names[field->type];
}

static const message_proto *map_entry(const message_proto *message, const field_proto *field)
{
	const char *name = field->type_name ? strrchr(field->type_name, '.') + 1 : "";

	for (size_t i = 0; i < message->n_nested_type; i++)
		if (message->nested_type[i]->options && message->nested_type[i]->options->map_entry &&
		    !strcmp(message->nested_type[i]->name, name))
			return message->nested_type[i];
	return NULL;
}

static void add_field(struct rows *rows, const char *container, const message_proto *message, const field_proto *field)
{
	const message_proto *entry = map_entry(message, field);
	char label[64] = "";

	if (field->number >= OWN_NUMBERS)
		return;
	if (entry) {
		rows_print(rows, "field\t%s\t%s\t%d\tmap<%s,%s>\tmap", container, field->name, field->number, type_name(entry->field[0]),
			   type_name(entry->field[1]));
		return;
	}
	if (field->has_oneof_index)
		snprintf(label, sizeof(label), "oneof %s", message->oneof_decl[field->oneof_index]->name);
	else if (field->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED)
		snprintf(label, sizeof(label), "repeated");
	rows_print(rows, "field\t%s\t%s\t%d\t%s\t%s", container, field->name, field->number, type_name(field), label);
}

/* How many fields of a message, and of those inside it, use an enum; *own: how many of them are additions. */
static void count_uses(const message_proto *message, const char *enum_name, size_t *uses, size_t *own)
{
	for (size_t i = 0; i < message->n_field; i++) {
		if (!message->field[i]->type_name || strcmp(short_name(message->field[i]->type_name), enum_name))
			continue;
		++*uses;
		*own += message->field[i]->number >= OWN_NUMBERS;
	}
	for (size_t i = 0; i < message->n_nested_type; i++)
		count_uses(message->nested_type[i], enum_name, uses, own);
}

static bool is_addition(const struct descriptor_set *set, const char *enum_name)
{
	size_t count, uses = 0, own = 0;
	const struct descriptor_file *files = descriptor_set_files(set, &count);

	for (size_t i = 0; i < count; i++)
		for (size_t m = 0; m < files[i].proto->n_message_type; m++)
			count_uses(files[i].proto->message_type[m], enum_name, &uses, &own);
	return uses > 0 && uses == own;
}

static void add_enum(struct rows *rows, const struct descriptor_set *set, const char *scope, const enum_proto *e)
{
	char name[128];

	snprintf(name, sizeof(name), "%s%s%s", scope, *scope ? "." : "", e->name);
	if (is_addition(set, name))
		return;
	for (size_t i = 0; i < e->n_value; i++)
		if (e->value[i]->number < OWN_NUMBERS)
			rows_print(rows, "value\t%s\t%s\t%d\t\t", name, e->value[i]->name, e->value[i]->number);
}

static void add_message(struct rows *rows, const struct descriptor_set *set, const char *scope, const message_proto *message)
{
	char name[128];

	if (message->options && message->options->map_entry)
		return;
	snprintf(name, sizeof(name), "%s%s%s", scope, *scope ? "." : "", message->name);
	for (size_t i = 0; i < message->n_field; i++)
		add_field(rows, name, message, message->field[i]);
	for (size_t i = 0; i < message->n_enum_type; i++)
		add_enum(rows, set, name, message->enum_type[i]);
	for (size_t i = 0; i < message->n_nested_type; i++)
		add_message(rows, set, name, message->nested_type[i]);
}

static void add_service(struct rows *rows, const Google__Protobuf__ServiceDescriptorProto *service)
{
	for (size_t i = 0; i < service->n_method; i++) {
		const Google__Protobuf__MethodDescriptorProto *method = service->method[i];

		rows_print(rows, "method\t%s\t%s\t\t%s%s -> %s%s\t", service->name, method->name, method->client_streaming ? "stream " : "",
			   short_name(method->input_type), method->server_streaming ? "stream " : "", short_name(method->output_type));
	}
}

static void rows_of_descriptors(struct rows *rows, const struct descriptor_set *set)
{
	size_t count;
	const struct descriptor_file *files = descriptor_set_files(set, &count);

	for (size_t i = 0; i < count; i++) {
		const Google__Protobuf__FileDescriptorProto *file = files[i].proto;

		if (strcmp(file->package, PACKAGE))
			continue;
		cr_assert_str_eq(file->syntax, "proto3", "%s", file->name);
		for (size_t m = 0; m < file->n_message_type; m++)
			add_message(rows, set, "", file->message_type[m]);
		for (size_t e = 0; e < file->n_enum_type; e++)
			add_enum(rows, set, "", file->enum_type[e]);
		for (size_t s = 0; s < file->n_service; s++)
			add_service(rows, file->service[s]);
	}
	rows_sort(rows);
}

/* The first six columns; the seventh only tells where a row is from. */
static void rows_of_table(struct rows *rows)
{
	cleanup_fclose FILE *file = fopen(TEST_DATA "/capsule8-v0.tsv", "re");
	cleanup_free char *line = NULL;
	size_t room = 0;

	cr_assert_not_null(file);
	while (getline(&line, &room, file) > 0) {
		char *last = strrchr(line, '\t');

		if (*line == '#')
			continue;
		cr_assert_not_null(last, "%s", line);
		*last = 0;
		rows_add(rows, strdup(line));
	}
	rows_sort(rows);
}

Test(contract, descriptors_and_table_have_the_same_rows)
{
	struct descriptor_set *set = NULL;
	struct rows table = {0}, ours = {0};
	size_t t = 0, o = 0, differences = 0;

	cr_assert_eq(descriptor_set_new(&set, NULL), 0);
	rows_of_table(&table);
	rows_of_descriptors(&ours, set);
	cr_assert_gt(table.count, 300);
	while (t < table.count || o < ours.count) {
		int order = t == table.count ? 1 : o == ours.count ? -1 : strcmp(table.items[t], ours.items[o]);

		if (order < 0)
			cr_log_error("only in the table: %s", table.items[t]);
		else if (order > 0)
			cr_log_error("only in proto/: %s", ours.items[o]);
		differences += order != 0;
		t += order <= 0;
		o += order >= 0;
	}
	cr_expect_eq(differences, 0);
	cr_expect_eq(table.count, ours.count);
	rows_done(&table);
	rows_done(&ours);
	descriptor_set_free(set);
}

Test(contract, additions_are_recognised_by_their_number)
{
	struct descriptor_set *set = NULL;

	cr_assert_eq(descriptor_set_new(&set, NULL), 0);
	cr_expect(is_addition(set, "SyscallAbi"));
	cr_expect(is_addition(set, "LostRecordCause"));
	cr_expect(is_addition(set, "RecordGap"));
	cr_expect(is_addition(set, "Capture"));
	cr_expect_not(is_addition(set, "SyscallEventType"));
	cr_expect_not(is_addition(set, "ContainerEventView"));
	cr_expect_not(is_addition(set, "KernelFunctionCallEventType"));
	descriptor_set_free(set);
}
