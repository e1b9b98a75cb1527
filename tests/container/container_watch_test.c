#include "container/container_watch.h"

#include "base/clock.h"
#include "tests/container/scratch.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

TestSuite(container_watch);

#define ID_FORMAT "%064x"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SLOWER 10
#else
#define SLOWER 1
#endif

/* The watch at work in directories of its own, one root of each type. */
struct fixture {
	size_t bare; /* facts that say only that there is a container; they are in no other list */
	struct container_inbox *inbox;
	struct container_roots *roots;
	struct container_watch *watch;
	const char *docker, *containerd, *storage, *runc;
	/* What came, with the time at which it did: the inbox is emptied by whoever fills it. */
	pthread_mutex_t lock;
	struct arrival *arrivals;
	size_t count, capacity;
};

struct arrival {
	struct container_fact *fact;
	uint64_t time_ns; /* CLOCK_MONOTONIC */
};

static void take(void *context)
{
	struct fixture *f = context;
	uint64_t now = clock_monotonic_ns();
	struct container_fact *fact, *next;

	pthread_mutex_lock(&f->lock);
	for (fact = container_inbox_take(f->inbox); fact; fact = next) {
		next = fact->next;
		if (fact->bare) {
			f->bare++;
			container_fact_free(fact);
			continue;
		}
		if (f->count == f->capacity) {
			f->capacity = f->capacity ? 2 * f->capacity : 1024;
			f->arrivals = realloc(f->arrivals, f->capacity * sizeof(*f->arrivals));
		}
		f->arrivals[f->count++] = (struct arrival){fact, now};
	}
	pthread_mutex_unlock(&f->lock);
}

