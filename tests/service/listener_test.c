#include "service/listener.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64];
static char path[96], address[112];

static void make_directory(void)
{
	strcpy(directory, "/tmp/ringside-listener-XXXXXX");
	cr_assert_not_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/socket", directory);
	snprintf(address, sizeof(address), "unix:%s", path);
}

static void remove_directory(void)
{
	unlink(path);
	rmdir(directory);
}

TestSuite(listener, .init = make_directory, .fini = remove_directory);

static mode_t mode_of(const char *file)
{
	struct stat st;

	cr_assert_eq(lstat(file, &st), 0);
	return st.st_mode & 07777;
}

static bool exists(const char *file)
{
	return access(file, F_OK) == 0;
}

Test(listener, an_address_is_a_path_or_a_host_and_a_port)
{
	struct listener_address a;

	cr_assert_eq(listener_address_parse(&a, "unix:/run/x.sock", NULL), 0);
	cr_assert_not(a.tcp);
	cr_assert_str_eq(a.path, "/run/x.sock");
	cr_assert_eq(listener_address_parse(&a, "unix:///run/x.sock", NULL), 0);
	cr_assert_str_eq(a.path, "/run/x.sock");
	cr_assert_eq(listener_address_parse(&a, "localhost:8484", NULL), 0);
	cr_assert(a.tcp);
	cr_assert_str_eq(a.host, "localhost");
	cr_assert_str_eq(a.port, "8484");
	cr_assert_eq(listener_address_parse(&a, "[::1]:0", NULL), 0);
	cr_assert_str_eq(a.host, "::1");
	cr_assert_str_eq(a.port, "0");
}

Test(listener, what_is_no_address_is_refused_by_name)
{
	static const char *const wrong[] = {"",      "localhost", ":80", "unix:",   "unix://", "::1:80",
					    "[]:80", "h:",        "h:x", "h:65536", "h:-1",    "h:8 "};
	struct listener_address a;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct error err = {0};

		cr_assert_eq(listener_address_parse(&a, wrong[i], &err), -EINVAL, "%s", wrong[i]);
		cr_assert_eq(strncmp(err.message, wrong[i], strlen(wrong[i])), 0, "%s", err.message);
	}
}

Test(listener, a_path_that_does_not_fit_a_socket_name_is_refused)
{
	struct listener_address a;
	char longest[5 + 107 + 2] = "unix:";

	memset(longest + 5, 'x', 107);
	cr_assert_eq(listener_address_parse(&a, longest, NULL), 0);
	longest[5 + 107] = 'x';
	cr_assert_eq(listener_address_parse(&a, longest, NULL), -EINVAL);
}

Test(listener, a_unix_socket_has_mode_0660_whatever_the_umask_is)
{
	static const mode_t masks[] = {0, 022, 077, 0777};

	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		struct listener l;
		struct error err = {0};
		mode_t before = umask(masks[i]);
		int r = listener_open(&l, address, false, &err);

		umask(before);
		cr_assert_eq(r, 0, "%s", err.message);
		cr_assert_eq(mode_of(path), 0660);
		cr_assert_str_eq(l.address, address);
		listener_close(&l);
		cr_assert_not(exists(path));
	}
}

Test(listener, a_missing_directory_is_made_and_a_missing_one_above_it_is_not)
{
	struct listener l;
	struct error err = {0};
	char inner[96], deep[112];
	mode_t before = umask(077);

	snprintf(inner, sizeof(inner), "%s/inner", directory);
	snprintf(address, sizeof(address), "unix:%s/s", inner);
	cr_assert_eq(listener_open(&l, address, false, &err), 0, "%s", err.message);
	umask(before);
	cr_assert_eq(mode_of(inner), 0755);
	listener_close(&l);
	cr_assert_eq(rmdir(inner), 0);

	snprintf(deep, sizeof(deep), "unix:%s/a/b/s", directory);
	cr_assert_eq(listener_open(&l, deep, false, &err), -ENOENT);
	cr_assert_not_null(strstr(err.message, deep));
}

Test(listener, a_socket_that_a_dead_process_left_is_replaced)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	struct listener l;
	struct error err = {0};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(name.sun_path, path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	cr_assert_eq(listen(fd, 1), 0);
	close(fd);
	cr_assert(exists(path));
	cr_assert_eq(listener_open(&l, address, false, &err), 0, "%s", err.message);
	listener_close(&l);
	cr_assert_not(exists(path));
}

Test(listener, a_socket_that_somebody_listens_on_is_left_alone)
{
	struct listener first, second;
	struct error err = {0};

	cr_assert_eq(listener_open(&first, address, false, &err), 0, "%s", err.message);
	cr_assert_eq(listener_open(&second, address, false, &err), -EADDRINUSE);
	cr_assert_not_null(strstr(err.message, address));
	cr_assert(exists(path));
	listener_close(&first);
}

Test(listener, a_file_that_is_no_socket_is_left_alone)
{
	struct listener l;
	struct error err = {0};
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	close(fd);
	cr_assert_eq(listener_open(&l, address, false, &err), -EEXIST);
	cr_assert_not_null(strstr(err.message, address));
	cr_assert(exists(path));
}

Test(listener, closing_leaves_a_file_that_somebody_else_has_put_there)
{
	struct listener ours, theirs;
	struct error err = {0};

	cr_assert_eq(listener_open(&ours, address, false, &err), 0, "%s", err.message);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(listener_open(&theirs, address, false, &err), 0, "%s", err.message);
	listener_close(&ours);
	cr_assert(exists(path));
	listener_close(&theirs);
	cr_assert_not(exists(path));
	listener_close(&theirs);
}

Test(listener, port_0_lets_the_kernel_choose_and_a_taken_port_is_refused)
{
	struct listener first, second;
	struct error err = {0};

	cr_assert_eq(listener_open(&first, "127.0.0.1:0", false, &err), 0, "%s", err.message);
	cr_assert_eq(strncmp(first.address, "127.0.0.1:", 10), 0);
	cr_assert_gt(atoi(first.address + 10), 0);
	cr_assert_eq(listener_open(&second, first.address, false, &err), -EADDRINUSE);
	cr_assert_not_null(strstr(err.message, first.address));
	listener_close(&first);
}

Test(listener, only_loopback_is_listened_on_unless_more_is_allowed)
{
	struct listener l;
	struct error err = {0};

	cr_assert_eq(listener_open(&l, "0.0.0.0:0", false, &err), -EPERM);
	cr_assert_not_null(strstr(err.message, "0.0.0.0:0"));
	cr_assert_eq(listener_open(&l, "192.0.2.1:0", false, &err), -EPERM);
	cr_assert_eq(listener_open(&l, "127.9.9.9:0", false, &err), 0, "%s", err.message);
	listener_close(&l);
	cr_assert_eq(listener_open(&l, "0.0.0.0:0", true, &err), 0, "%s", err.message);
	listener_close(&l);
}
