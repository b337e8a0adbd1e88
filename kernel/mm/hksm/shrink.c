// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shrinker. What is known of pages that are not merged is a cache: words and
 * candidates go when memory is short, and scanning makes them anew. What is
 * merged keeps what it needs.
 *
 * Words go at once, in the context of who needs the memory; the candidate table
 * can only be made smaller by allocating another, which a work does afterwards.
 */
#include <linux/shrinker.h>
#include <linux/workqueue.h>

#include "forget.h"
#include "hold.h"
#include "index.h"
#include "limit.h"
#include "range.h"
#include "resize.h"
#include "shrink.h"

/* Chunks looked at under one hold of the engine, when nobody is short of memory. */
#define SHRINK_CHUNKS	256

static bool shrink_keeps(struct hksm_chunk *chunk)
{
	unsigned int i;

	for (i = 0; i < HKSM_CHUNK_PAGES; i++)
		if (hksm_meta_state(chunk->meta[i]) == HKSM_MERGED)
			return true;
	return false;
}

/*
 * A chunk that stays for the merged pages in it gives its candidates up, too,
 * so that the table becomes smaller. Return: true when it is empty then.
 */
static bool shrink_chunk(struct hksm *h, struct hksm_range *range,
			 unsigned int from)
{
	bool keep = shrink_keeps(range->chunk[from / HKSM_CHUNK_PAGES]);
	unsigned int idx;

	for (idx = from; idx < from + HKSM_CHUNK_PAGES; idx++) {
		u64 m = hksm_meta_read(range, idx);
		bool cand = hksm_meta_state(m) == HKSM_CAND;

		if (cand)
			hksm_index_del(h, m, hksm_place(range, idx));
		if (!keep)
			hksm_meta_write(range, idx, 0);
		else if (cand)
			hksm_meta_write(range, idx,
					hksm_meta_become(m, HKSM_SEEN, m));
	}
	return !keep;
}

/* Return: chunks that were freed; @seen: raised by those looked at. */
static unsigned long shrink_range(struct hksm *h, struct hksm_range *range,
				  unsigned long *seen)
{
	unsigned long freed = 0;
	unsigned int c;

	if (!hksm_range_own(range, h))
		return 0;
	for (c = 0; c < HKSM_CHUNKS; c++) {
		if (!range->chunk[c])
			continue;
		(*seen)++;
		freed += shrink_chunk(h, range, c * HKSM_CHUNK_PAGES);
	}
	hksm_range_disown(h, range);
	return freed;
}

/* From where the last call ended, to the end of all ranges at most. */
static unsigned long shrink_some(struct hksm *h, unsigned long nr,
				 unsigned long *seen)
{
	unsigned long freed = 0;

	lockdep_assert_held_write(&h->sem);
	while (*seen < nr) {
		struct hksm_range *range = xa_find(&h->ranges, &h->shrink_id,
						   ULONG_MAX, XA_PRESENT);

		if (!range) {
			h->shrink_id = 0;
			break;
		}
		h->shrink_id++;
		freed += shrink_range(h, range, seen);
	}
	return freed;
}

/* In chunks, as if each was full of pages that are not merged. */
static unsigned long shrink_count(struct shrinker *shrinker,
				  struct shrink_control *sc)
{
	struct hksm *h = shrinker->private_data;
	long pages = atomic_long_read(&h->nr_items) -
		     percpu_counter_sum(&h->pages_shared) -
		     percpu_counter_sum(&h->pages_sharing);

	if (pages <= 0)
		return SHRINK_EMPTY;
	return DIV_ROUND_UP(pages, HKSM_CHUNK_PAGES);
}

/*
 * Who holds hksm.sem may be who needs the memory, so it is only tried for. Between
 * two turns of ksmd it is free.
 */
static unsigned long shrink_scan(struct shrinker *shrinker,
				 struct shrink_control *sc)
{
	struct hksm *h = shrinker->private_data;
	unsigned long freed = 0, seen = 0;

	if (!hksm_trylock_all(h))
		return SHRINK_STOP;
	if (!(h->run & HKSM_RUN_OFFLINE))
		freed = shrink_some(h, sc->nr_to_scan, &seen);
	hksm_free_limbo(h);
	WRITE_ONCE(h->words_reclaimed,
		   h->words_reclaimed + freed * HKSM_CHUNK_PAGES);
	if (hksm_resize_wanted(h, true))
		queue_work(system_dfl_wq, &h->trimmer);
	hksm_unlock_all(h, "shrinker");
	sc->nr_scanned = seen;
	return seen ? freed : SHRINK_STOP;
}

static void shrink_trim(struct work_struct *work)
{
	struct hksm *h = container_of(work, struct hksm, trimmer);

	hksm_lock_all(h);
	hksm_resize_all(h, true);
	hksm_unlock_all(h, "trimmer");
}

/* One hold of it, the first or another. Return: false when all has been gone over. */
static bool shrink_on(struct hksm *h, bool first)
{
	unsigned long freed, seen = 0;

	hksm_lock_all(h);
	if (first)
		h->shrink_id = 0;
	freed = shrink_some(h, SHRINK_CHUNKS, &seen);
	hksm_free_limbo(h);
	WRITE_ONCE(h->words_reclaimed,
		   h->words_reclaimed + freed * HKSM_CHUNK_PAGES);
	hksm_unlock_all(h, "limit");
	cond_resched();
	return h->shrink_id;
}

/**
 * hksm_shrink_to_limit() - give back what is beyond max_metadata
 * @h: the engine
 *
 * As far as it is known of pages that are not merged. Tables go last, because they
 * are made anew for that; the first time may do no more than clean them. Where the
 * shrinker comes in between and goes on to other ranges, some are left.
 *
 * Context: may sleep; takes hksm.sem for writing.
 */
void hksm_shrink_to_limit(struct hksm *h)
{
	bool first = true, more = true;
	unsigned int n;

	if (hksm_meta_fits(h, 0))
		return;
	while (more && !hksm_meta_fits(h, 0)) {
		more = shrink_on(h, first);
		first = false;
	}
	hksm_lock_all(h);
	for (n = 0; n < 2 && hksm_resize_wanted(h, true); n++)
		hksm_resize_all(h, true);
	hksm_unlock_all(h, "limit");
}

/**
 * hksm_shrink_init() - have the kernel ask for memory when it is short
 * @h: the engine
 *
 * Context: may sleep; once, when nothing can fail any more.
 * Return: 0 or -ENOMEM, with which the engine works, and gives nothing back.
 */
int hksm_shrink_init(struct hksm *h)
{
	struct shrinker *shrinker = shrinker_alloc(0, "ksm-words");

	if (!shrinker)
		return -ENOMEM;
	h->shrinker = shrinker;
	INIT_WORK(&h->trimmer, shrink_trim);
	shrinker->count_objects = shrink_count;
	shrinker->scan_objects = shrink_scan;
	shrinker->seeks = DEFAULT_SEEKS;
	shrinker->private_data = h;
	shrinker_register(shrinker);
	return 0;
}

/**
 * hksm_shrink_fini() - undo hksm_shrink_init()
 * @h: the engine
 *
 * Context: may sleep; hksm.sem is not held.
 */
void hksm_shrink_fini(struct hksm *h)
{
	if (!h->shrinker)
		return;
	shrinker_free(h->shrinker);
	h->shrinker = NULL;
	cancel_work_sync(&h->trimmer);
}
