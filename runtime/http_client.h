#ifndef RUNTIME_HTTP_CLIENT_H
#define RUNTIME_HTTP_CLIENT_H

#include "base/error.h"

#include <stddef.h>

/*
 * HTTP over a unix socket: questions with short answers, and beside them one answer that never ends and is read by lines. Both go on at the
 * same time: what comes for the stream while a question is answered is kept, up to HTTP_ANSWER_MAX; beyond that it has to wait in the socket.
 *
 * Nothing that the other side does makes it take longer than its time limits, or more memory than HTTP_ANSWER_MAX per answer. When `stop_fd`
 * becomes readable every call returns -ECANCELED at once.
 *
 * One thread.
 */
#define HTTP_ANSWER_MAX ((size_t)4 << 20)

struct http_client;

/* `path` is copied; `stop_fd` borrowed, -1: none. Does not connect yet. -ENOMEM. */
int http_client_new(struct http_client **ret, const char *path, int stop_fd, struct error *err);
/* Takes NULL; returns NULL. */
struct http_client *http_client_free(struct http_client *c);

/* GET `target` ("/info"). 0 with any status: *ret_body is NUL-terminated and the caller's to free(), *ret_size does not count the NUL. Errors name
 * the target. -ECANCELED; -ETIMEDOUT; -EFBIG: too long an answer; -EBADMSG: no HTTP, or it ended too early; what connect(2) says. */
int http_client_get(struct http_client *c, const char *target, int timeout_ms, long *ret_status, char **ret_body, size_t *ret_size,
		    struct error *err);

/* GET `target` as the stream, in place of one that was open: returns when its header has come. Errors as above; -EPROTO: a status other than 200. */
int http_client_open_stream(struct http_client *c, const char *target, int timeout_ms, struct error *err);

/* The stream's next line, without its end; NUL-terminated, valid until the next call. 1: there is one; 0: the stream has ended; -ETIMEDOUT: none came in
 * time, read again when you like; -ECANCELED; -EFBIG: a line that does not fit; -EBADMSG. `timeout_ms` < 0: no limit. */
int http_client_read_line(struct http_client *c, int timeout_ms, char **ret_line, size_t *ret_length, struct error *err);

#endif
