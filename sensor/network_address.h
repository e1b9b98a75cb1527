#ifndef SENSOR_NETWORK_ADDRESS_H
#define SENSOR_NETWORK_ADDRESS_H

#include "sensor/event.h"

/*
 * Socket addresses as programs pass them to the kernel: ip(7), ipv6(7), unix(7). The bytes may be anything: a program passes what it likes,
 * and they may have been read while another thread changed them.
 */

#define NETWORK_ADDRESS_BYTES 112 /* whatever is longer is of no family that is decoded; a multiple of eight */
#define NETWORK_PATH_BYTES    108 /* of an address's path at most */

/* struct sockaddr_storage: the kernel refuses what says to be longer (net/socket.c, move_addr_to_kernel()). */
#define NETWORK_ADDRESS_LENGTH_MAX 128

/*
 * `length` is what the caller said it to be (addrlen), of which `size` bytes are there. One that is too short for its family is no address.
 *
 * A unix path ends at its first NUL or at `length`. An abstract name is all that there is up to `length`, NULs too, behind an '@'. The path
 * of the result is in `path`; of other families, and of an unnamed one, it is "".
 */
void network_address_decode(const void *bytes, size_t size, size_t length, char path[NETWORK_PATH_BYTES], struct event_address *ret);

#endif
