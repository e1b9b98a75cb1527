#include "runtime/known_facts.h"

#include <criterion/criterion.h>
#include <string.h>

static struct container_inbox *inbox;
static struct known_facts *known;

static void setup(void)
{
	inbox = container_inbox_new(NULL, NULL);
	known = known_facts_new(inbox);
}

static void teardown(void)
{
	known_facts_free(known);
	container_inbox_free(inbox);
}

TestSuite(known_facts, .init = setup, .fini = teardown);

static struct container_fact *make(const char *id, enum container_state state)
{
	struct container_fact *f = container_fact_new(id, CONTAINER_SOURCE_CONTAINERD);

	f->state = state;
	container_fact_set(&f->name, "name", 4, CONTAINER_STRING_MAX);
	container_fact_set(&f->pod.name, "pod", 3, CONTAINER_STRING_MAX);
	container_fact_add_label(f, "key", "value");
	return f;
}

static void expect_put(const char *id, bool gone)
{
	struct container_fact *f = container_inbox_take(inbox);

	cr_assert_not_null(f);
	cr_expect_str_eq(f->id, id);
	cr_expect_eq(f->gone, gone);
	cr_expect_null(f->next);
	container_fact_free_all(f);
}

Test(known_facts, only_news_are_told)
{
	struct container_fact *changed = make("a", CONTAINER_RUNNING), *with_json = make("a", CONTAINER_RUNNING);

	cr_expect(known_facts_tell(known, make("a", CONTAINER_CREATED), NULL));
	expect_put("a", false);
	cr_expect_not(known_facts_tell(known, make("a", CONTAINER_CREATED), NULL));
	cr_expect_null(container_inbox_take(inbox));
	cr_expect(known_facts_tell(known, make("a", CONTAINER_CREATED), "elsewhere"));
	expect_put("a", false);
	strcpy(changed->labels[0].value, "VALUE");
	cr_expect(known_facts_tell(known, changed, "elsewhere"));
	expect_put("a", false);
	cr_expect_str_eq(known_facts_find(known, "a")->labels[0].value, "VALUE");
	cr_expect_str_eq(known_facts_place(known, "a"), "elsewhere");

	/* Raw JSON is not kept, and so always news. */
	with_json->oci_config = strdup("{}");
	cr_expect(known_facts_tell(known, with_json, "elsewhere"));
	expect_put("a", false);
	cr_expect_null(known_facts_find(known, "a")->oci_config);
	cr_expect_not(known_facts_tell(known, NULL, NULL));
}

Test(known_facts, what_is_gone_is_told_once)
{
	cr_expect_not(known_facts_tell_gone(known, "a", CONTAINER_SOURCE_CONTAINERD));
	known_facts_tell(known, make("a", CONTAINER_CREATED), NULL);
	expect_put("a", false);
	cr_expect(known_facts_tell_gone(known, "a", CONTAINER_SOURCE_CONTAINERD));
	expect_put("a", true);
	cr_expect_null(known_facts_find(known, "a"));
	cr_expect_null(known_facts_place(known, "a"));
	cr_expect_not(known_facts_tell_gone(known, "a", CONTAINER_SOURCE_CONTAINERD));
	cr_expect_null(container_inbox_take(inbox));
}

Test(known_facts, a_listing_finds_out_what_has_vanished)
{
	known_facts_tell(known, make("told", CONTAINER_CREATED), NULL);
	known_facts_tell(known, make("same", CONTAINER_CREATED), NULL);
	known_facts_tell(known, make("seen", CONTAINER_CREATED), NULL);
	known_facts_tell(known, make("vanished", CONTAINER_CREATED), NULL);
	container_fact_free_all(container_inbox_take(inbox));

	known_facts_begin_list(known);
	known_facts_tell(known, make("told", CONTAINER_EXITED), NULL);
	expect_put("told", false);
	known_facts_tell(known, make("same", CONTAINER_CREATED), NULL);
	known_facts_see(known, "seen");
	known_facts_see(known, "unknown");
	cr_expect_eq(known_facts_end_list(known), 1);
	expect_put("vanished", true);

	known_facts_begin_list(known);
	cr_expect_eq(known_facts_end_list(known), 3);
	container_fact_free_all(container_inbox_take(inbox));
}
