#ifndef BASE_CHUNK_H
#define BASE_CHUNK_H

#include <stddef.h>
#include <stdint.h>

/*
 * Reference-counted bytes: what crosses threads. One thread fills a chunk through buffer_take(), and from then on nobody changes it: any
 * thread may hold a reference and read.
 */
struct chunk {
	_Atomic uint32_t references;
	uint32_t events; /* how many encoded events the bytes are, for whoever has to count what it drops */
	size_t length;
	uint8_t *data;
	/* What they are about, for whoever keeps them (subscription/extent.h); zeroed: nobody said. By whoever made the chunk, before others have it. */
	struct chunk_extent {
		uint64_t kinds;                         /* EVENT_KIND_BIT of each */
		uint64_t first_sequence, last_sequence; /* 0: none of them has a number */
		uint64_t first_time_ns, last_time_ns;
		uint32_t lost_events; /* how many say that something was lost; not counted in `events` */
		uint64_t dropped;     /* what was lost by the chunk's receiver alone, told by those of them without a number */
	} extent;
};

/* Takes over `data` (from malloc), with one reference for the caller; frees it and returns NULL when memory is short. */
struct chunk *chunk_new(uint8_t *data, size_t length, uint32_t events);
struct chunk *chunk_ref(struct chunk *c);
/* The last reference frees it. Takes NULL; returns NULL. */
struct chunk *chunk_unref(struct chunk *c);

#endif
