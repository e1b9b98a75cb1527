#include "tests/vm/scenario.h"
#include "tests/vm/story.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define LONG_NAME_BYTES 4000

/* Rows of struct file_telling. */
#define TELLS(kind_, name_, path_)                                            \
	{                                                                     \
		.kind = EVENT_FILE_##kind_, .name = (name_), .path = (path_), \
	}
#define OPENS(name_, path_, flags_, mode_)                                                                    \
	{                                                                                                     \
		.kind = EVENT_FILE_OPEN, .name = (name_), .path = (path_), .flags = (flags_), .mode = (mode_) \
	}
#define CREATES(name_, path_, mode_)                                                         \
	{                                                                                    \
		.kind = EVENT_FILE_CREATE, .name = (name_), .path = (path_), .mode = (mode_) \
	}
#define LINKS(name_, path_, target_, target_path_, symlink_)                                                                   \
	{                                                                                                                      \
		.kind = EVENT_FILE_LINK, .name = (name_), .path = (path_), .target = (target_), .target_path = (target_path_), \
		.symlink = (symlink_)                                                                                          \
	}
#define RENAMES(name_, path_, target_, target_path_)                                                                            \
	{                                                                                                                       \
		.kind = EVENT_FILE_RENAME, .name = (name_), .path = (path_), .target = (target_), .target_path = (target_path_) \
	}

/* Names that the child needs and that have to be made up: before it is started. */
static const char *absolute;
static char long_name[LONG_NAME_BYTES + 1], other_long_name[LONG_NAME_BYTES + 1];

/* "./././././NAME" */
static void make_long_name(char to[LONG_NAME_BYTES + 1], const char *name)
{
	size_t length = LONG_NAME_BYTES - strlen(name);

	for (size_t i = 0; i < length; i++)
		to[i] = "./"[i % 2];
	/* An odd one ends with a dot, which must not become part of the name. */
	if (length % 2)
		to[length - 1] = '/';
	strcpy(to + length, name);
}

/* open */

