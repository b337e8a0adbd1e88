// SPDX-License-Identifier: GPL-2.0-only
/*
 * mm/ksm.c as the module finds it. Its static data is reached by livepatch symbols;
 * everything here is only valid while it is at rest, which tree_check() asks for.
 */
#define pr_fmt(fmt) "hksm: " fmt

#include <linux/delay.h>
#include <linux/ftrace.h>
#include <linux/hashtable.h>
#include <linux/kernfs.h>
#include <linux/kobject.h>
#include <linux/ksm.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/stringify.h>
#include <linux/sysfs.h>
#include <linux/utsname.h>
#include <generated/utsrelease.h>

#include "internal.h"
#include "tree.h"

#undef __ksm_enter
#undef __ksm_exit

extern struct mutex ksm_thread_mutex;
extern int ksm_scan_thread(void *nothing);
extern spinlock_t ksm_mmlist_lock;
extern unsigned long ksm_run, ksm_pages_shared, ksm_rmap_items;
extern const struct attribute_group ksm_attr_group;

/* How mm/mm_slot.h of 6.12 begins; mm/ksm.c puts its own fields behind it. */
struct tree_slot {
	struct hlist_node hash;
	struct list_head mm_node;
	struct mm_struct *mm;
};

extern struct rb_root *root_stable_tree;
extern struct list_head migrate_nodes;
#ifdef CONFIG_NUMA
extern int ksm_nr_node_ids;
#else
#define ksm_nr_node_ids		1
#endif

extern struct tree_slot ksm_mm_head;
/* The first field of struct ksm_scan: the slot that is scanned. */
extern struct tree_slot *ksm_scan;

/*
 * A function that is patched is called as it was by entering it behind the call to
 * ftrace, which is what leads to the new one. The call has to be direct: indirect
 * branch tracking lets nobody else in there. tree_check() makes sure of the distance.
 */
#ifdef CONFIG_X86_KERNEL_IBT
#define TREE_ENTRY	4	/* endbr64 */
#define TREE_BODY	9
#else
#define TREE_ENTRY	0
#define TREE_BODY	5
#endif

#define TREE_STUB(_stub, _func)						\
asm(".pushsection .text\n"						\
    ".globl " #_stub "\n"						\
    ".type " #_stub ", @function\n"					\
    #_stub ":\n"							\
    "	jmp " #_func " + " __stringify(TREE_BODY) "\n"			\
    ".size " #_stub ", . - " #_stub "\n"				\
    ".popsection\n")

TREE_STUB(tree_mm_enter, __ksm_enter);
TREE_STUB(tree_mm_exit, __ksm_exit);
TREE_STUB(tree_mark_lazyfree, folio_mark_lazyfree);

int __ksm_enter(struct mm_struct *mm);
void __ksm_exit(struct mm_struct *mm);

static_assert(TREE_BODY == TREE_ENTRY + 5);

static bool tree_is_entry(void *func)
{
	unsigned long addr = (unsigned long)func;

	return ftrace_location(addr) == addr + TREE_ENTRY;
}

/* Another module of this kind has its files there, or none are there just now. */
static bool tree_has_files(void)
{
	struct kernfs_node *ksm, *hksm = NULL;

	ksm = kernfs_find_and_get(mm_kobj->sd, "ksm");
	if (ksm)
		hksm = kernfs_find_and_get(ksm, "hksm");
	kernfs_put(hksm);
	kernfs_put(ksm);
	return ksm && !hksm;
}

static bool tree_is_empty(void)
{
	int nid;

	lockdep_assert_held(&ksm_thread_mutex);
	for (nid = 0; nid < ksm_nr_node_ids; nid++)
		if (!RB_EMPTY_ROOT(&root_stable_tree[nid]))
			return false;
	return list_empty(&migrate_nodes);
}

/**
 * tree_has_pages() - are there pages left that mm/ksm.c has merged?
 *
 * Those that run=2 cannot get rid of are in none of its figures.
 *
 * Context: may sleep; takes ksm_thread_mutex.
 */
bool tree_has_pages(void)
{
	bool empty;

	mutex_lock(&ksm_thread_mutex);
	empty = tree_is_empty();
	mutex_unlock(&ksm_thread_mutex);
	return !empty;
}

/**
 * tree_drop_pages() - have mm/ksm.c forget merged pages that nobody maps any more
 *
 * What it does when 2 is written to "run". It is called by the table of its files,
 * since the compiler may have put the function itself into others.
 *
 * Context: may sleep; takes ksm_thread_mutex. tree_check() has been asked.
 */
void tree_drop_pages(void)
{
	struct attribute **attr = ksm_attr_group.attrs;
	struct kobj_attribute *run;

	while (*attr && strcmp((*attr)->name, "run"))
		attr++;
	if (!*attr)
		return;
	run = container_of(*attr, struct kobj_attribute, attr);
	run->store(mm_kobj, run, "2", 1);
	run->store(mm_kobj, run, "0", 1);
}

/*
 * The kernel asks so only of modules whose symbols have no versions, and none of what is
 * in mm/ksm.c has one.
 */
static bool tree_is_other_kernel(void)
{
	const char *release = init_utsname()->release, *mine = UTS_RELEASE;

	/* In one place of the file, where whoever looks at it can find it. */
	OPTIMIZER_HIDE_VAR(mine);
	if (!strcmp(release, mine))
		return false;
	pr_err("built for Linux %s, not for %s\n", mine, release);
	return true;
}

