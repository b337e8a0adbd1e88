// SPDX-License-Identifier: GPL-2.0-only
/*
 * hksm in place of mm/ksm.c, in a kernel that runs: which function leads where, and
 * the change from one engine to the other and back.
 */
#define pr_fmt(fmt) "hksm: " fmt

/**
 * DOC: two engines and a transition
 *
 * Livepatch changes tasks over one by one. During a transition some of them call the
 * functions of mm/ksm.c ("old"), some call the ones here ("new"), for any length of
 * time: until a task that sleeps in an old function comes back, or gets a signal.
 * While that lasts nothing is merged by either engine, and mm/ksm.c alone keeps the
 * list of mms. The new functions use the very functions they replace for that.
 *
 *                 load                 in use             unload
 *                 pre_patch            post_patch         pre_unpatch
 *                 ..post_patch         ..pre_unpatch      ..post_unpatch
 *   files         none                 hksm's             none
 *   scans         nobody               hksm               nobody
 *   old enter     list of mm/ksm.c     (nobody)           list of mm/ksm.c
 *   new enter     list of mm/ksm.c     hksm's slots       list of mm/ksm.c
 *   old exit      list of mm/ksm.c     (nobody)           list of mm/ksm.c
 *   new exit      slots, or the list   slots, or the list slots, or the list
 *   merged pages  none                 hksm's             none
 *
 * post_patch takes the mms over when no task is left that would call an old function;
 * pre_unpatch hands them back before any task may call one. Each is handed on with
 * its mmap_lock held for writing, which keeps fork, madvise, prctl and exec's error
 * path out, and with a reference to its users, which keeps its exit out. One that has
 * no users any more exits by itself, and is found where it is; pre_unpatch waits for
 * it. Its flags stay as they are: fork and exec copy them without the lock.
 *
 * Merged pages can be mapped by processes that are on no list (stray.c); an engine
 * leaves only when those have copies, too.
 *
 * Who reverses a transition gets the other end of it: a load that is taken back ends
 * with post_unpatch, and an unload that is taken back with post_patch. Both find what
 * they would find otherwise.
 *
 * pre_unpatch cannot fail. Where there is no memory to unmerge it tries again, for as
 * long as that takes, and says so in the log. Writing 2 to "run" before gives an error
 * instead.
 */

#include <linux/delay.h>
#include <linux/ksm.h>
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/pid_namespace.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/workqueue.h>

#include "hksm/core.h"
#include "hksm/forget.h"
#include "hksm/hold.h"
#include "hksm/init.h"
#include "hksm/sched.h"
#include "hksm/slot.h"
#include "hksm/stable.h"
#include "hksm/sysfs.h"
#include "hksm/unmerge.h"
#include "stray.h"
#include "tree.h"

/* How long to wait for what others have to do first, in ms, and when to say so. */
#define ENTRY_PAUSE	10
#define ENTRY_TELL	(10 * 1000 / ENTRY_PAUSE)
/* How often to look for merged pages that mm/ksm.c has left, before loading fails. */
#define ENTRY_TRIES	100

/* Whose list a new mm goes to; changed with the lock held for writing. */
static bool entry_ours;
static DECLARE_RWSEM(entry_lock);

/**
 * hksm_mm_enter() - __ksm_enter(), for the engine that is in charge
 * @mm: as there
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int hksm_mm_enter(struct mm_struct *mm)
{
	int err;

	down_read(&entry_lock);
	err = entry_ours ? hksm_slot_add(&hksm, mm) : tree_mm_enter(mm);
	up_read(&entry_lock);
	return err;
}

/**
 * hksm_mm_exit() - __ksm_exit(), for the engine that has the mm
 * @mm: as there
 *
 * No lock is needed to ask which: an mm that exits is not handed on.
 *
 * Context: may sleep.
 */
void hksm_mm_exit(struct mm_struct *mm)
{
	struct hksm_slot *slot = hksm_slot_find(&hksm, mm);

	if (slot) {
		hksm_slot_put(slot);
		hksm_slot_exit(&hksm, mm);
	} else {
		tree_mm_exit(mm);
	}
}

