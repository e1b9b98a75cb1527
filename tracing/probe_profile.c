#include "tracing/probe_profile.h"

#include "base/cleanup.h"
#include "tracing/tracefs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Cuts the last word off *line and returns it; NULL when there is none. */
static char *take_last_word(char **line)
{
	size_t length = strlen(*line);
	char *word;

	while (length && (*line)[length - 1] == ' ')
		(*line)[--length] = 0;
	if (!length)
		return NULL;
	word = strrchr(*line, ' ');
	if (word) {
		*word = 0;
		return word + 1;
	}
	word = *line;
	*line += length;
	return word;
}

static bool take_last_number(char **line, uint64_t *ret)
{
	char *word = take_last_word(line);

	if (!word || strspn(word, "0123456789") != strlen(word))
		return false;
	*ret = strtoull(word, NULL, 10);
	return true;
}

static bool read_row(struct probe_profile_row *ret, char *line, bool is_user)
{
	*ret = (struct probe_profile_row){.path = ""};
	if (!is_user && !take_last_number(&line, &ret->counts.misses))
		return false;
	if (!take_last_number(&line, &ret->counts.hits))
		return false;
	ret->name = take_last_word(&line);
	if (!ret->name)
		return false;
	if (is_user) {
		ret->path = take_last_word(&line);
		ret->path = ret->path ? ret->path : "";
	}
	return true;
}

int probe_profile_parse(struct probe_profile *ret, const char *text, bool is_user)
{
	char *rest = NULL;
	size_t lines = 1;

	*ret = (struct probe_profile){.text = strdup(text)};
	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	ret->rows = calloc(lines, sizeof(*ret->rows));
	if (!ret->text || !ret->rows) {
		probe_profile_done(ret);
		return -ENOMEM;
	}
	for (char *line = strtok_r(ret->text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (read_row(&ret->rows[ret->count], line, is_user))
			ret->count++;
	return 0;
}

void probe_profile_done(struct probe_profile *profile)
{
	free(profile->rows);
	free(profile->text);
	*profile = (struct probe_profile){0};
}

int probe_profile_read(struct probe_profile *ret, bool is_user, struct error *err)
{
	const char *file = is_user ? "uprobe_profile" : "kprobe_profile";
	cleanup_free char *text = NULL;
	int r;

	*ret = (struct probe_profile){0};
	r = tracefs_read_list(file, &text, err);
	if (r || !text)
		return r;
	r = probe_profile_parse(ret, text, is_user);
	return r ? error_set(err, r, "%s: out of memory", file) : 0;
}

static void find_own(struct probe_counts *ret, const struct dynamic_probe *probe, const struct probe_profile *profile)
{
	*ret = (struct probe_counts){0};
	for (size_t i = 0; i < profile->count; i++) {
		if (strcmp(profile->rows[i].name, dynamic_probe_name(probe)) != 0)
			continue;
		*ret = profile->rows[i].counts;
		return;
	}
}

int probe_profile_read_own(struct probe_counts *ret, struct dynamic_probe *const *probes, size_t count, struct error *err)
{
	for (int is_user = 0; is_user <= 1; is_user++) {
		struct probe_profile profile = {0};
		bool is_read = false;

		for (size_t i = 0; i < count; i++) {
			if (dynamic_probe_is_user(probes[i]) != is_user)
				continue;
			if (!is_read) {
				int r = probe_profile_read(&profile, is_user, err);

				if (r)
					return r;
			}
			is_read = true;
			find_own(&ret[i], probes[i], &profile);
		}
		probe_profile_done(&profile);
	}
	return 0;
}
