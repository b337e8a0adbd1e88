// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/mm/ksm: the files, values and errors of mm/ksm.c, and below
 * hksm/ what only this engine has. Driven by a table; this file never touches
 * page tables.
 */
#include <linux/kobject.h>
#include <linux/kstrtox.h>
#include <linux/oom.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "hold.h"
#include "index.h"
#include "limit.h"
#include "sched.h"
#include "shrink.h"
#include "stable.h"
#include "stats.h"
#include "sysfs.h"
#include "unmerge.h"

/* How the text of a knob is read, and what a bad one is answered with. */
enum knob_type {
	KNOB_UINT,	/* unsigned int, -EINVAL */
	KNOB_ULONG,	/* unsigned long, -EINVAL */
	KNOB_BOOL,	/* bool, -EINVAL */
	KNOB_LONGEST,	/* unsigned long, and only 0 is taken, or -EINVAL */
	KNOB_OTHER,	/* has functions of its own */
};

/**
 * struct knob - a file
 * @attr: for sysfs
 * @type: of @field
 * @field: of struct hksm
 * @min: least value
 * @get: value of a file that only shows one
 * @show: for KNOB_OTHER
 * @store: for KNOB_OTHER; also called instead of the usual for other types
 * @stored: called after a new value is in place
 */
struct knob {
	struct kobj_attribute attr;
	enum knob_type type;
	void *field;
	unsigned long min;
	long (*get)(struct hksm *h);
	ssize_t (*show)(struct hksm *h, char *buf);
	int (*store)(struct hksm *h, const char *buf);
	void (*stored)(struct hksm *h);
};

static struct knob *to_knob(struct kobj_attribute *attr)
{
	return container_of(attr, struct knob, attr);
}

static ssize_t knob_show(struct kobject *kobj, struct kobj_attribute *attr,
			 char *buf)
{
	struct knob *k = to_knob(attr);
	struct hksm *h = &hksm;

	if (k->show)
		return k->show(h, buf);
	if (k->get)
		return sysfs_emit(buf, "%ld\n", k->get(h));
	switch (k->type) {
	case KNOB_UINT:
		return sysfs_emit(buf, "%u\n",
				  READ_ONCE(*(unsigned int *)k->field));
	case KNOB_ULONG:
	case KNOB_LONGEST:
		return sysfs_emit(buf, "%lu\n",
				  READ_ONCE(*(unsigned long *)k->field));
	default:
		return sysfs_emit(buf, "%u\n", READ_ONCE(*(bool *)k->field));
	}
}

static int knob_set(struct knob *k, const char *buf)
{
	unsigned long lval;
	unsigned int val;
	bool on;

	switch (k->type) {
	case KNOB_UINT:
		if (kstrtouint(buf, 10, &val) || val < k->min)
			return -EINVAL;
		WRITE_ONCE(*(unsigned int *)k->field, val);
		return 0;
	case KNOB_ULONG:
		if (kstrtoul(buf, 10, &lval) || lval < k->min)
			return -EINVAL;
		WRITE_ONCE(*(unsigned long *)k->field, lval);
		return 0;
	case KNOB_LONGEST:
		if (kstrtoul(buf, 10, &lval) || lval)
			return -EINVAL;
		WRITE_ONCE(*(unsigned long *)k->field, 0);
		return 0;
	default:
		if (kstrtobool(buf, &on))
			return -EINVAL;
		WRITE_ONCE(*(bool *)k->field, on);
		return 0;
	}
}

static ssize_t knob_store(struct kobject *kobj, struct kobj_attribute *attr,
			  const char *buf, size_t count)
{
	struct knob *k = to_knob(attr);
	int err;

	err = k->store ? k->store(&hksm, buf) : knob_set(k, buf);
	if (err)
		return err;
	if (k->stored)
		k->stored(&hksm);
	return count;
}

static void sysfs_wake_iter(struct hksm *h)
{
	wake_up_interruptible(&h->iter_wait);
}

