#include "base/suggest.h"

#include <stdint.h>
#include <string.h>

#define WORD_MAX 64

size_t edit_distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1];
	size_t a_length = strlen(a);
	size_t b_length = strlen(b);
	size_t *before = rows[0];
	size_t *last = rows[1];
	size_t *row = rows[2];

	if (a_length > WORD_MAX || b_length > WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_length; j++)
		last[j] = j;
	memset(before, 0, sizeof(rows[0]));
	for (size_t i = 1; i <= a_length; i++) {
		size_t *recycled = before;

		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t cost = last[j - 1] + (a[i - 1] != b[j - 1]);

			if (last[j] + 1 < cost)
				cost = last[j] + 1;
			if (row[j - 1] + 1 < cost)
				cost = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < cost)
				cost = before[j - 2] + 1;
			row[j] = cost;
		}
		before = last;
		last = row;
		row = recycled;
	}
	return last[b_length];
}

void suggestion_init(struct suggestion *s, const char *word)
{
	*s = (struct suggestion){.word = word, .best_distance = SIZE_MAX};
}

void suggestion_offer(struct suggestion *s, const char *candidate)
{
	size_t distance = edit_distance(s->word, candidate);

	if (distance >= s->best_distance)
		return;
	s->best = candidate;
	s->best_distance = distance;
}

const char *suggestion_best(const struct suggestion *s)
{
	/* One slip in a short word, up to a third of the letters of a long one. */
	size_t allowed = (strlen(s->word) + 2) / 3;

	return s->best_distance <= allowed ? s->best : NULL;
}
