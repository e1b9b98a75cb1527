#include "tracing/error_log.h"

#include <stdio.h>
#include <string.h>

static const char reason_mark[] = "error: ";
static const char command_mark[] = "  Command: ";

/* Reads the entry whose reason begins at `reason`; false when it is about something else. */
static bool read_entry(struct error_log_entry *ret, const char *reason, const char *command)
{
	size_t reason_length = strcspn(reason, "\n");
	const char *line = reason + reason_length + (reason[reason_length] == '\n');
	const char *text = line + strlen(command_mark);
	const char *end, *at;
	size_t caret;

	if (strncmp(line, command_mark, strlen(command_mark)) != 0)
		return false;
	end = text + strcspn(text, "\n");
	at = memmem(text, (size_t)(end - text), command, strlen(command));
	if (!at)
		return false;
	while (reason_length && reason[reason_length - 1] == ' ')
		reason_length--;
	*ret = (struct error_log_entry){0};
	snprintf(ret->reason, sizeof(ret->reason), "%.*s", (int)reason_length, reason);
	if (!*end)
		return true;
	/* The caret stands under the word, as if the text began in the same column as in the line above. */
	caret = strspn(end + 1, " ");
	ret->has_position = end[1 + caret] == '^' && caret >= (size_t)(at - line) && caret <= (size_t)(end - line);
	if (ret->has_position)
		ret->position = caret - (size_t)(at - line);
	if (ret->position > strlen(command))
		ret->has_position = false;
	return true;
}

bool error_log_find(struct error_log_entry *ret, const char *log, const char *command)
{
	bool found = false;

	for (const char *mark = strstr(log, reason_mark); mark; mark = strstr(mark + 1, reason_mark)) {
		struct error_log_entry entry;

		if (!read_entry(&entry, mark + strlen(reason_mark), command))
			continue;
		*ret = entry;
		found = true;
	}
	return found;
}
