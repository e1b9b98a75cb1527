#ifndef TRACING_FETCHARGS_H
#define TRACING_FETCHARGS_H

#include "base/buffer.h"
#include "base/error.h"
#include "tracing/arch.h"
#include "tracing/format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Fetchargs: what a dynamic probe is to bring along, in the kernel's own notation (Documentation/trace/kprobetrace.rst, uprobetracer.rst).
 *
 *	%di  $arg1  $retval  $stack  $stack3  $comm  @jiffies  @jiffies+8  @0xffffffff81000000  @+0x100 (file offset)  \5  \"text"
 *	+8(PLACE)  -8(PLACE)  +u8(PLACE)          the memory there; u: user memory
 *	PLACE:TYPE  PLACE:TYPE[COUNT]             s8 ... s64, u8 ... u64, x8 ... x64, char, string, ustring, symbol, symstr, b4@0/32
 *
 * One is parsed here once, into what it means; what goes to the kernel is printed from that, so that nothing a client writes can become a
 * second argument or a second definition. What the notation of the running kernel lacks is printed in another way where there is one
 * (fetchargs_write()), and a decoder brings the parts together again. The meaning is thus the same on every kernel.
 *
 * The names of struct fields and functions (BTF: `filename`, `$arg*`, `p->pid`) are not taken: most kernels cannot look them up.
 */

#define FETCHARG_NAME_BYTES 33   /* a name has at most 32 characters (kernel: MAX_ARG_NAME_LEN, trace_probe.h) */
#define FETCHARG_BODY_MAX   63   /* characters of one expression as it is written (MAX_ARGSTR_LEN) */
#define FETCHARG_ARRAY_MAX  64   /* MAX_ARRAY_LEN */
#define FETCHARG_DEREFS_MAX 12   /* what FETCH_INSN_MAX leaves room for */
#define FETCHARGS_MAX       128  /* MAX_TRACE_ARGS */
#define FETCHARGS_BYTES_MAX 4095 /* of one definition (WRITE_BUFSIZE) */

enum fetcharg_base {
	FETCHARG_REGISTER, /* `word` */
	FETCHARG_ARGUMENT, /* the `number`th of the function, from 1 */
	FETCHARG_RETVAL,
	FETCHARG_STACK,      /* the stack pointer itself */
	FETCHARG_STACK_WORD, /* the `number`th word on it, from 0 */
	FETCHARG_COMM,
	FETCHARG_ADDRESS,     /* memory at `number` */
	FETCHARG_SYMBOL,      /* memory at the kernel's `word` plus (int64_t)`number` */
	FETCHARG_FILE_OFFSET, /* memory where byte `number` of the probed file is mapped */
	FETCHARG_NUMBER,      /* (int64_t)`number` itself */
	FETCHARG_TEXT,        /* `word` itself */
};

enum fetcharg_type {
	FETCHARG_U8,
	FETCHARG_U16,
	FETCHARG_U32,
	FETCHARG_U64,
	FETCHARG_S8,
	FETCHARG_S16,
	FETCHARG_S32,
	FETCHARG_S64,
	FETCHARG_X8,
	FETCHARG_X16,
	FETCHARG_X32,
	FETCHARG_X64,
	FETCHARG_CHAR,
	FETCHARG_STRING,
	FETCHARG_USTRING,
	FETCHARG_SYMBOL_NAME, /* an address, to be shown as symbol+offset */
	FETCHARG_SYMBOL_TEXT, /* symstr: the same, as a string */
	FETCHARG_BITS,        /* `bit_width` bits from `bit_offset` on, of a number of `size` bytes */
	FETCHARG_TYPE_COUNT,
};

struct fetcharg_deref {
	int32_t offset;
	bool user;
};

struct fetcharg {
	char name[FETCHARG_NAME_BYTES];
	enum fetcharg_base base;
	char word[64];
	uint64_t number;
	struct fetcharg_deref derefs[FETCHARG_DEREFS_MAX]; /* the outermost first */
	uint8_t deref_count;
	enum fetcharg_type type;
	uint8_t size; /* bytes of a number, or of one element of an array of numbers; 0 for strings */
	bool is_signed;
	bool is_string; /* string, ustring, symstr */
	uint8_t bit_width, bit_offset;
	uint8_t array_count; /* 0: no array. An array of strings is an array of pointers to them */
};

/* What is wrong with one, for whoever draws a caret. */
struct fetcharg_mistake {
	size_t position;    /* in bytes from the start of "NAME=EXPRESSION" */
	char sentence[256]; /* what is allowed there */
};

/*
 * Parses one. -EINVAL: the error names the argument, the offending word, where it stands and what is allowed there; `ret_mistake` (may be
 * NULL) tells the same in parts. Whether a register or a symbol exists is for the kernel to say.
 */
int fetcharg_parse(struct fetcharg *ret, const char *name, const char *expression, struct fetcharg_mistake *ret_mistake, struct error *err);

/* "u32", "string", ...; "bits" for FETCHARG_BITS. */
const char *fetcharg_type_name(enum fetcharg_type type);

