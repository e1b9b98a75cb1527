#include "tracing/fetchargs.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYMBOL_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.$"

/* PARAM_MAX_STACK: the words of a kernel stack. */
#define STACK_WORDS_MAX 2047
#define ARGUMENTS_MAX   64

static const struct {
	const char *name;
	uint8_t size;
	bool is_signed;
	bool is_string;
} types[FETCHARG_TYPE_COUNT] = {
	[FETCHARG_U8] = {"u8", 1, false, false},
	[FETCHARG_U16] = {"u16", 2, false, false},
	[FETCHARG_U32] = {"u32", 4, false, false},
	[FETCHARG_U64] = {"u64", 8, false, false},
	[FETCHARG_S8] = {"s8", 1, true, false},
	[FETCHARG_S16] = {"s16", 2, true, false},
	[FETCHARG_S32] = {"s32", 4, true, false},
	[FETCHARG_S64] = {"s64", 8, true, false},
	[FETCHARG_X8] = {"x8", 1, false, false},
	[FETCHARG_X16] = {"x16", 2, false, false},
	[FETCHARG_X32] = {"x32", 4, false, false},
	[FETCHARG_X64] = {"x64", 8, false, false},
	[FETCHARG_CHAR] = {"char", 1, false, false},
	[FETCHARG_STRING] = {"string", 0, false, true},
	[FETCHARG_USTRING] = {"ustring", 0, false, true},
	[FETCHARG_SYMBOL_NAME] = {"symbol", 8, false, false},
	[FETCHARG_SYMBOL_TEXT] = {"symstr", 0, false, true},
	[FETCHARG_BITS] = {"bits", 0, false, false},
};

const char *fetcharg_type_name(enum fetcharg_type type)
{
	return types[type].name;
}

struct parser {
	struct fetcharg *arg;
	const char *name;
	const char *text;
	const char *at;
	struct fetcharg_mistake *mistake;
	struct error *err;
};

/* The word that begins where the trouble is, for the message. */
static int word_length(const char *word)
{
	size_t length = strcspn(word + (*word != 0), "()[]:");

	return (int)(length > 40 ? 40 : length) + (*word != 0);
}

static int fail(struct parser *p, const char *where, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int fail(struct parser *p, const char *where, const char *format, ...)
{
	size_t position = (size_t)(where - p->text);
	struct fetcharg_mistake *m = p->mistake;
	va_list args;

	va_start(args, format);
	vsnprintf(m->sentence, sizeof(m->sentence), format, args);
	va_end(args);
	m->position = strlen(p->name) + 1 + position;
	if (!*where)
		return error_set(p->err, -EINVAL, "argument %s: %s, at the end of \"%.80s\"", p->name, m->sentence, p->text);
	return error_set(p->err, -EINVAL, "argument %s: %s, at \"%.*s\", character %zu of \"%.80s\"", p->name, m->sentence,
			 word_length(where), where, position + 1, p->text);
}

static int fail_name(struct parser *p, size_t position, const char *sentence)
{
	snprintf(p->mistake->sentence, sizeof(p->mistake->sentence), "%s", sentence);
	p->mistake->position = position;
	return error_set(p->err, -EINVAL, "argument name \"%.*s\": %s",
			 (int)(position > 40 ? 40
			       : position    ? position
					     : strcspn(p->name, "\n")),
			 p->name, sentence);
}

static int check_name(struct parser *p)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	size_t length = strlen(p->name);
	size_t good = strspn(p->name, allowed);

	if (!length)
		return fail_name(p, 0, "an argument needs a name: NAME=EXPRESSION");
	if (isdigit((unsigned char)*p->name) || !good)
		return fail_name(p, 0, "it begins with a letter or an underscore");
	if (good != length)
		return fail_name(p, good, "letters, digits and underscores are allowed, and nothing else can follow");
	if (length >= FETCHARG_NAME_BYTES)
		return fail_name(p, FETCHARG_NAME_BYTES - 1, "it has at most 32 characters");
	if (!strncmp(p->name, "common_", 7) || !strncmp(p->name, "__probe_", 8))
		return fail_name(p, 0, "common_… and __probe_… are the kernel's own");
	return 0;
}

