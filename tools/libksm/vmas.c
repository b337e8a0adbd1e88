// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmas.c - the mappings of one process: what is mergeable, what could not be
 * and why; and how the process as a whole takes part.
 *
 * Source is smaps, which walks the page tables of each mapping as it is read:
 * the reader takes it in pieces and stops as soon as its question is answered.
 */
#include "libksm/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libksm/parse.h"
#include "util/strip.h"

const char *ksm_vma_why_text(enum ksm_vma_why why)
{
	static const char *const text[] = {
		[KSM_VMA_OK] = "",
		[KSM_VMA_SHARED] = "shared mapping",
		[KSM_VMA_PFNMAP] = "device memory",
		[KSM_VMA_IO] = "device registers",
		[KSM_VMA_MIXEDMAP] = "mixed device memory",
		[KSM_VMA_HUGETLB] = "hugetlb pages",
		[KSM_VMA_DONTEXPAND] = "mapping of a driver",
		[KSM_VMA_DROPPABLE] = "droppable memory",
		[KSM_VMA_SPECIAL] = "kernel's own mapping",
		[KSM_VMA_ARCH] = "tagged or strongly ordered memory",
	};

	return text[why];
}

/*
 * VmFlags that exclude a mapping: mm/ksm.c vma_ksm_compatible() of 6.12; the
 * two-letter names are those of fs/proc/task_mmu.c.  "dp" came with 6.11.
 */
static const struct {
	char flag[3];
	enum ksm_vma_why why;
} excluded[] = {
	{ "ht", KSM_VMA_HUGETLB },    { "sh", KSM_VMA_SHARED },	    { "ms", KSM_VMA_SHARED },
	{ "pf", KSM_VMA_PFNMAP },     { "io", KSM_VMA_IO },	    { "mm", KSM_VMA_MIXEDMAP },
	{ "de", KSM_VMA_DONTEXPAND }, { "dp", KSM_VMA_DROPPABLE },
};

#define NAME_MAX_LEN 4352	/* PATH_MAX and the kernel's escapes that still fit a line */

/* Lines come in pieces; a mapping is complete when the next header begins. */
struct smaps {
	ksm_vma_fn fn;
	void *arg;
	struct ksm_vma vma;
	bool open;		/* a header was seen */
	bool told;		/* some mapping was */
	bool odd;		/* a line was no header and no field */
	bool cut;		/* the line that comes is the rest of one too long */
	char name[NAME_MAX_LEN];
};

static int smaps_flush(struct smaps *sm)
{
	struct ksm_vma *v = &sm->vma;

	if (!sm->open)
		return 0;
	sm->open = false;
	sm->told = true;
	v->name = sm->name;
	/* What the kernel lends to every process: a better reason than its flags. */
	if (!strcmp(v->name, "[vdso]") || !strcmp(v->name, "[vsyscall]") ||
	    !strncmp(v->name, "[vvar", 5))
		v->why = KSM_VMA_SPECIAL;
	return sm->fn(v, sm->arg);
}

/* An odd line costs the mapping it stands for; nothing but odd lines is no smaps. */
static int smaps_end(struct smaps *sm)
{
	int rc = smaps_flush(sm);

	return !rc && sm->odd && !sm->told ? -EPROTO : rc;
}

/* "55e0-55f0 rw-p 00000000 fe:00 123   /name with blanks" */
static bool smaps_header(struct smaps *sm, struct span line)
{
	struct ksm_vma *v = &sm->vma;
	uint64_t start, end, inode = 0;
	struct span word;

	if (!span_hex(&line, &start) || !line.len || *line.s != '-')
		return false;
	line.s++;
	line.len--;
	if (!span_hex(&line, &end) || end <= start || !span_word(&line, &word) || word.len != 4)
		return false;
	memset(v, 0, sizeof(*v));
	v->start = start;
	v->end = end;
	memcpy(v->perms, word.s, 4);
	v->writable = v->perms[1] == 'w';
	if (!span_word(&line, &word) || !span_word(&line, &word) || !span_word(&line, &word))
		return false;
	span_u64(word, &inode);
	v->file = inode != 0;
	while (line.len && *line.s == ' ') {
		line.s++;
		line.len--;
	}
	line.len = MIN(line.len, sizeof(sm->name) - 1);
	memcpy(sm->name, line.s, line.len);
	sm->name[line.len] = '\0';
	return true;
}

