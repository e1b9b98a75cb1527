#include "tracing/target_path.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX       40 /* the kernel's MAXSYMLINKS */
#define PATH_AS_BY_EXEC "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static const char *const library_directories[] = {
#ifdef __x86_64__
	"/usr/local/lib/x86_64-linux-gnu",
	"/lib/x86_64-linux-gnu",
	"/usr/lib/x86_64-linux-gnu",
#endif
	"/usr/local/lib",
	"/lib64",
	"/usr/lib64",
	"/lib",
	"/usr/lib",
};

/* Follows symbolic links inside of a root: `done` is the part that is free of them, `rest` what is still to be gone. */
struct walk {
	const char *root;
	const char *inner; /* for errors */
	char done[PATH_MAX];
	char rest[PATH_MAX];
	unsigned links;
};

static int refuse(const struct walk *w, int code, struct error *err)
{
	return error_set_errno(err, code, "%s%s", w->root, w->inner);
}

static void step_back(struct walk *w)
{
	char *slash = strrchr(w->done, '/');

	if (slash)
		*slash = '\0';
}

static int follow_link(struct walk *w, const char *link, struct error *err)
{
	char target[PATH_MAX];
	char rest[PATH_MAX];
	ssize_t length = readlink(link, target, sizeof(target) - 1);

	if (length < 0)
		return refuse(w, -errno, err);
	target[length] = '\0';
	if (++w->links > LINKS_MAX)
		return refuse(w, -ELOOP, err);
	if (snprintf(rest, sizeof(rest), "%s/%s", target, w->rest) >= (int)sizeof(rest))
		return refuse(w, -ENAMETOOLONG, err);
	memcpy(w->rest, rest, sizeof(rest));
	if (target[0] == '/')
		w->done[0] = '\0';
	else
		step_back(w);
	return 0;
}

static int step_into(struct walk *w, const char *component, struct error *err)
{
	char here[PATH_MAX];
	struct stat status;
	size_t length = strlen(w->done);

	if (length + 1 + strlen(component) >= sizeof(w->done))
		return refuse(w, -ENAMETOOLONG, err);
	snprintf(w->done + length, sizeof(w->done) - length, "/%s", component);
	if (snprintf(here, sizeof(here), "%s%s", w->root, w->done) >= (int)sizeof(here))
		return refuse(w, -ENAMETOOLONG, err);
	if (lstat(here, &status))
		return refuse(w, -errno, err);
	return S_ISLNK(status.st_mode) ? follow_link(w, here, err) : 0;
}

static int step(struct walk *w, struct error *err)
{
	char component[NAME_MAX + 1];
	size_t slashes = strspn(w->rest, "/");
	size_t length = strcspn(w->rest + slashes, "/");

	if (length > NAME_MAX)
		return refuse(w, -ENAMETOOLONG, err);
	memcpy(component, w->rest + slashes, length);
	component[length] = '\0';
	memmove(w->rest, w->rest + slashes + length, strlen(w->rest + slashes + length) + 1);
	if (!length || !strcmp(component, "."))
		return 0;
	if (strcmp(component, "..") != 0)
		return step_into(w, component, err);
	step_back(w);
	return 0;
}

int target_path_in_root(const char *root, const char *inner, char ret_path[PATH_MAX], char ret_inner[PATH_MAX], struct error *err)
{
	struct walk w = {.root = root, .inner = inner};
	int r = 0;

	if (snprintf(w.rest, sizeof(w.rest), "%s", inner) >= (int)sizeof(w.rest))
		return refuse(&w, -ENAMETOOLONG, err);
	while (r == 0 && w.rest[0])
		r = step(&w, err);
	if (r < 0)
		return r;
	if (snprintf(ret_path, PATH_MAX, "%s%s", root, w.done) >= PATH_MAX)
		return refuse(&w, -ENAMETOOLONG, err);
	if (ret_inner)
		memcpy(ret_inner, w.done, sizeof(w.done));
	return 0;
}

static size_t number_length(const char *at)
{
	return strspn(at, "0123456789");
}

