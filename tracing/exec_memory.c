#include "tracing/exec_memory.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

#define PIECE_BYTES 4096
#define PIECES      16

/* Field of /proc/PID/stat (proc(5)). */
#define STAT_ARG_START 48

int exec_memory_init(struct exec_memory *m, uint32_t pid, const struct stack_dump *dump, const struct stack_arguments *arguments)
{
	const uint8_t *proof = arguments->random;
	size_t pointers = ((size_t)arguments->argc + 1) * dump->word_bytes;

	if (!arguments->strings_address)
		return -ENODATA;
	*m = (struct exec_memory){
		.pid = pid,
		.argc = arguments->argc,
		.strings_address = arguments->strings_address,
		.strings_end = arguments->strings_end,
		.proof_address = arguments->random_address,
		.proof_bytes = STACK_DUMP_RANDOM_BYTES,
	};
	if (m->strings_end <= m->strings_address)
		m->strings_end = 0;
	if (!proof) {
		proof = dump->bytes;
		m->proof_address = dump->stack_pointer;
		m->proof_bytes = pointers < sizeof(m->proof) ? pointers : sizeof(m->proof);
		if (m->proof_bytes > dump->size)
			m->proof_bytes = dump->size;
	}
	memcpy(m->proof, proof, m->proof_bytes);
	return 0;
}

/* Cuts [address, address + size) at page boundaries: a transfer that meets the end of the stack ends with a whole piece. */
static unsigned int cut_pieces(struct iovec pieces[PIECES], uint64_t address, size_t size)
{
	unsigned int count = 0;

	while (size && count < PIECES) {
		size_t length = PIECE_BYTES - address % PIECE_BYTES;

		if (length > size)
			length = size;
		pieces[count++] =
			(struct iovec){.iov_base = (void *)(uintptr_t)address, .iov_len = length}; // NOLINT(performance-no-int-to-ptr)
		address += length;
		size -= length;
	}
	return count;
}

/* Appends up to PIECES pieces from `address` on. Returns how many bytes, 0 when there are no more there. */
static ssize_t read_pieces(const struct exec_memory *m, uint64_t address, size_t size, struct buffer *ret)
{
	uint8_t proof[EXEC_MEMORY_PROOF_BYTES];
	struct iovec remote[1 + PIECES] = {{.iov_base = (void *)(uintptr_t)m->proof_address, // NOLINT(performance-no-int-to-ptr)
					    .iov_len = m->proof_bytes}};
	struct iovec local[2] = {{.iov_base = proof, .iov_len = m->proof_bytes}};
	unsigned int pieces = cut_pieces(remote + 1, address, size);
	ssize_t n;

	local[1].iov_base = buffer_reserve(ret, size);
	local[1].iov_len = size;
	if (!local[1].iov_base)
		return -ENOMEM;
	n = process_vm_readv((pid_t)m->pid, local, 2, remote, 1 + pieces, 0);
	if (n < 0)
		return errno == EFAULT ? -ESTALE : -errno;
	/* One call reads from one memory: it keeps hold of it from the first byte to the last. */
	if (n < (ssize_t)m->proof_bytes || memcmp(proof, m->proof, m->proof_bytes) != 0)
		return -ESTALE;
	n -= (ssize_t)m->proof_bytes;
	ret->length += (size_t)n;
	return n;
}

/* Counts the NULs from `from` on, up to `wanted` of them. */
static uint32_t count_strings(const uint8_t *from, const uint8_t *end, uint32_t wanted)
{
	uint32_t count = 0;

	while (count < wanted && from < end) {
		const uint8_t *nul = memchr(from, '\0', (size_t)(end - from));

		if (!nul)
			break;
		count++;
		from = nul + 1;
	}
	return count;
}

static int read_directly(const struct exec_memory *m, struct buffer *ret)
{
	uint64_t address = m->strings_address;
	uint32_t count = 0;

	while (count < m->argc) {
		size_t size = (size_t)PIECES * PIECE_BYTES - address % PIECE_BYTES;
		ssize_t n;

		if (m->strings_end && m->strings_end - address < size)
			size = m->strings_end - address;
		n = size ? read_pieces(m, address, size, ret) : 0;
		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		count += count_strings(ret->data + ret->length - n, ret->data + ret->length, m->argc - count);
		address += (uint64_t)n;
	}
	return (int)count;
}

static ssize_t read_proc_file(uint32_t pid, const char *name, void *ret, size_t size)
{
	char path[48];
	cleanup_close int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	/* One read, because each read looks at the memory that the process has at that moment. */
	n = read(fd, ret, size);
	return n < 0 ? -errno : n;
}

/* Where argv[0] of the running program lies, and how many bytes the arguments had; -ESRCH when it is on its way out. */
static int read_argument_range(uint32_t pid, uint64_t *ret_start, uint64_t *ret_end)
{
	char text[2048];
	const char *at;
	ssize_t n = read_proc_file(pid, "stat", text, sizeof(text) - 1);

	if (n < 0)
		return (int)n;
	text[n] = '\0';
	at = strrchr(text, ')');
	for (int field = 2; at && field < STAT_ARG_START; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, " %" SCNu64 " %" SCNu64, ret_start, ret_end) != 2)
		return -ENODATA;
	return *ret_start && *ret_end >= *ret_start ? 0 : -ESRCH;
}

static int read_command_line(const struct exec_memory *m, struct buffer *ret)
{
	uint64_t start;
	uint64_t end;
	uint8_t *bytes;
	size_t size;
	ssize_t n;
	int r;

	r = read_argument_range(m->pid, &start, &end);
	if (r < 0)
		return r;
	if (start != m->strings_address || end - start > EXEC_MEMORY_BYTES_MAX)
		return -ESTALE;
	size = (size_t)(end - start);
	bytes = buffer_reserve(ret, size + 1);
	if (!bytes)
		return -ENOMEM;
	n = read_proc_file(m->pid, "cmdline", bytes, size);
	if (n < 0)
		return (int)n;
	r = read_argument_range(m->pid, &start, &end);
	if (r < 0)
		return r;
	if (start != m->strings_address)
		return -ESTALE;
	ret->length += (size_t)n;
	return (int)count_strings(bytes, bytes + n, m->argc);
}

int exec_memory_read(const struct exec_memory *m, struct buffer *ret)
{
	size_t length = ret->length;
	int count = read_directly(m, ret);

	if (count != -EPERM && count != -ENOSYS)
		return count;
	ret->length = length;
	return read_command_line(m, ret);
}
