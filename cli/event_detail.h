#ifndef CLI_EVENT_DETAIL_H
#define CLI_EVENT_DETAIL_H

#include "base/buffer.h"
#include "capsule8/api/v0/event.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The last column of a line of event_text.h, by family: what happened, in a few words. Pure; any thread.
 */

void event_detail_put_file(struct buffer *out, bool color, const Capsule8__Api__V0__FileEvent *file);
void event_detail_put_network(struct buffer *out, bool color, const Capsule8__Api__V0__NetworkEvent *network);
void event_detail_put_kernel_call(struct buffer *out, bool color, const Capsule8__Api__V0__KernelFunctionCallEvent *call);
void event_detail_put_user_call(struct buffer *out, bool color, const Capsule8__Api__V0__UserFunctionCallEvent *call);
void event_detail_put_performance(struct buffer *out, bool color, const Capsule8__Api__V0__PerformanceEvent *performance);
/* The container's name stands in a column of its own already: told are its image and its short id. */
void event_detail_put_container(struct buffer *out, bool color, const Capsule8__Api__V0__Event *event);

/* How something ended, behind a blank: "status=1", "signal=SIGSEGV (core)". */
void event_detail_put_end(struct buffer *out, bool color, uint32_t status, uint32_t signal, bool core_dumped);

/* As many digits of a container's id or an image's as container tools show. */
#define EVENT_DETAIL_ID_DIGITS 12

/* A result of the kernel: "3", "-2 ENOENT", "0x7f0012345000" for what can only be an address. */
void event_detail_put_result(struct buffer *out, bool color, int64_t result);

/* A foreign string as a word of a shell; cut between two characters, with an ellipsis, when it is very long. */
void event_detail_put_word(struct buffer *out, const char *word);

/* "(late)" and the like, behind a blank: less than certain. */
void event_detail_put_mark(struct buffer *out, bool color, const char *mark);

#endif
