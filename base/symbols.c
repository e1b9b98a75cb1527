#include "base/symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FLAG(name)                      \
	{                               \
		(uint64_t)(name), #name \
	}

struct flag {
	uint64_t bit;
	const char *name;
};

static const struct flag clone_flags[] = {
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

static const struct flag access_modes[] = {FLAG(O_ACCMODE), FLAG(O_RDWR), FLAG(O_WRONLY), FLAG(O_RDONLY)};

static const struct flag mode_bits[] = {
	FLAG(S_ISUID), FLAG(S_ISGID), FLAG(S_ISVTX), FLAG(S_IRWXU), FLAG(S_IRUSR), FLAG(S_IWUSR), FLAG(S_IXUSR),  FLAG(S_IRWXG),
	FLAG(S_IRGRP), FLAG(S_IWGRP), FLAG(S_IXGRP), FLAG(S_IRWXO), FLAG(S_IROTH), FLAG(S_IWOTH), FLAG(S_IXOTH),  FLAG(S_IFMT),
	FLAG(S_IFREG), FLAG(S_IFDIR), FLAG(S_IFCHR), FLAG(S_IFBLK), FLAG(S_IFIFO), FLAG(S_IFLNK), FLAG(S_IFSOCK),
};

/* Second names of numbers that have another first. */
static const struct flag errno_aliases[] = {FLAG(EWOULDBLOCK), FLAG(EDEADLOCK), FLAG(EOPNOTSUPP), FLAG(ENOTSUP)};
static const struct flag signal_aliases[] = {FLAG(SIGIO), FLAG(SIGPOLL), FLAG(SIGIOT), FLAG(SIGCLD)};

/* As 64-bit programs of this machine pass them; those that have others in them stand in front of these. */
static const struct flag open_flags[] = {
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
	for (size_t i = 0; i < COUNT(kernel_errors); i++)
		if (kernel_errors[i].number == number)
			return kernel_errors[i].name;
	return number > 0 && number < 4096 ? strerrorname_np((int)number) : NULL;
}

void symbol_put_open_flags(struct buffer *out, uint32_t flags)
{
	static const char *const modes[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};
	uint64_t rest = flags & ~(uint32_t)O_ACCMODE;

	buffer_put_string(out, modes[flags & O_ACCMODE]);
	for (size_t i = 0; i < COUNT(open_flags); i++) {
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
	for (size_t i = 0; i < COUNT(clone_flags); i++) {
		if (!(rest & clone_flags[i].bit))
			continue;
		buffer_printf(out, "%s%s", separator, clone_flags[i].name);
		rest &= ~clone_flags[i].bit;
		separator = "|";
	}
	if (rest || !flags)
		buffer_printf(out, rest ? "%s0x%" PRIx64 : "%s%" PRIu64, separator, rest);
}

#define ERRNO_COUNT  4096
#define SIGNAL_COUNT 32

size_t symbol_count(enum symbol_family family)
{
	static const size_t counts[] = {
		[SYMBOL_OPEN_FLAG] = COUNT(access_modes) + COUNT(open_flags),
		[SYMBOL_CLONE_FLAG] = COUNT(clone_flags),
		[SYMBOL_MODE] = COUNT(mode_bits),
		[SYMBOL_ERRNO] = ERRNO_COUNT + COUNT(errno_aliases),
		[SYMBOL_SIGNAL] = SIGNAL_COUNT + COUNT(signal_aliases),
	};

	return counts[family];
}

static bool take(struct symbol *ret, const char *prefix, const char *name, uint64_t value)
{
	if (!name)
		return false;
	snprintf(ret->name, sizeof(ret->name), "%s%s", prefix, name);
	ret->value = value;
	return true;
}

static bool take_flag(struct symbol *ret, const struct flag *flag)
{
	return take(ret, "", flag->name, flag->bit);
}

bool symbol_at(enum symbol_family family, size_t index, struct symbol *ret)
{
	switch (family) {
	case SYMBOL_OPEN_FLAG:
		return take_flag(ret, index < COUNT(access_modes) ? &access_modes[index] : &open_flags[index - COUNT(access_modes)]);
	case SYMBOL_CLONE_FLAG:
		return take_flag(ret, &clone_flags[index]);
	case SYMBOL_MODE:
		return take_flag(ret, &mode_bits[index]);
	case SYMBOL_ERRNO:
		if (index >= ERRNO_COUNT)
			return take_flag(ret, &errno_aliases[index - ERRNO_COUNT]);
		return take(ret, "", symbol_errno((int64_t)index), index);
	case SYMBOL_SIGNAL:
		if (index >= SIGNAL_COUNT)
			return take_flag(ret, &signal_aliases[index - SIGNAL_COUNT]);
		return take(ret, "SIG", sigabbrev_np((int)index), index);
	}
	return false;
}
