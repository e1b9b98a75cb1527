#include "tracing/kernel_symbols.h"
#include "base/cleanup.h"
#include "tracing/close_names.h"
#include "tracing/kallsyms.h"
#include "tracing/kprobe_blacklist.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <uthash.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* A name's forms of x86-64, best first. Another processor is another first row. */
static const struct {
	const char *prefix;
	bool takes_registers;
} system_call_forms[] = {
	{"__x64_sys_", true},
	{"SyS_", false},
	{"sys_", false},
};

#define FORMS_MAX COUNT_OF(system_call_forms)

/* How good a symbol is for a request; less is better. A form of a system call counts before what the compiler did to it. */
enum {
	RANK_EXACT,
	RANK_RENAMED,
	RANK_PART,
	RANK_COUNT,
	RANK_NONE = 1000
};

/* One form of one request, in the table of all names that are looked for. */
struct wanted {
	char *name;
	struct match *match;
	unsigned form;
	struct wanted *next_of_name;
	UT_hash_handle hh;
};

struct match {
	struct kernel_symbol_request *request;
	char *module; /* NULL: any */
	unsigned rank;
	unsigned data_count;
	bool in_kernel; /* also, or only, outside of modules */
	char symbol[KERNEL_SYMBOL_BYTES];
	struct wanted forms[FORMS_MAX];
};

struct search {
	struct match *matches;
	size_t count;
	struct wanted *table;
};

static size_t suffix_length(const char *at, unsigned *rank)
{
	static const struct {
		const char *text;
		unsigned rank;
	} suffixes[] = {{".isra.", RANK_RENAMED}, {".constprop.", RANK_RENAMED}, {".llvm.", RANK_RENAMED}, {".part.", RANK_PART}};

	for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
		size_t length = strlen(suffixes[i].text);
		size_t digits;

		if (strncmp(at, suffixes[i].text, length) != 0)
			continue;
		digits = strspn(at + length, "0123456789");
		if (suffixes[i].rank > *rank)
			*rank = suffixes[i].rank;
		return digits ? length + digits : 0;
	}
	return 0;
}

/* The length of what the programmer called it: without the compiler's suffixes, if all there is behind the first dot are such. */
static size_t source_name_length(const char *name, unsigned *rank)
{
	size_t length = strcspn(name, ".");
	const char *at = name + length;

	*rank = RANK_EXACT;
	while (length && *at) {
		size_t suffix = suffix_length(at, rank);

		if (!suffix)
			return 0;
		at += suffix;
	}
	return length;
}

static void take(struct match *m, const struct kallsyms_line *line, unsigned form, unsigned rank)
{
	struct kernel_symbol *symbol = &m->request->symbol;

	symbol->copy_count += symbol->same_count;
	symbol->same_count = 1;
	symbol->address = line->address;
	symbol->takes_registers = m->request->is_system_call && system_call_forms[form].takes_registers;
	m->rank = rank;
	m->in_kernel = !line->module;
	snprintf(m->symbol, sizeof(m->symbol), "%s", line->name);
	snprintf(symbol->name, sizeof(symbol->name), "%s%s%s", line->module ? line->module : "", line->module ? ":" : "", line->name);
}

static void offer(const struct wanted *w, const struct kallsyms_line *line, unsigned suffix_rank)
{
	struct match *m = w->match;
	unsigned rank = w->form * RANK_COUNT + suffix_rank;

	if (m->module && (!line->module || strcmp(m->module, line->module) != 0))
		return;
	if (!kallsyms_is_text(line))
		m->data_count++;
	else if (rank < m->rank)
		take(m, line, w->form, rank);
	else if (!strcmp(line->name, m->symbol))
		m->request->symbol.same_count++;
	else
		m->request->symbol.copy_count++;
}

static void offer_name(const struct search *s, const struct kallsyms_line *line, size_t length, unsigned rank)
{
	struct wanted *w;

	HASH_FIND(hh, s->table, line->name, length, w);
	for (; w; w = w->next_of_name)
		offer(w, line, rank);
}

