#ifndef TESTS_SUPPORT_LAYOUT_FILE_H
#define TESTS_SUPPORT_LAYOUT_FILE_H

#include "tracing/layout_capture.h"

/*
 * Captures of structures (tracing/layout_capture.h) as text files, tests/data/layouts/KERNEL/NAME:
 *
 *	row NAME OFFSET		one line per row: where it starts in the raw data
 *	sample STEP HEX		one line per sample
 *
 * What a row is stands in the code that makes the capture; the file must have been made with the same rows. Both return 0 or a negative errno.
 */
int layout_file_write(const char *path, const struct layout_capture *c);

/* `rows` outlive the capture; free() it. */
int layout_file_read(const char *path, const struct layout_row *rows, uint32_t row_count, struct layout_capture **ret);

#endif
