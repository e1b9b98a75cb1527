#include "sensor/capture.h"

#include "base/cleanup.h"
#include "tracing/format.h"

#include <criterion/criterion.h>

/* The sources' tables against the formats of whole kernels (tests/data/formats/README). */

#define FORMAT_BYTES_MAX 16384

static const char *const kernels[] = {"5.10", "6.1", "6.12", "7.2"};

/* NULL: a kernel that need not have it does not. */
static struct format *parse(const char *kernel, const struct source_probe *row)
{
	cleanup_free char *text = calloc(1, FORMAT_BYTES_MAX);
	cleanup_fclose FILE *file = NULL;
	struct format *format = NULL;
	struct error err = {0};
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/formats/%s/%s/%s/format", TEST_DATA, kernel, row->system, row->name);
	file = fopen(path, "r");
	if (!file && row->optional)
		return NULL;
	cr_assert(file && text, "%s is not there: a line in tests/data/formats/NAMES and make capture-kernels bring it", path);
	cr_assert_eq(format_parse(&format, row->system, row->name, text, fread(text, 1, FORMAT_BYTES_MAX, file), &err), 0, "%s: %s", path,
		     err.message);
	return format;
}

static void check_row(const char *kernel, const struct source_probe *row)
{
	struct format *format = parse(kernel, row);

	for (size_t i = 0; format && i < SOURCE_FIELDS_MAX && row->fields[i]; i++) {
		struct format_field field;
		struct error err;

		if (row->fields[i][0] != '?')
			cr_expect_eq(format_field(format, row->fields[i], &field, &err), 0, "%s: %s", kernel, err.message);
	}
	format_free(format);
}

static void check_source(const struct source_probe *rows, size_t count)
{
	for (size_t k = 0; k < sizeof(kernels) / sizeof(kernels[0]); k++)
		for (size_t i = 0; i < count; i++)
			check_row(kernels[k], &rows[i]);
}

Test(captured_kernels, each_has_all_fields_that_process_events_are_made_of)
{
	check_source(process_source, process_source_count);
}

Test(captured_kernels, each_has_all_fields_that_system_call_events_are_made_of)
{
	check_source(syscall_source, syscall_source_count);
}

static void check_candidate(const struct source_candidate *candidate)
{
	for (size_t i = 0; candidate->probes[i]; i++)
		for (size_t k = 0; k < sizeof(kernels) / sizeof(kernels[0]); k++)
			if (candidate->probes[i]->type == SOURCE_TRACEPOINT)
				check_row(kernels[k], candidate->probes[i]);
}

Test(captured_kernels, each_has_all_fields_that_every_other_way_to_capture_is_made_of)
{
	const struct source_capture *capture;

	for (size_t i = 0; (capture = capture_of_source(i)); i++)
		for (size_t j = 0; j < capture->candidate_count; j++)
			check_candidate(&capture->candidates[j]);
}
