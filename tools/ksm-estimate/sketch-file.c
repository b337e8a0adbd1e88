// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sketch-file.c - sketches to a file, and files of them against one another.
 */
#include "ksm-estimate/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/xalloc.h"

static void begin(const struct est_report *r, struct est_sketch *s, const char *name)
{
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->key_id = r->e->key.id;
	s->page_size = r->e->page_size;
}

/* Without --by all that was selected is one group. */
static void one_group(struct est_report *r)
{
	for (size_t i = 0; i < r->e->n_segs; i++)
		r->e->owner[i].group = 0;
	r->e->n_groups = 1;
}

static void host_name(char *out, size_t len)
{
	if (gethostname(out, len))
		snprintf(out, len, "unnamed");
	out[len - 1] = '\0';
}

/*
 * What is there is left as it is until there is something better, and what is not
 * there is made once more in the end: a run that is broken off leaves nothing.
 */
int est_sketch_try(const char *path)
{
	struct stat st;
	int fd __cleanup_fd = -1;
	const bool exists = !stat(path, &st);

	/* To open a pipe could wait for its reader, and would end what it reads. */
	if (exists && !S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : access(path, W_OK) ? -errno : 0;
	fd = open(path, O_WRONLY | O_CLOEXEC | (exists ? 0 : O_CREAT | O_EXCL), 0666);
	if (fd < 0)
		return -errno;
	if (!exists)
		unlink(path);
	return 0;
}

int est_sketch_write(struct est_report *r, const char *path)
{
	FILE *f __cleanup_file = NULL;
	unsigned char *buf __cleanup_free = NULL;
	struct est_sketch *s __cleanup_free = NULL;
	const bool by = r->e->opt.by >= 0;
	char host[EST_SKETCH_NAME];

	if (!by)
		one_group(r);
	s = xcalloc(r->e->n_groups, sizeof(*s));
	host_name(host, sizeof(host));
	for (size_t i = 0; i < r->e->n_groups; i++) {
		begin(r, &s[i], by ? r->e->groups[i].name : host);
		if (!by && r->e->n_procs == 1)
			begin(r, &s[i], r->e->procs[0]->comm);
	}
	for (size_t i = 0; i < r->e->n_procs; i++)
		for (size_t j = 0; j < r->e->procs[i]->n_segs; j++) {
			const uint32_t g = r->e->owner[r->e->procs[i]->first_seg + j].group;

			if (g != EST_NO_GROUP)
				s[g].zero_pages += r->e->procs[i]->segs[j].count.zero;
		}
	if (est_sketch_fill(r->e->recs, r->e->n_recs, r->e->owner, s, r->e->n_groups))
		cli_die(CLI_FAIL, -ENOMEM, "allocate");
	f = fopen(path, "we");
	if (!f) {
		cli_error(-errno, "%s: cannot write", path);
		return CLI_FAIL;
	}
	buf = xcalloc(1, est_sketch_size(&(struct est_sketch){ .n = EST_SKETCH_K }));
	for (size_t i = 0; i < r->e->n_groups; i++) {
		est_sketch_format(&s[i], buf);
		fwrite(buf, est_sketch_size(&s[i]), 1, f);
	}
	if (fflush(f) || ferror(f)) {
		cli_error(-errno, "%s: cannot write", path);
		return CLI_FAIL;
	}
	return CLI_OK;
}

/* --- comparing --- */

struct compared {
	const struct est_sketch *a, *b;
	const char *file_a, *file_b;
	struct est_overlap o;
};

static const struct compared *cmp(const void *row)
{
	return row;
}

static void get_a(const void *row, struct cli_cell *out)
{
	out->str = cmp(row)->a->name;
}

static void get_b(const void *row, struct cli_cell *out)
{
	out->str = cmp(row)->b->name;
}

static void get_file_a(const void *row, struct cli_cell *out)
{
	out->str = cmp(row)->file_a;
}

static void get_file_b(const void *row, struct cli_cell *out)
{
	out->str = cmp(row)->file_b;
}

static void put_pages(const void *row, struct cli_cell *out, double pages)
{
	const double size = cmp(row)->a->page_size;

	/* A few made-up hashes, all of them small, stand for more than there is. */
	out->num = pages < 9e18 / size ? (int64_t)(pages + 0.5) * (int64_t)size : INT64_MAX;
}

static void get_common(const void *row, struct cli_cell *out)
{
	put_pages(row, out, cmp(row)->o.contents);
}

static void get_low(const void *row, struct cli_cell *out)
{
	put_pages(row, out, cmp(row)->o.low);
}

static void get_high(const void *row, struct cli_cell *out)
{
	put_pages(row, out, cmp(row)->o.high);
}

static void get_in_a(const void *row, struct cli_cell *out)
{
	put_pages(row, out, cmp(row)->o.pages_a);
}

static void get_in_b(const void *row, struct cli_cell *out)
{
	put_pages(row, out, cmp(row)->o.pages_b);
}

static void get_size_a(const void *row, struct cli_cell *out)
{
	put_pages(row, out, cmp(row)->a->pages);
}

static void get_size_b(const void *row, struct cli_cell *out)
{
	put_pages(row, out, cmp(row)->b->pages);
}

static void get_zero(const void *row, struct cli_cell *out)
{
	put_pages(row, out, MIN(cmp(row)->a->zero_pages, cmp(row)->b->zero_pages));
}

static void get_exact(const void *row, struct cli_cell *out)
{
	out->num = cmp(row)->o.exact;
}

const struct cli_col est_compare_columns[] = {
	{ .name = "A", .help = "name in one sketch", .trunc = true, .get = get_a },
	{ .name = "B", .help = "name in the other", .trunc = true, .get = get_b },
	{ .name = "COMMON", .help = "saved by putting both on one host, beyond each alone",
	  .kind = CLI_BYTES, .get = get_common },
	{ .name = "LOW", .help = "lower end of its 95 % interval", .kind = CLI_BYTES,
	  .get = get_low },
	{ .name = "HIGH", .help = "upper end", .kind = CLI_BYTES, .get = get_high },
	{ .name = "IN_A", .help = "memory of A that B has too, repetitions counted",
	  .kind = CLI_BYTES, .get = get_in_a },
	{ .name = "IN_B", .help = "memory of B that A has too", .kind = CLI_BYTES,
	  .get = get_in_b },
	{ .name = "SIZE_A", .help = "all of A but zeroes", .kind = CLI_BYTES, .hidden = true,
	  .get = get_size_a },
	{ .name = "SIZE_B", .help = "all of B but zeroes", .kind = CLI_BYTES, .hidden = true,
	  .get = get_size_b },
	{ .name = "ZERO", .help = "zeroes that both have", .kind = CLI_BYTES, .hidden = true,
	  .get = get_zero },
	{ .name = "EXACT", .help = "both sketches hold all contents", .kind = CLI_BOOL,
	  .hidden = true, .get = get_exact },
	{ .name = "FILE_A", .help = "file that A is in", .hidden = true, .get = get_file_a },
	{ .name = "FILE_B", .help = "file that B is in", .hidden = true, .get = get_file_b },
	{ 0 },
};

/* A file of a thousand groups; anything longer is not ours. */
#define FILE_MAX ((size_t)16 << 20)

static int load(const char *path, struct est_sketches *all)
{
	FILE *f __cleanup_file = fopen(path, "re");
	unsigned char *buf __cleanup_free = NULL;
	size_t len, at = 0, used;

	if (!f)
		return -errno;
	buf = xcalloc(1, FILE_MAX);
	len = fread(buf, 1, FILE_MAX, f);
	if (ferror(f))
		return -EIO;
	do {
		all->s = xreallocarray(all->s, all->n + 1, sizeof(*all->s));
		all->file = xreallocarray(all->file, all->n + 1, sizeof(*all->file));
		if (est_sketch_parse(buf + at, len - at, &all->s[all->n], &used))
			return -EPROTO;
		all->file[all->n++] = path;
		at += used;
	} while (at < len);
	return 0;
}

void est_sketches_load(struct est_sketches *all, char *const *files, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const int rc = load(files[i], all);

		if (rc == -EPROTO)
			cli_die(CLI_FAIL, 0, "%s: not a sketch, or damaged", files[i]);
		if (rc)
			cli_die(CLI_FAIL, rc, "%s: cannot read", files[i]);
	}
}

