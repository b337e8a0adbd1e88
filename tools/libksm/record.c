// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * record.c - samples as lines of a file, and lines as samples again: the parts of
 * them that are of the kernel's making.  The format is in record.h.
 */
#include "libksm/record.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "util/ascii.h"
#include "util/macros.h"
#include "util/num.h"

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

void ksm_record_add_fig(struct str *to, const char *key, struct ksm_fig f)
{
	/* A reader takes what is not there for absent. */
	if (f.state == KSM_ABSENT)
		return;
	if (f.state == KSM_VALUE)
		str_addf(to, " %s=%lld", key, (long long)f.v);
	else
		str_addf(to, " %s=%c", key, state_marks[f.state]);
}

void ksm_record_add_name(struct str *to, const char *name)
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
		ksm_record_add_name(to, v->text);
	} else {
		ksm_record_add_fig(to, key, (struct ksm_fig){ v->state, v->v });
	}
}

void ksm_record_add_attrs(struct str *to, const struct ksm_value attr[__KSM_ATTR_N])
{
	ksm_for_each_attr(id)
		if (id != KSM_ATTR_ADVISOR_MODE)
			add_attr(to, id, &attr[id]);
	/* Last, for its word may hold anything. */
	add_attr(to, KSM_ATTR_ADVISOR_MODE, &attr[KSM_ATTR_ADVISOR_MODE]);
}

void ksm_record_add_system(struct str *to, const struct ksm_record_system *s)
{
	str_addf(to, "s %llu page=%zu tick=%u wall=%lld events=%d present=%d hidden=%zu",
		 (unsigned long long)s->stats.when_ns, s->stats.page_size, s->clock_tick,
		 (long long)s->wall_s, s->events, s->present, s->n_hidden);
	ksm_record_add_fig(to, "uptime", s->uptime_ns);
	for (size_t i = 0; i < ARRAY_SIZE(stat_figs); i++)
		ksm_record_add_fig(to, stat_figs[i].key, *fig_at(&s->stats, stat_figs[i].offset));
	str_add(to, "\na");
	ksm_record_add_attrs(to, s->stats.attr);
	str_addc(to, '\n');
}

void ksm_record_add_proc(struct str *to, const struct ksm_proc *p, struct ksm_fig unseen_bytes)
{
	str_addf(to, "p %d ppid=%d uid=%u state=%c kthread=%d member=%d", (int)p->pid, (int)p->ppid,
		 (unsigned int)p->uid, ascii_is_alpha(p->state) ? p->state : '?',
		 p->kthread, p->member);
	if (ksm_fig_has(unseen_bytes))
		ksm_record_add_fig(to, "unseen", unseen_bytes);
	for (size_t i = 0; i < ARRAY_SIZE(proc_nums); i++)
		str_addf(to, " %s=%llu", proc_nums[i].key,
			 (unsigned long long)*(const uint64_t *)(const void *)
				((const char *)p + proc_nums[i].offset));
	for (size_t i = 0; i < ARRAY_SIZE(proc_figs); i++)
		ksm_record_add_fig(to, proc_figs[i].key, *fig_at(&p->ksm, proc_figs[i].offset));
	str_add(to, " comm=");
	/* The name follows as a word of its own. */
	ksm_record_add_name(to, p->comm);
	str_addc(to, '\n');
}

/* --- words --- */

int ksm_record_bad(struct ksm_record *r, const char *fmt, ...)
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

char *ksm_record_get_name(char **rest)
{
	return plain_name(next_word(rest));
}

bool ksm_record_at_end(const char *rest)
{
	return !rest || !rest[strspn(rest, " ")];
}

