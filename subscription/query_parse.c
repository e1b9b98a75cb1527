#include "subscription/query_parse.h"

#include "base/clock.h"
#include "base/parse.h"
#include "base/suggest.h"
#include "subscription/event_words.h"
#include "subscription/query_lower.h"
#include "subscription/query_string.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct parser {
	const char *text;
	size_t at;
	struct subscription_spec *spec;
	struct query_mistake *mistake;
};

static int refuse(struct parser *p, size_t position, const struct error *err)
{
	if (err->code != -EINVAL && err->code != -E2BIG)
		return err->code;
	p->mistake->position = position;
	snprintf(p->mistake->sentence, sizeof(p->mistake->sentence), "%s", err->message);
	return -EINVAL;
}

/* The word behind an item's name, or the string that stands there, in a copy. NULL: no memory, or, with the mistake told, no such string. */
static char *take_word(struct parser *p, size_t *ret_position, struct error *err)
{
	const char *at;
	size_t size, offset = 0;
	char *word;

	p->at += strspn(p->text + p->at, " \t\r");
	*ret_position = p->at;
	at = p->text + p->at;
	size = *at == '\'' || *at == '"' ? query_quoted_size(at) : strcspn(at, " \t\r\n;#");
	p->at += size;
	if (*at != '\'' && *at != '"') {
		word = strndup(at, size);
		if (!word)
			error_set(err, -ENOMEM, "out of memory");
		return word;
	}
	if (!size) {
		error_set(err, -EINVAL, "the string is not closed: there is no other %c", *at);
		return NULL;
	}
	if (query_unquote(at, size, QUERY_STRING, &word, &offset, err)) {
		*ret_position += offset;
		return NULL;
	}
	return word;
}

static int read_limit(struct subscription_spec *spec, const char *word, struct error *err)
{
	if (spec->limit)
		return error_set(err, -EINVAL, "there is a limit already");
	return parse_number(word, 1, INT64_MAX, &spec->limit, err);
}

/* `unit_ns`: it has to be a whole number of these, at least one; 0: anything. */
static int read_duration(const char *word, uint64_t unit_ns, uint64_t *ret_ns, struct error *err)
{
	int r = parse_duration(word, ret_ns, err);

	if (r)
		return r;
	if (*ret_ns > INT64_MAX)
		return error_set(err, -EINVAL, "\"%.64s\" is too long: at most 292 years are possible", word);
	if (unit_ns && (!*ret_ns || *ret_ns % unit_ns))
		return error_set(err, -EINVAL, "\"%.64s\" is not a whole number of milliseconds of at least 1", word);
	return 0;
}

static int read_throttle(struct subscription_spec *spec, const char *word, struct error *err)
{
	if (spec->throttle_ns)
		return error_set(err, -EINVAL, "there is a throttle already");
	return read_duration(word, NSEC_PER_MSEC, &spec->throttle_ns, err);
}

static int read_since(struct subscription_spec *spec, const char *word, struct error *err)
{
	if (spec->since_ns)
		return error_set(err, -EINVAL, "there is a since already");
	return read_duration(word, 0, &spec->since_ns, err);
}

static int read_for(struct subscription_spec *spec, const char *word, struct error *err)
{
	if (spec->has_for)
		return error_set(err, -EINVAL, "there is a for already");
	spec->has_for = true;
	return read_duration(word, 0, &spec->for_ns, err);
}

/* What is said of the subscription as a whole: a name, and one word behind it. */
static const struct item {
	const char *name;
	const char *example;
	int (*read)(struct subscription_spec *spec, const char *word, struct error *err); /* NULL: add_container() */
} items[] = {
	{"limit", "limit 10", read_limit},
	{"throttle", "throttle 100ms", read_throttle},
	{"since", "since 1h", read_since},
	{"for", "for 10m", read_for},
	{"container", "container web, or container image 'nginx*' (events of containers are container:created and others)", NULL},
};

#define ITEM_COUNT (sizeof(items) / sizeof(items[0]))

static const struct item *find_item(const char *text)
{
	size_t size = strcspn(text, " \t\r\n;#");

	for (size_t i = 0; i < ITEM_COUNT; i++)
		if (size == strlen(items[i].name) && !strncasecmp(text, items[i].name, size))
			return &items[i];
	return NULL;
}

