// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * beside.c - others that write KSM's settings or have processes ask for merging, beside
 * those that decide all the time (decider.c).  Told is what can be seen: that a program
 * runs, and what it can do; not that it did.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/xalloc.h"
#include "ksmctl/ksmctl.h"

static const struct ctl_beside rows[] = {
	[CTL_BESIDE_KSMTUNED] = {
		"ksmtuned", "it sets run, sleep_millisecs and pages_to_scan by free memory",
		"systemctl status ksmtuned" },
	/* profiles/realtime-virtual-host/script.sh of TuneD: disable_ksm */
	[CTL_BESIDE_TUNED] = {
		"tuned", "one of its profiles, realtime-virtual-host, stops KSM",
		"tuned-adm active" },
	[CTL_BESIDE_LIBVIRTD] = {
		"libvirtd", "it writes the settings when it is told to by node-memory-tune",
		"virsh node-memory-tune" },
	[CTL_BESIDE_VIRTQEMUD] = {
		"virtqemud", "it writes the settings when it is told to by node-memory-tune",
		"virsh node-memory-tune" },
	/* pkg/virt-handler/ksm/ksm.go of KubeVirt */
	[CTL_BESIDE_VIRT_HANDLER] = {
		"virt-handler", "it sets run, sleep_millisecs and pages_to_scan on nodes that "
		"KubeVirt's ksmConfiguration selects",
		"kubectl get kubevirt -A -o jsonpath='{..ksmConfiguration}'" },
};

_Static_assert(ARRAY_SIZE(rows) == __CTL_BESIDE_N, "a row for each");

const struct ctl_beside *ctl_beside_row(enum ctl_beside_id id)
{
	return &rows[id];
}

int ctl_beside_find(struct ctl *ctl, const struct ksm_proc *p)
{
	struct ksm_proc q;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (ksm_tuner_is_roots(ctl->k, p, rows[i].comm, &q))
			return (int)i;
	return -1;
}

/* --- units --- */

#define FILE_MAX  (64 << 10)	/* of a unit, so much is looked at */
#define NAMES_MAX 256		/* files in a directory, and units that are told */

static bool ends_with(const char *s, const char *end)
{
	const size_t n = strlen(s), m = strlen(end);

	return n > m && !strcmp(s + n - m, end);
}

/* Kinds of units that start programs. */
static bool is_unit(const char *name)
{
	return ends_with(name, ".service") || ends_with(name, ".socket") ||
	       ends_with(name, ".mount") || ends_with(name, ".swap");
}

/* What systemd takes for yes (parse_boolean()). */
static bool is_yes(const char *s, size_t len)
{
	static const char *const words[] = { "1", "yes", "y", "true", "t", "on" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i]) == len && !memcmp(words[i], s, len))
			return true;
	return false;
}

bool ctl_unit_asks(const char *text)
{
	static const char key[] = "MemoryKSM";
	bool asks = false;

	for (const char *s = text; *s; s += strcspn(s, "\n"), s += *s == '\n') {
		const char *v = s + strspn(s, " \t");
		size_t len;

		if (strncmp(v, key, sizeof(key) - 1))
			continue;
		v += sizeof(key) - 1;
		v += strspn(v, " \t");
		if (*v++ != '=')
			continue;
		v += strspn(v, " \t");
		len = strcspn(v, " \t\r\n");
		/* The last one counts. */
		asks = is_yes(v, len);
	}
	return asks;
}

/* Links lead to files that are looked at in their own place. */
static bool file_asks(int dir, const char *name)
{
	int fd __cleanup_fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char *text __cleanup_free = xcalloc(1, FILE_MAX + 1);
	struct stat st;
	size_t len = 0;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return false;
	while (len < FILE_MAX && (n = read(fd, text + len, FILE_MAX - len)) > 0)
		len += n;
	return ctl_unit_asks(text);
}

static void add_unit(struct ctl_units *u, const char *name, size_t len)
{
	for (size_t i = 0; i < u->n; i++)
		if (strlen(u->v[i]) == len && !memcmp(u->v[i], name, len))
			return;
	if (u->n >= NAMES_MAX)
		return;
	xvec_room(u->v, u->n, u->cap);
	u->v[u->n] = xcalloc(1, len + 1);
	memcpy(u->v[u->n++], name, len);
}

static DIR *open_dir(int at, const char *name)
{
	int fd __cleanup_fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d)
		steal_fd(&fd);
	return d;
}

/* "x.service.d": what is added to x.service. */
static void look_at_drop_ins(struct ctl_units *u, int at, const char *name)
{
	DIR *d __cleanup_dir = open_dir(at, name);
	const struct dirent *e;

	for (int i = 0; d && i < NAMES_MAX && (e = readdir(d)); i++)
		if (ends_with(e->d_name, ".conf") && file_asks(dirfd(d), e->d_name))
			add_unit(u, name, strlen(name) - strlen(".d"));
}

static void look_at_dir(struct ctl_units *u, const char *name)
{
	DIR *d __cleanup_dir = open_dir(AT_FDCWD, name);
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		char base[NAME_MAX + 1];
		const size_t len = strlen(e->d_name);

		if (is_unit(e->d_name)) {
			if (file_asks(dirfd(d), e->d_name))
				add_unit(u, e->d_name, len);
		} else if (ends_with(e->d_name, ".d") && len < sizeof(base)) {
			memcpy(base, e->d_name, len - 2);
			base[len - 2] = '\0';
			if (is_unit(base))
				look_at_drop_ins(u, dirfd(d), e->d_name);
		}
	}
}

void ctl_units_read(struct ctl *ctl, struct ctl_units *out)
{
	/* As systemd.unit(5) has it, where units are found. */
	const char *path = getenv("SYSTEMD_UNIT_PATH");
	char *list __cleanup_free = NULL, *rest, *dir;

	*out = (struct ctl_units){ 0 };
	/* A dump has none. */
	if (!ksm_is_live(ctl->k))
		return;
	list = xstrdup(path && *path ? path :
				       "/etc/systemd/system:/run/systemd/system:"
				       "/usr/local/lib/systemd/system:/usr/lib/systemd/system:"
				       "/lib/systemd/system");
	for (rest = list; (dir = strsep(&rest, ":"));)
		if (*dir)
			look_at_dir(out, dir);
}

void ctl_units_free(struct ctl_units *u)
{
	for (size_t i = 0; i < u->n; i++)
		free(u->v[i]);
	free(u->v);
	*u = (struct ctl_units){ 0 };
}
