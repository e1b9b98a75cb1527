#ifndef CLI_CHECK_REPORT_H
#define CLI_CHECK_REPORT_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * What `ringside check` found out, as a list of lines, and the lines for people and for programs. Knows nothing of the kernel.
 */

enum verdict {
	VERDICT_INFO, /* a fact, neither good nor bad */
	VERDICT_GOOD,
	VERDICT_LIMITED, /* works with less than it could have */
	VERDICT_MISSING,
};

enum check_group {
	CHECK_KERNEL, /* what the kernel offers */
	CHECK_PERF,   /* what its perf can do */
	CHECK_EVENTS, /* one per event kind: whether and how it is captured */
	CHECK_LIMITS, /* what binds */
	CHECK_GROUP_COUNT,
};

/* One of several ways to do it, best first. */
struct check_way {
	enum verdict verdict; /* VERDICT_GOOD, or VERDICT_LIMITED, or VERDICT_MISSING */
	char name[64];
	char detail[512];
};

struct check_item {
	enum check_group group;
	enum verdict verdict;
	char name[32];
	char detail[640];
	struct check_way *ways;
	size_t way_count;
};

struct check_report {
	struct check_item *items;
	size_t count;
	bool failed; /* out of memory: lines are missing */
};

/* Lines of one group are to be added one after another. */
void check_report_add(struct check_report *r, enum check_group group, enum verdict verdict, const char *name, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* One more way of the line that was added last; programs are told of it, people are not. */
void check_report_add_way(struct check_report *r, enum verdict verdict, const char *name, const char *detail);
void check_report_done(struct check_report *r);

void check_report_text(const struct check_report *r, bool color, struct buffer *out);
/* {"checks": [{"group", "name", "verdict", "detail", "ways": [{"name", "verdict", "detail"}]}], "result": "all"|"some"|"none"} and a newline;
 * no "ways" where none were added. */
void check_report_json(const struct check_report *r, struct buffer *out);

/* 0: every event kind is captured in full; 1: some are not; 2: none is. */
int check_report_status(const struct check_report *r);

#endif
