#include "tests/support/probed_program.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct probed_program probed_program_start(void (*enter)(void), const char *path, int calls)
{
	struct probed_program p;
	int go[2], ready[2];
	char text[16];

	cr_assert_eq(pipe2(go, O_CLOEXEC), 0);
	cr_assert_eq(pipe2(ready, O_CLOEXEC), 0);
	p.pid = fork();
	if (p.pid == 0) {
		snprintf(text, sizeof(text), "%d", calls);
		if (enter)
			enter();
		dup2(go[0], STDIN_FILENO);
		dup2(ready[1], STDOUT_FILENO);
		execl(path, path, text, NULL);
		_exit(1);
	}
	close(go[0]);
	close(ready[1]);
	p.go = go[1];
	cr_assert_gt(read(ready[0], text, sizeof(text)), 0, "%s did not start", path);
	close(ready[0]);
	return p;
}

void probed_program_enter_chroot(const char *root, const char *program)
{
	char command[256];

	snprintf(command, sizeof(command), "cp %s opt/probed_tool", program);
	if (chdir(root) || mkdir("bin", 0755) || mkdir("opt", 0755) || system(command) || symlink("/opt/probed_tool", "bin/tool") ||
	    chroot("."))
		_exit(1);
}

void probed_program_finish(struct probed_program p)
{
	int status;

	close(p.go);
	cr_assert_eq(waitpid(p.pid, &status, 0), p.pid);
	cr_assert_eq(status, 0);
}
