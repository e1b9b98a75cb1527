#include "sensor/network_build.h"
#include "sensor/network_provoke.h"

/*
 * Results come from the tracepoints of system calls: exact, also for calls that block for long, which would use up the slots of a return
 * probe.
 *
 * Addresses: security_socket_connect(), security_socket_bind() and security_socket_sendmsg() are called with the kernel's own copy, on every
 * kernel that has CONFIG_SECURITY; they do not know the descriptor. Before them stand the functions that all callers come through, 32-bit
 * ones too (__sys_connect() and so on, of 4.18), or else the tracepoint of the system call.
 */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define LIMIT_32_BIT  "calls of 32-bit programs are not seen"
#define LIMIT_HOOK    "the address of a call that fails before the kernel has looked at it is not told"
#define LIMIT_CALLER  "the address is read from the caller's memory, which another thread may change"
#define LIMIT_MESSAGE "sendmsg(2) of 32-bit programs: address not told"
#define LIMIT_LATE    "the address is read from the caller's memory a little later, when it may have changed or be gone"

/* Results. */

#define RESULT(call, kind)                               \
	static const struct source_probe exit_##call = { \
		.system = "syscalls",                    \
		.name = "sys_exit_" #call,               \
		.kinds = EVENT_KIND_BIT(kind),           \
		.fields = {"ret"},                       \
		.build = network_build_result,           \
	}

RESULT(connect, EVENT_CONNECT_RESULT);
RESULT(bind, EVENT_BIND_RESULT);
RESULT(listen, EVENT_LISTEN_RESULT);
RESULT(accept, EVENT_ACCEPT_RESULT);
RESULT(accept4, EVENT_ACCEPT_RESULT);
RESULT(sendto, EVENT_SENDTO_RESULT);
RESULT(sendmsg, EVENT_SENDTO_RESULT);
RESULT(recvfrom, EVENT_RECVFROM_RESULT);
RESULT(recvmsg, EVENT_RECVFROM_RESULT);

/* Attempts without an address. */

#define SOCKET_CALL(call, kind)                           \
	static const struct source_probe enter_##call = { \
		.system = "syscalls",                     \
		.name = "sys_enter_" #call,               \
		.kinds = EVENT_KIND_BIT(kind),            \
		.fields = {[NETWORK_SOCKFD] = "fd"},      \
		.build = network_build_socket,            \
	}

SOCKET_CALL(accept, EVENT_ACCEPT_ATTEMPT);
SOCKET_CALL(accept4, EVENT_ACCEPT_ATTEMPT);
SOCKET_CALL(recvfrom, EVENT_RECVFROM_ATTEMPT);
SOCKET_CALL(recvmsg, EVENT_RECVFROM_ATTEMPT);

static const struct source_probe enter_listen = {
	.system = "syscalls",
	.name = "sys_enter_listen",
	.kinds = EVENT_KIND_BIT(EVENT_LISTEN_ATTEMPT),
	.fields = {[NETWORK_SOCKFD] = "fd", [NETWORK_BACKLOG] = "backlog"},
	.build = network_build_listen,
};

#define SOCKET_FUNCTION(function, kind)                          \
	static const struct source_probe function_##function = { \
		.type = SOURCE_KPROBE,                           \
		.name = #function,                               \
		.fetchargs = "fd=$arg1:s32",                     \
		.kinds = EVENT_KIND_BIT(kind),                   \
		.fields = {[NETWORK_SOCKFD] = "fd"},             \
		.build = network_build_socket,                   \
	}

SOCKET_FUNCTION(__sys_accept4, EVENT_ACCEPT_ATTEMPT);
SOCKET_FUNCTION(__sys_recvfrom, EVENT_RECVFROM_ATTEMPT);
SOCKET_FUNCTION(__sys_recvmsg, EVENT_RECVFROM_ATTEMPT);

static const struct source_probe function___sys_listen = {
	.type = SOURCE_KPROBE,
	.name = "__sys_listen",
	.fetchargs = "fd=$arg1:s32 backlog=$arg2:s32",
	.kinds = EVENT_KIND_BIT(EVENT_LISTEN_ATTEMPT),
	.fields = {[NETWORK_SOCKFD] = "fd", [NETWORK_BACKLOG] = "backlog"},
	.build = network_build_listen,
};

/* Attempts with an address. Their begins: */

