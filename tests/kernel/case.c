// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The common part of every kernel test case: main(), the guard that puts knobs
 * back, TAP, waiting on the scanner, memory with known content, and frames.
 * Not for knowledge about one engine: all here holds for any implementation of
 * the KSM interface.
 *
 * Before editing: a case's body is a forked child, and cases fork further, so
 * nothing here buffers output, and what parent and child both count lies in
 * shared memory.
 */
#define _GNU_SOURCE
#include "case.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KSM_DIR		"/sys/kernel/mm/ksm/"
#define MAX_KNOBS	32
#define VALUE_LEN	64
#define EXIT_SKIP	77
#define EXEC_WORD	"case-after-exec"
/* Passes take milliseconds; only a scanner that stands still gets here. */
#define STALL_SECONDS	100

static struct {
	unsigned int points;
	unsigned int failed;
	bool planned;
} *tap;

static struct {
	const char *name;
	char value[VALUE_LEN];
} saved[MAX_KNOBS];

static size_t n_saved;
static bool was_idle;
static volatile sig_atomic_t stop_signal;
static volatile pid_t body_pid;

/* Reporting */

static void tap_line(const char *head, const char *fmt, va_list ap,
		     const char *tail) __attribute__((format(printf, 2, 0)));

static void tap_line(const char *head, const char *fmt, va_list ap,
		     const char *tail)
{
	char text[512];

	vsnprintf(text, sizeof(text), fmt, ap);
	for (char *c = text; *c; c++)
		if (*c == '\n' || *c == '#')
			*c = ' ';
	dprintf(STDOUT_FILENO, "%s%s%s\n", head, text, tail);
}

bool case_ok(bool good, const char *fmt, ...)
{
	char head[48];
	va_list ap;

	tap->points++;
	if (!good)
		tap->failed++;
	snprintf(head, sizeof(head), "%s %u - ", good ? "ok" : "not ok",
		 tap->points);
	va_start(ap, fmt);
	tap_line(head, fmt, ap, "");
	va_end(ap);
	return good;
}

void case_skip(const char *fmt, ...)
{
	char head[48];
	va_list ap;

	tap->points++;
	snprintf(head, sizeof(head), "ok %u # SKIP ", tap->points);
	va_start(ap, fmt);
	tap_line(head, fmt, ap, "");
	va_end(ap);
}

void case_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tap_line("# ", fmt, ap, "");
	va_end(ap);
}

static void tap_plan(void)
{
	tap->planned = true;
	dprintf(STDOUT_FILENO, "1..%u\n", tap->points);
}

void case_die(const char *fmt, ...)
{
	char head[48];
	va_list ap;

	tap->points++;
	tap->failed++;
	snprintf(head, sizeof(head), "not ok %u - ", tap->points);
	va_start(ap, fmt);
	tap_line(head, fmt, ap, "");
	va_end(ap);
	_exit(1);
}

/* Kernel files */

static int file_read(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	int err;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	err = errno;
	close(fd);
	if (n < 0)
		return -err;
	while (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return 0;
}

/* Also called on the way out of a signal: nothing here allocates or locks. */
int case_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;
	int err;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	err = errno;
	close(fd);
	return n < 0 ? -err : 0;
}

#define CGROUP	"/tmp/ksm-cgroup"

bool case_cgroup_make(void)
{
	mkdir(CGROUP, 0755);
	if (mount("none", CGROUP, "cgroup2", 0, NULL) && errno != EBUSY)
		return false;
	case_write(CGROUP "/cgroup.subtree_control", "+memory");
	mkdir(CGROUP "/t", 0755);
	return !access(CGROUP "/t/memory.max", W_OK);
}

int case_cgroup_set(const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), CGROUP "/t/%s", file);
	return case_write(path, text);
}

bool case_cgroup_enter(void)
{
	return case_cgroup_make() && !access(CGROUP "/t/memory.reclaim", W_OK) &&
	       !case_cgroup_set("cgroup.procs", "0");
}

