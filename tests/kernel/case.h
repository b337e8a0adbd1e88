/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a kernel test case is made of. A case is one program t-NAME.c that
 * defines `kcase` and links case.c, which brings main(). The same static binary
 * runs on the host, in QEMU and in User-Mode Linux, also by hand and alone.
 *
 * Before editing: a case runs in a child of a guard process. The guard puts the
 * declared knobs back whatever ends the child, so a case never restores
 * anything itself, and it cannot set a knob that it did not declare.
 */
#ifndef KSM_TESTS_KERNEL_CASE_H
#define KSM_TESTS_KERNEL_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE	67
#define PR_GET_MEMORY_MERGE	68
#endif
#ifndef MADV_MERGEABLE
#define MADV_MERGEABLE		12
#define MADV_UNMERGEABLE	13
#endif
#ifndef MADV_COLD
#define MADV_COLD		20
#define MADV_PAGEOUT		21
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE		25
#endif

/* Bits of kpageflags(5) that cases ask about. */
#define CASE_KPF_KSM		(1ULL << 21)
#define CASE_KPF_THP	(1ULL << 22)
#define CASE_KPF_ZERO_PAGE	(1ULL << 24)

/**
 * enum case_need - what a case requires; what is missing skips it with a reason
 * @CASE_ROOT: uid 0 (writes KSM settings, reads frame numbers)
 * @CASE_PRCTL: PR_SET_MEMORY_MERGE (6.4)
 * @CASE_KSM_STAT: /proc/PID/ksm_stat (6.1)
 * @CASE_MERGING_PAGES: /proc/PID/ksm_merging_pages (5.19)
 * @CASE_SMART_SCAN: smart_scan and pages_skipped (6.7)
 * @CASE_ZERO_PAGES: use_zero_pages (4.11)
 * @CASE_SWAP: swap space is on
 * @CASE_TWO_CPUS: two processors are on line
 * @CASE_ALONE: nobody else on this machine uses KSM. For what touches other
 *	processes' merged pages (run=2) or needs whole-system counters.
 */
enum case_need {
	CASE_ROOT		= 1 << 0,
	CASE_PRCTL		= 1 << 1,
	CASE_KSM_STAT		= 1 << 2,
	CASE_MERGING_PAGES	= 1 << 3,
	CASE_SMART_SCAN		= 1 << 4,
	CASE_ZERO_PAGES		= 1 << 5,
	CASE_SWAP		= 1 << 6,
	CASE_TWO_CPUS		= 1 << 7,
	CASE_ALONE		= 1 << 8,
};

/* The knobs case_start() sets; a case that calls it declares these. */
#define CASE_SCAN_KNOBS \
	"run", "sleep_millisecs", "pages_to_scan", "advisor_mode", \
	"smart_scan", "use_zero_pages"
/* Those alone, for struct kcase. */
extern const char *const case_scan_knobs[];

/**
 * struct kcase - a case
 * @needs: enum case_need bits
 * @knobs: NULL-terminated names below /sys/kernel/mm/ksm that the case sets;
 *	those this kernel does not have are left out silently
 * @run: the case; reports with case_ok() and friends and returns
 * @program: instead of all this, an ordinary main(): for help-*.c
 * @after_exec: its value becomes the exit status; may be NULL
 */
struct kcase {
	unsigned int needs;
	const char *const *knobs;
	void (*run)(void);
	int (*after_exec)(void);
	int (*program)(int argc, char **argv);
};

extern const struct kcase kcase;

/* Reporting. One call of case_ok() or case_skip() is one TAP point. */
bool case_ok(bool good, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void case_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void case_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* For what must work before anything can be tested: a failure, and the end. */
void case_die(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));

/* Write to a file that is there, of /proc, /sys or a cgroup: 0 or -errno. */
int case_write(const char *path, const char *text);

/* A counter of /proc/vmstat; -1 when this kernel does not have it. */
long long case_vmstat(const char *name);

/*
 * A cgroup of version 2 of our own, with the controller of memory; false when there is
 * none, and what was made is undone by leaving all the same. Needs root.
 */
bool case_cgroup_make(void);
/* Write to a file of it: 0 or -errno. "cgroup.procs", "0" puts the caller into it. */
int case_cgroup_set(const char *file, const char *text);
/* Make it and go in; false also where memory cannot be reclaimed by asking for it. */
bool case_cgroup_enter(void);
/* Reclaim takes as much as it can; that it is not all is no failure. */
void case_cgroup_reclaim(void);
/* The caller goes out of it, which stays. */
void case_cgroup_out(void);
/* The same, and it goes away. */
void case_cgroup_leave(void);

