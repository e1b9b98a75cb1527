#include "container/told_facts.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(told_facts);

static struct container_fact *fact(const char *id, uint32_t pid)
{
	struct container_fact *f = container_fact_new(id, CONTAINER_SOURCE_RUNC);

	f->init_pid = pid;
	return f;
}

/* "a1 b0(gone) " */
static const char *take(struct container_inbox *inbox)
{
	static char text[512];
	struct container_fact *facts = container_inbox_take(inbox);

	text[0] = '\0';
	for (const struct container_fact *f = facts; f; f = f->next)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%u%s%s ", f->id, f->init_pid, f->gone ? "(gone)" : "",
			 f->listed ? "(listed)" : "");
	container_fact_free_all(facts);
	return text;
}

Test(told_facts, what_is_the_same_is_told_once)
{
	struct container_inbox *inbox = container_inbox_new(NULL, NULL);
	struct told_facts told = {0};

	cr_assert(told_facts_put(&told, inbox, fact("a", 1)));
	cr_assert_not(told_facts_put(&told, inbox, fact("a", 1)));
	cr_assert_not(told_facts_put(&told, inbox, NULL));
	cr_assert(told_facts_put(&told, inbox, fact("a", 2)));
	cr_assert(told_facts_put(&told, inbox, fact("a", 1)));
	cr_assert_str_eq(take(inbox), "a1 a2 a1 ");
	told_facts_repeat(&told);
	cr_assert(told_facts_put(&told, inbox, fact("a", 1)));
	cr_assert_eq(told_facts_done(&told, inbox), 1);
	cr_assert_eq(told_facts_done(&told, inbox), 0);
	cr_assert_str_eq(take(inbox), "a1 a0(gone) ");
	container_inbox_free(inbox);
}

Test(told_facts, what_is_no_more_in_a_list_is_gone)
{
	struct container_inbox *inbox = container_inbox_new(NULL, NULL);
	struct told_facts told = {0};
	struct container_fact *listed = fact("a", 1);

	listed->listed = true;
	told_facts_begin(&told);
	told_facts_put(&told, inbox, listed);
	told_facts_put(&told, inbox, fact("b", 1));
	cr_assert_eq(told_facts_end(&told, inbox), 0);
	told_facts_begin(&told);
	told_facts_put(&told, inbox, fact("a", 2));
	cr_assert_eq(told_facts_end(&told, inbox), 1);
	cr_assert_str_eq(take(inbox), "a1(listed) b1 a2(listed) b0(gone) ");
	told_facts_forget(&told);
	cr_assert_str_eq(take(inbox), "");
	container_inbox_free(inbox);
}

static struct container_fact *rich(void)
{
	struct container_fact *f = fact("a", 1);

	container_fact_set(&f->name, "/web", 4, CONTAINER_STRING_MAX);
	container_fact_add_label(f, "ab", "c");
	container_fact_set(&f->oci_config, "{}", 2, CONTAINER_JSON_MAX);
	return f;
}

Test(told_facts, a_digest_sees_each_part_of_a_fact)
{
	struct container_fact *f = rich();
	uint64_t seen[32] = {container_fact_digest(f)};
	size_t count = 1;

#define CHANGED(change)                                                     \
	do {                                                                \
		change;                                                     \
		seen[count] = container_fact_digest(f);                     \
		for (size_t i = 0; i < count; i++)                          \
			cr_assert_neq(seen[i], seen[count], "%s", #change); \
		count++;                                                    \
		container_fact_free(f);                                     \
		f = rich();                                                 \
	} while (0)
	CHANGED(container_fact_set(&f->name, "/wex", 4, CONTAINER_STRING_MAX));
	CHANGED(container_fact_set(&f->name, NULL, 0, CONTAINER_STRING_MAX));
	CHANGED((container_fact_set(&f->image_name, f->name, 4, 9), container_fact_set(&f->name, NULL, 0, 9)));
	CHANGED(container_fact_set(&f->image_id, "/web", 4, CONTAINER_STRING_MAX));
	CHANGED(container_fact_set(&f->bundle, "/web", 4, CONTAINER_STRING_MAX));
	CHANGED(container_fact_set(&f->cgroup, "/web", 4, CONTAINER_STRING_MAX));
	CHANGED(container_fact_add_label(f, "a", "bc"));
	CHANGED((f->labels[0].key[1] = '\0', container_fact_set(&f->labels[0].value, "bc", 2, 9)));
	CHANGED(f->labels_cut = true);
	CHANGED(f->pod.sandbox = true);
	CHANGED(container_fact_set(&f->pod.name, "p", 1, CONTAINER_STRING_MAX));
	CHANGED(container_fact_set(&f->pod.uid, "p", 1, CONTAINER_STRING_MAX));
	CHANGED(f->created_ns = 1);
	CHANGED(f->started_ns = 1);
	CHANGED(f->finished_ns = 1);
	CHANGED(f->state = CONTAINER_EXITED);
	CHANGED(f->init_pid = 2);
	CHANGED(f->has_exit_code = true);
	CHANGED(f->exit_code = 1);
	CHANGED(f->oom_killed = true);
	CHANGED(f->settings = 1);
	CHANGED(f->runtime = CONTAINER_RUNTIME_RUNC);
	CHANGED(container_fact_set(&f->docker_config, "{}", 2, CONTAINER_JSON_MAX));
	CHANGED(container_fact_set(&f->oci_config, "[]", 2, CONTAINER_JSON_MAX));
	container_fact_free(f);
	f = rich();
	f->listed = true;
	cr_assert_eq(container_fact_digest(f), seen[0]);
	container_fact_free(f);
}
