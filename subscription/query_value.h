#ifndef SUBSCRIPTION_QUERY_VALUE_H
#define SUBSCRIPTION_QUERY_VALUE_H

#include "base/buffer.h"
#include "subscription/expression.h"

/*
 * How the text form (query_parse.h) writes the values of a field: by names, as ports, addresses and times, as the field's notation says
 * (catalog.h). What value_put() writes is read as the same value in the same place.
 */

/* Where a value stands. */
enum value_place {
	VALUE_EQUAL, /* = or != with the field itself */
	VALUE_ORDER, /* <, <=, >, >= with the field itself */
	VALUE_MASK,  /* in an & with the field, or compared with one */
};

/* Appends a checked value. `field`: that it is compared with or masks; NULL: none, or an argument of a call. */
void value_put(const struct expression *value, const struct catalog_field *field, enum value_place place, struct buffer *out);

/* Whether values of the field have names. Takes NULL. */
bool value_has_names(const struct catalog_field *field);

/* The value that has this name, such as O_CREAT, CLONE_VM, SIGKILL, openat, INET; of results, ENOENT is positive. -ENOENT: none has; the error
 * says it in a sentence and what may have been meant. */
int value_find(const struct catalog_field *field, const char *name, uint64_t *ret, struct error *err);

/* Ports and IPv4 addresses as the catalog's fields have them (NOTATION_PORT, NOTATION_IPV4): their bytes in network order, read as little
 * endian. */
uint32_t value_of_port(uint16_t port);
uint32_t value_of_ipv4(const uint8_t bytes[4]);

/* An IPv4 network, in the dotted notation and with the length of its mask: "10.0.0.0/8". False, and nothing put: the mask is not that of a
 * network, or the address has bits beside it. */
bool value_put_ipv4_network(uint32_t address, uint32_t mask, struct buffer *out);

/* The same for the first eight bytes or for both eight bytes of an IPv6 address and mask. */
bool value_put_ipv6_network(const uint64_t address[2], const uint64_t mask[2], struct buffer *out);

/* "2026-11-25T10:00:00.5Z"; the years 0001 to 9999, else "@SECONDS.NANOSECONDS" since the epoch. */
void value_put_time(struct expression_timestamp time, struct buffer *out);

/* Reads either; false: it is neither. */
bool value_parse_time(const char *text, struct expression_timestamp *ret);

#endif