#define BEGIN(call, kind, pointer, length)                                                                       \
	static const struct source_probe begin_##call = {                                                        \
		.system = "syscalls",                                                                            \
		.name = "sys_enter_" #call,                                                                      \
		.kinds = EVENT_KIND_BIT(kind),                                                                   \
		.fields = {[NETWORK_SOCKFD] = "fd", [NETWORK_POINTER] = (pointer), [NETWORK_LENGTH] = (length)}, \
		.build = network_build_begin,                                                                    \
	}

BEGIN(connect, EVENT_CONNECT_ATTEMPT, "uservaddr", "addrlen");
BEGIN(bind, EVENT_BIND_ATTEMPT, "umyaddr", "addrlen");
BEGIN(sendto, EVENT_SENDTO_ATTEMPT, "addr", "addr_len");

static const struct source_probe begin_sendmsg = {
	.system = "syscalls",
	.name = "sys_enter_sendmsg",
	.kinds = EVENT_KIND_BIT(EVENT_SENDTO_ATTEMPT),
	.fields = {[NETWORK_SOCKFD] = "fd"},
	.build = network_build_begin_message,
};

#define BEGIN_FUNCTION(function, kind, pointer, length, builder)                                                 \
	static const struct source_probe begin_##function = {                                                    \
		.type = SOURCE_KPROBE,                                                                           \
		.name = #function,                                                                               \
		.fetchargs = "fd=$arg1:s32 pointer=" pointer ":u64 length=" length ":s32",                       \
		.kinds = EVENT_KIND_BIT(kind),                                                                   \
		.fields = {[NETWORK_SOCKFD] = "fd", [NETWORK_POINTER] = "pointer", [NETWORK_LENGTH] = "length"}, \
		.build = (builder),                                                                              \
	}

BEGIN_FUNCTION(__sys_connect, EVENT_CONNECT_ATTEMPT, "$arg2", "$arg3", network_build_begin);
BEGIN_FUNCTION(__sys_bind, EVENT_BIND_ATTEMPT, "$arg2", "$arg3", network_build_begin);
BEGIN_FUNCTION(__sys_sendto, EVENT_SENDTO_ATTEMPT, "$arg5", "$arg6", network_build_begin);
BEGIN_FUNCTION(__sys_sendmsg, EVENT_SENDTO_ATTEMPT, "+u0($arg2)", "+u8($arg2)", network_build_begin_message);

/* Their hooks. A lost one leaves the attempt without its address only. */

#define HOOK(function, kind, fetch)                                                                            \
	static const struct source_probe hook_##function = {                                                   \
		.type = SOURCE_KPROBE,                                                                         \
		.name = "security_socket_" #function,                                                          \
		.fetchargs = (fetch),                                                                          \
		.kinds = EVENT_KIND_BIT(kind),                                                                 \
		.helper = true,                                                                                \
		.fields = {[NETWORK_HOOK_LENGTH] = "length", [NETWORK_HOOK_FIRST_WORD] = NETWORK_WORD_FIELDS}, \
		.build = network_build_hook,                                                                   \
	}

HOOK(connect, EVENT_CONNECT_ATTEMPT, "length=$arg3:s32" NETWORK_WORDS("+", "($arg2)"));
HOOK(bind, EVENT_BIND_ATTEMPT, "length=$arg3:s32" NETWORK_WORDS("+", "($arg2)"));
/* struct msghdr (kernel: include/linux/socket.h) begins with msg_name and msg_namelen. */
HOOK(sendmsg, EVENT_SENDTO_ATTEMPT, "length=+8($arg2):s32" NETWORK_WORDS("+", "(+0($arg2))"));

/* The caller's memory as it is when the function is called; sys_connect() and the like have these arguments before 4.17. */

#define CALLER_WORDS(at)   NETWORK_WORDS("+u", at) " first=+u0" at ":ustring last=+u111" at ":ustring"
#define CALLER_WORD_FIELDS NETWORK_WORD_FIELDS, "first", "last"

