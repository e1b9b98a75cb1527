#include "base/clock.h"
#include "sensor/capture.h"
#include "sensor/catalog.h"
#include "sensor/network_address.h"
#include "sensor/sensor.h"
#include "sensor/trial.h"
#include "tracing/collector.h"
#include "tracing/provoke.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * The sensor with this kernel, and a child that makes known calls: whichever way they are captured, the events tell them exactly. Also to be
 * run in virtual machines with kprobes, where there are more ways.
 */

#define EVENTS_MAX      64
#define CALLS_MAX       16
#define ACT_TIMEOUT_MS  10000
#define WAIT_MS         10000
#define AFTERMATH_MS    100 /* what comes too much would have come until then */
#define CANDIDATES_MAX  8
#define BACKLOG         4661
#define LONG_PATH_BYTES 107

/* What is known of an address beforehand. */
enum knowledge {
	NO_ADDRESS,
	ADDRESS_TOLD,
	ADDRESS_TOLD_UNLESS_BY_HOOK,  /* the call fails before the kernel's copy is made */
	ADDRESS_TOLD_UNLESS_BY_WORDS, /* its last word reaches into memory that is not there */
	ADDRESS_NEVER_TOLD,
};

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

/* A call that the child has made. */
struct made {
	int64_t sockfd;
	int64_t backlog;
	int64_t result;
	enum knowledge knowledge;
	union address address;
	socklen_t address_length;
};

/* Shared with the child. Addresses stay as they are after their call, for those who read late. */
struct stage {
	void (*play)(struct stage *stage);
	struct made made[CALLS_MAX];
	uint32_t count;
	bool without_results;   /* none are told */
	union address listener; /* IPv4, TCP: somebody listens */
	union address silent;   /* IPv6, TCP: the port is taken, and nobody listens */
	union address mailbox;  /* IPv4, UDP */
	struct msghdr messages[CALLS_MAX];
	struct iovec part;
	char byte;
};

struct log {
	struct event events[EVENTS_MAX];
	char paths[EVENTS_MAX][NETWORK_PATH_BYTES];
	uint32_t count;
	uint32_t tgid;
	uint64_t kinds;
};

static void take_event(void *context, struct event *event)
{
	struct log *log = context;
	struct event_string *path;

	if (event->tgid != log->tgid || !(log->kinds & EVENT_KIND_BIT(event->kind)))
		return;
	cr_assert_lt(log->count, EVENTS_MAX);
	log->events[log->count] = *event;
	path = &log->events[log->count].network.address.path;
	cr_assert_leq(path->length, NETWORK_PATH_BYTES);
	memcpy(log->paths[log->count], path->bytes, path->length);
	path->bytes = log->paths[log->count++];
}

static void take_flush(void *context)
{
	(void)context;
}

/* The child's part. */

static int64_t outcome(int64_t result)
{
	return result < 0 ? -errno : result;
}

static struct made *next_call(struct stage *stage, int64_t sockfd)
{
	struct made *made = &stage->made[stage->count++];

	made->sockfd = sockfd;
	return made;
}

static struct made *next_address_call(struct stage *stage, int64_t sockfd, const union address *address, socklen_t length,
				      enum knowledge knowledge)
{
	struct made *made = next_call(stage, sockfd);

	made->address = *address;
	made->address_length = length;
	made->knowledge = knowledge;
	return made;
}

static union address abstract(const char *name, socklen_t *ret_length)
{
	union address address = {.un = {.sun_family = AF_UNIX}};

	memcpy(address.un.sun_path + 1, name, strlen(name));
	*ret_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
	return address;
}

static union address long_path(void)
{
	union address address = {.un = {.sun_family = AF_UNIX, .sun_path = "/nowhere/"}};

	memset(address.un.sun_path + 9, 'p', LONG_PATH_BYTES - 9);
	return address;
}

