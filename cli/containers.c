#include "cli/command.h"

#include "base/clock.h"
#include "cli/containers_text.h"
#include "cli/options.h"
#include "cli/text.h"
#include "proto/message_json.h"
#include "service/grpc_client.h"
#include "subscription/container_filter.h"
#include "subscription/status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#define LIST_CONTAINERS "/ringside.v0.SensorService/ListContainers"
#define TIMEOUT_MS      5000

/* Of a name on a terminal; names of images in registries are long. */
#define NAME_WIDTH_MAX 40

static const char help[] =
	"ringside containers lists the containers that a running sensor knows, of every runtime: Docker, containerd, Podman,\n"
	"CRI-O, runc, crun, LXC and systemd-nspawn.\n"
	"\n"
	"usage: ringside containers [OPTIONS] [CONTAINER]...\n"
	"\n"
	"CONTAINER is the beginning of an id, a name, or a pattern for the image's name ('nginx*', 'registry:5000/**',\n"
	"with * and ? not crossing a /), as 'ringside watch --container' takes it. Without any, all are listed.\n"
	"\n"
	"  -a, --all                also those in which nothing runs: that are only created, or have exited\n"
	"  -o, --output text|json   how to print it (text); json: one object per line, protobuf's JSON of a\n"
	"                           ringside.v0.Container, in the order in which the sensor came to know them\n"
	"      --full               with -o json: also the runtimes' own files, Docker's config.v2.json and the OCI\n"
	"                           config.json, as strings\n"
	"      --connect ADDRESS    of the sensor: unix:PATH or HOST:PORT (" DEFAULT_ADDRESS ",\n"
	"                           or what the environment variable " ADDRESS_VARIABLE " says)\n"
	"      --color auto|always|never\n"
	"  -h, --help\n"
	"\n"
	"STATE says how long it is up, or how it exited and when; 'pending': its runtime has not told yet what it is.\n"
	"PROCESSES are those that are in it now. Long names are cut on a terminal only.\n"
	"\n"
	"exit status: 0, also when there are none; 1 when the sensor cannot be asked; 64 for words it does not understand.\n"
	"\n"
	"examples:\n"
	"  ringside containers\n"
	"  ringside containers --all 'nginx*'\n"
	"  ringside containers -o json | jq -r 'select(.pod.namespace == \"default\").id'\n"
	"  ringside containers -o json --full web | jq '.ociConfigJson | fromjson | .process.capabilities'\n";

/* What comes, until it is printed. JSON is printed as it comes. */
struct listing {
	struct print_options print;
	Ringside__V0__ListContainersRequest request;
	Ringside__V0__Container **containers;
	size_t count;
	struct buffer out;
};

static bool add_words(struct listing *l, int argc, char **argv)
{
	struct container_filter *filter = container_filter_new();
	struct error err = {0};
	bool good = filter;

	/* The sensor checks them too; here it is a mistake in the words. */
	for (int i = optind; good && i < argc; i++)
		good = !container_filter_add_any(filter, argv[i], &err);
	container_filter_free(filter);
	if (!good) {
		usage_error(argv[0], "%s", *err.message ? err.message : "out of memory");
		return false;
	}
	l->request.filters = argv + optind;
	l->request.n_filters = (size_t)(argc - optind);
	return true;
}

static bool take_option(struct listing *l, const char *verb, int option)
{
	switch (option) {
	case 'a':
		l->request.include_stopped = true;
		return true;
	case 'f':
		l->request.include_json = true;
		return true;
	case 'A':
		l->print.connect = optarg;
		return true;
	case 'o':
		return output_form_parse(verb, optarg, OUTPUT_FORMS_USUAL, &l->print.form);
	case 'c':
		return color_option_parse(verb, optarg, &l->print.color);
	default:
		return false;
	}
}

