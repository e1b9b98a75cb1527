#include "base/suggest.h"
#include "cli/command.h"
#include "cli/options.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{"sensor", command_sensor, "run the sensor: watch this host and serve what happens (root)"},
	{"watch", command_watch, "show events as they happen"},
	{"events", command_events, "list what can be watched, with the fields of each event"},
	{"check", command_check, "say what this kernel offers and how each event is captured (root)"},
	{"status", command_status, "ask a running sensor what it is doing"},
	{"containers", command_containers, "list the containers that a running sensor knows"},
	{"replay", command_replay, "show what a recorder has kept, from its files"},
	{"record", command_record, "say what a recording holds, verify it, repair it"},
	{"trace", command_trace, "show the calls of any function of the kernel or of a program (root)"},
	{"probes", command_probes, "list the dynamic events of this host, and whose they are (root)"},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_help(void)
{
	puts("ringside shows what happens on this host: programs that start and end, and the system calls they make.\n"
	     "\n"
	     "usage: ringside VERB [OPTIONS]\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].summary);
	puts("\n"
	     "A first look, in two terminals:\n"
	     "\n"
	     "  sudo ringside sensor\n"
	     "  sudo ringside watch process syscall:openat\n"
	     "\n"
	     "'ringside VERB --help' explains a verb with examples; 'ringside --version' prints the version.");
}

static int unknown_verb(const char *word)
{
	struct suggestion suggestion;

	suggestion_init(&suggestion, word);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		suggestion_offer(&suggestion, commands[i].name);
	if (suggestion_best(&suggestion))
		return usage_error("", "there is no verb \"%s\"; did you mean %s?", word, suggestion_best(&suggestion));
	return usage_error(
		"",
		"there is no verb \"%s\": the verbs are sensor, watch, events, check, status, containers, replay, record, trace and probes",
		word);
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";

	/* A pipe or a connection that breaks is an error of its write. */
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		print_help();
		return EX_USAGE;
	}
	if (!strcmp(word, "--help") || !strcmp(word, "-h") || (!strcmp(word, "help") && argc == 2)) {
		print_help();
		return 0;
	}
	if (!strcmp(word, "--version") || !strcmp(word, "-V")) {
		puts("ringside " RINGSIDE_VERSION);
		return 0;
	}
	/* `ringside help VERB` reads as `ringside VERB --help`. */
	if (!strcmp(word, "help")) {
		static char option[] = "--help";

		word = argv[2];
		argv[1] = argv[2];
		argv[2] = option;
		argc = 3;
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (!strcmp(word, commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	return unknown_verb(word);
}
