// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dump.c - the files of a root as a dump has them: all that the tools read, less what
 * is private.
 *
 * Which files, the tables of files.c and attrs.c tell; they are read here, and what is
 * private is left out before anybody else sees them.  Written they are by who asks.
 */
#include "libksm/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "libksm/parse.h"
#include "libksm/tuner.h"

/* --- what is left out (pure) --- */

/* The lines of /proc/PID/status that ksm_proc_status_parse() reads; others tell groups and more. */
static const char *const status_keys[] = {
	"State:", "Tgid:", "TracerPid:", "Uid:", "Threads:", "Seccomp:",
};

int ksm_dump_status(const char *buf, size_t len, struct str *out)
{
	struct span rest = { buf, len }, line, words, key;

	while (span_line(&rest, &line)) {
		words = line;
		if (!span_word(&words, &key))
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(status_keys); i++)
			if (span_is(key, status_keys[i])) {
				str_addmem(out, line.s, line.len);
				str_addc(out, '\n');
			}
	}
	return str_err(out);
}

/* While mappings are given other addresses: sizes, order, and which adjoin, stay. */
struct rebase {
	uint64_t page;
	uint64_t next;		/* the address after the last mapping */
	uint64_t was_end;	/* where that one ended */
};

/* "[heap]" is the kernel's word, of "[anon:NAME]" only a part; anything else names a file. */
static void add_mapping_name(struct span name, struct str *out)
{
	const char *colon = memchr(name.s, ':', name.len);

	if (!name.len)
		return;
	str_addc(out, ' ');
	if (*name.s != '[')
		str_add(out, "/file");
	else if (colon)
		str_addf(out, "%.*s]", (int)(colon - name.s), name.s);
	else
		str_addmem(out, name.s, name.len);
}

/* "55e0-55f0 rw-p 00000000 fe:00 123   /name": false when it is no such line. */
static bool add_header(struct rebase *r, struct span line, struct str *out)
{
	struct span perms, offset, dev, inode;
	uint64_t start, end, ino = 0, at;

	if (!span_hex(&line, &start) || !line.len || *line.s != '-')
		return false;
	line.s++;
	line.len--;
	if (!span_hex(&line, &end) || end <= start || !span_word(&line, &perms) ||
	    !span_word(&line, &offset) || !span_word(&line, &dev) || !span_word(&line, &inode) ||
	    perms.len != 4)
		return false;
	/* Whether there is a file is asked, and not which. */
	span_u64(inode, &ino);
	while (line.len && *line.s == ' ') {
		line.s++;
		line.len--;
	}
	at = r->next + (start == r->was_end ? 0 : r->page);
	if (at + (end - start) < at)
		return false;
	r->next = at + (end - start);
	r->was_end = end;
	str_addf(out, "%08" PRIx64 "-%08" PRIx64 " %.4s 00000000 00:00 %d", at, r->next, perms.s,
		 ino != 0);
	add_mapping_name(line, out);
	str_addc(out, '\n');
	return true;
}

#define FIELD_MAX 256	/* VmFlags is the longest, with three bytes for each of 64 */

int ksm_dump_smaps(const char *buf, size_t len, size_t page_size, struct str *out)
{
	struct span rest = { buf, len }, line;
	struct rebase r = { .page = page_size, .next = page_size };
	bool open = false;

	while (span_line(&rest, &line)) {
		/* Field names begin with a capital letter, addresses never do. */
		if (!line.len || !(*line.s >= 'A' && *line.s <= 'Z')) {
			open = add_header(&r, line, out);
		} else if (open && line.len <= FIELD_MAX) {
			str_addmem(out, line.s, line.len);
			str_addc(out, '\n');
		}
	}
	return str_err(out);
}

/* --- the system --- */

/* 0 and what @fn said of it; a file that is not there, or means nothing now, is left out. */
static int put(struct ksm *k, int rc, const char *path, const struct str *text, ksm_dump_fn fn,
	       void *arg)
{
	if (!rc)
		return fn(path, str_get(text), text->len, arg);
	switch (ksm_state_of(rc)) {
	case KSM_ABSENT:
		return 0;
	case KSM_DENIED:
		return fn(path, NULL, 0, arg);
	default:
		/* Pressure that is not measured (psi=0) answers so. */
		return rc == -EOPNOTSUPP ? 0 : ksm_fail(k, rc, "read", "%s", path);
	}
}

static int put_meta(struct ksm *k, ksm_dump_fn fn, void *arg)
{
	struct str text __cleanup_str = STR_INIT;
	char release[KSM_RELEASE_MAX];

	ksm_kernel_release(k, release);
	str_addf(&text, "page_size %zu\nclock_tick %u\n", k->page_size, k->clock_tick);
	if (*release)
		str_addf(&text, "release %s\n", release);
	if (k->live || k->meta_when_ns)
		str_addf(&text, "when_ns %" PRIu64 "\n", k->live ? ksm_now_ns() : k->meta_when_ns);
	return str_err(&text) ?: fn(ksm_file_info(KSM_FILE_META)->name, str_get(&text), text.len,
				    arg);
}

struct pods_dump {
	ksm_dump_fn fn;
	void *arg;
};

