#include "tracing/exit_status.h"

#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH         64
#define MESSAGE_BYTES 256
/* Batches in one drain; what is left makes the loop call again. */
#define BATCHES_MAX 256

/* The kernel acknowledges before the request returns; this bounds the reading of what comes before that. */
#define ACK_READS_MAX 100000

/* The 6.6 kernel's request with a mask of events, younger than Debian 12's headers. */
struct filtered_request {
	uint32_t operation; /* enum proc_cn_mcast_op */
	uint32_t events;
};

#define EVENT_NONZERO_EXIT 0x20000000U
#define EVENT_ALL                                                                                                             \
	((uint32_t)PROC_EVENT_FORK | PROC_EVENT_EXEC | PROC_EVENT_UID | PROC_EVENT_GID | PROC_EVENT_SID | PROC_EVENT_PTRACE | \
	 PROC_EVENT_COMM | EVENT_NONZERO_EXIT | PROC_EVENT_COREDUMP | (uint32_t)PROC_EVENT_EXIT)

/* struct proc_event, as far as we read it: its enum has no fixed width in C. */
struct event_head {
	uint32_t what;
	uint32_t cpu;
	uint64_t timestamp_ns;
};

struct exit_body {
	int32_t tid;
	int32_t tgid;
	uint32_t exit_code;
};

struct exit_status {
	uv_poll_t poll;
	notice_fn fn;
	void *context;
	int fd;
	struct exit_status_counters counters;
	struct mmsghdr headers[BATCH];
	struct iovec vectors[BATCH];
	struct sockaddr_nl senders[BATCH];
	uint8_t messages[BATCH][MESSAGE_BYTES];
};

static bool parse_exit(const uint8_t *bytes, size_t size, struct notice *ret)
{
	struct event_head head;
	struct exit_body body;

	if (size < sizeof(head) + sizeof(body))
		return false;
	memcpy(&head, bytes, sizeof(head));
	memcpy(&body, bytes + sizeof(head), sizeof(body));
	if (body.tid <= 0 || body.tgid <= 0)
		return false;
	*ret = (struct notice){
		.kind = NOTICE_EXIT_STATUS,
		.tgid = (uint32_t)body.tgid,
		.tid = (uint32_t)body.tid,
		.time_ns = head.timestamp_ns,
		.exit = {.status = (int32_t)body.exit_code},
	};
	return true;
}

/* The process event in a connector message, NULL when it is none. */
static const uint8_t *connector_payload(const uint8_t *bytes, size_t size, size_t *ret_size)
{
	struct cn_msg message;

	if (size < sizeof(message))
		return NULL;
	memcpy(&message, bytes, sizeof(message));
	if (message.id.idx != CN_IDX_PROC || message.id.val != CN_VAL_PROC || message.len > size - sizeof(message) ||
	    message.len < sizeof(struct event_head))
		return NULL;
	*ret_size = message.len;
	return bytes + sizeof(message);
}

unsigned int exit_status_parse(const void *bytes, size_t size, notice_fn fn, void *context, struct exit_status_counters *counters)
{
	const uint8_t *at = bytes;
	unsigned int given = 0;

	while (size >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr header;
		const uint8_t *event;
		size_t event_bytes;
		struct notice notice;
		uint32_t what;

		memcpy(&header, at, sizeof(header));
		if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > size)
			break;
		event = connector_payload(at + sizeof(header), header.nlmsg_len - sizeof(header), &event_bytes);
		if (event) {
			memcpy(&what, event, sizeof(what));
			if (what != (uint32_t)PROC_EVENT_EXIT) {
				counters->other++;
			} else if (parse_exit(event, event_bytes, &notice)) {
				fn(context, &notice);
				given++;
			} else {
				counters->malformed++;
			}
		} else {
			counters->malformed++;
		}
		if (NLMSG_ALIGN(header.nlmsg_len) >= size)
			return given;
		at += NLMSG_ALIGN(header.nlmsg_len);
		size -= NLMSG_ALIGN(header.nlmsg_len);
	}
	counters->malformed++;
	return given;
}

