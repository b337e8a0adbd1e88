/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libksm.h - the door to the kernel's samepage merging: the whole interface,
 * ordered by noun.
 *
 * Silent: functions return 0 (or a count) or -errno and never print or exit.
 * A missing, a forbidden, a switched-off and a zero figure are four different
 * things; struct ksm_fig keeps them apart up to the screen.
 *
 * Figures named _pages count pages of ksm_page_size(), which is the page size
 * of the root that is read and not always of this machine.
 */
#ifndef KSM_LIBKSM_H
#define KSM_LIBKSM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "util/macros.h"

/* ------------------------------------------------------------------ */
/* handle.c, fail.c: one handle per root					*/

struct ksm;

/**
 * ksm_open() - open the running system or the dump of another
 * @root: directory that holds proc/ and sys/, or NULL for the running system: in a container,
 *	  the host's as it is mounted where the environment variable KSM_HOST says
 * @out: the handle; on failure NULL
 *
 * Return: 0; -EPROTO when the meta file of a dump tells an impossible page size or
 * clock, by which every figure would be wrong; -EXDEV when the processes that KSM_HOST shows
 * have other numbers than for our system calls; other -errno when it cannot be opened.
 */
int ksm_open(const char *root, struct ksm **out) __must_check;
/* What a failure of it means, and what to do: more than the errno says. */
const char *ksm_open_why(const char *root, int rc);
/* NULL is fine. */
void ksm_close(struct ksm *k);

/* True for the running system: prctl, ptrace and netlink make sense. */
bool ksm_is_live(const struct ksm *k);
#define KSM_RELEASE_MAX 65	/* of struct utsname */
#define KSM_BOOT_ID_MAX 64
/**
 * ksm_boot_id() - what tells one run of a kernel from the next
 * @k: handle
 * @out: KSM_BOOT_ID_MAX bytes; "" on failure
 *
 * The name that the kernel gave itself when it booted: letters, digits and dashes.
 * Counters of two moments may be compared only within one boot.
 *
 * Return: 0; -EINVAL when the file holds something else; -errno.
 */
int ksm_boot_id(struct ksm *k, char *out);
/* Bytes per page, clock ticks per second of the root (its meta file, or sysconf). */
size_t ksm_page_size(const struct ksm *k);
unsigned int ksm_clock_tick(const struct ksm *k);

/**
 * ksm_errmsg() - what the last failure on this handle was about
 *
 * "read /proc/12/ksm_stat: Permission denied": verb, the path as the kernel
 * knows it (never the root in front), the reason.  Borrowed until the next
 * call on the handle.  "" when nothing failed.
 */
const char *ksm_errmsg(struct ksm *k);
/* The path alone of that failure, or "". */
const char *ksm_errpath(struct ksm *k);

/* rights.c: what somebody may do						*/
enum ksm_right {
	KSM_RIGHT_SETTINGS,	/* read or write what is below /sys/kernel/mm/ksm */
	KSM_RIGHT_FIGURES,	/* read what a process of another shares */
	KSM_RIGHT_HIDDEN,	/* see it, where /proc is mounted with hidepid */
	KSM_RIGHT_MAPPINGS,	/* read its mappings */
	KSM_RIGHT_MEMORY,	/* read its memory */
	KSM_RIGHT_FRAMES,	/* see in which frames its pages are */
	KSM_RIGHT_EVENTS,	/* listen to the events of all processes */
};

/**
 * ksm_right_hint() - what it takes, for the caller as it is
 *
 * "needs root, or CAP_SYS_PTRACE"; root alone does not help one who is root of a
 * user namespace or was left without the capability, and then that is said.
 * For parentheses behind a refusal; borrowed until the next call on the handle.
 */
const char *ksm_right_hint(struct ksm *k, enum ksm_right right);
/* What a file of a process asks for that was refused with @rc: hidepid answers EPERM. */
enum ksm_right ksm_right_of(enum ksm_right right, int rc);

enum ksm_log {
	KSM_LOG_PATH = 1 << 0,
	KSM_LOG_PROC = 1 << 1,
	KSM_LOG_NETLINK = 1 << 2,
	KSM_LOG_INJECT = 1 << 3,
	KSM_LOG_ENGINE = 1 << 4,
};

typedef void (*ksm_log_fn)(void *arg, enum ksm_log area, const char *line);
void ksm_set_log(struct ksm *k, ksm_log_fn fn, void *arg, unsigned int mask);
/* "path,proc" or "all" to a mask, for the environment variable KSM_DEBUG; unknown words are ignored. */
unsigned int ksm_log_parse(const char *words);

/* ------------------------------------------------------------------ */
/* sequence.c: dumps of one system at several moments			*/

struct ksm_seq;

/**
 * ksm_seq_open() - a directory whose 0, 1, 2... are dumps
 * @out: at the first of them; on failure NULL
 *
 * Return: 0; -ENOENT when there is no 0 in it; other -errno.
 */
int ksm_seq_open(const char *dir, struct ksm_seq **out) __must_check;
/* NULL is fine. */
void ksm_seq_close(struct ksm_seq *q);
/* 1 and a handle of the next dump, which the caller closes; 0 behind the last; -errno. */
int ksm_seq_next(struct ksm_seq *q, struct ksm **out);
/* The number of the dump that comes next. */
unsigned int ksm_seq_step(const struct ksm_seq *q);

/* ------------------------------------------------------------------ */
/* figures								*/

enum ksm_state {
	KSM_ABSENT,	/* this kernel has no such file or line */
	KSM_DENIED,	/* it is there, but not for us (EACCES, EPERM) */
	KSM_OFF,	/* it is there and has no meaning while a feature is off */
	KSM_VALUE,
};

struct ksm_fig {
	enum ksm_state state;
	int64_t v;
};

#define KSM_FIG(value) ((struct ksm_fig){ KSM_VALUE, (value) })

static inline bool ksm_fig_has(struct ksm_fig f)
{
	return f.state == KSM_VALUE;
}

/* The figure, or what to take when there is none. */
static inline int64_t ksm_fig_or(struct ksm_fig f, int64_t otherwise)
{
	return f.state == KSM_VALUE ? f.v : otherwise;
}

/**
 * ksm_fig_add - add a member's figure to the sum of its group
 * @sum: begins as all zeroes
 * @f: a figure that is there counts; denied shows only where nobody has one. Saturates.
 */
void ksm_fig_add(struct ksm_fig *sum, struct ksm_fig f);

/* ------------------------------------------------------------------ */
/* attrs.c: the files of /sys/kernel/mm/ksm				*/

