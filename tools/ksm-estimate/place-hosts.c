// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * place-hosts.c - guests of many hosts, by their sketches: what each host holds, which
 * guest would better be elsewhere, and what all of that saves.  Which is decided in
 * tools/estimate/placement.c.
 */
#include "ksm-estimate/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/xalloc.h"
#include "estimate/placement.h"

struct hosts {
	struct est_placement p;
	char *const *file;
	size_t page_size;
};

/* A row: of a guest or of a host. */
struct row {
	const struct hosts *h;
	const struct est_guest *guest;
	const struct est_host *host;
	const char *name;
};

static const struct row *row(const void *p)
{
	return p;
}

static int64_t bytes_of(const struct hosts *h, double pages)
{
	return num_mul_sat(num_round_sat(pages), (int64_t)h->page_size);
}

static void put(const void *p, struct cli_cell *out, double pages)
{
	out->num = bytes_of(row(p)->h, pages);
}

static void get_name(const void *p, struct cli_cell *out)
{
	out->str = row(p)->name;
}

/* --- guests --- */

/* What only those have that move. */
static bool moves(const void *p, struct cli_cell *out)
{
	const bool yes = row(p)->guest->step;

	out->state = yes ? CLI_VALUE : CLI_ABSENT;
	return yes;
}

static void get_step(const void *p, struct cli_cell *out)
{
	if (moves(p, out))
		out->num = row(p)->guest->step;
}

static void get_from(const void *p, struct cli_cell *out)
{
	out->str = row(p)->h->file[row(p)->guest->host];
}

static void get_to(const void *p, struct cli_cell *out)
{
	out->str = row(p)->h->file[row(p)->guest->to];
}

static void get_size(const void *p, struct cli_cell *out)
{
	put(p, out, est_guest_pages(row(p)->guest));
}

static void get_gain(const void *p, struct cli_cell *out)
{
	if (moves(p, out))
		put(p, out, row(p)->guest->gain);
}

static void get_tight(const void *p, struct cli_cell *out)
{
	if (moves(p, out))
		out->num = row(p)->guest->tight;
}

const struct cli_col est_guest_columns[] = {
	{ .name = "STEP", .help = "order of the moves", .kind = CLI_NUM, .get = get_step },
	{ .name = "GUEST", .help = "its name in the sketch", .trunc = true, .get = get_name },
	{ .name = "FROM", .help = "host (file) that it is on", .get = get_from },
	{ .name = "TO", .help = "host that it should be on", .get = get_to },
	{ .name = "MEMORY", .help = "what it has, as if nothing merged", .kind = CLI_BYTES,
	  .get = get_size },
	{ .name = "GAIN", .help = "what this move saves, after those before it",
	  .kind = CLI_BYTES, .get = get_gain },
	{ .name = "TIGHT", .help = "TO has no room for it until a later move is made",
	  .kind = CLI_BOOL, .get = get_tight },
	{ 0 },
};

/* --- hosts --- */

static void get_guests(const void *p, struct cli_cell *out)
{
	out->num = row(p)->host->guests_now;
}

static void get_guests_then(const void *p, struct cli_cell *out)
{
	out->num = row(p)->host->guests_then;
}

static void get_pages(const void *p, struct cli_cell *out)
{
	put(p, out, row(p)->host->pages_now);
	out->alarm = row(p)->host->pages_now > row(p)->host->capacity;
}

static void get_pages_then(const void *p, struct cli_cell *out)
{
	put(p, out, row(p)->host->pages_then);
	out->alarm = row(p)->host->pages_then > row(p)->host->capacity;
}

static void get_capacity(const void *p, struct cli_cell *out)
{
	put(p, out, row(p)->host->capacity);
}

static void get_saved(const void *p, struct cli_cell *out)
{
	put(p, out, row(p)->host->now.pages);
}

static void get_low(const void *p, struct cli_cell *out)
{
	put(p, out, row(p)->host->now.low);
}

static void get_high(const void *p, struct cli_cell *out)
{
	put(p, out, row(p)->host->now.high);
}

