// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * columns-place.c - where it is: rows of mappings and of their pieces.
 */
#include "ksm-estimate/report.h"

#include <stdlib.h>

#include "cli/xalloc.h"
#include "estimate/strip.h"

/* A mapping, or a piece of one. */
struct place {
	const struct est_report *r;
	const struct est_proc *p;
	const struct est_seg *s;
	const struct est_piece *piece;	/* or NULL */
};

static const struct place *place(const void *row)
{
	return row;
}

static const struct est_count *count(const void *row)
{
	return place(row)->piece ? &place(row)->piece->count : &place(row)->s->count;
}

static const struct est_gain *gain(const void *row)
{
	return place(row)->piece ? &place(row)->piece->gain : &place(row)->s->gain;
}

static uint64_t start(const void *row)
{
	return place(row)->piece ? place(row)->piece->start : place(row)->s->start;
}

static uint64_t end(const void *row)
{
	return place(row)->piece ? place(row)->piece->end : place(row)->s->end;
}

static void put(const void *row, struct cli_cell *out, double pages)
{
	out->num = est_page_bytes(place(row)->r, pages);
}

static void get_pid(const void *row, struct cli_cell *out)
{
	out->num = place(row)->p->pid;
}

static void get_start(const void *row, struct cli_cell *out)
{
	out->num = start(row);
}

static void get_end(const void *row, struct cli_cell *out)
{
	out->num = end(row);
}

static void get_size(const void *row, struct cli_cell *out)
{
	out->num = end(row) - start(row);
}

static void get_perms(const void *row, struct cli_cell *out)
{
	out->str = place(row)->s->perms;
}

static void get_kind(const void *row, struct cli_cell *out)
{
	out->str = place(row)->piece ? "piece" : "mapping";
}

static void get_anon(const void *row, struct cli_cell *out)
{
	put(row, out, count(row)->anon);
}

static void get_dup(const void *row, struct cli_cell *out)
{
	put(row, out, gain(row)->dup);
}

static void get_density(const void *row, struct cli_cell *out)
{
	const uint64_t anon = count(row)->anon;

	out->state = anon ? CLI_VALUE : CLI_ABSENT;
	out->real = anon ? MIN(100 * gain(row)->dup / anon, 100.0) : 0;
	out->decimals = 1;
}

static void get_zero(const void *row, struct cli_cell *out)
{
	put(row, out, count(row)->zero);
}

static void get_saved(const void *row, struct cli_cell *out)
{
	put(row, out, gain(row)->saved);
}

static void get_split(const void *row, struct cli_cell *out)
{
	out->state = place(row)->r->e->huge_known ? CLI_VALUE : CLI_ABSENT;
	put(row, out, gain(row)->huge);
}

static void get_strip(const void *row, struct cli_cell *out)
{
	static struct strip strip;
	const struct place *w = place(row);
	const struct est *e = w->r->e;
	struct strip_cell cells[STRIP_CELLS];
	size_t n;

	out->state = w->piece ? CLI_ABSENT : CLI_VALUE;
	if (w->piece)
		return;
	n = est_strip_cells(w->s, e->opt.piece_bytes, STRIP_CELLS);
	est_strip(w->s, e->pieces, cells, n);
	strip_set(&strip, cells, n);
	out->strip = &strip;
	out->real = w->s->count.anon ? gain(row)->dup / w->s->count.anon : 0;
}

static void get_name(const void *row, struct cli_cell *out)
{
	out->str = place(row)->s->name;
}

static void get_comm(const void *row, struct cli_cell *out)
{
	out->str = place(row)->p->comm;
}

const struct cli_col est_vma_columns[] = {
	{ .name = "PID", .help = "process number", .kind = CLI_NUM, .get = get_pid },
	{ .name = "START", .help = "first address of the mapping", .kind = CLI_ADDRESS,
	  .get = get_start },
	{ .name = "SIZE", .help = "its length", .kind = CLI_BYTES, .get = get_size },
	{ .name = "PERMS", .help = "its permissions", .hidden = true, .get = get_perms },
	{ .name = "ANON", .help = "anonymous memory present", .kind = CLI_BYTES,
	  .get = get_anon },
	{ .name = "DUP", .help = "of it, equal to another page", .kind = CLI_BYTES,
	  .get = get_dup },
	{ .name = "ZERO", .help = "of it, zeroes", .kind = CLI_BYTES, .get = get_zero },
	{ .name = "SAVED", .help = "its share of what merging would save", .kind = CLI_BYTES,
	  .get = get_saved },
	{ .name = "SPLIT", .help = "of SAVED, inside huge pages", .kind = CLI_BYTES,
	  .hidden = true, .get = get_split },
	{ .name = "COMMAND", .help = "name of the process", .trunc = true, .get = get_comm },
	{ .name = "NAME", .help = "what is mapped", .trunc = true, .get = get_name },
	{ 0 },
};

