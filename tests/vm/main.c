/*
 * scenarios [--connect ADDRESS] [--only PATTERN]... [--list] [--ways FILE [--rank N]] [--forbids]: see scenario.h and, for the last three,
 * ways.h. --only takes a shell pattern. A line for each scenario; the exit status is 1 when one has failed, 2 for words that it does not
 * understand.
 */
#include "tests/vm/scenario.h"
#include "tests/vm/ways.h"

#include <fnmatch.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const struct scenario *const families[] = {
	trial_scenarios,   process_scenarios,   exit_scenarios,    syscall_scenarios, network_scenarios, file_scenarios,
	context_scenarios, container_scenarios, counter_scenarios, call_scenarios,    filter_scenarios,
};

#define PATTERNS_MAX 32

struct selection {
	const char *patterns[PATTERNS_MAX];
	size_t count; /* 0: all */
	bool list;
};

static bool is_selected(const struct selection *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++)
		if (!fnmatch(s->patterns[i], name, 0))
			return true;
	return !s->count;
}

static int run(const struct selection *s)
{
	bool failed = false;
	size_t selected = 0;

	for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
		for (const struct scenario *scenario = families[f]; scenario->name; scenario++) {
			if (!is_selected(s, scenario->name))
				continue;
			selected++;
			if (s->list)
				puts(scenario->name);
			else if (scenario_run(scenario) < 0)
				failed = true;
			fflush(stdout);
		}
	}
	if (!selected)
		fputs("scenarios: no scenario has such a name; --list shows them\n", stderr);
	return failed || !selected;
}

struct command {
	struct selection selection;
	const char *ways;
	size_t rank;
	bool forbids;
};

static bool take(struct command *c, int option)
{
	switch (option) {
	case 'c':
		scenario_set_address(optarg);
		return true;
	case 'o':
		if (c->selection.count == PATTERNS_MAX)
			return false;
		c->selection.patterns[c->selection.count++] = optarg;
		return true;
	case 'l':
		return c->selection.list = true;
	case 'w':
		c->ways = optarg;
		return true;
	case 'r':
		c->rank = strtoul(optarg, NULL, 10);
		return true;
	case 'f':
		return c->forbids = true;
	default:
		return false;
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"connect", required_argument, NULL, 'c'},
		{"only", required_argument, NULL, 'o'},
		{"list", no_argument, NULL, 'l'},
		{"ways", required_argument, NULL, 'w'},
		{"rank", required_argument, NULL, 'r'},
		{"forbids", no_argument, NULL, 'f'},
		{0},
	};
	struct command command = {0};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!take(&command, option))
			return 2;
	if (command.ways && !ways_read(command.ways, command.rank))
		return 2;
	return command.forbids ? !ways_print_forbids() : run(&command.selection);
}
