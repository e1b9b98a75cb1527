#ifndef SENSOR_CREDENTIALS_H
#define SENSOR_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Whose rights a task acts with (credentials(7)): ids as the initial user namespace has them. The same whether they come from the kernel's
 * commit_creds() or from the Uid and Gid lines of /proc/PID/status.
 */
struct credentials {
	bool known; /* false: all of the rest is 0 */
	bool late;  /* from /proc, a little after a change: may be those of a moment later */
	uint32_t uid, gid;
	uint32_t euid, egid;
	uint32_t suid, sgid;
	uint32_t fsuid, fsgid;
};

/* The ids of a status file's text (proc(5), /proc/PID/status); `known` stays false when it has none. */
void credentials_parse_status(struct credentials *ret, const char *text, size_t size);

bool credentials_equal(const struct credentials *a, const struct credentials *b);

#endif
