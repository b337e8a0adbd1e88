// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inject-code.c - the target's mappings: code to borrow, and what may be read.
 *
 * Which of them may be read, inject-read.c tells; here it is found out on which
 * file systems they are.
 */
#include "inject/inject-arch.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "inject/ptrace.h"
#include "libksm/internal.h"
#include "libksm/parse.h"
#include "util/vec.h"

/* Text that is searched at most; a C library's part of it is a megabyte or two. */
#define TEXT_MAX (256ULL << 20)

/* ------------------------------------------------------------------ */
/* file systems								*/

static bool is_fuse(struct span type)
{
	return span_is(type, "fuse") || span_is(type, "fuseblk") ||
	       (type.len > 5 && !memcmp(type.s, "fuse.", 5));
}

/* "36 35 98:0 /root /mnt rw master:1 - ext3 ...": device and type. */
static bool mount_line(struct span line, uint64_t *dev, struct span *type)
{
	struct span word, major;
	uint64_t ma, mi;

	for (int i = 0; i < 3; i++)
		if (!span_word(&line, &word))
			return false;
	major = (struct span){ word.s, strcspn(word.s, ":") };
	if (major.len >= word.len || !span_u64(major, &ma) ||
	    !span_u64((struct span){ major.s + major.len + 1, word.len - major.len - 1 }, &mi))
		return false;
	*dev = ma << 32 | mi;
	while (span_word(&line, &word))
		if (span_is(word, "-"))
			return span_word(&line, type);
	return false;
}

static void set_fs(struct inject_target *t, uint64_t dev, enum inject_fs fs)
{
	for (size_t i = 0; i < t->n_texts; i++)
		if (t->texts[i].fs == INJECT_FS_UNKNOWN && t->texts[i].dev == dev)
			t->texts[i].fs = fs;
}

/* What the mounts of @pid, 0 for our own, say of file systems not known yet. */
static int read_mounts(struct inject_target *t, pid_t pid)
{
	const enum inject_fs fs = pid ? INJECT_FS_THEIRS : INJECT_FS_OURS;
	int fd __cleanup_fd = pid ? ksm_path_open(t->k, O_RDONLY, "proc/%d/mountinfo", pid) :
				    ksm_path_open(t->k, O_RDONLY, "proc/self/mountinfo");
	FILE *f __cleanup_file = fd < 0 ? NULL : fdopen(fd, "r");
	char *line __cleanup_free = NULL;
	size_t room = 0;
	ssize_t n;

	/* Whoever does not see mounts knows no file system. */
	if (!f)
		return fd < 0 ? 0 : -ENOMEM;
	steal_fd(&fd);
	while ((n = getline(&line, &room, f)) > 0) {
		struct span type;
		uint64_t dev;

		line[n - 1] = '\0';
		if (mount_line((struct span){ line, (size_t)n - 1 }, &dev, &type))
			set_fs(t, dev, is_fuse(type) ? INJECT_FS_FUSE : fs);
	}
	return 0;
}

static bool has_unknown(const struct inject_target *t)
{
	for (size_t i = 0; i < t->n_texts; i++)
		if (t->texts[i].fs == INJECT_FS_UNKNOWN)
			return true;
	return false;
}

static uint64_t dev_of(const struct stat *st)
{
	return (uint64_t)major(st->st_dev) << 32 | minor(st->st_dev);
}

/* Files of memfd_create(2) are on a file system that is mounted nowhere; ours tells its number. */
static void find_memfd(struct inject_target *t)
{
	int fd __cleanup_fd = memfd_create("ksm", MFD_CLOEXEC);
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st))
		set_fs(t, dev_of(&st), INJECT_FS_OURS);
}

/* In a chroot that is no mount point, the list of our mounts lacks what "/" is on. */
static void find_root(struct inject_target *t)
{
	struct statfs fs;
	struct stat st;

	if (!stat("/", &st) && !statfs("/", &fs))
		set_fs(t, dev_of(&st),
		       fs.f_type == FUSE_SUPER_MAGIC ? INJECT_FS_FUSE : INJECT_FS_OURS);
}

static int find_file_systems(struct inject_target *t)
{
	int rc = read_mounts(t, 0);

	if (!rc && has_unknown(t))
		find_memfd(t);
	if (!rc && has_unknown(t))
		find_root(t);
	return !rc && has_unknown(t) ? read_mounts(t, t->tid) : rc;
}

/* ------------------------------------------------------------------ */
/* code									*/

/*
 * Where to look first.  The vdso is small and always there, but has no
 * rt_sigreturn on x86_64; a C library has all that is needed within its first
 * pages.  Mappings without a name may be code that a compiler is still writing,
 * and are left out.
 */
