/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * top.h - a ksmtop without terminal, for unit tests: a model filled from a fake
 * kernel, a canvas of any size, and keys that are pressed.
 *
 * What cannot be set up ends the program, as in root.h.
 */
#ifndef KSM_TESTS_TOP_H
#define KSM_TESTS_TOP_H

#include "ksmtop/ui.h"
#include "root.h"

struct fixture {
	struct top t;
	struct ui *ui;
	struct root root;
	bool copied;
};

/* Nothing read yet; it counts as a dump, in which nothing can be changed. */
void top_fixture_new(struct fixture *f);
void top_fixture_free(struct fixture *f);
/* Everything in a root, of which it takes the handle, as the next sample; edited first. */
void top_fixture_take(struct fixture *f, struct ksm *k, void (*change)(struct sample *s));
/* New, with one sample of a root of tests/data. */
void top_fixture_root(struct fixture *f, const char *name, void (*change)(struct sample *s));
/* New, of a root with some of its files replaced: "PATH", "TEXT", ..., NULL. */
void top_fixture_changed(struct fixture *f, const char *name, const char *const *files);
/* Type characters; press one key.  What they ask of main.c, or-ed. */
unsigned int top_fixture_type(struct fixture *f, const char *text);
unsigned int top_fixture_press(struct fixture *f, uint32_t sym);
unsigned int top_fixture_click(struct fixture *f, int x, int y);
void top_fixture_draw(struct fixture *f, int w, int h);

#endif /* KSM_TESTS_TOP_H */
