#include "sensor/request_source.h"

#include "sensor/performance_source.h"

#include <errno.h>

int request_install(struct probe *p, struct probe_request *request, struct sample_source *source, struct error *err)
{
	if (request->kind == EVENT_PERFORMANCE)
		return performance_install(p, request, source, err);
	return error_set(err, -EOPNOTSUPP, "%s: not served yet", request->key);
}
