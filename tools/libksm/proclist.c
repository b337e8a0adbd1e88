// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * proclist.c - which processes: iterate them, and select by pid, user, command
 * line, cgroup and descent.
 *
 * A process that ends between listing and reading is skipped silently; one
 * that the user named by number stays, so that acting on it can say what is
 * wrong with it.
 */
#include "libksm/internal.h"

#include <errno.h>
#include <pwd.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libksm/pattern.h"
#include "util/ascii.h"
#include "util/map.h"
#include "util/num.h"
#include "util/vec.h"

/* How often descendants are listed; of one that forks all the time, some are always new. */
#define LOOKS_MAX 8

struct ksm_procs {
	DIR *dir;
};

int ksm_procs_open(struct ksm *k, struct ksm_procs **out)
{
	struct ksm_procs *it = calloc(1, sizeof(*it));
	int rc;

	*out = NULL;
	if (!it)
		return -ENOMEM;
	/* An empty directory is the list of no processes for readdir(). */
	if (k->live && !ksm_path_has_proc(k)) {
		free(it);
		return ksm_fail(k, -ENODEV, "list", "proc");
	}
	it->dir = ksm_path_opendir(k, "proc");
	if (!it->dir) {
		rc = -errno;
		free(it);
		return rc;
	}
	*out = it;
	return 0;
}

int ksm_procs_next(struct ksm_procs *it, pid_t *pid)
{
	struct dirent *d;
	uint64_t n;

	for (;;) {
		errno = 0;
		d = readdir(it->dir);
		if (!d)
			return -errno;
		if (!ascii_is_digit(d->d_name[0]) || num_u64(d->d_name, &n) || !n ||
		    n > INT32_MAX)
			continue;
		*pid = n;
		return 1;
	}
}

void ksm_procs_close(struct ksm_procs *it)
{
	if (!it)
		return;
	closedir(it->dir);
	free(it);
}

/* A growing list of processes. */
struct idents {
	struct ksm_ident *v;
	size_t n, cap;
};

static int idents_add(struct idents *l, struct ksm_ident id)
{
	if (vec_room(l->v, l->n, l->cap))
		return -ENOMEM;
	l->v[l->n++] = id;
	return 0;
}

static int ident_order(const void *a, const void *b)
{
	const struct ksm_ident *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static void idents_sort(struct idents *l)
{
	size_t w = 0;

	if (!l->n)
		return;
	qsort(l->v, l->n, sizeof(*l->v), ident_order);
	for (size_t i = 0; i < l->n; i++)
		if (!i || l->v[i].pid != l->v[w - 1].pid)
			l->v[w++] = l->v[i];
	l->n = w;
}

static const struct ksm_ident *idents_find(const struct idents *l, pid_t pid)
{
	const struct ksm_ident key = { .pid = pid };

	return l->n ? bsearch(&key, l->v, l->n, sizeof(*l->v), ident_order) : NULL;
}

/* A selection made ready: compiled expression, number of the user. */
struct selector {
	const struct ksm_select *sel;
	struct ksm_pattern pattern;
	bool has_pattern;
	uid_t uid;
	char *cgroup_raw;	/* the same without the escapes of our output */
};

static int hex(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * A name as tools print it ("\\" for a backslash that would mislead, "\xNN" for
 * a byte that is not text) back into the name; in place, to nothing longer.
 */
static void unescape(char *s)
{
	char *w = s;
	int byte;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] == '\\') {
			*w++ = *s++;
		} else if (s[0] == '\\' && s[1] == 'x' && hex(s[2]) >= 0 && hex(s[3]) >= 0 &&
			   ((byte = hex(s[2]) << 4 | hex(s[3])) <= 0x20 || byte >= 0x7f)) {
			*w++ = (char)byte;
			s += 3;
		} else {
			*w++ = *s;
		}
	}
	*w = '\0';
}

static int selector_init(struct selector *s, const struct ksm_select *sel, char *why,
			 size_t why_len)
{
	struct passwd pw, *found = NULL;
	char buf[4096], msg[160];
	uint64_t n;
	int rc;

	memset(s, 0, sizeof(*s));
	s->sel = sel;
	if (sel->user) {
		if (!getpwnam_r(sel->user, &pw, buf, sizeof(buf), &found) && found) {
			s->uid = pw.pw_uid;
		} else if (!num_u64(sel->user, &n) && n <= UINT32_MAX) {
			s->uid = n;
		} else {
			if (why)
				snprintf(why, why_len, "unknown user \"%s\"", sel->user);
			return -EINVAL;
		}
	}
	if (sel->match) {
		rc = ksm_pattern_init(&s->pattern, sel->match);
		if (rc) {
			regerror(rc, &s->pattern.plain, msg, sizeof(msg));
			if (why)
				snprintf(why, why_len, "bad regular expression \"%s\": %s",
					 sel->match, msg);
			return -EINVAL;
		}
		s->has_pattern = true;
	}
	if (sel->cgroup) {
		s->cgroup_raw = strdup(sel->cgroup);
		if (!s->cgroup_raw)
			return -ENOMEM;
		unescape(s->cgroup_raw);
	}
	return 0;
}