static void open_in_many_ways(void)
{
	static struct open_how how = {.flags = O_RDWR | O_CREAT | O_CLOEXEC, .mode = 0604};
	int directory;

	MUST(open("made", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0614));
	MUST(open("./made", O_RDONLY | O_NOCTTY, 0777));
	MUST(open(absolute, O_WRONLY | O_APPEND | O_TRUNC | O_NONBLOCK));
	MUST(syscall(SYS_open, "made", O_RDWR | O_CREAT | O_NOFOLLOW, 0421));
	MUST(syscall(SYS_creat, "creat", 01640));
	MUST(open(".", O_RDWR | O_TMPFILE, 0600));
	MUST(syscall(SYS_openat2, AT_FDCWD, "openat2", &how, sizeof(how)));
	FAILS(open("nowhere/made", O_RDONLY));
	FAILS(open("made", O_RDWR | O_CREAT | O_EXCL, 0600));
	MUST(mkdir("folder", 0755));
	directory = (int)MUST(open("folder", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	MUST(openat(directory, "inner", O_RDWR | O_CREAT, 0751));
	MUST(openat(directory, "..//made", O_RDONLY));
	MUST(openat(directory, absolute, O_RDONLY | O_NOATIME));
	MUST(open("folder/../folder/./inner", O_RDONLY | O_SYNC));
}

static void open_tells_name_path_flags_and_mode(void)
{
	struct story story;

	absolute = in_directory("/made");
	story = play(wish(EVENT_FILE_OPEN), open_in_many_ways);
	expect_files(&story, (struct file_telling[]){
				     OPENS("made", "~/made", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0614),
				     OPENS("./made", "~/made", O_RDONLY | O_NOCTTY, 0),
				     OPENS(absolute, absolute, O_WRONLY | O_APPEND | O_TRUNC | O_NONBLOCK, 0),
				     OPENS("made", "~/made", O_RDWR | O_CREAT | O_NOFOLLOW, 0421),
				     OPENS("creat", "~/creat", O_WRONLY | O_CREAT | O_TRUNC, 01640),
				     OPENS(".", "~", O_RDWR | O_TMPFILE, 0600),
				     OPENS("openat2", "~/openat2", O_RDWR | O_CREAT | O_CLOEXEC, 0604),
				     OPENS("nowhere/made", "~/nowhere/made", O_RDONLY, 0),
				     OPENS("made", "~/made", O_RDWR | O_CREAT | O_EXCL, 0600),
				     OPENS("folder", "~/folder", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0),
				     OPENS("inner", "~/folder/inner", O_RDWR | O_CREAT, 0751),
				     OPENS("..//made", "~/made", O_RDONLY, 0),
				     OPENS(absolute, absolute, O_RDONLY | O_NOATIME, 0),
				     OPENS("folder/../folder/./inner", "~/folder/inner", O_RDONLY | O_SYNC, 0),
				     {0},
			     });
}

static void open_long_names(void)
{
	MUST(open(long_name, O_RDWR | O_CREAT, 0600));
	MUST(open(absolute, O_RDWR | O_CREAT, 0600));
}

/* Directories with names of 200 characters, and a name that fills the rest. */
static const char *make_deep_name(void)
{
	static char path[LONG_NAME_BYTES + 1];
	size_t length;

	CHECK(getcwd(path, sizeof(path)), "no current directory");
	length = strlen(path);
	while (LONG_NAME_BYTES - length > 250) {
		path[length++] = '/';
		memset(path + length, 'a' + (int)(length % 26), 200);
		length += 200;
		path[length] = '\0';
		CHECK_CALL(mkdir(path, 0755));
	}
	path[length++] = '/';
	memset(path + length, 'x', LONG_NAME_BYTES - length);
	return path;
}

static void open_tells_4000_bytes_of_a_name(void)
{
	struct story story;

	make_long_name(long_name, "long");
	absolute = make_deep_name();
	story = play(wish(EVENT_FILE_OPEN), open_long_names);
	expect_files(&story, (struct file_telling[]){
				     OPENS(long_name, "~/long", O_RDWR | O_CREAT, 0600),
				     OPENS(absolute, absolute, O_RDWR | O_CREAT, 0600),
				     {0},
			     });
}

static void open_what_is_wanted_and_what_is_not(void)
{
	MUST(open("unwanted", O_RDWR | O_CREAT, 0600));
	MUST(open("wanted", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	MUST(open("wanted", O_RDWR | O_CREAT, 0600));
	MUST(open("wanted", O_RDONLY | O_CLOEXEC));
}

static void filters_on_name_and_flags_let_through_what_they_name(void)
{
	struct subscription_spec *spec = wish(EVENT_FILE_OPEN);
	struct story story;

	require_string(spec, "filename", PREDICATE_EQUAL, "wanted");
	require_bits(spec, "open_flags", O_CLOEXEC);
	story = play(spec, open_what_is_wanted_and_what_is_not);
	expect_files(&story, (struct file_telling[]){
				     OPENS("wanted", "~/wanted", O_RDWR | O_CREAT | O_CLOEXEC, 0600),
				     OPENS("wanted", "~/wanted", O_RDONLY | O_CLOEXEC, 0),
				     {0},
			     });
}

static bool is_named_32(const Capsule8__Api__V0__Event *event, const void *unused)
{
	(void)unused;
	return capsule8_event_kind(event) == EVENT_FILE_OPEN && !strcmp(event->file->filename, "32");
}

static void run_open32(void *program)
{
	(void)!open("64", O_RDONLY | O_CREAT, 0600);
	run_program(program);
}

static void a_32_bit_program_s_open_is_told(void)
{
	char *arguments[] = {"open32", NULL};
	struct observation *o = observe(wish(EVENT_FILE_OPEN));
	const Capsule8__Api__V0__FileEvent *file;
	pid_t pid;

	CHECK_INTEGER(start_and_reap(run_open32, &(struct program){program_path("open32"), arguments}, &pid), 0);
	if (await_of_process(o, EVENT_FILE_OPEN, pid)->capture == CAPSULE8__API__V0__CAPTURE__CAPTURE_LATE)
		scenario_skip("what reads names late does not see 32-bit callers");
	file = await_event(o, is_named_32, NULL, "the open of a 32-bit program")->file;
	CHECK_STRING(file->path, in_directory("/32"));
	CHECK_INTEGER(file->open_flags & ~0100000, O_RDWR | O_CREAT | O_CLOEXEC);
	CHECK_INTEGER(file->open_mode, 0642);
}

/* create */

static void make_files(void)
{
	char comm[64];
	int directory;

	snprintf(comm, sizeof(comm), "/proc/%d/comm", (int)getpid());
	MUST(open("new", O_WRONLY | O_CREAT, 0640));
	MUST(open("new", O_WRONLY | O_CREAT, 0640));
	FAILS(open("new", O_WRONLY | O_CREAT | O_EXCL, 0640));
	FAILS(open("nowhere/new", O_WRONLY | O_CREAT, 0640));
	MUST(open(".", O_WRONLY | O_TMPFILE, 0640));
	/* Nobody has looked for it yet: the kernel does not know before it asks the file system. */
	MUST(open(comm, O_WRONLY | O_CREAT, 0640));
	MUST(mkdir("folder", 0751));
	FAILS(mkdir("folder", 0751));
	directory = (int)MUST(open("folder", O_RDONLY | O_DIRECTORY));
	MUST(mkdirat(directory, "inner", 01700));
	MUST(openat(directory, "file", O_RDWR | O_CREAT | O_TRUNC, 0664));
	MUST(mknod("fifo", S_IFIFO | 0620, 0));
	MUST(mknodat(directory, "../plain", S_IFREG | 0604, 0));
	MUST(mknod(absolute, S_IFCHR | 0600, 0x103));
	MUST(mkdir(long_name, 0711));
}

static void create_tells_what_was_made_and_only_that(void)
{
	struct story story;

	absolute = in_directory("/null");
	make_long_name(long_name, "long");
	story = play(wish(EVENT_FILE_CREATE), make_files);
	expect_files(&story, (struct file_telling[]){
				     CREATES("new", "~/new", 0640),
				     CREATES("folder", "~/folder", 0751),
				     CREATES("inner", "~/folder/inner", 01700),
				     CREATES("file", "~/folder/file", 0664),
				     CREATES("fifo", "~/fifo", 0620),
				     CREATES("../plain", "~/plain", 0604),
				     CREATES(absolute, absolute, 0600),
				     CREATES(long_name, "~/long", 0711),
				     {0},
			     });
}

/* delete */

static void remove_files(void)
{
	int directory;

	MUST(mkdir("folder", 0755));
	MUST(mkdir("folder/inner", 0755));
	MUST(mknod("a", S_IFREG | 0600, 0));
	MUST(mknod("folder/b", S_IFREG | 0600, 0));
	MUST(mknod("c", S_IFREG | 0600, 0));
	MUST(mknod("long", S_IFREG | 0600, 0));
	directory = (int)MUST(open("folder", O_RDONLY | O_DIRECTORY));
	MUST(unlink("a"));
	FAILS(unlink("a"));
	FAILS(unlink("folder"));
	FAILS(rmdir("folder"));
	MUST(unlinkat(directory, "b", 0));
	MUST(unlinkat(directory, "inner", AT_REMOVEDIR));
	MUST(rmdir("./folder/"));
	MUST(unlink(absolute));
	MUST(unlink(long_name));
}

static void delete_tells_what_is_gone(void)
{
	struct story story;

	absolute = in_directory("/c");
	make_long_name(long_name, "long");
	story = play(wish(EVENT_FILE_DELETE), remove_files);
	expect_files(&story, (struct file_telling[]){
				     TELLS(DELETE, "a", "~/a"),
				     TELLS(DELETE, "b", "~/folder/b"),
				     TELLS(DELETE, "inner", "~/folder/inner"),
				     TELLS(DELETE, "./folder/", "~/folder"),
				     TELLS(DELETE, absolute, absolute),
				     TELLS(DELETE, long_name, "~/long"),
				     {0},
			     });
}

/* link */

static void link_files(void)
{
	int directory;

	MUST(mkdir("folder", 0755));
	MUST(mknod("a", S_IFREG | 0600, 0));
	directory = (int)MUST(open("folder", O_RDONLY | O_DIRECTORY));
	MUST(link("a", "b"));
	FAILS(link("a", "b"));
	FAILS(link("nothing", "c"));
	MUST(linkat(AT_FDCWD, absolute, directory, "hard", 0));
	MUST(linkat(directory, "hard", AT_FDCWD, "./d", 0));
	MUST(symlink("a", "soft"));
	FAILS(symlink("a", "soft"));
	MUST(symlink("../a", "folder/soft"));
	MUST(symlinkat("hard", directory, "here"));
	MUST(symlinkat("/no/such/file", directory, absolute + strlen(absolute) - 1));
	MUST(symlink(long_name, other_long_name));
}

static void link_tells_both_names(void)
{
	struct story story;

	absolute = in_directory("/a");
	make_long_name(long_name, "long");
	make_long_name(other_long_name, "other");
	story = play(wish(EVENT_FILE_LINK), link_files);
	expect_files(&story, (struct file_telling[]){
				     LINKS("a", "~/a", "b", "~/b", false),
				     LINKS(absolute, absolute, "hard", "~/folder/hard", false),
				     LINKS("hard", "~/folder/hard", "./d", "~/d", false),
				     LINKS("a", "~/a", "soft", "~/soft", true),
				     LINKS("../a", "~/a", "folder/soft", "~/folder/soft", true),
				     LINKS("hard", "~/folder/hard", "here", "~/folder/here", true),
				     LINKS("/no/such/file", "/no/such/file", "a", "~/folder/a", true),
				     LINKS(long_name, "~/long", other_long_name, "~/other", true),
				     {0},
			     });
}

/* rename */

static void rename_files(void)
{
	int directory;

	MUST(mkdir("folder", 0755));
	MUST(mknod("a", S_IFREG | 0600, 0));
	MUST(mknod("x", S_IFREG | 0600, 0));
	directory = (int)MUST(open("folder", O_RDONLY | O_DIRECTORY));
	MUST(rename("a", "b"));
	FAILS(rename("a", "b"));
	MUST(renameat(AT_FDCWD, "./b", directory, "c"));
	FAILS(renameat2(directory, "c", AT_FDCWD, "x", RENAME_NOREPLACE));
	MUST(renameat2(directory, "c", AT_FDCWD, "x", RENAME_EXCHANGE));
	MUST(rename("folder/../x", absolute));
	MUST(rename(absolute, long_name));
	MUST(rename(long_name, other_long_name));
}

static void rename_tells_both_names(void)
{
	struct story story;

	absolute = in_directory("/y");
	make_long_name(long_name, "long");
	make_long_name(other_long_name, "other");
	story = play(wish(EVENT_FILE_RENAME), rename_files);
	expect_files(&story, (struct file_telling[]){
				     RENAMES("a", "~/a", "b", "~/b"),
				     RENAMES("./b", "~/b", "c", "~/folder/c"),
				     RENAMES("c", "~/folder/c", "x", "~/x"),
				     RENAMES("folder/../x", "~/x", absolute, absolute),
				     RENAMES(absolute, absolute, long_name, "~/long"),
				     RENAMES(long_name, "~/long", other_long_name, "~/other"),
				     {0},
			     });
}

/* open_for_modify */

static void open_to_write_and_to_read(void)
{
	static struct open_how how = {.flags = O_WRONLY | O_APPEND};
	int directory;

	MUST(mkdir("folder", 0755));
	directory = (int)MUST(open("folder", O_RDONLY | O_DIRECTORY));
	MUST(open("a", O_WRONLY | O_CREAT, 0600));
	MUST(open("a", O_RDONLY));
	MUST(open("a", O_PATH | O_RDWR));
	MUST(open(absolute, O_RDWR));
	FAILS(open("nothing", O_RDWR));
	FAILS(open("folder", O_WRONLY));
	MUST(openat(directory, "../a", O_WRONLY | O_TRUNC));
	MUST(syscall(SYS_creat, "b", 0600));
	MUST(syscall(SYS_openat2, directory, "../b", &how, sizeof(how)));
	MUST(open(long_name, O_WRONLY | O_CREAT, 0600));
}

static void open_for_modify_tells_of_opens_to_write_that_succeed(void)
{
	struct story story;

	absolute = in_directory("/a");
	make_long_name(long_name, "long");
	story = play(wish(EVENT_FILE_OPEN_FOR_MODIFY), open_to_write_and_to_read);
	expect_files(&story, (struct file_telling[]){
				     TELLS(OPEN_FOR_MODIFY, "a", "~/a"),
				     TELLS(OPEN_FOR_MODIFY, absolute, absolute),
				     TELLS(OPEN_FOR_MODIFY, "../a", "~/a"),
				     TELLS(OPEN_FOR_MODIFY, "b", "~/b"),
				     TELLS(OPEN_FOR_MODIFY, "../b", "~/b"),
				     TELLS(OPEN_FOR_MODIFY, long_name, "~/long"),
				     {0},
			     });
}

/* modify */

static void write_to_files(void)
{
	struct iovec parts[2] = {{"ab", 2}, {"c", 1}};
	int a, b, pair[2];

	a = (int)MUST(open("a", O_RDWR | O_CREAT, 0600));
	b = (int)MUST(open(absolute, O_RDWR | O_CREAT, 0600));
	MUST(write(a, "abc", 3));
	MUST(pwrite(b, "abc", 3, 1));
	MUST(writev(a, parts, 2));
	MUST(pwritev(b, parts, 2, 0));
	MUST(truncate("a", 2));
	FAILS(truncate("nothing", 2));
	MUST(ftruncate(b, 1));
	FAILS(write((int)MUST(open("a", O_RDONLY)), "abc", 3));
	MUST(pipe(pair));
	MUST(write(pair[1], "abc", 3));
	MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	MUST(write(pair[1], "abc", 3));
	MUST(write((int)MUST(open("/dev/null", O_WRONLY)), "abc", 3));
}

static void modify_tells_the_file_that_is_written_to(void)
{
	struct story story;

	absolute = in_directory("/b");
	story = play(wish(EVENT_FILE_MODIFY), write_to_files);
	expect_files(&story, (struct file_telling[]){
				     TELLS(MODIFY, "~/a", "~/a"),
				     TELLS(MODIFY, absolute, absolute),
				     TELLS(MODIFY, "~/a", "~/a"),
				     TELLS(MODIFY, absolute, absolute),
				     TELLS(MODIFY, "~/a", "~/a"),
				     TELLS(MODIFY, absolute, absolute),
				     {0},
			     });
}

/* close_for_modify */

static void close_files(void)
{
	int a, b, copy, reader, pair[2];

	a = (int)MUST(open("a", O_RDWR | O_CREAT, 0600));
	b = (int)MUST(open(absolute, O_WRONLY | O_CREAT, 0600));
	reader = (int)MUST(open("a", O_RDONLY));
	copy = (int)MUST(dup(a));
	MUST(pipe(pair));
	MUST(close(a));
	MUST(close(b));
	MUST(close(reader));
	MUST(close(pair[1]));
	MUST(close(copy));
}

static void close_for_modify_comes_with_the_last_close(void)
{
	struct story story;

	absolute = in_directory("/b");
	story = play(wish(EVENT_FILE_CLOSE_FOR_MODIFY), close_files);
	expect_files(&story, (struct file_telling[]){
				     TELLS(CLOSE_FOR_MODIFY, absolute, absolute),
				     TELLS(CLOSE_FOR_MODIFY, "~/a", "~/a"),
				     {0},
			     });
}

static void work_on_mounts(void)
{
	int descriptors[3];

	MUST(unshare(CLONE_NEWNS));
	MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	MUST(mkdir("memory", 0755));
	MUST(mkdir("bound", 0755));
	MUST(mount("scenario", "memory", "tmpfs", 0, NULL));
	MUST(mkdir("memory/folder", 0755));
	MUST(mount("memory/folder", "bound", NULL, MS_BIND, NULL));
	descriptors[0] = (int)MUST(open("memory/a", O_WRONLY | O_CREAT, 0600));
	descriptors[1] = (int)MUST(open("memory/folder/b", O_WRONLY | O_CREAT, 0600));
	descriptors[2] = (int)MUST(open("bound/b", O_WRONLY, 0600));
	for (int i = 0; i < 3; i++)
		MUST(write(descriptors[i], "x", 1));
	MUST(chmod("bound/b", 0640));
	/* A late look has to come before they are closed. */
	linger();
	for (int i = 0; i < 3; i++)
		MUST(close(descriptors[i]));
}

static const struct file_telling mount_tellings[] = {
	TELLS(MODIFY, "~/memory/a", "~/memory/a"),
	TELLS(MODIFY, "~/memory/folder/b", "~/memory/folder/b"),
	TELLS(MODIFY, "~/bound/b", "~/bound/b"),
	TELLS(ATTRIBUTE_CHANGE, "~/bound/b", "~/bound/b"),
	TELLS(CLOSE_FOR_MODIFY, "~/memory/a", "~/memory/a"),
	TELLS(CLOSE_FOR_MODIFY, "~/memory/folder/b", "~/memory/folder/b"),
	TELLS(CLOSE_FOR_MODIFY, "~/bound/b", "~/bound/b"),
	{0},
};

static void a_file_on_a_mount_has_the_path_by_which_it_was_reached(void)
{
	struct subscription_spec *spec = wish(EVENT_FILE_MODIFY);
	struct story story;

	wish_also(spec, EVENT_FILE_ATTRIBUTE_CHANGE);
	wish_also(spec, EVENT_FILE_CLOSE_FOR_MODIFY);
	story = play(spec, work_on_mounts);
	expect_files(&story, mount_tellings);
}

/* attribute_change */

static void change_attributes(void)
{
	const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 2}};
	int a, directory;

	MUST(mkdir("folder", 0755));
	MUST(mknod("folder/b", S_IFREG | 0600, 0));
	MUST(symlink("a", "soft"));
	directory = (int)MUST(open("folder", O_RDONLY | O_DIRECTORY));
	a = (int)MUST(open("a", O_RDWR | O_CREAT, 0600));
	MUST(chmod("a", 0640));
	FAILS(chmod("nothing", 0640));
	MUST(fchmod(a, 0600));
	MUST(fchmodat(directory, "b", 0644, 0));
	MUST(chown(absolute, 61031, 61032));
	MUST(fchown(a, 0, 0));
	MUST(lchown("soft", 61031, 61032));
	MUST(fchownat(directory, "../a", 61031, 61032, 0));
	MUST(utimensat(directory, "b", times, 0));
	MUST(futimens(a, times));
	MUST(setxattr(absolute, "security.scenario", "x", 1, 0));
	MUST(fsetxattr(a, "security.scenario", "yy", 2, 0));
	MUST(removexattr(absolute, "security.scenario"));
	FAILS(removexattr(absolute, "security.scenario"));
}

static void attribute_change_tells_the_file(void)
{
	struct story story;

	absolute = in_directory("/a");
	story = play(wish(EVENT_FILE_ATTRIBUTE_CHANGE), change_attributes);
	expect_files(&story, (struct file_telling[]){
				     TELLS(ATTRIBUTE_CHANGE, "~/a", "~/a"),
				     TELLS(ATTRIBUTE_CHANGE, "~/a", "~/a"),
				     TELLS(ATTRIBUTE_CHANGE, "~/folder/b", "~/folder/b"),
				     TELLS(ATTRIBUTE_CHANGE, "~/a", "~/a"),
				     TELLS(ATTRIBUTE_CHANGE, "~/a", "~/a"),
				     TELLS(ATTRIBUTE_CHANGE, "~/soft", "~/soft"),
				     TELLS(ATTRIBUTE_CHANGE, "~/a", "~/a"),
				     TELLS(ATTRIBUTE_CHANGE, "~/folder/b", "~/folder/b"),
				     TELLS(ATTRIBUTE_CHANGE, "~/a", "~/a"),
				     TELLS(ATTRIBUTE_CHANGE, "~/a", "~/a"),
				     TELLS(ATTRIBUTE_CHANGE, "~/a", "~/a"),
				     TELLS(ATTRIBUTE_CHANGE, "~/a", "~/a"),
				     {0},
			     });
}

/* All at once */

static void make_one_file(void)
{
	int fd = (int)MUST(open("a", O_RDWR | O_CREAT | O_EXCL, 0640));

	MUST(write(fd, "x", 1));
	linger();
	MUST(close(fd));
}

static void one_file_s_life_is_told_in_order(void)
{
	struct subscription_spec *spec = wish(EVENT_FILE_CLOSE_FOR_MODIFY);
	struct story story;

	wish_also(spec, EVENT_FILE_OPEN);
	wish_also(spec, EVENT_FILE_CREATE);
	wish_also(spec, EVENT_FILE_OPEN_FOR_MODIFY);
	wish_also(spec, EVENT_FILE_MODIFY);
	story = play(spec, make_one_file);
	expect_files(&story, (struct file_telling[]){
				     OPENS("a", "~/a", O_RDWR | O_CREAT | O_EXCL, 0640),
				     CREATES("a", "~/a", 0640),
				     TELLS(OPEN_FOR_MODIFY, "a", "~/a"),
				     TELLS(MODIFY, "~/a", "~/a"),
				     TELLS(CLOSE_FOR_MODIFY, "~/a", "~/a"),
				     {0},
			     });
}

const struct scenario file_scenarios[] = {
	{"open_tells_name_path_flags_and_mode", open_tells_name_path_flags_and_mode},
	{"open_tells_4000_bytes_of_a_name", open_tells_4000_bytes_of_a_name},
	{"open_filters_on_name_and_flags_let_through_what_they_name", filters_on_name_and_flags_let_through_what_they_name},
	{"open_by_a_32_bit_program_is_told", a_32_bit_program_s_open_is_told},
	{"create_tells_what_was_made_and_only_that", create_tells_what_was_made_and_only_that},
	{"delete_tells_what_is_gone", delete_tells_what_is_gone},
	{"link_tells_both_names", link_tells_both_names},
	{"rename_tells_both_names", rename_tells_both_names},
	{"open_for_modify_tells_of_opens_to_write_that_succeed", open_for_modify_tells_of_opens_to_write_that_succeed},
	{"modify_tells_the_file_that_is_written_to", modify_tells_the_file_that_is_written_to},
	{"close_for_modify_comes_with_the_last_close", close_for_modify_comes_with_the_last_close},
	{"a_file_on_a_mount_has_the_path_by_which_it_was_reached", a_file_on_a_mount_has_the_path_by_which_it_was_reached},
	{"attribute_change_tells_the_file", attribute_change_tells_the_file},
	{"one_file_s_life_is_told_in_order", one_file_s_life_is_told_in_order},
	{0},
};
