#include "base/clock.h"
#include "sensor/probe_request.h"
#include "tests/vm/observation.h"
#include "tests/vm/scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* A name that nobody else opens. */
#define NOWHERE "/no/such/place/of/a/scenario"
#define OPENAT  "do_sys_openat2"
/* A size that nobody else reads. */
#define COUNT   12345
#define CALLS   100
#define TOGGLES 200

static void add_call(struct subscription_spec *spec, enum event_kind kind, const char *executable, const char *symbol, const char *text,
		     const char *filter)
{
	struct probe_parameter parameters[PROBE_PARAMETERS_MAX];
	struct clause *clause = &spec->clauses[spec->clause_count - 1];
	char *copy = strdup(text), *rest, *word;
	struct error err;
	size_t count = 0;

	for (word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		parameters[count].name = word;
		parameters[count].expression = strchr(word, '=') + 1;
		*strchr(word, '=') = '\0';
		count++;
	}
	if (probe_request_new_call(&clause->request, kind, executable, symbol, parameters, count, filter, &err))
		scenario_fail("%s", err.message);
	free(copy);
}

/* Arguments are "NAME=EXPRESSION NAME=EXPRESSION". */
static struct subscription_spec *wish_kernel_call(enum event_kind kind, const char *symbol, const char *arguments, const char *filter)
{
	struct subscription_spec *spec = wish(kind);

	add_call(spec, kind, NULL, symbol, arguments, filter);
	return spec;
}

static struct subscription_spec *wish_user_call(enum event_kind kind, const char *executable, const char *symbol, const char *arguments)
{
	struct subscription_spec *spec = wish(kind);

	add_call(spec, kind, executable, symbol, arguments, NULL);
	return spec;
}

/* The sensor's refusal, which has to have these words. */
static void expect_refusal(struct subscription_spec *spec, const char *words)
{
	const char *reason = "";

	CHECK(!try_observe(spec, &reason), "it was taken");
	CHECK(strstr(reason, words), "no \"%s\" in: %s", words, reason);
}

/* Both messages have the same form, and types of their own. */
#define FIND(call, name, type, field)                                           \
	for (size_t i = 0; (call) && i < (call)->n_arguments; i++) {            \
		if (strcmp((call)->arguments[i]->key, (name)) != 0)             \
			continue;                                               \
		CHECK_INTEGER((call)->arguments[i]->value->field_type, (type)); \
		return (call)->arguments[i]->value->field;                      \
	}

#define DEFINE_ARGUMENT(name_, type_, value_)                                                                                          \
	static type_ name_(const Capsule8__Api__V0__Event *event, const char *name, enum call_argument_type type)                      \
	{                                                                                                                              \
		FIND(event->event_case == CAPSULE8__API__V0__EVENT__EVENT_KERNEL_CALL ? event->kernel_call : NULL, name, type, value_) \
		FIND(event->event_case == CAPSULE8__API__V0__EVENT__EVENT_USER_CALL ? event->user_call : NULL, name, type, value_)     \
		scenario_fail("the event has no argument %s", name);                                                                   \
	}

DEFINE_ARGUMENT(signed_argument, int64_t, signed_value)
DEFINE_ARGUMENT(unsigned_argument, uint64_t, unsigned_value)
DEFINE_ARGUMENT(string_argument, const char *, string_value)

static void need_kprobes(void)
{
	if (access("/sys/kernel/tracing/kprobe_events", F_OK))
		scenario_skip("this kernel has no kprobes");
}

static void open_nowhere(void)
{
	CHECK_INTEGER(open(NOWHERE, O_WRONLY | O_APPEND), -1);
	CHECK_INTEGER(errno, ENOENT);
}

static void read_zeros(int times)
{
	static char bytes[COUNT];
	int fd = (int)CHECK_CALL(open("/dev/zero", O_RDONLY));

	for (int i = 0; i < times; i++)
		CHECK_INTEGER(read(fd, bytes, COUNT), COUNT);
	close(fd);
}

