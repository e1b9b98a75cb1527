#ifndef CLI_LIMITS_H
#define CLI_LIMITS_H

#include "base/error.h"

/* Raises the number of files that this process may have open to what it may raise it to: one perf descriptor per CPU and kernel event is a
 * lot on a big host. */
int limits_raise_files(struct error *err);

#endif
