// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * group.c - what a process belongs to: command, user, cgroup, systemd unit,
 * virtual machine.  Containers and pods: container.c.
 *
 * The parsers are pure.  Names are raw (whoever starts a guest names it) and
 * are cleaned where they are shown.
 */
#include "libksm/internal.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libksm/group.h"
#include "util/ascii.h"

static const struct {
	const char *name;
	bool some;		/* most processes belong to none, which is no group then */
} kinds[] = {
	[KSM_GROUP_PID] = { "pid", false },
	[KSM_GROUP_COMM] = { "comm", false },
	[KSM_GROUP_USER] = { "user", false },
	[KSM_GROUP_CGROUP] = { "cgroup", false },
	[KSM_GROUP_UNIT] = { "unit", false },
	[KSM_GROUP_VM] = { "vm", true },
	[KSM_GROUP_CONTAINER] = { "container", true },
	[KSM_GROUP_POD] = { "pod", true },
	[KSM_GROUP_NAMESPACE] = { "namespace", true },
};

_Static_assert(ARRAY_SIZE(kinds) == __KSM_GROUP_N, "a row for each group");

const char *ksm_group_name(enum ksm_group g)
{
	return kinds[g].name;
}

bool ksm_group_is_of_some(enum ksm_group g)
{
	return kinds[g].some;
}

int ksm_group_find(const char *name)
{
	for (int g = 0; g < __KSM_GROUP_N; g++)
		if (!strcmp(kinds[g].name, name))
			return g;
	return -1;
}

const char *ksm_group_names(enum ksm_group first, char *out, size_t len)
{
	size_t w = 0;

	out[0] = '\0';
	for (int g = first; g < __KSM_GROUP_N && w < len; g++)
		w += snprintf(out + w, len - w, "%s%s", w ? ", " : "", kinds[g].name);
	return out;
}

/*
 * The unit's own component: the last that is a service or scope; a slice only
 * when none is.  systemd puts "_" before a name that cgroupfs has another use
 * for ("memory.service" could be a file of that controller): cg_escape() in its
 * src/basic/cgroup-util.c.  Other escapes (\x2d) belong to the name of the unit,
 * where "-" means something else: app-foo\x2dbar.service is not app-foo-bar.service.
 */
static bool unit_component(const char *cgroup, struct span *unit)
{
	struct span c, slice = { NULL, 0 };

	unit->s = NULL;
	for (const char *p = cgroup; span_component(&p, &c);) {
		if (*c.s == '_' && c.len > 1) {
			c.s++;
			c.len--;
		}
		if (span_ends(c, ".service") || span_ends(c, ".scope"))
			*unit = c;
		else if (span_ends(c, ".slice"))
			slice = c;
	}
	if (!unit->s)
		*unit = slice;
	return unit->s != NULL;
}

