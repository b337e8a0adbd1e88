// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-run.c - files below /run: whose they are, and what root reads of a user.
 */
#include "libksm/run.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libksm/sys.h"
#include "tests/inject/fuse.h"
#include "tap.h"

#define USER 65534

static void put(const char *path, const char *text, uid_t uid)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	CHECK_INT(write(fd, text, strlen(text)), strlen(text));
	CHECK_INT(fchown(fd, uid, uid), 0);
	close(fd);
}

static int read_rc(int dirfd, const char *name)
{
	struct str text __cleanup_str = STR_INIT;

	return ksm_run_read(dirfd, name, 100, &text);
}

static void read_and_write(void)
{
	char dir[] = "/tmp/t-run.XXXXXX";
	struct str text __cleanup_str = STR_INIT;
	int fd;

	CHECK(mkdtemp(dir) != NULL);
	fd = ksm_run_open(dir, false);
	CHECK(fd >= 0);
	CHECK_INT(ksm_run_read(fd, "x", 100, &text), -ENOENT);
	CHECK_INT(ksm_run_write(fd, "x", "first", 5), 0);
	CHECK_INT(ksm_run_write(fd, "x", "second", 6), 0);
	CHECK_INT(ksm_run_read(fd, "x", 100, &text), 0);
	CHECK_STR(str_get(&text), "second");
	CHECK_INT(ksm_run_read(fd, "x", 5, &text), -EFBIG);
	/* Not what is no file, or leads elsewhere. */
	CHECK_INT(symlinkat("x", fd, "link"), 0);
	CHECK_INT(read_rc(fd, "link"), -EPERM);
	CHECK_INT(mkfifoat(fd, "pipe", 0600), 0);
	CHECK_INT(read_rc(fd, "pipe"), -EPERM);
	CHECK_INT(ksm_run_remove(fd, "link"), 0);
	CHECK_INT(ksm_run_remove(fd, "pipe"), 0);
	CHECK_INT(ksm_run_remove(fd, "x"), 0);
	CHECK_INT(ksm_run_remove(fd, "x"), 0);
	close(fd);
	CHECK_INT(rmdir(dir), 0);
}

/* In mounts of its own; false where that is not allowed. */
static bool own_mounts(void)
{
	if (geteuid())
		tap_skip("needs root");
	else if (sys_openat2_same_mount(AT_FDCWD, ".", O_PATH) == -ENOSYS)
		tap_skip("needs openat2 (Linux 5.6)");
	else if (unshare(CLONE_NEWNS) || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL))
		tap_skip("needs mounts of its own");
	else
		return true;
	return false;
}

#define BASE "/tmp"
#define HOME BASE "/65534"

/* /tmp stands for /run/user, with the directory of one user in it. */
static bool user_home(void)
{
	if (!own_mounts())
		return false;
	CHECK_INT(mount("none", BASE, "tmpfs", 0, NULL), 0);
	CHECK_INT(mkdir(HOME, 0700), 0);
	CHECK_INT(chown(HOME, USER, USER), 0);
	return true;
}

static void users(void)
{
	int fd;

	if (!user_home())
		return;
	CHECK_INT(ksm_run_open_user(BASE, USER), -ENOENT);
	CHECK_INT(ksm_run_open_user(BASE, USER - 1), -ENOENT);
	CHECK_INT(mkdir(HOME "/ksm-utils", 0700), 0);
	/* Not what somebody else has put there. */
	CHECK_INT(ksm_run_open_user(BASE, USER), -EPERM);
	CHECK_INT(chown(HOME "/ksm-utils", USER, USER), 0);
	CHECK_INT(chmod(HOME "/ksm-utils", 0777), 0);
	CHECK_INT(ksm_run_open_user(BASE, USER), -EPERM);
	CHECK_INT(chmod(HOME "/ksm-utils", 0700), 0);
	put(HOME "/ksm-utils/his", "x", USER);
	put(HOME "/ksm-utils/ours", "x", 0);
	CHECK_INT(symlink("/etc/hostname", HOME "/ksm-utils/link"), 0);
	put(HOME "/ksm-utils/over", "x", USER);
	put(HOME "/elsewhere", "x", USER);
	CHECK_INT(mount(HOME "/elsewhere", HOME "/ksm-utils/over", "none", MS_BIND, NULL), 0);
	fd = ksm_run_open_user(BASE, USER);
	CHECK(fd >= 0);
	CHECK_INT(read_rc(fd, "his"), 0);
	CHECK_INT(read_rc(fd, "ours"), -EPERM);
	CHECK_INT(read_rc(fd, "link"), -EPERM);
	CHECK_INT(read_rc(fd, "over"), -EPERM);
	CHECK_INT(read_rc(fd, "none"), -ENOENT);
	close(fd);
	CHECK_INT(umount(HOME "/ksm-utils/over"), 0);
	/* A link in place of the directory. */
	CHECK_INT(rename(HOME "/ksm-utils", HOME "/other"), 0);
	CHECK_INT(symlink("other", HOME "/ksm-utils"), 0);
	CHECK_INT(ksm_run_open_user(BASE, USER), -EPERM);
	CHECK_INT(umount2(BASE, MNT_DETACH), 0);
}

/* A file system that the user serves himself, and does not. */
static void silent(void)
{
	static const char *const at[] = { HOME, HOME "/ksm-utils" };

	if (!user_home())
		return;
	CHECK_INT(mkdir(HOME "/ksm-utils", 0700), 0);
	CHECK_INT(chown(HOME "/ksm-utils", USER, USER), 0);
	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		struct fuse_share sh = { 0 };
		const pid_t pid = fuse_start(at[i], &sh);

		tap_row("%s", at[i]);
		if (pid < 0) {
			tap_skip("needs FUSE");
			break;
		}
		kill(pid, SIGSTOP);
		/* Whoever waits for it is not even killed. */
		CHECK_INT(ksm_run_open_user(BASE, USER), -EPERM);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		umount2(at[i], MNT_DETACH);
	}
	CHECK_INT(umount2(BASE, MNT_DETACH), 0);
}

TAP_MAIN(TAP_CASE(read_and_write), TAP_CASE(users), TAP_CASE(silent))
