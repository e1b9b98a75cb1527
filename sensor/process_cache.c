#include "sensor/process_cache.h"

#include "base/clock.h"
#include "sensor/proc_scan.h"
#include "sensor/process_id.h"
#include "sensor/process_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_DEAD_DEFAULT 65536
#define MISSES           1024

/* How long after its exit sample a task still runs kernel code (closing its files), and is sampled doing so. */
#define EXIT_TAIL_NS UINT64_C(1000000)

/* clone3(2): the child begins in a cgroup of its parent's choice, and no sample of a move tells which. */
#define CLONE_FLAG_INTO_CGROUP UINT64_C(0x200000000)

/* Forks closer to one another than this share one look at the clocks. */
#define CLOCK_UPDATE_NS UINT64_C(1000000)

/* /proc was asked in vain: who made samples with this tgid up to `until_ns` will never be known. */
struct miss {
	uint32_t tgid;
	uint64_t until_ns;
};

struct process_cache {
	struct process_entry *table;
	struct process_tree tree;
	struct process_clock clock;
	uint64_t clock_updated_ns; /* time of the sample that caused it */
	int proc_fd;
	size_t max_dead;
	uint64_t scan; /* number of the last one, from 1 */
	uint64_t scan_start_ns;
	bool scanning;
	bool tracks_cwd, tracks_credentials;
	bool follows_cgroups;
	struct container_table *containers;
	uint64_t tracked_since_ns; /* what happened before is only known from /proc */
	uint32_t self_tgid;
	uint64_t alive;
	uint64_t created, looked_up, missed;
	struct miss misses[MISSES];
};

static struct process_entry *find(struct process_cache *c, uint32_t tgid)
{
	struct process_entry *e;

	HASH_FIND(hh, c->table, &tgid, sizeof(tgid), e);
	return e;
}

static bool is_alive(const struct process_entry *e)
{
	return e->process.exit_time_ns == 0;
}

static void set_comm(struct process *p, const char *comm)
{
	size_t length = strnlen(comm, PROCESS_COMM_BYTES - 1);

	memcpy(p->comm, comm, length);
	memset(p->comm + length, 0, PROCESS_COMM_BYTES - length);
}

/* An entry that is known from /proc only can be younger than a sample that waited in a ring: then another process of that tgid made it. */
static bool is_younger(const struct process_cache *c, const struct process_entry *e, uint64_t time_ns)
{
	return e->process.fork_time_ns == 0 && time_ns < e->seen_ns && process_clock_tick(&c->clock, time_ns) < e->process.start_ticks;
}

static struct process_entry *find_at(struct process_cache *c, uint32_t tgid, uint64_t time_ns)
{
	struct process_entry *e = find(c, tgid);

	return e && !is_younger(c, e, time_ns) ? e : NULL;
}

/* Of those that are in a container, the living count. */
static void leave_container(struct process_entry *e)
{
	if (is_alive(e) && e->process.container)
		e->process.container->processes--;
}

static void end(struct process_cache *c, struct process_entry *e, uint64_t time_ns)
{
	if (!is_alive(e))
		return;
	leave_container(e);
	process_tree_end(&c->tree, e, time_ns > 0 ? time_ns : 1);
	c->alive--;
}

static void leave_table(struct process_cache *c, struct process_entry *e)
{
	HASH_DEL(c->table, e);
	process_tree_leave_table(&c->tree, e);
}

static void enforce_max_dead(struct process_cache *c)
{
	while (c->tree.lingering_count + c->tree.kept_count > c->max_dead) {
		if (c->tree.kept_count > c->max_dead / 2 || !c->tree.lingering)
			process_tree_cut_oldest(&c->tree);
		else
			leave_table(c, c->tree.lingering);
	}
}

static void unlist(struct process_cache *c, struct process_entry *e)
{
	process_tree_link(&c->tree, e, NULL);
	process_entry_free(e);
}

/* A new process takes the place of the one that had its tgid. Two of the same tick are told apart; and the tick never goes back, in case the
 * earlier one's was computed a tick too late. */
