// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slice.c - how much of a mapping to unmerge in one call; pure.
 *
 * Two prices are kept apart, that of a copy and that of a look, because a
 * mapping may be full of merged pages or have a few among gigabytes of nothing.
 * A call that had both teaches the price of a copy only.
 */
#include "inject/slice.h"

#include "util/macros.h"

/* 32 copies fill the usual budget at first. */
#define COPY_NS_GUESS 12000
#define COPY_NS_MIN 1000
#define COPY_NS_MAX 1000000
/* A page that is not there, on a kernel that asks for each: some tens of ns. */
#define LOOK_PS_GUESS 100000
#define LOOK_PS_MIN 20
#define LOOK_PS_MAX 10000000
#define COPIES_GUESS 32
/* Fewer say more about the call than about a page, so that they can only be too dear. */
#define COPIES_TELLING 8
#define LOOKS_TELLING 256
#define EVEN_GROWTH 4

void slice_cost_init(struct slice_cost *c)
{
	*c = (struct slice_cost){ COPY_NS_GUESS, LOOK_PS_GUESS, COPIES_GUESS, false };
}

/* What a page table maps: 2 MiB with pages of 4 KiB, 512 MiB with those of 64 KiB. */
static uint64_t huge_size(size_t page)
{
	return page / sizeof(uint64_t) * page;
}

/* A mapping may have more pages than the product of two figures can hold. */
static uint64_t looks_ns(const struct slice_cost *c, uint64_t pages)
{
	return pages > UINT64_MAX / c->look_ps ? UINT64_MAX / 1000 : pages * c->look_ps / 1000;
}

static uint64_t clamp(uint64_t v, uint64_t low, uint64_t high)
{
	return MAX(low, MIN(v, high));
}

struct slice slice_next(const struct slice_cost *c, const struct slice_run *runs, size_t n,
			uint64_t at, uint64_t end, size_t page, uint64_t budget_ns)
{
	const uint64_t huge = huge_size(page);
	uint64_t left = budget_ns, copies = 0, to = at, copied_to = at;

	while (n && runs->end <= at) {
		runs++;
		n--;
	}
	while (to < end) {
		const bool in_run = n && runs->start <= to;
		const uint64_t stop = in_run ? MIN(runs->end, end) :
					       MIN(n ? runs->start : end, end);
		uint64_t pages = (stop - to) / page, fit;

		if (in_run)
			fit = MIN(left / c->copy_ns, c->copies_max - MIN(copies, c->copies_max));
		else
			fit = left * 1000 / c->look_ps;
		/* One page at least, or there would be no end. */
		fit = MIN(pages, to == at ? MAX(fit, 1U) : fit);
		to += fit * page;
		if (in_run) {
			copies += fit;
			copied_to = to;
			left -= MIN(left, fit * c->copy_ns);
		} else {
			left -= MIN(left, looks_ns(c, fit));
		}
		if (fit < pages)
			break;
		if (in_run && n && runs->end <= to) {
			runs++;
			n--;
		}
	}
	/* Behind the last copy there may be huge pages. */
	if (to < end && to > copied_to && to / huge * huge > MAX(copied_to, at))
		to = to / huge * huge;
	return (struct slice){ at, to, copies };
}

uint64_t slice_ns(const struct slice_cost *c, const struct slice *s, size_t page)
{
	return s->copies * c->copy_ns + looks_ns(c, (s->end - s->start) / page - s->copies);
}

/*
 * A price goes up faster than down.  One call may be dear by accident, as when an
 * interrupt or the machine below had its share: that counts up to four times.
 */
static uint64_t believe(uint64_t was, uint64_t is, bool telling)
{
	if (is > was)
		return telling ? (was + MIN(is, 4 * was)) / 2 : was;
	return (3 * was + is) / 4;
}

void slice_learn(struct slice_cost *c, const struct slice *s, size_t page, uint64_t ns)
{
	const uint64_t looks = (s->end - s->start) / page - s->copies;
	const uint64_t looks_took = looks_ns(c, looks);

	ns = MIN(ns, UINT64_MAX / 1000);
	if (s->copies) {
		const uint64_t each = ns > looks_took ? (ns - looks_took) / s->copies : 0;

		c->copy_ns = clamp(believe(c->copy_ns, each, s->copies >= COPIES_TELLING),
				   COPY_NS_MIN, COPY_NS_MAX);
		/* A limit that was used and held may grow. */
		if (s->copies >= c->copies_max / 2 && s->copies <= UINT64_MAX / 4)
			c->copies_max = MAX(c->copies_max, 2 * s->copies);
	} else if (looks && c->even) {
		/* The next call may be no more than so many times as large. */
		c->look_ps = clamp(MAX(ns * 1000 / looks, c->look_ps / EVEN_GROWTH), LOOK_PS_MIN,
				   LOOK_PS_MAX);
	} else if (looks) {
		c->look_ps = clamp(believe(c->look_ps, ns * 1000 / looks, looks >= LOOKS_TELLING),
				   LOOK_PS_MIN, LOOK_PS_MAX);
	}
}