/* "[bpf]" and "[__builtin__ftrace]" are programs and trampolines, which no kprobe can be put on. */
static bool is_generated(const struct kallsyms_line *line)
{
	return line->module && (!strcmp(line->module, "bpf") || !strncmp(line->module, "__builtin__", strlen("__builtin__")));
}

static void offer_line(const struct search *s, const struct kallsyms_line *line)
{
	size_t length = strlen(line->name);
	size_t source_length;
	unsigned rank;

	if (length >= KERNEL_SYMBOL_BYTES || is_generated(line))
		return;
	offer_name(s, line, length, RANK_EXACT);
	source_length = source_name_length(line->name, &rank);
	if (source_length && source_length < length)
		offer_name(s, line, source_length, rank);
}

static const char *without_prefix(const char *name)
{
	for (size_t i = 0; i < FORMS_MAX; i++)
		if (!strncmp(name, system_call_forms[i].prefix, strlen(system_call_forms[i].prefix)))
			return name + strlen(system_call_forms[i].prefix);
	return name;
}

static int add_form(struct search *s, struct match *m, unsigned form, const char *prefix, const char *name)
{
	struct wanted *w = &m->forms[form];
	struct wanted *first;

	w->match = m;
	w->form = form;
	if (asprintf(&w->name, "%s%s", prefix, name) < 0) {
		w->name = NULL;
		return -ENOMEM;
	}
	HASH_FIND_STR(s->table, w->name, first);
	if (first) {
		w->next_of_name = first->next_of_name;
		first->next_of_name = w;
		return 0;
	}
	HASH_ADD_KEYPTR(hh, s->table, w->name, strlen(w->name), w);
	return 0;
}

static bool is_name(const char *name)
{
	size_t length = strlen(name);

	return length && length < KERNEL_SYMBOL_BYTES && length == strcspn(name, " \t\n+/") && name[0] != ':' && name[length - 1] != ':';
}

static int add_request(struct search *s, struct kernel_symbol_request *request)
{
	struct match *m = &s->matches[s->count++];
	const char *colon = strchr(request->name, ':');
	int r = 0;

	request->symbol = (struct kernel_symbol){0};
	request->err = (struct error){0};
	m->request = request;
	m->rank = RANK_NONE;
	if (!is_name(request->name)) {
		error_set(&request->err, -EINVAL, "\"%.64s\" is no name of a kernel function: SYMBOL or MODULE:SYMBOL is", request->name);
		return 0;
	}
	if (!request->is_system_call) {
		m->module = colon ? strndup(request->name, (size_t)(colon - request->name)) : NULL;
		return colon && !m->module ? -ENOMEM : add_form(s, m, 0, "", colon ? colon + 1 : request->name);
	}
	for (unsigned form = 0; form < FORMS_MAX && r == 0; form++)
		r = add_form(s, m, form, system_call_forms[form].prefix, without_prefix(request->name));
	return r;
}

static int search_init(struct search *s, struct kernel_symbol_request *requests, size_t count)
{
	*s = (struct search){.matches = calloc(count ? count : 1, sizeof(*s->matches))};
	if (!s->matches)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (add_request(s, &requests[i]) < 0)
			return -ENOMEM;
	return 0;
}

static void search_done(struct search *s)
{
	HASH_CLEAR(hh, s->table);
	for (size_t i = 0; i < s->count; i++) {
		free(s->matches[i].module);
		for (size_t form = 0; form < FORMS_MAX; form++)
			free(s->matches[i].forms[form].name);
	}
	free(s->matches);
}

static void judge_found(const struct match *m, const struct kprobe_blacklist *blacklist)
{
	struct kernel_symbol_request *request = m->request;
	struct kernel_symbol *symbol = &request->symbol;

	/* The forms of a system call are one function. */
	if (request->is_system_call)
		symbol->copy_count = 0;
	/* The kernel counts what has that name, whatever it is. */
	if (m->rank % RANK_COUNT == RANK_EXACT)
		symbol->same_count += m->data_count;
	if (kprobe_blacklist_has(blacklist, m->symbol, symbol->address))
		error_set(&request->err, -EPERM, "%s is blacklisted: this kernel forbids to probe it", symbol->name);
	else if (symbol->same_count > 1)
		error_set(&request->err, -EADDRNOTAVAIL, "%s is ambiguous: %u symbols of this kernel have that name%s", m->symbol,
			  symbol->same_count, m->in_kernel || m->module ? "" : "; MODULE:SYMBOL says which is meant");
}

