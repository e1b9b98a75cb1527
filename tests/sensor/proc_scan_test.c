#include "sensor/proc_scan.h"

#include "tests/sensor/proc_tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int parse(struct proc_stat *ret, const char *text)
{
	return proc_stat_parse(ret, text, strlen(text));
}

Test(proc_scan, a_real_stat_line_is_read)
{
	/* Linux 6.18, of cat itself. */
	static const char text[] = "18728 (cat) R 18716 18716 3325 0 -1 4194304 98 0 0 0 0 0 0 0 20 0 1 0 234320 3133440 379 "
				   "18446744073709551615 94392991436800 94392991456681 140730752961552 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0\n";
	struct proc_stat stat;

	cr_assert_eq(parse(&stat, text), 0);
	cr_expect_eq(stat.pid, 18728);
	cr_expect_eq(stat.parent_pid, 18716);
	cr_expect_eq(stat.threads, 1);
	cr_expect_eq(stat.start_tick, 234320);
	cr_expect_not(stat.is_zombie);
	cr_expect_str_eq(stat.comm, "cat");
}

Test(proc_scan, a_name_may_hold_blanks_and_parentheses)
{
	struct proc_stat stat;

	cr_assert_eq(parse(&stat, "7 (a) S 1 (b) ) S 3 7 7 0 -1 64 0 0 0 0 0 0 0 0 20 0 5 0 99 0 0\n"), 0);
	cr_expect_str_eq(stat.comm, "a) S 1 (b) ");
	cr_expect_eq(stat.parent_pid, 3);
	cr_expect_eq(stat.threads, 5);
	cr_expect_eq(stat.start_tick, 99);
}

Test(proc_scan, an_empty_name_and_a_newline_in_a_name_are_names)
{
	struct proc_stat stat;

	cr_assert_eq(parse(&stat, "7 () S 3 7 7 0 -1 64 0 0 0 0 0 0 0 0 20 0 5 0 99 0 0\n"), 0);
	cr_expect_str_eq(stat.comm, "");
	cr_assert_eq(parse(&stat, "7 (a\nb) S 3 7 7 0 -1 64 0 0 0 0 0 0 0 0 20 0 5 0 99 0 0\n"), 0);
	cr_expect_str_eq(stat.comm, "a\nb");
}

Test(proc_scan, a_zombie_is_told)
{
	struct proc_stat stat;

	cr_assert_eq(parse(&stat, "7 (x) Z 3 7 7 0 -1 64 0 0 0 0 0 0 0 0 20 0 2 0 99 0 0\n"), 0);
	cr_expect(stat.is_zombie);
}

Test(proc_scan, what_a_kernel_worker_does_is_not_part_of_its_name)
{
	struct proc_stat stat;

	cr_assert_eq(parse(&stat, "9 (kworker/0:1-events) I 2 0 0 0 -1 69238880 0 0 0 0 0 0 0 0 20 0 1 0 3 0 0\n"), 0);
	cr_expect_str_eq(stat.comm, "kworker/0:1");
	cr_assert_eq(parse(&stat, "9 (kworker/u8:2+flush-254:0) I 2 0 0 0 -1 69238880 0 0 0 0 0 0 0 0 20 0 1 0 3 0 0\n"), 0);
	cr_expect_str_eq(stat.comm, "kworker/u8:2");
	cr_assert_eq(parse(&stat, "9 (kworker/R-rcu_gp) I 2 0 0 0 -1 69238880 0 0 0 0 0 0 0 0 20 0 1 0 3 0 0\n"), 0);
	cr_expect_str_eq(stat.comm, "kworker/R-rcu_g");
}

Test(proc_scan, nonsense_and_cut_lines_are_refused)
{
	static const char whole[] = "7 (x) S 3 7 7 0 -1 64 0 0 0 0 0 0 0 0 20 0 5 0 99";
	struct proc_stat stat;

	for (size_t size = 0; size < sizeof(whole) - 3; size++)
		cr_expect_eq(proc_stat_parse(&stat, whole, size), -EINVAL, "%zu bytes", size);
	cr_expect_eq(parse(&stat, whole), 0);
	cr_expect_eq(parse(&stat, "x (x) S"), -EINVAL);
	cr_expect_eq(parse(&stat, "7 (x S 3 7 7 0 -1 64 0 0 0 0 0 0 0 0 20 0 5 0 99"), -EINVAL);
	cr_expect_eq(parse(&stat, "7 (x) S 3 seven 7 0 -1 64 0 0 0 0 0 0 0 0 20 0 5 0 99"), -EINVAL);
}

