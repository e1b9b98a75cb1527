#ifndef SUBSCRIPTION_QUERY_PARSE_H
#define SUBSCRIPTION_QUERY_PARSE_H

#include "base/error.h"
#include "subscription/spec.h"

#include <stddef.h>

/*
 * The text form of subscriptions, for people: the command line, files, the sensor's configuration. docs/QUERIES.md explains it to users.
 *
 *	process:exec where filename like '/usr/bin/%' and uid != 0; limit 10
 *
 *	query      := item { (";" | newline) item }               # begins a comment, up to the end of the line
 *	item       := clause | "limit" N | "throttle" DURATION | "since" DURATION | "for" DURATION | "container" [LIST] NAME
 *	clause     := EVENT [ "where" condition ]                  EVENT: event_words.h
 *	condition  := all { "or" all }
 *	all        := single { "and" single }
 *	single     := operand [ ("=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">=") operand
 *	                      | "like" STRING | "is" ["not"] "null" | "in" ( "(" operand { "," operand } ")" | NETWORK ) ]
 *	operand    := value { "&" value }                          binds tighter than comparisons
 *	value      := constant { "|" constant } | FIELD | "(" condition ")"
 *	constant   := ["-"] NUMBER | ["-"] NAME | STRING | ADDRESS | "true" | "false" | "timestamp" STRING
 *
 * A line that ends where something must follow, or that is followed by one that begins with "where", "and" or "or", goes on in the next; so does
 * everything between parentheses. Words of the language are the same in upper case.
 *
 * FIELD: a name or an alias of the catalog, an argument of the clause's call (between ` and ` if it is no plain word), or "address", which stands
 * for ipv4_address, for both halves of an IPv6 address, or for local_address, as what it is compared with. NUMBER: decimal, 0x, octal with a 0
 * in front, or with a point or an exponent. NAME: of a value of the field that it stands beside (query_value.h). NETWORK: 10.0.0.0/8,
 * fe80::/10. STRING: query_string.h.
 *
 * "port" takes real port numbers: `port = 443`; as a hexadecimal number it is what the catalog's field holds, and compared by size it becomes
 * the catalog's port_number.
 *
 * Containers (container_filter.h) add up; LIST is id, name, image or image_id, and without one NAME is what it can be of these, as on the command
 * line. NAME is a word or a string.
 *
 * A word that stands for several kinds gets the condition for each of them. There is no NOT, since the wire has none.
 */

#define QUERY_BYTES_MAX   (1 << 20)
#define QUERY_CLAUSES_MAX 4096 /* what a sensor takes, too */

/* What is wrong, for whoever draws a caret. */
struct query_mistake {
	size_t position; /* in bytes from the start of the text */
	char sentence[ERROR_MESSAGE_BYTES];
};

/* Reads a query with at least one clause; free it with subscription_spec_free(). -EINVAL: the error is "column N: " ("line M, column N: " when there
 * are several) and the sentence of `ret_mistake`, which may be NULL. -ENOMEM, with the mistake at the start. */
int query_parse(const char *text, struct subscription_spec **ret, struct query_mistake *ret_mistake, struct error *err);

/* Adds the items of a text to a spec, which on failure may have some of them already. */
int query_parse_into(struct subscription_spec *spec, const char *text, struct query_mistake *ret_mistake, struct error *err);

#endif
