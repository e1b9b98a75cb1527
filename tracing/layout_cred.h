#ifndef TRACING_LAYOUT_CRED_H
#define TRACING_LAYOUT_CRED_H

#include "tracing/kernel_layout.h"
#include "tracing/layout_capture.h"

/*
 * The ids in struct cred, from `commit_creds(struct cred *new)`, which every change of ids comes to on all kernels since 2.6.29: two times a
 * child gives itself eight ids that nobody else has, and the last hit of each time holds them all.
 */

/* Windows of struct cred: row 0 of a capture made with it. */
extern const struct layout_row layout_cred_row;

/* The id that member `member` (in the order of struct cred_layout) has in time `set`. */
uint32_t layout_cred_value(uint8_t set, uint32_t member);

/* The child and the capture of both sets: free() it. */
int layout_cred_capture(const struct kernel_layout_options *options, struct layout_capture **ret, struct error *err);

/* Finds the ids in a capture of two sets; pure. `spoil` is added to what is expected. */
int layout_cred_search(const struct layout_capture *c, uint32_t spoil, struct cred_layout *ret, struct error *err);

/* Both. */
int layout_cred_calibrate(const struct kernel_layout_options *options, struct cred_layout *ret, struct error *err);

#endif
