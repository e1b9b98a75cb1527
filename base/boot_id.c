#include "base/boot_id.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const char path[] = "sys/kernel/random/boot_id";

int boot_id_read(int proc_fd, char ret[BOOT_ID_DIGITS + 1], struct error *err)
{
	cleanup_close int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	char text[64];
	ssize_t size;
	int digits = 0;

	if (fd < 0)
		return error_set_errno(err, -errno, "%s of proc", path);
	size = read(fd, text, sizeof(text));
	if (size < 0)
		return error_set_errno(err, -errno, "%s of proc", path);
	for (ssize_t i = 0; i < size && digits < BOOT_ID_DIGITS; i++)
		if (isxdigit((unsigned char)text[i]))
			ret[digits++] = (char)tolower((unsigned char)text[i]);
	ret[digits] = '\0';
	return digits;
}

int boot_id_too_short(int digits, int needed, struct error *err)
{
	return error_set(err, -EINVAL, "%s of proc has %d hexadecimal digits, at least %d are needed", path, digits, needed);
}
