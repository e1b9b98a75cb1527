#include "cli/catalog_text.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static struct buffer out;

static void done(void)
{
	buffer_done(&out);
}

TestSuite(catalog_text, .fini = done);

Test(catalog_text, every_event_and_every_field_is_listed)
{
	catalog_text_put(&out, false);
	buffer_put_u8(&out, 0);
	cr_assert_not(out.failed);
	for (enum event_kind kind = 0; kind < EVENT_KIND_COUNT; kind++) {
		const struct catalog_entry *entry = catalog_entry(kind);

		cr_assert(strstr((const char *)out.data, entry->summary));
		for (size_t i = 0; i < entry->field_count; i++)
			cr_assert(strstr((const char *)out.data, entry->fields[i].name));
	}
}

Test(catalog_text, a_field_says_its_type_and_whether_the_kernel_can_filter_it)
{
	catalog_text_put(&out, false);
	buffer_put_u8(&out, 0);
	cr_assert(strstr((const char *)out.data, "    ret                 sint64  kernel  "));
	cr_assert(strstr((const char *)out.data, "    arg0                uint64          "));
	cr_assert(strstr((const char *)out.data, "\nprocess:exec    "));
	cr_assert(strstr((const char *)out.data, "as given to execve(2); short: filename\n"));
	cr_assert(strstr((const char *)out.data,
			 "\nWhat all events but ticker, chargen and lost have (container events: the last four)\n    process_pid "));
}

Test(catalog_text, long_names_keep_their_distance_and_kinds_without_fields_say_why)
{
	catalog_text_put(&out, false);
	buffer_put_u8(&out, 0);
	cr_assert(strstr((const char *)out.data, "\nnetwork:recvfrom:result  recvfrom returns\n"));
	cr_assert(strstr((const char *)out.data, "    total_time_enabled  uint64  "));
	cr_assert(strstr((const char *)out.data, "\nkernel_call:enter        a function of the kernel is called\n"
						 "    its fields are the arguments that the subscriber asks for\n"));
}

Test(catalog_text, the_page_in_docs_is_what_the_catalog_gives)
{
	FILE *file = fopen(TEST_DATA "/../../docs/EVENTS.md", "re");
	static char page[1 << 16];
	size_t length;

	cr_assert_not_null(file);
	length = fread(page, 1, sizeof(page), file);
	fclose(file);
	catalog_markdown_put(&out);
	cr_assert_not(out.failed);
	cr_assert(length == out.length && !memcmp(page, out.data, length), "docs/EVENTS.md is not current: run 'make docs'");
}

Test(catalog_text, json_has_one_object_per_event)
{
	size_t common;
	json_t *array;
	json_t *enter;

	catalog_json_put(&out);
	array = json_loadb((const char *)out.data, out.length, 0, NULL);
	cr_assert_not_null(array);
	cr_assert_eq(json_array_size(array), EVENT_KIND_COUNT);
	enter = json_array_get(array, EVENT_SYSCALL_ENTER);
	cr_assert_str_eq(json_string_value(json_object_get(enter, "event")), "syscall:enter");
	cr_assert(json_is_true(json_object_get(enter, "from_kernel")));
	catalog_common_fields(&common);
	cr_assert_eq(json_array_size(json_object_get(enter, "fields")), catalog_entry(EVENT_SYSCALL_ENTER)->field_count + common);
	cr_assert(json_is_true(json_object_get(json_array_get(json_object_get(enter, "fields"), 0), "kernel_filter")));
	cr_assert(json_is_false(json_object_get(json_array_get(array, EVENT_TICKER), "from_kernel")));
	json_decref(array);
}

Test(catalog_text, a_common_field_that_a_kind_has_itself_is_listed_once)
{
	const json_t *created;
	size_t image_ids = 0;
	json_t *array, *field;
	size_t i;

	catalog_json_put(&out);
	array = json_loadb((const char *)out.data, out.length, 0, NULL);
	created = json_array_get(array, EVENT_CONTAINER_CREATED);
	cr_assert_str_eq(json_string_value(json_object_get(created, "event")), "container:created");
	cr_expect(json_is_false(json_object_get(created, "from_kernel")));
	json_array_foreach (json_object_get(created, "fields"), i, field)
		image_ids += !strcmp(json_string_value(json_object_get(field, "name")), "image_id");
	cr_expect_eq(image_ids, 1);
	json_decref(array);
}
