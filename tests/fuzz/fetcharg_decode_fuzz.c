#include "tracing/fetchargs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define COMMON                                                                                          \
	"name: e\nID: 1\nformat:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n" \
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"

static const char with_arrays[] = COMMON "\tfield:u8 a[];\toffset:8;\tsize:16;\tsigned:0;\n"
					 "\tfield:__data_loc char[][2] b;\toffset:24;\tsize:8;\tsigned:1;\n"
					 "\tfield:__data_loc char[] c;\toffset:32;\tsize:4;\tsigned:1;\n"
					 "\tfield:s32 d;\toffset:36;\tsize:4;\tsigned:1;\n\nprint fmt: \"\"\n";
static const char without_arrays[] =
	COMMON "\tfield:u16 a__0;\toffset:8;\tsize:2;\tsigned:0;\n\tfield:u16 a__1;\toffset:10;\tsize:2;\tsigned:0;\n"
	       "\tfield:__data_loc char[] b__0;\toffset:12;\tsize:4;\tsigned:1;\n"
	       "\tfield:__data_loc char[] b__1;\toffset:16;\tsize:4;\tsigned:1;\n"
	       "\tfield:__data_loc char[] c;\toffset:20;\tsize:4;\tsigned:1;\n"
	       "\tfield:u64 d;\toffset:24;\tsize:8;\tsigned:0;\n\nprint fmt: \"\"\n";

static struct fetcharg_decoder *make(const char *text, const char *const expressions[4])
{
	static const char *const names[] = {"a", "b", "c", "d"};
	struct fetcharg_decoder *d = NULL;
	struct format *format = NULL;
	struct fetcharg args[4];
	int r = format_parse(&format, "g", "e", text, strlen(text), NULL);

	for (size_t i = 0; i < 4 && !r; i++)
		r = fetcharg_parse(&args[i], names[i], expressions[i], NULL, NULL);
	assert(!r && !fetcharg_decoder_new(&d, format, args, 4, NULL));
	format_free(format);
	return d;
}

static uint8_t read_bytes(const struct fetcharg_value *value)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < value->length; i++)
		sum = (uint8_t)(sum + (uint8_t)value->bytes[i]);
	return sum;
}

/* Whatever a sample holds, each value lies in it or in the decoder as a whole. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const new_args[] = {"+0(%si):u8[16]", "+0(%si):string[2]", "+0(%si):string", "%di:s32"};
	static const char *const old_args[] = {"+0(%si):u16[2]", "+0(%si):string[2]", "$comm", "%di:symstr"};
	static struct fetcharg_decoder *decoders[2];
	volatile uint8_t sum = 0;

	if (!decoders[0]) {
		decoders[0] = make(with_arrays, new_args);
		decoders[1] = make(without_arrays, old_args);
	}
	if (size > UINT16_MAX)
		return 0;
	for (size_t i = 0; i < 8; i++) {
		struct fetcharg_value value;

		fetcharg_decode(decoders[i / 4], i % 4, data, (uint32_t)size, &value);
		assert(fetcharg_decoder_kind(decoders[i / 4], i % 4) == value.kind);
		if (value.kind == FETCHARG_KIND_BYTES || value.kind == FETCHARG_KIND_STRING)
			sum = (uint8_t)(sum + read_bytes(&value));
	}
	return 0;
}
