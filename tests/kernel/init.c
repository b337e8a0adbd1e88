// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * PID 1 of a test machine (QEMU or User-Mode Linux): makes the place habitable,
 * lets the runner run the cases with its output on the machine's second serial
 * line, waits until that line is drained, and switches the machine off. Judges
 * nothing: a machine that ends without the runner's verdict has failed.
 *
 * Before editing: the console belongs to the kernel log. Nothing that the host
 * side reads as a result may go there, and nothing else may go to the channel.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define CONF		"/etc/ksm-test.conf"
#define CHANNEL		"/dev/ttyS1"
#define MAX_CASES	500

static struct {
	char nonce[64];
	char timeout[16];
	unsigned long swap_mib;
	char *cases[MAX_CASES];
	unsigned int n_cases;
} conf = { .timeout = "240" };

static void note(const char *what, const char *object)
{
	fprintf(stderr, "init: %s: %s: %s\n", object, what, strerror(errno));
}

static void mount_at(const char *type, const char *dir, const char *data)
{
	mkdir(dir, 0755);
	if (mount(type, dir, type, 0, data) && errno != EBUSY)
		note("mount", dir);
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		rc = -1;
	if (fd >= 0)
		close(fd);
	return rc;
}

static int load(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)) {
		note("load module", path);
		rc = -1;
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

static bool transition_is_over(void)
{
	char path[PATH_MAX], c = '0';
	glob_t found;

	if (glob("/sys/kernel/livepatch/*/transition", 0, NULL, &found))
		return true;
	for (size_t i = 0; i < found.gl_pathc && c == '0'; i++) {
		int fd;

		snprintf(path, sizeof(path), "%s", found.gl_pathv[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, &c, 1) != 1)
			c = '0';
		if (fd >= 0)
			close(fd);
	}
	globfree(&found);
	return c == '0';
}

/*
 * The module that the cases are about: without it they would be skipped, or pass by
 * what the kernel has anyway. A machine that ends without a verdict has failed.
 */
static void load_tested(const char *path)
{
	if (load(path))
		reboot(RB_POWER_OFF);
	while (!transition_is_over())
		usleep(100000);
}

static void conf_read(void)
{
	FILE *f = fopen(CONF, "re");
	char line[256], key[32], value[200];

	if (!f) {
		note("open", CONF);
		return;
	}
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%31s %199s", key, value) != 2)
			continue;
		if (!strcmp(key, "nonce"))
			snprintf(conf.nonce, sizeof(conf.nonce), "%.63s", value);
		else if (!strcmp(key, "timeout"))
			snprintf(conf.timeout, sizeof(conf.timeout), "%.15s", value);
		else if (!strcmp(key, "swap"))
			conf.swap_mib = strtoul(value, NULL, 10);
		else if (!strcmp(key, "module"))
			load(value);	/* listed in the order of their dependencies */
		else if (!strcmp(key, "tested"))
			load_tested(value);
		else if (!strcmp(key, "case") && conf.n_cases < MAX_CASES)
			conf.cases[conf.n_cases++] = strdup(value);
	}
	fclose(f);
}

static void loopback_up(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr))
		note("bring up", "lo");
	if (fd >= 0)
		close(fd);
}

/*
 * Swap on compressed memory. The swap header (mkswap's) is one page: version 1,
 * the last usable page, and the magic at its end.
 */
static void swap_on(void)
{
	static const char dev[] = "/dev/zram0";
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned int *head;
	char size[32];
	int fd;

	if (!conf.swap_mib)
		return;
	snprintf(size, sizeof(size), "%luM", conf.swap_mib);
	if (write_file("/sys/block/zram0/disksize", size)) {
		note("set size", dev);
		return;
	}
	head = calloc(1, page);
	if (!head)
		return;
	head[1024 / sizeof(*head)] = 1;
	head[1028 / sizeof(*head)] =
		(unsigned int)(conf.swap_mib * 1024 * 1024 / page - 1);
	memcpy((char *)head + page - 10, "SWAPSPACE2", 10);
	fd = open(dev, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, head, page) != (ssize_t)page)
		note("write swap header", dev);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(head);
	if (swapon(dev, 0))
		note("swapon", dev);
}

static void settle_in(void)
{
	mount_at("proc", "/proc", NULL);
	mount_at("sysfs", "/sys", NULL);
	mount_at("devtmpfs", "/dev", NULL);
	mkdir("/dev/pts", 0755);
	mount_at("devpts", "/dev/pts", NULL);
	mount_at("tmpfs", "/dev/shm", NULL);
	mount_at("tmpfs", "/tmp", NULL);
	mount_at("tmpfs", "/run", NULL);
	mount_at("debugfs", "/sys/kernel/debug", NULL);
	mount_at("cgroup2", "/sys/fs/cgroup", NULL);
	/* A case that breaks the kernel shall end the run, not spoil the rest. */
	write_file("/proc/sys/kernel/panic_on_oops", "1");
	setenv("PATH", "/tools:/bin:/sbin:/usr/bin:/usr/sbin", 1);
	setenv("HOME", "/root", 1);
	setenv("KSM_TEST_MACHINE", "1", 1);
	if (chdir("/tmp"))
		note("chdir", "/tmp");
}

static void channel_raw(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &t)) {
		note("set raw", CHANNEL);
		return;
	}
	cfmakeraw(&t);
	cfsetspeed(&t, B115200);
	tcsetattr(fd, TCSANOW, &t);
}

static void run(int channel)
{
	char *argv[MAX_CASES + 8];
	unsigned int n = 0;
	pid_t pid, ended;

	argv[n++] = (char *)"/runner";
	argv[n++] = (char *)"-kr";
	argv[n++] = (char *)"-t";
	argv[n++] = conf.timeout;
	argv[n++] = (char *)"-n";
	argv[n++] = conf.nonce;
	for (unsigned int i = 0; i < conf.n_cases; i++)
		argv[n++] = conf.cases[i];
	argv[n] = NULL;

	pid = fork();
	if (pid == 0) {
		dup2(channel, STDOUT_FILENO);
		execv(argv[0], argv);
		note("exec", argv[0]);
		_exit(127);
	}
	do {
		ended = wait(NULL);
	} while (ended != pid && (ended > 0 || errno == EINTR));
}

/* A word of the kernel's command line: the cases run with so many scanners. */
static void scanners_set(void)
{
	static const char path[] = "/sys/kernel/mm/ksm/hksm/scanners";
	const char *n = getenv("hksm_scanners");

	if (n && write_file(path, n))
		note("write", path);
}

int main(void)
{
	int channel;

	settle_in();
	scanners_set();
	conf_read();
	loopback_up();
	swap_on();
	channel = open(CHANNEL, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (channel < 0) {
		note("open", CHANNEL);
	} else {
		channel_raw(channel);
		run(channel);
		tcdrain(channel);
	}
	sync();
	reboot(RB_POWER_OFF);
	/* Without power management; the host side does not let it boot again. */
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}
