#ifndef BASE_PRINTABLE_H
#define BASE_PRINTABLE_H

#include <stddef.h>

/*
 * What of a foreign text may reach a terminal or a log as it is: characters of valid UTF-8 (RFC 3629) that are no control characters, no line
 * or paragraph separators, and neither invisible nor able to change the direction of writing.
 *
 * The bytes of the character that the NUL-terminated `text` begins with; 0: its first byte has to be escaped, and is NUL at the end.
 */
size_t printable_size(const char *text);

#endif