/* Blanks and newlines part arguments and definitions for the kernel, '#' ends a definition, and none of the others has a meaning in one. */
static int check_characters(struct parser *p)
{
	for (const char *c = p->text; *c; c++) {
		if (*c > ' ' && *c < 0x7f && !strchr("#;", *c))
			continue;
		snprintf(p->mistake->sentence, sizeof(p->mistake->sentence),
			 "neither blanks nor '#', ';' and what is not ASCII can stand in an expression");
		p->mistake->position = strlen(p->name) + 1 + (size_t)(c - p->text);
		return error_set(p->err, -EINVAL, "argument %s: %s, as character %zu is (0x%02x)", p->name, p->mistake->sentence,
				 (size_t)(c - p->text) + 1, (unsigned int)(unsigned char)*c);
	}
	return 0;
}

/* A number as the kernel's kstrtoul(…, 0) reads it, without a sign. */
static int parse_number(struct parser *p, uint64_t most, uint64_t *ret)
{
	const char *start = p->at;
	char *end;

	*ret = 0;
	if (!isdigit((unsigned char)*start))
		return fail(p, start, "a number is expected");
	errno = 0;
	*ret = strtoull(start, &end, 0);
	if (isalnum((unsigned char)*end) || *end == '_')
		return fail(p, start, "not a number");
	if (errno || *ret > most)
		return fail(p, start, "the number is bigger than %" PRIu64, most);
	p->at = end;
	return 0;
}

static int parse_deref(struct parser *p)
{
	struct fetcharg_deref deref = {0};
	const char *start = p->at;
	bool negative = *start == '-';
	uint64_t offset;
	int r;

	p->at++;
	deref.user = *p->at == 'u';
	p->at += deref.user;
	r = parse_number(p, INT32_MAX, &offset);
	if (r)
		return r;
	deref.offset = negative ? -(int32_t)offset : (int32_t)offset;
	if (*p->at != '(')
		return fail(p, p->at, "'(' is expected behind an offset: +OFFSET(PLACE)");
	p->at++;
	if (p->arg->deref_count == FETCHARG_DEREFS_MAX)
		return fail(p, start, "more than %d offsets in one another", FETCHARG_DEREFS_MAX);
	p->arg->derefs[p->arg->deref_count++] = deref;
	return 0;
}

/* Copies the word of these characters. */
static int parse_word(struct parser *p, const char *characters, const char *what)
{
	const char *start = p->at;
	size_t length = strspn(start, characters);

	if (!length)
		return fail(p, start, "%s is expected", what);
	if (length >= sizeof(p->arg->word))
		return fail(p, start, "%s is longer than %zu characters", what, sizeof(p->arg->word) - 1);
	memcpy(p->arg->word, start, length);
	p->arg->word[length] = 0;
	p->at += length;
	return 0;
}

static bool take(struct parser *p, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(p->at, word, length) != 0)
		return false;
	p->at += length;
	return true;
}

/* Ends here what may not go on with another letter? */
static bool is_word_end(char c)
{
	return !c || c == ':' || c == ')';
}

static int parse_variable(struct parser *p)
{
	static const struct {
		const char *name;
		enum fetcharg_base base;
	} plain[] = {{"$retval", FETCHARG_RETVAL}, {"$comm", FETCHARG_COMM}, {"$stack", FETCHARG_STACK}};
	const char *start = p->at;
	int r;

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		size_t length = strlen(plain[i].name);

		if (strncmp(start, plain[i].name, length) != 0 || !is_word_end(start[length]))
			continue;
		p->arg->base = plain[i].base;
		p->at = start + length;
		return 0;
	}
	if (take(p, "$stack") && isdigit((unsigned char)*p->at)) {
		p->arg->base = FETCHARG_STACK_WORD;
		return parse_number(p, STACK_WORDS_MAX, &p->arg->number);
	}
	if (take(p, "$arg") && isdigit((unsigned char)*p->at)) {
		p->arg->base = FETCHARG_ARGUMENT;
		r = parse_number(p, ARGUMENTS_MAX, &p->arg->number);
		return r || p->arg->number ? r : fail(p, start, "arguments are counted from $arg1");
	}
	return fail(p, start, "the variables are $arg1, $arg2 and so on, $retval, $comm, $stack, and $stack0, $stack1 and so on");
}

