#include "base/cleanup.h"
#include "tracing/tracefs.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * `ringside trace` on a function of this very program.
 */

#define CALLS 20000

int traced_function(int number, const char *text);

__attribute__((noinline)) int traced_function(int number, const char *text)
{
	__asm__ volatile("" ::"r"(text) : "memory");
	return number % 2 ? -2 : number;
}

struct place {
	uintptr_t address;
	uintptr_t file_offset;
};

/* The main program comes first; the segment that holds the address says where it is in the file. */
static int find_segment(struct dl_phdr_info *info, size_t size, void *context)
{
	struct place *place = context;

	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uintptr_t begin = info->dlpi_addr + segment->p_vaddr;

		if (segment->p_type == PT_LOAD && place->address >= begin && place->address < begin + segment->p_memsz)
			place->file_offset = place->address - begin + segment->p_offset;
	}
	return 1;
}

static const char *function_place(void)
{
	static char word[512];
	struct place place = {.address = (uintptr_t)traced_function};
	char path[400];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	cr_assert_gt(n, 0);
	path[n] = 0;
	dl_iterate_phdr(find_segment, &place);
	snprintf(word, sizeof(word), "%s:0x%" PRIxPTR, path, place.file_offset);
	return word;
}

struct trace {
	pid_t pid;
	FILE *out, *notes;
};

static char verb[] = "ringside", trace_word[] = "trace", json[] = "-o", json_form[] = "json", returns[] = "--return", limit[] = "-n",
	    two[] = "2";
static char number_arg[] = "number=$arg1:s32", text_arg[] = "text=+0($arg2):string", pid[] = "-p", own_pid[16];

static struct trace start(char *const *words)
{
	int out[2], notes[2];
	struct trace trace;
	char line[256];

	/* Tests run side by side, and all of them are this program. */
	snprintf(own_pid, sizeof(own_pid), "%d", getpid());
	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	cr_assert_eq(pipe2(notes, O_CLOEXEC), 0);
	trace.pid = fork();
	if (!trace.pid) {
		dup2(out[1], STDOUT_FILENO);
		dup2(notes[1], STDERR_FILENO);
		execv(RINGSIDE_BINARY, words);
		_exit(127);
	}
	close(out[1]);
	close(notes[1]);
	trace.out = fdopen(out[0], "r");
	trace.notes = fdopen(notes[0], "r");
	cr_assert_not_null(fgets(line, sizeof(line), trace.notes));
	cr_assert_eq(strncmp(line, "ringside: tracing ", 18), 0, "%s", line);
	return trace;
}

static int end(struct trace *trace)
{
	int status;

	cr_assert_eq(waitpid(trace->pid, &status, 0), trace->pid);
	fclose(trace->out);
	fclose(trace->notes);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool left_a_probe(pid_t owner)
{
	cleanup_free char *list = NULL;
	char group[64];

	snprintf(group, sizeof(group), "ringside_%d_", owner);
	cr_assert_eq(tracefs_open(NULL), 0);
	cr_assert_eq(tracefs_read_list("uprobe_events", &list, NULL), 0);
	return list && strstr(list, group);
}

TestSuite(trace, .timeout = 60);

Test(trace, calls_are_printed_with_what_was_fetched)
{
	char *words[] = {verb, trace_word, pid, own_pid, limit, two, (char *)(uintptr_t)function_place(), number_arg, text_arg, NULL};
	struct trace trace = start(words);
	char line[512];

	traced_function(7, "one");
	traced_function(-8, "two \"words\"");
	cr_assert_not_null(fgets(line, sizeof(line), trace.out));
	cr_assert(strstr(line, "CALL"));
	cr_assert_not_null(fgets(line, sizeof(line), trace.out));
	cr_assert(strstr(line, "(number=7, text=\"one\")\n"), "%s", line);
	cr_assert_not_null(fgets(line, sizeof(line), trace.out));
	cr_assert(strstr(line, "(number=-8, text=\"two \\\"words\\\"\")\n"), "%s", line);
	cr_assert_eq(end(&trace), 0);
	cr_assert_not(left_a_probe(trace.pid));
}

Test(trace, what_a_function_returns_is_shown_and_an_error_by_its_name)
{
	char *words[] = {verb, trace_word, pid, own_pid, returns, limit, two, (char *)(uintptr_t)function_place(), NULL};
	struct trace trace = start(words);
	char line[512];

	traced_function(1, "");
	traced_function(4, "");
	cr_assert_not_null(fgets(line, sizeof(line), trace.out));
	cr_assert_not_null(fgets(line, sizeof(line), trace.out));
	cr_assert(strstr(line, " returns ret=-2 ENOENT\n"), "%s", line);
	cr_assert_not_null(fgets(line, sizeof(line), trace.out));
	cr_assert(strstr(line, " returns ret=4\n"), "%s", line);
	cr_assert_eq(end(&trace), 0);
}

Test(trace, every_call_until_the_signal_is_printed_or_told_as_lost)
{
	char *words[] = {verb, trace_word, pid, own_pid, json, json_form, (char *)(uintptr_t)function_place(), number_arg, NULL};
	struct trace trace = start(words);
	uint64_t calls = 0, lost = 0, more;
	char line[512];

	for (int i = 0; i < CALLS; i++)
		traced_function(i, "");
	kill(trace.pid, SIGTERM);
	while (fgets(line, sizeof(line), trace.out)) {
		if (sscanf(line, "{\"lost\":%" SCNu64 "}", &more) == 1)
			lost += more;
		else
			calls++;
	}
	cr_assert_eq(calls + lost, CALLS, "%" PRIu64 " and %" PRIu64 " lost", calls, lost);
	cr_assert_eq(end(&trace), 0);
	cr_assert_not(left_a_probe(trace.pid));
}

Test(trace, a_reader_that_goes_away_ends_it_and_nothing_is_left)
{
	char *words[] = {verb, trace_word, pid, own_pid, (char *)(uintptr_t)function_place(), NULL};
	struct trace trace = start(words);

	fclose(trace.out);
	trace.out = fopen("/dev/null", "re");
	cr_assert_eq(end(&trace), 0);
	cr_assert_not(left_a_probe(trace.pid));
}

Test(trace, a_reader_that_stands_still_does_not_keep_a_signal_from_ending_it)
{
	char *words[] = {verb, trace_word, pid, own_pid, json, json_form, (char *)(uintptr_t)function_place(), number_arg, NULL};
	struct trace trace = start(words);

	for (int i = 0; i < CALLS; i++)
		traced_function(i, "");
	usleep(100000);
	kill(trace.pid, SIGINT);
	cr_assert_eq(end(&trace), 0);
	cr_assert_not(left_a_probe(trace.pid));
}

Test(trace, the_kernels_reason_stands_under_the_wrong_word)
{
	char bad[] = "bad=+0(%zz):string";
	char command[1024], output[1024];
	FILE *pipe;
	size_t length;

	snprintf(command, sizeof(command), "%s trace %s good=%%di '%s' 2>&1", RINGSIDE_BINARY, function_place(), bad);
	pipe = popen(command, "re");
	cr_assert_not_null(pipe);
	length = fread(output, 1, sizeof(output) - 1, pipe);
	output[length] = 0;
	cr_assert_eq(WEXITSTATUS(pclose(pipe)), 1);
	cr_assert(strstr(output, "^ Invalid register name\n"), "%s", output);
	cr_assert_eq(strstr(output, "%zz") - output, strstr(output, "^") - (strchr(output, '\n') + 1), "%s", output);
}