static int store_pages_to_scan(struct hksm *h, const char *buf)
{
	unsigned int val;

	if (h->advisor || kstrtouint(buf, 10, &val))
		return -EINVAL;
	WRITE_ONCE(h->pages_to_scan, val);
	return 0;
}

static ssize_t show_run(struct hksm *h, char *buf)
{
	return sysfs_emit(buf, "%lu\n", READ_ONCE(h->run));
}

static int store_run(struct hksm *h, const char *buf)
{
	unsigned int val;
	int err = 0;

	if (kstrtouint(buf, 10, &val) || val > HKSM_RUN_UNMERGE)
		return -EINVAL;
	hksm_lock_all(h);
	if (h->run != val) {
		WRITE_ONCE(h->run, val);
		if (val & HKSM_RUN_UNMERGE) {
			set_current_oom_origin();
			err = hksm_unmerge_all(h);
			clear_current_oom_origin();
			if (err)
				WRITE_ONCE(h->run, HKSM_RUN_STOP);
		}
	}
	hksm_unlock_all(h, val & HKSM_RUN_UNMERGE ? "unmerge" : "run");
	if (val & HKSM_RUN_MERGE)
		wake_up_interruptible(&h->thread_wait);
	return err;
}

/* Knobs that say what may share with what need all nodes to be gone. */
static int sysfs_change_shape(struct hksm *h, unsigned int *field,
			      unsigned int val)
{
	int err = 0;

	hksm_lock_all(h);
	if (*field != val) {
		if (percpu_counter_sum(&h->pages_shared) ||
		    hksm_stable_empty(h))
			err = -EBUSY;
		else
			WRITE_ONCE(*field, val);
	}
	hksm_unlock_all(h, "knob");
	return err;
}

#ifdef CONFIG_NUMA
static int store_merge_across_nodes(struct hksm *h, const char *buf)
{
	unsigned long val;
	int err;

	err = kstrtoul(buf, 10, &val);
	if (err)
		return err;
	if (val > 1)
		return -EINVAL;
	return sysfs_change_shape(h, &h->merge_across_nodes, val);
}
#endif

static int store_max_page_sharing(struct hksm *h, const char *buf)
{
	int val, err;

	err = kstrtoint(buf, 10, &val);
	if (err)
		return err;
	/* A merged page is mapped twice when it is made. */
	if (val < 2)
		return -EINVAL;
	return sysfs_change_shape(h, &h->max_page_sharing, val);
}

static int store_scanners(struct hksm *h, const char *buf)
{
	unsigned int val;

	if (kstrtouint(buf, 10, &val) || !val || val > HKSM_SCANNERS)
		return -EINVAL;
	return hksm_sched_set(h, val);
}

static ssize_t show_advisor_mode(struct hksm *h, char *buf)
{
	return sysfs_emit(buf, "%s\n", h->advisor ? "none [scan-time]" :
						    "[none] scan-time");
}

static int store_advisor_mode(struct hksm *h, const char *buf)
{
	if (sysfs_streq(buf, "scan-time"))
		hksm_advisor_set(h, true);
	else if (sysfs_streq(buf, "none"))
		hksm_advisor_set(h, false);
	else
		return -EINVAL;
	return 0;
}

/* Kept in 32 bits, as far as users can tell. */
static void sysfs_trim_max_cpu(struct hksm *h)
{
	h->advice.max_cpu = (u32)h->advice.max_cpu;
}

static long get_pages_volatile(struct hksm *h)
{
	long n = atomic_long_read(&h->nr_items) -
		 percpu_counter_sum(&h->pages_shared) -
		 percpu_counter_sum(&h->pages_sharing) -
		 atomic_long_read(&h->pages_unshared);

	/* The counters are not read at one moment. */
	return max(n, 0L);
}

static long get_families(struct hksm *h)
{
	return hksm_stable_families(h, NULL);
}

static long get_family_nodes(struct hksm *h)
{
	unsigned long nodes;

	hksm_stable_families(h, &nodes);
	return nodes;
}

static long get_zero_pages(struct hksm *h)
{
	return atomic_long_read(&ksm_zero_pages);
}

