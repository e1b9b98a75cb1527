#include "base/log.h"

#include "base/clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOG_LINE_BYTES 1024

static const char *const level_names[] = {
	[LOG_ERROR] = "error",
	[LOG_WARNING] = "warning",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

static _Atomic int least_important = LOG_INFO;

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&least_important, (int)level, memory_order_relaxed);
}

int log_level_parse(const char *word, enum log_level *ret_level)
{
	for (int level = LOG_ERROR; level <= LOG_DEBUG; level++) {
		if (!strcmp(word, level_names[level])) {
			*ret_level = (enum log_level)level;
			return 0;
		}
	}
	return -EINVAL;
}

/* Two threads that start a new interval at the same time may let a few lines too many through; nobody is hurt. */
static int log_site_admit(struct log_site *site)
{
	uint64_t now_ns = clock_monotonic_ns();
	uint64_t start_ns = atomic_load_explicit(&site->interval_start_ns, memory_order_relaxed);

	if (!start_ns || now_ns - start_ns >= LOG_INTERVAL_NS) {
		atomic_store_explicit(&site->interval_start_ns, now_ns, memory_order_relaxed);
		atomic_store_explicit(&site->lines, 0, memory_order_relaxed);
	}
	if (atomic_fetch_add_explicit(&site->lines, 1, memory_order_relaxed) < LOG_BURST)
		return 1;
	atomic_fetch_add_explicit(&site->suppressed, 1, memory_order_relaxed);
	return 0;
}

void log_write(struct log_site *site, enum log_level level, const char *message, const char *format, ...)
{
	char line[LOG_LINE_BYTES];
	uint32_t suppressed;
	size_t length;
	va_list args;

	if ((int)level > atomic_load_explicit(&least_important, memory_order_relaxed) || !log_site_admit(site))
		return;
	length = (size_t)snprintf(line, sizeof(line) - 1, "level=%s msg=\"%s\"", level_names[level], message);
	if (format[0] && length < sizeof(line) - 2) {
		line[length++] = ' ';
		va_start(args, format);
		vsnprintf(line + length, sizeof(line) - 1 - length, format, args);
		va_end(args);
	}
	length = strnlen(line, sizeof(line) - 2);
	suppressed = atomic_exchange_explicit(&site->suppressed, 0, memory_order_relaxed);
	if (suppressed && length < sizeof(line) - 32)
		length += (size_t)snprintf(line + length, sizeof(line) - 1 - length, " suppressed=%u", suppressed);
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = ' ';
	line[length++] = '\n';
	/* One write per line, so that lines of several threads do not mix. Nobody is left to tell when it fails. */
	if (write(STDERR_FILENO, line, length) < 0)
		return;
}
