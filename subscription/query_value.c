#include "subscription/query_value.h"

#include "base/clock.h"
#include "base/suggest.h"
#include "base/symbols.h"
#include "subscription/query_string.h"
#include "tracing/syscall_table.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z. */
#define TIME_FIRST INT64_C(-62135596800)
#define TIME_LAST  INT64_C(253402300799)

#define CLONE_SIGNAL 0xff /* linux/sched.h has it as CSIGNAL */

/* Names that only the catalog's own numbers have. */
struct plain_name {
	const char *name;
	uint64_t value;
};

static const struct plain_name abis[] = {{"I386", SAMPLE_ABI_32}, {"X86_64", SAMPLE_ABI_64}, {0}};
static const struct plain_name families[] = {
	{"NONE", ADDRESS_NONE}, {"INET", ADDRESS_INET}, {"INET6", ADDRESS_INET6}, {"LOCAL", ADDRESS_LOCAL}, {0}};
static const struct plain_name clone_signal[] = {{"CSIGNAL", CLONE_SIGNAL}, {0}};

/* What names a notation has, and what one of them is called in an error. */
struct vocabulary {
	const char *what;
	const char *others;             /* what is allowed besides */
	const struct plain_name *plain; /* NULL: none */
	const enum symbol_family *symbols;
	size_t symbol_count;
	bool syscalls;
};

#define FAMILIES(...)                                         \
	.symbols = (const enum symbol_family[]){__VA_ARGS__}, \
	.symbol_count = sizeof((enum symbol_family[]){__VA_ARGS__}) / sizeof(enum symbol_family)

static const struct vocabulary vocabularies[] = {
	[NOTATION_MODE] = {"a permission", "octal numbers are the usual way", FAMILIES(SYMBOL_MODE)},
	[NOTATION_OPEN_FLAGS] = {"a flag of open(2)", "others can be given by their number", FAMILIES(SYMBOL_OPEN_FLAG)},
	[NOTATION_CLONE_FLAGS] = {"a flag of clone(2)", "others can be given by their number", clone_signal,
				  FAMILIES(SYMBOL_CLONE_FLAG, SYMBOL_SIGNAL)},
	[NOTATION_SYSCALL] = {"a system call", "a newer one can be given by its number", .syscalls = true},
	[NOTATION_SYSCALL_ABI] = {"an ABI", "there are I386 and X86_64", .plain = abis},
	[NOTATION_RESULT] = {"an error", "they have the names of errno(3), and a minus before them", FAMILIES(SYMBOL_ERRNO)},
	[NOTATION_SIGNAL] = {"a signal", "a real-time one can be given by its number", FAMILIES(SYMBOL_SIGNAL)},
	[NOTATION_ADDRESS_FAMILY] = {"an address family", "there are NONE, INET, INET6 and LOCAL", .plain = families},
};

static const struct vocabulary *vocabulary_of(const struct catalog_field *field)
{
	if (!field || (size_t)field->notation >= sizeof(vocabularies) / sizeof(vocabularies[0]))
		return NULL;
	return vocabularies[field->notation].what ? &vocabularies[field->notation] : NULL;
}

bool value_has_names(const struct catalog_field *field)
{
	return vocabulary_of(field);
}

/* A name, or the nearest to it. Suggestions are only looked for when it is not there: that takes its time. */
struct search {
	const char *name;
	bool suggests;
	struct suggestion suggestion;
	char nearest[32]; /* what the suggestion stands for, in a copy */
	uint64_t value;
};

/* True: this is it. */
static bool offer(struct search *s, const char *name, uint64_t value)
{
	if (!name)
		return false;
	if (!s->suggests) {
		s->value = value;
		return !strcmp(name, s->name);
	}
	/* Nothing is nearer than the same in other letters. */
	if (!strcasecmp(name, s->name))
		s->suggestion = (struct suggestion){.word = s->name, .best = name};
	else
		suggestion_offer(&s->suggestion, name);
	if (s->suggestion.best == name) {
		snprintf(s->nearest, sizeof(s->nearest), "%s", name);
		s->suggestion.best = s->nearest;
	}
	return false;
}

static bool search_symbols(struct search *s, enum symbol_family family)
{
	struct symbol symbol;

	for (size_t i = 0; i < symbol_count(family); i++)
		if (symbol_at(family, i, &symbol) && offer(s, symbol.name, symbol.value))
			return true;
	return false;
}