void case_cgroup_reclaim(void)
{
	case_cgroup_set("memory.reclaim", "64M");
}

void case_cgroup_out(void)
{
	case_write(CGROUP "/cgroup.procs", "0");
}

void case_cgroup_leave(void)
{
	case_cgroup_out();
	rmdir(CGROUP "/t");
	umount2(CGROUP, MNT_DETACH);
	rmdir(CGROUP);
}

long long case_vmstat(const char *name)
{
	FILE *f = fopen("/proc/vmstat", "re");
	long long n, found = -1;
	char key[64];

	while (f && fscanf(f, "%63s %lld", key, &n) == 2)
		if (!strcmp(key, name))
			found = n;
	if (f)
		fclose(f);
	return found;
}

const char *const case_scan_knobs[] = { CASE_SCAN_KNOBS, NULL };

static void knob_path(char *path, size_t size, const char *knob)
{
	snprintf(path, size, KSM_DIR "%s", knob);
}

static int knob_read(const char *knob, char *buf, size_t size)
{
	char path[128];

	knob_path(path, sizeof(path), knob);
	return file_read(path, buf, size);
}

static int knob_write(const char *knob, const char *value)
{
	char path[128];

	knob_path(path, sizeof(path), knob);
	return case_write(path, value);
}

bool case_has(const char *knob)
{
	char path[128];

	knob_path(path, sizeof(path), knob);
	return access(path, F_OK) == 0;
}

bool case_is_module(void)
{
	return access("/sys/kernel/livepatch/hksm", F_OK) == 0;
}

long long case_get(const char *knob)
{
	char buf[VALUE_LEN];
	int err = knob_read(knob, buf, sizeof(buf));

	if (err)
		case_die("read %s: %s", knob, strerror(-err));
	return strtoll(buf, NULL, 10);
}

static bool is_declared(const char *knob)
{
	for (const char *const *k = kcase.knobs; k && *k; k++)
		if (!strcmp(*k, knob))
			return true;
	return false;
}

int case_try_set(const char *knob, const char *value)
{
	if (!is_declared(knob))
		case_die("%s: set by this case but not declared", knob);
	return knob_write(knob, value);
}

void case_set(const char *knob, const char *value)
{
	int err = case_try_set(knob, value);

	if (err)
		case_die("set %s to %s: %s", knob, value, strerror(-err));
}

/* What the guard saves and puts back */

/* "none [scan-time]" -> "scan-time" */
static void unbracket(char *s)
{
	char *open = strchr(s, '['), *end = open ? strchr(open, ']') : NULL;

	if (!end)
		return;
	*end = '\0';
	memmove(s, open + 1, (size_t)(end - open));
}

static void knobs_save(void)
{
	for (const char *const *k = kcase.knobs; k && *k; k++) {
		if (n_saved == MAX_KNOBS)
			case_die("more than %d knobs declared", MAX_KNOBS);
		if (knob_read(*k, saved[n_saved].value, VALUE_LEN))
			continue;
		unbracket(saved[n_saved].value);
		saved[n_saved++].name = *k;
	}
}

static const char *knob_saved(const char *knob)
{
	for (size_t i = 0; i < n_saved; i++)
		if (!strcmp(saved[i].name, knob))
			return saved[i].value;
	return NULL;
}

static int knob_put_back(const char *knob, const char *value)
{
	char now[VALUE_LEN];
	int err = knob_read(knob, now, sizeof(now));

	if (err)
		return err;
	unbracket(now);
	return strcmp(now, value) ? knob_write(knob, value) : 0;
}

