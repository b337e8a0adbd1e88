// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * attrs.c - the one table of /sys/kernel/mm/ksm: names, units, ranges, first
 * kernels, and the reasons behind refusals; typed get and set on it.
 *
 * Ranges are what mm/ksm.c accepts (6.12), narrowed where a larger number has
 * no meaning (a share of one CPU above 100).  A new attribute is one row here
 * and one enumerator in libksm.h; the static assertion finds a forgotten one.
 */
#include "libksm/internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "util/ascii.h"
#include "util/num.h"

#define KSM_DIR "sys/kernel/mm/ksm"
#define HKSM	"hksm/"		/* below it: what that engine adds */

static const char *const run_words[] = { "stopped", "running", "unmerging", NULL };
static const char *const advisor_words[] = { "none", "scan-time", NULL };

static const struct ksm_attr_info infos[] = {
	[KSM_ATTR_RUN] = {
		.name = "run", .kind = KSM_KIND_KNOB, .type = KSM_TYPE_NUM,
		.min = 0, .max = 2, .choices = run_words, .since = "2.6.32",
		.help = "0 stopped (merged pages stay), 1 running, 2 unmerge all and stop",
	},
	[KSM_ATTR_PAGES_TO_SCAN] = {
		.name = "pages_to_scan", .kind = KSM_KIND_KNOB, .type = KSM_TYPE_NUM,
		.unit = KSM_UNIT_PAGES, .max = UINT_MAX, .since = "2.6.32",
		.help = "pages to look at before each sleep",
	},
	[KSM_ATTR_SLEEP_MILLISECS] = {
		.name = "sleep_millisecs", .kind = KSM_KIND_KNOB, .type = KSM_TYPE_NUM,
		.unit = KSM_UNIT_MS, .max = UINT_MAX, .since = "2.6.32",
		.help = "how long ksmd sleeps between batches",
	},
	[KSM_ATTR_MERGE_ACROSS_NODES] = {
		.name = "merge_across_nodes", .kind = KSM_KIND_KNOB, .type = KSM_TYPE_BOOL,
		.max = 1, .since = "3.9",
		.help = "merge pages of different NUMA nodes",
	},
	[KSM_ATTR_USE_ZERO_PAGES] = {
		.name = "use_zero_pages", .kind = KSM_KIND_KNOB, .type = KSM_TYPE_BOOL,
		.max = 1, .since = "4.11",
		.help = "merge pages full of zeroes with the kernel's zero page",
	},
	[KSM_ATTR_MAX_PAGE_SHARING] = {
		.name = "max_page_sharing", .kind = KSM_KIND_KNOB, .type = KSM_TYPE_NUM,
		.unit = KSM_UNIT_PAGES, .min = 2, .max = INT_MAX, .since = "4.13",
		.help = "how many pages may share one copy before another is kept",
	},
	[KSM_ATTR_PRUNE_MILLISECS] = {
		.name = "stable_node_chains_prune_millisecs", .kind = KSM_KIND_KNOB,
		.type = KSM_TYPE_NUM, .unit = KSM_UNIT_MS, .max = UINT_MAX, .since = "4.13",
		.help = "how often chains of copies are checked for stale ones",
	},
	[KSM_ATTR_SMART_SCAN] = {
		.name = "smart_scan", .kind = KSM_KIND_KNOB, .type = KSM_TYPE_BOOL,
		.max = 1, .since = "6.7",
		.help = "skip pages that failed to merge in earlier passes",
	},
	[KSM_ATTR_ADVISOR_MODE] = {
		.name = "advisor_mode", .kind = KSM_KIND_KNOB, .type = KSM_TYPE_CHOICE,
		.choices = advisor_words, .since = "6.8",
		.help = "let the kernel choose pages_to_scan for a wanted time per pass",
	},
	[KSM_ATTR_ADVISOR_MAX_CPU] = {
		.name = "advisor_max_cpu", .kind = KSM_KIND_KNOB, .type = KSM_TYPE_NUM,
		.unit = KSM_UNIT_PCT, .max = 100, .since = "6.8",
		.help = "most of one CPU the advisor lets ksmd use",
	},
	[KSM_ATTR_ADVISOR_MIN_PAGES] = {
		.name = "advisor_min_pages_to_scan", .kind = KSM_KIND_KNOB,
		.type = KSM_TYPE_NUM, .unit = KSM_UNIT_PAGES, .max = UINT_MAX, .since = "6.8",
		.help = "least pages_to_scan the advisor chooses",
	},
	[KSM_ATTR_ADVISOR_MAX_PAGES] = {
		.name = "advisor_max_pages_to_scan", .kind = KSM_KIND_KNOB,
		.type = KSM_TYPE_NUM, .unit = KSM_UNIT_PAGES, .max = UINT_MAX, .since = "6.8",
		.help = "most pages_to_scan the advisor chooses",
	},
	[KSM_ATTR_ADVISOR_TARGET] = {
		.name = "advisor_target_scan_time", .kind = KSM_KIND_KNOB,
		.type = KSM_TYPE_NUM, .unit = KSM_UNIT_S, .min = 1, .max = UINT_MAX,
		.since = "6.8",
		.help = "time the advisor aims at for one pass over all memory",
	},
	[KSM_ATTR_ONE_PASS] = {
		.name = HKSM "one_pass", .kind = KSM_KIND_KNOB, .type = KSM_TYPE_BOOL,
		.max = 1, .since = "hksm",
		.help = "merge memory without a history when it is first seen",
	},
	[KSM_ATTR_ZERO_ONLY] = {
		.name = HKSM "zero_only", .kind = KSM_KIND_KNOB, .type = KSM_TYPE_BOOL,
		.max = 1, .since = "hksm",
		.help = "merge nothing but blank pages",
	},
	[KSM_ATTR_SPLIT_MIN] = {
		.name = HKSM "split_min", .kind = KSM_KIND_KNOB, .type = KSM_TYPE_NUM,
		.unit = KSM_UNIT_PAGES, .max = UINT_MAX, .since = "hksm",
		.help = "pages of a huge page that must have a twin before it is split",
	},
	[KSM_ATTR_SCANNERS] = {
		.name = HKSM "scanners", .kind = KSM_KIND_KNOB, .type = KSM_TYPE_NUM,
		.min = 1, .max = KSM_SCANNERS_MAX, .since = "hksm",
		.help = "kernel threads that scan",
	},
	[KSM_ATTR_MAX_METADATA] = {
		.name = HKSM "max_metadata", .kind = KSM_KIND_KNOB, .type = KSM_TYPE_NUM,
		.unit = KSM_UNIT_BYTES, .max = INT64_MAX, .since = "hksm",
		.help = "most memory for what is known of pages; 0: no limit",
	},
	[KSM_ATTR_PAGES_SHARED] = {
		.name = "pages_shared", .kind = KSM_KIND_GAUGE, .unit = KSM_UNIT_PAGES,
		.since = "2.6.32", .help = "shared copies kept",
	},
	[KSM_ATTR_PAGES_SHARING] = {
		.name = "pages_sharing", .kind = KSM_KIND_GAUGE, .unit = KSM_UNIT_PAGES,
		.since = "2.6.32", .help = "pages saved: mappings of shared copies beyond the first",
	},
	[KSM_ATTR_PAGES_UNSHARED] = {
		.name = "pages_unshared", .kind = KSM_KIND_GAUGE, .unit = KSM_UNIT_PAGES,
		.since = "2.6.32", .help = "pages looked at in this pass that have no twin yet",
	},
	[KSM_ATTR_PAGES_VOLATILE] = {
		.name = "pages_volatile", .kind = KSM_KIND_GAUGE, .unit = KSM_UNIT_PAGES,
		.since = "2.6.32", .help = "pages that changed too fast, were skipped or pinned",
	},
	[KSM_ATTR_PAGES_SCANNED] = {
		.name = "pages_scanned", .kind = KSM_KIND_COUNTER, .unit = KSM_UNIT_PAGES,
		.since = "6.6", .help = "pages looked at since boot",
	},
	[KSM_ATTR_PAGES_SKIPPED] = {
		.name = "pages_skipped", .kind = KSM_KIND_COUNTER, .unit = KSM_UNIT_PAGES,
		.since = "6.7", .help = "pages that smart_scan passed over",
	},
	[KSM_ATTR_ZERO_PAGES] = {
		/* Could read -1 for a moment before "fix ksm_zero_pages accounting", 6.10. */
		.name = "ksm_zero_pages", .kind = KSM_KIND_GAUGE, .unit = KSM_UNIT_PAGES,
		.min = INT64_MIN, .since = "6.6", .help = "pages saved by the kernel's zero page",
	},
	[KSM_ATTR_FULL_SCANS] = {
		.name = "full_scans", .kind = KSM_KIND_COUNTER, .unit = KSM_UNIT_PASSES,
		.since = "2.6.32", .help = "passes over all mergeable memory; unmerging resets it",
	},
	[KSM_ATTR_NODE_CHAINS] = {
		.name = "stable_node_chains", .kind = KSM_KIND_GAUGE, .since = "4.13",
		.help = "contents that have more than one shared copy",
	},
	[KSM_ATTR_NODE_DUPS] = {
		.name = "stable_node_dups", .kind = KSM_KIND_GAUGE, .since = "4.13",
		.help = "copies held in such chains",
	},
	[KSM_ATTR_GENERAL_PROFIT] = {
		.name = "general_profit", .kind = KSM_KIND_GAUGE, .unit = KSM_UNIT_BYTES,
		.min = INT64_MIN, .since = "6.4",
		.help = "memory saved minus the engine's metadata; may be negative",
	},
	[KSM_ATTR_METADATA] = {
		.name = HKSM "metadata_bytes", .kind = KSM_KIND_GAUGE, .unit = KSM_UNIT_BYTES,
		.since = "hksm", .help = "memory that the engine's metadata takes",
	},
	[KSM_ATTR_DROPPED] = {
		.name = HKSM "candidates_dropped", .kind = KSM_KIND_COUNTER,
		.unit = KSM_UNIT_PAGES, .since = "hksm",
		.help = "pages not remembered because memory was short",
	},
	[KSM_ATTR_WORDS_DROPPED] = {
		.name = HKSM "words_dropped", .kind = KSM_KIND_COUNTER, .unit = KSM_UNIT_PAGES,
		.since = "hksm",
		.help = "pages left alone because of max_metadata",
	},
	[KSM_ATTR_RECLAIMED] = {
		.name = HKSM "words_reclaimed", .kind = KSM_KIND_COUNTER, .unit = KSM_UNIT_PAGES,
		.since = "hksm",
		.help = "pages forgotten again because memory was short",
	},
	[KSM_ATTR_LONGEST_MMAP] = {
		.name = HKSM "longest_mmap_ns", .kind = KSM_KIND_GAUGE, .unit = KSM_UNIT_NS,
		.since = "hksm", .resets = true,
		.help = "longest hold of a process's mmap_lock",
	},
	[KSM_ATTR_LONGEST_PTL] = {
		.name = HKSM "longest_ptl_ns", .kind = KSM_KIND_GAUGE, .unit = KSM_UNIT_NS,
		.since = "hksm", .resets = true,
		.help = "longest hold of the lock of a page table",
	},
	[KSM_ATTR_LONGEST_NOTIFIER] = {
		.name = HKSM "longest_notifier_ns", .kind = KSM_KIND_GAUGE, .unit = KSM_UNIT_NS,
		.since = "hksm", .resets = true,
		.help = "longest time a process's MMU notifiers waited",
	},
	[KSM_ATTR_LONGEST_EXCLUSIVE] = {
		.name = HKSM "longest_exclusive_ns", .kind = KSM_KIND_GAUGE, .unit = KSM_UNIT_NS,
		.since = "hksm", .resets = true,
		.help = "longest time somebody had the engine to himself",
	},
	[KSM_ATTR_MERGES] = {
		.name = HKSM "merges", .kind = KSM_KIND_COUNTER, .unit = KSM_UNIT_PAGES,
		.since = "hksm", .root_only = true, .help = "pages merged since boot",
	},
	[KSM_ATTR_BREAKS] = {
		.name = HKSM "breaks", .kind = KSM_KIND_COUNTER, .unit = KSM_UNIT_PAGES,
		.since = "hksm", .root_only = true,
		.help = "merged pages written again since boot",
	},
};

