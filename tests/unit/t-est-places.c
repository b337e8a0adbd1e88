// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where it pays: programs as strips of pieces in, the strips of what is chosen out.
 */
#include "estimate/places.h"

#include <math.h>

#include "tap.h"

#define PAGE 4096
#define PIECE_PAGES 512
#define PIECE ((uint64_t)PAGE * PIECE_PAGES)
#define MAPS 8
#define PIECES 512

/*
 * A mapping is a text of its pieces: '-' nothing present, else how much of the
 * piece is saved: '0' none, 'a' one page in 100, '1'..'9' tenths, '#' all; or 'm' all
 * merged already, 'h' half of it merged and the rest nothing.  What is
 * chosen is 'x', and '.' what is not; a mapping that is taken whole is "whole".
 * Names begin with '@' where the mapping is marked already, '+' where that is our mark, '['
 * where it is the stack.
 */
struct map {
	const char *pieces;
	const char *want;
};

struct story {
	const char *name;
	double share;			/* 0: 0.95 */
	size_t max_ranges;
	struct map map[MAPS];
	int saved_pct, pages_pct;	/* of the chosen, rounded */
};

#define TIMES8(s) s s s s s s s s

static const struct story stories[] = {
	{ "what is merged already has its place", 0, 0,
	  { { "0000mmmmmmmm00000000000000000000", "....xxxxxxxx...................." },
	    { "a", "." } }, 100, 24 },
	{ "nothing", 0, 0, { { "0", "." }, { "00000000", "........" } }, 0, 0 },
	{ "no memory at all", 0, 0, { { "----------", ".........." } }, 0, 0 },
	{ "everything", 0, 0, { { "################", "whole" } }, 100, 100 },
	/* The metadata of a page is a 64th of it. */
	{ "less than its metadata", 0, 0, { { "aaaaaaaa", "........" }, { "a", "." } }, 0, 0 },
	{ "jvm: a run in the heap", 0, 0,
	  { { "0000########00000000000000000000", "....xxxxxxxx...................." } }, 100, 25 },
	{ "jvm: few objects everywhere are left out", 0, 0,
	  { { "a0aa########a0a0aaa0aaaa0aaaaaaa", "....xxxxxxxx...................." } }, 98, 25 },
	{ "interpreter: small mappings, whole", 0, 0,
	  { { "5", "whole" }, { "6", "whole" }, { "0", "." }, { "77", "whole" }, { "4", "whole" } },
	  100, 83 },
	{ "browser: the dense ones first, and no more than wanted", 0, 0,
	  { { "9", "whole" }, { "9", "whole" }, { "#", "whole" }, { "1", "." }, { "0", "." } }, 97,
	  60 },
	{ "node: all the same everywhere, so all of it", 0, 0,
	  { { "3333333333333333", "whole" } }, 100, 100 },
	{ "guest: zeroes at the end", 0, 0,
	  { { "0011000000000000################", "................xxxxxxxxxxxxxxxx" } }, 99, 50 },
	{ "guest: less is wanted", 0.5, 0,
	  { { "0000000000000000################", "................xxxxxxxx........" } }, 50, 25 },
	{ "a gap that would be scanned is not bridged", 0, 0,
	  { { "00000#0##0#00000", ".....x.xx.x....." } }, 100, 25 },
	{ "an empty gap has nothing to scan, but is as long", 0, 0,
	  { { "00000#-#--#00000", ".....xxx..x....." } }, 100, 23 },
	{ "most of a mapping is all of it", 0, 0,
	  { { "########0####000", "whole" } }, 100, 100 },
	{ "large and dense: not split", 0, 0, { { "8888888898888888", "whole" } }, 100, 100 },
	{ "a stack is taken whole", 0, 0, { { "[000000##", "whole" }, { "##########", "whole" } },
	  100, 100 },
	{ "a stack is left out whole", 0, 0,
	  { { "[0000000a", "........" }, { "##########", "whole" } }, 100, 56 },
	{ "what others marked is theirs", 0, 0,
	  { { "@#########", "........." }, { "5", "whole" }, { "0", "." } }, 100, 50 },
	{ "bounded: wider gaps are bridged", 0, 2,
	  { { "#000#000#000#00000000000000000000000000000#0",
	      "xxxxxxxxxxxxx.............................x." } }, 100, 32 },
	{ "bounded: of many mappings those that save most", 0, 2,
	  { { "5", "." }, { "99", "whole" }, { "6", "." }, { "888", "whole" } }, 79, 71 },
	{ "bounded: what is bridged must pay", 0, 1,
	  { { "#" TIMES8(TIMES8("0")) TIMES8(TIMES8("0")) "#",
	      "." TIMES8(TIMES8(".")) TIMES8(TIMES8(".")) "." } }, 0, 0 },
};

struct built {
	struct est_proc proc;
	struct est_seg seg[MAPS];
	struct est_piece piece[MAPS * PIECES];
	size_t n_pieces;
};