static struct process_entry *replace(struct process_cache *c, struct process_entry *parent, uint32_t tgid, uint64_t start_tick,
				     uint64_t time_ns)
{
	struct process_entry *e = process_tree_add(&c->tree, tgid);
	struct process_entry *old = find(c, tgid);
	bool was_sampled = old && (old->process.fork_time_ns != 0 || old->exit_sampled);

	if (!e)
		return NULL;
	process_tree_link(&c->tree, e, parent);
	if (was_sampled && start_tick < old->process.start_ticks)
		start_tick = old->process.start_ticks;
	if (old && start_tick == old->process.start_ticks)
		e->nth = old->nth + 1;
	if (old) {
		end(c, old, time_ns);
		leave_table(c, old);
	}
	e->process.start_ticks = start_tick;
	process_id_write(e->process.id, &c->clock, start_tick, tgid, e->nth);
	HASH_ADD(hh, c->table, process.tgid, sizeof(e->process.tgid), e);
	if (!e->hh.tbl) {
		unlist(c, e);
		return NULL;
	}
	e->in_table = true;
	c->alive++;
	process_tree_bound_lineage(&c->tree, e);
	enforce_max_dead(c);
	return e;
}

static void sync_thread_count(struct process_entry *e)
{
	e->process.threads = e->threads.count;
}

struct thread_walk {
	struct process_entry *entry;
	bool without_main;
};

static int enter_thread(void *context, uint32_t tid)
{
	struct thread_walk *walk = context;

	if (walk->without_main && tid == walk->entry->process.tgid)
		return 0;
	return thread_set_add(&walk->entry->threads, tid) ? 0 : -ENOMEM;
}

/* A main thread that ended stays as a zombie until the others have ended too. */
static void enter_threads(struct process_cache *c, struct process_entry *e, const struct proc_stat *stat)
{
	struct thread_walk walk = {.entry = e, .without_main = stat->is_zombie};

	if (stat->threads <= 1) {
		thread_set_reset(&e->threads, stat->pid);
	} else {
		thread_set_done(&e->threads);
		(void)proc_each_thread(c->proc_fd, stat->pid, enter_thread, &walk);
	}
	if (e->threads.count == 0)
		thread_set_reset(&e->threads, stat->pid);
	sync_thread_count(e);
}

/* What /proc shows now of what is tracked and not known. */
static void read_tracked(struct process_cache *c, struct process_entry *e)
{
	char path[PROC_PATH_BYTES];

	if (c->tracks_cwd && !e->process.cwd && proc_read_cwd(c->proc_fd, e->process.tgid, path) > 0 && path[0] == '/')
		e->process.cwd = strdup(path);
	if (c->tracks_credentials && !e->process.credentials.known)
		(void)proc_read_credentials(c->proc_fd, e->process.tgid, &e->process.credentials);
}

/* Takes over the reference. */
static void set_container(struct process_cache *c, struct process_entry *e, struct container *container, uint64_t hierarchies)
{
	e->hierarchies = hierarchies;
	if (e->process.container == container) {
		container_unref(container);
		return;
	}
	leave_container(e);
	process_entry_contain(e, container);
	if (is_alive(e) && container)
		container->processes++;
	process_tree_revise(&c->tree, e);
}

/* A container_path_resolve_fn. In a scan thousands of processes have the same few paths. */
static bool resolve(void *context, const char *path, size_t length, struct container_path *ret)
{
	struct process_cache *c = context;

	return container_table_resolve(c->containers, path, length, !c->scanning, ret);
}

/* What /proc shows now. False: it is gone, and stays where it was. */
static bool read_container(struct process_cache *c, struct process_entry *e)
{
	struct container_path path;
	int r = c->containers ? proc_read_container(c->proc_fd, e->process.tgid, resolve, c, &path) : -ENOENT;

	if (r < 0)
		return false;
	set_container(c, e, r ? container_table_get(c->containers, &path) : NULL, r ? path.hierarchies : 0);
	return true;
}

/* The parent by CLONE_PARENT is somebody else, as with what else is inherited. */
static void begin_container(struct process_cache *c, struct process_entry *e, uint32_t forker_tgid, uint64_t clone_flags)
{
	const struct process_entry *forker = find(c, forker_tgid);
	bool inherits = forker && forker != e;

	if ((!inherits || (clone_flags & CLONE_FLAG_INTO_CGROUP)) && read_container(c, e))
		return;
	if (inherits)
		set_container(c, e, container_ref(forker->process.container), forker->hierarchies);
}

