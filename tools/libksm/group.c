// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * group.c - what a process belongs to: command, user, cgroup, systemd unit,
 * virtual machine.
 *
 * The parsers are pure.  Names are raw (whoever starts a guest names it) and
 * are cleaned where they are shown.
 */
#include "libksm/internal.h"

#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const group_names[] = {
	[KSM_GROUP_PID] = "pid",       [KSM_GROUP_COMM] = "comm", [KSM_GROUP_USER] = "user",
	[KSM_GROUP_CGROUP] = "cgroup", [KSM_GROUP_UNIT] = "unit", [KSM_GROUP_VM] = "vm",
};

_Static_assert(ARRAY_SIZE(group_names) == __KSM_GROUP_N, "a name for each group");

const char *ksm_group_name(enum ksm_group g)
{
	return group_names[g];
}

int ksm_group_find(const char *name)
{
	for (int g = 0; g < __KSM_GROUP_N; g++)
		if (!strcmp(group_names[g], name))
			return g;
	return -1;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* systemd writes bytes that are special in unit names as \xNN (systemd.unit(5)). */
static void unit_unescape(const char *s, size_t n, char *out, size_t len)
{
	size_t w = 0;

	for (size_t i = 0; i < n && w + 1 < len; i++) {
		if (s[i] == '\\' && n - i >= 4 && s[i + 1] == 'x' && hex(s[i + 2]) >= 0 &&
		    hex(s[i + 3]) >= 0) {
			out[w++] = hex(s[i + 2]) << 4 | hex(s[i + 3]);
			i += 3;
		} else {
			out[w++] = s[i];
		}
	}
	out[w] = '\0';
}

static bool ends_with(const char *s, size_t n, const char *suffix)
{
	size_t l = strlen(suffix);

	return n > l && !memcmp(s + n - l, suffix, l);
}

/* The last component that is a service or scope; a slice only when none is. */
static bool unit_component(const char *cgroup, const char **start, size_t *n)
{
	const char *slice = NULL;
	size_t slice_len = 0;

	*start = NULL;
	for (const char *p = cgroup; *p;) {
		size_t l;

		p += strspn(p, "/");
		l = strcspn(p, "/");
		if (ends_with(p, l, ".service") || ends_with(p, l, ".scope")) {
			*start = p;
			*n = l;
		} else if (ends_with(p, l, ".slice")) {
			slice = p;
			slice_len = l;
		}
		p += l;
	}
	if (!*start && slice) {
		*start = slice;
		*n = slice_len;
	}
	return *start != NULL;
}

void ksm_group_unit(const char *cgroup, char *out, size_t len)
{
	const char *start;
	size_t n;

	out[0] = '\0';
	if (unit_component(cgroup, &start, &n))
		unit_unescape(start, n, out, len);
}

/* libvirt: machine-qemu\x2d3\x2dNAME.scope, or NAME.libvirt-qemu of its cgroup v1 days. */
static bool vm_of_cgroup(const char *cgroup, char *out, size_t len)
{
	static const char old_suffix[] = ".libvirt-qemu";
	char unit[256], *name, *end;
	const char *start;
	size_t n;

	if (unit_component(cgroup, &start, &n) && ends_with(start, n, ".scope")) {
		unit_unescape(start, n, unit, sizeof(unit));
		if (!strncmp(unit, "machine-qemu-", 13)) {
			name = unit + 13;
			name += strspn(name, "0123456789");
			end = strrchr(unit, '.');
			if (name > unit + 13 && *name == '-' && end > name + 1) {
				*end = '\0';
				snprintf(out, len, "%s", name + 1);
				return true;
			}
		}
	}
	for (const char *p = cgroup; *p; p += n) {
		p += strspn(p, "/");
		n = strcspn(p, "/");
		if (ends_with(p, n, old_suffix)) {
			snprintf(out, len, "%.*s", (int)(n - strlen(old_suffix)), p);
			return true;
		}
	}
	return false;
}

static const char *next_arg(const char *arg, const char *end)
{
	const char *nul = memchr(arg, '\0', end - arg);

	return nul && nul + 1 < end ? nul + 1 : NULL;
}

static bool is_hypervisor(const char *argv0)
{
	static const char *const known[] = { "qemu-system-", "qemu-kvm", "kvm",
					     "cloud-hypervisor", "firecracker", "crosvm" };
	const char *base = strrchr(argv0, '/');

	base = base ? base + 1 : argv0;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		size_t l = strlen(known[i]);

		if (!strncmp(base, known[i], l) && (base[l] == '\0' || known[i][l - 1] == '-'))
			return true;
	}
	return false;
}

