#include "sensor/request_source.h"

#include "sensor/call_source.h"
#include "sensor/performance_source.h"

int request_install(struct probe *p, struct probe_request *request, const struct probe_kernel *kernel, const struct self_filter *self,
		    struct sample_source *source, struct error *err)
{
	if (request->kind == EVENT_PERFORMANCE)
		return performance_install(p, request, source, err);
	return call_install(p, request, kernel, self, source, err);
}