/* Settings and counters below /sys/kernel/mm/ksm. */
bool case_has(const char *knob);
/* hksm as a module: what its patches mend outside of the engine is as it was. */
bool case_is_module(void);
/* The number in a file, which must exist. */
long long case_get(const char *knob);
/* Returns 0 or -errno; dies when @knob was not declared. */
int case_try_set(const char *knob, const char *value);
/* As above; failing to set is fatal. */
void case_set(const char *knob, const char *value);

/*
 * Scanner on, fast, advisor and smart_scan off, zero pages off; and off. While
 * a case runs a child holds one mergeable page, like no other, so that the
 * scanner has work and full_scans advances: whole-system counters include it
 * (one page in pages_unshared).
 */
void case_start(void);
void case_stop(void);

/*
 * Waiting. The clock is never the measure: these end when the scanner has made
 * so many full passes. A scanner that stands still is fatal after minutes.
 */
void case_wait_scans(unsigned int n);
/*
 * Passes one by one, with a scanner that stands still between them: for what a pass
 * does and what it leaves to the next one. Sets sleep_millisecs and pages_to_scan.
 */
void case_step_scans(unsigned int n);
/* Until cond(arg), looked at after each pass; false after @max passes. */
bool case_wait_until(bool (*cond)(void *arg), void *arg, unsigned int max);

/* Memory. Page sizes and counts are in pages of case_page_size() bytes. */
size_t case_page_size(void);
/* Private anonymous memory, without transparent huge pages; dies if none. */
void *case_map(size_t pages);
void case_unmap(void *mem, size_t pages);
/* splitmix64's finalizer: a bijection, so different inputs stay different. */
uint64_t case_mix(uint64_t x);
/* @mem + @n pages */
void *case_page(void *mem, size_t n);
/*
 * Every word of a page is a function of @id and of its place in the page, so
 * two pages have the same content exactly if they have the same id, and a page
 * can be checked by looking at nothing but itself.
 */
void case_fill(void *page, uint64_t id);
bool case_check(const void *page, uint64_t id);
/* Fill @pages pages with ids first, first + 1, ... modulo @distinct. */
void case_fill_many(void *mem, size_t pages, uint64_t first, size_t distinct);
/* Number of those pages whose content is wrong. */
size_t case_check_many(const void *mem, size_t pages, uint64_t first,
		       size_t distinct);

/* Frames, through /proc/self/pagemap and /proc/kpageflags (root). */
/* Frame number of the page at @addr, 0 when it is not present. */
uint64_t case_pfn(const void *addr);
uint64_t case_kpageflags(uint64_t pfn);
/* Number of different frames behind @pages pages; absent ones count as one each. */
size_t case_frames(const void *mem, size_t pages);
/*
 * Kernels around 6.12 set the KSM bit of kpageflags for every anonymous page
 * (fs/proc/page.c tests PAGE_MAPPING_KSM, two bits, for being non-zero). Where
 * this is false, case_is_ksm() means nothing.
 */
bool case_can_tell_ksm(void);
bool case_is_ksm(const void *addr);
bool case_is_zero_page(const void *addr);

/* Huge pages of x86, and of most others with pages of 4 KiB. */
#define CASE_HUGE	(2UL << 20)
/*
 * Does the kernel make huge pages where it is told to? In a test machine they are
 * turned on, if they are off, as they are where there is less than 512 MiB.
 */
bool case_huge_begin(void);
/* As it was before. */
void case_huge_end(void);
bool case_is_huge(const void *addr);

/**
 * case_reads_make_pages() - whether reading memory never written gives a page of
 * one's own
 *
 * Most kernels map their zero page then, some give a page that is counted.
 */
bool case_reads_make_pages(void);
/* Until the pages' frames are @frames in number; at most 30 passes. */
bool case_wait_frames(const void *mem, size_t pages, size_t frames);

/* Processes. */
/* prctl(PR_SET_MEMORY_MERGE, on, 0, 0, 0): 0 or -errno. */
int case_merge_any(bool on);
/* 0, 1 or -errno. */
int case_merge_any_get(void);
/* One figure of /proc/PID/ksm_stat (@pid 0: self); -1 when it has no such. */
long long case_ksm_stat(pid_t pid, const char *name);
/* /proc/PID/ksm_merging_pages; -1 when it cannot be read. */
long long case_merging_pages(pid_t pid);
/* fork(); the child cannot outlive its parent. Dies when it fails. */
pid_t case_fork(void);
/* Replace this process by a new image that does kcase.after_exec(). */
void case_exec_self(void) __attribute__((noreturn));
/*
 * For help-guard.c: guard kcase.run(), which becomes another program by exec
 * and never returns. The exit status of that program.
 */
int case_guard_script(void);
/* Memory that parent and children share; never merged. */
void *case_shared(size_t bytes);
/* Run fn(arg) in a child; its return value (0 to 255), or -1 if it was killed. */
int case_in_child(int (*fn)(void *arg), void *arg);

#endif
