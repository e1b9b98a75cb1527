#include "runtime/containerd_task.h"

#include "base/clock.h"
#include "base/proc_stat.h"

#include <string.h>
#include <unistd.h>

static void set_state(struct container_fact *f, enum container_state state, uint32_t pid)
{
	f->state = state;
	f->init_pid = pid;
	if (state == CONTAINER_EXITED)
		return;
	f->finished_ns = 0;
	f->has_exit_code = false;
	f->exit_code = 0;
	f->oom_killed = false;
}

/* A start is told a moment after it happened, an end when it happens: that of a short run can seem to lie before its start. */
static void set_exited(struct container_fact *f, uint32_t exit_status, int64_t exited_ns)
{
	set_state(f, CONTAINER_EXITED, 0);
	f->finished_ns = exited_ns > f->started_ns ? exited_ns : f->started_ns;
	f->has_exit_code = true;
	f->exit_code = (int32_t)exit_status;
}

/* Whether what is known is of that run already, or of a later one. */
static bool is_past(const struct container_fact *f, const struct containerd_event *e)
{
	if (f->state == CONTAINER_RUNNING)
		return f->init_pid == e->pid || f->started_ns >= e->time_ns;
	return f->state == CONTAINER_EXITED && f->finished_ns >= e->time_ns;
}

static void on_create(struct container_fact *f, const struct containerd_event *e)
{
	container_fact_set(&f->bundle, e->bundle, strlen(e->bundle), CONTAINER_PATH_MAX);
	if (is_past(f, e))
		return;
	set_state(f, CONTAINER_CREATED, e->pid);
	f->started_ns = 0;
}

/* A run begins with TaskCreate: what has ended is not begun again by this. */
static void on_start(struct container_fact *f, const struct containerd_event *e)
{
	if (f->state == CONTAINER_EXITED) {
		if (!f->started_ns)
			f->started_ns = f->finished_ns && f->finished_ns < e->time_ns ? f->finished_ns : e->time_ns;
	} else if (!is_past(f, e)) {
		set_state(f, CONTAINER_RUNNING, e->pid);
		f->started_ns = e->time_ns;
	}
}

static void on_exit_or_delete(struct container_fact *f, const struct containerd_event *e)
{
	bool other_run = f->state == CONTAINER_RUNNING && f->init_pid && e->pid && f->init_pid != e->pid;

	/* A run may have been found as ended without anybody saying how. */
	if (other_run || (f->state == CONTAINER_EXITED && f->has_exit_code))
		return;
	set_exited(f, e->exit_status, e->exited_ns ? e->exited_ns : e->time_ns);
}

void containerd_task_event(struct container_fact *f, const struct containerd_event *e)
{
	switch (e->type) {
	case CONTAINERD_TASK_CREATE:
		on_create(f, e);
		break;
	case CONTAINERD_TASK_START:
		on_start(f, e);
		break;
	case CONTAINERD_TASK_EXIT:
	case CONTAINERD_TASK_DELETE:
		on_exit_or_delete(f, e);
		break;
	case CONTAINERD_TASK_OOM:
		f->oom_killed = true;
		break;
	default:
		break;
	}
}

void containerd_task_keep(struct container_fact *f, const struct container_fact *known)
{
	bool other = known && known->created_ns && f->created_ns && known->created_ns != f->created_ns;

	if (!known || other) {
		f->state = CONTAINER_CREATED;
		return;
	}
	if (known->bundle && !f->bundle)
		container_fact_set(&f->bundle, known->bundle, strlen(known->bundle), CONTAINER_PATH_MAX);
	f->state = known->state;
	f->init_pid = known->init_pid;
	f->started_ns = known->started_ns;
	f->finished_ns = known->finished_ns;
	f->has_exit_code = known->has_exit_code;
	f->exit_code = known->exit_code;
	f->oom_killed = known->oom_killed;
}

/* A container whose task was deleted while nobody listened has run and has ended: more is not to be had. */
static void lose_task(struct container_fact *f)
{
	if (f->state != CONTAINER_RUNNING)
		return;
	set_state(f, CONTAINER_EXITED, 0);
	f->has_exit_code = false;
}

void containerd_task_listed(struct container_fact *f, const struct container_fact *known, const struct containerd_task *task)
{
	containerd_task_keep(f, known);
	if (!task) {
		lose_task(f);
		return;
	}
	switch (task->state) {
	case CONTAINER_EXITED:
		set_exited(f, task->exit_status, task->exited_ns);
		break;
	case CONTAINER_RUNNING:
		if (f->state != CONTAINER_RUNNING || f->init_pid != task->pid)
			f->started_ns = containerd_task_process_start_ns(task->pid);
		set_state(f, CONTAINER_RUNNING, task->pid);
		break;
	case CONTAINER_CREATED:
		set_state(f, CONTAINER_CREATED, task->pid);
		f->started_ns = 0;
		break;
	default:
		break;
	}
}

int64_t containerd_task_process_start_ns(uint32_t pid)
{
	struct proc_stat stat;

	if (proc_read_stat(PROC_OF_HOST, pid, &stat) || !stat.start_tick)
		return 0;
	return (int64_t)(clock_realtime_ns() - clock_boottime_ns() + stat.start_tick * (NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK)));
}
