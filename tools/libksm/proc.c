// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * proc.c - one process: identity, ksm_stat, how it takes part in merging.
 *
 * The hot path (a listing of thousands) reads two small files a process.  What
 * a process is called is its own choice: comm and command line are raw bytes
 * here, and cleaned where they are shown.
 */
#include "libksm/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libksm/parse.h"
#include "util/ascii.h"

const char *ksm_member_name(enum ksm_member m)
{
	static const char *const names[] = {
		[KSM_MEMBER_UNKNOWN] = "?",   [KSM_MEMBER_DENIED] = "denied",
		[KSM_MEMBER_ABSENT] = "-",    [KSM_MEMBER_OFF] = "off",
		[KSM_MEMBER_ON] = "on",	      [KSM_MEMBER_MADVISE] = "madvise",
		[KSM_MEMBER_ANY] = "any",
	};

	return names[m];
}

enum stat_kind {
	STAT_COUNT,	/* never below zero */
	STAT_LONG,	/* may be: zero pages were printed as unsigned from 6.6 to 6.9 */
	STAT_YESNO,
};

static const struct {
	const char *key;
	size_t offset;
	enum stat_kind kind;
} stat_keys[] = {
	{ "ksm_rmap_items", offsetof(struct ksm_proc_stat, items), STAT_COUNT },
	{ "ksm_zero_pages", offsetof(struct ksm_proc_stat, zero_pages), STAT_LONG },
	{ "ksm_merging_pages", offsetof(struct ksm_proc_stat, merging_pages), STAT_COUNT },
	{ "ksm_process_profit", offsetof(struct ksm_proc_stat, profit_bytes), STAT_LONG },
	{ "ksm_merge_any", offsetof(struct ksm_proc_stat, merge_any), STAT_YESNO },
	{ "ksm_mergeable", offsetof(struct ksm_proc_stat, mergeable), STAT_YESNO },
	{ "ksm_scan_pages", offsetof(struct ksm_proc_stat, scan_pages), STAT_COUNT },
	{ "ksm_scan_ns", offsetof(struct ksm_proc_stat, scan_ns), STAT_COUNT },
	{ "ksm_merges", offsetof(struct ksm_proc_stat, merges), STAT_COUNT },
	{ "ksm_breaks", offsetof(struct ksm_proc_stat, breaks), STAT_COUNT },
	{ "ksm_skipped", offsetof(struct ksm_proc_stat, skipped), STAT_COUNT },
	{ "ksm_domain", offsetof(struct ksm_proc_stat, domain), STAT_COUNT },
	{ "ksm_meta_bytes", offsetof(struct ksm_proc_stat, meta_bytes), STAT_COUNT },
};

static struct ksm_fig *stat_fig(struct ksm_proc_stat *st, size_t i)
{
	return (void *)((char *)st + stat_keys[i].offset);
}

static void stat_set_all(struct ksm_proc_stat *st, enum ksm_state state)
{
	for (size_t i = 0; i < ARRAY_SIZE(stat_keys); i++)
		*stat_fig(st, i) = (struct ksm_fig){ .state = state };
}

static bool stat_value(struct span val, enum stat_kind kind, int64_t *out)
{
	switch (kind) {
	case STAT_COUNT:
		return span_count(val, out);
	case STAT_LONG:
		return span_long(val, out);
	case STAT_YESNO:
		break;
	}
	*out = span_is(val, "yes");
	return *out || span_is(val, "no");
}

int ksm_proc_stat_parse(const char *buf, size_t len, struct ksm_proc_stat *out)
{
	struct span rest = { buf, len }, line, key, val;
	bool any = false;
	int64_t v;

	stat_set_all(out, KSM_ABSENT);
	while (span_line(&rest, &line)) {
		if (!span_word(&line, &key) || !span_word(&line, &val))
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(stat_keys); i++) {
			if (!span_is_key(key, stat_keys[i].key))
				continue;
			/* An odd line costs this figure, not the others. */
			if (stat_value(val, stat_keys[i].kind, &v)) {
				*stat_fig(out, i) = KSM_FIG(v);
				any = true;
			}
			break;
		}
	}
	return any ? 0 : -EPROTO;
}

