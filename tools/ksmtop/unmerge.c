// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unmerge.c - switch merging of processes off while the screen goes on.
 *
 * Giving gigabytes back takes minutes: a child does it, in portions, and tells
 * through a pipe how far it is and what came of it.  When nobody reads the pipe
 * any more, it stops between two portions.
 */
#include "ksmtop/ksmtop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ksmtop/act.h"

#define TELL_NS UINT64_C(250000000)

/* One write of these is never mixed up with another, nor cut. */
struct note {
	bool ended;
	pid_t pid;
	struct ksm_portions portions;
	struct outcome outcome;		/* when it has ended */
};

struct teller {
	int fd;
	struct note note;
	uint64_t told_ns;
};

static bool tell(struct teller *w)
{
	return write(w->fd, &w->note, sizeof(w->note)) == sizeof(w->note);
}

static bool on_step(const struct ksm_portions *now, void *arg)
{
	struct teller *w = arg;
	const uint64_t t = ksm_now_ns();

	if (t - w->told_ns < TELL_NS)
		return true;
	w->told_ns = t;
	w->note.portions = *now;
	return tell(w);
}

static void child_main(struct top *t, int fd)
{
	struct teller w = { .fd = fd };

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < t->off.n; i++) {
		w.note.pid = t->off.ids[i].pid;
		top_advise_one(t, &t->off.ids[i], false, on_step, &w, &w.note.outcome);
	}
	w.note.ended = true;
	_exit(!tell(&w));
}

int top_unmerge_start(struct top *t, struct ksm_ident *ids, size_t n)
{
	int ends[2], rc;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	t->off = (struct top_off){ .ids = ids, .n = n, .fd = ends[0] };
	t->off.child = fork();
	if (!t->off.child) {
		close(ends[0]);
		child_main(t, ends[1]);
	}
	rc = t->off.child < 0 ? -errno : 0;
	close(ends[1]);
	if (rc) {
		close(ends[0]);
		t->off = (struct top_off){ 0 };
	}
	return rc;
}

static void finish(struct top *t)
{
	close(t->off.fd);
	while (waitpid(t->off.child, NULL, 0) < 0 && errno == EINTR)
		;
	if (t->sampler)
		top_sampler_look(t->sampler, t->off.ids, t->off.n);
	free(t->off.ids);
	t->off = (struct top_off){ 0 };
}

bool top_unmerge_news(struct top *t)
{
	const int64_t page = t->k ? ksm_page_size(t->k) : 4096;
	char done[32], all[32], left[32];
	struct note note;
	size_t n;

	if (!t->off.child)
		return false;
	if (read(t->off.fd, &note, sizeof(note)) != sizeof(note)) {
		top_say(t, TOP_BAD, "%d: unmerging was ended from outside",
			(int)t->off.ids[0].pid);
		finish(t);
		return true;
	}
	if (note.ended) {
		n = t->off.n;
		finish(t);
		top_advise_tell(t, false, &note.outcome, n);
		return true;
	}
	t->off.pid = note.pid;
	t->off.portions = note.portions;
	top_say(t, TOP_DULL, "%d: unmerging, %s of %s, about %s left", (int)note.pid,
		cli_bytes(done, sizeof(done), num_mul_sat(note.portions.pages, page), false),
		cli_bytes(all, sizeof(all), num_mul_sat(note.portions.pages_all, page), false),
		cli_duration(left, sizeof(left), MAX(note.portions.left_ns, UINT64_C(1000000))));
	return false;
}

void top_unmerge_wait(struct top *t)
{
	while (t->off.child)
		top_unmerge_news(t);
}

/* One that asked by its own madvise would be refused without --madvised. */
static void warn_left(const struct top *t, pid_t pid)
{
	const struct top_proc *p = top_model_find(&t->model, pid);

	cli_warn(0, "%d: not unmerged to the end (ksm-advise -d %s-p %d goes on from there)",
		 (int)pid, p && p->p.member == KSM_MEMBER_MADVISE ? "--madvised " : "", (int)pid);
}

void top_unmerge_stop(struct top *t)
{
	if (!t->off.child)
		return;
	warn_left(t, t->off.pid ? t->off.pid : t->off.ids[0].pid);
	finish(t);
}
