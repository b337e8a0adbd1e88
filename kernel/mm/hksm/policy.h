/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scan policy: arithmetic on meta words and counters, nothing else.
 */
#ifndef HKSM_POLICY_H
#define HKSM_POLICY_H

#include "env.h"
#include "meta.h"

/**
 * struct hksm_heat - how merges of a range fared, decayed by halving
 * @merges: pages merged
 * @breaks: merged pages found written since
 */
struct hksm_heat {
	u16 merges;
	u16 breaks;
};

/**
 * struct hksm_rest - how looks at a huge page fared
 * @looks: how many of them found too few partners
 * @left: passes in which it is still left alone
 */
struct hksm_rest {
	u8 looks;
	u8 left;
};

/**
 * struct hksm_advice - what the scan-time advisor knows and is told
 * @target: wanted length of a pass, seconds, at least 1
 * @max_cpu: most CPU it may use, per cent of one processor
 * @max_pages: most pages to scan in one batch
 * @scan_time: length of the previous pass, seconds, 0 at first
 * @change: smoothed change of the length between passes, per cent
 * @pages: pages to scan in one batch, in and out
 */
struct hksm_advice {
	unsigned long target;
	unsigned long max_cpu;
	unsigned long max_pages;
	unsigned long scan_time;
	unsigned long change;
	unsigned long pages;
};

unsigned int hksm_policy_skips(unsigned int level);
bool hksm_policy_skip(u64 *meta);
u64 hksm_policy_again(u64 meta);
bool hksm_policy_gate(u64 meta, bool same, bool one_pass,
		      const struct hksm_heat *heat);
u64 hksm_policy_broken(u64 meta, struct hksm_heat *heat);
void hksm_policy_merged(struct hksm_heat *heat);
bool hksm_policy_calm(u64 *meta);
unsigned int hksm_policy_split(unsigned int partners, unsigned int nr,
			       unsigned int whole);
bool hksm_policy_rest(struct hksm_rest *rest);
void hksm_policy_advise(struct hksm_advice *a, unsigned long scan_time,
			unsigned int cpu_percent);

#endif /* HKSM_POLICY_H */