static int knobs_restore(void)
{
	const char *mode = knob_saved("advisor_mode");
	const char *run = knob_saved("run");
	int bad = 0;

	/*
	 * A machine that used no KSM before shall have no merged page after.
	 * Ending processes leave theirs to the next pass, which may never come.
	 */
	if (run && was_idle) {
		knob_write("run", "2");
		knob_write("run", "0");
	}
	/* The advisor forbids writing the rate and overwrites it when set. */
	if (mode)
		bad |= knob_put_back("advisor_mode", "none");
	for (size_t i = 0; i < n_saved; i++) {
		if (saved[i].value == mode || saved[i].value == run)
			continue;
		bad |= knob_put_back(saved[i].name, saved[i].value);
	}
	if (mode)
		bad |= knob_put_back("advisor_mode", mode);
	if (run)
		bad |= knob_put_back("run", run);
	return bad;
}

/* Requirements */

static bool has_swap(void)
{
	char buf[512];
	char *nl;

	if (file_read("/proc/swaps", buf, sizeof(buf)))
		return false;
	nl = strchr(buf, '\n');
	return nl && nl[1];
}

static void look_around(void)
{
	was_idle = case_has("run") && case_get("run") != 1 &&
		   case_get("pages_shared") == 0;
}

static const char *missing(void)
{
	const unsigned int needs = kcase.needs;

	if (access(KSM_DIR "run", F_OK))
		return "this kernel has no KSM";
	if ((needs & CASE_ROOT) && geteuid() != 0)
		return "needs root";
	if ((needs & CASE_PRCTL) && case_merge_any_get() < 0)
		return "this kernel has no PR_SET_MEMORY_MERGE (6.4)";
	if ((needs & CASE_KSM_STAT) && access("/proc/self/ksm_stat", F_OK))
		return "this kernel has no /proc/PID/ksm_stat (6.1)";
	if ((needs & CASE_MERGING_PAGES) &&
	    access("/proc/self/ksm_merging_pages", F_OK))
		return "this kernel has no /proc/PID/ksm_merging_pages (5.19)";
	if ((needs & CASE_SMART_SCAN) && !case_has("smart_scan"))
		return "this kernel has no smart_scan (6.7)";
	if ((needs & CASE_ZERO_PAGES) && !case_has("use_zero_pages"))
		return "this kernel has no use_zero_pages (4.11)";
	if ((needs & CASE_SWAP) && !has_swap())
		return "no swap space is on";
	if ((needs & CASE_TWO_CPUS) && sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return "needs two processors";
	if ((needs & CASE_ALONE) && !was_idle)
		return "other processes here use KSM, and this would disturb them";
	return NULL;
}

/* The guard */

static void on_signal(int sig)
{
	stop_signal = sig;
	if (body_pid > 0)
		kill(body_pid, SIGKILL);
}

static const int guarded[] = { SIGHUP, SIGINT, SIGTERM };

static void guarded_set(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < sizeof(guarded) / sizeof(guarded[0]); i++)
		sigaddset(set, guarded[i]);
}

static void guard_signals(void)
{
	const struct sigaction sa = { .sa_handler = on_signal };

	for (size_t i = 0; i < sizeof(guarded) / sizeof(guarded[0]); i++)
		sigaction(guarded[i], &sa, NULL);
}

static void die_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}

/*
 * ksmd sleeps when no process has mergeable memory, and full_scans then stands
 * still. This child has one page, like no other, until the case ends.
 */
static void keep_scanner_busy(void)
{
	void *page;

	if (case_fork())
		return;
	page = case_map(1);
	case_fill(page, (uint64_t)getpid() << 32 | 0x7469636b);
	madvise(page, case_page_size(), MADV_MERGEABLE);
	for (;;)
		pause();
}

static void body(pid_t guard)
{
	sigset_t set;

	for (size_t i = 0; i < sizeof(guarded) / sizeof(guarded[0]); i++)
		signal(guarded[i], SIG_DFL);
	guarded_set(&set);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	die_with(guard);
	keep_scanner_busy();
	kcase.run();
	tap_plan();
	_exit(tap->failed ? 1 : 0);
}

void case_exec_self(void)
{
	execl("/proc/self/exe", EXEC_WORD, NULL);
	_exit(126);
}

