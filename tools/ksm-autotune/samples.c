// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * samples.c - what a daemon saw, look by look, in a file and back.  The lines are
 * those of libksm/record.h.
 */
#include "ksm-autotune/samples.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/macros.h"

/* --- writing --- */

struct tune_recorder {
	FILE *out;
	struct str text;
};

void tune_sample_format(const struct tune_sample *s, struct str *out)
{
	const struct ksm_record_system all = {
		.stats = s->stats,
		.present = KSM_VALUE,
		.clock_tick = 100,
		.uptime_ns = { .state = KSM_ABSENT },
		.wall_s = s->wall_s,
	};

	ksm_record_add_system(out, &all);
	if (s->begins)
		str_add(out, "b\n");
	if (s->kicked) {
		str_addc(out, 'k');
		ksm_record_add_name(out, s->kick);
		str_addc(out, '\n');
	}
	if (s->acts) {
		str_addc(out, 'o');
		ksm_record_add_attrs(out, s->ours.value);
		str_addc(out, '\n');
	}
	str_add(out, "e\n");
}

/* Who does not read a pipe would hold up the daemon. */
static int open_for_record(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644);
	struct stat st;
	int rc = 0;

	if (fd < 0)
		return errno == ENXIO ? -EINVAL : -errno;
	if (fstat(fd, &st))
		rc = -errno;
	else if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		rc = -EINVAL;
	else if (S_ISREG(st.st_mode) && ftruncate(fd, 0))
		rc = -errno;
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

int tune_recorder_open(const char *path, struct tune_recorder **out)
{
	struct tune_recorder *r = calloc(1, sizeof(*r));
	int fd;

	*out = NULL;
	if (!r)
		return -ENOMEM;
	fd = open_for_record(path);
	if (fd < 0) {
		free(r);
		return fd;
	}
	r->out = fdopen(fd, "w");
	if (!r->out) {
		const int rc = -errno;

		close(fd);
		free(r);
		return rc;
	}
	str_init(&r->text);
	str_add(&r->text, KSM_RECORD_MAGIC "\n");
	*out = r;
	return 0;
}

int tune_recorder_add(struct tune_recorder *r, const struct tune_sample *s)
{
	int rc;

	tune_sample_format(s, &r->text);
	rc = str_err(&r->text);
	errno = 0;
	/* Each look is whole in the file before it is acted upon. */
	if (!rc && (fwrite(str_get(&r->text), 1, r->text.len, r->out) != r->text.len ||
		    fflush(r->out)))
		rc = errno ? -errno : -EIO;
	str_reset(&r->text);
	return rc;
}

int tune_recorder_close(struct tune_recorder *r)
{
	int rc;

	if (!r)
		return 0;
	rc = fclose(r->out) ? -errno : 0;
	str_fini(&r->text);
	free(r);
	return rc;
}

/* --- parsing --- */

static int parse_system(struct ksm_record *r, char *rest, struct tune_sample *out)
{
	struct ksm_record_system all;
	int rc = ksm_record_get_system(r, rest, &all);

	*out = (struct tune_sample){ .stats = all.stats, .wall_s = all.wall_s };
	return rc;
}

static int parse_kick(struct ksm_record *r, char *rest, struct tune_sample *out)
{
	const char *why = ksm_record_get_name(&rest);

	if (!why)
		return ksm_record_bad(r, "a kick without its reason");
	out->kicked = true;
	snprintf(out->kick, sizeof(out->kick), "%s", why);
	return 0;
}

int tune_sample_line(struct ksm_record *r, const char *line, size_t len, struct tune_sample *out)
{
	struct ksm_record_line l;
	int rc = ksm_record_take(r, "abko", line, len, &l);

	if (rc > 0)
		switch (l.kind) {
		case 's':
			rc = parse_system(r, l.rest, out);
			break;
		case 'a':
			rc = ksm_record_get_attrs(r, l.rest, out->stats.attr);
			break;
		case 'b':
			out->begins = true;
			rc = 0;
			break;
		case 'k':
			rc = parse_kick(r, l.rest, out);
			break;
		case 'o':
			out->acts = true;
			rc = ksm_record_get_attrs(r, l.rest, out->ours.value);
			break;
		}
	ksm_record_line_fini(&l);
	return rc;
}

/* --- playing --- */

struct tune_player {
	FILE *file;		/* a recording... */
	char *buf;
	struct ksm_record record;
	struct ksm_seq *seq;	/* ...or a sequence of dumps... */
	char *root;		/* ...or one, until it was played */
	struct ksm *k;		/* the dump that is played */
	uint64_t step_ns, last_ns;
};

