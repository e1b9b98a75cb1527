#include "service/grpc_library.h"

#include "base/log.h"

#include <grpc/grpc.h>
#include <grpc/support/log.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

static void write_log(gpr_log_func_args *line)
{
	if (line->severity == GPR_LOG_SEVERITY_ERROR)
		log_warning("grpc library", "file=%s:%d text=\"%s\"", line->file, line->line, line->message);
	else
		log_debug("grpc library", "file=%s:%d text=\"%s\"", line->file, line->line, line->message);
}

static void set_up_log(void)
{
	gpr_set_log_function(write_log);
	if (!getenv("GRPC_VERBOSITY"))
		gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
}

void grpc_library_ref(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, set_up_log);
	grpc_init();
}

void grpc_library_unref(void)
{
	grpc_shutdown_blocking();
}
