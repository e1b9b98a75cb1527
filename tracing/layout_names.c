#include "tracing/layout_names.h"

#include "base/cleanup.h"
#include "tracing/layout_scene.h"

#include <errno.h>
#include <string.h>

int layout_stage_search(const struct layout_stage *stage, const struct layout_capture *c, uint8_t round, uint64_t spoil,
			struct kernel_layout *layout, struct error *err)
{
	int r;

	if (c->count != stage->samples)
		return error_set(err, -ENODATA, "%s: %s fired %u times when it should have %u times",
				 kernel_layout_group_name(stage->group), stage->symbol, c->count, stage->samples);
	r = stage->search(c, round, spoil, layout);
	if (r == -ENOTUNIQ)
		return error_set(err, r, "%s: what a child process did at %s (%s) is seen in more than one place",
				 kernel_layout_group_name(stage->group), stage->symbol, stage->name);
	if (r < 0)
		return error_set(err, r, "%s: what a child process did at %s (%s) is not where it is looked for",
				 kernel_layout_group_name(stage->group), stage->symbol, stage->name);
	return 0;
}

struct work {
	const struct kernel_layout_options *options;
	struct kernel_layout *layout;
	layout_stage_watcher watcher;
	void *context;
	struct provoke child;
	struct layout_rows rows;
	struct layout_capture capture;
};

static int do_round(struct work *w, const struct layout_stage *stage, uint8_t round, struct error *err)
{
	const uint64_t spoil = w->options->spoiled & LAYOUT_GROUP_BIT(stage->group) ? 1 : 0;
	struct layout_capture_spec spec = {.features = w->options->features,
					   .symbol = stage->symbol,
					   .rows = w->rows.rows,
					   .steps = &stage->step,
					   .step_count = 1,
					   .timeout_ms = w->options->timeout_ms};
	int r;

	w->rows.count = 0;
	stage->rows(&w->rows, round, w->layout);
	spec.row_count = w->rows.count;
	r = layout_capture_run(&w->capture, &spec, &w->child, err);
	if (r < 0)
		return error_prefix(err, r, "%s", kernel_layout_group_name(stage->group));
	r = layout_stage_search(stage, &w->capture, round, spoil, w->layout, err);
	if (w->watcher)
		w->watcher(w->context, stage, round, &w->capture);
	return r;
}

/* A guess that did not prove right is followed by the next; other errors would only come again. */
static int do_stage(struct work *w, const struct layout_stage *stage, struct error *err)
{
	int r = -ENODATA;

	for (uint8_t round = 0; r == -ENODATA && round < stage->rounds; round++)
		r = do_round(w, stage, round, err);
	return r;
}

static bool may_begin(const struct work *w, const struct layout_stage *stage, struct error *err)
{
	for (enum kernel_layout_group group = 0; group < LAYOUT_GROUP_COUNT; group++) {
		if (!(stage->needs & LAYOUT_GROUP_BIT(group)) || kernel_layout_knows(w->layout, group))
			continue;
		error_set(err, w->layout->missing[group].code, "%s: not without %s", kernel_layout_group_name(stage->group),
			  w->layout->missing[group].message);
		return false;
	}
	return true;
}

/* A group is known when its last stage was. */
static void do_stages(struct work *w, uint32_t groups)
{
	uint32_t failed = 0;

	for (size_t i = 0; i < LAYOUT_STAGE_COUNT; i++) {
		const struct layout_stage *stage = &layout_stages[i];
		struct error *err = &w->layout->missing[stage->group];
		uint32_t bit = LAYOUT_GROUP_BIT(stage->group);

		if (!(groups & bit) || failed & bit)
			continue;
		if (may_begin(w, stage, err) && !do_stage(w, stage, err))
			err->code = 0;
		else
			failed |= bit;
	}
}

static uint32_t with_needed(uint32_t groups)
{
	for (size_t i = LAYOUT_STAGE_COUNT; i-- > 0;)
		if (groups & LAYOUT_GROUP_BIT(layout_stages[i].group))
			groups |= layout_stages[i].needs;
	return groups;
}

static uint32_t stage_groups(void)
{
	uint32_t groups = 0;

	for (size_t i = 0; i < LAYOUT_STAGE_COUNT; i++)
		groups |= LAYOUT_GROUP_BIT(layout_stages[i].group);
	return groups;
}

static void fail_all(struct kernel_layout *layout, uint32_t groups, const struct error *err)
{
	for (enum kernel_layout_group group = 0; group < LAYOUT_GROUP_COUNT; group++)
		if (groups & LAYOUT_GROUP_BIT(group))
			layout->missing[group] = *err;
}

void layout_names_calibrate(const struct kernel_layout_options *options, struct kernel_layout *layout, layout_stage_watcher watcher,
			    void *context)
{
	uint32_t groups = with_needed(options->groups & stage_groups());
	cleanup_free struct work *w = calloc(1, sizeof(*w));
	struct error err = {0};

	if (!groups)
		return;
	if (!w) {
		error_set(&err, -ENOMEM, "out of memory");
		fail_all(layout, groups, &err);
		return;
	}
	w->options = options;
	w->layout = layout;
	w->watcher = watcher;
	w->context = context;
	if (provoke_start(&w->child, layout_scene_act, NULL, &err) ||
	    provoke_act(&w->child, LAYOUT_SCENE_BUILD, options->timeout_ms, &err)) {
		error_prefix(&err, err.code, "a scene of mounts and files");
		fail_all(layout, groups, &err);
	} else {
		do_stages(w, groups);
	}
	provoke_stop(&w->child);
}
