// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * record.c - samples as lines of a file, and lines as samples again.
 *
 * The format: "ksmtop-record 1", then records of one line, words between blanks:
 *	s WHEN_NS KEY=VALUE...	a sample begins: moment, and what holds for all of it
 *	a KEY=VALUE...		attributes of /sys/kernel/mm/ksm
 *	p PID KEY=VALUE...	a process that was read
 *	n PID USER COMMAND CGROUP VM	its names, only when they were read, behind its p
 *	g PID...		processes that ended
 *	e			the sample is whole
 * A figure is a number, "-" absent, "!" denied or "." off.  Bytes of names that
 * are no plain character are %XX, and an empty name is "%".  Keys and kinds of
 * records that a reader does not know are left out, so later versions may add
 * some; a file that was cut off ends with its last whole sample.
 */
#include "ksmtop/ksmtop.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/xalloc.h"
#include "util/ascii.h"
#include "util/num.h"

#define MAGIC	 "ksmtop-record 1"
#define LINE_CAP (256 * 1024)	/* more is no line of ours */

/* --- what there is to write: tables of places --- */

struct place {
	const char *key;
	size_t offset;
};

/* Figures of struct ksm_stats. */
static const struct place stat_figs[] = {
	{ "cow", offsetof(struct ksm_stats, cow_ksm) },
	{ "swpin", offsetof(struct ksm_stats, swpin_copy) },
	{ "total", offsetof(struct ksm_stats, mem_total_bytes) },
	{ "available", offsetof(struct ksm_stats, mem_available_bytes) },
	{ "some_us", offsetof(struct ksm_stats, psi_some_us) },
	{ "full_us", offsetof(struct ksm_stats, psi_full_us) },
	{ "ksmd", offsetof(struct ksm_stats, ksmd_pid) },
	{ "ksmd_ns", offsetof(struct ksm_stats, ksmd_cpu_ns) },
};

/* Figures of struct ksm_proc_stat. */
static const struct place proc_figs[] = {
	{ "items", offsetof(struct ksm_proc_stat, items) },
	{ "zero", offsetof(struct ksm_proc_stat, zero_pages) },
	{ "merging", offsetof(struct ksm_proc_stat, merging_pages) },
	{ "profit", offsetof(struct ksm_proc_stat, profit_bytes) },
	{ "any", offsetof(struct ksm_proc_stat, merge_any) },
	{ "mergeable", offsetof(struct ksm_proc_stat, mergeable) },
	{ "scan_pages", offsetof(struct ksm_proc_stat, scan_pages) },
	{ "scan_ns", offsetof(struct ksm_proc_stat, scan_ns) },
	{ "merges", offsetof(struct ksm_proc_stat, merges) },
	{ "breaks", offsetof(struct ksm_proc_stat, breaks) },
	{ "skipped", offsetof(struct ksm_proc_stat, skipped) },
	{ "domain", offsetof(struct ksm_proc_stat, domain) },
	{ "meta", offsetof(struct ksm_proc_stat, meta_bytes) },
};

_Static_assert(sizeof(struct ksm_proc_stat) == ARRAY_SIZE(proc_figs) * sizeof(struct ksm_fig),
	       "every figure of a process is recorded");

/* Numbers of struct ksm_proc, all unsigned. */
static const struct place proc_nums[] = {
	{ "start", offsetof(struct ksm_proc, start_ticks) },
	{ "cpu", offsetof(struct ksm_proc, cpu_ticks) },
	{ "rss", offsetof(struct ksm_proc, rss_pages) },
	{ "vsize", offsetof(struct ksm_proc, vsize_bytes) },
};

static const char state_marks[] = { [KSM_ABSENT] = '-', [KSM_DENIED] = '!', [KSM_OFF] = '.' };

static const struct ksm_fig *fig_at(const void *base, size_t offset)
{
	return (const void *)((const char *)base + offset);
}

/* --- writing --- */

