#include "cli/command.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

typedef int (*command_fn)(int argc, char **argv);

static const struct {
	const char *name;
	command_fn run;
} commands[] = {
	{"sensor", command_sensor}, {"watch", command_watch},   {"events", command_events}, {"check", command_check},
	{"status", command_status}, {"probes", command_probes}, {"trace", command_trace},   {"containers", command_containers},
	{"replay", command_replay}, {"record", command_record},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void init(void)
{
	cr_redirect_stdout();
	cr_redirect_stderr();
}

TestSuite(command, .init = init);

static int run_with(size_t command, const char *first, const char *second)
{
	char words[3][160];
	char *argv[] = {words[0], words[1], second ? words[2] : NULL, NULL};

	snprintf(words[0], sizeof(words[0]), "%s", commands[command].name);
	snprintf(words[1], sizeof(words[1]), "%s", first);
	snprintf(words[2], sizeof(words[2]), "%s", second ? second : "");
	return commands[command].run(second ? 3 : 2, argv);
}

Test(command, every_verb_explains_itself)
{
	char output[65536];
	FILE *stdout_file = cr_get_redirected_stdout();
	size_t length;

	for (size_t i = 0; i < COMMAND_COUNT; i++)
		cr_assert_eq(run_with(i, "--help", NULL), 0);
	fflush(stdout);
	length = fread(output, 1, sizeof(output) - 1, stdout_file);
	output[length] = 0;
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		char usage[64];

		snprintf(usage, sizeof(usage), "usage: ringside %s [OPTIONS]", commands[i].name);
		cr_assert(strstr(output, usage), "%s", commands[i].name);
	}
}

Test(command, no_verb_takes_an_option_that_it_does_not_know)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		cr_assert_eq(run_with(i, "--frobnicate", NULL), EX_USAGE);
}

Test(command, values_out_of_range_are_usage_errors)
{
	enum {
		SENSOR,
		WATCH,
		CONTAINERS = 7,
		REPLAY
	};

	cr_assert_eq(run_with(SENSOR, "--ring-memory", "lots"), EX_USAGE);
	cr_assert_eq(run_with(SENSOR, "--ring-memory", "1KiB"), EX_USAGE);
	cr_assert_eq(run_with(SENSOR, "--queue-memory", "0"), EX_USAGE);
	cr_assert_eq(run_with(SENSOR, "--reorder-delay", "11s"), EX_USAGE);
	cr_assert_eq(run_with(SENSOR, "--reorder-delay", "5"), EX_USAGE);
	cr_assert_eq(run_with(SENSOR, "--log-level", "loud"), EX_USAGE);
	cr_assert_eq(run_with(SENSOR, "--max-calls", "0"), EX_USAGE);
	cr_assert_eq(run_with(SENSOR, "--max-calls", "4097"), EX_USAGE);
	cr_assert_eq(run_with(SENSOR, "--forbid", "no_such_way"), EX_USAGE);
	cr_assert_eq(run_with(SENSOR, "--forbid", ""), EX_USAGE);
	cr_assert_eq(run_with(SENSOR, "--docker-root", "var/lib/docker"), EX_USAGE);
	cr_assert_eq(run_with(SENSOR, "--containerd-state", "run/containerd"), EX_USAGE);
	cr_assert_eq(run_with(SENSOR, "--podman-root", "."), EX_USAGE);
	cr_assert_eq(run_with(SENSOR, "--runc-root", ""), EX_USAGE);
	cr_assert_eq(run_with(SENSOR, "--docker-socket", "docker.sock"), EX_USAGE);
	cr_assert_eq(
		run_with(SENSOR, "--containerd-socket",
			 "/a-path-that-is-longer-than-the-address-of-a-unix-socket-can-be-which-is-one-hundred-and-seven-bytes-long-and-"
			 "not-one-more-than-that"),
		EX_USAGE);
	cr_assert_eq(run_with(SENSOR, "word", NULL), EX_USAGE);
	cr_assert_eq(run_with(WATCH, "--limit", "0"), EX_USAGE);
	cr_assert_eq(run_with(WATCH, "--limit", "9223372036854775808"), EX_USAGE);
	cr_assert_eq(run_with(WATCH, "--throttle", "0"), EX_USAGE);
	cr_assert_eq(run_with(WATCH, "--throttle", "100"), EX_USAGE);
	cr_assert_eq(run_with(WATCH, "--throttle", "1500us"), EX_USAGE);
	cr_assert_eq(run_with(WATCH, "--throttle", "2562048h"), EX_USAGE);
	cr_assert_eq(run_with(WATCH, "--for", "-1s"), EX_USAGE);
	cr_assert_eq(run_with(WATCH, "--for", "soon"), EX_USAGE);
	cr_assert_eq(run_with(WATCH, "--since", "2562048h"), EX_USAGE);
	cr_assert_eq(run_with(WATCH, "--since", "yesterday"), EX_USAGE);
	cr_assert_eq(run_with(WATCH, "--color", "pink"), EX_USAGE);
	cr_assert_eq(run_with(WATCH, "--container", ""), EX_USAGE);
	cr_assert_eq(run_with(WATCH, "--container", "nginx:[0"), EX_USAGE);
	cr_assert_eq(run_with(WATCH, "process:begin", NULL), EX_USAGE);
	cr_assert_eq(run_with(REPLAY, "--limit", "0"), EX_USAGE);
	cr_assert_eq(run_with(REPLAY, "--throttle", "0"), EX_USAGE);
	cr_assert_eq(run_with(REPLAY, "--since", "yesterday"), EX_USAGE);
	cr_assert_eq(run_with(REPLAY, "--for", "2562048h"), EX_USAGE);
	cr_assert_eq(run_with(REPLAY, "--connect", "unix:/run/sock"), EX_USAGE);
	cr_assert_eq(run_with(REPLAY, "-o", "markdown"), EX_USAGE);
	cr_assert_eq(run_with(CONTAINERS, "nginx:[0", NULL), EX_USAGE);
	cr_assert_eq(run_with(CONTAINERS, "", NULL), EX_USAGE);
	cr_assert_eq(run_with(CONTAINERS, "-o", "markdown"), EX_USAGE);
	cr_assert_eq(run_with(CONTAINERS, "--full", NULL), EX_USAGE);
}

Test(command, a_sensor_that_is_not_there_is_a_failure_with_its_address)
{
	char output[512];
	size_t length;

	cr_assert_eq(run_with(1, "--connect=unix:/nonexistent/sensor.sock", NULL), 1);
	cr_assert_eq(run_with(4, "--connect=unix:/nonexistent/sensor.sock", NULL), 1);
	cr_assert_eq(run_with(7, "--connect=unix:/nonexistent/sensor.sock", NULL), 1);
	fflush(stderr);
	length = fread(output, 1, sizeof(output) - 1, cr_get_redirected_stderr());
	output[length] = 0;
	cr_assert_str_eq(output, "ringside: cannot connect to unix:/nonexistent/sensor.sock: No such file or directory\n"
				 "ringside: cannot connect to unix:/nonexistent/sensor.sock: No such file or directory\n"
				 "ringside: cannot connect to unix:/nonexistent/sensor.sock: No such file or directory\n");
}
