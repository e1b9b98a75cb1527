#include "cli/command.h"
#include "cli/forbidden.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "cli/interrupt.h"
#include "cli/limits.h"
#include "cli/options.h"
#include "cli/record_options.h"
#include "proto/capsule8_encoder.h"
#include "runtime/runtimes.h"
#include "sensor/capture.h"
#include "service/containers.h"
#include "service/engine.h"
#include "service/health.h"
#include "service/reflection.h"
#include "service/round_timer.h"
#include "service/rpc_server.h"
#include "service/status.h"
#include "service/telemetry.h"
#include "tracing/dynamic_probe.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#define LISTEN_MAX 16
#define CALLS_MAX  4096

#define TOLD_ROOTS_MAX 16 /* of a type */

/* Longer than it commonly takes a CPU from stamping a sample to publishing it, an interrupt between included. */
#define REORDER_DELAY_DEFAULT_NS (500 * NSEC_PER_USEC)
#define REORDER_DELAY_MAX_NS     (10 * NSEC_PER_SEC)
#define RING_MEMORY_MIN          4096
#define QUEUE_MEMORY_MIN         4096

static const char help[] =
	"ringside sensor watches this host through tracefs and perf, and serves what happens to any number of subscribers\n"
	"over gRPC (capsule8.api.v0.TelemetryService, with health and reflection). It runs in the foreground, needs root,\n"
	"and writes its log to standard error; the line msg=\"ready\" says that it serves.\n"
	"\n"
	"usage: ringside sensor [OPTIONS]\n"
	"\n"
	"      --listen ADDRESS         unix:PATH or HOST:PORT, any number of times (" DEFAULT_ADDRESS ")\n"
	"      --allow-remote           let HOST be another address than the loopback interface's; there is neither\n"
	"                               encryption nor authentication\n"
	"      --ring-memory SIZE       memory of all kernel rings together (64MiB)\n"
	"      --queue-memory SIZE      what may wait for one subscriber before it loses events (8MiB)\n"
	"      --reorder-delay DURATION how long to wait for samples of other CPUs before passing one on (500us)\n"
	"      --gather-time DURATION   how long events wait for others at most, when there are many, to go out together (10ms)\n"
	"      --max-calls N            functions and counter groups that are watched at once, for all subscribers (64)\n"
	"      --maxactive N            calls of one function that a return probe can follow at once, where the kernel\n"
	"                               takes it (the kernel's choice, about twice the CPUs); what is missed is told\n"
	"      --allow-remote-calls     serve kernel_call and user_call, which can read any memory, on HOST:PORT too and\n"
	"                               not only on unix sockets\n"
	"      --all-syscalls           serve system calls to subscribers that do not say which: every call of the host\n"
	"      --forbid NAME            do not capture events this way, any number of times: do_filp_open, or, for one\n"
	"                               kind of event, file:open/do_filp_open; 'ringside check' shows the ways\n"
	"      --docker-root DIR        where container runtimes keep their state, instead of the usual places; each any\n"
	"      --containerd-state DIR   number of times: Docker's data root (/var/lib/docker), containerd's state\n"
	"      --podman-root DIR        (/run/containerd), the storage of Podman and CRI-O (/var/lib/containers/storage and\n"
	"      --runc-root DIR          those of users), the state of runc and crun (/run/runc, /run/crun and others)\n"
	"      --docker-socket PATH     sockets of Docker (/run/docker.sock) and containerd (/run/containerd/containerd.sock),\n"
	"      --containerd-socket PATH for what is not on disk; each any number of times, 'none' for none\n";

static const char help_end[] =
	"      --capture FILE           also write every sample to a new file, to be replayed as a test\n"
	"      --log-level LEVEL        error, warning, info or debug (info)\n"
	"  -h, --help\n"
	"\n"
	"SIGTERM and SIGINT end it: subscribers get UNAVAILABLE, nothing stays in the kernel.\n"
	"\n"
	"exit status: 0 after SIGTERM or SIGINT; 1 when it cannot start, 'ringside check' tells more then; 64 for words\n"
	"it does not understand.\n"
	"\n"
	"examples:\n"
	"  sudo ringside sensor\n"
	"  sudo ringside sensor --listen unix:/run/ringside/ringside.sock --listen localhost:8484 --ring-memory 256MiB\n";