/* False: the verb is done, with *ret_status. */
static bool parse(struct listing *l, int argc, char **argv, int *ret_status)
{
	static const struct option longs[] = {
		{"all", no_argument, NULL, 'a'},
		{"full", no_argument, NULL, 'f'},
		{"connect", required_argument, NULL, 'A'},
		{"output", required_argument, NULL, 'o'},
		{"color", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option;

	*ret_status = EX_USAGE;
	optind = 0;
	while ((option = options_next(argc, argv, "ao:h", longs)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			*ret_status = 0;
			return false;
		}
		if (!take_option(l, argv[0], option))
			return false;
	}
	if (l->request.include_json && l->print.form != OUTPUT_JSON) {
		usage_error(argv[0], "--full: a table has no place for the runtimes' files; use -o json with it");
		return false;
	}
	return add_words(l, argc, argv);
}

static int print_json(struct listing *l, const Ringside__V0__ListContainersResponse *response, struct error *err)
{
	for (size_t i = 0; i < response->n_containers; i++) {
		int r = message_json(&response->containers[i]->base, &l->out);

		buffer_put_u8(&l->out, '\n');
		if (r)
			return error_set_errno(err, r, "container %.64s cannot be put into JSON", response->containers[i]->id);
	}
	return 0;
}

/* Takes the response's containers. */
static int keep(struct listing *l, Ringside__V0__ListContainersResponse *response, struct error *err)
{
	Ringside__V0__Container **grown = reallocarray(l->containers, l->count + response->n_containers + 1, sizeof(void *));

	if (!grown)
		return error_set(err, -ENOMEM, "out of memory");
	l->containers = grown;
	for (size_t i = 0; i < response->n_containers; i++)
		grown[l->count++] = response->containers[i];
	response->n_containers = 0;
	return 0;
}

static int take_response(struct listing *l, const uint8_t *bytes, size_t size, struct error *err)
{
	Ringside__V0__ListContainersResponse *response = ringside__v0__list_containers_response__unpack(NULL, size, bytes);
	int r;

	if (!response)
		return error_set(err, -EBADMSG, "the sensor sent a list of %zu bytes that makes no sense", size);
	r = l->print.form == OUTPUT_JSON ? print_json(l, response, err) : keep(l, response, err);
	ringside__v0__list_containers_response__free_unpacked(response, NULL);
	if (r)
		return r;
	r = text_flush(&l->out, STDOUT_FILENO);
	return r && r != -EPIPE ? error_set_errno(err, r, "cannot write to standard output") : r;
}

static int ending(const struct grpc_client_call *call, const char *address, struct error *err)
{
	const char *message;
	int code = grpc_client_call_status(call, &message);

	if (!code)
		return 0;
	if (code == STATUS_UNIMPLEMENTED)
		return error_set(err, -EOPNOTSUPP, "the sensor at %s cannot list containers: it is older than this program", address);
	return error_set(err, -EIO, "the sensor ended the list: %s (code %d)", *message ? message : "without a reason", code);
}

/* -EPIPE: nobody reads our output any more. */
static int read_list(struct listing *l, struct grpc_client_call *call, const char *address, struct error *err)
{
	const uint8_t *bytes;
	size_t size;
	int r;

	while ((r = grpc_client_call_read(call, TIMEOUT_MS, &bytes, &size)) == 1) {
		r = take_response(l, bytes, size, err);
		if (r)
			return r;
	}
	return r ? error_set_errno(err, r, "reading from the sensor at %s", address) : ending(call, address, err);
}

static int ask(struct listing *l, const char *address, struct error *err)
{
	size_t size = ringside__v0__list_containers_request__get_packed_size(&l->request);
	uint8_t *request = malloc(size + 1);
	struct grpc_client_call *call = NULL;
	struct grpc_client *client = NULL;
	int r;

	if (!request)
		return error_set(err, -ENOMEM, "out of memory");
	ringside__v0__list_containers_request__pack(&l->request, request);
	r = grpc_client_connect(&client, address, TIMEOUT_MS, err);
	if (!r)
		r = grpc_client_start(client, LIST_CONTAINERS, request, size, &call, err);
	if (!r)
		r = read_list(l, call, address, err);
	grpc_client_call_free(call);
	grpc_client_free(client);
	free(request);
	return r;
}

/* Nothing at all would leave people in doubt. */
static void put_none(struct listing *l)
{
	buffer_put_string(&l->out, l->request.n_filters ? "no such container" : "no container");
	buffer_put_string(&l->out, l->request.include_stopped ? "\n" : " runs; --all lists those that have stopped, too\n");
}

static int print_table(struct listing *l)
{
	const struct containers_text_options options = {
		.color = color_mode_wanted(l->print.color, STDOUT_FILENO),
		.now_ns = clock_realtime_ns(),
		.width_max = isatty(STDOUT_FILENO) ? NAME_WIDTH_MAX : 0,
	};

	if (l->count)
		containers_text_put(&l->out, &options, l->containers, l->count);
	else
		put_none(l);
	return text_output_status(text_flush(&l->out, STDOUT_FILENO));
}

int command_containers(int argc, char **argv)
{
	struct listing l = {
		.print = {.form = OUTPUT_TEXT, .color = COLOR_AUTO},
		.request = RINGSIDE__V0__LIST_CONTAINERS_REQUEST__INIT,
	};
	struct error err = {0};
	int status;
	int r;

	if (!parse(&l, argc, argv, &status))
		return status;
	buffer_init(&l.out, 0);
	r = ask(&l, options_address(l.print.connect), &err);
	status = 0;
	if (r && r != -EPIPE) {
		text_say("ringside: ", err.message);
		status = 1;
	} else if (l.print.form != OUTPUT_JSON) {
		status = print_table(&l);
	}
	for (size_t i = 0; i < l.count; i++)
		ringside__v0__container__free_unpacked(l.containers[i], NULL);
	free(l.containers);
	buffer_done(&l.out);
	return status;
}
