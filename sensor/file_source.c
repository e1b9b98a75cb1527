#include "sensor/file_builders.h"
#include "sensor/file_provoke.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define KIND(name)   EVENT_KIND_BIT(EVENT_FILE_##name)

/* Kernel functions that are given names as struct filename { const char *name; const char *uptr; ... } (kernel: include/linux/fs.h, all
 * versions): the kernel's own copy, and where the caller has it. */
#define FILENAME(a)    "filename=+0(+0($arg" #a ")):name uptr=+8($arg" #a "):u64"
#define DIRECTORY(a)   " dfd=$arg" #a ":s32"
#define FILENAME_READS [FILE_READ_NAME] = {SAMPLE_READ_LONG_STRING, "uptr", "filename"}
#define DIRECTORY_READ [FILE_READ_DIRECTORY] = {SAMPLE_READ_DIRECTORY_PATH, "dfd", NULL}

/* The beginning of such a function. Without a directory's descriptor, names are relative to the working directory. */
#define FUNCTION_ROW(id, symbol, fetchargs_, kinds_, tag_, build_) \
	static const struct source_probe id = {                    \
		.type = SOURCE_KPROBE,                             \
		.name = (symbol),                                  \
		.fetchargs = (fetchargs_),                         \
		.kinds = (kinds_),                                 \
		.tag = (tag_),                                     \
		.fields = {"filename", "?dfd", "?flags", "?mode"}, \
		.reads = {FILENAME_READS, DIRECTORY_READ},         \
		.build = (build_),                                 \
	}
#define FUNCTION_ROW_HERE(id, symbol, fetchargs_, kinds_, tag_)    \
	static const struct source_probe id = {                    \
		.type = SOURCE_KPROBE,                             \
		.name = (symbol),                                  \
		.fetchargs = (fetchargs_),                         \
		.kinds = (kinds_),                                 \
		.tag = (tag_),                                     \
		.fields = {"filename", "?dfd", "?flags", "?mode"}, \
		.reads = {FILENAME_READS},                         \
		.build = file_begin_kernel,                        \
	}
#define RETURN_ROW(id, symbol, type_, kinds_, tag_)  \
	static const struct source_probe id = {      \
		.type = SOURCE_KRETPROBE,            \
		.name = (symbol),                    \
		.fetchargs = ("ret=$retval:" type_), \
		.kinds = (kinds_),                   \
		.tag = (tag_),                       \
		.fields = {"ret"},                   \
		.build = file_end,                   \
	}

/* A system call: its beginning, with what is read of the caller, and its end. */
#define ENTER_ROW(call, kinds_, tag_, optional_, build_, fields_, ...) \
	static const struct source_probe enter_##call = {              \
		.type = SOURCE_TRACEPOINT,                             \
		.system = "syscalls",                                  \
		.name = "sys_enter_" #call,                            \
		.kinds = (kinds_),                                     \
		.tag = (tag_),                                         \
		.optional = (optional_),                               \
		.fields = UNPACK fields_,                              \
		.reads = {__VA_ARGS__},                                \
		.build = (build_),                                     \
	}
#define EXIT_ROW(call, kinds_, tag_, optional_)          \
	static const struct source_probe exit_##call = { \
		.type = SOURCE_TRACEPOINT,               \
		.system = "syscalls",                    \
		.name = "sys_exit_" #call,               \
		.kinds = (kinds_),                       \
		.tag = (tag_),                           \
		.optional = (optional_),                 \
		.fields = {"ret"},                       \
		.build = file_end,                       \
	}
/* Fields, in the order of enum file_field; in parentheses, so that they are one argument of a macro. */
#define UNPACK(...)         \
	{                   \
		__VA_ARGS__ \
	}
#define HERE                  ("?")
#define AT(directory)         ("?", directory)
#define NAMED_AT(...)         (__VA_ARGS__)
#define OPENS(...)            ("?", __VA_ARGS__)
#define NAME(field)           [FILE_READ_NAME] = {SAMPLE_READ_STRING, field, NULL}
#define AT_READ(field)        [FILE_READ_DIRECTORY] = {SAMPLE_READ_DIRECTORY_PATH, field, NULL}
#define TARGET(field)         [FILE_READ_TARGET] = {SAMPLE_READ_STRING, field, NULL}
#define TARGET_AT_READ(field) [FILE_READ_TARGET_DIRECTORY] = {SAMPLE_READ_DIRECTORY_PATH, field, NULL}
#define HOW                   [FILE_READ_TARGET] = {SAMPLE_READ_BYTES, "how", "usize"}
#define DESCRIPTOR(field)     [FILE_READ_NAME] = {SAMPLE_READ_FD_PATH, field, NULL}
#define REGULAR(field)        [FILE_READ_NAME] = {SAMPLE_READ_FILE_PATH, field, NULL}

