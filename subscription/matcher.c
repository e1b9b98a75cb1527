#include "subscription/matcher_program.h"

#include "sensor/container.h"
#include "sensor/event_container.h"

#include <string.h>

bool matcher_key_load(const struct matcher_key *key, const struct event *event, uint64_t *ret)
{
	const void *at = (const char *)event + key->offset;
	const struct event_string *string = at;

	switch (key->type) {
	case MATCHER_KEY_32:
		*ret = *(const uint32_t *)at;
		return true;
	case MATCHER_KEY_64:
		*ret = *(const uint64_t *)at;
		return true;
	case MATCHER_KEY_PREFIX:
		if (string->length < key->length)
			return false;
		*ret = matcher_hash(string->bytes, key->length);
		return true;
	}
	return false;
}

bool glob_matches(const char *pattern, size_t pattern_length, const char *text, size_t text_length)
{
	/* Where to go on when what follows the last `*` does not fit: only the last one needs to be tried again, because whatever the
	 * earlier ones could swallow more, it can too. */
	size_t star = SIZE_MAX, resume = 0;
	size_t p = 0, t = 0;

	while (t < text_length) {
		if (p < pattern_length && pattern[p] == '*') {
			star = p++;
			resume = t;
		} else if (p < pattern_length && (pattern[p] == '?' || pattern[p] == text[t])) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++resume;
		} else {
			return false;
		}
	}
	while (p < pattern_length && pattern[p] == '*')
		p++;
	return p == pattern_length;
}

static const void *base_of(uint8_t base, const struct event *event)
{
	switch (base) {
	case FIELD_OF_PROCESS:
		return event->process;
	case FIELD_OF_CONTAINER:
		return event_container_of(event);
	case FIELD_OF_CREDENTIALS: {
		const struct credentials *credentials = event->credentials ? event->credentials
							: event->process   ? &event->process->credentials
									   : NULL;

		return credentials && credentials->known ? credentials : NULL;
	}
	default:
		return event;
	}
}

/* Whether the event has what is at `at`. */
static bool is_present(struct load load, const struct event *event, const void *at)
{
	uint32_t family = event->network.address.family;

	switch (load.presence) {
	case PRESENT_FILLED:
		return load.source == SOURCE_STRING ? ((const struct event_string *)at)->length : *(const uint32_t *)at;
	case PRESENT_INET:
		return family == ADDRESS_INET;
	case PRESENT_INET6:
		return family == ADDRESS_INET6;
	case PRESENT_LOCAL:
		return family == ADDRESS_LOCAL;
	case PRESENT_PORT:
		return family == ADDRESS_INET || family == ADDRESS_INET6;
	case PRESENT_ADDRESS:
		return !event->network.address_unknown;
	case PRESENT_NAME:
		return !event->file.unknown;
	case PRESENT_EXIT_CODE:
		return !event->exit.code_unknown;
	case PRESENT_CONTAINER_EXIT:
		return !event->container.exit_unknown;
	case PRESENT_ON_CPU:
		return !event_kind_is_of_container(event->kind);
	default:
		return true;
	}
}

/* NULL: the event does not have it. */
static const void *find(struct load load, const struct event *event)
{
	const char *base;

	if (load.source == SOURCE_ARGUMENT)
		return load.offset < event->call.count ? &event->call.arguments[load.offset] : NULL;
	base = base_of(load.base, event);
	if (!base || (load.presence && !is_present(load, event, base + load.offset)))
		return NULL;
	return base + load.offset;
}

static bool load_integer(struct load load, const struct event *event, uint64_t *ret)
{
	const void *at;

	if (load.source == SOURCE_ALL_ONES) {
		*ret = UINT64_MAX;
		return true;
	}
	at = find(load, event);
	if (!at)
		return false;
	switch (load.source) {
	case SOURCE_SINT32:
		*ret = (uint64_t)(int64_t) * (const int32_t *)at;
		break;
	case SOURCE_UINT32:
		*ret = *(const uint32_t *)at;
		break;
	case SOURCE_BOOL:
		*ret = *(const bool *)at;
		break;
	case SOURCE_PORT:
		*ret = __builtin_bswap16((uint16_t) * (const uint32_t *)at);
		break;
	case SOURCE_ARGUMENT:
		*ret = ((const struct call_argument *)at)->integer;
		break;
	default:
		*ret = *(const uint64_t *)at;
	}
	return true;
}

static bool load_string(struct load load, const struct event *event, struct event_string *ret)
{
	const void *at = find(load, event);

	if (!at)
		return false;
	if (load.source == SOURCE_CHARS)
		*ret = (struct event_string){.bytes = at, .length = strlen(at)};
	else if (load.source == SOURCE_ARGUMENT)
		*ret = ((const struct call_argument *)at)->bytes;
	else
		*ret = *(const struct event_string *)at;
	return true;
}

static uint8_t order_of(uint64_t a, uint64_t b, bool is_signed)
{
	if (a == b)
		return ORDER_EQUAL;
	return (is_signed ? (int64_t)a < (int64_t)b : a < b) ? ORDER_LESS : ORDER_GREATER;
}

static bool integer_matches(const struct matcher_term *term, const struct event *event)
{
	uint64_t value;

	return load_integer(term->load, event, &value) && (order_of(value & term->mask, term->integer, term->is_signed) & term->wanted);
}

static bool load_side(const struct matcher_operand *operand, const struct event *event, uint64_t *ret)
{
	uint64_t value;

	*ret = UINT64_MAX;
	for (;; operand++) {
		if (!load_integer(operand->load, event, &value))
			return false;
		*ret &= value & operand->mask;
		if (operand->is_last)
			return true;
	}
}

static bool pair_matches(const struct matcher *m, const struct matcher_term *term, const struct event *event)
{
	uint64_t left, right;

	return load_side(&m->operands[term->operands[0]], event, &left) && load_side(&m->operands[term->operands[1]], event, &right) &&
	       (order_of(left, right, term->is_signed) & term->wanted);
}

static bool strings_match(const struct matcher_term *term, const struct event_string *a, const char *b, size_t length)
{
	bool equal = a->length == length && (!length || !memcmp(a->bytes, b, length));

	return (equal ? ORDER_EQUAL : ORDER_LESS) & term->wanted;
}

static bool string_matches(const struct matcher_term *term, const struct event *event)
{
	struct event_string value, other;

	if (!load_string(term->load, event, &value))
		return false;
	if (term->test == TEST_GLOB)
		return glob_matches(term->string, term->length, value.bytes, value.length);
	if (term->test == TEST_STRING)
		return strings_match(term, &value, term->string, term->length);
	return load_string(term->other, event, &other) && strings_match(term, &value, other.bytes, other.length);
}

static bool term_matches(const struct matcher *m, const struct matcher_term *term, const struct event *event)
{
	switch (term->test) {
	case TEST_REQUEST:
		return event->request == term->request;
	case TEST_NULL:
		return (find(term->load, event) ? ORDER_LESS : ORDER_EQUAL) & term->wanted;
	case TEST_INTEGER:
		return integer_matches(term, event);
	case TEST_PAIR:
		return pair_matches(m, term, event);
	default:
		return string_matches(term, event);
	}
}

bool matcher_matches(const struct matcher *m, const struct event *event)
{
	uint32_t at = m->start;

	while (at < GOTO_MISMATCH) {
		const struct matcher_term *term = &m->terms[at];

		at = term_matches(m, term, event) ? term->on_match : term->on_mismatch;
	}
	return at == GOTO_MATCH;
}
