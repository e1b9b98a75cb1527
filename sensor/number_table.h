#ifndef SENSOR_NUMBER_TABLE_H
#define SENSOR_NUMBER_TABLE_H

#include <stdint.h>

/*
 * uthash for tables whose key is the number of a process or thread (uint32_t; the kernel gives them out one after another, so that they
 * are their own hash). Without memory HASH_ADD() leaves the item out: its hh.tbl is NULL then. To be included instead of uthash.h.
 */
#define HASH_FUNCTION(key, length, hash) ((hash) = *(const uint32_t *)(key))
#define HASH_NONFATAL_OOM                1

#include <uthash.h>

#endif
