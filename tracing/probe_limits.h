#ifndef TRACING_PROBE_LIMITS_H
#define TRACING_PROBE_LIMITS_H

#include <stdint.h>

/*
 * What the kernel takes of one probe (kernel/trace/trace_probe.h; the same from 3.10 to 7.2).
 */
#define PROBE_ARGUMENTS_MAX             128
#define PROBE_ARGUMENT_CHARACTERS_MAX   63   /* behind the equals sign, with the type */
#define PROBE_DEFINITION_CHARACTERS_MAX 4094 /* all of it: one write(2) of less than a page, with the newline */

/* A string fetcharg has 4 bytes in the record (where, how long), and the string behind with its NUL. */
#define PROBE_STRING_BYTES(length) (4 + (length) + 1)

/* What every record begins with: the common fields and where the probe is. A return probe's has 8 more. */
#define PROBE_HEADER_BYTES 16

/*
 * The longest record of a probe that perf takes (PERF_MAX_TRACE_SIZE): 2048 bytes, 8192 from 5.15 on and in the later ones of some older
 * series. A longer one is not cut: it is lost, the event's count and its lost count stay as they are, and the first of them puts a warning
 * with a backtrace into the kernel's log, which marks the kernel as tainted ("perf buffer not large enough"; seen on 5.10, 6.1 and 7.2).
 * So a probe's arguments must not be able to grow beyond it. It cannot be tried, for the same reason: it is told by what came later, `symstr`
 * in tracefs' README (6.1); kernels without that are taken for old.
 */
#define PROBE_RECORD_BYTES_OLD 2048
#define PROBE_RECORD_BYTES_NEW 8192

/* All fixed fields of a probe (a string has 4 bytes of them) together, without the header (MAX_PROBE_EVENT_SIZE): newer kernels refuse more,
 * "Event too big" (seen on 6.1 and 7.2). */
#define PROBE_FIELDS_BYTES_MAX 3072

/* By the text of the README; NULL or "" when there is none. Pure. */
uint32_t probe_record_bytes_of(const char *readme);

/* Of this kernel; tracefs_open() comes first. */
uint32_t probe_record_bytes_max(void);

#endif
