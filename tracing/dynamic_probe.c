#include "tracing/dynamic_probe.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "tracing/tracefs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define GROUP_PREFIX     "ringside_"
#define GROUP_BYTES      64 /* the kernel's MAX_EVENT_NAME_LEN */
#define DEFINITION_BYTES 4096

#define UPROBE_FILE "uprobe_events"
#define KPROBE_FILE "kprobe_events"

struct dynamic_probe {
	const char *file; /* UPROBE_FILE or KPROBE_FILE */
	char name[GROUP_BYTES];
};

/* Field 22 of /proc/PID/stat, counted from behind the last ')': the name in field 2 may hold blanks and parentheses. */
static int read_start_time(uint32_t pid, uint64_t *ret)
{
	char path[32];
	char text[1024];
	cleanup_close int fd = -1;
	const char *at;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return n < 0 ? -errno : -ESRCH;
	text[n] = '\0';
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at && sscanf(at, " %" SCNu64, ret) == 1 ? 0 : -EINVAL;
}

const char *dynamic_probe_group(void)
{
	static char group[GROUP_BYTES];
	static pid_t group_pid;
	uint64_t start_time = 0;

	if (group_pid == getpid())
		return group;
	read_start_time((uint32_t)getpid(), &start_time);
	snprintf(group, sizeof(group), GROUP_PREFIX "%d_%" PRIu64, getpid(), start_time);
	group_pid = getpid();
	return group;
}

/* Appends one definition. Without O_APPEND the kernel takes the opening as the wish to delete everybody's probes first. */
static int write_definition(const char *file, const char *definition, struct error *err)
{
	char path[PATH_MAX];
	cleanup_close int fd = -1;
	size_t length = strlen(definition);
	int r;

	if (snprintf(path, sizeof(path), "%s/%s", tracefs_path(), file) >= (int)sizeof(path))
		return error_set(err, -ENAMETOOLONG, "%s: path too long", file);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return error_set(err, -ENODEV, "this kernel has no %s", file);
	if (fd < 0)
		return error_set_errno(err, -errno, "open %s", path);
	if (write(fd, definition, length) == (ssize_t)length)
		return 0;
	r = error_set_errno(err, -errno, "%s refuses \"%s\"", file, definition);
	tracefs_explain(definition, err);
	return r;
}

static int install(struct dynamic_probe **ret, const char *file, char type, const char *name, const char *place, const char *fetchargs,
		   struct error *err)
{
	char definition[DEFINITION_BYTES];
	struct dynamic_probe *p;
	int length;
	int r;

	if (strlen(name) >= sizeof(p->name))
		return error_set(err, -EINVAL, "probe name %s is longer than %d characters", name, GROUP_BYTES - 1);
	length = snprintf(definition, sizeof(definition), "%c:%s/%s %s%s%s", type, dynamic_probe_group(), name, place,
			  fetchargs[0] ? " " : "", fetchargs);
	if (length >= (int)sizeof(definition))
		return error_set(err, -E2BIG, "probe %s: the definition is longer than %d characters", name, DEFINITION_BYTES - 1);
	p = calloc(1, sizeof(*p));
	if (!p)
		return error_set(err, -ENOMEM, "out of memory");
	p->file = file;
	memcpy(p->name, name, strlen(name) + 1);
	r = write_definition(file, definition, err);
	if (r < 0) {
		free(p);
		return r;
	}
	*ret = p;
	return 0;
}

int dynamic_probe_install_uprobe(struct dynamic_probe **ret, const char *name, const char *path, uint64_t offset, const char *fetchargs,
				 struct error *err)
{
	char place[PATH_MAX + 32];

	/* The kernel splits definitions at blanks and knows no quotes. */
	if (strpbrk(path, " \t\n"))
		return error_set(err, -EINVAL, "%s: a uprobe cannot be put into a file with blanks in its path", path);
	snprintf(place, sizeof(place), "%s:0x%" PRIx64, path, offset);
	return install(ret, UPROBE_FILE, 'p', name, place, fetchargs, err);
}

int dynamic_probe_install_kprobe(struct dynamic_probe **ret, const char *name, const char *symbol, const char *fetchargs, struct error *err)
{
	return install(ret, KPROBE_FILE, 'p', name, symbol, fetchargs, err);
}