/* Returns how many messages came, 0 when there are no more. */
static int take_batch(struct exit_status *e)
{
	int count;

	for (int i = 0; i < BATCH; i++)
		e->headers[i].msg_hdr.msg_namelen = sizeof(e->senders[i]);
	count = recvmmsg(e->fd, e->headers, BATCH, MSG_DONTWAIT, NULL);
	if (count < 0 && errno == ENOBUFS) {
		e->counters.overruns++;
		return 1;
	}
	for (int i = 0; i < count; i++) {
		/* Anybody may send to a netlink port; the kernel's own is 0. */
		if (e->senders[i].nl_pid != 0)
			e->counters.foreign++;
		else
			e->counters.exits += exit_status_parse(e->messages[i], e->headers[i].msg_len, e->fn, e->context, &e->counters);
	}
	return count;
}

void exit_status_drain(struct exit_status *e)
{
	for (int i = 0; i < BATCHES_MAX && take_batch(e) > 0; i++)
		;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	exit_status_drain(poll->data);
}

void exit_status_counters(const struct exit_status *e, struct exit_status_counters *ret)
{
	*ret = e->counters;
}

static int send_request(int fd, const void *request, uint16_t size, uint32_t sequence, struct error *err)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};
	struct cn_msg connector = {.id = {.idx = CN_IDX_PROC, .val = CN_VAL_PROC}, .seq = sequence, .len = size};
	struct nlmsghdr netlink = {.nlmsg_type = NLMSG_DONE, .nlmsg_pid = (uint32_t)getpid()};
	uint8_t bytes[sizeof(netlink) + sizeof(connector) + sizeof(struct filtered_request)];

	netlink.nlmsg_len = (uint32_t)(sizeof(netlink) + sizeof(connector) + size);
	memcpy(bytes, &netlink, sizeof(netlink));
	memcpy(bytes + sizeof(netlink), &connector, sizeof(connector));
	memcpy(bytes + sizeof(netlink) + sizeof(connector), request, size);
	if (sendto(fd, bytes, netlink.nlmsg_len, 0, (const struct sockaddr *)&kernel, sizeof(kernel)) != (ssize_t)netlink.nlmsg_len)
		return error_set_errno(err, -errno, "proc connector");
	return 0;
}

/* Is this the answer to a request? Its error goes to *ret_code. */
static bool is_ack(const uint8_t *bytes, size_t size, int *ret_code)
{
	struct event_head head;
	const uint8_t *event;
	uint32_t code;

	if (size < sizeof(struct nlmsghdr))
		return false;
	event = connector_payload(bytes + sizeof(struct nlmsghdr), size - sizeof(struct nlmsghdr), &size);
	if (!event || size < sizeof(head) + sizeof(code))
		return false;
	memcpy(&head, event, sizeof(head));
	memcpy(&code, event + sizeof(head), sizeof(code));
	*ret_code = -(int)code;
	return head.what == PROC_EVENT_NONE;
}

/* 0 or the error that the kernel answered with; -ENODATA: no answer. Events that come before it are from before the start. */
static int await_ack(int fd)
{
	uint8_t bytes[MESSAGE_BYTES];
	int code;

	for (int i = 0; i < ACK_READS_MAX; i++) {
		struct sockaddr_nl sender = {0};
		socklen_t sender_size = sizeof(sender);
		ssize_t n = recvfrom(fd, bytes, sizeof(bytes), MSG_DONTWAIT, (struct sockaddr *)&sender, &sender_size);

		if (n < 0 && errno != ENOBUFS)
			return -ENODATA;
		if (n > 0 && sender.nl_pid == 0 && is_ack(bytes, (size_t)n, &code))
			return code;
	}
	return -ENODATA;
}

/*
 * The answer to a request is an event itself and passes the mask that the request has set, so one for exits alone is never answered. What is
 * answered, and only by a kernel that knows masks, is the mask of everything; then ours is set. An older kernel ignores a request of this
 * length, without an answer.
 */
