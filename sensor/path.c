#include "sensor/path.h"

#include <stdbool.h>
#include <string.h>

static bool is(const char *component, size_t length, const char *what)
{
	return length == strlen(what) && !memcmp(component, what, length);
}

/* Where the last component of to[0..length) begins, with its slash. */
static size_t parent_length(const char *to, size_t length)
{
	while (length && to[--length] != '/')
		;
	return length;
}

/* Appends a path's components to to[0..*length), which is "" or absolute. False: no room. */
static bool append(char to[PATH_BYTES], size_t *length, const char *path, size_t path_length)
{
	const char *end = path + path_length;

	while (path < end) {
		const char *slash = memchr(path, '/', (size_t)(end - path));
		size_t component = (size_t)((slash ? slash : end) - path);

		if (is(path, component, "..")) {
			*length = parent_length(to, *length);
		} else if (component && !is(path, component, ".")) {
			if (*length + component + 1 >= PATH_BYTES)
				return false;
			to[(*length)++] = '/';
			memcpy(to + *length, path, component);
			*length += component;
		}
		path = slash ? slash + 1 : end;
	}
	return true;
}

struct event_string path_resolve(const char *base, size_t base_length, const char *name, size_t name_length, char to[PATH_BYTES])
{
	const struct event_string none = {.bytes = ""};
	size_t length = 0;

	if (!name_length)
		return none;
	if (name[0] != '/' && (!base_length || base[0] != '/' || !append(to, &length, base, base_length)))
		return none;
	if (!append(to, &length, name, name_length))
		return none;
	if (!length)
		to[length++] = '/';
	to[length] = '\0';
	return (struct event_string){.bytes = to, .length = length};
}
