/* libFuzzer on the text form of subscriptions: what is refused is refused with a place and a sentence, and what is read is printed as a text
 * that is read as the same and printed in the same way. Seeds: corpus/query/. */
#include "subscription/query_parse.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *describe(const struct subscription_spec *spec)
{
	struct buffer out;
	char *text;

	buffer_init(&out, 0);
	subscription_spec_describe(spec, &out);
	text = (char *)buffer_take(&out, NULL);
	assert(text);
	return text;
}

static void check_round_trip(const struct subscription_spec *spec)
{
	struct subscription_spec *again = NULL;
	char *text = describe(spec), *text_again;

	/* Escapes can make a text longer than one may be. */
	if (strlen(text) > QUERY_BYTES_MAX) {
		free(text);
		return;
	}
	assert(!query_parse(text, &again, NULL, NULL));
	assert(subscription_spec_equal(spec, again));
	text_again = describe(again);
	assert(!strcmp(text, text_again));
	free(text_again);
	free(text);
	subscription_spec_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct subscription_spec *spec = NULL;
	struct query_mistake mistake = {.position = SIZE_MAX};
	struct error err = {0};
	char *text = strndup((const char *)data, size);

	assert(text);
	if (query_parse(text, &spec, &mistake, &err)) {
		assert(!spec && err.code < 0 && *err.message && *mistake.sentence && mistake.position <= strlen(text));
	} else {
		assert(spec->clause_count);
		check_round_trip(spec);
	}
	subscription_spec_free(spec);
	free(text);
	return 0;
}
