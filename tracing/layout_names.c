#include "tracing/layout_names.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

int layout_stage_search(const struct layout_stage *stage, const struct layout_finding *finding, const struct layout_capture *c,
			uint64_t spoil, struct layout_state *state, struct error *err)
{
	const char *group = kernel_layout_group_name(finding->group);
	int r;

	if (c->count != stage->samples)
		return error_set(err, -ENODATA, "%s: %s fired %u times when it should have %u times", group, stage->symbol, c->count,
				 stage->samples);
	r = finding->search(c, spoil, state);
	if (r == -ENOTUNIQ)
		return error_set(err, r, "%s: what a child process did at %s (%s) is seen in more than one place", group, stage->symbol,
				 stage->name);
	if (r < 0)
		return error_set(err, r, "%s: what a child process did at %s (%s) is not where it is looked for", group, stage->symbol,
				 stage->name);
	return 0;
}

struct work {
	const struct kernel_layout_options *options;
	uint32_t groups; /* wanted, or needed by what is wanted */
	uint32_t failed;
	layout_stage_watcher watcher;
	void *context;
	struct provoke child;
	struct layout_state state;
	struct layout_rows rows;
	struct layout_capture capture;
};

static void fail(struct work *w, enum kernel_layout_group group, const struct error *err)
{
	w->failed |= LAYOUT_GROUP_BIT(group);
	w->state.layout.missing[group] = *err;
}

/* False when it is not wanted, or hopeless. */
static bool is_wanted(struct work *w, const struct layout_finding *finding)
{
	struct error err;
	uint32_t bit = LAYOUT_GROUP_BIT(finding->group);

	if (!finding->search || !(w->groups & bit) || w->failed & bit)
		return false;
	for (enum kernel_layout_group group = 0; group < LAYOUT_GROUP_COUNT; group++) {
		if (!(finding->needs & w->failed & LAYOUT_GROUP_BIT(group)))
			continue;
		error_set(&err, w->state.layout.missing[group].code, "%s: not without %s", kernel_layout_group_name(finding->group),
			  w->state.layout.missing[group].message);
		fail(w, finding->group, &err);
		return false;
	}
	return true;
}

static int capture(struct work *w, const struct layout_stage *stage, struct error *err)
{
	struct layout_capture_spec spec = {.features = w->options->features,
					   .symbol = stage->symbol,
					   .rows = w->rows.rows,
					   .steps = &stage->step,
					   .step_count = 1,
					   .timeout_ms = w->options->timeout_ms};
	int r;

	w->rows.count = 0;
	stage->rows(&w->rows, &w->state);
	spec.row_count = w->rows.count;
	r = layout_capture_run(&w->capture, &spec, &w->child, err);
	if (!r && w->watcher)
		w->watcher(w->context, stage, &w->capture);
	return r < 0 ? error_prefix(err, r, "%s", stage->name) : 0;
}

static void find(struct work *w, const struct layout_stage *stage, const struct layout_finding *finding)
{
	uint64_t spoil = w->options->spoiled & LAYOUT_GROUP_BIT(finding->group) ? 1 : 0;
	struct error err = {0};

	if (layout_stage_search(stage, finding, &w->capture, spoil, &w->state, &err))
		fail(w, finding->group, &err);
	else if (finding->completes)
		w->state.layout.missing[finding->group].code = 0;
}

static void do_stage(struct work *w, const struct layout_stage *stage)
{
	struct error err = {0};
	bool wanted = false;

	for (int i = 0; i < LAYOUT_FINDINGS_MAX; i++)
		wanted = is_wanted(w, &stage->findings[i]) || wanted;
	if (!wanted)
		return;
	if (capture(w, stage, &err))
		for (int i = 0; i < LAYOUT_FINDINGS_MAX; i++)
			if (is_wanted(w, &stage->findings[i]))
				fail(w, stage->findings[i].group, &err);
	for (int i = 0; i < LAYOUT_FINDINGS_MAX; i++)
		if (is_wanted(w, &stage->findings[i]))
			find(w, stage, &stage->findings[i]);
}

static uint32_t groups_with_needed(uint32_t wanted)
{
	uint32_t groups = 0;

	for (size_t i = LAYOUT_STAGE_COUNT; i-- > 0;) {
		for (int f = 0; f < LAYOUT_FINDINGS_MAX; f++) {
			const struct layout_finding *finding = &layout_stages[i].findings[f];

			if (finding->search && (wanted | groups) & LAYOUT_GROUP_BIT(finding->group))
				groups |= LAYOUT_GROUP_BIT(finding->group) | finding->needs;
		}
	}
	return groups;
}

static void do_all(struct work *w)
{
	struct error err = {0};

	if (provoke_start(&w->child, layout_scene_act, NULL, &err) ||
	    provoke_act(&w->child, LAYOUT_SCENE_BUILD, w->options->timeout_ms, &err)) {
		error_prefix(&err, err.code, "a scene of mounts and files");
		for (enum kernel_layout_group group = 0; group < LAYOUT_GROUP_COUNT; group++)
			if (w->groups & LAYOUT_GROUP_BIT(group))
				fail(w, group, &err);
	}
	for (size_t i = 0; i < LAYOUT_STAGE_COUNT; i++)
		do_stage(w, &layout_stages[i]);
	provoke_stop(&w->child);
}

void layout_names_calibrate(const struct kernel_layout_options *options, struct kernel_layout *layout, layout_stage_watcher watcher,
			    void *context)
{
	uint32_t groups = groups_with_needed(options->groups);
	cleanup_free struct work *w = NULL;

	if (!groups)
		return;
	w = calloc(1, sizeof(*w));
	for (enum kernel_layout_group group = 0; !w && group < LAYOUT_GROUP_COUNT; group++)
		if (groups & LAYOUT_GROUP_BIT(group))
			error_set(&layout->missing[group], -ENOMEM, "out of memory");
	if (!w)
		return;
	w->options = options;
	w->groups = groups;
	w->watcher = watcher;
	w->context = context;
	w->state.layout = *layout;
	do_all(w);
	*layout = w->state.layout;
}
