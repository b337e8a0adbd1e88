// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd-doctor.c - ksmctl doctor: why nothing merges, or why it does not pay;
 * one finding a line, with the command that mends it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/xalloc.h"
#include "ksmctl/ksmctl.h"
#include "util/num.h"

#define LOOK_NS 1000000000ULL
#define ZERO_NS 2000000000ULL	/* most time for counting zero pages, each time */

static const char *const synopsis[] = { "[options]", NULL };
static const struct cli_opt opts[] = {
	{ .key = 'p', .help = "also tell why these processes do not merge" },
	{ .key = 'J' },
	{ 0 },
};
const struct cli_cmd ctl_cmd_doctor = {
	.name = "ksmctl doctor",
	.synopsis = synopsis,
	.about = "Tell why nothing merges or why merging does not pay, and which command helps.\n"
		 "Exit 0 when nothing was found, 1 otherwise.",
	.opts = opts,
	.common = cli_common_options,
	.see = "ksmctl(8)",
};

struct report {
	struct cli_json *j;	/* NULL: text */
	bool no_names;		/* of processes */
	size_t n;
	struct ctl_decider decider;
	struct ctl_crowd crowd;
};

static void tell(struct report *r, const char *about, const char *text, const char *command)
{
	r->n++;
	if (r->j) {
		cli_json_open(r->j, NULL, '{');
		cli_json_str(r->j, "about", about);
		cli_json_str(r->j, "finding", text);
		cli_json_str(r->j, "command", *command ? command : NULL);
		cli_json_close(r->j);
		return;
	}
	printf("%s: %s%s%s%s\n", about, text, *command ? "  [" : "", command,
	       *command ? "]" : "");
}

/* --- the system --- */

static void system_findings(struct ctl *ctl, struct report *r, struct ksm_stats *now)
{
	struct ctl_finding found[__CTL_FINDING_N];
	struct ksm_stats before;
	struct ksm_derived d;
	struct ksm_delta delta;
	struct ksm_around around;
	struct ctl_spaces spaces;
	struct ctl_facts facts = { .stats = now, .derived = &d, .around = &around,
				   .decider = &r->decider };
	bool whole, tracks;
	size_t n;

	ctl_stats(ctl, now);
	if (ksm_is_live(ctl->k) && (now->attr[KSM_ATTR_RUN].v & KSM_RUN_RUNNING)) {
		before = *now;
		ctl_sleep(LOOK_NS);
		ctl_stats(ctl, now);
		ksm_stats_delta(now, &before, &delta);
		facts.delta = &delta;
	}
	ksm_stats_derive(now, &d);
	ksm_around_read(ctl->k, &around);
	tracks = ksm_fig_or(d.tracked_pages, 0);
	ctl_crowd_read(ctl, tracks ? CTL_CROWD_WHO : CTL_CROWD_COUNT, &r->crowd);
	ctl_decider_read(ctl, &r->crowd, &r->decider);
	facts.members = r->crowd.members;
	ctl_spaces_read(ctl, &r->crowd, &spaces);
	if (r->no_names)
		spaces.names[0] = '\0';
	facts.spaces = &spaces;
	if (tracks)
		facts.unseen_zero_bytes = ctl_unseen_zero(ctl, &r->crowd, ZERO_NS, &whole);
	n = ctl_findings(&facts, found, ARRAY_SIZE(found));
	for (size_t i = 0; i < n; i++) {
		struct str clean __cleanup_str = STR_INIT;

		/* The reason that ksm-autotune noted may be anything. */
		cli_safe(&clean, found[i].text, (size_t)-1);
		tell(r, "system", r->j ? found[i].text : str_get(&clean), found[i].command);
	}
}

/* --- who else has a say: no findings, for nothing is wrong with it --- */

static void tell_beside(struct report *r, const char *who, pid_t pid, const char *text,
			const char *command)
{
	if (r->j) {
		cli_json_open(r->j, NULL, '{');
		cli_json_str(r->j, "who", who);
		if (pid)
			cli_json_num(r->j, "pid", pid);
		else
			cli_json_null(r->j, "pid");
		cli_json_str(r->j, "text", text);
		cli_json_str(r->j, "command", command);
		cli_json_close(r->j);
	} else if (pid) {
		printf("beside: %s (pid %d) runs: %s  [%s]\n", who, (int)pid, text, command);
	} else {
		printf("beside: %s: %s  [%s]\n", who, text, command);
	}
}

