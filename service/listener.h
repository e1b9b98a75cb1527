#ifndef SERVICE_LISTENER_H
#define SERVICE_LISTENER_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

/*
 * A listening socket: unix:PATH (also unix://PATH), HOST:PORT or [IPV6]:PORT.
 *
 * A unix socket has mode 0660 whatever the umask is, and its directory is made (0755) when only that is missing. A socket file that
 * nobody listens on, left by a process that died, is replaced; anything else under that name is left alone and refused. TCP is for the
 * loopback interface unless the caller allows more: there is no authentication. Port 0 lets the kernel choose.
 */
struct listener {
	int fd;            /* non-blocking */
	char address[128]; /* what a client connects to: the chosen port stands in it */
	bool tcp;
	dev_t device; /* of the socket file, so that only our own is unlinked */
	ino_t inode;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* empty for TCP */
};

/* An address in pieces: a unix path, or host and port. */
struct listener_address {
	bool tcp;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char host[64]; /* without brackets */
	char port[8];
};

/* -EINVAL: not an address, or too long a path; says what is allowed. */
int listener_address_parse(struct listener_address *ret, const char *address, struct error *err);

/* Errors name the address. -EINVAL: not an address; -EPERM: not loopback; -EADDRINUSE: somebody listens there; -EEXIST: the path is
 * something else than a socket; or what the kernel says. */
int listener_open(struct listener *l, const char *address, bool allow_remote, struct error *err);

/* Accepts one connection: its descriptor (non-blocking, close-on-exec), or -EAGAIN when none waits, or another negative errno. */
int listener_accept(struct listener *l);

/* Stops listening and unlinks the socket file when it is still the one made by listener_open(). Does nothing the second time. */
void listener_close(struct listener *l);

#endif