static void set_up(struct fixture *f)
{
	const char *dir = scratch_dir();

	*f = (struct fixture){
		.docker = scratch_mkdir("%s/docker", dir),
		.containerd = scratch_mkdir("%s/containerd", dir),
		.storage = scratch_mkdir("%s/storage", dir),
		.runc = scratch_mkdir("%s/runc", dir),
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
}

static void start_with(struct fixture *f, const struct container_roots_options *options)
{
	struct error err = {0};

	f->inbox = container_inbox_new(take, f);
	cr_assert_eq(container_roots_new(&f->roots, options, &err), 0, "%s", err.message);
	cr_assert_eq(container_watch_new(&f->watch, f->roots, f->inbox, &err), 0, "%s", err.message);
}

static void start(struct fixture *f)
{
	const struct container_roots_options options = {
		.paths = {[CONTAINER_ROOT_DOCKER] = &f->docker,
			  [CONTAINER_ROOT_CONTAINERD] = &f->containerd,
			  [CONTAINER_ROOT_STORAGE] = &f->storage,
			  [CONTAINER_ROOT_RUNC] = &f->runc},
		.counts = {1, 1, 1, 1},
	};

	start_with(f, &options);
}

static void tear_down(struct fixture *f)
{
	container_watch_free(f->watch);
	container_inbox_free(f->inbox);
	container_roots_free(f->roots);
	for (size_t i = 0; i < f->count; i++)
		container_fact_free(f->arrivals[i].fact);
	free(f->arrivals);
}

/* The n-th that came, waited for; the fixture's. */
static const struct container_fact *await(struct fixture *f, size_t n)
{
	for (int i = 0; i < 2000 * SLOWER; i++) {
		const struct container_fact *fact = NULL;

		pthread_mutex_lock(&f->lock);
		if (f->count > n)
			fact = f->arrivals[n].fact;
		pthread_mutex_unlock(&f->lock);
		if (fact)
			return fact;
		usleep(1000);
	}
	cr_assert_fail("fact %zu does not come", n);
	return NULL;
}

static size_t count(struct fixture *f)
{
	size_t n;

	pthread_mutex_lock(&f->lock);
	n = f->count;
	pthread_mutex_unlock(&f->lock);
	return n;
}

/* As Docker writes them. */
static void write_docker(struct fixture *f, const char *id, const char *name, const char *state)
{
	const char *config = scratch_path("{\"State\":{%s},\"ID\":\"%s\",\"Created\":\"2026-11-26T01:00:00.5Z\",\"Name\":\"%s\","
					  "\"Image\":\"sha256:" ID_FORMAT "\",\"Config\":{\"Image\":\"busybox\",\"Labels\":{\"a\":\"b\"}}}",
					  state, id, name, 1);

	scratch_write(config, "%s/containers/%s/config.v2.json", f->docker, id);
	scratch_write("{\"Memory\":0}", "%s/containers/%s/hostconfig.json", f->docker, id);
}

static void write_runc_as(struct fixture *f, const char *id, const char *bundle, const char *name)
{
	time_t now = time(NULL) + 1;
	char created[32];
	struct tm tm;
	const char *state;

	strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	state = scratch_path("{\"id\":\"%s\",\"init_process_pid\":%d,\"init_process_start\":1,\"created\":\"%s\",\"config\":{"
			     "\"rootfs\":\"%s/rootfs\",\"labels\":[\"bundle=%s\"],\"cgroups\":{\"path\":\"/%s\"}},\"cgroup_paths\":{}}",
			     id, (int)getpid(), created, bundle, bundle, id);

	scratch_write(state, "%s/%s/%s", f->runc, id, name);
}

static void write_runc(struct fixture *f, const char *id, const char *bundle)
{
	write_runc_as(f, id, bundle, "state.json");
}

#define OCI_CONFIG "{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"true\"]},\"annotations\":{\"x\":\"y\"}}"

static const char *make_bundle(void)
{
	const char *bundle = scratch_mkdir("%s/bundle", scratch_dir());

	scratch_write(OCI_CONFIG, "%s/config.json", bundle);
	return bundle;
}

static void make_task(struct fixture *f, const char *name_space, const char *id)
{
	scratch_mkdir("%s/io.containerd.runtime.v2.task/%s/%s", f->containerd, name_space, id);
	scratch_write(OCI_CONFIG, "%s/io.containerd.runtime.v2.task/%s/%s/config.json", f->containerd, name_space, id);
	scratch_write("1", "%s/io.containerd.runtime.v2.task/%s/%s/init.pid", f->containerd, name_space, id);
}

#define EACH 1000

Test(container_watch, three_thousand_containers_that_are_there_are_listed_before_it_returns)
{
	const char *bundle = make_bundle();
	uint64_t began, took;
	struct container_watch_counters counters;
	struct fixture f;

	set_up(&f);
	scratch_mkdir("%s/containers", f.docker);
	scratch_mkdir("%s/io.containerd.runtime.v2.task", f.containerd);
	scratch_mkdir("%s/io.containerd.runtime.v2.task/k8s.io", f.containerd);
	for (int i = 0; i < EACH; i++) {
		const char *id = scratch_path(ID_FORMAT, i);

		scratch_mkdir("%s/containers/%s", f.docker, id);
		write_docker(&f, id, "/web", "\"Running\":true,\"Pid\":1");
		make_task(&f, "k8s.io", id);
		scratch_mkdir("%s/%s", f.runc, id);
		write_runc(&f, id, bundle);
	}
	began = clock_monotonic_ns();
	start(&f);
	took = clock_monotonic_ns() - began;
	cr_assert_eq(f.count, 3 * EACH, "%zu", f.count);
	for (size_t i = 0; i < f.count; i++)
		cr_assert(f.arrivals[i].fact->listed && !f.arrivals[i].fact->gone);
	container_watch_counters(f.watch, &counters);
	cr_assert_eq(counters.containers, 3 * EACH);
	cr_assert_eq(counters.facts, 3 * EACH);
	cr_assert_eq(counters.unwatched, 0);
	cr_assert_str_eq(counters.problem, "");
	fprintf(stderr, "listed in %.1f ms\n", (double)took / 1e6);
	/* It is told above; a busy machine takes longer, and the longest that anybody waits is 2 s. */
	cr_assert_lt(took, SLOWER * 10 * NSEC_PER_SEC);
	tear_down(&f);
}

Test(container_watch, a_container_of_docker_is_told_from_its_creation_to_its_removal)
{
	const char *id = scratch_path(ID_FORMAT, 1);
	const struct container_fact *fact;
	struct fixture f;
	size_t n;

	set_up(&f);
	start(&f);
	cr_assert_eq(count(&f), 0);
	scratch_mkdir("%s/containers", f.docker);
	scratch_mkdir("%s/containers/%s", f.docker, id);
	write_docker(&f, id, "/web", "");
	for (n = 0; !await(&f, n)->settings; n++)
		;
	fact = await(&f, n);
	cr_assert_eq(fact->source, CONTAINER_SOURCE_DOCKER);
	cr_assert_str_eq(fact->id, id);
	cr_assert_str_eq(fact->name, "/web");
	cr_assert_eq(fact->state, CONTAINER_CREATED);
	cr_assert_not(fact->listed);
	write_docker(&f, id, "/web", "\"Running\":true,\"Pid\":77,\"StartedAt\":\"2026-11-26T01:00:01Z\"");
	fact = await(&f, ++n);
	cr_assert_eq(fact->state, CONTAINER_RUNNING);
	cr_assert_eq(fact->init_pid, 77);
	write_docker(&f, id, "/other", "\"Running\":true,\"Pid\":77,\"StartedAt\":\"2026-11-26T01:00:01Z\"");
	cr_assert_str_eq(await(&f, ++n)->name, "/other");
	scratch_remove("%s/containers/%s", f.docker, id);
	cr_assert(await(&f, ++n)->gone);
	usleep(50000);
	cr_assert_eq(count(&f), n + 1);
	tear_down(&f);
}

Test(container_watch, tasks_and_lists_of_storage_are_told)
{
	const char *id = scratch_path(ID_FORMAT, 2);
	struct fixture f;
	size_t n;

	set_up(&f);
	start(&f);
	scratch_mkdir("%s/io.containerd.runtime.v2.task", f.containerd);
	scratch_mkdir("%s/io.containerd.runtime.v2.task/default", f.containerd);
	make_task(&f, "default", "web-1");
	for (n = 0; await(&f, n)->init_pid != 1; n++)
		;
	cr_assert_eq(await(&f, n)->source, CONTAINER_SOURCE_TASK);
	cr_assert_str_eq(await(&f, n)->id, "web-1");
	scratch_remove("%s/io.containerd.runtime.v2.task/default", f.containerd);
	cr_assert(await(&f, ++n)->gone);
	scratch_mkdir("%s/vfs-containers", f.storage);
	scratch_write(scratch_path("[{\"id\":\"%s\",\"names\":[\"pod-1\"],\"image\":\"" ID_FORMAT
				   "\",\"created\":\"2026-11-26T01:00:00Z\"}]",
				   id, 3),
		      "%s/vfs-containers/containers.json", f.storage);
	cr_assert_eq(await(&f, ++n)->source, CONTAINER_SOURCE_STORAGE);
	cr_assert_str_eq(await(&f, n)->id, id);
	cr_assert_str_eq(await(&f, n)->name, "pod-1");
	scratch_write("[]", "%s/vfs-containers/containers.json", f.storage);
	cr_assert(await(&f, ++n)->gone);
	cr_assert_str_eq(await(&f, n)->id, id);
	tear_down(&f);
}

Test(container_watch, a_root_that_is_found_out_later_is_looked_at_when_told)
{
	const char *bundle = make_bundle(), *runc;
	struct fixture f;

	set_up(&f);
	runc = f.runc;
	start(&f);
	f.runc = scratch_mkdir("%s/later", scratch_dir());
	scratch_mkdir("%s/a", f.runc);
	write_runc(&f, "a", bundle);
	cr_assert(container_roots_add(f.roots, CONTAINER_ROOT_RUNC, f.runc));
	container_watch_look(f.watch);
	cr_assert_str_eq(await(&f, 0)->id, "a");
	cr_assert_str_eq(await(&f, 0)->oci_config, OCI_CONFIG);
	container_watch_repeat(f.watch);
	cr_assert_str_eq(await(&f, 1)->id, "a");
	f.runc = runc;
	tear_down(&f);
}

Test(container_watch, roots_of_new_namespaces_and_users_are_found_when_they_come)
{
	const char *bundle = make_bundle();
	struct container_roots_options options = {0};
	uint64_t began;
	struct fixture f;

	set_up(&f);
	options.host = scratch_mkdir("%s/host", scratch_dir());
	start_with(&f, &options);
	began = clock_monotonic_ns();
	scratch_mkdir("%s/run", options.host);
	scratch_mkdir("%s/run/docker", options.host);
	scratch_mkdir("%s/run/docker/runtime-runc", options.host);
	f.runc = scratch_mkdir("%s/run/docker/runtime-runc/moby", options.host);
	scratch_mkdir("%s/a", f.runc);
	write_runc(&f, "a", bundle);
	cr_assert_str_eq(await(&f, 0)->id, "a");
	scratch_mkdir("%s/run/user", options.host);
	scratch_mkdir("%s/run/user/1000", options.host);
	usleep(50000);
	f.runc = scratch_mkdir("%s/run/user/1000/runc", options.host);
	scratch_mkdir("%s/b", f.runc);
	write_runc(&f, "b", bundle);
	cr_assert_str_eq(await(&f, 1)->id, "b");
	cr_assert_lt(clock_monotonic_ns() - began, 2 * NSEC_PER_SEC, "it did not wait until roots are looked for");
	cr_assert_not(await(&f, 0)->listed || await(&f, 1)->listed);
	tear_down(&f);
}

/* Of the thread that watches: how often it has slept and been woken. */
static long wake_ups(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	long switches = -1;

	while ((entry = readdir(tasks))) {
		char line[256];
		bool ours = false;
		FILE *status = fopen(scratch_path("/proc/self/task/%s/status", entry->d_name), "re");

		while (status && fgets(line, sizeof(line), status)) {
			if (!strcmp(line, "Name:\tcontainer-watch\n"))
				ours = true;
			if (ours)
				(void)sscanf(line, "voluntary_ctxt_switches: %ld", &switches);
		}
		if (status)
			fclose(status);
	}
	closedir(tasks);
	return switches;
}

Test(container_watch, the_thread_sleeps_when_nothing_happens)
{
	struct fixture f;
	long before;

	set_up(&f);
	start(&f);
	usleep(100000);
	before = wake_ups();
	cr_assert_geq(before, 0);
	sleep(2);
	cr_assert_leq(wake_ups() - before, 1);
	tear_down(&f);
}

/* From the rename(2) of a file to the fact in the inbox. */

#define PROBES 200

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void measure(struct fixture *f, const char *what, const char *bundle, useconds_t pause_us)
{
	uint64_t took[PROBES];

	for (int i = 0; i < PROBES; i++) {
		const char *id = scratch_path("probe-%d", i);
		uint64_t renamed;

		scratch_mkdir("%s/%s", f->runc, id);
		usleep(2000); /* runc takes longer than that to make its process */
		write_runc_as(f, id, bundle, "state-1");
		renamed = clock_monotonic_ns();
		cr_assert_eq(rename(scratch_path("%s/%s/state-1", f->runc, id), scratch_path("%s/%s/state.json", f->runc, id)), 0);
		took[i] = 0;
		for (int wait = 0; wait < 1000 * SLOWER && !took[i]; wait++) {
			usleep(1000);
			pthread_mutex_lock(&f->lock);
			for (size_t n = f->count; n-- && !took[i];)
				if (!strcmp(f->arrivals[n].fact->id, id))
					took[i] = f->arrivals[n].time_ns - renamed;
			pthread_mutex_unlock(&f->lock);
		}
		cr_assert(took[i], "%s was not told", id);
		scratch_remove("%s/%s", f->runc, id);
		usleep(pause_us);
	}
	qsort(took, PROBES, sizeof(took[0]), compare);
	fprintf(stderr, "%s: median %.0f us, p99 %.0f us, longest %.0f us\n", what, (double)took[PROBES / 2] / 1e3,
		(double)took[PROBES * 99 / 100] / 1e3, (double)took[PROBES - 1] / 1e3);
	cr_assert_lt(took[PROBES / 2], SLOWER * 200 * NSEC_PER_MSEC);
}

Test(container_watch, a_change_is_told_within_milliseconds)
{
	struct fixture f;
	const char *bundle = make_bundle();

	set_up(&f);
	start(&f);
	measure(&f, "idle", bundle, 1000);
	tear_down(&f);
}

/* Real ones. */

static pid_t run_runc(const char *const *arguments)
{
	pid_t pid = fork();

	if (!pid) {
		int null = open("/dev/null", O_RDWR);

		/* Not in one group with us, when the scheduler shares time between groups: nor are runtimes in that of the sensor. */
		setsid();
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		execvp(arguments[0], (char *const *)arguments);
		_exit(127);
	}
	return pid;
}

static int status_of(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		cr_assert_eq(errno, EINTR);
	return status;
}

static int runc(struct fixture *f, const char *a, const char *b, const char *c, const char *d)
{
	return status_of(run_runc((const char *[]){"runc", "--root", f->runc, a, b, c, d, NULL}));
}

/* A bundle with busybox in it, and a config.json of `runc spec` that runs a program. */
static const char *make_real_bundle(struct fixture *f, const char *program, const char *argument)
{
	const char *bundle = scratch_mkdir("%s/real", scratch_dir()), *config = scratch_path("%s/config.json", bundle);
	json_t *spec, *process;

	scratch_mkdir("%s/rootfs", bundle);
	scratch_mkdir("%s/rootfs/bin", bundle);
	if (geteuid())
		cr_skip_test("SKIPPED: runc needs root");
	if (status_of(run_runc((const char *[]){"cp", "/bin/busybox", scratch_path("%s/rootfs/bin/%s", bundle, program), NULL})) ||
	    runc(f, "spec", "--bundle", bundle, NULL))
		cr_skip_test("SKIPPED: no runc, or no busybox");
	spec = json_load_file(config, 0, NULL);
	process = json_object_get(spec, "process");
	json_object_set_new(process, "terminal", json_false());
	json_object_set_new(process, "args", json_pack("[s, s]", scratch_path("/bin/%s", program), argument));
	json_object_del(process, "rlimits");
	cr_assert_eq(json_dump_file(spec, config, 0), 0);
	json_decref(spec);
	if (runc(f, "run", "--bundle", bundle, "ringside-trial"))
		cr_skip_test("SKIPPED: runc cannot run a container here, are there no cgroups?");
	return bundle;
}

/* Without an assertion: what was made is deleted in any case. */
static bool wait_for(struct fixture *f, bool created, size_t *ret_n)
{
	for (int i = 0; i < 2000 * SLOWER; i++) {
		bool found = false;

		pthread_mutex_lock(&f->lock);
		for (size_t n = 0; n < f->count && !found; n++) {
			found = !f->arrivals[n].fact->gone && (f->arrivals[n].fact->state == CONTAINER_CREATED) == created;
			*ret_n = n;
		}
		pthread_mutex_unlock(&f->lock);
		if (found)
			return true;
		usleep(1000);
	}
	return false;
}

Test(container_watch, runc_creates_starts_and_deletes)
{
	const char *bundle, *id = scratch_path("ringside-%d", (int)getpid());
	size_t created_n = 0, started_n = 0, n;
	int create, start_status, delete_status;
	const struct container_fact *fact;
	bool created, started;
	struct fixture f;

	set_up(&f);
	bundle = make_real_bundle(&f, "sleep", "0");
	start(&f);
	create = runc(&f, "create", "--bundle", bundle, id);
	created = wait_for(&f, true, &created_n);
	start_status = runc(&f, "start", id, NULL, NULL);
	started = wait_for(&f, false, &started_n);
	delete_status = runc(&f, "delete", "--force", id, NULL);
	cr_assert(!create && !start_status && !delete_status, "%d %d %d", create, start_status, delete_status);
	cr_assert(created && started);
	fact = await(&f, created_n);
	cr_assert_eq(created_n, 0);
	cr_assert_str_eq(fact->id, id);
	cr_assert_str_eq(fact->bundle, bundle);
	cr_assert_not_null(fact->oci_config);
	cr_assert_gt(fact->init_pid, 0);
	/* It may have ended by the time that it is looked at. */
	cr_assert(await(&f, started_n)->state == CONTAINER_RUNNING || await(&f, started_n)->state == CONTAINER_EXITED);
	for (n = started_n; !await(&f, n)->gone; n++)
		;
	usleep(50000);
	cr_assert_eq(count(&f), n + 1);
	tear_down(&f);
}

#define RUNS     200
#define PARALLEL 20

struct run {
	bool whole, is_there;
	int told, gone;
};

/* Of run number N the container is "ringside-run-PID-N". */
static void follow(struct fixture *f, struct run runs[RUNS])
{
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->count; i++) {
		const struct container_fact *fact = f->arrivals[i].fact;
		struct run *run;
		int number;

		if (sscanf(fact->id, "ringside-run-%*d-%d", &number) != 1)
			continue;
		run = &runs[number];
		if (fact->gone) {
			cr_assert(run->is_there || f->bare, "%s is gone and never was", fact->id);
			run->is_there = false;
			run->gone++;
			continue;
		}
		cr_assert_eq(run->gone, 0, "%s comes back", fact->id);
		run->is_there = true;
		run->told++;
		run->whole = run->whole || (fact->bundle && fact->oci_config);
	}
	pthread_mutex_unlock(&f->lock);
}

