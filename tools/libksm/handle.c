// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * handle.c - open and close a root, and what is known of it from the start.
 *
 * Not for reading figures.  A handle is used by one thread at a time; the
 * error record and the scratch buffer have no lock.
 */
#include "libksm/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "util/num.h"

/*
 * 0 or -EPROTO: figures are multiplied by page size and tick, so one that cannot be
 * makes all of them wrong, and this machine's in its place would not be seen.
 */
static int meta_line(struct ksm *k, const char *key, const char *val)
{
	uint64_t n;

	if (!strcmp(key, "release")) {
		snprintf(k->meta_release, sizeof(k->meta_release), "%s", val);
	} else if (!strcmp(key, "page_size")) {
		if (num_u64(val, &n) || n < 1024 || n > (1U << 22) || n & (n - 1))
			return -EPROTO;
		k->page_size = n;
	} else if (!strcmp(key, "clock_tick")) {
		if (num_u64(val, &n) || n < 1 || n > 1000000)
			return -EPROTO;
		k->clock_tick = n;
	} else if (!strcmp(key, "when_ns") && !num_u64(val, &n)) {
		k->meta_when_ns = n;
	}
	return 0;
}

/* Lines "key value" of a dump's meta file. */
static int meta_read(struct ksm *k)
{
	struct str text __cleanup_str = STR_INIT;
	char *line, *rest, *val;
	int rc = 0;

	if (ksm_path_read_file(k, KSM_FILE_META, 0, &text))
		return 0;
	for (rest = text.s; !rc && rest && (line = strsep(&rest, "\n"));) {
		val = line;
		if (line[0] == '#' || !strsep(&val, " \t"))
			continue;
		rc = meta_line(k, line, val ? val + strspn(val, " \t") : "");
	}
	return rc;
}

static bool root_is_live(int rootfd)
{
	struct stat ours, live;

	return !fstat(rootfd, &ours) && !stat("/", &live) && ours.st_dev == live.st_dev &&
	       ours.st_ino == live.st_ino;
}

/* A program with more rights than its caller does not let him choose what it reads. */
static const char *host_root(void)
{
	const char *host = secure_getenv("KSM_HOST");

	return host && *host ? host : NULL;
}

int ksm_open(const char *root, struct ksm **out)
{
	const char *host = root ? NULL : host_root();
	struct ksm *k = calloc(1, sizeof(*k));
	int rc;

	*out = NULL;
	if (!k)
		return -ENOMEM;
	k->procfd = -1;
	k->ksmfd = -1;
	k->page_size = sysconf(_SC_PAGESIZE);
	k->clock_tick = sysconf(_SC_CLK_TCK);
	k->rootfd = ksm_path_root(root ?: host ?: "/");
	if (k->rootfd < 0) {
		rc = k->rootfd;
		goto fail;
	}
	k->live = root_is_live(k->rootfd);
	k->host = host && !k->live;
	k->live |= k->host;
	rc = ksm_path_base(k);
	/* What is read of a process must be of the one that is acted upon. */
	if (!rc && k->host && !ksm_path_own_pids(k))
		rc = ksm_path_has_proc(k) ? -EXDEV : -ENOENT;
	if (rc)
		goto fail;
	if (!k->live)
		rc = meta_read(k);
	if (rc)
		goto fail;
	k->err = 0;
	*out = k;
	return 0;
fail:
	ksm_close(k);
	return rc;
}

const char *ksm_open_why(const char *root, int rc)
{
	int fd __cleanup_fd = root ? ksm_path_root(root) : -1;

	if (!root && host_root() && rc == -EXDEV)
		return "what KSM_HOST names has a proc of other process numbers than ours "
		       "(the container needs those of the host: hostPID, --pid=host)";
	if (!root && host_root())
		return "what KSM_HOST names is no host's root, with proc and sys mounted in it";
	if (rc == -EPROTO)
		return "its file meta tells a page_size or clock_tick that cannot be";
	if (rc == -ENOENT && (!root || (fd >= 0 && root_is_live(fd))))
		return "No such file or directory (mount -t proc proc /proc)";
	if (rc == -ENOENT && fd >= 0)
		return "not the dump of a system: it has no proc";
	return strerror(-rc);
}

void ksm_close(struct ksm *k)
{
	uint64_t uid;
	void *name;

	if (!k)
		return;
	if (k->ksmfd >= 0)
		close(k->ksmfd);
	if (k->procfd >= 0)
		close(k->procfd);
	if (k->rootfd >= 0)
		close(k->rootfd);
	for (size_t pos = 0; (name = map_next(&k->users, &pos, &uid));)
		free(name);
	map_fini(&k->users);
	free(k->pods.v);
	str_fini(&k->buf);
	str_fini(&k->err_text);
	str_fini(&k->right_text);
	free(k);
}

bool ksm_is_live(const struct ksm *k)
{
	return k->live;
}

int ksm_boot_id(struct ksm *k, char *out)
{
	ssize_t n = ksm_path_read_start(k, KSM_FILE_BOOT_ID, 0, out, KSM_BOOT_ID_MAX);

	if (n > 0 && out[n - 1] == '\n')
		out[--n] = '\0';
	if (n > 0 && strspn(out, "0123456789abcdef-") == (size_t)n)
		return 0;
	out[0] = '\0';
	return n < 0 ? (int)n : -EINVAL;
}

size_t ksm_page_size(const struct ksm *k)
{
	return k->page_size;
}

unsigned int ksm_clock_tick(const struct ksm *k)
{
	return k->clock_tick;
}

enum ksm_state ksm_present(struct ksm *k)
{
	return k->present;
}

void ksm_kernel_release(struct ksm *k, char out[KSM_RELEASE_MAX])
{
	struct utsname u;
	const char *text = k->meta_release;

	if (k->live)
		text = uname(&u) ? "" : u.release;
	snprintf(out, KSM_RELEASE_MAX, "%s", text);
}

/* "6.12.117-cloud" as its three numbers; what is missing is 0. */
static void release_parts(struct ksm *k, uint64_t part[3])
{
	char text[KSM_RELEASE_MAX];
	const char *at = text;

	ksm_kernel_release(k, text);
	part[0] = part[1] = part[2] = 0;
	for (int i = 0; i < 3 && !num_take_u64(&at, 10, &part[i]) && *at == '.'; i++)
		at++;
}

unsigned int ksm_kernel_version(struct ksm *k)
{
	uint64_t part[3];

	release_parts(k, part);
	return MIN(part[0], 1000) * 100 + MIN(part[1], 99);
}

unsigned int ksm_kernel_patch(struct ksm *k)
{
	uint64_t part[3];

	release_parts(k, part);
	return MIN(part[2], 1000);
}
