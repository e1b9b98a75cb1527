#include "tracing/dentry_path.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHAIN_NAMES 3
#define TEXT_BYTES  64

static struct format_field word(uint16_t *offset)
{
	struct format_field field = {.offset = *offset, .size = 8, .element_size = 8};

	*offset += 8;
	return field;
}

static struct format_field string(uint16_t *offset)
{
	struct format_field field = {.offset = *offset, .size = 4, .element_size = 4, .is_data_loc = true};

	*offset += 4;
	return field;
}

/* Three names in each chain. All pointers first: mount, then per chain root, parent and four dentries; then the names. */
static struct dentry_path path_of(uint8_t choice)
{
	struct dentry_path p = {.kind = choice % 3,
				.chain_count = choice % 3 == DENTRY_PATH_OF_DENTRY ? 1 : DENTRY_PATH_CHAINS,
				.vfsmount = 32};
	uint16_t offset = 0;

	p.mount = word(&offset);
	for (int i = 0; i < DENTRY_PATH_CHAINS; i++) {
		p.chains[i].root = word(&offset);
		p.chains[i].parent = word(&offset);
		for (int level = 0; level <= CHAIN_NAMES; level++)
			p.chains[i].dentries[level] = word(&offset);
	}
	for (int i = 0; i < DENTRY_PATH_CHAINS; i++) {
		p.chains[i].count = CHAIN_NAMES;
		for (int level = 0; level < CHAIN_NAMES; level++) {
			uint8_t words = choice & 0x80 && (i || level) ? 2 : 0;

			p.chains[i].names[level].words = words;
			p.chains[i].names[level].field = words ? word(&offset) : string(&offset);
			if (words)
				word(&offset);
		}
	}
	return p;
}

/* The first byte chooses what is captured and how, the second the size of the buffer; the rest is the record. The seeds were made by hand:
 * files on one, two and three mounts. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dentry_path p;
	uint32_t room;
	uint32_t length = UINT32_MAX;
	enum dentry_path_result result;
	uint8_t *raw;
	char *text;

	if (size < 2 || size > UINT16_MAX)
		return 0;
	p = path_of(data[0]);
	room = data[1] % TEXT_BYTES + 1;
	raw = malloc(size - 1);
	text = malloc(room);
	if (!raw || !text)
		abort();
	memcpy(raw, data + 2, size - 2);
	result = dentry_path_read(&p, raw, (uint32_t)size - 2, text, room, &length);
	assert(length < room && text[length] == '\0');
	assert(result != DENTRY_PATH_WHOLE || text[0] == '/');
	assert(result != DENTRY_PATH_ABSENT || !length);
	free(raw);
	free(text);
	return 0;
}
