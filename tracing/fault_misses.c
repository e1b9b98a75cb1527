#include "tracing/fault_misses.h"

#include "base/log.h"
#include "tracing/probe_profile.h"
#include "tracing/probe_trial.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* An address that no kernel has memory at: that of an error pointer. */
#define NOWHERE "nowhere=@0xffffffffffffff00:u32"

/* One of them is called by every open(2). */
static const char *const symbols[] = {"security_file_open", "do_filp_open", "do_sys_open"};

/* True: the probe was hit. */
static bool try_symbol(const struct perf_features *features, const char *symbol, bool *ret_counted)
{
	const struct probe_trial_spec spec = {.features = features, .name = "fault_misses", .symbol = symbol, .fetchargs = NOWHERE};
	struct probe_counts counts = {0};
	struct probe_trial trial;
	int fd;

	if (!probe_trial_open(&trial, &spec, (pid_t)syscall(SYS_gettid), NULL)) {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			close(fd);
		(void)probe_profile_read_own(&counts, &trial.probe, 1, NULL);
	}
	probe_trial_close(&trial);
	*ret_counted = counts.misses > 0;
	return counts.hits > 0;
}

bool fault_misses_are_counted(const struct perf_features *features)
{
	static bool is_known, counted;

	for (size_t i = 0; !is_known && i < sizeof(symbols) / sizeof(symbols[0]); i++)
		is_known = try_symbol(features, symbols[i], &counted);
	if (!is_known)
		counted = false;
	is_known = true;
	return counted;
}

bool fault_misses_can_come_of(const char *fetchargs)
{
	return fetchargs && strpbrk(fetchargs, "@(") != NULL;
}
