/* libFuzzer on what is read of a recording: entries one after another. Whatever the bytes are, each is passed over or read, its strings lie in it, and
 * without detail it is no longer, still the same event, and has nothing more to leave out. Seeds: corpus/capsule8_entry/, what the encoder made of
 * tests/proto/wire_events.c. */
#include "proto/capsule8_event_reader.h"
#include "sensor/catalog.h"
#include "sensor/event_container.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct capsule8_event_reader reader;

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void expect_inside(const struct event_string *string, const struct capsule8_entry *entry)
{
	const uint8_t *bytes = (const uint8_t *)string->bytes;

	require(!string->length || (bytes >= entry->event && string->length <= entry->event_size &&
				    bytes + string->length <= entry->event + entry->event_size));
}

static void look_at_fields(const struct catalog_field *fields, size_t count, const struct capsule8_entry *entry)
{
	const char *const bases[] = {
		[FIELD_OF_EVENT] = (const char *)&reader.event,
		[FIELD_OF_PROCESS] = (const char *)reader.event.process,
		[FIELD_OF_CONTAINER] = (const char *)event_container_of(&reader.event),
		[FIELD_OF_CREDENTIALS] = NULL,
	};

	for (size_t i = 0; i < count; i++) {
		const char *base = bases[fields[i].base];

		if (base && fields[i].type == FIELD_STRING)
			expect_inside((const struct event_string *)(const void *)(base + fields[i].offset), entry);
		if (base && fields[i].type == FIELD_CHARS)
			require(strlen(base + fields[i].offset) < PROCESS_ID_BYTES);
	}
}

static void look_at(const struct capsule8_entry *entry)
{
	const struct catalog_entry *kind = catalog_entry(reader.event.kind);
	size_t count;
	const struct catalog_field *common = catalog_common_fields(&count);

	require(reader.event.kind == entry->kind);
	look_at_fields(kind->fields, kind->field_count, entry);
	look_at_fields(common, count, entry);
	if (reader.event.kind >= EVENT_KERNEL_CALL_ENTER && reader.event.kind <= EVENT_USER_CALL_EXIT) {
		require(reader.event.call.count <= CAPSULE8_READ_ARGUMENTS_MAX);
		for (uint32_t i = 0; i < reader.event.call.count; i++) {
			expect_inside(&reader.event.call.arguments[i].bytes, entry);
			expect_inside(&reader.argument_names[i], entry);
		}
	}
}

static void look_without_detail(const struct capsule8_entry *entry)
{
	struct buffer once, twice;
	struct capsule8_entry basic;
	const uint8_t *at;

	buffer_init(&once, 0);
	buffer_init(&twice, 0);
	capsule8_entry_put_basic(entry, &once);
	require(!once.failed && once.length <= entry->size);
	at = once.data;
	require(capsule8_entry_next(&at, once.data + once.length, &basic) && at == once.data + once.length);
	require(basic.kind == entry->kind && basic.sequence == entry->sequence && basic.time_ns == entry->time_ns);
	capsule8_entry_put_basic(&basic, &twice);
	require(twice.length == once.length && !memcmp(twice.data, once.data, once.length));
	buffer_done(&once);
	buffer_done(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *at = data, *end = data + size;
	struct capsule8_entry entry;
	struct event_lost lost;

	while (at < end && capsule8_entry_next(&at, end, &entry)) {
		if (capsule8_event_read(&reader, &entry))
			look_at(&entry);
		if (capsule8_entry_lost(&entry, &lost))
			require(lost.of <= EVENT_KIND_COUNT && lost.gap <= RECORD_GAP_OVERFLOW);
		look_without_detail(&entry);
	}
	return 0;
}
