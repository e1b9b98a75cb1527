#include "sensor/call_place.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "tracing/elf_symbol.h"
#include "tracing/kprobe_blacklist.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum dynamic_probe_kind kind_of(enum event_kind kind)
{
	switch (kind) {
	case EVENT_KERNEL_CALL_ENTER:
		return DYNAMIC_PROBE_KPROBE;
	case EVENT_KERNEL_CALL_EXIT:
		return DYNAMIC_PROBE_KRETPROBE;
	case EVENT_USER_CALL_ENTER:
		return DYNAMIC_PROBE_UPROBE;
	default:
		return DYNAMIC_PROBE_URETPROBE;
	}
}

static enum fetcharg_place kernel_sort(const struct probe_request *request)
{
	const char *plus = strchr(request->symbol, '+');

	if (request->kind == EVENT_KERNEL_CALL_EXIT)
		return FETCHARG_KERNEL_RETURN;
	return plus && strtoull(plus + 1, NULL, 0) ? FETCHARG_KERNEL_INSIDE : FETCHARG_KERNEL_ENTRY;
}

static const struct fetcharg *find_base(const struct fetcharg *args, size_t count, uint32_t bases)
{
	for (size_t i = 0; i < count; i++)
		if (bases & (1U << args[i].base))
			return &args[i];
	return NULL;
}

#define ARGUMENT_BASES (1U << FETCHARG_REGISTER | 1U << FETCHARG_ARGUMENT | 1U << FETCHARG_STACK | 1U << FETCHARG_STACK_WORD)

static bool is_32_bit(const char *path)
{
	unsigned char ident[EI_NIDENT] = {0};
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && pread(fd, ident, sizeof(ident), 0) == EI_NIDENT && ident[EI_CLASS] == ELFCLASS32;
}

static int find_user(struct call_place *ret, const struct probe_request *request, const struct fetcharg *args, struct error *err)
{
	cleanup_free struct target_path *target = malloc(sizeof(*target));
	const struct fetcharg *argument = find_base(args, request->parameter_count, 1U << FETCHARG_ARGUMENT);
	struct elf_symbol symbol;
	int code;

	if (!target)
		return error_set(err, -ENOMEM, "out of memory");
	code = target_path_resolve(target, request->executable, err);
	if (!code)
		code = elf_symbol_find(target, request->symbol, &symbol, err);
	if (code)
		return code;
	if (argument && is_32_bit(target->path))
		return error_set(err, -EOPNOTSUPP,
				 "argument %s: %s is a 32-bit program, whose arguments are in no registers; the first is +4(%%sp):u32",
				 argument->name, request->executable);
	snprintf(ret->name, sizeof(ret->name), "%s", target->path);
	ret->offset = symbol.file_offset;
	return 0;
}

int call_place_find(struct call_place *ret, const struct probe_request *request, const struct fetcharg *args, struct error *err)
{
	*ret = (struct call_place){.kind = kind_of(request->kind)};
	switch (ret->kind) {
	case DYNAMIC_PROBE_UPROBE:
		ret->sort = FETCHARG_USER_ENTRY;
		return find_user(ret, request, args, err);
	case DYNAMIC_PROBE_URETPROBE:
		ret->sort = FETCHARG_USER_RETURN;
		return find_user(ret, request, args, err);
	default:
		ret->sort = kernel_sort(request);
		snprintf(ret->name, sizeof(ret->name), "%s", request->symbol);
		return 0;
	}
}

static int take_symbol(struct call_place *place, const struct kernel_symbol *symbol)
{
	log_debug("probing what stands in for a function", "function=%s symbol=%s copies=%u", place->name, symbol->name,
		  symbol->copy_count);
	snprintf(place->name, sizeof(place->name), "%s", symbol->name);
	return 0;
}

/* clang's `.llvm.HASH` is only a name. */
static int substitute_function(struct call_place *place, const struct probe_request *request, const struct fetcharg *args,
			       const struct kernel_symbol_request *found, struct error *err)
{
	const char *suffix = strchr(found->symbol.name, '.');
	const struct fetcharg *arg = find_base(args, request->parameter_count, ARGUMENT_BASES | 1U << FETCHARG_RETVAL);

	if (found->err.code)
		return error_set(err, found->err.code, "%s", found->err.message);
	if (suffix && strstr(suffix, ".part."))
		return error_set(err, -ENOENT, "%s is inlined into its callers: only its slow part is there, as %s", place->name,
				 found->symbol.name);
	if (suffix && strncmp(suffix, ".llvm.", strlen(".llvm.")) != 0 && arg)
		return error_set(err, -ENOENT,
				 "this kernel has %s as %s only, of which the compiler may have changed the arguments (%s) and the result; "
				 "it can be asked for by that name",
				 place->name, found->symbol.name, arg->name);
	return take_symbol(place, &found->symbol);
}

static int substitute_system_call(struct call_place *place, const struct probe_request *request, const struct fetcharg *args,
				  const struct kernel_symbol_request *found, struct error *err)
{
	const struct fetcharg *arg = find_base(args, request->parameter_count, ARGUMENT_BASES);

	if (found->err.code)
		return error_set(err, found->err.code, "%s", found->err.message);
	if (found->symbol.takes_registers && arg)
		return error_set(err, -ENOENT,
				 "%s is %s in this kernel, which does not take the system call's arguments (%s) but a pointer to its "
				 "registers (struct pt_regs); it can be asked for by that name",
				 place->name, found->symbol.name, arg->name);
	return take_symbol(place, &found->symbol);
}

int call_place_substitute(struct call_place *place, const struct probe_request *request, const struct fetcharg *args,
			  const struct kernel_symbol_files *files, struct error *err)
{
	struct kernel_symbol_request found[] = {{.name = place->name}, {.name = place->name, .is_system_call = true}};
	int code = kernel_symbols_find(files, found, 2, err);

	if (code)
		return code;
	if (found[0].err.code != -ENOENT)
		return substitute_function(place, request, args, &found[0], err);
	if (found[1].err.code != -ENOENT)
		return substitute_system_call(place, request, args, &found[1], err);
	return error_set(err, -ENOENT, "%s (it may be inlined into its callers)", found[0].err.message);
}

bool call_place_is_forbidden(const struct call_place *place, const struct kernel_symbol_files *files, struct error *err)
{
	char name[KERNEL_SYMBOL_BYTES];
	const char *colon = strchr(place->name, ':');
	struct kprobe_blacklist blacklist;
	bool forbidden;

	snprintf(name, sizeof(name), "%.*s", (int)sizeof(name) - 1, colon ? colon + 1 : place->name);
	name[strcspn(name, "+")] = '\0';
	kprobe_blacklist_init(&blacklist, files ? files->blacklist : NULL);
	forbidden = kprobe_blacklist_has(&blacklist, name, 0);
	kprobe_blacklist_done(&blacklist);
	if (forbidden)
		error_set(err, -EPERM, "%s is blacklisted: this kernel forbids to probe it", name);
	return forbidden;
}