static void entry_set_ours(bool ours)
{
	/* Nobody is on his way to the other list when this returns. */
	down_write(&entry_lock);
	entry_ours = ours;
	up_write(&entry_lock);
}

/* Return: 0, or -ENOMEM with the mm where it was. */
static int entry_take_over(struct mm_struct *mm)
{
	int err = 0;

	mmap_write_lock(mm);
	if (tree_mm_leave(mm)) {
		err = hksm_slot_add(&hksm, mm);
		if (err)
			tree_mm_enter(mm);
	}
	mmap_write_unlock(mm);
	return err;
}

static void entry_hand_back(struct mm_struct *mm)
{
	mmap_write_lock(mm);
	if (hksm_slot_drop(&hksm, mm))
		while (tree_mm_enter(mm))
			msleep(ENTRY_PAUSE);
	mmap_write_unlock(mm);
}

/* Return: true when no slot is left; @next: an mm to hand back, referenced. */
static bool entry_next(struct hksm *h, struct mm_struct **next)
{
	struct hksm_slot *slot;
	bool empty;

	*next = NULL;
	spin_lock(&h->slots_lock);
	empty = list_empty(&h->slots);
	list_for_each_entry(slot, &h->slots, list) {
		if (!mmget_not_zero(slot->mm))
			continue;
		*next = slot->mm;
		break;
	}
	spin_unlock(&h->slots_lock);
	return empty;
}

static void entry_wait(const char *what)
{
	static unsigned int waited;

	if (++waited % ENTRY_TELL == 0)
		pr_warn("unload: still waiting: %s\n", what);
	msleep(ENTRY_PAUSE);
}

static int entry_unmerge(struct hksm *h)
{
	int err;

	hksm_lock_all(h);
	/* It stays so: what is swapped in from now on is copied. */
	WRITE_ONCE(h->run, HKSM_RUN_UNMERGE);
	err = hksm_unmerge_all(h);
	hksm_unlock_all(h, "unload");
	return err;
}

static int entry_drop_nodes(struct hksm *h)
{
	int err;

	hksm_lock_all(h);
	err = hksm_stable_empty(h);
	hksm_free_limbo(h);
	hksm_unlock_all(h, "unload");
	return err;
}

static void entry_arrive(struct hksm *h)
{
	struct mm_struct *mm;
	int err;

	WRITE_ONCE(h->run, HKSM_RUN_STOP);
	err = hksm_sched_set(h, 1);
	if (err)
		pr_err("no scanner: %d\n", err);
	entry_set_ours(true);
	while ((mm = tree_next())) {
		err = entry_take_over(mm);
		mmput(mm);
		if (err) {
			pr_warn("some processes are not scanned: no memory\n");
			break;
		}
	}
	err = hksm_sysfs_init(h);
	if (err)
		pr_err("/sys/kernel/mm/ksm: it cannot be made: %d\n", err);
}

static void entry_leave(struct hksm *h)
{
	struct mm_struct *mm;

	hksm_sysfs_fini(h);
	while (entry_unmerge(h))
		entry_wait("memory to unmerge");
	entry_set_ours(false);
	while (!entry_next(h, &mm)) {
		if (!mm) {
			entry_wait("a process that is exiting");
			continue;
		}
		entry_hand_back(mm);
		mmput(mm);
	}
	flush_work(&h->reaper);
	while (entry_drop_nodes(h)) {
		stray_unmerge();
		entry_wait("merged pages that are still mapped");
	}
	hksm_sched_stop(h);
}

struct entry_job {
	struct work_struct work;
	void (*act)(struct hksm *h);
};

static void entry_work(struct work_struct *work)
{
	struct entry_job *job = container_of(work, struct entry_job, work);

	job->act(&hksm);
}

/*
 * Not by the task that happens to end a transition: one that is killed cannot start a
 * thread, and would leave half way.
 */
static void entry_do(void (*act)(struct hksm *h))
{
	struct entry_job job = { .act = act };

	INIT_WORK_ONSTACK(&job.work, entry_work);
	queue_work(system_unbound_wq, &job.work);
	flush_work(&job.work);
	destroy_work_on_stack(&job.work);
}