#define CALLER(function, kind, pointer, length)                                                                          \
	static const struct source_probe caller_##function = {                                                           \
		.type = SOURCE_KPROBE,                                                                                   \
		.name = #function,                                                                                       \
		.fetchargs = "fd=$arg1:s32 pointer=" pointer ":u64 length=" length ":s32" CALLER_WORDS("(" pointer ")"), \
		.kinds = EVENT_KIND_BIT(kind),                                                                           \
		.fields = {[NETWORK_SOCKFD] = "fd",                                                                      \
			   [NETWORK_POINTER] = "pointer",                                                                \
			   [NETWORK_LENGTH] = "length",                                                                  \
			   [NETWORK_FIRST_WORD] = CALLER_WORD_FIELDS},                                                   \
		.build = network_build_caller,                                                                           \
	}

CALLER(__sys_connect, EVENT_CONNECT_ATTEMPT, "$arg2", "$arg3");
CALLER(sys_connect, EVENT_CONNECT_ATTEMPT, "$arg2", "$arg3");
CALLER(__sys_bind, EVENT_BIND_ATTEMPT, "$arg2", "$arg3");
CALLER(sys_bind, EVENT_BIND_ATTEMPT, "$arg2", "$arg3");
CALLER(__sys_sendto, EVENT_SENDTO_ATTEMPT, "$arg5", "$arg6");
CALLER(sys_sendto, EVENT_SENDTO_ATTEMPT, "$arg5", "$arg6");

static const struct source_probe caller___sys_sendmsg = {
	.type = SOURCE_KPROBE,
	.name = "__sys_sendmsg",
	.fetchargs = "fd=$arg1:s32 pointer=+u0($arg2):u64 length=+u8($arg2):s32 flags=$arg3:u32" CALLER_WORDS("(+u0($arg2))"),
	.kinds = EVENT_KIND_BIT(EVENT_SENDTO_ATTEMPT),
	.fields = {[NETWORK_SOCKFD] = "fd",
		   [NETWORK_POINTER] = "pointer",
		   [NETWORK_LENGTH] = "length",
		   [NETWORK_FIRST_WORD] = CALLER_WORD_FIELDS,
		   [NETWORK_FLAGS] = "flags"},
	.build = network_build_caller,
};

/* And as it is a little later. */

#define LATE(call, kind, pointer, length)                                                                        \
	static const struct source_probe late_##call = {                                                         \
		.system = "syscalls",                                                                            \
		.name = "sys_enter_" #call,                                                                      \
		.kinds = EVENT_KIND_BIT(kind),                                                                   \
		.fields = {[NETWORK_SOCKFD] = "fd", [NETWORK_POINTER] = (pointer), [NETWORK_LENGTH] = (length)}, \
		.reads = {{SAMPLE_READ_BYTES, pointer, length}},                                                 \
		.build = network_build_late,                                                                     \
	}

LATE(connect, EVENT_CONNECT_ATTEMPT, "uservaddr", "addrlen");
LATE(bind, EVENT_BIND_ATTEMPT, "umyaddr", "addrlen");
LATE(sendto, EVENT_SENDTO_ATTEMPT, "addr", "addr_len");

static const struct source_probe late_sendmsg = {
	.system = "syscalls",
	.name = "sys_enter_sendmsg",
	.kinds = EVENT_KIND_BIT(EVENT_SENDTO_ATTEMPT),
	.with_abi = true,
	.fields = {[NETWORK_SOCKFD] = "fd"},
	.reads = {{SAMPLE_READ_MSGHDR_NAME, "msg", NULL}},
	.build = network_build_late_message,
};

/* Candidates. */

#define PROBES(...) ((const struct source_probe *const[]){__VA_ARGS__, NULL})