#define LATE_LIMITS "names are read from the caller a little later, and missing if it is gone by then; 32-bit callers are not seen"

/* open: struct open_flags { int open_flag; umode_t mode; ... } (kernel: fs/internal.h) */

#define OPEN_FLAGS " flags=+0($arg3):s32 mode=+4($arg3):u16"

#define OPEN_ROW(id, symbol)                                      \
	static const struct source_probe id = {                   \
		.type = SOURCE_KPROBE,                            \
		.name = (symbol),                                 \
		.fetchargs = FILENAME(2) DIRECTORY(1) OPEN_FLAGS, \
		.kinds = KIND(OPEN),                              \
		.filtered_kind = KIND(OPEN),                      \
		.fields = {"filename", "dfd", "flags", "mode"},   \
		.reads = {FILENAME_READS, DIRECTORY_READ},        \
		.build = file_build_open_kernel,                  \
	}
OPEN_ROW(open_do_filp_open, "do_filp_open");
OPEN_ROW(open_do_file_open, "do_file_open");

/* Both functions are given flags of which the kernel has taken away what is not about the file (O_CLOEXEC), and what O_PATH makes void: as
 * passed they are in the functions before them. do_sys_openat2 has them from 5.6 on, in a struct open_how { u64 flags; u64 mode; ... }
 * (openat2(2)). */
#define PASSED_FLAGS_ROW(id, symbol, fetchargs_) \
	static const struct source_probe id = {  \
		.type = SOURCE_KPROBE,           \
		.name = (symbol),                \
		.fetchargs = (fetchargs_),       \
		.kinds = KIND(OPEN),             \
		.optional = true,                \
		.helper = true,                  \
		.fields = {"flags"},             \
		.build = file_note_flags,        \
	}
PASSED_FLAGS_ROW(flags_do_sys_openat2, "do_sys_openat2", "flags=+0($arg3):u64");
PASSED_FLAGS_ROW(flags_do_sys_open, "do_sys_open", "flags=$arg3:s32");

static const struct source_probe open_do_sys_openat2 = {
	.type = SOURCE_KPROBE,
	.name = "do_sys_openat2",
	.fetchargs = "filename=+u0($arg2):ustring uptr=$arg2:u64" DIRECTORY(1) " flags=+0($arg3):u64 mode=+8($arg3):u64",
	.kinds = KIND(OPEN),
	.filtered_kind = KIND(OPEN),
	.fields = {"filename", "dfd", "flags", "mode"},
	.reads = {FILENAME_READS, DIRECTORY_READ},
	.record_bytes = SOURCE_RECORD_LONG_NAME,
	.build = file_build_open_caller,
};

