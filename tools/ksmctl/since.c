// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * since.c - ksmctl status --since: an earlier moment, read from what "status -J"
 * printed then, and what has changed since.
 *
 * This is no JSON parser.  It reads the layout that tools/cli/json.c writes, one
 * member a line, and refuses everything else: a file of another program, or one
 * that was cut off, must not pass for figures.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "ksmctl/ksmctl.h"
#include "util/num.h"

#define DEPTH_MAX 2	/* the object, and lists in it */
#define INDENT 3
#define KEY_MAX 48

/* --- reading --- */

/* The figures of a moment: where they stand in the file. */
static const struct {
	const char *section;
	const char *key;
	size_t offset;		/* of a struct ksm_fig in struct ctl_moment */
} figures[] = {
	{ "", "when_ns", offsetof(struct ctl_moment, when_ns) },
	{ "", "saved", offsetof(struct ctl_moment, saved) },
	{ "", "metadata", offsetof(struct ctl_moment, metadata) },
	{ "", "profit", offsetof(struct ctl_moment, profit) },
	{ "", "ksmd_cpu_ns", offsetof(struct ctl_moment, ksmd_cpu_ns) },
	{ "", "cow_ksm", offsetof(struct ctl_moment, cow_ksm) },
	{ "attributes", "full_scans", offsetof(struct ctl_moment, full_scans) },
	{ "attributes", "pages_scanned", offsetof(struct ctl_moment, pages_scanned) },
};

struct reader {
	const char *at;		/* in the line */
	char closing[DEPTH_MAX];
	unsigned int depth;
	bool more;		/* a value must come, as behind a comma; else the end of the list */
	bool ended;
	char section[KEY_MAX];	/* the list we are in, "" for the object itself */
	char key[KEY_MAX];
	unsigned int seen;	/* bits of figures[], and one for boot_id */
	struct ctl_moment *out;
};

#define SEEN_BOOT_ID (1U << ARRAY_SIZE(figures))
#define SEEN_ALL ((SEEN_BOOT_ID << 1) - 1)

static bool take(struct reader *r, const char *text)
{
	const size_t n = strlen(text);

	if (strncmp(r->at, text, n))
		return false;
	r->at += n;
	return true;
}

/* What stands between quotes, escapes left as they are. */
static bool take_string(struct reader *r, const char **s, size_t *len)
{
	if (!take(r, "\""))
		return false;
	*s = r->at;
	for (; *r->at && *r->at != '"'; r->at++)
		if (*r->at == '\\' && r->at[1])
			r->at++;
	*len = r->at - *s;
	return take(r, "\"");
}

static bool take_key(struct reader *r)
{
	const char *s;
	size_t len;

	if (!take_string(r, &s, &len) || !len || len >= sizeof(r->key) || !take(r, ": "))
		return false;
	memcpy(r->key, s, len);
	r->key[len] = '\0';
	return true;
}

/* A number in @buf, for num_s64(); a fraction is one too, which that refuses. */
static bool take_number(struct reader *r, char *buf, size_t size)
{
	const size_t len = strspn(r->at, "-.0123456789");

	if (!len || len >= size)
		return false;
	memcpy(buf, r->at, len);
	buf[len] = '\0';
	r->at += len;
	return true;
}

static bool mark_seen(struct reader *r, unsigned int bit)
{
	const bool twice = r->seen & bit;

	r->seen |= bit;
	return !twice;
}

static struct ksm_fig *figure_here(struct reader *r, unsigned int *bit)
{
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
		if (strcmp(r->section, figures[i].section) || strcmp(r->key, figures[i].key))
			continue;
		*bit = 1U << i;
		return (void *)((char *)r->out + figures[i].offset);
	}
	return NULL;
}

static bool take_figure(struct reader *r, struct ksm_fig *fig, unsigned int bit)
{
	char text[32];

	if (!mark_seen(r, bit))
		return false;
	if (take(r, "null")) {
		*fig = (struct ksm_fig){ .state = KSM_ABSENT };
		return true;
	}
	fig->state = KSM_VALUE;
	return take_number(r, text, sizeof(text)) && !num_s64(text, &fig->v);
}