static int open_socket(int family, int type)
{
	return socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static void do_connect(struct stage *stage, int fd, const union address *address, socklen_t length, enum knowledge knowledge)
{
	struct made *made = next_address_call(stage, fd, address, length, knowledge);

	made->result = outcome(connect(fd, &made->address.any, length));
}

static void do_connect_raw(struct stage *stage, int fd, const void *pointer, socklen_t length, enum knowledge knowledge)
{
	struct made *made = next_call(stage, fd);

	made->knowledge = knowledge;
	made->result = outcome(connect(fd, pointer, length));
}

/* From where the last byte of the address is the last one of its page, and no page follows. */
static void do_connect_at_the_end(struct stage *stage, int fd, const union address *address, socklen_t length, enum knowledge knowledge)
{
	struct made *made = next_address_call(stage, fd, address, length, knowledge);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *there = pages + page - length;

	(void)munmap(pages + page, page);
	memcpy(there, address, length);
	made->result = outcome(connect(fd, (const struct sockaddr *)there, length));
}

static void play_connect(struct stage *stage)
{
	const union address path = long_path();
	socklen_t length;
	const union address nobody = abstract("ringside test: nobody has this", &length);
	int local = open_socket(AF_UNIX, SOCK_STREAM);
	int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	do_connect(stage, tcp, &stage->listener, sizeof(stage->listener.in), ADDRESS_TOLD);
	do_connect(stage, socket(AF_INET6, SOCK_STREAM, 0), &stage->silent, sizeof(stage->silent.in6), ADDRESS_TOLD);
	do_connect(stage, local, &nobody, length, ADDRESS_TOLD);
	do_connect(stage, local, &path, sizeof(path.un), ADDRESS_TOLD);
	do_connect(stage, local, &path, offsetof(struct sockaddr_un, sun_path) + 8, ADDRESS_TOLD);
	do_connect(stage, -1, &stage->listener, sizeof(stage->listener.in), ADDRESS_TOLD_UNLESS_BY_HOOK);
	do_connect_raw(stage, local, (const void *)8, 16, ADDRESS_NEVER_TOLD);
	do_connect_raw(stage, local, NULL, 0, NO_ADDRESS);
	do_connect_at_the_end(stage, local, &nobody, 24, ADDRESS_TOLD);
	do_connect_at_the_end(stage, local, &nobody, 23, ADDRESS_TOLD_UNLESS_BY_WORDS);
}

static void do_bind(struct stage *stage, int fd, const union address *address, socklen_t length, enum knowledge knowledge)
{
	struct made *made = next_address_call(stage, fd, address, length, knowledge);

	made->result = outcome(bind(fd, &made->address.any, length));
}

static void play_bind(struct stage *stage)
{
	const union address any_port = {.in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
	socklen_t length;
	const union address name = abstract("ringside test: bound", &length);

	do_bind(stage, open_socket(AF_INET, SOCK_STREAM), &any_port, sizeof(any_port.in), ADDRESS_TOLD);
	do_bind(stage, open_socket(AF_INET6, SOCK_STREAM), &stage->silent, sizeof(stage->silent.in6), ADDRESS_TOLD);
	do_bind(stage, open_socket(AF_UNIX, SOCK_STREAM), &name, length, ADDRESS_TOLD);
	do_bind(stage, open_socket(AF_UNIX, SOCK_STREAM), &name, sizeof(sa_family_t), ADDRESS_TOLD);
	do_bind(stage, -100, &name, length, ADDRESS_TOLD_UNLESS_BY_HOOK);
}

static void do_listen(struct stage *stage, int fd, int backlog)
{
	struct made *made = next_call(stage, fd);

	made->backlog = backlog;
	made->result = outcome(listen(fd, backlog));
}

static void play_listen(struct stage *stage)
{
	do_listen(stage, open_socket(AF_INET, SOCK_STREAM), BACKLOG);
	do_listen(stage, open_socket(AF_UNIX, SOCK_DGRAM), 0);
	do_listen(stage, -7, -1);
}

static void do_accept(struct stage *stage, int fd, bool with_flags)
{
	struct made *made = next_call(stage, fd);

	made->result = outcome(with_flags ? accept4(fd, NULL, NULL, SOCK_CLOEXEC) : accept(fd, NULL, NULL));
}

static void play_accept(struct stage *stage)
{
	socklen_t length;
	const union address name = abstract("ringside test: accepts", &length);
	int fd = open_socket(AF_UNIX, SOCK_STREAM);

	(void)bind(fd, &name.any, length);
	(void)listen(fd, 2);
	do_accept(stage, fd, false);
	(void)connect(open_socket(AF_UNIX, SOCK_STREAM), &name.any, length);
	(void)connect(open_socket(AF_UNIX, SOCK_STREAM), &name.any, length);
	do_accept(stage, fd, false);
	do_accept(stage, fd, true);
	do_accept(stage, -2, true);
}

static void do_sendto(struct stage *stage, int fd, const union address *address, socklen_t length, enum knowledge knowledge)
{
	struct made *made = next_address_call(stage, fd, address, length, knowledge);

	made->result = outcome(sendto(fd, &stage->byte, 1, MSG_NOSIGNAL, length ? &made->address.any : NULL, length));
}

static void do_sendmsg(struct stage *stage, int fd, const union address *address, socklen_t length, enum knowledge knowledge)
{
	struct msghdr *message = &stage->messages[stage->count];
	struct made *made = next_address_call(stage, fd, address, length, knowledge);

	stage->part = (struct iovec){.iov_base = &stage->byte, .iov_len = 1};
	*message = (struct msghdr){.msg_iov = &stage->part, .msg_iovlen = 1};
	if (length) {
		message->msg_name = &made->address;
		message->msg_namelen = length;
	}
	made->result = outcome(sendmsg(fd, message, MSG_NOSIGNAL));
}

static void play_sendto(struct stage *stage)
{
	const union address mailbox = stage->mailbox;
	const union address path = long_path();
	socklen_t length;
	const union address nobody = abstract("ringside test: nobody has this", &length);
	int udp = open_socket(AF_INET, SOCK_DGRAM);
	int local = open_socket(AF_UNIX, SOCK_DGRAM);
	struct made *made;

	do_sendto(stage, udp, &mailbox, sizeof(mailbox.in), ADDRESS_TOLD);
	do_sendmsg(stage, udp, &mailbox, sizeof(mailbox.in), ADDRESS_TOLD);
	do_sendto(stage, local, &nobody, length, ADDRESS_TOLD);
	do_sendmsg(stage, local, &nobody, length, ADDRESS_TOLD);
	do_sendmsg(stage, local, &path, sizeof(path.un), ADDRESS_TOLD);
	do_sendto(stage, -1, &mailbox, sizeof(mailbox.in), ADDRESS_TOLD_UNLESS_BY_HOOK);
	do_sendmsg(stage, -1, &mailbox, sizeof(mailbox.in), ADDRESS_TOLD_UNLESS_BY_HOOK);
	made = next_call(stage, udp);
	made->knowledge = ADDRESS_NEVER_TOLD;
	made->result = outcome(sendto(udp, &stage->byte, 1, 0, (const struct sockaddr *)8, 16));
	(void)connect(udp, &mailbox.any, sizeof(mailbox.in));
	do_sendto(stage, udp, &mailbox, 0, NO_ADDRESS);
	do_sendmsg(stage, udp, &mailbox, 0, NO_ADDRESS);
	/* Goes through the same hook as a message, and is none. */
	(void)!write(udp, &stage->byte, 1);
}

static void do_recvfrom(struct stage *stage, int fd)
{
	struct made *made = next_call(stage, fd);

	made->result = outcome(recvfrom(fd, &stage->byte, 1, 0, NULL, NULL));
}

static void do_recvmsg(struct stage *stage, int fd)
{
	struct msghdr *message = &stage->messages[stage->count];
	struct made *made = next_call(stage, fd);

	stage->part = (struct iovec){.iov_base = &stage->byte, .iov_len = 1};
	*message = (struct msghdr){.msg_iov = &stage->part, .msg_iovlen = 1};
	made->result = outcome(recvmsg(fd, message, 0));
}

static void play_recvfrom(struct stage *stage)
{
	int pair[2] = {-1, -1};

	(void)socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair);
	do_recvfrom(stage, pair[0]);
	(void)!write(pair[1], "a", 1);
	(void)!write(pair[1], "b", 1);
	do_recvfrom(stage, pair[0]);
	do_recvmsg(stage, pair[0]);
	do_recvmsg(stage, pair[0]);
	do_recvfrom(stage, -1);
	do_recvmsg(stage, -1);
}

/* Calls of a 32-bit program, which a 64-bit one may make as well; pointers must be below 4 GiB. Numbers: the i386 table
 * (arch/x86/entry/syscalls/syscall_32.tbl), and of socketcall(2). */
#define I386_GETPID        20
#define I386_SOCKETCALL    102
#define I386_CONNECT       362
#define I386_LISTEN        363
#define I386_SENDMSG       370
#define SOCKETCALL_CONNECT 3

static int64_t call_32(int number, uint32_t a, uint32_t b, uint32_t c)
{
	int64_t result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(a), "c"(b), "d"(c), "S"(0), "D"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int32_t)result;
}