#define ADDRESS_CANDIDATES(call)                                                                                                       \
	static const struct source_candidate call##_attempts[] = {                                                                     \
		{"security_socket_" #call "+__sys_" #call, PROBES(&begin___sys_##call, &hook_##call, &exit_##call), NULL, LIMIT_HOOK}, \
		{"security_socket_" #call "+sys_enter_" #call, PROBES(&begin_##call, &hook_##call, &exit_##call), NULL,                \
		 LIMIT_HOOK "; " LIMIT_32_BIT},                                                                                        \
		{"__sys_" #call, PROBES(&caller___sys_##call), NULL, LIMIT_CALLER},                                                    \
		{"sys_" #call, PROBES(&caller_sys_##call), NULL, LIMIT_CALLER},                                                        \
		{"sys_enter_" #call, PROBES(&late_##call), NULL, LIMIT_LATE "; " LIMIT_32_BIT},                                        \
	}

ADDRESS_CANDIDATES(connect);
ADDRESS_CANDIDATES(bind);

static const struct source_candidate sendto_attempts[] = {
	{"security_socket_sendmsg+__sys_sendto",
	 PROBES(&begin___sys_sendto, &begin___sys_sendmsg, &hook_sendmsg, &exit_sendto, &exit_sendmsg), NULL, LIMIT_HOOK},
	{"security_socket_sendmsg+sys_enter_sendto", PROBES(&begin_sendto, &begin_sendmsg, &hook_sendmsg, &exit_sendto, &exit_sendmsg),
	 NULL, LIMIT_HOOK "; " LIMIT_32_BIT},
	{"__sys_sendto", PROBES(&caller___sys_sendto, &caller___sys_sendmsg), NULL, LIMIT_CALLER "; " LIMIT_MESSAGE},
	{"sys_sendto", PROBES(&caller_sys_sendto, &caller___sys_sendmsg), NULL, LIMIT_CALLER "; " LIMIT_MESSAGE},
	{"sys_enter_sendto", PROBES(&late_sendto, &late_sendmsg), NULL, LIMIT_LATE "; " LIMIT_32_BIT},
};

static const struct source_candidate listen_attempts[] = {
	{"__sys_listen", PROBES(&function___sys_listen), NULL, NULL},
	{"sys_enter_listen", PROBES(&enter_listen), NULL, LIMIT_32_BIT},
};

static const struct source_candidate accept_attempts[] = {
	{"__sys_accept4", PROBES(&function___sys_accept4), NULL, NULL},
	{"sys_enter_accept", PROBES(&enter_accept, &enter_accept4), NULL, LIMIT_32_BIT},
};

static const struct source_candidate recvfrom_attempts[] = {
	{"__sys_recvfrom", PROBES(&function___sys_recvfrom, &function___sys_recvmsg), NULL, NULL},
	{"sys_enter_recvfrom", PROBES(&enter_recvfrom, &enter_recvmsg), NULL, LIMIT_32_BIT},
};

#define RESULT_CANDIDATES(call, ...) \
	static const struct source_candidate call##_results[] = {{"sys_exit_" #call, PROBES(__VA_ARGS__), NULL, LIMIT_32_BIT}}

RESULT_CANDIDATES(connect, &exit_connect);
RESULT_CANDIDATES(bind, &exit_bind);
RESULT_CANDIDATES(listen, &exit_listen);
RESULT_CANDIDATES(accept, &exit_accept, &exit_accept4);
RESULT_CANDIDATES(sendto, &exit_sendto, &exit_sendmsg);
RESULT_CANDIDATES(recvfrom, &exit_recvfrom, &exit_recvmsg);

#define CAPTURE(of, call, calls, tells, verifies)                                                                             \
	{                                                                                                                     \
		.kind = (of), .needed_by = EVENT_KIND_BIT(of), .candidates = call##_##tells##s,                               \
		.candidate_count = COUNT(call##_##tells##s), .provocation_count = (calls), .provoke = network_provoke_##call, \
		.verify = network_verify_##verifies,                                                                          \
	}

const struct source_capture network_captures[] = {
	CAPTURE(EVENT_CONNECT_ATTEMPT, connect, 1, attempt, address),  CAPTURE(EVENT_CONNECT_RESULT, connect, 1, result, result),
	CAPTURE(EVENT_BIND_ATTEMPT, bind, 1, attempt, address),        CAPTURE(EVENT_BIND_RESULT, bind, 1, result, result),
	CAPTURE(EVENT_LISTEN_ATTEMPT, listen, 1, attempt, backlog),    CAPTURE(EVENT_LISTEN_RESULT, listen, 1, result, result),
	CAPTURE(EVENT_ACCEPT_ATTEMPT, accept, 2, attempt, socket),     CAPTURE(EVENT_ACCEPT_RESULT, accept, 2, result, result),
	CAPTURE(EVENT_SENDTO_ATTEMPT, sendto, 2, attempt, address),    CAPTURE(EVENT_SENDTO_RESULT, sendto, 2, result, result),
	CAPTURE(EVENT_RECVFROM_ATTEMPT, recvfrom, 2, attempt, socket), CAPTURE(EVENT_RECVFROM_RESULT, recvfrom, 2, result, result),
};
const size_t network_capture_count = COUNT(network_captures);
