#ifndef SERVICE_COMMAND_QUEUE_H
#define SERVICE_COMMAND_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <uv.h>

/*
 * What other threads want of a loop's thread, in the order in which they asked. A command lives inside what it is about; the queue owns none.
 *
 * A command may take long (a subscription is made and unmade in some hundred milliseconds, most of which the kernel takes to be sure that nobody
 * is in a closed perf event any more), and clients may come faster than that. So the commands that wait are run in turns of
 * COMMAND_QUEUE_TURN_NS, of one command at least, and between two turns everything else on the loop has its own: however many wait, rings are
 * read, what was closed is freed, and signals are heard. And whoever does not want any more what waits still takes it back.
 */

#define COMMAND_QUEUE_TURN_NS 1000000

struct command {
	void (*run)(struct command *command, void *context); /* by the loop thread; may free the command, and post others */
	struct command *prev, *next;
	bool queued; /* the queue's, as the links are */
};

struct command_queue {
	uv_async_t wake;
	void *context;         /* for the commands */
	pthread_mutex_t mutex; /* guards what follows */
	struct command *commands;
	bool ended; /* takes no more */
};

/* By the loop thread, as long as the loop is not running. The handle in it is closed with the loop's others, before command_queue_done().
 * A negative errno. */
int command_queue_init(struct command_queue *q, uv_loop_t *loop, void *context);
void command_queue_done(struct command_queue *q);

/* Any thread. A command that waits already is not put in a second time. False: the queue has ended, the command will not be run. */
bool command_queue_post(struct command_queue *q, struct command *command);

/* Any thread. True: the command was waiting, and will not be run. False: it is not there, has been run, or is being run. */
bool command_queue_withdraw(struct command_queue *q, struct command *command);

/* The loop thread, after the loop: runs all that wait, and ends the queue when there are none. */
void command_queue_end(struct command_queue *q);

#endif
