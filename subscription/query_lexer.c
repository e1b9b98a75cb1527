#include "subscription/query_string.h"
#include "subscription/query_tree.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

int query_mistake_set(struct query_lexer *l, size_t position, const char *format, ...)
{
	va_list args;

	if (l->failed)
		return -EINVAL;
	l->failed = true;
	l->mistake->position = position;
	va_start(args, format);
	vsnprintf(l->mistake->sentence, sizeof(l->mistake->sentence), format, args);
	va_end(args);
	return -EINVAL;
}

static bool is_word_character(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static bool is_word(const char *text, size_t size, const char *word)
{
	return size == strlen(word) && !strncasecmp(text, word, size);
}

/* Behind blanks, comments and newlines; *ret_newline: there was one. */
static size_t skip_blanks(const char *text, size_t at, bool *ret_newline)
{
	*ret_newline = false;
	for (;;) {
		at += strspn(text + at, " \t\r\n");
		if (text[at] != '#')
			break;
		at += strcspn(text + at, "\n");
	}
	for (size_t i = at; i && strchr(" \t\r\n", text[i - 1]); i--)
		*ret_newline |= text[i - 1] == '\n';
	return at;
}

/* A line that begins like this goes on with the one before it. */
static bool continues(const char *text)
{
	size_t size = strcspn(text, " \t\r\n(");

	return is_word(text, size, "and") || is_word(text, size, "or") || is_word(text, size, "where");
}

static void take(struct query_lexer *l, enum query_token token, size_t size)
{
	l->token = token;
	l->size = size;
	l->next = l->position + size;
}

static void take_wrong(struct query_lexer *l)
{
	take(l, TOKEN_WRONG, 0);
}

static void take_comparison(struct query_lexer *l, enum expression_type comparison, size_t size)
{
	l->comparison = comparison;
	take(l, TOKEN_COMPARISON, size);
}

static void read_quoted(struct query_lexer *l, const char *at)
{
	size_t size = query_quoted_size(at);

	if (size) {
		take(l, *at == '`' ? TOKEN_QUOTED_NAME : TOKEN_STRING, size);
		return;
	}
	query_mistake_set(l, l->position, "the string is not closed: there is no other %c", *at);
	take_wrong(l);
}

/* "1e+300" goes on behind the sign. */
static bool is_exponent(const char *start, const char *at)
{
	return isdigit((unsigned char)*start) && (*at == '+' || *at == '-') && (at[-1] == 'e' || at[-1] == 'E') &&
	       !(start[0] == '0' && (start[1] == 'x' || start[1] == 'X')) && isdigit((unsigned char)at[1]);
}

/* Names, numbers and addresses: what is made of letters, digits, points and colons. */
static void read_word(struct query_lexer *l, const char *start)
{
	const char *at = start;
	size_t points = 0, colons = 0;

	for (; is_word_character(*at) || *at == '.' || *at == ':' || (at > start && is_exponent(start, at)); at++) {
		points += *at == '.';
		colons += *at == ':';
	}
	if (colons || (points > 1 && isdigit((unsigned char)*start))) {
		if (*at == '/')
			at += 1 + strspn(at + 1, "0123456789");
		take(l, TOKEN_ADDRESS, (size_t)(at - start));
		return;
	}
	if (isdigit((unsigned char)*start)) {
		take(l, TOKEN_NUMBER, (size_t)(at - start));
		return;
	}
	at = start;
	while (is_word_character(*at))
		at++;
	take(l, TOKEN_NAME, (size_t)(at - start));
}

/* Of other languages. */
static void read_wrong(struct query_lexer *l, const char *at)
{
	if (!strncmp(at, "||", 2))
		query_mistake_set(l, l->position, "|| is written: or");
	else if (*at == '!' || *at == '~')
		query_mistake_set(l, l->position, "there is no %c: turn the comparison round, with != for = or >= for <", *at);
	else if (*at >= ' ' && *at <= '~')
		query_mistake_set(l, l->position, "a %c cannot stand here; strings stand between ' and '", *at);
	else
		query_mistake_set(l, l->position, "the byte 0x%02x cannot stand here; strings stand between ' and '", (unsigned char)*at);
	take_wrong(l);
}

static void read_sign(struct query_lexer *l, const char *at)
{
	switch (*at) {
	case '(':
		l->parentheses++;
		take(l, TOKEN_LEFT, 1);
		return;
	case ')':
		l->parentheses -= l->parentheses > 0;
		take(l, TOKEN_RIGHT, 1);
		return;
	case ',':
		take(l, TOKEN_COMMA, 1);
		return;
	case '-':
		take(l, TOKEN_MINUS, 1);
		return;
	case '=':
		take_comparison(l, EXPRESSION_EQ, at[1] == '=' ? 2 : 1);
		return;
	case '<':
		if (at[1] == '>')
			take_comparison(l, EXPRESSION_NE, 2);
		else
			take_comparison(l, at[1] == '=' ? EXPRESSION_LE : EXPRESSION_LT, at[1] == '=' ? 2 : 1);
		return;
	case '>':
		take_comparison(l, at[1] == '=' ? EXPRESSION_GE : EXPRESSION_GT, at[1] == '=' ? 2 : 1);
		return;
	case '&':
		if (at[1] == '&') {
			query_mistake_set(l, l->position, "&& is written: and");
			take_wrong(l);
		} else {
			take(l, TOKEN_AMPERSAND, 1);
		}
		return;
	case '|':
		if (at[1] == '|')
			read_wrong(l, at);
		else
			take(l, TOKEN_BAR, 1);
		return;
	default:
		if (at[0] == '!' && at[1] == '=')
			take_comparison(l, EXPRESSION_NE, 2);
		else
			read_wrong(l, at);
	}
}

void query_lexer_next(struct query_lexer *l)
{
	bool newline;
	size_t at;

	/* Nothing stands behind these. */
	if (l->token == TOKEN_WRONG || l->token == TOKEN_END)
		return;
	at = skip_blanks(l->text, l->next, &newline);
	if (newline && !l->parentheses && !continues(l->text + at) && l->token != TOKEN_NEWLINE) {
		l->position = l->next;
		take(l, TOKEN_NEWLINE, at - l->next);
		return;
	}
	l->position = at;
	if (!l->text[at] || l->text[at] == ';')
		take(l, TOKEN_END, 0);
	else if (strchr("'\"`", l->text[at]))
		read_quoted(l, l->text + at);
	else if (is_word_character(l->text[at]) || l->text[at] == ':')
		read_word(l, l->text + at);
	else
		read_sign(l, l->text + at);
}

void query_lexer_init(struct query_lexer *l, const char *text, size_t position, struct query_mistake *mistake)
{
	*l = (struct query_lexer){.text = text, .next = position, .mistake = mistake, .token = TOKEN_COMMA};
	query_lexer_next(l);
}

bool query_lexer_at(const struct query_lexer *l, const char *word)
{
	return l->token == TOKEN_NAME && is_word(l->text + l->position, l->size, word);
}
