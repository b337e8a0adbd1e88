// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pidstat.c - the line that /proc has of a process and of each of its threads.
 *
 * Below all that reads a process: it tells which thread shows its memory, where
 * the main one has ended.
 */
#include "libksm/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libksm/parse.h"
#include "util/ascii.h"

#define PF_KTHREAD 0x00200000	/* include/linux/sched.h */

/*
 * /proc/PID/stat: "pid (comm) S ppid ...".  comm may hold blanks, newlines and
 * parentheses; it ends at the last ") " of the file, as the fields behind it
 * are numbers.
 */
int ksm_proc_pidstat_parse(const char *buf, size_t len, struct ksm_proc *out)
{
	/* Field numbers of proc_pid_stat(5); ksm_proc_pidstat_format() has the same. */
	enum { PPID = 4, FLAGS = 9, UTIME = 14, STIME = 15, START = 22, VSIZE = 23, RSS = 24 };
	const char *open = memchr(buf, '(', len);
	const char *close = memrchr(buf, ')', len);
	struct span rest, word;
	uint64_t u = 0, utime = 0;
	size_t n;

	if (!open || !close || close < open)
		return -EPROTO;
	n = MIN((size_t)(close - open - 1), sizeof(out->comm) - 1);
	memcpy(out->comm, open + 1, n);
	out->comm[n] = '\0';
	rest = (struct span){ close + 1, buf + len - close - 1 };
	if (rest.len && rest.s[rest.len - 1] == '\n')
		rest.len--;
	if (!span_word(&rest, &word) || word.len != 1 || !ascii_is_alpha(*word.s))
		return -EPROTO;
	out->state = *word.s;
	for (int field = PPID; field <= RSS; field++) {
		if (!span_word(&rest, &word))
			return -EPROTO;
		switch (field) {
		case PPID:
		case FLAGS:
		case UTIME:
		case STIME:
		case START:
		case VSIZE:
		case RSS:
			break;
		default:
			continue;
		}
		if (!span_u64(word, &u))
			return -EPROTO;
		if (field == PPID)
			out->ppid = u;
		else if (field == FLAGS)
			out->kthread = u & PF_KTHREAD;
		else if (field == UTIME)
			utime = u;
		else if (field == STIME)
			out->cpu_ticks = utime + u;
		else if (field == START)
			out->start_ticks = u;
		else if (field == VSIZE)
			out->vsize_bytes = u;
		else
			out->rss_pages = u;
	}
	return 0;
}

int ksm_proc_pidstat_format(const struct ksm_proc *p, struct str *out)
{
	/* Its times are known as a sum. */
	str_addf(out, "%d (%s) %c %d 0 0 0 0 %u 0 0 0 0 %" PRIu64 " 0 0 0 20 0 1 0 %" PRIu64
		 " %" PRIu64 " %" PRIu64 "\n",
		 (int)p->pid, p->comm, p->state, (int)p->ppid, p->kthread ? PF_KTHREAD : 0,
		 p->cpu_ticks, p->start_ticks, p->vsize_bytes, p->rss_pages);
	return str_err(out);
}

int ksm_pidstat_read(struct ksm *k, const char *name, struct ksm_proc *out)
{
	char buf[1024];
	ssize_t n = ksm_path_read_small(k, k->procfd, name, buf, sizeof(buf));
	int rc;

	if (n < 0)
		rc = n == -ENOENT || n == -ENOTDIR ? -ESRCH : (int)n;
	else
		rc = ksm_proc_pidstat_parse(buf, n, out);
	return rc ? ksm_fail(k, rc, "read", "proc/%s", name) : 0;
}

bool ksm_pidstat_ended(const struct ksm_proc *p)
{
	return p->state == 'Z' || p->state == 'X';
}

pid_t ksm_pidstat_live(struct ksm *k, pid_t pid, struct ksm_proc *out)
{
	DIR *dir __cleanup_dir = k->live ? ksm_path_opendir(k, "proc/%d/task", (int)pid) : NULL;
	struct dirent *de;

	while (dir && (de = readdir(dir))) {
		char name[64];
		uint64_t tid;

		if (num_u64(de->d_name, &tid) || tid == (uint64_t)pid)
			continue;
		snprintf(name, sizeof(name), "%d/task/%d/stat", (int)pid, (int)tid);
		if (!ksm_pidstat_read(k, name, out) && !ksm_pidstat_ended(out))
			return (pid_t)tid;
	}
	return 0;
}

pid_t ksm_proc_thread(struct ksm *k, pid_t pid)
{
	struct ksm_proc p = { 0 };
	char name[KSM_FILE_NAME_MAX];

	if (!k->live ||
	    ksm_pidstat_read(k, ksm_file_name(KSM_FILE_STAT, pid, name), &p) || !ksm_pidstat_ended(&p))
		return pid;
	return ksm_pidstat_live(k, pid, &p) ?: pid;
}
