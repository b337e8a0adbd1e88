/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * internal.h - the handle and the private prototypes of libksm, grouped by
 * the file that owns them.  Nothing outside of tools/libksm and tools/inject
 * includes it, but for the unit tests.
 */
#ifndef KSM_LIBKSM_INTERNAL_H
#define KSM_LIBKSM_INTERNAL_H

#include <dirent.h>
#include <stdarg.h>

#include "libksm/libksm.h"
#include "util/map.h"
#include "util/str.h"

/* Most threads that hksm scans with: HKSM_SCANNERS in kernel/mm/hksm/core.h. */
#define KSM_SCANNERS_MAX 16

/* The pods that container.c has found. */
struct ksm_known_pods {
	struct ksm_pod *v;	/* by uid */
	size_t n, cap;
	uint64_t read_ns;	/* 0: not looked for yet */
};

struct ksm {
	int rootfd;		/* the root; "/" for the running system */
	int procfd;		/* its proc/, or -1 */
	int ksmfd;		/* its sys/kernel/mm/ksm/, or -1 when absent */
	enum ksm_state present;
	bool live;
	bool host;		/* the running system, seen through KSM_HOST */
	bool walks;		/* a dump, and no openat2() to stay inside of it */
	size_t page_size;
	unsigned int clock_tick;
	uint64_t meta_when_ns;	/* time stamp of a dump, 0: none */
	char meta_release[KSM_RELEASE_MAX];	/* kernel release of a dump, "" for the live one */
	struct map users;	/* uid + 1 -> name */
	struct ksm_known_pods pods;
	pid_t ksmd[KSM_SCANNERS_MAX];	/* cached: ksmd, then ksmd/1 and so on of hksm */
	size_t n_ksmd;
	uint64_t ksmd_sought;	/* how many were looked for; 0: not yet */
	struct str buf;		/* scratch of readers that return nothing borrowed */
	const char *err_verb;
	char err_path[128];
	int err;
	struct str err_text;
	struct str right_text;
	size_t n_denied;	/* of the last selection */
	ksm_log_fn log;
	void *log_arg;
	unsigned int log_mask;
};

/* fail.c */
int ksm_fail(struct ksm *k, int rc, const char *verb, const char *fmt, ...) __printf(4, 5);
void ksm_log(struct ksm *k, enum ksm_log area, const char *fmt, ...) __printf(3, 4);
/* An errno to one of the four states: ABSENT for ENOENT..., DENIED; VALUE for anything else. */
enum ksm_state ksm_state_of(int rc);

/* handle.c */
/* As the root's kernel says it, or "". */
void ksm_kernel_release(struct ksm *k, char out[KSM_RELEASE_MAX]);
/* "6.12.117" as 612; of the root's kernel. */
unsigned int ksm_kernel_version(struct ksm *k);
/* "6.12.117" as 117. */
unsigned int ksm_kernel_patch(struct ksm *k);

/* files.c: the files that are read, but for the attributes of KSM */
enum ksm_file {
	KSM_FILE_ANY,		/* no row of its own */
	KSM_FILE_META,
	KSM_FILE_VMSTAT,
	KSM_FILE_MEMINFO,
	KSM_FILE_UPTIME,
	KSM_FILE_PRESSURE,
	KSM_FILE_BOOT_ID,
	KSM_FILE_THP,
	KSM_FILE_PTES_NONE,
	KSM_FILE_ONLY_ZERO,
	KSM_FILE_UKSM_RUN,
	KSM_FILE_PATCH,		/* hksm as a module: is it in use */
	KSM_FILE_TRANSITION,	/* is that being changed */
	KSM_FILE_NOTE,		/* of the running ksm-autotune */
	KSM_FILE_TOLD,
	KSM_FILE_PODS,		/* a directory: its names tell of pods */
	KSM_FILE_STAT,		/* of a process from here */
	KSM_FILE_STATUS,
	KSM_FILE_KSM_STAT,
	KSM_FILE_MERGING,
	KSM_FILE_CGROUP,
	KSM_FILE_CMDLINE,
	KSM_FILE_SMAPS,
	KSM_FILE_SCHEDSTAT,
	KSM_FILE_AUXV,
	KSM_FILE_PATCH_STATE,
	__KSM_FILE_N
};

enum ksm_file_where {
	KSM_IN_ROOT,
	KSM_IN_PROC,
	KSM_IN_PROCESS,		/* below proc/PID */
};

/* What of a file gets into a dump (dump.c). */
enum ksm_file_keep {
	KSM_KEEP_NONE,
	KSM_KEEP_ALL,		/* of the system: nothing in it is anybody's secret */
	KSM_KEEP_NOTE,		/* all, where it is believed */
	KSM_KEEP_NAMES,		/* the names in it, with control groups */
	KSM_KEEP_PROC,		/* all, of what is not a thread of the kernel */
	KSM_KEEP_KTHREAD,	/* all, of what is one */
	KSM_KEEP_STAT,		/* the fields that are read */
	KSM_KEEP_STATUS,	/* the lines that are read */
	KSM_KEEP_CGROUP,	/* nothing, unless asked for */
	KSM_KEEP_CMDLINE,	/* the name of the process, unless all is asked for */
	KSM_KEEP_SMAPS,		/* sizes and flags; names and addresses if asked for */
};

struct ksm_file_info {
	const char *name;
	enum ksm_file_where where;
	enum ksm_file_keep keep;
	size_t max;		/* of it, at most so much is read */
	bool cut;		/* the beginning is of use without the rest */
};

