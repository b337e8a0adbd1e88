// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * deed.c - what is done to processes.
 */
#include "ksm-autotune/deed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/macros.h"

static bool stopped(const struct tune_deeds *d)
{
	return __atomic_load_n(&d->stop, __ATOMIC_RELAXED);
}

static bool step(const struct ksm_portions *now __unused, void *arg)
{
	const struct tune_deeds *d = arg;

	if (d->busy)
		d->busy();
	return !stopped(d);
}

static void failed(struct tune_deed *deed, int rc, const struct ksm_inject_info *info)
{
	deed->rc = rc;
	if (rc)
		ksm_advise_why(info, rc, deed->why, sizeof(deed->why));
}

static void by_process(struct tune_deeds *d, struct tune_deed *deed, bool on)
{
	const struct ksm_whom whom = { .id = deed->id };
	const struct ksm_advise_want want = { .on = on, .step = step, .arg = d };
	struct ksm_advised done;

	failed(deed, ksm_advise_process(d->k, d->caps, &whom, &want, &done), &done.info);
}

/* Noted before it is done, so that whatever ends us leaves nothing that cannot be found. */
static void by_places(struct tune_deeds *d, struct tune_deed *deed)
{
	const struct ksm_portions_how how = {
		.on = true,
		.only = deed->marks.range,
		.n_only = deed->marks.n,
		.step = step,
		.arg = d,
	};
	const struct ksm_whom whom = { .id = deed->id };
	struct ksm_inject_info info;
	struct ksm_portions done;
	int rc = ksm_marks_write(d->k, NULL, &deed->id, &deed->marks);

	if (rc) {
		deed->rc = rc;
		snprintf(deed->why, sizeof(deed->why), "cannot note what is marked");
		return;
	}
	failed(deed, ksm_portions_run(d->k, &whom, &how, &done, &info), &info);
	if (deed->rc && !done.pieces)
		(void)ksm_marks_write(d->k, NULL, &deed->id, &(struct ksm_marks){ 0 });
}

/*
 * In this order, so that the note never lacks what is marked: what is taken back is noted
 * until it is, and what is added before it is.
 */
static int again(struct tune_deeds *d, struct tune_deed *deed, struct ksm_marks *note,
		 struct ksm_inject_info *info)
{
	const struct ksm_whom whom = { .id = deed->id };
	struct ksm_portions_how how = {
		.only = deed->cold.range, .n_only = deed->cold.n, .step = step, .arg = d,
	};
	struct ksm_portions done;
	int rc = deed->cold.n ? ksm_portions_run(d->k, &whom, &how, &done, info) : 0;

	for (size_t i = 0; !rc && i < deed->cold.n; i++)
		rc = ksm_marks_cut(note, deed->cold.range[i].start, deed->cold.range[i].end);
	for (size_t i = 0; !rc && i < deed->marks.n; i++)
		rc = ksm_marks_add(note, deed->marks.range[i].start, deed->marks.range[i].end);
	if (!rc)
		rc = ksm_marks_write(d->k, NULL, &deed->id, note);
	if (rc || !deed->marks.n)
		return rc;
	how.on = true;
	how.only = deed->marks.range;
	how.n_only = deed->marks.n;
	return ksm_portions_run(d->k, &whom, &how, &done, info);
}

static void by_places_again(struct tune_deeds *d, struct tune_deed *deed)
{
	struct ksm_inject_info info = { 0 };
	struct ksm_marks note = { 0 };
	int rc = ksm_marks_read(d->k, NULL, &deed->id, &note);

	/* Without a note, nothing of it is known to be ours. */
	if (rc == -ENOENT || rc == -EPROTO)
		rc = 0;
	failed(deed, rc ? rc : again(d, deed, &note, &info), &info);
	ksm_marks_fini(&note);
}

/* Who gets its pages back needs memory for them. */
static bool has_room(struct tune_deeds *d, struct tune_deed *deed)
{
	struct ksm_fig have;
	int64_t need;

	ksm_advise_memory(d->k, &deed->id, 1, &need, &have);
	/* Half of what is there, as others want memory too. */
	if (!ksm_fig_has(have) || need <= have.v / 2)
		return true;
	deed->rc = -ENOMEM;
	snprintf(deed->why, sizeof(deed->why), "it may need %.1f MiB, and %.1f MiB are available",
		 need / (1024.0 * 1024), have.v / (1024.0 * 1024));
	return false;
}

void tune_deeds_do(struct tune_deeds *d)
{
	bool noted = false;

	for (size_t i = 0; i < d->n; i++) {
		struct tune_deed *deed = &d->v[i];

		deed->rc = -ECANCELED;
		if (stopped(d))
			continue;
		if (deed->kind == TUNE_DEED_PLACES)
			by_places(d, deed);
		else if (deed->kind == TUNE_DEED_AGAIN)
			by_places_again(d, deed);
		else if (deed->kind == TUNE_DEED_WHOLE)
			by_process(d, deed, true);
		else if (has_room(d, deed))
			by_process(d, deed, false);
		noted |= deed->kind == TUNE_DEED_PLACES;
	}
	/* A daemon runs for years: those who ended meanwhile would leave a file each. */
	if (noted)
		ksm_marks_sweep(d->k, NULL);
}

int tune_deeds_init(struct tune_deeds *d, size_t n)
{
	*d = (struct tune_deeds){ .n = n };
	d->v = calloc(MAX(n, (size_t)1), sizeof(*d->v));
	return d->v ? 0 : -ENOMEM;
}

void tune_deeds_fini(struct tune_deeds *d)
{
	for (size_t i = 0; i < d->n; i++) {
		ksm_marks_fini(&d->v[i].marks);
		ksm_marks_fini(&d->v[i].cold);
	}
	free(d->v);
	*d = (struct tune_deeds){ 0 };
}
