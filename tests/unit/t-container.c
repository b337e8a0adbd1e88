// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-container.c - containers and pods out of control groups, in each layout that runtimes
 * and their cgroup drivers make, and out of paths that somebody made to look like one;
 * and names of pods out of the kubelet's directories.
 */
#include <errno.h>
#include <stdlib.h>

#include "libksm/libksm.h"
#include "root.h"
#include "tap.h"

#define ID    "1f0e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
#define SHORT "1f0e2d3c4b5a"
#define ID2   "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
#define UID   "3c1f5f0a-8d7e-4b52-9a61-0f5f2f3c7d11"
#define UID_  "3c1f5f0a_8d7e_4b52_9a61_0f5f2f3c7d11"
#define UID2  "91c0b7de-5a02-4d3e-8f44-6b1a2c9e0d22"
#define HASH  "0123456789abcdef0123456789abcdef"

static void layouts(void)
{
	static const struct {
		const char *cgroup, *container, *pod;
	} rows[] = {
		/* Kubernetes, driver systemd: containerd, CRI-O, docker; three classes */
		{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_
		  ".slice/cri-containerd-" ID ".scope", SHORT, UID },
		{ "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_
		  ".slice/crio-" ID ".scope", SHORT, UID },
		{ "/kubepods.slice/kubepods-pod" UID_ ".slice/docker-" ID ".scope", SHORT, UID },
		/* below its own scope, systemd or what CRI-O makes for it */
		{ "/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" ID ".scope/container", SHORT,
		  UID },
		{ "/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" ID
		  ".scope/system.slice/nginx.service", SHORT, UID },
		/* kubelet below another slice (kind) */
		{ "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
		  "kubelet-kubepods-burstable-pod" UID_ ".slice/cri-containerd-" ID ".scope",
		  SHORT, UID },
		/* driver cgroupfs */
		{ "/kubepods/besteffort/pod" UID "/" ID, SHORT, UID },
		{ "/kubepods/burstable/pod" UID "/" ID, SHORT, UID },
		{ "/kubepods/pod" UID "/" ID, SHORT, UID },
		{ "/kubepods/burstable/pod" UID "/crio-" ID, SHORT, UID },
		/* a pod that the kubelet has from a file */
		{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" HASH
		  ".slice/cri-containerd-" ID ".scope", SHORT, HASH },
		{ "/kubepods/burstable/pod" HASH "/" ID, SHORT, HASH },
		/* the pod itself, without a container */
		{ "/kubepods/burstable/pod" UID, "", UID },
		/* containerd and kubelet that disagree about the driver */
		{ "/system.slice/containerd.service/kubepods-burstable-pod" UID_
		  ".slice:cri-containerd:" ID, SHORT, UID },
		/* seen from within another cgroup namespace: the beginning is missing */
		{ "/../../../besteffort/pod" UID "/" ID, SHORT, UID },
		{ "/../../kubepods-pod" UID_ ".slice/cri-containerd-" ID ".scope", SHORT, UID },
		{ "/../cri-containerd-" ID ".scope", SHORT, "" },
		/* docker, nerdctl */
		{ "/system.slice/docker-" ID ".scope", SHORT, "" },
		{ "/docker/" ID, SHORT, "" },
		{ "/docker/" ID "/system.slice/a.service", SHORT, "" },
		{ "/system.slice/nerdctl-" ID ".scope", SHORT, "" },
		{ "/default/" ID, SHORT, "" },
		/* podman: of root, of a user, in a pod of its own, and with cgroupfs */
		{ "/machine.slice/libpod-" ID ".scope/container", SHORT, "" },
		{ "/user.slice/user-7.slice/user@7.service/user.slice/libpod-" ID
		  ".scope/container", SHORT "@user-7", "" },
		{ "/machine.slice/machine-libpod_pod_" ID2 ".slice/libpod-" ID ".scope", SHORT,
		  "abcdef012345" },
		{ "/user.slice/user-7.slice/user@7.service/user.slice/user-libpod_pod_" ID2
		  ".slice/libpod-" ID ".scope", SHORT "@user-7", "abcdef012345@user-7" },
		{ "/libpod_parent/libpod-" ID, SHORT, "" },
		{ "/libpod_parent/" ID2 "/libpod-" ID, SHORT, "abcdef012345" },
		/* those with names */
		{ "/lxc.payload.web/system.slice/nginx.service", "web", "" },
		{ "/lxc/101/ns/init.scope", "101", "" },
		{ "/machine.slice/systemd-nspawn@web.service/payload", "web", "" },
		{ "/machine.slice/machine-web\\x2d1.scope", "web-1", "" },
		{ "/machine.slice/machine-lxc\\x2d3\\x2dweb.scope", "web", "" },
		/* none */
		{ "/system.slice/nginx.service", "", "" },
		{ "/machine.slice/machine-qemu\\x2d1\\x2dweb01.scope", "", "" },
		{ "/user.slice/user-7.slice/user@7.service/app.slice/a.service", "", "" },
		{ "/kubepods.slice", "", "" },
		{ "/system.slice/kubelet.service", "", "" },
		{ "/", "", "" },
		{ "", "", "" },
		/* who watches over a container is not in it */
		{ "/machine.slice/libpod-conmon-" ID ".scope", "", "" },
		{ "/system.slice/crio-conmon-" ID ".scope", "", "" },
		{ "/lxc.monitor.web", "", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char out[128];

		tap_row("%zu: %s", i, rows[i].cgroup);
		ksm_group_container(rows[i].cgroup, out, sizeof(out));
		CHECK_STR(out, rows[i].container);
		ksm_group_pod_uid(rows[i].cgroup, out, sizeof(out));
		CHECK_STR(out, rows[i].pod);
	}
}

static void hostile(void)
{
	static const struct {
		const char *cgroup, *container, *pod;
	} rows[] = {
		/* what somebody makes inside of a container is not another one */
		{ "/docker/" ID "/docker/" ID2, SHORT, "" },
		{ "/docker/" ID "/kubepods/pod" UID "/" ID2, SHORT, "" },
		{ "/kubepods/pod" UID "/" ID "/kubepods/pod" UID2 "/" ID2, SHORT, UID },
		{ "/lxc.payload.web/docker/" ID, "web", "" },
		/* nor a pod that a user calls so */
		{ "/user.slice/user-7.slice/user@7.service/kubepods/pod" UID "/" ID,
		  SHORT "@user-7", UID "@user-7" },
		{ "/user.slice/user-7.slice/user@7.service/docker-" ID ".scope", SHORT "@user-7",
		  "" },
		/* numbers that are none */
		{ "/docker/" ID "0", "", "" },
		{ "/docker/0" ID, "", "" },
		{ "/docker/1f0e2d3c4b5a", "", "" },
		{ "/docker/1F0E2D3C4B5A69788796A5B4C3D2E1F00F1E2D3C4B5A69788796A5B4C3D2E1F0", "",
		  "" },
		{ "/" ID ".slice", "", "" },
		/* and pods that are none */
		{ "/kubepods/pod", "", "" },
		{ "/kubepods/pod7", "", "" },
		{ "/kubepods/pod3c1f5f0a-8d7e-4b52-9a61-0f5f2f3c7d1", "", "" },
		{ "/kubepods/pod3c1f5f0a-8d7e-4b52-9a61-0f5f2f3c7d110", "", "" },
		{ "/kubepods/pod" UID "x", "", "" },
		{ "/kubepods/pod" UID ".slicer", "", "" },
		{ "/kubepods/pod" HASH "0", "", "" },
		{ "/kubepods/pod3c1f5f0a08d7e04b5209a6100f5f2f3c7d11", "", "" },
		{ "/kubepods/xpod" UID, "", "" },
		{ "/kubepods/POD" UID, "", "" },
		{ "/kubepods/pod3c1f5f0a/8d7e-4b52-9a61-0f5f2f3c7d11", "", "" },
		/* of names nothing is left where nothing is */
		{ "/lxc.payload.", "", "" },
		{ "/machine.slice/machine-.scope", "", "" },
		{ "/machine.slice/systemd-nspawn@", "", "" },
		{ "/user@.service/docker-" ID ".scope", SHORT, "" },
		/* raw: cleaned where it is shown */
		{ "/lxc/\x1b[2J", "\x1b[2J", "" },
		{ "/machine.slice/machine-a\\x0ab.scope", "a\nb", "" },
		{ "////", "", "" },
	};
	char *deep = malloc(1 << 18);
	char out[KSM_POD_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%zu: %s", i, rows[i].cgroup);
		ksm_group_container(rows[i].cgroup, out, sizeof(out));
		CHECK_STR(out, rows[i].container);
		ksm_group_pod_uid(rows[i].cgroup, out, sizeof(out));
		CHECK_STR(out, rows[i].pod);
	}
	/* As deep, and with a component as long, as the file can be. */
	tap_row("deep");
	for (size_t i = 0; i < (1 << 18) - 1; i++)
		deep[i] = i % 2 ? 'a' : '/';
	deep[(1 << 18) - 1] = '\0';
	ksm_group_container(deep, out, sizeof(out));
	CHECK_STR(out, "");
	tap_row("long");
	memset(deep + 5, 'p', (1 << 18) - 6);
	memcpy(deep, "/lxc/", 5);
	ksm_group_container(deep, out, sizeof(out));
	CHECK_UINT(strlen(out), 255);
	ksm_group_pod_uid(deep, out, sizeof(out));
	CHECK_STR(out, "");
	free(deep);
}

/* A buffer of each size: cut, terminated, never beyond it. */
static void short_room(void)
{
	for (size_t len = 1; len < 45; len++) {
		char *out = malloc(len);

		tap_row("%zu", len);
		ksm_group_container("/user@7.service/docker-" ID ".scope", out, len);
		CHECK(!strncmp(out, SHORT "@user-7", len - 1) && strlen(out) == MIN(len - 1, (size_t)19));
		ksm_group_pod_uid("/kubepods/pod" UID "/" ID, out, len);
		CHECK(!strncmp(out, UID, len - 1) && strlen(out) == MIN(len - 1, (size_t)36));
		ksm_pod_namespace("shop/web", out, len);
		CHECK(!strncmp(out, "shop", len - 1) && strlen(out) == MIN(len - 1, (size_t)4));
		free(out);
	}
}

#define L63 "a23456789-123456789-123456789-123456789-123456789-123456789-123"

static void directories(void)
{
	static const struct {
		const char *dir;
		const char *name;	/* NULL: none of a pod */
		const char *uid;
	} rows[] = {
		{ "shop_web-7d9f6c5b8-x2k4q_" UID, "shop/web-7d9f6c5b8-x2k4q", UID },
		{ "kube-system_etcd-node.example_" HASH, "kube-system/etcd-node.example", HASH },
		{ L63 "_a_" UID, L63 "/a", UID },
		/* before Kubernetes 1.14: no more than the uid */
		{ UID, NULL, NULL },
		{ "shop_" UID, NULL, NULL },
		{ "_web_" UID, NULL, NULL },
		{ "shop__" UID, NULL, NULL },
		{ "shop_web_", NULL, NULL },
		{ "shop_web_" UID_, NULL, NULL },
		{ "shop_web_x" UID, NULL, NULL },
		{ "shop_web_" UID "0", NULL, NULL },
		{ "a" L63 "_a_" UID, NULL, NULL },
		{ "shop_web_more_" UID, NULL, NULL },
		{ "Shop_web_" UID, NULL, NULL },
		{ "sh.op_web_" UID, NULL, NULL },
		{ "shop_we/b_" UID, NULL, NULL },
		{ "-shop_web_" UID, NULL, NULL },
		{ "shop_\x1b[2J_" UID, NULL, NULL },
		{ "shop_we\nb_" UID, NULL, NULL },
		{ "..", NULL, NULL },
		{ "", NULL, NULL },
		{ "___", NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_pod pod;

		tap_row("%zu: %s", i, rows[i].dir);
		CHECK_INT(ksm_pod_parse(rows[i].dir, &pod), rows[i].name ? 0 : -EINVAL);
		CHECK_STR(pod.name, rows[i].name ? rows[i].name : "");
		CHECK_STR(pod.uid, rows[i].uid ? rows[i].uid : "");
	}
}

static void namespaces(void)
{
	static const struct {
		const char *pod, *want;
		bool known;
	} rows[] = {
		{ "shop/web", "shop", true },
		/* no namespace can have such a name, so nobody is taken for it */
		{ UID, "uid:" UID, false },
		{ HASH, "uid:" HASH, false },
		{ "abcdef012345", "", false },			/* podman's */
		{ "abcdef012345@user-7", "", false },
		{ UID "@user-7", "", false },
		{ "", "", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char out[KSM_POD_MAX];

		tap_row("%zu: %s", i, rows[i].pod);
		ksm_pod_namespace(rows[i].pod, out, sizeof(out));
		CHECK_STR(out, rows[i].want);
		CHECK_INT(ksm_namespace_is_known(out), rows[i].known);
	}
}

#define CGROUP "/kubepods/pod" UID "/" ID

static const char *pod_name(struct ksm *k, const char *cgroup)
{
	static char out[KSM_POD_MAX];

	ksm_group_pod(k, cgroup, out, sizeof(out));
	return out;
}

static void names(void)
{
	struct ksm *k = root_open("pods");
	struct root r;

	CHECK_STR(pod_name(k, CGROUP), "shop/web-7d9f6c5b8-x2k4q");
	CHECK_STR(pod_name(k, "/kubepods/pod" HASH "/" ID), HASH);
	CHECK_STR(pod_name(k, "/system.slice/a.service"), "");
	ksm_close(k);

	/* Two names for one uid, of which somebody made one: neither is believed. */
	root_copy(&r, "pods");
	root_put(&r, "var/log/pods/bank_ledger-9_" UID, "");
	k = root_handle(&r);
	CHECK_STR(pod_name(k, CGROUP), UID);
	CHECK_STR(pod_name(k, "/kubepods/pod" UID2 "/" ID), "shop/web-7d9f6c5b8-m8v7d");
	ksm_close(k);
	root_free(&r);

	/* No kubelet, and what is there in place of its directory. */
	root_new(&r);
	root_put(&r, "proc/1/stat", "");
	k = root_handle(&r);
	CHECK_STR(pod_name(k, CGROUP), UID);
	ksm_close(k);
	root_put(&r, "var/log/pods", "shop_web_" UID "\n");
	k = root_handle(&r);
	CHECK_STR(pod_name(k, CGROUP), UID);
	ksm_close(k);
	root_free(&r);
}

/* More names than a node can have: the first ones are taken, and the memory is bounded. */
static void many(void)
{
	struct root r;
	struct ksm *k;
	char path[128];

	root_new(&r);
	root_put(&r, "proc/1/stat", "");
	for (unsigned int i = 0; i < 3000; i++) {
		snprintf(path, sizeof(path),
			 "var/log/pods/shop_web-%u_00000000-0000-4000-8000-%012x", i, i);
		root_put(&r, path, "");
	}
	k = root_handle(&r);
	CHECK_STR(pod_name(k, "/pod00000000-0000-4000-8000-000000000bb7"), "shop/web-2999");
	CHECK_STR(pod_name(k, "/pod00000000-0000-4000-8000-000000000000"), "shop/web-0");
	CHECK_STR(pod_name(k, "/pod00000000-0000-4000-8000-000000000bb8"),
		  "00000000-0000-4000-8000-000000000bb8");
	ksm_close(k);
	root_free(&r);
}

static void keys(void)
{
	static const struct {
		pid_t pid;
		enum ksm_group group;
		const char *want;
	} rows[] = {
		{ 2001, KSM_GROUP_CONTAINER, SHORT },
		{ 2001, KSM_GROUP_POD, "shop/web-7d9f6c5b8-x2k4q" },
		{ 2001, KSM_GROUP_NAMESPACE, "shop" },
		{ 2003, KSM_GROUP_NAMESPACE, "bank" },
		{ 2150, KSM_GROUP_POD, "d02c9b1e-77aa-4f10-8c3d-1b2a3c4d5e44" },
		{ 2150, KSM_GROUP_NAMESPACE, "uid:d02c9b1e-77aa-4f10-8c3d-1b2a3c4d5e44" },
		{ 1010, KSM_GROUP_CONTAINER, "5b4a39281706" },
		{ 1010, KSM_GROUP_POD, "" },
		{ 1010, KSM_GROUP_NAMESPACE, "" },
		{ 1001, KSM_GROUP_CONTAINER, "" },
	};
	struct ksm *k = root_open("pods");

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm_proc p;
		char out[256];

		tap_row("%d by %s", (int)rows[i].pid, ksm_group_name(rows[i].group));
		CHECK_INT(ksm_proc_read(k, rows[i].pid, KSM_PROC_UID, &p), 0);
		CHECK_INT(ksm_group_key(k, &p, rows[i].group, out, sizeof(out)), 0);
		CHECK_STR(out, rows[i].want);
	}
	ksm_close(k);
}

TAP_MAIN(TAP_CASE(layouts), TAP_CASE(hostile), TAP_CASE(short_room), TAP_CASE(directories),
	 TAP_CASE(namespaces), TAP_CASE(names), TAP_CASE(many), TAP_CASE(keys))
