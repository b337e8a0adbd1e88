// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * settle.c - --wait: until merging of the changed processes has settled.
 *
 * When that is, ksm_settle_step() tells, by passes; time only bounds the wait.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "ksm-advise/advise.h"

#define POLL_NS 50000000L

/* Pages of those that still live; -1 when none does. */
static int64_t merging(struct adv *a, const struct ksm_ident *ids, size_t n)
{
	int64_t sum = 0;
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		struct ksm_proc p;

		if (ksm_proc_read_same(a->k, &ids[i], KSM_PROC_KSM, &p) || p.state == 'Z')
			continue;
		any = true;
		sum += ksm_fig_or(p.ksm.merging_pages, 0) + ksm_fig_or(p.ksm.zero_pages, 0);
	}
	return any ? sum : -1;
}

static int64_t attr(struct adv *a, enum ksm_attr id)
{
	struct ksm_value v;
	int rc = ksm_attr_read(a->k, id, &v);

	if (rc || v.state != KSM_VALUE)
		cli_die(CLI_FAIL, rc, "%s: cannot read", ksm_attr_info(id)->name);
	return v.v;
}

/* CLI_OK when settled, or another status after a message; -signal. */
static int wait_settled(struct adv *a, const struct ksm_ident *ids, size_t n,
			const sigset_t *enders)
{
	const struct timespec nap = { 0, POLL_NS };
	const uint64_t begin = ksm_now_ns();
	struct ksm_settle s = { 0 };

	for (;;) {
		const int64_t pages = merging(a, ids, n);
		const uint64_t passes = s.passes;
		int sig;

		if (pages < 0) {
			cli_error(0, "all processes ended before merging had settled");
			return CLI_FAIL;
		}
		if (!(attr(a, KSM_ATTR_RUN) & KSM_RUN_RUNNING)) {
			cli_error(0, "KSM is not running: merging will not settle "
				     "(ksmctl start, or --scanner)");
			return CLI_FAIL;
		}
		if (ksm_settle_step(&s, attr(a, KSM_ATTR_FULL_SCANS), pages,
				    KSM_SETTLE_TOLERANCE)) {
			cli_note("settled after %llu passes, %lld pages merging",
				 (unsigned long long)s.passes, (long long)pages);
			return CLI_OK;
		}
		if (s.passes != passes)
			cli_note("pass %llu: %lld pages merging", (unsigned long long)s.passes,
				 (long long)pages);
		if (a->timeout_ns && ksm_now_ns() - begin >= a->timeout_ns) {
			cli_error(0, "merging has not settled within the timeout");
			return CLI_FAIL;
		}
		sig = sigtimedwait(enders, NULL, &nap);
		if (sig > 0)
			return -sig;
	}
}

int adv_settle(struct adv *a, const struct ksm_ident *ids, size_t n)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE };
	sigset_t enders, found;
	int code;

	sigemptyset(&enders);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct sigaction sa;

		/* One that is ignored (nohup) stays so. */
		if (!sigaction(ends[i], NULL, &sa) && sa.sa_handler != SIG_IGN)
			sigaddset(&enders, ends[i]);
	}
	sigprocmask(SIG_BLOCK, &enders, &found);
	if (a->scanner)
		adv_scanner_start(a, CLI_FAIL);
	code = wait_settled(a, ids, n, &enders);
	if (a->scanner)
		adv_scanner_stop();
	if (code < 0)
		kill(getpid(), -code);
	sigprocmask(SIG_SETMASK, &found, NULL);
	return code < 0 ? 128 - code : code;
}
