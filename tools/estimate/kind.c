// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kind.c - what the pages of a block are, by their entries in the page table and
 * the flags of their frames.
 */
#include "estimate/read.h"

#include <string.h>

/* Flags of the frames that matter, with one read for each row of neighbours. */
void reader_flags(struct reader *r, const struct est_seg *seg, size_t n)
{
	size_t i = 0;

	memset(r->flags, 0, n * sizeof(*r->flags));
	if (r->all->kpageflags < 0)
		return;
	while (i < n) {
		const uint64_t e = r->entry[i];
		size_t len = 1;

		if (!(e & KSM_PM_PRESENT) || e & KSM_PM_FILE || !frame(e) ||
		    (e & KSM_PM_EXCLUSIVE && !seg->may_ksm)) {
			i++;
			continue;
		}
		while (i + len < n && r->entry[i + len] & KSM_PM_PRESENT &&
		       frame(r->entry[i + len]) == frame(e) + len)
			len++;
		ksm_kpageflags_read(r->all->kpageflags, frame(e), len, r->flags + i);
		i += len;
	}
}

/* Before Linux 6.7: @n pages from @at on are one huge page, by their frames. */
static bool is_huge_block(const struct reader *r, size_t at, size_t n)
{
	uint64_t flags, first = frame(r->entry[at]);

	if (n != page_size(r) / sizeof(uint64_t) || !first || first % n ||
	    r->all->kpageflags < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!(r->entry[at + i] & KSM_PM_PRESENT) || frame(r->entry[at + i]) != first + i)
			return false;
	return ksm_kpageflags_read(r->all->kpageflags, first, 1, &flags) == 1 &&
	       flags & KSM_KPF_THP && flags & KSM_KPF_HEAD;
}

/*
 * Linux 6.12 and some around it set the KSM bit of every anonymous page.  There,
 * a shared page of a mapping in which smaps sees merged ones is taken for merged.
 */
static bool is_merged(const struct reader *r, const struct est_seg *seg, size_t i)
{
	if (r->all->ksm_known)
		return r->flags[i] & KSM_KPF_KSM;
	return seg->may_ksm && !(r->entry[i] & KSM_PM_EXCLUSIVE) && frame(r->entry[i]);
}

/* A merged page may have one mapping only, and look exclusive. */
bool reader_may_pin(const struct reader *r, const struct est_seg *seg, size_t i)
{
	if (!(r->entry[i] & KSM_PM_EXCLUSIVE) || !seg->readable)
		return false;
	return r->all->ksm_known ? !(r->flags[i] & KSM_KPF_KSM) : !seg->may_ksm;
}

/* Pages from @at to at most @end of which all is the same but the frame. */
static size_t alike(const struct reader *r, const unsigned char *kind, size_t at, size_t end)
{
	const uint64_t entry = r->entry[at], flags = r->flags[at];
	size_t i = at + 1;

	while (i < end && !((r->entry[i] ^ entry) & ~KSM_PM_FRAME) &&
	       !frame(r->entry[i]) == !frame(entry) && r->flags[i] == flags &&
	       kind[i] == kind[at])
		i++;
	return i - at;
}

void reader_classify(struct reader *r, const struct est_seg *seg, const unsigned char *kind,
		     size_t at, size_t n)
{
	const bool huge_block = !r->kinds_known && is_huge_block(r, at, n);
	size_t len;

	for (size_t i = at; i < at + n; i += len) {
		const uint64_t e = r->entry[i];
		struct est_count *c = &r->count[piece_of(r, i)];
		uint32_t tag = 0;

		len = alike(r, kind, i, i + piece_len(r, i, at + n));
		memset(r->state + i, NOTHING, len);
		if (e & KSM_PM_SWAPPED && !(e & KSM_PM_PRESENT))
			c->swapped += len;
		if (!(e & KSM_PM_PRESENT))
			continue;
		if (e & KSM_PM_FILE) {
			c->file += len;
			continue;
		}
		if (kind[i] & KSM_PAGE_ZEROPAGE || r->flags[i] & KSM_KPF_ZERO_PAGE) {
			c->zeropage += len;
			continue;
		}
		c->anon += len;
		if (huge_block || kind[i] & KSM_PAGE_HUGE) {
			tag |= EST_HUGE;
			c->huge += len;
		}
		if (is_merged(r, seg, i))
			tag |= EST_KSM;
		if (!(e & KSM_PM_EXCLUSIVE) && !frame(e))
			tag |= EST_NOFRAME;
		memset(r->state + i, reader_may_pin(r, seg, i) ? EXCLUSIVE : SHARED, len);
		for (size_t j = i; j < i + len; j++)
			r->tag[j] = tag;
	}
}