struct told_sockets {
	const char *paths[TOLD_ROOTS_MAX];
	size_t count;
	bool none;
};

struct sensor_command {
	const char *listen[LISTEN_MAX];
	size_t listen_count;
	const char *container_roots[CONTAINER_ROOT_TYPES][TOLD_ROOTS_MAX];
	struct container_roots_options container_options;
	struct told_sockets docker_sockets, containerd_sockets;
	struct forbidden forbidden;
	bool allow_remote_calls;
	struct capsule8_decode_options decode_options;
	struct record_options record_options;
	struct rpc_server_options server_options;
	struct engine_options engine_options;

	char sensor_id[CAPSULE8_SENSOR_ID_BYTES + 1];
	struct recorder *recorder;          /* NULL: nothing is recorded */
	struct subscription_spec *recorded; /* what it keeps */
	struct encoder *encoder;
	struct engine *engine;
	struct runtimes *runtimes;
	struct rpc_server *server;
	struct telemetry_backend backend;
	struct descriptor_set *descriptors;
	struct reflection reflection;
};

/* With a recorder the id is the recording's: numbers go on, and what was recorded has it already. */
static int open_recorder(struct sensor_command *s, struct error *err)
{
	int r = recorder_new(&s->recorder, &s->record_options.recorder, err);

	if (!r)
		snprintf(s->sensor_id, sizeof(s->sensor_id), "%s", recorder_sensor_id(s->recorder));
	return r;
}

static int open_engine(struct sensor_command *s, struct error *err)
{
	/* Without one, a new id each time: sequence numbers begin anew, and an event's id is both of them. */
	int r = s->recorded ? open_recorder(s, err) : capsule8_sensor_id_draw(s->sensor_id, err);

	if (r)
		return r;
	s->encoder = capsule8_encoder_new(s->sensor_id);
	if (!s->encoder)
		return error_set(err, -ENOMEM, "out of memory");
	s->engine_options.recorder = s->recorder;
	s->engine_options.recorded = s->recorded;
	s->engine_options.encoder = s->encoder;
	s->engine_options.encoder_new = capsule8_encoder_new;
	s->engine_options.encoder_free = capsule8_encoder_free;
	r = engine_new(&s->engine, &s->engine_options, err);
	return r ? r : engine_stop_on_signals(s->engine, err);
}

/* There is a root that nobody told of: where Docker's socket says that its data is. */
static void look_for_containers(void *context)
{
	engine_look_for_containers(context);
}

static const char *const *paths_of(const struct told_sockets *told)
{
	return told->count || told->none ? told->paths : NULL;
}

/* What the files say is enough for most. */
static void open_runtimes(struct sensor_command *s)
{
	const struct runtimes_options options = {
		.docker_sockets = paths_of(&s->docker_sockets),
		.docker_socket_count = s->docker_sockets.count,
		.containerd_sockets = paths_of(&s->containerd_sockets),
		.containerd_socket_count = s->containerd_sockets.count,
		.inbox = engine_container_inbox(s->engine),
		.roots = engine_container_roots(s->engine),
		.new_root = look_for_containers,
		.context = s->engine,
	};
	struct error err = {0};

	if (runtimes_new(&s->runtimes, &options, &err))
		log_warning("container runtimes are not asked on their sockets", "error=\"%s\"", err.message);
}

/* A telemetry_backend's. */
static uint32_t count_sockets(const void *context)
{
	const struct runtimes *runtimes = context;
	uint32_t connected = 0;

	for (size_t i = 0; runtimes && i < runtimes_count(runtimes); i++) {
		struct runtime_counters counters;

		runtimes_counters(runtimes, i, &counters);
		connected += counters.counters.connected;
	}
	return connected;
}

