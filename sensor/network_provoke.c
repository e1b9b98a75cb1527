#include "sensor/network_provoke.h"

#include "sensor/network_address.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Numbers that nobody else's call has by chance. */
#define SOCKET_FD 71 /* of provocation 0; of provocation 1 it is the next one */
#define BACKLOG   4661

/* Not on the stack: what is read late has to be there still. */
static struct sockaddr_un name;
static struct msghdr message;
static char byte;
static struct iovec bytes = {.iov_base = &byte, .iov_len = 1};

/* The pid fills the name with leading zeros, to its last byte. */
static void make_name(uint32_t pid, struct sockaddr_un *to)
{
	static const char prefix[] = "ringside-trial-";

	*to = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(to->sun_path + 1, prefix, sizeof(prefix) - 1);
	for (size_t i = sizeof(to->sun_path); i-- > sizeof(prefix); pid /= 10)
		to->sun_path[i] = (char)('0' + pid % 10);
}

static int socket_of(const struct source_provocation *provocation)
{
	return SOCKET_FD + (int)provocation->number;
}

static int open_socket(const struct source_provocation *provocation, int type)
{
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int moved = fd < 0 ? -1 : dup2(fd, socket_of(provocation));

	if (fd >= 0 && fd != moved)
		close(fd);
	make_name(provocation->pid, &name);
	return moved;
}

static void close_socket(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* Nobody listens. */
void network_provoke_connect(const struct source_provocation *provocation)
{
	int fd = open_socket(provocation, SOCK_STREAM);

	(void)connect(fd, (const struct sockaddr *)&name, sizeof(name));
	close_socket(fd);
}

/* The second time it has its name already. */
void network_provoke_bind(const struct source_provocation *provocation)
{
	int fd = open_socket(provocation, SOCK_DGRAM);

	(void)bind(fd, (const struct sockaddr *)&name, sizeof(name));
	(void)bind(fd, (const struct sockaddr *)&name, sizeof(name));
	close_socket(fd);
}

/* A datagram socket takes no connections. */
void network_provoke_listen(const struct source_provocation *provocation)
{
	int fd = open_socket(provocation, SOCK_DGRAM);

	(void)listen(fd, BACKLOG);
	close_socket(fd);
}

void network_provoke_accept(const struct source_provocation *provocation)
{
	int fd = open_socket(provocation, SOCK_DGRAM);

	if (provocation->number == 0)
		(void)accept(fd, NULL, NULL);
	else
		(void)accept4(fd, NULL, NULL, SOCK_NONBLOCK);
	close_socket(fd);
}

/* Nobody has the name. */
void network_provoke_sendto(const struct source_provocation *provocation)
{
	int fd = open_socket(provocation, SOCK_DGRAM);

	message = (struct msghdr){.msg_name = &name, .msg_namelen = sizeof(name), .msg_iov = &bytes, .msg_iovlen = 1};
	if (provocation->number == 0)
		(void)sendto(fd, &byte, 1, 0, (const struct sockaddr *)&name, sizeof(name));
	else
		(void)sendmsg(fd, &message, 0);
	close_socket(fd);
}

/* There is nothing to receive. */
void network_provoke_recvfrom(const struct source_provocation *provocation)
{
	int fd = open_socket(provocation, SOCK_DGRAM);

	message = (struct msghdr){.msg_iov = &bytes, .msg_iovlen = 1};
	if (provocation->number == 0)
		(void)recvfrom(fd, &byte, 1, 0, NULL, NULL);
	else
		(void)recvmsg(fd, &message, 0);
	close_socket(fd);
}

bool network_verify_socket(const struct source_provocation *provocation, const struct event *event)
{
	return event->network.sockfd == (uint64_t)socket_of(provocation);
}

bool network_verify_backlog(const struct source_provocation *provocation, const struct event *event)
{
	return network_verify_socket(provocation, event) && event->network.backlog == BACKLOG;
}

bool network_verify_address(const struct source_provocation *provocation, const struct event *event)
{
	const struct event_address *address = &event->network.address;
	char path[NETWORK_PATH_BYTES];
	struct event_address expected;
	struct sockaddr_un given;

	make_name(provocation->pid, &given);
	network_address_decode(&given, sizeof(given), sizeof(given), path, &expected);
	return network_verify_socket(provocation, event) && !event->network.address_unknown && address->family == ADDRESS_LOCAL &&
	       address->path.length == expected.path.length && !memcmp(address->path.bytes, expected.path.bytes, expected.path.length);
}

bool network_verify_result(const struct source_provocation *provocation, const struct event *event)
{
	(void)provocation;
	switch (event->kind) {
	case EVENT_CONNECT_RESULT:
	case EVENT_SENDTO_RESULT:
		return event->network.result == -ECONNREFUSED;
	case EVENT_BIND_RESULT:
		return event->network.result == -EINVAL;
	case EVENT_LISTEN_RESULT:
	case EVENT_ACCEPT_RESULT:
		return event->network.result == -EOPNOTSUPP;
	case EVENT_RECVFROM_RESULT:
		return event->network.result == -EAGAIN;
	default:
		return false;
	}
}