static void selector_fini(struct selector *s)
{
	if (s->has_pattern)
		ksm_pattern_fini(&s->pattern);
	free(s->cgroup_raw);
}

/* 1 yes, 0 no, -errno. */
static int match_cmdline(struct ksm *k, const struct selector *s, const struct ksm_proc *p)
{
	char *line __cleanup_free = NULL;
	size_t len;
	int rc = ksm_proc_cmdline(k, p->pid, &line, &len);

	if (rc && rc != -ENOENT)
		return rc;
	/* Arguments are joined by blanks, as ps shows them; without any, the name counts. */
	if (!len || !ksm_cmdline_join(line, len)) {
		char comm[KSM_COMM_MAX];

		memcpy(comm, p->comm, sizeof(comm));
		return ksm_pattern_match(&s->pattern, comm);
	}
	return ksm_pattern_match(&s->pattern, line);
}

/* "/" and a trailing slash select what is below. */
static bool is_below(const char *path, const char *top)
{
	size_t len = strlen(top);

	while (len && top[len - 1] == '/')
		len--;
	return !strncmp(path, top, len) && (path[len] == '/' || path[len] == '\0');
}

static int match_cgroup(struct ksm *k, const struct selector *s, pid_t pid)
{
	char *path __cleanup_free = NULL;
	int rc = ksm_proc_cgroup(k, pid, &path);

	if (rc)
		return rc == -EPROTO || rc == -ENOENT ? 0 : rc;
	return is_below(path, s->sel->cgroup) || is_below(path, s->cgroup_raw);
}

static bool has_conditions(const struct ksm_select *sel)
{
	return sel->user || sel->match || sel->cgroup;
}

/* 1 yes, 0 no, -errno; @id becomes the process that was looked at. */
static int selector_match(struct ksm *k, const struct selector *s, pid_t pid, struct ksm_ident *id)
{
	const struct ksm_select *sel = s->sel;
	struct ksm_proc p;
	int rc;

	*id = (struct ksm_ident){ .pid = pid, .start_ticks = KSM_START_NONE };
	rc = ksm_proc_read(k, pid, sel->user ? KSM_PROC_UID : 0, &p);
	if (rc)
		return rc;
	id->start_ticks = p.start_ticks;
	if (p.kthread && !sel->kthreads)
		return 0;
	if (sel->user && p.uid != s->uid)
		return 0;
	if (sel->cgroup) {
		rc = match_cgroup(k, s, pid);
		if (rc <= 0)
			return rc;
	}
	return sel->match ? match_cmdline(k, s, &p) : 1;
}

/* All processes, and the parent of each. */
struct family {
	struct idents all;
	struct map parent_of, index_of;		/* by pid: the parent's pid + 1; index in all + 1 */
};

static int family_read(struct ksm *k, struct family *f)
{
	struct ksm_procs *it;
	struct ksm_proc p;
	pid_t pid;
	int rc = ksm_procs_open(k, &it);

	if (rc)
		return rc;
	while (!rc && (rc = ksm_procs_next(it, &pid)) == 1) {
		rc = 0;
		if (ksm_proc_read(k, pid, 0, &p))
			continue;
		rc = idents_add(&f->all, (struct ksm_ident){ .pid = pid,
							     .by_descent = true,
							     .start_ticks = p.start_ticks });
		if (!rc)
			rc = map_put(&f->index_of, pid, (void *)(uintptr_t)f->all.n);
		if (!rc)
			rc = map_put(&f->parent_of, pid, (void *)(uintptr_t)(p.ppid + 1));
	}
	ksm_procs_close(it);
	return rc;
}

static void family_fini(struct family *f)
{
	map_fini(&f->parent_of);
	map_fini(&f->index_of);
	free(f->all.v);
}

/* Is the process with that number one of @roots, and not another that has it now? */
static bool is_root(const struct family *f, const struct idents *roots, pid_t pid)
{
	const struct ksm_ident *root = idents_find(roots, pid);
	const uintptr_t at = (uintptr_t)map_find(&f->index_of, pid);

	if (!root || root->start_ticks == KSM_START_NONE)
		return false;
	/* It has ended since it was read whose child that is. */
	if (!at || root->start_ticks == KSM_START_ANY)
		return true;
	return f->all.v[at - 1].start_ticks == root->start_ticks;
}

static bool descends(const struct family *f, const struct idents *roots, pid_t pid)
{
	uintptr_t up = (uintptr_t)map_find(&f->parent_of, pid);

	/* A pid may be used again while /proc is read: a bound instead of a cycle. */
	for (int depth = 0; up > 1 && depth < 4096; depth++) {
		if (is_root(f, roots, (pid_t)(up - 1)))
			return true;
		up = (uintptr_t)map_find(&f->parent_of, (pid_t)(up - 1));
	}
	return false;
}

