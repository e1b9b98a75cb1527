#ifndef BASE_PARSE_H
#define BASE_PARSE_H

#include "base/error.h"

#include <stdint.h>

/*
 * Numbers with units, as people write them on a command line. All return 0 or -EINVAL, with an error that says what is allowed.
 */

/* "4096", "512KiB", "64MiB", "1GiB" (also TiB, and K, M, G, T and KB, MB, GB, TB, all in powers of 1024). */
int parse_size(const char *text, uint64_t *ret_bytes, struct error *err);

/* "10us", "250ms", "1s", "2m", "1h", "7d", "500ns"; a unit is needed, except for 0. */
int parse_duration(const char *text, uint64_t *ret_ns, struct error *err);

/* A plain decimal number from `least` to `most`, both included. */
int parse_number(const char *text, uint64_t least, uint64_t most, uint64_t *ret, struct error *err);

#endif