static int open_server(struct sensor_command *s, struct error *err)
{
	int r;

	s->backend = (struct telemetry_backend){
		.engine = s->engine,
		.encoder = s->encoder,
		.queue_bytes = engine_queue_bytes(s->engine),
		.allow_remote_calls = s->allow_remote_calls,
		.decode_options = s->decode_options,
		.sensor_id = s->sensor_id,
		.start_time_ns = clock_realtime_ns(),
		.subscribe = engine_subscribe,
		.unsubscribe = engine_unsubscribe,
		.call = engine_call,
		.containers = engine_containers,
		.read_container = engine_read_container,
		.count_sockets = count_sockets,
		.runtimes = s->runtimes,
	};
	r = descriptor_set_new(&s->descriptors, err);
	if (r)
		return r;
	s->reflection.descriptors = s->descriptors;
	r = rpc_server_new(&s->server, &s->server_options, err);
	if (!r)
		r = telemetry_add(s->server, &s->backend, err);
	if (!r)
		r = status_add(s->server, &s->backend, err);
	if (!r)
		r = containers_add(s->server, &s->backend, err);
	if (!r)
		r = health_add(s->server, err);
	if (!r)
		r = reflection_add(s->server, &s->reflection, err);
	for (size_t i = 0; !r && i < s->listen_count; i++)
		r = rpc_server_listen(s->server, s->listen[i], err);
	return r ? r : rpc_server_start(s->server, err);
}

static void log_ready(const struct sensor_command *s)
{
	struct buffer addresses;
	const char *address;

	buffer_init(&addresses, 0);
	for (size_t i = 0; (address = rpc_server_address(s->server, i)); i++)
		buffer_printf(&addresses, "%s%s", i ? "," : "", address);
	log_info("ready", "listen=\"%.*s\" sensor_id=%s version=" RINGSIDE_VERSION, (int)addresses.length, (const char *)addresses.data,
		 s->sensor_id);
	buffer_done(&addresses);
}

static const char *const root_options[CONTAINER_ROOT_TYPES] = {
	[CONTAINER_ROOT_DOCKER] = "docker-root",
	[CONTAINER_ROOT_CONTAINERD] = "containerd-state",
	[CONTAINER_ROOT_STORAGE] = "podman-root",
	[CONTAINER_ROOT_RUNC] = "runc-root",
};

/* They may come later. */
static void log_missing_roots(const struct sensor_command *s)
{
	for (int type = 0; type < CONTAINER_ROOT_TYPES; type++)
		for (size_t i = 0; i < s->container_options.counts[type]; i++)
			if (access(s->container_roots[type][i], F_OK))
				log_warning("nothing is known of containers from there yet", "%s=\"%s\" error=\"%s\"", root_options[type],
					    s->container_roots[type][i], strerror(errno));
}

/* Chunks and messages come and go by the megabyte: without this every batch would be fetched from the kernel page by page and given back. */
static void keep_memory(void)
{
	mallopt(M_TRIM_THRESHOLD, 16 << 20);
	mallopt(M_MMAP_THRESHOLD, 4 << 20);
	mallopt(M_TOP_PAD, 1 << 20);
}

static int sensor_serve(struct sensor_command *s)
{
	struct error err = {0};
	uint64_t last_sequence;
	int r;

	/* Until the engine answers them they wait, so that an early one does not end us half-way. */
	interrupt_block();
	keep_memory();
	if (limits_raise_files(&err))
		log_warning("cannot raise the limit of open files", "error=\"%s\"", err.message);
	log_missing_roots(s);
	r = open_engine(s, &err);
	if (!r)
		open_runtimes(s);
	if (!r)
		r = open_server(s, &err);
	if (r) {
		log_error("cannot start", "error=\"%s\"", err.message);
	} else {
		log_ready(s);
		interrupt_unblock();
		engine_run(s->engine);
	}
	/* The server's threads use the engine until they end. */
	rpc_server_free(s->server);
	descriptor_set_free(s->descriptors);
	/* And so do those of the runtimes. */
	runtimes_free(s->runtimes);
	last_sequence = s->engine ? engine_last_sequence(s->engine) : 0;
	engine_free(s->engine);
	recorder_free(s->recorder, last_sequence);
	capsule8_encoder_free(s->encoder);
	if (!r)
		log_info("stopped", "sensor_id=%s", s->sensor_id);
	return r ? 1 : 0;
}