static void run_many(struct fixture *f, const char *bundle, int runs)
{
	for (int begun = 0, ended = 0; ended < runs; ended++) {
		for (; begun < runs && begun - ended < PARALLEL; begun++)
			run_runc((const char *[]){"runc", "--root", f->runc, "run", "--bundle", bundle,
						  scratch_path("ringside-run-%d-%d", (int)getpid(), begun), NULL});
		cr_assert_eq(status_of(-1), 0);
	}
}

Test(container_watch, two_hundred_runs_of_true_twenty_at_a_time_are_told)
{
	static struct run runs[RUNS];
	int whole = 0, told = 0;
	const char *bundle;
	struct fixture f;

	set_up(&f);
	bundle = make_real_bundle(&f, "true", "");
	start(&f);
	run_many(&f, bundle, RUNS);
	usleep(200000);
	follow(&f, runs);
	for (int i = 0; i < RUNS; i++) {
		cr_assert_not(runs[i].is_there, "run %d is not gone", i);
		cr_assert_eq(runs[i].gone, 1);
		told += runs[i].told > 0;
		whole += runs[i].whole;
	}
	fprintf(stderr, "%d of %d runs told, %d whole\n", told, RUNS, whole);
	/* How many it is is told above: nearly all, on a machine that is not busy with something else. */
	cr_assert_geq(whole, RUNS / 2);
	tear_down(&f);
}

