#include "proto/descriptor_set.h"

#include "proto/wire.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The build gives DESCRIPTOR_SET_PATH; the assembler puts the file here, and its size behind it. */
__asm__(".section .rodata\n"
	".balign 16\n"
	"descriptor_set_bytes:\n"
	".incbin \"" DESCRIPTOR_SET_PATH "\"\n"
	"0:\n"
	".balign 8\n"
	"descriptor_set_size:\n"
	".quad 0b - descriptor_set_bytes\n"
	".previous\n");

extern const uint8_t descriptor_set_bytes[];
extern const uint64_t descriptor_set_size;

struct symbol {
	char *name;
	const struct descriptor_file *file;
};

struct descriptor_set {
	Google__Protobuf__FileDescriptorSet *proto;
	struct descriptor_file *files;
	size_t file_count;
	struct symbol *symbols; /* sorted by name */
	size_t symbol_count;
	size_t symbol_room;
	const char **services; /* names of symbols */
	size_t service_count;
};

/* Field numbers stand in google/protobuf/descriptor.proto: FileDescriptorSet.file = 1. */
static bool find_bytes(struct descriptor_set *s)
{
	const uint8_t *at = descriptor_set_bytes;
	const uint8_t *end = at + descriptor_set_size;
	struct wire_field field;
	size_t i = 0;

	while (at < end && i < s->file_count) {
		if (!wire_read_field(&at, end, &field) || field.number != 1 || field.type != WIRE_LENGTH)
			return false;
		s->files[i].bytes = field.bytes;
		s->files[i].size = field.size;
		i++;
	}
	return i == s->file_count && at == end;
}

/* Symbols. Names grow from the package inwards: "capsule8.api.v0" + "Event" + "id". */

static const char *add_symbol(struct descriptor_set *s, const struct descriptor_file *file, const char *scope, const char *name)
{
	char *full;

	if (s->symbol_count == s->symbol_room) {
		size_t room = s->symbol_room ? 2 * s->symbol_room : 256;
		struct symbol *symbols = reallocarray(s->symbols, room, sizeof(*symbols));

		if (!symbols)
			return NULL;
		s->symbols = symbols;
		s->symbol_room = room;
	}
	if (asprintf(&full, "%s%s%s", scope, *scope ? "." : "", name) < 0)
		return NULL;
	s->symbols[s->symbol_count++] = (struct symbol){.name = full, .file = file};
	return full;
}

static bool add_enum(struct descriptor_set *s, const struct descriptor_file *file, const char *scope,
		     const Google__Protobuf__EnumDescriptorProto *e)
{
	if (!add_symbol(s, file, scope, e->name))
		return false;
	for (size_t i = 0; i < e->n_value; i++)
		if (!add_symbol(s, file, scope, e->value[i]->name))
			return false;
	return true;
}

static bool add_message(struct descriptor_set *s, const struct descriptor_file *file, const char *scope,
			const Google__Protobuf__DescriptorProto *m)
{
	const char *name = add_symbol(s, file, scope, m->name);

	if (!name)
		return false;
	for (size_t i = 0; i < m->n_field; i++)
		if (!add_symbol(s, file, name, m->field[i]->name))
			return false;
	for (size_t i = 0; i < m->n_oneof_decl; i++)
		if (!add_symbol(s, file, name, m->oneof_decl[i]->name))
			return false;
	for (size_t i = 0; i < m->n_enum_type; i++)
		if (!add_enum(s, file, name, m->enum_type[i]))
			return false;
	for (size_t i = 0; i < m->n_nested_type; i++)
		if (!add_message(s, file, name, m->nested_type[i]))
			return false;
	return true;
}

static bool add_service(struct descriptor_set *s, const struct descriptor_file *file, const char *scope,
			const Google__Protobuf__ServiceDescriptorProto *service)
{
	const char *name = add_symbol(s, file, scope, service->name);
	const char **services = reallocarray(s->services, s->service_count + 1, sizeof(*services));

	if (services)
		s->services = services;
	if (!name || !services)
		return false;
	services[s->service_count++] = name;
	for (size_t i = 0; i < service->n_method; i++)
		if (!add_symbol(s, file, name, service->method[i]->name))
			return false;
	return true;
}