static int parse_signed_offset(struct parser *p)
{
	bool negative = *p->at == '-';
	uint64_t offset;
	int r;

	if (*p->at != '+' && *p->at != '-')
		return 0;
	p->at++;
	r = parse_number(p, INT64_MAX, &offset);
	p->arg->number = negative ? -offset : offset;
	return r;
}

static int parse_memory(struct parser *p)
{
	int r;

	p->at++;
	if (isdigit((unsigned char)*p->at)) {
		p->arg->base = FETCHARG_ADDRESS;
		return parse_number(p, UINT64_MAX, &p->arg->number);
	}
	if (*p->at == '+') {
		p->arg->base = FETCHARG_FILE_OFFSET;
		p->at++;
		return parse_number(p, INT64_MAX, &p->arg->number);
	}
	p->arg->base = FETCHARG_SYMBOL;
	r = parse_word(p, SYMBOL_CHARACTERS, "an address or a symbol");
	return r ? r : parse_signed_offset(p);
}

static int parse_immediate(struct parser *p)
{
	const char *end;

	p->at++;
	if (*p->at != '"') {
		bool negative = *p->at == '-';
		int r;

		p->arg->base = FETCHARG_NUMBER;
		p->at += negative || *p->at == '+';
		r = parse_number(p, negative ? INT64_MAX : UINT64_MAX, &p->arg->number);
		p->arg->number = negative ? -p->arg->number : p->arg->number;
		return r;
	}
	/* The kernel looks for the type first, and takes the first ':' for it. */
	p->arg->base = FETCHARG_TEXT;
	p->at++;
	end = strchr(p->at, '"');
	if (!end)
		return fail(p, p->at - 1, "the text is not closed with '\"'");
	if ((size_t)(end - p->at) >= sizeof(p->arg->word) || memchr(p->at, ':', (size_t)(end - p->at)))
		return fail(p, p->at, "a text has at most %zu characters and no ':'", sizeof(p->arg->word) - 1);
	memcpy(p->arg->word, p->at, (size_t)(end - p->at));
	p->at = end + 1;
	return 0;
}

static int parse_base(struct parser *p)
{
	switch (*p->at) {
	case '%':
		p->at++;
		p->arg->base = FETCHARG_REGISTER;
		return parse_word(p, "abcdefghijklmnopqrstuvwxyz0123456789_", "a register");
	case '$':
		return parse_variable(p);
	case '@':
		return parse_memory(p);
	case '\\':
		return parse_immediate(p);
	default:
		return fail(p, p->at,
			    "a place is expected: %%REGISTER, $argN, $retval, $comm, $stackN, @SYMBOL, @ADDRESS or +OFFSET(PLACE)");
	}
}

static int parse_place(struct parser *p)
{
	const char *base;
	int r;

	while (*p->at == '+' || *p->at == '-') {
		r = parse_deref(p);
		if (r)
			return r;
	}
	base = p->at;
	r = parse_base(p);
	if (r)
		return r;
	if (p->arg->deref_count && (p->arg->base == FETCHARG_COMM || p->arg->base == FETCHARG_TEXT))
		return fail(p, base, "this is no address: there is no memory at it");
	for (size_t i = 0; i < p->arg->deref_count; i++) {
		if (*p->at != ')')
			return fail(p, p->at, "')' is expected");
		p->at++;
	}
	if (!is_word_end(*p->at) || *p->at == ')')
		return fail(p, p->at, "only ':' and a type can follow");
	return 0;
}