enum ksm_attr {
	KSM_ATTR_RUN,
	KSM_ATTR_PAGES_TO_SCAN,
	KSM_ATTR_SLEEP_MILLISECS,
	KSM_ATTR_MERGE_ACROSS_NODES,
	KSM_ATTR_USE_ZERO_PAGES,
	KSM_ATTR_MAX_PAGE_SHARING,
	KSM_ATTR_PRUNE_MILLISECS,
	KSM_ATTR_SMART_SCAN,
	KSM_ATTR_ADVISOR_MODE,
	KSM_ATTR_ADVISOR_MAX_CPU,
	KSM_ATTR_ADVISOR_MIN_PAGES,
	KSM_ATTR_ADVISOR_MAX_PAGES,
	KSM_ATTR_ADVISOR_TARGET,
	KSM_ATTR_ONE_PASS,	/* hksm from here... */
	KSM_ATTR_ZERO_ONLY,
	KSM_ATTR_SPLIT_MIN,
	KSM_ATTR_SCANNERS,
	KSM_ATTR_MAX_METADATA,	/* ...to here; then what the kernel tells */
	KSM_ATTR_PAGES_SHARED,
	KSM_ATTR_PAGES_SHARING,
	KSM_ATTR_PAGES_UNSHARED,
	KSM_ATTR_PAGES_VOLATILE,
	KSM_ATTR_PAGES_SCANNED,
	KSM_ATTR_PAGES_SKIPPED,
	KSM_ATTR_ZERO_PAGES,
	KSM_ATTR_FULL_SCANS,
	KSM_ATTR_NODE_CHAINS,
	KSM_ATTR_NODE_DUPS,
	KSM_ATTR_GENERAL_PROFIT,
	KSM_ATTR_METADATA,	/* hksm from here */
	KSM_ATTR_DROPPED,
	KSM_ATTR_WORDS_DROPPED,
	KSM_ATTR_RECLAIMED,
	KSM_ATTR_LONGEST_MMAP,
	KSM_ATTR_LONGEST_PTL,
	KSM_ATTR_LONGEST_NOTIFIER,
	KSM_ATTR_LONGEST_EXCLUSIVE,
	KSM_ATTR_MERGES,
	KSM_ATTR_BREAKS,
	__KSM_ATTR_N
};

#define ksm_for_each_attr(id) for (enum ksm_attr id = 0; id < __KSM_ATTR_N; id++)

enum ksm_attr_kind {
	KSM_KIND_KNOB,		/* writable */
	KSM_KIND_GAUGE,		/* goes up and down */
	KSM_KIND_COUNTER,	/* only grows (until unmerging resets it) */
};

enum ksm_attr_type {
	KSM_TYPE_NUM,		/* min..max */
	KSM_TYPE_BOOL,		/* 0 or 1 */
	KSM_TYPE_CHOICE,	/* one of choices[]; the value is its index */
};

enum ksm_unit {
	KSM_UNIT_NONE,
	KSM_UNIT_PAGES,
	KSM_UNIT_BYTES,
	KSM_UNIT_NS,
	KSM_UNIT_MS,
	KSM_UNIT_S,
	KSM_UNIT_PCT,
	KSM_UNIT_PASSES,
};

struct ksm_attr_info {
	const char *name;		/* file name; those of hksm are in a directory */
	enum ksm_attr_kind kind;
	enum ksm_attr_type type;
	enum ksm_unit unit;
	int64_t min, max;		/* what the kernel accepts; KSM_TYPE_NUM */
	const char *const *choices;	/* NULL-terminated; words also accepted as numbers for run */
	const char *since;		/* first kernel with it, "6.7", or "hksm" */
	bool resets;			/* no setting, but 0 may be written: it begins anew */
	bool root_only;			/* the kernel keeps it from others by design */
	const char *help;		/* one line, lower case */
};

/* Never NULL for a valid id. */
const struct ksm_attr_info *ksm_attr_info(enum ksm_attr id);
/* The attribute of that file name, or -1. */
int ksm_attr_find(const char *name);
/* Only hksm has it, whatever the version of Linux. */
bool ksm_attr_is_hksm(enum ksm_attr id);
/* Another engine's: listings of all attributes are silent about it on this kernel. */
bool ksm_attr_is_foreign(enum ksm_attr id, enum ksm_state state);
/* "pages", "bytes", "ns", "ms", "s", "%", "passes", or "". */
const char *ksm_unit_name(enum ksm_unit unit);

#define KSM_ATTR_TEXT_MAX 64

struct ksm_value {
	enum ksm_state state;
	int64_t v;			/* number, 0/1, or index into choices */
	/*
	 * What the kernel said where no number holds it: a choice this table
	 * does not know yet has v == -1 and its word here.
	 */
	char text[KSM_ATTR_TEXT_MAX];
};

/* Run states as words: bits of the file run (mm/ksm.c; +4 while memory goes offline). */
enum { KSM_RUN_STOPPED = 0, KSM_RUN_RUNNING = 1, KSM_RUN_UNMERGING = 2, KSM_RUN_OFFLINING = 4 };
const char *ksm_run_name(int64_t run);

/* Is /sys/kernel/mm/ksm there?  KSM_ABSENT, KSM_DENIED or KSM_VALUE. */
enum ksm_state ksm_present(struct ksm *k);

/**
 * ksm_attr_read() - read one attribute
 *
 * A file that is absent or forbidden is an answer (out->state), not an error.
 * Return: 0; -EPROTO when the file holds something this table cannot read;
 * other -errno for failures of the file system.
 */
int ksm_attr_read(struct ksm *k, enum ksm_attr id, struct ksm_value *out);

/**
 * ksm_attr_parse() - a user's text to a value, checked against the table
 *
 * Accepts numbers, on/off/yes/no for switches, the words of a choice, and for
 * run the words stopped, running, unmerging.
 * Return: 0; -EROFS for an attribute that is not writable; -ERANGE; -EINVAL.
 */
int ksm_attr_parse(enum ksm_attr id, const char *text, struct ksm_value *out);
/*
 * The same of what ksm_attr_format() wrote of a kernel's value: a choice that a newer
 * kernel has keeps its name, and can be written back.
 */
int ksm_attr_parse_noted(enum ksm_attr id, const char *text, struct ksm_value *out);
/* Of one attribute: are they the same setting?  One that is not known is none. */
bool ksm_value_same(const struct ksm_value *a, const struct ksm_value *b);
/* What the kernel's file says, or will be told, for a value; returns buf. */
const char *ksm_attr_format(enum ksm_attr id, const struct ksm_value *v, char *buf, size_t len);
/* "0 to 4294967295", "0 or 1", "none, scan-time"; returns buf. */
const char *ksm_attr_range(enum ksm_attr id, char *buf, size_t len);