static int add_up(void *context, uint32_t number)
{
	*(uint32_t *)context += number;
	return 0;
}

Test(proc_scan, only_numbers_are_processes)
{
	struct proc_tree tree;
	uint32_t sum = 0;
	int fd;

	proc_tree_init(&tree);
	proc_tree_put(&tree, &(struct proc_tree_process){.pid = 10, .comm = "a", .threads = 3});
	proc_tree_put(&tree, &(struct proc_tree_process){.pid = 20, .comm = "b"});
	proc_tree_write(&tree, "30x/stat", "");
	fd = open(tree.path, O_RDONLY | O_DIRECTORY);
	cr_assert_eq(proc_each_process(fd, add_up, &sum, NULL), 0);
	cr_expect_eq(sum, 30);
	sum = 0;
	cr_assert_eq(proc_each_thread(fd, 10, add_up, &sum), 0);
	cr_expect_eq(sum, 33);
	cr_expect_eq(proc_each_thread(fd, 11, add_up, &sum), -ENOENT);
	close(fd);
	proc_tree_done(&tree);
}

Test(proc_scan, gone_is_told_from_senseless)
{
	struct proc_tree tree;
	struct proc_stat stat;
	int fd;

	proc_tree_init(&tree);
	proc_tree_write(&tree, "40/stat", "not a stat line\n");
	proc_tree_write(&tree, "50/stat", "51 (x) S 3 7 7 0 -1 64 0 0 0 0 0 0 0 0 20 0 5 0 99 0\n");
	fd = open(tree.path, O_RDONLY | O_DIRECTORY);
	cr_expect_eq(proc_read_stat(fd, 30, &stat), -ENOENT);
	cr_expect_eq(proc_read_stat(fd, 40, &stat), -EINVAL);
	cr_expect_eq(proc_read_stat(fd, 50, &stat), -EINVAL);
	close(fd);
	proc_tree_done(&tree);
}

static struct proc_tree host;
static int host_fd;

static void open_host(void)
{
	char path[128];

	proc_tree_init(&host);
	proc_tree_put(&host, &(struct proc_tree_process){.pid = 10, .comm = "a"});
	(void)snprintf(path, sizeof(path), "%s/10/cwd", host.path);
	cr_assert_eq(symlink("/var/lib", path), 0);
	host_fd = open(host.path, O_RDONLY | O_DIRECTORY);
}

static void close_host(void)
{
	close(host_fd);
	proc_tree_done(&host);
}

Test(proc_scan, a_working_directory_is_read_with_its_length, .init = open_host, .fini = close_host)
{
	char path[PROC_PATH_BYTES];

	cr_assert_eq(proc_read_cwd(host_fd, 10, path), 8);
	cr_expect_str_eq(path, "/var/lib");
	cr_expect_eq(proc_read_cwd(host_fd, 11, path), -ENOENT);
}

Test(proc_scan, credentials_are_read_or_nothing_is_known, .init = open_host, .fini = close_host)
{
	struct credentials c = {.known = true, .uid = 5};

	cr_expect_eq(proc_read_credentials(host_fd, 10, &c), -ENOENT);
	cr_expect_not(c.known);
	cr_expect_eq(c.uid, 0);
	proc_tree_write(&host, "10/status", "Name:\ta\nState:\tS (sleeping)\n");
	cr_expect_eq(proc_read_credentials(host_fd, 10, &c), -ENODATA);
	cr_expect_not(c.known);
	proc_tree_write(&host, "10/status", "Name:\ta\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\n");
	cr_expect_eq(proc_read_credentials(host_fd, 10, &c), 0);
	cr_expect(c.known && c.late);
	cr_expect_eq(c.fsgid, 8);
}

/* The kernel's own files, as they are now. */
Test(proc_scan, what_proc_shows_of_this_process_is_true)
{
	char path[PROC_PATH_BYTES], *cwd = getcwd(NULL, 0);
	int fd = open("/proc", O_RDONLY | O_DIRECTORY);
	struct credentials c;

	cr_assert_eq(proc_read_cwd(fd, (uint32_t)getpid(), path), (int)strlen(cwd));
	cr_expect_str_eq(path, cwd);
	cr_assert_eq(proc_read_credentials(fd, (uint32_t)getpid(), &c), 0);
	cr_expect_eq(c.uid, getuid());
	cr_expect_eq(c.egid, getegid());
	close(fd);
	free(cwd);
}
