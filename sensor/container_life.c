#include "sensor/container_life.h"

#define SIGNAL_BASE 128
#define SIGNAL_MAX  64

static void tell(struct container_changes *to, enum event_kind kind, uint32_t pid)
{
	if (to->count < CONTAINER_CHANGES_MAX)
		to->changes[to->count++] = (struct container_change){.kind = kind, .pid = pid};
}

static void tell_exit(struct container_changes *to, uint32_t pid, const struct container_exit *exit)
{
	uint32_t before = to->count;

	tell(to, EVENT_CONTAINER_EXITED, pid);
	if (to->count > before)
		to->changes[before].exit = *exit;
}

struct container_exit container_exit_decode(int32_t code)
{
	struct container_exit exit = {.known = true, .code = code};

	if (code > SIGNAL_BASE && code <= SIGNAL_BASE + SIGNAL_MAX)
		exit.signal = (uint32_t)(code - SIGNAL_BASE);
	else
		exit.status = (uint32_t)code;
	return exit;
}

struct container_exit container_exit_of_process(const struct event_exit *exit)
{
	return (struct container_exit){
		.known = !exit->code_unknown,
		.code = exit->signal ? SIGNAL_BASE + (int32_t)exit->signal : (int32_t)exit->status,
		.status = exit->status,
		.signal = exit->signal,
		.core_dumped = exit->core_dumped,
	};
}

/* A run, as a step sees it: whether what it learns of it is to be told. */
static void set_running(struct container_life *l, bool quietly, struct container_changes *ret)
{
	if (l->ran)
		return;
	l->ran = true;
	l->state = CONTAINER_RUNNING;
	if (!quietly)
		tell(ret, EVENT_CONTAINER_RUNNING, l->pid);
}

static void set_destroyed(struct container_life *l, struct container_changes *ret)
{
	tell(ret, EVENT_CONTAINER_DESTROYED, 0);
	l->over = true;
	l->leaving = false;
}

static void set_exited(struct container_life *l, const struct container_exit *exit, bool quietly, struct container_changes *ret)
{
	if (l->state != CONTAINER_RUNNING)
		return;
	l->state = CONTAINER_EXITED;
	l->exit = *exit;
	l->exit.oom_killed |= l->oom_killed;
	l->oom_killed = false;
	l->exit_due_ns = 0;
	l->exec_pid = 0;
	l->exec_ended = false;
	if (!quietly)
		tell_exit(ret, l->pid, &l->exit);
	if (l->leaving && l->leaves_with_exit)
		set_destroyed(l, ret);
}

static void begin_run(struct container_life *l, uint32_t pid, struct container_changes *ret)
{
	/* A run that was not seen to end has ended. */
	set_exited(l, &l->exit, false, ret);
	l->run++;
	l->pid = pid;
	l->ran = false;
	l->exit = (struct container_exit){0};
	l->exit_due_ns = 0;
	if (l->state == CONTAINER_EXITED)
		l->state = CONTAINER_CREATED;
}

static void expect_exit(struct container_life *l, uint64_t now_ns)
{
	if (l->state == CONTAINER_RUNNING && !l->exit_due_ns)
		l->exit_due_ns = now_ns + CONTAINER_EXIT_GRACE_NS;
}

/* The kernel may have told of it before any source did. */
static void catch_up(struct container_life *l, uint64_t now_ns, struct container_changes *ret)
{
	if (!l->pid && !l->ran)
		l->pid = l->exec_pid;
	if (!l->pid || l->exec_pid != l->pid)
		return;
	set_running(l, false, ret);
	if (!l->exec_ended || l->state != CONTAINER_RUNNING)
		return;
	if (l->exec_exit.known)
		set_exited(l, &l->exec_exit, false, ret);
	else
		expect_exit(l, now_ns);
}

