#include "tracing/stack_dump.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte chooses the word size, the next eight are the stack pointer. The seed is the stack of `env -i LANG=C HOME=/ sleep 5`, read
 * from /proc/PID/mem at the place that /proc/PID/stat calls startstack. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stack_dump dump = {.bytes = data + 9, .size = size - 9, .word_bytes = size && data[0] & 1 ? 4 : 8};
	struct stack_arguments found;

	if (size < 9)
		return 0;
	memcpy(&dump.stack_pointer, data + 1, sizeof(dump.stack_pointer));
	if (stack_dump_parse(&dump, &found) == 0 && found.count)
		assert(found.count <= found.argc && found.strings[found.strings_size - 1] == '\0');
	return 0;
}
