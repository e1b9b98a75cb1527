#include "tests/cli/verb.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 32

static char *drain(FILE *from, char *to, size_t size)
{
	size_t length;

	fflush(stdout);
	fflush(stderr);
	length = fread(to, 1, size - 1, from);
	to[length] = '\0';
	return to;
}

char *verb_printed(void)
{
	static char text[1 << 18];

	return drain(cr_get_redirected_stdout(), text, sizeof(text));
}

char *verb_said(void)
{
	static char text[1 << 16];

	return drain(cr_get_redirected_stderr(), text, sizeof(text));
}

int verb_run(int (*verb)(int argc, char **argv), const char *const *words)
{
	char *argv[WORDS_MAX + 1] = {NULL}, *copies[WORDS_MAX] = {NULL};
	int argc = 0, status;

	for (; words[argc]; argc++) {
		cr_assert_lt(argc, WORDS_MAX);
		argv[argc] = copies[argc] = strdup(words[argc]);
	}
	status = verb(argc, argv);
	for (int i = 0; i < argc; i++)
		free(copies[i]);
	return status;
}
