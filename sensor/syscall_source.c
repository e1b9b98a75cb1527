#include "sensor/source.h"

enum {
	ENTER_ID,
	ENTER_ARGS,
};

static bool build_enter(struct source_context *context, const struct source_instance *probe, const struct sample *sample, struct event *ret)
{
	const struct format_field *args = &probe->fields[ENTER_ARGS];

	(void)context;
	ret->kind = EVENT_SYSCALL_ENTER;
	ret->syscall.id = (int64_t)format_read_integer(&probe->fields[ENTER_ID], sample->raw, sample->raw_size);
	ret->syscall.abi = sample->abi;
	ret->syscall.result = 0;
	if (args->size == sizeof(ret->syscall.arguments) && (uint32_t)args->offset + args->size <= sample->raw_size)
		memcpy(ret->syscall.arguments, sample->raw + args->offset, sizeof(ret->syscall.arguments));
	else
		memset(ret->syscall.arguments, 0, sizeof(ret->syscall.arguments));
	return true;
}

enum {
	EXIT_ID,
	EXIT_RET,
};

static bool build_exit(struct source_context *context, const struct source_instance *probe, const struct sample *sample, struct event *ret)
{
	(void)context;
	ret->kind = EVENT_SYSCALL_EXIT;
	ret->syscall.id = (int64_t)format_read_integer(&probe->fields[EXIT_ID], sample->raw, sample->raw_size);
	ret->syscall.result = (int64_t)format_read_integer(&probe->fields[EXIT_RET], sample->raw, sample->raw_size);
	ret->syscall.abi = sample->abi;
	memset(ret->syscall.arguments, 0, sizeof(ret->syscall.arguments));
	/* A task that has just come to be returns from the call that made it, or from none at all: the kernel says -1. */
	return ret->syscall.id >= 0;
}

const struct source_probe syscall_source[] = {
	{
		.system = "raw_syscalls",
		.name = "sys_enter",
		.kinds = EVENT_KIND_BIT(EVENT_SYSCALL_ENTER),
		.filtered_kind = EVENT_KIND_BIT(EVENT_SYSCALL_ENTER),
		.with_abi = true,
		.fields = {[ENTER_ID] = "id", [ENTER_ARGS] = "args"},
		.build = build_enter,
	},
	{
		.system = "raw_syscalls",
		.name = "sys_exit",
		.kinds = EVENT_KIND_BIT(EVENT_SYSCALL_EXIT),
		.filtered_kind = EVENT_KIND_BIT(EVENT_SYSCALL_EXIT),
		.with_abi = true,
		.fields = {[EXIT_ID] = "id", [EXIT_RET] = "ret"},
		.build = build_exit,
	},
};

const size_t syscall_source_count = sizeof(syscall_source) / sizeof(syscall_source[0]);