#define OPEN_ENTER_ROW(call, optional_, fields_, ...) \
	ENTER_ROW(call, KIND(OPEN), OPEN_TAG_##call, optional_, file_build_open_late, fields_, __VA_ARGS__)
#define OPEN_TAG_open    0
#define OPEN_TAG_openat  0
#define OPEN_TAG_creat   FILE_TAG_CREAT
#define OPEN_TAG_openat2 FILE_TAG_OPENAT2
OPEN_ENTER_ROW(open, false, OPENS("?", "flags", "mode"), NAME("filename"));
OPEN_ENTER_ROW(openat, false, OPENS("dfd", "flags", "mode"), NAME("filename"), AT_READ("dfd"));
OPEN_ENTER_ROW(creat, false, OPENS("?", "?", "mode"), NAME("pathname"));
OPEN_ENTER_ROW(openat2, true, OPENS("dfd"), NAME("filename"), AT_READ("dfd"), HOW);

#define PROBES(...) ((const struct source_probe *const[]){__VA_ARGS__, NULL})
#define NAMES(...)  ((const char *const[]){__VA_ARGS__, NULL})

static const struct source_candidate open_candidates[] = {
	{.name = "do_filp_open",
	 .probes = PROBES(&flags_do_sys_openat2, &flags_do_sys_open, &open_do_filp_open),
	 .filterable = NAMES("filename")},
	{.name = "do_file_open",
	 .probes = PROBES(&flags_do_sys_openat2, &flags_do_sys_open, &open_do_file_open),
	 .filterable = NAMES("filename")},
	{.name = "do_sys_openat2",
	 .probes = PROBES(&open_do_sys_openat2),
	 .filterable = NAMES("filename", "flags", "mode"),
	 .limits = "names are read from the caller's memory, which another thread of it can change before the kernel looks"},
	{.name = "syscalls", .probes = PROBES(&enter_open, &enter_openat, &enter_creat, &enter_openat2), .limits = LATE_LIMITS},
};

/* open_for_modify: an open that has come back */

FUNCTION_ROW(begin_do_filp_open, "do_filp_open", FILENAME(2) DIRECTORY(1) OPEN_FLAGS, KIND(OPEN_FOR_MODIFY), FILE_CALL_OPEN,
	     file_begin_kernel);
FUNCTION_ROW(begin_do_file_open, "do_file_open", FILENAME(2) DIRECTORY(1) OPEN_FLAGS, KIND(OPEN_FOR_MODIFY), FILE_CALL_OPEN,
	     file_begin_kernel);
RETURN_ROW(end_do_filp_open, "do_filp_open", "s64", KIND(OPEN_FOR_MODIFY), FILE_CALL_OPEN);
RETURN_ROW(end_do_file_open, "do_file_open", "s64", KIND(OPEN_FOR_MODIFY), FILE_CALL_OPEN);

/* create: an open that has come back, with a file that is marked as new (FMODE_CREATED, from 4.19 on) */

#define MAKE_ROWS(symbol)                                                                                                               \
	FUNCTION_ROW(make_##symbol, #symbol, FILENAME(2) DIRECTORY(1) OPEN_FLAGS, KIND(CREATE), FILE_CALL_OPEN_NEW, file_begin_kernel); \
	static const struct source_probe made_##symbol = {                                                                              \
		.type = SOURCE_KRETPROBE,                                                                                               \
		.name = #symbol,                                                                                                        \
		.fetchargs = "ret=$retval:s64 fmode=+{file.mode}($retval):u32",                                                         \
		.kinds = KIND(CREATE),                                                                                                  \
		.tag = FILE_CALL_OPEN_NEW,                                                                                              \
		.fields = {"ret", "fmode"},                                                                                             \
		.build = file_end_new,                                                                                                  \
	}
MAKE_ROWS(do_filp_open);
MAKE_ROWS(do_file_open);

/* On older kernels: within an open, d_instantiate(dentry, inode) is called when one is made for it. */
#define NOTE_NEW_ROW(symbol, optional_)             \
	static const struct source_probe symbol = { \
		.type = SOURCE_KPROBE,              \
		.name = #symbol,                    \
		.kinds = KIND(CREATE),              \
		.optional = (optional_),            \
		.build = file_note_new,             \
	}
NOTE_NEW_ROW(d_instantiate, false);
NOTE_NEW_ROW(d_instantiate_new, true);
RETURN_ROW(noted_do_filp_open, "do_filp_open", "s64", KIND(CREATE), FILE_CALL_OPEN_NEW);

FUNCTION_ROW(begin_do_mkdirat, "do_mkdirat", FILENAME(2) DIRECTORY(1) " mode=$arg3:u16", KIND(CREATE), FILE_CALL_CREATE, file_begin_kernel);
FUNCTION_ROW(begin_do_mknodat, "do_mknodat", FILENAME(2) DIRECTORY(1) " mode=$arg3:u16", KIND(CREATE), FILE_CALL_CREATE, file_begin_kernel);
FUNCTION_ROW(begin_filename_mkdirat, "filename_mkdirat", FILENAME(2) DIRECTORY(1) " mode=$arg3:u16", KIND(CREATE), FILE_CALL_CREATE,
	     file_begin_kernel);
FUNCTION_ROW(begin_filename_mknodat, "filename_mknodat", FILENAME(2) DIRECTORY(1) " mode=$arg3:u16", KIND(CREATE), FILE_CALL_CREATE,
	     file_begin_kernel);
RETURN_ROW(end_do_mkdirat, "do_mkdirat", "s32", KIND(CREATE), FILE_CALL_CREATE);
RETURN_ROW(end_do_mknodat, "do_mknodat", "s32", KIND(CREATE), FILE_CALL_CREATE);
RETURN_ROW(end_filename_mkdirat, "filename_mkdirat", "s32", KIND(CREATE), FILE_CALL_CREATE);
RETURN_ROW(end_filename_mknodat, "filename_mknodat", "s32", KIND(CREATE), FILE_CALL_CREATE);

#define CREATE_ROWS(call, fields_, ...)                                                                \
	ENTER_ROW(call, KIND(CREATE), FILE_CALL_CREATE, false, file_begin_late, fields_, __VA_ARGS__); \
	EXIT_ROW(call, KIND(CREATE), FILE_CALL_CREATE, false)
CREATE_ROWS(mkdir, OPENS("?", "?", "mode"), NAME("pathname"));
CREATE_ROWS(mkdirat, OPENS("dfd", "?", "mode"), NAME("pathname"), AT_READ("dfd"));
CREATE_ROWS(mknod, OPENS("?", "?", "mode"), NAME("filename"));
CREATE_ROWS(mknodat, OPENS("dfd", "?", "mode"), NAME("filename"), AT_READ("dfd"));
#define LATE_MAKES &enter_mkdir, &exit_mkdir, &enter_mkdirat, &exit_mkdirat, &enter_mknod, &exit_mknod, &enter_mknodat, &exit_mknodat

#define MAKES_LIMITS "names of directories and special files are read from the caller a little later; those of files are the kernel's"

static const struct source_candidate create_candidates[] = {
	{.name = "filename_mkdirat",
	 .probes = PROBES(&make_do_file_open, &made_do_file_open, &begin_filename_mkdirat, &end_filename_mkdirat, &begin_filename_mknodat,
			  &end_filename_mknodat)},
	{.name = "do_mkdirat",
	 .probes = PROBES(&make_do_filp_open, &made_do_filp_open, &begin_do_mkdirat, &end_do_mkdirat, &begin_do_mknodat, &end_do_mknodat)},
	{.name = "do_filp_open", .probes = PROBES(&make_do_filp_open, &made_do_filp_open, LATE_MAKES), .limits = MAKES_LIMITS},
	{.name = "do_file_open", .probes = PROBES(&make_do_file_open, &made_do_file_open, LATE_MAKES), .limits = MAKES_LIMITS},
	{.name = "d_instantiate",
	 .probes = PROBES(&make_do_filp_open, &d_instantiate, &d_instantiate_new, &noted_do_filp_open, LATE_MAKES),
	 .limits = MAKES_LIMITS "; files that an overlay copies up count as made when they are opened with O_CREAT"},
};

/* With the system calls' own tracepoints: another set of rows, because those of `open` make their event at once. */
#define LATE_OPEN_ROW(call, optional_, fields_, tag_, ...) \
	static const struct source_probe late_##call = {   \
		.type = SOURCE_TRACEPOINT,                 \
		.system = "syscalls",                      \
		.name = "sys_enter_" #call,                \
		.kinds = KIND(OPEN_FOR_MODIFY),            \
		.tag = FILE_CALL_OPEN | (tag_),            \
		.optional = (optional_),                   \
		.fields = UNPACK fields_,                  \
		.reads = {__VA_ARGS__},                    \
		.build = file_begin_late,                  \
	};                                                 \
	EXIT_ROW(call, KIND(OPEN_FOR_MODIFY), FILE_CALL_OPEN, optional_)
