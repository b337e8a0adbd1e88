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

#include "libksm/run.h"
#include "util/macros.h"
#include "util/num.h"
#include "util/str.h"
#include "util/vec.h"

#define MAGIC	  "ksm-marks 1\n"
#define FILE_MAX  (KSM_MARKS_MAX * 40)

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

	str_add(&s, MAGIC);
	for (size_t i = 0; i < m->n; i++)
		str_addf(&s, "%" PRIx64 "-%" PRIx64 "\n", m->range[i].start, m->range[i].end);
	*len = s.len;
	*text = str_steal(&s);
	return *text ? 0 : -ENOMEM;
}

int ksm_marks_parse(const char *text, size_t len, struct ksm_marks *out)
{
	const size_t magic = sizeof(MAGIC) - 1;
	const char *s = text, *const end = text + len;

	*out = (struct ksm_marks){ 0 };
	if (len < magic || memcmp(text, MAGIC, magic) || text[len - 1] != '\n')
		return -EPROTO;
	for (s += magic; s < end; s++) {
		struct ksm_range r;

		/* The newline at the end stops both. */
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

/* ------------------------------------------------------------------ */
/* files								*/

static void file_name(const struct ksm_ident *id, char *out, size_t len)
{
	snprintf(out, len, "marks-%d-%" PRIu64, (int)id->pid, id->start_ticks);
}

/* "marks-PID-START", and nothing behind it. */
static bool parse_name(const char *name, struct ksm_ident *id)
{
	static const char prefix[] = "marks-";
	uint64_t pid;

	if (strncmp(name, prefix, sizeof(prefix) - 1))
		return false;
	name += sizeof(prefix) - 1;
	if (num_take_u64(&name, 10, &pid) || pid > INT32_MAX || *name++ != '-' ||
	    num_take_u64(&name, 10, &id->start_ticks) || *name)
		return false;
	id->pid = pid;
	return true;
}

int ksm_marks_read(const char *dir, const struct ksm_ident *id, struct ksm_marks *out)
{
	int fd __cleanup_fd = ksm_run_open(dir, false);
	struct str text __cleanup_str = STR_INIT;
	char name[64];
	int rc;

	*out = (struct ksm_marks){ 0 };
	if (fd < 0)
		return fd;
	file_name(id, name, sizeof(name));
	rc = ksm_run_read(fd, name, FILE_MAX, &text);
	return rc ? rc : ksm_marks_parse(str_get(&text), text.len, out);
}

struct sweep {
	struct ksm *k;
	int fd;
};

static int sweep_one(const char *name, void *arg)
{
	const struct sweep *s = arg;
	struct ksm_ident id = { 0 };
	struct ksm_proc p;

	if (parse_name(name, &id) && ksm_proc_read_same(s->k, &id, 0, &p) == -ESRCH)
		(void)ksm_run_remove(s->fd, name);
	return 0;
}

int ksm_marks_write(struct ksm *k, const char *dir, const struct ksm_ident *id,
		    const struct ksm_marks *m)
{
	int fd __cleanup_fd = ksm_run_open(dir, m->n > 0);
	struct sweep s = { k, fd };
	char *text __cleanup_free = NULL;
	char name[64];
	size_t len;
	int rc;

	if (fd < 0)
		return fd == -ENOENT && !m->n ? 0 : fd;
	file_name(id, name, sizeof(name));
	(void)ksm_run_each(fd, sweep_one, &s);
	if (!m->n)
		return ksm_run_remove(fd, name);
	rc = ksm_marks_format(m, &text, &len);
	return rc ? rc : ksm_run_write(fd, name, text, len);
}