/* Of a pod's directory its name is all that is read, so an empty file stands for it. */
static int put_pod(const char *dir, void *arg)
{
	const struct pods_dump *p = arg;
	char base[KSM_FILE_NAME_MAX], path[KSM_FILE_NAME_MAX + NAME_MAX];

	snprintf(path, sizeof(path), "%s/%s", ksm_file_path(KSM_FILE_PODS, 0, base), dir);
	return p->fn(path, "", 0, p->arg);
}

static int put_pods(struct ksm *k, ksm_dump_fn fn, void *arg)
{
	struct pods_dump p = { fn, arg };
	const int rc = ksm_pods_list(k, put_pod, &p);

	/* A host without them, or one that keeps them to itself. */
	return ksm_state_of(rc) == KSM_VALUE ? rc : 0;
}

int ksm_dump_system(struct ksm *k, unsigned int with, ksm_dump_fn fn, void *arg)
{
	struct str text __cleanup_str = STR_INIT;
	char path[KSM_FILE_NAME_MAX];
	int rc = put_meta(k, fn, arg);

	for (enum ksm_file f = 0; !rc && f < __KSM_FILE_N; f++) {
		switch (ksm_file_info(f)->keep) {
		case KSM_KEEP_ALL:
			rc = ksm_path_read_file(k, f, 0, &text);
			break;
		case KSM_KEEP_NOTE:
			/* One that is not believed is none. */
			rc = ksm_tuner_read_text(k, f, &text);
			rc = rc == -EPERM ? -ENOENT : rc;
			break;
		case KSM_KEEP_NAMES:
			rc = with & KSM_DUMP_CGROUP ? put_pods(k, fn, arg) : 0;
			continue;
		default:
			continue;
		}
		rc = put(k, rc, ksm_file_path(f, 0, path), &text, fn, arg);
	}
	for (enum ksm_attr id = 0; !rc && id < __KSM_ATTR_N; id++) {
		rc = ksm_path_read(k, &text, "%s", ksm_attr_path(id, path));
		rc = put(k, rc, path, &text, fn, arg);
	}
	return rc;
}

/* --- a process --- */

struct taken {
	struct str text[__KSM_FILE_N];
	int rc[__KSM_FILE_N];
};

static void taken_fini(struct taken *t)
{
	for (size_t i = 0; i < __KSM_FILE_N; i++)
		str_fini(&t->text[i]);
}

/* One file of the process whose memory @thread shows, without what is private. */
static int take(struct ksm *k, const struct ksm_proc *p, pid_t thread, enum ksm_file f,
		unsigned int with, struct str *out)
{
	struct str raw __cleanup_str = STR_INIT;
	int rc;

	switch (ksm_file_info(f)->keep) {
	case KSM_KEEP_PROC:
		return p->kthread ? -ENOENT : ksm_path_read_file(k, f, thread, out);
	case KSM_KEEP_KTHREAD:
		return p->kthread ? ksm_path_read_file(k, f, p->pid, out) : -ENOENT;
	case KSM_KEEP_STAT:
		return ksm_proc_pidstat_format(p, out);
	case KSM_KEEP_STATUS:
		rc = ksm_path_read_file(k, f, p->pid, &raw);
		return rc ? rc : ksm_dump_status(str_get(&raw), raw.len, out);
	case KSM_KEEP_CGROUP:
		return with & KSM_DUMP_CGROUP ? ksm_path_read_file(k, f, p->pid, out) : -ENOENT;
	case KSM_KEEP_CMDLINE:
		rc = ksm_path_read_file(k, f, thread, with & KSM_DUMP_CMDLINE ? out : &raw);
		if (!rc && raw.len) {
			str_add(out, p->comm);
			str_addc(out, '\0');
		}
		return rc ? rc : str_err(out);
	case KSM_KEEP_SMAPS:
		rc = ksm_path_read_file(k, f, thread, with & KSM_DUMP_MAPS ? out : &raw);
		return rc || with & KSM_DUMP_MAPS ?
			       rc :
			       ksm_dump_smaps(str_get(&raw), raw.len, k->page_size, out);
	default:
		return -ENOENT;
	}
}

int ksm_dump_proc(struct ksm *k, const struct ksm_ident *id, unsigned int with, ksm_dump_fn fn,
		  void *arg)
{
	struct taken t = { 0 };
	char path[KSM_FILE_NAME_MAX];
	struct ksm_proc p, again;
	pid_t thread;
	int rc = ksm_proc_read_same(k, id, 0, &p);

	if (rc)
		return rc;
	thread = ksm_proc_thread(k, id->pid);
	for (enum ksm_file f = 0; !rc && f < __KSM_FILE_N; f++) {
		if (ksm_file_info(f)->where != KSM_IN_PROCESS)
			continue;
		t.rc[f] = take(k, &p, thread, f, with, &t.text[f]);
		if (t.rc[f] == -ESRCH || t.rc[f] == -ENOMEM || t.rc[f] == -EFBIG)
			rc = t.rc[f];
	}
	/* All of it is of one process, or none of it is there. */
	if (!rc)
		rc = ksm_proc_read_same(k, id, 0, &again);
	for (enum ksm_file f = 0; !rc && f < __KSM_FILE_N; f++)
		if (ksm_file_info(f)->where == KSM_IN_PROCESS)
			rc = put(k, t.rc[f], ksm_file_path(f, id->pid, path), &t.text[f], fn, arg);
	taken_fini(&t);
	return rc;
}
