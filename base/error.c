#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#undef error_set
#undef error_set_errno

/* `behind`: what stands behind the message and a colon; NULL: nothing. */
__attribute__((format(printf, 3, 0))) static void set(struct error *err, int code, const char *format, va_list args, const char *behind)
{
	size_t length;

	err->code = code;
	vsnprintf(err->message, sizeof(err->message), format, args);
	if (!behind)
		return;
	length = strlen(err->message);
	snprintf(err->message + length, sizeof(err->message) - length, ": %s", behind);
}

int error_set(struct error *err, int code, const char *format, ...)
{
	va_list args;

	if (!err)
		return code;
	va_start(args, format);
	set(err, code, format, args, NULL);
	va_end(args);
	return code;
}

int error_set_errno(struct error *err, int code, const char *format, ...)
{
	va_list args;

	if (!err)
		return code;
	va_start(args, format);
	set(err, code, format, args, strerror(-code));
	va_end(args);
	return code;
}

int error_prefix(struct error *err, int code, const char *format, ...)
{
	char message[ERROR_MESSAGE_BYTES];
	va_list args;

	if (!err)
		return code;
	memcpy(message, err->message, sizeof(message));
	va_start(args, format);
	set(err, code, format, args, message);
	va_end(args);
	return code;
}
