#include "subscription/query_word.h"

#include "base/clock.h"
#include "subscription/counters.h"
#include "subscription/event_words.h"
#include "subscription/query_string.h"
#include "tracing/syscall_table.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool has_only(const char *text, const char *others)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0x80 || (!isalnum((unsigned char)*text) && !strchr(others, *text)))
			return false;
	return true;
}

static void put_part(const char *text, bool is_plain, struct buffer *out)
{
	if (is_plain && *text)
		buffer_put_string(out, text);
	else
		query_put_quoted(out, text, QUERY_STRING);
}

/* Names and fetchargs are cut at the commas and at the parenthesis that ends them. */
static bool is_plain_fetcharg(const char *text)
{
	int depth = 0;

	if (!has_only(text, "_%$@+-:.()[]/"))
		return false;
	for (; *text && depth >= 0; text++)
		depth += *text == '(' ? 1 : *text == ')' ? -1 : 0;
	return !depth;
}

static void put_arguments(const struct probe_request *r, bool needs_some, struct buffer *out)
{
	if (!r->parameter_count && !needs_some)
		return;
	buffer_put_u8(out, '(');
	for (size_t i = 0; i < r->parameter_count; i++) {
		buffer_put_string(out, i ? ", " : "");
		put_part(r->parameters[i].name, has_only(r->parameters[i].name, "_"), out);
		buffer_put_u8(out, '=');
		put_part(r->parameters[i].expression, is_plain_fetcharg(r->parameters[i].expression), out);
	}
	buffer_put_u8(out, ')');
}

/* "sys:exit" and "exit" would be read as the end of a call. */
static bool ends_like_an_end(const char *symbol)
{
	const char *last = strrchr(symbol, ':');

	last = last ? last + 1 : symbol;
	return !strcmp(last, "enter") || !strcmp(last, "exit");
}

/* It ends at a slash in front of the end of the clause. */
static bool is_plain_filter(const char *text)
{
	size_t quotes = 0;

	for (const char *at = text; *at; at++) {
		if (*at < ' ' || *at > '~' || *at == '/' || *at == '\'')
			return false;
		quotes += *at == '"';
	}
	return quotes % 2 == 0;
}

static void put_call(const struct probe_request *r, struct buffer *out)
{
	bool is_exit = r->kind == EVENT_KERNEL_CALL_EXIT || r->kind == EVENT_USER_CALL_EXIT;
	bool is_plain = has_only(r->symbol, r->executable ? "_.$@+-" : "_.$@+-:");

	if (r->executable) {
		is_plain = is_plain && has_only(r->executable, "_./+-:@,=~%");
		put_part(r->executable, is_plain, out);
		buffer_put_u8(out, ':');
	}
	put_part(r->symbol, is_plain, out);
	put_arguments(r, ends_like_an_end(r->symbol), out);
	if (is_exit)
		buffer_put_string(out, ":exit");
	if (r->filter) {
		buffer_put_u8(out, '/');
		put_part(r->filter, is_plain_filter(r->filter), out);
		buffer_put_u8(out, '/');
	}
}

static void put_counters(const struct probe_request *r, struct buffer *out)
{
	for (size_t i = 0; i < r->counter_count; i++) {
		buffer_put_string(out, i ? "," : "");
		counter_put_word(out, &r->counters[i]);
	}
	buffer_printf(out, "/%s=%" PRIu64, r->by_frequency ? "frequency" : "period", r->rate);
}

void query_put_duration(uint64_t ns, struct buffer *out)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{"h", 3600 * NSEC_PER_SEC}, {"m", 60 * NSEC_PER_SEC}, {"s", NSEC_PER_SEC},
		{"ms", NSEC_PER_MSEC},      {"us", NSEC_PER_USEC},    {"ns", 1},
	};
	size_t i = 0;

	while (ns % units[i].ns)
		i++;
	/* No time at all is a whole number of anything. */
	buffer_printf(out, "%" PRIu64 "%s", ns / units[i].ns, ns ? units[i].name : "s");
}

