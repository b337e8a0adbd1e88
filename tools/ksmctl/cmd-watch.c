// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd-watch.c - ksmctl watch: rates, one line a sample, and with --events the
 * births, execs and deaths of processes that take part, as they come.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/xalloc.h"
#include "ksmctl/ksmctl.h"
#include "util/map.h"
#include "util/num.h"

enum { KEY_EVENTS = CLI_OPT_LONG };

static const char *const synopsis[] = { "[options]", NULL };
static const struct cli_opt opts[] = {
	{ .key = 'i' },
	{ .key = 'c' },
	{ KEY_EVENTS, "events", NULL,
	  "also fork, exec and exit of processes with mergeable memory", 0, 0 },
	{ .key = CLI_KEY_CSV, .excl = 1 },
	{ .key = 'J', .help = "print one JSON object a line", .excl = 1 },
	{ .key = 'b' },
	{ .key = 'n' },
	{ 0 },
};
const struct cli_cmd ctl_cmd_watch = {
	.name = "ksmctl watch",
	.synopsis = synopsis,
	.about = "Show what merging does and costs, one line for each sample, until interrupted.",
	.opts = opts,
	.common = cli_common_options,
	.see = "ksmctl(8)",
};

struct sample {
	struct ksm_stats stats;
	struct ksm_derived derived;
	struct ksm_delta delta;
};

/* A column of a line: its heading, JSON key, and where the figure comes from. */
static struct ksm_fig col_scanned(const struct sample *s)
{
	return s->delta.scanned_per_s;
}

static struct ksm_fig col_merged(const struct sample *s)
{
	return s->delta.merged_per_s;
}

static struct ksm_fig col_cow(const struct sample *s)
{
	return s->delta.cow_per_s;
}

static struct ksm_fig col_swpin(const struct sample *s)
{
	return s->delta.swpin_per_s;
}

static struct ksm_fig col_passes(const struct sample *s)
{
	return s->delta.passes;
}

/* Tenths of a percent, so that all columns are integers. */
static struct ksm_fig col_cpu(const struct sample *s)
{
	if (s->delta.ksmd_cpu_pct < 0)
		return (struct ksm_fig){ KSM_ABSENT, 0 };
	return KSM_FIG((int64_t)(s->delta.ksmd_cpu_pct * 10 + 0.5));
}

static struct ksm_fig col_saved(const struct sample *s)
{
	return s->derived.saved_bytes;
}

static struct ksm_fig col_profit(const struct sample *s)
{
	return s->derived.profit_bytes;
}

enum col_kind { COL_RATE, COL_TENTHS, COL_SIZE };

static const struct {
	const char *heading;
	const char *unit;	/* under it; sizes in text carry their own */
	const char *key;
	int width;
	enum col_kind kind;
	struct ksm_fig (*get)(const struct sample *s);
} cols[] = {
	/* 80 columns in all, with a time of 12: a line fits any terminal. */
	{ "SCANNED/s", "pages", "scanned_per_s", 9, COL_RATE, col_scanned },
	{ "MERGED/s", "pages", "merged_per_s", 8, COL_RATE, col_merged },
	{ "COW/s", "pages", "cow_per_s", 7, COL_RATE, col_cow },
	{ "SWPIN/s", "pages", "swpin_copy_per_s", 7, COL_RATE, col_swpin },
	{ "PASSES", "", "passes", 6, COL_RATE, col_passes },
	{ "CPU%", "of 1", "ksmd_cpu_pct", 5, COL_TENTHS, col_cpu },
	{ "SAVED", "", "saved", 9, COL_SIZE, col_saved },
	{ "PROFIT", "", "profit", 9, COL_SIZE, col_profit },
};

#define HEADING_LINES 2

struct watch {
	struct ctl *ctl;
	uint64_t begin_ns;	/* of a sequence of dumps, */
	uint64_t when_ns;	/* and where it is now */
	uint64_t interval_ns;
	uint64_t count;
	bool events;
	struct ksm_procev *ev;
	struct map members;	/* pids known to take part */
	uint64_t lines;
	int height;		/* repeat the headings after that many lines; 0: once */
};

static volatile sig_atomic_t stop;

static void on_signal(int sig __unused)
{
	stop = 1;
}

/*
 * Wall clock of a line, for people compare it with their logs; of a sequence of
 * dumps, which tells none, the time since its first.  In text, fractions stand
 * only where lines of one second would look the same.
 */
