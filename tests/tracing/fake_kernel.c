#include "tests/tracing/fake_kernel.h"

#include "base/buffer.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define LOWEST_POINTER 4096
#define HEADER_BYTES   16

/* The address that `+N(INNER)` means, or the register's value. */
static uintptr_t evaluate_address(const char *text, uintptr_t value);

static uintptr_t evaluate(const char *text, uintptr_t value)
{
	uintptr_t address;
	uintptr_t loaded;

	if (*text == '%')
		return value;
	address = evaluate_address(text, value);
	if (address < LOWEST_POINTER)
		return 0;
	memcpy(&loaded, (const void *)address, sizeof(loaded)); /* NOLINT(performance-no-int-to-ptr) */
	return loaded;
}

static uintptr_t evaluate_address(const char *text, uintptr_t value)
{
	char *end;
	long offset = strtol(text, &end, 10);
	uintptr_t inner;

	cr_assert_eq(*end, '(', "%s", text);
	inner = evaluate(end + 1, value);
	return inner < LOWEST_POINTER ? 0 : inner + (uintptr_t)offset;
}

struct maker {
	struct fake_record *r;
	struct buffer format;
	struct buffer tail; /* strings */
	uint32_t fixed;
	uint32_t tail_start;
};

static void add_string(struct maker *m, const char *name, uintptr_t address)
{
	const char *text = address ? (const char *)address : NULL; /* NOLINT(performance-no-int-to-ptr) */
	uint32_t length = text ? (uint32_t)strlen(text) + 1 : 0;
	uint32_t place = length << 16 | (m->tail_start + (uint32_t)m->tail.length);

	buffer_printf(&m->format, "\tfield:__data_loc char[] %s;\toffset:%u;\tsize:4;\tsigned:1;\n", name, m->fixed);
	memcpy(m->r->raw + m->fixed, &place, sizeof(place));
	if (text)
		buffer_put(&m->tail, text, length);
	m->fixed += 4;
	m->r->worst_size += 4 + 256;
}

static void add_word(struct maker *m, const char *name, uintptr_t word)
{
	buffer_printf(&m->format, "\tfield:u64 %s;\toffset:%u;\tsize:8;\tsigned:0;\n", name, m->fixed);
	memcpy(m->r->raw + m->fixed, &word, sizeof(word));
	m->fixed += 8;
	m->r->worst_size += 8;
}

static void add_argument(struct maker *m, char *argument, const void *value)
{
	char *expression = strchr(argument, '=');
	char *type = strchr(argument, ':');

	cr_assert_not_null(expression, "%s", argument);
	*expression++ = '\0';
	if (strlen(expression) > m->r->longest)
		m->r->longest = (uint32_t)strlen(expression);
	m->r->arguments++;
	if (!type) {
		add_word(m, argument, evaluate(expression, (uintptr_t)value));
		return;
	}
	cr_assert_str_eq(type, ":string");
	add_string(m, argument, evaluate_address(expression, (uintptr_t)value));
}

/* Where the strings begin: behind all fields. */
static uint32_t fixed_bytes(const char *fetchargs)
{
	uint32_t bytes = HEADER_BYTES;

	for (const char *at = fetchargs; (at = strchr(at, '=')); at++) {
		const char *end = at + strcspn(at, " ");

		bytes += memmem(at, (size_t)(end - at), ":string", 7) ? 4 : 8;
	}
	return bytes;
}

void fake_record_make(struct fake_record *r, const char *fetchargs, const void *value)
{
	struct maker m = {.r = r, .fixed = HEADER_BYTES, .tail_start = fixed_bytes(fetchargs)};
	char *text = strdup(fetchargs);
	char *state = NULL;
	struct error err = {0};

	memset(r, 0, sizeof(*r));
	r->worst_size = HEADER_BYTES;
	buffer_init(&m.format, 0);
	buffer_init(&m.tail, 0);
	buffer_put_string(&m.format, "name: fake\nID: 1\nformat:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
				     "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
				     "\tfield:unsigned long __probe_ip;\toffset:8;\tsize:8;\tsigned:0;\n");
	for (char *argument = strtok_r(text, " ", &state); argument; argument = strtok_r(NULL, " ", &state))
		add_argument(&m, argument, value);
	cr_assert_eq(m.fixed, m.tail_start);
	buffer_put_string(&m.format, "\nprint fmt: \"\"\n");
	memcpy(r->raw + m.fixed, m.tail.data ? m.tail.data : r->raw, m.tail.length);
	r->size = m.fixed + (uint32_t)m.tail.length;
	cr_assert_eq(format_parse(&r->format, "fake", "fake", (const char *)m.format.data, m.format.length, &err), 0, "%s", err.message);
	buffer_done(&m.format);
	buffer_done(&m.tail);
	free(text);
}

void fake_record_done(struct fake_record *r)
{
	r->format = format_free(r->format);
}
