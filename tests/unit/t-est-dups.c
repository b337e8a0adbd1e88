// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Equal pages to savings: literal records in, literal figures out.
 */
#include "estimate/read.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "tap.h"
#include "xorshift.h"

#define SEGS 4

/* Segments 0 and 1 belong to one user, 2 and 3 to another; a group each. */
static const struct est_owner owners[SEGS] = { { 0, 0 }, { 0, 1 }, { 1, 2 }, { 1, 3 } };

struct world {
	struct est_rec rec[4096];
	size_t n;
	struct est_count count[SEGS];
	struct est_gain total, gain[SEGS];
	struct est_sure sure;
	double pairs[SEGS * SEGS], merged[SEGS * SEGS];
};

static struct world w;

static void reset(void)
{
	memset(&w, 0, sizeof(w));
}

static void put(uint32_t content, uint32_t seg, uint32_t flags, size_t times)
{
	while (times--)
		w.rec[w.n++] = (struct est_rec){ content * 2654435761U, content, seg | flags };
}

static void decide_picked(uint64_t max_sharing, bool zero, double share, double pick)
{
	const struct est_params p = {
		.max_sharing = max_sharing,
		.use_zero_pages = zero,
		.p = share,
		.pick = pick,
		.n_segs = SEGS,
		.owner = owners,
		.count = w.count,
		.n_users = 2,
		.n_groups = SEGS,
		.pairs = w.pairs,
		.merged = w.merged,
	};

	est_sort(w.rec, w.n, 2);
	CHECK_INT(est_dups(w.rec, w.n, &p, &w.total, w.gain, &w.sure), 0);
}

static void decide(uint64_t max_sharing, bool zero, double share)
{
	decide_picked(max_sharing, zero, share, 0);
}

#define NEAR(got, want) \
	tap_check(fabs((got) - (want)) < 1e-6, __FILE__, __LINE__, "%s is %g, expected %g", #got, \
		  (double)(got), (double)(want))

static void copies(void)
{
	CHECK_UINT(est_copies(0, 256), 0);
	CHECK_UINT(est_copies(1, 256), 1);
	CHECK_UINT(est_copies(256, 256), 1);
	CHECK_UINT(est_copies(257, 256), 2);
	CHECK_UINT(est_copies(513, 256), 3);
	CHECK_UINT(est_copies(5, 2), 3);
}

static void nothing(void)
{
	reset();
	decide(256, false, 1);
	NEAR(w.total.saved, 0);
	NEAR(w.total.dup, 0);
}

static void pairs_and_singles(void)
{
	reset();
	put(1, 0, 0, 1);
	put(1, 1, 0, 1);
	put(2, 0, 0, 1);
	put(3, 2, 0, 1);
	decide(256, false, 1);
	NEAR(w.total.saved, 1);
	NEAR(w.total.dup, 2);
	NEAR(w.total.unique, 2);
	NEAR(w.total.counted, 1);
	NEAR(w.total.cross, 0);
	NEAR(w.gain[0].saved, 0.5);
	NEAR(w.gain[1].saved, 0.5);
	NEAR(w.gain[0].unique, 1);
	NEAR(w.gain[2].saved, 0);
	NEAR(w.pairs[0 * SEGS + 1], 1);
	NEAR(w.pairs[0 * SEGS + 0], 0);
}