static long get_metadata_bytes(struct hksm *h)
{
	return hksm_meta_total(h);
}

static long get_candidates_dropped(struct hksm *h)
{
	return hksm_index_dropped(h);
}

static long get_words_reclaimed(struct hksm *h)
{
	return READ_ONCE(h->words_reclaimed);
}

static long get_full_scans(struct hksm *h)
{
	return READ_ONCE(h->seqnr);
}

static long get_pages_shared(struct hksm *h)
{
	return percpu_counter_sum(&h->pages_shared);
}

static long get_pages_sharing(struct hksm *h)
{
	return percpu_counter_sum(&h->pages_sharing);
}

#define COUNTER(_name)						\
static long get_##_name(struct hksm *h)				\
{								\
	return atomic_long_read(&h->_name);			\
}

COUNTER(pages_unshared)
COUNTER(pages_scanned)
COUNTER(pages_skipped)
COUNTER(merges)
COUNTER(breaks)
COUNTER(words_dropped)

#define RO_MODE(_name, _mode, _get)				\
static struct knob _name##_knob = {				\
	.attr = __ATTR(_name, _mode, knob_show, NULL),		\
	.get = (_get),						\
}

#define RO(_name, _get) RO_MODE(_name, 0444, _get)

#define RW(_name, _type, _field, ...)				\
static struct knob _name##_knob = {				\
	.attr = __ATTR(_name, 0644, knob_show, knob_store),	\
	.type = (_type),					\
	.field = (_field),					\
	__VA_ARGS__						\
}

RW(run, KNOB_OTHER, NULL, .show = show_run, .store = store_run);
RW(sleep_millisecs, KNOB_UINT, &hksm.sleep_millisecs,
   .stored = sysfs_wake_iter);
RW(pages_to_scan, KNOB_UINT, &hksm.pages_to_scan,
	.store = store_pages_to_scan);
RW(use_zero_pages, KNOB_BOOL, &hksm.use_zero_pages);
RW(smart_scan, KNOB_BOOL, &hksm.smart_scan);
RW(max_page_sharing, KNOB_UINT, &hksm.max_page_sharing,
	.store = store_max_page_sharing);
RW(stable_node_chains_prune_millisecs, KNOB_UINT, &hksm.prune_millisecs);
RW(advisor_mode, KNOB_OTHER, NULL, .show = show_advisor_mode,
	.store = store_advisor_mode);
RW(advisor_max_cpu, KNOB_ULONG, &hksm.advice.max_cpu,
   .stored = sysfs_trim_max_cpu);
RW(advisor_min_pages_to_scan, KNOB_ULONG, &hksm.advisor_min_pages);
RW(advisor_max_pages_to_scan, KNOB_ULONG, &hksm.advice.max_pages);
RW(advisor_target_scan_time, KNOB_ULONG, &hksm.advice.target, .min = 1);
#ifdef CONFIG_NUMA
RW(merge_across_nodes, KNOB_UINT, &hksm.merge_across_nodes,
	.store = store_merge_across_nodes);
#endif
RO(pages_scanned, get_pages_scanned);
RO(pages_shared, get_pages_shared);
RO(pages_sharing, get_pages_sharing);
RO(pages_unshared, get_pages_unshared);
RO(pages_volatile, get_pages_volatile);
RO(pages_skipped, get_pages_skipped);
RO(ksm_zero_pages, get_zero_pages);
RO(full_scans, get_full_scans);
RO(general_profit, hksm_profit);
RO(stable_node_chains, get_families);
RO(stable_node_dups, get_family_nodes);

/* Below hksm/. Who sees a merge happen learns what others have in memory. */
RO(metadata_bytes, get_metadata_bytes);
RO(candidates_dropped, get_candidates_dropped);
RO(words_dropped, get_words_dropped);
RO(words_reclaimed, get_words_reclaimed);
RW(max_metadata, KNOB_ULONG, &hksm.max_metadata,
   .stored = hksm_shrink_to_limit);
