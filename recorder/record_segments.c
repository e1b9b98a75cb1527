#include "recorder/record_segments.h"

#include "base/boot_id.h"
#include "base/cleanup.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>

struct listed {
	int directory_fd;
	char name[NAME_MAX + 1];
	struct record_segment segment;
};

struct record_segments {
	pthread_mutex_t mutex;
	struct record_moment began;
	bool has_began;
	struct listed *items; /* by number */
	size_t count;
	size_t capacity;
};

/* The bytes of hexadecimal digits, two each. */
static void take_digits(const char digits[BOOT_ID_DIGITS + 1], uint8_t ret[BOOT_ID_DIGITS / 2])
{
	for (size_t i = 0; i < BOOT_ID_DIGITS / 2; i++) {
		const char pair[] = {digits[2 * i], digits[2 * i + 1], '\0'};

		ret[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
}

struct record_moment record_moment_of(const uint8_t boot_id[16])
{
	struct record_moment moment = {
		.monotonic_ns = (int64_t)clock_monotonic_ns(),
		.realtime_ns = (int64_t)clock_realtime_ns(),
	};

	memcpy(moment.boot_id, boot_id, sizeof(moment.boot_id));
	return moment;
}

int record_moment_now(struct record_moment *ret, struct error *err)
{
	cleanup_close int proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char digits[BOOT_ID_DIGITS + 1];
	uint8_t boot_id[BOOT_ID_DIGITS / 2];
	int count = proc_fd < 0 ? error_set_errno(err, -errno, "/proc") : boot_id_read(proc_fd, digits, err);

	if (count < 0)
		return count;
	if (count < BOOT_ID_DIGITS)
		return boot_id_too_short(count, BOOT_ID_DIGITS, err);
	take_digits(digits, boot_id);
	*ret = record_moment_of(boot_id);
	return 0;
}

struct record_moment record_moment_earlier(const struct record_moment *moment, int64_t ns)
{
	struct record_moment earlier = *moment;

	if (__builtin_sub_overflow(moment->monotonic_ns, ns, &earlier.monotonic_ns))
		earlier.monotonic_ns = ns > 0 ? INT64_MIN : INT64_MAX;
	if (__builtin_sub_overflow(moment->realtime_ns, ns, &earlier.realtime_ns))
		earlier.realtime_ns = ns > 0 ? INT64_MIN : INT64_MAX;
	return earlier;
}

bool record_is_before(const struct record_segment_header *segment, int64_t realtime_offset_ns, uint64_t time_ns,
		      const struct record_moment *moment)
{
	int64_t realtime_ns;

	if (!memcmp(segment->boot_id, moment->boot_id, sizeof(moment->boot_id)))
		return (int64_t)time_ns < moment->monotonic_ns;
	if (__builtin_add_overflow((int64_t)time_ns, realtime_offset_ns, &realtime_ns))
		return false;
	return realtime_ns < moment->realtime_ns;
}

struct record_segments *record_segments_new(const struct record_moment *began)
{
	struct record_segments *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	pthread_mutex_init(&s->mutex, NULL);
	if (began) {
		s->began = *began;
		s->has_began = true;
	}
	return s;
}

struct record_segments *record_segments_free(struct record_segments *s)
{
	if (!s)
		return NULL;
	pthread_mutex_destroy(&s->mutex);
	free(s->items);
	free(s);
	return NULL;
}

/* The place of the first one whose number is not less. With the mutex held, as all that follow. */
static size_t place_of(const struct record_segments *s, uint64_t number)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (s->items[middle].segment.number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct listed *find(struct record_segments *s, uint64_t number)
{
	size_t at = place_of(s, number);

	return at < s->count && s->items[at].segment.number == number ? &s->items[at] : NULL;
}

static int add(struct record_segments *s, int directory_fd, const char *name, const struct record_segment *segment)
{
	size_t at = place_of(s, segment->number);

	if (find(s, segment->number))
		return -EEXIST;
	if (s->count == s->capacity) {
		size_t capacity = s->capacity ? s->capacity * 2 : 64;
		struct listed *items = reallocarray(s->items, capacity, sizeof(*items));

		if (!items)
			return -ENOMEM;
		s->items = items;
		s->capacity = capacity;
	}
	memmove(&s->items[at + 1], &s->items[at], (s->count - at) * sizeof(*s->items));
	s->count++;
	s->items[at] = (struct listed){.directory_fd = directory_fd, .segment = *segment};
	snprintf(s->items[at].name, sizeof(s->items[at].name), "%s", name);
	return 0;
}

int record_segments_add(struct record_segments *s, int directory_fd, const char *name, const struct record_segment *segment)
{
	int r;

	pthread_mutex_lock(&s->mutex);
	r = add(s, directory_fd, name, segment);
	pthread_mutex_unlock(&s->mutex);
	return r;
}

void record_segments_update(struct record_segments *s, const struct record_segment *segment)
{
	struct listed *item;

	pthread_mutex_lock(&s->mutex);
	item = find(s, segment->number);
	if (item)
		item->segment = *segment;
	pthread_mutex_unlock(&s->mutex);
}

void record_segments_remove(struct record_segments *s, uint64_t number)
{
	struct listed *item;

	pthread_mutex_lock(&s->mutex);
	item = find(s, number);
	if (item) {
		s->count--;
		memmove(item, item + 1, (size_t)(s->items + s->count - item) * sizeof(*item));
	}
	pthread_mutex_unlock(&s->mutex);
}

void record_segments_clear(struct record_segments *s)
{
	pthread_mutex_lock(&s->mutex);
	s->count = 0;
	pthread_mutex_unlock(&s->mutex);
}

size_t record_segments_count(struct record_segments *s)
{
	size_t count;

	pthread_mutex_lock(&s->mutex);
	count = s->count;
	pthread_mutex_unlock(&s->mutex);
	return count;
}

uint64_t record_segments_bytes(struct record_segments *s)
{
	uint64_t bytes = 0;

	pthread_mutex_lock(&s->mutex);
	for (size_t i = 0; i < s->count; i++)
		bytes += s->items[i].segment.size;
	pthread_mutex_unlock(&s->mutex);
	return bytes;
}

bool record_segments_find(struct record_segments *s, uint64_t number, struct record_segment *ret)
{
	size_t at;
	bool found;

	pthread_mutex_lock(&s->mutex);
	at = place_of(s, number);
	found = at < s->count;
	if (found)
		*ret = s->items[at].segment;
	pthread_mutex_unlock(&s->mutex);
	return found;
}

bool record_segments_last(struct record_segments *s, struct record_segment *ret)
{
	bool found;

	pthread_mutex_lock(&s->mutex);
	found = s->count;
	if (found)
		*ret = s->items[s->count - 1].segment;
	pthread_mutex_unlock(&s->mutex);
	return found;
}

int record_segments_open(struct record_segments *s, uint64_t number, struct segment_reader **ret, struct record_segment *ret_segment,
			 struct error *err)
{
	size_t at;
	int r = -ENOENT;

	/* With the mutex held, so that its directory stays open meanwhile. */
	pthread_mutex_lock(&s->mutex);
	at = place_of(s, number);
	if (at < s->count) {
		*ret_segment = s->items[at].segment;
		r = segment_reader_open(ret, s->items[at].directory_fd, s->items[at].name, err);
	} else {
		error_set(err, r, "there is no segment from number %llu on", (unsigned long long)number);
	}
	pthread_mutex_unlock(&s->mutex);
	return r;
}

/* Nothing before this is in it, or in what the run before it had recorded. */
static bool begins_before(const struct record_segment *segment, const struct record_moment *moment)
{
	const struct record_segment_header *header = &segment->header;
	uint64_t begin_ns = header->monotonic_ns;

	/* Older segments of the same run were there, and are not any more. */
	if (header->begin == RECORD_BEGIN_CONTINUED && segment->blocks)
		begin_ns = segment->first_time_ns;
	return record_is_before(header, header->realtime_ns - (int64_t)header->monotonic_ns, begin_ns, moment);
}

/* Segments before the `i`th that may have had something of the window, which is damaged: a reader has to begin there, to tell of it. Returns the first. */
static size_t step_back(const struct record_segments *s, size_t i, const struct record_moment *from)
{
	const struct record_segment *found = &s->items[i].segment;

	if (found->unreadable || begins_before(found, from))
		return i;
	while (i > 0) {
		const struct record_segment *before = &s->items[i - 1].segment;

		if (!before->unreadable && (before->blocks || before->end_offset >= found->header.offset))
			break;
		i--;
	}
	return i;
}

uint64_t record_segments_seek(struct record_segments *s, const struct record_moment *from, bool *ret_reaches)
{
	uint64_t number = 0;
	size_t i;

	pthread_mutex_lock(&s->mutex);
	for (i = 0; i < s->count; i++) {
		const struct record_segment *segment = &s->items[i].segment;

		if (segment->unreadable)
			continue;
		if (segment->blocks && !record_is_before(&segment->header, segment->realtime_offset_ns, segment->last_time_ns, from))
			break;
		/* The last one may be written to just now. */
		if (i + 1 == s->count)
			break;
	}
	if (i < s->count)
		i = step_back(s, i, from);
	if (s->count) {
		number = i < s->count ? s->items[i].segment.number : s->items[s->count - 1].segment.number + 1;
		*ret_reaches = !s->items[0].segment.unreadable && begins_before(&s->items[0].segment, from);
	} else {
		*ret_reaches = s->has_began && s->began.monotonic_ns <= from->monotonic_ns;
	}
	pthread_mutex_unlock(&s->mutex);
	return number;
}