/*
 * Runs body() in a child and puts the knobs back when it has ended, in whatever
 * way. @script: the child becomes a program that reports for itself.
 */
static int guard(bool script)
{
	pid_t self = getpid();
	sigset_t set;
	int status;

	knobs_save();
	/* Blocked until the handler knows whom to end. */
	guarded_set(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	guard_signals();
	/* A script's strays are the runner's to find. */
	if (!script)
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	body_pid = fork();
	if (body_pid < 0) {
		perror("fork");
		return 1;
	}
	if (body_pid == 0)
		body(self);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	while (waitpid(body_pid, &status, 0) < 0)
		;
	body_pid = 0;
	/* The body's own children come to us, and die of its death. */
	while (!script && (wait(NULL) > 0 || errno == EINTR))
		;
	if (knobs_restore())
		case_ok(false, "settings could not be put back");
	if (stop_signal) {
		signal(stop_signal, SIG_DFL);
		raise(stop_signal);
	}
	if (script && WIFEXITED(status))
		return tap->failed ? 1 : WEXITSTATUS(status);
	if (WIFSIGNALED(status))
		case_ok(false, "ended by signal %d", WTERMSIG(status));
	else if (!tap->planned && !tap->failed)
		case_ok(false, "ended early with status %d",
			WEXITSTATUS(status));
	if (!tap->planned)
		tap_plan();
	return tap->failed ? 1 : 0;
}

int case_guard_script(void)
{
	look_around();
	return guard(true);
}

int main(int argc, char **argv)
{
	const char *why;

	tap = case_shared(sizeof(*tap));
	if (kcase.program)
		return kcase.program(argc, argv);
	if (argc == 1 && kcase.after_exec && !strcmp(argv[0], EXEC_WORD))
		return kcase.after_exec();
	signal(SIGPIPE, SIG_IGN);
	look_around();
	why = missing();
	if (why) {
		dprintf(STDOUT_FILENO, "1..0 # SKIP %s\n", why);
		return EXIT_SKIP;
	}
	return guard(false);
}

/* The scanner */

void case_start(void)
{
	if (case_has("advisor_mode"))
		case_set("advisor_mode", "none");
	case_set("pages_to_scan", "10000");
	case_set("sleep_millisecs", "1");
	if (case_has("smart_scan"))
		case_set("smart_scan", "0");
	if (case_has("use_zero_pages"))
		case_set("use_zero_pages", "0");
	case_set("run", "1");
}

void case_stop(void)
{
	case_set("run", "0");
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void case_wait_scans(unsigned int n)
{
	const struct timespec nap = { .tv_nsec = 2000000 };
	long long last = case_get("full_scans"), scans;
	double since = now();

	while (n) {
		nanosleep(&nap, NULL);
		scans = case_get("full_scans");
		if (scans != last) {
			/* Less than before: somebody wrote run=2. */
			long long step = scans > last ? scans - last : 1;

			n = step >= n ? 0 : n - (unsigned int)step;
			last = scans;
			since = now();
		} else if (now() - since > STALL_SECONDS) {
			case_die("full_scans stands at %lld for %d s", scans,
				 STALL_SECONDS);
		}
	}
}

/*
 * A pause that is changed ends, and the next turn ends with the pass. A change that
 * came before the pause had begun is repeated.
 */
void case_step_scans(unsigned int n)
{
	static const char *const pause[] = { "600000", "600001" };
	const struct timespec nap = { .tv_nsec = 1000000 };
	static unsigned int turn;

	case_set("pages_to_scan", "1000000");
	for (; n; n--) {
		long long before = case_get("full_scans");
		double since = now();

		for (unsigned int i = 0; case_get("full_scans") == before; i++) {
			if (now() - since > STALL_SECONDS)
				case_die("full_scans stands at %lld for %d s",
					 before, STALL_SECONDS);
			if (i % 100 == 0)
				case_set("sleep_millisecs", pause[turn++ % 2]);
			nanosleep(&nap, NULL);
		}
	}
}

bool case_wait_until(bool (*cond)(void *arg), void *arg, unsigned int max)
{
	for (unsigned int i = 0; i < max; i++) {
		if (cond(arg))
			return true;
		case_wait_scans(1);
	}
	return cond(arg);
}

/* Memory */

size_t case_page_size(void)
{
	static size_t size;

	if (!size)
		size = (size_t)sysconf(_SC_PAGESIZE);
	return size;
}

void *case_map(size_t pages)
{
	void *mem = mmap(NULL, pages * case_page_size(),
			 PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);

	if (mem == MAP_FAILED)
		case_die("mmap of %zu pages: %s", pages, strerror(errno));
	/* A kernel without huge pages says EINVAL; then there are none. */
	madvise(mem, pages * case_page_size(), MADV_NOHUGEPAGE);
	return mem;
}

void case_unmap(void *mem, size_t pages)
{
	munmap(mem, pages * case_page_size());
}

void *case_page(void *mem, size_t n)
{
	return (char *)mem + n * case_page_size();
}

uint64_t case_mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static uint64_t word(uint64_t id, size_t i)
{
	return i == 0 ? id : case_mix(case_mix(id + 1) + i);
}

void case_fill(void *page, uint64_t id)
{
	uint64_t *w = page;

	for (size_t i = 0; i < case_page_size() / sizeof(*w); i++)
		w[i] = word(id, i);
}

bool case_check(const void *page, uint64_t id)
{
	const uint64_t *w = page;

	for (size_t i = 0; i < case_page_size() / sizeof(*w); i++)
		if (w[i] != word(id, i))
			return false;
	return true;
}

void case_fill_many(void *mem, size_t pages, uint64_t first, size_t distinct)
{
	for (size_t i = 0; i < pages; i++)
		case_fill(case_page(mem, i), first + i % distinct);
}

size_t case_check_many(const void *mem, size_t pages, uint64_t first,
		       size_t distinct)
{
	const char *p = mem;
	size_t bad = 0;

	for (size_t i = 0; i < pages; i++, p += case_page_size())
		if (!case_check(p, first + i % distinct))
			bad++;
	return bad;
}

/* Frames */

static uint64_t table_entry(const char *path, uint64_t index)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t entry;

	if (fd < 0)
		case_die("open %s: %s", path, strerror(errno));
	if (pread(fd, &entry, sizeof(entry), (off_t)(index * sizeof(entry))) !=
	    (ssize_t)sizeof(entry))
		case_die("read %s: no entry %llu", path,
			 (unsigned long long)index);
	close(fd);
	return entry;
}

uint64_t case_pfn(const void *addr)
{
	uint64_t entry = table_entry("/proc/self/pagemap",
				     (uintptr_t)addr / case_page_size());

	if (!(entry >> 63))
		return 0;
	return entry & ((1ULL << 55) - 1);
}

uint64_t case_kpageflags(uint64_t pfn)
{
	return table_entry("/proc/kpageflags", pfn);
}

static int cmp_u64(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

size_t case_frames(const void *mem, size_t pages)
{
	uint64_t *pfn = calloc(pages, sizeof(*pfn));
	const char *p = mem;
	size_t n = 0;

	if (!pfn)
		case_die("calloc: %s", strerror(errno));
	for (size_t i = 0; i < pages; i++, p += case_page_size())
		pfn[i] = case_pfn(p);
	qsort(pfn, pages, sizeof(*pfn), cmp_u64);
	for (size_t i = 0; i < pages; i++)
		if (i == 0 || pfn[i] != pfn[i - 1] || pfn[i] == 0)
			n++;
	free(pfn);
	return n;
}

#define HUGE_ENABLED	"/sys/kernel/mm/transparent_hugepage/enabled"

static bool huge_turned_on;

static bool huge_enabled(void)
{
	char buf[64] = "";
	int fd = open(HUGE_ENABLED, O_RDONLY);

	if (fd < 0 || read(fd, buf, sizeof(buf) - 1) < 0)
		buf[0] = '\0';
	if (fd >= 0)
		close(fd);
	return strstr(buf, "[always]") || strstr(buf, "[madvise]");
}

bool case_huge_begin(void)
{
	huge_turned_on = !huge_enabled() && getenv("KSM_TEST_MACHINE") &&
			 !case_write(HUGE_ENABLED, "madvise");
	return huge_enabled();
}

void case_huge_end(void)
{
	if (huge_turned_on)
		case_write(HUGE_ENABLED, "never");
	huge_turned_on = false;
}

bool case_is_huge(const void *addr)
{
	return case_kpageflags(case_pfn(addr)) & CASE_KPF_THP;
}

bool case_is_ksm(const void *addr)
{
	uint64_t pfn = case_pfn(addr);

	return pfn && (case_kpageflags(pfn) & CASE_KPF_KSM);
}

bool case_can_tell_ksm(void)
{
	void *page = case_map(1);
	bool lies;

	case_fill(page, 0);
	lies = case_kpageflags(case_pfn(page)) & CASE_KPF_KSM;
	case_unmap(page, 1);
	return !lies;
}

bool case_is_zero_page(const void *addr)
{
	uint64_t pfn = case_pfn(addr);

	return pfn && (case_kpageflags(pfn) & CASE_KPF_ZERO_PAGE);
}

bool case_reads_make_pages(void)
{
	volatile char *page = case_map(1);
	bool own;

	if (*page)
		case_die("new memory is not zero");
	own = !case_is_zero_page((const void *)page);
	case_unmap((void *)page, 1);
	return own;
}

struct frames {
	const void *mem;
	size_t pages;
	size_t want;
};

static bool frames_are(void *arg)
{
	const struct frames *f = arg;

	return case_frames(f->mem, f->pages) == f->want;
}

bool case_wait_frames(const void *mem, size_t pages, size_t frames)
{
	struct frames f = { mem, pages, frames };

	return case_wait_until(frames_are, &f, 30);
}

/* Processes */

int case_merge_any(bool on)
{
	return prctl(PR_SET_MEMORY_MERGE, (unsigned long)on, 0UL, 0UL, 0UL) ?
		       -errno : 0;
}

int case_merge_any_get(void)
{
	int rc = prctl(PR_GET_MEMORY_MERGE, 0UL, 0UL, 0UL, 0UL);

	return rc < 0 ? -errno : rc;
}

static void proc_path(char *path, size_t size, pid_t pid, const char *file)
{
	if (pid)
		snprintf(path, size, "/proc/%d/%s", (int)pid, file);
	else
		snprintf(path, size, "/proc/self/%s", file);
}

long long case_ksm_stat(pid_t pid, const char *name)
{
	const size_t len = strlen(name);
	char path[64], buf[2048];

	proc_path(path, sizeof(path), pid, "ksm_stat");
	if (file_read(path, buf, sizeof(buf)))
		return -1;
	for (char *line = buf; line;) {
		if (!strncmp(line, name, len) &&
		    (line[len] == ' ' || line[len] == ':'))
			return strtoll(line + len + 1, NULL, 10);
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return -1;
}

long long case_merging_pages(pid_t pid)
{
	char path[64], buf[VALUE_LEN];

	proc_path(path, sizeof(path), pid, "ksm_merging_pages");
	if (file_read(path, buf, sizeof(buf)))
		return -1;
	return strtoll(buf, NULL, 10);
}

pid_t case_fork(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		case_die("fork: %s", strerror(errno));
	if (pid == 0)
		die_with(parent);
	return pid;
}

void *case_shared(size_t bytes)
{
	void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED) {
		perror("mmap");
		_exit(1);
	}
	return mem;
}

int case_in_child(int (*fn)(void *arg), void *arg)
{
	pid_t pid = case_fork();
	int status;

	if (pid == 0)
		_exit(fn(arg));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			case_die("waitpid: %s", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