int ksm_record_get_pid(char **rest, pid_t *out)
{
	const char *text = next_word(rest);
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

/* --- the system --- */

static int parse_system_key(struct ksm_record_system *out, const char *key, const char *value)
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

int ksm_record_get_system(struct ksm_record *r, char *rest, struct ksm_record_system *out)
{
	char *word = next_word(&rest), *value;
	uint64_t when;

	*out = (struct ksm_record_system){ .present = KSM_ABSENT, .clock_tick = 100 };
	out->stats.page_size = 4096;
	if (!word || num_u64(word, &when))
		return ksm_record_bad(r, "a sample without its time");
	out->stats.when_ns = when;
	while ((word = next_word(&rest))) {
		value = split(word);
		if (!value || parse_system_key(out, word, value))
			return ksm_record_bad(r, "bad value of %s", word);
	}
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

int ksm_record_get_attrs(struct ksm_record *r, char *rest, struct ksm_value attr[__KSM_ATTR_N])
{
	char *word, *value;

	while ((word = next_word(&rest))) {
		struct ksm_value *v;
		struct ksm_fig f;
		int id;

		value = split(word);
		if (!value)
			return ksm_record_bad(r, "bad attribute %s", word);
		id = ksm_attr_find(word);
		if (*value == '?') {
			value = plain_name(next_word(&rest));
			if (!value)
				return ksm_record_bad(r, "bad value of %s", word);
			if (id < 0)
				continue;
			v = &attr[id];
			*v = (struct ksm_value){ .state = KSM_VALUE, .v = -1 };
			snprintf(v->text, sizeof(v->text), "%s", value);
			continue;
		}
		if (id < 0)
			continue;
		if (parse_fig(value, &f) ||
		    (f.state == KSM_VALUE && !value_fits(ksm_attr_info(id), f.v)))
			return ksm_record_bad(r, "bad value of %s", word);
		attr[id] = (struct ksm_value){ .state = f.state, .v = f.v };
	}
	return 0;
}

/* --- a process --- */

static int parse_proc_key(struct ksm_proc *p, struct ksm_fig *unseen_bytes, const char *key,
			  const char *value)
{
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
		*unseen_bytes = KSM_FIG((int64_t)MIN(n, (uint64_t)INT64_MAX));
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

int ksm_record_get_proc(struct ksm_record *r, char *rest, struct ksm_proc *out,
			struct ksm_fig *unseen_bytes)
{
	char *word, *value;

	*out = (struct ksm_proc){ .state = '?' };
	*unseen_bytes = (struct ksm_fig){ .state = KSM_ABSENT };
	for (size_t i = 0; i < ARRAY_SIZE(proc_figs); i++)
		*(struct ksm_fig *)(void *)((char *)&out->ksm + proc_figs[i].offset) =
			(struct ksm_fig){ .state = KSM_ABSENT };
	if (ksm_record_get_pid(&rest, &out->pid))
		return ksm_record_bad(r, "a process without its number");
	while ((word = next_word(&rest))) {
		value = split(word);
		if (value && !strcmp(word, "comm")) {
			value = plain_name(next_word(&rest));
			if (value)
				snprintf(out->comm, sizeof(out->comm), "%s", value);
		} else if (value && parse_proc_key(out, unseen_bytes, word, value)) {
			value = NULL;
		}
		if (!value)
			return ksm_record_bad(r, "bad value of %s", word);
	}
	return 0;
}

/* --- lines --- */

static bool is_known(const char *kinds, char kind)
{
	return kind == 's' || kind == 'e' || strchr(kinds, kind);
}

int ksm_record_take(struct ksm_record *r, const char *kinds, const char *line, size_t len,
		    struct ksm_record_line *out)
{
	char *word;

	*out = (struct ksm_record_line){ 0 };
	r->line++;
	if (len && line[len - 1] == '\n')
		len--;
	if (memchr(line, '\0', len))
		return ksm_record_bad(r, "a zero byte");
	if (!r->begun) {
		if (len != strlen(KSM_RECORD_MAGIC) || memcmp(line, KSM_RECORD_MAGIC, len))
			return ksm_record_bad(r, "not a recording of this version");
		r->begun = true;
		return 0;
	}
	out->text = strndup(line, len);
	if (!out->text)
		return -ENOMEM;
	out->rest = out->text;
	word = next_word(&out->rest);
	if (!word || word[1] || !is_known(kinds, *word))
		return 0;
	out->kind = *word;
	if (!r->open && out->kind != 's')
		return ksm_record_bad(r, "\"%c\" outside of a sample", out->kind);
	r->open = out->kind != 'e';
	return 1;
}

void ksm_record_line_fini(struct ksm_record_line *l)
{
	free(l->text);
	*l = (struct ksm_record_line){ 0 };
}

int ksm_record_read(struct ksm_record *r, FILE *f, char *buf, size_t *len)
{
	if (!fgets(buf, KSM_RECORD_LINE_MAX, f)) {
		r->cut = r->open;
		return ferror(f) ? -EIO : 0;
	}
	*len = strlen(buf);
	if (*len && buf[*len - 1] == '\n')
		return 1;
	/* Cut off while it was written: what is whole was read. */
	if (feof(f) && *len) {
		r->cut = true;
		return 0;
	}
	r->line++;
	return ksm_record_bad(r, *len + 1 == KSM_RECORD_LINE_MAX ? "too long" : "a zero byte");
}
