#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdatomic.h>
#include <stdint.h>

/*
 * Log lines for the operator, on standard error: one line per fact, `level=warning msg="..." key=value ...`, from the layer that handles
 * the error. Each call site may write LOG_BURST lines per LOG_INTERVAL_NS; what it swallows beyond is said by its next line
 * (`suppressed=17`).
 *
 * The keys and values are a printf format of their own. Values that can hold blanks or foreign bytes go through %s inside quotes; control
 * characters are written as blanks.
 *
 *	log_warning("cannot watch exits", "source=proc_connector error=\"%s\"", err.message);
 *
 * Thread safe.
 */

enum log_level {
	LOG_ERROR,
	LOG_WARNING,
	LOG_INFO,
	LOG_DEBUG,
};

#define LOG_BURST       10
#define LOG_INTERVAL_NS (5 * UINT64_C(1000000000))

/* One per call site, made by the macros. */
struct log_site {
	_Atomic uint64_t interval_start_ns;
	_Atomic uint32_t lines;
	_Atomic uint32_t suppressed;
};

/* The least important level that is written; LOG_INFO at start. */
void log_set_level(enum log_level level);

/* "error", "warning", "info" or "debug" to its level; -EINVAL for any other word. */
int log_level_parse(const char *word, enum log_level *ret_level);

void log_write(struct log_site *site, enum log_level level, const char *message, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#define log_at(level, message, ...)                                     \
	do {                                                            \
		static struct log_site log_site_here;                   \
		log_write(&log_site_here, level, message, __VA_ARGS__); \
	} while (0)

#define log_error(message, ...)   log_at(LOG_ERROR, message, __VA_ARGS__)
#define log_warning(message, ...) log_at(LOG_WARNING, message, __VA_ARGS__)
#define log_info(message, ...)    log_at(LOG_INFO, message, __VA_ARGS__)
#define log_debug(message, ...)   log_at(LOG_DEBUG, message, __VA_ARGS__)

#endif