/* The length of "/proc/PID/root" or "/proc/PID/task/TID/root" at the beginning of a path; 0 when it begins otherwise. */
static size_t root_length(const char *path)
{
	static const char proc[] = "/proc/";
	static const char task[] = "/task/";
	static const char root[] = "/root";
	const char *at = path + strlen(proc);

	if (strncmp(path, proc, strlen(proc)) != 0)
		return 0;
	at += !strncmp(at, "self/", 5) ? 4 : number_length(at);
	if (!strncmp(at, task, strlen(task)))
		at += strlen(task) + number_length(at + strlen(task));
	if (strncmp(at, root, strlen(root)) != 0 || at[strlen(root)] != '/')
		return 0;
	return (size_t)(at - path) + strlen(root);
}

static int take_path(struct target_path *t, const char *path, struct error *err)
{
	size_t length = root_length(path);
	char own[PATH_MAX];

	if (length) {
		memcpy(t->root, path, length);
		t->root[length] = '\0';
		return target_path_in_root(t->root, path + length, t->path, t->inner, err);
	}
	/* The text of /proc's other links is what another namespace calls the file. */
	if (!strncmp(path, "/proc/", strlen("/proc/")))
		snprintf(own, sizeof(own), "%s", path);
	else if (!realpath(path, own))
		return error_set_errno(err, -errno, "%s", path);
	memcpy(t->inner, own, sizeof(own));
	memcpy(t->path, own, sizeof(own));
	return 0;
}

static bool is_library_name(const char *name)
{
	const char *so = strstr(name, ".so");

	return so && (so[3] == '\0' || so[3] == '.');
}

static bool is_file_in(const char *directory, int directory_length, const char *name, int access_mode, char ret[PATH_MAX])
{
	struct stat status;

	/* An empty entry of PATH is the current directory. */
	if (snprintf(ret, PATH_MAX, "%.*s/%s", directory_length ? directory_length : 1, directory_length ? directory : ".", name) >=
	    PATH_MAX)
		return false;
	return !stat(ret, &status) && S_ISREG(status.st_mode) && !access(ret, access_mode);
}

static int search_library(const char *name, char ret[PATH_MAX], struct error *err)
{
	for (size_t i = 0; i < sizeof(library_directories) / sizeof(library_directories[0]); i++)
		if (is_file_in(library_directories[i], (int)strlen(library_directories[i]), name, R_OK, ret))
			return 0;
	return error_set(err, -ENOENT, "no library %s in the system's directories; its path would say where it is", name);
}

static int search_program(const char *name, char ret[PATH_MAX], struct error *err)
{
	const char *list = getenv("PATH");

	for (const char *at = list ? list : PATH_AS_BY_EXEC; at; at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL)
		if (is_file_in(at, (int)strcspn(at, ":"), name, X_OK, ret))
			return 0;
	return error_set(err, -ENOENT, "no program %s in PATH; its path would say where it is", name);
}

static int check_file(const struct target_path *t, struct error *err)
{
	struct stat status;

	/* It splits definitions at blanks and knows no quotes. */
	for (const char *at = t->path; *at; at++)
		if (isspace((unsigned char)*at))
			return error_set(err, -EINVAL, "%s: a uprobe cannot be put into a file with blanks in its path", t->path);
	if (stat(t->path, &status))
		return error_set_errno(err, -errno, "%s", t->path);
	return S_ISREG(status.st_mode) ? 0 : error_set(err, -EINVAL, "%s is not a regular file", t->path);
}

int target_path_resolve(struct target_path *ret, const char *name, struct error *err)
{
	char found[PATH_MAX];
	int r;

	*ret = (struct target_path){0};
	if (!*name)
		return error_set(err, -EINVAL, "the name of a program, a library or a path is missing");
	if (strlen(name) >= sizeof(found))
		return error_set(err, -ENAMETOOLONG, "%.32s...: path too long", name);
	if (strchr(name, '/'))
		snprintf(found, sizeof(found), "%s", name);
	else if ((r = is_library_name(name) ? search_library(name, found, err) : search_program(name, found, err)) < 0)
		return r;
	r = take_path(ret, found, err);
	return r < 0 ? r : check_file(ret, err);
}
