#ifndef TESTS_CLI_VERB_H
#define TESTS_CLI_VERB_H

/* Runs a verb as main() would, with words up to a NULL, of which it gets copies: getopt(3) moves them around. Returns the exit status. */
int verb_run(int (*verb)(int argc, char **argv), const char *const *words);
#define VERB_RUN(verb, ...) verb_run(verb, (const char *const[]){__VA_ARGS__, NULL})

/* What came to standard output and to standard error, which have to be redirected (cr_redirect_stdout()), since the last call; valid until the next one. */
char *verb_printed(void);
char *verb_said(void);

#endif
