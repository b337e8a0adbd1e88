// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inject-find.c - what to use of a target: a thread, and dead memory; whether it
 * is the one that was looked at.
 *
 * Only reads, and nothing is stopped here: whatever takes time is done before
 * the target is touched, and what could have changed by then is looked at once
 * more by inject_target_check() on the stopped thread.
 */
#include "inject/inject-arch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "inject/ptrace.h"
#include "libksm/internal.h"
#include "libksm/parse.h"
#include "libksm/sys.h"
#include "util/vec.h"

/* Below the frame, for the handlers of signals that hit a target left alone. */
#define ROOM_BELOW (32U << 10)
/* Distance to a stack pointer, should its thread run on meanwhile. */
#define ROOM_MARGIN (32U << 10)
/* More than any ABI uses below a stack pointer that stands still (the red zone is 128). */
#define RED_ZONE 1024U
/* 256 pages of 4 KiB: mm/mmap.c stack_guard_gap, the gap that a growing stack must keep. */
#define STACK_GAP (1U << 20)

/* ------------------------------------------------------------------ */
/* threads								*/

/* The fields behind the last ')' of a stat line: a name may hold anything. */
static struct span stat_fields(const char *line)
{
	const char *p = strrchr(line, ')');

	return p ? (struct span){ p + 1, strlen(p + 1) } : (struct span){ "", 0 };
}

static char stat_state(const char *line)
{
	struct span rest = stat_fields(line), word;

	return span_word(&rest, &word) ? *word.s : '\0';
}

/*
 * Threads that the kernel added to a process for its own use (io_uring 5.12,
 * vhost 6.4) never run the program's code.  PF_IO_WORKER and PF_USER_WORKER of
 * include/linux/sched.h; the flags are the seventh field behind the name.
 */
static bool stat_is_worker(const char *line)
{
	struct span rest = stat_fields(line), word;
	uint64_t flags = 0;

	for (int i = 0; i < 7; i++)
		if (!span_word(&rest, &word))
			return false;
	return span_u64(word, &flags) && flags & (0x00000010 | 0x00004000);
}

/*
 * The main thread comes first if it can be used at all: while it stands still,
 * nobody runs on the stack that the frame is put on.  Sleepers come before
 * runners, which may stand in a sequence that must not be interrupted (rseq).
 */
static int thread_rank(const struct inject_thread *t, pid_t pid)
{
	if (t->state == 'D')
		return 3;
	if (t->tid == pid)
		return 0;
	return t->state == 'R' ? 2 : 1;
}

struct ranked {
	struct inject_thread thread;
	int rank;
	size_t order;
};

static int ranked_cmp(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank - y->rank;
	return x->order < y->order ? -1 : x->order > y->order;
}