/**
 * ksm_attr_write() - write one attribute
 *
 * Return: 0; -EOPNOTSUPP when this kernel lacks it; else the kernel's -errno.
 */
int ksm_attr_write(struct ksm *k, enum ksm_attr id, const struct ksm_value *v);

/**
 * ksm_attr_hint() - why the kernel refuses that write, in this state
 * @err: the -errno of ksm_attr_write()
 *
 * Return: a sentence with the command that helps, or NULL.  Static.
 */
const char *ksm_attr_hint(struct ksm *k, enum ksm_attr id, int err);

/* ------------------------------------------------------------------ */
/* attrset.c: several attributes as one thing				*/

struct ksm_attrset {
	struct ksm_value value[__KSM_ATTR_N];	/* state KSM_VALUE: in the set */
};

/* All writable attributes this kernel has. */
int ksm_attrset_read(struct ksm *k, struct ksm_attrset *out);

struct ksm_parse_error {
	unsigned int line;		/* 1-based */
	char what[128];			/* "unknown attribute \"foo\"" */
};

/**
 * ksm_attrset_parse() - the text of a saved or profile file
 * @buf: text, NUL bytes are an error; lines "NAME VALUE" or "NAME=VALUE",
 *	 '#' starts a comment
 * @len: its length in bytes
 * @out: the set
 * @err: filled on failure
 *
 * Return: 0, -EINVAL.  An attribute named twice is an error; a word that a choice does
 * not have here is none, for the kernel that it is of may have it.
 */
int ksm_attrset_parse(const char *buf, size_t len, struct ksm_attrset *out,
		      struct ksm_parse_error *err);

/*
 * The attributes that can be set, in the order in which a set of them is written, and how
 * many: the advisor, whose mode "none" comes first of all, forbids the rate, and run is last.
 */
size_t ksm_attr_write_order(const enum ksm_attr **out);

enum ksm_apply_flags {
	KSM_APPLY_DRY_RUN = 1 << 0,	/* order and differences only */
	KSM_APPLY_SKIP_ABSENT = 1 << 1,	/* leave out what this kernel does not have */
	KSM_APPLY_UNMERGE = 1 << 2,	/* may unmerge, write, and run again, where the kernel wants it */
};

struct ksm_apply {
	enum ksm_attr written[2 * __KSM_ATTR_N];	/* in the order of the writes */
	struct ksm_value to[2 * __KSM_ATTR_N];
	size_t n_written;
	int failed;			/* the attribute that failed, or -1 */
	int rc;				/* its -errno */
	struct ksm_value failed_value;
	bool rolled_back;		/* everything written was put back */
	int rollback_failed;		/* attribute that could not be put back, or -1 */
	bool skipped[__KSM_ATTR_N];	/* left out: this kernel lacks it */
};

/**
 * ksm_attrset_apply() - bring the kernel to a set
 *
 * Writes only what differs, in an order that the kernel accepts: the advisor
 * is switched off before the rate is written and on after it, structure
 * (merge_across_nodes, max_page_sharing) comes before run.  When one write
 * fails, what was written is put back, last first.
 *
 * Return: 0, or the -errno of the write that failed (details in *res).
 */
int ksm_attrset_apply(struct ksm *k, const struct ksm_attrset *want, unsigned int flags,
		      struct ksm_apply *res);

/* ------------------------------------------------------------------ */
/* stats.c: the whole system at one moment				*/

struct ksm_stats {
	uint64_t when_ns;			/* CLOCK_MONOTONIC, or the dump's meta */
	size_t page_size;
	struct ksm_value attr[__KSM_ATTR_N];
	struct ksm_fig cow_ksm;			/* /proc/vmstat cow_ksm: copies on write, 5.19 */
	struct ksm_fig swpin_copy;		/* /proc/vmstat ksm_swpin_copy, 5.17 */
	struct ksm_fig mem_total_bytes;
	struct ksm_fig mem_available_bytes;
	struct ksm_fig psi_some_us;		/* /proc/pressure/memory, since boot, 4.20: some */
	struct ksm_fig psi_full_us;		/* task, or all, waited for memory */
	struct ksm_fig ksmd_pid;
	struct ksm_fig ksmd_cpu_ns;		/* CPU time of ksmd since boot */
};

/* Reads all of it; absent parts are figures without value, not errors. */
int ksm_stats_read(struct ksm *k, struct ksm_stats *out);
struct ksm_proc;
/* Is it one of the kernel's scanners? */
bool ksm_proc_is_ksmd(const struct ksm_proc *p);

/* The clock of when_ns, which never goes back (CLOCK_MONOTONIC). */
uint64_t ksm_now_ns(void);

/*
 * Time since boot, suspension included, to which start_ticks of a process count
 * (proc(5), "starttime").  A dump without /proc/uptime does not tell.
 */
struct ksm_fig ksm_uptime_ns(struct ksm *k);

/* Figures derived from one snapshot; pure. */
struct ksm_derived {
	struct ksm_fig saved_bytes;	/* (sharing + zero) pages */
	struct ksm_fig profit_bytes;	/* saved minus the engine's metadata; may be negative */
	struct ksm_fig meta_bytes;
	bool meta_estimated;		/* the kernel has no general_profit: 64 bytes an item */
	struct ksm_fig tracked_pages;	/* shared + sharing + unshared + volatile */
	struct ksm_fig rate_pages_s;	/* pages_to_scan at the present pace, upper bound */
	double sharing_ratio;		/* sharing / shared; 0 when nothing is shared */
};

void ksm_stats_derive(const struct ksm_stats *s, struct ksm_derived *out);

/* An attribute of a snapshot as a figure; a choice is its number. */
static inline struct ksm_fig ksm_stats_fig(const struct ksm_stats *s, enum ksm_attr id)
{
	return (struct ksm_fig){ s->attr[id].state, s->attr[id].v };
}

/*
 * How much a figure has grown; without value where one of the two has none.  A
 * @counter that went back (reset) counts from 0.  Pure.
 */
struct ksm_fig ksm_fig_grown(struct ksm_fig newer, struct ksm_fig older, bool counter);