_Static_assert(ARRAY_SIZE(infos) == __KSM_ATTR_N, "a row for each attribute");

/*
 * Why a write was refused.  The first row whose attribute (or any, -1), error
 * and state fit is the answer; the state is looked at only when a row asks.
 */
enum hint_state { HINT_ANY, HINT_ADVISOR_ON, HINT_MERGED };

static const struct {
	int attr;
	int err;
	enum hint_state when;
	const char *text;
} hints[] = {
	{ KSM_ATTR_PAGES_TO_SCAN, -EINVAL, HINT_ADVISOR_ON,
	  "advisor_mode is \"scan-time\" and drives it; first: ksmctl set advisor_mode none" },
	{ KSM_ATTR_ADVISOR_MODE, -EINVAL, HINT_ANY,
	  "this kernel has no advisor of that name" },
	{ KSM_ATTR_MERGE_ACROSS_NODES, -EBUSY, HINT_MERGED,
	  "pages are merged; first: ksmctl unmerge" },
	{ KSM_ATTR_MERGE_ACROSS_NODES, -EBUSY, HINT_ANY,
	  "ksmd still holds merged pages; first: ksmctl unmerge" },
	{ KSM_ATTR_MAX_PAGE_SHARING, -EBUSY, HINT_MERGED,
	  "pages are merged; first: ksmctl unmerge" },
	{ KSM_ATTR_MAX_PAGE_SHARING, -EBUSY, HINT_ANY,
	  "ksmd still holds merged pages; first: ksmctl unmerge" },
	{ KSM_ATTR_RUN, -ENOMEM, HINT_ANY,
	  "unmerging needs more memory than is free; the kernel stopped merging" },
	{ KSM_ATTR_RUN, -EINTR, HINT_ANY,
	  "interrupted; part of the memory is unmerged and merging is stopped" },
	{ -1, -EROFS, HINT_ANY,
	  "/sys is mounted read-only, as in most containers; use the host, "
	  "or: mount -o remount,rw /sys" },
};

