#include "tests/vm/scenario.h"

#include "subscription/matcher.h"
#include "subscription/push_down.h"
#include "subscription/query_print.h"
#include "tests/expressions/reference.h"
#include "tracing/dynamic_probe.h"
#include "tracing/perf_event.h"
#include "tracing/tracefs.h"

#include <ctype.h>
#include <errno.h>
#include <link.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/*
 * The kernel's own filtering against ours, on live events: a function of this program is probed, random expressions over its arguments are pushed
 * down to the probe's perf event, and then the function is called with random arguments. What the kernel lets through is counted by the event itself.
 *
 * Whatever an expression holds for must come through; and when all of it could be pushed down, nothing else.
 */

#define TREES          10000
#define CALLS_PER_TREE 12
/* A guest without hardware help is slow: as many trees as there is time for, which are said. */
#define SECONDS 8

/* The fields, as the catalog could have them; they stand where a system call has its own. */
#define MEMBER(name_, type_, member_, kernel_)                                                                                       \
	{                                                                                                                            \
		.name = (name_), .type = (type_), .offset = offsetof(struct event, member_), .kernel_name = (kernel_), .summary = "" \
	}

static const struct catalog_field signed_field = MEMBER("a", FIELD_SINT64, syscall.id, "a");
static const struct catalog_field unsigned_field = MEMBER("b", FIELD_UINT64, syscall.arguments[0], "b");
static const struct catalog_field narrow_field = MEMBER("c", FIELD_SINT32, syscall.abi, "c");
static const struct catalog_field string_field = MEMBER("s", FIELD_STRING, syscall.arguments[2], "s");
static const struct catalog_field hidden_field = MEMBER("h", FIELD_UINT64, syscall.arguments[1], NULL);

static const struct catalog_field *const fields[] = {&signed_field, &unsigned_field, &narrow_field, &string_field, &hidden_field};
#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

/* What a call was made with. */
struct call {
	struct event event;
	struct fact facts[FIELD_COUNT];
};

__attribute__((noinline, noclone)) static void probed(int64_t a, uint64_t b, uint64_t c, const char *s)
{
	__asm__ volatile("" : : "r"(a), "r"(b), "r"(c), "r"(s) : "memory");
}

/* Where the function stands in the file of this program. */
static int find_offset(struct dl_phdr_info *info, size_t size, void *context)
{
	uint64_t address = (uint64_t)(uintptr_t)probed;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uint64_t start = info->dlpi_addr + segment->p_vaddr;

		if (segment->p_type == PT_LOAD && address >= start && address < start + segment->p_memsz)
			*(uint64_t *)context = address - start + segment->p_offset;
	}
	/* The program itself comes first. */
	return 1;
}

static struct dynamic_probe *install(uint64_t *ret_id)
{
	struct dynamic_probe *probe = NULL;
	struct error err = {0};
	uint64_t offset = 0;
	char path[4096], name[512];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	FILE *file;

	CHECK(length > 0, "");
	path[length] = 0;
	dl_iterate_phdr(find_offset, &offset);
	CHECK(offset, "");
	CHECK(!tracefs_open(&err), "%s", err.message);
	if (dynamic_probe_install_uprobe(&probe, "filtered", path, offset, "a=%di:s64 b=%si:u64 c=%dx:u64 s=+0(%cx):string", &err))
		scenario_skip("no uprobe: %s", err.message);
	snprintf(name, sizeof(name), "%s/events/%s/%s/id", tracefs_path(), dynamic_probe_group(), dynamic_probe_name(probe));
	file = fopen(name, "re");
	CHECK(file, "%s", name);
	CHECK_INTEGER(fscanf(file, "%" SCNu64, ret_id), 1);
	fclose(file);
	return probe;
}

static int open_event(uint64_t id, const char *filter)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr), .config = id};
	struct error err = {0};
	int fd = perf_event_open_task(&attr, 0, &err);

	CHECK(fd >= 0, "%s", err.message);
	CHECK(!filter || !perf_event_filter(fd, filter, &err), "%s: %s", filter, err.message);
	return fd;
}

static uint64_t hits(int fd)
{
	uint64_t count;

	CHECK_INTEGER(read(fd, &count, sizeof(count)), sizeof(count));
	return count;
}

static void make_call(struct call *c, struct random *r)
{
	uint64_t b = random_integer(r, VALUE_UINT64), wide_c = random_integer(r, VALUE_UINT64), h = random_integer(r, VALUE_UINT64);
	int64_t a = (int64_t)random_integer(r, VALUE_SINT64);
	struct event_string *s;

	*c = (struct call){.event = {.kind = EVENT_SYSCALL_EXIT}};
	for (size_t i = 0; i < FIELD_COUNT; i++)
		c->facts[i].field = fields[i];
	c->facts[0].integer = c->event.syscall.id = a;
	c->facts[1].integer = c->event.syscall.arguments[0] = b;
	c->event.syscall.abi = (uint32_t)wide_c;
	c->facts[2].integer = (int32_t)wide_c;
	c->facts[4].integer = c->event.syscall.arguments[1] = h;
	random_string(r, c->facts[3].string);
	s = (struct event_string *)(void *)&c->event.syscall.arguments[2];
	*s = (struct event_string){.bytes = c->facts[3].string, .length = strlen(c->facts[3].string)};
	probed(a, b, wide_c, c->facts[3].string);
}

