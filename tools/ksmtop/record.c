// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * record.c - ksmtop's samples in a file, and back.  The lines are those of
 * libksm/record.h.
 */
#include "ksmtop/ksmtop.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/xalloc.h"

/* --- writing --- */

struct recorder {
	FILE *out;
	struct str line;
	bool begun;
};

static void add_system(struct str *to, const struct sample *s)
{
	const struct ksm_record_system all = {
		.stats = s->stats,
		.present = s->present,
		.clock_tick = s->clock_tick,
		.uptime_ns = s->uptime_ns,
		.wall_s = s->wall_s,
		.events = s->events,
		.n_hidden = s->n_hidden,
	};

	ksm_record_add_system(to, &all);
}

static void add_proc(struct str *to, const struct sample_proc *sp)
{
	ksm_record_add_proc(to, &sp->p, sp->unseen_bytes);
	if (!sp->named)
		return;
	str_addf(to, "n %d", (int)sp->p.pid);
	ksm_record_add_name(to, sp->user);
	ksm_record_add_name(to, sp->command);
	ksm_record_add_name(to, sp->cgroup);
	ksm_record_add_name(to, sp->vm);
	if (sp->pod)
		ksm_record_add_name(to, sp->pod);
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
		str_add(to, KSM_RECORD_MAGIC "\n");
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

/* --- parsing --- */

void top_record_init(struct ksm_record *r)
{
	*r = (struct ksm_record){ 0 };
}

static int parse_system(struct ksm_record *r, char *rest, struct sample *out)
{
	struct ksm_record_system s;
	int rc = ksm_record_get_system(r, rest, &s);

	top_sample_reset(out);
	if (rc)
		return rc;
	out->stats = s.stats;
	out->present = s.present;
	out->clock_tick = s.clock_tick;
	out->uptime_ns = s.uptime_ns;
	out->wall_s = s.wall_s;
	out->events = s.events;
	out->n_hidden = s.n_hidden;
	return 0;
}

static int parse_proc(struct ksm_record *r, char *rest, struct sample *out)
{
	struct sample_proc sp = { 0 };
	int rc = ksm_record_get_proc(r, rest, &sp.p, &sp.unseen_bytes);

	return rc ? rc : top_sample_add(out, &sp);
}

static int parse_names(struct ksm_record *r, char *rest, struct sample *out)
{
	struct sample_proc *last = out->n_procs ? &out->procs[out->n_procs - 1] : NULL;
	char **to[] = { last ? &last->user : NULL, last ? &last->command : NULL,
			last ? &last->cgroup : NULL, last ? &last->vm : NULL };
	const char *pod;
	pid_t pid;

	if (ksm_record_get_pid(&rest, &pid) || !last || last->p.pid != pid || last->named)
		return ksm_record_bad(r, "names of no process");
	for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
		const char *name = ksm_record_get_name(&rest);

		if (!name)
			return ksm_record_bad(r, "bad names");
		free(*to[i]);
		*to[i] = strdup(name);
		if (!*to[i])
			return -ENOMEM;
	}
	pod = ksm_record_get_name(&rest);
	last->pod = pod ? strdup(pod) : NULL;
	if (pod && !last->pod)
		return -ENOMEM;
	last->named = true;
	return 0;
}

static int parse_gone(struct ksm_record *r, char *rest, struct sample *out)
{
	pid_t pid;
	int rc;

	while (!ksm_record_at_end(rest)) {
		if (ksm_record_get_pid(&rest, &pid))
			return ksm_record_bad(r, "not a process number");
		rc = top_sample_add_gone(out, pid);
		if (rc)
			return rc;
	}
	return 0;
}

int top_record_line(struct ksm_record *r, const char *line, size_t len, struct sample *out)
{
	struct ksm_record_line l;
	int rc = ksm_record_take(r, "apng", line, len, &l);

	if (rc > 0)
		switch (l.kind) {
		case 's':
			rc = parse_system(r, l.rest, out);
			break;
		case 'a':
			rc = ksm_record_get_attrs(r, l.rest, out->stats.attr);
			break;
		case 'p':
			rc = parse_proc(r, l.rest, out);
			break;
		case 'n':
			rc = parse_names(r, l.rest, out);
			break;
		case 'g':
			rc = parse_gone(r, l.rest, out);
			break;
		}
	ksm_record_line_fini(&l);
	return rc;
}

/* --- playing --- */

struct player {
	FILE *file;		/* a recording... */
	char *buf;
	struct ksm_record record;
	struct ksm_seq *seq;	/* ...or a sequence of dumps */
	struct top *top;	/* what its sampler goes by */
};

static int player_first_line(struct player *p)
{
	struct sample none = { 0 };
	size_t len;
	int rc = ksm_record_read(&p->record, p->file, p->buf, &len);

	if (rc <= 0)
		return rc == -EIO ? rc : -EPROTO;
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
		p->buf = xcalloc(1, KSM_RECORD_LINE_MAX);
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
	while ((rc = ksm_record_read(&p->record, p->file, p->buf, &len)) == 1) {
		rc = top_record_line(&p->record, p->buf, len, out);
		if (rc)
			return rc;
	}
	return rc;
}
