// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main.c - ksm-estimate: options, and the order of the steps.  Nothing is
 * computed or printed here but the help.
 */
#include "ksm-estimate/report.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/xalloc.h"
#include "util/num.h"

enum {
	KEY_FULL = CLI_OPT_LONG,
	KEY_SAMPLE,
	KEY_PASSES,
	KEY_PAIRS,
	KEY_VMAS,
	KEY_PIECES,
	KEY_SKETCH,
	KEY_COMPARE,
	KEY_PLACE,
	KEY_CAPACITY,
	KEY_MOVES,
	KEY_WORTH,
	KEY_KEY,
	KEY_CPU,
	KEY_RATE,
	KEY_MEMORY,
	KEY_OLD_MARKED,
};

#define MEMORY_MIN	(8 << 20)

enum { EXCL_SELECT = 1, EXCL_MODE = 2, EXCL_PAIRS = 4, EXCL_VMAS = 8 };

static const char *const synopsis[] = { "[options]", "--compare [options] FILE...",
					"--place [options] FILE...", NULL };
static const struct cli_opt opts[] = {
	{ .key = 'p', .excl = EXCL_SELECT },
	{ .key = 'u' },
	{ .key = CLI_KEY_MATCH },
	{ .key = CLI_KEY_CGROUP },
	{ .key = CLI_KEY_TREE },
	{ .key = 'a', .help = "all processes that may be read (default)", .excl = EXCL_SELECT },
	{ .key = 'M' },
	{ KEY_OLD_MARKED, "marked", NULL, NULL, 0, 'M' },
	{ KEY_FULL, "full", NULL, "read every page", EXCL_MODE, 0 },
	{ KEY_SAMPLE, "sample", "PCT", "read this share of the contents", EXCL_MODE, 0 },
	{ KEY_PASSES, "passes", "N", "read N times and leave out pages that change", 0, 0 },
	{ .key = 'i', .help = "time between passes (default: 10 seconds)" },
	{ KEY_PAIRS, "pairs", NULL, "show which two would share how much", EXCL_PAIRS, 0 },
	{ .key = CLI_KEY_BY },
	{ KEY_VMAS, "vmas", NULL, "show where in the address spaces the savings lie", EXCL_VMAS,
	  0 },
	{ KEY_PIECES, "pieces", "[SIZE]", "show where inside of mappings (default: pieces of 2M)",
	  EXCL_VMAS, 0 },
	{ KEY_SKETCH, "sketch", "FILE", "write a sketch of the memory, for --compare and --place",
	  EXCL_PAIRS | EXCL_VMAS, 0 },
	{ KEY_COMPARE, "compare", NULL, "compare the sketches in files", EXCL_PAIRS | EXCL_VMAS,
	  0 },
	{ KEY_PLACE, "place", NULL, "show which guests to put together, each file being a host",
	  EXCL_PAIRS | EXCL_VMAS, 0 },
	{ KEY_CAPACITY, "capacity", "SIZE", "memory for guests of each host, or FILE=SIZE of one"
	  " (default: 110%)", 0, 0 },
	{ KEY_MOVES, "moves", "N", "move at most N guests", 0, 0 },
	{ KEY_WORTH, "worth", "PCT", "share of a guest that its move must save (default: 1)", 0,
	  0 },
	{ KEY_KEY, "key", "FILE", "key of the hashes; made when there is no such file", 0, 0 },
	{ 'j', "jobs", "N", "read with N threads (default: one for each processor)", 0, 0 },
	{ KEY_CPU, "max-cpu", "PCT", "use at most this share of one processor", 0, 0 },
	{ KEY_RATE, "max-rate", "SIZE", "read at most SIZE in a second", 0, 0 },
	{ KEY_MEMORY, "max-memory", "SIZE", "take at most SIZE; what does not fit is a sample", 0,
	  0 },
	{ 0 },
};

static const struct cli_opt common[] = {
	{ .key = 's', .help = "refused: a dump holds no memory" },
	{ .key = 'q', .help = "print errors only, and no progress" },
	{ .key = 'v' },
	{ 0 },
};

static void columns_help(FILE *out)
{
	cli_table_help(est_proc_columns, out);
	fputs("\nWith --by:\n", out);
	cli_table_help(est_group_columns, out);
	fputs("\nWith --pairs:\n", out);
	cli_table_help(est_pair_columns, out);
	fputs("\nWith --vmas:\n", out);
	cli_table_help(est_vma_columns, out);
	fputs("\nWith --pieces:\n", out);
	cli_table_help(est_piece_columns, out);
	fputs("\nWith --compare:\n", out);
	cli_table_help(est_compare_columns, out);
	fputs("\nWith --place:\n", out);
	cli_table_help(est_guest_columns, out);
	fputs("\nOf hosts, with --place:\n", out);
	cli_table_help(est_host_columns, out);
}