static void get_saved_then(const void *p, struct cli_cell *out)
{
	put(p, out, row(p)->host->then.pages);
}

static void get_low_then(const void *p, struct cli_cell *out)
{
	put(p, out, row(p)->host->then.low);
}

static void get_high_then(const void *p, struct cli_cell *out)
{
	put(p, out, row(p)->host->then.high);
}

const struct cli_col est_host_columns[] = {
	{ .name = "HOST", .help = "file of its guests", .trunc = true, .get = get_name },
	{ .name = "GUESTS", .help = "how many it has now", .kind = CLI_NUM, .get = get_guests },
	{ .name = "GUESTS_THEN", .help = "after all moves", .kind = CLI_NUM,
	  .get = get_guests_then },
	{ .name = "USED", .help = "memory of its guests now, as if nothing merged",
	  .kind = CLI_BYTES, .get = get_pages },
	{ .name = "USED_THEN", .help = "after all moves", .kind = CLI_BYTES,
	  .get = get_pages_then },
	{ .name = "CAPACITY", .help = "what it holds of it", .kind = CLI_BYTES,
	  .get = get_capacity },
	{ .name = "SHARED", .help = "saved by what its guests have in common",
	  .kind = CLI_BYTES, .get = get_saved },
	{ .name = "LOW", .help = "lower end of its 95 % interval", .kind = CLI_BYTES,
	  .hidden = true, .get = get_low },
	{ .name = "HIGH", .help = "upper end", .kind = CLI_BYTES, .hidden = true,
	  .get = get_high },
	{ .name = "SHARED_THEN", .help = "after all moves", .kind = CLI_BYTES,
	  .get = get_saved_then },
	{ .name = "LOW_THEN", .help = "lower end of its 95 % interval", .kind = CLI_BYTES,
	  .hidden = true, .get = get_low_then },
	{ .name = "HIGH_THEN", .help = "upper end", .kind = CLI_BYTES, .hidden = true,
	  .get = get_high_then },
	{ 0 },
};

/* --- what a host holds --- */

struct capacity {
	size_t host;		/* SIZE_MAX: all */
	uint64_t bytes;
	double share;		/* of what its guests have now; 0: bytes */
};

#define SHARE_DEFAULT 1.1

static size_t find_file(const char *text, size_t len, char *const *files, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(files[i]) == len && !memcmp(files[i], text, len))
			return i;
	return SIZE_MAX;
}

static struct capacity capacity(const char *text, char *const *files, size_t n)
{
	struct capacity c = { .host = SIZE_MAX };
	/* There may be more than one in the name of a file, but none in a size. */
	const char *size = strrchr(text, '='), *end;
	char *factor __cleanup_free = NULL;

	if (size) {
		c.host = find_file(text, size - text, files, n);
		if (c.host == SIZE_MAX)
			cli_usage_error("--capacity: %s: none of the files named has this name",
					text);
	}
	size = size ? size + 1 : text;
	end = strchr(size, '%');
	if (end && !end[1]) {
		factor = xstrdup(size);
		factor[end - size] = '\0';
		if (!num_factor(factor, &c.share) && c.share > 0) {
			c.share /= 100;
			return c;
		}
	}
	if (end || num_size(size, &c.bytes) || !c.bytes)
		cli_usage_error("--capacity: %s: neither a size (say 64G) nor a percentage (110%%)",
				text);
	return c;
}

void est_place_check(const struct est_place_opts *o, char *const *files, size_t n)
{
	if (n < 2)
		cli_usage_error("--place: there is only one host to place guests on");
	for (size_t i = 1; i < n; i++)
		if (find_file(files[i], strlen(files[i]), files, i) != SIZE_MAX)
			cli_usage_error("--place: %s: named twice", files[i]);
	for (size_t i = 0; i < o->n_capacity; i++)
		capacity(o->capacity[i], files, n);
}

static uint64_t capacity_pages(const struct capacity *c, uint64_t now, size_t page_size)
{
	return c->share > 0 ? num_floor_sat(c->share * now) : c->bytes / page_size;
}