static void a_kernel_function_tells_numbers_and_strings_at_its_entry(void)
{
	struct of_process ours = {EVENT_KERNEL_CALL_ENTER, getpid()};
	const Capsule8__Api__V0__Event *event;
	struct observation *o;

	need_kprobes();
	o = observe(wish_kernel_call(EVENT_KERNEL_CALL_ENTER, OPENAT,
				     "dfd=$arg1:s32 name=+0($arg2):ustring flags=+0($arg3):u64 who=$comm at=%ip:symbol",
				     "name == \"" NOWHERE "\""));
	read_zeros(1);
	open_nowhere();
	event = await_of_process(o, ours.kind, ours.pid);
	settle(o);
	CHECK_INTEGER(count_events(o, matches_process, &ours), 1);
	CHECK_STRING(event->kernel_call->symbol, OPENAT);
	CHECK_INTEGER(signed_argument(event, "dfd", CALL_SINT32), AT_FDCWD);
	CHECK_STRING(string_argument(event, "name", CALL_STRING), NOWHERE);
	CHECK_INTEGER(unsigned_argument(event, "flags", CALL_UINT64) & (O_ACCMODE | O_APPEND), O_WRONLY | O_APPEND);
	CHECK_STRING(string_argument(event, "who", CALL_STRING), "scenarios");
	CHECK(!strncmp(string_argument(event, "at", CALL_STRING), OPENAT "+0x", strlen(OPENAT "+0x")), "%s",
	      string_argument(event, "at", CALL_STRING));
	CHECK_INTEGER(signed_argument(event, "common_pid", CALL_SINT32), getpid());
	CHECK(unsigned_argument(event, "__probe_ip", CALL_UINT64), "there is no address");
}

static void a_kernel_function_tells_its_result_at_its_return(void)
{
	char filter[64];
	const Capsule8__Api__V0__Event *event;
	struct observation *o;

	need_kprobes();
	snprintf(filter, sizeof(filter), "common_pid == %d && result == %d", getpid(), -ENOENT);
	o = observe(wish_kernel_call(EVENT_KERNEL_CALL_EXIT, OPENAT, "result=$retval:s32", filter));
	read_zeros(1);
	open_nowhere();
	event = await_of_process(o, EVENT_KERNEL_CALL_EXIT, getpid());
	settle(o);
	CHECK_INTEGER(count_events(o, matches_process, &(struct of_process){EVENT_KERNEL_CALL_EXIT, getpid()}), 1);
	CHECK_INTEGER(signed_argument(event, "result", CALL_SINT32), -ENOENT);
	CHECK(unsigned_argument(event, "__probe_func", CALL_UINT64), "there is no function");
	CHECK(unsigned_argument(event, "__probe_ret_ip", CALL_UINT64), "there is no caller");
}

static void each_of_100_calls_is_told_at_its_entry_and_at_its_return(void)
{
	struct subscription_spec *spec = wish_kernel_call(EVENT_KERNEL_CALL_ENTER, "vfs_read", "count=$arg3:u64", "count == 12345");
	struct of_process entered = {EVENT_KERNEL_CALL_ENTER, getpid()}, returned = {EVENT_KERNEL_CALL_EXIT, getpid()};
	struct observation *o;

	need_kprobes();
	wish_also(spec, EVENT_KERNEL_CALL_EXIT);
	add_call(spec, EVENT_KERNEL_CALL_EXIT, NULL, "vfs_read", "got=$retval:s64", "got == 12345");
	o = observe(spec);
	read_zeros(CALLS);
	settle(o);
	CHECK_INTEGER(count_events(o, matches_process, &entered), CALLS);
	CHECK_INTEGER(count_events(o, matches_process, &returned), CALLS);
	CHECK(nth_event(o, matches_process, &entered, CALLS - 1)->sensor_sequence_number <
		      nth_event(o, matches_process, &returned, CALLS - 1)->sensor_sequence_number,
	      "it returns before it is called");
}

static void a_system_call_is_known_by_its_old_name_when_only_its_result_is_asked_for(void)
{
	struct observation *o;

	need_kprobes();
	o = observe(wish_kernel_call(EVENT_KERNEL_CALL_EXIT, "sys_setns", "result=$retval:s64", NULL));
	CHECK_INTEGER(syscall(SYS_setns, -1, 0), -1);
	CHECK_INTEGER(signed_argument(await_of_process(o, EVENT_KERNEL_CALL_EXIT, getpid()), "result", CALL_SINT64), -EBADF);
	expect_refusal(wish_kernel_call(EVENT_KERNEL_CALL_ENTER, "sys_setns", "fd=$arg1:s32", NULL), "struct pt_regs");
}

