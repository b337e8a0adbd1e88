// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * frames.c - which page frames were met, and the hash of what they hold.
 *
 * Only frames that more than one process maps come here: pages shared since
 * fork, and pages merged already.  They are read once, not once a process.
 * Used by all reading threads; a lock per shard keeps them out of each other's
 * way.
 */
#include "ksm-estimate/estimate.h"

#include <stdlib.h>

#include "cli/xalloc.h"

#define SHARDS 64

struct slot {
	uint64_t pfn;		/* 0: free; frame 0 is never a process' */
	uint64_t hash;
};

struct shard {
	pthread_mutex_t lock;
	struct slot *slots;
	size_t size, used;
};

struct est_frames {
	struct shard shard[SHARDS];
};

struct est_frames *est_frames_new(void)
{
	struct est_frames *f = xcalloc(1, sizeof(*f));

	for (size_t i = 0; i < SHARDS; i++)
		pthread_mutex_init(&f->shard[i].lock, NULL);
	return f;
}

void est_frames_free(struct est_frames *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		free(f->shard[i].slots);
		pthread_mutex_destroy(&f->shard[i].lock);
	}
	free(f);
}

static uint64_t mix(uint64_t pfn)
{
	return pfn * 0x9e3779b97f4a7c15;
}

/* The slot of a frame, or the free one where it belongs. */
static struct slot *look(struct shard *s, uint64_t pfn)
{
	size_t i = mix(pfn) >> 16;

	for (;; i++) {
		struct slot *slot = &s->slots[i & (s->size - 1)];

		if (!slot->pfn || slot->pfn == pfn)
			return slot;
	}
}

static void grow(struct shard *s)
{
	struct slot *old = s->slots;
	const size_t size = s->size;

	s->size = size ? size * 2 : 64;
	s->slots = xcalloc(s->size, sizeof(*s->slots));
	for (size_t i = 0; i < size; i++)
		if (old[i].pfn)
			*look(s, old[i].pfn) = old[i];
	free(old);
}

static struct shard *shard_of(struct est_frames *f, uint64_t pfn)
{
	return &f->shard[mix(pfn) >> 58];
}

bool est_frames_find(struct est_frames *f, uint64_t pfn, uint64_t *hash)
{
	struct shard *s = shard_of(f, pfn);
	struct slot *slot;
	bool found = false;

	pthread_mutex_lock(&s->lock);
	if (s->size) {
		slot = look(s, pfn);
		found = slot->pfn != 0;
		if (found)
			*hash = slot->hash;
	}
	pthread_mutex_unlock(&s->lock);
	return found;
}

bool est_frames_put(struct est_frames *f, uint64_t pfn, uint64_t hash)
{
	struct shard *s = shard_of(f, pfn);
	struct slot *slot;
	bool first;

	pthread_mutex_lock(&s->lock);
	if (s->used * 4 >= s->size * 3)
		grow(s);
	slot = look(s, pfn);
	first = !slot->pfn;
	if (first) {
		*slot = (struct slot){ pfn, hash };
		s->used++;
	}
	pthread_mutex_unlock(&s->lock);
	return first;
}