/*
 * A mapping may have several of these flags, and the kernel prints them in the
 * order of their bits: "de" stands before "ht".  The first row that fits says most.
 */
static void smaps_flags(struct ksm_vma *v, struct span line)
{
	size_t best = ARRAY_SIZE(excluded);
	struct span word;

	while (span_word(&line, &word)) {
		if (span_is(word, "mg"))
			v->mergeable = true;
		else if (span_is(word, "lo"))
			v->locked = true;
		for (size_t i = 0; i < best; i++)
			if (span_is(word, excluded[i].flag))
				best = i;
	}
	if (best < ARRAY_SIZE(excluded))
		v->why = excluded[best].why;
}

static void smaps_field(struct ksm_vma *v, struct span line)
{
	static const struct {
		const char *key;
		size_t offset;
	} sizes[] = {
		{ "Rss:", offsetof(struct ksm_vma, rss_bytes) },
		{ "Anonymous:", offsetof(struct ksm_vma, anon_bytes) },
		{ "Swap:", offsetof(struct ksm_vma, swap_bytes) },
		{ "KSM:", offsetof(struct ksm_vma, ksm_bytes) },
	};
	struct span key, val;
	uint64_t kib;

	if (!span_word(&line, &key))
		return;
	if (span_is(key, "VmFlags:")) {
		smaps_flags(v, line);
		return;
	}
	if (!span_word(&line, &val) || !span_u64(val, &kib) || kib > INT64_MAX / 1024)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		if (span_is(key, sizes[i].key))
			*(uint64_t *)(void *)((char *)v + sizes[i].offset) = kib * 1024;
	if (span_is(key, "KSM:"))
		v->ksm_line = KSM_FIG((int64_t)(kib * 1024));
	else if (span_is(key, "AnonHugePages:"))
		v->thp = kib > 0;
}

static int smaps_line(struct smaps *sm, struct span line)
{
	int rc;

	/* Field names begin with a capital letter, addresses never do. */
	if (line.len && !(*line.s >= 'A' && *line.s <= 'Z')) {
		rc = smaps_flush(sm);
		if (rc)
			return rc;
		sm->open = smaps_header(sm, line);
		sm->odd |= !sm->open;
		return 0;
	}
	if (sm->open)
		smaps_field(&sm->vma, line);
	return 0;
}

int ksm_smaps_parse(const char *buf, size_t len, ksm_vma_fn fn, void *arg)
{
	struct smaps sm = { .fn = fn, .arg = arg };
	struct span rest = { buf, len }, line;
	int rc;

	while (span_line(&rest, &line)) {
		rc = smaps_line(&sm, line);
		if (rc)
			return rc;
	}
	return smaps_end(&sm);
}

/* What is missing of the last line, if it has no end here, is passed over. */
static int smaps_lines(struct smaps *sm, const char *buf, size_t len)
{
	struct span rest = { buf, len }, line;
	int rc;

	while (span_line(&rest, &line)) {
		rc = sm->cut ? 0 : smaps_line(sm, line);
		if (rc)
			return rc;
		sm->cut = line.s + line.len == buf + len;
	}
	return 0;
}

/*
 * Whole lines of @fd to @sm, at most @piece bytes a read: the kernel walks the
 * page tables of as many mappings as fit into one.  A name can be longer than
 * any buffer (nested directories, each byte escaped to four): it is cut.
 */
