#include "sensor/file_builders.h"
#include "sensor/file_provoke.h"
#include "sensor/source_names.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * What keeps the processes' context true: working directories and credentials. The former are events, too.
 */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PROBES(...)  ((const struct source_probe *const[]){__VA_ARGS__, NULL})

/* Whoever resolves a name needs the directories of all processes. */
#define FILE_KINDS                                                                                                          \
	(EVENT_KIND_BIT(EVENT_FILE_OPEN) | EVENT_KIND_BIT(EVENT_FILE_CREATE) | EVENT_KIND_BIT(EVENT_FILE_DELETE) |          \
	 EVENT_KIND_BIT(EVENT_FILE_LINK) | EVENT_KIND_BIT(EVENT_FILE_RENAME) | EVENT_KIND_BIT(EVENT_FILE_OPEN_FOR_MODIFY) | \
	 EVENT_KIND_BIT(EVENT_FILE_MODIFY) | EVENT_KIND_BIT(EVENT_FILE_ATTRIBUTE_CHANGE))

/* Working directories */

static bool make_cwd(struct source_context *context, const struct sample *sample, const struct source_name *name, struct event *ret)
{
	/* The kernel shows a directory that lies outside of our root as "(unreachable)/...". */
	bool known = !name->unknown && !name->truncated && name->string.length && name->string.bytes[0] == '/';

	process_cache_set_cwd(context->processes, sample->tgid, name->string.bytes, known ? name->string.length : 0);
	ret->kind = EVENT_PROCESS_CWD;
	ret->capture = name->capture;
	ret->cwd.path = known ? name->string : (struct event_string){.bytes = ""};
	return true;
}

static bool build_cwd(struct source_context *context, const struct source_instance *probe, const struct sample *sample, struct event *ret)
{
	struct source_name name;

	source_read_path(probe, sample, context->scratch[0], &name);
	return make_cwd(context, sample, &name, ret);
}

static bool build_cwd_late(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
			   struct event *ret)
{
	struct source_name name;

	if ((int64_t)format_read_integer(&probe->fields[0], sample->raw, sample->raw_size) != 0)
		return false;
	source_read_late_name(sample, 0, &name);
	return make_cwd(context, sample, &name, ret);
}

/* set_fs_pwd(fs, path): chdir, fchdir, and what changes mount namespaces. */
static const struct source_probe set_fs_pwd = {
	.type = SOURCE_KPROBE,
	.name = "set_fs_pwd",
	.path_base = "$arg2",
	.path_kind = DENTRY_PATH_OF_PATH,
	.kinds = EVENT_KIND_BIT(EVENT_PROCESS_CWD),
	.build = build_cwd,
};

#define CWD_ROW(call)                                       \
	static const struct source_probe exit_##call = {    \
		.type = SOURCE_TRACEPOINT,                  \
		.system = "syscalls",                       \
		.name = "sys_exit_" #call,                  \
		.kinds = EVENT_KIND_BIT(EVENT_PROCESS_CWD), \
		.fields = {"ret"},                          \
		.reads = {{SAMPLE_READ_CWD, NULL, NULL}},   \
		.build = build_cwd_late,                    \
	}
CWD_ROW(chdir);
CWD_ROW(fchdir);

static const struct source_candidate cwd_candidates[] = {
	{.name = "set_fs_pwd", .probes = PROBES(&set_fs_pwd)},
	{.name = "syscalls",
	 .probes = PROBES(&exit_chdir, &exit_fchdir),
	 .limits = "the directory is looked up a little later; changes by 32-bit callers and of mount namespaces are not seen"},
};

/* Credentials */

static void set_credentials(struct source_context *context, const struct sample *sample, const struct credentials *credentials)
{
	/* Whoever made the sample has been looked up already. */
	const struct process *process = process_cache_find(context->processes, sample->tgid);

	if (sample->tid == sample->tgid)
		process_cache_set_credentials(context->processes, sample->tgid, credentials);
	else if (process && credentials_equal(&process->credentials, credentials))
		thread_credentials_forget(&context->thread_credentials, sample->tid);
	else
		thread_credentials_set(&context->thread_credentials, sample->tid, credentials);
}

enum {
	CRED_UID,
	CRED_GID,
	CRED_EUID,
	CRED_EGID,
	CRED_SUID,
	CRED_SGID,
	CRED_FSUID,
	CRED_FSGID,
};

static uint32_t read_id(const struct source_instance *probe, unsigned int i, const struct sample *sample)
{
	return (uint32_t)format_read_integer(&probe->fields[i], sample->raw, sample->raw_size);
}

static bool note_credentials(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
			     struct event *ret)
{
	const struct credentials credentials = {
		.known = true,
		.uid = read_id(probe, CRED_UID, sample),
		.gid = read_id(probe, CRED_GID, sample),
		.euid = read_id(probe, CRED_EUID, sample),
		.egid = read_id(probe, CRED_EGID, sample),
		.suid = read_id(probe, CRED_SUID, sample),
		.sgid = read_id(probe, CRED_SGID, sample),
		.fsuid = read_id(probe, CRED_FSUID, sample),
		.fsgid = read_id(probe, CRED_FSGID, sample),
	};

