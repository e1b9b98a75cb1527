#include "tracing/exec_rings.h"
#include "base/log.h"
#include "tracing/cpu_set.h"
#include "tracing/tracefs.h"

#include <asm/perf_regs.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PAGE_BYTES 4096

/* Four samples in the smallest ring. The dump's size has to be a multiple of 8; the rest is for all of a sample but the dump. */
#define DUMP_BYTES (EXEC_RINGS_BYTES_MIN / 4 - 256)

/* The events of a CPU; those of probes that are not there are not opened. */
#define EVENT_EXEC   0
#define EVENT_COPY   1
#define EVENT_WIPE   2
#define EVENT_LOADER 3 /* the first of them */
#define EVENTS_MAX   (EVENT_LOADER + ELF_LOADERS_MAX)

struct exec_ring {
	struct perf_ring ring;
	const struct perf_event_header *next; /* NULL: look again */
	uint64_t next_time_ns;
	int fds[EVENTS_MAX];
	uint64_t ids[EVENTS_MAX];
	uint64_t lost[EVENTS_MAX]; /* as read last */
};

static void parse_head(const uint8_t *bytes, const struct perf_layout *layout, struct exec_sample *ret)
{
	memcpy(&ret->id, bytes + layout->id, sizeof(ret->id));
	memcpy(&ret->tgid, bytes + layout->tid, sizeof(ret->tgid));
	memcpy(&ret->tid, bytes + layout->tid + sizeof(ret->tgid), sizeof(ret->tid));
	memcpy(&ret->time_ns, bytes + layout->time, sizeof(ret->time_ns));
}

/* linux/perf_event.h: behind the common head come { u64 abi; u64 regs[] } and { u64 size; char data[size]; u64 dyn_size }; without user
 * registers an abi and a size of zero are all. */
bool exec_sample_parse(const struct perf_event_header *record, const struct perf_layout *layout, struct exec_sample *ret)
{
	const uint8_t *bytes = (const uint8_t *)record;
	struct {
		uint64_t abi;
		uint64_t stack_pointer;
		uint64_t size;
	} head = {0};
	uint64_t dyn_size = 0;
	size_t data = layout->raw + sizeof(head);

	if (record->size < layout->raw + sizeof(head.abi) + sizeof(head.size))
		return false;
	parse_head(bytes, layout, ret);
	memcpy(&head.abi, bytes + layout->raw, sizeof(head.abi));
	ret->dump = (struct stack_dump){.word_bytes = head.abi == PERF_SAMPLE_REGS_ABI_32 ? 4 : 8};
	if (head.abi == PERF_SAMPLE_REGS_ABI_NONE)
		return true;

	if (record->size < data)
		return false;
	memcpy(&head, bytes + layout->raw, sizeof(head));
	if (head.size) {
		if (record->size < data + sizeof(dyn_size) || head.size > record->size - data - sizeof(dyn_size))
			return false;
		memcpy(&dyn_size, bytes + data + head.size, sizeof(dyn_size));
	}
	if (dyn_size > head.size)
		return false;
	ret->dump.bytes = bytes + data;
	ret->dump.size = dyn_size;
	ret->dump.stack_pointer = head.stack_pointer;
	return true;
}

int exec_sample_parse_copy(const struct perf_event_header *record, const struct perf_layout *layout,
			   const struct exec_copy_layout *copy_layout, struct exec_sample *ret)
{
	const uint8_t *bytes = (const uint8_t *)record;
	uint32_t raw_size;
	size_t raw = layout->raw + sizeof(raw_size);

	if (record->size < raw)
		return -EINVAL;
	parse_head(bytes, layout, ret);
	memcpy(&raw_size, bytes + layout->raw, sizeof(raw_size));
	if (raw_size > record->size - raw)
		return -EINVAL;
	return exec_copy_decode(&ret->copy, copy_layout, bytes + raw, raw_size);
}

