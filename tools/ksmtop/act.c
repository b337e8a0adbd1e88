// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * act.c - change things: merging of processes, settings of the kernel.
 *
 * By the same code as ksm-advise -p and ksmctl set.  Nothing is said twice or
 * printed: what came of it is one line in t->message, with the kernel's reason.
 */
#include "ksmtop/ksmtop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ksmtop/act.h"

/* --- processes --- */

/* Unmerging may need more memory than there is: then the machine would swap, or worse. */
static bool fits(struct top *t, const struct ksm_ident *ids, size_t n)
{
	char need[32], have[32];
	struct ksm_fig available;
	int64_t bytes;

	ksm_advise_memory(t->k, ids, n, &bytes, &available);
	if (!ksm_fig_has(available) || bytes <= available.v)
		return true;
	top_say(t, TOP_BAD, "not done: it may need %s, and %s are available",
		cli_bytes(need, sizeof(need), bytes, false),
		cli_bytes(have, sizeof(have), available.v, false));
	return false;
}

void top_advise(struct top *t, bool on)
{
	struct ksm_ident *ids __cleanup_free = NULL;
	struct outcome o = { 0 };
	ssize_t n;
	int rc;

	if (!top_may_change(t))
		return;
	if (t->off.child) {
		top_say(t, TOP_WARN, "not now: %d is still being unmerged",
			(int)t->off.ids[0].pid);
		return;
	}
	n = top_model_targets(&t->model, &ids);
	if (n <= 0) {
		top_say(t, TOP_WARN, n ? "out of memory" : "no process is selected");
		return;
	}
	if (!on && !fits(t, ids, n))
		return;
	top_model_untag(&t->model);
	if (!on) {
		top_say(t, TOP_DULL, "%d: unmerging", (int)ids[0].pid);
		rc = top_unmerge_start(t, ids, n);
		if (rc)
			top_say(t, TOP_BAD, "cannot unmerge: %s", cli_strerror(rc));
		else
			ids = NULL;
		return;
	}
	for (ssize_t i = 0; i < n; i++)
		top_advise_one(t, &ids[i], on, NULL, NULL, &o);
	if (t->sampler)
		top_sampler_look(t->sampler, ids, n);
	top_advise_tell(t, on, &o, n);
}

/* --- settings --- */

/* What is merged everywhere needs memory of its own when all is unmerged. */
static bool unmerging_fits(struct top *t)
{
	const struct ksm_fig have = t->model.stats.mem_available_bytes;
	const int64_t need = ksm_fig_or(t->model.derived.saved_bytes, 0);
	char a[32], b[32];

	if (!ksm_fig_has(have) || need <= have.v)
		return true;
	top_say(t, TOP_BAD, "run: not unmerged: it needs %s, and %s are available "
			    "(ksmctl unmerge --force)",
		cli_bytes(a, sizeof(a), need, false), cli_bytes(b, sizeof(b), have.v, false));
	return false;
}

static int refuse_text(struct top *t, enum ksm_attr id, const char *text, int rc)
{
	const char *name = ksm_attr_info(id)->name;
	char range[256];

	if (rc == -EROFS)
		top_say(t, TOP_WARN, "%s: cannot be set: the kernel only reports it", name);
	else
		top_say(t, TOP_WARN, "%s: \"%s\" is not one of its values: %s", name, text,
			ksm_attr_range(id, range, sizeof(range)));
	return rc;
}

/* The kernel may take something else than it was told. */
static void tell_effective(struct top *t, enum ksm_attr id, const struct ksm_value *told)
{
	char want[KSM_ATTR_TEXT_MAX], is[KSM_ATTR_TEXT_MAX];
	const char *name = ksm_attr_info(id)->name;
	struct ksm_value now;

	ksm_attr_format(id, told, want, sizeof(want));
	if (ksm_attr_read(t->k, id, &now) || now.state != KSM_VALUE) {
		top_say(t, TOP_GOOD, "%s: set to %s", name, want);
		return;
	}
	ksm_attr_format(id, &now, is, sizeof(is));
	if (!strcmp(want, is))
		top_say(t, TOP_GOOD, "%s: set to %s", name, is);
	else
		top_say(t, TOP_WARN, "%s: it was told %s and is %s", name, want, is);
}

static int tell_written(struct top *t, enum ksm_attr id, const struct ksm_value *v, int rc)
{
	char text[KSM_ATTR_TEXT_MAX];
	const char *hint;

	if (!rc) {
		tell_effective(t, id, v);
		return 0;
	}
	hint = ksm_attr_hint(t->k, id, rc);
	top_say(t, TOP_BAD, "%s: cannot set to %s: %s%s%s%s", ksm_attr_info(id)->name,
		ksm_attr_format(id, v, text, sizeof(text)), cli_strerror(rc), hint ? " (" : "",
		hint ? hint : "", hint ? ")" : "");
	return rc;
}

/*
 * The write that unmerges returns when all is unmerged, minutes later on a large
 * machine: a child waits for it, and the screen goes on.
 */
static int start_unmerging(struct top *t, const struct ksm_value *v)
{
	int ends[2], rc;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	t->unmerger = fork();
	if (t->unmerger < 0) {
		rc = -errno;
		close(ends[0]);
		close(ends[1]);
		t->unmerger = 0;
		return rc;
	}
	if (!t->unmerger) {
		close(ends[0]);
		rc = ksm_attr_write(t->k, KSM_ATTR_RUN, v);
		_exit(write(ends[1], &rc, sizeof(rc)) != sizeof(rc));
	}
	close(ends[1]);
	t->unmerger_fd = ends[0];
	top_say(t, TOP_DULL, "run: unmerging");
	return 0;
}

void top_unmerged(struct top *t)
{
	const struct ksm_value v = { .state = KSM_VALUE, .v = KSM_RUN_UNMERGING };
	int rc = -EINTR;

	if (!t->unmerger)
		return;
	/* Without a word, somebody ended it. */
	if (read(t->unmerger_fd, &rc, sizeof(rc)) != sizeof(rc))
		rc = -EINTR;
	close(t->unmerger_fd);
	while (waitpid(t->unmerger, NULL, 0) < 0 && errno == EINTR)
		;
	t->unmerger = 0;
	tell_written(t, KSM_ATTR_RUN, &v, rc);
}

int top_set_attr(struct top *t, enum ksm_attr id, const char *text)
{
	struct ksm_value v;
	int rc;

	if (!top_may_change(t))
		return -EROFS;
	rc = ksm_attr_parse(id, text, &v);
	if (rc)
		return refuse_text(t, id, text, rc);
	/* The kernel would let the write wait, and us with it. */
	if (t->unmerger) {
		top_say(t, TOP_WARN, "%s: not set: the kernel is unmerging",
			ksm_attr_info(id)->name);
		return -EBUSY;
	}
	if (id != KSM_ATTR_RUN || v.v != KSM_RUN_UNMERGING)
		return tell_written(t, id, &v, ksm_attr_write(t->k, id, &v));
	if (!unmerging_fits(t))
		return -ENOMEM;
	rc = start_unmerging(t, &v);
	return rc ? tell_written(t, id, &v, rc) : 0;
}