static int parse_delay(const char *verb, const char *option, uint64_t most_ns, uint64_t *ret)
{
	struct error err;

	if (parse_duration(optarg, ret, &err))
		return usage_error(verb, "--%s: %s", option, err.message);
	if (*ret > most_ns)
		return usage_error(verb, "--%s: %s is more than %" PRIu64 "s", option, optarg, most_ns / NSEC_PER_SEC);
	return 0;
}

static int parse_gathering(const char *verb, uint64_t *ret)
{
	int r = parse_delay(verb, "gather-time", ROUND_GATHERING_NS_MAX, ret);

	/* For the engine 0 is not said. */
	if (!r && !*ret)
		*ret = 1;
	return r;
}

static int parse_count(const char *verb, const char *option, uint32_t most, uint32_t *ret)
{
	struct error err;
	uint64_t number;

	if (parse_number(optarg, 1, most, &number, &err))
		return usage_error(verb, "--%s: %s", option, err.message);
	*ret = (uint32_t)number;
	return 0;
}

static int add_container_root(struct sensor_command *s, const char *verb, enum container_root_type type)
{
	size_t *count = &s->container_options.counts[type];

	if (*optarg != '/')
		return usage_error(verb, "--%s: \"%s\" is no absolute path", root_options[type], optarg);
	if (*count == TOLD_ROOTS_MAX)
		return usage_error(verb, "--%s: more than %d directories", root_options[type], TOLD_ROOTS_MAX);
	s->container_roots[type][(*count)++] = optarg;
	return 0;
}

static int add_socket(struct told_sockets *to, const char *verb, const char *option)
{
	struct sockaddr_un address;

	if (!strcmp(optarg, "none")) {
		to->none = true;
		return 0;
	}
	if (*optarg != '/')
		return usage_error(verb, "--%s: \"%s\" is no absolute path, and not 'none'", option, optarg);
	if (strlen(optarg) >= sizeof(address.sun_path))
		return usage_error(verb, "--%s: a socket's path has at most %zu bytes, \"%s\" has %zu", option,
				   sizeof(address.sun_path) - 1, optarg, strlen(optarg));
	if (to->count == TOLD_ROOTS_MAX)
		return usage_error(verb, "--%s: more than %d sockets", option, TOLD_ROOTS_MAX);
	to->paths[to->count++] = optarg;
	return 0;
}

static int parse_log_level(const char *verb)
{
	enum log_level level;

	if (log_level_parse(optarg, &level))
		return usage_error(verb, "--log-level %s: use error, warning, info or debug", optarg);
	log_set_level(level);
	return 0;
}

/* 0 or EX_USAGE. */
static int parse_option(struct sensor_command *s, const char *verb, int option)
{
	switch (option) {
	case 'l':
		if (s->listen_count == LISTEN_MAX)
			return usage_error(verb, "--listen: more than %d addresses", LISTEN_MAX);
		s->listen[s->listen_count++] = optarg;
		return 0;
	case 'r':
		s->server_options.allow_remote = true;
		return 0;
	case 'm':
		return size_option_parse(verb, "ring-memory", RING_MEMORY_MIN, &s->engine_options.ring_memory_bytes);
	case 'q':
		return size_option_parse(verb, "queue-memory", QUEUE_MEMORY_MIN, &s->engine_options.queue_bytes);
	case 'd':
		return parse_delay(verb, "reorder-delay", REORDER_DELAY_MAX_NS, &s->engine_options.reorder_ns);
	case 'g':
		return parse_gathering(verb, &s->engine_options.gathering_ns);
	case 'n':
		return parse_count(verb, "max-calls", CALLS_MAX, &s->engine_options.probes.max_requests);
	case 'x':
		return parse_count(verb, "maxactive", DYNAMIC_PROBE_MAXACTIVE_MAX, &s->engine_options.probes.maxactive);
	case 'k':
		s->allow_remote_calls = true;
		return 0;
	case 'y':
		s->decode_options.all_syscalls = true;
		return 0;
	case 'f':
		return forbidden_add(&s->forbidden, verb, optarg);
	case 's':
		return forbidden_add_structure(&s->forbidden, verb, optarg);
	case 'o':
		return add_container_root(s, verb, CONTAINER_ROOT_DOCKER);
	case 'e':
		return add_container_root(s, verb, CONTAINER_ROOT_CONTAINERD);
	case 'p':
		return add_container_root(s, verb, CONTAINER_ROOT_STORAGE);
	case 'u':
		return add_container_root(s, verb, CONTAINER_ROOT_RUNC);
	case 'D':
		return add_socket(&s->docker_sockets, verb, "docker-socket");
	case 'C':
		return add_socket(&s->containerd_sockets, verb, "containerd-socket");
	case 'c':
		s->engine_options.capture = optarg;
		return 0;
	case 'v':
		return parse_log_level(verb);
	default:
		return record_options_parse(&s->record_options, verb, option);
	}
}