/* Rates between two snapshots; pure.  A counter that went back (reset) counts from 0. */
struct ksm_delta {
	double seconds;
	struct ksm_fig scanned_per_s;	/* pages a second, rounded, like all rates here */
	struct ksm_fig merged_per_s;	/* growth of sharing + zero; negative while breaking */
	struct ksm_fig cow_per_s;
	struct ksm_fig swpin_per_s;
	struct ksm_fig skipped_per_s;
	struct ksm_fig dropped_per_s;	/* candidates that found no room (hksm) */
	struct ksm_fig passes;		/* full scans completed in between */
	double ksmd_cpu_pct;		/* of one CPU; negative when unknown */
};

void ksm_stats_delta(const struct ksm_stats *newer, const struct ksm_stats *older,
		     struct ksm_delta *out);

/**
 * ksm_stats_saved_share() - what a part of all that merges saves; pure
 * @s: the system at that moment
 * @merging: ksm_merging_pages of the part, the shared copies included
 * @zero: ksm_zero_pages of the part
 *
 * A process' ksm_merging_pages and its ksm_process_profit count the shared copies
 * as if they were saved, so a sum over processes says too much.  Nobody knows whose
 * the copies are; here each merging page pays for its part of them, and the shares
 * of all processes add up to what the system saves.
 *
 * Return: bytes, or a figure without value when one of the counters has none.
 */
struct ksm_fig ksm_stats_saved_share(const struct ksm_stats *s, struct ksm_fig merging,
				     struct ksm_fig zero);
/* The same of ksm_process_profit, of which @profit is the sum: metadata is paid in full. */
struct ksm_fig ksm_stats_profit_share(const struct ksm_stats *s, struct ksm_fig merging,
				      struct ksm_fig zero, struct ksm_fig profit);

/*
 * Has merging done its work?  Told by passes, never by time.  The engine looks
 * at a page twice before it merges it, and the pass under way when one begins
 * to wait says little: two whole passes are the least, then as many as still
 * add something.
 */
struct ksm_settle {
	bool started;
	bool begun;		/* a pass has ended since: what follows are whole ones */
	int64_t full_scans;	/* at the last look */
	int64_t pages;		/* merged at the end of the last pass */
	uint64_t passes;	/* whole passes seen */
};

#define KSM_SETTLE_TOLERANCE 1.0	/* percent */

/**
 * ksm_settle_step() - one look; pure
 * @s: all zeroes before the first look
 * @full_scans: the counter now; one that went back (unmerging) begins anew
 * @pages: merged now, of the system or of the processes of interest
 * @tolerance: settled when a pass adds at most so many percent to @pages
 *
 * Return: true when settled.
 */
bool ksm_settle_step(struct ksm_settle *s, int64_t full_scans, int64_t pages, double tolerance);

/* Parsers behind it, for tests and fuzzers. */
int ksm_vmstat_parse(const char *buf, size_t len, struct ksm_stats *out);
int ksm_meminfo_parse(const char *buf, size_t len, struct ksm_stats *out);
int ksm_psi_parse(const char *buf, size_t len, struct ksm_stats *out);

/* ------------------------------------------------------------------ */
/* around.c: what else decides what comes of merging			*/

struct ksm_around {
	struct ksm_fig thp;		/* transparent huge pages: 0 never, 1 madvise, 2 always */
	struct ksm_fig max_ptes_none;	/* khugepaged: unused pages it fills in a huge page */
	struct ksm_fig only_zero;	/* redhat_only_zero_pages (RHEL 9): 0 or 1 */
	struct ksm_fig uksm_run;	/* /sys/kernel/mm/uksm/run: the kernel has UKSM */
};

/* What is not there, or no number, is a figure without value. */
void ksm_around_read(struct ksm *k, struct ksm_around *out);

/* ------------------------------------------------------------------ */
/* engine.c: which engine merges; what hksm adds there are attributes	*/

enum ksm_module {
	KSM_MODULE_NONE,	/* the engine is the one that the kernel was built with */
	KSM_MODULE_COMES,	/* tasks are changed over to hksm, and no engine merges yet */
	KSM_MODULE_IN,
	KSM_MODULE_GOES,	/* they are changed over to mm/ksm.c, as above */
	KSM_MODULE_OUT,		/* it is loaded, and not in use any more */
};

struct ksm_engine {
	const char *name;		/* "ksm", "hksm"; of no meaning while one comes or goes */
	enum ksm_module module;		/* hksm as a module */
	char release[KSM_RELEASE_MAX];	/* of the kernel, as it says it; "": not known */
};

void ksm_engine_read(struct ksm *k, struct ksm_engine *out);

/**
 * ksm_engine_insert() - load the module hksm into the running kernel
 * @fd: of its file, open for reading
 *
 * What was merged has to be unmerged, and KSM stopped. It may not be in use yet when
 * this returns: see ksm_engine_read().
 * Return: 0; -EBUSY while KSM is in use; -EEXIST when hksm is there; -EPERM without
 * CAP_SYS_MODULE; -EKEYREJECTED where only signed modules are let in; -ENOEXEC when it
 * is another kernel's; -errno, and then nothing has changed.
 */
int ksm_engine_insert(int fd);

/**
 * ksm_engine_switch() - have the module take over, or hand back, once it is loaded
 *
 * With @on it takes back that it goes. Returns when everything is unmerged, which may
 * take as long as "unmerge" does.
 * Return: 0; -EINVAL when it is so already; -errno.
 */
int ksm_engine_switch(struct ksm *k, bool on);

/* Unload it: 0; -EAGAIN, -EBUSY while somebody may still be in it; -errno. */
int ksm_engine_remove(void);

/* A process that is not yet changed over: 1 and @pid, 0 when there is none, -errno. */
int ksm_engine_awaited(struct ksm *k, bool on, pid_t *pid);

/* ------------------------------------------------------------------ */
/* proc.c: one process							*/

enum ksm_member {
	KSM_MEMBER_UNKNOWN,	/* the kernel has no way to tell cheaply and it was not asked */
	KSM_MEMBER_DENIED,
	KSM_MEMBER_ABSENT,	/* kernel without KSM */
	KSM_MEMBER_OFF,
	KSM_MEMBER_ON,		/* takes part; by which way was not asked */
	KSM_MEMBER_MADVISE,	/* some eligible mappings are mergeable */
	KSM_MEMBER_ANY,		/* all are: prctl */
};

/* It takes part in merging, by whichever way. */
static inline bool ksm_member_in(enum ksm_member m)
{
	return m == KSM_MEMBER_ON || m == KSM_MEMBER_MADVISE || m == KSM_MEMBER_ANY;
}

/* "any", "madvise", "on", "off", "denied", "-". */
const char *ksm_member_name(enum ksm_member m);

