#ifndef SENSOR_THREAD_SET_H
#define SENSOR_THREAD_SET_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The living threads of one process, by number. A set and not a count, so that a fork or exit that the scan of /proc has seen already can be
 * told a second time without harm. A set of one needs no memory of its own.
 */
struct thread_set {
	uint32_t count;
	uint32_t capacity; /* of `more`; 0: `only` is the place */
	uint32_t only;
	uint32_t *more;
};

/* Empty. */
void thread_set_init(struct thread_set *s);
void thread_set_done(struct thread_set *s);
/* Leaves just one thread. */
void thread_set_reset(struct thread_set *s, uint32_t tid);
/* False: out of memory, the thread is not in the set. True also when it was in already. */
bool thread_set_add(struct thread_set *s, uint32_t tid);
/* False: it was not in. */
bool thread_set_remove(struct thread_set *s, uint32_t tid);

#endif
