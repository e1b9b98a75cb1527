#include "tracing/layout_cred.h"

#include "tracing/registers.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The ids stand behind a counter, with some debug options behind three more words. */
const struct layout_row layout_cred_row = {
	.name = "c", .before = "", .after = "(" REGISTER_ARGUMENT_1 ")", .first = 0, .width = 4, .step = 4, .count = 40};

#define SETS 2

enum member {
	MEMBER_UID,
	MEMBER_GID,
	MEMBER_EUID,
	MEMBER_EGID,
	MEMBER_SUID,
	MEMBER_SGID,
	MEMBER_FSUID,
	MEMBER_FSGID,
	MEMBER_COUNT,
};

static const char *const member_names[MEMBER_COUNT] = {"uid", "gid", "euid", "egid", "suid", "sgid", "fsuid", "fsgid"};

/* Far from what counters, flags and halves of pointers hold, and from each other. */
uint32_t layout_cred_value(uint8_t set, uint32_t member)
{
	return UINT32_C(0x2f5d1009) + set * UINT32_C(0x01c40320) + member * UINT32_C(0x000b0137);
}

/* A change of ids away from root takes the effective capabilities, which the next changes need. */
static int regain_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data))
		return -errno;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].effective = data[i].permitted;
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

/* The kernel's own calls, which change this thread alone. The last one leaves all eight as wanted. */
static int change_ids(void *context, uint8_t set)
{
	uint32_t id[MEMBER_COUNT];
	int r;

	(void)context;
	for (uint32_t i = 0; i < MEMBER_COUNT; i++)
		id[i] = layout_cred_value(set, i);
	if (prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L))
		return -errno;
	if (syscall(SYS_setresgid, id[MEMBER_GID], id[MEMBER_EGID], id[MEMBER_SGID]))
		return -errno;
	syscall(SYS_setfsgid, id[MEMBER_FSGID]);
	if (syscall(SYS_setresuid, id[MEMBER_UID], id[MEMBER_EUID], id[MEMBER_SUID]))
		return -errno;
	r = regain_capabilities();
	if (r < 0)
		return r;
	/* Tells the id that was, never an error: the search sees whether it has worked. */
	syscall(SYS_setfsuid, id[MEMBER_FSUID]);
	return 0;
}

/* The last sample of a set. */
static int last_of(const struct layout_capture *c, uint8_t set, struct layout_window *ret, struct error *err)
{
	for (uint32_t i = c->count; i-- > 0;) {
		if (c->samples[i].step != set)
			continue;
		*ret = layout_capture_window(c, i, 0);
		return 0;
	}
	return error_set(err, -ENODATA, "credentials: commit_creds did not fire when ids were changed");
}

int layout_cred_search(const struct layout_capture *c, uint32_t spoil, struct cred_layout *ret, struct error *err)
{
	int16_t *const offsets[MEMBER_COUNT] = {&ret->uid,  &ret->gid,  &ret->euid,  &ret->egid,
						&ret->suid, &ret->sgid, &ret->fsuid, &ret->fsgid};
	struct layout_clue clues[SETS] = {0};
	int r = 0;

	for (uint8_t set = 0; !r && set < SETS; set++)
		r = last_of(c, set, &clues[set].window, err);
	for (uint32_t i = 0; !r && i < MEMBER_COUNT; i++) {
		for (uint8_t set = 0; set < SETS; set++)
			clues[set].value = layout_cred_value(set, i) + spoil;
		r = layout_search(clues, SETS, offsets[i]);
		if (r == -ENOTUNIQ)
			error_set(err, r, "credentials: the %s of a child process stands in more than one place of struct cred",
				  member_names[i]);
		else if (r < 0)
			error_set(err, r, "credentials: the %s that a child process gave itself is not where struct cred is looked for",
				  member_names[i]);
	}
	return r;
}

int layout_cred_capture(const struct kernel_layout_options *options, struct layout_capture **ret, struct error *err)
{
	static const uint8_t sets[SETS] = {0, 1};
	const struct layout_capture_spec spec = {.features = options->features,
						 .symbol = "commit_creds",
						 .rows = &layout_cred_row,
						 .row_count = 1,
						 .steps = sets,
						 .step_count = SETS,
						 .timeout_ms = options->timeout_ms};
	struct layout_capture *capture = calloc(1, sizeof(*capture));
	struct provoke child = {0};
	int r;

	if (!capture)
		return error_set(err, -ENOMEM, "out of memory");
	r = provoke_start(&child, change_ids, NULL, err);
	if (!r)
		r = layout_capture_run(capture, &spec, &child, err);
	provoke_stop(&child);
	if (r) {
		free(capture);
		return error_prefix(err, r, "credentials");
	}
	*ret = capture;
	return 0;
}

int layout_cred_calibrate(const struct kernel_layout_options *options, struct cred_layout *ret, struct error *err)
{
	uint32_t spoil = options->spoiled & LAYOUT_GROUP_BIT(LAYOUT_CRED) ? 1 : 0;
	struct layout_capture *capture = NULL;
	int r = layout_cred_capture(options, &capture, err);

	if (r || !capture)
		return r;
	r = layout_cred_search(capture, spoil, ret, err);
	free(capture);
	return r;
}
