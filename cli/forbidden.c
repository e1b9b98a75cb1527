#include "cli/forbidden.h"

#include "cli/options.h"
#include "sensor/capture.h"

#include <string.h>

int forbidden_add(struct forbidden *f, const char *verb, const char *name)
{
	if (!capture_candidate_exists(name))
		return usage_error(verb, "--forbid %s: there is no such way to capture events; 'ringside check' shows them", name);
	if (f->count == FORBIDDEN_MAX)
		return usage_error(verb, "--forbid: more than %d names", FORBIDDEN_MAX);
	f->names[f->count++] = name;
	return 0;
}

int forbidden_add_structure(struct forbidden *f, const char *verb, const char *name)
{
	for (int group = 0; group < LAYOUT_GROUP_COUNT; group++) {
		if (strcmp(name, kernel_layout_group_name(group)) != 0)
			continue;
		f->structures |= LAYOUT_GROUP_BIT(group);
		return 0;
	}
	return usage_error(verb, "--forbid-structure %s: use cred, names, file_flags, mount or path", name);
}
