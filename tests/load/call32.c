/*
 * call32 CALLS NUMBER: a 32-bit program that makes system call NUMBER (of the 32-bit table) CALLS times, with -1, a count from 0, and 0.
 *
 * Built for the 32-bit x86 without libc or headers, which needs no 32-bit packages; so the start of the program and the numbers are here.
 */
enum {
	EXIT = 1
};

static int call(int number, int a, int b, int c)
{
	int result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
	return result;
}

static int number_of(const char *text)
{
	int n = 0;

	while (*text >= '0' && *text <= '9')
		n = n * 10 + (*text++ - '0');
	return n;
}

/* stack: argc, then argv. */
__attribute__((noreturn, used)) static void run(const int *stack)
{
	char *const *argv = (char *const *)(stack + 1);

	if (stack[0] == 3) {
		int calls = number_of(argv[1]), number = number_of(argv[2]);

		for (int i = 0; i < calls; i++)
			call(number, -1, i, 0);
	}
	for (;;)
		call(EXIT, stack[0] == 3 ? 0 : 2, 0, 0);
}

__asm__(".globl _start\n_start:\n\tmovl %esp, %eax\n\tandl $-16, %esp\n\tsubl $12, %esp\n\tpushl %eax\n\tcall run\n");
