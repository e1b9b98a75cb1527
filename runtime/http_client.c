#include "runtime/http_client.h"

#include "base/buffer.h"
#include "base/clock.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The library bounds a line of a header, not how many there are. */
#define HEADER_MAX 65536

/* Something that wakes the multi handle more often than that would be a bug; something that does not is looked after this often. */
#define POLL_MAX_MS 1000

struct transfer {
	CURL *handle;
	struct buffer body;
	size_t header_bytes;
	bool stream;
	bool answering; /* the header has come */
	bool paused;
	bool done;
	bool too_long;
	CURLcode code; /* when it is done */
	char reason[CURL_ERROR_SIZE];
};

struct http_client {
	CURLM *multi;
	char *path;
	int stop_fd;
	struct transfer *question, *stream;
	size_t taken; /* bytes of the stream's body that have been handed out as lines */
};

static void set_up_library(void)
{
	/* No TLS here. */
	curl_global_init(CURL_GLOBAL_NOTHING);
}

int http_client_new(struct http_client **ret, const char *path, int stop_fd, struct error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct http_client *c = calloc(1, sizeof(*c));

	pthread_once(&once, set_up_library);
	if (!c)
		return error_set(err, -ENOMEM, "out of memory");
	c->stop_fd = stop_fd;
	c->path = strdup(path);
	c->multi = curl_multi_init();
	if (!c->path || !c->multi) {
		http_client_free(c);
		return error_set(err, -ENOMEM, "out of memory");
	}
	*ret = c;
	return 0;
}

static struct transfer *end_transfer(struct http_client *c, struct transfer *t)
{
	if (!t)
		return NULL;
	if (t->handle) {
		curl_multi_remove_handle(c->multi, t->handle);
		curl_easy_cleanup(t->handle);
	}
	buffer_done(&t->body);
	free(t);
	return NULL;
}

struct http_client *http_client_free(struct http_client *c)
{
	if (!c)
		return NULL;
	end_transfer(c, c->question);
	end_transfer(c, c->stream);
	curl_multi_cleanup(c->multi);
	free(c->path);
	free(c);
	return NULL;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
	struct transfer *t = context;

	(void)bytes;
	t->header_bytes += size * count;
	t->too_long = t->too_long || t->header_bytes > HEADER_MAX;
	/* The empty line behind the header, but not behind that of a 100 Continue. */
	if (count * size <= 2) {
		long status = 0;

		curl_easy_getinfo(t->handle, CURLINFO_RESPONSE_CODE, &status);
		t->answering = status >= 200;
	}
	return t->too_long ? 0 : size * count;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
	struct transfer *t = context;

	if (size * count > HTTP_ANSWER_MAX - t->body.length) {
		/* A question's answer is of no use without its end. */
		if (!t->stream) {
			t->too_long = true;
			return 0;
		}
		t->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	buffer_put(&t->body, bytes, size * count);
	return t->body.failed ? 0 : size * count;
}

/* An empty proxy: none, whatever the environment says. */
static bool set_options(const struct http_client *c, struct transfer *t, const char *url, int timeout_ms)
{
	CURL *h = t->handle;

	return !curl_easy_setopt(h, CURLOPT_URL, url) && !curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, c->path) &&
	       !curl_easy_setopt(h, CURLOPT_PROXY, "") && !curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L) &&
	       !curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http") &&
	       !curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
	       !curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms) &&
	       !curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, t->stream ? 0L : (long)timeout_ms) &&
	       !curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header) && !curl_easy_setopt(h, CURLOPT_HEADERDATA, t) &&
	       !curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body) && !curl_easy_setopt(h, CURLOPT_WRITEDATA, t) &&
	       !curl_easy_setopt(h, CURLOPT_ERRORBUFFER, t->reason) && !curl_easy_setopt(h, CURLOPT_PRIVATE, t);
}

static struct transfer *begin_transfer(struct http_client *c, const char *target, bool stream, int timeout_ms)
{
	struct transfer *t = calloc(1, sizeof(*t));
	char *url = NULL;
	bool began;

	if (!t)
		return NULL;
	t->stream = stream;
	buffer_init(&t->body, HTTP_ANSWER_MAX);
	t->handle = curl_easy_init();
	began = t->handle && asprintf(&url, "http://localhost%s", target) > 0 && set_options(c, t, url, timeout_ms) &&
		!curl_multi_add_handle(c->multi, t->handle);
	free(url);
	return began ? t : end_transfer(c, t);
}

static void note_ends(struct http_client *c)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(c->multi, &left))) {
		struct transfer *t = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
		t->done = true;
		t->code = message->data.result;
	}
}

/* Lets all transfers go on as far as they can. */
static void perform(struct http_client *c)
{
	int running;

	curl_multi_perform(c->multi, &running);
	note_ends(c);
}