static bool add_file_symbols(struct descriptor_set *s, const struct descriptor_file *file)
{
	const Google__Protobuf__FileDescriptorProto *f = file->proto;
	const char *scope = f->package ? f->package : "";

	for (size_t i = 0; i < f->n_message_type; i++)
		if (!add_message(s, file, scope, f->message_type[i]))
			return false;
	for (size_t i = 0; i < f->n_enum_type; i++)
		if (!add_enum(s, file, scope, f->enum_type[i]))
			return false;
	for (size_t i = 0; i < f->n_service; i++)
		if (!add_service(s, file, scope, f->service[i]))
			return false;
	return true;
}

/* Imports. */

static bool closure_has(const struct descriptor_file *file, const struct descriptor_file *other)
{
	for (size_t i = 0; i < file->closure_count; i++)
		if (file->closure[i] == other)
			return true;
	return false;
}

/* A file stands behind those it imports in the set: taking the later one first gives importers before what they import. */
static bool make_closure(struct descriptor_set *s, struct descriptor_file *file)
{
	file->closure = calloc(s->file_count, sizeof(const struct descriptor_file *));
	if (!file->closure)
		return false;
	file->closure[file->closure_count++] = file;
	for (const struct descriptor_file *other = file; other-- > s->files;) {
		bool imported = false;

		for (size_t i = 0; i < file->closure_count && !imported; i++) {
			const Google__Protobuf__FileDescriptorProto *f = file->closure[i]->proto;

			for (size_t d = 0; d < f->n_dependency && !imported; d++)
				imported = !strcmp(f->dependency[d], other->name);
		}
		if (imported && !closure_has(file, other))
			file->closure[file->closure_count++] = other;
	}
	return true;
}

static int compare_symbols(const void *a, const void *b)
{
	return strcmp(((const struct symbol *)a)->name, ((const struct symbol *)b)->name);
}

static int fill(struct descriptor_set *s)
{
	s->files = calloc(s->proto->n_file, sizeof(*s->files));
	if (!s->files)
		return -ENOMEM;
	s->file_count = s->proto->n_file;
	for (size_t i = 0; i < s->file_count; i++) {
		s->files[i].proto = s->proto->file[i];
		s->files[i].name = s->proto->file[i]->name;
	}
	for (size_t i = 0; i < s->file_count; i++)
		if (!make_closure(s, &s->files[i]) || !add_file_symbols(s, &s->files[i]))
			return -ENOMEM;
	if (s->symbols)
		qsort(s->symbols, s->symbol_count, sizeof(*s->symbols), compare_symbols);
	return find_bytes(s) ? 0 : -EINVAL;
}

int descriptor_set_new(struct descriptor_set **ret, struct error *err)
{
	struct descriptor_set *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return error_set_errno(err, -ENOMEM, "descriptor set");
	s->proto = google__protobuf__file_descriptor_set__unpack(NULL, descriptor_set_size, descriptor_set_bytes);
	r = s->proto ? fill(s) : -EINVAL;
	if (r) {
		descriptor_set_free(s);
		return error_set_errno(err, r, "descriptor set in this binary");
	}
	*ret = s;
	return 0;
}

struct descriptor_set *descriptor_set_free(struct descriptor_set *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->symbol_count; i++)
		free(s->symbols[i].name);
	for (size_t i = 0; i < s->file_count; i++)
		free(s->files[i].closure);
	free(s->symbols);
	free(s->services);
	free(s->files);
	if (s->proto)
		google__protobuf__file_descriptor_set__free_unpacked(s->proto, NULL);
	free(s);
	return NULL;
}

const struct descriptor_file *descriptor_set_files(const struct descriptor_set *s, size_t *ret_count)
{
	*ret_count = s->file_count;
	return s->files;
}

const struct descriptor_file *descriptor_set_find_file(const struct descriptor_set *s, const char *name)
{
	for (size_t i = 0; i < s->file_count; i++)
		if (!strcmp(s->files[i].name, name))
			return &s->files[i];
	return NULL;
}

static int compare_name(const void *name, const void *symbol)
{
	return strcmp(name, ((const struct symbol *)symbol)->name);
}

const struct descriptor_file *descriptor_set_find_symbol(const struct descriptor_set *s, const char *symbol)
{
	const struct symbol *found = bsearch(symbol, s->symbols, s->symbol_count, sizeof(*s->symbols), compare_name);

	return found ? found->file : NULL;
}

const char *const *descriptor_set_services(const struct descriptor_set *s, size_t *ret_count)
{
	*ret_count = s->service_count;
	return s->services;
}