struct load {
	struct fixture *f;
	const char *bundle;
	atomic_bool stop;
};

static void *make_load(void *context)
{
	struct load *load = context;

	for (int i = 0; i < 50 && !load->stop; i++)
		run_many(load->f, load->bundle, PARALLEL);
	return NULL;
}

Test(container_watch, a_change_is_told_within_milliseconds_while_twenty_containers_run_at_a_time)
{
	struct load load;
	pthread_t thread;
	const char *bundle;
	struct fixture f;

	set_up(&f);
	bundle = make_real_bundle(&f, "true", "");
	start(&f);
	load = (struct load){.f = &f, .bundle = bundle};
	cr_assert_eq(pthread_create(&thread, NULL, make_load, &load), 0);
	measure(&f, "under load", bundle, 1000);
	load.stop = true;
	pthread_join(thread, NULL);
	tear_down(&f);
}

Test(container_watch, all_that_has_happened_is_told_when_it_has_caught_up)
{
	struct fixture f;
	size_t late = 0;

	set_up(&f);
	start(&f);
	/* One that has come and gone before anybody can look at it: its name is known all the same. */
	for (int i = 0; i < 1000; i++) {
		char path[PATH_MAX];

		(void)snprintf(path, sizeof(path), "%s/short%d", f.runc, i);
		cr_assert_eq(mkdir(path, 0700), 0);
		cr_assert_eq(rmdir(path), 0);
		container_watch_catch_up(f.watch, 1000);
		pthread_mutex_lock(&f.lock);
		late += f.bare != (size_t)i + 1;
		pthread_mutex_unlock(&f.lock);
	}
	cr_expect_eq(late, 0);
	tear_down(&f);
}