static bool take_boot_id(struct reader *r)
{
	const char *s;
	size_t len;

	if (!mark_seen(r, SEEN_BOOT_ID))
		return false;
	if (take(r, "null"))
		return true;
	if (!take_string(r, &s, &len) || len >= sizeof(r->out->boot_id))
		return false;
	memcpy(r->out->boot_id, s, len);
	return true;
}

static bool take_value(struct reader *r)
{
	char number[32];
	const char *s;
	size_t len;

	if (take(r, "{}") || take(r, "[]"))
		return true;
	if (*r->at == '{' || *r->at == '[') {
		if (r->depth == DEPTH_MAX)
			return false;
		memcpy(r->section, r->key, sizeof(r->section));
		r->closing[r->depth++] = *r->at++ == '{' ? '}' : ']';
		return true;
	}
	return take(r, "null") || take(r, "true") || take(r, "false") ||
	       take_string(r, &s, &len) || take_number(r, number, sizeof(number));
}

static bool take_closing(struct reader *r)
{
	r->at++;
	r->depth--;
	r->section[0] = '\0';
	r->ended = !r->depth;
	return !r->more;
}

/* With its key, in an object. */
static bool take_member(struct reader *r)
{
	struct ksm_fig *fig;
	unsigned int bit;

	if (r->closing[r->depth - 1] == ']')
		return take_value(r);
	if (!take_key(r))
		return false;
	if (r->depth == 1 && !strcmp(r->key, "boot_id"))
		return take_boot_id(r);
	fig = figure_here(r, &bit);
	return fig ? take_figure(r, fig, bit) : take_value(r);
}

/* Is that a line of what is written? */
static bool take_line(struct reader *r)
{
	const unsigned int depth = r->depth;
	const size_t indent = strspn(r->at, " ");
	const bool closes = depth && r->at[indent] == r->closing[depth - 1];

	if (r->ended || indent != (depth - closes) * INDENT)
		return false;
	r->at += indent;
	if (!depth) {
		r->closing[r->depth++] = '}';
		r->more = true;
		return take(r, "{") && !*r->at;
	}
	if (closes ? !take_closing(r) : !r->more || !take_member(r))
		return false;
	/* What has just begun goes on without a comma. */
	r->more = r->depth > depth || (!r->ended && take(r, ","));
	return !*r->at;
}

const char *ctl_moment_read(const char *file, struct ctl_moment *out)
{
	static const char *const what = "what \"ksmctl status -J\" prints";
	struct str text __cleanup_str = STR_INIT;
	struct reader r = { .out = out };
	const char *name;
	char *rest, *line;

	memset(out, 0, sizeof(*out));
	name = ctl_read_file(file, what, &text);
	if (memchr(str_get(&text), '\0', text.len))
		cli_die(CLI_FAIL, 0, "%s: not %s", name, what);
	rest = text.s;
	for (unsigned int n = 1; rest && *rest; n++) {
		line = strsep(&rest, "\n");
		r.at = line;
		if (!take_line(&r))
			cli_die(CLI_FAIL, 0, "%s: line %u: not %s", name, n, what);
	}
	if (!r.ended)
		cli_die(CLI_FAIL, 0, "%s: ends too early to be %s", name, what);
	if (r.seen != SEEN_ALL)
		cli_die(CLI_FAIL, 0, "%s: figures are missing (did another version print it?)", name);
	return name;
}

/* --- deciding --- */

void ctl_moment_now(struct ctl *ctl, const struct ksm_stats *s, const struct ksm_derived *d,
		    struct ctl_moment *out)
{
	memset(out, 0, sizeof(*out));
	ksm_boot_id(ctl->k, out->boot_id);
	if (s->when_ns)
		out->when_ns = KSM_FIG(s->when_ns);
	out->saved = d->saved_bytes;
	out->metadata = d->meta_bytes;
	out->profit = d->profit_bytes;
	out->ksmd_cpu_ns = s->ksmd_cpu_ns;
	out->full_scans = ksm_stats_fig(s, KSM_ATTR_FULL_SCANS);
	out->pages_scanned = ksm_stats_fig(s, KSM_ATTR_PAGES_SCANNED);
	out->cow_ksm = s->cow_ksm;
}

