#ifndef SENSOR_CALL_DECODER_H
#define SENSOR_CALL_DECODER_H

#include "sensor/event.h"
#include "sensor/probe_request.h"
#include "tracing/fetchargs.h"
#include "tracing/kernel_addresses.h"

/*
 * From a sample of a requested call to its arguments: those of the request, in its order, and behind them the fields that every such sample
 * has, which clients of the contract's first version expect: common_type, common_flags, common_preempt_count, common_pid, and __probe_ip of an
 * entry, __probe_func and __probe_ret_ip of a return. Their types are those of the kernel's format, or as asked for; and
 *
 *	symbol, symstr     a string on every kernel: "vfs_read+0x12", "nft_do_chain+0x8 [nf_tables]", or "0x..." for what has no name
 *	$comm              a string; where probes cannot fetch it, the name of the process
 *	unreadable memory  an empty string
 *
 * Nothing is allocated for a sample. One thread.
 */
struct call_decoder;

/* `request` and `addresses` (may be NULL) must outlive it; `format` is that of the installed probe. -ENOENT: the format is not one of these
 * arguments. */
int call_decoder_new(struct call_decoder **ret, const struct probe_request *request, const struct fetcharg *args,
		     const struct format *format, struct kernel_addresses *addresses, struct error *err);
/* Takes NULL; returns NULL. */
struct call_decoder *call_decoder_free(struct call_decoder *d);

/* `process` may be NULL. What *ret points to is borrowed from the sample and from the decoder, until its next use. */
void call_decode(struct call_decoder *d, const struct sample *sample, const struct process *process, struct event_call *ret);

#endif
