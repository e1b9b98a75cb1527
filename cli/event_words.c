#include "cli/event_words.h"

#include "base/clock.h"
#include "base/suggest.h"
#include "cli/parse.h"
#include "tracing/syscall_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHARGEN_LENGTH_DEFAULT 64
#define CHARGEN_LENGTH_MAX     65536
#define WORD_BYTES             128

static int no_memory(struct error *err)
{
	return error_set(err, -ENOMEM, "out of memory");
}

static int add_kind(struct subscription_spec *spec, enum event_kind kind, struct error *err)
{
	return subscription_spec_add(spec, kind) ? 0 : no_memory(err);
}

static int add_process(struct subscription_spec *spec, const char *type, struct error *err)
{
	const struct catalog_entry *entry;
	int r;

	if (type) {
		entry = catalog_find("process", type);
		if (!entry)
			return error_set(err, -EINVAL,
					 "there is no event process:%s: use process:fork, process:exec, process:exit, or process"
					 " for all of them",
					 type);
		return add_kind(spec, entry->kind, err);
	}
	for (enum event_kind kind = 0; kind < EVENT_KIND_COUNT; kind++) {
		if (strcmp(catalog_entry(kind)->family, "process") != 0)
			continue;
		r = add_kind(spec, kind, err);
		if (r)
			return r;
	}
	return 0;
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

static int add_syscall(struct subscription_spec *spec, const char *call, const char *type, struct error *err)
{
	int64_t number_64 = call ? syscall_number(SAMPLE_ABI_64, call) : -1;
	int64_t number_32 = call ? syscall_number(SAMPLE_ABI_32, call) : -1;
	uint64_t number;
	int r = 0;

	if (!call)
		return error_set(err, -EINVAL, "syscall needs a name or a number, like syscall:openat or syscall:110:exit");
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

static int unknown_family(const char *word, const char *family, struct error *err)
{
	struct suggestion suggestion;

	suggestion_init(&suggestion, family);
	for (enum event_kind kind = 0; kind < EVENT_KIND_COUNT; kind++)
		if (kind != EVENT_LOST)
			suggestion_offer(&suggestion, catalog_entry(kind)->family);
	if (suggestion_best(&suggestion))
		return error_set(err, -EINVAL, "there is no event \"%s\"; did you mean %s%s?", word, suggestion_best(&suggestion),
				 word + strlen(family));
	return error_set(err, -EINVAL,
			 "there is no event \"%s\": events begin with process, syscall, ticker or chargen ('ringside events'"
			 " lists them)",
			 word);
}

int event_word_add(struct subscription_spec *spec, const char *word, struct error *err)
{
	char copy[WORD_BYTES];
	char *rest = copy;
	const char *parts[3] = {NULL, NULL, NULL};
	size_t count = 0;
	bool extra;

	if (strlen(word) >= sizeof(copy))
		return error_set(err, -EINVAL, "\"%.32s...\" is too long for an event", word);
	memcpy(copy, word, strlen(word) + 1);
	while (count < 3 && rest)
		parts[count++] = strsep(&rest, ":");
	/* Only system calls have a third part; an empty part is nobody's. */
	extra = rest || (parts[2] && strcmp(parts[0], "syscall") != 0);
	for (size_t i = 1; i < count; i++)
		extra = extra || !*parts[i];
	if (!strcmp(parts[0], "lost"))
		return error_set(err, -EINVAL, "lost events need not be asked for: whoever loses something is told");
	if (!catalog_find(parts[0], "") && strcmp(parts[0], "process") != 0 && strcmp(parts[0], "syscall") != 0)
		return unknown_family(word, parts[0], err);
	if (extra)
		return error_set(err, -EINVAL, "cannot read the event \"%s\": it has too many colons", word);
	if (!strcmp(parts[0], "process"))
		return add_process(spec, parts[1], err);
	if (!strcmp(parts[0], "syscall"))
		return add_syscall(spec, parts[1], parts[2], err);
	if (!strcmp(parts[0], "ticker"))
		return add_ticker(spec, parts[1], err);
	return add_chargen(spec, parts[1], err);
}

int event_words_parse(char *const *words, size_t count, struct subscription_spec **ret, struct error *err)
{
	struct subscription_spec *spec = calloc(1, sizeof(*spec));
	int r = 0;

	if (!spec)
		return no_memory(err);
	if (!count)
		r = event_word_add(spec, "process", err);
	for (size_t i = 0; !r && i < count; i++)
		r = event_word_add(spec, words[i], err);
	if (r) {
		subscription_spec_free(spec);
		return r;
	}
	*ret = spec;
	return 0;
}
