#include "container/container_path.h"

#include <string.h>

#define ID_DIGITS 64

/* A part of a path: not terminated. */
struct part {
	const char *text;
	size_t length;
};

static bool part_is(const struct part *p, const char *text)
{
	return p->length == strlen(text) && !memcmp(p->text, text, p->length);
}

static bool cut_prefix(struct part *p, const char *prefix)
{
	size_t length = strlen(prefix);

	if (p->length < length || memcmp(p->text, prefix, length) != 0)
		return false;
	p->text += length;
	p->length -= length;
	return true;
}

static bool cut_suffix(struct part *p, const char *suffix)
{
	size_t length = strlen(suffix);

	if (p->length < length || memcmp(p->text + p->length - length, suffix, length) != 0)
		return false;
	p->length -= length;
	return true;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_id(const struct part *p)
{
	if (p->length != ID_DIGITS)
		return false;
	for (size_t i = 0; i < p->length; i++)
		if (hex_value(p->text[i]) < 0)
			return false;
	return true;
}

static bool is_name_character(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
}

/* systemd writes what a unit's name cannot have as "\x2d" (man 5 systemd.unit, "String escaping for inclusion in unit names"). */
static char unescape(struct part *p)
{
	char c = *p->text;

	if (c == '\\' && p->length >= 4 && p->text[1] == 'x' && hex_value(p->text[2]) >= 0 && hex_value(p->text[3]) >= 0) {
		c = (char)(hex_value(p->text[2]) << 4 | hex_value(p->text[3]));
		p->text += 4;
		p->length -= 4;
		return c;
	}
	p->text++;
	p->length--;
	return c;
}

static bool take_name(struct part name, enum container_runtime runtime, struct container_path *ret)
{
	char id[CONTAINER_ID_BYTES];
	size_t length = 0;

	while (name.length) {
		char c = unescape(&name);

		if (!is_name_character(c) || length == sizeof(id) - 1)
			return false;
		id[length++] = c;
	}
	if (!length)
		return false;
	memcpy(ret->id, id, length);
	ret->id[length] = '\0';
	ret->runtime = runtime;
	return true;
}

static bool take_id(const struct part *id, enum container_runtime runtime, struct container_path *ret)
{
	memcpy(ret->id, id->text, ID_DIGITS);
	ret->id[ID_DIGITS] = '\0';
	ret->runtime = runtime;
	return true;
}

struct known_prefix {
	const char *name;
	enum container_runtime runtime;
};

static const struct known_prefix known_prefixes[] = {
	{"docker", CONTAINER_RUNTIME_DOCKER},         {"moby", CONTAINER_RUNTIME_DOCKER},  {"cri-containerd", CONTAINER_RUNTIME_CONTAINERD},
	{"nerdctl", CONTAINER_RUNTIME_CONTAINERD},    {"crio", CONTAINER_RUNTIME_CRIO},    {"libpod", CONTAINER_RUNTIME_PODMAN},
	{"libpod-payload", CONTAINER_RUNTIME_PODMAN}, {"runc", CONTAINER_RUNTIME_UNKNOWN},
};

static const struct known_prefix *find_prefix(const struct part *prefix)
{
	for (size_t i = 0; i < sizeof(known_prefixes) / sizeof(known_prefixes[0]); i++)
		if (part_is(prefix, known_prefixes[i].name))
			return &known_prefixes[i];
	return NULL;
}

/* "docker-ID", or "SLICE:docker:ID". */
static bool take_prefixed(const struct part *part, struct container_path *ret)
{
	const struct known_prefix *known;
	const struct part id = {part->text + part->length - ID_DIGITS, ID_DIGITS};
	struct part prefix = {part->text, part->length - ID_DIGITS - 1};
	char separator = part->text[prefix.length];

	if (!is_id(&id) || (separator != '-' && separator != ':'))
		return false;
	if (separator == ':') {
		const char *colon = memrchr(prefix.text, ':', prefix.length);

		if (colon) {
			prefix.length -= (size_t)(colon + 1 - prefix.text);
			prefix.text = colon + 1;
		}
	}
	known = find_prefix(&prefix);
	return known && take_id(&id, known->runtime, ret);
}

static bool take_by_id(struct part part, const struct part *above, struct container_path *ret)
{
	(void)cut_suffix(&part, ".scope");
	if (part.length > ID_DIGITS + 1)
		return take_prefixed(&part, ret);
	return is_id(&part) && take_id(&part, part_is(above, "docker") ? CONTAINER_RUNTIME_DOCKER : CONTAINER_RUNTIME_UNKNOWN, ret);
}

static bool take_lxc(struct part part, const struct part *above, struct container_path *ret)
{
	if (cut_prefix(&part, "lxc.payload.") || part_is(above, "lxc.payload") || part_is(above, "lxc"))
		return take_name(part, CONTAINER_RUNTIME_LXC, ret);
	return false;
}

/* Virtual machines have such scopes too; only nspawn makes a group "payload" in it. */
static bool take_nspawn(const struct part *part, struct part above, struct container_path *ret)
{
	if (!part_is(part, "payload"))
		return false;
	if ((cut_prefix(&above, "machine-") && cut_suffix(&above, ".scope")) ||
	    (cut_prefix(&above, "systemd-nspawn@") && cut_suffix(&above, ".service")))
		return take_name(above, CONTAINER_RUNTIME_NSPAWN, ret);
	return false;
}

bool container_path_parse(const char *path, size_t length, struct container_path *ret)
{
	struct part above = {"", 0};
	const char *end = path + length;

	ret->depth = 0;
	ret->hierarchies = 0;
	while (path < end) {
		const char *slash = memchr(path, '/', (size_t)(end - path));
		struct part part = {path, (size_t)((slash ? slash : end) - path)};

		if (take_by_id(part, &above, ret) || take_lxc(part, &above, ret) || take_nspawn(&part, above, ret))
			ret->depth++;
		above = part;
		path = slash ? slash + 1 : end;
	}
	return ret->depth;
}

struct line {
	uint64_t hierarchy;
	struct part path;
};

/* "NUMBER:CONTROLLERS:PATH"; the path may have colons itself. */
static bool parse_line(const char *text, const char *end, struct line *ret)
{
	const char *first = memchr(text, ':', (size_t)(end - text));
	const char *second = first ? memchr(first + 1, ':', (size_t)(end - first - 1)) : NULL;

	if (!second)
		return false;
	ret->hierarchy = 0;
	for (; text < first; text++) {
		if (*text < '0' || *text > '9')
			return false;
		ret->hierarchy = ret->hierarchy * 10 + (uint64_t)(*text - '0');
	}
	ret->path = (struct part){second + 1, (size_t)(end - second - 1)};
	/* The group was removed, and the task is still on its way out of it. */
	(void)cut_suffix(&ret->path, " (deleted)");
	return true;
}

bool container_path_parse_file(const char *text, size_t size, container_path_resolve_fn resolve, void *context, struct container_path *ret)
{
	const char *end = text + size, *newline;

	ret->depth = 0;
	for (; (newline = memchr(text, '\n', (size_t)(end - text))); text = newline + 1) {
		struct container_path found;
		struct line line;

		if (!parse_line(text, newline, &line))
			continue;
		if (!container_path_parse(line.path.text, line.path.length, &found) &&
		    !(resolve && resolve(context, line.path.text, line.path.length, &found)))
			continue;
		if (found.depth > ret->depth)
			*ret = found;
		if (!strcmp(found.id, ret->id))
			ret->hierarchies |= CONTAINER_HIERARCHY_BIT(line.hierarchy);
	}
	return ret->depth;
}