static int subscribe_exits(int fd, bool *ret_kernel_filters, struct error *err)
{
	struct filtered_request all = {.operation = PROC_CN_MCAST_LISTEN, .events = EVENT_ALL};
	struct filtered_request exits = {.operation = PROC_CN_MCAST_LISTEN, .events = (uint32_t)PROC_EVENT_EXIT};
	uint32_t plain = PROC_CN_MCAST_LISTEN;
	int r;

	r = send_request(fd, &all, sizeof(all), 1, err);
	if (r < 0)
		return r;
	if (await_ack(fd) == 0) {
		*ret_kernel_filters = true;
		return send_request(fd, &exits, sizeof(exits), 2, err);
	}
	r = send_request(fd, &plain, sizeof(plain), 3, err);
	if (r < 0)
		return r;
	r = await_ack(fd);
	if (r == -ENODATA)
		return error_set(err, r,
				 "the proc connector does not answer: the kernel is built without CONFIG_PROC_EVENTS, or this is not "
				 "the initial user and pid namespace");
	if (r < 0)
		return error_set_errno(err, r, "the proc connector refuses to be listened to");
	return 0;
}

static size_t set_buffer(int fd, size_t bytes)
{
	int wanted = bytes > INT32_MAX / 2 ? INT32_MAX / 2 : (int)bytes;
	int granted = 0;
	socklen_t size = sizeof(granted);

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof(wanted)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof(wanted));
	getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &granted, &size);
	return granted > 0 ? (size_t)granted : 0;
}

static int open_socket(struct exit_status *e, const struct exit_status_options *options, struct error *err)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};

	e->fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
	if (e->fd < 0)
		return error_set_errno(err, -errno, "proc connector: this kernel or network namespace has none");
	e->counters.buffer_bytes =
		set_buffer(e->fd, options && options->buffer_bytes ? options->buffer_bytes : EXIT_STATUS_BUFFER_BYTES_DEFAULT);
	if (bind(e->fd, (const struct sockaddr *)&address, sizeof(address)))
		return error_set_errno(err, -errno, "proc connector: CAP_NET_ADMIN is needed to listen");
	return subscribe_exits(e->fd, &e->counters.kernel_filters, err);
}

static void init_batch(struct exit_status *e)
{
	for (int i = 0; i < BATCH; i++) {
		e->vectors[i] = (struct iovec){.iov_base = e->messages[i], .iov_len = MESSAGE_BYTES};
		e->headers[i].msg_hdr = (struct msghdr){.msg_name = &e->senders[i], .msg_iov = &e->vectors[i], .msg_iovlen = 1};
	}
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

int exit_status_open(struct exit_status **ret, uv_loop_t *loop, const struct exit_status_options *options, notice_fn fn, void *context,
		     struct error *err)
{
	struct exit_status *e = calloc(1, sizeof(*e));
	int code;

	if (!e)
		return error_set(err, -ENOMEM, "out of memory");
	e->fn = fn;
	e->context = context;
	e->poll.data = e;
	init_batch(e);
	code = open_socket(e, options, err);
	if (code < 0)
		goto fail;
	code = uv_poll_init(loop, &e->poll, e->fd);
	if (code < 0) {
		error_set(err, code, "uv_poll_init: %s", uv_strerror(code));
		goto fail;
	}
	uv_poll_start(&e->poll, UV_READABLE, on_readable);
	*ret = e;
	return 0;
fail:
	if (e->fd >= 0)
		close(e->fd);
	free(e);
	return code;
}

struct exit_status *exit_status_close(struct exit_status *e)
{
	uint32_t ignore = PROC_CN_MCAST_IGNORE;

	if (!e)
		return NULL;
	/* Before 6.6 the kernel does not notice that a listener goes away and would go on to make events for nobody. */
	send_request(e->fd, &ignore, sizeof(ignore), 4, NULL);
	uv_poll_stop(&e->poll);
	close(e->fd);
	e->fd = -1;
	uv_close((uv_handle_t *)&e->poll, on_closed);
	return NULL;
}