static int parse_bits(struct parser *p)
{
	const char *start = p->at;
	uint64_t width = 0, offset = 0, container = 0;
	int r;

	p->at++;
	r = parse_number(p, 64, &width);
	if (!r && !take(p, "@"))
		r = fail(p, p->at, "a bit field is bWIDTH@OFFSET/CONTAINER: b4@0/32");
	if (!r)
		r = parse_number(p, 63, &offset);
	if (!r && !take(p, "/"))
		r = fail(p, p->at, "a bit field is bWIDTH@OFFSET/CONTAINER: b4@0/32");
	if (!r)
		r = parse_number(p, 64, &container);
	if (r)
		return r;
	if (container != 8 && container != 16 && container != 32 && container != 64)
		return fail(p, start, "a bit field's container has 8, 16, 32 or 64 bits");
	if (!width || width + offset > container)
		return fail(p, start, "the bit field does not lie in its container");
	p->arg->type = FETCHARG_BITS;
	p->arg->bit_width = (uint8_t)width;
	p->arg->bit_offset = (uint8_t)offset;
	p->arg->size = (uint8_t)(container / 8);
	return 0;
}

static void set_type(struct fetcharg *arg, enum fetcharg_type type)
{
	arg->type = type;
	arg->size = types[type].size;
	arg->is_signed = types[type].is_signed;
	arg->is_string = types[type].is_string;
}

static int parse_type_name(struct parser *p)
{
	size_t length = strcspn(p->at, "[");

	if (p->at[0] == 'b' && isdigit((unsigned char)p->at[1]))
		return parse_bits(p);
	for (enum fetcharg_type type = 0; type < FETCHARG_BITS; type++) {
		if (strlen(types[type].name) != length || strncmp(p->at, types[type].name, length) != 0)
			continue;
		set_type(p->arg, type);
		p->at += length;
		return 0;
	}
	return fail(
		p, p->at,
		"the types are s8, s16, s32, s64, u8 to u64, x8 to x64, char, string, ustring, symbol, symstr and bit fields (b4@0/32)");
}

static int parse_array(struct parser *p)
{
	uint64_t count;
	int r;

	p->at++;
	r = parse_number(p, FETCHARG_ARRAY_MAX, &count);
	if (r)
		return r;
	if (!count)
		return fail(p, p->at - 1, "an array has at least one element");
	if (*p->at != ']')
		return fail(p, p->at, "']' is expected");
	p->at++;
	p->arg->array_count = (uint8_t)count;
	return 0;
}

static bool is_memory(const struct fetcharg *arg)
{
	return arg->deref_count || arg->base == FETCHARG_ADDRESS || arg->base == FETCHARG_SYMBOL || arg->base == FETCHARG_FILE_OFFSET;
}

static int check_type(struct parser *p, const char *where)
{
	const struct fetcharg *arg = p->arg;

	if (arg->base == FETCHARG_COMM || arg->base == FETCHARG_TEXT) {
		if (arg->type != FETCHARG_STRING || arg->array_count)
			return fail(p, where, "this is a string and nothing else");
		return 0;
	}
	if ((arg->type == FETCHARG_STRING || arg->type == FETCHARG_USTRING || arg->array_count) && !is_memory(arg))
		return fail(p, where, "strings and arrays lie in memory: +0(PLACE)");
	if (arg->type == FETCHARG_SYMBOL_TEXT && arg->array_count)
		return fail(p, where, "there are no arrays of symstr; take symbol");
	return 0;
}

static int parse_type(struct parser *p)
{
	const char *start = p->at + 1;
	int r;

	if (!*p->at) {
		set_type(p->arg, p->arg->base == FETCHARG_COMM || p->arg->base == FETCHARG_TEXT ? FETCHARG_STRING : FETCHARG_X64);
		return 0;
	}
	p->at++;
	r = parse_type_name(p);
	if (!r && *p->at == '[')
		r = parse_array(p);
	if (!r && *p->at)
		r = fail(p, p->at, "nothing can follow a type but [COUNT]");
	return r ? r : check_type(p, start);
}

int fetcharg_parse(struct fetcharg *ret, const char *name, const char *expression, struct fetcharg_mistake *ret_mistake, struct error *err)
{
	struct fetcharg_mistake own = {0};
	struct parser p = {
		.arg = ret,
		.name = name,
		.text = expression,
		.at = expression,
		.mistake = ret_mistake ? ret_mistake : &own,
		.err = err,
	};
	int r;

	*ret = (struct fetcharg){0};
	r = check_name(&p);
	if (!r)
		r = check_characters(&p);
	if (r)
		return r;
	memcpy(ret->name, name, strlen(name) + 1);
	r = parse_place(&p);
	return r ? r : parse_type(&p);
}
