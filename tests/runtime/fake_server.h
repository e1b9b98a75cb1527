#ifndef TESTS_RUNTIME_FAKE_SERVER_H
#define TESTS_RUNTIME_FAKE_SERVER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whoever listens on a unix socket and says what the test makes it say: nonsense, too much, too little, nothing. Each connection has a thread.
 */
struct fake_server;

struct fake_server_options {
	/* What comes in up to an empty line is a request; "": nothing is waited for, the answer is at once. On the connection's thread. True: the
	 * connection goes on to the next request, false: it is closed. */
	bool (*answer)(void *context, int fd, const char *request);
	void *context;
	bool at_once; /* does not wait for a request */
	bool silent;  /* listens and does not even accept; the backlog is 0 */
};

/* The socket is DIRECTORY/socket in a new directory. */
struct fake_server *fake_server_start(const struct fake_server_options *options);
const char *fake_server_path(const struct fake_server *s);
/* Ends all connections, and removes what it made. */
struct fake_server *fake_server_stop(struct fake_server *s);

/* False: the other side has gone. */
bool fake_server_write(int fd, const void *bytes, size_t size);
bool fake_server_printf(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A whole answer of HTTP with this body. */
bool fake_server_reply(int fd, int status, const char *body);
/* Whether the request is "GET TARGET" with anything behind it. */
bool fake_server_is_get(const char *request, const char *target);
/* Sleeps until the other side has gone. */
void fake_server_hang(int fd);

#endif