static const struct cli_cmd cmd = {
	.name = "ksm-estimate",
	.synopsis = synopsis,
	.about = "Estimate what samepage merging would save, before it is turned on.",
	.opts = opts,
	.more = cli_table_options,
	.common = common,
	.see = "ksm-estimate(8)",
	.extra = columns_help,
};

struct args {
	struct est e;
	struct est_report r;
	struct ksm_select select;
	pid_t *pids;
	const char *sysroot, *sketch, *key;
	bool compare, place;
	struct est_place_opts place_opts;
	const char *of_place;	/* an option that makes sense with it alone */
};

static unsigned int count(const char *option, const char *text, uint64_t max)
{
	uint64_t n;

	if (num_u64(text, &n) || !n || n > max)
		cli_usage_error("%s: %s: not a number from 1 to %ju", option, text, (uintmax_t)max);
	return n;
}

static double percent(const char *option, const char *text)
{
	double pct;

	if (num_percent(text, &pct) || pct <= 0)
		cli_usage_error("%s: %s: not a percentage above 0, up to 100", option, text);
	return pct / 100;
}

static void mode_option(struct args *a, int key, const char *arg)
{
	struct est_opts *o = &a->e.opt;
	char names[128];
	uint64_t n;

	switch (key) {
	case KEY_FULL:
		o->full = true;
		break;
	case KEY_SAMPLE:
		o->sample = percent("--sample", arg);
		break;
	case KEY_PASSES:
		o->passes = count("--passes", arg, 1000);
		break;
	case 'i':
		if (num_duration(arg, &o->interval_ns))
			cli_usage_error("--interval: %s: not a duration (say 500ms, 2, 1.5m, 1h)",
					arg);
		break;
	case CLI_KEY_BY:
		o->by = ksm_group_find(arg);
		if (o->by < 0)
			cli_usage_error("--by: %s: not a way to group (%s)", arg,
					ksm_group_names(KSM_GROUP_PID, names, sizeof(names)));
		if (o->by == KSM_GROUP_PID)
			o->by = -1;
		break;
	case KEY_CPU:
		a->e.limits.max_cpu = percent("--max-cpu", arg);
		break;
	case KEY_RATE:
		if (num_size(arg, &n) || !n)
			cli_usage_error("--max-rate: %s: not a size (say 100M)", arg);
		a->e.limits.max_rate = n;
		break;
	case KEY_MEMORY:
		if (num_size(arg, &n) || n < MEMORY_MIN)
			cli_usage_error("--max-memory: %s: not a size of 8M or more", arg);
		a->e.limits.max_memory = n;
		break;
	case 'j':
		o->jobs = count("--jobs", arg, 256);
		break;
	}
}

static void pieces_option(struct args *a, const char *arg)
{
	struct est_opts *o = &a->e.opt;

	a->r.pieces = o->names = true;
	o->piece_bytes = 2 << 20;
	if (arg && num_size(arg, &o->piece_bytes))
		cli_usage_error("--pieces: %s: not a size (say 64K)", arg);
}

static void place_option(struct args *a, int key, const char *arg)
{
	struct est_place_opts *o = &a->place_opts;
	uint64_t n;

	switch (key) {
	case KEY_PLACE:
		a->place = true;
		return;
	case KEY_CAPACITY:
		a->of_place = "--capacity";
		o->capacity = xreallocarray(o->capacity, o->n_capacity + 1, sizeof(*o->capacity));
		o->capacity[o->n_capacity++] = arg;
		break;
	case KEY_MOVES:
		a->of_place = "--moves";
		if (num_u64(arg, &n))
			cli_usage_error("--moves: %s: not a number", arg);
		o->max_moves = n;
		break;
	case KEY_WORTH:
		a->of_place = "--worth";
		if (num_percent(arg, &o->worth))
			cli_usage_error("--worth: %s: not a percentage", arg);
		o->worth /= 100;
		break;
	}
}

static void option(struct args *a, int key, const char *arg)
{
	struct est_opts *o = &a->e.opt;

	switch (key) {
	case 'p':
		cli_pids(arg, &a->pids, &a->select.n_pids);
		a->select.pids = a->pids;
		a->r.named = true;
		break;
	case CLI_KEY_MATCH:
		a->select.match = arg;
		break;
	case 'u':
		a->select.user = arg;
		break;
	case CLI_KEY_CGROUP:
		a->select.cgroup = arg;
		break;
	case CLI_KEY_TREE:
		a->select.tree = true;
		break;
	case 'a':
		break;
	case 'M':
		o->marked = true;
		break;
	case KEY_PAIRS:
		a->r.pairs = o->pairs = true;
		break;
	case KEY_VMAS:
		a->r.vmas = o->names = true;
		break;
	case KEY_PIECES:
		pieces_option(a, arg);
		break;
	case KEY_SKETCH:
		a->sketch = arg;
		break;
	case KEY_COMPARE:
		a->compare = true;
		break;
	case KEY_PLACE:
	case KEY_CAPACITY:
	case KEY_MOVES:
	case KEY_WORTH:
		place_option(a, key, arg);
		break;
	case KEY_KEY:
		a->key = arg;
		break;
	default:
		if (!cli_common_option(key, arg, &a->sysroot) &&
		    !cli_table_option(key, arg, &a->r.table))
			mode_option(a, key, arg);
	}
}

