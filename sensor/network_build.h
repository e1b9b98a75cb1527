#ifndef SENSOR_NETWORK_BUILD_H
#define SENSOR_NETWORK_BUILD_H

#include "sensor/source.h"

/*
 * The builders of network events, each for rows (source.h) with certain fields. A row has one kind: an attempt, or a result.
 *
 * An address is known to be one of three ways: as the kernel has copied it, as the caller's memory has it at the moment of the call, or as it
 * has it a little later. Where it is the kernel's copy, an attempt is put together by thread from two or three samples: its begin, which says
 * which socket, the hook that sees the address, and, when the call has failed on its way to the hook, its end. Until then the call waits in
 * the call table, under the attempt's kind.
 */

/* What is fetched of an address: all the bytes of one, as words. Old kernels know no other way to fetch so much. */
#define NETWORK_ADDRESS_WORDS 14

/* NETWORK_WORDS("+u", "($arg2)"): fetchargs of the words that the address is at. */
#define NETWORK_WORD(number, offset, at) " w" #number "=" offset at ":u64"
#define NETWORK_WORDS(plus, at)         \
	NETWORK_WORD(0, plus "0", at)   \
	NETWORK_WORD(1, plus "8", at)   \
	NETWORK_WORD(2, plus "16", at)  \
	NETWORK_WORD(3, plus "24", at)  \
	NETWORK_WORD(4, plus "32", at)  \
	NETWORK_WORD(5, plus "40", at)  \
	NETWORK_WORD(6, plus "48", at)  \
	NETWORK_WORD(7, plus "56", at)  \
	NETWORK_WORD(8, plus "64", at)  \
	NETWORK_WORD(9, plus "72", at)  \
	NETWORK_WORD(10, plus "80", at) \
	NETWORK_WORD(11, plus "88", at) \
	NETWORK_WORD(12, plus "96", at) \
	NETWORK_WORD(13, plus "104", at)
#define NETWORK_WORD_FIELDS "w0", "w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8", "w9", "w10", "w11", "w12", "w13"

/* Fields of an attempt's rows. An address that is passed as an argument has POINTER and LENGTH; one in a message header may lack both. */
enum network_attempt_field {
	NETWORK_SOCKFD,
	NETWORK_POINTER,
	NETWORK_LENGTH,
	NETWORK_FIRST_WORD,
	NETWORK_FIRST_BYTE = NETWORK_FIRST_WORD + NETWORK_ADDRESS_WORDS, /* strings that begin where the words begin */
	NETWORK_LAST_BYTE,                                               /* and with their last byte */
	NETWORK_FLAGS,                                                   /* of sendmsg(2) */
	NETWORK_BACKLOG = NETWORK_POINTER,
};

/* Fields of a hook's row. */
enum network_hook_field {
	NETWORK_HOOK_LENGTH,
	NETWORK_HOOK_FIRST_WORD,
};

typedef bool network_builder(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
			     struct event *ret);

/* Attempts without an address: SOCKFD. And of listen(2): BACKLOG. */
network_builder network_build_socket;
network_builder network_build_listen;

/* A begin: SOCKFD, POINTER, LENGTH; and of a message, where POINTER may be missing. */
network_builder network_build_begin;
network_builder network_build_begin_message;
/* A hook: the attempt that has begun. */
network_builder network_build_hook;
/* A result: field 0 is what the call returns. Tells first of the attempt, when no hook did. */
network_builder network_build_result;

/* An attempt with the address in the words: SOCKFD, POINTER, LENGTH, FIRST_WORD and what follows. FLAGS may be missing.
 *
 * A word that could not be fetched is what the kernel's buffer had there before (seen from 5.10 to 7.2). Only a string says that it could not:
 * it has no byte, not even a NUL, or, in newer kernels, it is "(fault)" (kernel/trace/trace_probe_kernel.h). */
network_builder network_build_caller;

/* An attempt whose first late read is the address: SOCKFD, POINTER, LENGTH. And of a message: SOCKFD. */
network_builder network_build_late;
network_builder network_build_late_message;

#endif