/* "container web", or with the list that it is in: "container image 'nginx*'". */
static int add_container(struct parser *p, size_t *ret_position, struct error *err)
{
	static const char *const lists[CONTAINER_FILTER_LISTS] = {
		[CONTAINER_FILTER_ID] = "id",
		[CONTAINER_FILTER_NAME] = "name",
		[CONTAINER_FILTER_IMAGE_ID] = "image_id",
		[CONTAINER_FILTER_IMAGE_NAME] = "image",
	};
	struct subscription_spec *spec = p->spec;
	enum container_filter_list list = CONTAINER_FILTER_LISTS;
	char *word = take_word(p, ret_position, err);
	int r;

	if (!spec->containers)
		spec->containers = container_filter_new();
	p->at += strspn(p->text + p->at, " \t\r");
	for (size_t i = 0; word && p->text[p->at] && !strchr("\n;#", p->text[p->at]) && i < CONTAINER_FILTER_LISTS; i++)
		if (!strcasecmp(word, lists[i]))
			list = (enum container_filter_list)i;
	if (list != CONTAINER_FILTER_LISTS) {
		free(word);
		word = take_word(p, ret_position, err);
	}
	if (!word || !spec->containers)
		r = word ? error_set(err, -ENOMEM, "out of memory") : err->code;
	else if (list == CONTAINER_FILTER_LISTS)
		r = container_filter_add_any(spec->containers, word, err);
	else
		r = container_filter_add(spec->containers, list, word, err);
	free(word);
	return r;
}

/* "where" alone can be the name of a container. */
static bool is_condition(const char *text)
{
	static const char where[] = "where";
	const char *behind = text + strlen(where);

	if (strncasecmp(text, where, strlen(where)) != 0 || !strchr(" \t\r", *behind))
		return false;
	behind += strspn(behind, " \t\r");
	return *behind && !strchr("\n;#", *behind);
}

static int parse_item(struct parser *p, const struct item *item)
{
	struct error err = {0};
	size_t position;
	char *word;
	int r;

	p->at += strlen(item->name);
	p->at += strspn(p->text + p->at, " \t\r");
	if (!p->text[p->at] || strchr("\n;#", p->text[p->at])) {
		error_set(&err, -EINVAL, "%s needs something behind it, like %s", item->name, item->example);
		return refuse(p, p->at, &err);
	}
	if (!item->read && is_condition(p->text + p->at)) {
		error_set(&err, -EINVAL, "a condition stands behind an event: container:exited where ..., or container:all where ...");
		return refuse(p, p->at, &err);
	}
	if (!item->read) {
		r = add_container(p, &position, &err);
	} else {
		word = take_word(p, &position, &err);
		r = word ? item->read(p->spec, word, &err) : err.code;
		free(word);
	}
	return r ? refuse(p, position, &err) : 0;
}

/* Nothing but a comment can follow. */
static int expect_end(struct query_lexer *l, const char *before)
{
	char word[64];
	struct suggestion s;
	bool is_where;

	if (l->failed)
		return -EINVAL;
	if (l->token == TOKEN_END || l->token == TOKEN_NEWLINE)
		return 0;
	snprintf(word, sizeof(word), "%.*s", (int)(l->size < sizeof(word) ? l->size : 0), l->text + l->position);
	suggestion_init(&s, word);
	suggestion_offer(&s, "where");
	suggestion_offer(&s, "and");
	suggestion_offer(&s, "or");
	suggestion_offer(&s, "like");
	is_where = suggestion_best(&s) && strlen(word) > 1;
	return query_mistake_set(l, l->position, "%s%s%s%s", before, is_where ? "; did you mean " : "", is_where ? suggestion_best(&s) : "",
				 is_where ? "?" : "");
}

static int parse_where(struct query_lexer *l, const struct query_clauses *clauses)
{
	struct query_tree tree;
	int r;

	query_lexer_next(l);
	r = query_tree_parse(&tree, l);
	if (!r)
		r = expect_end(l, "a condition goes on with and or or, or ends with ; or a new line");
	if (!r)
		r = query_lower(&tree, l, clauses);
	query_tree_free(&tree);
	return r;
}

static int refuse_event(struct parser *p, size_t position, const char *word, struct error *err)
{
	struct suggestion s;

	suggestion_init(&s, word);
	for (size_t i = 0; i < ITEM_COUNT; i++)
		suggestion_offer(&s, items[i].name);
	if (err->code == -EINVAL && suggestion_best(&s) && !strstr(err->message, "did you mean"))
		error_set(err, -EINVAL, "there is no event \"%.64s\"; did you mean %s?", word, suggestion_best(&s));
	return refuse(p, position, err);
}

