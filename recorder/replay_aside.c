#include "recorder/replay_aside.h"

void replay_aside_init(struct replay_aside *a, struct outbox *outbox)
{
	*a = (struct replay_aside){.outbox = outbox ? outbox_ref(outbox) : NULL};
}

void replay_aside_done(struct replay_aside *a)
{
	chunk_unref(a->chunk);
	outbox_unref(a->outbox);
}

/* Makes the next entry known. False: there is none. */
static bool load(struct replay_aside *a)
{
	struct outbox_end end;
	bool ended;

	while (!a->has_entry) {
		if (a->chunk && a->at < a->chunk->data + a->chunk->length) {
			a->has_entry = capsule8_entry_next(&a->at, a->chunk->data + a->chunk->length, &a->entry);
			if (a->has_entry)
				break;
		}
		a->chunk = chunk_unref(a->chunk);
		if (!a->outbox || !outbox_take(a->outbox, &a->chunk, 1, 0, &end, &ended)) {
			a->chunk = NULL;
			return false;
		}
		a->at = a->chunk->data;
	}
	return true;
}

const struct capsule8_entry *replay_aside_next(struct replay_aside *a, uint64_t before)
{
	return load(a) && a->entry.sequence < before ? &a->entry : NULL;
}

void replay_aside_pop(struct replay_aside *a)
{
	a->has_entry = false;
}

void replay_aside_drop(struct replay_aside *a, uint64_t sequence)
{
	if (load(a) && a->entry.sequence == sequence)
		a->has_entry = false;
}

size_t replay_aside_bytes(const struct replay_aside *a)
{
	struct outbox_counters counters = {0};

	if (a->outbox)
		outbox_counters(a->outbox, &counters);
	return counters.bytes + (a->chunk ? (size_t)(a->chunk->data + a->chunk->length - a->at) : 0);
}
