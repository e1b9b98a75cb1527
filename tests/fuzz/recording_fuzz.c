/* Seeds: corpus/recording/, the first formats and records of tests/data/recordings/, and those recordings themselves. */
#include "tracing/recording.h"

#include <assert.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned int sum;

/* Every byte that is handed out can be read. */
static void touch(const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sum += ((const uint8_t *)bytes)[i];
}

static void take_notice(void *context, const struct notice *notice)
{
	(void)context;
	assert(notice->kind <= NOTICE_EXEC_LOST);
	if (notice->kind == NOTICE_EXEC_ARGUMENTS)
		touch(notice->exec.bytes, notice->exec.size);
}

static void replay(struct sample_source *s)
{
	static const struct kernel_event_spec specs[] = {{.system = "task", .name = "task_newtask"},
							 {.system = "sched", .name = "sched_process_exec"},
							 {.system = "raw_syscalls",
							  .name = "sys_enter",
							  .reads = {{.kind = SAMPLE_READ_STRING}, {.kind = SAMPLE_READ_CWD}}}};
	struct kernel_event *event;
	struct sample sample;
	uint64_t last_ns = 0, horizon_ns = s->ops->advance(s);

	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++)
		(void)s->ops->add(s, &specs[i], NULL, &event, NULL);
	for (int n = 0; s->ops->next(s, &sample); n++) {
		assert(sample.event && sample.time_ns >= last_ns && sample.time_ns <= horizon_ns);
		last_ns = sample.time_ns;
		touch(sample.raw, sample.raw_size);
		for (uint32_t i = 0; sample.reads && i < sample.event->read_count; i++)
			touch(sample.reads[i].bytes, sample.reads[i].length);
		if (n % 3 == 0) {
			s->ops->hold(s);
			assert(s->ops->next(s, &sample) == 1 && sample.time_ns == last_ns);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct sample_source *s = NULL;
	struct error err = {0};
	char path[64];

	if (fd < 0)
		fd = memfd_create("recording", MFD_CLOEXEC);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		return 0;
	if (recording_open(&s, path, take_notice, NULL, &err)) {
		assert(!s && *err.message);
		return 0;
	}
	replay(s);
	s->ops->free(s);
	return 0;
}