/* The parent by CLONE_PARENT is somebody else. Looked for again: whoever is not linked to the child can have left for it. */
static void inherit_tracked(struct process_cache *c, struct process_entry *e, uint32_t forker_tgid)
{
	const struct process_entry *forker = find(c, forker_tgid);

	if (!forker || forker == e)
		return;
	if (c->tracks_cwd && forker->process.cwd)
		e->process.cwd = strdup(forker->process.cwd);
	if (c->tracks_credentials)
		e->process.credentials = forker->process.credentials;
}

static struct process_entry *get(struct process_cache *c, uint32_t tgid, uint64_t time_ns, unsigned int depth);

/* Enters what /proc has just shown, and those of its ancestors that are not known. */
static struct process_entry *enter(struct process_cache *c, const struct proc_stat *stat, uint64_t seen_ns, unsigned int depth)
{
	struct process_entry *e, *parent = NULL;

	if (stat->parent_pid != 0 && depth < PROCESS_LINEAGE_MAX)
		parent = get(c, stat->parent_pid, seen_ns, depth + 1);
	if (parent && parent->process.start_ticks > stat->start_tick)
		parent = NULL;
	e = replace(c, parent, stat->pid, stat->start_tick, seen_ns);
	if (!e)
		return NULL;
	e->seen_ns = seen_ns;
	e->scan = c->scan;
	set_comm(&e->process, stat->comm);
	e->process.hidden = c->self_tgid && stat->parent_pid == c->self_tgid;
	enter_threads(c, e, stat);
	read_tracked(c, e);
	(void)read_container(c, e);
	if (stat->is_zombie && stat->threads <= 1)
		end(c, e, seen_ns);
	return e;
}

/* Asks /proc for the process that made a sample at time_ns; `known`, which ended before that, is not the answer. */
static struct process_entry *ask(struct process_cache *c, struct process_entry *known, uint32_t tgid, uint64_t time_ns, unsigned int depth)
{
	struct miss *miss = &c->misses[tgid % MISSES];
	uint64_t tick = process_clock_tick(&c->clock, time_ns);
	uint64_t now_ns, until_ns;
	struct proc_stat stat;
	int r;

	if (!known && miss->tgid == tgid && time_ns <= miss->until_ns)
		return NULL;
	now_ns = clock_monotonic_ns();
	until_ns = now_ns > time_ns ? now_ns : time_ns + c->clock.tick_ns;
	r = proc_read_stat(c->proc_fd, tgid, &stat);
	if (r == 0 && stat.start_tick <= tick && (!known || stat.start_tick > known->process.start_ticks)) {
		if (!c->scanning)
			c->looked_up++;
		return enter(c, &stat, now_ns, depth);
	}
	if (known)
		known->asked_ns = until_ns;
	else
		*miss = (struct miss){.tgid = tgid, .until_ns = until_ns};
	return NULL;
}

static struct process_entry *get(struct process_cache *c, uint32_t tgid, uint64_t time_ns, unsigned int depth)
{
	struct process_entry *e = find(c, tgid), *found;

	if (e && is_younger(c, e, time_ns))
		return NULL;
	if (e && (is_alive(e) || time_ns <= e->process.exit_time_ns + EXIT_TAIL_NS || time_ns <= e->asked_ns))
		return e;
	if (tgid == 0 || tgid == UINT32_MAX)
		return NULL;
	found = ask(c, e, tgid, time_ns, depth);
	return found ? found : e;
}

struct process *process_cache_find(struct process_cache *c, uint32_t tgid)
{
	struct process_entry *e = find(c, tgid);

	return e ? &e->process : NULL;
}

struct process *process_cache_get(struct process_cache *c, uint32_t tgid, uint64_t time_ns)
{
	struct process_entry *e = find(c, tgid);

	if (e && is_alive(e) && (e->process.fork_time_ns != 0 || time_ns >= e->seen_ns))
		return &e->process;
	e = get(c, tgid, time_ns, 0);
	return e ? &e->process : NULL;
}

/* Whether the fork sample is that of a process which /proc has shown already. Whoever had this tgid at a time after the fork, and started
 * no later, was forked then. */
static bool is_fork_of(const struct process_entry *e, const struct process_tick *tick, uint64_t time_ns)
{
	uint64_t start = e->process.start_ticks;

	if (e->process.fork_time_ns != 0 || e->exit_sampled)
		return false;
	return start == tick->tick || (!tick->certain && start == tick->other) || (start < tick->tick && e->seen_ns >= time_ns);
}