const struct ksm_attr_info *ksm_attr_info(enum ksm_attr id)
{
	return &infos[id];
}

int ksm_attr_find(const char *name)
{
	ksm_for_each_attr(id)
		if (!strcmp(infos[id].name, name))
			return id;
	return -1;
}

bool ksm_attr_is_hksm(enum ksm_attr id)
{
	return !strncmp(infos[id].name, HKSM, sizeof(HKSM) - 1);
}

bool ksm_attr_is_foreign(enum ksm_attr id, enum ksm_state state)
{
	return state == KSM_ABSENT && ksm_attr_is_hksm(id);
}

const char *ksm_unit_name(enum ksm_unit unit)
{
	static const char *const names[] = {
		[KSM_UNIT_NONE] = "",	 [KSM_UNIT_PAGES] = "pages",   [KSM_UNIT_BYTES] = "bytes",
		[KSM_UNIT_NS] = "ns",	 [KSM_UNIT_MS] = "ms",	       [KSM_UNIT_S] = "s",
		[KSM_UNIT_PCT] = "%",	 [KSM_UNIT_PASSES] = "passes",
	};

	return names[unit];
}

const char *ksm_run_name(int64_t run)
{
	int64_t state = run & ~(int64_t)KSM_RUN_OFFLINING;

	return state >= 0 && state <= 2 ? run_words[state] : "unknown";
}

