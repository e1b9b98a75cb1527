#ifndef BASE_ERROR_H
#define BASE_ERROR_H

/*
 * What went wrong, for a person.
 *
 * Functions that can fail return 0 or a negative errno and take, last, a `struct error *err`. It is filled only on failure, may always be
 * NULL, belongs to the caller and needs no clean-up. The message is a sentence without a full stop that names the thing and what is
 * allowed; a caller that knows more puts it in front with error_prefix(): "sched:sched_process_exec: filter refused: ...".
 */

#define ERROR_MESSAGE_BYTES 512

struct error {
	int code; /* negative errno, 0 while nothing failed */
	char message[ERROR_MESSAGE_BYTES];
};

/* Fills *err and returns `code`, so that a failing function ends in `return error_set(err, -EINVAL, ...)`. Too long a message is cut. */
int error_set(struct error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Like error_set() with the text of errno value `-code` behind the message: "open /x: No such file or directory". */
int error_set_errno(struct error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The static analyzer does not look into another file to see that these return what they were given. */
#ifdef __clang_analyzer__
#define error_set(err, code, ...)       ((error_set)(err, code, __VA_ARGS__), (code))
#define error_set_errno(err, code, ...) ((error_set_errno)(err, code, __VA_ARGS__), (code))
#endif

/* Puts "text: " in front of the message of an error that happened, and returns `code`, which is the error's. */
int error_prefix(struct error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
