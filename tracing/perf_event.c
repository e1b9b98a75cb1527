#include "tracing/perf_event.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "tracing/perf_ring.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

/* Any one register will do to be told the ABI: ax. */
#define ABI_REGISTER_MASK 1

static int perf_open_member(struct perf_event_attr *attr, pid_t pid, int cpu, int leader_fd)
{
	int fd = (int)syscall(SYS_perf_event_open, attr, pid, cpu, leader_fd, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int perf_open(struct perf_event_attr *attr, pid_t pid, int cpu)
{
	return perf_open_member(attr, pid, cpu, -1);
}

static struct perf_event_attr attr_base(uint32_t type, uint64_t config)
{
	struct perf_event_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.type = type;
	attr.size = PERF_ATTR_SIZE_VER5;
	attr.config = config;
	attr.disabled = 1;
	return attr;
}

static bool feature_works(struct perf_event_attr *attr)
{
	int fd = perf_open(attr, 0, -1);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static int perf_forbidden(int code, struct error *err)
{
	char level[16] = "?";
	cleanup_fclose FILE *file = fopen("/proc/sys/kernel/perf_event_paranoid", "re");

	if (file && fgets(level, sizeof(level), file))
		level[strcspn(level, "\n")] = 0;
	return error_set_errno(err, code, "perf_event_open is refused (kernel.perf_event_paranoid=%s; root or CAP_PERFMON is needed)",
			       level);
}

int perf_features_probe(struct perf_features *ret, struct error *err)
{
	struct perf_event_attr attr = attr_base(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK);
	int fd = perf_open(&attr, 0, -1);

	*ret = (struct perf_features){0};
	if (fd < 0)
		return perf_forbidden(fd, err);
	close(fd);

	attr.sample_type = PERF_SAMPLE_IDENTIFIER;
	ret->identifier = feature_works(&attr);

	attr.sample_type = PERF_SAMPLE_TIME;
	attr.use_clockid = 1;
	attr.clockid = CLOCK_MONOTONIC;
	ret->clockid = feature_works(&attr);

	attr = attr_base(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK);
	attr.read_format = PERF_FORMAT_LOST;
	ret->lost_count = feature_works(&attr);

	attr = attr_base(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK);
	attr.sample_type = PERF_SAMPLE_REGS_USER;
	attr.sample_regs_user = ABI_REGISTER_MASK;
	ret->user_abi = feature_works(&attr);

	attr.sample_type |= PERF_SAMPLE_STACK_USER;
	attr.sample_stack_user = 4096;
	ret->user_stack = feature_works(&attr);
	return 0;
}

void perf_features_without(struct perf_features *features, const struct perf_features *forbidden)
{
	features->clockid &= !forbidden->clockid;
	features->identifier &= !forbidden->identifier;
	features->lost_count &= !forbidden->lost_count;
	features->user_abi &= !forbidden->user_abi;
	features->user_stack &= !forbidden->user_stack;
}

struct perf_layout perf_layout(const struct perf_features *features)
{
	const uint16_t first = sizeof(struct perf_event_header);

	if (features->identifier)
		return (struct perf_layout){.id = first, .tid = first + 8, .time = first + 16, .raw = first + 24};
	return (struct perf_layout){.tid = first, .time = first + 8, .id = first + 16, .raw = first + 24};
}

static void attr_common(struct perf_event_attr *attr, const struct perf_features *features)
{
	attr->sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | (features->identifier ? PERF_SAMPLE_IDENTIFIER : PERF_SAMPLE_ID);
	attr->sample_id_all = 1;
	if (features->clockid) {
		attr->use_clockid = 1;
		attr->clockid = CLOCK_MONOTONIC;
	}
	if (features->lost_count)
		attr->read_format = PERF_FORMAT_LOST;
}

struct perf_event_attr perf_tracepoint_attr(const struct perf_features *features, uint64_t config)
{
	struct perf_event_attr attr = attr_base(PERF_TYPE_TRACEPOINT, config);

	attr_common(&attr, features);
	/* Others' events that come and go on a CPU make perf take the unpinned ones out and in again, under the feet of a hit. */
	attr.pinned = 1;
	attr.sample_type |= PERF_SAMPLE_RAW;
	attr.sample_period = 1;
	return attr;
}

struct perf_event_attr perf_counter_attr(const struct perf_features *features, uint32_t type, uint64_t config)
{
	struct perf_event_attr attr = attr_base(type, config);

	attr_common(&attr, features);
	return attr;
}

struct perf_event_attr perf_ring_owner_attr(const struct perf_features *features, uint32_t watermark_bytes)
{
	struct perf_event_attr attr = attr_base(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_DUMMY);

	attr_common(&attr, features);
	attr.watermark = 1;
	attr.wakeup_watermark = watermark_bytes;
	return attr;
}

int perf_event_open_member(struct perf_event_attr *attr, int cpu, int leader_fd, struct error *err)
{
	int fd = perf_open_member(attr, -1, cpu, leader_fd);
	struct rlimit limit;

	if (fd >= 0)
		return fd;
	switch (fd) {
	case -ENODEV:
		return error_set(err, fd, "CPU %d is offline", cpu);
	case -EACCES:
	case -EPERM:
		return perf_forbidden(fd, err);
	case -EMFILE:
		getrlimit(RLIMIT_NOFILE, &limit);
		return error_set(err, fd,
				 "too few file descriptors: the limit is %llu (RLIMIT_NOFILE), and each kernel event takes one per CPU",
				 (unsigned long long)limit.rlim_cur);
	default:
		return error_set_errno(err, fd, "perf_event_open on CPU %d", cpu);
	}
}

int perf_event_open_task(struct perf_event_attr *attr, pid_t tid, struct error *err)
{
	int fd = perf_open(attr, tid, -1);

	if (fd == -EACCES || fd == -EPERM)
		return perf_forbidden(fd, err);
	if (fd < 0)
		return error_set_errno(err, fd, "perf_event_open on thread %d", (int)tid);
	return fd;
}

int perf_event_open_cpu(struct perf_event_attr *attr, int cpu, struct error *err)
{
	return perf_event_open_member(attr, cpu, -1, err);
}

int perf_event_id(int fd, uint64_t *ret_id, struct error *err)
{
	if (ioctl(fd, PERF_EVENT_IOC_ID, ret_id))
		return error_set_errno(err, -errno, "PERF_EVENT_IOC_ID");
	return 0;
}

int perf_event_lost(int fd, uint64_t *ret_lost)
{
	struct {
		uint64_t value;
		uint64_t lost;
	} counts;
	ssize_t size = read(fd, &counts, sizeof(counts));

	if (size != (ssize_t)sizeof(counts))
		return size < 0 ? -errno : -ENODATA;
	*ret_lost = counts.lost;
	return 0;
}

int perf_event_filter(int fd, const char *filter, struct error *err)
{
	if (ioctl(fd, PERF_EVENT_IOC_SET_FILTER, filter))
		return error_set_errno(err, -errno, "the kernel refuses the filter \"%s\"", filter);
	return 0;
}

/* A comm record carries the time as samples do, and a task can cause one at will by naming itself. */
static int clock_offset_from_ring(struct perf_ring *ring, int64_t *ret_offset_ns, struct error *err)
{
	const struct perf_event_header *record;
	uint64_t before_ns, after_ns, perf_ns;
	char name[16];

	prctl(PR_GET_NAME, name);
	before_ns = clock_monotonic_ns();
	prctl(PR_SET_NAME, name);
	after_ns = clock_monotonic_ns();
	perf_ring_snapshot(ring);
	while ((record = perf_ring_peek(ring))) {
		if (record->type == PERF_RECORD_COMM && record->size >= sizeof(*record) + 8) {
			/* sample_id at the end: tid, time, and no identifier here */
			memcpy(&perf_ns, (const uint8_t *)record + record->size - sizeof(perf_ns), sizeof(perf_ns));
			*ret_offset_ns = (int64_t)(before_ns + (after_ns - before_ns) / 2 - perf_ns);
			return 0;
		}
		perf_ring_consume(ring, record);
	}
	return error_set(err, -ENODATA, "the kernel's own clock cannot be compared with CLOCK_MONOTONIC: no comm record came");
}

int perf_clock_offset(const struct perf_features *features, int64_t *ret_offset_ns, struct error *err)
{
	struct perf_event_attr attr = attr_base(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_DUMMY);
	struct perf_ring ring = {0};
	cleanup_close int fd = -1;
	int code;

	if (features->clockid) {
		*ret_offset_ns = 0;
		return 0;
	}
	attr.disabled = 0;
	attr.comm = 1;
	attr.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME;
	attr.sample_id_all = 1;
	fd = perf_open(&attr, 0, -1);
	if (fd < 0)
		return perf_forbidden(fd, err);
	code = perf_ring_open(&ring, fd, 1, err);
	if (!code)
		code = clock_offset_from_ring(&ring, ret_offset_ns, err);
	perf_ring_close(&ring);
	return code;
}