static void put_help(void)
{
	fputs(help, stdout);
	fputs(record_options_help, stdout);
	fputs(help_end, stdout);
}

/* 0, or the exit status. */
static int parse_options(struct sensor_command *s, int argc, char **argv, bool *ret_help)
{
	static const struct option longs[] = {
		{"listen", required_argument, NULL, 'l'},
		{"allow-remote", no_argument, NULL, 'r'},
		{"ring-memory", required_argument, NULL, 'm'},
		{"queue-memory", required_argument, NULL, 'q'},
		{"reorder-delay", required_argument, NULL, 'd'},
		{"gather-time", required_argument, NULL, 'g'},
		{"max-calls", required_argument, NULL, 'n'},
		{"maxactive", required_argument, NULL, 'x'},
		{"allow-remote-calls", no_argument, NULL, 'k'},
		{"all-syscalls", no_argument, NULL, 'y'},
		{"forbid", required_argument, NULL, 'f'},
		{"forbid-structure", required_argument, NULL, 's'},
		{"docker-root", required_argument, NULL, 'o'},
		{"containerd-state", required_argument, NULL, 'e'},
		{"podman-root", required_argument, NULL, 'p'},
		{"runc-root", required_argument, NULL, 'u'},
		{"docker-socket", required_argument, NULL, 'D'},
		{"containerd-socket", required_argument, NULL, 'C'},
		{"capture", required_argument, NULL, 'c'},
		{"log-level", required_argument, NULL, 'v'},
		RECORD_OPTIONS,
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option;
	int r;

	optind = 0;
	while ((option = options_next(argc, argv, "h", longs)) != -1) {
		*ret_help = option == 'h';
		if (*ret_help)
			return 0;
		r = parse_option(s, argv[0], option);
		if (r)
			return r;
	}
	if (!options_no_more_words(argc, argv))
		return EX_USAGE;
	return record_options_spec(&s->record_options, argv[0], &s->decode_options, &s->recorded);
}

int command_sensor(int argc, char **argv)
{
	struct sensor_command s = {.engine_options = {.reorder_ns = REORDER_DELAY_DEFAULT_NS}};
	bool help_asked = false;
	int r;

	record_options_init(&s.record_options);
	r = parse_options(&s, argc, argv, &help_asked);
	if (help_asked)
		put_help();
	if (r || help_asked)
		goto out;
	s.engine_options.probes.forbidden = s.forbidden.names;
	s.engine_options.probes.forbidden_count = s.forbidden.count;
	s.engine_options.probes.spoiled_layouts = s.forbidden.structures;
	for (int type = 0; type < CONTAINER_ROOT_TYPES; type++)
		s.container_options.paths[type] = s.container_roots[type];
	s.engine_options.containers = &s.container_options;
	if (!s.listen_count)
		s.listen[s.listen_count++] = DEFAULT_ADDRESS;
	r = sensor_serve(&s);
out:
	subscription_spec_free(s.recorded);
	record_options_done(&s.record_options);
	return r;
}