static int smaps_stream(int fd, struct smaps *sm, char *buf, size_t size, size_t piece)
{
	size_t have = 0;
	ssize_t n;
	int rc;

	for (;;) {
		const char *nl;
		size_t take;

		n = read(fd, buf + have, MIN(size - have, piece));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		have += n;
		nl = memrchr(buf, '\n', have);
		if (!n || (!nl && have == size))
			take = have;
		else
			take = nl ? (size_t)(nl - buf) + 1 : 0;
		rc = smaps_lines(sm, buf, take);
		if (rc)
			return rc;
		have -= take;
		memmove(buf, buf + take, have);
		if (!n)
			return smaps_end(sm);
	}
}

static int vmas_walk(struct ksm *k, pid_t pid, ksm_vma_fn fn, void *arg, size_t piece)
{
	const size_t size = MAX(piece, (size_t)2 * NAME_MAX_LEN);
	char path[KSM_FILE_NAME_MAX];
	int fd __cleanup_fd = ksm_path_open(k, O_RDONLY, "%s",
					    ksm_file_path(KSM_FILE_SMAPS, ksm_proc_thread(k, pid),
							  path));
	char *buf __cleanup_free = malloc(size);
	struct smaps *sm __cleanup_free = calloc(1, sizeof(*sm));
	int rc;

	if (fd < 0)
		return ksm_proc_lacks(k, pid, fd);
	if (!buf || !sm)
		return -ENOMEM;
	sm->fn = fn;
	sm->arg = arg;
	rc = smaps_stream(fd, sm, buf, size, piece);
	if (rc < 0 && rc != -ESRCH)
		ksm_fail(k, rc, "read", "%s", ksm_file_path(KSM_FILE_SMAPS, pid, path));
	return rc;
}

int ksm_vmas_walk(struct ksm *k, pid_t pid, ksm_vma_fn fn, void *arg)
{
	return vmas_walk(k, pid, fn, arg, 128 << 10);
}

void ksm_vma_strip_add(struct strip_roll *strip, const struct ksm_vma *v)
{
	strip_roll_add(strip, v->anon_bytes, v->anon_bytes, v->mergeable ? v->anon_bytes : 0);
}

/*
 * The main thread's stack is mapped by exec before the inherited setting is
 * applied to new mappings, so it tells nothing about how the process asked.
 */
static bool is_telling(const struct ksm_vma *v)
{
	return v->mergeable || (v->why == KSM_VMA_OK && strcmp(v->name, "[stack]"));
}

struct member {
	bool any, mergeable, not_mergeable;
};

static int member_vma(const struct ksm_vma *v, void *arg)
{
	struct member *m = arg;

	m->any = true;
	if (is_telling(v))
		*(v->mergeable ? &m->mergeable : &m->not_mergeable) = true;
	return m->mergeable && m->not_mergeable;
}

int ksm_proc_member(struct ksm *k, pid_t pid, enum ksm_member *out)
{
	struct member m = { false, false, false };
	int rc;

	if (k->present == KSM_ABSENT) {
		*out = KSM_MEMBER_ABSENT;
		return 0;
	}
	rc = vmas_walk(k, pid, member_vma, &m, 8 << 10);
	if (rc == -EACCES || rc == -EPERM)
		*out = KSM_MEMBER_DENIED;
	if (rc < 0)
		return rc;
	/* Whoever has no memory has just given it up to end. */
	if (!m.any)
		*out = KSM_MEMBER_UNKNOWN;
	else if (!m.mergeable)
		*out = KSM_MEMBER_OFF;
	else
		*out = m.not_mergeable ? KSM_MEMBER_MADVISE : KSM_MEMBER_ANY;
	return 0;
}

static int first_vma(const struct ksm_vma *v, void *arg)
{
	enum ksm_member *m = arg;

	if (!is_telling(v))
		return 0;
	*m = v->mergeable ? KSM_MEMBER_ANY : KSM_MEMBER_MADVISE;
	return 1;
}

int ksm_proc_member_quick(struct ksm *k, pid_t pid, enum ksm_member *out)
{
	int rc = vmas_walk(k, pid, first_vma, out, 1 << 10);

	return rc < 0 ? rc : 0;
}
