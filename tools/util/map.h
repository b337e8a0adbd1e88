/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * map.h - u64 to pointer hash map (pids, page digests, inode numbers).
 *
 * Open addressing, power-of-two size, grows at 3/4 load.  Values are borrowed:
 * the map never frees them.  NULL is not a value.
 */
#ifndef KSM_UTIL_MAP_H
#define KSM_UTIL_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_slot {
	uint64_t key;
	void *val;	/* NULL: free */
};

struct map {
	struct map_slot *slots;
	size_t size;	/* power of two, or 0 before the first insertion */
	size_t used;
};

#define MAP_INIT { NULL, 0, 0 }

void map_init(struct map *m);
void map_fini(struct map *m);
void map_clear(struct map *m);

void *map_find(const struct map *m, uint64_t key);
/* 0, -ENOMEM, or -EINVAL when val is NULL; replaces an earlier value of the key. */
int map_put(struct map *m, uint64_t key, void *val);
/* The value that was there, or NULL. */
void *map_del(struct map *m, uint64_t key);

/* Iterate: pos starts at 0; NULL at the end.  No insertion or removal meanwhile. */
void *map_next(const struct map *m, size_t *pos, uint64_t *key);

#endif /* KSM_UTIL_MAP_H */