struct recorder {
	FILE *out;
	struct str line;
	bool begun;
};

static void add_fig(struct str *to, const char *key, struct ksm_fig f)
{
	/* A reader takes what is not there for absent. */
	if (f.state == KSM_ABSENT)
		return;
	if (f.state == KSM_VALUE)
		str_addf(to, " %s=%lld", key, (long long)f.v);
	else
		str_addf(to, " %s=%c", key, state_marks[f.state]);
}

static void add_name(struct str *to, const char *name)
{
	str_addc(to, ' ');
	if (!name || !*name)
		str_addc(to, '%');
	for (; name && *name; name++) {
		const unsigned char c = *name;

		if (c > ' ' && c < 0x7f && c != '%')
			str_addc(to, c);
		else
			str_addf(to, "%%%02X", c);
	}
}

static void add_attr(struct str *to, enum ksm_attr id, const struct ksm_value *v)
{
	const char *key = ksm_attr_info(id)->name;

	/* A choice that we have no number for is what the kernel calls it. */
	if (v->state == KSM_VALUE && v->v < 0 && v->text[0]) {
		str_addf(to, " %s=?", key);
		add_name(to, v->text);
	} else {
		add_fig(to, key, (struct ksm_fig){ v->state, v->v });
	}
}

static void add_system(struct str *to, const struct sample *s)
{
	str_addf(to, "s %llu page=%zu tick=%u wall=%lld events=%d present=%d hidden=%zu",
		 (unsigned long long)s->stats.when_ns, s->stats.page_size, s->clock_tick,
		 (long long)s->wall_s, s->events, s->present, s->n_hidden);
	add_fig(to, "uptime", s->uptime_ns);
	for (size_t i = 0; i < ARRAY_SIZE(stat_figs); i++)
		add_fig(to, stat_figs[i].key, *fig_at(&s->stats, stat_figs[i].offset));
	str_add(to, "\na");
	ksm_for_each_attr(id)
		if (id != KSM_ATTR_ADVISOR_MODE)
			add_attr(to, id, &s->stats.attr[id]);
	/* Last, for its word may hold anything. */
	add_attr(to, KSM_ATTR_ADVISOR_MODE, &s->stats.attr[KSM_ATTR_ADVISOR_MODE]);
	str_addc(to, '\n');
}

static void add_proc(struct str *to, const struct sample_proc *sp)
{
	const struct ksm_proc *p = &sp->p;

	str_addf(to, "p %d ppid=%d uid=%u state=%c kthread=%d member=%d", (int)p->pid, (int)p->ppid,
		 (unsigned int)p->uid, ascii_is_alpha(p->state) ? p->state : '?',
		 p->kthread, p->member);
	if (ksm_fig_has(sp->unseen_bytes))
		add_fig(to, "unseen", sp->unseen_bytes);
	for (size_t i = 0; i < ARRAY_SIZE(proc_nums); i++)
		str_addf(to, " %s=%llu", proc_nums[i].key,
			 (unsigned long long)*(const uint64_t *)(const void *)
				((const char *)p + proc_nums[i].offset));
	for (size_t i = 0; i < ARRAY_SIZE(proc_figs); i++)
		add_fig(to, proc_figs[i].key, *fig_at(&p->ksm, proc_figs[i].offset));
	str_add(to, " comm=");
	/* The name follows as a word of its own. */
	add_name(to, p->comm);
	str_addc(to, '\n');
	if (!sp->named)
		return;
	str_addf(to, "n %d", (int)p->pid);
	add_name(to, sp->user);
	add_name(to, sp->command);
	add_name(to, sp->cgroup);
	add_name(to, sp->vm);
	str_addc(to, '\n');
}

int top_recorder_open(const char *path, struct recorder **out)
{
	struct recorder *r = xcalloc(1, sizeof(*r));

	r->out = fopen(path, "we");
	if (!r->out) {
		const int rc = -errno;

		free(r);
		return rc;
	}
	str_init(&r->line);
	*out = r;
	return 0;
}

