/*
 * doings FOLDER WHAT...: goes to the folder and does one thing after another: w:NAME opens for writing (O_WRONLY|O_CREAT|O_TRUNC, 0666), a:NAME
 * for appending, u:NAME unlinks, c:PORT connects to 127.0.0.1. Then it stays for half a second: what is read of its memory late (its arguments,
 * and an address that nothing writes over) is still there. Exit status 1 when something failed.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int open_one(const char *name, int flags)
{
	return open(name, O_WRONLY | O_CREAT | flags, 0666);
}

static int connect_one(const char *port)
{
	static struct sockaddr_in address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_family = AF_INET;
	address.sin_port = htons((unsigned short)atoi(port));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect(fd, (const struct sockaddr *)&address, sizeof(address));
}

static int do_one(const char *what)
{
	switch (what[0]) {
	case 'w':
		return open_one(what + 2, O_TRUNC);
	case 'a':
		return open_one(what + 2, O_APPEND);
	case 'u':
		return unlink(what + 2);
	case 'c':
		return connect_one(what + 2);
	default:
		return -1;
	}
}

int main(int argc, char **argv)
{
	const struct timespec stay = {.tv_nsec = 500000000};
	int failed = argc < 2 || chdir(argv[1]);

	for (int i = 2; i < argc; i++)
		failed |= do_one(argv[i]) < 0;
	nanosleep(&stay, NULL);
	return failed;
}
