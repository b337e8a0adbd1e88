// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * container.c - which container, and which pod, a control group is of; and what the
 * kubelet's directories of logs tell of pods.
 *
 * The layouts: systemd's units as docker, containerd, CRI-O and podman name them
 * ("docker-ID.scope", "kubepods-burstable-podUID.slice/cri-containerd-ID.scope") and
 * cgroupfs without systemd ("/kubepods/besteffort/podUID/ID", "/docker/ID").  A path
 * of a process in another cgroup namespace may lack its beginning, so no parent is
 * asked for but where the name alone would not tell.
 *
 * A process may make control groups below its own where they were delegated to it, and
 * call them as it likes.  So the outermost container counts, and a pod only outside of it.
 */
#include "libksm/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libksm/group.h"
#include "util/ascii.h"
#include "util/vec.h"

#define UUID_LEN 36	/* of most pods: 8-4-4-4-12 */
#define HASH_LEN 32	/* of those that the kubelet has from a file: no dashes */

/* --- of one component (pure) --- */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void ksm_unit_unescape(struct span unit, char *out, size_t len)
{
	const char *s = unit.s;
	const size_t n = unit.len;
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

static bool is_hex(char c)
{
	return hex(c) >= 0;
}

size_t ksm_find_container_id(struct span c)
{
	size_t run = 0;

	for (size_t i = 0; i < c.len; i++) {
		run = is_hex(c.s[i]) ? run + 1 : 0;
		if (run == KSM_CONTAINER_ID_LEN)
			return i + 1 - KSM_CONTAINER_ID_LEN;
	}
	return c.len;
}

/* A number of 64 digits, and not a part of a longer one. */
static bool take_id(struct span c, struct span *out)
{
	const size_t at = ksm_find_container_id(c), end = at + KSM_CONTAINER_ID_LEN;

	if (at == c.len || (end < c.len && is_hex(c.s[end])))
		return false;
	*out = (struct span){ c.s + at, KSM_CONTAINER_ID_SHOWN };
	return true;
}

static bool is_bare_id(struct span c)
{
	struct span id;

	return c.len == KSM_CONTAINER_ID_LEN && take_id(c, &id);
}

/* What watches over a container, and is not in it. */
static bool is_monitor(struct span c)
{
	return span_begins(c, "lxc.monitor") || span_begins(c, "libpod-conmon-") ||
	       span_begins(c, "crio-conmon-");
}

/* "machine-web.scope" of systemd-machined; libvirt's have their kind and number before the name. */
static bool machine_name(struct span c, char *out, size_t len)
{
	char unit[256], *name;
	size_t end;

	if (!span_begins(c, "machine-") || !span_ends(c, ".scope"))
		return false;
	c.len -= strlen(".scope");
	ksm_unit_unescape(c, unit, sizeof(unit));
	name = unit + strlen("machine-");
	if (!strncmp(name, "qemu-", 5))
		return false;
	if (!strncmp(name, "lxc-", 4)) {
		end = 4 + strspn(name + 4, "0123456789");
		if (end > 4 && name[end] == '-')
			name += end + 1;
	}
	snprintf(out, len, "%s", name);
	return *name != '\0';
}

/* Those that have names, of which a component begins or whose parent tells it. */
static bool named_container(struct span parent, struct span c, char *out, size_t len)
{
	static const char *const prefixes[] = { "lxc.payload.", "systemd-nspawn@" };

	if (machine_name(c, out, len))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		if (!span_begins(c, prefixes[i]) || c.len == strlen(prefixes[i]))
			continue;
		c.s += strlen(prefixes[i]);
		c.len -= strlen(prefixes[i]);
		if (span_ends(c, ".service"))
			c.len -= strlen(".service");
		ksm_unit_unescape(c, out, len);
		return true;
	}
	if (!span_is(parent, "lxc") && !span_is(parent, "lxc.payload"))
		return false;
	snprintf(out, len, "%.*s", (int)c.len, c.s);
	return true;
}

/* A uid behind "pod", as a name of a slice ("_" for "-") or as it is. */
static bool take_uid(struct span sp, char *out, size_t len)
{
	static const unsigned char dashes[] = { 8, 13, 18, 23 };
	size_t n = 0, dash = 0;

	for (; n < sp.len && n < UUID_LEN; n++) {
		if (dash < ARRAY_SIZE(dashes) && n == dashes[dash] &&
		    (sp.s[n] == '-' || sp.s[n] == '_'))
			dash++;
		else if (!is_hex(sp.s[n]))
			break;
	}
	if (!(n == UUID_LEN && dash == ARRAY_SIZE(dashes)) && !(n == HASH_LEN && !dash))
		return false;
	/* Behind it, nothing, or the end of the slice's name. */
	sp.s += n;
	sp.len -= n;
	if (sp.len && !span_is(sp, ".slice") && !span_begins(sp, ".slice:"))
		return false;
	snprintf(out, len, "%.*s", (int)n, sp.s - n);
	for (char *p = out; *p; p++)
		if (*p == '_')
			*p = '-';
	return true;
}