static int text_rank(struct span path)
{
	const char *slash;
	size_t len;

	if (span_is(path, "[vdso]"))
		return 0;
	if (!path.len || *path.s != '/')
		return -1;
	slash = memrchr(path.s, '/', path.len);
	len = path.s + path.len - ++slash;
	if ((len > 5 && (!memcmp(slash, "libc.", 5) || !memcmp(slash, "libc-", 5))) ||
	    (len > 7 && !memcmp(slash, "ld-musl", 7)))
		return 1;
	return 2;
}

static int text_cmp(const void *a, const void *b)
{
	const struct inject_text *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank - y->rank;
	return x->end - x->start < y->end - y->start ? -1 : 1;
}

static int text_add(struct inject_target *t, const struct inject_text *text)
{
	if (vec_room(t->texts, t->n_texts, t->cap_texts))
		return -ENOMEM;
	t->texts[t->n_texts++] = *text;
	return 0;
}

/* 1 when the code is complete, 0 when this piece did not do it, -errno when none will. */
static int search_piece(struct inject_target *t, uint64_t at, size_t len, bool all,
			uint64_t *budget, uint8_t *buf)
{
	size_t n;

	for (size_t off = 0; off < len; off += n) {
		int rc;

		n = all ? len : inject_target_there(t, at + off, len - off);
		if (!n) {
			n = t->page_size - (at + off) % t->page_size;
			continue;
		}
		if (*budget < n)
			return -ENOBUFS;
		*budget -= n;
		rc = ptrace_read(t->tid, at + off, buf, n);
		/* A hole is a hole; whoever may not read one piece may not read any. */
		if (rc == -EPERM || rc == -ESRCH)
			return rc;
		if (!rc && inject_arch_find(&t->code, buf, n, at + off))
			return 1;
	}
	return 0;
}

static int search_text(struct inject_target *t, const struct inject_text *text, bool all,
		       uint64_t *budget, uint8_t *buf)
{
	/* Pieces overlap, or an instruction sequence could hide on the seam. */
	for (uint64_t at = text->start; at < text->end; at += INJECT_TEXT_CHUNK - INJECT_CODE_BYTES) {
		size_t len = MIN(text->end - at, (uint64_t)INJECT_TEXT_CHUNK);
		int rc = search_piece(t, at, len, all, budget, buf);

		if (rc || len < INJECT_TEXT_CHUNK)
			return rc;
	}
	return 0;
}

/* First what is in memory.  Then all that cannot keep us waiting for somebody's program. */
int inject_code_find(struct inject_target *t, enum ksm_inject_why *why)
{
	uint8_t *buf __cleanup_free = malloc(INJECT_TEXT_CHUNK);
	uint64_t budget = TEXT_MAX;
	bool unread = false;
	int rc;

	if (!buf)
		return -ENOMEM;
	rc = find_file_systems(t);
	if (rc)
		return rc;
	if (t->n_texts)
		qsort(t->texts, t->n_texts, sizeof(*t->texts), text_cmp);
	for (int all = 0; all < 2; all++) {
		for (size_t i = 0; i < t->n_texts; i++) {
			const struct inject_text *text = &t->texts[i];

			unread |= text->fs != INJECT_FS_OURS;
			if (text->fs == INJECT_FS_FUSE || text->fs == INJECT_FS_UNKNOWN ||
			    (all && text->fs != INJECT_FS_OURS))
				continue;
			rc = search_text(t, text, all, &budget, buf);
			if (rc > 0)
				return 0;
			if (rc == -ENOBUFS)
				break;
			if (rc)
				return rc;
		}
	}
	*why = unread	    ? KSM_INJECT_UNREAD :
	       t->code.call ? KSM_INJECT_NO_RETURN :
			      KSM_INJECT_NO_CODE;
	return -EOPNOTSUPP;
}

/* ------------------------------------------------------------------ */
/* the list of mappings							*/

struct maps_line {
	uint64_t start, end, dev;
	struct span perms, path;
};

/* "55e0-55f0 rw-p 00000000 fe:00 123   /name with blanks" */
static bool parse_line(struct span line, struct maps_line *out)
{
	struct span word;
	uint64_t minor;

	*out = (struct maps_line){ 0 };
	if (!span_hex(&line, &out->start) || !line.len || *line.s != '-')
		return false;
	line.s++;
	line.len--;
	if (!span_hex(&line, &out->end) || !span_word(&line, &out->perms) ||
	    out->perms.len != 4 || !span_word(&line, &word) || !span_word(&line, &word))
		return false;
	if (!span_hex(&word, &out->dev) || !word.len || *word.s != ':')
		return false;
	word.s++;
	word.len--;
	if (!span_hex(&word, &minor))
		return false;
	out->dev = out->dev << 32 | minor;
	span_word(&line, &word);
	if (span_word(&line, &word))
		out->path = (struct span){ word.s, word.len + line.len };
	return true;
}

