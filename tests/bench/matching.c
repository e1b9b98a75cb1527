/*
 * What matching costs: one clause at a time, and an event of a mixed stream against all subscriptions at once. Prints two tables; the second one
 * fails when an event that one of 1,000 subscriptions concerns costs a microsecond or more.
 */
#include "base/clock.h"
#include "sensor/process_cache.h"
#include "subscription/feed.h"
#include "subscription/kind_index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS        7
#define EVALUATIONS   200000
#define EVENTS        64
#define SUBSCRIPTIONS 1000

static struct process bash = {.tgid = 4321, .comm = "bash", .id = "process", .credentials = {.known = true, .uid = 1000, .euid = 1000}};

static void check(int r, const char *what)
{
	if (!r)
		return;
	fprintf(stderr, "matching: %s: %d\n", what, r);
	exit(1);
}

static int compare_doubles(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static double median(double values[ROUNDS])
{
	qsort(values, ROUNDS, sizeof(*values), compare_doubles);
	return values[ROUNDS / 2];
}

static struct expression *field(const char *name)
{
	return expression_new_field(name, 0);
}

static struct expression *integer(int64_t value)
{
	return expression_new_integer(VALUE_SINT64, (uint64_t)value, 0);
}

static struct expression *comparison(const char *name, enum expression_type type, int64_t value)
{
	return expression_new(type, field(name), integer(value), 0);
}

static struct expression *text(const char *name, enum expression_type type, const char *value)
{
	return expression_new(type, field(name), expression_new_string(value, 0), 0);
}

static struct expression *both(struct expression *a, struct expression *b)
{
	return expression_new(EXPRESSION_AND, a, b, 0);
}

/* One clause */

static struct event an_exit(void)
{
	return (struct event){
		.kind = EVENT_SYSCALL_EXIT, .process = &bash, .tgid = 4321, .tid = 4321, .syscall = {.id = 257, .abi = 2, .result = -2}};
}

static struct event an_open(const char *name)
{
	return (struct event){
		.kind = EVENT_FILE_OPEN,
		.process = &bash,
		.tgid = 4321,
		.tid = 4321,
		.file = {.filename = {name, strlen(name)}, .path = {name, strlen(name)}, .flags = 02101, .mode = 0644},
	};
}

static void time_clause(const char *what, const struct event *event, struct expression *e)
{
	struct clause clause = {.kind = event->kind};
	struct matcher m;
	double ns[ROUNDS];
	size_t matches = 0;

	check(e ? clause_add_expression(&clause, e, NULL, NULL) : 0, what);
	check(matcher_init(&m, &clause), what);
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t start = clock_monotonic_ns();

		for (int i = 0; i < EVALUATIONS; i++) {
			/* The compiler is not to see that it is the same event. */
			__asm__ volatile("" : : "r"(event) : "memory");
			matches += matcher_matches(&m, event);
		}
		ns[round] = (double)(clock_monotonic_ns() - start) / EVALUATIONS;
	}
	printf("%-64s %-5s %7.1f\n", what, matches ? "yes" : "no", median(ns));
	matcher_done(&m);
	expression_free(clause.filter);
}

static void time_clauses(void)
{
	struct event leave = an_exit();
	struct event open = an_open("/usr/lib/x86_64-linux-gnu/libc.so.6");
	struct expression *any = comparison("id", EXPRESSION_EQ, 0);

	for (int id = 1; id < 10; id++)
		any = expression_new(EXPRESSION_OR, any, comparison("id", EXPRESSION_EQ, id), 0);
	printf("%-64s %-5s %7s\n", "one clause", "holds", "ns");
	time_clause("syscall:exit", &leave, NULL);
	time_clause("syscall:exit where id = 257 and abi = 2", &leave,
		    both(comparison("id", EXPRESSION_EQ, 257), comparison("abi", EXPRESSION_EQ, 2)));
	time_clause("syscall:exit where id = 3", &leave, comparison("id", EXPRESSION_EQ, 3));
	time_clause("syscall:exit where id = 0 or id = 1 or ... id = 9", &leave, any);
	time_clause("syscall:exit where ret < 0 and uid != 0 and comm = 'bash'", &leave,
		    both(comparison("ret", EXPRESSION_LT, 0),
			 both(comparison("uid", EXPRESSION_NE, 0), text("comm", EXPRESSION_EQ, "bash"))));
	time_clause("file:open where (flags & O_WRONLY) != 0", &open,
		    expression_new(EXPRESSION_NE, expression_new(EXPRESSION_BITWISE_AND, field("flags"), integer(1), 0), integer(0), 0));
	time_clause("file:open where filename = '/usr/lib/x86_64-linux-gnu/libc.so.6'", &open,
		    text("filename", EXPRESSION_EQ, "/usr/lib/x86_64-linux-gnu/libc.so.6"));
	time_clause("file:open where filename like '/etc/*'", &open, text("filename", EXPRESSION_LIKE, "/etc/*"));
	time_clause("file:open where filename like '/usr/*'", &open, text("filename", EXPRESSION_LIKE, "/usr/*"));
	time_clause("file:open where filename like '*lib*lib*.so.?'", &open, text("filename", EXPRESSION_LIKE, "*lib*lib*.so.?"));
}

