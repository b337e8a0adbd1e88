/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints for what the engine holds up: how long it has others' locks, and what
 * a batch did meanwhile. Those of KSM as such are in trace/events/ksm.h, and fire
 * with both engines.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM hksm

#if !defined(HKSM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define HKSM_TRACE_H

#include <linux/tracepoint.h>

/**
 * hksm_batch - called when a batch is done
 *
 * @mm:		the mm that is scanned
 * @addr:	where the batch began
 * @pages:	pages looked at
 * @merged:	pages merged
 * @held:	for how long the mmap_lock of @mm has been held by now, in ns
 * @ns:		how long the batch took, in ns
 */
TRACE_EVENT(hksm_batch,

	TP_PROTO(void *mm, unsigned long addr, unsigned long pages,
		 unsigned long merged, u64 held, u64 ns),

	TP_ARGS(mm, addr, pages, merged, held, ns),

	TP_STRUCT__entry(
		__field(void *,		mm)
		__field(unsigned long,	addr)
		__field(unsigned long,	pages)
		__field(unsigned long,	merged)
		__field(u64,		held)
		__field(u64,		ns)
	),

	TP_fast_assign(
		__entry->mm	= mm;
		__entry->addr	= addr;
		__entry->pages	= pages;
		__entry->merged	= merged;
		__entry->held	= held;
		__entry->ns	= ns;
	),

	TP_printk("mm %p addr %lx pages %lu merged %lu held %llu ns %llu",
		  __entry->mm, __entry->addr, __entry->pages, __entry->merged,
		  __entry->held, __entry->ns)
);

/**
 * hksm_mmap_hold - called before the mmap_lock is given back
 *
 * @mm:		the mm that is scanned or unmerged, or that of a partner
 * @ns:		how long the lock was held for reading
 */
TRACE_EVENT(hksm_mmap_hold,

	TP_PROTO(void *mm, u64 ns),

	TP_ARGS(mm, ns),

	TP_STRUCT__entry(
		__field(void *,	mm)
		__field(u64,	ns)
	),

	TP_fast_assign(
		__entry->mm	= mm;
		__entry->ns	= ns;
	),

	TP_printk("mm %p ns %llu", __entry->mm, __entry->ns)
);

/**
 * hksm_ptl_hold - called before the lock of a page table is given back
 *
 * @mm:		whose page table
 * @addr:	address of the first entry
 * @entries:	entries that were looked at or changed
 * @ns:		how long the lock was held
 */
TRACE_EVENT(hksm_ptl_hold,

	TP_PROTO(void *mm, unsigned long addr, unsigned int entries, u64 ns),

	TP_ARGS(mm, addr, entries, ns),

	TP_STRUCT__entry(
		__field(void *,		mm)
		__field(unsigned long,	addr)
		__field(unsigned int,	entries)
		__field(u64,		ns)
	),

	TP_fast_assign(
		__entry->mm	 = mm;
		__entry->addr	 = addr;
		__entry->entries = entries;
		__entry->ns	 = ns;
	),

	TP_printk("mm %p addr %lx entries %u ns %llu",
		  __entry->mm, __entry->addr, __entry->entries, __entry->ns)
);

/**
 * hksm_notifier - called after an invalidation that MMU notifiers were told of
 *
 * @mm:		whose memory; it has notifiers
 * @start:	first address
 * @end:	end of the addresses
 * @ns:		how long it took, with what the notifiers did at its ends
 */
TRACE_EVENT(hksm_notifier,

	TP_PROTO(void *mm, unsigned long start, unsigned long end, u64 ns),

	TP_ARGS(mm, start, end, ns),

	TP_STRUCT__entry(
		__field(void *,		mm)
		__field(unsigned long,	start)
		__field(unsigned long,	end)
		__field(u64,		ns)
	),

	TP_fast_assign(
		__entry->mm	= mm;
		__entry->start	= start;
		__entry->end	= end;
		__entry->ns	= ns;
	),

	TP_printk("mm %p start %lx end %lx ns %llu",
		  __entry->mm, __entry->start, __entry->end, __entry->ns)
);

/**
 * hksm_split - called after a large folio was split, or could not be
 *
 * @mm:		an mm that maps it
 * @addr:	of the page that it was split for
 * @ns:		how long that took
 * @result:	0 or an error
 */
TRACE_EVENT(hksm_split,

	TP_PROTO(void *mm, unsigned long addr, u64 ns, int result),

	TP_ARGS(mm, addr, ns, result),

	TP_STRUCT__entry(
		__field(void *,		mm)
		__field(unsigned long,	addr)
		__field(u64,		ns)
		__field(int,		result)
	),

	TP_fast_assign(
		__entry->mm	= mm;
		__entry->addr	= addr;
		__entry->ns	= ns;
		__entry->result	= result;
	),

	TP_printk("mm %p addr %lx ns %llu result %d",
		  __entry->mm, __entry->addr, __entry->ns, __entry->result)
);

/**
 * hksm_exclusive - called after somebody had the engine to himself
 *
 * @who:	what for
 * @ns:		for how long nobody else could use it
 */
TRACE_EVENT(hksm_exclusive,

	TP_PROTO(const char *who, u64 ns),

	TP_ARGS(who, ns),

	TP_STRUCT__entry(
		__string(who,	who)
		__field(u64,	ns)
	),

	TP_fast_assign(
		__assign_str(who);
		__entry->ns	= ns;
	),

	TP_printk("who %s ns %llu", __get_str(who), __entry->ns)
);

#endif /* HKSM_TRACE_H */

/* Outside of the guard: the header is read several times. */
#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
