#ifndef TRACING_PROBE_LIST_H
#define TRACING_PROBE_LIST_H

#include "base/error.h"
#include "tracing/probe_owner.h"
#include "tracing/probe_profile.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Every dynamic event of the host, whoever made it (tracefs: kprobe_events, uprobe_events; dynamic_events from 5.0 on has the other kinds too).
 * A line is the definition that makes the event: "p:GROUP/NAME PLACE NAME=FETCHARG ...".
 *
 * The lines are parsed here and not by libtracefs (tracefs_dynevent_get_all()), which in 1.6 leaves fprobes and tracepoint probes out and
 * loses a kretprobe's maxactive.
 */

enum probe_kind {
	PROBE_KPROBE,
	PROBE_KRETPROBE,
	PROBE_UPROBE,
	PROBE_URETPROBE,
	PROBE_EPROBE,     /* at another event */
	PROBE_FPROBE,     /* at a function, through ftrace */
	PROBE_FRETPROBE,  /* at its return */
	PROBE_TRACEPOINT, /* at a tracepoint of the kernel, with or without an event */
	PROBE_SYNTHETIC,  /* made by a histogram's action */
	PROBE_OTHER,
	PROBE_KIND_COUNT,
};

/* "kprobe", "uretprobe", ... */
const char *probe_kind_name(enum probe_kind kind);

struct probe_argument {
	const char *name;       /* "" where the kernel gives none */
	const char *expression; /* a synthetic event's: the type */
};

/* Strings belong to the list. */
struct probe_entry {
	char *text; /* what the strings lie in */
	enum probe_kind kind;
	unsigned int maxactive; /* 0: not given */
	const char *group;
	const char *name;
	const char *place; /* SYMBOL+OFFSET, PATH:0xOFFSET, SYSTEM.EVENT, ...; "" for a synthetic event */
	struct probe_argument *arguments;
	size_t argument_count;
	bool has_counts; /* kprobes and uprobes only */
	struct probe_counts counts;
	bool is_ours; /* its group is of our form */
	struct probe_owner owner;
	bool owner_lives;
};

struct probe_list {
	struct probe_entry *entries;
	size_t count;
};

enum probe_file {
	PROBE_FILE_KPROBES,
	PROBE_FILE_UPROBES,
	PROBE_FILE_DYNAMIC, /* kprobes and uprobes in it are left out: they are in files of their own */
};

/* Appends the events of one file's content. Lines that make no sense are left out. -ENOMEM. Pure. probe_list_done() in any case. */
int probe_list_parse(struct probe_list *list, const char *text, enum probe_file file);

/* Gives the kprobes, or uprobes, of the list their counts. Events of the same name in several groups get theirs by the order, which is that
 * of the list. Pure. */
void probe_list_count(struct probe_list *list, const struct probe_profile *profile, bool is_user);

/* Reads all of them, with counts and with owners looked up. tracefs_open() comes first. probe_list_done() afterwards, also after a failure. */
int probe_list_read(struct probe_list *ret, struct error *err);

void probe_list_done(struct probe_list *list);

#endif