/* "pod" at the beginning of a component, or behind "kubepods-burstable-". */
static bool kube_pod(struct span c, char *out, size_t len)
{
	for (size_t i = 0; i + 3 < c.len; i++)
		if ((!i || c.s[i - 1] == '-') && !memcmp(c.s + i, "pod", 3) &&
		    take_uid((struct span){ c.s + i + 3, c.len - i - 3 }, out, len))
			return true;
	return false;
}

/*
 * podman's: "machine-libpod_pod_ID.slice"; without systemd, a bare number between
 * libpod_parent and the container.
 */
static bool podman_pod(struct span parent, struct span c, char *out, size_t len)
{
	struct span id;

	if (!(memmem(c.s, c.len, "libpod_pod_", 11) && span_ends(c, ".slice")) &&
	    !(span_is(parent, "libpod_parent") && is_bare_id(c)))
		return false;
	if (!take_id(c, &id))
		return false;
	snprintf(out, len, "%.*s", (int)id.len, id.s);
	return true;
}

/* "user@7.service": what is below it, that user starts, and names. */
static bool is_user_manager(struct span c, struct span *number)
{
	const size_t skip = strlen("user@"), end = strlen(".service");

	if (!span_begins(c, "user@") || !span_ends(c, ".service") || c.len <= skip + end)
		return false;
	*number = (struct span){ c.s + skip, c.len - skip - end };
	return true;
}

/* --- of a path (pure) --- */

struct place {
	char container[256];
	char pod[KSM_POD_MAX];
	struct span user;	/* whose manager is around it */
};

/* Is it a container's own?  Fills place.container. */
static bool take_container(struct place *p, struct span parent, struct span c)
{
	struct span id;

	if (is_monitor(c) || span_ends(c, ".slice"))
		return false;
	if (!take_id(c, &id))
		return named_container(parent, c, p->container, sizeof(p->container));
	snprintf(p->container, sizeof(p->container), "%.*s", (int)id.len, id.s);
	return true;
}

static void find_place(const char *cgroup, struct place *p)
{
	struct span c, parent = { "", 0 };

	*p = (struct place){ .user = { "", 0 } };
	for (const char *at = cgroup; span_component(&at, &c); parent = c) {
		const bool podman = !*p->pod && podman_pod(parent, c, p->pod, sizeof(p->pod));

		if (!*p->pod)
			kube_pod(c, p->pod, sizeof(p->pod));
		if (!podman && take_container(p, parent, c))
			return;
		is_user_manager(c, &p->user);
	}
}

static void add_user(const struct place *p, char *out, size_t len)
{
	const size_t w = strlen(out);

	if (w && p->user.len)
		snprintf(out + w, len - w, "@user-%.*s", (int)p->user.len, p->user.s);
}

void ksm_group_container(const char *cgroup, char *out, size_t len)
{
	struct place p;

	find_place(cgroup, &p);
	snprintf(out, len, "%s", p.container);
	add_user(&p, out, len);
}

void ksm_group_pod_uid(const char *cgroup, char *out, size_t len)
{
	struct place p;

	find_place(cgroup, &p);
	snprintf(out, len, "%s", p.pod);
	add_user(&p, out, len);
}

static bool is_kube_uid(const char *pod)
{
	const size_t len = strlen(pod);
	char uid[UUID_LEN + 1];

	return (len == UUID_LEN || len == HASH_LEN) &&
	       take_uid((struct span){ pod, len }, uid, sizeof(uid));
}

void ksm_pod_namespace(const char *pod, char *out, size_t len)
{
	const char *slash = strchr(pod, '/');

	out[0] = '\0';
	if (slash)
		snprintf(out, len, "%.*s", (int)(slash - pod), pod);
	else if (is_kube_uid(pod))
		snprintf(out, len, "uid:%s", pod);
}

bool ksm_namespace_is_known(const char *name)
{
	return *name && !strchr(name, ':');
}

/* --- names of pods --- */

/* What RFC 1123 lets a label have, and a name of labels: kubernetes.io takes no other. */
static bool is_label(struct span sp, size_t max, bool dots)
{
	for (size_t i = 0; i < sp.len; i++)
		if (!ascii_is_digit(sp.s[i]) && !(sp.s[i] >= 'a' && sp.s[i] <= 'z') &&
		    sp.s[i] != '-' && !(dots && sp.s[i] == '.'))
			return false;
	return sp.len && sp.len <= max && sp.s[0] != '-';
}

