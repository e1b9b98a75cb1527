#include "sensor/credentials.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* "\nUid:\t0\t0\t0\t0\n": real, effective, saved, file system. */
static bool parse_line(const char *text, const char *key, uint32_t ids[4])
{
	const char *line = strstr(text, key);

	return line && sscanf(line + strlen(key), "%" SCNu32 "%" SCNu32 "%" SCNu32 "%" SCNu32, &ids[0], &ids[1], &ids[2], &ids[3]) == 4;
}

void credentials_parse_status(struct credentials *ret, const char *text, size_t size)
{
	char copy[4096];
	uint32_t uids[4], gids[4];

	*ret = (struct credentials){0};
	if (size >= sizeof(copy))
		size = sizeof(copy) - 1;
	memcpy(copy, text, size);
	copy[size] = '\0';
	if (!parse_line(copy, "\nUid:", uids) || !parse_line(copy, "\nGid:", gids))
		return;
	*ret = (struct credentials){
		.known = true,
		.late = true,
		.uid = uids[0],
		.gid = gids[0],
		.euid = uids[1],
		.egid = gids[1],
		.suid = uids[2],
		.sgid = gids[2],
		.fsuid = uids[3],
		.fsgid = gids[3],
	};
}

bool credentials_equal(const struct credentials *a, const struct credentials *b)
{
	return a->known == b->known && a->uid == b->uid && a->gid == b->gid && a->euid == b->euid && a->egid == b->egid &&
	       a->suid == b->suid && a->sgid == b->sgid && a->fsuid == b->fsuid && a->fsgid == b->fsgid;
}
