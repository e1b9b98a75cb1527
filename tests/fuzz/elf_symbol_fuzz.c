/* Seeds: tests/probed/ built small, see tests/fuzz/corpus/elf_symbol.txt. */
#include "tracing/elf_symbol.h"
#include "tracing/elf_entry.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void find(const struct target_path *target, const char *place)
{
	struct elf_symbol symbol;
	struct error err = {0};
	int r = elf_symbol_find(target, place, &symbol, &err);

	assert(r <= 0 && err.code == r && (r == 0 || err.message[0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const places[] = {"plain", "versioned@PROBED_1", "chosen", "twin+1", "nothing", "0x1000"};
	struct target_path target = {.inner = "/nowhere/file"};
	int fd = memfd_create("elf", MFD_CLOEXEC);
	uint64_t entry;

	assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(target.path, sizeof(target.path), "/proc/self/fd/%d", fd);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		find(&target, places[i]);
	(void)elf_entry_offset(target.path, &entry, NULL);
	close(fd);
	return 0;
}