/*
 * NAMESPACE_NAME_UID, which is all that the kubelet leaves on a node for others to read
 * (BuildPodLogsDirectory() in its pkg/kubelet/kuberuntime/helpers.go); before Kubernetes
 * 1.14 it was the uid alone.
 */
int ksm_pod_parse(const char *dir, struct ksm_pod *out)
{
	const char *first = strchr(dir, '_'), *last = strrchr(dir, '_');
	struct span space, name;

	*out = (struct ksm_pod){ "", "" };
	if (!first || first == last || strlen(last + 1) > UUID_LEN || !is_kube_uid(last + 1) ||
	    strchr(last + 1, '_'))
		return -EINVAL;
	space = (struct span){ dir, first - dir };
	name = (struct span){ first + 1, last - first - 1 };
	if (!is_label(space, 63, false) || !is_label(name, 253, true))
		return -EINVAL;
	snprintf(out->uid, sizeof(out->uid), "%s", last + 1);
	snprintf(out->name, sizeof(out->name), "%.*s/%.*s", (int)space.len, space.s,
		 (int)name.len, name.s);
	return 0;
}

/* --- the pods of a node --- */

#define AGAIN_NS UINT64_C(2000000000)	/* who is not among them is not looked for sooner */

static int by_uid(const void *a, const void *b)
{
	const struct ksm_pod *x = a, *y = b;

	return strcmp(x->uid, y->uid) ?: strcmp(x->name, y->name);
}

/* Two names for one uid: neither is believed. */
static void drop_twins(struct ksm_known_pods *pods)
{
	size_t kept = 0;

	for (size_t i = 0; i < pods->n;) {
		size_t next = i + 1;

		while (next < pods->n && !strcmp(pods->v[i].uid, pods->v[next].uid))
			next++;
		if (next == i + 1)
			pods->v[kept++] = pods->v[i];
		i = next;
	}
	pods->n = kept;
}

int ksm_pods_list(struct ksm *k, int (*fn)(const char *dir, void *arg), void *arg)
{
	char path[KSM_FILE_NAME_MAX];
	DIR *d __cleanup_dir = ksm_path_opendir(k, "%s", ksm_file_path(KSM_FILE_PODS, 0, path));
	size_t left = ksm_file_info(KSM_FILE_PODS)->max;
	struct ksm_pod pod;
	struct dirent *e;
	int rc = d ? 0 : -errno;

	while (!rc && (e = readdir(d))) {
		const size_t len = strlen(e->d_name) + 1;

		if (len > left)
			break;
		left -= len;
		if (!ksm_pod_parse(e->d_name, &pod))
			rc = fn(e->d_name, arg);
	}
	return rc;
}

static int add_pod(const char *dir, void *arg)
{
	struct ksm_known_pods *pods = arg;

	if (vec_room(pods->v, pods->n, pods->cap))
		return -ENOMEM;
	return ksm_pod_parse(dir, &pods->v[pods->n++]);
}

/* Where it cannot be read, there are none: a node without a kubelet has no such directory. */
static void read_pods(struct ksm *k, struct ksm_known_pods *pods)
{
	pods->n = 0;
	pods->read_ns = ksm_now_ns();
	if (ksm_pods_list(k, add_pod, pods) == -ENOMEM)
		pods->n = 0;
	if (pods->n)
		qsort(pods->v, pods->n, sizeof(*pods->v), by_uid);
	drop_twins(pods);
}

static const struct ksm_pod *find_pod(const struct ksm_known_pods *pods, const char *uid)
{
	size_t low = 0, high = pods->n;

	while (low < high) {
		const size_t at = low + (high - low) / 2;
		const int order = strcmp(pods->v[at].uid, uid);

		if (!order)
			return &pods->v[at];
		if (order < 0)
			low = at + 1;
		else
			high = at;
	}
	return NULL;
}

void ksm_group_pod(struct ksm *k, const char *cgroup, char *out, size_t len)
{
	const struct ksm_pod *pod;

	ksm_group_pod_uid(cgroup, out, len);
	if (!is_kube_uid(out))
		return;
	if (!k->pods.read_ns)
		read_pods(k, &k->pods);
	pod = find_pod(&k->pods, out);
	/* It may be a new one; in a dump there are none. */
	if (!pod && k->live && ksm_now_ns() - k->pods.read_ns > AGAIN_NS) {
		read_pods(k, &k->pods);
		pod = find_pod(&k->pods, out);
	}
	if (pod)
		snprintf(out, len, "%s", pod->name);
}