static int choice_find(const char *const *choices, const char *word, size_t len)
{
	for (int i = 0; choices[i]; i++)
		if (strlen(choices[i]) == len && !strncmp(choices[i], word, len))
			return i;
	return -1;
}

/*
 * "none [scan-time]": the word in brackets is in force.  A word alone is what
 * was written to the file of a dump, where no kernel answers with the list.
 */
static int choice_parse_file(const struct ksm_attr_info *in, const char *buf, size_t len,
			     struct ksm_value *out)
{
	const char *open = memchr(buf, '[', len);
	const char *close = open ? memchr(open, ']', buf + len - open) : NULL;
	size_t n;
	int i;

	if (!open) {
		len -= len && buf[len - 1] == '\n';
		i = choice_find(in->choices, buf, len);
		if (i < 0)
			return -EPROTO;
		out->v = i;
		snprintf(out->text, sizeof(out->text), "%s", in->choices[i]);
		return 0;
	}
	if (!close || close == open + 1)
		return -EPROTO;
	open++;
	n = close - open;
	if (n >= sizeof(out->text))
		return -EPROTO;
	memcpy(out->text, open, n);
	out->text[n] = '\0';
	out->v = choice_find(in->choices, open, n);
	return 0;
}

static int num_parse_file(const struct ksm_attr_info *in, const char *buf, size_t len,
			  struct ksm_value *out)
{
	uint64_t u;

