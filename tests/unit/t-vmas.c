// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-vmas.c - smaps: one mapping, many, and the same text however it arrives.
 *
 * The reader takes smaps in pieces.  The linker puts __wrap_read() between it
 * and the file (-Wl,--wrap), so that every size of a piece can be tried, and a
 * process can end in the middle.
 */
#include <errno.h>
#include <stdlib.h>

#include "libksm/libksm.h"
#include "root.h"
#include "tap.h"
#include "util/str.h"

/* ------------------------------------------------------------------ */
/* reads of chosen sizes						*/

ssize_t __real_read(int fd, void *buf, size_t len);
ssize_t __wrap_read(int fd, void *buf, size_t len);

static struct {
	size_t most;		/* bytes a read gives; 0: as many as are asked for */
	bool interrupt;		/* every other read is interrupted */
	int fail_after;		/* this many reads, then fail_err; 0: never */
	int fail_err;
	unsigned int reads;
} io;

ssize_t __wrap_read(int fd, void *buf, size_t len)
{
	io.reads++;
	if (io.interrupt && io.reads % 2) {
		errno = EINTR;
		return -1;
	}
	if (io.fail_after && io.reads > (unsigned int)io.fail_after) {
		errno = io.fail_err;
		return -1;
	}
	return __real_read(fd, buf, io.most && io.most < len ? io.most : len);
}

/* ------------------------------------------------------------------ */
/* what the callback was given, as text					*/

static int print_vma(const struct ksm_vma *v, void *arg)
{
	str_addf(arg,
		 "%llx-%llx %s rss=%llu anon=%llu ksm=%llu%s swap=%llu"
		 "%s%s%s%s%s why=%d [%.40s]\n",
		 (unsigned long long)v->start, (unsigned long long)v->end, v->perms,
		 (unsigned long long)v->rss_bytes, (unsigned long long)v->anon_bytes,
		 (unsigned long long)v->ksm_bytes, ksm_fig_has(v->ksm_line) ? "" : "?",
		 (unsigned long long)v->swap_bytes, v->mergeable ? " mg" : "", v->thp ? " thp" : "",
		 v->locked ? " lo" : "", v->writable ? " w" : "", v->file ? " file" : "", v->why,
		 v->name);
	return 0;
}