#define UNITS_SHOWN 5

static void units_beside(struct ctl *ctl, struct report *r)
{
	struct str text __cleanup_str = STR_INIT;
	struct ctl_units units;

	ctl_units_read(ctl, &units);
	str_addf(&text, "%zu unit%s MemoryKSM=yes in a file, so their processes ask for merging",
		 units.n, units.n == 1 ? " has" : "s have");
	for (size_t i = 0; !r->no_names && i < MIN(units.n, (size_t)UNITS_SHOWN); i++) {
		str_add(&text, i ? ", " : " (");
		cli_safe(&text, units.v[i], (size_t)-1);
	}
	if (!r->no_names)
		str_add(&text, units.n > UNITS_SHOWN ? ", ...)" : ")");
	if (units.n)
		tell_beside(r, "systemd", 0, str_get(&text), "ksmctl procs --by unit");
	ctl_units_free(&units);
}

static void beside(struct ctl *ctl, struct report *r)
{
	for (enum ctl_beside_id id = 0; id < __CTL_BESIDE_N; id++) {
		const struct ctl_beside *b = ctl_beside_row(id);

		if (r->crowd.beside[id])
			tell_beside(r, b->comm, r->crowd.beside[id], b->text, b->command);
	}
	units_beside(ctl, r);
}

/* --- processes that lose by it --- */

#define LOSERS 3

/*
 * What undoing it takes: each merged page is copied while the memory of the process
 * is locked.  Measured on Linux 6.18: 2 to 5 s a GiB; worth a word from a tenth of
 * a second on.
 */
#define UNDO_S_PER_GIB	5
#define UNDO_WORTH	((1LL << 30) / UNDO_S_PER_GIB / 10)

static const char *undo_text(struct ctl *ctl, const struct ksm_proc *p, char *buf, size_t len)
{
	const int64_t merged = num_mul_sat(ksm_fig_or(p->ksm.merging_pages, 0),
					   ksm_page_size(ctl->k));
	char size[32], time[32];

	if (merged < UNDO_WORTH)
		return "";
	snprintf(buf, len, "; switching it off copies %s, which takes up to %s",
		 cli_bytes(size, sizeof(size), merged, false),
		 cli_duration(time, sizeof(time),
			      num_ns((double)merged * UNDO_S_PER_GIB / (1 << 30))));
	return buf;
}

/*
 * A process that asked by its own madvise is left alone without --madvised.  Who has
 * a profit runs on Linux 6.4 or later, where ksm-advise tells the two apart.
 */
static const char *undo_command(struct ctl *ctl, const struct ksm_proc *p, char *buf, size_t len)
{
	enum ksm_member m = p->member;

	if (m == KSM_MEMBER_ON)
		(void)ksm_proc_member(ctl->k, p->pid, &m);
	snprintf(buf, len, "ksm-advise -d %s-p %d", m == KSM_MEMBER_MADVISE ? "--madvised " : "",
		 (int)p->pid);
	return buf;
}

struct losers {
	struct ksm_proc worst[LOSERS];
	size_t n, count;
	bool unsure;		/* of one at least, zero pages could not be counted */
	uint64_t deadline_ns;
};

/*
 * Who gave memory back by huge pages that were split loses nothing, though no
 * counter shows it (see zero.c).
 */
static bool loses(struct ctl *ctl, struct losers *l, const struct ksm_proc *p)
{
	int64_t zero = 0;
	int rc;

	if (!ksm_proc_loses(p, 0))
		return false;
	rc = ksm_is_live(ctl->k) ? ksm_zero_unseen(ctl->k, p, l->deadline_ns, &zero) : 0;
	if (!ksm_proc_loses(p, zero))
		return false;
	l->unsure |= rc && rc != -EOPNOTSUPP;
	return true;
}

static void losers_find(struct ctl *ctl, const struct ctl_crowd *crowd, struct losers *l)
{
	if (crowd->rc)
		cli_warn(0, "cannot list processes: %s", ksm_list_why(crowd->rc));
	for (size_t i = 0; i < crowd->n; i++) {
		const struct ksm_proc *p = &crowd->v[i];
		size_t at;

		if (!loses(ctl, l, p))
			continue;
		l->count++;
		for (at = l->n; at > 0 && l->worst[at - 1].ksm.profit_bytes.v >
						  p->ksm.profit_bytes.v; at--)
			if (at < LOSERS)
				l->worst[at] = l->worst[at - 1];
		if (at < LOSERS)
			l->worst[at] = *p;
		l->n = MIN(l->n + 1, (size_t)LOSERS);
	}
}