static const char *detail_word(const struct clause *c)
{
	return c->detail == DETAIL_FULL ? "/full" : "";
}

void query_word_put(const struct clause *c, struct buffer *out)
{
	const struct catalog_entry *entry;

	if (c->kind >= EVENT_KIND_COUNT) {
		buffer_put_string(out, "unserved(");
		query_put_quoted(out, c->refusal ? c->refusal : "", QUERY_STRING);
		buffer_put_u8(out, ')');
		return;
	}
	entry = catalog_entry(c->kind);
	buffer_put_string(out, entry->family);
	if (probe_request_needed(c->kind) ? c->request != NULL : *entry->type || c->kind == EVENT_TICKER || c->kind == EVENT_CHARGEN)
		buffer_put_u8(out, ':');
	if (c->kind == EVENT_TICKER)
		query_put_duration(c->interval_ns, out);
	else if (c->kind == EVENT_CHARGEN)
		buffer_printf(out, "%" PRIu32, c->length);
	else if (!probe_request_needed(c->kind))
		buffer_printf(out, "%s%s", entry->type, detail_word(c));
	else if (c->request && c->kind == EVENT_PERFORMANCE)
		put_counters(c->request, out);
	else if (c->request)
		put_call(c->request, out);
}

void query_words_init(struct query_words *w, const struct clause *first)
{
	*w = (struct query_words){.clause = first};
}

/* "syscall:openat" of what begins with the number and the ABI of a call; of a call without a name, its number. */
static bool syscall_word(const struct clause *c, char *to, size_t size)
{
	const struct expression *id = c->filter && c->filter->type == EXPRESSION_AND ? c->filter->first : NULL;
	const struct expression *abi = id ? id->next : NULL;
	const char *name;

	if (!abi || id->type != EXPRESSION_EQ || abi->type != EXPRESSION_EQ || id->first->next->type != EXPRESSION_VALUE ||
	    abi->first->next->type != EXPRESSION_VALUE)
		return false;
	name = abi->first->next->integer == SAMPLE_ABI_32 ? syscall_name(SAMPLE_ABI_32, (int64_t)id->first->next->integer)
							  : syscall_name(SAMPLE_ABI_64, (int64_t)id->first->next->integer);
	if (name)
		snprintf(to, size, "syscall:%s", name);
	else
		snprintf(to, size, "syscall:%" PRIu64, id->first->next->integer);
	return true;
}

/* First everything that the family has, then one kind. False: no word. */
static bool make_word(struct query_words *w, size_t index)
{
	const struct catalog_entry *entry = catalog_entry(w->clause->kind);

	if (strcmp(entry->family, "syscall") != 0) {
		snprintf(w->word, sizeof(w->word), "%s%s%s", entry->family, event_kind_is_of_container(entry->kind) ? ":all" : "",
			 detail_word(w->clause));
		return !index && *entry->type && !probe_request_needed(w->clause->kind);
	}
	if (!syscall_word(w->clause, w->word, sizeof(w->word)))
		return false;
	/* syscall:exit is the kind. */
	if (!index)
		return !catalog_find("syscall", w->word + strlen("syscall:"));
	snprintf(w->word + strlen(w->word), sizeof(w->word) - strlen(w->word), ":%s", entry->type);
	return true;
}

bool query_words_next(struct query_words *w)
{
	w->spec = subscription_spec_free(w->spec);
	for (; w->clause->kind < EVENT_KIND_COUNT && w->tried < 2;) {
		if (!make_word(w, w->tried++))
			continue;
		w->spec = subscription_spec_new();
		if (w->spec && !event_word_add(w->spec, w->word, NULL))
			return true;
		w->spec = subscription_spec_free(w->spec);
	}
	return false;
}

void query_words_done(struct query_words *w)
{
	w->spec = subscription_spec_free(w->spec);
}