static uint32_t *low_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
}

static uint32_t low(const void *pointer)
{
	return (uint32_t)(uintptr_t)pointer;
}

/* The first one fails before the hook: it is told when the next one begins. */
static void play_connect_32(struct stage *stage)
{
	uint32_t *memory = low_memory();
	union address *there = (union address *)&memory[16];
	int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct made *made;

	stage->without_results = true;
	*there = stage->listener;
	memory[0] = (uint32_t)tcp;
	memory[1] = low(there);
	memory[2] = sizeof(there->in);
	made = next_address_call(stage, -1, there, sizeof(there->in), ADDRESS_TOLD_UNLESS_BY_HOOK);
	made->result = call_32(I386_CONNECT, (uint32_t)-1, low(there), sizeof(there->in));
	made = next_address_call(stage, tcp, there, sizeof(there->in), ADDRESS_TOLD);
	made->result = call_32(I386_SOCKETCALL, SOCKETCALL_CONNECT, low(memory), 0);
	made = next_address_call(stage, tcp, there, sizeof(there->in), ADDRESS_TOLD);
	made->result = call_32(I386_CONNECT, (uint32_t)tcp, low(there), sizeof(there->in));
}

static void play_listen_32(struct stage *stage)
{
	struct made *made = next_call(stage, -7);

	stage->without_results = true;
	made->backlog = BACKLOG;
	made->result = call_32(I386_LISTEN, (uint32_t)-7, BACKLOG, 0);
}

