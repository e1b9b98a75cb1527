#ifndef TRACING_KPROBE_BLACKLIST_H
#define TRACING_KPROBE_BLACKLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The functions that the kernel lets nobody probe: debugfs kprobes/blacklist, lines of "0xSTART-0xEND<tab>NAME", the end not in it (kernel:
 * kernel/kprobes.c, kprobe_blacklist_seq_show()). Addresses are 0 for readers that kptr_restrict keeps them from. One thread.
 */
#define KPROBE_BLACKLIST_PATH "/sys/kernel/debug/kprobes/blacklist"

struct kprobe_blacklist {
	struct kprobe_blacklist_entry {
		uint64_t start;
		uint64_t end;
		char *name;
	} * entries;
	size_t count;
	size_t capacity;
};

/* Reads it; `path` NULL: the kernel's. What cannot be read leaves the list shorter: the kernel itself has the last word. */
void kprobe_blacklist_init(struct kprobe_blacklist *b, const char *path);
void kprobe_blacklist_done(struct kprobe_blacklist *b);

/* By name, without module, or by address unless that is 0. */
bool kprobe_blacklist_has(const struct kprobe_blacklist *b, const char *name, uint64_t address);

#endif
