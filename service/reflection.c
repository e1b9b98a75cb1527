#include "service/reflection.h"

#include "service/packed.h"
#include "subscription/status.h"

#include <grpc/reflection/v1/reflection.pb-c.h>
#include <grpc/status.h>
#include <stdio.h>
#include <stdlib.h>

typedef Grpc__Reflection__V1__ServerReflectionRequest question;
typedef Grpc__Reflection__V1__ServerReflectionResponse answer;

/* There are half a dozen in all. */
#define SERVICES_MAX 32

#define ASKED(what) GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##what
#define SAYS(what)  GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##what

static struct chunk *pack_error(answer a, int code, const char *what, const char *name)
{
	Grpc__Reflection__V1__ErrorResponse error = GRPC__REFLECTION__V1__ERROR_RESPONSE__INIT;
	char message[512];

	snprintf(message, sizeof(message), "%s%s", what, name);
	error.error_code = code;
	error.error_message = message;
	a.message_response_case = SAYS(ERROR_RESPONSE);
	a.error_response = &error;
	return packed_message(&a.base);
}

static struct chunk *pack_file(answer a, const struct descriptor_file *file, const char *name)
{
	Grpc__Reflection__V1__FileDescriptorResponse files = GRPC__REFLECTION__V1__FILE_DESCRIPTOR_RESPONSE__INIT;
	struct chunk *packed;

	if (!file)
		return pack_error(a, GRPC_STATUS_NOT_FOUND, "not found: ", name);
	files.n_file_descriptor_proto = file->closure_count;
	files.file_descriptor_proto = calloc(file->closure_count, sizeof(*files.file_descriptor_proto));
	if (!files.file_descriptor_proto)
		return NULL;
	for (size_t i = 0; i < file->closure_count; i++)
		files.file_descriptor_proto[i] =
			(ProtobufCBinaryData){.len = file->closure[i]->size, .data = (uint8_t *)file->closure[i]->bytes};
	a.message_response_case = SAYS(FILE_DESCRIPTOR_RESPONSE);
	a.file_descriptor_response = &files;
	packed = packed_message(&a.base);
	free(files.file_descriptor_proto);
	return packed;
}

/* The descriptors have more services than this server answers for. */
static struct chunk *pack_services(answer a, const struct reflection *r)
{
	Grpc__Reflection__V1__ListServiceResponse services = GRPC__REFLECTION__V1__LIST_SERVICE_RESPONSE__INIT;
	Grpc__Reflection__V1__ServiceResponse items[SERVICES_MAX], *list[SERVICES_MAX];
	size_t known;
	const char *const *names = descriptor_set_services(r->descriptors, &known);

	services.service = list;
	for (size_t i = 0; i < known && services.n_service < SERVICES_MAX; i++) {
		Grpc__Reflection__V1__ServiceResponse *item = &items[services.n_service];

		if (!rpc_server_has_service(r->server, names[i]))
			continue;
		grpc__reflection__v1__service_response__init(item);
		item->name = (char *)names[i];
		list[services.n_service++] = item;
	}
	a.message_response_case = SAYS(LIST_SERVICES_RESPONSE);
	a.list_services_response = &services;
	return packed_message(&a.base);
}

static struct chunk *pack_answer(const struct reflection *r, question *q)
{
	answer a = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;

	a.valid_host = q->host;
	a.original_request = q;
	switch (q->message_request_case) {
	case ASKED(FILE_BY_FILENAME):
		return pack_file(a, descriptor_set_find_file(r->descriptors, q->file_by_filename), q->file_by_filename);
	case ASKED(FILE_CONTAINING_SYMBOL):
		return pack_file(a, descriptor_set_find_symbol(r->descriptors, q->file_containing_symbol), q->file_containing_symbol);
	case ASKED(LIST_SERVICES):
		return pack_services(a, r);
	case ASKED(FILE_CONTAINING_EXTENSION):
		return pack_error(a, GRPC_STATUS_NOT_FOUND, "there are no extensions of ", q->file_containing_extension->containing_type);
	case ASKED(ALL_EXTENSION_NUMBERS_OF_TYPE):
		return pack_error(a, GRPC_STATUS_NOT_FOUND, "there are no extensions of ", q->all_extension_numbers_of_type);
	default:
		return pack_error(a, STATUS_INVALID_ARGUMENT, "message_request: not set; must be one of the fields of the contract", "");
	}
}

static void ask(struct rpc *rpc, const uint8_t *bytes, size_t size)
{
	question *q = grpc__reflection__v1__server_reflection_request__unpack(NULL, size, bytes);
	struct chunk *packed;

	if (!q) {
		rpc_finish(rpc, STATUS_INVALID_ARGUMENT, "the request is not a ServerReflectionRequest");
		return;
	}
	packed = pack_answer(rpc_service(rpc), q);
	grpc__reflection__v1__server_reflection_request__free_unpacked(q, NULL);
	if (packed)
		rpc_send(rpc, &packed, 1);
	else
		rpc_finish(rpc, STATUS_RESOURCE_EXHAUSTED, "the sensor is out of memory");
}

/* Reads no further question before the answer has gone: a client that never reads cannot pile up answers. */
static void answered(struct rpc *rpc)
{
	if (rpc_stopping(rpc))
		rpc_finish(rpc, STATUS_UNAVAILABLE, RPC_STOPPING_MESSAGE);
	else
		rpc_read(rpc);
}

static void no_more_questions(struct rpc *rpc)
{
	rpc_finish(rpc, STATUS_OK, NULL);
}

int reflection_add(struct rpc_server *s, struct reflection *r, struct error *err)
{
	struct rpc_method method = {
		.path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
		.service = r,
		.message = ask,
		.sent = answered,
		.messages_end = no_more_questions,
	};
	int code;

	r->server = s;
	code = rpc_server_add(s, &method, err);
	if (code < 0)
		return code;
	method.path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
	return rpc_server_add(s, &method, err);
}
