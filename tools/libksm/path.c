// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * path.c - the only opener of files under /proc and /sys.
 *
 * Every path is relative to the root's descriptor.  Below a dump, symbolic
 * links are resolved inside of it (openat2, Linux 5.6; else walk.c), so that an
 * absolute link in somebody's dump cannot lead out.  Writes never create a file: a
 * typing mistake fails, and a dump stays as it is.
 */
#include "libksm/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libksm/sys.h"
#include "util/num.h"

#define PATH_LEN 256

static int open_below(const struct ksm *k, int dirfd, const char *rel, int flags)
{
	int fd;

	/* openat2() refuses flags that mean nothing beside O_PATH. */
	flags |= O_CLOEXEC | (flags & O_PATH ? 0 : O_NOCTTY);
	if (!k->live) {
		/* A named pipe in a dump must not make us wait for the other end. */
		flags |= flags & O_PATH ? 0 : O_NONBLOCK;
		return k->walks ? ksm_walk_open(dirfd, rel, flags) :
				  sys_openat2_in_root(dirfd, rel, flags);
	}
	/* In a container, an absolute link of the host leads to the container's own files. */
	if (k->host && dirfd == k->rootfd) {
		fd = sys_openat2_in_root(dirfd, rel, flags);
		if (fd != -ENOSYS && fd != -EPERM)
			return fd;
	}
	fd = openat(dirfd, rel, flags);
	return fd < 0 ? -errno : fd;
}