static void update_clock(struct process_cache *c, uint64_t time_ns)
{
	if (time_ns < c->clock_updated_ns + CLOCK_UPDATE_NS)
		return;
	c->clock_updated_ns = time_ns;
	process_clock_update(&c->clock);
}

/* While the process is there, /proc knows the tick for certain. When it is gone nobody does, and the one that was computed stands. */
static uint64_t certain_tick(const struct process_cache *c, uint32_t tgid, const struct process_tick *tick)
{
	struct proc_stat stat;

	if (tick->certain || proc_read_stat(c->proc_fd, tgid, &stat) < 0)
		return tick->tick;
	return stat.start_tick == tick->other ? tick->other : tick->tick;
}

static struct process *fork_thread(struct process_entry *e, uint32_t tid)
{
	if (!e)
		return NULL;
	if (is_alive(e) || !e->exit_sampled)
		(void)thread_set_add(&e->threads, tid);
	sync_thread_count(e);
	return &e->process;
}

struct process *process_cache_fork(struct process_cache *c, uint32_t parent_tgid, uint32_t child_tid, uint64_t clone_flags,
				   const char *comm, uint64_t time_ns)
{
	struct process_entry *forker, *parent, *e;
	struct process_tick tick;

	if (child_tid == 0)
		return NULL;
	update_clock(c, time_ns);
	forker = get(c, parent_tgid, time_ns, 0);
	if (clone_flags & CLONE_THREAD)
		return fork_thread(forker, child_tid);
	parent = (clone_flags & CLONE_PARENT) && forker ? process_entry_parent(forker) : forker;

	tick = process_clock_fork_tick(&c->clock, time_ns);
	e = find(c, child_tid);
	if (e && is_fork_of(e, &tick, time_ns)) {
		e->process.fork_time_ns = time_ns;
		process_tree_link(&c->tree, e, parent);
		return &e->process;
	}
	e = replace(c, parent, child_tid, certain_tick(c, child_tid, &tick), time_ns);
	if (!e)
		return NULL;
	e->process.fork_time_ns = time_ns;
	e->process.hidden = c->self_tgid && parent_tgid == c->self_tgid;
	set_comm(&e->process, comm);
	if (time_ns < c->tracked_since_ns)
		read_tracked(c, e);
	else
		inherit_tracked(c, e, parent_tgid);
	begin_container(c, e, parent_tgid, clone_flags);
	thread_set_reset(&e->threads, child_tid);
	sync_thread_count(e);
	c->created++;
	return &e->process;
}

void process_cache_exec(struct process_cache *c, uint32_t tgid, uint64_t time_ns)
{
	struct process_entry *e = find_at(c, tgid, time_ns);

	if (!e || e->exit_sampled)
		return;
	thread_set_reset(&e->threads, tgid);
	sync_thread_count(e);
	if (!c->follows_cgroups)
		(void)read_container(c, e);
}

bool process_cache_rename(struct process_cache *c, uint32_t tid, const char *comm, uint64_t time_ns)
{
	struct process_entry *e = find_at(c, tid, time_ns);

	if (!e || e->exit_sampled || strncmp(e->process.comm, comm, PROCESS_COMM_BYTES - 1) == 0)
		return false;
	set_comm(&e->process, comm);
	process_tree_revise(&c->tree, e);
	return true;
}

void process_cache_track(struct process_cache *c, bool cwd, bool credentials)
{
	struct process_entry *e, *next;

	if (c->tracks_cwd == cwd && c->tracks_credentials == credentials)
		return;
	c->tracks_cwd = cwd;
	c->tracks_credentials = credentials;
	c->tracked_since_ns = clock_monotonic_ns();
	HASH_ITER (hh, c->table, e, next) {
		if (!cwd) {
			free(e->process.cwd);
			e->process.cwd = NULL;
		}
		if (!credentials)
			e->process.credentials = (struct credentials){0};
		if (is_alive(e))
			read_tracked(c, e);
		process_tree_revise(&c->tree, e);
	}
}