int inject_threads(struct ksm *k, pid_t pid, struct inject_thread **out, size_t *n)
{
	struct ranked *list __cleanup_free = NULL;
	DIR *dir __cleanup_dir = NULL;
	size_t got = 0, room = 0;
	struct dirent *de;

	*out = NULL;
	*n = 0;
	dir = ksm_path_opendir(k, "proc/%d/task", pid);
	if (!dir)
		return errno == ENOENT ? -ESRCH : -errno;
	while ((de = readdir(dir))) {
		char name[64], line[512];
		uint64_t tid;
		char state;

		if (num_u64(de->d_name, &tid))
			continue;
		snprintf(name, sizeof(name), "%d/task/%d/stat", pid, (pid_t)tid);
		if (ksm_path_read_small(k, k->procfd, name, line, sizeof(line)) < 0)
			continue;
		state = stat_state(line);
		if (!state || strchr("ZXx", state) || stat_is_worker(line))
			continue;
		if (vec_room(list, got, room))
			return -ENOMEM;
		list[got].thread = (struct inject_thread){ tid, state };
		list[got].rank = thread_rank(&list[got].thread, pid);
		list[got].order = got;
		got++;
	}
	if (!got)
		return 0;
	qsort(list, got, sizeof(*list), ranked_cmp);
	*out = calloc(got, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	for (size_t i = 0; i < got; i++)
		(*out)[i] = list[i].thread;
	*n = got;
	return 0;
}

/* ------------------------------------------------------------------ */
/* the target								*/

/*
 * The random bytes that each exec puts on the new stack: where they changed, an
 * exec came in between and nothing known about the target holds.
 */
static int read_random(struct inject_target *t)
{
	struct str buf __cleanup_str;
	int rc;

	str_init(&buf);
	rc = ksm_path_read(t->k, &buf, "proc/%d/task/%d/auxv", t->pid, t->tid);
	if (rc)
		return rc;
	for (size_t i = 0; i + 16 <= buf.len; i += 16) {
		uint64_t pair[2];

		memcpy(pair, buf.s + i, sizeof(pair));
		if (pair[0] != AT_RANDOM)
			continue;
		/* Nowhere else does exec put them; what is there may be a file. */
		if (pair[1] < t->stack_start || pair[1] >= t->stack_end)
			return 0;
		rc = inject_target_read(t, pair[1], t->random, sizeof(t->random));
		if (!rc)
			t->random_at = pair[1];
		return rc == -EFAULT ? 0 : rc;
	}
	return 0;
}

/* "NR ARG... SP PC" of a sleeping thread, "running", or "-1 SP PC" outside of a call. */
static struct inject_sleep parse_sleep(const char *text)
{
	struct inject_sleep s = { 0 };
	uint64_t *into[] = { &s.args[0], &s.args[1], &s.args[2], &s.args[3],
			     &s.args[4], &s.args[5], &s.sp,	 &s.pc };
	struct span rest = { text, strcspn(text, "\n") }, word;
	int64_t nr;

	if (!span_word(&rest, &word) || !span_s64(word, &nr))
		return s;
	s.nr = nr;
	for (size_t i = nr < 0 ? 6 : 0; i < ARRAY_SIZE(into); i++) {
		if (!span_word(&rest, &word) || word.len < 3 || memcmp(word.s, "0x", 2))
			return s;
		word.s += 2;
		word.len -= 2;
		if (!span_hex(&word, into[i]))
			return s;
	}
	s.known = true;
	return s;
}

struct inject_sleep inject_target_sleep(const struct inject_target *t)
{
	char line[256];
	ssize_t n = t->syscall_fd < 0 ? -1 : pread(t->syscall_fd, line, sizeof(line) - 1, 0);

	line[n > 0 ? n : 0] = '\0';
	return parse_sleep(line);
}

/*
 * The first number is the thread's CPU time in ns, exact while it does not run
 * (fs/proc/base.c proc_pid_schedstat()).  All are 0 where nobody counts.
 */
uint64_t inject_target_cpu(const struct inject_target *t)
{
	char line[96];
	ssize_t n = t->schedstat_fd < 0 ? -1 :
					  pread(t->schedstat_fd, line, sizeof(line), 0);
	struct span rest = { line, n > 0 ? n : 0 }, word;
	uint64_t ns;

	if (!span_word(&rest, &word) || !span_u64(word, &ns) || !ns)
		return ksm_now_ns();
	return ns;
}

static void read_main_sp(struct inject_target *t)
{
	char name[64], line[512];

	snprintf(name, sizeof(name), "%d/task/%d/stat", t->pid, t->pid);
	if (ksm_path_read_small(t->k, t->k->procfd, name, line, sizeof(line)) < 0 ||
	    strchr("ZXx", stat_state(line))) {
		t->main_gone = true;
		return;
	}
	snprintf(name, sizeof(name), "%d/task/%d/syscall", t->pid, t->pid);
	if (ksm_path_read_small(t->k, t->k->procfd, name, line, sizeof(line)) >= 0)
		t->main_sp = parse_sleep(line).sp;
}

/*
 * The whole file: its line of supplementary groups alone may be half a megabyte,
 * and what decides comes behind it.  A line that this kernel writes for everybody
 * and that is not there is a reason to refuse, for its value may be one.
 */
static int check_status(const struct inject_target *t, bool ours, struct ksm_proc_status *out,
			enum ksm_inject_why *why)
{
	struct str text __cleanup_str;
	struct ksm_proc_status st;
	int rc;

	str_init(&text);
	if (lseek(t->status_fd, 0, SEEK_SET))
		return -errno;
	rc = ksm_path_read_fd(t->status_fd, KSM_FILE_STATUS, &text);
	if (rc)
		return rc;
	*why = KSM_INJECT_STATUS;
	if (ksm_proc_status_parse(str_get(&text), text.len, &st) || st.tracer < 0 ||
	    (st.seccomp < 0 && sys_seccomp_get() != -EINVAL))
		return -EPROTO;
	*out = st;
	if (!ours && st.tracer) {
		*why = KSM_INJECT_TRACED;
		return -EBUSY;
	}
	if (st.seccomp > INJECT_SECCOMP_OFF && t->seccomp_why) {
		*why = t->seccomp_why;
		return -EACCES;
	}
	*why = inject_arch_refuses(str_get(&text), t->arch_line);
	return *why == KSM_INJECT_STATUS ? -EPROTO : *why ? -EOPNOTSUPP : 0;
}

/* As everybody's status is written by the same kernel, our own tells what to expect. */
static bool has_arch_line(struct ksm *k)
{
	struct str text __cleanup_str;

	str_init(&text);
	return !ksm_path_read_file(k, KSM_FILE_STATUS, getpid(), &text) &&
	       inject_arch_refuses(str_get(&text), true) != KSM_INJECT_STATUS;
}

/*
 * Asked once all is open: from then on nothing that is read can be another's.
 * It changes its user, or becomes another program, after that: the stopped
 * thread tells (inject_target_check()).
 */
int inject_target_still(struct inject_target *t, const struct ksm_whom *whom,
			enum ksm_inject_why *why)
{
	struct ksm_proc p;
	int rc = ksm_proc_read(t->k, whom->id.pid, 0, &p);

	*why = KSM_INJECT_FAILED;
	if (!rc && p.start_ticks != whom->id.start_ticks) {
		*why = KSM_INJECT_OTHER;
		return -ESRCH;
	}
	if (!rc && whom->sel) {
		rc = ksm_select_still(t->k, whom->sel, &whom->id);
		if (!rc) {
			*why = KSM_INJECT_CHANGED;
			return -ESRCH;
		}
		rc = MIN(rc, 0);
	}
	return rc;
}

int inject_target_init(struct inject_target *t, struct ksm *k, const struct ksm_whom *whom,
		       pid_t tid, enum ksm_inject_why *why)
{
	const pid_t pid = whom->id.pid;
	struct ksm_proc_status st;
	bool compat;
	int rc;

	*t = (struct inject_target){
		.k = k,
		.pid = pid,
		.tid = tid,
		.pagemap_fd = -1,
		.status_fd = -1,
		.syscall_fd = -1,
		.schedstat_fd = -1,
		.page_size = ksm_page_size(k),
		.hides_mask = ksm_kernel_version(k) < 501,
		.log_allows = ksm_kernel_version(k) >= 414,
		.seccomp_why = ksm_inject_seccomp(k, INJECT_SECCOMP_FILTER),
	};
	inject_arch_init();
	*why = KSM_INJECT_FAILED;
	t->status_fd = ksm_path_open(k, O_RDONLY, "proc/%d/task/%d/status", pid, tid);
	if (t->status_fd < 0)
		return t->status_fd;
	t->arch_line = has_arch_line(k);
	*why = KSM_INJECT_FAILED;
	rc = check_status(t, false, &st, why);
	memcpy(t->uid, st.uid, sizeof(t->uid));
	if (rc)
		return rc;
	*why = KSM_INJECT_FAILED;
	rc = inject_maps_read(t, &compat);
	if (rc)
		return rc;
	if (compat) {
		*why = KSM_INJECT_COMPAT;
		return -EOPNOTSUPP;
	}
	if (!t->stack_end) {
		*why = KSM_INJECT_NO_ROOM;
		return -EOPNOTSUPP;
	}
	t->pagemap_fd = ksm_path_open(k, O_RDONLY, "proc/%d/task/%d/pagemap", pid, tid);
	if (t->pagemap_fd < 0)
		return t->pagemap_fd;
	/* A kernel without CONFIG_HAVE_ARCH_TRACEHOOK has none, but none of ours is. */
	t->syscall_fd = ksm_path_open(k, O_RDONLY, "proc/%d/task/%d/syscall", pid, tid);
	t->schedstat_fd = ksm_path_open(k, O_RDONLY, "proc/%d/task/%d/schedstat", pid, tid);
	rc = read_random(t);
	if (rc)
		return rc;
	if (tid != pid)
		read_main_sp(t);
	rc = inject_target_still(t, whom, why);
	return rc ? rc : inject_code_find(t, why);
}

void inject_target_fini(struct inject_target *t)
{
	if (t->pagemap_fd >= 0)
		close(t->pagemap_fd);
	if (t->status_fd >= 0)
		close(t->status_fd);
	if (t->syscall_fd >= 0)
		close(t->syscall_fd);
	if (t->schedstat_fd >= 0)
		close(t->schedstat_fd);
	t->pagemap_fd = t->status_fd = t->syscall_fd = t->schedstat_fd = -1;
	free(t->texts);
	t->texts = NULL;
	t->n_texts = t->cap_texts = 0;
}

int inject_target_check(const struct inject_target *t, int *seccomp, enum ksm_inject_why *why)
{
	const struct inject_code *code = &t->code;
	uint8_t random[sizeof(t->random)];
	uint8_t call[INJECT_CODE_BYTES], back[INJECT_CODE_BYTES];
	struct ksm_proc_status st;
	int rc;

	/* What has left memory meanwhile is brought in again by the next attempt. */
	if (inject_target_read(t, code->call, call, code->call_len) ||
	    inject_target_read(t, code->back, back, code->back_len) ||
	    memcmp(call, code->call_bytes, code->call_len) ||
	    memcmp(back, code->back_bytes, code->back_len) ||
	    (t->random_at && (inject_target_read(t, t->random_at, random, sizeof(random)) ||
			      memcmp(random, t->random, sizeof(random))))) {
		*why = KSM_INJECT_UNSETTLED;
		return -EAGAIN;
	}
	/* Of another that was given this number, the file that is open tells ESRCH. */
	rc = check_status(t, true, &st, why);
	if (!rc)
		*seccomp = MAX(st.seccomp, INJECT_SECCOMP_OFF);
	if (!rc && memcmp(st.uid, t->uid, sizeof(t->uid))) {
		*why = KSM_INJECT_UNSETTLED;
		return -EAGAIN;
	}
	return rc;
}

/* ------------------------------------------------------------------ */
/* dead memory								*/

/* Bit 55 (soft-dirty) is set for untouched pages too: Documentation/admin-guide/mm/pagemap.rst */
static bool is_untouched(uint64_t entry)
{
	return !(entry & ~(1ULL << 55));
}

static bool is_zero(pid_t tid, uint64_t at, size_t len)
{
	uint8_t *buf __cleanup_free = malloc(len);

	if (!buf || ptrace_read(tid, at, buf, len))
		return false;
	for (size_t i = 0; i < len; i++)
		if (buf[i])
			return false;
	return true;
}

/*
 * Makes the kernel grow the stack downward, as a deep call would.  Only a write
 * through ptrace does: process_vm_writev() no longer expands (6.5,
 * mm/gup.c gup_vma_lookup(); mm/memory.c __access_remote_vm() still does).
 */
static uint64_t grow_stack(const struct inject_target *t, size_t len)
{
	uint64_t at = t->stack_start - len;

	if (at > t->stack_start || at < t->stack_floor + STACK_GAP)
		return 0;
	if (sys_ptrace(SYS_PTRACE_POKEDATA, t->tid, at, NULL))
		return 0;
	return at;
}

/*
 * The frame goes to the far end of the main thread's stack, the one piece of
 * memory of which the kernel says what it is.  Below a stack pointer that is
 * in it, all of it is dead.  When the main thread is on another stack
 * (goroutine, fibre, signal stack), pages never written to, or holding zeroes
 * only, hold nobody's data, and automatic memory is not relied upon to be zero.
 * Never the memory below the pointer of an arbitrary thread: stacks of
 * goroutines and fibres end a few bytes below it, in somebody else's data.
 */
uint64_t inject_target_room(const struct inject_target *t, uint64_t sp, size_t len)
{
	uint64_t pages = (t->stack_end - t->stack_start) / t->page_size;
	uint64_t need = len / t->page_size;
	uint64_t main_sp = t->tid == t->pid ? sp : t->main_sp;
	bool on_stack = main_sp > t->stack_start && main_sp <= t->stack_end;
	uint64_t dead_end = on_stack ? main_sp - MIN(main_sp - t->stack_start, ROOM_MARGIN) :
				       t->stack_start;
	uint64_t skip = ROOM_BELOW / t->page_size;
	uint64_t *map __cleanup_free = NULL;
	uint64_t run = 0;
	ssize_t n;

	if (t->main_gone)
		dead_end = t->stack_end - MIN(t->stack_end - t->stack_start, ROOM_MARGIN);
	if (dead_end >= t->stack_start + ROOM_BELOW + len)
		return t->stack_start + ROOM_BELOW;

	/* The far end is what counts; a stack may be gigabytes. */
	pages = MIN(pages, 1024U);
	map = calloc(pages, sizeof(*map));
	if (!map)
		return 0;
	n = pread(t->pagemap_fd, map, pages * sizeof(*map),
		  t->stack_start / t->page_size * sizeof(*map));
	pages = n > 0 ? n / sizeof(*map) : 0;
	for (uint64_t i = MIN(skip, pages); i < pages; i++) {
		uint64_t at = t->stack_start + i * t->page_size;

		run = is_untouched(map[i]) || is_zero(t->tid, at, t->page_size) ? run + 1 : 0;
		if (run == need && (!on_stack || at + t->page_size <= main_sp - RED_ZONE))
			return at - (need - 1) * t->page_size;
	}
	return grow_stack(t, len);
}
