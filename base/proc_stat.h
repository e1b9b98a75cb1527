#ifndef BASE_PROC_STAT_H
#define BASE_PROC_STAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * /proc/PID/stat (man 5 proc), and how a small file of a process is read. `proc_fd` is a descriptor of the directory, so that tests give a tree of their
 * own, or PROC_OF_HOST. Processes come and go while one reads: gone is an ordinary answer. Any thread.
 */

#define PROC_OF_HOST    (-1) /* "/proc" */
#define PROC_COMM_BYTES 16

struct proc_stat {
	uint32_t pid;
	uint32_t parent_pid; /* 0: none */
	uint32_t threads;    /* ones that were not reaped yet */
	uint64_t start_tick; /* CLOCK_BOOTTIME in clock ticks */
	bool is_zombie;      /* its main thread has ended */
	char comm[PROC_COMM_BYTES];
};

/* Parses the content of a stat file. -EINVAL: it makes no sense. */
int proc_stat_parse(struct proc_stat *ret, const char *text, size_t size);

/* Reads PID/stat. -ENOENT: there is no such process; -EINVAL: what was read makes no sense; other errors as the system gives them. */
int proc_read_stat(int proc_fd, uint32_t pid, struct proc_stat *ret);

/* A number as the files and directories in /proc have it, a negative one in two's complement; *at is behind it then. False: there is none. */
bool proc_parse_number(const char **at, const char *end, uint64_t *ret);

/* The beginning of a file of a process, of a path that is absolute or below proc_fd. Returns its length, or a negative errno; -ENOENT: gone. */
ssize_t proc_read_file(int proc_fd, const char *path, char *to, size_t size);

#endif
