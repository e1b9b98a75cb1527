/* A 32-bit program without libc, at a fixed address: it is read, never run. */
int probed_function(void);
void _start(void);

__attribute__((noinline, noclone)) int probed_function(void)
{
	return 0x51000081;
}

void _start(void)
{
	for (;;)
		probed_function();
}