static double saved_of(char c)
{
	if (c == '#')
		return PIECE_PAGES;
	if (c == 'a')
		return PIECE_PAGES / 100.0;
	if (c == 'm' || c == 'h')
		return 0;
	return (c - '0') * PIECE_PAGES / 10.0;
}

static double merged_of(char c)
{
	return c == 'm' ? PIECE_PAGES : c == 'h' ? PIECE_PAGES / 2.0 : 0;
}

static void add_map(struct built *b, const char *text, uint64_t start)
{
	struct est_seg *s = &b->seg[b->proc.n_segs++];

	*s = (struct est_seg){ .mergeable = *text == '@' || *text == '+',
			       .ours = *text == '+', .stack = *text == '[',
			       .start = start, .first_piece = b->n_pieces };
	text += s->mergeable || s->stack;
	s->end = start + strlen(text) * PIECE;
	for (size_t i = 0; text[i]; i++) {
		struct est_piece *p = &b->piece[b->n_pieces];

		if (text[i] == '-')
			continue;
		*p = (struct est_piece){ &b->proc, s, start + i * PIECE, start + (i + 1) * PIECE,
					 { .anon = PIECE_PAGES },
					 { .saved = saved_of(text[i]),
					   .merged = merged_of(text[i]) } };
		s->count.anon += p->count.anon;
		est_gain_add(&s->gain, &p->gain);
		b->n_pieces++;
		s->n_pieces++;
	}
}

static void build(struct built *b, const struct story *story, size_t first_seg)
{
	memset(b, 0, sizeof(*b));
	b->proc.segs = b->seg;
	b->proc.first_seg = first_seg;
	for (size_t i = 0; i < MAPS && story->map[i].pieces; i++)
		add_map(b, story->map[i].pieces, (i + 1) << 40);
}

/* What was chosen of a mapping, as the stories have it. */
static void strip(const struct est_places *got, const struct est_seg *s, char *out)
{
	const size_t n = (s->end - s->start) / PIECE;

	memset(out, '.', n);
	out[n] = '\0';
	for (size_t i = 0; i < got->n; i++) {
		const struct est_range *r = &got->range[i];

		if (r->seg != s)
			continue;
		CHECK(r->start >= s->start && r->end <= s->end && r->start < r->end);
		if (r->start == s->start && r->end == s->end) {
			snprintf(out, PIECES, "whole");
			return;
		}
		memset(out + (r->start - s->start) / PIECE, 'x', (r->end - r->start) / PIECE);
	}
}

static long pct(double part, double all)
{
	return all > 0 ? lround(100 * part / all) : 0;
}

static void check_order(const struct est_places *got)
{
	for (size_t i = 1; i < got->n; i++) {
		const struct est_range *a = &got->range[i - 1], *b = &got->range[i];

		CHECK(a->proc != b->proc || a->end <= b->start);
	}
}

static struct built one, two;

static void told(void)
{
	static char text[PIECES + 1];

	for (size_t i = 0; i < ARRAY_SIZE(stories); i++) {
		const struct story *s = &stories[i];
		const struct est_places_opts o = { s->share > 0 ? s->share : 0.95, PAGE, PIECE,
						   s->max_ranges };
		struct est_proc *procs[] = { &one.proc };
		struct est_places got;

		tap_row("%s", s->name);
		build(&one, s, 0);
		CHECK_INT(est_places_choose(procs, 1, one.piece, &o, &got), 0);
		for (size_t m = 0; m < MAPS && s->map[m].pieces; m++) {
			strip(&got, &one.seg[m], text);
			CHECK_STR(text, s->map[m].want);
		}
		CHECK_INT(pct(got.chosen.saved, got.all.saved), s->saved_pct);
		CHECK_INT(pct(got.chosen.pages, got.all.pages), s->pages_pct);
		CHECK(!s->max_ranges || got.n <= s->max_ranges);
		check_order(&got);
		est_places_fini(&got);
	}
}

static void marked(void)
{
	static const struct story s = { .map = { { "@##00", NULL }, { "5", NULL } } };
	const struct est_places_opts o = { 0.95, PAGE, PIECE, 0 };
	struct est_proc *procs[] = { &one.proc };
	struct est_places got;

	build(&one, &s, 0);
	CHECK_INT(est_places_choose(procs, 1, one.piece, &o, &got), 0);
	CHECK_UINT(got.marked.pages, 4 * PIECE_PAGES);
	CHECK(got.marked.saved == 2 * PIECE_PAGES);
	CHECK_UINT(got.all.pages, PIECE_PAGES);
	est_places_fini(&got);
}

