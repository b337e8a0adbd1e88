// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * frames.c - which page frames were met, and the hash of what they hold.
 *
 * Only frames that more than one process maps come here: pages shared since
 * fork, and pages merged already.  They are read once, not once a process.
 * Used by all reading threads; a lock per shard keeps them out of each other's
 * way.
 */
#include "estimate/read.h"

#include <errno.h>
#include <stdlib.h>

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
	struct est_limits *limits;
	struct shard shard[SHARDS];
};

struct est_frames *est_frames_new(struct est_limits *limits)
{
	struct est_frames *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->limits = limits;
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

static int grow(struct est_limits *limits, struct shard *s)
{
	struct slot *old = s->slots, *new;
	const size_t size = s->size, more = size ? size * 2 : 64;
	const int rc = est_limits_take(limits, (more - size) * sizeof(*new));

	if (rc)
		return rc;
	new = calloc(more, sizeof(*new));
	if (!new)
		return -ENOMEM;
	s->size = more;
	s->slots = new;
	for (size_t i = 0; i < size; i++)
		if (old[i].pfn)
			*look(s, old[i].pfn) = old[i];
	free(old);
	return 0;
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

int est_frames_put(struct est_frames *f, uint64_t pfn, uint64_t hash)
{
	struct shard *s = shard_of(f, pfn);
	struct slot *slot;
	int rc = 0;

	pthread_mutex_lock(&s->lock);
	if (s->used * 4 >= s->size * 3)
		rc = grow(f->limits, s);
	if (!rc) {
		slot = look(s, pfn);
		rc = !slot->pfn;
		if (rc) {
			*slot = (struct slot){ pfn, hash };
			s->used++;
		}
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}
