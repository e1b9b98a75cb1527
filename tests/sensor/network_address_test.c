#include "sensor/network_address.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

static char path[NETWORK_PATH_BYTES];

static struct event_address decode(const void *bytes, size_t length)
{
	struct event_address address;

	network_address_decode(bytes, length, length, path, &address);
	return address;
}

static void assert_path(const struct event_address *address, const char *expected, size_t length)
{
	cr_assert_eq(address->family, ADDRESS_LOCAL);
	cr_assert_eq(address->path.length, length, "%zu", address->path.length);
	cr_assert_eq(memcmp(address->path.bytes, expected, length), 0, "%.*s", (int)address->path.length, address->path.bytes);
}

/* The numbers are those of the contract's own example: 127.0.0.1:8080. */
Test(network_address, an_ipv4_address_is_its_bytes_read_as_little_endian)
{
	const struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(8080), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct event_address address = decode(&in, sizeof(in));

	cr_assert_eq(address.family, ADDRESS_INET);
	cr_assert_eq(address.port, 36895);
	cr_assert_eq(address.ipv4, 16777343);
	cr_assert_eq(address.path.length, 0);
}

Test(network_address, an_ipv6_address_is_two_halves_read_as_little_endian)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(8080), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct event_address address = decode(&in6, sizeof(in6));

	cr_assert_eq(address.family, ADDRESS_INET6);
	cr_assert_eq(address.port, 36895);
	cr_assert_eq(address.ipv6_high, 0);
	cr_assert_eq(address.ipv6_low, 72057594037927936);
	cr_assert_eq(inet_pton(AF_INET6, "2001:db8:102:304:5:6:7:8", &in6.sin6_addr), 1);
	address = decode(&in6, sizeof(in6));
	cr_assert_eq(address.ipv6_high, 0x04030201b80d0120);
	cr_assert_eq(address.ipv6_low, 0x0800070006000500);
}

/* SIN6_LEN_RFC2133: what old programs pass. */
Test(network_address, an_ipv6_address_without_its_scope_is_one)
{
	const struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};

	cr_assert_eq(decode(&in6, 24).family, ADDRESS_INET6);
	cr_assert_eq(decode(&in6, 23).family, ADDRESS_NONE);
}

Test(network_address, a_unix_path_ends_at_its_nul_or_with_the_address)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/run/ringside.sock"};
	struct event_address address = decode(&un, sizeof(un));

	assert_path(&address, "/run/ringside.sock", 18);
	address = decode(&un, offsetof(struct sockaddr_un, sun_path) + 4);
	assert_path(&address, "/run", 4);
	memset(un.sun_path, 'x', sizeof(un.sun_path));
	address = decode(&un, sizeof(un));
	assert_path(&address, un.sun_path, sizeof(un.sun_path));
}

Test(network_address, an_abstract_name_is_as_long_as_the_address_says)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "\0a\0b"};
	struct event_address address = decode(&un, offsetof(struct sockaddr_un, sun_path) + 4);

	assert_path(&address, "@a\0b", 4);
	address = decode(&un, offsetof(struct sockaddr_un, sun_path) + 1);
	assert_path(&address, "@", 1);
	memset(un.sun_path + 1, 'x', sizeof(un.sun_path) - 1);
	address = decode(&un, sizeof(un));
	cr_assert_eq(address.path.length, sizeof(un.sun_path));
	cr_assert_eq(address.path.bytes[0], '@');
}

Test(network_address, an_unnamed_unix_address_has_an_empty_path)
{
	const struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/not/counted"};
	struct event_address address = decode(&un, sizeof(un.sun_family));

	assert_path(&address, "", 0);
}

Test(network_address, what_is_too_short_or_of_another_family_is_none)
{
	const struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = 1};
	const struct sockaddr other = {.sa_family = AF_NETLINK, .sa_data = "abc"};

	cr_assert_eq(decode(&in, 7).family, ADDRESS_NONE);
	cr_assert_eq(decode(&in, 7).port, 0);
	cr_assert_eq(decode(&in, 1).family, ADDRESS_NONE);
	cr_assert_eq(decode(&in, 0).family, ADDRESS_NONE);
	cr_assert_eq(decode(&other, sizeof(other)).family, ADDRESS_NONE);
}

Test(network_address, no_more_is_read_than_is_there)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/run/somewhere"};
	struct event_address address;

	network_address_decode(&un, 6, 4000, path, &address);
	assert_path(&address, "/run", 4);
}