/* What the notation of a kernel has beyond that of 3.10. */
struct fetcharg_dialect {
	bool user_memory;      /* +u8(...), ustring (5.3) */
	bool arguments;        /* $argN, at a kernel function's entry (4.20) */
	bool return_arguments; /* $argN at its return: the kernel keeps them (6.9) */
	bool comm;             /* $comm (4.8) */
	bool hex_types;        /* x8 ... x64 (4.9) */
	bool arrays;           /* TYPE[COUNT] (4.20) */
	bool symbol;           /* :symbol (4.20) */
	bool symstr;           /* :symstr (6.1) */
	bool immediates;       /* \5, \"text" (5.4) */
	bool character;        /* :char (6.2) */
	bool return_suffix;    /* SYMBOL%return (5.10) */
	bool maxactive;        /* r16:... (4.12; older ones take it for something else without a word) */
	bool error_log;        /* says what is wrong with a definition (5.2) */
};

/* All of it: for those who ask no kernel. */
extern const struct fetcharg_dialect fetcharg_dialect_full;

/* From the text of tracefs' README. Pure. A text that says nothing of fetchargs (before 4.9) gives the set of 3.10: all false. */
void fetcharg_dialect_parse(struct fetcharg_dialect *ret, const char *readme);

/* Of the running kernel; tracefs_open() comes first. */
int fetcharg_dialect_detect(struct fetcharg_dialect *ret, struct error *err);

/* Where the probe stands. */
enum fetcharg_place {
	FETCHARG_KERNEL_ENTRY,
	FETCHARG_KERNEL_INSIDE, /* SYMBOL+OFFSET: arguments may not be in their registers any more */
	FETCHARG_KERNEL_RETURN,
	FETCHARG_USER_ENTRY,
	FETCHARG_USER_RETURN,
};

/*
 * Prints them for a kernel and a machine, with blanks between, as the end of a probe's definition; nothing when there are none. What the
 * kernel's notation lacks:
 *
 *	$argN               the register (or word of the stack) that carries it; always so in user functions
 *	+u, ustring         without the u: such kernels on x86 read both kinds of memory alike
 *	x8 ... x64, char    u8 ... u64
 *	arrays              NAME__0, NAME__1, ...
 *	symbol              u64: the decoder says that the address is still to be looked up
 *	symstr              likewise, on every kernel: those that have it mix it up with the string behind it
 *	$comm               left out: the decoder says that it is to come from elsewhere
 *
 * -EOPNOTSUPP: there is no other way (immediates; arguments at a function's return). -EINVAL: it makes no sense there ($retval at an entry),
 * or a name is used twice. -E2BIG: too many, or too long. `ret_index` (may be NULL): the one that is to blame.
 */
int fetchargs_write(struct buffer *out, const struct fetcharg_dialect *dialect, const struct arch *arch, enum fetcharg_place place,
		    const struct fetcharg *args, size_t count, size_t *ret_index, struct error *err);

/* What a value is; the numbers are those of Capsule8's FieldType (event.proto). */
enum fetcharg_kind {
	FETCHARG_KIND_UNKNOWN = 0,
	FETCHARG_KIND_BYTES = 1, /* an array: numbers in the host's byte order, or strings each with its NUL */
	FETCHARG_KIND_STRING = 2,
	FETCHARG_KIND_SINT8 = 3,
	FETCHARG_KIND_SINT16 = 4,
	FETCHARG_KIND_SINT32 = 5,
	FETCHARG_KIND_SINT64 = 6,
	FETCHARG_KIND_UINT8 = 7,
	FETCHARG_KIND_UINT16 = 8,
	FETCHARG_KIND_UINT32 = 9,
	FETCHARG_KIND_UINT64 = 10,
};

enum fetcharg_state {
	FETCHARG_COMPLETE,
	FETCHARG_FAULT,        /* a string whose memory could not be read: it is empty. (Kernels from 6.2 on say "(fault)" in its place.) */
	FETCHARG_UNRESOLVED,   /* a symbol's address, as UINT64: to be looked up by whoever shows it */
	FETCHARG_FROM_PROCESS, /* this kernel cannot fetch $comm: an empty string, to be filled from what is known of the process */
};

struct fetcharg_value {
	enum fetcharg_kind kind;
	enum fetcharg_state state;
	union {
		int64_t sint;  /* SINT8 to SINT64 */
		uint64_t uint; /* UINT8 to UINT64 */
		struct {
			const char *bytes; /* BYTES, STRING; a string has no NUL at its end */
			size_t length;
		};
	};
};

/* Finds the arguments again in what a probe brings. Not thread safe. */
struct fetcharg_decoder;

/* `format` is that of the installed probe, `args` what was written for it; neither is needed afterwards. -ENOENT: it has no such fields. */
int fetcharg_decoder_new(struct fetcharg_decoder **ret, const struct format *format, const struct fetcharg *args, size_t count,
			 struct error *err);
/* Takes NULL; returns NULL. */
struct fetcharg_decoder *fetcharg_decoder_free(struct fetcharg_decoder *d);

/* What argument `index` will be on this kernel. */
enum fetcharg_kind fetcharg_decoder_kind(const struct fetcharg_decoder *d, size_t index);

/*
 * The value of argument `index` in a sample. Its bytes are borrowed from the sample, or, when they had to be put together (arrays on kernels
 * without them, arrays of strings), from the decoder until the next call for the same index. A sample that is too short for it, which the
 * kernel never sends, gives 0 or nothing.
 */
void fetcharg_decode(struct fetcharg_decoder *d, size_t index, const uint8_t *raw, uint32_t raw_size, struct fetcharg_value *ret);

#endif