/*
 * qemu's -name: items "KEY=VALUE", of which the first may be the bare name; the
 * key that counts is guest.  A doubled comma stands for one.
 */
static void vm_name_value(const char *val, char *out, size_t len)
{
	for (bool first = true; *val; first = false) {
		size_t key = strcspn(val, "=,"), w = 0;
		bool bare = val[key] != '=';
		bool wanted = bare ? first : key == 5 && !strncmp(val, "guest", 5);

		for (val += bare ? 0 : key + 1; *val; val++) {
			if (*val == ',' && *++val != ',')
				break;
			if (wanted && w + 1 < len)
				out[w++] = *val;
		}
		if (wanted)
			out[w] = '\0';
	}
}

int ksm_group_vm(const char *cgroup, const char *cmdline, size_t cmdline_len, char *out, size_t len)
{
	const char *end, *arg, *val;

	out[0] = '\0';
	if (cgroup && vm_of_cgroup(cgroup, out, len))
		return 0;
	/* The kernel ends a command line with NUL; one that was overwritten may lack it. */
	if (!cmdline_len || cmdline[cmdline_len - 1] != '\0' || !is_hypervisor(cmdline))
		return -ENOENT;
	end = cmdline + cmdline_len;
	for (arg = cmdline; arg; arg = val) {
		val = next_arg(arg, end);
		if (val && (!strcmp(arg, "-name") || !strcmp(arg, "--name") ||
			    !strcmp(arg, "--id"))) {
			vm_name_value(val, out, len);
			break;
		}
	}
	return 0;
}

const char *ksm_user_name(struct ksm *k, uid_t uid)
{
	struct passwd pw, *found = NULL;
	char buf[4096], number[16];
	char *name = map_find(&k->users, (uint64_t)uid + 1);

	if (uid == KSM_UID_NONE)
		return "";
	if (name)
		return name;
	snprintf(number, sizeof(number), "%u", (unsigned int)uid);
	/* Numbers of a dump mean nothing in this system's list of users. */
	if (k->live)
		getpwuid_r(uid, &pw, buf, sizeof(buf), &found);
	name = strdup(found ? pw.pw_name : number);
	if (name && map_put(&k->users, (uint64_t)uid + 1, name)) {
		free(name);
		name = NULL;
	}
	return name ? name : "?";
}

static int vm_key(struct ksm *k, const struct ksm_proc *p, const char *cgroup, char *out, size_t len)
{
	char *cmd __cleanup_free = NULL;
	size_t n;
	int rc = ksm_proc_cmdline(k, p->pid, &cmd, &n);

	if (rc && rc != -ENOENT)
		return rc;
	rc = ksm_group_vm(cgroup, cmd, n, out, len);
	/* A hypervisor without a name is told apart by its number. */
	if (!rc && !out[0])
		snprintf(out, len, "%d", (int)p->pid);
	return 0;
}

int ksm_group_key(struct ksm *k, const struct ksm_proc *p, enum ksm_group g, char *out, size_t len)
{
	char *cgroup __cleanup_free = NULL;
	int rc = 0;

	out[0] = '\0';
	switch (g) {
	case KSM_GROUP_PID:
		snprintf(out, len, "%d", (int)p->pid);
		return 0;
	case KSM_GROUP_COMM:
		snprintf(out, len, "%s", p->comm);
		return 0;
	case KSM_GROUP_USER:
		snprintf(out, len, "%s", ksm_user_name(k, p->uid));
		return 0;
	default:
		break;
	}
	rc = ksm_proc_cgroup(k, p->pid, &cgroup);
	/* A kernel without cgroups: it belongs to none. */
	if (rc && rc != -EPROTO && rc != -ENOENT)
		return rc;
	if (g == KSM_GROUP_VM)
		return vm_key(k, p, cgroup, out, len);
	if (!cgroup)
		return 0;
	if (g == KSM_GROUP_UNIT)
		ksm_group_unit(cgroup, out, len);
	else
		snprintf(out, len, "%s", cgroup);
	return 0;
}