static int entry_pre_patch(struct klp_object *obj)
{
	return tree_hide();
}

static void entry_post_patch(struct klp_object *obj)
{
	entry_do(entry_arrive);
}

static void entry_pre_unpatch(struct klp_object *obj)
{
	entry_do(entry_leave);
}

static void entry_show_tree(struct hksm *h)
{
	tree_show();
}

static void entry_post_unpatch(struct klp_object *obj)
{
	entry_do(entry_show_tree);
}

/* fs/proc/base.c's, and the lines of the engine. */
static int entry_ksm_stat(struct seq_file *m, struct pid_namespace *ns,
			  struct pid *pid, struct task_struct *task)
{
	struct mm_struct *mm = get_task_mm(task);

	if (!mm)
		return 0;
	seq_printf(m, "ksm_rmap_items %lu\n", mm->ksm_rmap_items);
	seq_printf(m, "ksm_zero_pages %ld\n", mm_ksm_zero_pages(mm));
	seq_printf(m, "ksm_merging_pages %lu\n", mm->ksm_merging_pages);
	seq_printf(m, "ksm_process_profit %ld\n", ksm_process_profit(mm));
	ksm_show_stat(m, mm);
	mmput(mm);
	return 0;
}

/* Others may join a KSM folio later: it is not one process's to free. */
static void entry_mark_lazyfree(struct folio *folio)
{
	if (!folio_test_ksm(folio))
		tree_mark_lazyfree(folio);
}

#define ENTRY(_old, _new)	{ .old_name = _old, .new_func = _new }

static struct klp_func entry_funcs[] = {
	ENTRY("__ksm_enter", hksm_mm_enter),
	ENTRY("__ksm_exit", hksm_mm_exit),
	ENTRY("ksm_add_vma", hksm_add_vma),
	ENTRY("ksm_enable_merge_any", hksm_enable_merge_any),
	ENTRY("ksm_disable_merge_any", hksm_disable_merge_any),
	ENTRY("ksm_disable", hksm_disable),
	ENTRY("ksm_madvise", hksm_madvise),
	ENTRY("ksm_might_need_to_copy", hksm_might_need_to_copy),
	ENTRY("rmap_walk_ksm", hksm_rmap_walk),
	ENTRY("folio_migrate_ksm", hksm_folio_migrate),
	ENTRY("collect_procs_ksm", hksm_collect_procs),
	ENTRY("ksm_process_profit", hksm_process_profit),
	ENTRY("proc_pid_ksm_stat", entry_ksm_stat),
	ENTRY("folio_mark_lazyfree", entry_mark_lazyfree),
	{ }
};

static struct klp_object entry_objs[] = {
	{
		.funcs = entry_funcs,
		.callbacks = {
			.pre_patch = entry_pre_patch,
			.post_patch = entry_post_patch,
			.pre_unpatch = entry_pre_unpatch,
			.post_unpatch = entry_post_unpatch,
		},
	},
	{ }
};

static struct klp_patch entry_patch = {
	.mod = THIS_MODULE,
	.objs = entry_objs,
};

/* Whether it succeeds is asked when the files are hidden. */
static void entry_empty_tree(struct hksm *h)
{
	unsigned int tries = ENTRY_TRIES;

	while (tree_has_pages() && tries--) {
		stray_unmerge();
		tree_drop_pages();
		msleep(ENTRY_PAUSE);
	}
}

static int __init entry_init(void)
{
	int err;

	err = tree_check();
	if (err)
		return err;
	entry_do(entry_empty_tree);
	err = hksm_start(&hksm);
	if (err)
		return err;
	/* With no mm it would only confuse who looks for ksmd. */
	hksm_sched_stop(&hksm);
	err = klp_enable_patch(&entry_patch);
	if (err)
		hksm_stop(&hksm);
	return err;
}

static void __exit entry_exit(void)
{
	hksm_stop(&hksm);
}

module_init(entry_init);
module_exit(entry_exit);
MODULE_DESCRIPTION("Hash-indexed engine of Kernel Samepage Merging");
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