static void losers(struct ctl *ctl, struct report *r)
{
	struct losers l = { .deadline_ns = ksm_now_ns() + ZERO_NS };
	char about[32], text[240], command[64], size[32], undo[120];

	losers_find(ctl, &r->crowd, &l);
	for (size_t i = 0; i < l.n; i++) {
		struct str name __cleanup_str = STR_INIT;

		if (!r->no_names)
			cli_safe(&name, l.worst[i].comm, (size_t)-1);
		snprintf(about, sizeof(about), "pid %d", (int)l.worst[i].pid);
		snprintf(text, sizeof(text), "%s%scosts more metadata than it saves: profit %s%s%s%s",
			 str_get(&name), name.len ? ": " : "",
			 cli_bytes(size, sizeof(size), l.worst[i].ksm.profit_bytes.v, false),
			 l.unsure ? ", zero pages not counted" : "",
			 undo_text(ctl, &l.worst[i], undo, sizeof(undo)),
			 i == LOSERS - 1 && l.count > LOSERS ? " (and more)" : "");
		tell(r, about, text,
		     undo_command(ctl, &l.worst[i], command, sizeof(command)));
	}
}

/* --- one process --- */

struct memory {
	uint64_t anon, eligible_anon, mergeable_anon, shared, huge;
};

static int add_vma(const struct ksm_vma *v, void *arg)
{
	struct memory *m = arg;

	m->anon += v->anon_bytes;
	if (v->why == KSM_VMA_SHARED)
		m->shared += v->rss_bytes;
	if (v->why == KSM_VMA_HUGETLB)
		m->huge += v->end - v->start;
	if (v->why == KSM_VMA_OK)
		m->eligible_anon += v->anon_bytes;
	if (v->mergeable)
		m->mergeable_anon += v->anon_bytes;
	return 0;
}

static void tell_pid(struct report *r, pid_t pid, const char *command, const char *fmt, ...)
	__printf(4, 5);

static void tell_pid(struct report *r, pid_t pid, const char *command, const char *fmt, ...)
{
	char about[32], text[240];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(about, sizeof(about), "pid %d", (int)pid);
	tell(r, about, text, command);
}

static void memory_findings(struct report *r, const struct ksm_proc *p, const struct memory *m)
{
	char a[32], b[32], command[64];

	snprintf(command, sizeof(command), "ksm-advise -p %d", (int)p->pid);
	if (p->member == KSM_MEMBER_OFF)
		tell_pid(r, p->pid, command, "merging is off for it: %s could be looked at",
			 cli_bytes(a, sizeof(a), m->eligible_anon, false));
	else if (p->member == KSM_MEMBER_MADVISE && m->mergeable_anon < m->eligible_anon / 2)
		tell_pid(r, p->pid, command, "only %s of its %s of own memory is marked mergeable",
			 cli_bytes(a, sizeof(a), m->mergeable_anon, false),
			 cli_bytes(b, sizeof(b), m->eligible_anon, false));
	if (m->shared > m->eligible_anon)
		tell_pid(r, p->pid, "", "most of its memory is shared already (%s): "
			 "KSM merges private memory only",
			 cli_bytes(a, sizeof(a), m->shared, false));
	if (m->huge)
		tell_pid(r, p->pid, "", "%s are hugetlb pages, which never merge",
			 cli_bytes(a, sizeof(a), m->huge, false));
}

static void progress_findings(struct report *r, const struct ksm_proc *p,
			      const struct ksm_stats *s, const struct memory *m)
{
	const int64_t items = ksm_fig_or(p->ksm.items, 0);
	const int64_t merging = ksm_fig_or(p->ksm.merging_pages, 0) +
				ksm_fig_or(p->ksm.zero_pages, 0);
	const bool running = s->attr[KSM_ATTR_RUN].v & KSM_RUN_RUNNING;

	if (p->member == KSM_MEMBER_OFF)
		return;
	if (!running && !merging)
		tell_pid(r, p->pid, "ksmctl start", "it is mergeable, but merging is stopped");
	else if (!items && m->mergeable_anon && ksm_fig_has(p->ksm.items))
		tell_pid(r, p->pid, "ksmctl settle", "it is mergeable, but was not looked at yet");
	else if (items && !merging && s->attr[KSM_ATTR_FULL_SCANS].v >= 2)
		tell_pid(r, p->pid, "", "none of the %lld pages scanned has a twin that stays unchanged",
			 (long long)items);
}

