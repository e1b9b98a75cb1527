#include "subscription/container_verdicts.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct container_filter *filter;
static struct container_verdicts verdicts;

static void setup(void)
{
	struct error err = {0};

	filter = container_filter_new();
	cr_assert_not_null(filter);
	cr_assert_eq(container_filter_add(filter, CONTAINER_FILTER_NAME, "web", &err), 0, "%s", err.message);
}

static void teardown(void)
{
	container_verdicts_done(&verdicts);
	filter = container_filter_free(filter);
}

TestSuite(container_verdicts, .init = setup, .fini = teardown);

static void call(struct container *c, const char *name)
{
	c->name = (struct event_string){.bytes = name, .length = strlen(name)};
}

static struct container make(uint64_t revision, const char *name)
{
	struct container ret = {.revision = revision, .references = 1};

	call(&ret, name);
	return ret;
}

static bool ask(const struct container *c)
{
	return container_verdicts_match(&verdicts, filter, c);
}

Test(container_verdicts, nothing_is_in_no_container)
{
	cr_expect_not(ask(NULL));
}

Test(container_verdicts, a_verdict_lasts_as_long_as_the_containers_revision)
{
	struct container c = make(7, "/other");

	cr_expect_not(ask(&c));
	call(&c, "/web");
	cr_expect_not(ask(&c), "nothing has said that it has changed");
	c.revision = 8;
	cr_expect(ask(&c));
	call(&c, "/other");
	cr_expect(ask(&c), "nothing has said that it has changed");
}

/* Containers that differ in their revisions only, asked in turns; revisions are `step` apart. Returns how many questions of the last turn the filter
 * had to answer itself: their names have changed by then and their revisions have not, so that it tells itself by another answer. */
static size_t ask_in_turns(size_t count, uint64_t step)
{
	struct container *all = calloc(count, sizeof(*all));
	size_t evaluated = 0;

	cr_assert_not_null(all);
	for (size_t i = 0; i < count; i++)
		all[i] = make(1 + i * step, i % 3 ? "/other" : "/web");
	for (int turn = 0; turn < 200; turn++)
		for (size_t i = 0; i < count; i++)
			cr_assert_eq(ask(&all[i]), i % 3 == 0, "container %zu in turn %d", i, turn);
	for (size_t i = 0; i < count; i++)
		call(&all[i], i % 3 ? "/web" : "/other");
	for (size_t i = 0; i < count; i++)
		evaluated += ask(&all[i]) != (i % 3 == 0);
	free(all);
	return evaluated;
}

Test(container_verdicts, a_few_containers_take_little_memory)
{
	cr_expect_eq(ask_in_turns(6, 1), 0);
	cr_expect_leq(verdicts.capacity, 4 * CONTAINER_VERDICTS_MIN);
}

Test(container_verdicts, there_is_room_for_as_many_containers_as_have_events_in_turns)
{
	cr_expect_leq(ask_in_turns(1000, 1), 1000 / 8);
	cr_expect_leq(verdicts.capacity, 4096);
}

Test(container_verdicts, there_is_room_however_far_their_revisions_are_apart)
{
	static const uint64_t steps[] = {16, 997, 4096, 65536};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		container_verdicts_done(&verdicts);
		cr_expect_leq(ask_in_turns(1000, steps[i]), 1000 / 8, "%llu apart", (unsigned long long)steps[i]);
		cr_expect_leq(verdicts.capacity, 8192, "%llu apart: %u", (unsigned long long)steps[i], verdicts.capacity);
	}
}

Test(container_verdicts, more_containers_than_there_are_places_are_answered_all_the_same)
{
	(void)ask_in_turns(2 * CONTAINER_VERDICTS_MAX, 1);
	cr_expect_eq(verdicts.capacity, CONTAINER_VERDICTS_MAX);
}

Test(container_verdicts, containers_that_come_and_go_do_not_fill_memory)
{
	/* Each has a hundred events, beside one that stays. */
	struct container stays = make(1, "/web");

	for (uint64_t revision = 2; revision < 20000; revision++) {
		struct container c = make(revision, revision % 2 ? "/web" : "/other");

		for (int i = 0; i < 100; i++) {
			cr_assert_eq(ask(&c), revision % 2);
			cr_assert(ask(&stays));
		}
	}
	cr_expect_eq(verdicts.capacity, CONTAINER_VERDICTS_MIN);
}