static bool search_vocabulary(struct search *s, const struct vocabulary *v)
{
	for (const struct plain_name *p = v->plain; p && p->name; p++)
		if (offer(s, p->name, p->value))
			return true;
	for (size_t i = 0; i < v->symbol_count; i++)
		if (search_symbols(s, v->symbols[i]))
			return true;
	for (int64_t number = 0; v->syscalls && number < syscall_count(SAMPLE_ABI_64); number++)
		if (offer(s, syscall_name(SAMPLE_ABI_64, number), (uint64_t)number))
			return true;
	return false;
}

int value_find(const struct catalog_field *field, const char *name, uint64_t *ret, struct error *err)
{
	const struct vocabulary *v = vocabulary_of(field);
	struct search s = {.name = name};

	if (search_vocabulary(&s, v)) {
		*ret = s.value;
		return 0;
	}
	s.suggests = true;
	suggestion_init(&s.suggestion, name);
	search_vocabulary(&s, v);
	if (suggestion_best(&s.suggestion))
		return error_set(err, -ENOENT, "\"%.64s\" is not %s; did you mean %s?", name, v->what, s.nearest);
	return error_set(err, -ENOENT, "\"%.64s\" is not %s (%s)", name, v->what, v->others);
}

uint32_t value_of_port(uint16_t port)
{
	return __builtin_bswap16(port);
}

