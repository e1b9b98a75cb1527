#ifndef TESTS_SUPPORT_TEMPORARY_H
#define TESTS_SUPPORT_TEMPORARY_H

/* A new, empty directory in /tmp. Asserts. */
#define TEMPORARY_PATH_BYTES 64
void temporary_make(char path[TEMPORARY_PATH_BYTES]);

/* Removes a directory and all that is in it, or a file. 0; -1: not all of it, or it was not there. */
int temporary_remove(const char *path);

#endif