/* The counters are the kernel's own, which only rise. */
static void count_lost_of(struct exec_ring *ring, uint32_t event, uint64_t *sum)
{
	uint64_t lost;

	if (ring->fds[event] < 0 || event == EVENT_WIPE || perf_event_lost(ring->fds[event], &lost) < 0)
		return;
	*sum += lost - ring->lost[event];
	ring->lost[event] = lost;
}

/* A lost record counts those of all events in the ring, and has the id of whichever event came next. */
static void take_lost(struct exec_rings *r, struct exec_ring *ring, const struct perf_event_header *record)
{
	struct {
		struct perf_event_header header;
		uint64_t id;
		uint64_t lost;
	} lost;

	if (record->size < sizeof(lost)) {
		r->malformed++;
		return;
	}
	if (!r->counts_losses) {
		memcpy(&lost, record, sizeof(lost));
		r->lost_execs += lost.lost;
		return;
	}
	count_lost_of(ring, EVENT_EXEC, &r->lost_execs);
	count_lost_of(ring, EVENT_COPY, &r->lost_copies);
	for (uint32_t i = EVENT_LOADER; i < EVENTS_MAX; i++)
		count_lost_of(ring, i, &r->lost_loaders);
}

/* What is not a sample has no place in the order and goes first. */
static uint64_t record_time(const struct exec_rings *r, const struct perf_event_header *record)
{
	uint64_t time_ns;

	if (record->type != PERF_RECORD_SAMPLE || record->size < r->layout.raw)
		return 0;
	memcpy(&time_ns, (const uint8_t *)record + r->layout.time, sizeof(time_ns));
	return time_ns + (uint64_t)r->clock_offset_ns;
}

/* The ring with the earliest record. Empty rings are looked at anew each time: when a loader's sample is seen, the exec sample of the same
 * thread, written before it, perhaps on another CPU, is seen as well, and comes first. */
static struct exec_ring *earliest_ring(struct exec_rings *r)
{
	struct exec_ring *earliest = NULL;

	for (uint32_t i = 0; i < r->count; i++) {
		struct exec_ring *ring = &r->rings[i];

		if (!ring->next) {
			perf_ring_snapshot(&ring->ring);
			ring->next = perf_ring_peek(&ring->ring);
			if (ring->next)
				ring->next_time_ns = record_time(r, ring->next);
		}
		if (ring->next && (!earliest || ring->next_time_ns < earliest->next_time_ns))
			earliest = ring;
	}
	return earliest;
}

/* Dumps are large and rings small: each goes back to the kernel at once. */
static void give_back_taken(struct exec_rings *r)
{
	struct exec_ring *ring = r->taken;

	if (!ring)
		return;
	perf_ring_consume(&ring->ring, ring->next);
	perf_ring_release(&ring->ring);
	ring->next = NULL;
	r->taken = NULL;
}

/* False: there is nothing in it for anybody. */
static bool take_sample(struct exec_rings *r, const struct exec_ring *ring, struct exec_sample *ret)
{
	uint64_t id = 0;
	int code;

	if (ring->next->size >= r->layout.raw)
		memcpy(&id, (const uint8_t *)ring->next + r->layout.id, sizeof(id));
	if (r->has_copies && id == ring->ids[EVENT_COPY]) {
		ret->kind = EXEC_SAMPLE_COPY;
		code = exec_sample_parse_copy(ring->next, &r->layout, &r->copy_probe.layout, ret);
		r->unproven += code < 0;
	} else {
		ret->kind = id == ring->ids[EVENT_EXEC] ? EXEC_SAMPLE_EXEC : EXEC_SAMPLE_LOADER;
		code = exec_sample_parse(ring->next, &r->layout, ret) ? 0 : -EINVAL;
		r->malformed += code < 0;
	}
	ret->time_ns = ring->next_time_ns;
	return code == 0;
}

