/*
 * scenarios [--connect ADDRESS] [--only PATTERN]... [--list]: see scenario.h. --only takes a shell pattern. A line for each scenario; the
 * exit status is 1 when one has failed, 2 for words that it does not understand.
 */
#include "tests/vm/scenario.h"

#include <fnmatch.h>
#include <getopt.h>
#include <stdbool.h>
#include <string.h>

static const struct scenario *const families[] = {
	process_scenarios, exit_scenarios, syscall_scenarios, network_scenarios, call_scenarios,
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

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"connect", required_argument, NULL, 'c'},
		{"only", required_argument, NULL, 'o'},
		{"list", no_argument, NULL, 'l'},
		{0},
	};
	struct selection selection = {0};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'c')
			scenario_set_address(optarg);
		else if (option == 'o' && selection.count < PATTERNS_MAX)
			selection.patterns[selection.count++] = optarg;
		else if (option == 'l')
			selection.list = true;
		else
			return 2;
	}
	return run(&selection);
}