/* Many subscriptions */

struct population {
	struct feed *feeds[SUBSCRIPTIONS];
	size_t count;
	struct kind_index index;
};

static struct encoding encoding = {.references = 1};
static const struct subscriber_set_callbacks callbacks;

static void add_subscription(struct population *p, enum event_kind kind, struct expression *e)
{
	struct subscription_spec *spec = subscription_spec_new();
	struct feed *f;

	check(clause_add_expression(subscription_spec_add(spec, kind), e, NULL, NULL), "subscription");
	f = feed_new(spec, &encoding, &callbacks);
	f->served[0] = true;
	f->kinds = EVENT_KIND_BIT(kind);
	check(kind_index_add(&p->index, f), "index");
	p->feeds[p->count++] = f;
}

/* The `i`th wants one system call of its own number. */
static void add_system_call(struct population *p, size_t i)
{
	add_subscription(p, i % 2 ? EVENT_SYSCALL_EXIT : EVENT_SYSCALL_ENTER,
			 both(comparison("id", EXPRESSION_EQ, (int64_t)i), comparison("abi", EXPRESSION_EQ, 2)));
}

/* ... the files below a directory of its own. */
static void add_directory(struct population *p, size_t i)
{
	char pattern[64];

	snprintf(pattern, sizeof(pattern), "/srv/%zu/*", i);
	add_subscription(p, EVENT_FILE_OPEN, text("filename", EXPRESSION_LIKE, pattern));
}

/* ... one of ten kinds, of one user. */
static void add_user(struct population *p, size_t i)
{
	static const enum event_kind kinds[] = {EVENT_SYSCALL_ENTER,   EVENT_SYSCALL_EXIT,  EVENT_PROCESS_FORK, EVENT_PROCESS_EXEC,
						EVENT_PROCESS_EXIT,    EVENT_FILE_OPEN,     EVENT_FILE_DELETE,  EVENT_FILE_RENAME,
						EVENT_CONNECT_ATTEMPT, EVENT_CONNECT_RESULT};

	add_subscription(p, kinds[i % 10], comparison("uid", EXPRESSION_EQ, (int64_t)i));
}

static void population_done(struct population *p)
{
	for (size_t i = 0; i < p->count; i++)
		feed_free(p->feeds[i]);
	kind_index_done(&p->index);
	*p = (struct population){0};
}

static void make_stream(struct event stream[EVENTS])
{
	static const char *const names[] = {"/etc/passwd", "/srv/7/data", "/usr/lib/libc.so.6", "/proc/self/stat"};

	for (size_t i = 0; i < EVENTS; i++) {
		switch (i % 4) {
		case 0:
			stream[i] = an_open(names[i / 4 % 4]);
			break;
		case 1:
			stream[i] = (struct event){.kind = EVENT_PROCESS_EXEC, .process = &bash, .exec = {.filename = {"/bin/true", 9}}};
			break;
		default:
			stream[i] = an_exit();
			stream[i].kind = i % 2 ? EVENT_SYSCALL_EXIT : EVENT_SYSCALL_ENTER;
			stream[i].syscall.id = (int64_t)(i * 7 % 450);
		}
	}
}

/* ns per event. */
static double time_population(struct population *p, const struct event *events, size_t count)
{
	static struct feed *takers[SUBSCRIPTIONS];
	double ns[ROUNDS];
	size_t passes = EVALUATIONS / 4 / count;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t start = clock_monotonic_ns();

		for (size_t pass = 0; pass < passes; pass++)
			for (size_t i = 0; i < count; i++)
				kind_index_find(&p->index, &events[i], takers);
		ns[round] = (double)(clock_monotonic_ns() - start) / (double)(passes * count);
	}
	return median(ns);
}

static void time_row(const char *what, void (*add)(struct population *p, size_t i), const struct event *events, size_t count,
		     double *ret_last)
{
	static const size_t sizes[] = {1, 10, 100, 1000};

	printf("%-64s", what);
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		static struct population p;

		while (p.count < sizes[s])
			add(&p, p.count);
		*ret_last = time_population(&p, events, count);
		printf(" %8.1f", *ret_last);
		population_done(&p);
	}
	putchar('\n');
}

int main(void)
{
	struct event stream[EVENTS], leave = an_exit();
	double last, one_of_thousand;

	time_clauses();
	make_stream(stream);
	printf("\n%-64s %8s %8s %8s %8s\n", "ns per event against so many subscriptions", "1", "10", "100", "1000");
	time_row("each wants a system call of its own; mixed stream", add_system_call, stream, EVENTS, &last);
	time_row("each wants one kind and one user; mixed stream", add_user, stream, EVENTS, &last);
	time_row("each wants the files of a directory; mixed stream", add_directory, stream, EVENTS, &last);
	time_row("one event that one of them concerns (a system call)", add_system_call, &leave, 1, &one_of_thousand);
	return one_of_thousand < 1000 ? 0 : 1;
}