static void many_copies(void)
{
	static const struct {
		size_t frames;
		double saved;
	} rows[] = {
		{ 2, 1 }, { 256, 255 }, { 257, 255 }, { 258, 256 }, { 700, 697 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%zu", rows[i].frames);
		reset();
		put(7, 0, 0, rows[i].frames);
		decide(256, false, 1);
		NEAR(w.total.saved, rows[i].saved);
		NEAR(w.total.counted, rows[i].saved);
		NEAR(w.pairs[0], rows[i].frames - 1.0);
	}
}

/* One frame in two processes is no duplicate; a second frame frees one, not two. */
static void shared_since_fork(void)
{
	reset();
	put(1, 0, 0, 1);
	put(1, 1, EST_SAME, 1);
	decide(256, false, 1);
	NEAR(w.total.saved, 0);
	NEAR(w.total.unique, 1);
	NEAR(w.total.counted, 0);

	reset();
	put(1, 0, 0, 1);
	put(1, 1, EST_SAME, 1);
	put(1, 2, 0, 1);
	decide(256, false, 1);
	NEAR(w.total.saved, 1);
	/* The kernel counts mappings: three less the first. */
	NEAR(w.total.counted, 2);
	NEAR(w.total.cross, 1);
}

static void merged_already(void)
{
	/* A merged page with two mappings, and one page that will join it. */
	reset();
	put(1, 0, EST_KSM, 1);
	put(1, 1, EST_KSM | EST_SAME, 1);
	put(1, 2, 0, 1);
	decide(256, false, 1);
	NEAR(w.total.saved, 1);
	NEAR(w.total.counted, 1);
	NEAR(w.total.dup, 1);
	NEAR(w.gain[2].saved, 1);
	/* What the two have saved is theirs half each. */
	NEAR(w.gain[0].merged, 0.5);
	NEAR(w.gain[1].merged, 0.5);
	NEAR(w.gain[2].merged, 0);

	/* It is full: the newcomers need a copy of their own. */
	reset();
	put(1, 0, EST_KSM, 1);
	put(1, 1, EST_KSM | EST_SAME, 3);
	put(1, 2, 0, 3);
	decide(4, false, 1);
	NEAR(w.total.saved, 2);

	/* Merged pages alone save nothing more. */
	reset();
	put(1, 0, EST_KSM, 1);
	put(1, 1, EST_KSM | EST_SAME, 9);
	decide(256, false, 1);
	NEAR(w.total.saved, 0);
	NEAR(w.total.unique, 0);
	NEAR(w.total.merged, 9);
	NEAR(w.gain[1].merged, 8.1);
}

static void frames_unknown(void)
{
	/* Two mappings that may be one frame are taken for one. */
	reset();
	put(1, 0, EST_NOFRAME, 1);
	put(1, 1, EST_NOFRAME, 1);
	decide(256, false, 1);
	NEAR(w.total.saved, 0);
	NEAR(w.total.unique, 1);
	put(1, 2, 0, 1);
	memset(w.gain, 0, sizeof(w.gain));
	decide(256, false, 1);
	NEAR(w.total.saved, 1);
	NEAR(w.total.dup, 2);
}

static void across_users(void)
{
	/* User 0 has two, user 1 has three: apart 1 + 2, together 4. */
	reset();
	put(1, 0, 0, 1);
	put(1, 1, 0, 1);
	put(1, 2, 0, 3);
	decide(256, false, 1);
	NEAR(w.total.saved, 4);
	NEAR(w.total.cross, 1);
	NEAR(w.pairs[0 * SEGS + 2], 1);
	NEAR(w.pairs[2 * SEGS + 2], 2);
}

static void huge(void)
{
	reset();
	put(1, 0, EST_HUGE, 1);
	put(1, 1, 0, 1);
	decide(256, false, 1);
	NEAR(w.total.saved, 1);
	NEAR(w.total.huge, 0.5);
}

static void zeroes(void)
{
	reset();
	w.count[0].zero = 300;
	w.count[0].zero_huge = 100;
	w.count[2].zero = 300;
	decide(256, false, 1);
	NEAR(w.total.saved, 597);
	NEAR(w.total.dup, 600);
	/* Apart: 298 each. */
	NEAR(w.total.cross, 1);
	NEAR(w.gain[0].saved, 298.5);

	memset(&w.total, 0, sizeof(w.total));
	memset(w.gain, 0, sizeof(w.gain));
	decide(256, true, 1);
	NEAR(w.total.saved, 600);
	NEAR(w.total.huge, 100);
	NEAR(w.total.cross, 0);
}

/* A content whose hash is the given part of all hashes. */
static void put_at(double at, uint32_t seg, uint32_t flags, size_t times)
{
	while (times--)
		w.rec[w.n++] = (struct est_rec){ ldexp(at, 32), 1, seg | flags };
}

static void scaled(void)
{
	reset();
	put_at(0.01, 0, 0, 2);
	put_at(0.02, 0, 0, 1);
	w.count[0].zero = 2;
	decide(256, false, 0.25);
	/* 1 / 0.25 of contents, and zeroes as they are. */
	NEAR(w.total.saved, 5);
	NEAR(w.total.unique, 4);
	NEAR(w.total.dup, 10);
	NEAR(w.sure.rest, 4);
	NEAR(w.sure.rest_var, 12);
	NEAR(w.sure.contents, 8);
	/* Seen: one page of two, one zero of two; a content and the one zero stay. */
	NEAR(w.sure.exact, 1);
	NEAR(w.sure.least, 2);
	NEAR(w.sure.kept, 3);
}

/* Of a content picked twice it does not matter whether it was taken. */
static void frequent(void)
{
	const double pick = 0.2, per_b = 0.8 / 0.2;

	/* Taken: all of its ten frames are here, and count once. */
	reset();
	put_at(0.01, 0, 0, 8);
	put_at(0.01, 0, EST_PICK_A, 2);
	decide_picked(256, false, 0.25, pick);
	NEAR(w.total.saved, 9);
	NEAR(w.total.dup, 10);
	NEAR(w.sure.exact, 9);
	NEAR(w.sure.rest, 0);
	NEAR(w.sure.picked_var, 0);

	/* Not taken: two of A and three of B, each of which stands for four. */
	reset();
	put_at(0.5, 0, EST_PICK_A, 2);
	put_at(0.5, 2, EST_PICK_B, 3);
	decide_picked(256, false, 0.25, pick);
	NEAR(w.total.saved, 2 + 3 * per_b - 1);
	NEAR(w.total.dup, 14);
	NEAR(w.gain[0].dup, 2);
	NEAR(w.gain[2].dup, 12);
	NEAR(w.total.cross, 1);
	NEAR(w.pairs[0 * SEGS + 2], 2);
	NEAR(w.sure.picked, 13);
	NEAR(w.sure.picked_var, 3 * per_b * (per_b - 1));
	CHECK_UINT(w.sure.n_picked, 1);
	NEAR(w.sure.least, 4);

	/* Picked once, or by B only: as rare as any other, and not taken. */
	reset();
	put_at(0.5, 0, EST_PICK_A, 1);
	put_at(0.5, 0, EST_PICK_B, 2);
	decide_picked(256, false, 0.25, pick);
	NEAR(w.total.saved, 0);
	NEAR(w.total.dup, 0);
	NEAR(w.sure.picked, 0);
}

static void clamped(void)
{
	struct est_gain g = { .dup = 20, .unique = 5, .saved = 10, .cross = 4, .huge = 2 };

	est_gain_clamp(&g, 30);
	NEAR(g.dup, 20);
	NEAR(g.unique, 10);
	est_gain_clamp(&g, 10);
	NEAR(g.dup, 10);
	NEAR(g.unique, 0);
	NEAR(g.saved, 5);
	NEAR(g.cross, 2);
	NEAR(g.huge, 1);
	est_gain_clamp(&g, 0);
	NEAR(g.saved, 0);
	/* Not by the last digit either: x * (15 / x) is more than 15 for one x in seven. */
	for (int i = 0; i < 1000; i++) {
		g = (struct est_gain){ .dup = 15 + i / 7.0 };
		est_gain_clamp(&g, 15);
		if (!CHECK(g.dup <= 15 && g.unique >= 0))
			break;
	}
}

/* What a pair has in common, and what of that is merged. */
static void merged_pairs(void)
{
	reset();
	put(1, 0, EST_KSM, 1);
	put(1, 1, EST_KSM | EST_SAME, 2);
	put(1, 2, 0, 1);
	put(2, 0, 0, 1);
	put(2, 1, 0, 1);
	decide(256, false, 1);
	NEAR(w.pairs[0 * SEGS + 1], 2);
	NEAR(w.merged[0 * SEGS + 1], 1);
	NEAR(w.pairs[1 * SEGS + 1], 1);
	NEAR(w.merged[1 * SEGS + 1], 1);
	NEAR(w.pairs[0 * SEGS + 2], 1);
	NEAR(w.merged[0 * SEGS + 2], 0);
}

static int order(const struct est_rec *a, const struct est_rec *b)
{
	if (a->hi != b->hi)
		return a->hi < b->hi ? -1 : 1;
	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	return a->tag < b->tag ? -1 : a->tag > b->tag;
}

static uint64_t state = 88172645463325252;

static uint64_t random64(void)
{
	return xorshift64(&state);
}

static void sorted(void)
{
	static const struct {
		size_t n;
		uint64_t mask;	/* few bits: many equal ones */
	} rows[] = {
		{ 0, 0 }, { 1, ~0ULL }, { 47, ~0ULL }, { 50000, ~0ULL }, { 50000, 3 },
		{ 50000, 0xff00000000000000 }, { 50000, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct est_rec *r = calloc(rows[i].n + 1, sizeof(*r));
		uint64_t before = 0, after = 0;
		size_t wrong = 0;

		tap_row("%zu", i);
		for (size_t j = 0; j < rows[i].n; j++) {
			uint64_t h = random64() & rows[i].mask;

			r[j] = (struct est_rec){ h >> 32, h, random64() & EST_SEG_MASK };
			before += r[j].hi * 3ULL + r[j].lo * 5ULL + r[j].tag;
		}
		est_sort(r, rows[i].n, 3);
		for (size_t j = 0; j < rows[i].n; j++) {
			after += r[j].hi * 3ULL + r[j].lo * 5ULL + r[j].tag;
			wrong += j && order(&r[j - 1], &r[j]) > 0;
		}
		CHECK_UINT(wrong, 0);
		CHECK(before == after);
		free(r);
	}
}

static void compacted(void)
{
	struct est_rec r[] = { { 1, 1, 1 }, { 2, 2, EST_DROPPED }, { 3, 3, 3 },
			       { 4, 4, EST_DROPPED } };

	CHECK_UINT(est_compact(r, ARRAY_SIZE(r)), 2);
	CHECK_UINT(r[1].hi, 3);
}

static void paced(void)
{
	struct est_limits p = { .max_rate = 100e6 };

	/* 100 MB at 100 MB/s are due after a second. */
	CHECK_UINT(est_limits_due(&p, 400000000, 0, 100000000), 600000000);
	CHECK_UINT(est_limits_due(&p, 1000000000, 0, 100000000), 0);
	p = (struct est_limits){ .max_cpu = 0.25 };
	CHECK_UINT(est_limits_due(&p, 1000000000, 500000000, 1), 1000000000);
	p = (struct est_limits){ .max_cpu = 0.25, .max_rate = 1e6 };
	CHECK_UINT(est_limits_due(&p, 0, 250000000, 5000000), 5000000000);
	p = (struct est_limits){ .max_cpu = 0 };
	CHECK_UINT(est_limits_due(&p, 0, 500000000, 1), 0);
}

static void frames(void)
{
	struct est_limits limits = { 0 };
	struct est_frames *f = est_frames_new(&limits);
	uint64_t hash;

	CHECK(!est_frames_find(f, 5, &hash));
	for (uint64_t i = 1; i <= 100000; i++)
		if (est_frames_put(f, i, i * 3) != 1)
			CHECK(!"a new frame");
	CHECK_INT(est_frames_put(f, 77, 1), 0);
	for (uint64_t i = 1; i <= 100000; i++)
		if (!est_frames_find(f, i, &hash) || hash != i * 3)
			CHECK(!"the frame");
	CHECK(!est_frames_find(f, 100001, &hash));
	est_frames_free(f);
}

static void frames_bounded(void)
{
	struct est_limits limits = { .max_memory = 256 << 10 };
	struct est_frames *f = est_frames_new(&limits);
	int rc = 1;
	uint64_t n;

	for (n = 1; rc == 1 && n <= 100000; n++)
		rc = est_frames_put(f, n, n);
	CHECK_INT(rc, -ENOBUFS);
	/* Half of it is for something else, at 16 bytes a frame. */
	CHECK(n > 2000 && n < 8192);
	est_frames_free(f);
}

TAP_MAIN(TAP_CASE(copies), TAP_CASE(nothing), TAP_CASE(pairs_and_singles), TAP_CASE(many_copies),
	 TAP_CASE(shared_since_fork), TAP_CASE(merged_already), TAP_CASE(frames_unknown),
	 TAP_CASE(across_users), TAP_CASE(huge), TAP_CASE(zeroes), TAP_CASE(scaled),
	 TAP_CASE(frequent), TAP_CASE(clamped), TAP_CASE(merged_pairs),
	 TAP_CASE(sorted), TAP_CASE(compacted), TAP_CASE(paced),
	 TAP_CASE(frames), TAP_CASE(frames_bounded))
