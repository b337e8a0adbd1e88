// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scan policy, see policy.h: which pages are worth reading in this pass,
 * which are quiet enough to be merged at first sight, how many pages a batch
 * should have. Pure: no clock, no lock, no page.
 */
#include "policy.h"

/* Visits without a result before a page is skipped at all. */
#define LEVEL_FREE	3
/* Visits after which one that came at a bad moment is a visit like others. */
#define LEVEL_PATIENT	10
/* A range is restless when more than one merge in this many breaks. */
#define RESTLESS	4
#define HEAT_MIN	8
/* The advisor never plans for less CPU than this, per cent. */
#define ADVISE_MIN_CPU	10
/* Weight of the newest pass in the smoothed change, per cent. */
#define ADVISE_WEIGHT	30

/**
 * hksm_policy_skips() - passes a page sits out
 * @level: fruitless visits so far, at most 15
 *
 * The first steps are those users of smart_scan know; the last ones go
 * further, because a page that is skipped stays in the candidate table and
 * is found by others meanwhile.
 *
 * Context: any.
 */
unsigned int hksm_policy_skips(unsigned int level)
{
	if (level < LEVEL_FREE)
		return 0;
	if (level <= 4)
		return 1;
	if (level <= 6)
		return 2;
	if (level <= 8)
		return 4;
	if (level <= 11)
		return 8;
	return 15;
}

/**
 * hksm_policy_skip() - decide whether a page is left alone in this pass
 * @meta: word of a page that is tracked and not merged, updated
 *
 * Context: any.
 * Return: true to skip it.
 */
bool hksm_policy_skip(u64 *meta)
{
	unsigned int skip = hksm_meta_get(*meta, HKSM_META_SKIP_SHIFT);
	unsigned int level;

	if (skip) {
		*meta = hksm_meta_set(*meta, HKSM_META_SKIP_SHIFT, skip - 1);
		return true;
	}
	level = hksm_meta_get(*meta, HKSM_META_LEVEL_SHIFT) + 1;
	*meta = hksm_meta_set(*meta, HKSM_META_LEVEL_SHIFT, level);
	*meta = hksm_meta_set(*meta, HKSM_META_SKIP_SHIFT,
			      hksm_policy_skips(min(level, 15U)));
	return false;
}

/**
 * hksm_policy_again() - a page could not be dealt with for the moment
 * @meta: its word, after hksm_policy_skip()
 *
 * It was locked, or held by somebody: nothing that says anything of the page.
 * But what is held for long is not tried in every pass for ever.
 *
 * Context: any.
 * Return: the word, of a page that is looked at in the next pass.
 */
u64 hksm_policy_again(u64 meta)
{
	if (hksm_meta_get(meta, HKSM_META_LEVEL_SHIFT) > LEVEL_PATIENT)
		return meta;
	return hksm_meta_set(meta, HKSM_META_SKIP_SHIFT, 0);
}

/**
 * hksm_policy_gate() - may a page be merged in this visit?
 * @meta: its word before the visit
 * @same: its key is that of the previous visit
 * @one_pass: is one visit enough for memory without a history?
 * @heat: history of the range
 *
 * Memory without a history is taken to be quiet and merged at once, if the
 * engine is set to. A page whose merge was broken by a write has to show the
 * same content twice, and the visits are further apart after each break. In a
 * restless range every page has to.
 *
 * Context: any.
 */
bool hksm_policy_gate(u64 meta, bool same, bool one_pass,
		      const struct hksm_heat *heat)
{
	if (same)
		return true;
	if (!one_pass || hksm_meta_get(meta, HKSM_META_BACKOFF_SHIFT))
		return false;
	return heat->breaks < HEAT_MIN ||
	       heat->breaks < heat->merges / RESTLESS;
}

static void heat_age(struct hksm_heat *heat)
{
	if (heat->merges < U16_MAX / 2 && heat->breaks < U16_MAX / 2)
		return;
	heat->merges /= 2;
	heat->breaks /= 2;
}

/**
 * hksm_policy_broken() - a merged page was written
 * @meta: its word
 * @heat: history of the range, updated
 *
 * Context: any.
 * Return: the word of a page to be hashed anew, in state SEEN without a key.
 */
