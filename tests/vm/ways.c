#include "tests/vm/ways.h"

#include "sensor/catalog.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static json_t *report;
static size_t wanted_rank;

bool ways_read(const char *file, size_t rank)
{
	json_error_t error;

	report = json_load_file(file, 0, &error);
	wanted_rank = rank;
	if (json_is_array(json_object_get(report, "checks")))
		return true;
	fprintf(stderr, "%s: no report of 'ringside check -o json': %s\n", file, report ? "it has no checks" : error.text);
	return false;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static bool works(const json_t *way)
{
	return strcmp(text_of(way, "verdict"), "missing") != 0;
}

/* The way of the wanted rank; NULL: there are not so many. */
static const json_t *wanted_way(const json_t *check)
{
	const json_t *way;
	size_t i, rank = 0;

	json_array_foreach (json_object_get(check, "ways"), i, way)
		if (works(way) && rank++ == wanted_rank)
			return way;
	return NULL;
}

bool ways_print_forbids(void)
{
	const json_t *check, *way;
	size_t i, j;
	bool some = false;

	json_array_foreach (json_object_get(report, "checks"), i, check) {
		const json_t *wanted = wanted_way(check);

		some = some || wanted;
		json_array_foreach (json_object_get(check, "ways"), j, way)
			if (way != wanted)
				printf("--forbid %s/%s ", text_of(check, "name"), text_of(way, "name"));
	}
	putchar('\n');
	return some;
}

bool ways_lack(const char *name)
{
	const json_t *check;
	size_t i;

	json_array_foreach (json_object_get(report, "checks"), i, check)
		if (!strcmp(text_of(check, "name"), name) && json_object_get(check, "ways"))
			return !wanted_way(check);
	return false;
}

bool ways_lack_kind(enum event_kind kind)
{
	const struct catalog_entry *entry = catalog_entry(kind);
	char name[64];

	snprintf(name, sizeof(name), "%s:%s", entry->family, entry->type);
	return ways_lack(name);
}
