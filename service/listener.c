#include "service/listener.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define BACKLOG 128

/* Of a unix connection: room for more than one whole message of a flood, so that it goes out with one system call. */
#define SEND_BUFFER_BYTES (4 * 1024 * 1024)

static int parse_path(struct listener_address *ret, const char *address, const char *path, struct error *err)
{
	if (!strncmp(path, "//", 2))
		path += 2;
	if (*path == '\0')
		return error_set(err, -EINVAL, "%s: a path must follow unix:", address);
	if (strlen(path) >= sizeof(ret->path))
		return error_set(err, -EINVAL, "%s: the path of a unix socket has at most %zu bytes, not %zu", address,
				 sizeof(ret->path) - 1, strlen(path));
	memcpy(ret->path, path, strlen(path) + 1);
	return 0;
}

static int parse_host_and_port(struct listener_address *ret, const char *address, struct error *err)
{
	const char *colon = strrchr(address, ':');
	const char *host = address, *port;
	size_t length, digits;

	if (!colon)
		return error_set(err, -EINVAL, "%s: an address is unix:PATH, HOST:PORT or [IPV6]:PORT", address);
	length = (size_t)(colon - address);
	if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
		host++;
		length -= 2;
	} else if (memchr(host, ':', length)) {
		return error_set(err, -EINVAL, "%s: an IPv6 address stands in brackets: [::1]:PORT", address);
	}
	port = colon + 1;
	digits = strspn(port, "0123456789");
	if (length == 0 || length >= sizeof(ret->host))
		return error_set(err, -EINVAL, "%s: a host of 1 to %zu characters must stand before the port", address,
				 sizeof(ret->host) - 1);
	if (digits == 0 || digits > 5 || port[digits] != '\0' || atoi(port) > 65535)
		return error_set(err, -EINVAL, "%s: the port must be a number from 0 to 65535", address);
	memcpy(ret->host, host, length);
	memcpy(ret->port, port, digits);
	ret->tcp = true;
	return 0;
}

int listener_address_parse(struct listener_address *ret, const char *address, struct error *err)
{
	memset(ret, 0, sizeof(*ret));
	if (!strncmp(address, "unix:", 5))
		return parse_path(ret, address, address + 5, err);
	return parse_host_and_port(ret, address, err);
}

static int make_parent(const char *path, const char *address, struct error *err)
{
	char parent[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;

	snprintf(parent, sizeof(parent), "%s", path);
	slash = strrchr(parent, '/');
	if (!slash || slash == parent)
		return 0;
	*slash = '\0';
	if (mkdir(parent, 0755) < 0)
		return errno == EEXIST ? 0 : error_set_errno(err, -errno, "%s: make directory %s", address, parent);
	/* Whatever the umask is: clients have to get at the socket inside. */
	if (chmod(parent, 0755) < 0)
		return error_set_errno(err, -errno, "%s: directory %s", address, parent);
	return 0;
}

/* A socket file that refuses connections belongs to nobody any more. A full backlog (EAGAIN) is somebody, too. */
static int remove_stale(const struct sockaddr_un *name, const char *address, struct error *err)
{
	cleanup_close int fd = -1;
	struct stat st;

	if (lstat(name->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : error_set_errno(err, -errno, "%s", address);
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, -EEXIST, "%s: the file is there already and is not a socket", address);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set_errno(err, -errno, "%s: make a socket", address);
	if (connect(fd, (const struct sockaddr *)name, sizeof(*name)) == 0 || errno == EAGAIN)
		return error_set(err, -EADDRINUSE, "%s: another process listens there already", address);
	if (errno != ECONNREFUSED)
		return error_set_errno(err, -errno, "%s: the file is there already, and to find out whether somebody listens failed",
				       address);
	if (unlink(name->sun_path) < 0 && errno != ENOENT)
		return error_set_errno(err, -errno, "%s: remove the socket of a process that died", address);
	return 0;
}

/* Nobody can connect before listen(), so the mode is right before it matters; fchmod() keeps it narrow from the beginning. */
static int bind_path(struct listener *l, const struct sockaddr_un *name, const char *address, struct error *err)
{
	struct stat st;

	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return error_set_errno(err, -errno, "%s: make a socket", address);
	if (fchmod(l->fd, 0660) < 0 || bind(l->fd, (const struct sockaddr *)name, sizeof(*name)) < 0)
		return error_set_errno(err, -errno, "%s", address);
	if (lstat(name->sun_path, &st) < 0)
		return error_set_errno(err, -errno, "%s", address);
	memcpy(l->path, name->sun_path, sizeof(l->path));
	l->device = st.st_dev;
	l->inode = st.st_ino;
	if (chmod(l->path, 0660) < 0 || listen(l->fd, BACKLOG) < 0)
		return error_set_errno(err, -errno, "%s", address);
	return 0;
}

static int open_path(struct listener *l, const char *path, const char *address, struct error *err)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int r;

	snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
	r = make_parent(path, address, err);
	if (r == 0)
		r = remove_stale(&name, address, err);
	if (r == 0)
		r = bind_path(l, &name, address, err);
	if (r < 0)
		return r;
	snprintf(l->address, sizeof(l->address), "unix:%s", path);
	return 0;
}

static bool is_loopback(const struct sockaddr *name)
{
	if (name->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)name)->sin_addr.s_addr) >> 24 == 127;
	return name->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)name)->sin6_addr);
}