u64 hksm_policy_broken(u64 meta, struct hksm_heat *heat)
{
	unsigned int backoff = hksm_meta_get(meta, HKSM_META_BACKOFF_SHIFT);
	unsigned int level;

	heat->breaks++;
	heat_age(heat);
	/* One break is an accident; further ones are waited for ever longer. */
	level = backoff ? LEVEL_FREE + 2 * backoff : 0;
	meta = hksm_meta_become(meta, HKSM_SEEN, 0);
	meta = hksm_meta_set(meta, HKSM_META_BACKOFF_SHIFT, backoff + 1);
	meta = hksm_meta_set(meta, HKSM_META_SKIP_SHIFT,
			     hksm_policy_skips(min(level, 15U)));
	return hksm_meta_set(meta, HKSM_META_LEVEL_SHIFT, level);
}

/**
 * hksm_policy_merged() - a page was merged
 * @heat: history of the range, updated
 *
 * Context: any.
 */
void hksm_policy_merged(struct hksm_heat *heat)
{
	heat->merges++;
	heat_age(heat);
}

/**
 * hksm_policy_calm() - a merged page survived one more pass
 * @meta: its word, possibly updated
 *
 * Only pages that were broken before have anything to forget.
 *
 * Context: any.
 * Return: true when the word was changed.
 */
bool hksm_policy_calm(u64 *meta)
{
	unsigned int backoff = hksm_meta_get(*meta, HKSM_META_BACKOFF_SHIFT);
	unsigned int skip;

	if (!backoff)
		return false;
	skip = hksm_meta_get(*meta, HKSM_META_SKIP_SHIFT) + 1;
	if (skip > HKSM_META_NIBBLE) {
		*meta = hksm_meta_set(*meta, HKSM_META_BACKOFF_SHIFT,
				      backoff - 1);
		skip = 0;
	}
	*meta = hksm_meta_set(*meta, HKSM_META_SKIP_SHIFT, skip);
	return true;
}

/**
 * hksm_policy_split() - partners for which a large folio is worth a split
 * @partners: the same for a huge page
 * @nr: pages of the folio
 * @whole: pages of a huge page
 *
 * Context: any.
 * Return: pages that must have a partner, at least 1; more than @nr if nothing
 * is enough.
 */
unsigned int hksm_policy_split(unsigned int partners, unsigned int nr,
			       unsigned int whole)
{
	partners = min(partners, whole + 1);
	return max((partners * nr + whole - 1) / whole, 1U);
}

/**
 * hksm_policy_rest() - is a huge page left alone in this pass?
 * @rest: its history, updated
 *
 * All of it or none: what its pages have to offer is only known when they are
 * looked at in one pass. A look that ends with a split is forgotten by the
 * caller.
 *
 * Context: any; once in each pass.
 */
bool hksm_policy_rest(struct hksm_rest *rest)
{
	if (rest->left) {
		rest->left--;
		return true;
	}
	if (rest->looks < HKSM_META_NIBBLE)
		rest->looks++;
	rest->left = hksm_policy_skips(rest->looks);
	return false;
}

/**
 * hksm_policy_advise() - plan the next pass
 * @a: knobs and history; @a->pages is the plan
 * @scan_time: length of the pass that ended, seconds
 * @cpu_percent: CPU it used, per cent of one processor
 *
 * Scale the batch by how far the pass was from its target, corrected by the
 * trend of the last passes, and keep the CPU it will take between its bounds.
 *
 * Context: any.
 */
void hksm_policy_advise(struct hksm_advice *a, unsigned long scan_time,
			unsigned int cpu_percent)
{
	unsigned long before, ratio, trend, per_cent, pages;

	scan_time = max(scan_time, 1UL);
	cpu_percent = max(cpu_percent, 1U);
	before = a->scan_time ? a->scan_time : scan_time;

	ratio = max(a->target * 100 / scan_time, 1UL);
	trend = max(scan_time * 100 / before, 1UL);
	trend = ((100 - ADVISE_WEIGHT) * a->change + ADVISE_WEIGHT * trend) /
		100;

	pages = a->pages * 100 / ratio;
	pages = pages * trend / 100;

	per_cent = max(a->pages / cpu_percent, 1UL);
	pages = min(pages, per_cent * a->max_cpu);
	pages = max(pages, per_cent * ADVISE_MIN_CPU);
	pages = min(pages, a->max_pages);

	a->change = trend;
	a->scan_time = scan_time;
	a->pages = pages;
}
