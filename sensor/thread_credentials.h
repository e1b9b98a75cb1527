#ifndef SENSOR_THREAD_CREDENTIALS_H
#define SENSOR_THREAD_CREDENTIALS_H

#include "sensor/credentials.h"

/*
 * Threads whose credentials were seen to differ from those of their process. To the kernel credentials are a thread's; C libraries change all
 * threads of a process, one after another, so that most of what is in this table is the same as the process's again a moment later.
 *
 * What is not followed: when a main thread alone changes its own, by a bare system call, the others are taken to have changed with it.
 *
 * One thread.
 */
struct thread_credentials {
	struct thread_credentials_entry *entries;
};

/* Empties it; it can be used again. */
void thread_credentials_done(struct thread_credentials *t);

/* NULL: those of its process. Valid until the table changes. */
const struct credentials *thread_credentials_find(const struct thread_credentials *t, uint32_t tid);

/* Without memory the thread counts as having those of its process. */
void thread_credentials_set(struct thread_credentials *t, uint32_t tid, const struct credentials *credentials);
void thread_credentials_forget(struct thread_credentials *t, uint32_t tid);

#endif
