#include "proto/descriptor_set.h"

#include "base/buffer.h"
#include "base/cleanup.h"
#include "proto/wire.h"

#include <criterion/criterion.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct descriptor_set *set;

static void make_set(void)
{
	struct error err = {0};

	cr_assert_eq(descriptor_set_new(&set, &err), 0, "%s", err.message);
}

static void free_set(void)
{
	set = descriptor_set_free(set);
	cr_expect_null(set);
}

TestSuite(descriptor_set, .init = make_set, .fini = free_set);

static const char *file_of(const char *symbol)
{
	const struct descriptor_file *file = descriptor_set_find_symbol(set, symbol);

	return file ? file->name : "(none)";
}

Test(descriptor_set, files_are_found_by_name)
{
	const struct descriptor_file *file = descriptor_set_find_file(set, "capsule8/api/v0/telemetry_service.proto");

	cr_assert_not_null(file);
	cr_expect_str_eq(file->proto->package, "capsule8.api.v0");
	cr_expect_not_null(descriptor_set_find_file(set, "google/protobuf/wrappers.proto"));
	cr_expect_null(descriptor_set_find_file(set, "event.proto"));
	cr_expect_null(descriptor_set_find_file(set, ""));
}

Test(descriptor_set, every_kind_of_symbol_is_found_in_its_file)
{
	cr_expect_str_eq(file_of("capsule8.api.v0.Event"), "capsule8/api/v0/event.proto");
	cr_expect_str_eq(file_of("capsule8.api.v0.Event.process_lineage"), "capsule8/api/v0/event.proto");
	cr_expect_str_eq(file_of("capsule8.api.v0.Event.event"), "capsule8/api/v0/event.proto");
	cr_expect_str_eq(file_of("capsule8.api.v0.ProcessEventType"), "capsule8/api/v0/event.proto");
	cr_expect_str_eq(file_of("capsule8.api.v0.PROCESS_EVENT_TYPE_EXEC"), "capsule8/api/v0/event.proto");
	cr_expect_str_eq(file_of("capsule8.api.v0.Expression.ExpressionType"), "capsule8/api/v0/expression.proto");
	cr_expect_str_eq(file_of("capsule8.api.v0.Expression.LIKE"), "capsule8/api/v0/expression.proto");
	cr_expect_str_eq(file_of("capsule8.api.v0.KernelFunctionCallEvent.FieldValue.bytes_value"), "capsule8/api/v0/event.proto");
	cr_expect_str_eq(file_of("capsule8.api.v0.TelemetryService"), "capsule8/api/v0/telemetry_service.proto");
	cr_expect_str_eq(file_of("capsule8.api.v0.TelemetryService.GetEvents"), "capsule8/api/v0/telemetry_service.proto");
	cr_expect_str_eq(file_of("google.rpc.Status"), "google/rpc/status.proto");
	cr_expect_str_eq(file_of("ringside.v0.SensorService"), "ringside/v0/sensor.proto");
	cr_expect_str_eq(file_of("grpc.reflection.v1alpha.ServerReflection"), "grpc/reflection/v1alpha/reflection.proto");
}

Test(descriptor_set, what_is_no_symbol_is_not_found)
{
	cr_expect_str_eq(file_of(""), "(none)");
	cr_expect_str_eq(file_of("capsule8.api.v0"), "(none)");
	cr_expect_str_eq(file_of("Event"), "(none)");
	cr_expect_str_eq(file_of(".capsule8.api.v0.Event"), "(none)");
	cr_expect_str_eq(file_of("capsule8.api.v0.Even"), "(none)");
	cr_expect_str_eq(file_of("capsule8.api.v0.Eventt"), "(none)");
	cr_expect_str_eq(file_of("capsule8.api.v0.Expression.ExpressionType.LIKE"), "(none)");
}

Test(descriptor_set, a_closure_has_each_import_once_and_importers_first)
{
	size_t count;
	const struct descriptor_file *files = descriptor_set_files(set, &count);

	cr_assert_gt(count, 10);
	for (size_t i = 0; i < count; i++) {
		const struct descriptor_file *file = &files[i];

		cr_assert_eq(file->closure[0], file);
		for (size_t c = 0; c < file->closure_count; c++) {
			const Google__Protobuf__FileDescriptorProto *proto = file->closure[c]->proto;

			for (size_t d = 0; d < proto->n_dependency; d++) {
				size_t seen = 0;

				for (size_t later = 0; later < file->closure_count; later++) {
					if (strcmp(file->closure[later]->name, proto->dependency[d]))
						continue;
					seen++;
					cr_expect_gt(later, c, "%s before %s", proto->dependency[d], proto->name);
				}
				cr_expect_eq(seen, 1, "%s in the closure of %s", proto->dependency[d], file->name);
			}
		}
	}
}

Test(descriptor_set, the_closure_of_the_telemetry_service_is_all_that_it_needs)
{
	const struct descriptor_file *file = descriptor_set_find_file(set, "capsule8/api/v0/telemetry_service.proto");

	/* Itself, event, types, subscription, expression, status, any, wrappers, timestamp. */
	cr_assert_not_null(file);
	cr_expect_eq(file->closure_count, 9);
}

Test(descriptor_set, services_are_listed_by_full_name)
{
	static const char *const expected[] = {
		"capsule8.api.v0.PubsubService",       "capsule8.api.v0.TelemetryService",         "grpc.health.v1.Health",
		"grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection", "ringside.v0.SensorService"};
	size_t count, found = 0;
	const char *const *services = descriptor_set_services(set, &count);

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		for (size_t s = 0; s < count; s++)
			found += !strcmp(services[s], expected[i]);
	cr_expect_eq(count, 6);
	cr_expect_eq(found, 6);
}

Test(descriptor_set, the_bytes_are_exactly_those_of_the_file_that_protoc_wrote)
{
	cleanup_fclose FILE *stream = fopen(DESCRIPTOR_SET_PATH, "re");
	static uint8_t made[1 << 20];
	size_t made_size, count;
	const struct descriptor_file *files = descriptor_set_files(set, &count);
	struct buffer rebuilt;

	cr_assert_not_null(stream);
	made_size = fread(made, 1, sizeof(made), stream);
	buffer_init(&rebuilt, 0);
	for (size_t i = 0; i < count; i++) {
		uint8_t *to = buffer_reserve(&rebuilt, WIRE_FIELD_MAX + files[i].size + WIRE_SLACK);

		cr_assert_not_null(to);
		rebuilt.length = (size_t)(wire_put_bytes(to, 1, files[i].bytes, files[i].size) - rebuilt.data);
	}
	cr_assert_eq(rebuilt.length, made_size);
	cr_expect_eq(memcmp(rebuilt.data, made, made_size), 0);
	buffer_done(&rebuilt);
}
