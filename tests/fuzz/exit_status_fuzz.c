#include "tracing/exit_status.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(void *context, const struct notice *notice)
{
	(void)context;
	assert(notice->kind == NOTICE_EXIT_STATUS && notice->tgid && notice->tid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct exit_status_counters counters = {0};

	exit_status_parse(data, size, check, NULL, &counters);
	return 0;
}