static void time_text(const struct watch *w, char *buf, size_t len)
{
	const bool text = w->ctl->table.format == CLI_TEXT;
	const uint64_t since_ns = w->when_ns - w->begin_ns;
	char clock[32], zone[8] = "", fraction[8] = "";
	struct timespec now = { since_ns / 1000000000, since_ns % 1000000000 };
	struct tm tm;

	if (w->ctl->seq) {
		snprintf(clock, sizeof(clock), "%02lld:%02d:%02d", (long long)now.tv_sec / 3600,
			 (int)(now.tv_sec / 60 % 60), (int)(now.tv_sec % 60));
	} else {
		clock_gettime(CLOCK_REALTIME, &now);
		localtime_r(&now.tv_sec, &tm);
		strftime(clock, sizeof(clock), text ? "%H:%M:%S" : "%Y-%m-%dT%H:%M:%S", &tm);
		if (!text)
			strftime(zone, sizeof(zone), "%z", &tm);
	}
	if (!text || w->interval_ns % 1000000000)
		snprintf(fraction, sizeof(fraction), ".%03d", (int)(now.tv_nsec / 1000000));
	snprintf(buf, len, "%s%s%s", clock, fraction, zone);
}

static const char *fig_text(const struct watch *w, size_t i, struct ksm_fig f, char *buf,
			    size_t len)
{
	const bool plain = w->ctl->table.format == CLI_CSV;

	if (f.state != KSM_VALUE)
		snprintf(buf, len, "%s", plain ? "" : f.state == KSM_DENIED ? "denied" : "-");
	else if (cols[i].kind == COL_SIZE)
		cli_bytes(buf, len, f.v, plain || w->ctl->table.bytes);
	else if (cols[i].kind == COL_TENTHS)
		snprintf(buf, len, "%lld.%lld", (long long)f.v / 10, (long long)f.v % 10);
	else
		snprintf(buf, len, "%lld", (long long)f.v);
	return buf;
}

static const char *unit(const struct watch *w, size_t i)
{
	return cols[i].kind == COL_SIZE && w->ctl->table.bytes ? "bytes" : cols[i].unit;
}

static int time_width(const struct watch *w)
{
	return w->interval_ns % 1000000000 ? 12 : 8;
}

static void print_heading(struct watch *w)
{
	const bool csv = w->ctl->table.format == CLI_CSV;
	size_t n = ARRAY_SIZE(cols);

	if (w->ctl->table.noheadings || w->ctl->table.format == CLI_JSON)
		return;
	if (w->lines && (csv || !w->height || w->lines % w->height))
		return;
	printf("%*s", csv ? 0 : -time_width(w), csv ? "time" : "TIME");
	for (size_t i = 0; i < ARRAY_SIZE(cols); i++) {
		if (csv)
			printf(",%s", cols[i].key);
		else
			printf(" %*s", cols[i].width, cols[i].heading);
	}
	putchar('\n');
	if (csv)
		return;
	/* No blanks at the end of the line. */
	while (!*unit(w, n - 1))
		n--;
	printf("%*s", time_width(w), "");
	for (size_t i = 0; i < n; i++)
		printf(" %*s", cols[i].width, unit(w, i));
	putchar('\n');
}

static void print_json(const struct sample *s, const char *when)
{
	struct cli_json *j = cli_json_new();

	cli_json_compact(j);
	cli_json_open(j, NULL, '{');
	cli_json_str(j, "time", when);
	cli_json_real(j, "seconds", s->delta.seconds, 3);
	for (size_t i = 0; i < ARRAY_SIZE(cols); i++) {
		struct ksm_fig f = cols[i].get(s);

		if (f.state != KSM_VALUE)
			cli_json_null(j, cols[i].key);
		else if (cols[i].kind == COL_TENTHS)
			cli_json_real(j, cols[i].key, f.v / 10.0, 1);
		else
			cli_json_num(j, cols[i].key, f.v);
	}
	cli_json_close(j);
	cli_json_print(j, stdout);
	cli_json_free(j);
}

static void print_sample(struct watch *w, const struct sample *s)
{
	const enum cli_format format = w->ctl->table.format;
	char when[40], buf[32];

	time_text(w, when, sizeof(when));
	print_heading(w);
	w->lines++;
	if (format == CLI_JSON) {
		print_json(s, when);
		return;
	}
	printf("%s", when);
	for (size_t i = 0; i < ARRAY_SIZE(cols); i++) {
		const char *text = fig_text(w, i, cols[i].get(s), buf, sizeof(buf));

		if (format == CLI_CSV)
			printf(",%s", text);
		else
			printf(" %*s", cols[i].width, text);
	}
	putchar('\n');
}

/* --- events --- */

enum membership { NOT_MEMBER, MEMBER, GONE };