void est_sketches_fini(struct est_sketches *all)
{
	free(all->s);
	free(all->file);
}

void est_sketches_differ(const char *file, const char *other, int rc)
{
	cli_die(CLI_FAIL, 0, "%s: cannot be compared with %s: %s", file, other,
		rc == -EXDEV ? "made with another key (see --key)" : "pages of another size");
}

static int by_common(const void *a, const void *b)
{
	const struct compared *x = *(struct compared *const *)a, *y = *(struct compared *const *)b;

	if (x->o.contents != y->o.contents)
		return x->o.contents < y->o.contents ? 1 : -1;
	return (x > y) - (x < y);
}

int est_compare(char *const *files, size_t n, const struct cli_table_opts *table)
{
	struct compared *rows __cleanup_free = NULL;
	const void **ptrs __cleanup_free = NULL;
	struct est_sketches all = { 0 };
	size_t n_rows = 0;
	int rc = 0;

	est_sketches_load(&all, files, n);
	if (all.n < 2)
		cli_usage_error("--compare: there is only one sketch to compare");
	rows = xcalloc(all.n * (all.n - 1) / 2, sizeof(*rows));
	ptrs = xcalloc(all.n * (all.n - 1) / 2, sizeof(*ptrs));
	for (size_t i = 0; i < all.n; i++)
		for (size_t j = i + 1; j < all.n; j++) {
			struct compared *c = &rows[n_rows];

			*c = (struct compared){ .a = &all.s[i],
						.b = &all.s[j],
						.file_a = all.file[i],
						.file_b = all.file[j] };
			rc = est_sketch_compare(c->a, c->b, &c->o);
			if (rc)
				est_sketches_differ(c->file_b, c->file_a, rc);
			ptrs[n_rows++] = c;
		}
	qsort(ptrs, n_rows, sizeof(*ptrs), by_common);
	rc = cli_table_print("overlaps", est_compare_columns, ptrs, n_rows, table);
	est_sketches_fini(&all);
	return rc ? CLI_FAIL : CLI_OK;
}