void ctl_since(const char *name, const struct ctl_moment *then, const struct ctl_moment *now,
	       struct ctl_moment *out)
{
	if (strcmp(then->boot_id, now->boot_id))
		cli_die(CLI_FAIL, 0, "%s: of another boot or machine (boot_id %s, here %s), "
			"whose counters began elsewhere", name,
			then->boot_id[0] ? then->boot_id : "unknown",
			now->boot_id[0] ? now->boot_id : "unknown");
	if (ksm_fig_or(then->when_ns, 0) > ksm_fig_or(now->when_ns, INT64_MAX))
		cli_die(CLI_FAIL, 0, "%s: it was printed later than the figures of now", name);
	*out = (struct ctl_moment){
		.when_ns = ksm_fig_grown(now->when_ns, then->when_ns, false),
		.saved = ksm_fig_grown(now->saved, then->saved, false),
		.metadata = ksm_fig_grown(now->metadata, then->metadata, false),
		.profit = ksm_fig_grown(now->profit, then->profit, false),
		.ksmd_cpu_ns = ksm_fig_grown(now->ksmd_cpu_ns, then->ksmd_cpu_ns, true),
		.full_scans = ksm_fig_grown(now->full_scans, then->full_scans, true),
		.pages_scanned = ksm_fig_grown(now->pages_scanned, then->pages_scanned, true),
		.cow_ksm = ksm_fig_grown(now->cow_ksm, then->cow_ksm, true),
	};
}

/* Of one CPU; negative when unknown. */
static double cpu_percent(const struct ctl_moment *since)
{
	if (!ksm_fig_has(since->ksmd_cpu_ns) || ksm_fig_or(since->when_ns, 0) <= 0)
		return -1;
	return (double)since->ksmd_cpu_ns.v / since->when_ns.v * 100;
}

/* --- showing --- */

static const char *state_text(struct ksm_fig f)
{
	return f.state == KSM_DENIED ? "denied" : "unknown";
}

static void print_size(const struct ctl *ctl, const char *name, struct ksm_fig f)
{
	char buf[32];

	printf("%-10s %s%s\n", name, ksm_fig_or(f, 0) > 0 ? "+" : "",
	       ksm_fig_has(f) ? cli_bytes(buf, sizeof(buf), f.v, ctl->table.bytes) : state_text(f));
}

static void print_count(const char *name, struct ksm_fig f, const char *unit)
{
	if (ksm_fig_has(f))
		printf("%-10s %lld%s\n", name, (long long)f.v, unit);
	else
		printf("%-10s %s\n", name, state_text(f));
}

static void print_time(const char *name, struct ksm_fig ns, double percent)
{
	char buf[32];

	printf("%-10s %s", name,
	       ksm_fig_has(ns) ? cli_duration(buf, sizeof(buf), ns.v) : state_text(ns));
	if (percent >= 0)
		printf(", %.1f %% of a CPU", percent);
	putchar('\n');
}

void ctl_since_print(const struct ctl *ctl, const struct ctl_moment *since)
{
	print_time("time", since->when_ns, -1);
	print_size(ctl, "saved", since->saved);
	print_size(ctl, "metadata", since->metadata);
	print_size(ctl, "profit", since->profit);
	print_time("ksmd", since->ksmd_cpu_ns, cpu_percent(since));
	print_count("passes", since->full_scans, "");
	print_count("scanned", since->pages_scanned, " pages");
	print_count("copied", since->cow_ksm, " pages on write");
}

void ctl_since_json(struct cli_json *j, const struct ctl_moment *since)
{
	const double percent = cpu_percent(since);

	if (ksm_fig_has(since->when_ns))
		cli_json_real(j, "seconds", since->when_ns.v / 1e9, 3);
	else
		cli_json_null(j, "seconds");
	ctl_json_fig(j, "saved", since->saved);
	ctl_json_fig(j, "metadata", since->metadata);
	ctl_json_fig(j, "profit", since->profit);
	ctl_json_fig(j, "ksmd_cpu_ns", since->ksmd_cpu_ns);
	if (percent >= 0)
		cli_json_real(j, "ksmd_cpu_pct", percent, 2);
	else
		cli_json_null(j, "ksmd_cpu_pct");
	ctl_json_fig(j, "full_scans", since->full_scans);
	ctl_json_fig(j, "pages_scanned", since->pages_scanned);
	ctl_json_fig(j, "cow_ksm", since->cow_ksm);
}