/* Finds or begins the run that a fact is about; false: it is about none, or one that is over. */
static bool find_run(struct container_life *l, struct container_life_source *source, const struct container_fact *fact,
		     struct container_changes *ret)
{
	bool is_same_process = fact->init_pid && l->run && fact->init_pid == l->pid;
	bool is_other_process = fact->init_pid && l->run && l->pid && fact->init_pid != l->pid;
	bool is_told = source->present && source->started_ns == fact->started_ns;
	/* One that has ended is not about to start. */
	bool is_next = l->state == CONTAINER_EXITED && fact->state == CONTAINER_CREATED && !is_same_process;

	if (!fact->started_ns && !fact->init_pid)
		return l->run && fact->state == CONTAINER_EXITED;
	if (is_told && !is_other_process) {
		if (!l->pid && source->run == l->run)
			l->pid = fact->init_pid;
		return l->run && source->run == l->run;
	}
	if (!l->run || (!is_same_process && (is_other_process || is_next || source->run == l->run)))
		begin_run(l, fact->init_pid, ret);
	else if (!l->pid)
		l->pid = fact->init_pid;
	source->run = l->run;
	source->started_ns = fact->started_ns;
	return true;
}

static void take_run(struct container_life *l, struct container_life_source *source, const struct container_fact *fact, int64_t since_ns,
		     uint64_t now_ns, struct container_changes *ret)
{
	bool started_before = fact->started_ns ? fact->started_ns < since_ns : fact->listed;
	bool ended_before = fact->finished_ns ? fact->finished_ns < since_ns : fact->listed;
	struct container_exit exit = fact->has_exit_code ? container_exit_decode(fact->exit_code) : (struct container_exit){0};

	exit.oom_killed = fact->oom_killed;
	if (!find_run(l, source, fact, ret))
		return;
	if (fact->state != CONTAINER_EXITED) {
		/* One that has had a first process for long runs, whether the source can tell or not. */
		if (fact->state == CONTAINER_RUNNING || (fact->state == CONTAINER_STATE_UNKNOWN && fact->init_pid && fact->listed))
			set_running(l, started_before, ret);
		catch_up(l, now_ns, ret);
		return;
	}
	catch_up(l, now_ns, ret);
	/* Of a process that is gone runc does not know whether it was the container's program already: some cannot be started. */
	if (fact->source == CONTAINER_SOURCE_RUNC && !l->ran && !ended_before)
		return;
	set_running(l, started_before, ret);
	if (exit.known || ended_before)
		set_exited(l, &exit, ended_before, ret);
	else
		expect_exit(l, now_ns);
}

bool container_life_is_told(const struct container_life *l)
{
	for (int i = 0; i < CONTAINER_SOURCES; i++)
		if (l->sources[i].present)
			return true;
	return false;
}

/* The one with the most to say, of those that have it. */
static bool is_owner(const struct container_life *l, enum container_source source)
{
	for (int i = (int)source + 1; i < CONTAINER_SOURCES; i++)
		if (l->sources[i].present)
			return false;
	return true;
}

static bool has_more_to_say(const struct container_life *l, enum container_source source)
{
	return source <= CONTAINER_SOURCE_TASK && l->runtime != CONTAINER_RUNTIME_RUNC;
}

/* Facts can be ahead of the kernel's samples. */
static uint64_t leave_grace(const struct container_life *l, enum container_source source)
{
	if (has_more_to_say(l, source))
		return CONTAINER_LEAVE_GRACE_NS;
	return l->run && l->pid && !l->ran ? CONTAINER_START_GRACE_NS : 0;
}

static void take_gone(struct container_life *l, enum container_source source, uint64_t now_ns, struct container_changes *ret)
{
	bool present = l->sources[source].present;

	l->sources[source] = (struct container_life_source){0};
	if (!present || l->over)
		return;
	/* There is a state of it as long as it runs. */
	expect_exit(l, now_ns);
	if (!is_owner(l, source))
		return;
	l->leaving = true;
	l->last_by = source;
	l->leaves_with_exit = !has_more_to_say(l, source);
	l->leave_due_ns = now_ns + leave_grace(l, source);
	if (l->state != CONTAINER_RUNNING && l->leave_due_ns == now_ns)
		set_destroyed(l, ret);
}