void process_cache_set_cwd(struct process_cache *c, uint32_t tgid, const char *path, size_t length)
{
	struct process_entry *e = find(c, tgid);

	if (!e || !c->tracks_cwd)
		return;
	free(e->process.cwd);
	e->process.cwd = length ? malloc(length + 1) : NULL;
	if (!e->process.cwd)
		return;
	memcpy(e->process.cwd, path, length);
	e->process.cwd[length] = '\0';
}

void process_cache_set_credentials(struct process_cache *c, uint32_t tgid, const struct credentials *credentials)
{
	struct process_entry *e = find(c, tgid);

	if (!e || !c->tracks_credentials)
		return;
	if (credentials_equal(&e->process.credentials, credentials) && e->process.credentials.late == credentials->late)
		return;
	e->process.credentials = *credentials;
	process_tree_revise(&c->tree, e);
}

/* A path that is longer than this may have been cut (kernel: TRACE_CGROUP_PATH_LEN in kernel/cgroup/cgroup-internal.h, with its NUL). */
#define WHOLE_PATH_MAX 1022

static void enter_container(struct process_cache *c, struct process_entry *e, const struct container_path *path, uint64_t hierarchy)
{
	struct container *container = container_table_get(c->containers, path);
	uint64_t before = container == e->process.container ? e->hierarchies : 0;

	set_container(c, e, container, before | hierarchy);
}

void process_cache_attach(struct process_cache *c, uint32_t tid, uint64_t hierarchy, const char *path, size_t length, uint64_t time_ns)
{
	struct process_entry *e = c->containers ? get(c, tid, time_ns, 0) : NULL;
	uint64_t bit = CONTAINER_HIERARCHY_BIT(hierarchy);
	struct container_path found;

	if (!e || e->exit_sampled)
		return;
	if (length > WHOLE_PATH_MAX) {
		(void)read_container(c, e);
		return;
	}
	if (container_path_parse(path, length, &found) || resolve(c, path, length, &found)) {
		enter_container(c, e, &found, bit);
		return;
	}
	e->hierarchies &= ~bit;
	if (!e->hierarchies)
		set_container(c, e, NULL, 0);
}

void process_cache_follow_cgroups(struct process_cache *c, bool followed)
{
	c->follows_cgroups = followed;
}

void process_cache_reread_containers(struct process_cache *c)
{
	for (struct process_entry *e = c->containers ? c->table : NULL; e; e = e->hh.next)
		if (is_alive(e))
			(void)read_container(c, e);
}

void process_cache_out_of_memory(struct process_cache *c, uint32_t tgid, uint64_t time_ns)
{
	const struct process_entry *e = find_at(c, tgid, time_ns);

	if (e && e->process.container)
		container_table_out_of_memory(e->process.container);
}

static void revise_processes_of(void *context, const struct container *container)
{
	struct process_cache *c = context;

	for (struct process_entry *e = container->members; e; e = e->member_next)
		process_tree_revise(&c->tree, e);
}

/* Of a process that only /proc has shown, an exit sample from before it was seen tells the end when the process is older than the sample: it
 * was on its way out when it was seen. In the same tick the sample is rather that of the one which had the tgid before. */
static bool is_exit_of(const struct process_cache *c, const struct process_entry *e, uint64_t time_ns)
{
	if (e->process.fork_time_ns != 0 || time_ns >= e->seen_ns || !is_alive(e))
		return !is_younger(c, e, time_ns);
	return e->process.start_ticks < process_clock_tick(&c->clock, time_ns);
}

bool process_cache_exit(struct process_cache *c, uint32_t tgid, uint32_t tid, int group_dead, uint64_t time_ns, struct process **ret)
{
	struct process_entry *e = find(c, tgid);
	bool last = group_dead < 0 ? tid == tgid : group_dead > 0;

	*ret = NULL;
	if (!e || !is_exit_of(c, e, time_ns))
		return last;
	/* What comes behind the end: another thread of it (the kernel counts threads down a little before it makes the sample), or the end of
	 * a process whose fork was missed. */
	if (e->exit_sampled)
		return last;
	(void)thread_set_remove(&e->threads, tid);
	sync_thread_count(e);
	if (group_dead < 0)
		last = e->threads.count == 0;
	if (!last)
		return false;
	thread_set_done(&e->threads);
	sync_thread_count(e);
	e->exit_sampled = true;
	if (is_alive(e))
		end(c, e, time_ns);
	else
		e->process.exit_time_ns = time_ns > 0 ? time_ns : 1;
	*ret = &e->process;
	return true;
}

