/* The second source of library.c's library. */
int second_calls_twin(void);

__attribute__((noinline, noclone, used)) static int twin(void)
{
	return 0x51000042;
}

int second_calls_twin(void)
{
	return twin();
}
