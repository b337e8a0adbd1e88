// SPDX-License-Identifier: GPL-2.0-only
/*
 * Merged pages where nobody asked for merging.
 *
 * A page that fork has shared may be merged for one of the processes that map it, and
 * becomes a merged page for all of them. Those that did not ask are on no engine's
 * list, and run=2 does not come to them: the page stays merged until the last one
 * writes to it, or ends. For init that is never. An engine that leaves has to find
 * them in the page tables of all processes.
 */
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>

#include "hksm/unmerge.h"
#include "stray.h"

struct pid *find_ge_pid(int nr, struct pid_namespace *ns);

/* Who holds the lock is left to the next time: he may hold it for as long as he likes. */
static void stray_mm(struct mm_struct *mm)
{
	struct vm_area_struct *vma;

	if (!mmap_read_trylock(mm))
		return;
	VMA_ITERATOR(vmi, mm, 0);
	for_each_vma(vmi, vma) {
		if (!vma->anon_vma || !hksm_may_merge(vma->vm_file, vma->vm_flags))
			continue;
		if (hksm_unmerge_range(vma, vma->vm_start, vma->vm_end, false))
			break;
	}
	mmap_read_unlock(mm);
}

/* A thread has nothing that its leader has not; but the leader may have ended before. */
static bool stray_stands_for_all(struct task_struct *task)
{
	return thread_group_leader(task) || !READ_ONCE(task->group_leader->mm);
}

/* Return: the next task with this number or a higher one, referenced, or NULL. */
static struct task_struct *stray_task(int *nr)
{
	struct task_struct *task = NULL;
	struct pid *pid;

	rcu_read_lock();
	for (; !task && (pid = find_ge_pid(*nr, &init_pid_ns)); ++*nr) {
		*nr = pid_nr(pid);
		/* Who its leader is can be asked in here only: it may be reaped. */
		task = pid_task(pid, PIDTYPE_PID);
		if (task && !stray_stands_for_all(task))
			task = NULL;
	}
	if (task)
		get_task_struct(task);
	rcu_read_unlock();
	return task;
}

/**
 * stray_unmerge() - give every process pages of its own instead of merged ones
 *
 * Does what it can: a process may be locked, there may be no memory, and a child may
 * be forked in the meantime. The caller sees whether merged pages are left, and tries
 * again.
 *
 * Context: may sleep; without a signal that is pending, as in a worker.
 */
void stray_unmerge(void)
{
	struct task_struct *task;
	struct mm_struct *mm;
	int nr = 1;

	while ((task = stray_task(&nr))) {
		mm = get_task_mm(task);
		put_task_struct(task);
		if (!mm)
			continue;
		stray_mm(mm);
		mmput(mm);
		cond_resched();
	}
}