int top_recorder_add(struct recorder *r, const struct sample *s)
{
	struct str *to = &r->line;

	str_reset(to);
	if (!r->begun)
		str_add(to, MAGIC "\n");
	r->begun = true;
	add_system(to, s);
	for (size_t i = 0; i < s->n_procs; i++)
		add_proc(to, &s->procs[i]);
	if (s->n_gone)
		str_addc(to, 'g');
	for (size_t i = 0; i < s->n_gone; i++)
		str_addf(to, " %d", (int)s->gone[i]);
	str_add(to, s->n_gone ? "\ne\n" : "e\n");
	if (str_err(to))
		return str_err(to);
	/* Whole samples: one that is cut off is lost to the reader. */
	if (fwrite(str_get(to), 1, to->len, r->out) != to->len || fflush(r->out))
		return errno ? -errno : -EIO;
	/* The first is large, the others are not. */
	if (to->cap > (1 << 20)) {
		str_fini(to);
		str_init(to);
	}
	return 0;
}

int top_recorder_close(struct recorder *r)
{
	int rc = 0;

	if (!r)
		return 0;
	if (fclose(r->out))
		rc = -errno;
	str_fini(&r->line);
	free(r);
	return rc;
}

/* --- parsing: a line at a time, trusting nothing --- */

void top_record_init(struct top_record *r)
{
	memset(r, 0, sizeof(*r));
}

static int bad(struct top_record *r, const char *fmt, ...) __printf(2, 3);

static int bad(struct top_record *r, const char *fmt, ...)
{
	const int n = snprintf(r->error, sizeof(r->error), "line %llu: ",
			       (unsigned long long)r->line);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->error + n, sizeof(r->error) - n, fmt, ap);
	va_end(ap);
	return -EPROTO;
}

/* The next word of a line that is taken apart. */
static char *next_word(char **rest)
{
	char *word;

	do {
		word = strsep(rest, " ");
	} while (word && !*word);
	return word;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place.  NULL when it is none of ours. */
static char *plain_name(char *word)
{
	char *from = word, *to = word;

	if (!word)
		return NULL;
	if (!strcmp(word, "%")) {
		*word = '\0';
		return word;
	}
	while (*from) {
		if (*from != '%') {
			*to++ = *from++;
			continue;
		}
		if (hex(from[1]) < 0 || hex(from[2]) < 0)
			return NULL;
		*to = (char)(hex(from[1]) << 4 | hex(from[2]));
		if (!*to++)
			return NULL;
		from += 3;
	}
	*to = '\0';
	return word;
}

static int parse_pid(const char *text, pid_t *out)
{
	uint64_t n;

	if (!text || num_u64(text, &n) || !n || n > INT32_MAX)
		return -EINVAL;
	*out = (pid_t)n;
	return 0;
}

static int parse_fig(const char *text, struct ksm_fig *out)
{
	int64_t v;

	for (int s = KSM_ABSENT; s < KSM_VALUE; s++)
		if (text[0] == state_marks[s] && !text[1]) {
			*out = (struct ksm_fig){ .state = s };
			return 0;
		}
	if (num_s64(text, &v))
		return -EINVAL;
	*out = KSM_FIG(v);
	return 0;
}

/* 1 taken, 0 not one of these, -EINVAL. */
static int parse_place(const struct place *places, size_t n, void *base, const char *key,
		       const char *value)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(places[i].key, key))
			return parse_fig(value, (void *)((char *)base + places[i].offset)) ?: 1;
	return 0;
}

/* "KEY=VALUE" in two; NULL when it is not that. */
static char *split(char *word)
{
	char *eq = strchr(word, '=');

	if (!eq || eq == word)
		return NULL;
	*eq = '\0';
	return eq + 1;
}