/* struct compat_msghdr: name, its length, parts, their number, control, its length, flags; struct compat_iovec. */
static void play_sendmsg_32(struct stage *stage)
{
	uint32_t *memory = low_memory();
	union address *there = (union address *)&memory[16];
	int udp = open_socket(AF_INET, SOCK_DGRAM);
	struct made *made = next_address_call(stage, udp, &stage->mailbox, sizeof(there->in), ADDRESS_TOLD_UNLESS_BY_WORDS);

	stage->without_results = true;
	*there = stage->mailbox;
	memory[0] = low(there);
	memory[1] = sizeof(there->in);
	memory[2] = low(&memory[8]);
	memory[3] = 1;
	memory[8] = low(there);
	memory[9] = 1;
	made->result = call_32(I386_SENDMSG, (uint32_t)udp, low(memory), 0);
}

static int play(void *context, uint8_t step)
{
	struct stage *stage = context;

	(void)step;
	stage->play(stage);
	return 0;
}

/* The parent's part. */

static int listen_at(int type, union address *address, socklen_t length, bool listens)
{
	int fd = socket(address->any.sa_family, type | SOCK_CLOEXEC, 0);

	cr_assert_geq(fd, 0);
	cr_assert_eq(bind(fd, &address->any, length), 0, "%s", strerror(errno));
	cr_assert_eq(getsockname(fd, &address->any, &length), 0);
	cr_assert(!listens || listen(fd, 8) == 0);
	return fd;
}

static struct stage *stage_new(void (*actor)(struct stage *))
{
	struct stage *stage = mmap(NULL, sizeof(*stage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(stage, MAP_FAILED);
	stage->play = actor;
	return stage;
}

static const struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = 0x0100007f};
static const struct sockaddr_in6 loopback6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};

/* The candidates of a kind but for one. */
struct ban {
	char names[CANDIDATES_MAX][128];
	const char *list[CANDIDATES_MAX];
	size_t count;
};

static void ban_all_but(struct ban *ban, const struct source_capture *source, size_t one)
{
	char name[64];

	ban->count = 0;
	capture_name(source, name, sizeof(name));
	for (size_t i = 0; i < source->candidate_count; i++) {
		if (i == one)
			continue;
		snprintf(ban->names[ban->count], sizeof(ban->names[0]), "%s/%s", name, source->candidates[i].name);
		ban->list[ban->count] = ban->names[ban->count];
		ban->count++;
	}
}

