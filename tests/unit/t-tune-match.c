// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-tune-match.c - rules against processes of a fake kernel.
 */
#include "ksm-autotune/match.h"

#include "root.h"
#include "tap.h"

static void put_proc(struct root *r, int pid, const char *comm, const char *cmdline, size_t len,
		     const char *cgroup, const char *exe)
{
	char path[64], text[256];

	snprintf(path, sizeof(path), "proc/%d/stat", pid);
	snprintf(text, sizeof(text), "%d (%s) S 1 1 1 0 -1 4194560 1 0 0 0 3 4 0 0 20 0 1 0 100 "
		 "1000000 100 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 "
		 "0 0 0\n", pid, comm);
	root_put(r, path, text);
	snprintf(path, sizeof(path), "proc/%d/cmdline", pid);
	root_put_mem(r, path, cmdline, len);
	snprintf(path, sizeof(path), "proc/%d/cgroup", pid);
	root_put(r, path, cgroup);
	snprintf(path, sizeof(path), "proc/%d/exe", pid);
	if (exe)
		root_link(r, exe, path);
}

#define CMD(s) (s), sizeof(s) - 1
#define NAMED "01234567-89ab-cdef-0123-456789abcdef"
#define NAMELESS "fedcba98-7654-3210-fedc-ba9876543210"
#define ID(first) first "0123456789abcdef0123456789abcdef0123456789abcdef0123"	/* of 64 digits */

static void rules(void)
{
	static const struct {
		const char *rule;
		/* which of them: guest, web, worker, two of pods, of which one has no name */
		bool match[5];
	} rows[] = {
		{ "match-comm=*", { true, true, true, true, true } },
		{ "match-vm=*", { true, false, false, false, false } },
		{ "match-vm=db*", { true, false, false, false, false } },
		{ "match-vm=web*", { false, false, false, false, false } },
		{ "match-comm=nginx", { false, true, false, false, false } },
		{ "match-unit=nginx.service", { false, true, true, false, false } },
		{ "match-cgroup=/system.slice/*", { false, true, true, false, false } },
		{ "match-cmdline=~worker", { false, false, true, false, false } },
		{ "match-exe=/usr/sbin/nginx", { false, true, false, false, false } },
		{ "match-exe=*", { true, true, false, false, false } },
		{ "match-container=0123456789ab", { false, false, false, true, false } },
		{ "match-container=*", { false, false, false, true, true } },
		{ "match-pod=shop/web*", { false, false, false, true, false } },
		{ "match-pod=" NAMELESS, { false, false, false, false, true } },
		{ "match-namespace=shop", { false, false, false, true, false } },
		{ "match-namespace=*", { false, false, false, true, false } },
		{ "match-namespace=uid:*", { false, false, false, false, false } },
		/* of one kind any, of several kinds all */
		{ "match-comm=nginx\nmatch-comm=qemu*", { true, true, false, false, false } },
		{ "match-unit=nginx.service\nmatch-cmdline=~worker", { false, false, true, false, false } },
		{ "match-unit=nginx.service\nmatch-vm=*", { false, false, false, false, false } },
	};
	struct root r;
	struct ksm *k;

	root_new(&r);
	put_proc(&r, 10, "qemu-system-x86", CMD("qemu-system-x86_64\0-name\0guest=db1\0"),
		 "0::/machine.slice\n", "/usr/bin/qemu-system-x86_64");
	put_proc(&r, 11, "nginx", CMD("nginx\0-g\0daemon off;\0"),
		 "0::/system.slice/nginx.service\n", "/usr/sbin/nginx");
	put_proc(&r, 12, "ngx", CMD("nginx: worker process\0"), "0::/system.slice/nginx.service\n",
		 NULL);
	/* As seen from within a control group namespace: the beginning is not there. */
	put_proc(&r, 13, "web", CMD("web\0"),
		 "0::/../../kubepods/besteffort/pod" NAMED "/" ID("0123456789ab") "\n", NULL);
	put_proc(&r, 14, "new", CMD("new\0"),
		 "0::/kubepods/besteffort/pod" NAMELESS "/" ID("fedcba987654") "\n", NULL);
	root_put(&r, "var/log/pods/shop_web-7_" NAMED "/0", "");
	k = root_handle(&r);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tune_config c;
		struct tune_parser p = { .to = &c };
		char text[256];

		tap_row("%s", rows[i].rule);
		tune_config_init(&c);
		snprintf(text, sizeof(text), "[rule x]\nadvise=whole\n%s\n", rows[i].rule);
		CHECK_INT(tune_config_parse(&p, "f", text, strlen(text)), 0);
		for (size_t j = 0; j < ARRAY_SIZE(rows[i].match); j++) {
			struct ksm_proc proc;

			CHECK_INT(ksm_proc_read(k, 10 + j, KSM_PROC_UID, &proc), 0);
			CHECK_INT(tune_match(k, &c, &proc) != NULL, rows[i].match[j]);
		}
		tune_config_fini(&c);
	}
	ksm_close(k);
	root_free(&r);
}

/* The first one that holds, and no later one. */
static void first(void)
{
	static const char text[] = "[rule not]\nmatch-comm=nginx\nadvise=never\n"
				   "[rule all]\nmatch-comm=*\nadvise=whole\n";
	const struct tune_rule *rule;
	struct tune_config c;
	struct tune_parser p = { .to = &c };
	struct ksm_proc proc;
	struct root r;
	struct ksm *k;

	root_new(&r);
	put_proc(&r, 11, "nginx", CMD("nginx\0"), "0::/\n", NULL);
	put_proc(&r, 12, "perl", CMD("perl\0"), "0::/\n", NULL);
	k = root_handle(&r);
	tune_config_init(&c);
	CHECK_INT(tune_config_parse(&p, "f", text, sizeof(text) - 1), 0);
	CHECK_INT(ksm_proc_read(k, 11, KSM_PROC_UID, &proc), 0);
	rule = tune_match(k, &c, &proc);
	CHECK_STR(rule ? rule->name : "none", "not");
	CHECK_INT(ksm_proc_read(k, 12, KSM_PROC_UID, &proc), 0);
	rule = tune_match(k, &c, &proc);
	CHECK_STR(rule ? rule->name : "none", "all");
	tune_config_fini(&c);
	ksm_close(k);
	root_free(&r);
}

TAP_MAIN(TAP_CASE(rules), TAP_CASE(first))