static int parse_system_key(struct sample *out, const char *key, const char *value)
{
	int64_t v;
	int rc = parse_place(stat_figs, ARRAY_SIZE(stat_figs), &out->stats, key, value);

	if (rc)
		return rc < 0 ? rc : 0;
	if (!strcmp(key, "uptime")) {
		if (parse_fig(value, &out->uptime_ns) || out->uptime_ns.v < 0)
			return -EINVAL;
		return 0;
	}
	if (num_s64(value, &v))
		return 0;
	if (!strcmp(key, "page")) {
		if (v < 512 || v > 1 << 30 || (v & (v - 1)))
			return -EINVAL;
		out->stats.page_size = (size_t)v;
	} else if (!strcmp(key, "tick")) {
		if (v < 1 || v > 1000000)
			return -EINVAL;
		out->clock_tick = (unsigned int)v;
	} else if (!strcmp(key, "wall")) {
		if (v < 0 || v > INT64_C(1) << 40)
			return -EINVAL;
		out->wall_s = v;
	} else if (!strcmp(key, "events")) {
		out->events = v == 1;
	} else if (!strcmp(key, "hidden")) {
		if (v < 0 || v > INT32_MAX)
			return -EINVAL;
		out->n_hidden = (size_t)v;
	} else if (!strcmp(key, "present")) {
		if (v < KSM_ABSENT || v > KSM_VALUE)
			return -EINVAL;
		out->present = v;
	}
	return 0;
}

static int parse_system(struct top_record *r, char *rest, struct sample *out)
{
	char *word = next_word(&rest), *value;
	uint64_t when;

	top_sample_reset(out);
	out->uptime_ns = (struct ksm_fig){ .state = KSM_ABSENT };
	out->present = KSM_ABSENT;
	out->clock_tick = 100;
	out->wall_s = 0;
	out->events = false;
	out->n_hidden = 0;
	out->stats.page_size = 4096;
	if (!word || num_u64(word, &when))
		return bad(r, "a sample without its time");
	out->stats.when_ns = when;
	while ((word = next_word(&rest))) {
		value = split(word);
		if (!value || parse_system_key(out, word, value))
			return bad(r, "bad value of %s", word);
	}
	r->open = true;
	return 0;
}

/* Others take the value of a choice for an index. */
static bool value_fits(const struct ksm_attr_info *info, int64_t v)
{
	if (info->type != KSM_TYPE_CHOICE || v == -1)
		return true;
	for (int64_t i = 0; info->choices[i]; i++)
		if (i == v)
			return true;
	return false;
}

static int parse_attrs(struct top_record *r, char *rest, struct sample *out)
{
	char *word, *value;

	while ((word = next_word(&rest))) {
		struct ksm_value *v;
		struct ksm_fig f;
		int id;

		value = split(word);
		if (!value)
			return bad(r, "bad attribute %s", word);
		id = ksm_attr_find(word);
		if (*value == '?') {
			value = plain_name(next_word(&rest));
			if (!value)
				return bad(r, "bad value of %s", word);
			if (id < 0)
				continue;
			v = &out->stats.attr[id];
			*v = (struct ksm_value){ .state = KSM_VALUE, .v = -1 };
			snprintf(v->text, sizeof(v->text), "%s", value);
			continue;
		}
		if (id < 0)
			continue;
		if (parse_fig(value, &f) ||
		    (f.state == KSM_VALUE && !value_fits(ksm_attr_info(id), f.v)))
			return bad(r, "bad value of %s", word);
		out->stats.attr[id] = (struct ksm_value){ .state = f.state, .v = f.v };
	}
	return 0;
}

