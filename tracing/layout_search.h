#ifndef TRACING_LAYOUT_SEARCH_H
#define TRACING_LAYOUT_SEARCH_H

#include <stdint.h>

/*
 * Finding where a structure of the kernel holds a member, from captures of it that were made while the member had a known value.
 *
 * A window is a row of little pieces of the structure, as consecutive fetchargs captured them: `count` pieces of `width` bytes, `step` bytes
 * apart in the structure, the first at offset `first` (which is negative for what stands before the pointer); or at `places`, one by one. A clue says: in this window,
 * the member's piece, as far as `mask` goes, was `value`. An offset fits when its piece fits in all clues.
 *
 * What is found is either right or a coincidence in every clue: use at least two clues with different values.
 *
 * Pure functions on memory of the caller's.
 */
struct layout_window {
	const uint8_t *pieces;
	const int16_t *places; /* NULL: first and step say where */
	int16_t first;
	uint8_t width; /* 2, 4 or 8 bytes, in this machine's byte order */
	uint8_t step;
	uint16_t count;
};

struct layout_clue {
	struct layout_window window;
	uint64_t value;
	uint64_t mask; /* 0: all bits */
};

/* The one offset that fits all clues. -ENODATA: there is none. -ENOTUNIQ: several do, and nobody can say which is the member. -EINVAL: no
 * clues, two windows of different shape, or clues that all expect the same, which confirm nothing. */
int layout_search(const struct layout_clue *clues, uint32_t count, int16_t *ret_offset);

/* The piece at `offset`; 0 when the window has none there. */
uint64_t layout_window_at(const struct layout_window *w, int16_t offset);

#endif
