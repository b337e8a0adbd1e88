// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * scanner.c - --scanner: KSM runs while it is needed, and then is as it was found.
 *
 * Twenty commands may be run so at a time, and the first to end must not stop
 * KSM under the others.  A lock file is shared by all that need it; the first
 * writes into it what it found, the last puts that back.  What somebody else
 * has changed meanwhile is left alone.  A lock goes with its process, so one
 * that was killed leaves KSM running, and nothing else behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "ksm-advise/advise.h"
#include "util/num.h"

#ifndef F_OFD_SETLK
#define F_OFD_SETLK 37		/* Linux 3.15 */
#define F_OFD_SETLKW 38
#endif

#define LOCK_DIR "/run"
#define LOCK_NAME "ksm-advise.scanner"

/* Bytes of the file that are locked: its users, and whoever joins or leaves them. */
enum { BYTE_USERS, BYTE_DOOR };

static struct {
	struct ksm *k;
	pid_t owner;		/* a forked helper must not undo anything */
	int lock_fd;
	int64_t found;		/* where there is no lock file */
} scanner = { .lock_fd = -1 };

static int lock(int byte, short type, bool wait)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
	int rc;

	do
		rc = fcntl(scanner.lock_fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &fl);
	while (rc && errno == EINTR);
	return rc ? -errno : 0;
}

/* What the first user found; -1 when nothing is to be put back. */
static int64_t note_read(void)
{
	char text[32];
	int64_t v;
	ssize_t n = pread(scanner.lock_fd, text, sizeof(text), 0);

	return n > 0 && !num_kernel_s64(text, (size_t)n, &v) ? v : -1;
}

static int note_write(int64_t v)
{
	char text[32];
	int n = v < 0 ? 0 : snprintf(text, sizeof(text), "%lld\n", (long long)v);

	if (ftruncate(scanner.lock_fd, 0) || pwrite(scanner.lock_fd, text, (size_t)n, 0) != n)
		return -errno;
	return 0;
}

static int run_read(int64_t *out)
{
	struct ksm_value v;
	int rc = ksm_attr_read(scanner.k, KSM_ATTR_RUN, &v);

	if (rc)
		return rc;
	if (v.state != KSM_VALUE)
		return v.state == KSM_DENIED ? -EACCES : -EOPNOTSUPP;
	/* While memory goes offline the kernel adds a bit of its own. */
	*out = v.v & ~(int64_t)KSM_RUN_OFFLINING;
	return 0;
}

static int run_write(int64_t run)
{
	const struct ksm_value v = { .state = KSM_VALUE, .v = run };

	return ksm_attr_write(scanner.k, KSM_ATTR_RUN, &v);
}

/* Back to "unmerging" breaks all sharing: only where memory holds it. */
static int64_t affordable(int64_t run)
{
	struct ksm_derived d;
	struct ksm_stats s;

	if (run != KSM_RUN_UNMERGING || ksm_stats_read(scanner.k, &s))
		return run;
	ksm_stats_derive(&s, &d);
	if (!ksm_fig_has(s.mem_available_bytes) ||
	    ksm_fig_or(d.saved_bytes, 0) < s.mem_available_bytes.v)
		return run;
	cli_warn(0, "run: set to stopped, not back to unmerging: there is not enough memory "
		    "for that");
	return KSM_RUN_STOPPED;
}

static void put_back(int64_t found)
{
	int64_t now;
	int rc = run_read(&now);

	/* Not ours any more. */
	if (!rc && now != KSM_RUN_RUNNING)
		return;
	if (!rc)
		rc = run_write(affordable(found));
	if (rc)
		cli_error(rc, "run: cannot put back to %s", ksm_run_name(found));
}

void adv_scanner_stop(void)
{
	if (!scanner.k || scanner.owner != getpid())
		return;
	if (scanner.lock_fd < 0) {
		if (scanner.found >= 0)
			put_back(scanner.found);
	} else {
		lock(BYTE_DOOR, F_WRLCK, true);
		/* Only the last one gets all of it. */
		if (!lock(BYTE_USERS, F_WRLCK, false)) {
			scanner.found = note_read();
			if (scanner.found >= 0)
				put_back(scanner.found);
			note_write(-1);
		}
		close(scanner.lock_fd);
	}
	scanner.k = NULL;
	scanner.lock_fd = -1;
}

static void fail(int code, int rc)
{
	const bool denied = rc == -EACCES || rc == -EPERM;

	if (rc == -EOPNOTSUPP)
		cli_die(code == CLI_WRAP_FAIL ? code : CLI_UNSUPPORTED, 0,
			"/sys/kernel/mm/ksm/run: cannot start KSM: this kernel has no KSM");
	cli_die(code, 0, "/sys/kernel/mm/ksm/run: cannot start KSM: %s%s%s%s", strerror(-rc),
		denied ? " (" : "",
		denied ? ksm_right_hint(scanner.k, KSM_RIGHT_SETTINGS) : "", denied ? ")" : "");
}

static bool open_lock(void)
{
	scanner.lock_fd = open(LOCK_DIR "/" LOCK_NAME,
			       O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (scanner.lock_fd < 0)
		return false;
	/* Older than the locks: then each puts back what it found. */
	if (!lock(BYTE_DOOR, F_WRLCK, true))
		return true;
	close(scanner.lock_fd);
	scanner.lock_fd = -1;
	return false;
}

/* Whether KSM has to be started, and what it was, are known: keep what to put back. */
static int join(int64_t run)
{
	const int64_t found = run == KSM_RUN_RUNNING ? -1 : run;
	int rc = 0;

	scanner.found = found;
	if (scanner.lock_fd < 0)
		return 0;
	/* The first user's word counts; a word left by one that was killed does not. */
	if (!lock(BYTE_USERS, F_WRLCK, false))
		rc = note_write(found);
	return rc ? rc : lock(BYTE_USERS, F_RDLCK, true);
}

void adv_scanner_start(struct adv *a, int code)
{
	int64_t run;
	int rc;

	scanner.k = a->k;
	rc = run_read(&run);
	if (rc)
		fail(code, rc);
	/* Running, and no right to stop it: nothing to do and nothing to promise. */
	if (!open_lock() && run == KSM_RUN_RUNNING) {
		scanner.k = NULL;
		return;
	}
	rc = run_read(&run);
	if (!rc)
		rc = join(run);
	if (!rc && atexit(adv_scanner_stop))
		rc = -ENOMEM;
	scanner.owner = getpid();
	if (!rc && run != KSM_RUN_RUNNING)
		rc = run_write(KSM_RUN_RUNNING);
	if (scanner.lock_fd >= 0)
		lock(BYTE_DOOR, F_UNLCK, false);
	if (rc)
		fail(code, rc);
	cli_note("KSM: %s", run == KSM_RUN_RUNNING ? "runs already" : "started");
}

void adv_scanner_hint(struct adv *a)
{
	struct ksm_value v;

	if (cli_verbosity() < 0 || (cli_verbosity() < 1 && !cli_tty(ADV_FD_MESSAGES)))
		return;
	if (ksm_attr_read(a->k, KSM_ATTR_RUN, &v) || v.state != KSM_VALUE)
		return;
	if (!(v.v & KSM_RUN_RUNNING))
		cli_warn(0, "KSM is %s: nothing is merged until it runs (ksmctl start)",
			 ksm_run_name(v.v));
}
