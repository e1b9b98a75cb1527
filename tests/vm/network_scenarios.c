#include "tests/vm/observation.h"
#include "tests/vm/scenario.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/*
 * The calls are made by a child, which has no sockets but its own. What is shared stays as it is after the calls, for a sensor that can only
 * read it late.
 */

#define SOCKET_FD     77
#define BACKLOG       4661
#define MESSAGE_BYTES 333
#define LATE_US       300000

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

struct deed {
	int (*call)(int fd, struct deed *deed);
	int family, type;
	union address address;
	socklen_t length;
	struct msghdr message;
	struct iovec part;
	char bytes[MESSAGE_BYTES];
	int64_t sockfd;
	int64_t expected; /* what has to come of it */
	int64_t result;   /* and what did */
};

static struct deed *new_deed(int (*call)(int fd, struct deed *deed), int family, int type, int64_t expected)
{
	struct deed *deed = mmap(NULL, sizeof(*deed), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(deed != MAP_FAILED, "no memory");
	deed->call = call;
	deed->family = family;
	deed->type = type;
	deed->sockfd = SOCKET_FD;
	deed->expected = expected;
	return deed;
}

static void do_deed(void *context)
{
	struct deed *deed = context;
	int result;

	dup2(socket(deed->family, deed->type | SOCK_NONBLOCK, 0), SOCKET_FD);
	result = deed->call((int)deed->sockfd, deed);
	deed->result = result < 0 ? -errno : result;
	usleep(LATE_US);
}

static int call_connect(int fd, struct deed *deed)
{
	return connect(fd, &deed->address.any, deed->length);
}

static int call_bind(int fd, struct deed *deed)
{
	return bind(fd, &deed->address.any, deed->length);
}

static int call_sendto(int fd, struct deed *deed)
{
	return (int)sendto(fd, deed->bytes, MESSAGE_BYTES, MSG_NOSIGNAL, deed->length ? &deed->address.any : NULL, deed->length);
}

static int call_sendmsg(int fd, struct deed *deed)
{
	deed->part = (struct iovec){deed->bytes, MESSAGE_BYTES};
	deed->message = (struct msghdr){.msg_name = deed->length ? &deed->address : NULL,
					.msg_namelen = deed->length,
					.msg_iov = &deed->part,
					.msg_iovlen = 1};
	return (int)sendmsg(fd, &deed->message, MSG_NOSIGNAL);
}

static int call_listen(int fd, struct deed *deed)
{
	(void)deed;
	return listen(fd, BACKLOG);
}

static int call_accept(int fd, struct deed *deed)
{
	(void)deed;
	return accept(fd, NULL, NULL);
}

static int call_accept4(int fd, struct deed *deed)
{
	(void)deed;
	return accept4(fd, NULL, NULL, SOCK_CLOEXEC);
}

/* By write(2), which is none of the calls. */
static void send_to_self(int fd, struct deed *deed)
{
	int pair[2] = {-1, -1};

	(void)socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
	dup2(pair[0], fd);
	(void)!write(pair[1], deed->bytes, MESSAGE_BYTES);
}

static int call_recvfrom(int fd, struct deed *deed)
{
	send_to_self(fd, deed);
	return (int)recvfrom(fd, deed->bytes, MESSAGE_BYTES, 0, NULL, NULL);
}

static int call_recvmsg(int fd, struct deed *deed)
{
	deed->part = (struct iovec){deed->bytes, MESSAGE_BYTES};
	deed->message = (struct msghdr){.msg_iov = &deed->part, .msg_iovlen = 1};
	send_to_self(fd, deed);
	return (int)recvmsg(fd, &deed->message, 0);
}

static const Capsule8__Api__V0__NetworkEvent *network_of(struct observation *o, enum event_kind kind, pid_t pid)
{
	const Capsule8__Api__V0__Event *event = await_of_process(o, kind, pid);

	CHECK_INTEGER(event->event_case, CAPSULE8__API__V0__EVENT__EVENT_NETWORK);
	return event->network;
}

/* Has the deed done, and returns its attempt; the result has been compared then, and that there is one of each. */
static const Capsule8__Api__V0__NetworkEvent *attempt_of(enum event_kind attempt, struct deed *deed)
{
	struct subscription_spec *spec = wish(attempt);
	enum event_kind result = (enum event_kind)(attempt + 1);
	struct observation *o;
	pid_t pid;

	wish_also(spec, result);
	o = observe(spec);
	CHECK_INTEGER(start_and_reap(do_deed, deed, &pid), 0);
	CHECK_INTEGER(deed->result, deed->expected);
	CHECK_INTEGER(network_of(o, result, pid)->result, deed->result);
	network_of(o, attempt, pid);
	/* Our own client sends and receives: there is no end of events. */
	if (attempt != EVENT_SENDTO_ATTEMPT && attempt != EVENT_RECVFROM_ATTEMPT)
		settle(o);
	CHECK_INTEGER(count_events(o, matches_process, &(struct of_process){attempt, pid}), 1);
	CHECK_INTEGER(count_events(o, matches_process, &(struct of_process){result, pid}), 1);
	return network_of(o, attempt, pid);
}

static void check_inet(const Capsule8__Api__V0__NetworkEvent *event, const struct sockaddr_in *in)
{
	CHECK(event->address, "no address");
	CHECK_INTEGER(event->sockfd, SOCKET_FD);
	CHECK_INTEGER(event->address_unknown, false);
	CHECK_INTEGER(event->address->address_case, CAPSULE8__API__V0__NETWORK_ADDRESS__ADDRESS_IPV4_ADDRESS);
	CHECK_INTEGER(event->address->ipv4_address->port, in->sin_port);
	CHECK_INTEGER(event->address->ipv4_address->address->address, in->sin_addr.s_addr);
}

static void check_inet6(const Capsule8__Api__V0__NetworkEvent *event, const struct sockaddr_in6 *in6)
{
	uint64_t halves[2];

	memcpy(halves, &in6->sin6_addr, sizeof(halves));
	CHECK(event->address, "no address");
	CHECK_INTEGER(event->sockfd, SOCKET_FD);
	CHECK_INTEGER(event->address->address_case, CAPSULE8__API__V0__NETWORK_ADDRESS__ADDRESS_IPV6_ADDRESS);
	CHECK_INTEGER(event->address->ipv6_address->port, in6->sin6_port);
	CHECK_INTEGER(event->address->ipv6_address->address->high, halves[0]);
	CHECK_INTEGER(event->address->ipv6_address->address->low, halves[1]);
}

static void check_local(const Capsule8__Api__V0__NetworkEvent *event, const char *expected)
{
	CHECK(event->address, "no address");
	CHECK_INTEGER(event->sockfd, SOCKET_FD);
	CHECK_INTEGER(event->address->address_case, CAPSULE8__API__V0__NETWORK_ADDRESS__ADDRESS_LOCAL_ADDRESS);
	CHECK_STRING(event->address->local_address, expected);
}

/* Port 8080 of the loopback addresses; nobody is there. */
static void to_inet(struct deed *deed)
{
	deed->address.in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(8080), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	deed->length = sizeof(deed->address.in);
}

static void to_inet6(struct deed *deed)
{
	deed->address.in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(8080), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	deed->length = sizeof(deed->address.in6);
}

static void to_path(struct deed *deed, const char *path)
{
	deed->address = (union address){.un = {.sun_family = AF_UNIX}};
	memcpy(deed->address.un.sun_path, path, strlen(path));
	deed->length = sizeof(deed->address.un);
}

static void to_abstract(struct deed *deed, const char *name)
{
	deed->address = (union address){.un = {.sun_family = AF_UNIX}};
	memcpy(deed->address.un.sun_path + 1, name, strlen(name));
	deed->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
}

static void connect_tells_an_ipv4_address_and_its_result(void)
{
	struct deed *deed = new_deed(call_connect, AF_INET, SOCK_DGRAM, 0);
	const Capsule8__Api__V0__NetworkEvent *event;

	to_inet(deed);
	event = attempt_of(EVENT_CONNECT_ATTEMPT, deed);
	check_inet(event, &deed->address.in);
	CHECK_INTEGER(event->address->ipv4_address->port, 36895);
	CHECK_INTEGER(event->address->ipv4_address->address->address, 16777343);
}

static void connect_tells_an_ipv6_address(void)
{
	struct deed *deed = new_deed(call_connect, AF_INET6, SOCK_DGRAM, 0);

	to_inet6(deed);
	check_inet6(attempt_of(EVENT_CONNECT_ATTEMPT, deed), &deed->address.in6);
}

static void connect_tells_the_longest_path_of_a_unix_socket(void)
{
	struct deed *deed = new_deed(call_connect, AF_UNIX, SOCK_STREAM, -ENOENT);
	char path[108] = "/nowhere/";

	memset(path + 9, 'p', sizeof(path) - 10);
	to_path(deed, path);
	check_local(attempt_of(EVENT_CONNECT_ATTEMPT, deed), path);
}

static void connect_tells_an_abstract_name_with_an_at_sign(void)
{
	struct deed *deed = new_deed(call_connect, AF_UNIX, SOCK_STREAM, -ECONNREFUSED);

	to_abstract(deed, "nobody has this");
	check_local(attempt_of(EVENT_CONNECT_ATTEMPT, deed), "@nobody has this");
}

/* Some ways to capture it do not see the address: then it says so. */
static void connect_of_no_socket_is_told_with_a_negative_descriptor(void)
{
	struct deed *deed = new_deed(call_connect, AF_INET, SOCK_DGRAM, -EBADF);
	const Capsule8__Api__V0__NetworkEvent *event;

	deed->sockfd = -1;
	to_inet(deed);
	event = attempt_of(EVENT_CONNECT_ATTEMPT, deed);
	CHECK_INTEGER(event->sockfd, -1);
	CHECK(event->address_unknown || event->address->ipv4_address->port == deed->address.in.sin_port, "a wrong address");
}

static void bind_tells_its_address(void)
{
	struct deed *deed = new_deed(call_bind, AF_INET6, SOCK_STREAM, 0);

	to_inet6(deed);
	check_inet6(attempt_of(EVENT_BIND_ATTEMPT, deed), &deed->address.in6);
}

static void bind_tells_a_relative_path_as_it_was_given(void)
{
	struct deed *deed = new_deed(call_bind, AF_UNIX, SOCK_DGRAM, 0);

	to_path(deed, "socket");
	check_local(attempt_of(EVENT_BIND_ATTEMPT, deed), "socket");
}

static void listen_tells_its_backlog(void)
{
	struct deed *deed = new_deed(call_listen, AF_UNIX, SOCK_DGRAM, -EOPNOTSUPP);
	const Capsule8__Api__V0__NetworkEvent *event = attempt_of(EVENT_LISTEN_ATTEMPT, deed);

	CHECK_INTEGER(event->sockfd, SOCKET_FD);
	CHECK_INTEGER(event->backlog, BACKLOG);
}

static void accept_and_accept4_are_one_kind(void)
{
	struct deed *deed = new_deed(call_accept, AF_UNIX, SOCK_DGRAM, -EOPNOTSUPP);

	CHECK_INTEGER(attempt_of(EVENT_ACCEPT_ATTEMPT, deed)->sockfd, SOCKET_FD);
	deed->call = call_accept4;
	CHECK_INTEGER(attempt_of(EVENT_ACCEPT_ATTEMPT, deed)->sockfd, SOCKET_FD);
}

static void sendto_and_sendmsg_tell_where_they_send(void)
{
	struct deed *deed = new_deed(call_sendto, AF_INET, SOCK_DGRAM, MESSAGE_BYTES);

	to_inet(deed);
	check_inet(attempt_of(EVENT_SENDTO_ATTEMPT, deed), &deed->address.in);
	deed->call = call_sendmsg;
	deed->family = AF_UNIX;
	deed->expected = -ECONNREFUSED;
	to_abstract(deed, "nobody has this");
	check_local(attempt_of(EVENT_SENDTO_ATTEMPT, deed), "@nobody has this");
}

static void check_without_address(const Capsule8__Api__V0__NetworkEvent *event)
{
	CHECK_INTEGER(event->sockfd, SOCKET_FD);
	CHECK_INTEGER(event->address_unknown, false);
	CHECK(!event->address || event->address->address_case == CAPSULE8__API__V0__NETWORK_ADDRESS__ADDRESS__NOT_SET, "an address");
}

static void sendto_and_sendmsg_without_an_address_tell_none(void)
{
	struct deed *deed = new_deed(call_sendto, AF_UNIX, SOCK_DGRAM, -ENOTCONN);

	check_without_address(attempt_of(EVENT_SENDTO_ATTEMPT, deed));
	deed->call = call_sendmsg;
	check_without_address(attempt_of(EVENT_SENDTO_ATTEMPT, deed));
}

static void recvfrom_and_recvmsg_are_one_kind(void)
{
	struct deed *deed = new_deed(call_recvfrom, AF_UNIX, SOCK_DGRAM, MESSAGE_BYTES);

	CHECK_INTEGER(attempt_of(EVENT_RECVFROM_ATTEMPT, deed)->sockfd, SOCKET_FD);
	deed->call = call_recvmsg;
	CHECK_INTEGER(attempt_of(EVENT_RECVFROM_ATTEMPT, deed)->sockfd, SOCKET_FD);
}

static void receive_forever(void *context)
{
	char byte;

	(void)context;
	dup2(socket(AF_UNIX, SOCK_DGRAM, 0), SOCKET_FD);
	(void)!recvfrom(SOCKET_FD, &byte, 1, 0, NULL, NULL);
}

static void a_call_that_blocks_is_told_when_it_begins(void)
{
	struct observation *o = observe(wish(EVENT_RECVFROM_ATTEMPT));
	pid_t pid = start(receive_forever, NULL);

	CHECK_INTEGER(network_of(o, EVENT_RECVFROM_ATTEMPT, pid)->sockfd, SOCKET_FD);
}

const struct scenario network_scenarios[] = {
	{"connect_tells_an_ipv4_address_and_its_result", connect_tells_an_ipv4_address_and_its_result},
	{"connect_tells_an_ipv6_address", connect_tells_an_ipv6_address},
	{"connect_tells_the_longest_path_of_a_unix_socket", connect_tells_the_longest_path_of_a_unix_socket},
	{"connect_tells_an_abstract_name_with_an_at_sign", connect_tells_an_abstract_name_with_an_at_sign},
	{"connect_of_no_socket_is_told_with_a_negative_descriptor", connect_of_no_socket_is_told_with_a_negative_descriptor},
	{"bind_tells_its_address", bind_tells_its_address},
	{"bind_tells_a_relative_path_as_it_was_given", bind_tells_a_relative_path_as_it_was_given},
	{"listen_tells_its_backlog", listen_tells_its_backlog},
	{"accept_and_accept4_are_one_kind", accept_and_accept4_are_one_kind},
	{"sendto_and_sendmsg_tell_where_they_send", sendto_and_sendmsg_tell_where_they_send},
	{"sendto_and_sendmsg_without_an_address_tell_none", sendto_and_sendmsg_without_an_address_tell_none},
	{"recvfrom_and_recvmsg_are_one_kind", recvfrom_and_recvmsg_are_one_kind},
	{"a_call_that_blocks_is_told_when_it_begins", a_call_that_blocks_is_told_when_it_begins},
	{0},
};
