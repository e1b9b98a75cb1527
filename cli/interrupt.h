#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include "base/error.h"

#include <stdbool.h>

/*
 * SIGINT and SIGTERM as a call of a function, on a thread of their own: what it calls may take locks. A second signal while the first is
 * still being answered ends the process at once.
 */
struct interrupt;

/* Keeps both signals from all threads that are made from now on. Call it first, from the main thread. */
void interrupt_block(void);
/* The calling thread gets them again. */
void interrupt_unblock(void);

/* Starts the thread; `fn` is called at most once, at the first signal that comes (or has come since interrupt_block()). */
int interrupt_start(struct interrupt **ret, void (*fn)(void *context), void *context, struct error *err);

/* Ends the thread: `fn` is not running and will not be called any more. Returns whether it was called. Frees it. */
bool interrupt_stop(struct interrupt *i);

#endif