static bool is_over(uint64_t end_ns, int *ret_left_ms)
{
	uint64_t now_ns = clock_monotonic_ns();
	uint64_t left_ms = now_ns < end_ns ? (end_ns - now_ns + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC : 0;

	*ret_left_ms = left_ms < POLL_MAX_MS ? (int)left_ms : POLL_MAX_MS;
	return !left_ms;
}

/* Waits until something can go on. -ETIMEDOUT, -ECANCELED. */
static int wait_a_little(struct http_client *c, uint64_t end_ns)
{
	struct curl_waitfd stop = {.fd = c->stop_fd, .events = CURL_WAIT_POLLIN};
	int left_ms, count;

	if (is_over(end_ns, &left_ms))
		return -ETIMEDOUT;
	curl_multi_poll(c->multi, &stop, c->stop_fd >= 0 ? 1 : 0, left_ms, &count);
	return stop.revents ? -ECANCELED : 0;
}

static uint64_t deadline(int timeout_ms)
{
	return timeout_ms < 0 ? UINT64_MAX : clock_monotonic_ns() + (uint64_t)timeout_ms * NSEC_PER_MSEC;
}

static int why(const struct transfer *t)
{
	long number = 0;

	if (t->too_long)
		return -EFBIG;
	switch (t->code) {
	case CURLE_OK:
		return 0;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_COULDNT_CONNECT:
		curl_easy_getinfo(t->handle, CURLINFO_OS_ERRNO, &number);
		return number ? -(int)number : -ECONNREFUSED;
	default:
		return t->body.failed ? -ENOMEM : -EBADMSG;
	}
}

static int explain(const struct transfer *t, int code, const char *target, struct error *err)
{
	switch (code) {
	case 0:
		return 0;
	case -EFBIG:
		return error_set(err, code, "%s: more than %zu bytes of answer or %d of header", target, HTTP_ANSWER_MAX, HEADER_MAX);
	case -ETIMEDOUT:
		return error_set(err, code, "%s: no answer in time", target);
	case -EBADMSG:
		return error_set(err, code, "%s: %s", target, t->reason[0] ? t->reason : curl_easy_strerror(t->code));
	default:
		return error_set_errno(err, code, "%s", target);
	}
}

/* Until the transfer is done or, for a stream, has its header. */
static int run(struct http_client *c, struct transfer *t, int timeout_ms)
{
	uint64_t end_ns = deadline(timeout_ms);

	for (;;) {
		int r;

		perform(c);
		/* A stream that is over already is read to where it ends. */
		if (t->stream && t->answering)
			return 0;
		if (t->done)
			return why(t);
		r = wait_a_little(c, end_ns);
		if (r < 0)
			return r;
	}
}

static int take_answer(struct transfer *t, long *ret_status, char **ret_body, size_t *ret_size, struct error *err)
{
	curl_easy_getinfo(t->handle, CURLINFO_RESPONSE_CODE, ret_status);
	*ret_body = (char *)buffer_take(&t->body, ret_size);
	return *ret_body ? 0 : error_set(err, -ENOMEM, "out of memory");
}

int http_client_get(struct http_client *c, const char *target, int timeout_ms, long *ret_status, char **ret_body, size_t *ret_size,
		    struct error *err)
{
	int r;

	c->question = begin_transfer(c, target, false, timeout_ms);
	if (!c->question)
		return error_set(err, -ENOMEM, "out of memory");
	r = explain(c->question, run(c, c->question, timeout_ms), target, err);
	if (!r)
		r = take_answer(c->question, ret_status, ret_body, ret_size, err);
	c->question = end_transfer(c, c->question);
	return r;
}

int http_client_open_stream(struct http_client *c, const char *target, int timeout_ms, struct error *err)
{
	long status = 0;
	int r;

	c->stream = end_transfer(c, c->stream);
	c->taken = 0;
	c->stream = begin_transfer(c, target, true, timeout_ms);
	if (!c->stream)
		return error_set(err, -ENOMEM, "out of memory");
	r = explain(c->stream, run(c, c->stream, timeout_ms), target, err);
	if (r < 0)
		return r;
	curl_easy_getinfo(c->stream->handle, CURLINFO_RESPONSE_CODE, &status);
	return status == 200 ? 0 : error_set(err, -EPROTO, "%s: status %ld", target, status);
}

static bool take_line(struct http_client *c, char **ret_line, size_t *ret_length)
{
	struct buffer *body = &c->stream->body;
	uint8_t *start = body->data + c->taken;
	uint8_t *end = body->length > c->taken ? memchr(start, '\n', body->length - c->taken) : NULL;

	if (!end)
		return false;
	*end = '\0';
	*ret_line = (char *)start;
	*ret_length = (size_t)(end - start);
	c->taken += *ret_length + 1;
	return true;
}

/* Only when there is no whole line: what is left to move is short then. */
static void drop_taken(struct http_client *c)
{
	struct buffer *body = &c->stream->body;

	if (!c->taken)
		return;
	memmove(body->data, body->data + c->taken, body->length - c->taken);
	body->length -= c->taken;
	c->taken = 0;
}

/* What waits comes in the call. */
static void resume(struct transfer *t)
{
	if (!t->paused)
		return;
	t->paused = false;
	curl_easy_pause(t->handle, CURLPAUSE_CONT);
}

int http_client_read_line(struct http_client *c, int timeout_ms, char **ret_line, size_t *ret_length, struct error *err)
{
	uint64_t end_ns = deadline(timeout_ms);

	if (!c->stream)
		return 0;
	while (!take_line(c, ret_line, ret_length)) {
		size_t had;
		int r;

		drop_taken(c);
		had = c->stream->body.length;
		if (c->stream->done)
			return explain(c->stream, why(c->stream), "stream", err);
		if (c->stream->paused && c->stream->body.length > HTTP_ANSWER_MAX / 2)
			return error_set(err, -EFBIG, "stream: a line of more than %zu bytes", HTTP_ANSWER_MAX / 2);
		resume(c->stream);
		perform(c);
		if (c->stream->done || c->stream->body.length != had)
			continue;
		r = wait_a_little(c, end_ns);
		if (r < 0)
			return r == -ETIMEDOUT ? r : explain(c->stream, r, "stream", err);
	}
	return 1;
}
