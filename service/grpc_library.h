#ifndef SERVICE_GRPC_LIBRARY_H
#define SERVICE_GRPC_LIBRARY_H

/*
 * The gRPC library's global state, counted by use. While somebody uses it, its own log lines go through base/log.h; only errors, unless
 * the environment variable GRPC_VERBOSITY asks for more.
 *
 * Any thread but the library's own.
 */
void grpc_library_ref(void);

/* The last one out waits until the library's threads have ended and its memory is freed. */
void grpc_library_unref(void);

#endif