static int parse_proc_key(struct sample_proc *sp, const char *key, const char *value)
{
	struct ksm_proc *p = &sp->p;
	uint64_t n;
	int rc = parse_place(proc_figs, ARRAY_SIZE(proc_figs), &p->ksm, key, value);

	if (rc)
		return rc < 0 ? rc : 0;
	if (!strcmp(key, "state")) {
		p->state = value[0];
		return value[0] && !value[1] && ascii_is_print(value[0]) ? 0 : -EINVAL;
	}
	if (num_u64(value, &n))
		return 0;
	if (!strcmp(key, "unseen")) {
		sp->unseen_bytes = KSM_FIG((int64_t)MIN(n, (uint64_t)INT64_MAX));
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(proc_nums); i++)
		if (!strcmp(proc_nums[i].key, key)) {
			*(uint64_t *)(void *)((char *)p + proc_nums[i].offset) = n;
			return 0;
		}
	if (!strcmp(key, "ppid"))
		p->ppid = n <= INT32_MAX ? (pid_t)n : 0;
	else if (!strcmp(key, "uid"))
		p->uid = n <= UINT32_MAX ? (uid_t)n : (uid_t)-1;
	else if (!strcmp(key, "kthread"))
		p->kthread = n == 1;
	else if (!strcmp(key, "member") && n <= KSM_MEMBER_ANY)
		p->member = (enum ksm_member)n;
	return 0;
}

static int parse_proc(struct top_record *r, char *rest, struct sample *out)
{
	struct sample_proc sp = { .p = { .state = '?' } };
	char *word, *value;

	for (size_t i = 0; i < ARRAY_SIZE(proc_figs); i++)
		*(struct ksm_fig *)(void *)((char *)&sp.p.ksm + proc_figs[i].offset) =
			(struct ksm_fig){ .state = KSM_ABSENT };
	if (parse_pid(next_word(&rest), &sp.p.pid))
		return bad(r, "a process without its number");
	while ((word = next_word(&rest))) {
		value = split(word);
		if (value && !strcmp(word, "comm")) {
			value = plain_name(next_word(&rest));
			if (value)
				snprintf(sp.p.comm, sizeof(sp.p.comm), "%s", value);
		} else if (value && parse_proc_key(&sp, word, value)) {
			value = NULL;
		}
		if (!value)
			return bad(r, "bad value of %s", word);
	}
	return top_sample_add(out, &sp);
}

static int parse_names(struct top_record *r, char *rest, struct sample *out)
{
	struct sample_proc *last = out->n_procs ? &out->procs[out->n_procs - 1] : NULL;
	char **to[] = { last ? &last->user : NULL, last ? &last->command : NULL,
			last ? &last->cgroup : NULL, last ? &last->vm : NULL };
	pid_t pid;

	if (parse_pid(next_word(&rest), &pid) || !last || last->p.pid != pid || last->named)
		return bad(r, "names of no process");
	for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
		const char *name = plain_name(next_word(&rest));

		if (!name)
			return bad(r, "bad names");
		free(*to[i]);
		*to[i] = strdup(name);
		if (!*to[i])
			return -ENOMEM;
	}
	last->named = true;
	return 0;
}

static int parse_gone(struct top_record *r, char *rest, struct sample *out)
{
	char *word;
	pid_t pid;
	int rc;

	while ((word = next_word(&rest))) {
		if (parse_pid(word, &pid))
			return bad(r, "not a process number");
		rc = top_sample_add_gone(out, pid);
		if (rc)
			return rc;
	}
	return 0;
}

static int parse_record(struct top_record *r, char *text, struct sample *out)
{
	char *rest = text, *kind = next_word(&rest);

	if (!kind || kind[1])
		return 0;
	if (*kind == 's')
		return parse_system(r, rest, out);
	if (!strchr("apnge", *kind))
		return 0;
	if (!r->open)
		return bad(r, "\"%c\" outside of a sample", *kind);
	switch (*kind) {
	case 'a':
		return parse_attrs(r, rest, out);
	case 'p':
		return parse_proc(r, rest, out);
	case 'n':
		return parse_names(r, rest, out);
	case 'g':
		return parse_gone(r, rest, out);
	default:
		r->open = false;
		return 1;
	}
}

