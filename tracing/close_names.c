#include "tracing/close_names.h"
#include "base/suggest.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A whole word that goes on, or has something in front, is nearer than one with a wrong letter; shorter ones are nearer. */
#define SCORE_BEGINS   0
#define SCORE_CONTAINS 1000
#define SCORE_DISTANCE 2000
#define SCORE_FAR      SIZE_MAX

/* Fewer would be a part of half of all names. */
#define PART_LETTERS_MIN 4

static uint64_t letters_of(const char *name)
{
	uint64_t letters = 0;

	for (; *name; name++)
		letters |= UINT64_C(1) << (*name & 63);
	return letters;
}

static size_t slip_score(const struct close_names *c, const char *name, size_t wanted_length, size_t length)
{
	size_t allowed = (wanted_length + 3) / 4;
	size_t difference = length > wanted_length ? length - wanted_length : wanted_length - length;
	size_t distance;

	/* A replaced letter takes one out of the set and puts one in; nothing changes it by more. */
	if (difference > allowed || (size_t)__builtin_popcountll(c->letters ^ letters_of(name)) > 2 * allowed)
		return SCORE_FAR;
	distance = edit_distance(c->wanted, name);
	return distance <= allowed ? SCORE_DISTANCE + 100 * distance + difference : SCORE_FAR;
}

static size_t score(const struct close_names *c, const char *name)
{
	size_t wanted_length = strlen(c->wanted);
	size_t length = strlen(name);
	const char *part = wanted_length >= PART_LETTERS_MIN && length > wanted_length ? strstr(name, c->wanted) : NULL;

	if (part)
		return (part == name ? SCORE_BEGINS : SCORE_CONTAINS) + length;
	return slip_score(c, name, wanted_length, length);
}

void close_names_init(struct close_names *c, const char *wanted)
{
	*c = (struct close_names){.wanted = wanted, .letters = letters_of(wanted)};
}

static bool is_known(const struct close_names *c, const char *name)
{
	for (size_t i = 0; i < c->count; i++)
		if (!strcmp(c->names[i], name))
			return true;
	return false;
}

void close_names_offer(struct close_names *c, const char *name)
{
	size_t points = score(c, name);
	size_t at = c->count;

	while (at > 0 && points < c->scores[at - 1])
		at--;
	if (!*name || points == SCORE_FAR || at == CLOSE_NAMES_MAX || strlen(name) >= CLOSE_NAME_BYTES || is_known(c, name))
		return;
	if (c->count < CLOSE_NAMES_MAX)
		c->count++;
	for (size_t i = c->count - 1; i > at; i--) {
		c->scores[i] = c->scores[i - 1];
		memcpy(c->names[i], c->names[i - 1], CLOSE_NAME_BYTES);
	}
	c->scores[at] = points;
	memcpy(c->names[at], name, strlen(name) + 1);
}

const char *close_names_text(const struct close_names *c, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < c->count && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "; near it: ", c->names[i]);
	return text;
}