const struct cli_col est_piece_columns[] = {
	{ .name = "PID", .help = "process number", .kind = CLI_NUM, .get = get_pid },
	{ .name = "KIND", .help = "mapping, or piece of the mapping above", .no_text = true,
	  .get = get_kind },
	{ .name = "START", .help = "first address", .kind = CLI_ADDRESS, .get = get_start },
	{ .name = "END", .help = "first address behind it", .kind = CLI_ADDRESS,
	  .hidden = true, .get = get_end },
	{ .name = "SIZE", .help = "length", .kind = CLI_BYTES, .get = get_size },
	{ .name = "PERMS", .help = "permissions of the mapping", .hidden = true,
	  .get = get_perms },
	{ .name = "ANON", .help = "anonymous memory present", .kind = CLI_BYTES,
	  .get = get_anon },
	{ .name = "DUP", .help = "of it, equal to another page", .kind = CLI_BYTES,
	  .hidden = true, .get = get_dup },
	{ .name = "DENSITY", .help = "DUP in percent of ANON", .kind = CLI_FLOAT,
	  .get = get_density },
	{ .name = "ZERO", .help = "of ANON, zeroes", .kind = CLI_BYTES, .hidden = true,
	  .get = get_zero },
	{ .name = "SAVED", .help = "its share of what merging would save", .kind = CLI_BYTES,
	  .get = get_saved },
	{ .name = "SPLIT", .help = "of SAVED, inside huge pages", .kind = CLI_BYTES,
	  .hidden = true, .get = get_split },
	{ .name = "STRIP", .help = "the mapping's addresses as cells: how dense duplicates are",
	  .kind = CLI_STRIP, .get = get_strip },
	{ .name = "COMMAND", .help = "name of the process", .hidden = true, .trunc = true,
	  .get = get_comm },
	{ .name = "NAME", .help = "what is mapped", .trunc = true, .get = get_name },
	{ 0 },
};

/* --- lists --- */

static int by_saved(const void *a, const void *b)
{
	const struct place *x = *(const struct place *const *)a;
	const struct place *y = *(const struct place *const *)b;

	if (x->s->gain.saved != y->s->gain.saved)
		return x->s->gain.saved < y->s->gain.saved ? 1 : -1;
	/* As they were made: by mapping, and its pieces behind it. */
	return (x > y) - (x < y);
}

/* A mapping of one piece is that piece. */
static size_t pieces_of(const struct est_report *r, const struct est_seg *s)
{
	const uint64_t bytes = r->e->opt.piece_bytes;

	return bytes && est_strip_cells(s, bytes, 2) > 1 ? s->n_pieces : 0;
}

static void make_list(const struct est_report *r, struct est_list *l, bool pieces)
{
	const struct est *e = r->e;
	struct place *rows = xcalloc(e->n_segs + (pieces ? e->n_pieces : 0), sizeof(*rows));
	size_t n = 0;

	for (size_t i = 0; i < e->n_procs; i++)
		for (size_t j = 0; j < e->procs[i]->n_segs; j++) {
			const struct est_seg *s = &e->procs[i]->segs[j];

			if (!s->count.anon)
				continue;
			rows[n++] = (struct place){ r, e->procs[i], s, NULL };
			for (size_t k = 0; pieces && k < pieces_of(r, s); k++)
				rows[n++] = (struct place){ r, e->procs[i], s,
							    &e->pieces[s->first_piece + k] };
		}
	l->rows = rows;
	l->n = n;
	l->size = sizeof(*rows);
	l->text_rows = EST_TEXT_ROWS;
	l->ptrs = xcalloc(n, sizeof(*l->ptrs));
	for (size_t i = 0; i < n; i++)
		l->ptrs[i] = &rows[i];
	qsort(l->ptrs, n, sizeof(*l->ptrs), by_saved);
}

void est_list_vmas(const struct est_report *r, struct est_list *l)
{
	*l = (struct est_list){ .name = "vmas", .cols = est_vma_columns };
	make_list(r, l, false);
}

void est_list_pieces(const struct est_report *r, struct est_list *l)
{
	*l = (struct est_list){ .name = "pieces", .cols = est_piece_columns };
	/* For people the strip shows the pieces. */
	make_list(r, l, r->table.format != CLI_TEXT);
}
