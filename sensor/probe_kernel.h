#ifndef SENSOR_PROBE_KERNEL_H
#define SENSOR_PROBE_KERNEL_H

#include "sensor/function_names.h"
#include "tracing/fetchargs.h"
#include "tracing/kernel_addresses.h"
#include "tracing/kernel_layout.h"
#include "tracing/kernel_symbols.h"
#include "tracing/tracepoint_keeper.h"

/*
 * What has to be known of the running kernel to write probes for it: its notation of fetchargs, how long a record may be, and where its
 * structures hold what is wanted of them, which is calibrated when it is first asked for.
 *
 * The loop thread.
 */

struct probe_kernel {
	bool is_real; /* false: a fake source or a recording, which take fetchargs as they stand and have no structures */
	struct fetcharg_dialect dialect;
	uint32_t record_bytes;  /* a probe's record must not be longer (probe_limits.h) */
	unsigned int maxactive; /* of return probes; 0: the kernel's choice */
	/* For tests: groups of the layout whose calibration is to fail (kernel_layout.h). */
	uint32_t spoiled;
	bool is_calibrated;
	struct kernel_layout layout;
	struct function_names functions;
	/* Tracepoints of trials, so that the next one has them at once; whoever asks for trials lets go when no more follow. */
	struct tracepoint_keeper keeper;
	/* For what clients ask for by name. */
	const struct kernel_symbol_files *symbols; /* where functions are looked up; NULL: the running kernel's */
	struct kernel_addresses *addresses;        /* NULL: addresses are shown as numbers */
};

/* Of a source without a kernel. */
void probe_kernel_init_fake(struct probe_kernel *k);

/* Of this kernel; tracefs_open() comes first. */
int probe_kernel_init(struct probe_kernel *k, struct error *err);
void probe_kernel_done(struct probe_kernel *k);

/* The layout, with this group known in it. NULL: it is not, and the error says why. */
const struct kernel_layout *probe_kernel_layout(struct probe_kernel *k, enum kernel_layout_group group, struct error *err);

#endif