/*
 * The text of ksm_stat.  A count that went below zero is absent; zero pages and
 * profit are signed in the kernel.  Figures of hksm (Appendix F of its
 * contract) are absent elsewhere.
 */
struct ksm_proc_stat {
	struct ksm_fig items;		/* ksm_rmap_items, 6.1 */
	struct ksm_fig zero_pages;	/* ksm_zero_pages, 6.6 */
	struct ksm_fig merging_pages;	/* ksm_merging_pages: the shared copy counts too, 6.6 here */
	struct ksm_fig profit_bytes;	/* ksm_process_profit, 6.6 here; signed */
	struct ksm_fig merge_any;	/* ksm_merge_any, 6.15: 0 or 1 */
	struct ksm_fig mergeable;	/* ksm_mergeable, 6.15: 0 or 1 */
	struct ksm_fig scan_pages;	/* hksm: pages looked at on this process' behalf */
	struct ksm_fig scan_ns;		/* hksm: CPU time spent on it */
	struct ksm_fig merges;		/* hksm */
	struct ksm_fig breaks;		/* hksm: copies on write */
	struct ksm_fig skipped;		/* hksm */
	struct ksm_fig domain;		/* hksm */
	struct ksm_fig meta_bytes;	/* hksm */
};

/*
 * Accepts "key value" and "key: value"; unknown keys are skipped, and a value that
 * cannot be read leaves its figure absent.  0, or -EPROTO when no figure was found.
 */
int ksm_proc_stat_parse(const char *buf, size_t len, struct ksm_proc_stat *out);

#define KSM_UID_NONE ((uid_t)-1)	/* not known; nobody has this number (setuid(2)) */
#define KSM_COMM_MAX 64	/* TASK_COMM_LEN is 16; kernel threads show more */

struct ksm_proc {
	pid_t pid;
	pid_t ppid;
	uid_t uid;			/* owner of /proc/PID: the effective user, root if undumpable;
					   KSM_UID_NONE where nothing tells */
	char state;			/* R S D T t Z X I */
	bool kthread;			/* no memory of its own */
	char comm[KSM_COMM_MAX];	/* raw, as the process chose it */
	uint64_t start_ticks;		/* since boot: with pid, the identity */
	uint64_t cpu_ticks;		/* user + system */
	uint64_t rss_pages;
	uint64_t vsize_bytes;
	struct ksm_proc_stat ksm;
	enum ksm_member member;		/* as far as ksm_stat tells */
};

enum ksm_proc_want {
	KSM_PROC_KSM = 1 << 0,		/* ksm_stat, ksm_merging_pages */
	KSM_PROC_MEMBER = 1 << 1,	/* any or madvise instead of on, by its first mapping */
	KSM_PROC_UID = 1 << 2,
	KSM_PROC_EXACT = 1 << 3,	/* by all mappings: also of a process not yet scanned */
};

/*
 * A process and not whoever has its number later: pids are used again, a pid
 * together with the time of its start is not.
 */
struct ksm_ident {
	pid_t pid;
	bool by_descent;		/* of ksm_select_run(): no condition held for it itself */
	uint64_t start_ticks;		/* as struct ksm_proc has it, or one of these: */
};

/* There was no such process when it was named: whoever has the number now is not meant. */
#define KSM_START_NONE UINT64_MAX
/* Whoever has the number: for a child of one's own, which keeps it until it is waited for. */
#define KSM_START_ANY (UINT64_MAX - 1)

static inline bool ksm_ident_same(const struct ksm_ident *a, const struct ksm_ident *b)
{
	return a->pid == b->pid && a->start_ticks == b->start_ticks;
}

/* The process that has this number now.  0; -ESRCH, and its start is KSM_START_NONE; -errno. */
int ksm_ident_read(struct ksm *k, pid_t pid, struct ksm_ident *out);

/**
 * ksm_proc_read() - one process
 *
 * Figures that ksmd has not brought up to date since merging was switched off have
 * the state KSM_OFF.
 *
 * Return: 0; -ESRCH when it is gone; other -errno when its file stat cannot be
 * read.  Any other file that is absent or may not be read is a state of the
 * figures, not an error.
 */
int ksm_proc_read(struct ksm *k, pid_t pid, unsigned int want, struct ksm_proc *out);
/* The same of one that was seen before: -ESRCH also when another has its number now. */
int ksm_proc_read_same(struct ksm *k, const struct ksm_ident *id, unsigned int want,
		       struct ksm_proc *out);
int ksm_proc_pidstat_parse(const char *buf, size_t len, struct ksm_proc *out);

/*
 * How the process takes part, exactly: reads smaps up to the first contradiction.
 * KSM_MEMBER_UNKNOWN for one without mappings: it is ending.
 * 0; -ESRCH when it is gone; -ENOENT where processes have no smaps; other -errno.
 */
int ksm_proc_member(struct ksm *k, pid_t pid, enum ksm_member *out);

/*
 * The next three: -ESRCH when the process is gone; -ENOENT when it is there and
 * the kernel, or the dump, has no such file.
 *
 * Raw command line, NUL-separated, and a NUL behind it that is not counted; its
 * first KSM_CMDLINE_MAX bytes, for a process can have one of any length.  The
 * caller frees *buf.  Empty for kernel threads.
 */
int ksm_proc_cmdline(struct ksm *k, pid_t pid, char **buf, size_t *len);
#define KSM_CMDLINE_MAX (128U << 10)
#define KSM_CMDLINE_SHOWN 4096U
/* Its arguments joined by blanks, without the NULs that end it; in place.  The length. */
size_t ksm_cmdline_join(char *line, size_t len);
/* The same to be shown: one longer than KSM_CMDLINE_SHOWN is cut and ends in "...". */
size_t ksm_cmdline_show(char *line, size_t len);
/* The file of its program, as the kernel names it; 0, -ENAMETOOLONG, -ENOENT, -EACCES, -ESRCH. */
int ksm_proc_exe(struct ksm *k, pid_t pid, char *out, size_t len);
/**
 * ksm_proc_image() - what becomes another one when the process executes a program
 *
 * A digest of what the kernel put on the stack of the new program (/proc/PID/auxv):
 * addresses that are random each time.  A child shares it with whom it was forked
 * from, until one of them executes something.  Where addresses are not random
 * (setarch -R), the same program with the same arguments is taken for the old one.
 *
 * Return: 0; -ESRCH also when another process has the number now; -EACCES; -ENOENT
 * of a dump; other -errno.
 */
