#include "tracing/layout_search.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct layout_clue clue32(const uint32_t *pieces, uint16_t count, uint64_t value)
{
	return (struct layout_clue){
		.window = {.pieces = (const uint8_t *)pieces, .first = -8, .width = 4, .step = 4, .count = count},
		.value = value,
	};
}

Test(layout_search, a_value_is_found_where_it_stands_in_every_window)
{
	const uint32_t first[] = {7, 9, 0, 1001, 5};
	const uint32_t second[] = {1, 2, 3, 2001, 4};
	const struct layout_clue clues[] = {clue32(first, 5, 1001), clue32(second, 5, 2001)};
	int16_t offset = 0;

	cr_assert_eq(layout_search(clues, 2, &offset), 0);
	cr_assert_eq(offset, 4);
}

Test(layout_search, a_coincidence_in_one_window_is_ruled_out_by_the_other)
{
	const uint32_t first[] = {1001, 9, 0, 1001, 5};
	const uint32_t second[] = {1001, 2, 3, 2001, 2001};
	const struct layout_clue clues[] = {clue32(first, 5, 1001), clue32(second, 5, 2001)};
	int16_t offset = 0;

	cr_assert_eq(layout_search(clues, 2, &offset), 0);
	cr_assert_eq(offset, 4);
}

Test(layout_search, two_places_that_fit_are_refused)
{
	const uint32_t first[] = {1001, 9, 0, 1001, 5};
	const uint32_t second[] = {2001, 2, 3, 2001, 4};
	const struct layout_clue clues[] = {clue32(first, 5, 1001), clue32(second, 5, 2001)};
	int16_t offset;

	cr_assert_eq(layout_search(clues, 2, &offset), -ENOTUNIQ);
}

Test(layout_search, a_value_that_only_one_window_has_is_not_found)
{
	const uint32_t first[] = {7, 9, 0, 1001, 5};
	const uint32_t second[] = {2001, 2, 3, 1001, 4};
	const struct layout_clue clues[] = {clue32(first, 5, 1001), clue32(second, 5, 2001)};
	int16_t offset;

	cr_assert_eq(layout_search(clues, 2, &offset), -ENODATA);
}

Test(layout_search, clues_that_confirm_nothing_are_refused)
{
	const uint32_t pieces[] = {7, 9, 0, 1001, 5};
	struct layout_clue clues[] = {clue32(pieces, 5, 1001), clue32(pieces, 5, 1001)};
	int16_t offset;

	cr_assert_eq(layout_search(clues, 0, &offset), -EINVAL);
	cr_assert_eq(layout_search(clues, 1, &offset), -EINVAL, "one clue has nothing that could differ");
	cr_assert_eq(layout_search(clues, 2, &offset), -EINVAL);
	clues[1] = clue32(pieces, 4, 9);
	cr_assert_eq(layout_search(clues, 2, &offset), -EINVAL, "windows of different shape");
	clues[0].window.width = clues[1].window.width = 3;
	clues[0].window.count = clues[1].window.count = 1;
	cr_assert_eq(layout_search(clues, 2, &offset), -EINVAL, "a width that no fetcharg has");
}

Test(layout_search, bits_outside_of_the_mask_are_no_matter)
{
	const uint32_t first[] = {0x1001d, 0x1f, 0x1d};
	const uint32_t second[] = {0x7001e, 0x1d, 0x1d};
	struct layout_clue clues[] = {clue32(first, 3, 0x1d), clue32(second, 3, 0x1e)};
	int16_t offset = 0;

	clues[0].mask = clues[1].mask = 0x1f;
	cr_assert_eq(layout_search(clues, 2, &offset), 0);
	cr_assert_eq(offset, -8);
}

Test(layout_search, pieces_of_two_and_eight_bytes_are_compared_whole)
{
	const uint16_t modes[][2] = {{0100451, 1}, {0100264, 1}};
	const uint64_t pointers[][2] = {{UINT64_C(0xffff888000000008), 8}, {UINT64_C(0xffff888000000010), 8}};
	struct layout_clue clues[2];
	int16_t offset = -1;

	for (int i = 0; i < 2; i++)
		clues[i] = (struct layout_clue){.window = {.pieces = (const uint8_t *)modes[i], .width = 2, .step = 8, .count = 2},
						.value = modes[i][0]};
	cr_assert_eq(layout_search(clues, 2, &offset), 0);
	cr_assert_eq(offset, 0);
	for (int i = 0; i < 2; i++)
		clues[i] = (struct layout_clue){.window = {.pieces = (const uint8_t *)pointers[i], .width = 8, .step = 8, .count = 2},
						.value = pointers[i][0] & 0xff};
	cr_assert_eq(layout_search(clues, 2, &offset), -ENODATA);
}

Test(layout_search, a_window_has_nothing_beside_its_pieces)
{
	const uint32_t pieces[] = {7, 9};
	const struct layout_window w = clue32(pieces, 2, 0).window;

	cr_assert_eq(layout_window_at(&w, -8), 7);
	cr_assert_eq(layout_window_at(&w, -4), 9);
	cr_assert_eq(layout_window_at(&w, -6), 0);
	cr_assert_eq(layout_window_at(&w, -12), 0);
	cr_assert_eq(layout_window_at(&w, 0), 0);
}