static const struct cli_col *columns(const struct args *a)
{
	if (a->compare)
		return est_compare_columns;
	if (a->place)
		return est_guest_columns;
	if (a->r.pairs)
		return est_pair_columns;
	if (a->r.vmas)
		return est_vma_columns;
	if (a->r.pieces)
		return est_piece_columns;
	return a->e.opt.by >= 0 ? est_group_columns : est_proc_columns;
}

static void check(struct args *a, const struct cli_parse *p)
{
	if (!a->compare && !a->place)
		cli_no_operands(p, &cmd);
	if ((a->compare || a->place) && p->ind == p->argc)
		cli_usage_error("%s: no file was named", a->place ? "--place" : "--compare");
	if (a->of_place && !a->place)
		cli_usage_error("%s: makes sense with --place", a->of_place);
	if (a->place)
		est_place_check(&a->place_opts, p->argv + p->ind, p->argc - p->ind);
	if (a->sketch && a->e.opt.sample > 0)
		cli_usage_error("--sketch: needs every page read; leave out --sample");
	if (a->sketch)
		a->e.opt.full = true;
	if (a->e.opt.interval_ns && a->e.opt.passes < 2)
		cli_usage_error("--interval: makes sense with --passes 2 or more");
	if (a->e.opt.passes > 1 && !a->e.opt.interval_ns)
		a->e.opt.interval_ns = UINT64_C(10000000000);
	if (!a->sketch)
		cli_table_check(columns(a), &a->r.table);
	if (est_columns_need_pairs(columns(a), &a->r.table))
		a->e.opt.pairs = true;
}

/* How large they may be depends on pages. */
static void check_pieces(const struct args *a)
{
	const struct est *e = &a->e;
	const size_t page = ksm_page_size(e->k);
	char low[32], high[32];

	if (a->r.pieces && !est_piece_check(page, e->opt.piece_bytes))
		cli_usage_error("--pieces: not a power of two from %s to %s",
				cli_bytes(low, sizeof(low), EST_PIECE_MIN_PAGES * page, false),
				cli_bytes(high, sizeof(high), EST_PIECE_MAX_PAGES * page, false));
}

static void prepare(struct args *a)
{
	struct est *e = &a->e;
	int rc = ksm_open(a->sysroot, &e->k);

	if (rc)
		cli_die(CLI_FAIL, 0, "%s: cannot open: %s", a->sysroot ? a->sysroot : "/proc",
			ksm_open_why(a->sysroot, rc));
	if (!ksm_is_live(e->k))
		cli_die(CLI_UNSUPPORTED, 0, "%s: a dump holds no memory to read", a->sysroot);
	check_pieces(a);
	rc = a->key ? est_key_file(a->key, &e->key) : est_key_new(&e->key);
	if (rc == -EPROTO)
		cli_die(CLI_FAIL, 0, "%s: not a key (%d random bytes)", a->key, EST_KEY_LEN);
	if (rc == -EKEYREJECTED)
		cli_die(CLI_FAIL, 0, "%s: others may read or write this key, or it is not yours (chown, chmod 600)",
			a->key);
	if (rc)
		cli_die(CLI_FAIL, rc, "%s: no key", a->key ? a->key : "random numbers");
	rc = a->sketch ? est_sketch_try(a->sketch) : 0;
	if (rc)
		cli_die(CLI_FAIL, rc, "%s: cannot write", a->sketch);
	if (!e->opt.jobs)
		e->opt.jobs = MAX(sysconf(_SC_NPROCESSORS_ONLN), 1L);
}

int main(int argc, char **argv)
{
	struct args a = { .e.opt.by = -1,
			  .place_opts = { .max_moves = SIZE_MAX, .worth = 0.01 } };
	struct cli_parse p = { .argc = argc, .argv = argv };
	int key, rc;

	cli_init("ksm-estimate");
	while ((key = cli_opts_next(&p, &cmd)) != -1)
		option(&a, key, p.arg);
	check(&a, &p);
	if (a.compare)
		return est_compare(argv + p.ind, argc - p.ind, &a.r.table);
	if (a.place) {
		rc = est_place_hosts(argv + p.ind, argc - p.ind, &a.place_opts, &a.r.table);
		free(a.place_opts.capacity);
		return rc;
	}
	prepare(&a);
	a.r.e = &a.e;
	est_select_and_read(&a.e, &a.select);
	rc = a.sketch ? est_sketch_write(&a.r, a.sketch) : est_report_print(&a.r);
	est_fini(&a.e);
	ksm_close(a.e.k);
	free(a.pids);
	return rc;
}