static struct sensor *open_sensor(const struct ban *ban, struct log *log)
{
	const struct sensor_consumer consumer = {.context = log, .event = take_event, .flush = take_flush};
	struct sensor_options options = {.probes = {.with_trials = true, .forbidden = ban->list, .forbidden_count = ban->count}};
	const struct collector_options rings = {.ring_memory_bytes = 8 << 20};
	struct sensor *sensor;
	struct error err = {0};

	cr_assert_eq(collector_open(&options.source, &rings, &err), 0, "%s", err.message);
	cr_assert_eq(sensor_new(&sensor, &options, &consumer, &err), 0, "%s", err.message);
	return sensor;
}

static void drain(struct sensor *sensor, const struct log *log, uint32_t expected)
{
	const struct timespec pause = {.tv_nsec = NSEC_PER_MSEC};
	uint64_t end_ns = clock_monotonic_ns() + WAIT_MS * NSEC_PER_MSEC;

	while (log->count < expected && clock_monotonic_ns() < end_ns) {
		sensor_round(sensor, UINT32_MAX);
		nanosleep(&pause, NULL);
	}
	end_ns = clock_monotonic_ns() + AFTERMATH_MS * NSEC_PER_MSEC;
	while (clock_monotonic_ns() < end_ns) {
		sensor_round(sensor, UINT32_MAX);
		nanosleep(&pause, NULL);
	}
}