int dynamic_probe_install_kretprobe(struct dynamic_probe **ret, const char *name, const char *symbol, const char *fetchargs,
				    struct error *err)
{
	return install(ret, KPROBE_FILE, 'r', name, symbol, fetchargs, err);
}

static int remove_by_name(const char *file, const char *group_and_name, struct error *err)
{
	char definition[2 * GROUP_BYTES + 8];
	struct error refused = {0};

	if (snprintf(definition, sizeof(definition), "-:%s", group_and_name) >= (int)sizeof(definition))
		return error_set(err, -ENAMETOOLONG, "probe %s: name too long", group_and_name);
	if (write_definition(file, definition, &refused) == 0 || refused.code == -ENOENT)
		return 0;
	return error_set(err, refused.code, "%s", refused.message);
}

int dynamic_probe_remove(struct dynamic_probe *p, struct error *err)
{
	char full[2 * GROUP_BYTES];

	snprintf(full, sizeof(full), "%s/%s", dynamic_probe_group(), p->name);
	return remove_by_name(p->file, full, err);
}

struct dynamic_probe *dynamic_probe_free(struct dynamic_probe *p)
{
	free(p);
	return NULL;
}

const char *dynamic_probe_name(const struct dynamic_probe *p)
{
	return p->name;
}

/* Is "GROUP/NAME" one of ours whose owner is gone? The group is printed again from what was read of it, so that nothing but our exact form
 * can match. */
static bool is_orphan(const char *group_and_name)
{
	char group[GROUP_BYTES];
	uint32_t pid;
	uint64_t start_time;
	uint64_t running_since = 0;
	int r;

	if (sscanf(group_and_name, GROUP_PREFIX "%" SCNu32 "_%" SCNu64 "/", &pid, &start_time) != 2)
		return false;
	r = snprintf(group, sizeof(group), GROUP_PREFIX "%" PRIu32 "_%" PRIu64 "/", pid, start_time);
	if (r >= (int)sizeof(group) || strncmp(group_and_name, group, (size_t)r) != 0)
		return false;
	r = read_start_time(pid, &running_since);
	if (r == 0)
		return running_since != start_time;
	/* Anything but "there is no such process" is no proof of death. */
	return r == -ENOENT || r == -ESRCH;
}

/* A line is "p:GROUP/NAME PLACE FETCHARGS", with digits before the colon for some kretprobes. Returns GROUP/NAME, cut out in place. */
static char *line_name(char *line)
{
	char *name = line[0] == 'p' || line[0] == 'r' ? strchr(line, ':') : NULL;

	if (!name)
		return NULL;
	name++;
	name[strcspn(name, " ")] = '\0';
	return strchr(name, '/') ? name : NULL;
}

/* The list is read to its end before anything is removed: the kernel finds the place to go on by counting entries. */
static int read_list(const char *file, char **ret, struct error *err)
{
	char path[PATH_MAX];
	cleanup_fclose FILE *list = NULL;
	size_t capacity = 0;

	if (snprintf(path, sizeof(path), "%s/%s", tracefs_path(), file) >= (int)sizeof(path))
		return error_set(err, -ENAMETOOLONG, "%s: path too long", file);
	list = fopen(path, "re");
	if (!list && errno == ENOENT)
		return 0;
	if (!list)
		return error_set_errno(err, -errno, "open %s", path);
	if (getdelim(ret, &capacity, '\0', list) < 0 && ferror(list))
		return error_set_errno(err, -EIO, "read %s", path);
	return 0;
}

static int sweep_file(const char *file, struct error *err)
{
	cleanup_free char *list = NULL;
	char *rest = NULL;
	int removed = 0;
	int r;

	r = read_list(file, &list, err);
	if (r < 0 || !list)
		return r;
	for (char *line = strtok_r(list, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		struct error refused = {0};
		const char *name = line_name(line);

		if (!name || !is_orphan(name))
			continue;
		if (remove_by_name(file, name, &refused) < 0)
			log_debug("cannot remove a dead sensor's probe", "probe=%s error=\"%s\"", name, refused.message);
		else
			removed++;
	}
	return removed;
}

int dynamic_probe_sweep(struct error *err)
{
	int uprobes = sweep_file(UPROBE_FILE, err);
	int kprobes;

	if (uprobes < 0)
		return uprobes;
	kprobes = sweep_file(KPROBE_FILE, err);
	return kprobes < 0 ? kprobes : uprobes + kprobes;
}
