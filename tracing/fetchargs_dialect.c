#include "tracing/fetchargs.h"

#include "base/cleanup.h"
#include "tracing/tracefs.h"

#include <errno.h>
#include <string.h>
#include <tracefs.h>

const struct fetcharg_dialect fetcharg_dialect_full = {
	.user_memory = true,
	.arguments = true,
	.return_arguments = true,
	.comm = true,
	.hex_types = true,
	.arrays = true,
	.symbol = true,
	.symstr = true,
	.immediates = true,
	.character = true,
	.return_suffix = true,
	.maxactive = true,
	.error_log = true,
};

/* The words of the kernel's own help (kernel/trace/trace.c, readme_msg), which grew with what it describes. */
void fetcharg_dialect_parse(struct fetcharg_dialect *ret, const char *readme)
{
	const char *fetchargs = strstr(readme, "fetcharg: ");
	const char *types = fetchargs ? strstr(fetchargs, " type: ") : NULL;
	const char *return_support = fetchargs ? strstr(fetchargs, "return probes support:") : NULL;

	*ret = (struct fetcharg_dialect){
		.maxactive = strstr(readme, "r[maxactive]") != NULL,
		.return_suffix = strstr(readme, "%return") != NULL,
		.error_log = strstr(readme, "  error_log") != NULL,
	};
	if (fetchargs) {
		ret->comm = strstr(fetchargs, "$comm") != NULL;
		ret->arguments = strstr(fetchargs, "$arg<N>") != NULL;
		ret->user_memory = strstr(fetchargs, "[u]<offset>") != NULL;
		ret->immediates = strstr(fetchargs, "\\imm-value") != NULL;
	}
	if (return_support)
		ret->return_arguments = memmem(return_support, strcspn(return_support, "\n"), "$arg<N>", strlen("$arg<N>")) != NULL;
	if (types) {
		ret->hex_types = strstr(types, "x8/16/32/64") != NULL;
		ret->symbol = strstr(types, " symbol,") != NULL;
		ret->symstr = strstr(types, "symstr") != NULL;
		ret->character = strstr(types, " char,") != NULL;
		ret->arrays = strstr(types, "<array-size>") != NULL;
	}
}

int fetcharg_dialect_detect(struct fetcharg_dialect *ret, struct error *err)
{
	cleanup_free char *readme = NULL;
	int size;

	readme = tracefs_instance_file_read(NULL, "README", &size);
	if (!readme)
		return error_set_errno(err, -errno, "%s/README", tracefs_path());
	fetcharg_dialect_parse(ret, readme);
	return 0;
}