	if (in->min < 0)
		return num_kernel_long(buf, len, &out->v) ? -EPROTO : 0;
	/* What is counted and went below zero is printed as a huge number, and tells nothing. */
	if (in->kind != KSM_KIND_KNOB)
		return num_kernel_count(buf, len, &out->v) ? -EPROTO : 0;
	if (num_kernel_u64(buf, len, &u))
		return -EPROTO;
	/* advisor_* are unsigned long in the kernel; nothing real is above this. */
	out->v = u > INT64_MAX ? INT64_MAX : (int64_t)u;
	return 0;
}

const char *ksm_attr_path(enum ksm_attr id, char out[KSM_FILE_NAME_MAX])
{
	snprintf(out, KSM_FILE_NAME_MAX, KSM_DIR "/%s", infos[id].name);
	return out;
}

int ksm_attr_read(struct ksm *k, enum ksm_attr id, struct ksm_value *out)
{
	const struct ksm_attr_info *in = &infos[id];
	char buf[128];
	ssize_t n;
	int rc;

	*out = (struct ksm_value){ .state = k->present };
	if (k->present != KSM_VALUE)
		return 0;
	n = ksm_path_read_small(k, k->ksmfd, in->name, buf, sizeof(buf));
	if (n < 0) {
		out->state = ksm_state_of(n);
		ksm_fail(k, n, "read", KSM_DIR "/%s", in->name);
		if (out->state != KSM_VALUE)
			return 0;
		out->state = KSM_ABSENT;
		return n;
	}
	/* A number cut at the end of the buffer would be another number. */
	if (n == sizeof(buf) - 1)
		rc = -EPROTO;
	else if (in->type == KSM_TYPE_CHOICE)
		rc = choice_parse_file(in, buf, n, out);
	else
		rc = num_parse_file(in, buf, n, out);
	if (rc) {
		out->state = KSM_ABSENT;
		return ksm_fail(k, rc, "read", KSM_DIR "/%s", in->name);
	}
	out->state = KSM_VALUE;
	return 0;
}

static int bool_parse(const char *text, struct ksm_value *out)
{
	bool on;

	if (!num_bool(text, &on)) {
		out->v = on;
		return 0;
	}
	/* A number that is not 0 or 1 is out of range rather than unreadable. */
	return num_s64(text, &(int64_t){ 0 }) == -EINVAL ? -EINVAL : -ERANGE;
}

int ksm_attr_parse(enum ksm_attr id, const char *text, struct ksm_value *out)
{
	const struct ksm_attr_info *in = &infos[id];
	int64_t n;
	int i, rc;

	*out = (struct ksm_value){ .state = KSM_ABSENT };
	if (in->kind != KSM_KIND_KNOB)
		return -EROFS;
	if (in->choices) {
		i = choice_find(in->choices, text, strlen(text));
		if (i < 0 && in->type == KSM_TYPE_CHOICE)
			return -EINVAL;
		if (i >= 0) {
			out->v = i;
			if (in->type == KSM_TYPE_CHOICE)
				snprintf(out->text, sizeof(out->text), "%s", text);
			out->state = KSM_VALUE;
			return 0;
		}
	}
	if (in->type == KSM_TYPE_BOOL) {
		rc = bool_parse(text, out);
		if (!rc)
			out->state = KSM_VALUE;
		return rc;
	}
	rc = num_s64(text, &n);
	if (rc)
		return rc;
	if (n < in->min || n > in->max)
		return -ERANGE;
	out->v = n;
	out->state = KSM_VALUE;
	return 0;
}