/* A dump has the kernel's own directories; else it is a directory of dumps. */
static int open_dir(struct tune_player *p, const char *path)
{
	struct ksm *k;
	int rc = ksm_seq_open(path, &p->seq);

	if (rc != -ENOENT)
		return rc;
	rc = ksm_open(path, &k);
	if (rc)
		return rc;
	ksm_close(k);
	p->root = strdup(path);
	return p->root ? 0 : -ENOMEM;
}

static int open_file(struct tune_player *p, const char *path)
{
	p->buf = malloc(KSM_RECORD_LINE_MAX);
	if (!p->buf)
		return -ENOMEM;
	p->file = !strcmp(path, "-") ? stdin : fopen(path, "re");
	return p->file ? 0 : -errno;
}

int tune_player_open(const char *path, uint64_t step_ns, struct tune_player **out)
{
	struct tune_player *p = calloc(1, sizeof(*p));
	struct stat st;
	int rc;

	*out = NULL;
	if (!p)
		return -ENOMEM;
	p->step_ns = step_ns;
	if (strcmp(path, "-") && stat(path, &st))
		rc = -errno;
	else if (strcmp(path, "-") && S_ISDIR(st.st_mode))
		rc = open_dir(p, path);
	else
		rc = open_file(p, path);
	if (rc) {
		tune_player_close(p);
		return rc;
	}
	*out = p;
	return 0;
}

void tune_player_close(struct tune_player *p)
{
	if (!p)
		return;
	if (p->file && p->file != stdin)
		fclose(p->file);
	free(p->buf);
	ksm_seq_close(p->seq);
	ksm_close(p->k);
	free(p->root);
	free(p);
}

const char *tune_player_error(const struct tune_player *p)
{
	return p->record.error[0] ? p->record.error : "cannot be read";
}

bool tune_player_cut(const struct tune_player *p)
{
	return p->record.cut;
}

/* 1 and the next dump in .k; 0; -errno. */
static int next_dump(struct tune_player *p)
{
	struct ksm *k = NULL;
	int rc;

	if (p->seq) {
		rc = ksm_seq_next(p->seq, &k);
	} else {
		rc = p->root ? ksm_open(p->root, &k) : 0;
		rc = rc ? rc : p->root != NULL;
		free(p->root);
		p->root = NULL;
	}
	ksm_close(p->k);
	p->k = k;
	return rc;
}

static void bad_dump(struct tune_player *p, unsigned int step, int rc)
{
	/* What failed in it, where it was opened. */
	const char *why = p->k && ksm_errmsg(p->k)[0] ? ksm_errmsg(p->k) : strerror(-rc);

	if (p->seq)
		snprintf(p->record.error, sizeof(p->record.error), "%u: %s", step, why);
	else
		snprintf(p->record.error, sizeof(p->record.error), "%s", why);
}

static int play_dump(struct tune_player *p, struct tune_sample *out)
{
	const unsigned int step = p->seq ? ksm_seq_step(p->seq) : 0;
	int rc = next_dump(p);

	if (rc == 1) {
		*out = (struct tune_sample){ .k = p->k };
		rc = ksm_present(p->k) == KSM_ABSENT ? -EOPNOTSUPP :
						       ksm_stats_read(p->k, &out->stats);
		rc = rc ? rc : 1;
	}
	if (rc < 0)
		bad_dump(p, step, rc);
	if (rc <= 0)
		return rc;
	if (!out->stats.when_ns)
		out->stats.when_ns = p->last_ns + p->step_ns;
	p->last_ns = out->stats.when_ns;
	return 1;
}

int tune_player_next(struct tune_player *p, struct tune_sample *out)
{
	size_t len;
	int rc;

	if (!p->file)
		return play_dump(p, out);
	while ((rc = ksm_record_read(&p->record, p->file, p->buf, &len)) == 1) {
		rc = tune_sample_line(&p->record, p->buf, len, out);
		if (rc)
			break;
	}
	if (rc)
		return rc == 1 && out->stats.attr[KSM_ATTR_RUN].state == KSM_ABSENT ?
			-EOPNOTSUPP : rc;
	p->record.line++;
	if (!p->record.begun)
		return ksm_record_bad(&p->record, "not a recording of this version");
	if (p->record.cut)
		(void)ksm_record_bad(&p->record, "the file is cut off");
	return 0;
}
