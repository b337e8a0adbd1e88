// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-top-panes.c - what ksmtop shows, as text: each state of the kernel and each
 * screen, in three sizes, against tests/expected/ksmtop.  UPDATE=1 writes them.
 *
 * A golden file holds the canvas, and for 80 by 24 the roles of its cells below,
 * so that colours and the selection are part of it.  Beyond them, every size down
 * to one cell is drawn and must keep inside.
 */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>

#include "tap.h"
#include "top.h"

static const struct size {
	int w, h;
} sizes[] = { { 40, 10 }, { 80, 24 }, { 200, 60 } };

static bool utf8(void)
{
	if (setlocale(LC_ALL, "C.UTF-8"))
		return true;
	tap_skip("no locale C.UTF-8");
	return false;
}

/* ------------------------------------------------------------------ */
/* golden files								*/

static void golden_path(char *buf, size_t len, const char *name)
{
	const char *src = getenv("KSM_SRCDIR");

	snprintf(buf, len, "%s/tests/expected/ksmtop/%s.txt", src ? src : ".", name);
}

static void check_golden(const char *name, const struct str *got)
{
	struct str want __cleanup_str = STR_INIT;
	const char *update = getenv("UPDATE");
	FILE *file __cleanup_file = NULL;
	char path[512], buf[4096];
	size_t n;

	golden_path(path, sizeof(path), name);
	if (update && !strcmp(update, "1")) {
		file = fopen(path, "w");
		if (CHECK(file))
			CHECK(fwrite(str_get(got), 1, got->len, file) == got->len);
		return;
	}
	file = fopen(path, "r");
	if (!file) {
		tap_check(false, __FILE__, __LINE__, "no %s (UPDATE=1 writes it)", path);
		return;
	}
	while ((n = fread(buf, 1, sizeof(buf), file)))
		str_addmem(&want, buf, n);
	if (!strcmp(str_get(&want), str_get(got)))
		return;
	tap_check(false, __FILE__, __LINE__, "%s differs; it is:", path);
	for (const char *line = str_get(got); *line; line += strcspn(line, "\n") + 1) {
		printf("# |");
		fwrite(line, 1, strcspn(line, "\n"), stdout);
		putchar('\n');
	}
}

static void dump(struct fixture *f, struct str *out, bool with_roles)
{
	canvas_dump(&f->ui->canvas, out);
	if (!with_roles)
		return;
	str_add(out, "--- roles\n");
	canvas_dump_roles(&f->ui->canvas, out);
}

static void check_size(struct fixture *f, const char *name, struct size size)
{
	struct str got __cleanup_str = STR_INIT;
	char full[128];

	snprintf(full, sizeof(full), "%s-%dx%d", name, size.w, size.h);
	tap_row("%s", full);
	top_fixture_draw(f, size.w, size.h);
	dump(f, &got, size.w == 80);
	check_golden(full, &got);
}

static void check_sizes(struct fixture *f, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		check_size(f, name, sizes[i]);
}

/* ------------------------------------------------------------------ */
/* states								*/

static void run_state(const char *name, const char *root, const char *const *files)
{
	struct fixture f;

	if (!utf8())
		return;
	top_fixture_changed(&f, root, files);
	check_sizes(&f, name);
	top_fixture_free(&f);
}

static void absent(void)
{
	run_state("absent", "no-ksm", NULL);
}

static void stopped(void)
{
	run_state("stopped", "6.12-idle", NULL);
}

static void advisor(void)
{
	run_state("advisor", "6.12-busy", NULL);
}

static void nobody(void)
{
	static const char *const files[] = { "sys/kernel/mm/ksm/run", "1\n", NULL };

	run_state("nobody", "6.12-idle", files);
}

static void unmerging(void)
{
	static const char *const files[] = { "sys/kernel/mm/ksm/run", "2\n",
					     "sys/kernel/mm/ksm/advisor_mode", "[none] scan-time\n",
					     NULL };

	run_state("unmerging", "6.12-busy", files);
}

static void negative(void)
{
	static const char *const files[] = { "sys/kernel/mm/ksm/general_profit", "-1048576\n",
					     "sys/kernel/mm/ksm/advisor_mode", "[none] scan-time\n",
					     NULL };

	run_state("negative", "6.12-busy", files);
}

static void hksm(void)
{
	run_state("hksm", "7.3-hksm", NULL);
}

static void old_kernel(void)
{
	run_state("old", "5.15-old", NULL);
}

static void hostile(void)
{
	run_state("hostile", "hostile", NULL);
}

/* Four moments of one machine: rates and a short history. */
static void running(void)
{
	struct fixture f;
	char name[32];

	if (!utf8())
		return;
	top_fixture_new(&f);
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "seq-boost/%d", i);
		top_fixture_take(&f, root_open(name), NULL);
	}
	check_sizes(&f, "running");
	top_fixture_take(&f, root_open("seq-boost/3"), NULL);
	check_size(&f, "unmerged", sizes[1]);
	top_fixture_free(&f);
}