static void what_cannot_be_probed_is_refused_with_the_reason(void)
{
	need_kprobes();
	expect_refusal(wish_kernel_call(EVENT_KERNEL_CALL_ENTER, "vfs_reed", "", NULL), "near it: vfs_read");
	expect_refusal(wish_kernel_call(EVENT_KERNEL_CALL_ENTER, "kprobe_dispatcher", "", NULL), "blacklisted");
	expect_refusal(wish_kernel_call(EVENT_KERNEL_CALL_ENTER, "vfs_read", "file=$arg1 size=%nonsense:u64", NULL),
		       "argument size: Invalid register name, at \"%nonsense:u64\"");
	expect_refusal(wish_kernel_call(EVENT_KERNEL_CALL_ENTER, "vfs_read", "size=+0($arg1:u64", NULL), "argument size");
	expect_refusal(wish_kernel_call(EVENT_KERNEL_CALL_ENTER, "vfs_read", "common_pid=$arg1", NULL), "common_pid");
	expect_refusal(wish_kernel_call(EVENT_KERNEL_CALL_ENTER, "vfs_read", "count=$arg3", "count == 1 && nothing == 2"),
		       "Field not found, at \"nothing == 2\"");
}

/* Both lists of probes; the text lives until the scenario's end. */
static const char *probes(void)
{
	static const char *const paths[] = {"/sys/kernel/tracing/kprobe_events", "/sys/kernel/tracing/uprobe_events"};
	struct buffer text;
	uint8_t *room;
	ssize_t length;

	buffer_init(&text, 0);
	for (size_t i = 0; i < 2; i++) {
		int fd = (int)CHECK_CALL(open(paths[i], O_RDONLY | O_CLOEXEC));

		while ((room = buffer_reserve(&text, 4096)) && (length = CHECK_CALL(read(fd, room, 4096))) > 0)
			text.length += (size_t)length;
		close(fd);
	}
	return (const char *)buffer_take(&text, NULL);
}

static void pause_ms(long milliseconds)
{
	const struct timespec time = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000};

	nanosleep(&time, NULL);
}

/* What is left when everybody has let go. */
static const char *await_no_probes_of(const char *group)
{
	const char *text;

	for (int i = 0; i < 200; i++) {
		text = probes();
		if (!strstr(text, group))
			return text;
		pause_ms(50);
	}
	scenario_fail("probes are left: %s", text);
}

static void write_probe(const char *definition)
{
	int fd = (int)CHECK_CALL(open("/sys/kernel/tracing/kprobe_events", O_WRONLY | O_APPEND | O_CLOEXEC));

	CHECK_INTEGER(write(fd, definition, strlen(definition)), strlen(definition));
	close(fd);
}

struct second_sensor {
	pid_t pid;
	char *address;
};

static void run_sensor(void *address)
{
	const char *path = program_path("ringside");
	int log = open("sensor.log", O_WRONLY | O_CREAT | O_APPEND, 0600);

	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	execl(path, path, "sensor", "--listen", address, NULL);
	_exit(127);
}

static struct second_sensor start_second_sensor(const char *name)
{
	struct second_sensor sensor;
	char *directory = getcwd(NULL, 0);

	CHECK_CALL(asprintf(&sensor.address, "unix:%s/%s", directory, name));
	sensor.pid = start(run_sensor, sensor.address);
	for (int i = 0; i < 400 && access(name, F_OK); i++)
		pause_ms(50);
	CHECK(!access(name, F_OK), "a second sensor did not start");
	return sensor;
}

static struct observation *observe_at(const char *address, struct subscription_spec *spec)
{
	const char *first = scenario_address();
	struct observation *o;

	scenario_set_address(address);
	o = observe(spec);
	scenario_set_address(first);
	return o;
}

static struct subscription_spec *nth_wish(int n)
{
	static const char *const symbols[] = {"vfs_read", "vfs_write", "vfs_open", OPENAT};
	char arguments[64];

	snprintf(arguments, sizeof(arguments), "argument_%d=%%di:u64", n);
	return wish_kernel_call(n % 2 ? EVENT_KERNEL_CALL_EXIT : EVENT_KERNEL_CALL_ENTER, symbols[n % 4], arguments,
				"common_pid == 1 && common_pid == 2");
}

static void watching_200_functions_one_after_the_other_leaves_tracefs_as_it_was(void)
{
	const char *before;

	need_kprobes();
	write_probe("p:foreign/read vfs_read");
	before = await_no_probes_of("ringside_");
	for (int i = 0; i < TOGGLES; i++)
		forget(observe(nth_wish(i)));
	CHECK_STRING(await_no_probes_of("ringside_"), before);
	write_probe("-:foreign/read");
}

