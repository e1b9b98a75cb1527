#include "cli/record_listing.h"

#include "base/cleanup.h"
#include "recorder/segment_reader.h"

#include <errno.h>
#include <string.h>

/* "segment-...rec: its header is damaged" */
static const char *behind_name(const char *message)
{
	const char *colon = strstr(message, ": ");

	return colon ? colon + 2 : message;
}

/* -EBADMSG and -ENOTSUP belong to the segment; others are trouble of ours. */
static int read_item(struct record_listing_item *item, struct error *err)
{
	struct segment_reader *r;
	struct error why = {0};
	int error = segment_reader_open(&r, item->file->directory_fd, item->file->name, &why);

	if (error && error != -EBADMSG && error != -ENOTSUP)
		return error_set(err, error, "%s", why.message);
	if (error) {
		item->error = error;
		item->why = strdup(behind_name(why.message));
	} else {
		item->query = strdup(segment_reader_query(r));
	}
	segment_reader_close(r);
	return item->why || item->query ? 0 : error_set(err, -ENOMEM, "out of memory");
}

/* The last of its directory, which somebody has locked. */
static bool is_written(const struct record_listing_item *item)
{
	cleanup_free uint64_t *numbers = NULL;
	size_t count;

	if (item->error || item->segment.closed || !record_directory_is_locked(item->file->directory_fd))
		return false;
	return !record_directory_numbers(item->file->directory_fd, &numbers, &count, NULL) && count &&
	       numbers[count - 1] == item->segment.number;
}

static int compare_items(const void *a, const void *b)
{
	const struct record_listing_item *left = a, *right = b;

	return left->segment.number < right->segment.number ? -1 : left->segment.number > right->segment.number;
}

static int read_items(struct record_listing *l, struct error *err)
{
	l->items = calloc(l->files.count + 1, sizeof(*l->items));
	if (!l->items)
		return error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < l->files.count; i++) {
		struct record_listing_item *item = &l->items[l->count];
		int r;

		*item = (struct record_listing_item){.file = &l->files.items[i], .segment = l->files.items[i].segment};
		r = read_item(item, err);
		/* Retention may have taken it away meanwhile. */
		if (r == -ENOENT)
			continue;
		if (r)
			return r;
		item->segment.unreadable = item->error;
		if (item->error)
			(void)record_segment_number(item->file->name, &item->segment.number);
		item->is_written = is_written(item);
		l->count++;
	}
	qsort(l->items, l->count, sizeof(*l->items), compare_items);
	return 0;
}

int record_listing_read(struct record_listing *l, char **paths, size_t count, struct error *err)
{
	int r = 0;

	*l = (struct record_listing){0};
	recording_files_init(&l->files);
	for (size_t i = 0; !r && i < count; i++)
		r = recording_files_add(&l->files, paths[i], err);
	if (!r)
		r = recording_files_sort(&l->files, err);
	return r ? r : read_items(l, err);
}

void record_listing_done(struct record_listing *l)
{
	for (size_t i = 0; i < l->count; i++) {
		free(l->items[i].query);
		free(l->items[i].why);
	}
	free(l->items);
	recording_files_done(&l->files);
	*l = (struct record_listing){0};
}

const struct record_segment *record_listing_before(const struct record_listing *l, size_t index)
{
	while (index--)
		if (!l->items[index].error)
			return &l->items[index].segment;
	return NULL;
}

bool record_listing_gap(const struct record_listing *l, size_t index, struct record_listing_gap *ret)
{
	const struct record_segment *next = &l->items[index].segment, *before = record_listing_before(l, index);
	uint64_t hole;

	*ret = (struct record_listing_gap){0};
	if (!before || l->items[index].error)
		return false;
	/* Those that are there, but cannot be read, are shown themselves. */
	for (size_t i = index; i && l->items[i - 1].segment.number >= before->number; i--)
		ret->segments += l->items[i].segment.number - l->items[i - 1].segment.number - 1;
	hole = next->header.begin == RECORD_BEGIN_CONTINUED ? 0 : RECORD_RUN_HOLE;
	if (next->header.offset > before->end_offset + hole)
		ret->bytes = next->header.offset - before->end_offset - hole;
	else if (next->header.offset < before->end_offset)
		ret->overlap_bytes = before->end_offset - next->header.offset;
	ret->after_sequence = before->last_sequence;
	ret->before_sequence = next->first_sequence;
	return ret->segments || ret->bytes || ret->overlap_bytes;
}

const char *record_listing_state(const struct record_listing_item *item)
{
	if (item->error)
		return "unreadable";
	if (item->segment.closed)
		return "closed";
	if (item->is_written)
		return "being written";
	return item->segment.tail_bytes ? "needs repair" : "not closed";
}

int64_t record_listing_begun_ns(const struct record_segment *s)
{
	return s->blocks ? (int64_t)s->first_time_ns + s->realtime_offset_ns : s->header.realtime_ns;
}

struct record_listing_sums record_listing_sum(const struct record_listing *l)
{
	struct record_listing_sums sums = {0};

	for (size_t i = 0; i < l->count; i++) {
		const struct record_segment *s = &l->items[i].segment;
		struct record_listing_gap gap;

		sums.stored_bytes += s->size;
		if (l->items[i].error) {
			sums.unreadable++;
			continue;
		}
		sums.runs += s->header.begin != RECORD_BEGIN_CONTINUED || !sums.runs;
		sums.crashes += s->header.begin == RECORD_BEGIN_CRASHED;
		sums.events += s->events;
		sums.lost += s->lost;
		sums.raw_bytes += s->raw_bytes;
		sums.damaged_bytes += s->damaged_bytes;
		if (record_listing_gap(l, i, &gap)) {
			sums.gaps++;
			sums.missing_bytes += gap.bytes;
		}
		if (s->blocks && !sums.first)
			sums.first = s;
		if (s->blocks)
			sums.last = s;
	}
	return sums;
}

const char *record_listing_sensor_id(const struct record_listing *l)
{
	for (size_t i = l->count; i--;)
		if (!l->items[i].error)
			return l->items[i].segment.header.sensor_id;
	return NULL;
}
