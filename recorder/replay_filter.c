#include "recorder/replay_filter.h"

#include "sensor/event_container.h"
#include "subscription/throttle.h"

#include <stdlib.h>
#include <string.h>

struct replay_filter {
	struct subscription_spec *spec;
	bool everything;          /* the spec says nothing */
	struct matcher *matchers; /* per clause */
	bool *served, *recorded;
	uint64_t all_kinds;      /* EVENT_KIND_BIT of served clauses */
	uint64_t recorded_kinds; /* of those that are recorded, too */
	struct record_wanted wanted;
	struct record_moment until;
	bool ends;
	struct subscriber_seam seam;
	struct capsule8_event_reader reader;
};

static bool *copy_flags(const bool *flags, size_t count)
{
	bool *copy = malloc(count + 1);

	for (size_t i = 0; copy && i < count; i++)
		copy[i] = !flags || flags[i];
	return copy;
}

static void add_kinds(struct replay_filter *f)
{
	for (size_t i = 0; i < f->spec->clause_count; i++) {
		uint64_t bit = f->spec->clauses[i].kind < EVENT_KIND_COUNT ? EVENT_KIND_BIT(f->spec->clauses[i].kind) : 0;

		f->all_kinds |= f->served[i] ? bit : 0;
		f->recorded_kinds |= f->served[i] && f->recorded[i] ? bit : 0;
	}
	f->wanted.kinds = f->everything ? UINT64_MAX : record_kind_bits(f->all_kinds | EVENT_KIND_BIT(EVENT_LOST));
}

struct replay_filter *replay_filter_new(const struct subscription_spec *spec, const bool *served, const bool *recorded,
					const struct record_moment *from, const struct record_moment *until)
{
	struct replay_filter *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->everything = !spec || !spec->clause_count;
	f->spec = spec ? subscription_spec_copy(spec) : subscription_spec_new();
	if (!f->spec)
		return replay_filter_free(f);
	f->served = copy_flags(served, f->spec->clause_count);
	f->recorded = copy_flags(recorded, f->spec->clause_count);
	f->matchers = calloc(f->spec->clause_count + 1, sizeof(*f->matchers));
	if (!f->served || !f->recorded || !f->matchers)
		return replay_filter_free(f);
	for (size_t i = 0; i < f->spec->clause_count; i++)
		if (f->spec->clauses[i].kind < EVENT_KIND_COUNT && matcher_init(&f->matchers[i], &f->spec->clauses[i]))
			return replay_filter_free(f);
	f->wanted.from = *from;
	f->ends = until;
	if (until)
		f->until = *until;
	add_kinds(f);
	return f;
}

struct replay_filter *replay_filter_free(struct replay_filter *f)
{
	if (!f)
		return NULL;
	for (size_t i = 0; f->matchers && f->spec && i < f->spec->clause_count; i++)
		matcher_done(&f->matchers[i]);
	free(f->matchers);
	free(f->served);
	free(f->recorded);
	subscription_spec_free(f->spec);
	free(f);
	return NULL;
}

const struct record_wanted *replay_filter_wanted(const struct replay_filter *f)
{
	return &f->wanted;
}

/* Losses concern whoever has a clause of what was lost; what the recorder itself has lost, everybody. */
static bool lost_concerns(const struct capsule8_entry *entry, uint64_t kinds)
{
	struct event_lost lost;

	if (!entry->sequence)
		return true;
	/* One that says more than is known here concerns as many as one that says nothing. */
	return kinds & catalog_lost_kinds(capsule8_entry_lost(entry, &lost) ? lost.of : EVENT_KIND_COUNT);
}

static bool in_container(struct replay_filter *f, const struct capsule8_entry *entry)
{
	return capsule8_event_read(&f->reader, entry) &&
	       container_filter_matches(f->spec->containers, event_container_of(&f->reader.event));
}

/* Whether a clause takes it; *ret_full: one of those that do wants all of it. */
static bool matches(struct replay_filter *f, const struct capsule8_entry *entry, bool all, bool *ret_full)
{
	bool matched = false;

	*ret_full = false;
	if (!capsule8_event_read(&f->reader, entry))
		return false;
	for (size_t i = 0; i < f->spec->clause_count; i++) {
		const struct clause *c = &f->spec->clauses[i];

		if (c->kind != entry->kind || !f->served[i] || !(all || f->recorded[i]))
			continue;
		if (c->request && !capsule8_event_is_of(&f->reader, c->request))
			continue;
		f->reader.event.request = c->request;
		if (!matcher_matches(&f->matchers[i], &f->reader.event))
			continue;
		matched = true;
		*ret_full = *ret_full || c->detail == DETAIL_FULL;
		if (*ret_full || !event_kind_is_of_container(entry->kind))
			break;
	}
	return matched && (!f->spec->containers || container_filter_matches(f->spec->containers, event_container_of(&f->reader.event)));
}

static bool is_complete(const struct replay_filter *f)
{
	return f->spec->limit && f->seam.delivered >= f->spec->limit;
}

/* Throttle and limit. */
static enum replay_verdict admit(struct replay_filter *f, uint64_t time_ns, enum replay_verdict verdict)
{
	f->seam.matched++;
	if (f->spec->throttle_ns && !throttle_passes(f->spec->throttle_ns, &f->seam.throttle_until_ns, time_ns)) {
		f->seam.throttled++;
		return REPLAY_PASS;
	}
	f->seam.delivered++;
	return verdict;
}

static bool is_over(const struct replay_filter *f, const struct replay_place *place, uint64_t time_ns)
{
	return is_complete(f) || (f->ends && !record_is_before(place->segment, place->realtime_offset_ns, time_ns, &f->until));
}

enum replay_verdict replay_filter_ask(struct replay_filter *f, const struct capsule8_entry *entry, const struct replay_place *place)
{
	uint64_t kinds = place->all ? f->all_kinds : f->recorded_kinds;
	bool full;

	if (is_over(f, place, entry->time_ns))
		return REPLAY_OVER;
	if (record_is_before(place->segment, place->realtime_offset_ns, entry->time_ns, &f->wanted.from))
		return REPLAY_PASS;
	if (f->everything && !f->spec->containers)
		return entry->kind == EVENT_LOST ? REPLAY_TAKE : admit(f, entry->time_ns, REPLAY_TAKE);
	if (entry->kind == EVENT_LOST)
		return f->everything || lost_concerns(entry, kinds) ? REPLAY_TAKE : REPLAY_PASS;
	if (f->everything && entry->kind < EVENT_KIND_COUNT)
		return in_container(f, entry) ? admit(f, entry->time_ns, REPLAY_TAKE) : REPLAY_PASS;
	if (entry->kind >= EVENT_KIND_COUNT || !(kinds & EVENT_KIND_BIT(entry->kind)) || !matches(f, entry, place->all, &full))
		return REPLAY_PASS;
	return admit(f, entry->time_ns, full || !event_kind_is_of_container(entry->kind) ? REPLAY_TAKE : REPLAY_TAKE_BASIC);
}

enum replay_verdict replay_filter_ask_matched(struct replay_filter *f, const struct capsule8_entry *entry)
{
	if (is_complete(f))
		return REPLAY_OVER;
	return entry->kind == EVENT_LOST ? REPLAY_TAKE : admit(f, entry->time_ns, REPLAY_TAKE);
}

void replay_filter_new_boot(struct replay_filter *f)
{
	f->seam.throttle_until_ns = 0;
}

const struct subscriber_seam *replay_filter_seam(const struct replay_filter *f)
{
	return &f->seam;
}
