#include "sensor/network_address.h"

#include <string.h>
#include <sys/socket.h>

#define FAMILY_BYTES 2

/* The bytes that each family needs; the flow and scope of IPv6 are not wanted. */
#define INET_PORT    2
#define INET_ADDRESS 4
#define INET_BYTES   8

#define INET6_PORT    2
#define INET6_ADDRESS 8
#define INET6_BYTES   24

static uint64_t read_little_endian(const uint8_t *bytes, size_t count)
{
	uint64_t value = 0;

	while (count--)
		value = value << 8 | bytes[count];
	return value;
}

static void decode_inet(const uint8_t *bytes, size_t length, struct event_address *ret)
{
	if (length < INET_BYTES)
		return;
	ret->family = ADDRESS_INET;
	ret->port = (uint32_t)read_little_endian(bytes + INET_PORT, 2);
	ret->ipv4 = (uint32_t)read_little_endian(bytes + INET_ADDRESS, 4);
}

static void decode_inet6(const uint8_t *bytes, size_t length, struct event_address *ret)
{
	if (length < INET6_BYTES)
		return;
	ret->family = ADDRESS_INET6;
	ret->port = (uint32_t)read_little_endian(bytes + INET6_PORT, 2);
	ret->ipv6_high = read_little_endian(bytes + INET6_ADDRESS, 8);
	ret->ipv6_low = read_little_endian(bytes + INET6_ADDRESS + 8, 8);
}

static void decode_local(const uint8_t *bytes, size_t length, char path[NETWORK_PATH_BYTES], struct event_address *ret)
{
	size_t path_length = length - FAMILY_BYTES;

	if (path_length > NETWORK_PATH_BYTES)
		path_length = NETWORK_PATH_BYTES;
	ret->family = ADDRESS_LOCAL;
	if (!path_length)
		return;
	memcpy(path, bytes + FAMILY_BYTES, path_length);
	if (path[0] == '\0')
		path[0] = '@';
	else
		path_length = strnlen(path, path_length);
	ret->path = (struct event_string){.bytes = path, .length = path_length};
}

void network_address_decode(const void *bytes, size_t size, size_t length, char path[NETWORK_PATH_BYTES], struct event_address *ret)
{
	uint16_t family;

	*ret = (struct event_address){.path = {.bytes = ""}};
	if (length > size)
		length = size;
	if (length < FAMILY_BYTES)
		return;
	memcpy(&family, bytes, sizeof(family));
	switch (family) {
	case AF_INET:
		decode_inet(bytes, length, ret);
		break;
	case AF_INET6:
		decode_inet6(bytes, length, ret);
		break;
	case AF_UNIX:
		decode_local(bytes, length, path, ret);
		break;
	default:
		break;
	}
}