bool exec_rings_next(struct exec_rings *r, uint64_t until_ns, struct exec_sample *ret)
{
	for (;;) {
		struct exec_ring *ring;

		give_back_taken(r);
		ring = earliest_ring(r);
		if (!ring || ring->next_time_ns > until_ns)
			return false;
		r->taken = ring;
		if (ring->next->type == PERF_RECORD_LOST) {
			take_lost(r, ring, ring->next);
			continue;
		}
		if (ring->next->type == PERF_RECORD_SAMPLE && take_sample(r, ring, ret))
			return true;
	}
}

uint64_t exec_rings_corrupt(const struct exec_rings *r)
{
	uint64_t corrupt = r->malformed;

	for (uint32_t i = 0; i < r->count; i++)
		corrupt += r->rings[i].ring.corrupt;
	return corrupt;
}

/* A fetcharg for each page that a dump can cover: reading it makes the page resident before the dump is taken. */
static void page_fetchargs(char *ret, size_t size)
{
	size_t length = (size_t)snprintf(ret, size, "end=+%zu(%%sp):u8", DUMP_BYTES - 1);

	for (uint32_t page = 1; page * PAGE_BYTES < DUMP_BYTES && length < size; page++)
		length += (size_t)snprintf(ret + length, size - length, " page%u=+%u(%%sp):u8", page, page * PAGE_BYTES);
}

static void install_loader_probes(struct exec_rings *r)
{
	static uint32_t serial; /* names are unique within the group */
	struct elf_loader loaders[ELF_LOADERS_MAX];
	size_t count = elf_loaders_find(loaders);
	char fetchargs[512];

	page_fetchargs(fetchargs, sizeof(fetchargs));
	for (size_t i = 0; i < count; i++) {
		struct error refused = {0};
		char name[32];

		snprintf(name, sizeof(name), "loader_entry_%" PRIu32, serial++);
		if (dynamic_probe_install_uprobe(&r->probes[r->probe_count], name, loaders[i].path, loaders[i].entry_offset, fetchargs,
						 &refused) < 0)
			log_debug("cannot probe a dynamic loader", "path=\"%s\" error=\"%s\"", loaders[i].path, refused.message);
		else
			r->probe_count++;
	}
}

static int event_config(const char *system, const char *name, uint64_t *ret, struct error *err)
{
	struct format *format;
	int code = tracefs_format(&format, system, name, err);

	if (code < 0)
		return code;
	*ret = format_id(format);
	format_free(format);
	return 0;
}

static int find_configs(const struct exec_rings *r, uint64_t configs[EVENTS_MAX], struct error *err)
{
	int code = event_config("sched", "sched_process_exec", &configs[EVENT_EXEC], err);

	configs[EVENT_WIPE] = r->copy_probe.wipe_config;
	configs[EVENT_COPY] = r->copy_probe.copy_config;
	for (uint32_t i = 0; code == 0 && i < r->probe_count; i++)
		code = event_config(dynamic_probe_group(), dynamic_probe_name(r->probes[i]), &configs[EVENT_LOADER + i], err);
	return code;
}

/* The wipe is only counted: its record is made all the same, which is all that it is for. */
static struct perf_event_attr event_attr(uint32_t event, const struct perf_features *features, uint64_t config)
{
	struct perf_event_attr attr = perf_tracepoint_attr(features, config);

	/* The others need not wake us: they are only looked at together with an exec, whose sample has done so. */
	attr.wakeup_events = event == EVENT_EXEC ? 1 : 0;
	if (event == EVENT_WIPE)
		attr.sample_period = 0;
	if (event == EVENT_WIPE || event == EVENT_COPY)
		return attr;

	attr.sample_type &= ~(uint64_t)PERF_SAMPLE_RAW;
	attr.sample_type |= PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER;
	attr.sample_regs_user = UINT64_C(1) << PERF_REG_X86_SP;
	attr.sample_stack_user = DUMP_BYTES;
	return attr;
}