/* What is said of a host itself goes before what is said of all; the last word counts. */
static void set_capacities(struct hosts *h, const struct est_place_opts *o)
{
	const struct capacity usual = { .host = SIZE_MAX, .share = SHARE_DEFAULT };
	struct est_placement *p = &h->p;
	uint64_t *now __cleanup_free = xcalloc(p->n_hosts, sizeof(*now));

	for (size_t g = 0; g < p->n_guests; g++)
		now[p->guests[g].host] += est_guest_pages(&p->guests[g]);
	for (size_t i = 0; i < p->n_hosts; i++)
		p->hosts[i].capacity = capacity_pages(&usual, now[i], h->page_size);
	for (unsigned int own = 0; own < 2; own++)
		for (size_t k = 0; k < o->n_capacity; k++) {
			const struct capacity c = capacity(o->capacity[k], h->file, p->n_hosts);

			for (size_t i = 0; i < p->n_hosts; i++)
				if (own ? c.host == i : c.host == SIZE_MAX)
					p->hosts[i].capacity = capacity_pages(&c, now[i],
									      h->page_size);
		}
	for (size_t i = 0; i < p->n_hosts; i++)
		if (now[i] > p->hosts[i].capacity)
			cli_warn(0, "%s: its guests have more than its capacity: it gets no more",
				 h->file[i]);
}

/* --- the result --- */

/* Those that move, in the order of the moves, then those that stay. */
static int by_step(const void *a, const void *b)
{
	const struct row *x = *(const struct row *const *)a, *y = *(const struct row *const *)b;

	/* 0 less 1 is the largest. */
	if (x->guest->step != y->guest->step)
		return x->guest->step - 1 < y->guest->step - 1 ? -1 : 1;
	return (x > y) - (x < y);
}

static const char *interval(char *out, size_t len, const struct hosts *h,
			    const struct est_approx *r, bool bytes)
{
	char low[32], high[32];

	if (h->p.exact)
		return NULL;
	snprintf(out, len, "95 %%: %s to %s",
		 cli_bytes(low, sizeof(low), bytes_of(h, r->low), bytes),
		 cli_bytes(high, sizeof(high), bytes_of(h, r->high), bytes));
	return out;
}

static void print_range(const char *what, const struct hosts *h, const struct est_approx *r,
			bool bytes)
{
	char value[32], more[96];

	est_line(what, 0, cli_bytes(value, sizeof(value), bytes_of(h, r->pages), bytes),
		 interval(more, sizeof(more), h, r, bytes));
}

static void print_sums(const struct hosts *h, bool bytes)
{
	const struct est_placement *p = &h->p;
	char value[32], more[96], size[32];

	print_range("shared by guests now", h, &p->now, bytes);
	print_range("after the moves", h, &p->then, bytes);
	print_range("gain", h, &p->gain, bytes);
	snprintf(value, sizeof(value), "%zu", p->moves);
	snprintf(more, sizeof(more), "of %zu guests, %s to copy", p->n_guests,
		 cli_bytes(size, sizeof(size), bytes_of(h, p->pages_moved), bytes));
	est_line("moves", 0, value,
		 p->moves ? more : "no placement is better, as far as can be told");
}

/* -o is for the table of guests. */
static int print_text(const struct hosts *h, const void **guests, const void **hosts,
		      const struct cli_table_opts *table)
{
	const struct cli_table_opts plain = { .bytes = table->bytes,
					      .noheadings = table->noheadings,
					      .all_columns = table->all_columns };
	int rc = cli_table_print("hosts", est_host_columns, hosts, h->p.n_hosts, &plain);

	putchar('\n');
	if (!rc && h->p.moves) {
		rc = cli_table_print("guests", est_guest_columns, guests, h->p.moves, table);
		putchar('\n');
	}
	print_sums(h, table->bytes);
	return rc;
}

static void json_range(struct cli_json *j, const char *name, const struct hosts *h,
		       const struct est_approx *r)
{
	cli_json_open(j, name, '{');
	cli_json_num(j, "bytes", bytes_of(h, r->pages));
	cli_json_num(j, "low_bytes", bytes_of(h, r->low));
	cli_json_num(j, "high_bytes", bytes_of(h, r->high));
	cli_json_close(j);
}

