#include "tests/support/layout_file.h"

#include "base/cleanup.h"

#include <errno.h>
#include <inttypes.h>

int layout_file_write(const char *path, const struct layout_capture *c)
{
	cleanup_fclose FILE *file = fopen(path, "we");

	if (!file)
		return -errno;
	for (uint32_t i = 0; i < c->row_count; i++)
		fprintf(file, "row %s %u\n", c->rows[i].name, c->row_offsets[i]);
	for (uint32_t i = 0; i < c->count; i++) {
		fprintf(file, "sample %u ", c->samples[i].step);
		for (uint32_t at = 0; at < c->samples[i].size; at++)
			fprintf(file, "%02x", c->samples[i].raw[at]);
		fputc('\n', file);
	}
	return ferror(file) ? -EIO : 0;
}

static int read_hex(FILE *file, struct layout_sample *sample)
{
	unsigned int byte;

	while (sample->size < sizeof(sample->raw) && fscanf(file, "%2x", &byte) == 1) {
		sample->raw[sample->size++] = (uint8_t)byte;
		int next = fgetc(file);

		if (next == '\n' || next == EOF)
			return 0;
		ungetc(next, file);
	}
	return -EINVAL;
}

static int read_row(FILE *file, const struct layout_row *row, uint16_t *ret_offset)
{
	char name[16];

	if (fscanf(file, " row %15s %" SCNu16, name, ret_offset) != 2 || strcmp(name, row->name) != 0)
		return -EINVAL;
	return 0;
}

int layout_file_read(const char *path, const struct layout_row *rows, uint32_t row_count, struct layout_capture **ret)
{
	cleanup_free struct layout_capture *c = calloc(1, sizeof(*c));
	cleanup_fclose FILE *file = fopen(path, "re");
	uint8_t step;
	int r = 0;

	if (!c || !file)
		return c ? -errno : -ENOMEM;
	c->rows = rows;
	c->row_count = row_count;
	for (uint32_t i = 0; !r && i < row_count; i++)
		r = read_row(file, &rows[i], &c->row_offsets[i]);
	while (!r && c->count < LAYOUT_SAMPLES_MAX && fscanf(file, " sample %" SCNu8 " ", &step) == 1) {
		c->samples[c->count].step = step;
		r = read_hex(file, &c->samples[c->count++]);
	}
	if (r)
		return r;
	*ret = take_pointer(c);
	return 0;
}
