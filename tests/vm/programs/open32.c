/*
 * open32: a 32-bit program that opens the file `32` in its current directory, making it; exits with 0 when that went well.
 *
 * Built for the 32-bit x86 without libc or headers, which needs no 32-bit packages; so the start of the program and the numbers are here.
 */
enum {
	EXIT = 1,
	OPEN = 5,
	O_RDWR_CREAT_CLOEXEC = 02000102,
	MODE = 0642,
};

static int call(int number, long a, int b, int c)
{
	int result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
	return result;
}

__attribute__((noreturn, used)) static void run(void)
{
	int fd = call(OPEN, (long)"32", O_RDWR_CREAT_CLOEXEC, MODE);

	for (;;)
		call(EXIT, fd < 0, 0, 0);
}

__asm__(".globl _start\n_start:\n\tandl $-16, %esp\n\tcall run\n");
