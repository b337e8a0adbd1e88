// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-stats.c - vmstat, meminfo, pressure, and the arithmetic on figures of any
 * size: no overflow, and never a value made of an absent one.
 *
 * The first bytes are the figures of two snapshots, the rest is the text.
 */
#include "fuzz.h"

#include "libksm/libksm.h"

struct input {
	const uint8_t *data;
	size_t size;
};

static uint64_t take(struct input *in)
{
	uint64_t v = 0;
	size_t n = in->size < sizeof(v) ? in->size : sizeof(v);

	if (n)
		memcpy(&v, in->data, n);
	in->data += n;
	in->size -= n;
	return v;
}

static void fill(struct input *in, struct ksm_stats *s)
{
	uint64_t states = take(in);

	memset(s, 0, sizeof(*s));
	s->page_size = (size_t)4096 << (states >> 62);
	s->when_ns = take(in);
	ksm_for_each_attr(id) {
		s->attr[id].state = states >> (id * 2) % 60 & 3;
		if (s->attr[id].state == KSM_VALUE)
			s->attr[id].v = (int64_t)take(in);
	}
	s->ksmd_cpu_ns = KSM_FIG((int64_t)take(in));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct ksm_stats a, b, text = { 0 };
	struct ksm_derived d;
	struct ksm_delta diff;

	fill(&in, &a);
	fill(&in, &b);
	ksm_stats_derive(&a, &d);
	if (a.attr[KSM_ATTR_PAGES_SHARING].state != KSM_VALUE)
		MUST(!ksm_fig_has(d.saved_bytes) && !ksm_fig_has(d.profit_bytes));
	MUST(!ksm_fig_has(d.meta_bytes) || d.meta_estimated || d.meta_bytes.v >= 0);
	ksm_stats_delta(&a, &b, &diff);
	MUST(diff.seconds >= 0);
	if (a.attr[KSM_ATTR_FULL_SCANS].state != KSM_VALUE)
		MUST(!ksm_fig_has(diff.passes));
	ksm_vmstat_parse((const char *)in.data, in.size, &text);
	ksm_meminfo_parse((const char *)in.data, in.size, &text);
	ksm_psi_parse((const char *)in.data, in.size, &text);
	MUST(ksm_fig_or(text.psi_some_us, 0) >= 0 && ksm_fig_or(text.psi_full_us, 0) >= 0);
	MUST(ksm_fig_or(text.cow_ksm, 0) >= 0 && ksm_fig_or(text.swpin_copy, 0) >= 0);
	MUST(ksm_fig_or(text.mem_total_bytes, 0) >= 0);
	MUST(ksm_fig_or(text.mem_total_bytes, 0) % 1024 == 0);
	return 0;
}