static bool is_missing(const struct match *m)
{
	return m->rank == RANK_NONE && m->request->err.code != -EINVAL;
}

/* May be told to somebody who looks for another name: as the programmer wrote it, not what was generated beside it. */
static bool is_worth_telling(const struct kallsyms_line *line)
{
	return kallsyms_is_text(line) && !is_generated(line) && strncmp(line->name, "__pfx_", strlen("__pfx_")) != 0 &&
	       !strchr(line->name, '.');
}

static void tell_missing(const struct match *m, const struct close_names *names)
{
	struct kernel_symbol_request *request = m->request;
	char near[CLOSE_NAMES_MAX * (CLOSE_NAME_BYTES + 2) + 16];

	error_set(&request->err, -ENOENT, "this kernel has no %s %.64s%s%s", request->is_system_call ? "system call" : "function",
		  request->name, m->data_count ? ", only data of that name" : "", close_names_text(names, near, sizeof(near)));
}

/* To find out what is close, every name has to be held against every one that is missing: done only when there are such. */
static int explain_missing(const struct search *s, const char *path, struct error *err)
{
	cleanup_free struct close_names *names = calloc(s->count, sizeof(*names));
	struct kallsyms kallsyms;
	struct kallsyms_line line;
	int r;

	if (!names)
		return error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < s->count; i++)
		if (is_missing(&s->matches[i]))
			close_names_init(&names[i], s->matches[i].forms[s->matches[i].request->is_system_call ? FORMS_MAX - 1 : 0].name);
	r = kallsyms_open(&kallsyms, path, err);
	while (r == 0 && kallsyms_next(&kallsyms, &line))
		for (size_t i = 0; i < s->count && is_worth_telling(&line); i++)
			if (is_missing(&s->matches[i]))
				close_names_offer(&names[i], line.name);
	kallsyms_close(&kallsyms);
	for (size_t i = 0; i < s->count && r == 0; i++)
		if (is_missing(&s->matches[i]))
			tell_missing(&s->matches[i], &names[i]);
	return r;
}

static int judge(const struct search *s, const struct kernel_symbol_files *files, struct error *err)
{
	struct kprobe_blacklist blacklist;
	bool misses = false;

	kprobe_blacklist_init(&blacklist, files->blacklist);
	for (size_t i = 0; i < s->count; i++) {
		if (s->matches[i].rank != RANK_NONE)
			judge_found(&s->matches[i], &blacklist);
		else if (s->matches[i].request->is_brief && is_missing(&s->matches[i]))
			tell_missing(&s->matches[i], &(struct close_names){0});
		misses = misses || (is_missing(&s->matches[i]) && !s->matches[i].request->is_brief);
	}
	kprobe_blacklist_done(&blacklist);
	return misses ? explain_missing(s, files->kallsyms, err) : 0;
}

int kernel_symbols_find(const struct kernel_symbol_files *files, struct kernel_symbol_request *requests, size_t count, struct error *err)
{
	static const struct kernel_symbol_files running = {0};
	struct kallsyms kallsyms;
	struct kallsyms_line line;
	struct search s;
	int r;

	if (!files)
		files = &running;
	r = search_init(&s, requests, count);
	if (r < 0) {
		search_done(&s);
		return error_set(err, r, "out of memory");
	}
	r = kallsyms_open(&kallsyms, files->kallsyms, err);
	while (r == 0 && kallsyms_next(&kallsyms, &line))
		offer_line(&s, &line);
	kallsyms_close(&kallsyms);
	if (r == 0)
		r = judge(&s, files, err);
	search_done(&s);
	return r;
}

int kernel_symbol_find(const struct kernel_symbol_files *files, const char *name, struct kernel_symbol *ret, struct error *err)
{
	struct kernel_symbol_request request = {.name = name};
	int r = kernel_symbols_find(files, &request, 1, err);

	if (r < 0)
		return r;
	*ret = request.symbol;
	return request.err.code ? error_set(err, request.err.code, "%s", request.err.message) : 0;
}
