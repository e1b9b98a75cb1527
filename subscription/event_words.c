#include "subscription/event_words.h"

#include "base/clock.h"
#include "base/parse.h"
#include "base/suggest.h"
#include "subscription/call_words.h"
#include "tracing/syscall_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHARGEN_LENGTH_DEFAULT 64
#define CHARGEN_LENGTH_MAX     65536
#define WORD_MAX               65536
#define FAMILY_BYTES           64

/* The family's name alone is what a list of containers begins with (query_parse.h). */
#define CONTAINER_ALL  "all"
#define CONTAINER_FULL "full"

static int no_memory(struct error *err)
{
	return error_set(err, -ENOMEM, "out of memory");
}

static int add_kind(struct subscription_spec *spec, enum event_kind kind, struct error *err)
{
	return subscription_spec_add(spec, kind) ? 0 : no_memory(err);
}

/* "file:open, file:create, ..., or file for all of them" */
static int unknown_type(const char *family, const char *type, struct error *err)
{
	struct suggestion suggestion;
	char names[400] = "";
	size_t length = 0;

	suggestion_init(&suggestion, type);
	for (enum event_kind kind = 0; kind < EVENT_KIND_COUNT && length < sizeof(names); kind++) {
		const struct catalog_entry *entry = catalog_entry(kind);

		if (strcmp(entry->family, family) != 0)
			continue;
		suggestion_offer(&suggestion, entry->type);
		length += (size_t)snprintf(names + length, sizeof(names) - length, "%s:%s, ", family, entry->type);
	}
	if (suggestion_best(&suggestion))
		return error_set(err, -EINVAL, "there is no event %s:%s; did you mean %s:%s?", family, type, family,
				 suggestion_best(&suggestion));
	return error_set(err, -EINVAL, "there is no event %s:%s: use %sor %s%s for all of them", family, type, names, family,
			 strcmp(family, "container") ? "" : ":" CONTAINER_ALL);
}

/* A family whose members need nothing but their names: one of them, or all. */
static int add_family(struct subscription_spec *spec, const char *family, const char *type, struct error *err)
{
	const struct catalog_entry *entry;
	int r = 0;

	if (type) {
		entry = catalog_find(family, type);
		return entry ? add_kind(spec, entry->kind, err) : unknown_type(family, type, err);
	}
	for (enum event_kind kind = 0; !r && kind < EVENT_KIND_COUNT; kind++)
		if (!strcmp(catalog_entry(kind)->family, family))
			r = add_kind(spec, kind, err);
	return r;
}

static int add_process(struct subscription_spec *spec, const char *type, struct error *err)
{
	return add_family(spec, "process", type, err);
}

static int add_file(struct subscription_spec *spec, const char *type, struct error *err)
{
	return add_family(spec, "file", type, err);
}

static int add_network(struct subscription_spec *spec, const char *type, struct error *err)
{
	return add_family(spec, "network", type, err);
}

/* "created", "all", and either with an option behind it. */
static int add_container(struct subscription_spec *spec, const char *text, struct error *err)
{
	size_t before = spec->clause_count;
	char *type, *option;
	int r;

	if (!text)
		return error_set(err, -EINVAL,
				 "container alone is no event: use container:created or another one, or container:" CONTAINER_ALL
				 " for all of them");
	type = strdup(text);
	if (!type)
		return no_memory(err);
	option = type;
	strsep(&option, "/");
	if (option && strcmp(option, CONTAINER_FULL) != 0)
		r = error_set(err, -EINVAL, "container:%s has no \"/%.64s\": use container:%s, or container:%s/" CONTAINER_FULL, type,
			      option, type, type);
	else
		r = add_family(spec, "container", strcmp(type, CONTAINER_ALL) ? type : NULL, err);
	for (size_t i = before; !r && option && i < spec->clause_count; i++)
		spec->clauses[i].detail = DETAIL_FULL;
	free(type);
	return r;
}