	(void)ret;
	set_credentials(context, sample, &credentials);
	return false;
}

static bool note_credentials_late(struct source_context *context, const struct source_instance *probe, const struct sample *sample,
				  struct event *ret)
{
	struct event_string status = source_late_string(sample, 0);
	struct credentials credentials;

	(void)probe;
	(void)ret;
	/* Gone: what was known of it may be wrong now, and nothing is better. */
	credentials_parse_status(&credentials, status.bytes, status.length);
	set_credentials(context, sample, &credentials);
	return false;
}

#define CRED(id) #id "=+{cred." #id "}($arg1):u32"

static const struct source_probe commit_creds = {
	.type = SOURCE_KPROBE,
	.name = "commit_creds",
	.fetchargs = CRED(uid) " " CRED(gid) " " CRED(euid) " " CRED(egid) " " CRED(suid) " " CRED(sgid) " " CRED(fsuid) " " CRED(fsgid),
	.helper = true,
	.fields = {"uid", "gid", "euid", "egid", "suid", "sgid", "fsuid", "fsgid"},
	.build = note_credentials,
};

#define LATE_CREDENTIALS_ROW(id, system_, name_)             \
	static const struct source_probe late_##id = {       \
		.type = SOURCE_TRACEPOINT,                   \
		.system = (system_),                         \
		.name = (name_),                             \
		.helper = true,                              \
		.reads = {{SAMPLE_READ_STATUS, NULL, NULL}}, \
		.build = note_credentials_late,              \
	}
LATE_CREDENTIALS_ROW(setuid, "syscalls", "sys_exit_setuid");
LATE_CREDENTIALS_ROW(setgid, "syscalls", "sys_exit_setgid");
LATE_CREDENTIALS_ROW(setreuid, "syscalls", "sys_exit_setreuid");
LATE_CREDENTIALS_ROW(setregid, "syscalls", "sys_exit_setregid");
LATE_CREDENTIALS_ROW(setresuid, "syscalls", "sys_exit_setresuid");
LATE_CREDENTIALS_ROW(setresgid, "syscalls", "sys_exit_setresgid");
LATE_CREDENTIALS_ROW(setfsuid, "syscalls", "sys_exit_setfsuid");
LATE_CREDENTIALS_ROW(setfsgid, "syscalls", "sys_exit_setfsgid");
LATE_CREDENTIALS_ROW(exec, "sched", "sched_process_exec");

static const struct source_candidate credentials_candidates[] = {
	{.name = "commit_creds", .probes = PROBES(&commit_creds)},
	{.name = "syscalls",
	 .probes = PROBES(&late_setuid, &late_setgid, &late_setreuid, &late_setregid, &late_setresuid, &late_setresgid, &late_setfsuid,
			  &late_setfsgid, &late_exec),
	 .limits = "changes are looked up a little later in /proc; those by 32-bit callers and of user namespaces are not seen"},
};

/* Odd ones, all different; set without the C library, which would want to tell other threads. */
enum {
	ODD_UID = 61001,
	ODD_EUID = 61002,
	ODD_SUID = 61003,
	ODD_GID = 61004,
	ODD_EGID = 61005,
	ODD_SGID = 61006,
};

static void provoke_credentials(const struct source_provocation *provocation)
{
	(void)provocation;
	syscall(SYS_setresgid, ODD_GID, ODD_EGID, ODD_SGID);
	syscall(SYS_setresuid, ODD_UID, ODD_EUID, ODD_SUID);
}

static bool verify_credentials(const struct source_provocation *provocation, const struct process *process)
{
	const struct credentials *c = &process->credentials;

	(void)provocation;
	return c->known && c->uid == ODD_UID && c->euid == ODD_EUID && c->suid == ODD_SUID && c->fsuid == ODD_EUID && c->gid == ODD_GID &&
	       c->egid == ODD_EGID && c->sgid == ODD_SGID && c->fsgid == ODD_EGID;
}

const struct source_capture process_captures[] = {
	{
		.kind = EVENT_PROCESS_CWD,
		.needed_by = EVENT_KIND_BIT(EVENT_PROCESS_CWD) | FILE_KINDS,
		.candidates = cwd_candidates,
		.candidate_count = COUNT(cwd_candidates),
		.provoke = file_provoke_cwd,
		.verify = file_verify_cwd,
	},
	{
		.kind = EVENT_KIND_COUNT,
		.name = "credentials",
		.needed_by = UINT64_MAX,
		.candidates = credentials_candidates,
		.candidate_count = COUNT(credentials_candidates),
		.provoke = provoke_credentials,
		.verify_process = verify_credentials,
	},
};

const size_t process_capture_count = COUNT(process_captures);
