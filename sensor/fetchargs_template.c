#include "sensor/fetchargs_template.h"

#include "tracing/probe_limits.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

struct member {
	const char *name;
	enum kernel_layout_group group;
	size_t offset; /* of an int16_t in struct kernel_layout */
};

/* NOLINTBEGIN(bugprone-macro-parentheses): members cannot stand in parentheses */
#define MEMBER(structure, member, group)                                                          \
	{                                                                                         \
#structure "." #member, (group), offsetof(struct kernel_layout, structure.member) \
	}
/* NOLINTEND(bugprone-macro-parentheses) */

static const struct member members[] = {
	MEMBER(file, inode, LAYOUT_NAMES), MEMBER(file, mode, LAYOUT_FILE_FLAGS), MEMBER(file, flags, LAYOUT_FILE_FLAGS),
	MEMBER(inode, mode, LAYOUT_NAMES), MEMBER(cred, uid, LAYOUT_CRED),        MEMBER(cred, gid, LAYOUT_CRED),
	MEMBER(cred, euid, LAYOUT_CRED),   MEMBER(cred, egid, LAYOUT_CRED),       MEMBER(cred, suid, LAYOUT_CRED),
	MEMBER(cred, sgid, LAYOUT_CRED),   MEMBER(cred, fsuid, LAYOUT_CRED),      MEMBER(cred, fsgid, LAYOUT_CRED),
};

static int put_member(const char *name, size_t length, struct probe_kernel *kernel, struct buffer *out, struct error *err)
{
	const struct kernel_layout *layout;
	int16_t value;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (strlen(members[i].name) != length || memcmp(members[i].name, name, length) != 0)
			continue;
		layout = probe_kernel_layout(kernel, members[i].group, err);
		if (!layout)
			return -ENODATA;
		memcpy(&value, (const char *)layout + members[i].offset, sizeof(value));
		buffer_printf(out, "%d", value);
		return 0;
	}
	return error_set(err, -EINVAL, "there is no member {%.*s}", (int)length, name);
}

/* Puts offsets in the place of members. A sign stands in front of each already. */
static int put_offsets(const char *text, struct probe_kernel *kernel, struct buffer *out, struct error *err)
{
	while (*text) {
		size_t plain = strcspn(text, "{");
		const char *end;
		int code;

		buffer_put(out, text, plain);
		text += plain;
		if (!*text)
			break;
		end = strchr(text, '}');
		if (!end)
			return error_set(err, -EINVAL, "%s: no closing brace", text);
		code = put_member(text + 1, (size_t)(end - text - 1), kernel, out, err);
		if (code)
			return code;
		text = end + 1;
	}
	buffer_put_u8(out, '\0');
	return out->failed ? error_set(err, -ENOMEM, "out of memory") : 0;
}

/* One "NAME=EXPRESSION". */
static int parse_one(char *text, const struct probe_kernel *kernel, struct fetcharg *ret, struct error *err)
{
	static const char name_type[] = ":name";
	char expression[FETCHARG_BODY_MAX + 16];
	char *equals = strchr(text, '=');
	size_t length;

	if (!equals)
		return error_set(err, -EINVAL, "%s: no name=expression", text);
	*equals = '\0';
	length = strlen(equals + 1);
	if (length < strlen(name_type) || strcmp(equals + 1 + length - strlen(name_type), name_type) != 0)
		return fetcharg_parse(ret, text, equals + 1, NULL, err);
	length -= strlen(name_type);
	if (kernel->record_bytes > PROBE_HEADER_BYTES + PROBE_STRING_BYTES(PATH_MAX))
		snprintf(expression, sizeof(expression), "%.*s:string", (int)length, equals + 1);
	else
		snprintf(expression, sizeof(expression), "%.*s:u64[%d]", (int)length, equals + 1, FETCHARGS_NAME_BYTES / 8);
	return fetcharg_parse(ret, text, expression, NULL, err);
}

static int write_all(char *text, enum fetcharg_place place, const struct probe_kernel *kernel, struct buffer *out, uint32_t *ret_count,
		     struct error *err)
{
	struct fetcharg *args = calloc(FETCHARGS_MAX, sizeof(*args));
	struct fetcharg_dialect dialect = kernel->dialect;
	size_t count = 0;
	char *rest;
	int code = 0;

	if (!args)
		return error_set(err, -ENOMEM, "out of memory");
	for (char *word = strtok_r(text, " ", &rest); !code && word; word = strtok_r(NULL, " ", &rest))
		code = count < FETCHARGS_MAX ? parse_one(word, kernel, &args[count++], err) : error_set(err, -E2BIG, "too many fetchargs");
	*ret_count = (uint32_t)count;
	/* In registers: where there is no such function the kernel would complain about the arguments instead. */
	dialect.arguments = false;
	if (!code)
		code = fetchargs_write(out, &dialect, arch_host(), place, args, count, NULL, err);
	free(args);
	return code;
}

int fetchargs_template_write(const char *text, enum fetcharg_place place, struct probe_kernel *kernel, struct buffer *out,
			     uint32_t *ret_count, struct error *err)
{
	struct buffer plain;
	int code;

	*ret_count = 0;
	if (!kernel->is_real) {
		buffer_put_string(out, text);
		return 0;
	}
	buffer_init(&plain, 0);
	code = put_offsets(text, kernel, &plain, err);
	if (!code)
		code = write_all((char *)plain.data, place, kernel, out, ret_count, err);
	buffer_done(&plain);
	return code;
}