static int bind_name(struct listener *l, const struct addrinfo *info, const char *address, struct error *err)
{
	static const int on = 1;

	l->fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return error_set_errno(err, -errno, "%s: make a socket", address);
	/* Only past TIME_WAIT; never SO_REUSEPORT, with which a second sensor would take half of the first one's clients. */
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (info->ai_family == AF_INET6)
		setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(l->fd, info->ai_addr, info->ai_addrlen) < 0 || listen(l->fd, BACKLOG) < 0)
		return error_set_errno(err, -errno, "%s", address);
	return 0;
}

static int describe(struct listener *l, const char *address, struct error *err)
{
	struct sockaddr_storage name;
	socklen_t size = sizeof(name);
	char host[INET6_ADDRSTRLEN + 20], port[8];

	if (getsockname(l->fd, (struct sockaddr *)&name, &size) < 0)
		return error_set_errno(err, -errno, "%s", address);
	if (getnameinfo((struct sockaddr *)&name, size, host, sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return error_set(err, -EIO, "%s: no numeric name", address);
	snprintf(l->address, sizeof(l->address), strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
	return 0;
}

static int open_tcp(struct listener *l, const struct listener_address *where, const char *address, bool allow_remote, struct error *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_PASSIVE};
	struct addrinfo *found;
	int r = getaddrinfo(where->host, where->port, &hints, &found);

	if (r != 0)
		return error_set(err, r == EAI_MEMORY ? -ENOMEM : -EINVAL, "%s: %s: %s", address, where->host, gai_strerror(r));
	if (!allow_remote && !is_loopback(found->ai_addr))
		r = error_set(err, -EPERM, "%s: only loopback addresses are listened on unless remote clients are allowed", address);
	else
		r = bind_name(l, found, address, err);
	freeaddrinfo(found);
	return r < 0 ? r : describe(l, address, err);
}

int listener_open(struct listener *l, const char *address, bool allow_remote, struct error *err)
{
	struct listener_address where;
	int r;

	memset(l, 0, sizeof(*l));
	l->fd = -1;
	r = listener_address_parse(&where, address, err);
	if (r < 0)
		return r;
	l->tcp = where.tcp;
	if (where.tcp)
		r = open_tcp(l, &where, address, allow_remote, err);
	else
		r = open_path(l, where.path, address, err);
	if (r < 0)
		listener_close(l);
	return r;
}

/* The kernel finds out about peers that vanished. The protocol's own keepalive would also cut off a client that is merely stopped. */
static void set_tcp_options(int fd)
{
	static const int on = 1, idle_s = 30, interval_s = 10, probes = 3;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

/* Beyond net.core.wmem_max if we may. */
static void set_unix_options(int fd)
{
	static const int bytes = SEND_BUFFER_BYTES;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

int listener_accept(struct listener *l)
{
	int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (l->tcp)
		set_tcp_options(fd);
	else
		set_unix_options(fd);
	return fd;
}

void listener_close(struct listener *l)
{
	struct stat st;

	if (l->path[0] != '\0' && lstat(l->path, &st) == 0 && st.st_dev == l->device && st.st_ino == l->inode)
		unlink(l->path);
	l->path[0] = '\0';
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}