int top_record_line(struct top_record *r, const char *line, size_t len, struct sample *out)
{
	char *text __cleanup_free = NULL;

	r->line++;
	if (len && line[len - 1] == '\n')
		len--;
	if (memchr(line, '\0', len))
		return bad(r, "a zero byte");
	if (!r->begun) {
		if (len != strlen(MAGIC) || memcmp(line, MAGIC, len))
			return bad(r, "not a recording of this version of ksmtop");
		r->begun = true;
		return 0;
	}
	text = strndup(line, len);
	return text ? parse_record(r, text, out) : -ENOMEM;
}

/* --- playing --- */

struct player {
	FILE *file;		/* a recording... */
	char *buf;
	struct top_record record;
	struct ksm_seq *seq;	/* ...or a sequence of dumps */
	struct top *top;	/* what its sampler goes by */
};

static int player_first_line(struct player *p)
{
	struct sample none = { 0 };
	size_t len;

	if (!fgets(p->buf, LINE_CAP, p->file))
		return ferror(p->file) ? -errno : -EPROTO;
	len = strlen(p->buf);
	return top_record_line(&p->record, p->buf, len, &none) < 0 ? -EPROTO : 0;
}

int top_player_open(const char *path, struct player **out)
{
	struct player *p = xcalloc(1, sizeof(*p));
	struct stat st;
	int rc = stat(path, &st) ? -errno : 0;

	top_record_init(&p->record);
	if (!rc && S_ISDIR(st.st_mode)) {
		p->top = xcalloc(1, sizeof(*p->top));
		rc = ksm_seq_open(path, &p->seq) ? -EPROTO : 0;
	} else if (!rc) {
		p->buf = xcalloc(1, LINE_CAP);
		p->file = fopen(path, "re");
		rc = p->file ? player_first_line(p) : -errno;
	}
	if (rc) {
		top_player_close(p);
		return rc;
	}
	*out = p;
	return 0;
}

void top_player_close(struct player *p)
{
	if (!p)
		return;
	if (p->file)
		fclose(p->file);
	free(p->buf);
	ksm_seq_close(p->seq);
	if (p->top) {
		top_sampler_free(p->top->sampler);
		ksm_close(p->top->k);
	}
	free(p->top);
	free(p);
}

const char *top_player_error(const struct player *p)
{
	return p->record.error[0] ? p->record.error : "cannot read";
}

/* The dumps of a directory stand for one system at several moments. */
static int next_dump(struct player *p, struct sample *out)
{
	struct ksm *k;
	int rc = ksm_seq_next(p->seq, &k);

	if (rc < 0)
		snprintf(p->record.error, sizeof(p->record.error), "%u: %s",
			 ksm_seq_step(p->seq), cli_strerror(rc));
	if (rc <= 0)
		return rc;
	rc = 0;
	if (p->top->sampler)
		top_sampler_switch(p->top->sampler, k);
	ksm_close(p->top->k);
	p->top->k = k;
	if (!p->top->sampler)
		rc = top_sampler_new(p->top, &p->top->sampler);
	return rc ?: top_sample_take(p->top->sampler, out) ?: 1;
}

int top_player_next(struct player *p, struct sample *out)
{
	size_t len;
	int rc;

	if (p->seq)
		return next_dump(p, out);
	while (fgets(p->buf, LINE_CAP, p->file)) {
		len = strlen(p->buf);
		/* Cut off while it was written: what is whole was played. */
		if (feof(p->file) && (!len || p->buf[len - 1] != '\n'))
			return 0;
		if (len && p->buf[len - 1] != '\n') {
			p->record.line++;
			return bad(&p->record, len + 1 == LINE_CAP ? "too long" : "a zero byte");
		}
		rc = top_record_line(&p->record, p->buf, len, out);
		if (rc)
			return rc;
	}
	return ferror(p->file) ? -EIO : 0;
}
