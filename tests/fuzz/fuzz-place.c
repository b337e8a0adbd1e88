// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-place.c - guests to hosts: whatever is in files of sketches that can be read, a
 * placement keeps to what hosts hold and how many may move, its moves lead to it in their
 * order, and its figures make sense.
 *
 * Three bytes are the hosts, the moves and what a move is worth; one for each host is its
 * capacity in 1/128 of what it has; the rest is guests.
 */
#include "fuzz.h"

#include <math.h>

#include "estimate/placement.h"
#include "../unit/xorshift.h"

#define MAX_HOSTS  6
#define MAX_GUESTS 12

struct input {
	const uint8_t *at, *end;
};

static unsigned int byte(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

/* Items from a few bytes: hashes close to each other or far apart, some in many guests. */
static void items(struct input *in, struct est_sketch *s)
{
	const unsigned int kind = byte(in), n = kind & 1 ? EST_SKETCH_K : byte(in) & 63;
	const unsigned int shift = byte(in) % 56;
	uint64_t state = byte(in) + 1, hash = 0;

	for (s->n = 0; s->n < n; s->n++) {
		const uint64_t gap =
			1 + (kind & 2 ? (uint64_t)byte(in) : xorshift64(&state) & 0xff);

		if (hash > UINT64_MAX - (gap << shift))
			break;
		hash += gap << shift;
		s->item[s->n].hash = hash;
		s->item[s->n].pages = kind & 4 ? UINT32_MAX - byte(in) : 1 + (byte(in) & 3);
		s->pages += s->item[s->n].pages;
	}
	if (kind & 8)
		s->pages += (uint64_t)byte(in) << byte(in) % 48;
	if (kind & 16)
		s->zero_pages = (uint64_t)byte(in) << byte(in) % 48;
}

/* As it comes out of a file; false when nobody would have read it. */
static bool guest(struct input *in, struct est_sketch *out)
{
	struct est_sketch s = { .page_size = 4096, .key_id = 1 };
	unsigned char *file;
	bool ok;
	size_t used;

	items(in, &s);
	file = malloc(est_sketch_size(&s));
	MUST(file);
	est_sketch_format(&s, file);
	ok = !est_sketch_parse(file, est_sketch_size(&s), out, &used);
	free(file);
	return ok;
}

static bool is_sane(const struct est_approx *a)
{
	return isfinite(a->pages) && a->low <= a->pages && a->pages <= a->high &&
	       isfinite(a->low) && isfinite(a->high);
}

static void check_hosts(const struct est_placement *p)
{
	for (size_t h = 0; h < p->n_hosts; h++) {
		const struct est_host *host = &p->hosts[h];
		uint64_t now = 0, then = 0;

		for (size_t g = 0; g < p->n_guests; g++) {
			now += p->guests[g].host == h ? est_guest_pages(&p->guests[g]) : 0;
			then += p->guests[g].to == h ? est_guest_pages(&p->guests[g]) : 0;
		}
		MUST(host->pages_now == now && host->pages_then == then);
		MUST(then <= host->capacity || then <= now);
		MUST(is_sane(&host->now) && host->now.low >= 0 && host->now.high <= now);
		MUST(is_sane(&host->then) && host->then.low >= 0 && host->then.high <= then);
	}
}

/* One after the other; what is not tight has room when its turn comes. */
static void check_moves(const struct est_placement *p)
{
	uint64_t load[MAX_HOSTS] = { 0 }, copied = 0;
	size_t away = 0;

	for (size_t g = 0; g < p->n_guests; g++) {
		load[p->guests[g].host] += est_guest_pages(&p->guests[g]);
		MUST(p->guests[g].to < p->n_hosts);
		MUST((p->guests[g].to != p->guests[g].host) == (p->guests[g].step > 0));
		away += p->guests[g].step > 0;
	}
	MUST(away == p->moves && away <= p->max_moves);
	for (size_t step = 1; step <= p->moves; step++) {
		const struct est_guest *m = NULL;

		for (size_t g = 0; g < p->n_guests; g++)
			if (p->guests[g].step == step) {
				MUST(!m);
				m = &p->guests[g];
			}
		MUST(m && isfinite(m->gain));
		load[m->host] -= est_guest_pages(m);
		load[m->to] += est_guest_pages(m);
		copied += est_guest_pages(m);
		MUST(m->tight || !est_guest_pages(m) || load[m->to] <= p->hosts[m->to].capacity);
	}
	MUST(copied == p->pages_moved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct est_sketch sketch[MAX_GUESTS];
	struct est_guest guests[MAX_GUESTS] = { 0 };
	struct est_host hosts[MAX_HOSTS] = { 0 };
	struct input in = { data, data + size };
	struct est_placement p = { .guests = guests, .hosts = hosts };
	unsigned int fill[MAX_HOSTS];

	p.n_hosts = 1 + byte(&in) % MAX_HOSTS;
	p.max_moves = byte(&in) % (MAX_GUESTS + 2);
	p.worth = byte(&in) / 64.0;
	for (size_t h = 0; h < p.n_hosts; h++)
		fill[h] = byte(&in);
	while (p.n_guests < MAX_GUESTS && in.at < in.end) {
		struct est_guest *g = &guests[p.n_guests];

		*g = (struct est_guest){ .sketch = &sketch[p.n_guests],
					 .host = byte(&in) % p.n_hosts };
		if (!guest(&in, &sketch[p.n_guests]))
			continue;
		hosts[g->host].capacity += est_guest_pages(g);
		p.n_guests++;
	}
	for (size_t h = 0; h < p.n_hosts; h++)
		hosts[h].capacity = hosts[h].capacity / 128 * fill[h];
	MUST(!est_place(&p));
	if (!p.n_guests)
		return 0;
	check_hosts(&p);
	check_moves(&p);
	MUST(is_sane(&p.now) && is_sane(&p.then) && is_sane(&p.gain));
	/* Where all contents are known, what is found is better, and worth its while. */
	if (p.exact) {
		MUST(p.then.pages >= p.now.pages);
		MUST(p.gain.pages * (1 + 1e-9) >= p.worth * p.pages_moved);
	}
	return 0;
}