/* With ksm_thread_mutex held the answer stays true as long as nobody writes "run". */
static int tree_is_idle(void)
{
	lockdep_assert_held(&ksm_thread_mutex);
	if (ksm_run) {
		pr_err("mm/ksm.c: run is %lu, not 0 (echo 2, then 0)\n", ksm_run);
		return -EBUSY;
	}
	if (ksm_pages_shared) {
		pr_err("mm/ksm.c: %lu pages are merged (write 2, then 0, to run)\n",
		       ksm_pages_shared);
		return -EBUSY;
	}
	if (ksm_rmap_items || ksm_scan != &ksm_mm_head) {
		pr_err("mm/ksm.c: it knows %lu pages (write 2, then 0, to run)\n",
		       ksm_rmap_items);
		return -EBUSY;
	}
	return 0;
}

/**
 * tree_check() - may another engine take the place of mm/ksm.c?
 *
 * Changes nothing, and says in the kernel log why not.
 *
 * Context: may sleep; takes ksm_thread_mutex.
 * Return: 0; -EBUSY when it is not at rest; -EEXIST when another engine is there;
 * -ENOEXEC when this is not the kernel that the module was built for; -EOPNOTSUPP when
 * its functions do not begin as they should.
 */
int tree_check(void)
{
	int err;

	if (tree_is_other_kernel())
		return -ENOEXEC;
	if (!tree_is_entry(__ksm_enter) || !tree_is_entry(__ksm_exit) ||
	    !tree_is_entry(folio_mark_lazyfree)) {
		pr_err("mm/ksm.c: its functions cannot be called once they are patched\n");
		return -EOPNOTSUPP;
	}
	if (!tree_has_files()) {
		pr_err("/sys/kernel/mm/ksm: it belongs to another engine\n");
		return -EEXIST;
	}
	mutex_lock(&ksm_thread_mutex);
	err = tree_is_idle();
	mutex_unlock(&ksm_thread_mutex);
	return err;
}

/* Tools look for the scanner by its name: there is one ksmd at a time. */
static void tree_stop_thread(void)
{
	struct task_struct *task, *found = NULL;

	rcu_read_lock();
	for_each_process(task) {
		if (!(task->flags & PF_KTHREAD) ||
		    kthread_func(task) != ksm_scan_thread)
			continue;
		found = task;
		get_task_struct(found);
		break;
	}
	rcu_read_unlock();
	if (!found)
		return;
	kthread_stop(found);
	put_task_struct(found);
}

static void tree_show_files(void)
{
	if (sysfs_create_group(mm_kobj, &ksm_attr_group))
		pr_err("/sys/kernel/mm/ksm: it cannot be put back: no memory\n");
}

static void tree_start_thread(void)
{
	struct task_struct *task;

	for (;;) {
		task = kthread_run(ksm_scan_thread, NULL, "ksmd");
		if (!IS_ERR(task))
			return;
		pr_warn_ratelimited("ksmd: it cannot be started yet: %ld\n", PTR_ERR(task));
		msleep(100);
	}
}

/**
 * tree_hide() - take the files of mm/ksm.c away, so that nobody starts it
 *
 * Context: may sleep; takes ksm_thread_mutex.
 * Return: 0, or as tree_check() with the files still there.
 */
int tree_hide(void)
{
	int err;

	err = tree_check();
	if (err)
		return err;
	/* Waits for who writes one, and those take the mutex. */
	sysfs_remove_group(mm_kobj, &ksm_attr_group);
	mutex_lock(&ksm_thread_mutex);
	err = tree_is_idle();
	if (!err && !tree_is_empty()) {
		pr_err("mm/ksm.c: pages that it has merged are still mapped by processes that did not ask for it\n");
		err = -EBUSY;
	}
	mutex_unlock(&ksm_thread_mutex);
	if (err)
		tree_show_files();
	else
		tree_stop_thread();
	return err;
}

/**
 * tree_show() - undo tree_hide()
 *
 * Context: may sleep.
 */
void tree_show(void)
{
	tree_start_thread();
	tree_show_files();
}

/**
 * tree_next() - an mm that mm/ksm.c looks after
 *
 * Those that are exiting are left out: they take themselves off its list.
 *
 * Context: any that may take a spinlock.
 * Return: the mm, with a reference that keeps it from exiting, or NULL.
 */
struct mm_struct *tree_next(void)
{
	struct tree_slot *slot;
	struct mm_struct *mm = NULL;

	spin_lock(&ksm_mmlist_lock);
	list_for_each_entry(slot, &ksm_mm_head.mm_node, mm_node) {
		if (!mmget_not_zero(slot->mm))
			continue;
		mm = slot->mm;
		break;
	}
	spin_unlock(&ksm_mmlist_lock);
	return mm;
}

/**
 * tree_mm_leave() - take an mm off the list of mm/ksm.c
 * @mm: of tree_next(); its mmap_lock is held for writing
 *
 * __ksm_exit() does it, too, but it clears flags of the mm, which a fork or an exec
 * that begins in this moment would copy.
 *
 * Context: may sleep.
 * Return: false when it is not there any more.
 */
bool tree_mm_leave(struct mm_struct *mm)
{
	struct tree_slot *slot;
	bool found = false;

	spin_lock(&ksm_mmlist_lock);
	list_for_each_entry(slot, &ksm_mm_head.mm_node, mm_node) {
		found = slot->mm == mm;
		if (!found)
			continue;
		hash_del(&slot->hash);
		list_del(&slot->mm_node);
		break;
	}
	spin_unlock(&ksm_mmlist_lock);
	if (!found)
		return false;
	/* Whichever cache it is of. */
	kfree(slot);
	mmdrop(mm);
	return true;
}
