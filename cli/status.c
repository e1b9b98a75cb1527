#include "cli/command.h"

#include "base/clock.h"
#include "cli/options.h"
#include "cli/status_text.h"
#include "cli/text.h"
#include "proto/message_json.h"
#include "service/grpc_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GET_STATUS "/ringside.v0.SensorService/GetStatus"
#define TIMEOUT_MS 5000

static const char help[] =
	"ringside status asks a running sensor what it is doing: which kernel events it has opened, who subscribes to what,\n"
	"and what was lost where.\n"
	"\n"
	"usage: ringside status [OPTIONS]\n"
	"\n"
	"      --connect ADDRESS    of the sensor: unix:PATH or HOST:PORT (" DEFAULT_ADDRESS ",\n"
	"                           or what the environment variable " ADDRESS_VARIABLE " says)\n"
	"  -o, --output text|json   how to print it (text); json is protobuf's JSON of ringside.v0.GetStatusResponse\n"
	"      --color auto|always|never\n"
	"  -h, --help\n"
	"\n"
	"exit status: 0; 1 when the sensor cannot be asked; 64 for words it does not understand.\n"
	"\n"
	"examples:\n"
	"  ringside status\n"
	"  ringside status -o json | jq '.subscribers[].lostQueue'\n";

static int print_status(const Ringside__V0__GetStatusResponse *status, const struct print_options *options)
{
	struct buffer out;
	int r;

	buffer_init(&out, 0);
	if (options->form == OUTPUT_JSON) {
		message_json(&status->base, &out);
		buffer_put_u8(&out, '\n');
	} else {
		status_text_put(&out, color_mode_wanted(options->color, STDOUT_FILENO), status, clock_realtime_ns());
	}
	r = text_flush(&out, STDOUT_FILENO);
	buffer_done(&out);
	return text_output_status(r);
}

static int ask(const char *address, Ringside__V0__GetStatusResponse **ret, struct error *err)
{
	struct grpc_client *client;
	uint8_t *bytes;
	size_t size;
	int r;

	r = grpc_client_connect(&client, address, TIMEOUT_MS, err);
	if (r)
		return r;
	/* The request has no fields. */
	r = grpc_client_unary(client, GET_STATUS, "", 0, TIMEOUT_MS, &bytes, &size, NULL, err);
	grpc_client_free(client);
	if (r)
		return r;
	*ret = ringside__v0__get_status_response__unpack(NULL, size, bytes);
	free(bytes);
	return *ret ? 0 : error_set(err, -EBADMSG, "the sensor at %s sent a status of %zu bytes that makes no sense", address, size);
}

int command_status(int argc, char **argv)
{
	Ringside__V0__GetStatusResponse *status;
	struct print_options options;
	struct error err = {0};
	int exit_status;

	if (!print_options_parse(argc, argv, help, OUTPUT_FORMS_USUAL, true, &options, &exit_status))
		return exit_status;
	if (ask(options_address(options.connect), &status, &err)) {
		text_say("ringside: ", err.message);
		return 1;
	}
	exit_status = print_status(status, &options);
	ringside__v0__get_status_response__free_unpacked(status, NULL);
	return exit_status;
}
