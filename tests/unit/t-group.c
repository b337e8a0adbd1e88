// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-group.c - what a process belongs to: units out of cgroup paths, names of
 * virtual machines out of scopes and command lines.
 *
 * Both are chosen by users; the names come out raw, and never longer than the
 * buffer that is given.
 */
#include <errno.h>
#include <stdlib.h>

#include "libksm/libksm.h"
#include "root.h"
#include "tap.h"

static void names(void)
{
	for (int g = 0; g < __KSM_GROUP_N; g++)
		CHECK_INT(ksm_group_find(ksm_group_name(g)), g);
	CHECK_STR(ksm_group_name(KSM_GROUP_VM), "vm");
	CHECK_INT(ksm_group_find("nonsense"), -1);
	CHECK_INT(ksm_group_find(""), -1);
	CHECK_INT(ksm_group_find("Unit"), -1);
}

static void unit(void)
{
	static const struct {
		const char *cgroup;
		const char *want;
	} rows[] = {
		{ "/system.slice/nginx.service", "nginx.service" },
		/* as systemctl shows it: \x2d is not what separates the slices of a name */
		{ "/system.slice/app\\x2dworker@3.service", "app\\x2dworker@3.service" },
		{ "/system.slice/app-foo\\x2dbar.service", "app-foo\\x2dbar.service" },
		{ "/system.slice/app-foo-bar.service", "app-foo-bar.service" },
		/* what cgroupfs would take for a file of a controller stands behind "_" */
		{ "/system.slice/_memory.service", "memory.service" },
		{ "/system.slice/__x.service", "_x.service" },
		{ "/_cgroup.x.slice", "cgroup.x.slice" },
		{ "/system.slice/nginx.service/payload/x", "nginx.service" },	/* delegated */
		{ "/user.slice/user-41001.slice/session-4.scope", "session-4.scope" },
		/* a unit of some other manager than the host's says whose it is */
		{ "/user.slice/user-41001.slice/user@41001.service/app.slice/app-firefox-2301.scope",
		  "app-firefox-2301.scope@user-41001" },
		{ "/user.slice/user-7.slice/user@7.service/init.scope", "init.scope@user-7" },
		{ "/user.slice/user-7.slice/user@7.service", "user@7.service" },
		{ "/lxc.payload.web/system.slice/nginx.service", "nginx.service@web" },
		{ "/lxc/101/ns/system.slice/nginx.service", "nginx.service@101" },
		{ "/machine.slice/systemd-nspawn@web.service/payload/system.slice/nginx.service",
		  "nginx.service@web" },
		{ "/machine.slice/machine-web.scope/system.slice/nginx.service", "nginx.service@web" },
		{ "/system.slice/docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope/system.slice/nginx.service",
		  "nginx.service@docker-0123456789ab" },
		/* the number of a container is enough, wherever that runs */
		{ "/kubepods/burstable/pod7/fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210/system.slice/a.service",
		  "a.service@fedcba987654" },
		{ "/lxc.payload.web/user.slice/user-7.slice/user@7.service/app.slice/a.service",
		  "a.service@user-7@web" },
		/* outside of the reader's own cgroup namespace */
		{ "/../../system.slice/nginx.service", "nginx.service@.." },
		{ "/lxc.payload.foo/../init.scope", "init.scope" },
		{ "/init.scope", "init.scope" },
		/* a slice only where nothing else is */
		{ "/machine.slice", "machine.slice" },
		{ "/a.slice/b.slice/payload", "b.slice" },
		{ "/a.service/b.slice", "a.service" },
		{ "/", "" },
		{ "", "" },
		{ "//", "" },
		{ "/docker/4f1c0d5a", "" },
		{ "/.service", "" },			/* a name has something before its suffix */
		{ "/_.service", "" },
		{ "/xservice", "" },
		{ "nginx.service", "nginx.service" },
		{ "//system.slice///x.service//", "x.service" },
		{ "/a\\x1b[2J.service", "a\\x1b[2J.service" },
		{ "/\x1b[2J.service", "\x1b[2J.service" },	/* raw: cleaned where it is shown */
		{ "/\xff\xfe.scope", "\xff\xfe.scope" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char out[128];

		tap_row("%zu: %s", i, rows[i].cgroup);
		ksm_group_unit(rows[i].cgroup, out, sizeof(out));
		CHECK_STR(out, rows[i].want);
	}
}

/* A buffer of each size: cut, terminated, never beyond it. */
static void unit_short(void)
{
	static const char want[] = "app\\x2dworker@3.service";

	for (size_t len = 1; len < 30; len++) {
		char *out = malloc(len);

		tap_row("%zu", len);
		ksm_group_unit("/system.slice/app\\x2dworker@3.service", out, len);
		CHECK_UINT(strlen(out), MIN(len - 1, sizeof(want) - 1));
		CHECK(!strncmp(out, want, strlen(out)));
		free(out);
	}
}

#define CMD(text) text, sizeof(text) - 1	/* the literal's own NUL is not counted */

static void vm(void)
{
	static const struct {
		const char *cgroup;
		const char *cmd;
		size_t len;
		int rc;
		const char *want;
	} rows[] = {
		/* libvirt under systemd */
		{ "/machine.slice/machine-qemu\\x2d3\\x2dweb01.scope", NULL, 0, 0, "web01" },
		{ "/machine.slice/machine-qemu\\x2d3\\x2dweb01.scope/libvirt/emulator", NULL, 0,
		  0, "web01" },
		{ "/machine.slice/machine-qemu\\x2d12\\x2ddb\\x2d01.scope", NULL, 0, 0, "db-01" },
		{ "/machine.slice/machine-qemu\\x2d1\\x2da.b.scope", NULL, 0, 0, "a.b" },
		{ "/machine.slice/machine-qemu\\x2d1\\x2d7.scope", NULL, 0, 0, "7" },
		{ "/machine.slice/machine-qemu\\x2d1\\x2d\\x1b[2J.scope", NULL, 0, 0, "\x1b[2J" },
		/* and what only looks like it */
		{ "/machine.slice/machine-qemu\\x2dweb01.scope", NULL, 0, -ENOENT, "" },
		{ "/machine.slice/machine-qemu\\x2d3\\x2d.scope", NULL, 0, -ENOENT, "" },
		{ "/machine.slice/machine-qemu\\x2d3.scope", NULL, 0, -ENOENT, "" },
		{ "/machine.slice/machine-lxc\\x2d3\\x2dweb01.scope", NULL, 0, -ENOENT, "" },
		{ "/machine.slice/machine-qemu\\x2d3\\x2dweb01.service", NULL, 0, -ENOENT, "" },
		/* libvirt before that */
		{ "/machine/web01.libvirt-qemu/emulator", NULL, 0, 0, "web01" },
		{ "/machine/web01.libvirt-qemu", NULL, 0, 0, "web01" },
		{ "/machine/.libvirt-qemu", NULL, 0, -ENOENT, "" },
		{ "/machine/web01.libvirt-lxc", NULL, 0, -ENOENT, "" },
		/* the command line is asked first: a scope's name is cut, and lacks characters */
		{ "/machine.slice/machine-qemu\\x2d3\\x2dweb1.scope",
		  CMD("/usr/bin/qemu-system-x86_64\0-name\0guest=web_1,debug-threads=on\0"), 0, "web_1" },
		{ "/machine.slice/machine-qemu\\x2d4\\x2dweb1.scope",
		  CMD("/usr/bin/qemu-system-x86_64\0-name\0guest=web1,debug-threads=on\0"), 0, "web1" },
		/* and the scope where it tells nothing, or is another program's */
		{ "/machine/web01.libvirt-qemu", CMD("qemu-system-x86_64\0-m\0001G\0"), 0, "web01" },
		{ "/machine/web01.libvirt-qemu", CMD("swtpm\0-name\0other\0"), 0, "web01" },
		/* plain QEMU */
		{ "/", CMD("qemu-system-x86_64\0-m\0001G\0-name\0build\0"), 0, "build" },
		{ NULL, CMD("/usr/bin/qemu-system-x86_64\0-name\0guest=build,debug-threads=on\0"),
		  0, "build" },
		{ NULL, CMD("/usr/libexec/qemu-kvm\0-name\0debug-threads=on,guest=build\0"), 0,
		  "build" },
		{ NULL, CMD("kvm\0-name\0build,process=x\0"), 0, "build" },
		/* ",," is a comma */
		{ NULL, CMD("qemu-system-aarch64\0--name\0a,,b\0"), 0, "a,b" },
		{ NULL, CMD("qemu-system-x86_64\0-name\0guest=a,,guest=b,x=y\0"), 0, "a,guest=b" },
		{ NULL, CMD("qemu-system-x86_64\0-name\0process=guest=x,guest=real\0"), 0, "real" },
		{ NULL, CMD("qemu-system-x86_64\0-name\0guest=\0"), 0, "" },
		{ NULL, CMD("qemu-system-x86_64\0-name\0\0"), 0, "" },
		{ NULL, CMD("qemu-system-x86_64\0-name\0,\0"), 0, "" },
		/* options alone are no name */
		{ NULL, CMD("qemu-system-x86_64\0-name\0debug-threads=on\0"), 0, "" },
		{ NULL, CMD("qemu-system-x86_64\0-name\0"), 0, "" },
		{ NULL, CMD("qemu-system-x86_64\0-m\0001G\0"), 0, "" },		/* has none */
		{ NULL, CMD("qemu-system-x86_64\0"), 0, "" },
		{ NULL, CMD("firecracker\0--id\0vm-7\0"), 0, "vm-7" },
		{ NULL, CMD("firecracker\0--id=vm-7\0"), 0, "vm-7" },
		{ NULL, CMD("cloud-hypervisor\0--id=a,b\0"), 0, "a,b" },
		{ NULL, CMD("crosvm\0run\0--name=x\0"), 0, "x" },
		{ NULL, CMD("/usr/bin/stratovirt\0-name\0guest7\0"), 0, "guest7" },
		{ NULL, CMD("/usr/bin/qemu\0-id\0005\0-name\0web\0"), 0, "web" },	/* the name rather */
		{ NULL, CMD("kvm\0-id\000101\0"), 0, "101" },
		{ NULL, CMD("kvm\0--identity=x\0-names\0y\0"), 0, "" },
		{ NULL, CMD("cloud-hypervisor\0--cpus\0boot=1\0"), 0, "" },
		/* no hypervisor */
		{ NULL, CMD("qemu-img\0-name\0x\0"), -ENOENT, "" },
		{ NULL, CMD("kvmtool\0-name\0x\0"), -ENOENT, "" },
		{ NULL, CMD("/qemu-system-x86_64/bash\0-name\0x\0"), -ENOENT, "" },
		{ NULL, CMD("bash\0qemu-system-x86_64\0-name\0x\0"), -ENOENT, "" },
		{ NULL, CMD(""), -ENOENT, "" },
		{ NULL, CMD("\0"), -ENOENT, "" },
		{ NULL, CMD("qemu-system\0-name\0x\0"), -ENOENT, "" },
		/* cut, or overwritten by the process: no NUL at the end */
		{ NULL, CMD("qemu-system-x86_64\0-name\0x"), 0, "x" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *cmd = malloc(rows[i].len ? rows[i].len : 1), out[64];

		tap_row("%zu", i);
		if (rows[i].cmd)
			memcpy(cmd, rows[i].cmd, rows[i].len);
		CHECK_INT(ksm_group_vm(rows[i].cgroup, rows[i].cmd ? cmd : NULL, rows[i].len, out,
				       sizeof(out)),
			  rows[i].rc);
		CHECK_STR(out, rows[i].want);
		free(cmd);
	}
}

static void vm_short(void)
{
	static const char cmd[] = "qemu-system-x86_64\0-name\0guest=web01";

	for (size_t len = 1; len < 10; len++) {
		char *out = malloc(len);

		tap_row("%zu", len);
		CHECK_INT(ksm_group_vm(NULL, cmd, sizeof(cmd), out, len), 0);
		CHECK(!strncmp(out, "web01", len - 1) && strlen(out) == MIN(len - 1, (size_t)5));
		CHECK_INT(ksm_group_vm("/machine-qemu\\x2d3\\x2dweb01.scope", NULL, 0, out, len),
			  0);
		CHECK(!strncmp(out, "web01", len - 1) && strlen(out) == MIN(len - 1, (size_t)5));
		free(out);
	}
}

static void keys(void)
{
	static const struct {
		const char *root;
		pid_t pid;
		enum ksm_group group;
		const char *want;
	} rows[] = {
		{ "6.12-busy", 1001, KSM_GROUP_PID, "1001" },
		{ "6.12-busy", 1001, KSM_GROUP_COMM, "qemu-system-x86" },
		{ "6.12-busy", 1001, KSM_GROUP_USER, "41002" },
		{ "6.12-busy", 1001, KSM_GROUP_CGROUP,
		  "/machine.slice/machine-qemu\\x2d1\\x2dweb01.scope/libvirt/emulator" },
		{ "6.12-busy", 1001, KSM_GROUP_UNIT, "machine-qemu\\x2d1\\x2dweb01.scope" },
		{ "6.12-busy", 1001, KSM_GROUP_VM, "web01" },
		{ "6.12-busy", 1003, KSM_GROUP_VM, "db-01" },
		{ "6.12-busy", 1010, KSM_GROUP_VM, "build" },
		{ "6.12-busy", 2001, KSM_GROUP_VM, "" },
		{ "6.12-busy", 2001, KSM_GROUP_UNIT, "app\\x2dworker@1.service" },
		{ "6.12-busy", 2310, KSM_GROUP_UNIT, "session-4.scope" },	/* a zombie */
		{ "6.12-busy", 58, KSM_GROUP_UNIT, "" },
		{ "cgroup-v1", 1001, KSM_GROUP_VM, "web01" },
		{ "cgroup-v1", 1001, KSM_GROUP_CGROUP, "/machine/web01.libvirt-qemu/emulator" },
		{ "cgroup-v1", 1002, KSM_GROUP_VM, "web02" },
		{ "cgroup-v1", 1002, KSM_GROUP_UNIT, "machine-qemu\\x2d2\\x2dweb02.scope" },
		{ "cgroup-v1", 2001, KSM_GROUP_UNIT, "" },
		{ "cgroup-v1", 2150, KSM_GROUP_UNIT, "redis.service" },
		{ "cgroup-v1", 1, KSM_GROUP_UNIT, "init.scope" },
		{ "hostile", 3014, KSM_GROUP_VM, "\x1b[41mvm\n1,2" },
		{ "hostile", 3001, KSM_GROUP_COMM, "two\nlines" },
		{ "garbage", 12, KSM_GROUP_CGROUP, "" },
		{ "garbage", 12, KSM_GROUP_VM, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ksm *k = root_open(rows[i].root);
		struct ksm_proc p;
		char out[256];

		tap_row("%s/%d by %s", rows[i].root, (int)rows[i].pid,
			ksm_group_name(rows[i].group));
		CHECK_INT(ksm_proc_read(k, rows[i].pid, KSM_PROC_UID, &p), 0);
		CHECK_INT(ksm_group_key(k, &p, rows[i].group, out, sizeof(out)), 0);
		CHECK_STR(out, rows[i].want);
		ksm_close(k);
	}
}

/* A hypervisor without a name is told apart by its number. */
static void key_of_nameless(void)
{
	struct ksm_proc p = { .pid = 7, .comm = "kvm" };
	struct root r;
	struct ksm *k;
	char out[64];

	root_new(&r);
	root_put_mem(&r, "proc/7/cmdline", "kvm\0-m\0001G\0", 11);
	root_put(&r, "proc/7/cgroup", "0::/\n");
	k = root_handle(&r);
	CHECK_INT(ksm_group_key(k, &p, KSM_GROUP_VM, out, sizeof(out)), 0);
	CHECK_STR(out, "7");
	p.pid = 8;
	CHECK_INT(ksm_group_key(k, &p, KSM_GROUP_VM, out, sizeof(out)), -ESRCH);
	CHECK_STR(out, "");
	CHECK_INT(ksm_group_key(k, &p, KSM_GROUP_UNIT, out, sizeof(out)), -ESRCH);
	ksm_close(k);
	root_free(&r);
}

static void users(void)
{
	struct ksm *k = root_open("6.12-busy");

	/* Numbers of a dump have no names here, not even 0. */
	CHECK_STR(ksm_user_name(k, 0), "0");
	CHECK_STR(ksm_user_name(k, 4294967294U), "4294967294");
	CHECK_STR(ksm_user_name(k, KSM_UID_NONE), "");
	CHECK(ksm_user_name(k, 41001) == ksm_user_name(k, 41001));
	ksm_close(k);
	CHECK_INT(ksm_open(NULL, &k), 0);
	CHECK_STR(ksm_user_name(k, 0), "root");
	ksm_close(k);
}

TAP_MAIN(TAP_CASE(names), TAP_CASE(unit), TAP_CASE(unit_short), TAP_CASE(vm), TAP_CASE(vm_short),
	 TAP_CASE(keys), TAP_CASE(key_of_nameless), TAP_CASE(users))
