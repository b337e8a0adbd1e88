// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * marks.c - what we marked in whom, so that just that can be undone.
 *
 * A file for each process, in a directory that nobody else may write: addresses in
 * it are handed to calls that are made in that process.
 */
#include "inject/marks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libksm/run.h"
#include "util/macros.h"
#include "util/num.h"
#include "util/str.h"
#include "util/vec.h"

#define MAGIC	  "ksm-marks 1 "
#define FILE_MAX  (KSM_MARKS_MAX * 40)
#define FOREBEARS_MAX 64

void ksm_marks_fini(struct ksm_marks *m)
{
	free(m->range);
	*m = (struct ksm_marks){ 0 };
}

/* The first range that ends at or behind @addr. */
static size_t find(const struct ksm_marks *m, uint64_t addr)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (m->range[mid].end < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int ksm_marks_add(struct ksm_marks *m, uint64_t start, uint64_t end)
{
	size_t at = find(m, start), to = at;

	if (start >= end)
		return 0;
	for (; to < m->n && m->range[to].start <= end; to++) {
		start = MIN(start, m->range[to].start);
		end = MAX(end, m->range[to].end);
	}
	if (to == at && vec_room(m->range, m->n, m->cap))
		return -ENOMEM;
	if (to != at + 1)
		memmove(&m->range[at + 1], &m->range[to], (m->n - to) * sizeof(*m->range));
	m->n += 1 - (to - at);
	m->range[at] = (struct ksm_range){ start, end };
	return 0;
}

bool ksm_marks_cover(const struct ksm_marks *m, uint64_t start, uint64_t end)
{
	size_t low = 0, high = m->n;

	/* The first that does not end before that. */
	while (low < high) {
		const size_t at = low + (high - low) / 2;

		if (m->range[at].end < end)
			low = at + 1;
		else
			high = at;
	}
	return low < m->n && m->range[low].start <= start;
}

int ksm_marks_cut(struct ksm_marks *m, uint64_t start, uint64_t end)
{
	struct ksm_marks left = { 0 };
	int rc = 0;

	for (size_t i = 0; i < m->n && !rc; i++) {
		const struct ksm_range *r = &m->range[i];

		rc = ksm_marks_add(&left, r->start, MIN(r->end, MAX(start, r->start)));
		if (!rc)
			rc = ksm_marks_add(&left, MAX(r->start, MIN(end, r->end)), r->end);
	}
	/* What is left of one range does not touch what is left of another. */
	if (rc) {
		ksm_marks_fini(&left);
		return rc;
	}
	ksm_marks_fini(m);
	*m = left;
	return 0;
}

/* ------------------------------------------------------------------ */
/* text									*/

int ksm_marks_format(const struct ksm_marks *m, char **text, size_t *len)
{
	struct str s = STR_INIT;

	str_addf(&s, MAGIC "%" PRIu64 " %" PRIu64 "\n", m->since_ticks, m->until_ticks);
	for (size_t i = 0; i < m->n; i++)
		str_addf(&s, "%" PRIx64 "-%" PRIx64 "\n", m->range[i].start, m->range[i].end);
	*len = s.len;
	*text = str_steal(&s);
	return *text ? 0 : -ENOMEM;
}

/* The newline at the end stops all of it. */
static int parse(const char *s, const char *end, struct ksm_marks *out)
{
	if (num_take_u64(&s, 10, &out->since_ticks) || *s++ != ' ' ||
	    num_take_u64(&s, 10, &out->until_ticks) || *s != '\n')
		return -EPROTO;
	for (s++; s < end; s++) {
		struct ksm_range r;

		if (num_take_u64(&s, 16, &r.start) || *s++ != '-' ||
		    num_take_u64(&s, 16, &r.end) || *s != '\n' || r.start >= r.end ||
		    (out->n && r.start <= out->range[out->n - 1].end) ||
		    out->n == KSM_MARKS_MAX)
			return -EPROTO;
		if (vec_room(out->range, out->n, out->cap))
			return -ENOMEM;
		out->range[out->n++] = r;
	}
	return 0;
}

int ksm_marks_parse(const char *text, size_t len, struct ksm_marks *out)
{
	const size_t magic = sizeof(MAGIC) - 1;
	int rc;

	*out = (struct ksm_marks){ 0 };
	if (len <= magic || memcmp(text, MAGIC, magic) || text[len - 1] != '\n')
		return -EPROTO;
	rc = parse(text + magic, text + len, out);
	/* Half a note is none: what its other half said nobody knows. */
	if (rc)
		ksm_marks_fini(out);
	return rc;
}

/* ------------------------------------------------------------------ */
/* files								*/

/* Whom a note is on. */
struct noted {
	struct ksm_ident id;
	uint64_t image;
};

static int noted_read(struct ksm *k, const struct ksm_ident *id, struct noted *out)
{
	out->id = *id;
	return ksm_proc_image(k, id, &out->image);
}

static void file_name(const struct noted *n, char *out, size_t len)
{
	snprintf(out, len, "marks-%d-%" PRIu64 "-%" PRIx64, (int)n->id.pid, n->id.start_ticks,
		 n->image);
}

/* "marks-PID-START-IMAGE", and nothing behind it. */
static bool parse_name(const char *name, struct noted *out)
{
	static const char prefix[] = "marks-";
	uint64_t pid;

	*out = (struct noted){ 0 };
	if (strncmp(name, prefix, sizeof(prefix) - 1))
		return false;
	name += sizeof(prefix) - 1;
	if (num_take_u64(&name, 10, &pid) || pid > INT32_MAX || *name++ != '-' ||
	    num_take_u64(&name, 10, &out->id.start_ticks) || *name++ != '-' ||
	    num_take_u64(&name, 16, &out->image) || *name)
		return false;
	out->id.pid = pid;
	return true;
}

static int read_note(int fd, const struct noted *n, struct ksm_marks *out)
{
	struct str text __cleanup_str = STR_INIT;
	char name[80];
	int rc;

	file_name(n, name, sizeof(name));
	rc = ksm_run_read(fd, name, FILE_MAX, &text);
	return rc ? rc : ksm_marks_parse(str_get(&text), text.len, out);
}

/* The parent, if it still is what @n was forked from. */
static bool forebear(struct ksm *k, struct noted *n)
{
	struct ksm_ident parent;
	struct noted up;
	struct ksm_proc p;

	if (ksm_proc_read_same(k, &n->id, 0, &p) || p.ppid <= 0 ||
	    ksm_ident_read(k, p.ppid, &parent) || noted_read(k, &parent, &up) ||
	    up.image != n->image)
		return false;
	*n = up;
	return true;
}

static int read_in(struct ksm *k, int fd, const struct noted *whom, struct ksm_marks *out)
{
	struct noted n = *whom;
	int rc = read_note(fd, &n, out);

	/* What was undone in it is not marked; its own note says more than its parent's. */
	if (rc != -ENOENT) {
		if (!rc && out->until_ticks)
			ksm_marks_fini(out);
		return rc;
	}
	for (int i = 0; i < FOREBEARS_MAX && forebear(k, &n); i++) {
		rc = read_note(fd, &n, out);
		if (rc == -ENOENT)
			continue;
		if (!rc && out->since_ticks <= whom->id.start_ticks &&
		    (!out->until_ticks || whom->id.start_ticks <= out->until_ticks)) {
			out->until_ticks = 0;
			return 0;
		}
		ksm_marks_fini(out);
	}
	return -ENOENT;
}

/* Where root finds what a user noted on a process of his. */
static int open_users(struct ksm *k, const char *dir, const struct ksm_ident *id)
{
	struct ksm_proc p;
	int rc;

	if (dir || geteuid())
		return -ENOENT;
	rc = ksm_proc_read_same(k, id, KSM_PROC_UID, &p);
	if (rc)
		return rc;
	return p.uid == KSM_UID_NONE || !p.uid ? -ENOENT : ksm_run_open_user(NULL, p.uid);
}

int ksm_marks_read(struct ksm *k, const char *dir, const struct ksm_ident *id,
		   struct ksm_marks *out)
{
	int fd __cleanup_fd = ksm_run_open(dir, false);
	int users __cleanup_fd = -1;
	struct noted n;
	int rc;

	*out = (struct ksm_marks){ 0 };
	rc = noted_read(k, id, &n);
	if (!rc)
		rc = fd < 0 ? fd : read_in(k, fd, &n, out);
	if (rc != -ENOENT)
		return rc;
	users = open_users(k, dir, id);
	return users < 0 ? rc : read_in(k, users, &n, out);
}

static uint64_t now_ticks(struct ksm *k)
{
	return ksm_fig_or(ksm_uptime_ns(k), 0) / (1000000000 / ksm_clock_tick(k));
}

int ksm_marks_write(struct ksm *k, const char *dir, const struct ksm_ident *id,
		    const struct ksm_marks *m)
{
	int fd __cleanup_fd = ksm_run_open(dir, m->n > 0);
	struct ksm_marks dated = *m;
	char *text __cleanup_free = NULL;
	struct noted n;
	char name[80];
	size_t len;
	int rc;

	if (fd < 0)
		return fd == -ENOENT && !m->n ? 0 : fd;
	rc = noted_read(k, id, &n);
	if (rc)
		return rc;
	file_name(&n, name, sizeof(name));
	if (!m->n)
		return ksm_run_remove(fd, name);
	if (!dated.since_ticks)
		dated.since_ticks = now_ticks(k);
	rc = ksm_marks_format(&dated, &text, &len);
	return rc ? rc : ksm_run_write(fd, name, text, len);
}

int ksm_marks_undone(struct ksm *k, const char *dir, const struct ksm_ident *id,
		     struct ksm_marks *m)
{
	int users __cleanup_fd = open_users(k, dir, id);
	struct noted n;
	char name[80];

	m->until_ticks = now_ticks(k);
	/* The files in a user's directory are his. */
	if (users >= 0 && !noted_read(k, id, &n)) {
		file_name(&n, name, sizeof(name));
		(void)ksm_run_remove(users, name);
	}
	return ksm_marks_write(k, dir, id, m);
}

struct sweep {
	struct ksm *k;
	int fd;
};

static int sweep_one(const char *name, void *arg)
{
	const struct sweep *s = arg;
	struct noted n, now;
	int rc;

	if (!parse_name(name, &n))
		return 0;
	rc = noted_read(s->k, &n.id, &now);
	if (rc == -ESRCH || (!rc && now.image != n.image))
		(void)ksm_run_remove(s->fd, name);
	return 0;
}

void ksm_marks_sweep(struct ksm *k, const char *dir)
{
	int fd __cleanup_fd = ksm_run_open(dir, false);
	struct sweep s = { k, fd };

	if (fd < 0)
		return;
	(void)ksm_run_each(fd, sweep_one, &s);
	ksm_run_tidy(fd);
}