/* Whether the kernel can be told exactly this. */
static bool is_exact(const struct expression *e)
{
	const struct expression *left = e->first, *right = left ? left->next : NULL;
	const char *text;
	size_t length;

	if (e->type == EXPRESSION_AND || e->type == EXPRESSION_OR) {
		for (; left; left = left->next)
			if (!is_exact(left))
				return false;
		return true;
	}
	if (!right || left->type != EXPRESSION_FIELD || right->type != EXPRESSION_VALUE)
		return false;
	if (left->field == &signed_field || left->field == &unsigned_field)
		return expression_is_comparison(e->type);
	if (left->field != &string_field)
		return false;
	text = right->string;
	length = strlen(text);
	if (e->type == EXPRESSION_LIKE) {
		if (*text == '!' || isdigit((unsigned char)*text))
			return false;
		for (; *text == '*'; text++, length--)
			;
		for (; length && text[length - 1] == '*'; length--)
			;
	}
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '/')
			return false;
	return length;
}

static char *text_of(const struct expression *e)
{
	struct buffer out;

	buffer_init(&out, 0);
	expression_print(e, NULL, &out);
	return (char *)buffer_take(&out, NULL);
}

struct tally {
	size_t pushed;
	size_t exact;
	size_t calls;
	size_t through;
};

static void try_tree(struct expression *e, uint64_t id, struct random *r, struct tally *tally)
{
	struct clause clause = {.kind = EVENT_SYSCALL_EXIT, .filter = e};
	const struct clause *const clauses[] = {&clause};
	struct matcher m;
	struct plan plan;
	int fd;

	push_down_plan(clauses, 1, &plan);
	if (plan.kinds[EVENT_SYSCALL_EXIT].filter) {
		const char *filter = plan.kinds[EVENT_SYSCALL_EXIT].filter;
		uint64_t before = 0;

		CHECK(!matcher_init(&m, &clause), "");
		fd = open_event(id, filter);
		tally->pushed++;
		tally->exact += is_exact(e);
		for (int i = 0; i < CALLS_PER_TREE; i++) {
			struct call c;
			bool wanted, through;
			uint64_t after;

			make_call(&c, r);
			after = hits(fd);
			through = after != before;
			before = after;
			wanted = reference_holds(e, c.facts, FIELD_COUNT);
			CHECK(wanted == matcher_matches(&m, &c.event), "%s", text_of(e));
			CHECK(through || !wanted, "held back by %s: %s; a=%" PRId64 " b=%" PRIu64 " c=%" PRIx32 " s=\"%s\"", filter,
			      text_of(e), c.event.syscall.id, c.event.syscall.arguments[0], c.event.syscall.abi, c.facts[3].string);
			CHECK(wanted || !through || !is_exact(e), "let through by %s: %s; a=%" PRId64 " b=%" PRIu64 " s=\"%s\"", filter,
			      text_of(e), c.event.syscall.id, c.event.syscall.arguments[0], c.facts[3].string);
			tally->calls++;
			tally->through += through;
		}
		close(fd);
		matcher_done(&m);
	}
	plan_done(&plan);
}

static void the_kernel_filters_live_events_as_we_do(void)
{
	static const struct random_fields choice = {.fields = fields, .count = FIELD_COUNT};
	struct random r = {.state = 42};
	struct tally tally = {0};
	time_t end = time(NULL) + SECONDS;
	struct dynamic_probe *probe;
	struct error err = {0};
	uint64_t id;
	int trees = 0;
	int all;

	probe = install(&id);
	/* Keeps the probe in this program between the trees. */
	all = open_event(id, NULL);
	for (; trees < TREES && time(NULL) < end; trees++) {
		struct expression *e = random_tree(&r, &choice, (unsigned int)random_below(&r, 4));

		try_tree(e, id, &r, &tally);
		expression_free(e);
	}
	CHECK_INTEGER(hits(all), tally.calls);
	close(all);
	CHECK(!dynamic_probe_remove(probe, &err), "%s", err.message);
	dynamic_probe_free(probe);
	printf("# %d expressions, %zu pushed down, %zu of them whole; %zu of %zu calls let through\n", trees, tally.pushed, tally.exact,
	       tally.through, tally.calls);
	CHECK(tally.pushed > (size_t)trees / 8 && tally.exact > (size_t)trees / 16, "");
	CHECK(tally.through > tally.calls / 20 && tally.through < tally.calls * 19 / 20, "");
}

const struct scenario filter_scenarios[] = {
	{"the_kernel_filters_live_events_as_we_do", the_kernel_filters_live_events_as_we_do},
	{0},
};