#define KSM_FILE_NAME_MAX 80
const struct ksm_file_info *ksm_file_info(enum ksm_file file);
/* Its name below the directory that it is in: the root, or proc.  Returns @out. */
const char *ksm_file_name(enum ksm_file file, pid_t pid, char out[KSM_FILE_NAME_MAX]);
/* The same below the root. */
const char *ksm_file_path(enum ksm_file file, pid_t pid, char out[KSM_FILE_NAME_MAX]);

/* path.c: the only opener of kernel files; fmt is relative to the root, without a leading slash */
/* A root as an O_PATH descriptor, or -errno. */
int ksm_path_root(const char *root);
/* Opens proc and sys/kernel/mm/ksm below the root; fills procfd, ksmfd, present. */
int ksm_path_base(struct ksm *k);
int ksm_path_openv(struct ksm *k, int flags, const char *fmt, va_list ap) __printf(3, 0);
int ksm_path_open(struct ksm *k, int flags, const char *fmt, ...) __printf(3, 4);
/* NULL with errno set. */
DIR *ksm_path_opendir(struct ksm *k, const char *fmt, ...) __printf(2, 3);
/* The whole file into @out, emptied first.  0 or -errno, with the failure recorded. */
int ksm_path_read(struct ksm *k, struct str *out, const char *fmt, ...) __printf(3, 4);
/* The same of a row of the table: cut at its length, or -EFBIG.  @pid: of a process' file. */
int ksm_path_read_file(struct ksm *k, enum ksm_file file, pid_t pid, struct str *out);
/* The same from a descriptor; the caller records the failure. */
int ksm_path_read_fd(int fd, enum ksm_file file, struct str *out);
/*
 * One read of at most len - 1 bytes, NUL-terminated, below one of the handle's
 * descriptors: for small files that are read often.  Records no failure.
 * Length or -errno.
 */
ssize_t ksm_path_read_small(struct ksm *k, int dirfd, const char *name, char *buf, size_t len);
/* The same of a row of the table. */
ssize_t ksm_path_read_start(struct ksm *k, enum ksm_file file, pid_t pid, char *buf, size_t len);
/* One write of the whole text; never creates.  Records no failure. */
int ksm_path_write_at(struct ksm *k, int dirfd, const char *name, const char *text);
/* Is it on a file system of the kernel's memory, which answers by itself? */
bool ksm_path_in_memory(int fd);
/* Owner of the directory of a process; -ESRCH when there is none. */
int ksm_path_owner(struct ksm *k, pid_t pid, uid_t *uid);
/* Do numbers of processes in it mean what they mean to our system calls? */
bool ksm_path_own_pids(struct ksm *k);
/* Is that what is mounted on /proc of the running system, or a mere directory? */
bool ksm_path_has_proc(struct ksm *k);
/* The inode that @name below proc/ leads to: 0 or -errno. */
int ksm_path_inode(struct ksm *k, const char *name, uint64_t *inode);
/*
 * What @rc of reading a file below /proc/PID means: -ESRCH when the process is
 * gone, -ENOENT when it is there and lacks this file, any other as it is.
 */
int ksm_proc_lacks(struct ksm *k, pid_t pid, int rc);

/* attrs.c */
/* Its path below the root; returns @out. */
const char *ksm_attr_path(enum ksm_attr id, char out[KSM_FILE_NAME_MAX]);

/* container.c */
/* The directories of pods by their names; what @fn returned, other than 0, ends it; -errno. */
int ksm_pods_list(struct ksm *k, int (*fn)(const char *dir, void *arg), void *arg);

/* dump.c: texts without what is private, appended to @out; 0 or -ENOMEM */
int ksm_dump_status(const char *buf, size_t len, struct str *out);
int ksm_dump_smaps(const char *buf, size_t len, size_t page_size, struct str *out);

/* tuner.c */
/* A note of ksm-autotune, as ksm_tuner_read() believes it. */
int ksm_tuner_read_text(struct ksm *k, enum ksm_file file, struct str *out);

/* rights.c */
/* Who asks, as far as it matters. */
struct ksm_standing {
	bool root;
	bool initial_userns;
	uint64_t caps;		/* in effect */
};

void ksm_right_text(enum ksm_right right, const struct ksm_standing *as, struct str *out);
/* Do capabilities of ours count for what belongs to nobody's namespace? */
bool ksm_initial_userns(struct ksm *k);
/* Are our numbers of processes those that the kernel tells everybody? */
bool ksm_initial_pidns(struct ksm *k);

/* walk.c */
/*
 * As sys_openat2_in_root(), where there is no such call: link by link, none of
 * which leads out of @dirfd.  A descriptor or -errno.
 */
int ksm_walk_open(int dirfd, const char *path, int flags);

/* pidstat.c */
/* A line that ksm_proc_pidstat_parse() reads as the same; what it does not read is 0. */
int ksm_proc_pidstat_format(const struct ksm_proc *p, struct str *out);
/* A thread's line, or the process' own, by its name below proc/: 0, -ESRCH, -errno. */
int ksm_pidstat_read(struct ksm *k, const char *name, struct ksm_proc *out);
bool ksm_pidstat_ended(const struct ksm_proc *p);
/* Another thread of a process whose main one has ended, and what its line says; 0: none. */
pid_t ksm_pidstat_live(struct ksm *k, pid_t pid, struct ksm_proc *out);
/*
 * The thread by which the memory of a process is to be seen: another one where its
 * main thread has ended, whose files are empty then.
 */
pid_t ksm_proc_thread(struct ksm *k, pid_t pid);

/* vmas.c */
/*
 * Any or madvise, of a process known to take part, from its first mapping:
 * the program's own code, which nobody marks by hand.
 */
int ksm_proc_member_quick(struct ksm *k, pid_t pid, enum ksm_member *out);

#endif /* KSM_LIBKSM_INTERNAL_H */