int ksm_proc_status_parse(const char *buf, size_t len, struct ksm_proc_status *out)
{
	struct span rest = { buf, len }, line, key, val;
	bool tgid = false;
	uint64_t u;

	*out = (struct ksm_proc_status){ .tracer = -1, .seccomp = -1 };
	for (int i = 0; i < 4; i++)
		out->uid[i] = KSM_UID_NONE;
	while (span_line(&rest, &line)) {
		if (!span_word(&line, &key) || !span_word(&line, &val))
			continue;
		if (span_is(key, "State:")) {
			out->state = *val.s;
		} else if (span_is(key, "Uid:")) {
			for (int i = 0; i < 4; i++) {
				if (!span_u64(val, &u) || u > UINT32_MAX)
					break;
				out->uid[i] = u;
				if (i < 3 && !span_word(&line, &val))
					break;
			}
		} else if (span_is(key, "Tgid:") && span_u64(val, &u) && u <= INT32_MAX) {
			out->tgid = u;
			tgid = true;
		} else if (span_is(key, "TracerPid:") && span_u64(val, &u) && u <= INT32_MAX) {
			out->tracer = u;
		} else if (span_is(key, "Threads:") && span_u64(val, &u)) {
			out->threads = u;
		} else if (span_is(key, "Seccomp:") && span_u64(val, &u) && u <= INT32_MAX) {
			out->seccomp = u;
		}
	}
	return tgid ? 0 : -EPROTO;
}

int ksm_proc_status_read(struct ksm *k, pid_t pid, struct ksm_proc_status *out)
{
	int rc = ksm_path_read_file(k, KSM_FILE_STATUS, pid, &k->buf);

	rc = ksm_proc_lacks(k, pid, rc);
	return rc ? rc : ksm_proc_status_parse(str_get(&k->buf), k->buf.len, out);
}

/* One small file below @pid, whole lines of it; length or -errno. */
static ssize_t read_lines(struct ksm *k, pid_t pid, enum ksm_file file, char *buf, size_t len)
{
	ssize_t n = ksm_path_read_start(k, file, pid, buf, len);
	char *end;

	/* A number that is cut at the end of the buffer would be another number. */
	if (n == (ssize_t)len - 1) {
		end = memrchr(buf, '\n', n);
		n = end ? end - buf + 1 : 0;
	}
	return n;
}

/*
 * ksm_stat came with 6.1 and had one line; ksm_merging_pages has been a file
 * since 5.19 and a line of ksm_stat since 6.4 (Documentation/admin-guide/mm/ksm.rst).
 */
static void stat_read(struct ksm *k, pid_t pid, struct ksm_proc_stat *out)
{
	char buf[2048];
	int64_t v;
	ssize_t n;

	stat_set_all(out, KSM_ABSENT);
	n = read_lines(k, pid, KSM_FILE_KSM_STAT, buf, sizeof(buf));
	if (n < 0)
		stat_set_all(out, ksm_state_of(n) == KSM_DENIED ? KSM_DENIED : KSM_ABSENT);
	else
		ksm_proc_stat_parse(buf, n, out);
	if (out->merging_pages.state != KSM_ABSENT)
		return;
	n = read_lines(k, pid, KSM_FILE_MERGING, buf, sizeof(buf));
	if (n < 0)
		out->merging_pages.state = ksm_state_of(n) == KSM_DENIED ? KSM_DENIED : KSM_ABSENT;
	else if (!num_kernel_count(buf, n, &v))
		out->merging_pages = KSM_FIG(v);
}

/* As far as the figures tell; a process not yet scanned looks off before 6.15. */
static enum ksm_member member_by_stat(const struct ksm *k, const struct ksm_proc *p)
{
	const struct ksm_proc_stat *st = &p->ksm;

	if (k->present == KSM_ABSENT)
		return KSM_MEMBER_ABSENT;
	if (ksm_fig_or(st->merge_any, 0))
		return KSM_MEMBER_ANY;
	if (ksm_fig_has(st->mergeable))
		return st->mergeable.v ? KSM_MEMBER_MADVISE : KSM_MEMBER_OFF;
	if (st->items.state == KSM_DENIED || st->merging_pages.state == KSM_DENIED)
		return KSM_MEMBER_DENIED;
	if (ksm_fig_or(st->items, 0) || ksm_fig_or(st->merging_pages, 0) ||
	    ksm_fig_or(st->zero_pages, 0))
		return KSM_MEMBER_ON;
	if (st->items.state == KSM_ABSENT && st->merging_pages.state == KSM_ABSENT)
		return KSM_MEMBER_UNKNOWN;
	return KSM_MEMBER_OFF;
}