/* As far as its ksm_stat and mappings tell now; it may have ended since. */
static enum membership membership(struct watch *w, pid_t pid, struct ksm_proc *p)
{
	if (ksm_proc_read(w->ctl->k, pid, KSM_PROC_KSM | KSM_PROC_EXACT, p))
		return GONE;
	switch (p->member) {
	case KSM_MEMBER_ANY:
	case KSM_MEMBER_MADVISE:
	case KSM_MEMBER_ON:
		return MEMBER;
	case KSM_MEMBER_UNKNOWN:
		return GONE;
	default:
		return p->state == 'Z' || p->state == 'X' ? GONE : NOT_MEMBER;
	}
}

static void members_scan(struct watch *w)
{
	struct ksm_procs *it;
	struct ksm_proc p;
	pid_t pid;

	map_clear(&w->members);
	if (ksm_procs_open(w->ctl->k, &it))
		return;
	while (ksm_procs_next(it, &pid) == 1)
		if (membership(w, pid, &p) == MEMBER && map_put(&w->members, pid, w))
			cli_die(CLI_FAIL, -ENOMEM, "allocate");
	ksm_procs_close(it);
}

static void print_event(struct watch *w, const char *what, pid_t pid, pid_t parent,
			const char *comm, int status)
{
	struct str name __cleanup_str = STR_INIT;
	struct cli_json *j;
	char when[40];

	time_text(w, when, sizeof(when));
	if (w->ctl->table.format == CLI_JSON) {
		j = cli_json_new();
		cli_json_compact(j);
		cli_json_open(j, NULL, '{');
		cli_json_str(j, "time", when);
		cli_json_str(j, "event", what);
		cli_json_num(j, "pid", pid);
		if (parent)
			cli_json_num(j, "ppid", parent);
		if (comm)
			cli_json_str(j, "command", comm);
		if (status >= 0 && WIFSIGNALED(status))
			cli_json_num(j, "signal", WTERMSIG(status));
		else if (status >= 0)
			cli_json_num(j, "status", WEXITSTATUS(status));
		cli_json_close(j);
		cli_json_print(j, stdout);
		cli_json_free(j);
		return;
	}
	/* A comment line keeps a CSV readable for those who skip them. */
	cli_safe(&name, comm ? comm : "", (size_t)-1);
	printf("%s%s %s %d %s", w->ctl->table.format == CLI_CSV ? "# " : "", when, what,
	       (int)pid, str_get(&name));
	if (parent)
		printf(" (child of %d)", (int)parent);
	if (status >= 0 && WIFSIGNALED(status))
		printf(" by signal %d", WTERMSIG(status));
	else if (status >= 0)
		printf(" with status %d", WEXITSTATUS(status));
	putchar('\n');
}

static void event(struct watch *w, const struct ksm_procev_msg *m)
{
	struct ksm_proc p = { 0 };
	enum membership is;

	switch (m->what) {
	case KSM_EVENT_FORK:
		/* The setting is inherited: a child of a member is one. */
		if (!map_find(&w->members, m->parent))
			return;
		if (map_put(&w->members, m->pid, w))
			cli_die(CLI_FAIL, -ENOMEM, "allocate");
		if (ksm_proc_read(w->ctl->k, m->pid, 0, &p))
			p.comm[0] = '\0';
		print_event(w, "fork", m->pid, m->parent, p.comm, -1);
		return;
	case KSM_EVENT_EXEC:
		is = membership(w, m->pid, &p);
		/* Ended before it could be looked at: what it was is what is known. */
		if (is == GONE && map_find(&w->members, m->pid))
			is = MEMBER;
		if (is == MEMBER) {
			if (map_put(&w->members, m->pid, w))
				cli_die(CLI_FAIL, -ENOMEM, "allocate");
			print_event(w, "exec", m->pid, 0, p.comm, -1);
		} else if (map_del(&w->members, m->pid)) {
			print_event(w, "leave", m->pid, 0, p.comm, -1);
		}
		return;
	case KSM_EVENT_EXIT:
		if (map_del(&w->members, m->pid))
			print_event(w, "exit", m->pid, 0, NULL, m->status);
		return;
	case KSM_EVENT_LOST:
		cli_warn(0, "events were lost; reading the list of processes again");
		members_scan(w);
		return;
	case KSM_EVENT_COMM:
		return;
	}
}