/* Writable private memory without a name, side by side: maybe the lower part of the stack. */
struct maps_run {
	uint64_t start, end;
	uint64_t floor;		/* end of the mapping below it */
};

static void run_add(struct maps_run *run, const struct maps_line *l, uint64_t prev_end)
{
	if (l->path.len || memcmp(l->perms.s, "rw", 2) || l->perms.s[3] != 'p') {
		run->start = run->end = 0;
		return;
	}
	if (run->end != l->start) {
		run->start = l->start;
		run->floor = prev_end;
	}
	run->end = l->end;
}

/*
 * The kernel gives the name [stack] to that one mapping which the first stack
 * pointer was in (mm/vma.c vma_is_initial_stack(), 6.12).  After an madvise or
 * mlock of a part, what is below that part has no name.  That it is stack all the
 * same, only smaps tell: it grows downward.
 */
static int extend_stack(struct inject_target *t, const struct maps_run *run)
{
	int fd __cleanup_fd = ksm_path_open(t->k, O_RDONLY, "proc/%d/task/%d/smaps", t->pid,
					    t->tid);
	FILE *f __cleanup_file = fd < 0 ? NULL : fdopen(fd, "r");
	struct maps_line line = { 0 };
	char *text __cleanup_free = NULL;
	uint64_t low = run->start;
	size_t room = 0;
	ssize_t n;

	if (!f)
		return fd < 0 ? fd : -ENOMEM;
	steal_fd(&fd);
	while ((n = getline(&text, &room, f)) > 0 && line.start < run->end) {
		text[n - 1] = ' ';
		if (*text >= 'A' && *text <= 'Z') {
			if (line.start >= low && line.end <= run->end &&
			    !strncmp(text, "VmFlags:", 8) && !strstr(text, " gd "))
				low = line.end;
		} else if (!parse_line((struct span){ text, (size_t)n }, &line)) {
			return -EPROTO;
		}
	}
	t->stack_start = low;
	t->stack_floor = low == run->start ? run->floor : low;
	return 0;
}

static int add_line(struct inject_target *t, const struct maps_line *l, uint64_t prev_end,
		    uint64_t *vdso)
{
	struct inject_text text = {
		.start = l->start,
		.end = l->end,
		.dev = l->dev,
		.fs = INJECT_FS_UNKNOWN,
		.rank = text_rank(l->path),
	};

	if (span_is(l->path, "[vdso]")) {
		*vdso = l->start;
		/* The kernel's own memory. */
		text.fs = INJECT_FS_OURS;
	}
	if (span_is(l->path, "[stack]") && !memcmp(l->perms.s, "rw", 2) && l->perms.s[3] == 'p') {
		t->stack_start = l->start;
		t->stack_end = l->end;
		t->stack_floor = prev_end;
	}
	if (l->perms.s[0] != 'r' || l->perms.s[2] != 'x' || text.rank < 0)
		return 0;
	return text_add(t, &text);
}

int inject_maps_read(struct inject_target *t, bool *compat)
{
	int fd __cleanup_fd = ksm_path_open(t->k, O_RDONLY, "proc/%d/task/%d/maps", t->pid, t->tid);
	FILE *f __cleanup_file = fd < 0 ? NULL : fdopen(fd, "r");
	char *text __cleanup_free = NULL;
	struct maps_run run = { 0 }, below = { 0 };
	uint64_t prev_end = 0, vdso = 0;
	uint8_t ident[EI_NIDENT];
	struct maps_line line;
	size_t room = 0;
	ssize_t n;
	int rc;

	if (!f)
		return fd < 0 ? fd : -ENOMEM;
	steal_fd(&fd);
	while ((n = getline(&text, &room, f)) > 0) {
		text[n - 1] = '\0';
		if (!parse_line((struct span){ text, (size_t)n - 1 }, &line))
			return -EPROTO;
		rc = add_line(t, &line, prev_end, &vdso);
		if (rc)
			return rc;
		if (t->stack_start == line.start && run.end == line.start)
			below = run;
		run_add(&run, &line, prev_end);
		prev_end = line.end;
	}
	if (ferror(f))
		return -errno;
	/* It has given up its memory: it is about to end. */
	if (!prev_end)
		return -ESRCH;
	rc = below.end ? extend_stack(t, &below) : 0;
	if (rc)
		return rc;
	/* Known here already, so that the reason is not that its code looks strange. */
	*compat = vdso && !ptrace_read(t->tid, vdso, ident, sizeof(ident)) &&
		  ident[EI_CLASS] == ELFCLASS32;
	return 0;
}