LATE_OPEN_ROW(open, false, OPENS("?", "flags", "mode"), 0, NAME("filename"));
LATE_OPEN_ROW(openat, false, OPENS("dfd", "flags", "mode"), 0, NAME("filename"), AT_READ("dfd"));
LATE_OPEN_ROW(creat, false, OPENS("?", "?", "mode"), FILE_TAG_CREAT, NAME("pathname"));
LATE_OPEN_ROW(openat2, true, OPENS("dfd"), FILE_TAG_OPENAT2, NAME("filename"), AT_READ("dfd"), HOW);

static const struct source_candidate open_for_modify_candidates[] = {
	{.name = "do_filp_open", .probes = PROBES(&begin_do_filp_open, &end_do_filp_open)},
	{.name = "do_file_open", .probes = PROBES(&begin_do_file_open, &end_do_file_open)},
	{.name = "syscalls",
	 .probes = PROBES(&late_open, &exit_open, &late_openat, &exit_openat, &late_creat, &exit_creat, &late_openat2, &exit_openat2),
	 .limits = LATE_LIMITS},
};

/* delete */

FUNCTION_ROW(begin_do_unlinkat, "do_unlinkat", FILENAME(2) DIRECTORY(1), KIND(DELETE), FILE_CALL_DELETE, file_begin_kernel);
FUNCTION_ROW(begin_do_rmdir, "do_rmdir", FILENAME(2) DIRECTORY(1), KIND(DELETE), FILE_CALL_DELETE, file_begin_kernel);
FUNCTION_ROW(begin_filename_unlinkat, "filename_unlinkat", FILENAME(2) DIRECTORY(1), KIND(DELETE), FILE_CALL_DELETE, file_begin_kernel);
FUNCTION_ROW(begin_filename_rmdir, "filename_rmdir", FILENAME(2) DIRECTORY(1), KIND(DELETE), FILE_CALL_DELETE, file_begin_kernel);
RETURN_ROW(end_do_unlinkat, "do_unlinkat", "s32", KIND(DELETE), FILE_CALL_DELETE);
RETURN_ROW(end_do_rmdir, "do_rmdir", "s32", KIND(DELETE), FILE_CALL_DELETE);
RETURN_ROW(end_filename_unlinkat, "filename_unlinkat", "s32", KIND(DELETE), FILE_CALL_DELETE);
RETURN_ROW(end_filename_rmdir, "filename_rmdir", "s32", KIND(DELETE), FILE_CALL_DELETE);

