#ifndef BASE_BOOT_ID_H
#define BASE_BOOT_ID_H

#include "base/error.h"

#include <stddef.h>

/*
 * The kernel's id of this boot, a UUID: proc(5), /proc/sys/kernel/random/boot_id.
 */
#define BOOT_ID_DIGITS 32

/* Reads its hexadecimal digits below the directory `proc_fd`, in lower case and NUL-terminated. Returns how many there are, BOOT_ID_DIGITS unless the
 * file is malformed; -errno. */
int boot_id_read(int proc_fd, char ret[BOOT_ID_DIGITS + 1], struct error *err);

/* What an id with fewer digits than are needed is answered with: -EINVAL. */
int boot_id_too_short(int digits, int needed, struct error *err);

#endif