/* Directories that stand between a container's own cgroup and its contents, or above all of them. */
static bool is_anonymous(struct span c)
{
	static const char *const names[] = {
		"payload", "supervisor", "libvirt", "ns", "lxc", "lxc.payload", "docker", "machine",
		"kubepods", "burstable", "besteffort", "system", "user", "libpod_parent",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (span_is(c, names[i]))
			return true;
	return span_ends(c, ".slice");
}

/* "docker-0123456789ab..." and its kin without what is the same in all of them. */
static struct span manager_name(struct span c, size_t id)
{
	static const char *const prefixes[] = { "systemd-nspawn@", "lxc.payload.", "machine-" };

	if (id < c.len)
		return (struct span){ c.s, id + KSM_CONTAINER_ID_SHOWN };
	if (span_ends(c, ".service"))
		c.len -= strlen(".service");
	else if (span_ends(c, ".scope"))
		c.len -= strlen(".scope");
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (span_begins(c, prefixes[i]) && c.len > strlen(prefixes[i])) {
			c.s += strlen(prefixes[i]);
			c.len -= strlen(prefixes[i]);
			break;
		}
	return c;
}

#define DEPTH_MAX 16	/* of managers within managers */

/*
 * Whose unit it is: the managers whose cgroups enclose it, inner first.  A host's
 * own units stand below slices only.  Returns how many; a container's number is
 * unique, so that nothing outside of it is needed.
 */
static size_t unit_managers(const char *cgroup, struct span unit, struct span *out)
{
	struct span c, around[DEPTH_MAX];
	size_t n = 0, kept = 0;

	for (const char *p = cgroup; span_component(&p, &c) && c.s + c.len < unit.s + unit.len;) {
		if (span_is(c, "..") && n && !span_is(around[n - 1], "..")) {
			n--;
			continue;
		}
		/* Further up than the reader's own cgroup namespace shows: once is enough. */
		if (is_anonymous(c) || (span_is(c, "..") && n))
			continue;
		if (n == DEPTH_MAX)
			memmove(around, around + 1, --n * sizeof(*around));
		around[n++] = c;
	}
	while (n--) {
		const size_t id = ksm_find_container_id(around[n]);

		out[kept++] = manager_name(around[n], id);
		if (id < around[n].len)
			break;
	}
	return kept;
}

void ksm_group_unit(const char *cgroup, char *out, size_t len)
{
	struct span unit, by[DEPTH_MAX];
	size_t n, w;

	out[0] = '\0';
	if (!unit_component(cgroup, &unit))
		return;
	n = unit_managers(cgroup, unit, by);
	w = snprintf(out, len, "%.*s", (int)unit.len, unit.s);
	for (size_t i = 0; i < n && w < len; i++) {
		/* The manager of one user's services: told by the number of the user. */
		const bool user = span_begins(by[i], "user@");
		const size_t skip = user ? strlen("user@") : 0;

		w += snprintf(out + w, len - w, "@%s%.*s", user ? "user-" : "",
			      (int)(by[i].len - skip), by[i].s + skip);
	}
}

/*
 * libvirt: machine-qemu\x2d3\x2dNAME.scope, or NAME.libvirt-qemu of its cgroup v1
 * days.  The scope's NAME lacks what systemd-machined does not take, and ends
 * after 64 characters (virDomainDriverGenerateMachineName() in libvirt).
 */
static bool vm_of_cgroup(const char *cgroup, char *out, size_t len)
{
	static const char old_suffix[] = ".libvirt-qemu";
	char unit[256], *name, *end;
	struct span c;

	if (unit_component(cgroup, &c) && span_ends(c, ".scope")) {
		ksm_unit_unescape(c, unit, sizeof(unit));
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
	for (const char *p = cgroup; span_component(&p, &c);) {
		if (span_ends(c, old_suffix)) {
			snprintf(out, len, "%.*s", (int)(c.len - strlen(old_suffix)), c.s);
			return true;
		}
	}
	return false;
}

/* The next of a command line's arguments, which end in NUL; the last may lack it. */
static bool next_arg(struct span *rest, struct span *arg)
{
	const char *nul;

	if (!rest->len)
		return false;
	nul = memchr(rest->s, '\0', rest->len);
	arg->s = rest->s;
	arg->len = nul ? (size_t)(nul - rest->s) : rest->len;
	rest->s += arg->len + (nul ? 1 : 0);
	rest->len -= arg->len + (nul ? 1 : 0);
	return true;
}

static bool is_hypervisor(struct span argv0)
{
	static const char *const known[] = { "qemu", "qemu-system-*", "qemu-kvm", "kvm",
					     "cloud-hypervisor", "firecracker", "crosvm",
					     "stratovirt" };
	const char *slash = memrchr(argv0.s, '/', argv0.len);

	if (slash) {
		argv0.len -= slash + 1 - argv0.s;
		argv0.s = slash + 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		size_t l = strlen(known[i]);

		if (known[i][l - 1] == '*' ? argv0.len >= l - 1 && !memcmp(argv0.s, known[i], l - 1) :
					     span_is(argv0, known[i]))
			return true;
	}
	return false;
}

/*
 * qemu's -name: items "KEY=VALUE", of which the first may be the bare name; the
 * key that counts is guest.  A doubled comma stands for one.
 */
static void vm_name_value(struct span val, char *out, size_t len)
{
	for (bool first = true; val.len; first = false) {
		const char *end = val.s + val.len, *p = val.s;
		size_t w = 0;
		bool wanted;

		while (p < end && *p != '=' && *p != ',')
			p++;
		if (p == end || *p == ',') {
			wanted = first;
			p = val.s;
		} else {
			wanted = p - val.s == 5 && !memcmp(val.s, "guest", 5);
			p++;
		}
		for (; p < end; p++) {
			if (*p == ',' && (++p == end || *p != ','))
				break;
			if (wanted && w + 1 < len)
				out[w++] = *p;
		}
		if (wanted)
			out[w] = '\0';
		val = (struct span){ p, end - p };
	}
}

/* The value of an option in @arg ("--id=X") or of the argument behind it ("--id X"). */
static bool option_value(struct span arg, const char *name, struct span rest, struct span *val)
{
	const size_t l = strlen(name);

	if (arg.len < 2 || arg.s[0] != '-')
		return false;
	arg.s++;
	arg.len--;
	if (arg.s[0] == '-') {
		arg.s++;
		arg.len--;
	}
	if (span_is(arg, name))
		return next_arg(&rest, val);
	if (arg.len <= l || memcmp(arg.s, name, l) || arg.s[l] != '=')
		return false;
	*val = (struct span){ arg.s + l + 1, arg.len - l - 1 };
	return true;
}

/* What a hypervisor was told to call its guest: -name of QEMU, else --id of the others. */
static bool vm_of_cmdline(struct span cmdline, char *out, size_t len)
{
	struct span rest, arg, val;

	if (!next_arg(&cmdline, &arg) || !is_hypervisor(arg))
		return false;
	for (rest = cmdline; !out[0] && next_arg(&rest, &arg);)
		if (option_value(arg, "name", rest, &val))
			vm_name_value(val, out, len);
	for (rest = cmdline; !out[0] && next_arg(&rest, &arg);)
		if (option_value(arg, "id", rest, &val))
			snprintf(out, len, "%.*s", (int)val.len, val.s);
	return true;
}

int ksm_group_vm(const char *cgroup, const char *cmdline, size_t cmdline_len, char *out, size_t len)
{
	bool is_vm;

	out[0] = '\0';
	is_vm = vm_of_cmdline((struct span){ cmdline, cmdline_len }, out, len);
	if (out[0] || (cgroup && vm_of_cgroup(cgroup, out, len)))
		return 0;
	return is_vm ? 0 : -ENOENT;
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
	/* Numbers of a dump, or of a host seen from a container, mean nothing in this system's list of users. */
	if (k->live && !k->host)
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
	char pod[KSM_POD_MAX];
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
	switch (g) {
	case KSM_GROUP_UNIT:
		ksm_group_unit(cgroup, out, len);
		break;
	case KSM_GROUP_CONTAINER:
		ksm_group_container(cgroup, out, len);
		break;
	case KSM_GROUP_POD:
		ksm_group_pod(k, cgroup, out, len);
		break;
	case KSM_GROUP_NAMESPACE:
		ksm_group_pod(k, cgroup, pod, sizeof(pod));
		ksm_pod_namespace(pod, out, len);
		break;
	default:
		snprintf(out, len, "%s", cgroup);
	}
	return 0;
}