uint32_t value_of_ipv4(const uint8_t bytes[4])
{
	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void put_ipv4(uint32_t value, struct buffer *out)
{
	buffer_printf(out, "%" PRIu32 ".%" PRIu32 ".%" PRIu32 ".%" PRIu32, value & 0xff, value >> 8 & 0xff, value >> 16 & 0xff,
		      value >> 24);
}

bool value_put_ipv4_network(uint32_t address, uint32_t mask, struct buffer *out)
{
	uint32_t order = __builtin_bswap32(mask);
	unsigned int length = (unsigned int)__builtin_popcount(order);

	if ((length ? ~UINT32_C(0) << (32 - length) : 0) != order || address & ~mask)
		return false;
	put_ipv4(address, out);
	buffer_printf(out, "/%u", length);
	return true;
}

bool value_put_ipv6_network(const uint64_t address[2], const uint64_t mask[2], struct buffer *out)
{
	uint64_t high = __builtin_bswap64(mask[0]), low = __builtin_bswap64(mask[1]);
	unsigned int length = (unsigned int)(__builtin_popcountll(high) + __builtin_popcountll(low));
	uint64_t bytes[2] = {htole64(address[0]), htole64(address[1])};
	char text[INET6_ADDRSTRLEN];

	if ((length >= 64 ? UINT64_MAX : length ? UINT64_MAX << (64 - length) : 0) != high)
		return false;
	if ((length > 64 ? UINT64_MAX << (128 - length) : 0) != low || address[0] & ~mask[0] || address[1] & ~mask[1])
		return false;
	inet_ntop(AF_INET6, bytes, text, sizeof(text));
	buffer_put_string(out, text);
	if (length < 128)
		buffer_printf(out, "/%u", length);
	return true;
}

void value_put_time(struct expression_timestamp time, struct buffer *out)
{
	time_t seconds = (time_t)time.seconds;
	int digits = 9, fraction = time.nanoseconds;
	struct tm tm;

	if (time.seconds < TIME_FIRST || time.seconds > TIME_LAST || !gmtime_r(&seconds, &tm)) {
		buffer_printf(out, "@%" PRId64 ".%09" PRId32, time.seconds, time.nanoseconds);
		return;
	}
	buffer_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	for (; fraction && fraction % 10 == 0; digits--)
		fraction /= 10;
	if (fraction)
		buffer_printf(out, ".%0*d", digits, fraction);
	buffer_put_u8(out, 'Z');
}

/* ".5" and the like; none is 0. False: no digits, or more than nine. */
static bool read_fraction(const char **at, int32_t *ret)
{
	int32_t unit = (int32_t)NSEC_PER_SEC;

	*ret = 0;
	if (**at != '.')
		return true;
	for (++*at; isdigit((unsigned char)**at) && unit > 1; ++*at) {
		unit /= 10;
		*ret += unit * (**at - '0');
	}
	return unit < (int32_t)NSEC_PER_SEC && !isdigit((unsigned char)**at);
}

static bool parse_epoch(const char *text, struct expression_timestamp *ret)
{
	char *end;
	const char *at;

	if (!isdigit((unsigned char)text[*text == '-']))
		return false;
	errno = 0;
	ret->seconds = strtoll(text, &end, 10);
	at = end;
	return !errno && read_fraction(&at, &ret->nanoseconds) && !*at;
}

/* "+01:00", "-08:00", "Z", into seconds. */
static bool read_zone(const char **at, int64_t *ret)
{
	unsigned int hours, minutes;
	int length = 0;

	if (**at == 'Z' || **at == 'z') {
		++*at;
		*ret = 0;
		return true;
	}
	if ((**at != '+' && **at != '-') || sscanf(*at + 1, "%2u:%2u%n", &hours, &minutes, &length) != 2 || length != 5 || hours > 23 ||
	    minutes > 59)
		return false;
	*ret = (int64_t)(hours * 3600 + minutes * 60) * (**at == '-' ? -1 : 1);
	*at += 1 + length;
	return true;
}

bool value_parse_time(const char *text, struct expression_timestamp *ret)
{
	struct tm tm = {0}, again;
	int64_t offset;
	time_t seconds;
	const char *at;

	if (*text == '@')
		return parse_epoch(text + 1, ret);
	for (const char *form = "dddd-dd-ddTdd:dd:dd", *c = text; *form; form++, c++)
		if (*form == 'd' ? !isdigit((unsigned char)*c) : *form == 'T' ? !strchr("Tt ", *c) || !*c : *c != *form)
			return false;
	sscanf(text, "%4d-%2d-%2d%*c%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec);
	at = text + 19;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	again = tm;
	seconds = timegm(&again);
	/* 31 February would become 3 March. */
	if (again.tm_mday != tm.tm_mday || again.tm_mon != tm.tm_mon || again.tm_hour != tm.tm_hour || again.tm_min != tm.tm_min ||
	    again.tm_sec != tm.tm_sec)
		return false;
	if (!read_fraction(&at, &ret->nanoseconds) || !read_zone(&at, &offset) || *at)
		return false;
	ret->seconds = seconds - offset;
	return ret->seconds >= TIME_FIRST && ret->seconds <= TIME_LAST;
}

/* By names, when it is made of nothing else. */
static bool put_flags(enum symbol_family family, uint64_t value, struct buffer *out)
{
	size_t start = out->length;

	for (size_t i = 0; value && i < symbol_count(family); i++) {
		struct symbol symbol;

		if (!symbol_at(family, i, &symbol) || !symbol.value || (value & symbol.value) != symbol.value)
			continue;
		buffer_printf(out, "%s%s", out->length > start ? "|" : "", symbol.name);
		value &= ~symbol.value;
	}
	if (!value)
		return true;
	out->length = start;
	return false;
}

static bool put_signal(uint64_t value, struct buffer *out)
{
	struct symbol symbol;

	if (!value || value >= symbol_count(SYMBOL_SIGNAL) || !symbol_at(SYMBOL_SIGNAL, value, &symbol) || symbol.value != value)
		return false;
	buffer_put_string(out, symbol.name);
	return true;
}

static bool put_clone_flags(uint64_t value, struct buffer *out)
{
	uint64_t signal = value & CLONE_SIGNAL;
	size_t start = out->length;

	if (!value)
		return false;
	if (signal == CLONE_SIGNAL)
		buffer_put_string(out, "CSIGNAL");
	else if (signal && !put_signal(signal, out))
		return false;
	value &= ~(uint64_t)CLONE_SIGNAL;
	if (signal && value)
		buffer_put_u8(out, '|');
	if (put_flags(SYMBOL_CLONE_FLAG, value, out))
		return true;
	out->length = start;
	return false;
}

static bool put_plain_name(const struct plain_name *names, uint64_t value, struct buffer *out)
{
	for (; names->name; names++)
		if (names->value == value) {
			buffer_put_string(out, names->name);
			return true;
		}
	return false;
}

static bool put_text(const char *text, struct buffer *out)
{
	if (text)
		buffer_put_string(out, text);
	return text;
}

/* Values that are not made of bits: one name for the whole. */
static bool put_name(enum field_notation notation, uint64_t value, struct buffer *out)
{
	switch (notation) {
	case NOTATION_SYSCALL:
		return put_text(syscall_name(SAMPLE_ABI_64, (int64_t)value), out);
	case NOTATION_SYSCALL_ABI:
		return put_plain_name(abis, value, out);
	case NOTATION_ADDRESS_FAMILY:
		return put_plain_name(families, value, out);
	case NOTATION_SIGNAL:
		return put_signal(value, out);
	case NOTATION_RESULT:
		if ((int64_t)value >= 0 || (int64_t)value < -4095 || !symbol_errno(-(int64_t)value))
			return false;
		buffer_put_u8(out, '-');
		return put_text(symbol_errno(-(int64_t)value), out);
	case NOTATION_OPEN_FLAGS:
		return !value && put_text("O_RDONLY", out);
	default:
		return false;
	}
}

static bool put_time_value(enum field_notation notation, int64_t value, struct buffer *out)
{
	struct expression_timestamp time = {.seconds = value};

	if (notation == NOTATION_EPOCH_NS) {
		time.nanoseconds = (int32_t)(value % (int64_t)NSEC_PER_SEC);
		time.seconds = value / (int64_t)NSEC_PER_SEC;
		if (time.nanoseconds < 0) {
			time.nanoseconds += (int32_t)NSEC_PER_SEC;
			time.seconds--;
		}
	} else if (notation != NOTATION_EPOCH_S) {
		return false;
	}
	if (time.seconds < TIME_FIRST || time.seconds > TIME_LAST)
		return false;
	buffer_put_string(out, "timestamp '");
	value_put_time(time, out);
	buffer_put_u8(out, '\'');
	return true;
}

/* In the way of the notation, or false. */
static bool put_noted(const struct catalog_field *field, uint64_t value, enum value_place place, struct buffer *out)
{
	if (place == VALUE_EQUAL && put_name(field->notation, value, out))
		return true;
	switch (field->notation) {
	case NOTATION_PORT:
		if (place == VALUE_EQUAL && value <= UINT16_MAX)
			buffer_printf(out, "%u", __builtin_bswap16((uint16_t)value));
		else
			buffer_printf(out, "0x%" PRIx64, value);
		return true;
	case NOTATION_IPV4:
		if (place == VALUE_ORDER)
			buffer_printf(out, "0x%" PRIx64, value);
		else
			put_ipv4((uint32_t)value, out);
		return true;
	case NOTATION_EPOCH_S:
	case NOTATION_EPOCH_NS:
		return place != VALUE_MASK && put_time_value(field->notation, (int64_t)value, out);
	case NOTATION_MODE:
		if ((int64_t)value < 0)
			return false;
		buffer_printf(out, "%#" PRIo64, value);
		return true;
	case NOTATION_OPEN_FLAGS:
		return place != VALUE_ORDER && value && (int64_t)value > 0 && put_flags(SYMBOL_OPEN_FLAG, value, out);
	case NOTATION_CLONE_FLAGS:
		return place != VALUE_ORDER && put_clone_flags(value, out);
	default:
		if (strncmp(field->name, "ipv6_", 5) != 0)
			return false;
		buffer_printf(out, "0x%" PRIx64, value);
		return true;
	}
}

/* With as many digits as it needs, and something that says that it is no integer. */
static void put_double(double number, struct buffer *out)
{
	char text[40];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			break;
	}
	buffer_put_string(out, text);
	if (!strpbrk(text, ".e"))
		buffer_put_string(out, ".0");
}

void value_put(const struct expression *value, const struct catalog_field *field, enum value_place place, struct buffer *out)
{
	switch (value->value_type) {
	case VALUE_STRING:
		query_put_quoted(out, value->string, QUERY_STRING);
		break;
	case VALUE_BOOL:
		buffer_put_string(out, value->integer ? "true" : "false");
		break;
	case VALUE_DOUBLE:
		put_double(value->number, out);
		break;
	case VALUE_TIMESTAMP:
		buffer_put_string(out, "timestamp '");
		value_put_time(value->timestamp, out);
		buffer_put_u8(out, '\'');
		break;
	default:
		if (!field || !put_noted(field, value->integer, place, out))
			buffer_printf(out, value_type_is_signed(value->value_type) ? "%" PRId64 : "%" PRIu64, value->integer);
	}
}
