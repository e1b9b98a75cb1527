/* calls NUMBER TEXT MEMBER: calls take() once, with the number, the text, and a structure whose second member is MEMBER. */
#include <stdint.h>
#include <stdlib.h>

struct pair {
	int64_t first;
	int64_t second;
};

int take(int number, const char *text, const struct pair *pair);

__attribute__((noinline, noclone)) int take(int number, const char *text, const struct pair *pair)
{
	/* Whatever it is made of, it is not known before. */
	__asm__ volatile("" : : "r"(text), "r"(pair) : "memory");
	return number - 1;
}

int main(int argc, char **argv)
{
	struct pair pair = {.first = 1};
	int number;

	if (argc != 4)
		return 64;
	number = atoi(argv[1]);
	pair.second = strtoll(argv[3], NULL, 10);
	return take(number, argv[2], &pair) == number - 1 ? 0 : 1;
}
