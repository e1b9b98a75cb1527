#include "sensor/request_source.h"

#include <errno.h>

int request_install(struct probe *p, struct probe_request *request, struct sample_source *source, struct error *err)
{
	(void)p;
	(void)source;
	return error_set(err, -EOPNOTSUPP, "%s: not served yet", request->key);
}
