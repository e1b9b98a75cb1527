#include "cli/interrupt.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct interrupt {
	void (*fn)(void *context);
	void *context;
	pthread_t thread;
	_Atomic bool stopping;
	bool called;
};

static sigset_t interrupt_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	return set;
}

void interrupt_block(void)
{
	sigset_t set = interrupt_signals();

	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void interrupt_unblock(void)
{
	sigset_t set = interrupt_signals();

	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void *wait_for_signals(void *context)
{
	struct interrupt *i = context;
	sigset_t set = interrupt_signals();
	int number;

	for (;;) {
		if (sigwait(&set, &number))
			continue;
		if (atomic_load(&i->stopping))
			return NULL;
		if (i->called)
			_exit(128 + number);
		i->called = true;
		i->fn(i->context);
	}
}

int interrupt_start(struct interrupt **ret, void (*fn)(void *context), void *context, struct error *err)
{
	struct interrupt *i = calloc(1, sizeof(*i));
	int r;

	if (!i)
		return error_set(err, -ENOMEM, "out of memory");
	i->fn = fn;
	i->context = context;
	r = pthread_create(&i->thread, NULL, wait_for_signals, i);
	if (r) {
		free(i);
		return error_set_errno(err, -r, "cannot make a thread for signals");
	}
	*ret = i;
	return 0;
}

bool interrupt_stop(struct interrupt *i)
{
	bool called;

	/* The thread's own wake-up, told from a user's signal by the flag. */
	atomic_store(&i->stopping, true);
	pthread_kill(i->thread, SIGINT);
	pthread_join(i->thread, NULL);
	called = i->called;
	free(i);
	return called;
}