static int open_event(struct exec_ring *ring, uint32_t event, const struct perf_features *features, uint64_t config, int cpu,
		      struct error *err)
{
	struct perf_event_attr attr = event_attr(event, features, config);

	ring->fds[event] = perf_event_open_cpu(&attr, cpu, err);
	if (ring->fds[event] < 0)
		return ring->fds[event];
	return perf_event_id(ring->fds[event], &ring->ids[event], err);
}

static bool has_event(const struct exec_rings *r, uint32_t event)
{
	if (event == EVENT_EXEC)
		return true;
	return event < EVENT_LOADER ? r->has_copies : event - EVENT_LOADER < r->probe_count;
}

static void close_ring(struct exec_ring *ring)
{
	for (uint32_t i = EVENTS_MAX; i-- > 0;)
		if (ring->fds[i] >= 0)
			close(ring->fds[i]);
	perf_ring_close(&ring->ring);
}

static int open_ring(struct exec_rings *r, struct exec_ring *ring, const struct perf_features *features, const uint64_t configs[EVENTS_MAX],
		     int cpu, size_t bytes, struct error *err)
{
	struct epoll_event readable = {.events = EPOLLIN};
	int code;

	memset(ring, 0, sizeof(*ring));
	for (uint32_t i = 0; i < EVENTS_MAX; i++)
		ring->fds[i] = -1;
	code = open_event(ring, EVENT_EXEC, features, configs[EVENT_EXEC], cpu, err);
	if (code == 0)
		code = perf_ring_open(&ring->ring, ring->fds[EVENT_EXEC], bytes, err);
	for (uint32_t i = EVENT_EXEC + 1; code == 0 && i < EVENTS_MAX; i++) {
		if (!has_event(r, i))
			continue;
		code = open_event(ring, i, features, configs[i], cpu, err);
		if (code == 0 && i != EVENT_WIPE && ioctl(ring->fds[i], PERF_EVENT_IOC_SET_OUTPUT, ring->fds[EVENT_EXEC]))
			code = error_set_errno(err, -errno, "PERF_EVENT_IOC_SET_OUTPUT");
	}
	if (code == 0 && epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, ring->fds[EVENT_EXEC], &readable))
		code = error_set_errno(err, -errno, "epoll_ctl");
	if (code < 0)
		close_ring(ring);
	return code;
}

/* The exec tracepoint last, so that no exec is seen whose loader is not; and no copy without the wipe. */
static int enable_ring(const struct exec_ring *ring, struct error *err)
{
	for (uint32_t i = EVENTS_MAX; i-- > 0;)
		if (ring->fds[i] >= 0 && ioctl(ring->fds[i], PERF_EVENT_IOC_ENABLE, 0))
			return error_set_errno(err, -errno, "PERF_EVENT_IOC_ENABLE");
	return 0;
}

static size_t ring_bytes(size_t memory_bytes, uint32_t cpus)
{
	size_t each = EXEC_RINGS_BYTES_DEFAULT;
	size_t rounded = EXEC_RINGS_BYTES_MIN;

	if (memory_bytes)
		each = memory_bytes / cpus;
	else if (each > EXEC_RINGS_TOTAL_DEFAULT / cpus)
		each = EXEC_RINGS_TOTAL_DEFAULT / cpus;
	while (rounded <= each / 2)
		rounded *= 2;
	return rounded;
}