static int scan_process(void *context, uint32_t pid)
{
	struct process_cache *c = context;
	struct process_entry *e;
	struct proc_stat stat;
	uint64_t seen_ns = clock_monotonic_ns();
	int r = proc_read_stat(c->proc_fd, pid, &stat);

	e = find(c, pid);
	if (r < 0) {
		if (e && r != -ENOENT)
			e->scan = c->scan;
		return 0;
	}
	if (!e || (!is_alive(e) && stat.start_tick > e->process.start_ticks)) {
		(void)enter(c, &stat, seen_ns, 0);
		return 0;
	}
	if (!is_alive(e) || stat.start_tick > e->process.start_ticks)
		return 0;
	e->scan = c->scan;
	enter_threads(c, e, &stat);
	if (stat.is_zombie && stat.threads <= 1)
		end(c, e, seen_ns);
	return 0;
}

/* Another process may have the tgid now; that it is found, and by whom, is left to its samples and to process_cache_get(). */
static void end_missed(struct process_cache *c)
{
	for (struct process_entry *e = c->table; e; e = e->hh.next) {
		struct proc_stat stat;
		bool is_older = e->process.fork_time_ns < c->scan_start_ns && e->seen_ns < c->scan_start_ns;

		if (!is_alive(e) || e->scan == c->scan || !is_older)
			continue;
		/* Asked a second time: while a thread takes its main thread's place in an exec, there is a moment without either. */
		if (proc_read_stat(c->proc_fd, e->process.tgid, &stat) == 0 && stat.start_tick <= e->process.start_ticks)
			continue;
		end(c, e, clock_monotonic_ns());
		c->missed++;
	}
}

int process_cache_scan(struct process_cache *c, struct error *err)
{
	int r;

	process_clock_update(&c->clock);
	c->scan++;
	c->scan_start_ns = clock_monotonic_ns();
	c->scanning = true;
	r = proc_each_process(c->proc_fd, scan_process, c, err);
	c->scanning = false;
	if (r < 0)
		return r;
	end_missed(c);
	enforce_max_dead(c);
	return 0;
}

void process_cache_advance(struct process_cache *c, uint64_t time_ns)
{
	while (c->tree.lingering && c->tree.lingering->process.exit_time_ns + PROCESS_LINGER_NS <= time_ns)
		leave_table(c, c->tree.lingering);
	enforce_max_dead(c);
}

void process_cache_counters(const struct process_cache *c, struct process_cache_counters *ret)
{
	*ret = (struct process_cache_counters){
		.alive = c->alive,
		.dead = c->tree.lingering_count + c->tree.kept_count,
		.created = c->created,
		.looked_up = c->looked_up,
		.missed = c->missed,
		.cut = c->tree.cut,
	};
}

static void find_container(void *context, uint32_t pid)
{
	struct process_cache *c = context;
	struct process_entry *e = find(c, pid);

	if (e && is_alive(e))
		(void)read_container(c, e);
}

int process_cache_new(struct process_cache **ret, const struct process_cache_options *options, struct error *err)
{
	const char *proc = options && options->proc ? options->proc : "/proc";
	struct process_cache *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return error_set_errno(err, -ENOMEM, "process cache");
	c->max_dead = options && options->max_dead ? options->max_dead : MAX_DEAD_DEFAULT;
	c->self_tgid = options ? options->self_tgid : 0;
	c->containers = options ? options->containers : NULL;
	if (c->containers) {
		container_table_on_revision(c->containers, revise_processes_of, c);
		container_table_on_found(c->containers, find_container, c);
	}
	c->proc_fd = open(proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->proc_fd < 0)
		r = error_set_errno(err, -errno, "%s", proc);
	else
		r = process_clock_init(&c->clock, c->proc_fd, err);
	if (r < 0) {
		process_cache_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

struct process_cache *process_cache_free(struct process_cache *c)
{
	struct process_entry *e, *next;

	if (!c)
		return NULL;
	while ((e = c->table)) {
		HASH_DEL(c->table, e);
		leave_container(e);
		process_entry_free(e);
	}
	for (e = c->tree.kept; e; e = next) {
		next = e->newer;
		process_entry_free(e);
	}
	if (c->proc_fd >= 0)
		close(c->proc_fd);
	free(c);
	return NULL;
}
