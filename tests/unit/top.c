// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * top.c - the ksmtop of top.h.
 */
#include "top.h"

#include <stdlib.h>
#include <string.h>

static void bail_out(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(99);
}

void top_fixture_new(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->ui = ui_new();
	if (!f->ui)
		bail_out("no memory");
	f->t.ui = f->ui;
	f->t.interval_ns = 1000000000;
	f->t.sysroot = "dump";
	f->t.readonly = true;
	top_model_init(&f->t.model);
}

void top_fixture_free(struct fixture *f)
{
	top_detail_fini(&f->t.detail);
	top_model_fini(&f->t.model);
	ui_free(f->ui);
	ksm_close(f->t.k);
	if (f->copied)
		root_free(&f->root);
}

void top_fixture_take(struct fixture *f, struct ksm *k, void (*change)(struct sample *s))
{
	struct sample s = { 0 };
	struct sampler *sampler;

	ksm_close(f->t.k);
	f->t.k = k;
	if (top_sampler_new(&f->t, &sampler) || top_sample_take(sampler, &s))
		bail_out("no sample");
	if (change)
		change(&s);
	if (top_model_update(&f->t.model, &s))
		bail_out("no model");
	top_sampler_free(sampler);
	top_sample_fini(&s);
}

void top_fixture_root(struct fixture *f, const char *name, void (*change)(struct sample *s))
{
	top_fixture_new(f);
	top_fixture_take(f, root_open(name), change);
}

void top_fixture_changed(struct fixture *f, const char *name, const char *const *files)
{
	top_fixture_new(f);
	root_copy(&f->root, name);
	f->copied = true;
	for (; files && files[0]; files += 2)
		root_put(&f->root, files[0], files[1]);
	top_fixture_take(f, root_handle(&f->root), NULL);
}

unsigned int top_fixture_press(struct fixture *f, uint32_t sym)
{
	return ui_key(&f->t, f->ui, (struct ui_key){ sym, 0, 0 });
}

unsigned int top_fixture_type(struct fixture *f, const char *text)
{
	unsigned int todo = 0;

	for (; *text; text++)
		todo |= top_fixture_press(f, (unsigned char)*text);
	return todo;
}

unsigned int top_fixture_click(struct fixture *f, int x, int y)
{
	return ui_key(&f->t, f->ui, (struct ui_key){ UI_KEY_CLICK, x, y });
}

void top_fixture_draw(struct fixture *f, int w, int h)
{
	if (canvas_resize(&f->ui->canvas, w, h))
		bail_out("no memory");
	ui_draw(&f->t, f->ui);
}