int ksm_proc_image(struct ksm *k, const struct ksm_ident *id, uint64_t *out);
/* The path of its cgroup (v2, else the v1 memory or systemd hierarchy); caller frees. */
int ksm_proc_cgroup(struct ksm *k, pid_t pid, char **path);
int ksm_proc_cgroup_parse(const char *buf, size_t len, char **path);

/* The extended attribute by which a control group asks for its processes to be left alone. */
#define KSM_CGROUP_AVOID "user.ksm.avoid"
/*
 * Does it, or one above it, have that?  @cgroup: from ksm_proc_cgroup().  The kernel takes
 * such attributes since 5.7.  With version 1 it counts in the hierarchy of memory and in
 * that of systemd.  False where none can be read.
 */
bool ksm_cgroup_avoids(struct ksm *k, const char *cgroup);

/* Lines of /proc/PID/status that decide whether a process can be changed. */
struct ksm_proc_status {
	pid_t tgid;
	pid_t tracer;		/* 0: none; -1: no such line */
	uid_t uid[4];		/* real, effective, saved, file system; or KSM_UID_NONE */
	int seccomp;		/* 0, 1 strict, 2 filter; -1: no such line */
	char state;
	unsigned int threads;
};

int ksm_proc_status_read(struct ksm *k, pid_t pid, struct ksm_proc_status *out);
int ksm_proc_status_parse(const char *buf, size_t len, struct ksm_proc_status *out);

/* ------------------------------------------------------------------ */
/* vmas.c: the mappings of one process					*/

enum ksm_vma_why {
	KSM_VMA_OK,		/* eligible */
	KSM_VMA_SHARED,		/* MAP_SHARED or may become so */
	KSM_VMA_PFNMAP,		/* device memory without struct page */
	KSM_VMA_IO,
	KSM_VMA_MIXEDMAP,
	KSM_VMA_HUGETLB,
	KSM_VMA_DONTEXPAND,
	KSM_VMA_DROPPABLE,
	KSM_VMA_SPECIAL,	/* vdso, vvar, vsyscall */
	KSM_VMA_ARCH,		/* SAO, ADI */
};

/* One reason in words. */
const char *ksm_vma_why_text(enum ksm_vma_why why);

struct ksm_vma {
	uint64_t start, end;
	char perms[5];
	uint64_t rss_bytes, anon_bytes, ksm_bytes, swap_bytes;
	struct ksm_fig ksm_line;	/* smaps has KSM: since 6.7 (bytes) */
	bool mergeable;			/* VM_MERGEABLE, "mg" */
	bool thp;			/* AnonHugePages above 0 */
	bool locked;
	bool writable;
	bool file;			/* a file stands behind it: only its private copies merge */
	enum ksm_vma_why why;
	const char *name;		/* raw, as the kernel escapes it; borrowed inside the callback */
};

typedef int (*ksm_vma_fn)(const struct ksm_vma *vma, void *arg);

/**
 * ksm_vmas_walk() - call @fn for each mapping, in order of address
 *
 * A positive return of @fn ends the walk and is returned.
 * Return: 0, what @fn returned; -ESRCH when the process is gone; -ENOENT where it
 * has no smaps (a kernel without CONFIG_PROC_PAGE_MONITOR); other -errno.
 */
int ksm_vmas_walk(struct ksm *k, pid_t pid, ksm_vma_fn fn, void *arg);
struct strip_roll;
/*
 * One more mapping of a process on the strip of its marked places: along it lies the memory
 * that could merge, its private pages, and shown is what of them is mergeable.
 */
void ksm_vma_strip_add(struct strip_roll *strip, const struct ksm_vma *vma);
int ksm_smaps_parse(const char *buf, size_t len, ksm_vma_fn fn, void *arg);

/* ------------------------------------------------------------------ */
/* pagemap.c: the pages of one process and their contents		*/

/*
 * Bits of an entry of /proc/PID/pagemap (Documentation/admin-guide/mm/
 * pagemap.rst).  The frame is 0 for readers without CAP_SYS_ADMIN, 4.2.
 */
#define KSM_PM_FRAME	 ((UINT64_C(1) << 55) - 1)
#define KSM_PM_EXCLUSIVE (UINT64_C(1) << 56)	/* mapped once; 4.2 */
#define KSM_PM_FILE	 (UINT64_C(1) << 61)	/* of a file or of shared memory; 3.5 */
#define KSM_PM_SWAPPED	 (UINT64_C(1) << 62)	/* or about to migrate */
#define KSM_PM_PRESENT	 (UINT64_C(1) << 63)

/* Bits of /proc/kpageflags (include/uapi/linux/kernel-page-flags.h). */
#define KSM_KPF_ANON	  (UINT64_C(1) << 12)
#define KSM_KPF_HEAD	  (UINT64_C(1) << 15)
#define KSM_KPF_KSM	  (UINT64_C(1) << 21)
#define KSM_KPF_THP	  (UINT64_C(1) << 22)
#define KSM_KPF_ZERO_PAGE (UINT64_C(1) << 24)	/* the kernel's own; 4.0 */

/*
 * The address space a process had when this was opened.  It stays that one when
 * the process executes another program, and answers "nothing" when it is gone.
 * Functions on it may be called by several threads; they record no failure.
 */
struct ksm_mem;

/**
 * ksm_mem_open() - look into the memory of a process
 *
 * Return: 0; -ESRCH; -ENOENT where there is no pagemap; -EACCES; -EOPNOTSUPP for a dump.  Without the right to
 * trace the process it may succeed, and reading contents fails.
 */
int ksm_mem_open(struct ksm *k, pid_t pid, struct ksm_mem **out) __must_check;
/* NULL is fine. */
void ksm_mem_close(struct ksm_mem *m);

/* How many of @n entries were read; 0: the address space is gone; -errno. */
ssize_t ksm_mem_pagemap(const struct ksm_mem *m, uint64_t addr, size_t n, uint64_t *entries);

enum ksm_page_kind {
	KSM_PAGE_HUGE = 1 << 0,		/* mapped as part of a huge page */
	KSM_PAGE_ZEROPAGE = 1 << 1,	/* the kernel's zero page stands there */
};

typedef void (*ksm_kind_fn)(uint64_t start, uint64_t end, unsigned int kind, void *arg);

/**
 * ksm_mem_kinds() - ranges of pages with their kinds, in order of address
 *
 * Ranges without pages are left out, neither present nor swapped.
 * Return: 0; -EOPNOTSUPP before Linux 6.7; -ESRCH when the address space is gone.
 */