static int add_syscall_clause(struct subscription_spec *spec, enum event_kind kind, enum sample_abi abi, int64_t number, struct error *err)
{
	struct clause *clause = subscription_spec_add(spec, kind);
	int r;

	if (!clause)
		return no_memory(err);
	r = clause_add(clause, "id", PREDICATE_EQUAL, (uint64_t)number, NULL, err);
	return r ? r : clause_add(clause, "abi", PREDICATE_EQUAL, abi, NULL, err);
}

static int unknown_syscall(const char *name, struct error *err)
{
	struct suggestion suggestion;

	suggestion_init(&suggestion, name);
	for (int64_t number = 0; number < syscall_count(SAMPLE_ABI_64); number++)
		if (syscall_name(SAMPLE_ABI_64, number))
			suggestion_offer(&suggestion, syscall_name(SAMPLE_ABI_64, number));
	if (suggestion_best(&suggestion))
		return error_set(err, -EINVAL, "there is no system call \"%s\"; did you mean %s?", name, suggestion_best(&suggestion));
	return error_set(err, -EINVAL, "there is no system call \"%s\" (a newer one can be given by its number)", name);
}

static int add_calls(struct subscription_spec *spec, const char *call, const char *type, struct error *err)
{
	int64_t number_64 = syscall_number(SAMPLE_ABI_64, call);
	int64_t number_32 = syscall_number(SAMPLE_ABI_32, call);
	uint64_t number;
	int r = 0;

	if (type && !catalog_find("syscall", type))
		return error_set(err, -EINVAL,
				 "there is no event syscall:%s:%s: use syscall:%s:enter, syscall:%s:exit, or syscall:%s for both", call,
				 type, call, call, call);
	if (call[0] >= '0' && call[0] <= '9') {
		r = parse_number(call, 0, INT32_MAX, &number, err);
		if (r)
			return error_prefix(err, r, "syscall:%s", call);
		number_64 = (int64_t)number;
	}
	if (number_64 < 0 && number_32 < 0)
		return unknown_syscall(call, err);
	for (enum event_kind kind = EVENT_SYSCALL_ENTER; !r && kind <= EVENT_SYSCALL_EXIT; kind++) {
		if (type && strcmp(catalog_entry(kind)->type, type) != 0)
			continue;
		if (number_64 >= 0)
			r = add_syscall_clause(spec, kind, SAMPLE_ABI_64, number_64, err);
		if (!r && number_32 >= 0)
			r = add_syscall_clause(spec, kind, SAMPLE_ABI_32, number_32, err);
	}
	return r;
}

static int add_syscall(struct subscription_spec *spec, const char *text, struct error *err)
{
	char *call, *type;
	int r;

	if (!text)
		return error_set(err, -EINVAL, "syscall needs a name or a number, like syscall:openat or syscall:110:exit");
	if (catalog_find("syscall", text))
		return add_kind(spec, catalog_find("syscall", text)->kind, err);
	call = strdup(text);
	if (!call)
		return no_memory(err);
	type = call;
	strsep(&type, ":");
	r = add_calls(spec, call, type, err);
	free(call);
	return r;
}

static int add_ticker(struct subscription_spec *spec, const char *interval, struct error *err)
{
	uint64_t interval_ns = NSEC_PER_SEC;
	struct clause *clause;
	int r;

	if (interval) {
		r = parse_duration(interval, &interval_ns, err);
		if (r)
			return error_prefix(err, r, "ticker:%s", interval);
	}
	if (!interval_ns || interval_ns > INT64_MAX)
		return error_set(err, -EINVAL, "ticker:%s: the interval must be more than 0 and less than 292 years", interval);
	clause = subscription_spec_add(spec, EVENT_TICKER);
	if (!clause)
		return no_memory(err);
	clause->interval_ns = interval_ns;
	return 0;
}