RW(one_pass, KNOB_BOOL, &hksm.one_pass);
RW(zero_only, KNOB_BOOL, &hksm.zero_only);
RW(split_min, KNOB_UINT, &hksm.split_min);
RW(scanners, KNOB_UINT, &hksm.nr_scanners, .store = store_scanners);
RW(longest_mmap_ns, KNOB_LONGEST, &hksm.longest_mmap);
RW(longest_ptl_ns, KNOB_LONGEST, &hksm.longest_ptl);
RW(longest_notifier_ns, KNOB_LONGEST, &hksm.longest_notifier);
RW(longest_exclusive_ns, KNOB_LONGEST, &hksm.longest_exclusive);
RO_MODE(merges, 0400, get_merges);
RO_MODE(breaks, 0400, get_breaks);

#define FILE_OF(_name)	(&_name##_knob.attr.attr)

static struct attribute *ksm_attrs[] = {
	FILE_OF(sleep_millisecs),
	FILE_OF(pages_to_scan),
	FILE_OF(run),
	FILE_OF(pages_scanned),
	FILE_OF(pages_shared),
	FILE_OF(pages_sharing),
	FILE_OF(pages_unshared),
	FILE_OF(pages_volatile),
	FILE_OF(pages_skipped),
	FILE_OF(ksm_zero_pages),
	FILE_OF(full_scans),
#ifdef CONFIG_NUMA
	FILE_OF(merge_across_nodes),
#endif
	FILE_OF(max_page_sharing),
	FILE_OF(stable_node_chains),
	FILE_OF(stable_node_dups),
	FILE_OF(stable_node_chains_prune_millisecs),
	FILE_OF(use_zero_pages),
	FILE_OF(general_profit),
	FILE_OF(smart_scan),
	FILE_OF(advisor_mode),
	FILE_OF(advisor_max_cpu),
	FILE_OF(advisor_min_pages_to_scan),
	FILE_OF(advisor_max_pages_to_scan),
	FILE_OF(advisor_target_scan_time),
	NULL,
};

static struct attribute *hksm_attrs[] = {
	FILE_OF(metadata_bytes),
	FILE_OF(candidates_dropped),
	FILE_OF(words_dropped),
	FILE_OF(words_reclaimed),
	FILE_OF(max_metadata),
	FILE_OF(one_pass),
	FILE_OF(zero_only),
	FILE_OF(split_min),
	FILE_OF(scanners),
	FILE_OF(longest_mmap_ns),
	FILE_OF(longest_ptl_ns),
	FILE_OF(longest_notifier_ns),
	FILE_OF(longest_exclusive_ns),
	FILE_OF(merges),
	FILE_OF(breaks),
	NULL,
};

static const struct attribute_group ksm_group = {
	.attrs = ksm_attrs,
};

static const struct attribute_group hksm_group = {
	.name = "hksm",
	.attrs = hksm_attrs,
};

static const struct attribute_group *groups[] = {
	&ksm_group,
	&hksm_group,
	NULL,
};

static struct kobject *sysfs_kobj;

/**
 * hksm_sysfs_init() - create the files
 * @h: the engine
 *
 * Context: may sleep; once, or again after hksm_sysfs_fini().
 * Return: 0 or an error, with no file left behind.
 */
int hksm_sysfs_init(struct hksm *h)
{
	struct kobject *kobj = kobject_create_and_add("ksm", mm_kobj);
	int err;

	if (!kobj)
		return -ENOMEM;
	err = sysfs_create_groups(kobj, groups);
	if (err)
		kobject_put(kobj);
	else
		sysfs_kobj = kobj;
	return err;
}

/**
 * hksm_sysfs_fini() - remove the files, and wait for who reads or writes one
 * @h: the engine
 *
 * Context: may sleep; hksm.sem is not held.
 */
void hksm_sysfs_fini(struct hksm *h)
{
	if (!sysfs_kobj)
		return;
	sysfs_remove_groups(sysfs_kobj, groups);
	kobject_put(sysfs_kobj);
	sysfs_kobj = NULL;
}