#define DELETE_ROWS(call, fields_, ...)                                                                \
	ENTER_ROW(call, KIND(DELETE), FILE_CALL_DELETE, false, file_begin_late, fields_, __VA_ARGS__); \
	EXIT_ROW(call, KIND(DELETE), FILE_CALL_DELETE, false)
DELETE_ROWS(unlink, HERE, NAME("pathname"));
DELETE_ROWS(unlinkat, AT("dfd"), NAME("pathname"), AT_READ("dfd"));
DELETE_ROWS(rmdir, HERE, NAME("pathname"));

static const struct source_candidate delete_candidates[] = {
	{.name = "do_unlinkat", .probes = PROBES(&begin_do_unlinkat, &end_do_unlinkat, &begin_do_rmdir, &end_do_rmdir)},
	{.name = "filename_unlinkat",
	 .probes = PROBES(&begin_filename_unlinkat, &end_filename_unlinkat, &begin_filename_rmdir, &end_filename_rmdir)},
	{.name = "syscalls",
	 .probes = PROBES(&enter_unlink, &exit_unlink, &enter_unlinkat, &exit_unlinkat, &enter_rmdir, &exit_rmdir),
	 .limits = LATE_LIMITS},
};

/* link. Each name has a probe of its own: two whole names in one record would be too much for it. */

FUNCTION_ROW(link_old_do_linkat, "do_linkat", FILENAME(2) DIRECTORY(1), KIND(LINK), FILE_CALL_LINK, file_begin_kernel);
FUNCTION_ROW(link_new_do_linkat, "do_linkat", FILENAME(4) DIRECTORY(3), KIND(LINK), FILE_CALL_LINK | FILE_TAG_TARGET, file_begin_kernel);
FUNCTION_ROW(link_old_filename_linkat, "filename_linkat", FILENAME(2) DIRECTORY(1), KIND(LINK), FILE_CALL_LINK, file_begin_kernel);
FUNCTION_ROW(link_new_filename_linkat, "filename_linkat", FILENAME(4) DIRECTORY(3), KIND(LINK), FILE_CALL_LINK | FILE_TAG_TARGET,
	     file_begin_kernel);
FUNCTION_ROW_HERE(symlink_old_do_symlinkat, "do_symlinkat", FILENAME(1), KIND(LINK), FILE_CALL_SYMLINK);
FUNCTION_ROW(symlink_new_do_symlinkat, "do_symlinkat", FILENAME(3) DIRECTORY(2), KIND(LINK), FILE_CALL_SYMLINK | FILE_TAG_TARGET,
	     file_begin_kernel);
FUNCTION_ROW_HERE(symlink_old_filename_symlinkat, "filename_symlinkat", FILENAME(1), KIND(LINK), FILE_CALL_SYMLINK);
FUNCTION_ROW(symlink_new_filename_symlinkat, "filename_symlinkat", FILENAME(3) DIRECTORY(2), KIND(LINK),
	     FILE_CALL_SYMLINK | FILE_TAG_TARGET, file_begin_kernel);
RETURN_ROW(end_do_linkat, "do_linkat", "s32", KIND(LINK), FILE_CALL_LINK);
RETURN_ROW(end_do_symlinkat, "do_symlinkat", "s32", KIND(LINK), FILE_CALL_SYMLINK);
RETURN_ROW(end_filename_linkat, "filename_linkat", "s32", KIND(LINK), FILE_CALL_LINK);
RETURN_ROW(end_filename_symlinkat, "filename_symlinkat", "s32", KIND(LINK), FILE_CALL_SYMLINK);

#define LINK_ROWS(call, sort, fields_, ...)                                              \
	ENTER_ROW(call, KIND(LINK), sort, false, file_begin_late, fields_, __VA_ARGS__); \
	EXIT_ROW(call, KIND(LINK), sort, false)
#define AT_BOTH(directory, target_directory) ("?", directory, "?", "?", target_directory)
LINK_ROWS(link, FILE_CALL_LINK, HERE, NAME("oldname"), TARGET("newname"));
LINK_ROWS(linkat, FILE_CALL_LINK, AT_BOTH("olddfd", "newdfd"), NAME("oldname"), AT_READ("olddfd"), TARGET("newname"),
	  TARGET_AT_READ("newdfd"));
LINK_ROWS(symlink, FILE_CALL_SYMLINK, HERE, NAME("oldname"), TARGET("newname"));
LINK_ROWS(symlinkat, FILE_CALL_SYMLINK, AT_BOTH("?", "newdfd"), NAME("oldname"), TARGET("newname"), TARGET_AT_READ("newdfd"));

