#include "base/buffer.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buffer_init(struct buffer *b, size_t limit)
{
	*b = (struct buffer){.limit = limit};
}

void buffer_done(struct buffer *b)
{
	free(b->data);
	*b = (struct buffer){0};
}

void buffer_clear(struct buffer *b)
{
	b->length = 0;
	b->failed = false;
}

static bool buffer_grow(struct buffer *b, size_t needed)
{
	size_t capacity = b->capacity ? b->capacity : 256;
	uint8_t *data;

	while (capacity < needed) {
		if (capacity > SIZE_MAX / 2)
			return false;
		capacity *= 2;
	}
	data = realloc(b->data, capacity);
	if (!data)
		return false;
	b->data = data;
	b->capacity = capacity;
	return true;
}

uint8_t *buffer_reserve(struct buffer *b, size_t size)
{
	size_t needed;

	if (b->failed)
		return NULL;
	if (__builtin_add_overflow(b->length, size, &needed) || (b->limit && needed > b->limit) ||
	    (needed > b->capacity && !buffer_grow(b, needed))) {
		b->failed = true;
		return NULL;
	}
	return b->data + b->length;
}

void buffer_put(struct buffer *b, const void *bytes, size_t size)
{
	uint8_t *to;

	if (!size)
		return;
	to = buffer_reserve(b, size);
	if (!to)
		return;
	memcpy(to, bytes, size);
	b->length += size;
}

void buffer_put_u8(struct buffer *b, uint8_t value)
{
	buffer_put(b, &value, sizeof(value));
}

void buffer_put_u32(struct buffer *b, uint32_t value)
{
	value = htole32(value);
	buffer_put(b, &value, sizeof(value));
}

void buffer_put_u64(struct buffer *b, uint64_t value)
{
	value = htole64(value);
	buffer_put(b, &value, sizeof(value));
}

void buffer_put_string(struct buffer *b, const char *string)
{
	buffer_put(b, string, strlen(string));
}

void buffer_printf(struct buffer *b, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	/* The NUL needs room too, but is not counted. */
	if (length < 0 || !buffer_reserve(b, (size_t)length + 1)) {
		b->failed = true;
		return;
	}
	va_start(args, format);
	vsnprintf((char *)b->data + b->length, (size_t)length + 1, format, args);
	va_end(args);
	b->length += (size_t)length;
}

uint8_t *buffer_take(struct buffer *b, size_t *ret_length)
{
	uint8_t *data;

	b->limit = 0;
	if (!buffer_reserve(b, 1)) {
		buffer_done(b);
		return NULL;
	}
	data = b->data;
	data[b->length] = 0;
	if (ret_length)
		*ret_length = b->length;
	*b = (struct buffer){0};
	return data;
}
