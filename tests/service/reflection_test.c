#include "service/reflection.h"

#include "tests/service/fixture.h"

#include <criterion/criterion.h>
#include <grpc/reflection/v1/reflection.pb-c.h>
#include <stdlib.h>
#include <string.h>

#define V1      "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
#define V1ALPHA "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"

#define ASK(what)  GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##what
#define SAYS(what) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##what

enum {
	CODE_OK = 0,
	CODE_INVALID_ARGUMENT = 3,
	CODE_NOT_FOUND = 5,
};

typedef Grpc__Reflection__V1__ServerReflectionRequest question;
typedef Grpc__Reflection__V1__ServerReflectionResponse answer;

static struct fixture f;
static struct grpc_client *client;

static void start(void)
{
	fixture_init(&f, 1 << 20);
	client = fixture_connect(&f);
}

static void finish(void)
{
	grpc_client_free(client);
	fixture_done(&f);
}

TestSuite(reflection, .init = start, .fini = finish);

static answer *ask(struct grpc_client_call *call, question *q)
{
	uint8_t request[512];
	const uint8_t *bytes;
	size_t size;
	answer *a;

	q->host = (char *)"here";
	size = grpc__reflection__v1__server_reflection_request__pack(q, request);
	cr_assert_eq(grpc_client_call_send(call, request, size), 0);
	cr_assert_eq(grpc_client_call_read(call, 10000, &bytes, &size), 1);
	a = grpc__reflection__v1__server_reflection_response__unpack(NULL, size, bytes);
	cr_assert_not_null(a);
	cr_assert_str_eq(a->valid_host, "here");
	cr_assert_eq(a->original_request->message_request_case, q->message_request_case);
	return a;
}

static answer *ask_text(struct grpc_client_call *call, int what, const char *text)
{
	question q = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;

	q.message_request_case = what;
	q.file_by_filename = (char *)text;
	return ask(call, &q);
}

static void done(answer *a)
{
	grpc__reflection__v1__server_reflection_response__free_unpacked(a, NULL);
}

static bool has_service(const answer *a, const char *name)
{
	for (size_t i = 0; i < a->list_services_response->n_service; i++) {
		if (!strcmp(a->list_services_response->service[i]->name, name))
			return true;
	}
	return false;
}

/* A name as a file that defines or imports it has it; bytes may hold NULs. */
static bool has_file(const answer *a, const char *name)
{
	for (size_t i = 0; i < a->file_descriptor_response->n_file_descriptor_proto; i++) {
		const ProtobufCBinaryData *file = &a->file_descriptor_response->file_descriptor_proto[i];

		/* FileDescriptorProto.name is field 1 and comes first. */
		if (file->len > 2 + strlen(name) && file->data[1] == strlen(name) && !memcmp(file->data + 2, name, strlen(name)))
			return true;
	}
	return false;
}

static void check_version(const char *method)
{
	struct grpc_client_call *call;
	const char *message;
	size_t bytes = 0;
	answer *a;

	cr_assert_eq(grpc_client_open(client, method, &call, NULL), 0);
	a = ask_text(call, ASK(LIST_SERVICES), "");
	cr_assert_eq(a->message_response_case, SAYS(LIST_SERVICES_RESPONSE));
	cr_assert(has_service(a, "capsule8.api.v0.TelemetryService"));
	cr_assert(has_service(a, "ringside.v0.SensorService"));
	cr_assert(has_service(a, "grpc.health.v1.Health"));
	cr_assert(has_service(a, "grpc.reflection.v1.ServerReflection"));
	cr_assert(has_service(a, "grpc.reflection.v1alpha.ServerReflection"));
	cr_assert_eq(a->list_services_response->n_service, 5);
	done(a);
	a = ask_text(call, ASK(FILE_CONTAINING_SYMBOL), "capsule8.api.v0.TelemetryService");
	cr_assert_eq(a->message_response_case, SAYS(FILE_DESCRIPTOR_RESPONSE));
	cr_assert(has_file(a, "capsule8/api/v0/telemetry_service.proto"));
	cr_assert(has_file(a, "capsule8/api/v0/event.proto"));
	cr_assert(has_file(a, "google/protobuf/wrappers.proto"));
	done(a);
	cr_assert_eq(grpc_client_call_end_sending(call), 0);
	cr_assert_eq(fixture_drain(call, &bytes, &message), CODE_OK);
	grpc_client_call_free(call);
}

Test(reflection, v1_lists_what_is_served_and_describes_it_with_all_imports)
{
	check_version(V1);
}

Test(reflection, v1alpha_says_the_same)
{
	check_version(V1ALPHA);
}

Test(reflection, a_file_is_found_by_its_name)
{
	struct grpc_client_call *call;
	answer *a;

	cr_assert_eq(grpc_client_open(client, V1, &call, NULL), 0);
	a = ask_text(call, ASK(FILE_BY_FILENAME), "grpc/health/v1/health.proto");
	cr_assert_eq(a->message_response_case, SAYS(FILE_DESCRIPTOR_RESPONSE));
	cr_assert(has_file(a, "grpc/health/v1/health.proto"));
	cr_assert_eq(a->file_descriptor_response->n_file_descriptor_proto, 1);
	done(a);
	grpc_client_call_free(call);
}

static void check_error(struct grpc_client_call *call, answer *a, int code, const char *mention)
{
	(void)call;
	cr_assert_eq(a->message_response_case, SAYS(ERROR_RESPONSE));
	cr_assert_eq(a->error_response->error_code, code);
	cr_assert_not_null(strstr(a->error_response->error_message, mention));
	done(a);
}

Test(reflection, a_question_without_an_answer_gets_an_error_and_the_stream_goes_on)
{
	question extension = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT, empty = extension;
	Grpc__Reflection__V1__ExtensionRequest which = GRPC__REFLECTION__V1__EXTENSION_REQUEST__INIT;
	struct grpc_client_call *call;

	which.containing_type = (char *)"a.Type";
	extension.message_request_case = ASK(FILE_CONTAINING_EXTENSION);
	extension.file_containing_extension = &which;
	cr_assert_eq(grpc_client_open(client, V1, &call, NULL), 0);
	check_error(call, ask_text(call, ASK(FILE_BY_FILENAME), "no/such.proto"), CODE_NOT_FOUND, "no/such.proto");
	check_error(call, ask_text(call, ASK(FILE_CONTAINING_SYMBOL), "no.such.Symbol"), CODE_NOT_FOUND, "no.such.Symbol");
	check_error(call, ask_text(call, ASK(ALL_EXTENSION_NUMBERS_OF_TYPE), "a.Type"), CODE_NOT_FOUND, "a.Type");
	check_error(call, ask(call, &extension), CODE_NOT_FOUND, "a.Type");
	check_error(call, ask(call, &empty), CODE_INVALID_ARGUMENT, "message_request");
	grpc_client_call_free(call);
}

Test(reflection, bytes_that_are_no_question_end_the_stream)
{
	struct grpc_client_call *call;
	const char *message;
	size_t bytes = 0;

	cr_assert_eq(grpc_client_start(client, V1, "\xff", 1, &call, NULL), 0);
	cr_assert_eq(fixture_drain(call, &bytes, &message), CODE_INVALID_ARGUMENT);
	grpc_client_call_free(call);
}
