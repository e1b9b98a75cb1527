#include "tracing/dynamic_probe.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "tracing/fetchargs.h"
#include "tracing/probe_list.h"
#include "tracing/probe_owner.h"
#include "tracing/tracefs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NAME_BYTES 64 /* the kernel's MAX_EVENT_NAME_LEN */

/* Between two tries to remove what was busy. */
#define REMOVE_PAUSE_NS (2 * NSEC_PER_MSEC)

struct dynamic_probe {
	bool is_user;
	char name[NAME_BYTES];
};

static const char *file_of(bool is_user)
{
	return is_user ? "uprobe_events" : "kprobe_events";
}

const char *dynamic_probe_group(void)
{
	static char group[PROBE_GROUP_BYTES];
	static pid_t group_pid;
	struct probe_owner self;

	if (group_pid == getpid())
		return group;
	probe_owner_self(&self);
	probe_owner_group(&self, group);
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

/* Before 4.12 the number is taken for a part of the event's name, without a word, and the event gets a name that nobody knows. */
static bool has_maxactive(void)
{
	static int known = -1;
	struct fetcharg_dialect dialect;

	if (known < 0 && !fetcharg_dialect_detect(&dialect, NULL))
		known = dialect.maxactive;
	return known > 0;
}

static bool is_user_kind(enum dynamic_probe_kind kind)
{
	return kind == DYNAMIC_PROBE_UPROBE || kind == DYNAMIC_PROBE_URETPROBE;
}

/* The kernel splits definitions at blanks, ends them at a newline or '#', and knows no quotes. */
static int check_spec(const struct dynamic_probe_spec *spec, struct error *err)
{
	if (!spec->place[0])
		return error_set(err, -EINVAL, "probe %s: no place is given", spec->name);
	if (is_user_kind(spec->kind) && spec->place[strcspn(spec->place, " \t\r\n\v\f#")])
		return error_set(err, -EINVAL, "%s: a uprobe cannot be put into a file with blanks or '#' in its path", spec->place);
	if (spec->place[strcspn(spec->place, " \t\r\n\v\f#;/")] && !is_user_kind(spec->kind))
		return error_set(err, -EINVAL, "\"%s\" is no symbol of the kernel: SYMBOL, SYMBOL+OFFSET or MODULE:SYMBOL", spec->place);
	if (spec->fetchargs && spec->fetchargs[strcspn(spec->fetchargs, "\n#;")])
		return error_set(err, -EINVAL, "probe %s: newlines, '#' and ';' cannot stand in fetchargs", spec->name);
	return 0;
}

/* "r16:GROUP/NAME " */
static int print_head(char *definition, size_t size, const struct dynamic_probe_spec *spec, const char *event)
{
	char maxactive[16] = "";

	if (spec->maxactive && spec->kind == DYNAMIC_PROBE_KRETPROBE && has_maxactive())
		snprintf(maxactive, sizeof(maxactive), "%u", spec->maxactive);
	return snprintf(definition, size, "%c%s:%s/%s ",
			spec->kind == DYNAMIC_PROBE_KPROBE || spec->kind == DYNAMIC_PROBE_UPROBE ? 'p' : 'r', maxactive,
			dynamic_probe_group(), event);
}

static int print_definition(struct dynamic_probe_refusal *r, const struct dynamic_probe_spec *spec, const char *event, struct error *err)
{
	const char *fetchargs = spec->fetchargs ? spec->fetchargs : "";
	char offset[32] = "";
	int rest;

	r->place = (uint32_t)print_head(r->definition, sizeof(r->definition), spec, event);
	if (is_user_kind(spec->kind))
		snprintf(offset, sizeof(offset), ":0x%" PRIx64, spec->offset);
	rest = snprintf(r->definition + r->place, sizeof(r->definition) - r->place, "%s%s%s%s", spec->place, offset,
			fetchargs[0] ? " " : "", fetchargs);
	if (r->place + (size_t)rest < sizeof(r->definition))
		return 0;
	r->definition[0] = 0;
	return error_set(err, -E2BIG, "probe %s: the definition is longer than %zu characters", spec->name, sizeof(r->definition) - 1);
}

/* Kernels from 6.7 on say -EINVAL to a symbol that they do not know, or know several of (kernel: trace_kprobe.c, trace_kprobe_create()); the
 * reason tells. */
static int plain_code(int code, const struct dynamic_probe_refusal *refusal)
{
	if (code != -EINVAL || !refusal->is_explained)
		return code;
	if (!strcmp(refusal->reason.reason, "Invalid probed address or symbol"))
		return -ENOENT;
	return strcmp(refusal->reason.reason, "The symbol is not unique") != 0 ? code : -EADDRNOTAVAIL;
}

static int install(struct dynamic_probe *p, const struct dynamic_probe_spec *spec, struct dynamic_probe_refusal *refusal, struct error *err)
{
	int r = check_spec(spec, err);

	if (r)
		return r;
	p->is_user = is_user_kind(spec->kind);
	if (snprintf(p->name, sizeof(p->name), "%s_%d", spec->name, getpid()) >= (int)sizeof(p->name))
		return error_set(err, -EINVAL, "probe name %s is too long: with our pid it has more than %d characters", spec->name,
				 NAME_BYTES - 1);
	r = print_definition(refusal, spec, p->name, err);
	if (r)
		return r;
	r = write_definition(file_of(p->is_user), refusal->definition, err);
	if (!r)
		return 0;
	refusal->is_explained = tracefs_reason(&refusal->reason, refusal->definition);
	r = plain_code(r, refusal);
	if (err)
		err->code = r;
	return r;
}

int dynamic_probe_install(struct dynamic_probe **ret, const struct dynamic_probe_spec *spec, struct dynamic_probe_refusal *ret_refusal,
			  struct error *err)
{
	struct dynamic_probe *p = calloc(1, sizeof(*p));
	struct dynamic_probe_refusal own = {0};
	struct dynamic_probe_refusal *refusal = ret_refusal ? ret_refusal : &own;
	int r;

	refusal->definition[0] = 0;
	refusal->place = 0;
	refusal->is_explained = false;
	if (!p)
		return error_set(err, -ENOMEM, "out of memory");
	r = install(p, spec, refusal, err);
	if (r) {
		free(p);
		return r;
	}
	refusal->definition[0] = 0;
	*ret = p;
	return 0;
}

int dynamic_probe_install_uprobe(struct dynamic_probe **ret, const char *name, const char *path, uint64_t offset, const char *fetchargs,
				 struct error *err)
{
	struct dynamic_probe_spec spec = {DYNAMIC_PROBE_UPROBE, name, path, offset, fetchargs, 0};

	return dynamic_probe_install(ret, &spec, NULL, err);
}

int dynamic_probe_install_uretprobe(struct dynamic_probe **ret, const char *name, const char *path, uint64_t offset, const char *fetchargs,
				    struct error *err)
{
	struct dynamic_probe_spec spec = {DYNAMIC_PROBE_URETPROBE, name, path, offset, fetchargs, 0};

	return dynamic_probe_install(ret, &spec, NULL, err);
}

int dynamic_probe_install_kprobe(struct dynamic_probe **ret, const char *name, const char *symbol, const char *fetchargs, struct error *err)
{
	struct dynamic_probe_spec spec = {DYNAMIC_PROBE_KPROBE, name, symbol, 0, fetchargs, 0};

	return dynamic_probe_install(ret, &spec, NULL, err);
}

int dynamic_probe_install_kretprobe(struct dynamic_probe **ret, const char *name, const char *symbol, const char *fetchargs,
				    struct error *err)
{
	struct dynamic_probe_spec spec = {DYNAMIC_PROBE_KRETPROBE, name, symbol, 0, fetchargs, 0};

	return dynamic_probe_install(ret, &spec, NULL, err);
}

static int remove_by_name(const char *file, const char *group, const char *name, struct error *err)
{
	char definition[2 * NAME_BYTES + 8];
	struct error refused = {0};

	if (snprintf(definition, sizeof(definition), "-:%s/%s", group, name) >= (int)sizeof(definition))
		return error_set(err, -ENAMETOOLONG, "probe %s/%s: name too long", group, name);
	if (write_definition(file, definition, &refused) == 0 || refused.code == -ENOENT)
		return 0;
	return error_set(err, refused.code, "%s", refused.message);
}

int dynamic_probe_remove(struct dynamic_probe *p, struct error *err)
{
	static const struct timespec pause = {.tv_nsec = REMOVE_PAUSE_NS};
	uint64_t end_ns = clock_monotonic_ns() + DYNAMIC_PROBE_REMOVE_MS * NSEC_PER_MSEC;
	int r;

	while ((r = remove_by_name(file_of(p->is_user), dynamic_probe_group(), p->name, err)) == -EBUSY && clock_monotonic_ns() < end_ns)
		nanosleep(&pause, NULL);
	return r;
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

bool dynamic_probe_is_user(const struct dynamic_probe *p)
{
	return p->is_user;
}

/* The file that it is removed through; NULL for kinds that we never make. */
static const char *entry_file(const struct probe_entry *entry)
{
	switch (entry->kind) {
	case PROBE_KPROBE:
	case PROBE_KRETPROBE:
		return file_of(false);
	case PROBE_UPROBE:
	case PROBE_URETPROBE:
		return file_of(true);
	default:
		return NULL;
	}
}

int dynamic_probe_sweep_each(void (*swept)(void *context, const char *group, const char *name, const struct error *error), void *context,
			     struct error *err)
{
	struct probe_list list;
	int removed = 0;
	int r = probe_list_read(&list, err);

	for (size_t i = 0; i < list.count && !r; i++) {
		const struct probe_entry *entry = &list.entries[i];
		const char *file = entry_file(entry);
		struct error refused = {0};

		if (!file || !entry->is_ours || entry->owner_lives)
			continue;
		removed += remove_by_name(file, entry->group, entry->name, &refused) == 0;
		swept(context, entry->group, entry->name, refused.code ? &refused : NULL);
	}
	probe_list_done(&list);
	return r ? r : removed;
}

static void log_swept(void *context, const char *group, const char *name, const struct error *error)
{
	(void)context;
	if (error)
		log_debug("cannot remove a dead sensor's probe", "probe=%s/%s error=\"%s\"", group, name, error->message);
}

int dynamic_probe_sweep(struct error *err)
{
	return dynamic_probe_sweep_each(log_swept, NULL, err);
}
