#include "service/command_queue.h"

#include "base/clock.h"

#include <utlist.h>

static struct command *command_queue_take(struct command_queue *q)
{
	struct command *command;

	pthread_mutex_lock(&q->mutex);
	command = q->commands;
	if (command) {
		DL_DELETE(q->commands, command);
		command->queued = false;
	}
	pthread_mutex_unlock(&q->mutex);
	return command;
}

static bool command_queue_is_empty(struct command_queue *q)
{
	bool empty;

	pthread_mutex_lock(&q->mutex);
	empty = !q->commands;
	pthread_mutex_unlock(&q->mutex);
	return empty;
}

static void on_wake(uv_async_t *handle)
{
	struct command_queue *q = handle->data;
	uint64_t start_ns = clock_monotonic_ns();
	struct command *command;

	while ((command = command_queue_take(q))) {
		command->run(command, q->context);
		if (clock_monotonic_ns() - start_ns >= COMMAND_QUEUE_TURN_NS)
			break;
	}
	if (!command_queue_is_empty(q))
		uv_async_send(&q->wake);
}

int command_queue_init(struct command_queue *q, uv_loop_t *loop, void *context)
{
	*q = (struct command_queue){.context = context};
	pthread_mutex_init(&q->mutex, NULL);
	q->wake.data = q;
	return uv_async_init(loop, &q->wake, on_wake);
}

void command_queue_done(struct command_queue *q)
{
	pthread_mutex_destroy(&q->mutex);
}

bool command_queue_post(struct command_queue *q, struct command *command)
{
	bool taken;

	pthread_mutex_lock(&q->mutex);
	taken = !q->ended;
	if (taken && !command->queued) {
		command->queued = true;
		DL_APPEND(q->commands, command);
		uv_async_send(&q->wake);
	}
	pthread_mutex_unlock(&q->mutex);
	return taken;
}

bool command_queue_withdraw(struct command_queue *q, struct command *command)
{
	bool queued;

	pthread_mutex_lock(&q->mutex);
	queued = command->queued;
	if (queued) {
		DL_DELETE(q->commands, command);
		command->queued = false;
	}
	pthread_mutex_unlock(&q->mutex);
	return queued;
}

static bool command_queue_end_if_empty(struct command_queue *q)
{
	bool ended;

	pthread_mutex_lock(&q->mutex);
	ended = q->ended = !q->commands;
	pthread_mutex_unlock(&q->mutex);
	return ended;
}

void command_queue_end(struct command_queue *q)
{
	struct command *command;

	do
		while ((command = command_queue_take(q)))
			command->run(command, q->context);
	while (!command_queue_end_if_empty(q));
}
