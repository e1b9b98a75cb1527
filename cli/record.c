#include "cli/command.h"

#include "base/suggest.h"
#include "cli/options.h"
#include "cli/record_check.h"
#include "cli/record_text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char help[] =
	"ringside record looks at what 'ringside sensor --record DIR' has written, also while it is being written.\n"
	"\n"
	"usage: ringside record [OPTIONS] info DIR_OR_SEGMENT...\n"
	"       ringside record [OPTIONS] verify DIR_OR_SEGMENT...\n"
	"       ringside record [OPTIONS] repair DIR\n"
	"\n"
	"  info      what is there: a line per segment, what is missing between them, and sums\n"
	"  verify    read all of it, and compare everything with its checksum, and what is said twice\n"
	"  repair    cut off what a crash has left at the end of a segment, and set aside (as NAME.damaged) segments that\n"
	"            cannot be read; nothing else is changed, and nothing is deleted. No sensor may be writing there\n"
	"\n"
	"  -o, --output text|json   how to print it (text)\n"
	"      --color auto|always|never\n"
	"  -h, --help\n"
	"\n"
	"STATE is closed, being written, not closed (its sensor crashed, but all of it can be read), needs repair (the same,\n"
	"and what is at its end is no whole block), or unreadable. A sensor that starts repairs the last segment by itself.\n"
	"Damage in the middle of a segment stays; it costs those blocks that it hit, and replays tell of it.\n"
	"\n"
	"exit status: 0 when all is well; 1 when verify has found damage, when repair could not do something, or when DIR\n"
	"cannot be read; 64 for words it does not understand.\n"
	"\n"
	"examples:\n"
	"  ringside record info /var/lib/ringside/record\n"
	"  ringside record verify segment-0000000000000003.rec\n"
	"  ringside record info -o json /var/lib/ringside/record | jq '.gaps'\n";

/* Each returns an exit status, or a negative errno with *err. */
static int info(const struct record_listing *l, const struct print_options *options, struct error *err)
{
	struct buffer out;
	int r;

	buffer_init(&out, 0);
	if (options->form == OUTPUT_JSON)
		record_json_put(&out, l);
	else
		record_text_put(&out, color_mode_wanted(options->color, STDOUT_FILENO), l);
	r = text_flush(&out, STDOUT_FILENO);
	buffer_done(&out);
	return r && r != -EPIPE ? error_set_errno(err, r, "cannot write to standard output") : r;
}

static const struct {
	const char *name;
	int (*run)(const struct record_listing *l, const struct print_options *options, struct error *err);
} actions[] = {
	{"info", info},
	{"verify", record_check_verify},
	{"repair", record_check_repair},
};
#define ACTION_COUNT (sizeof(actions) / sizeof(actions[0]))

static int unknown_action(const char *verb, const char *word)
{
	struct suggestion suggestion;

	suggestion_init(&suggestion, word);
	for (size_t i = 0; i < ACTION_COUNT; i++)
		suggestion_offer(&suggestion, actions[i].name);
	if (suggestion_best(&suggestion))
		return usage_error(verb, "cannot \"%s\"; did you mean %s?", word, suggestion_best(&suggestion));
	return usage_error(verb, "cannot \"%s\": it can info, verify and repair", word);
}

/* Whoever repairs is the directory's one writer meanwhile. Returns the lock, or -errno. */
static int lock(const char *path, struct error *err)
{
	int directory_fd = record_directory_open(path, false, err), lock_fd;

	if (directory_fd < 0)
		return directory_fd;
	lock_fd = record_directory_lock(directory_fd, err);
	close(directory_fd);
	return lock_fd < 0 ? error_prefix(err, lock_fd, "%s", path) : lock_fd;
}

static int act(size_t action, char **paths, int count, const struct print_options *options)
{
	bool locks = actions[action].run == record_check_repair;
	struct record_listing l = {0};
	struct error err = {0};
	int lock_fd = locks ? lock(paths[0], &err) : -1;
	int r = locks && lock_fd < 0 ? lock_fd : record_listing_read(&l, paths, (size_t)count, &err);

	if (!r)
		r = actions[action].run(&l, options, &err);
	record_listing_done(&l);
	if (lock_fd >= 0)
		close(lock_fd);
	if (r < 0 && r != -EPIPE)
		text_say("ringside: ", err.message);
	return r == -EPIPE ? 0 : r < 0 ? 1 : r;
}

static int run(const char *verb, char **words, int count, const struct print_options *options)
{
	if (!count)
		return usage_error(verb, "say what to do: info, verify or repair, and with which directory");
	for (size_t i = 0; i < ACTION_COUNT; i++) {
		if (strcmp(words[0], actions[i].name) != 0)
			continue;
		if (count < 2)
			return usage_error(verb, "%s: a directory is needed", words[0]);
		if (count > 2 && actions[i].run == record_check_repair)
			return usage_error(verb, "%s: one directory at a time", words[0]);
		return act(i, words + 1, count - 1, options);
	}
	return unknown_action(verb, words[0]);
}

int command_record(int argc, char **argv)
{
	static const struct option longs[] = {
		{"output", required_argument, NULL, 'o'},
		{"color", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct print_options options = {.form = OUTPUT_TEXT, .color = COLOR_AUTO};
	int option;

	optind = 0;
	while ((option = options_next(argc, argv, "o:h", longs)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return 0;
		}
		if (option == 'o' ? !output_form_parse(argv[0], optarg, OUTPUT_FORMS_USUAL, &options.form)
				  : option != 'c' || !color_option_parse(argv[0], optarg, &options.color))
			return EX_USAGE;
	}
	return run(argv[0], argv + optind, argc - optind, &options);
}