/* A line of ksm_stat decides since 6.15; before, the mappings do. */
static int member_by_vmas(struct ksm *k, unsigned int want, struct ksm_proc *p)
{
	int rc = 0;

	if (ksm_fig_has(p->ksm.mergeable) || p->member == KSM_MEMBER_ABSENT || p->state == 'Z')
		return 0;
	if (want & KSM_PROC_EXACT)
		rc = ksm_proc_member(k, p->pid, &p->member);
	else if ((want & KSM_PROC_MEMBER) && p->member == KSM_MEMBER_ON)
		rc = ksm_proc_member_quick(k, p->pid, &p->member);
	/* Where the mappings cannot be asked, what the figures tell stands. */
	return rc == -EACCES || rc == -EPERM || rc == -ENOENT ? 0 : rc;
}

/*
 * ksmd counts what it merged, and takes it off when it comes by next: never, if it
 * is stopped.  Of a process whose mappings are all off nothing is merged, as
 * switching them off unmerges (mm/ksm.c ksm_madvise(), ksm_disable()), whatever the
 * counts say.  Zero pages are counted where they are copied, and need no mending.
 */
static void drop_stale(struct ksm_proc *p)
{
	struct ksm_fig *const figs[] = { &p->ksm.items, &p->ksm.merging_pages,
					 &p->ksm.profit_bytes };

	if (p->member != KSM_MEMBER_OFF)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(figs); i++)
		if (ksm_fig_or(*figs[i], 0))
			*figs[i] = (struct ksm_fig){ .state = KSM_OFF };
}

int ksm_proc_read(struct ksm *k, pid_t pid, unsigned int want, struct ksm_proc *out)
{
	struct ksm_proc_status status;
	struct ksm_proc other = { 0 };
	pid_t thread = pid;
	char name[KSM_FILE_NAME_MAX];
	int rc;

	memset(out, 0, sizeof(*out));
	rc = ksm_pidstat_read(k, ksm_file_name(KSM_FILE_STAT, pid, name), out);
	if (rc)
		return rc;
	out->pid = pid;
	/* Its memory is shown by those of its threads that still have it. */
	if (ksm_pidstat_ended(out) && (thread = ksm_pidstat_live(k, pid, &other))) {
		out->state = other.state;
		out->rss_pages = other.rss_pages;
		out->vsize_bytes = other.vsize_bytes;
	}
	stat_set_all(&out->ksm, KSM_ABSENT);
	out->member = KSM_MEMBER_UNKNOWN;
	out->uid = KSM_UID_NONE;
	if (want & KSM_PROC_UID) {
		/* The owner of a dump's files is whoever unpacked it. */
		if (k->live)
			rc = ksm_path_owner(k, pid, &out->uid);
		else if (!(rc = ksm_proc_status_read(k, pid, &status)))
			out->uid = status.uid[1];
		if (rc == -ESRCH || rc == -ENOMEM)
			return rc;
	}
	if (out->kthread || !(want & (KSM_PROC_KSM | KSM_PROC_MEMBER | KSM_PROC_EXACT)))
		return 0;
	stat_read(k, thread ? thread : pid, &out->ksm);
	out->member = member_by_stat(k, out);
	rc = member_by_vmas(k, want, out);
	drop_stale(out);
	return rc;
}

int ksm_ident_read(struct ksm *k, pid_t pid, struct ksm_ident *out)
{
	struct ksm_proc p;
	int rc = ksm_proc_read(k, pid, 0, &p);

	*out = (struct ksm_ident){ .pid = pid, .start_ticks = rc ? KSM_START_NONE : p.start_ticks };
	return rc;
}

int ksm_proc_read_same(struct ksm *k, const struct ksm_ident *id, unsigned int want,
		       struct ksm_proc *out)
{
	int rc = ksm_proc_read(k, id->pid, want, out);
	char path[KSM_FILE_NAME_MAX];

