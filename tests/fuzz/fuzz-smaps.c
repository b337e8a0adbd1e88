// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-smaps.c - /proc/PID/smaps: each mapping that is told makes sense, and a
 * walk that is stopped tells the same ones up to there.  What a dump keeps of it names
 * no file.
 */
#include "fuzz.h"

#include <errno.h>

#include "libksm/internal.h"

struct walk {
	unsigned int n;
	unsigned int stop_at;
	uint64_t sum;
};

static int vma(const struct ksm_vma *v, void *arg)
{
	struct walk *w = arg;

	MUST(v->start < v->end);
	MUST(strlen(v->perms) <= 4);
	MUST(v->name);
	MUST(*ksm_vma_why_text(v->why) || v->why == KSM_VMA_OK);
	MUST(!ksm_fig_has(v->ksm_line) || (uint64_t)v->ksm_line.v == v->ksm_bytes);
	w->sum = w->sum * 31 + v->start + v->rss_bytes + v->why + strlen(v->name);
	return ++w->n == w->stop_at;
}

static int nameless(const struct ksm_vma *v, void *arg)
{
	struct walk *w = arg;

	MUST(!*v->name || *v->name == '[' || !strcmp(v->name, "/file"));
	MUST(!strchr(v->name, ':'));
	w->n++;
	return 0;
}

/* No more mappings than there were, and none of them where it was. */
static void dump(const char *data, size_t size, unsigned int most)
{
	struct str kept __cleanup_str = STR_INIT;
	struct walk w = { 0 };

	MUST(!ksm_dump_smaps(data, size, 4096, &kept));
	(void)ksm_smaps_parse(str_get(&kept), kept.len, nameless, &w);
	MUST(w.n <= most);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct walk all = { 0 }, part = { 0 }, again = { 0 };
	int rc = ksm_smaps_parse((const char *)data, size, vma, &all);

	MUST(rc == 0 || rc == -EPROTO);
	dump((const char *)data, size, all.n);
	if (!all.n)
		return 0;
	part.stop_at = all.n;
	MUST(ksm_smaps_parse((const char *)data, size, vma, &part) == 1);
	MUST(part.sum == all.sum && part.n == all.n);
	again.stop_at = 1;
	MUST(ksm_smaps_parse((const char *)data, size, vma, &again) == 1);
	MUST(again.n == 1);
	return 0;
}