static int print_json(const struct hosts *h, const void **guests, const void **hosts)
{
	const struct est_placement *p = &h->p;
	struct cli_json *j = cli_json_new();
	int rc;

	cli_json_open(j, NULL, '{');
	cli_json_open(j, "placement", '{');
	cli_json_num(j, "page_size", h->page_size);
	cli_json_bool(j, "exact", p->exact);
	json_range(j, "shared", h, &p->now);
	json_range(j, "shared_then", h, &p->then);
	json_range(j, "gain", h, &p->gain);
	cli_json_num(j, "moves", p->moves);
	cli_json_num(j, "moved_bytes", bytes_of(h, p->pages_moved));
	cli_json_close(j);
	cli_json_rows(j, "hosts", est_host_columns, hosts, p->n_hosts);
	cli_json_rows(j, "guests", est_guest_columns, guests, p->n_guests);
	cli_json_close(j);
	rc = cli_json_print(j, stdout);
	cli_json_free(j);
	return rc;
}

static int print(const struct hosts *h, const struct cli_table_opts *table)
{
	const struct est_placement *p = &h->p;
	struct row *rows __cleanup_free = xcalloc(p->n_guests + p->n_hosts, sizeof(*rows));
	const void **ptrs __cleanup_free = xcalloc(p->n_guests + p->n_hosts, sizeof(*ptrs));
	const void **hosts = ptrs + p->n_guests;

	for (size_t i = 0; i < p->n_guests; i++)
		rows[i] = (struct row){ h, &p->guests[i], NULL, p->guests[i].sketch->name };
	for (size_t i = 0; i < p->n_hosts; i++)
		rows[p->n_guests + i] = (struct row){ h, NULL, &p->hosts[i], h->file[i] };
	for (size_t i = 0; i < p->n_guests + p->n_hosts; i++)
		ptrs[i] = &rows[i];
	qsort(ptrs, p->n_guests, sizeof(*ptrs), by_step);
	if (table->format == CLI_JSON)
		return print_json(h, ptrs, hosts);
	if (table->format == CLI_TEXT)
		return print_text(h, ptrs, hosts, table);
	return cli_table_print("guests", est_guest_columns, ptrs, p->n_guests, table);
}

/* Sketches stand in the order of the files. */
static void set_guests(struct hosts *h, const struct est_sketches *all)
{
	uint32_t host = 0;

	for (size_t i = 0; i < all->n; i++) {
		if (i && all->file[i] != all->file[i - 1])
			host++;
		h->p.guests[i] = (struct est_guest){ .sketch = &all->s[i], .host = host };
	}
}

int est_place_hosts(char *const *files, size_t n, const struct est_place_opts *o,
		    const struct cli_table_opts *table)
{
	struct est_sketches all = { 0 };
	struct hosts h = { .file = files };
	int rc;

	est_sketches_load(&all, files, n);
	h.page_size = all.s[0].page_size;
	h.p = (struct est_placement){ .guests = xcalloc(all.n, sizeof(*h.p.guests)),
				      .n_guests = all.n,
				      .hosts = xcalloc(n, sizeof(*h.p.hosts)),
				      .n_hosts = n,
				      .max_moves = o->max_moves,
				      .worth = o->worth };
	set_guests(&h, &all);
	set_capacities(&h, o);
	rc = est_place(&h.p);
	if (rc == -EXDEV || rc == -EMEDIUMTYPE)
		est_sketches_differ(all.file[h.p.odd], all.file[0], rc);
	if (rc == -E2BIG)
		cli_die(CLI_FAIL, 0, "--place: more than %d guests, or %d hosts",
			EST_PLACE_GUESTS_MAX, EST_PLACE_HOSTS_MAX);
	if (rc)
		cli_die(CLI_FAIL, rc, "allocate");
	rc = print(&h, table);
	free(h.p.guests);
	free(h.p.hosts);
	est_sketches_fini(&all);
	return rc ? CLI_FAIL : CLI_OK;
}