static int parse_clause(struct parser *p)
{
	size_t position = p->at, before = p->spec->clause_count;
	size_t size = event_word_size(p->text + position);
	char *word = strndup(p->text + position, size);
	struct query_clauses clauses;
	struct error err = {0};
	struct query_lexer l;
	int r;

	if (!word)
		return -ENOMEM;
	if (!strncmp(word, "unserved(", 9))
		r = error_set(&err, -EINVAL, "unserved(...) says what a sensor could not serve; it cannot be asked for");
	else
		r = event_word_add(p->spec, word, &err);
	if (r)
		r = refuse_event(p, position, word, &err);
	free(word);
	if (r)
		return r;
	if (p->spec->clause_count > QUERY_CLAUSES_MAX) {
		error_set(&err, -EINVAL, "there are more than %d clauses", QUERY_CLAUSES_MAX);
		return refuse(p, position, &err);
	}
	clauses = (struct query_clauses){&p->spec->clauses[before], p->spec->clause_count - before};
	query_lexer_init(&l, p->text, position + size, p->mistake);
	if (query_lexer_at(&l, "where"))
		r = parse_where(&l, &clauses);
	else
		r = expect_end(&l, "behind an event only where can follow, or ; or a new line and the next one");
	p->at = l.position;
	return r;
}

/* To the next item, or the end of the text. */
static void skip_separators(struct parser *p)
{
	for (;;) {
		p->at += strspn(p->text + p->at, " \t\r\n;");
		if (p->text[p->at] != '#')
			return;
		p->at += strcspn(p->text + p->at, "\n");
	}
}

/* Behind an item that is one word. */
static int expect_separator(struct parser *p)
{
	struct error err = {0};

	p->at += strspn(p->text + p->at, " \t\r");
	if (!p->text[p->at] || strchr(";\n#", p->text[p->at]))
		return 0;
	error_set(&err, -EINVAL, "here ; or a new line must stand, and then the next item");
	return refuse(p, p->at, &err);
}

static int parse_items(struct parser *p)
{
	int r = 0;

	for (skip_separators(p); !r && p->text[p->at]; skip_separators(p)) {
		const struct item *item = find_item(p->text + p->at);

		r = item ? parse_item(p, item) : parse_clause(p);
		if (!r && item)
			r = expect_separator(p);
		if (r)
			break;
	}
	return r;
}

/* Where it stands, in characters. */
static void count_lines(const char *text, size_t position, size_t *ret_line, size_t *ret_column)
{
	*ret_line = *ret_column = 1;
	for (size_t i = 0; i < position && text[i]; i++) {
		if (text[i] == '\n') {
			++*ret_line;
			*ret_column = 1;
		} else {
			*ret_column += (text[i] & 0xc0) != 0x80;
		}
	}
}

static int set_error(const char *text, const struct query_mistake *mistake, struct error *err)
{
	size_t line, column;

	count_lines(text, mistake->position, &line, &column);
	if (strchr(text, '\n'))
		return error_set(err, -EINVAL, "line %zu, column %zu: %s", line, column, mistake->sentence);
	return error_set(err, -EINVAL, "column %zu: %s", column, mistake->sentence);
}

int query_parse_into(struct subscription_spec *spec, const char *text, struct query_mistake *ret_mistake, struct error *err)
{
	struct query_mistake own = {0};
	struct parser p = {.text = text, .spec = spec, .mistake = ret_mistake ? ret_mistake : &own};
	int r;

	p.mistake->position = 0;
	snprintf(p.mistake->sentence, sizeof(p.mistake->sentence), "out of memory");
	if (strnlen(text, QUERY_BYTES_MAX + 1) > QUERY_BYTES_MAX) {
		snprintf(p.mistake->sentence, sizeof(p.mistake->sentence), "the text is longer than %d bytes", QUERY_BYTES_MAX);
		return set_error("", p.mistake, err);
	}
	r = parse_items(&p);
	return r == -EINVAL ? set_error(text, p.mistake, err) : r ? error_set(err, r, "%s", p.mistake->sentence) : 0;
}

int query_parse(const char *text, struct subscription_spec **ret, struct query_mistake *ret_mistake, struct error *err)
{
	static const char nothing[] = "there is no event in it; one is needed, like process:exec";
	struct subscription_spec *spec = subscription_spec_new();
	int r;

	if (!spec)
		return error_set(err, -ENOMEM, "out of memory");
	r = query_parse_into(spec, text, ret_mistake, err);
	if (!r && !spec->clause_count) {
		if (ret_mistake)
			snprintf(ret_mistake->sentence, sizeof(ret_mistake->sentence), "%s", nothing);
		r = error_set(err, -EINVAL, "%s", nothing);
	}
	if (r)
		subscription_spec_free(spec);
	else
		*ret = spec;
	return r;
}
