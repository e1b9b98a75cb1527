#include "cli/check_host.h"

#include "base/cleanup.h"
#include "cli/text.h"
#include "tracing/cpu_set.h"
#include "tracing/tracefs.h"

#include <inttypes.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>

/* include/linux/proc_ns.h: PROC_PID_INIT_INO */
#define INITIAL_PID_NAMESPACE 0xeffffffcU

/* What the sensor may have open on each CPU: its ring, all catalog events twice while a filter changes, the ways to arguments. */
#define DESCRIPTORS_PER_CPU 24
/* Clients, the loop, the library. */
#define DESCRIPTORS_BESIDE 256

#define RING_MEMORY_DEFAULT (UINT64_C(64) << 20)

static bool read_number(const char *path, long long *ret)
{
	cleanup_fclose FILE *file = fopen(path, "re");

	return file && fscanf(file, "%lld", ret) == 1;
}

static bool has_capability(unsigned int number)
{
	cleanup_fclose FILE *file = fopen("/proc/self/status", "re");
	unsigned long long effective;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "CapEff: %llx", &effective) == 1)
			return effective >> number & 1;
	return false;
}

static bool tracefs_has(const char *name)
{
	char path[512];
	struct stat status;

	snprintf(path, sizeof(path), "%s/%s", tracefs_path(), name);
	return !stat(path, &status);
}

static void check_pid_namespace(struct check_report *report)
{
	struct stat status;

	if (stat("/proc/self/ns/pid", &status))
		check_report_add(report, CHECK_KERNEL, VERDICT_INFO, "pid namespace", "not known: /proc/self/ns/pid cannot be read");
	else if (status.st_ino == INITIAL_PID_NAMESPACE)
		check_report_add(report, CHECK_KERNEL, VERDICT_GOOD, "pid namespace", "the host's own");
	else
		check_report_add(
			report, CHECK_KERNEL, VERDICT_LIMITED, "pid namespace",
			"not the host's own: events of the whole host come, but processes outside of this namespace have no pid in it");
}

static void check_dynamic_probes(struct check_report *report)
{
	if (tracefs_has("uprobe_events"))
		check_report_add(report, CHECK_KERNEL, VERDICT_GOOD, "uprobes", "available");
	else
		check_report_add(report, CHECK_KERNEL, VERDICT_LIMITED, "uprobes",
				 "not built into this kernel: exec arguments can come incomplete");
	if (tracefs_has("kprobe_events"))
		check_report_add(report, CHECK_KERNEL, VERDICT_INFO, "kprobes", "available; no event needs them");
	else
		check_report_add(report, CHECK_KERNEL, VERDICT_INFO, "kprobes", "not built into this kernel; no event needs them");
	if (tracefs_has("events/syscalls"))
		check_report_add(report, CHECK_KERNEL, VERDICT_GOOD, "syscall tracing", "available");
	else
		check_report_add(report, CHECK_KERNEL, VERDICT_LIMITED, "syscall tracing",
				 "not built into this kernel (CONFIG_FTRACE_SYSCALLS): no syscall events");
}

void check_kernel(struct check_report *report, const struct error *tracefs_err)
{
	struct utsname name;

	if (!uname(&name))
		check_report_add(report, CHECK_KERNEL, VERDICT_INFO, "release", "%s %s, %s", name.sysname, name.release, name.machine);
	check_pid_namespace(report);
	if (tracefs_err->code) {
		check_report_add(report, CHECK_KERNEL, VERDICT_MISSING, "tracefs", "%s", tracefs_err->message);
		return;
	}
	check_report_add(report, CHECK_KERNEL, VERDICT_GOOD, "tracefs", "mounted on %s", tracefs_path());
	check_dynamic_probes(report);
}