static const struct source_candidate link_candidates[] = {
	{.name = "do_linkat",
	 .probes = PROBES(&link_old_do_linkat, &link_new_do_linkat, &end_do_linkat, &symlink_old_do_symlinkat, &symlink_new_do_symlinkat,
			  &end_do_symlinkat)},
	{.name = "filename_linkat",
	 .probes = PROBES(&link_old_filename_linkat, &link_new_filename_linkat, &end_filename_linkat, &symlink_old_filename_symlinkat,
			  &symlink_new_filename_symlinkat, &end_filename_symlinkat)},
	{.name = "syscalls",
	 .probes = PROBES(&enter_link, &exit_link, &enter_linkat, &exit_linkat, &enter_symlink, &exit_symlink, &enter_symlinkat,
			  &exit_symlinkat),
	 .limits = LATE_LIMITS},
};

/* rename */

FUNCTION_ROW(old_do_renameat2, "do_renameat2", FILENAME(2) DIRECTORY(1), KIND(RENAME), FILE_CALL_RENAME, file_begin_kernel);
FUNCTION_ROW(new_do_renameat2, "do_renameat2", FILENAME(4) DIRECTORY(3), KIND(RENAME), FILE_CALL_RENAME | FILE_TAG_TARGET,
	     file_begin_kernel);
FUNCTION_ROW(old_filename_renameat2, "filename_renameat2", FILENAME(2) DIRECTORY(1), KIND(RENAME), FILE_CALL_RENAME, file_begin_kernel);
FUNCTION_ROW(new_filename_renameat2, "filename_renameat2", FILENAME(4) DIRECTORY(3), KIND(RENAME), FILE_CALL_RENAME | FILE_TAG_TARGET,
	     file_begin_kernel);
RETURN_ROW(end_do_renameat2, "do_renameat2", "s32", KIND(RENAME), FILE_CALL_RENAME);
RETURN_ROW(end_filename_renameat2, "filename_renameat2", "s32", KIND(RENAME), FILE_CALL_RENAME);

#define RENAME_ROWS(call, optional_, fields_, ...)                                                         \
	ENTER_ROW(call, KIND(RENAME), FILE_CALL_RENAME, optional_, file_begin_late, fields_, __VA_ARGS__); \
	EXIT_ROW(call, KIND(RENAME), FILE_CALL_RENAME, optional_)
RENAME_ROWS(rename, false, HERE, NAME("oldname"), TARGET("newname"));
RENAME_ROWS(renameat, false, AT_BOTH("olddfd", "newdfd"), NAME("oldname"), AT_READ("olddfd"), TARGET("newname"), TARGET_AT_READ("newdfd"));
RENAME_ROWS(renameat2, true, AT_BOTH("olddfd", "newdfd"), NAME("oldname"), AT_READ("olddfd"), TARGET("newname"), TARGET_AT_READ("newdfd"));

static const struct source_candidate rename_candidates[] = {
	{.name = "do_renameat2", .probes = PROBES(&old_do_renameat2, &new_do_renameat2, &end_do_renameat2)},
	{.name = "filename_renameat2", .probes = PROBES(&old_filename_renameat2, &new_filename_renameat2, &end_filename_renameat2)},
	{.name = "syscalls",
	 .probes = PROBES(&enter_rename, &exit_rename, &enter_renameat, &exit_renameat, &enter_renameat2, &exit_renameat2),
	 .limits = LATE_LIMITS},
};

/* modify. security_file_permission(file, mask) is asked before each write (kernel: rw_verify_area()). */

#define REGULAR_FILE  "imode >= 32768 && imode < 36864" /* S_ISREG */
#define INODE_MODE(a) " imode=+{inode.mode}(+{file.inode}($arg" #a ")):u16"

static const struct source_probe security_file_permission = {
	.type = SOURCE_KPROBE,
	.name = "security_file_permission",
	.fetchargs = "mask=$arg2:s32" INODE_MODE(1),
	.path_base = "$arg1",
	.path_kind = DENTRY_PATH_OF_FILE,
	.condition = "mask == 2 && " REGULAR_FILE,
	.kinds = KIND(MODIFY),
	.fields = {"mask", "imode"},
	.build = file_build_modify,
};

/* vfs_truncate(path, length): by name. By descriptor the kernel has no function that is not inlined everywhere. */
static const struct source_probe begin_vfs_truncate = {
	.type = SOURCE_KPROBE,
	.name = "vfs_truncate",
	.path_base = "$arg1",
	.path_kind = DENTRY_PATH_OF_PATH,
	.kinds = KIND(MODIFY),
	.tag = FILE_CALL_TRUNCATE,
	.fields = {"?"},
	.build = file_begin_path,
};
RETURN_ROW(end_vfs_truncate, "vfs_truncate", "s64", KIND(MODIFY), FILE_CALL_TRUNCATE);