static void profit_finding(struct ctl *ctl, struct report *r, const struct ksm_proc *p)
{
	struct losers l = { .deadline_ns = ksm_now_ns() + ZERO_NS };
	char command[64], undo[120];

	if (p->member == KSM_MEMBER_OFF || !loses(ctl, &l, p))
		return;
	undo_command(ctl, p, command, sizeof(command));
	tell_pid(r, p->pid, command, "it costs more metadata than it saves%s%s",
		 l.unsure ? " (zero pages were not counted)" : "",
		 undo_text(ctl, p, undo, sizeof(undo)));
}

/* 0, or -errno when the process could not be looked at. */
static int process_findings(struct ctl *ctl, struct report *r, pid_t pid, const struct ksm_stats *s)
{
	struct memory m = { 0 };
	struct ksm_proc p;
	int rc = ksm_proc_read(ctl->k, pid, KSM_PROC_KSM | KSM_PROC_EXACT, &p);

	if (rc) {
		ctl_proc_error(ctl, pid, "cannot read", KSM_RIGHT_FIGURES, rc);
		return rc;
	}
	if (p.kthread || p.state == 'Z') {
		tell_pid(r, pid, "", p.kthread ? "a kernel thread has no memory of its own" :
						 "it has ended and waits for its parent");
		return 0;
	}
	rc = ksm_vmas_walk(ctl->k, pid, add_vma, &m);
	if (rc == -EACCES || rc == -EPERM) {
		ctl_proc_error(ctl, pid, "cannot read its mappings", KSM_RIGHT_MAPPINGS, rc);
		return rc;
	}
	if (rc == -ENOENT) {
		cli_warn(0, "%d: its mappings are not looked at: this kernel has no "
			 "/proc/PID/smaps (CONFIG_PROC_PAGE_MONITOR)", (int)pid);
	} else if (rc) {
		cli_error(rc, "%d: cannot read its mappings", (int)pid);
		return rc;
	} else {
		memory_findings(r, &p, &m);
	}
	progress_findings(r, &p, s, &m);
	profit_finding(ctl, r, &p);
	return 0;
}

void ctl_doctor_print(struct ctl *ctl, bool names)
{
	struct report r = { .no_names = !names };
	struct ksm_stats s;

	system_findings(ctl, &r, &s);
	losers(ctl, &r);
	if (!r.n)
		printf("nothing found\n");
	beside(ctl, &r);
	ctl_crowd_free(&r.crowd);
}

int ctl_doctor(struct ctl *ctl, int argc, char **argv)
{
	struct cli_parse p = { .argc = argc, .argv = argv };
	struct report r = { 0 };
	struct ksm_stats s;
	pid_t *pids = NULL;
	size_t n = 0, failed = 0;
	int key;

	while ((key = cli_opts_next(&p, &ctl_cmd_doctor)) != -1) {
		if (key == 'p')
			cli_pids(p.arg, &pids, &n);
		else
			ctl_option(ctl, key, p.arg);
	}
	ctl_no_operands(&p, argv);
	ctl_open_ksm(ctl);
	if (ctl->table.format == CLI_JSON) {
		r.j = cli_json_new();
		cli_json_open(r.j, NULL, '{');
		cli_json_open(r.j, "findings", '[');
	}
	system_findings(ctl, &r, &s);
	if (!n)
		losers(ctl, &r);
	for (size_t i = 0; i < n; i++)
		failed += process_findings(ctl, &r, pids[i], &s) != 0;
	if (r.j) {
		cli_json_close(r.j);
		ctl_decider_json(r.j, &r.decider);
		cli_json_open(r.j, "beside", '[');
		beside(ctl, &r);
		cli_json_close(r.j);
		cli_json_print(r.j, stdout);
	} else if (!r.n && !failed) {
		printf("nothing found\n");
	}
	if (!r.j)
		beside(ctl, &r);
	cli_json_free(r.j);
	ctl_crowd_free(&r.crowd);
	free(pids);
	if (failed)
		return r.n || failed < n ? CLI_PARTIAL : CLI_FAIL;
	return r.n ? CLI_FAIL : CLI_OK;
}