static void events_open(struct watch *w)
{
	int rc = ksm_procev_open(w->ctl->k, &w->ev);

	if (rc == -EPERM)
		cli_die(CLI_FAIL, 0, "--events: cannot listen to process events: %s "
			"(before Linux 6.6 it %s)", cli_strerror(rc),
			ksm_right_hint(w->ctl->k, KSM_RIGHT_EVENTS));
	if (rc)
		cli_die(rc == -EOPNOTSUPP ? CLI_UNSUPPORTED : CLI_FAIL, rc,
			"--events: no process events here (CONFIG_PROC_EVENTS, "
			"and not in a container or a dump)");
	members_scan(w);
}

/* --- the loop --- */

/*
 * What ends the watch arrives only while it waits: a signal between the test and
 * the wait would be seen a whole interval later.  Elsewhere it is not held back,
 * so a write that nobody reads can be interrupted too.
 */
static void enders(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
}

/* What our caller has us ignore, such as SIGINT of a shell's background job, stays so. */
static void catch_enders(void)
{
	/* No SA_RESTART: the wait ends at once. */
	const struct sigaction sa = { .sa_handler = on_signal };
	static const int sigs[] = { SIGINT, SIGTERM };
	struct sigaction old;

	for (size_t i = 0; i < ARRAY_SIZE(sigs); i++)
		if (!sigaction(sigs[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaction(sigs[i], &sa, NULL);
}

/* One wait for an event until @until; false when a signal asks to end. */
static bool wait_event(struct pollfd *pfd, uint64_t until)
{
	const uint64_t now = ksm_now_ns(), left = now < until ? until - now : 0;
	const struct timespec t = { left / 1000000000, left % 1000000000 };
	sigset_t held, before;
	int rc;

	pfd->revents = 0;
	enders(&held);
	sigprocmask(SIG_BLOCK, &held, &before);
	rc = stop ? 0 : ppoll(pfd, 1, &t, &before);
	if (rc < 0 && errno != EINTR)
		cli_die(CLI_FAIL, -errno, "poll");
	sigprocmask(SIG_SETMASK, &before, NULL);
	return !stop;
}

/* Serve events until @until; false when the watch is to end. */
static bool wait_until(struct watch *w, uint64_t until)
{
	struct pollfd pfd = { .fd = w->ev ? ksm_procev_fd(w->ev) : -1, .events = POLLIN };
	struct ksm_procev_msg m;
	int rc;

	while (ksm_now_ns() < until) {
		if (!wait_event(&pfd, until))
			return false;
		if (!pfd.revents)
			continue;
		while ((rc = ksm_procev_next(w->ev, &m)) == 1)
			event(w, &m);
		if (rc)
			cli_die(CLI_FAIL, rc, "--events: cannot receive");
		if (cli_flush())
			return false;
	}
	return !stop;
}

static int watch_loop(struct watch *w)
{
	struct sample s = { 0 };
	struct ksm_stats before;
	uint64_t next;

	ctl_stats(w->ctl, &before);
	w->begin_ns = before.when_ns;
	next = ksm_now_ns();
	for (uint64_t i = 0; !w->count || i < w->count; i++) {
		next += w->interval_ns;
		if (w->ctl->seq ? !ctl_next_moment(w->ctl) : !wait_until(w, next))
			break;
		ctl_stats(w->ctl, &s.stats);
		w->when_ns = s.stats.when_ns;
		ksm_stats_derive(&s.stats, &s.derived);
		ksm_stats_delta(&s.stats, &before, &s.delta);
		before = s.stats;
		print_sample(w, &s);
		if (cli_flush())
			return CLI_FAIL;
	}
	return CLI_OK;
}

int ctl_watch(struct ctl *ctl, int argc, char **argv)
{
	struct watch w = { .ctl = ctl, .interval_ns = 1000000000ULL };
	struct cli_parse p = { .argc = argc, .argv = argv };
	int key, rc;

	while ((key = cli_opts_next(&p, &ctl_cmd_watch)) != -1) {
		switch (key) {
		case 'i':
			w.interval_ns = ctl_duration("--interval", p.arg);
			if (w.interval_ns < 10000000)
				cli_usage_error("--interval: %s: at least 10ms", p.arg);
			break;
		case 'c':
			if (num_u64(p.arg, &w.count) || !w.count)
				cli_usage_error("--count: %s: not a number of samples", p.arg);
			break;
		case KEY_EVENTS:
			w.events = true;
			break;
		default:
			ctl_option(ctl, key, p.arg);
		}
	}
	ctl_no_operands(&p, argv);
	ctl_open_moments(ctl, "watch");
	catch_enders();
	if (cli_tty(STDOUT_FILENO))
		w.height = 24 - HEADING_LINES;
	if (w.events)
		events_open(&w);
	rc = watch_loop(&w);
	ksm_procev_close(w.ev);
	map_fini(&w.members);
	return rc;
}