int ksm_mem_kinds(const struct ksm_mem *m, uint64_t start, uint64_t end, ksm_kind_fn fn, void *arg);

/**
 * ksm_mem_read() - contents of pages that are exclusive to the process
 * @buf: room for all of @from, which it is filled with one behind the other
 * @from: ranges of the other address space
 *
 * By process_vm_readv(2), thus from whatever the process is by now: check with
 * ksm_mem_pagemap() afterwards that it still is the same.  Of a page that is not
 * exclusive the kernel would first make a copy in the process (6.0).
 *
 * Return: bytes, fewer when something is not there; -EFAULT, -EPERM, -ESRCH.
 */
ssize_t ksm_mem_read(const struct ksm_mem *m, void *buf, const struct iovec *from, size_t n);
/* By /proc/PID/mem: slower, leaves shared pages shared, and minds no PROT_NONE. */
ssize_t ksm_mem_read_shared(const struct ksm_mem *m, void *buf, uint64_t addr, size_t len);

/* Descriptor of /proc/kpageflags, which takes root, or -errno. */
int ksm_kpageflags_open(struct ksm *k);
/* How many of @n flags from frame @pfn on were read, or -errno. */
ssize_t ksm_kpageflags_read(int fd, uint64_t pfn, size_t n, uint64_t *flags);

/* ------------------------------------------------------------------ */
/* zero.c: what the zero page stands for				*/

/**
 * ksm_zero_unseen() - zero pages of one process that no counter shows
 * @p: the process, as ksm_proc_read() filled it with KSM_PROC_KSM
 * @deadline_ns: moment of ksm_now_ns() at which to give up; 0: none
 * @bytes: its mergeable memory that the kernel's zero page stands for, without
 *	   what ksm_zero_pages counts
 *
 * Return: 0; -ETIME with what was counted until the deadline; -EOPNOTSUPP for a
 * dump and before Linux 6.7; -ESRCH; -EACCES.
 */
int ksm_zero_unseen(struct ksm *k, const struct ksm_proc *p, uint64_t deadline_ns,
		    int64_t *bytes);

/* Metadata of 1024 pages none of which was merged; less comes and goes with every pass. */
#define KSM_LOSS_MIN (64 * 1024)

/**
 * ksm_proc_loses() - does a process cost more metadata than it saves?
 * @p: with its figures
 * @unseen_bytes: ksm_zero_unseen() of it, or 0
 *
 * What every tool means by a process that loses: by KSM_LOSS_MIN at least.
 */
bool ksm_proc_loses(const struct ksm_proc *p, int64_t unseen_bytes);

/* ------------------------------------------------------------------ */
/* proclist.c: many processes						*/

struct ksm_procs;

/* -ENODEV: nothing is mounted on /proc. */
int ksm_procs_open(struct ksm *k, struct ksm_procs **out);
/* What a failure to list processes means, and what to do. */
const char *ksm_list_why(int rc);
/* 1 and a pid, 0 at the end, -errno. */
int ksm_procs_next(struct ksm_procs *it, pid_t *pid);
void ksm_procs_close(struct ksm_procs *it);

/* Which processes: all conditions must hold; unset ones hold for all. */
struct ksm_select {
	const pid_t *pids;		/* these and no others */
	size_t n_pids;
	bool tree;			/* and all descendants of what was selected */
	/*
	 * Extended regular expression on the command line; never matches the caller,
	 * whose own command line it is part of.
	 */
	const char *match;
	const char *user;		/* name or number */
	const char *cgroup;		/* this cgroup path or one below it */
	bool kthreads;			/* kernel threads too */
};

/**
 * ksm_select_run() - the processes that a selection means now
 * @out: array, ascending by pid; the caller frees it
 * @n: its length
 * @why: what is wrong; of success, which processes could not be looked at and are left
 *	 out for that, or ""; may be NULL
 *
 * A pid named in pids[] that does not exist is kept in the result, as
 * KSM_START_NONE: acting on it will say so.
 */
int ksm_select_run(struct ksm *k, const struct ksm_select *sel, struct ksm_ident **out, size_t *n,
		   char *why, size_t why_len);

/**
 * ksm_select_more() - descendants that have come since
 * @ids: what was selected, with all that has been found so far; grows at its end
 * @n: its length
 *
 * One look.  Whoever does something to processes and to all their descendants
 * looks again after it has done so, until there is nothing new.
 * Return: 1 when some were added, 0 when there are none, -errno.
 */
int ksm_select_more(struct ksm *k, struct ksm_ident **ids, size_t *n);

/**
 * ksm_select_still() - is a process still what was selected?
 * @id: from ksm_select_run() with the same selection
 *
 * Asks for its conditions again, right before something is done to it.
 * Return: 1 yes; 0 no longer; -ESRCH when it is gone, or its number is
 * another's now; -errno.
 */
int ksm_select_still(struct ksm *k, const struct ksm_select *sel, const struct ksm_ident *id);

/* ------------------------------------------------------------------ */
/* dump.c: what the tools read, as the files of a dump			*/

/* What is private, and is there only where it is asked for. */
enum ksm_dump_with {
	KSM_DUMP_CMDLINE = 1 << 0,	/* arguments; else the name of the process stands for them */
	KSM_DUMP_MAPS = 1 << 1,		/* addresses, and files and names of mappings */
	KSM_DUMP_CGROUP = 1 << 2,	/* control groups: units, containers, guests */
};

/*
 * One file: its path below the root, and its text, of which @text is NULL when it is
 * there and may not be read.  What it returns, other than 0, ends the dump.
 */
typedef int (*ksm_dump_fn)(const char *path, const char *text, size_t len, void *arg);

/*
 * All but the processes; names of pods where @with has control groups.  0, what @fn
 * returned, -errno of a file that could not be read.
 */
int ksm_dump_system(struct ksm *k, unsigned int with, ksm_dump_fn fn, void *arg);

/**
 * ksm_dump_proc() - the files of one process
 * @with: what is private and yet wanted
 *
 * All are read before @fn is called for the first of them, and are those of the same
 * process.
 * Return: 0; what @fn returned; -ESRCH when the process is gone, or another has its
 * number; -EFBIG when a file is longer than any should be; other -errno.
 */
int ksm_dump_proc(struct ksm *k, const struct ksm_ident *id, unsigned int with, ksm_dump_fn fn,
		  void *arg);

/* ------------------------------------------------------------------ */
/* group.c: what a process belongs to (pure)				*/

