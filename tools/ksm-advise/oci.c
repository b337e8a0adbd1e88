// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * oci.c - --oci-hook: called by a container's runtime, which tells the container's state
 * on standard input, make its memory mergeable where its annotations ask for that.
 *
 * At the stage createRuntime the process of the container is there, waits for the hooks,
 * and has not executed the container's program yet.  The prctl survives exec (6.7), and
 * whatever the program starts inherits it; and it is made before the runtime installs the
 * container's filter of system calls, which may forbid it.  At poststart the program runs:
 * that is for kernels where exec loses the setting (before 6.7), or may lose it (to 6.18),
 * and there its children are looked for.
 *
 * A container is somebody's service: what fails here is told, and it starts all the same,
 * unless an annotation or --strict says that it must not.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "ksm-advise/advise.h"
#include "ksm-advise/oci.h"
#include "util/str.h"

/* The runtime has written it before we run; one that keeps the pipe open writes no more. */
#define DEADLINE_NS UINT64_C(10000000000)

/* While the process executes a program, no call can be made in it. */
#define TRIES	   100
#define BETWEEN_NS 1000000

/* 0; -ETIME; -EFBIG; -errno. */
static int read_state(struct str *out)
{
	const uint64_t end_ns = ksm_now_ns() + DEADLINE_NS;
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	char buf[4096];
	ssize_t n;

	for (;;) {
		const uint64_t now_ns = ksm_now_ns();
		const uint64_t left_ns = now_ns < end_ns ? end_ns - now_ns : 0;
		const struct timespec left = { left_ns / 1000000000, left_ns % 1000000000 };
		const int ready = left_ns ? ppoll(&in, 1, &left, NULL) : 0;

		if (!ready)
			return -ETIME;
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready < 0)
			return -errno;
		n = read(STDIN_FILENO, buf, sizeof(buf));
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return n ? -errno : 0;
		if (out->len + n > ADV_OCI_STATE_MAX)
			return -EFBIG;
		if (str_addmem(out, buf, n))
			return -ENOMEM;
	}
}

/*
 * The runtime has had it since before it called us, so whoever is younger than we are
 * was given its number later.  And no hook is the container, nor what calls it.
 */
static const char *not_the_container(struct ksm *k, const struct ksm_ident *id)
{
	struct ksm_ident self;

	if (id->pid == getpid() || id->pid == getppid() || id->pid == 1)
		return "it is not the process of a container";
	if (!ksm_ident_read(k, getpid(), &self) && id->start_ticks > self.start_ticks)
		return "it has ended, and its number is another's";
	return NULL;
}

static int advise(struct adv *a, const struct ksm_ident *id, struct ksm_advised *d)
{
	static const enum ksm_advise_how hows[__ADV_MECH_N] = {
		[ADV_AUTO] = KSM_ADVISE_AUTO,
		[ADV_PRCTL] = KSM_ADVISE_PRCTL,
		[ADV_INJECT] = KSM_ADVISE_MADVISE,
	};
	const struct ksm_advise_want want = { .how = hows[a->mech], .on = true };
	const struct ksm_whom whom = { .id = *id };
	const struct timespec rest = { 0, BETWEEN_NS };
	int rc;

	for (int i = 0;; i++) {
		rc = ksm_advise_process(a->k, &a->caps, &whom, &want, d);
		if (!rc || (rc != -EAGAIN && d->info.why != KSM_INJECT_BUSY) || i == TRIES)
			return rc;
		nanosleep(&rest, NULL);
	}
}

static void fail(const struct adv_oci *o, const char *what, const char *why)
{
	if (*o->id)
		cli_error(0, "container %s: %s: %s%s", o->id, what, why,
			  o->required ? "" : " (it starts without)");
	else
		cli_error(0, "%s: %s", what, why);
}

/* The program may have started others before it was changed; true: all of them are. */
static bool advise_heirs(struct adv *a, const struct adv_oci *o, const struct ksm_ident *id)
{
	struct ksm_ident *ids = malloc(sizeof(*ids));
	size_t n = 1, failed = 0;
	struct ksm_advised d;
	char why[256];

	if (!ids)
		return false;
	ids[0] = *id;
	/* Those that come later inherit it. */
	if (ksm_select_more(a->k, &ids, &n) < 0)
		failed++;
	for (size_t i = 1; i < n; i++) {
		const int rc = advise(a, &ids[i], &d);

		if (!rc || rc == -ESRCH)
			continue;
		fail(o, "cannot enable merging of a child",
		     ksm_advise_why(&d.info, rc, why, sizeof(why)));
		failed++;
	}
	free(ids);
	return !failed;
}

static int act(struct adv *a, const struct adv_oci *o)
{
	struct ksm_advised d;
	struct ksm_ident id;
	const char *not;
	char why[256];
	int rc;

	adv_open(a, o->required ? CLI_FAIL : CLI_OK);
	if (!ksm_is_live(a->k) || (!a->caps.ksm && !a->caps.prctl)) {
		fail(o, "cannot enable merging", "this kernel has no KSM");
		return CLI_UNSUPPORTED;
	}
	rc = ksm_ident_read(a->k, o->pid, &id);
	not = rc ? cli_strerror(rc) : not_the_container(a->k, &id);
	if (not) {
		snprintf(why, sizeof(why), "process %d: %s", (int)o->pid, not);
		fail(o, "cannot enable merging", why);
		return CLI_FAIL;
	}
	rc = advise(a, &id, &d);
	if (rc) {
		fail(o, "cannot enable merging", ksm_advise_why(&d.info, rc, why, sizeof(why)));
		return CLI_FAIL;
	}
	cli_note("container %s: %d: %s", o->id, (int)o->pid,
		 d.action == KSM_ADVISE_NOTHING ? "nothing to do: merging is on" :
		 d.action == KSM_ADVISE_BY_PRCTL ? "merging enabled (prctl)" :
						   "merging enabled (madvise)");
	return !o->running || advise_heirs(a, o, &id) ? CLI_OK : CLI_PARTIAL;
}

int adv_oci_hook(struct adv *a)
{
	struct str text __cleanup_str = STR_INIT;
	struct adv_oci o = { .id = "" };
	char why[256];
	int rc = read_state(&text), code;

	if (rc == -ETIME || rc == -EFBIG)
		fail(&o, "standard input", rc == -ETIME ?
						  "the state of the container did not end in 10 s" :
						  "longer than the state of a container can be");
	else if (rc)
		fail(&o, "standard input", cli_strerror(rc));
	if (rc)
		return a->strict ? CLI_FAIL : CLI_OK;
	rc = adv_oci_parse(str_get(&text), text.len, a->oci == ADV_OCI_ALWAYS, &o, why, sizeof(why));
	o.required |= a->strict;
	if (rc) {
		fail(&o, "state on standard input", why);
		return o.required ? CLI_FAIL : CLI_OK;
	}
	if (!o.merge)
		return CLI_OK;
	code = act(a, &o);
	return o.required ? code : CLI_OK;
}
