#include "subscription/window.h"

static uint64_t end_of(const struct subscription_spec *spec, uint64_t now_ns)
{
	uint64_t end_ns;

	if (!spec->has_for)
		return UINT64_MAX;
	/* It may begin before the clock did. */
	if (spec->for_ns <= spec->since_ns) {
		uint64_t ago_ns = spec->since_ns - spec->for_ns;

		return now_ns > ago_ns ? now_ns - ago_ns : 0;
	}
	return __builtin_add_overflow(now_ns, spec->for_ns - spec->since_ns, &end_ns) ? UINT64_MAX : end_ns;
}

struct window window_of(const struct subscription_spec *spec, uint64_t now_ns)
{
	return (struct window){
		.begin_ns = now_ns > spec->since_ns ? now_ns - spec->since_ns : 0,
		.live_ns = now_ns,
		.end_ns = end_of(spec, now_ns),
	};
}