enum ksm_group {
	KSM_GROUP_PID,
	KSM_GROUP_COMM,
	KSM_GROUP_USER,
	KSM_GROUP_CGROUP,
	KSM_GROUP_UNIT,
	KSM_GROUP_VM,
	KSM_GROUP_CONTAINER,
	KSM_GROUP_POD,		/* of Kubernetes, or of podman */
	KSM_GROUP_NAMESPACE,	/* of Kubernetes */
	__KSM_GROUP_N
};

const char *ksm_group_name(enum ksm_group g);
int ksm_group_find(const char *name);	/* or -1 */
/* The names from @first on as "comm, user, vm": for messages.  Returns @out. */
const char *ksm_group_names(enum ksm_group first, char *out, size_t len);
/* Most processes belong to none of that kind, and those are left out; else they are "-". */
bool ksm_group_is_of_some(enum ksm_group g);

/* systemd unit of a cgroup path, unescaped for people: "nginx.service"; "" when none. */
void ksm_group_unit(const char *cgroup, char *out, size_t len);
/*
 * Name of the virtual machine: from a libvirt scope, or from a hypervisor's
 * command line (-name, guest=); 0, or -ENOENT when it is not a virtual machine.
 */
int ksm_group_vm(const char *cgroup, const char *cmdline, size_t cmdline_len, char *out, size_t len);

/* container.c */
#define KSM_POD_MAX 330		/* a namespace, "/", a name; or the uid */

/**
 * ksm_group_container() - the container that a control group is of
 * @cgroup: path, as ksm_proc_cgroup() has it
 * @out: the first 12 digits of its number, as runtimes print it, or its name where it
 *	 has one (LXC, systemd-nspawn); "" when it is of none
 *
 * The outermost one: what is further inside, whoever is in a container may choose.  Of
 * those that a user starts below its own manager, "@user-" and the number stand behind.
 */
void ksm_group_container(const char *cgroup, char *out, size_t len);

/**
 * ksm_group_pod_uid() - the pod that a control group is of
 * @out: its uid as Kubernetes writes it, or the first 12 digits of a pod of podman, which
 *	 is in no namespace; "" when it is of none
 */
void ksm_group_pod_uid(const char *cgroup, char *out, size_t len);

/**
 * ksm_group_pod() - its name
 * @out: "namespace/name" where the kubelet's directories of logs tell it; else the uid
 */
void ksm_group_pod(struct ksm *k, const char *cgroup, char *out, size_t len);

/**
 * ksm_pod_namespace() - the namespace of what ksm_group_pod() tells
 * @out: "uid:" and the uid where only that is known, which no namespace can be called,
 *	 so that each such pod is apart; "" of a pod of podman, and of no pod
 */
void ksm_pod_namespace(const char *pod, char *out, size_t len);
/* Is it the name of one, or does it stand for one that is not known? */
bool ksm_namespace_is_known(const char *name);

/* What "shop_web-7d9f_UID", a directory below /var/log/pods, tells of a pod. */
struct ksm_pod {
	char uid[37];
	char name[KSM_POD_MAX];	/* "namespace/name" */
};

/* 0; -EINVAL when no kubelet gives a directory that name. */
int ksm_pod_parse(const char *dir, struct ksm_pod *out);

/*
 * Name of a user, or the number in text; "" for KSM_UID_NONE.  Borrowed until
 * ksm_close(); never NULL.
 */
const char *ksm_user_name(struct ksm *k, uid_t uid);

/**
 * ksm_group_key() - the name of the group that a process falls into
 * @p: the process
 * @out: raw name; "" when it belongs to none
 */
int ksm_group_key(struct ksm *k, const struct ksm_proc *p, enum ksm_group g, char *out, size_t len);

/* ------------------------------------------------------------------ */
/* merge.c: what this kernel can do, and doing it to oneself		*/

struct ksm_caps {
	bool ksm;		/* /sys/kernel/mm/ksm is there */
	bool prctl;		/* PR_SET_MEMORY_MERGE: 6.4 */
	int prctl_refused;	/* -errno which the calling process gets for it all the same; 0 */
	bool prctl_filtered;	/* namely from a seccomp filter */
	bool prctl_exec;	/* and it survives exec: 6.7; false when probing was not possible */
	bool prctl_heirs;	/* and the scanner looks at who inherited it so: 6.10 */
	bool prctl_sure;	/* and does not take it away while exec still maps: 6.19 */
	bool ksm_stat;
	bool hksm;		/* our engine */
};

/* Probes by asking, not by version; what exec does, by version of the running kernel. */
int ksm_caps_read(struct ksm *k, struct ksm_caps *out);
/* Why the calling process cannot use that prctl, where it cannot.  Never NULL. */
const char *ksm_caps_no_prctl(const struct ksm_caps *caps);

/* Path of the program that runs, as the kernel has it, in @out: 0, -ENAMETOOLONG, -errno. */
int ksm_self_program(char *out, size_t len);

/* This process' own setting, with all five arguments of prctl.  0, -EOPNOTSUPP (no prctl), -errno. */
int ksm_self_enable(bool on);
/* 0 or 1, or -errno. */
int ksm_self_enabled(void);

/* ------------------------------------------------------------------ */
/* nl.c, procev.c: births and deaths of processes			*/

struct ksm_procev;

enum ksm_event {
	KSM_EVENT_FORK,
	KSM_EVENT_EXEC,
	KSM_EVENT_EXIT,
	KSM_EVENT_COMM,
	KSM_EVENT_LOST,		/* some were lost: scan /proc again */
};

struct ksm_procev_msg {
	enum ksm_event what;
	pid_t pid;		/* process (thread group); of FORK: the child */
	pid_t tid;
	pid_t parent;		/* of FORK */
	int status;		/* of EXIT, as wait(2) has it */
	uint64_t when_ns;
};

/*
 * -EPERM without CAP_NET_ADMIN, -EOPNOTSUPP where the kernel has no connector, in another
 * namespace of pids than the first, or when the root is a dump.
 */
int ksm_procev_open(struct ksm *k, struct ksm_procev **out);
void ksm_procev_close(struct ksm_procev *ev);
int ksm_procev_fd(const struct ksm_procev *ev);
/* 1 and an event, 0 when none waits, -errno.  Threads' births are left out. */
int ksm_procev_next(struct ksm_procev *ev, struct ksm_procev_msg *out);
/* One netlink datagram: calls @fn for each event in it.  For tests and fuzzers.  0 or -EPROTO. */
int ksm_procev_parse(const void *buf, size_t len, void (*fn)(const struct ksm_procev_msg *m, void *arg),
		     void *arg);

#endif /* KSM_LIBKSM_H */