int ksm_path_root(const char *root)
{
	int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int ksm_path_base(struct ksm *k)
{
	/*
	 * A kernel before 5.6 answers ENOSYS, and containers may answer anything to a
	 * call that their filter does not know.
	 */
	if (!k->live) {
		int fd __cleanup_fd = sys_openat2_in_root(k->rootfd, ".", O_PATH | O_CLOEXEC);

		k->walks = fd < 0;
	}
	k->procfd = open_below(k, k->rootfd, "proc", O_PATH | O_DIRECTORY);
	if (k->procfd < 0) {
		int rc = k->procfd;

		k->procfd = -1;
		return rc;
	}
	k->ksmfd = open_below(k, k->rootfd, "sys/kernel/mm/ksm", O_PATH | O_DIRECTORY);
	k->present = k->ksmfd < 0 ? ksm_state_of(k->ksmfd) : KSM_VALUE;
	if (k->ksmfd < 0)
		k->ksmfd = -1;
	return 0;
}

int ksm_path_openv(struct ksm *k, int flags, const char *fmt, va_list ap)
{
	char rel[PATH_LEN];
	int n = vsnprintf(rel, sizeof(rel), fmt, ap);
	int fd;

	if (n < 0 || (size_t)n >= sizeof(rel))
		return -ENAMETOOLONG;
	fd = open_below(k, k->rootfd, rel, flags);
	if (fd < 0)
		ksm_fail(k, fd, (flags & O_ACCMODE) == O_RDONLY ? "read" : "write", "%s", rel);
	return fd;
}

int ksm_path_open(struct ksm *k, int flags, const char *fmt, ...)
{
	va_list ap;
	int fd;

	va_start(ap, fmt);
	fd = ksm_path_openv(k, flags, fmt, ap);
	va_end(ap);
	return fd;
}

DIR *ksm_path_opendir(struct ksm *k, const char *fmt, ...)
{
	int fd __cleanup_fd = -1;
	va_list ap;
	DIR *d;

	va_start(ap, fmt);
	fd = ksm_path_openv(k, O_RDONLY | O_DIRECTORY, fmt, ap);
	va_end(ap);
	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	d = fdopendir(fd);
	if (d)
		steal_fd(&fd);
	return d;
}

/*
 * A process that ends between open and read answers ESRCH; kernel files are
 * generated at each read, so a short read is the end only when it returns 0.
 */
int ksm_path_read_fd(int fd, enum ksm_file file, struct str *out)
{
	const size_t max = ksm_file_info(file)->max;
	size_t chunk = 4096;

	str_reset(out);
	for (;;) {
		/* One byte beyond tells that there is more. */
		const size_t want = MIN(chunk, max + 1 - out->len);
		bool more;
		ssize_t n;

		if (str_reserve(out, want + 1))
			return -ENOMEM;
		n = read(fd, out->s + out->len, want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		more = out->len + n > max;
		out->len = MIN(out->len + n, max);
		out->s[out->len] = '\0';
		if (more)
			return ksm_file_info(file)->cut ? 0 : -EFBIG;
		if (!n)
			return 0;
		if ((size_t)n == chunk && chunk < (256U << 10))
			chunk *= 2;
	}
}

static int read_path(struct ksm *k, enum ksm_file file, const char *rel, struct str *out)
{
	int fd __cleanup_fd = open_below(k, k->rootfd, rel, O_RDONLY);
	int rc = fd < 0 ? fd : ksm_path_read_fd(fd, file, out);

	return rc ? ksm_fail(k, rc, "read", "%s", rel) : 0;
}

int ksm_path_read(struct ksm *k, struct str *out, const char *fmt, ...)
{
	char rel[PATH_LEN];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(rel, sizeof(rel), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(rel))
		return -ENAMETOOLONG;
	return read_path(k, KSM_FILE_ANY, rel, out);
}

int ksm_path_read_file(struct ksm *k, enum ksm_file file, pid_t pid, struct str *out)
{
	char rel[KSM_FILE_NAME_MAX];

	return read_path(k, file, ksm_file_path(file, pid, rel), out);
}

ssize_t ksm_path_read_small(struct ksm *k, int dirfd, const char *name, char *buf, size_t len)
{
	int fd __cleanup_fd = open_below(k, dirfd, name, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return fd;
	do {
		n = read(fd, buf, len - 1);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return n;
}

ssize_t ksm_path_read_start(struct ksm *k, enum ksm_file file, pid_t pid, char *buf, size_t len)
{
	const int dirfd = ksm_file_info(file)->where == KSM_IN_ROOT ? k->rootfd : k->procfd;
	char name[KSM_FILE_NAME_MAX];

	return ksm_path_read_small(k, dirfd, ksm_file_name(file, pid, name), buf, len);
}

int ksm_path_write_at(struct ksm *k, int dirfd, const char *name, const char *text)
{
	int fd __cleanup_fd = open_below(k, dirfd, name, O_WRONLY | O_TRUNC);
	size_t len = strlen(text);
	ssize_t n;

	if (fd < 0)
		return fd;
	/* One write: the kernel takes each as a whole value.  EINTR is an answer of run=2. */
	n = write(fd, text, len);
	if (n < 0)
		return -errno;
	if ((size_t)n != len)
		return -EIO;
	/* A file of a dump lives on a file system that may tell a full disk only here. */
	return close(steal_fd(&fd)) ? -errno : 0;
}

int ksm_path_owner(struct ksm *k, pid_t pid, uid_t *uid)
{
	char name[16];
	struct stat st;

	snprintf(name, sizeof(name), "%d", (int)pid);
	if (fstatat(k->procfd, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? -ESRCH : -errno;
	*uid = st.st_uid;
	return 0;
}

bool ksm_path_has_proc(struct ksm *k)
{
	struct stat st;

	/* A link that is there for all, also where it leads nowhere: in another namespace of pids. */
	return !fstatat(k->procfd, "self", &st, AT_SYMLINK_NOFOLLOW);
}

bool ksm_path_own_pids(struct ksm *k)
{
	char link[16], own[16];
	const ssize_t n = readlinkat(k->procfd, "self", link, sizeof(link) - 1);

	snprintf(own, sizeof(own), "%d", (int)getpid());
	link[MAX(n, 0)] = '\0';
	return !strcmp(link, own);
}

int ksm_path_inode(struct ksm *k, const char *name, uint64_t *inode)
{
	struct stat st;

	if (fstatat(k->procfd, name, &st, 0))
		return -errno;
	*inode = st.st_ino;
	return 0;
}

/*
 * A process is there as long as its file stat is: no kernel lacks that one.  Any
 * other may be left out of a kernel (cgroup without CONFIG_CGROUPS; smaps and
 * pagemap without CONFIG_PROC_PAGE_MONITOR) or of a dump.
 */
int ksm_proc_lacks(struct ksm *k, pid_t pid, int rc)
{
	char byte[2];
	ssize_t n;

	if (rc != -ENOENT && rc != -ENOTDIR)
		return rc;
	n = ksm_path_read_start(k, KSM_FILE_STAT, pid, byte, sizeof(byte));
	return n < 0 && ksm_state_of(n) == KSM_ABSENT ? -ESRCH : -ENOENT;
}

/* A link to no path of ours: it is read, and never followed. */
int ksm_proc_exe(struct ksm *k, pid_t pid, char *out, size_t len)
{
	char name[32];
	ssize_t n;
	int rc;

	snprintf(name, sizeof(name), "%d/exe", (int)pid);
	n = readlinkat(k->procfd, name, out, len);
	if (n >= 0 && (size_t)n < len) {
		out[n] = '\0';
		return 0;
	}
	rc = n < 0 ? -errno : -ENAMETOOLONG;
	return rc == -ENOENT ? ksm_proc_lacks(k, pid, rc) : rc;
}

/* The number of the mount that @fd is on, as the kernel's lists have it. */
static bool mount_of(int fd, uint64_t *id)
{
	static const char key[] = "mnt_id:";
	char path[64], line[256];
	FILE *f __cleanup_file = NULL;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		const char *s = line + sizeof(key) - 1;

		if (strncmp(line, key, sizeof(key) - 1))
			continue;
		s += strspn(s, " \t");
		return !num_take_u64(&s, 10, id);
	}
	return false;
}

/* The descriptor stands for the mount, whatever is mounted over it, and the lists ask nobody. */
bool ksm_path_in_memory(int fd)
{
	FILE *f __cleanup_file = fopen("/proc/self/mountinfo", "re");
	char *line __cleanup_free = NULL;
	uint64_t want, id;
	size_t room = 0;

	if (!f || !mount_of(fd, &want))
		return false;
	while (getline(&line, &room, f) > 0) {
		const char *s = line, *type = strstr(line, " - ");

		if (!num_take_u64(&s, 10, &id) && id == want)
			return type && (!strncmp(type, " - tmpfs ", 9) ||
					!strncmp(type, " - ramfs ", 9));
	}
	return false;
}

int ksm_self_program(char *out, size_t len)
{
	ssize_t n = readlink("/proc/self/exe", out, len);

	if (n < 0)
		return -errno;
	if ((size_t)n >= len)
		return -ENAMETOOLONG;
	out[n] = '\0';
	return 0;
}