static void parse(void)
{
	static const struct {
		const char *text;
		int rc;
		const char *want;
	} rows[] = {
		{ "", 0, "" },
		{ "1000-3000 rw-p 00000000 00:00 0 \n", 0,
		  "1000-3000 rw-p rss=0 anon=0 ksm=0? swap=0 w why=0 []\n" },
		/* before 6.7 smaps has no line KSM */
		{ "1000-3000 rw-p 00000000 00:00 0 \nRss: 8 kB\nAnonymous: 4 kB\nSwap: 12 kB\n"
		  "AnonHugePages: 2048 kB\nVmFlags: rd wr mr mw me ac lo mg \n", 0,
		  "1000-3000 rw-p rss=8192 anon=4096 ksm=0? swap=12288 mg thp lo w why=0 []\n" },
		{ "1000-3000 r-xp 00000000 fe:00 7    /a b\\012c (deleted)\nKSM:   4 kB\nVmFlags: rd ex\n", 0,
		  "1000-3000 r-xp rss=0 anon=0 ksm=4096 swap=0 file why=0 [/a b\\012c (deleted)]\n" },
		{ "1000-3000 r-xp 00000000 fe:00 7 /x", 0,	/* cut behind the header */
		  "1000-3000 r-xp rss=0 anon=0 ksm=0? swap=0 file why=0 [/x]\n" },
		{ "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0   [vsyscall]\nVmFlags: ex\n", 0,
		  "ffffffffff600000-ffffffffff601000 --xp rss=0 anon=0 ksm=0? swap=0 why=8 [[vsyscall]]\n" },
		{ "0-ffffffffffffffff rw-p 00000000 00:00 0 \nRss: 18446744073709551615 kB\nKSM: 99999999999999999999 kB\n",
		  0, "0-ffffffffffffffff rw-p rss=0 anon=0 ksm=0? swap=0 w why=0 []\n" },
		/* two, and lines of a later kernel */
		{ "1000-2000 r--p 0 00:00 0\nNewField: 9 kB\nNew: x\nRss:\nRss: lots kB\n"
		  "2000-3000 rw-s 0 00:05 9 /dev/zero (deleted)\nVmFlags: rd wr sh ms\n", 0,
		  "1000-2000 r--p rss=0 anon=0 ksm=0? swap=0 why=0 []\n"
		  "2000-3000 rw-s rss=0 anon=0 ksm=0? swap=0 w file why=1 [/dev/zero (deleted)]\n" },
		{ "Rss: 4 kB\n1000-2000 r--p 0 00:00 0\n", 0,	/* a field that belongs to none */
		  "1000-2000 r--p rss=0 anon=0 ksm=0? swap=0 why=0 []\n" },
		/* an odd line costs its own mapping: those before and behind are told */
		{ "1000-2000 r--p 0 00:00 0\nzzz\nRss: 4 kB\n3000-4000 r--p 0 00:00 0\nRss: 8 kB\n", 0,
		  "1000-2000 r--p rss=0 anon=0 ksm=0? swap=0 why=0 []\n"
		  "3000-4000 r--p rss=8192 anon=0 ksm=0? swap=0 why=0 []\n" },
		{ "zzz\n1000-2000 r--p 0 00:00 0\n", 0,
		  "1000-2000 r--p rss=0 anon=0 ksm=0? swap=0 why=0 []\n" },
		{ "zzzz-yyyy\n", -EPROTO, "" },
		{ "1000\n", -EPROTO, "" },
		{ "1000-\n", -EPROTO, "" },
		{ "2000-1000 rw-p 0 00:00 0\n", -EPROTO, "" },
		{ "1000-1000 rw-p 0 00:00 0\n", -EPROTO, "" },
		{ "1000-2000 rw 0 00:00 0\n", -EPROTO, "" },
		{ "1000-2000 rw-p\n", -EPROTO, "" },
		{ "11111111111111111-2000 rw-p 0 00:00 0\n", -EPROTO, "" },
		{ "-1000-2000 rw-p 0 00:00 0\n", -EPROTO, "" },
		{ " 1000-2000 rw-p 0 00:00 0\n", -EPROTO, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct str out __cleanup_str = STR_INIT;
		size_t len = strlen(rows[i].text);
		char *text = malloc(len ? len : 1);

		tap_row("%zu", i);
		memcpy(text, rows[i].text, len);
		CHECK_INT(ksm_smaps_parse(text, len, print_vma, &out), rows[i].rc);
		CHECK_STR(str_get(&out), rows[i].want);
		free(text);
	}
}

static int keep_why(const struct ksm_vma *v, void *arg)
{
	*(enum ksm_vma_why *)arg = v->why;
	return 0;
}

/* Why a mapping is left out: vma_ksm_compatible() of mm/ksm.c, 6.12. */
static void why(void)
{
	static const struct {
		const char *flags;
		const char *name;
		enum ksm_vma_why want;
		const char *text;
	} rows[] = {
		{ "rd wr mr mw me ac", "", KSM_VMA_OK, "" },
		{ "rd wr mr mw me ac mg hg nh sd", "[heap]", KSM_VMA_OK, "" },
		{ "rd wr sh mr mw me ms", "/dev/shm/x", KSM_VMA_SHARED, "shared mapping" },
		{ "rd mr me ms", "/dev/shm/x", KSM_VMA_SHARED, "shared mapping" },
		{ "rd wr mr mw me pf", "", KSM_VMA_PFNMAP, "device memory" },
		{ "rd wr mr mw me io", "", KSM_VMA_IO, "device registers" },
		{ "rd wr mr mw me mm", "", KSM_VMA_MIXEDMAP, "mixed device memory" },
		{ "rd wr mr mw me ht", "/anon_hugepage (deleted)", KSM_VMA_HUGETLB,
		  "hugetlb pages" },
		{ "rd wr mr mw me de ht", "/anon_hugepage (deleted)", KSM_VMA_HUGETLB,
		  "hugetlb pages" },	/* as the kernel orders them */
		{ "rd wr sh mr mw me ms de ht", "/dev/hugepages/x", KSM_VMA_HUGETLB,
		  "hugetlb pages" },
		{ "rd wr mr mw me de", "/dev/x", KSM_VMA_DONTEXPAND, "mapping of a driver" },
		{ "rd wr mr mw me dp", "", KSM_VMA_DROPPABLE, "droppable memory" },
		/* these carry flags of drivers, but are the kernel's own */
		{ "rd ex mr mw me de", "[vdso]", KSM_VMA_SPECIAL, "kernel's own mapping" },
		{ "rd mr pf io de dd", "[vvar]", KSM_VMA_SPECIAL, "kernel's own mapping" },
		{ "rd mr pf io de dd", "[vvar_vclock]", KSM_VMA_SPECIAL, "kernel's own mapping" },
		{ "ex", "[vsyscall]", KSM_VMA_SPECIAL, "kernel's own mapping" },
		{ "rd wr mr mw me", "[vdsox]", KSM_VMA_OK, "" },
		{ "xsh shx s h", "", KSM_VMA_OK, "" },	/* whole words only */
		{ "", "", KSM_VMA_OK, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum ksm_vma_why got = -1;
		char text[256];

		tap_row("\"%s\" %s", rows[i].flags, rows[i].name);
		snprintf(text, sizeof(text), "1000-2000 rw-p 00000000 00:00 0   %s\nVmFlags: %s \n",
			 rows[i].name, rows[i].flags);
		CHECK_INT(ksm_smaps_parse(text, strlen(text), keep_why, &got), 0);
		CHECK_INT(got, rows[i].want);
		CHECK_STR(ksm_vma_why_text(got), rows[i].text);
	}
}

static int stop_at(const struct ksm_vma *v __unused, void *arg)
{
	int *left = arg;

	return --*left ? 0 : 7;
}

static void callback_stops(void)
{
	struct ksm *k = root_open("6.12-busy");
	int left = 3;

	CHECK_INT(ksm_vmas_walk(k, 2001, stop_at, &left), 7);
	CHECK_INT(left, 0);
	left = 1000;
	CHECK_INT(ksm_vmas_walk(k, 2001, stop_at, &left), 0);
	CHECK_INT(ksm_vmas_walk(k, 4242, stop_at, &left), -ESRCH);
	/* A kernel thread has none. */
	left = 1;
	CHECK_INT(ksm_vmas_walk(k, 58, stop_at, &left), 0);
	CHECK_INT(left, 1);
	ksm_close(k);
}

/* The same mappings, whatever the pieces. */
static void pieces(void)
{
	static const struct {
		const char *root;
		pid_t pid;
	} rows[] = {
		{ "6.12-busy", 2001 }, { "arm64-16k", 1001 }, { "5.15-old", 2300 },
		{ "hostile", 3016 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct str want __cleanup_str = STR_INIT;
		struct ksm *k = root_open(rows[i].root);
		char path[32];
		size_t len;
		char *text;

		snprintf(path, sizeof(path), "proc/%d/smaps", (int)rows[i].pid);
		text = root_slurp(rows[i].root, path, &len);
		tap_row("%s/%s", rows[i].root, path);
		CHECK_INT(ksm_smaps_parse(text, len, print_vma, &want), 0);
		CHECK(want.len > 100);
		for (io.most = 1; io.most < 700; io.most++) {
			struct str got __cleanup_str = STR_INIT;

			tap_row("%s/%s, %zu bytes", rows[i].root, path, io.most);
			io.interrupt = io.most % 5 == 0;
			CHECK_INT(ksm_vmas_walk(k, rows[i].pid, print_vma, &got), 0);
			if (!CHECK(!strcmp(str_get(&got), str_get(&want))))
				break;
		}
		io.most = 0;
		io.interrupt = false;
		free(text);
		ksm_close(k);
	}
}

/* A name longer than the buffer is cut; the line behind it is read as a line. */
static void name_too_long(void)
{
	for (size_t len = 8000; len < 300000; len += len / 16) {
		struct str text __cleanup_str = STR_INIT, got __cleanup_str = STR_INIT;
		enum ksm_member m = KSM_MEMBER_UNKNOWN;
		struct root r;
		struct ksm *k;

		tap_row("%zu", len);
		str_add(&text, "1000-2000 rw-p 00000000 fe:00 7   /");
		for (size_t i = 0; i < len; i++)
			str_addc(&text, 'A' + i % 26);
		str_add(&text, "\nRss: 4 kB\nVmFlags: rd wr mg\n"
			       "2000-3000 rw-p 00000000 00:00 0 \nRss: 4 kB\nVmFlags: rd wr mg\n");
		root_new(&r);
		root_put(&r, "proc/7/smaps", str_get(&text));
		k = root_handle(&r);
		CHECK_INT(ksm_vmas_walk(k, 7, print_vma, &got), 0);
		CHECK_STR(str_get(&got),
			  "1000-2000 rw-p rss=4096 anon=0 ksm=0? swap=0 mg w file why=0 "
			  "[/ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLM]\n"
			  "2000-3000 rw-p rss=4096 anon=0 ksm=0? swap=0 mg w why=0 []\n");
		CHECK_INT(ksm_proc_member(k, 7, &m), 0);
		CHECK_INT(m, KSM_MEMBER_ANY);
		ksm_close(k);
		root_free(&r);
	}
}

/* The process ends while it is read, or its memory may not be looked at any more. */
static void fails_midway(void)
{
	static const int errs[] = { ESRCH, EACCES, EIO };

	for (size_t i = 0; i < ARRAY_SIZE(errs); i++) {
		struct ksm *k = root_open("6.12-busy");
		int left = 1000;

		tap_row("%s", strerror(errs[i]));
		io.most = 500;
		io.fail_after = 3;
		io.fail_err = errs[i];
		io.reads = 0;
		CHECK_INT(ksm_vmas_walk(k, 2001, stop_at, &left), -errs[i]);
		io.fail_after = 0;
		io.most = 0;
		ksm_close(k);
	}
}

static void member(void)
{
	static const struct {
		const char *text;
		enum ksm_member want;
	} rows[] = {
#define VMA(a, b, name, flags) a "-" b " rw-p 00000000 00:00 0   " name "\nVmFlags: " flags "\n"
		/* ended: its memory is gone before it is */
		{ "", KSM_MEMBER_UNKNOWN },
		{ VMA("1000", "2000", "", "rd wr"), KSM_MEMBER_OFF },
		{ VMA("1000", "2000", "", "rd wr mg"), KSM_MEMBER_ANY },
		{ VMA("1000", "2000", "", "rd wr mg") VMA("2000", "3000", "", "rd wr"),
		  KSM_MEMBER_MADVISE },
		{ VMA("1000", "2000", "", "rd wr") VMA("2000", "3000", "", "rd wr mg"),
		  KSM_MEMBER_MADVISE },
		/* what cannot be merged does not count against it */
		{ VMA("1000", "2000", "", "rd wr mg") VMA("2000", "3000", "", "rd wr sh ms")
		  VMA("3000", "4000", "[vdso]", "rd ex de") VMA("4000", "5000", "[vsyscall]", "ex"),
		  KSM_MEMBER_ANY },
		/* nor the stack, which exec maps before the setting is inherited */
		{ VMA("1000", "2000", "", "rd wr mg") VMA("2000", "3000", "[stack]", "rd wr gd"),
		  KSM_MEMBER_ANY },
		{ VMA("2000", "3000", "[stack]", "rd wr gd"), KSM_MEMBER_OFF },
		{ VMA("1000", "2000", "", "rd wr sh ms"), KSM_MEMBER_OFF },
#undef VMA
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum ksm_member m = KSM_MEMBER_UNKNOWN;
		struct root r;
		struct ksm *k;

		tap_row("%zu", i);
		root_new(&r);
		root_put(&r, "proc/7/smaps", rows[i].text);
		k = root_handle(&r);
		CHECK_INT(ksm_proc_member(k, 7, &m), 0);
		CHECK_INT(m, rows[i].want);
		ksm_close(k);
		root_free(&r);
	}
}

TAP_MAIN(TAP_CASE(parse), TAP_CASE(why), TAP_CASE(callback_stops), TAP_CASE(pieces),
	 TAP_CASE(name_too_long), TAP_CASE(fails_midway), TAP_CASE(member))