ENTER_ROW(ftruncate, KIND(MODIFY), FILE_CALL_TRUNCATE, false, file_begin_descriptor, HERE, DESCRIPTOR("fd"));
EXIT_ROW(ftruncate, KIND(MODIFY), FILE_CALL_TRUNCATE, false);
ENTER_ROW(truncate, KIND(MODIFY), FILE_CALL_TRUNCATE, false, file_begin_late, HERE, NAME("path"));
EXIT_ROW(truncate, KIND(MODIFY), FILE_CALL_TRUNCATE, false);
#define WRITE_ROWS(call, optional_)                                                                         \
	ENTER_ROW(call, KIND(MODIFY), FILE_CALL_WRITE, optional_, file_begin_regular, HERE, REGULAR("fd")); \
	EXIT_ROW(call, KIND(MODIFY), FILE_CALL_WRITE, optional_)
WRITE_ROWS(write, false);
WRITE_ROWS(pwrite64, false);
WRITE_ROWS(writev, false);
WRITE_ROWS(pwritev, false);
WRITE_ROWS(pwritev2, true);

static const struct source_candidate modify_candidates[] = {
	{.name = "security_file_permission",
	 .probes = PROBES(&security_file_permission, &begin_vfs_truncate, &end_vfs_truncate, &enter_ftruncate, &exit_ftruncate),
	 .limits = "writes to a mapping of a file are not seen"},
	{.name = "syscalls",
	 .probes =
		 PROBES(&enter_write, &exit_write, &enter_pwrite64, &exit_pwrite64, &enter_writev, &exit_writev, &enter_pwritev,
			&exit_pwritev, &enter_pwritev2, &exit_pwritev2, &enter_truncate, &exit_truncate, &enter_ftruncate, &exit_ftruncate),
	 .limits =
		 "the file is looked up a little later: writes to one that is closed by then, by sendfile and splice, to a mapping, and of "
		 "32-bit callers are not seen"},
};

/* close_for_modify */

static const struct source_probe fput = {
	.type = SOURCE_KPROBE,
	.name = "__fput",
	.fetchargs = "fmode=+{file.mode}($arg1):u32" INODE_MODE(1),
	.path_base = "$arg1",
	.path_kind = DENTRY_PATH_OF_FILE,
	.condition = "fmode & 2 && " REGULAR_FILE,
	.kinds = KIND(CLOSE_FOR_MODIFY),
	.fields = {"fmode", "imode"},
	.build = file_build_close,
};

static const struct source_candidate close_candidates[] = {
	{.name = "__fput", .probes = PROBES(&fput)},
};

/* attribute_change */