	if (rc || id->start_ticks == KSM_START_ANY || id->start_ticks == out->start_ticks)
		return rc;
	return ksm_fail(k, -ESRCH, "read", "%s", ksm_file_path(KSM_FILE_STAT, id->pid, path));
}

int ksm_proc_image(struct ksm *k, const struct ksm_ident *id, uint64_t *out)
{
	const pid_t thread = ksm_proc_thread(k, id->pid);
	char buf[4096];
	struct ksm_proc p;
	ssize_t n;
	int rc;

	n = ksm_path_read_start(k, KSM_FILE_AUXV, thread, buf, sizeof(buf));
	if (n < 0)
		return ksm_proc_lacks(k, id->pid, n);
	/* FNV-1a: nobody gains by two that are the same. */
	*out = UINT64_C(0xcbf29ce484222325);
	for (ssize_t i = 0; i < n; i++)
		*out = (*out ^ (unsigned char)buf[i]) * UINT64_C(0x100000001b3);
	rc = ksm_proc_read_same(k, id, 0, &p);
	return rc || n ? rc : -ESRCH;
}

int ksm_proc_cmdline(struct ksm *k, pid_t pid, char **buf, size_t *len)
{
	struct str text = STR_INIT;
	int rc = ksm_path_read_file(k, KSM_FILE_CMDLINE, pid, &text);
	pid_t thread = !rc && !text.len ? ksm_proc_thread(k, pid) : pid;

	if (thread != pid)
		rc = ksm_path_read_file(k, KSM_FILE_CMDLINE, thread, &text);

	*buf = NULL;
	*len = 0;
	if (rc) {
		str_fini(&text);
		return ksm_proc_lacks(k, pid, rc);
	}
	*len = text.len;
	*buf = str_steal(&text);
	return *buf ? 0 : -ENOMEM;
}

/* Controllers that were mounted together are separated by commas. */
static bool has_controller(struct span list, const char *name)
{
	struct span one;

	while (list.len) {
		const char *comma = memchr(list.s, ',', list.len);

		one = (struct span){ list.s, comma ? (size_t)(comma - list.s) : list.len };
		if (span_is(one, name))
			return true;
		list.s += one.len + (comma ? 1 : 0);
		list.len -= one.len + (comma ? 1 : 0);
	}
	return false;
}

/*
 * Lines "ID:CONTROLLERS:PATH" (cgroups(7)).  The unified hierarchy is "0::".
 * Beside version 1 it may say only "/", and so may the memory controller where
 * nobody divides memory: then the next of these two and systemd's own tells
 * more.  Another controller's path counts only where none of them is there.
 */
int ksm_proc_cgroup_parse(const char *buf, size_t len, char **path)
{
	struct span rest = { buf, len }, line, best = { NULL, 0 };
	int best_rank = 0;

	*path = NULL;
	while (span_line(&rest, &line)) {
		const char *c1 = memchr(line.s, ':', line.len);
		const char *end = line.s + line.len;
		const char *c2 = c1 ? memchr(c1 + 1, ':', end - c1 - 1) : NULL;
		struct span ctl, p;
		int rank = 1;

		if (!c2)
			continue;
		ctl = (struct span){ c1 + 1, c2 - c1 - 1 };
		p = (struct span){ c2 + 1, end - c2 - 1 };
		if (!p.len || *p.s != '/')
			continue;
		if (!ctl.len)
			rank = p.len > 1 ? 5 : 2;
		else if (has_controller(ctl, "memory"))
			rank = p.len > 1 ? 4 : 2;
		else if (span_is(ctl, "name=systemd"))
			rank = p.len > 1 ? 3 : 2;
		if (rank > best_rank) {
			best_rank = rank;
			best = p;
		}
	}
	if (!best_rank)
		return -EPROTO;
	*path = strndup(best.s, best.len);
	return *path ? 0 : -ENOMEM;
}

int ksm_proc_cgroup(struct ksm *k, pid_t pid, char **path)
{
	int rc = ksm_path_read_file(k, KSM_FILE_CGROUP, pid, &k->buf);

	*path = NULL;
	if (rc)
		return ksm_proc_lacks(k, pid, rc);
	return ksm_proc_cgroup_parse(str_get(&k->buf), k->buf.len, path);
}