/* Sources with less to say may still have what is no more. What one tells that has as much to say, or more, is another container of that name;
 * or the same, when its end was concluded too early. False: nothing to be taken. */
static bool take_up(struct container_life *l, const struct container_fact *fact, struct container_changes *ret)
{
	if (!l->over && !l->leaving)
		return true;
	if (fact->source < l->last_by)
		return false;
	if (l->leaving && fact->source > l->last_by) {
		l->leaving = false;
		return true;
	}
	if (l->leaving) {
		set_exited(l, &l->exit, false, ret);
		if (l->leaving)
			set_destroyed(l, ret);
	}
	*l = (struct container_life){.number = l->number + 1};
	return true;
}

void container_life_take(struct container_life *l, const struct container_fact *fact, int64_t since_ns, uint64_t now_ns,
			 struct container_changes *ret)
{
	struct container_life_source *source = &l->sources[fact->source];
	bool made_before = fact->created_ns ? fact->created_ns < since_ns : fact->listed;

	if (fact->gone) {
		take_gone(l, fact->source, now_ns, ret);
		return;
	}
	if (!take_up(l, fact, ret))
		return;
	if (fact->runtime != CONTAINER_RUNTIME_UNKNOWN)
		l->runtime = fact->runtime;
	if (l->state == CONTAINER_STATE_UNKNOWN) {
		l->state = CONTAINER_CREATED;
		if (!made_before)
			tell(ret, EVENT_CONTAINER_CREATED, 0);
	} else if (is_owner(l, fact->source) && source->present && source->settings && fact->settings &&
		   source->settings != fact->settings) {
		tell(ret, EVENT_CONTAINER_UPDATED, l->state == CONTAINER_RUNNING ? l->pid : 0);
	}
	take_run(l, source, fact, since_ns, now_ns, ret);
	source->present = true;
	source->settings = fact->settings;
}

void container_life_exec(struct container_life *l, uint32_t pid, struct container_changes *ret)
{
	if (l->over)
		return;
	if (!l->exec_pid) {
		l->exec_pid = pid;
		l->exec_ended = false;
	}
	if (pid == l->pid && l->run && l->state == CONTAINER_CREATED)
		set_running(l, false, ret);
}

void container_life_exit(struct container_life *l, uint32_t pid, const struct container_exit *exit, uint64_t now_ns,
			 struct container_changes *ret)
{
	if (pid == l->exec_pid) {
		l->exec_ended = true;
		l->exec_exit = *exit;
	}
	if (pid != l->pid || l->state != CONTAINER_RUNNING)
		return;
	if (exit->known)
		set_exited(l, exit, false, ret);
	else
		expect_exit(l, now_ns);
}

void container_life_begin_untold(struct container_life *l, bool was_before, struct container_changes *ret)
{
	if (l->state != CONTAINER_STATE_UNKNOWN)
		return;
	l->state = CONTAINER_CREATED;
	if (!was_before)
		tell(ret, EVENT_CONTAINER_CREATED, 0);
	begin_run(l, was_before ? 0 : l->exec_pid, ret);
	set_running(l, was_before, ret);
	if (!was_before && l->exec_ended)
		set_exited(l, &l->exec_exit, false, ret);
}

void container_life_end_untold(struct container_life *l, struct container_changes *ret)
{
	if (l->state == CONTAINER_STATE_UNKNOWN || l->over)
		return;
	set_exited(l, &l->exit, false, ret);
	l->last_by = 0;
	if (!l->over)
		set_destroyed(l, ret);
}

bool container_life_waits(const struct container_life *l)
{
	return l->exit_due_ns || l->leaving;
}

void container_life_wait(struct container_life *l, uint64_t now_ns, struct container_changes *ret)
{
	if (l->exit_due_ns && now_ns >= l->exit_due_ns)
		set_exited(l, &l->exit, false, ret);
	if (l->leaving && l->state != CONTAINER_RUNNING && now_ns >= l->leave_due_ns)
		set_destroyed(l, ret);
}