#define PATH_ROW(id, symbol, argument)                  \
	static const struct source_probe begin_##id = { \
		.type = SOURCE_KPROBE,                  \
		.name = (symbol),                       \
		.path_base = "$arg" #argument,          \
		.path_kind = DENTRY_PATH_OF_PATH,       \
		.kinds = KIND(ATTRIBUTE_CHANGE),        \
		.tag = FILE_CALL_ATTRIBUTE,             \
		.fields = {"?"},                        \
		.build = file_begin_path,               \
	};                                              \
	RETURN_ROW(end_##id, symbol, "s32", KIND(ATTRIBUTE_CHANGE), FILE_CALL_ATTRIBUTE)
PATH_ROW(chmod_common, "chmod_common", 1);
PATH_ROW(chown_common, "chown_common", 1);
PATH_ROW(vfs_utimes, "vfs_utimes", 1);
PATH_ROW(utimes_common, "utimes_common", 1);

#define ATTRIBUTE_ROWS(call, optional_, build_, fields_, ...)                                                  \
	ENTER_ROW(call, KIND(ATTRIBUTE_CHANGE), FILE_CALL_ATTRIBUTE, optional_, build_, fields_, __VA_ARGS__); \
	EXIT_ROW(call, KIND(ATTRIBUTE_CHANGE), FILE_CALL_ATTRIBUTE, optional_)
ATTRIBUTE_ROWS(setxattr, false, file_begin_late, HERE, NAME("pathname"));
ATTRIBUTE_ROWS(lsetxattr, false, file_begin_late, HERE, NAME("pathname"));
ATTRIBUTE_ROWS(fsetxattr, false, file_begin_descriptor, HERE, DESCRIPTOR("fd"));
ATTRIBUTE_ROWS(removexattr, false, file_begin_late, HERE, NAME("pathname"));
ATTRIBUTE_ROWS(lremovexattr, false, file_begin_late, HERE, NAME("pathname"));
ATTRIBUTE_ROWS(fremovexattr, false, file_begin_descriptor, HERE, DESCRIPTOR("fd"));
ATTRIBUTE_ROWS(chmod, false, file_begin_late, HERE, NAME("filename"));
ATTRIBUTE_ROWS(fchmod, false, file_begin_descriptor, HERE, DESCRIPTOR("fd"));
ATTRIBUTE_ROWS(fchmodat, false, file_begin_late, AT("dfd"), NAME("filename"), AT_READ("dfd"));
ATTRIBUTE_ROWS(fchmodat2, true, file_begin_late, AT("dfd"), NAME("filename"), AT_READ("dfd"));
ATTRIBUTE_ROWS(chown, false, file_begin_late, HERE, NAME("filename"));
ATTRIBUTE_ROWS(lchown, false, file_begin_late, HERE, NAME("filename"));
ATTRIBUTE_ROWS(fchown, false, file_begin_descriptor, HERE, DESCRIPTOR("fd"));
ATTRIBUTE_ROWS(fchownat, false, file_begin_late, AT("dfd"), NAME("filename"), AT_READ("dfd"));
ATTRIBUTE_ROWS(utime, false, file_begin_late, HERE, NAME("filename"));
ATTRIBUTE_ROWS(utimes, false, file_begin_late, HERE, NAME("filename"));
/* Without a name it is the descriptor's file. */
ATTRIBUTE_ROWS(futimesat, false, file_begin_late, NAMED_AT("filename", "dfd"), NAME("filename"), AT_READ("dfd"));
ATTRIBUTE_ROWS(utimensat, false, file_begin_late, NAMED_AT("filename", "dfd"), NAME("filename"), AT_READ("dfd"));

#define XATTRS                                                                                                                     \
	&enter_setxattr, &exit_setxattr, &enter_lsetxattr, &exit_lsetxattr, &enter_fsetxattr, &exit_fsetxattr, &enter_removexattr, \
		&exit_removexattr, &enter_lremovexattr, &exit_lremovexattr, &enter_fremovexattr, &exit_fremovexattr
#define XATTRS_LIMITS "files whose extended attributes change are looked up a little later"

static const struct source_candidate attribute_candidates[] = {
	{.name = "vfs_utimes",
	 .probes = PROBES(&begin_chmod_common, &end_chmod_common, &begin_chown_common, &end_chown_common, &begin_vfs_utimes,
			  &end_vfs_utimes, XATTRS),
	 .limits = XATTRS_LIMITS},
	{.name = "utimes_common",
	 .probes = PROBES(&begin_chmod_common, &end_chmod_common, &begin_chown_common, &end_chown_common, &begin_utimes_common,
			  &end_utimes_common, XATTRS),
	 .limits = XATTRS_LIMITS},
	{.name = "syscalls",
	 .probes = PROBES(&enter_chmod, &exit_chmod, &enter_fchmod, &exit_fchmod, &enter_fchmodat, &exit_fchmodat, &enter_fchmodat2,
			  &exit_fchmodat2, &enter_chown, &exit_chown, &enter_lchown, &exit_lchown, &enter_fchown, &exit_fchown,
			  &enter_fchownat, &exit_fchownat, &enter_utime, &exit_utime, &enter_utimes, &exit_utimes, &enter_futimesat,
			  &exit_futimesat, &enter_utimensat, &exit_utimensat, XATTRS),
	 .limits = LATE_LIMITS},
};

#define CAPTURE(kind_, candidates_, provoke_, count_, verify_)                                                                            \
	{                                                                                                                                 \
		.kind = EVENT_FILE_##kind_, .needed_by = KIND(kind_), .candidates = (candidates_), .candidate_count = COUNT(candidates_), \
		.provocation_count = (count_), .provoke = (provoke_), .verify = (verify_),                                                \
	}

const struct source_capture file_captures[] = {
	CAPTURE(OPEN, open_candidates, file_provoke_open, 1, file_verify_open),
	CAPTURE(CREATE, create_candidates, file_provoke_create, FILE_CREATE_PROVOCATIONS, file_verify_create),
	CAPTURE(DELETE, delete_candidates, file_provoke_delete, FILE_DELETE_PROVOCATIONS, file_verify_name),
	CAPTURE(LINK, link_candidates, file_provoke_link, FILE_LINK_PROVOCATIONS, file_verify_link),
	CAPTURE(RENAME, rename_candidates, file_provoke_rename, 1, file_verify_rename),
	CAPTURE(OPEN_FOR_MODIFY, open_for_modify_candidates, file_provoke_open, 1, file_verify_name),
	CAPTURE(MODIFY, modify_candidates, file_provoke_modify, FILE_MODIFY_PROVOCATIONS, file_verify_name),
	CAPTURE(CLOSE_FOR_MODIFY, close_candidates, file_provoke_open, 1, file_verify_name),
	CAPTURE(ATTRIBUTE_CHANGE, attribute_candidates, file_provoke_attribute, FILE_ATTRIBUTE_PROVOCATIONS, file_verify_name),
};

const size_t file_capture_count = COUNT(file_captures);
