#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A growing byte buffer with a sticky error: writers put one thing after another and check `failed` once at the end. After a failure (out
 * of memory, or more than `limit` bytes) every further put does nothing, and what was put before stays readable.
 *
 * Ownership: buffer_done() frees the bytes, buffer_take() hands them out (free() them). Not thread safe.
 */
struct buffer {
	uint8_t *data;
	size_t length;   /* bytes in use */
	size_t capacity; /* bytes allocated */
	size_t limit;    /* never grows beyond this; 0: no limit */
	bool failed;
};

void buffer_init(struct buffer *b, size_t limit);
void buffer_done(struct buffer *b);

/* Forgets the content and the error, keeps the memory. */
void buffer_clear(struct buffer *b);

/* Makes room for `size` more bytes; returns where they go, or NULL when the buffer has failed. The room counts once `length` is raised. */
uint8_t *buffer_reserve(struct buffer *b, size_t size);

void buffer_put(struct buffer *b, const void *bytes, size_t size);
void buffer_put_u8(struct buffer *b, uint8_t value);
void buffer_put_u32(struct buffer *b, uint32_t value);        /* little endian */
void buffer_put_u64(struct buffer *b, uint64_t value);        /* little endian */
void buffer_put_string(struct buffer *b, const char *string); /* without the terminating NUL */
void buffer_printf(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Hands the bytes out, with a NUL behind the last one that `length` does not count; NULL when the buffer has failed. The buffer is empty
 * afterwards. */
uint8_t *buffer_take(struct buffer *b, size_t *ret_length);

#endif
