/*
 * A shared library with every kind of function symbol. Each function returns a number of its own, which stands in its first instruction, so that
 * a place in the file can be told to be the right one by its bytes.
 */
#define FUNCTION __attribute__((noinline, noclone, used))

int plain(void);
int versioned_1(void);
int versioned_2(void);
int retired_1(void);
int weak_one(void);
int chosen(void);
int library_calls_twin(void);
int second_calls_twin(void);

FUNCTION int plain(void)
{
	return 0x51000001;
}

/* Two versions of one function; of another, only an old one is left. */
__asm__(".symver versioned_1, versioned@PROBED_1");
__asm__(".symver versioned_2, versioned@@PROBED_2");
__asm__(".symver retired_1, retired@PROBED_1");

FUNCTION int versioned_1(void)
{
	return 0x51000011;
}

FUNCTION int versioned_2(void)
{
	return 0x51000012;
}

FUNCTION int retired_1(void)
{
	return 0x51000013;
}

__attribute__((weak)) FUNCTION int weak_one(void)
{
	return 0x51000021;
}

FUNCTION static int local_one(void)
{
	return 0x51000031;
}

/* library_second.c has one of this name, too. */
FUNCTION static int twin(void)
{
	return 0x51000041;
}

int library_calls_twin(void)
{
	return twin() + local_one();
}

FUNCTION static int chosen_fast(void)
{
	return 0x51000051;
}

__attribute__((used)) static int (*resolve_chosen(void))(void)
{
	return chosen_fast;
}

int chosen(void) __attribute__((ifunc("resolve_chosen")));