static void deny(struct sample *s)
{
	for (size_t i = 0; i < s->n_procs; i++) {
		struct ksm_proc *p = &s->procs[i].p;

		if (p->pid != 1 && p->pid % 2)
			continue;
		p->member = KSM_MEMBER_DENIED;
		p->ksm = (struct ksm_proc_stat){ .items = { KSM_DENIED, 0 } };
		p->ksm.zero_pages.state = KSM_DENIED;
		p->ksm.merging_pages.state = KSM_DENIED;
		p->ksm.profit_bytes.state = KSM_DENIED;
	}
}

/* What may not be read says so, and is not 0. */
static void denied(void)
{
	struct str got __cleanup_str = STR_INIT;
	struct fixture f;

	if (!utf8())
		return;
	top_fixture_root(&f, "6.12-busy", deny);
	if (f.t.model.table.members)
		top_fixture_type(&f, "m");
	check_sizes(&f, "denied");
	top_fixture_draw(&f, 200, 60);
	dump(&f, &got, false);
	CHECK(strstr(str_get(&got), "denied"));
	top_fixture_free(&f);
}

static void nothing_yet(void)
{
	struct fixture f;

	if (!utf8())
		return;
	top_fixture_new(&f);
	check_sizes(&f, "nothing-yet");
	top_fixture_free(&f);
}

/* ------------------------------------------------------------------ */
/* the graph								*/

static double wave;

static void set_wave(struct sample *s)
{
	const int64_t sharing = (int64_t)(200000 + 150000 * sin(wave / 9));

	s->stats.when_ns += (uint64_t)(wave * 1e9);
	s->stats.attr[KSM_ATTR_PAGES_SHARING].v = sharing;
	s->stats.attr[KSM_ATTR_PAGES_SCANNED].v += (int64_t)(wave * 2000 + 900 * sin(wave / 4));
	s->stats.ksmd_cpu_ns.state = KSM_VALUE;
	s->stats.ksmd_cpu_ns.v += (int64_t)(wave * 4e7 + 1e8 * sin(wave / 6));
}

static void graphs(void)
{
	struct fixture f;

	if (!utf8())
		return;
	top_fixture_new(&f);
	for (wave = 0; wave < 150; wave++)
		top_fixture_take(&f, root_open("6.12-idle"), set_wave);
	check_sizes(&f, "graph");
	top_fixture_type(&f, "G");
	check_sizes(&f, "graph-blocks");
	top_fixture_type(&f, "G");
	check_size(&f, "graph-none", sizes[1]);
	top_fixture_type(&f, "G");
	f.ui->canvas.ascii = true;
	check_sizes(&f, "graph-ascii");
	top_fixture_free(&f);
}

/* ------------------------------------------------------------------ */
/* screens								*/

static void ascii(void)
{
	static const struct size more[] = { { 40, 10 }, { 80, 24 }, { 200, 60 } };
	struct fixture f;

	if (!utf8())
		return;
	top_fixture_root(&f, "6.12-busy", NULL);
	f.ui->canvas.ascii = true;
	top_fixture_type(&f, "t");
	for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
		check_size(&f, "ascii", more[i]);
		for (int y = 0; y < more[i].h; y++)
			for (int x = 0; x < more[i].w; x++)
				CHECK(canvas_at(&f.ui->canvas, x, y)->ch[0] < 0x7f);
	}
	top_fixture_free(&f);
}

static void tree(void)
{
	struct fixture f;

	if (!utf8())
		return;
	top_fixture_root(&f, "6.12-busy", NULL);
	top_fixture_type(&f, "t");
	check_sizes(&f, "tree");
	top_fixture_free(&f);
}

static void groups(void)
{
	static const char *const names[] = { "group-comm", "group-user", "group-cgroup",
					     "group-unit", "group-vm" };
	struct fixture f;

	if (!utf8())
		return;
	top_fixture_root(&f, "6.12-busy", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		top_fixture_type(&f, "g");
		top_fixture_draw(&f, 80, 24);
		top_fixture_press(&f, UI_KEY_ENTER);
		f.t.message[0] = '\0';
		check_sizes(&f, names[i]);
	}
	top_fixture_free(&f);
}

static void tagged(void)
{
	struct fixture f;

	if (!utf8())
		return;
	top_fixture_root(&f, "6.12-busy", NULL);
	top_fixture_type(&f, "  j");
	check_sizes(&f, "tagged");
	f.t.readonly = false;
	top_fixture_type(&f, "A");
	check_sizes(&f, "ask-unadvise");
	top_fixture_type(&f, "n");
	top_fixture_type(&f, "a");
	check_size(&f, "ask-advise", sizes[1]);
	top_fixture_type(&f, "n");
	top_fixture_type(&f, "/qe");
	check_size(&f, "ask-search", sizes[1]);
	top_fixture_press(&f, UI_KEY_ESC);
	top_fixture_type(&f, "fperl");
	check_sizes(&f, "ask-filter");
	top_fixture_free(&f);
}