void check_perf(struct check_report *report, const struct perf_features *features, const struct error *err)
{
	const struct {
		const char *name;
		bool works;
		const char *good;
		const char *limited;
	} rows[] = {
		{"clock", features->clockid, "samples are stamped with CLOCK_MONOTONIC",
		 "samples are stamped with the kernel's own clock, which is compared with CLOCK_MONOTONIC"},
		{"identifier", features->identifier, "samples name their event at a fixed place (PERF_SAMPLE_IDENTIFIER)",
		 "samples name their event behind the time (PERF_SAMPLE_ID)"},
		{"lost counters", features->lost_count, "each event counts its own losses (PERF_FORMAT_LOST)",
		 "losses are counted for each ring as a whole"},
		{"caller's ABI", features->user_abi, "32-bit callers are told from 64-bit ones (PERF_SAMPLE_REGS_USER)",
		 "32-bit callers cannot be told from 64-bit ones"},
		{"user stack", features->user_stack, "the stack of a new program can be dumped (PERF_SAMPLE_STACK_USER)",
		 "the stack of a new program cannot be dumped"},
	};
	long long paranoid = 0;

	if (err->code) {
		check_report_add(report, CHECK_PERF, VERDICT_MISSING, "access", "%s", err->message);
		return;
	}
	read_number("/proc/sys/kernel/perf_event_paranoid", &paranoid);
	check_report_add(report, CHECK_PERF, VERDICT_GOOD, "access", "allowed (kernel.perf_event_paranoid is %lld)", paranoid);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_report_add(report, CHECK_PERF, rows[i].works ? VERDICT_GOOD : VERDICT_LIMITED, rows[i].name, "%s",
				 rows[i].works ? rows[i].good : rows[i].limited);
}

/* Text of a size in a static buffer's stead: "64 MiB". */
static void size_text(uint64_t bytes, char *ret, size_t size)
{
	struct buffer text;

	buffer_init(&text, 0);
	text_put_size(&text, bytes);
	snprintf(ret, size, "%.*s", (int)text.length, (const char *)text.data);
	buffer_done(&text);
}

static void check_files(struct check_report *report, int cpus)
{
	uint64_t needed = (uint64_t)cpus * DESCRIPTORS_PER_CPU + DESCRIPTORS_BESIDE;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	check_report_add(report, CHECK_LIMITS, limit.rlim_max >= needed ? VERDICT_GOOD : VERDICT_LIMITED, "open files",
			 "up to %" PRIu64 " (RLIMIT_NOFILE); the sensor needs about %" PRIu64 " on %d CPUs", (uint64_t)limit.rlim_max,
			 needed, cpus);
}

/* The kernel lets a user have perf_event_mlock_kb of rings for each CPU, and RLIMIT_MEMLOCK beyond that, unless he may lock memory anyway
 * (kernel: kernel/events/core.c, perf_mmap()). */
static void check_memory(struct check_report *report, int cpus)
{
	long long per_cpu_kb = 0;
	struct rlimit limit;
	char allowed_text[32];
	uint64_t allowed;

	if (has_capability(CAP_IPC_LOCK)) {
		check_report_add(report, CHECK_LIMITS, VERDICT_GOOD, "ring memory", "not limited (CAP_IPC_LOCK)");
		return;
	}
	if (!read_number("/proc/sys/kernel/perf_event_mlock_kb", &per_cpu_kb) || getrlimit(RLIMIT_MEMLOCK, &limit))
		return;
	allowed = (uint64_t)per_cpu_kb * 1024 * (uint64_t)cpus;
	if (limit.rlim_cur == RLIM_INFINITY || __builtin_add_overflow(allowed, limit.rlim_cur, &allowed)) {
		check_report_add(report, CHECK_LIMITS, VERDICT_GOOD, "ring memory", "not limited (RLIMIT_MEMLOCK)");
		return;
	}
	size_text(allowed, allowed_text, sizeof(allowed_text));
	check_report_add(report, CHECK_LIMITS, allowed >= RING_MEMORY_DEFAULT ? VERDICT_GOOD : VERDICT_LIMITED, "ring memory",
			 "up to %s without CAP_IPC_LOCK (kernel.perf_event_mlock_kb per CPU and RLIMIT_MEMLOCK)", allowed_text);
}

void check_limits(struct check_report *report)
{
	static bool online[CPU_MAX];
	struct error err = {0};
	int cpus = cpu_online(online, &err);
	char each[32];

	if (cpus <= 0) {
		check_report_add(report, CHECK_LIMITS, VERDICT_LIMITED, "CPUs", "%s", err.message);
		return;
	}
	size_text(RING_MEMORY_DEFAULT / (uint64_t)cpus, each, sizeof(each));
	check_report_add(report, CHECK_LIMITS, VERDICT_INFO, "CPUs", "%d online: the default 64 MiB of ring memory are %s for each", cpus,
			 each);
	check_files(report, cpus);
	check_memory(report, cpus);
}
