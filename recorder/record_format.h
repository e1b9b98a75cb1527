#ifndef RECORDER_RECORD_FORMAT_H
#define RECORDER_RECORD_FORMAT_H

#include "sensor/event.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How a recording lies on disk. docs/RECORD_FORMAT.md is the same for people; whoever changes one changes both.
 *
 * A recording is one long stream of bytes, the very entries that a subscriber of the dialect gets, one behind the other. Places in it are
 * *offsets*, in bytes from its beginning; they only grow, through restarts of the sensor too, and a place that no block has any more is a gap. The stream
 * is cut into blocks, blocks lie in segments, and a segment is a file: "segment-NNNNNNNNNNNNNNNN.rec", with its number in hexadecimal digits. Numbers
 * grow by one and are never used again.
 *
 *	segment = header, query (text of what was kept, without a NUL), zeros up to header_size,
 *	          block..., and, of one that was closed: the index (a block of RECORD_BLOCK_INDEX), trailer
 *	block   = header, stored bytes
 *
 * Everything is little endian and is written once, front to back. Blocks follow one another without padding. A block never holds part of an
 * entry; one without any bytes ends the run of a sensor, and its sequence numbers are the last one that was given.
 *
 * Checksums are XXH3, 64 bits (https://github.com/Cyan4973/xxHash), with seed 0: of a header with the field itself as 0; of a block's stored bytes.
 */

#define RECORD_SEGMENT_MAGIC   "RINGREC\n"
#define RECORD_TRAILER_MAGIC   "RINGEND\n"
#define RECORD_BLOCK_MAGIC     0x4b4c4252u /* "RBLK" */
#define RECORD_VERSION         1
#define RECORD_DIALECT         "capsule8"
#define RECORD_SEGMENT_NAME    "segment-%016llx.rec"
#define RECORD_QUERY_MAX_BYTES ((uint32_t)1 << 20)

/* What a reader has to know, or it cannot read the segment: it refuses one with bits that it does not know. */
enum record_incompatible {
	RECORD_INCOMPATIBLE_ZSTD = 1 << 0, /* blocks may be compressed with zstd */
};
#define RECORD_INCOMPATIBLE_KNOWN RECORD_INCOMPATIBLE_ZSTD

/* A run of a sensor begins so many bytes behind what the one before has written: no reader gets from one into the other without noticing. */
#define RECORD_RUN_HOLE 1

/* What stands between this segment and the one before it. */
enum record_begin {
	RECORD_BEGIN_CONTINUED = 0, /* nothing: the same run of a sensor */
	RECORD_BEGIN_FIRST = 1,     /* nothing is known to be before it */
	RECORD_BEGIN_STOPPED = 2,   /* no sensor ran for a while; what was before had been written to its end */
	RECORD_BEGIN_CRASHED = 3,   /* the same, and the run before ended without writing its last events */
};

struct record_segment_header {
	uint8_t magic[8];
	uint32_t version;
	uint32_t header_size; /* to the first block, the query included; a multiple of 8 */
	uint32_t incompatible;
	uint32_t compatible; /* what a reader need not know; 0 */
	uint64_t number;
	uint64_t offset;   /* of the first block's first byte */
	uint64_t sequence; /* the last number that the sensor had given before: events in here have greater ones */
	uint64_t monotonic_ns;
	int64_t realtime_ns; /* the same moment, since the epoch: when the segment was begun */
	uint8_t boot_id[16]; /* of /proc/sys/kernel/random/boot_id: monotonic times of different boots do not compare */
	char sensor_id[16];  /* hexadecimal digits */
	char dialect[16];    /* padded with zeros */
	uint32_t begin;      /* enum record_begin */
	uint32_t query_size;
	uint64_t reserved; /* 0 */
	uint64_t checksum; /* of header_size bytes */
};

_Static_assert(sizeof(struct record_segment_header) == 136, "on disk as it is");
_Static_assert(offsetof(struct record_segment_header, boot_id) == 64, "on disk as it is");
_Static_assert(offsetof(struct record_segment_header, checksum) == 128, "on disk as it is");

enum record_block_type {
	RECORD_BLOCK_EVENTS = 1,
	RECORD_BLOCK_INDEX = 2, /* its raw bytes: a struct record_index_entry for each block before it */
};

enum record_compression {
	RECORD_STORED = 0,
	RECORD_ZSTD = 1, /* one frame with its content's size (RFC 8878) */
};

/* No block's raw bytes are longer: one entry of a dialect may be as long as gRPC lets a message be. */
#define RECORD_RAW_MAX_BYTES ((uint32_t)64 << 20)

struct record_block_header {
	uint32_t magic;
	uint8_t type;
	uint8_t compression;
	uint16_t header_size; /* 104; stored bytes follow */
	uint32_t stored_size;
	uint32_t raw_size;
	uint64_t offset;         /* of its first raw byte; of an index, that behind the last block */
	uint64_t first_sequence; /* of the events that have numbers; 0: none has */
	uint64_t last_sequence;
	uint64_t first_time_ns; /* CLOCK_MONOTONIC of its events; they do not run backwards */
	uint64_t last_time_ns;
	int64_t realtime_offset_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC when it was written */
	uint64_t kinds;             /* of its events and lost events: bits by record_kind_bit() */
	uint32_t events;            /* without lost events */
	uint32_t lost_events;       /* entries that say that something was lost */
	uint64_t lost;              /* what the recorder itself has missed, told by those of them without a number */
	uint64_t payload_checksum;  /* of the stored bytes */
	uint64_t checksum;          /* of the header */
};

_Static_assert(sizeof(struct record_block_header) == 104, "on disk as it is");
_Static_assert(offsetof(struct record_block_header, kinds) == 64, "on disk as it is");
_Static_assert(offsetof(struct record_block_header, checksum) == 96, "on disk as it is");

struct record_index_entry {
	uint64_t position; /* in the file */
	struct record_block_header header;
};

_Static_assert(sizeof(struct record_index_entry) == 112, "on disk as it is");

/* The last bytes of a closed segment. */
struct record_trailer {
	uint64_t index_position;
	uint8_t magic[8];
};

_Static_assert(sizeof(struct record_trailer) == 16, "on disk as it is");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "headers are read and written as they are");

/* The bit of a kind of event in `kinds`: of a format's life, unlike the numbers of enum event_kind. Kinds that have none (EVENT_KIND_COUNT, what
 * a newer sensor has written) share the last bit. */
#define RECORD_KIND_OTHER (UINT64_C(1) << 63)
uint64_t record_kind_bit(enum event_kind kind);

/* The same of a set of EVENT_KIND_BITs. */
uint64_t record_kind_bits(uint64_t kinds);

#endif