static int open_rings(struct exec_rings *r, const struct perf_features *features, size_t memory_bytes, struct error *err)
{
	uint64_t configs[EVENTS_MAX];
	bool online[CPU_MAX] = {false};
	size_t bytes;
	int cpus = cpu_online(online, err);
	int code;

	if (cpus <= 0)
		return cpus < 0 ? cpus : error_set(err, -ENODEV, "no CPU is online");
	bytes = ring_bytes(memory_bytes, (uint32_t)cpus);
	r->rings = calloc((size_t)cpus, sizeof(*r->rings));
	if (!r->rings)
		return error_set(err, -ENOMEM, "out of memory");
	code = find_configs(r, configs, err);
	for (int cpu = 0; code == 0 && cpu < CPU_MAX && r->count < (uint32_t)cpus; cpu++) {
		if (!online[cpu])
			continue;
		code = open_ring(r, &r->rings[r->count], features, configs, cpu, bytes, err);
		if (code == 0)
			r->bytes += r->rings[r->count++].ring.size;
		/* It has gone offline since the list was made. */
		if (code == -ENODEV)
			code = 0;
	}
	if (code == 0 && !r->count)
		code = error_set(err, -ENODEV, "no CPU to watch");
	for (uint32_t i = 0; code == 0 && i < r->count; i++)
		code = enable_ring(&r->rings[i], err);
	return code;
}

/* The kernel arms a kprobe when the first event on it is opened, and may find only then that it cannot. */
static int try_event(uint32_t event, const struct perf_features *features, uint64_t config, struct error *err)
{
	struct perf_event_attr attr = event_attr(event, features, config);
	int fd = perf_event_open_task(&attr, 0, err);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static void install_copy_probe(struct exec_rings *r, const struct perf_features *features, bool wanted)
{
	struct exec_copy_probe *p = &r->copy_probe;

	if (!wanted) {
		error_set(&r->no_copies, -EOPNOTSUPP, "not wanted");
		return;
	}
	if (exec_copy_probe_install(p, &r->no_copies) < 0)
		return;
	r->has_copies = try_event(EVENT_WIPE, features, p->wipe_config, &r->no_copies) == 0 &&
			try_event(EVENT_COPY, features, p->copy_config, &r->no_copies) == 0;
	if (!r->has_copies)
		exec_copy_probe_remove(p);
}

static int open_all(struct exec_rings *r, size_t memory_bytes, bool with_copies, struct error *err)
{
	struct perf_features features = {0};
	int code = tracefs_path()[0] ? 0 : tracefs_open(err);

	if (code == 0)
		code = perf_features_probe(&features, err);
	if (code < 0)
		return code;
	if (!features.user_stack)
		return error_set(err, -EOPNOTSUPP, "this kernel's perf cannot dump user stacks (PERF_SAMPLE_STACK_USER)");
	r->layout = perf_layout(&features);
	r->counts_losses = features.lost_count;
	code = perf_clock_offset(&features, &r->clock_offset_ns, err);
	if (code < 0)
		return code;
	r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (r->epoll_fd < 0)
		return error_set_errno(err, -errno, "epoll_create1");
	install_copy_probe(r, &features, with_copies);
	install_loader_probes(r);
	return open_rings(r, &features, memory_bytes, err);
}

int exec_rings_open(struct exec_rings *r, size_t memory_bytes, bool with_copies, struct error *err)
{
	int code;

	*r = (struct exec_rings){.epoll_fd = -1};
	code = open_all(r, memory_bytes, with_copies, err);
	if (code < 0)
		exec_rings_close(r);
	return code;
}

/* The events first: the kernel does not let go of a probe while one on it is open. */
void exec_rings_close(struct exec_rings *r)
{
	for (uint32_t i = 0; i < r->count; i++)
		close_ring(&r->rings[i]);
	free(r->rings);
	exec_copy_probe_remove(&r->copy_probe);
	for (uint32_t i = 0; i < r->probe_count; i++) {
		struct error refused = {0};

		if (dynamic_probe_remove(r->probes[i], &refused) < 0)
			log_debug("cannot remove a probe", "probe=%s error=\"%s\"", dynamic_probe_name(r->probes[i]), refused.message);
		dynamic_probe_free(r->probes[i]);
	}
	if (r->epoll_fd >= 0)
		close(r->epoll_fd);
	*r = (struct exec_rings){.epoll_fd = -1};
}