int ksm_select_more(struct ksm *k, struct ksm_ident **ids, size_t *n)
{
	struct family f = { .parent_of = MAP_INIT, .index_of = MAP_INIT };
	struct idents found = { *ids, *n, *n }, roots = { 0 };
	int rc = family_read(k, &f);

	for (size_t i = 0; !rc && i < *n; i++)
		rc = idents_add(&roots, (*ids)[i]);
	if (!rc)
		idents_sort(&roots);
	for (size_t i = 0; !rc && i < f.all.n; i++) {
		const pid_t pid = f.all.v[i].pid;

		if (!is_root(&f, &roots, pid) && descends(&f, &roots, pid))
			rc = idents_add(&found, f.all.v[i]);
	}
	family_fini(&f);
	free(roots.v);
	rc = rc ? rc : found.n > *n;
	*ids = found.v;
	*n = found.n;
	return rc;
}

static int select_named(struct ksm *k, const struct selector *s, struct idents *found)
{
	const struct ksm_select *sel = s->sel;
	struct ksm_ident id;
	int rc = 0;

	for (size_t i = 0; !rc && i < sel->n_pids; i++) {
		if (has_conditions(sel)) {
			rc = selector_match(k, s, sel->pids[i], &id);
			if (rc < 0 && rc != -ESRCH)
				return rc;
			if (!rc)
				continue;
		} else {
			/* What is wrong with it shows when something is done to it. */
			(void)ksm_ident_read(k, sel->pids[i], &id);
		}
		rc = idents_add(found, id);
	}
	return rc;
}

const char *ksm_list_why(int rc)
{
	return rc == -ENODEV ? "nothing is mounted on /proc (mount -t proc proc /proc)" :
			       strerror(-rc);
}

static int select_all(struct ksm *k, const struct selector *s, struct idents *found)
{
	/* A pattern on command lines is part of our own. */
	const pid_t self = s->has_pattern && ksm_is_live(k) ? getpid() : 0;
	struct ksm_procs *it;
	struct ksm_ident id;
	pid_t pid;
	int rc = ksm_procs_open(k, &it);

	if (rc)
		return rc;
	while ((rc = ksm_procs_next(it, &pid)) == 1) {
		if (pid == self)
			continue;
		rc = selector_match(k, s, pid, &id);
		if (rc == -ENOMEM)
			break;
		k->n_denied += rc == -EACCES || rc == -EPERM;
		/* Gone, or not for us to see: not selected. */
		if (rc <= 0)
			continue;
		rc = idents_add(found, id);
		if (rc)
			break;
	}
	ksm_procs_close(it);
	return rc;
}

int ksm_select_run(struct ksm *k, const struct ksm_select *sel, struct ksm_ident **out, size_t *n,
		   char *why, size_t why_len)
{
	struct idents found = { 0 };
	struct selector s;
	int rc = selector_init(&s, sel, why, why_len);

	*out = NULL;
	*n = k->n_denied = 0;
	if (why && !rc && why_len)
		*why = '\0';
	if (!rc)
		rc = sel->n_pids ? select_named(k, &s, &found) : select_all(k, &s, &found);
	idents_sort(&found);
	/* What was forked while this was listed is there when it is listed again. */
	for (int look = 0; !rc && sel->tree && look < LOOKS_MAX; look++) {
		rc = ksm_select_more(k, &found.v, &found.n);
		found.cap = found.n;
		if (!rc)
			break;
		rc = MIN(rc, 0);
	}
	selector_fini(&s);
	if (rc) {
		free(found.v);
		if (why && rc != -EINVAL)
			snprintf(why, why_len, "%s", ksm_list_why(rc));
		return rc;
	}
	if (why && k->n_denied)
		snprintf(why, why_len, "%zu process%s of others could not be looked at (%s)",
			 k->n_denied, k->n_denied == 1 ? "" : "es",
			 ksm_right_hint(k, KSM_RIGHT_HIDDEN));
	idents_sort(&found);
	*out = found.v;
	*n = found.n;
	return 0;
}

int ksm_select_still(struct ksm *k, const struct ksm_select *sel, const struct ksm_ident *id)
{
	struct ksm_ident now;
	struct selector s;
	int rc;

	if (id->by_descent || !has_conditions(sel)) {
		struct ksm_proc p;

		return ksm_proc_read_same(k, id, 0, &p) ?: 1;
	}
	rc = selector_init(&s, sel, NULL, 0);
	if (rc)
		return rc;
	rc = selector_match(k, &s, id->pid, &now);
	selector_fini(&s);
	if (rc >= 0 && id->start_ticks != KSM_START_ANY && now.start_ticks != id->start_ticks)
		return -ESRCH;
	return rc;
}