static void two_sensors_do_not_touch_each_others_probes(void)
{
	struct of_process ours = {EVENT_KERNEL_CALL_ENTER, getpid()};
	struct observation *here, *there;
	struct second_sensor second;
	const char *before;

	need_kprobes();
	before = await_no_probes_of("ringside_");
	second = start_second_sensor("second.sock");
	here = observe(wish_kernel_call(EVENT_KERNEL_CALL_ENTER, "vfs_read", "count=$arg3:u64", "count == 12345"));
	there = observe_at(second.address, wish_kernel_call(EVENT_KERNEL_CALL_ENTER, "vfs_read", "count=$arg3:u64", "count == 12345"));
	for (int i = 0; i < TOGGLES / 4; i++) {
		struct observation *a = observe(nth_wish(i));
		struct observation *b = observe_at(second.address, nth_wish(i + 1));

		forget(a);
		forget(b);
	}
	read_zeros(CALLS);
	settle(here);
	settle(there);
	CHECK_INTEGER(count_events(here, matches_process, &ours), CALLS);
	CHECK_INTEGER(count_events(there, matches_process, &ours), CALLS);
	forget(here);
	forget(there);
	CHECK_CALL(kill(second.pid, SIGTERM));
	CHECK_INTEGER(reap(second.pid), 0);
	CHECK_STRING(await_no_probes_of("ringside_"), before);
}

static void the_probes_of_a_sensor_that_was_killed_are_removed_by_the_next_and_no_others(void)
{
	struct second_sensor second, third;
	char group[32], foreign[64];
	struct observation *here;
	const char *text;

	need_kprobes();
	await_no_probes_of("ringside_");
	second = start_second_sensor("second.sock");
	here = observe(wish_kernel_call(EVENT_KERNEL_CALL_ENTER, "vfs_read", "count=$arg3:u64", "count == 12345"));
	observe_at(second.address, nth_wish(0));
	observe_at(second.address, nth_wish(1));
	snprintf(group, sizeof(group), "ringside_%d_", second.pid);
	/* Not of our form. */
	snprintf(foreign, sizeof(foreign), "p:ringside_%d/read vfs_read", second.pid);
	write_probe(foreign);
	CHECK(strstr(probes(), group), "the second sensor has no probe");
	CHECK_CALL(kill(second.pid, SIGKILL));
	reap(second.pid);
	CHECK(strstr(probes(), group), "who has removed the probe of the sensor that was killed?");
	third = start_second_sensor("third.sock");
	text = await_no_probes_of(group);
	CHECK(strstr(text, "ringside_"), "the probes of the living sensor are gone: %s", text);
	snprintf(foreign, sizeof(foreign), ":ringside_%d/read", second.pid);
	CHECK(strstr(text, foreign), "somebody else's probe is gone: %s", text);
	snprintf(foreign, sizeof(foreign), "-:ringside_%d/read", second.pid);
	write_probe(foreign);
	read_zeros(1);
	await_of_process(here, EVENT_KERNEL_CALL_ENTER, getpid());
	CHECK_CALL(kill(third.pid, SIGTERM));
	CHECK_INTEGER(reap(third.pid), 0);
}

#define PROGRAM_CALLS 5
#define MEASURE       "value=+8(%di):s32 unit=+0(+16($arg1)):string label=+0($arg2):string scale=$arg3:s16"

struct called {
	const char *root; /* NULL: ours */
	const char *path;
	int input; /* closing the other end lets it make its calls */
	int output;
};

static void run_called(void *context)
{
	const struct called *c = context;
	char *arguments[] = {"called", "5", NULL};

	if (c->root && (chdir(c->root) || chroot(".")))
		_exit(1);
	dup2(c->input, STDIN_FILENO);
	dup2(c->output, STDOUT_FILENO);
	run_program(&(struct program){c->path, arguments});
}

static pid_t start_called(const char *root, const char *path, int *ret_go)
{
	struct called called = {.root = root, .path = path};
	int go[2], ready[2];
	char text[16];
	pid_t pid;

	CHECK_CALL(pipe2(go, O_CLOEXEC));
	CHECK_CALL(pipe2(ready, O_CLOEXEC));
	called.input = go[0];
	called.output = ready[1];
	pid = start(run_called, &called);
	close(go[0]);
	close(ready[1]);
	CHECK(read(ready[0], text, sizeof(text)) > 0, "%s does not start", path);
	*ret_go = go[1];
	return pid;
}

