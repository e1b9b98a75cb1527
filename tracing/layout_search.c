#include "tracing/layout_search.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static uint64_t piece(const struct layout_window *w, uint16_t index)
{
	const uint8_t *at = w->pieces + (uint32_t)index * w->width;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;

	switch (w->width) {
	case 2:
		memcpy(&u16, at, sizeof(u16));
		return u16;
	case 4:
		memcpy(&u32, at, sizeof(u32));
		return u32;
	default:
		memcpy(&u64, at, sizeof(u64));
		return u64;
	}
}

static int16_t place(const struct layout_window *w, uint16_t index)
{
	return w->places ? w->places[index] : (int16_t)(w->first + index * w->step);
}

uint64_t layout_window_at(const struct layout_window *w, int16_t offset)
{
	for (uint16_t index = 0; index < w->count; index++)
		if (place(w, index) == offset)
			return piece(w, index);
	return 0;
}

static bool fits(const struct layout_clue *clue, uint16_t index)
{
	uint64_t mask = clue->mask ? clue->mask : UINT64_MAX;

	return (piece(&clue->window, index) & mask) == (clue->value & mask);
}

static bool same_shape(const struct layout_window *a, const struct layout_window *b)
{
	return a->places == b->places && a->first == b->first && a->width == b->width && a->step == b->step && a->count == b->count;
}

static bool can_confirm(const struct layout_clue *clues, uint32_t count)
{
	bool differ = false;

	for (uint32_t i = 0; i < count; i++) {
		const struct layout_window *w = &clues[i].window;

		if (!same_shape(w, &clues[0].window) || (w->width != 2 && w->width != 4 && w->width != 8))
			return false;
		differ = differ || clues[i].value != clues[0].value;
	}
	return differ;
}

int layout_search(const struct layout_clue *clues, uint32_t count, int16_t *ret_offset)
{
	uint32_t found = 0;

	if (!can_confirm(clues, count))
		return -EINVAL;
	for (uint16_t index = 0; index < clues[0].window.count; index++) {
		uint32_t fitting = 0;

		while (fitting < count && fits(&clues[fitting], index))
			fitting++;
		if (fitting < count)
			continue;
		found++;
		*ret_offset = place(&clues[0].window, index);
	}
	if (!found)
		return -ENODATA;
	return found == 1 ? 0 : -ENOTUNIQ;
}