/* The share is of all processes together; the bound is of each. */
static void two_processes(void)
{
	static const struct story rich = { .map = { { "#0000#0000#0000#0000", NULL } } };
	static const struct story poor = { .map = { { "1000000000000000", NULL } } };
	const struct est_places_opts o = { 0.95, PAGE, PIECE, 4 };
	struct est_proc *procs[] = { &one.proc, &two.proc };
	static struct est_piece both[MAPS * PIECES];
	struct est_places got;

	build(&one, &rich, 0);
	build(&two, &poor, one.proc.n_segs);
	memcpy(both, one.piece, one.n_pieces * sizeof(*both));
	memcpy(both + one.n_pieces, two.piece, two.n_pieces * sizeof(*both));
	two.seg[0].first_piece += one.n_pieces;
	CHECK_INT(est_places_choose(procs, 2, both, &o, &got), 0);
	CHECK_UINT(got.n, 4);
	for (size_t i = 0; i < got.n; i++)
		CHECK(got.range[i].proc == &one.proc);
	CHECK_INT(pct(got.chosen.saved, got.all.saved), 98);
	est_places_fini(&got);
	CHECK(!got.range && !got.n);
}

static void nobody(void)
{
	const struct est_places_opts o = { 0.95, PAGE, PIECE, 0 };
	struct est_places got;

	CHECK_INT(est_places_choose(NULL, 0, NULL, &o, &got), 0);
	CHECK_UINT(got.n, 0);
	est_places_fini(&got);
}

/* What goes cold of our marks: 'x', "whole", or '.'. */
static void again(void)
{
	static const struct {
		const char *name;
		struct map map[MAPS];
		int held_pct;
	} rows[] = {
		{ "nothing was marked", { { "00##", "...." }, { "@##", ".." } }, 0 },
		{ "nothing at all", { { "+----", "...." } }, 100 },
		{ "all as it was", { { "+####", "...." }, { "0000", "...." } }, 100 },
		{ "all of it cold", { { "+0aa0", "whole" }, { "5", "." } }, 4 },
		{ "a little is enough to stay", { { "+1111", "...." } }, 100 },
		{ "a part", { { "+##00##", "..xx.." } }, 100 },
		{ "an end, and what is empty with it", { { "+0-0##-", "xxx..." } }, 100 },
		{ "the rest of a mapping goes along", { { "+-00--", "whole" } }, 100 },
		{ "what is empty costs nothing", { { "+#--#", "...." } }, 100 },
		{ "no rest stays behind", { { "+0-0-", "whole" } }, 100 },
		{ "what others marked is theirs", { { "@0000", "...." } }, 100 },
		{ "node: it has moved", { { "+1000", ".xxx" }, { "9999", "...." } }, 3 },
		{ "merged is what marks are for", { { "+mmhm", "...." }, { "0000", "...." } }, 100 },
		{ "merged, and some that went cold", { { "+m00m", ".xx." } }, 100 },
		{ "merged, and others are elsewhere", { { "+mh", ".." }, { "h3", ".." } }, 69 },
		{ "less than all is wanted", { { "+##", ".." }, { "#", "." } }, 70 },
	};
	const struct est_places_opts o = { 0.95, PAGE, PIECE, 0 };
	static char text[PIECES + 1];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct story s = { 0 };
		struct est_again got;

		tap_row("%s", rows[i].name);
		memcpy(s.map, rows[i].map, sizeof(s.map));
		build(&one, &s, 0);
		CHECK_INT(est_again_decide(&one.proc, one.piece, &o, &got), 0);
		for (size_t m = 0; m < MAPS && s.map[m].pieces; m++) {
			struct est_places as = { .range = got.cold, .n = got.n_cold };

			strip(&as, &one.seg[m], text);
			CHECK_STR(text, s.map[m].want);
		}
		CHECK_INT(lround(100 * got.held), rows[i].held_pct);
		est_again_fini(&got);
	}
}

/* No more cuts than there may be ranges. */
static void again_bounded(void)
{
	static char text[PIECES];
	const struct est_places_opts o = { 0.95, PAGE, PIECE, 0 };
	struct story s = { .map = { { text, NULL }, { text, NULL } } };
	struct est_again got;

	for (size_t i = 0; i + 1 < sizeof(text); i++)
		text[i] = i % 2 ? '0' : '#';
	*text = '+';
	build(&one, &s, 0);
	CHECK_INT(est_again_decide(&one.proc, one.piece, &o, &got), 0);
	CHECK_UINT(got.n_cold, EST_PLACES_MAX);
	est_again_fini(&got);
}

/* Our own mark may be chosen again, that of others not. */
static void chosen_again(void)
{
	static const struct story s = { .map = { { "+##", NULL }, { "@##", NULL }, { "##", NULL } } };
	const struct est_places_opts o = { 0.95, PAGE, PIECE, 0 };
	struct est_proc *procs[] = { &one.proc };
	struct est_places got;

	build(&one, &s, 0);
	CHECK_INT(est_places_choose(procs, 1, one.piece, &o, &got), 0);
	if (CHECK_UINT(got.n, 2))
		CHECK(got.range[0].seg == &one.seg[0] && got.range[1].seg == &one.seg[2]);
	CHECK_UINT(got.marked.pages, 2 * PIECE_PAGES);
	est_places_fini(&got);
}

TAP_MAIN(TAP_CASE(told), TAP_CASE(marked), TAP_CASE(two_processes), TAP_CASE(nobody),
	 TAP_CASE(again), TAP_CASE(again_bounded), TAP_CASE(chosen_again))