static void expect_measurements(struct observation *o, pid_t pid)
{
	struct of_process ours = {EVENT_USER_CALL_ENTER, pid};

	settle(o);
	CHECK_INTEGER(count_events(o, matches_process, &ours), PROGRAM_CALLS);
	for (int i = 0; i < PROGRAM_CALLS; i++) {
		const Capsule8__Api__V0__Event *event = nth_event(o, matches_process, &ours, (size_t)i);
		char label[32];

		snprintf(label, sizeof(label), "label %d", i);
		CHECK_STRING(event->user_call->symbol, "measure");
		CHECK_INTEGER(signed_argument(event, "value", CALL_SINT32), i * -3);
		CHECK_INTEGER(signed_argument(event, "scale", CALL_SINT16), i - 2);
		CHECK_STRING(string_argument(event, "unit", CALL_STRING), "volt");
		CHECK_STRING(string_argument(event, "label", CALL_STRING), label);
	}
}

static void a_programs_function_tells_members_of_structs_and_its_result(void)
{
	const char *path = program_path("called");
	struct subscription_spec *spec = wish_user_call(EVENT_USER_CALL_ENTER, path, "measure", MEASURE);
	struct of_process returned = {.kind = EVENT_USER_CALL_EXIT};
	struct observation *o;
	int go;

	wish_also(spec, EVENT_USER_CALL_EXIT);
	add_call(spec, EVENT_USER_CALL_EXIT, path, "measure", "result=$retval:s32", NULL);
	o = observe(spec);
	returned.pid = start_called(NULL, path, &go);
	close(go);
	CHECK_INTEGER(reap(returned.pid), 0);
	expect_measurements(o, returned.pid);
	CHECK_INTEGER(count_events(o, matches_process, &returned), PROGRAM_CALLS);
	for (int i = 0; i < PROGRAM_CALLS; i++)
		CHECK_INTEGER(signed_argument(nth_event(o, matches_process, &returned, (size_t)i), "result", CALL_SINT32), i * 3);
}

static void copy_program(const char *from, const char *to)
{
	int in = (int)CHECK_CALL(open(from, O_RDONLY)), out = (int)CHECK_CALL(open(to, O_WRONLY | O_CREAT | O_EXCL, 0755));
	char bytes[4096];
	ssize_t length;

	while ((length = CHECK_CALL(read(in, bytes, sizeof(bytes)))) > 0)
		CHECK_INTEGER(write(out, bytes, (size_t)length), length);
	close(in);
	close(out);
}

static void a_function_of_a_program_in_a_chroot_is_watched_by_the_path_through_its_process(void)
{
	struct observation *o;
	char path[64];
	pid_t pid;
	int go;

	CHECK_CALL(mkdir("root", 0755));
	CHECK_CALL(mkdir("root/opt", 0755));
	copy_program(program_path("called"), "root/opt/tool");
	/* On the host it leads nowhere. */
	CHECK_CALL(symlink("/opt/tool", "root/tool"));
	pid = start_called("root", "/tool", &go);
	snprintf(path, sizeof(path), "/proc/%d/root/tool", pid);
	o = observe(wish_user_call(EVENT_USER_CALL_ENTER, path, "measure", MEASURE));
	close(go);
	CHECK_INTEGER(reap(pid), 0);
	expect_measurements(o, pid);
}

static void a_function_that_a_program_has_not_is_refused_with_what_comes_close(void)
{
	expect_refusal(wish_user_call(EVENT_USER_CALL_ENTER, program_path("called"), "measuer", ""), "near it: measure");
	expect_refusal(wish_user_call(EVENT_USER_CALL_ENTER, "/no/such/program", "measure", ""), "/no/such/program");
	expect_refusal(wish_user_call(EVENT_USER_CALL_ENTER, program_path("called"), "measure", "bad=+8(%nonsense):s32"),
		       "argument bad: Invalid register name");
}

#define SCENARIO(name)      \
	{                   \
#name, name \
	}

const struct scenario call_scenarios[] = {
	SCENARIO(a_kernel_function_tells_numbers_and_strings_at_its_entry),
	SCENARIO(a_kernel_function_tells_its_result_at_its_return),
	SCENARIO(each_of_100_calls_is_told_at_its_entry_and_at_its_return),
	SCENARIO(a_system_call_is_known_by_its_old_name_when_only_its_result_is_asked_for),
	SCENARIO(what_cannot_be_probed_is_refused_with_the_reason),
	SCENARIO(watching_200_functions_one_after_the_other_leaves_tracefs_as_it_was),
	SCENARIO(two_sensors_do_not_touch_each_others_probes),
	SCENARIO(the_probes_of_a_sensor_that_was_killed_are_removed_by_the_next_and_no_others),
	SCENARIO(a_programs_function_tells_members_of_structs_and_its_result),
	SCENARIO(a_function_of_a_program_in_a_chroot_is_watched_by_the_path_through_its_process),
	SCENARIO(a_function_that_a_program_has_not_is_refused_with_what_comes_close),
	{0},
};
