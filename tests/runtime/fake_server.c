#include "tests/runtime/fake_server.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64

struct connection {
	struct fake_server *server;
	int fd;
	pthread_t thread;
};

struct fake_server {
	struct fake_server_options options;
	char directory[64], path[80];
	int fd;
	bool accepting;
	pthread_t thread;
	struct connection connections[CONNECTIONS_MAX];
	size_t count; /* the accepting thread's until it has ended */
};

bool fake_server_write(int fd, const void *bytes, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t r = send(fd, (const char *)bytes + done, size - done, MSG_NOSIGNAL);

		if (r <= 0)
			return false;
		done += (size_t)r;
	}
	return true;
}

bool fake_server_printf(int fd, const char *format, ...)
{
	char *text;
	va_list arguments;
	bool sent;

	va_start(arguments, format);
	cr_assert_geq(vasprintf(&text, format, arguments), 0);
	va_end(arguments);
	sent = fake_server_write(fd, text, strlen(text));
	free(text);
	return sent;
}

bool fake_server_reply(int fd, int status, const char *body)
{
	return fake_server_printf(fd, "HTTP/1.1 %d Status\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", status,
				  strlen(body), body);
}

bool fake_server_is_get(const char *request, const char *target)
{
	return !strncmp(request, "GET ", 4) && !strncmp(request + 4, target, strlen(target));
}

void fake_server_hang(int fd)
{
	char byte;

	while (recv(fd, &byte, 1, 0) > 0)
		;
}

/* Up to the empty line. */
static bool read_request(int fd, char *to, size_t size)
{
	size_t length = 0;

	while (length + 1 < size && recv(fd, to + length, 1, 0) == 1) {
		to[++length] = '\0';
		if (length >= 4 && !strcmp(to + length - 4, "\r\n\r\n"))
			return true;
	}
	return false;
}

static void *serve(void *argument)
{
	const struct connection *c = argument;
	const struct fake_server_options *o = &c->server->options;
	char request[8192] = "";

	do {
		if (!o->at_once && !read_request(c->fd, request, sizeof(request)))
			break;
	} while (o->answer(o->context, c->fd, request) && !o->at_once);
	shutdown(c->fd, SHUT_RDWR);
	return NULL;
}

static void *accept_all(void *argument)
{
	struct fake_server *s = argument;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		struct connection *c = &s->connections[s->count];

		if (s->count == CONNECTIONS_MAX) {
			close(fd);
			continue;
		}
		*c = (struct connection){.server = s, .fd = fd};
		pthread_create(&c->thread, NULL, serve, c);
		s->count++;
	}
	return NULL;
}

struct fake_server *fake_server_start(const struct fake_server_options *options)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	struct fake_server *s = calloc(1, sizeof(*s));

	cr_assert_not_null(s);
	s->options = *options;
	strcpy(s->directory, "/tmp/ringside-fake-XXXXXX");
	cr_assert_not_null(mkdtemp(s->directory));
	snprintf(s->path, sizeof(s->path), "%s/socket", s->directory);
	snprintf(name.sun_path, sizeof(name.sun_path), "%s", s->path);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(s->fd, (struct sockaddr *)&name, sizeof(name)), 0);
	cr_assert_eq(listen(s->fd, options->silent ? 0 : 16), 0);
	s->accepting = !options->silent;
	if (s->accepting)
		cr_assert_eq(pthread_create(&s->thread, NULL, accept_all, s), 0);
	return s;
}

const char *fake_server_path(const struct fake_server *s)
{
	return s->path;
}

struct fake_server *fake_server_stop(struct fake_server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	if (s->accepting)
		pthread_join(s->thread, NULL);
	for (size_t i = 0; i < s->count; i++) {
		shutdown(s->connections[i].fd, SHUT_RDWR);
		pthread_join(s->connections[i].thread, NULL);
		close(s->connections[i].fd);
	}
	close(s->fd);
	unlink(s->path);
	rmdir(s->directory);
	free(s);
	return NULL;
}
