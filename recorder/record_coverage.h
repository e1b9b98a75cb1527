#ifndef RECORDER_RECORD_COVERAGE_H
#define RECORDER_RECORD_COVERAGE_H

#include "subscription/subscriber_set.h"

/*
 * Whether a recording has what a subscription wants of the past: told by what both ask for, clause by clause, and on the safe side: a condition
 * covers itself and whatever asks for more along with it (`a` covers `a and b`), as it is written, not as it could be meant.
 */
enum record_coverage {
	RECORD_COVERS_NOTHING,
	RECORD_COVERS_PART, /* events of that kind, under some condition */
	RECORD_COVERS_ALL,
};

/* `kept`, with `served` per clause, is what the recorder keeps; the clause `index` of `wanted` is one that is served. Function calls and counters are covered
 * when the recorder keeps just the same and no other of that function: recorded events do not tell two of them apart. */
enum record_coverage record_coverage_of(const struct subscription_spec *kept, const bool *served, const struct subscription_spec *wanted,
					size_t index);

/* Whether a recorder can keep what the spec asks for. -EINVAL: it has a limit, a throttle or a window, or clauses of what the sensor makes for one subscriber
 * only (ticker, chargen), or nothing at all; a sentence that says which. */
int record_spec_check(const struct subscription_spec *spec, struct error *err);

#endif