int ksm_attr_parse_noted(enum ksm_attr id, const char *text, struct ksm_value *out)
{
	const int rc = ksm_attr_parse(id, text, out);
	const size_t len = strlen(text);

	if (rc != -EINVAL || infos[id].type != KSM_TYPE_CHOICE || !len ||
	    len >= sizeof(out->text) || strpbrk(text, " \t[]"))
		return rc;
	*out = (struct ksm_value){ .state = KSM_VALUE, .v = -1 };
	memcpy(out->text, text, len + 1);
	return 0;
}

bool ksm_value_same(const struct ksm_value *a, const struct ksm_value *b)
{
	return a->state == b->state && a->v == b->v && (a->v >= 0 || !strcmp(a->text, b->text));
}

const char *ksm_attr_format(enum ksm_attr id, const struct ksm_value *v, char *buf, size_t len)
{
	const struct ksm_attr_info *in = &infos[id];

	if (v->state != KSM_VALUE)
		snprintf(buf, len, "-");
	else if (in->type != KSM_TYPE_CHOICE)
		snprintf(buf, len, "%lld", (long long)v->v);
	else if (v->v >= 0)
		snprintf(buf, len, "%s", in->choices[v->v]);
	else
		snprintf(buf, len, "%s", v->text);
	return buf;
}

const char *ksm_attr_range(enum ksm_attr id, char *buf, size_t len)
{
	const struct ksm_attr_info *in = &infos[id];
	size_t n = 0;

	if (in->type == KSM_TYPE_BOOL) {
		snprintf(buf, len, "0 or 1");
	} else if (in->type == KSM_TYPE_CHOICE) {
		buf[0] = '\0';
		for (int i = 0; in->choices[i] && n < len; i++)
			n += snprintf(buf + n, len - n, "%s%s", i ? ", " : "", in->choices[i]);
	} else {
		snprintf(buf, len, "%lld to %lld", (long long)in->min, (long long)in->max);
	}
	return buf;
}

int ksm_attr_write(struct ksm *k, enum ksm_attr id, const struct ksm_value *v)
{
	const struct ksm_attr_info *in = &infos[id];
	char text[KSM_ATTR_TEXT_MAX];
	int rc;

	if (k->present != KSM_VALUE)
		return ksm_fail(k, k->present == KSM_DENIED ? -EACCES : -EOPNOTSUPP, "write",
				KSM_DIR "/%s", in->name);
	rc = ksm_path_write_at(k, k->ksmfd, in->name, ksm_attr_format(id, v, text, sizeof(text)));
	if (rc == -ENOENT)
		rc = -EOPNOTSUPP;
	if (rc)
		return ksm_fail(k, rc, "write", KSM_DIR "/%s", in->name);
	ksm_log(k, KSM_LOG_PATH, "write /" KSM_DIR "/%s: %s", in->name, text);
	return 0;
}

static bool hint_applies(struct ksm *k, enum hint_state when)
{
	struct ksm_value v;

	switch (when) {
	case HINT_ADVISOR_ON:
		return !ksm_attr_read(k, KSM_ATTR_ADVISOR_MODE, &v) && v.state == KSM_VALUE &&
		       v.v != 0;
	case HINT_MERGED:
		return !ksm_attr_read(k, KSM_ATTR_PAGES_SHARED, &v) && v.state == KSM_VALUE &&
		       v.v > 0;
	case HINT_ANY:
		break;
	}
	return true;
}

const char *ksm_attr_hint(struct ksm *k, enum ksm_attr id, int err)
{
	if (err == -EACCES || err == -EPERM)
		return ksm_right_hint(k, KSM_RIGHT_SETTINGS);
	for (size_t i = 0; i < ARRAY_SIZE(hints); i++)
		if ((hints[i].attr == -1 || hints[i].attr == (int)id) && hints[i].err == err &&
		    hint_applies(k, hints[i].when))
			return hints[i].text;
	return NULL;
}
