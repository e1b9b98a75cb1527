#include "cli/symbols.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>

#define FLAG(name)                      \
	{                               \
		(uint64_t)(name), #name \
	}

static const struct {
	uint64_t bit;
	const char *name;
} clone_flags[] = {
	FLAG(CLONE_VM),
	FLAG(CLONE_FS),
	FLAG(CLONE_FILES),
	FLAG(CLONE_SIGHAND),
	FLAG(CLONE_PIDFD),
	FLAG(CLONE_PTRACE),
	FLAG(CLONE_VFORK),
	FLAG(CLONE_PARENT),
	FLAG(CLONE_THREAD),
	FLAG(CLONE_NEWNS),
	FLAG(CLONE_SYSVSEM),
	FLAG(CLONE_SETTLS),
	FLAG(CLONE_PARENT_SETTID),
	FLAG(CLONE_CHILD_CLEARTID),
	FLAG(CLONE_DETACHED),
	FLAG(CLONE_UNTRACED),
	FLAG(CLONE_CHILD_SETTID),
	FLAG(CLONE_NEWCGROUP),
	FLAG(CLONE_NEWUTS),
	FLAG(CLONE_NEWIPC),
	FLAG(CLONE_NEWUSER),
	FLAG(CLONE_NEWPID),
	FLAG(CLONE_NEWNET),
	FLAG(CLONE_IO),
	FLAG(CLONE_CLEAR_SIGHAND),
	FLAG(CLONE_INTO_CGROUP),
};

/* As 64-bit programs of this machine pass them; those that have others in them stand in front of these. */
static const struct {
	uint64_t bit;
	const char *name;
} open_flags[] = {
	FLAG(O_CREAT),
	FLAG(O_EXCL),
	FLAG(O_NOCTTY),
	FLAG(O_TRUNC),
	FLAG(O_APPEND),
	FLAG(O_NONBLOCK),
	FLAG(O_SYNC),
	FLAG(O_DSYNC),
	FLAG(O_ASYNC),
	FLAG(O_DIRECT),
	FLAG(O_TMPFILE),
	FLAG(O_DIRECTORY),
	FLAG(O_NOFOLLOW),
	FLAG(O_NOATIME),
	FLAG(O_CLOEXEC),
	FLAG(O_PATH),
	/* The C library has 0 for it here, the kernel adds it to every open of a 64-bit program. */
	{0100000, "O_LARGEFILE"},
};

/* The kernel's include/linux/errno.h, which is not for user space. */
static const struct {
	int64_t number;
	const char *name;
} kernel_errors[] = {
	{512, "ERESTARTSYS"}, {513, "ERESTARTNOINTR"}, {514, "ERESTARTNOHAND"}, {515, "ENOIOCTLCMD"}, {516, "ERESTART_RESTARTBLOCK"},
};

void symbol_put_signal(struct buffer *out, uint32_t signal)
{
	/* The kernel's first real-time signal is 32; the C library keeps some for itself and counts from the next. */
	int first = SIGRTMIN;
	int last = SIGRTMAX;
	const char *name = signal < 32 ? sigabbrev_np((int)signal) : NULL;

	if (name)
		buffer_printf(out, "SIG%s", name);
	else if (signal >= (uint32_t)first && signal <= (uint32_t)last)
		buffer_printf(out, "SIGRTMIN+%u", signal - (uint32_t)first);
	else
		buffer_printf(out, "%" PRIu32, signal);
}

const char *symbol_errno(int64_t number)
{
	for (size_t i = 0; i < sizeof(kernel_errors) / sizeof(kernel_errors[0]); i++)
		if (kernel_errors[i].number == number)
			return kernel_errors[i].name;
	return number > 0 && number < 4096 ? strerrorname_np((int)number) : NULL;
}

void symbol_put_open_flags(struct buffer *out, uint32_t flags)
{
	static const char *const modes[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};
	uint64_t rest = flags & ~(uint32_t)O_ACCMODE;

	buffer_put_string(out, modes[flags & O_ACCMODE]);
	for (size_t i = 0; i < sizeof(open_flags) / sizeof(open_flags[0]); i++) {
		if ((rest & open_flags[i].bit) != open_flags[i].bit)
			continue;
		buffer_printf(out, "|%s", open_flags[i].name);
		rest &= ~open_flags[i].bit;
	}
	if (rest)
		buffer_printf(out, "|0x%" PRIx64, rest);
}

void symbol_put_clone_flags(struct buffer *out, uint64_t flags)
{
	uint64_t rest = flags & ~UINT64_C(0xff);
	const char *separator = "";

	if (flags & 0xff) {
		symbol_put_signal(out, (uint32_t)(flags & 0xff));
		separator = "|";
	}
	for (size_t i = 0; i < sizeof(clone_flags) / sizeof(clone_flags[0]); i++) {
		if (!(rest & clone_flags[i].bit))
			continue;
		buffer_printf(out, "%s%s", separator, clone_flags[i].name);
		rest &= ~clone_flags[i].bit;
		separator = "|";
	}
	if (rest || !flags)
		buffer_printf(out, rest ? "%s0x%" PRIx64 : "%s%" PRIu64, separator, rest);
}
