// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * map.c - u64 to pointer hash map: open addressing, linear probing.
 *
 * Removal moves the following slots back instead of leaving a mark, so a map
 * that lives long (pids that come and go) never slows down.
 */
#include "util/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Keys are often dense (pids) or aligned (addresses): mix all bits downwards. */
static size_t slot_of(const struct map *m, uint64_t key)
{
	key ^= key >> 33;
	key *= UINT64_C(0xff51afd7ed558ccd);
	key ^= key >> 33;
	return (size_t)key & (m->size - 1);
}

/* The slot of the key, or the free one where it would go. */
static size_t probe(const struct map *m, uint64_t key)
{
	size_t i = slot_of(m, key);

	while (m->slots[i].val && m->slots[i].key != key)
		i = (i + 1) & (m->size - 1);
	return i;
}

void map_init(struct map *m)
{
	*m = (struct map)MAP_INIT;
}

void map_fini(struct map *m)
{
	free(m->slots);
	map_init(m);
}

void map_clear(struct map *m)
{
	if (m->slots)
		memset(m->slots, 0, m->size * sizeof(*m->slots));
	m->used = 0;
}

static int grow(struct map *m)
{
	struct map bigger = { NULL, m->size ? m->size * 2 : 16, m->used };

	bigger.slots = calloc(bigger.size, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < m->size; i++)
		if (m->slots[i].val)
			bigger.slots[probe(&bigger, m->slots[i].key)] = m->slots[i];
	free(m->slots);
	*m = bigger;
	return 0;
}

void *map_find(const struct map *m, uint64_t key)
{
	return m->size ? m->slots[probe(m, key)].val : NULL;
}

int map_put(struct map *m, uint64_t key, void *val)
{
	size_t i;

	if (!val)
		return -EINVAL;
	if (m->size) {
		i = probe(m, key);
		if (m->slots[i].val) {
			m->slots[i].val = val;
			return 0;
		}
	}
	if (m->used + 1 > m->size / 4 * 3) {
		int rc = grow(m);

		if (rc)
			return rc;
	}
	m->slots[probe(m, key)] = (struct map_slot){ key, val };
	m->used++;
	return 0;
}

void *map_del(struct map *m, uint64_t key)
{
	size_t hole, i, mask = m->size - 1;
	void *val;

	if (!m->size)
		return NULL;
	hole = probe(m, key);
	val = m->slots[hole].val;
	if (!val)
		return NULL;
	/* A slot may fill the hole when its home does not lie between the two. */
	for (i = (hole + 1) & mask; m->slots[i].val; i = (i + 1) & mask) {
		size_t home = slot_of(m, m->slots[i].key);

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		m->slots[hole] = m->slots[i];
		hole = i;
	}
	m->slots[hole].val = NULL;
	m->used--;
	return val;
}

void *map_next(const struct map *m, size_t *pos, uint64_t *key)
{
	while (*pos < m->size) {
		const struct map_slot *s = &m->slots[(*pos)++];

		if (!s->val)
			continue;
		if (key)
			*key = s->key;
		return s->val;
	}
	return NULL;
}