static void detail(void)
{
	static const struct {
		const char *name, *root;
		pid_t pid;
	} rows[] = {
		{ "detail", "6.12-busy", 1001 },
		{ "detail-hksm", "7.3-hksm", 1001 },
		{ "detail-gone", "6.12-busy", 99999 },
	};
	struct fixture f;

	if (!utf8())
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct top_proc *p;

		top_fixture_root(&f, rows[i].root, NULL);
		p = top_model_find(&f.t.model, rows[i].pid);
		f.t.detail.pid = rows[i].pid;
		f.t.detail.start_ticks = p ? p->p.start_ticks : 0;
		f.ui->screen = UI_DETAIL;
		top_detail_read(&f.t);
		check_sizes(&f, rows[i].name);
		top_fixture_press(&f, UI_KEY_END);
		if (!i)
			check_size(&f, "detail-end", sizes[0]);
		top_fixture_free(&f);
	}
}

static void settings(void)
{
	struct fixture f;

	if (!utf8())
		return;
	top_fixture_root(&f, "6.12-busy", NULL);
	f.t.readonly = false;
	top_fixture_type(&f, "s");
	check_sizes(&f, "settings");
	top_fixture_type(&f, "j");
	top_fixture_press(&f, UI_KEY_ENTER);
	top_fixture_type(&f, "x");
	check_sizes(&f, "ask-value");
	top_fixture_press(&f, UI_KEY_ESC);
	top_fixture_press(&f, UI_KEY_END);
	check_sizes(&f, "settings-end");
	top_fixture_free(&f);
	top_fixture_root(&f, "5.15-old", NULL);
	top_fixture_type(&f, "s");
	check_sizes(&f, "settings-old");
	top_fixture_free(&f);
	top_fixture_root(&f, "7.3-hksm", NULL);
	f.t.readonly = false;
	top_fixture_type(&f, "s");
	top_fixture_press(&f, UI_KEY_END);
	check_sizes(&f, "settings-hksm");
	top_fixture_free(&f);
}

static void help(void)
{
	struct fixture f;

	if (!utf8())
		return;
	top_fixture_root(&f, "6.12-busy", NULL);
	top_fixture_type(&f, "h");
	check_sizes(&f, "help");
	top_fixture_press(&f, UI_KEY_PAGE_DOWN);
	check_size(&f, "help-next", sizes[0]);
	top_fixture_free(&f);
}

/* ------------------------------------------------------------------ */
/* any size								*/

static bool inside(const struct canvas *c)
{
	for (int y = 0; y < c->h; y++)
		for (int x = 0; x < c->w; x++) {
			const struct canvas_cell *cell = canvas_at(c, x, y);

			if (canvas_is_tail(cell) && (!x || canvas_is_tail(cell - 1)))
				return false;
			if (cell->role >= __CANVAS_ROLE_N)
				return false;
		}
	return true;
}

static void hits_inside(const struct ui *ui)
{
	for (size_t i = 0; i < ui->n_hits; i++)
		CHECK(ui->hits[i].x >= 0 && ui->hits[i].y >= 0 && ui->hits[i].y < ui->canvas.h &&
		      ui->hits[i].x + ui->hits[i].w <= ui->canvas.w);
}

/* Whatever the size, the screen and what is asked. */
static void any_size(void)
{
	static const char *const typed[] = { "", "s", "h", "/some text", "t", "ggg", "\014" };
	static const char *const roots[] = { "7.3-hksm", "hostile", "no-ksm", "garbage" };
	const int coarse = (int)tap_stride(6);
	struct fixture f;

	if (!utf8())
		return;
	for (size_t r = 0; r < ARRAY_SIZE(roots); r++)
		for (size_t k = 0; k < ARRAY_SIZE(typed); k++) {
			top_fixture_root(&f, roots[r], NULL);
			top_fixture_type(&f, typed[k]);
			for (int h = 1; h < 64; h += coarse * (h < 16 ? 1 : 7))
				for (int w = 1; w < 260; w += coarse * (w < 48 ? 1 : 19)) {
					tap_row("%s %zu %dx%d", roots[r], k, w, h);
					top_fixture_draw(&f, w, h);
					hits_inside(f.ui);
					if (!CHECK(inside(&f.ui->canvas)))
						return;
				}
			top_fixture_free(&f);
		}
}

TAP_MAIN(TAP_CASE(absent), TAP_CASE(stopped), TAP_CASE(advisor), TAP_CASE(nobody),
	 TAP_CASE(unmerging), TAP_CASE(negative), TAP_CASE(hksm), TAP_CASE(old_kernel),
	 TAP_CASE(hostile), TAP_CASE(running), TAP_CASE(denied), TAP_CASE(nothing_yet),
	 TAP_CASE(graphs), TAP_CASE(ascii), TAP_CASE(tree), TAP_CASE(groups), TAP_CASE(tagged),
	 TAP_CASE(detail), TAP_CASE(settings), TAP_CASE(help), TAP_CASE(any_size))