static bool has_prefix(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

static enum event_capture trust_of(const char *way)
{
	if (has_prefix(way, "security_"))
		return CAPTURE_KERNEL;
	return has_prefix(way, "sys_enter_") ? CAPTURE_LATE : CAPTURE_CALLER;
}

static bool is_address_told(enum knowledge knowledge, const char *way)
{
	switch (knowledge) {
	case ADDRESS_TOLD:
		return true;
	case ADDRESS_TOLD_UNLESS_BY_HOOK:
		return !has_prefix(way, "security_");
	case ADDRESS_TOLD_UNLESS_BY_WORDS:
		return trust_of(way) != CAPTURE_CALLER;
	default:
		return false;
	}
}

static void assert_address(const struct event *event, const struct made *made, const char *way, uint32_t number)
{
	const struct event_address *told = &event->network.address;
	bool is_told = is_address_told(made->knowledge, way);
	struct event_address expected = {0};
	char path[NETWORK_PATH_BYTES];

	if (is_told)
		network_address_decode(&made->address, made->address_length, made->address_length, path, &expected);
	cr_expect_eq(event->network.address_unknown, made->knowledge != NO_ADDRESS && !is_told, "%s %u: unknown", way, number);
	cr_expect_eq(told->family, expected.family, "%s %u: family %u", way, number, told->family);
	cr_expect_eq(told->port, expected.port, "%s %u: port %u", way, number, told->port);
	cr_expect_eq(told->ipv4, expected.ipv4, "%s %u: %u", way, number, told->ipv4);
	cr_expect_eq(told->ipv6_high, expected.ipv6_high, "%s %u: %" PRIx64, way, number, told->ipv6_high);
	cr_expect_eq(told->ipv6_low, expected.ipv6_low, "%s %u: %" PRIx64, way, number, told->ipv6_low);
	cr_expect_eq(told->path.length, expected.path.length, "%s %u: %.*s", way, number, (int)told->path.length, told->path.bytes);
	cr_expect_eq(memcmp(told->path.bytes, path, expected.path.length), 0, "%s %u: %.*s", way, number, (int)told->path.length,
		     told->path.bytes);
	if (is_told)
		cr_expect_eq(event->capture, trust_of(way), "%s %u: trust %u", way, number, event->capture);
}

static uint32_t events_per_call(const struct stage *stage)
{
	return stage->without_results ? 1 : 2;
}

static void assert_told(const struct log *log, const struct stage *stage, enum event_kind attempt, const char *way)
{
	uint32_t stride = events_per_call(stage);

	cr_assert_eq(log->count, stride * stage->count, "%s: %u events of %u calls", way, log->count, stage->count);
	for (uint32_t i = 0; i < stage->count; i++) {
		const struct made *made = &stage->made[i];
		const struct event *begun = &log->events[stride * i], *ended = begun + 1;

		cr_assert_eq(begun->kind, attempt, "%s %u", way, i);
		cr_expect_eq((int64_t)begun->network.sockfd, made->sockfd, "%s %u: %" PRId64, way, i, (int64_t)begun->network.sockfd);
		cr_expect_eq((int64_t)begun->network.backlog, made->backlog, "%s %u: %" PRId64, way, i, (int64_t)begun->network.backlog);
		cr_expect_eq(begun->tid, log->tgid);
		assert_address(begun, made, way, i);
		if (stage->without_results)
			continue;
		cr_assert_eq(ended->kind, attempt + 1, "%s %u", way, i);
		cr_expect_eq(ended->network.result, made->result, "%s %u: %" PRId64, way, i, ended->network.result);
		cr_expect_leq(begun->time_ns, ended->time_ns);
	}
}

/* False: this way does not work on this kernel. */
static bool try_way(const struct source_capture *source, size_t candidate, void (*actor)(struct stage *), const int64_t *results)
{
	static struct log log;
	const char *way = source->candidates[candidate].name;
	struct stage *stage = stage_new(actor);
	struct error refusals[EVENT_KIND_COUNT] = {0};
	struct plan plan = {0};
	struct provoke child;
	struct sensor *sensor;
	struct error err = {0};
	struct ban ban;
	int fds[3];

	log = (struct log){.kinds = EVENT_KIND_BIT(source->kind) | EVENT_KIND_BIT(source->kind + 1)};
	stage->listener.in = loopback;
	stage->mailbox.in = loopback;
	stage->silent.in6 = loopback6;
	fds[0] = listen_at(SOCK_STREAM, &stage->listener, sizeof(stage->listener.in), true);
	fds[1] = listen_at(SOCK_DGRAM, &stage->mailbox, sizeof(stage->mailbox.in), false);
	fds[2] = listen_at(SOCK_STREAM, &stage->silent, sizeof(stage->silent.in6), false);
	ban_all_but(&ban, source, candidate);
	sensor = open_sensor(&ban, &log);
	plan.kinds[source->kind].wanted = true;
	plan.kinds[source->kind + 1].wanted = true;
	sensor_apply(sensor, &plan, refusals);
	cr_assert_eq(refusals[source->kind + 1].code, 0, "%s", refusals[source->kind + 1].message);
	if (!refusals[source->kind].code) {
		cr_assert_eq(provoke_start(&child, play, stage, &err), 0, "%s", err.message);
		log.tgid = (uint32_t)provoke_pid(&child);
		cr_assert_eq(provoke_act(&child, 0, ACT_TIMEOUT_MS, &err), 0, "%s", err.message);
		drain(sensor, &log, events_per_call(stage) * stage->count);
		provoke_stop(&child);
		for (uint32_t i = 0; i < stage->count; i++)
			cr_expect(stage->made[i].result == results[i] || (results[i] > 0 && stage->made[i].result > 0), "%u: %" PRId64, i,
				  stage->made[i].result);
		assert_told(&log, stage, source->kind, way);
	}
	cr_log_info("%s %s: %s", catalog_entry(source->kind)->type, way,
		    refusals[source->kind].code ? refusals[source->kind].message : "works");
	sensor_free(sensor);
	for (size_t i = 0; i < 3; i++)
		close(fds[i]);
	munmap(stage, sizeof(*stage));
	return !refusals[source->kind].code;
}

static bool has_kprobes(void)
{
	return !access("/sys/kernel/tracing/kprobe_events", F_OK);
}

static const struct source_capture *capture_source(enum event_kind kind)
{
	for (size_t i = 0; i < network_capture_count; i++)
		if (network_captures[i].kind == kind)
			return &network_captures[i];
	cr_assert_fail("no capture of kind %d", kind);
	return NULL;
}

static void try_all_ways(enum event_kind attempt, void (*actor)(struct stage *), const int64_t *results)
{
	const struct source_capture *source = capture_source(attempt);

	for (size_t i = 0; i < source->candidate_count; i++) {
		bool works = try_way(source, i, actor, results);
		bool traced = has_prefix(source->candidates[i].name, "sys_enter_");

		cr_expect(works || !traced, "%s does not work", source->candidates[i].name);
		cr_expect(has_kprobes() || works == traced, "%s works without kprobes", source->candidates[i].name);
		/* Those that every kernel since 4.18 has. */
		cr_expect(works || !has_kprobes() || has_prefix(source->candidates[i].name, "sys_"), "%s does not work",
			  source->candidates[i].name);
	}
}

Test(network_capture, each_kind_is_captured_the_best_way_that_this_kernel_has, .timeout = 120)
{
	const struct capture_options options = {.trial = trial_run};
	struct probe_kernel kernel = {0};
	struct capture_set set;

	cr_assert_eq(capture_set_init(&set, &options), 0);
	for (size_t i = 0; i < network_capture_count; i++) {
		struct capture *capture = capture_of(&set, network_captures[i].kind);
		const struct source_candidate *expected =
			&network_captures[i].candidates[has_kprobes() ? 0 : network_captures[i].candidate_count - 1];

		cr_assert_not_null(capture);
		cr_expect_eq(capture_choose(&set, capture, &kernel), 0, "%s", capture->refusal.message);
		cr_expect_eq(capture->chosen, expected, "%s: %s: %s", catalog_entry(network_captures[i].kind)->type, expected->name,
			     capture->rejections[0].message);
	}
	capture_set_done(&set);
	probe_kernel_done(&kernel);
}

Test(network_capture, connect_is_told_exactly_in_every_way, .timeout = 240)
{
	try_all_ways(EVENT_CONNECT_ATTEMPT, play_connect,
		     (const int64_t[]){0, -ECONNREFUSED, -ECONNREFUSED, -ENOENT, -ENOENT, -EBADF, -EFAULT, -EINVAL, -ECONNREFUSED,
				       -ECONNREFUSED});
}

Test(network_capture, bind_is_told_exactly_in_every_way, .timeout = 240)
{
	try_all_ways(EVENT_BIND_ATTEMPT, play_bind, (const int64_t[]){0, -EADDRINUSE, 0, 0, -EBADF});
}

Test(network_capture, listen_is_told_exactly_in_every_way, .timeout = 240)
{
	try_all_ways(EVENT_LISTEN_ATTEMPT, play_listen, (const int64_t[]){0, -EOPNOTSUPP, -EBADF});
}

Test(network_capture, accept_is_told_exactly_in_every_way, .timeout = 240)
{
	try_all_ways(EVENT_ACCEPT_ATTEMPT, play_accept, (const int64_t[]){-EAGAIN, 1, 1, -EBADF});
}

Test(network_capture, sendto_is_told_exactly_in_every_way, .timeout = 240)
{
	try_all_ways(EVENT_SENDTO_ATTEMPT, play_sendto,
		     (const int64_t[]){1, 1, -ECONNREFUSED, -ECONNREFUSED, -ENOENT, -EBADF, -EBADF, -EFAULT, 1, 1});
}

Test(network_capture, recvfrom_is_told_exactly_in_every_way, .timeout = 240)
{
	try_all_ways(EVENT_RECVFROM_ATTEMPT, play_recvfrom, (const int64_t[]){-EAGAIN, 1, 1, -EAGAIN, -EBADF, -EBADF});
}

static bool has_32_bit_calls(void)
{
	pid_t child = fork();
	int status;

	if (!child)
		_exit(call_32(I386_GETPID, 0, 0, 0) != getpid());
	cr_assert_eq(waitpid(child, &status, 0), child);
	return status == 0;
}

/* The ways that begin with a function, rather than with a tracepoint of the system call. */
static void try_functions_32(enum event_kind attempt, void (*actor)(struct stage *), const int64_t *results)
{
	const struct source_capture *source = capture_source(attempt);

	if (!has_kprobes() || !has_32_bit_calls())
		cr_skip_test("no kprobes, or no 32-bit programs");
	for (size_t i = 0; i < source->candidate_count; i++) {
		const char *name = source->candidates[i].name;

		if (has_prefix(name, "__sys_") || strstr(name, "+__sys_"))
			cr_expect(try_way(source, i, actor, results), "%s", name);
	}
}

Test(network_capture, attempts_of_32_bit_programs_are_told_where_functions_are_probed, .timeout = 120)
{
	try_functions_32(EVENT_CONNECT_ATTEMPT, play_connect_32, (const int64_t[]){-EBADF, 0, -EISCONN});
	try_functions_32(EVENT_LISTEN_ATTEMPT, play_listen_32, (const int64_t[]){-EBADF});
	try_functions_32(EVENT_SENDTO_ATTEMPT, play_sendmsg_32, (const int64_t[]){1});
}
