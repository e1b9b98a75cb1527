#ifndef CLI_RECORD_CHECK_H
#define CLI_RECORD_CHECK_H

#include "cli/options.h"
#include "cli/record_listing.h"

/*
 * What `ringside record verify` and `ringside record repair` do, with what they print on standard output: in JSON, an object per line for each thing that
 * they say, and a last one with the sums. Main thread. Both return the exit status of the process, or a negative errno with *err.
 */

/* Reads everything. 1: something is damaged. -EPIPE: nobody reads on. */
int record_check_verify(const struct record_listing *l, const struct print_options *options, struct error *err);

/* Of a directory that this process has locked: cuts off what is incomplete at the ends of segments, and gives other names to those that cannot be read. 1: there is
 * something that it could not do, which was printed. */
int record_check_repair(const struct record_listing *l, const struct print_options *options, struct error *err);

#endif
