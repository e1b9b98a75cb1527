#include "sensor/probe_kernel.h"

#include "base/log.h"
#include "tracing/probe_limits.h"

#include <errno.h>

void probe_kernel_init_fake(struct probe_kernel *k)
{
	*k = (struct probe_kernel){.record_bytes = PROBE_RECORD_BYTES_NEW};
}

int probe_kernel_init(struct probe_kernel *k, struct error *err)
{
	*k = (struct probe_kernel){.is_real = true, .record_bytes = probe_record_bytes_max()};
	return fetcharg_dialect_detect(&k->dialect, err);
}

void probe_kernel_done(struct probe_kernel *k)
{
	function_names_done(&k->functions);
	tracepoint_keeper_release(&k->keeper);
}

static void calibrate(struct probe_kernel *k)
{
	struct perf_features features;
	const struct kernel_layout_options options = {.features = &features, .spoiled = k->spoiled};
	struct error err = {0};
	int code = perf_features_probe(&features, &err);

	if (!code)
		code = kernel_layout_calibrate(&k->layout, &options, &err);
	else
		for (int group = 0; group < LAYOUT_GROUP_COUNT; group++)
			k->layout.missing[group] = err;
	if (code)
		log_debug("not every structure of the kernel is known", "error=\"%s\"", err.message);
}

const struct kernel_layout *probe_kernel_layout(struct probe_kernel *k, enum kernel_layout_group group, struct error *err)
{
	if (!k->is_real) {
		error_set(err, -ENODATA, "there is no kernel whose structures could be known");
		return NULL;
	}
	if (!k->is_calibrated)
		calibrate(k);
	k->is_calibrated = true;
	if (kernel_layout_knows(&k->layout, group))
		return &k->layout;
	if (err)
		*err = k->layout.missing[group];
	return NULL;
}