static int add_chargen(struct subscription_spec *spec, const char *characters, struct error *err)
{
	uint64_t length = CHARGEN_LENGTH_DEFAULT;
	struct clause *clause;
	int r;

	if (characters) {
		r = parse_number(characters, 1, CHARGEN_LENGTH_MAX, &length, err);
		if (r)
			return error_prefix(err, r, "chargen:%s", characters);
	}
	clause = subscription_spec_add(spec, EVENT_CHARGEN);
	if (!clause)
		return no_memory(err);
	clause->length = (uint32_t)length;
	return 0;
}

/* A family of words. */
static const struct family {
	const char *name;
	size_t colons_max; /* 0: its text may have any */
	/* `text`: what stands behind the first colon; NULL: there is none. */
	int (*add)(struct subscription_spec *spec, const char *text, struct error *err);
} families[] = {
	{"process", 1, add_process},
	{"file", 1, add_file},
	{"network", 2, add_network},
	{"syscall", 2, add_syscall},
	{"kernel_call", 0, call_word_add_kernel},
	{"user_call", 0, call_word_add_user},
	{"performance", 0, call_word_add_performance},
	{"container", 1, add_container},
	{"ticker", 1, add_ticker},
	{"chargen", 1, add_chargen},
};

#define FAMILY_COUNT (sizeof(families) / sizeof(families[0]))

static int unknown_family(const char *word, const char *family, struct error *err)
{
	struct suggestion suggestion;
	char names[256] = "";
	size_t length = 0;

	suggestion_init(&suggestion, family);
	for (size_t i = 0; i < FAMILY_COUNT && length < sizeof(names); i++) {
		suggestion_offer(&suggestion, families[i].name);
		length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%s",
					   !i                     ? ""
					   : i + 1 < FAMILY_COUNT ? ", "
								  : " or ",
					   families[i].name);
	}
	if (suggestion_best(&suggestion))
		return error_set(err, -EINVAL, "there is no event \"%s\"; did you mean %s%s?", word, suggestion_best(&suggestion),
				 word + strlen(family));
	return error_set(err, -EINVAL, "there is no event \"%.64s\": events begin with %s ('ringside events' lists them)", word, names);
}

/* No more parts than the family has, and none of them empty. */
static bool has_its_parts(const struct family *family, const char *text)
{
	size_t colons = 1;

	if (!text || !family->colons_max)
		return true;
	for (const char *at = text; *at; at++) {
		colons += *at == ':';
		if (*at == ':' && (at == text || !at[1] || at[1] == ':'))
			return false;
	}
	return *text && colons <= family->colons_max;
}

int event_word_add(struct subscription_spec *spec, const char *word, struct error *err)
{
	const char *colon = strchr(word, ':');
	const char *text = colon ? colon + 1 : NULL;
	size_t length = colon ? (size_t)(colon - word) : strlen(word);
	char name[FAMILY_BYTES];

	if (length >= sizeof(name) || strlen(word) > WORD_MAX)
		return error_set(err, -EINVAL, "\"%.32s...\" is too long for an event", word);
	memcpy(name, word, length);
	name[length] = 0;
	if (!strcmp(name, "lost"))
		return error_set(err, -EINVAL, "lost events need not be asked for: whoever loses something is told");
	for (size_t i = 0; i < FAMILY_COUNT; i++) {
		if (strcmp(families[i].name, name) != 0)
			continue;
		if (!has_its_parts(&families[i], text))
			return error_set(err, -EINVAL, "cannot read the event \"%.128s\": it has too many colons", word);
		return families[i].add(spec, text, err);
	}
	return unknown_family(word, name, err);
}

size_t event_word_size(const char *text)
{
	static const char kernel_call[] = "kernel_call:", user_call[] = "user_call:";

	if (!strncmp(text, kernel_call, sizeof(kernel_call) - 1))
		return sizeof(kernel_call) - 1 + call_word_size(text + sizeof(kernel_call) - 1, false);
	if (!strncmp(text, user_call, sizeof(user_call) - 1))
		return sizeof(user_call) - 1 + call_word_size(text + sizeof(user_call) - 1, true);
	return strcspn(text, " \t\r\n;");
}
