#ifndef TESTS_CONTAINER_SCRATCH_H
#define TESTS_CONTAINER_SCRATCH_H

/*
 * A directory for a test, and what it makes in it. Everything asserts that it worked. Any thread.
 */

/* A directory that is empty at first, the same one each time and in child processes; removed when the process ends that asked first. */
const char *scratch_dir(void);

/* A formatted path; never freed. */
const char *scratch_path(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Returns the path. */
const char *scratch_mkdir(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As runtimes write their state: to another name, which then takes the file's place. */
void scratch_write(const char *content, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A directory and all that is in it, or a file. It need not be there. */
void scratch_remove(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
