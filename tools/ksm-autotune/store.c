// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store.c - what the daemon keeps in files until the next boot.
 *
 * Notes are of one boot, whose name they begin with: in a container /run may outlive
 * the kernel whose settings they are about.
 */
#include "ksm-autotune/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "libksm/run.h"
#include "libksm/tuner.h"
#include "util/macros.h"
#include "util/num.h"
#include "util/vec.h"

#define FOUND_FILE "found"
#define OURS_FILE  "advised"
#define LOCK_FILE  "lock"
#define FOUND_MAX  65536
#define OURS_MAX   (UINT32_C(4) << 20)
#define LINE_LEN   512

static const char *const kinds[] = {
	[TUNE_DEED_WHOLE] = "whole",
	[TUNE_DEED_PLACES] = "places",
};

/* ------------------------------------------------------------------ */
/* the directory							*/

static pid_t read_holder(int fd)
{
	char text[32];
	uint64_t pid;
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	text[MAX(n, 0)] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return num_u64(text, &pid) || pid > INT32_MAX ? 0 : (pid_t)pid;
}

static int take_lock(struct tune_store *s, pid_t *holder)
{
	char text[32];
	int len;

	s->lock = openat(s->dir, LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->lock < 0)
		return -errno;
	if (flock(s->lock, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK)
			return -errno;
		*holder = read_holder(s->lock);
		return -EBUSY;
	}
	/* For people only: the lock itself is what holds, so a full disk does no harm. */
	len = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(s->lock, 0) || pwrite(s->lock, text, len, 0) != len)
		return 0;
	return 0;
}

int tune_store_open(struct tune_store *s, const char *dir, pid_t *holder)
{
	*s = (struct tune_store)TUNE_STORE_NONE;
	*holder = 0;
	s->dir = ksm_tuner_dir(dir);
	return s->dir < 0 ? s->dir : take_lock(s, holder);
}

void tune_store_close(struct tune_store *s)
{
	if (s->lock >= 0)
		close(s->lock);
	if (s->dir >= 0)
		close(s->dir);
	*s = (struct tune_store)TUNE_STORE_NONE;
}

static int read_text(const struct tune_store *s, const char *name, size_t max, struct str *out)
{
	return s->dir < 0 ? -ENOENT : ksm_run_read(s->dir, name, max, out);
}

/* ------------------------------------------------------------------ */
/* lines								*/

struct lines {
	const char *at, *end;
	char line[LINE_LEN];
};

/* 1 and the next line, 0 at the end, -EPROTO. */
static int next_line(struct lines *l)
{
	const char *nl;
	size_t len;

	if (l->at == l->end)
		return 0;
	nl = memchr(l->at, '\n', l->end - l->at);
	len = nl ? (size_t)(nl - l->at) : sizeof(l->line);
	if (len >= sizeof(l->line) || memchr(l->at, '\0', len))
		return -EPROTO;
	memcpy(l->line, l->at, len);
	l->line[len] = '\0';
	l->at = nl + 1;
	return 1;
}

/* What stands behind @key and an equals sign; NULL: it is another key. */
static const char *value_of(const char *line, const char *key)
{
	const size_t len = strlen(key);

	return strncmp(line, key, len) || line[len] != '=' ? NULL : line + len + 1;
}

/* Every note begins with it. */
static int check_boot(struct lines *l, const char *boot)
{
	const char *value;
	int rc = next_line(l);

	value = rc == 1 ? value_of(l->line, "boot") : NULL;
	if (!value)
		return -EPROTO;
	return strcmp(value, boot) ? -ESTALE : 0;
}

/* ------------------------------------------------------------------ */
/* settings								*/

struct set {
	const char *prefix;
	size_t offset;
};

static const struct set sets[] = {
	{ "found.", offsetof(struct tune_note, found) },
	{ "ours.", offsetof(struct tune_note, ours) },
	{ "next.", offsetof(struct tune_note, next) },
};

static struct ksm_attrset *set_of(struct tune_note *n, const struct set *s)
{
	return (void *)((char *)n + s->offset);
}

int tune_note_format(const struct tune_note *n, const char *boot, struct str *out)
{
	char buf[KSM_ATTR_TEXT_MAX];

	str_addf(out, "boot=%s\n", boot);
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		const struct ksm_attrset *a = (const void *)((const char *)n + sets[i].offset);

		ksm_for_each_attr(id)
			if (a->value[id].state == KSM_VALUE)
				str_addf(out, "%s%s=%s\n", sets[i].prefix, ksm_attr_info(id)->name,
					 ksm_attr_format(id, &a->value[id], buf, sizeof(buf)));
	}
	return str_err(out);
}

static bool take_setting(struct tune_note *n, char *line)
{
	char *eq = strchr(line, '=');

	if (!eq)
		return false;
	*eq++ = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		const size_t len = strlen(sets[i].prefix);
		int id;

		if (strncmp(line, sets[i].prefix, len))
			continue;
		id = ksm_attr_find(line + len);
		return id >= 0 && !ksm_attr_parse_noted(id, eq, &set_of(n, &sets[i])->value[id]);
	}
	return false;
}

int tune_note_parse(const char *text, size_t len, const char *boot, struct tune_note *out)
{
	struct lines l = { .at = text, .end = text + len };
	int rc = check_boot(&l, boot);

	memset(out, 0, sizeof(*out));
	while (!rc && (rc = next_line(&l)) == 1)
		rc = take_setting(out, l.line) ? 0 : -EPROTO;
	if (rc)
		memset(out, 0, sizeof(*out));
	return rc;
}

int tune_store_put_settings(const struct tune_store *s, const char *boot,
			    const struct tune_settings *t, const struct ksm_attrset *next)
{
	struct str text __cleanup_str = STR_INIT;
	struct tune_note n = { .ours = t->ours };
	bool any = false;
	int rc;

	ksm_for_each_attr(id) {
		if (next && !t->lost[id])
			n.next.value[id] = next->value[id];
		if (n.ours.value[id].state != KSM_VALUE && n.next.value[id].state != KSM_VALUE)
			continue;
		n.found.value[id] = t->found.value[id];
		any = true;
	}
	/* It comes back, or not, with the advisor: see tune_settings_restore(). */
	if (n.found.value[KSM_ATTR_ADVISOR_MODE].state == KSM_VALUE)
		n.found.value[KSM_ATTR_PAGES_TO_SCAN] = t->found.value[KSM_ATTR_PAGES_TO_SCAN];
	if (!any)
		return ksm_run_remove(s->dir, FOUND_FILE);
	rc = tune_note_format(&n, boot, &text);
	return rc ? rc : ksm_run_write(s->dir, FOUND_FILE, str_get(&text), text.len);
}

/* Is it as the one who wrote the note has left it? */
static bool is_of_note(const struct tune_note *n, enum ksm_attr id, const struct ksm_value *now)
{
	const struct ksm_value *const as[] = { &n->found.value[id], &n->ours.value[id],
					       &n->next.value[id] };

	if (n->ours.value[id].state != KSM_VALUE && n->next.value[id].state != KSM_VALUE)
		return false;
	/* It is off for a moment where the advisor begins anew. */
	if (id == KSM_ATTR_ADVISOR_MODE)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(as); i++)
		if (as[i]->state == KSM_VALUE && as[i]->v == now->v)
			return true;
	return false;
}

int tune_store_take_settings(const struct tune_store *s, const char *boot,
			     struct tune_settings *t, unsigned int *taken)
{
	struct str text __cleanup_str = STR_INIT;
	struct tune_note n;
	int rc = read_text(s, FOUND_FILE, FOUND_MAX, &text);

	*taken = 0;
	if (!rc)
		rc = tune_note_parse(str_get(&text), text.len, boot, &n);
	if (rc)
		return rc == -ESTALE ? -ENOENT : rc;
	ksm_for_each_attr(id) {
		const struct ksm_value now = t->found.value[id];

		if (now.state != KSM_VALUE || n.found.value[id].state != KSM_VALUE ||
		    !is_of_note(&n, id, &now))
			continue;
		t->found.value[id] = n.found.value[id];
		t->ours.value[id] = now;
		++*taken;
	}
	if (t->ours.value[KSM_ATTR_ADVISOR_MODE].state == KSM_VALUE &&
	    n.found.value[KSM_ATTR_PAGES_TO_SCAN].state == KSM_VALUE)
		t->found.value[KSM_ATTR_PAGES_TO_SCAN] = n.found.value[KSM_ATTR_PAGES_TO_SCAN];
	return 0;
}

int tune_store_end(const struct tune_store *s)
{
	int rc = ksm_run_remove(s->dir, KSM_TUNER_TOLD);

	return ksm_run_remove(s->dir, KSM_TUNER_FILE) ?: rc;
}

/* ------------------------------------------------------------------ */
/* processes								*/

void tune_ours_fini(struct tune_ourses *o)
{
	free(o->v);
	*o = (struct tune_ourses){ 0 };
}

const struct tune_ours *tune_ours_find(const struct tune_ourses *o, const struct ksm_ident *id)
{
	for (size_t i = 0; i < o->n; i++)
		if (ksm_ident_same(&o->v[i].id, id))
			return &o->v[i];
	return NULL;
}

int tune_ours_add(struct tune_ourses *o, const struct ksm_ident *id, enum tune_deed_kind kind)
{
	tune_ours_drop(o, id);
	if (vec_room(o->v, o->n, o->cap))
		return -ENOMEM;
	o->v[o->n++] = (struct tune_ours){ .id = *id, .kind = kind };
	return 0;
}

void tune_ours_drop(struct tune_ourses *o, const struct ksm_ident *id)
{
	for (size_t i = 0; i < o->n; i++)
		if (ksm_ident_same(&o->v[i].id, id)) {
			o->v[i] = o->v[--o->n];
			return;
		}
}

int tune_ours_format(const struct tune_ourses *o, const char *boot, struct str *out)
{
	str_addf(out, "boot=%s\n", boot);
	for (size_t i = 0; i < o->n; i++)
		str_addf(out, "%s=%d %" PRIu64 "\n", kinds[o->v[i].kind], (int)o->v[i].id.pid,
			 o->v[i].id.start_ticks);
	return str_err(out);
}

/* "KIND=PID START" */
static int take_ours(const char *line, struct tune_ourses *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const char *value = value_of(line, kinds[i]);
		struct tune_ours one = { .kind = (enum tune_deed_kind)i };
		char pid[24];
		uint64_t n;
		size_t len;

		if (!value)
			continue;
		len = strcspn(value, " ");
		if (len >= sizeof(pid) || !value[len])
			return -EPROTO;
		memcpy(pid, value, len);
		pid[len] = '\0';
		if (num_u64(pid, &n) || !n || n > INT32_MAX ||
		    num_u64(value + len + 1, &one.id.start_ticks) ||
		    one.id.start_ticks >= KSM_START_ANY)
			return -EPROTO;
		one.id.pid = (pid_t)n;
		if (vec_room(out->v, out->n, out->cap))
			return -ENOMEM;
		out->v[out->n++] = one;
		return 0;
	}
	return -EPROTO;
}

int tune_ours_parse(const char *text, size_t len, const char *boot, struct tune_ourses *out)
{
	struct lines l = { .at = text, .end = text + len };
	int rc = check_boot(&l, boot);

	*out = (struct tune_ourses){ 0 };
	while (!rc && (rc = next_line(&l)) == 1)
		rc = take_ours(l.line, out);
	if (rc)
		tune_ours_fini(out);
	return rc;
}

int tune_store_put_ours(const struct tune_store *s, const char *boot, const struct tune_ourses *o)
{
	struct str text __cleanup_str = STR_INIT;
	int rc;

	if (!o->n)
		return ksm_run_remove(s->dir, OURS_FILE);
	rc = tune_ours_format(o, boot, &text);
	return rc ? rc : ksm_run_write(s->dir, OURS_FILE, str_get(&text), text.len);
}

int tune_store_take_ours(const struct tune_store *s, const char *boot, struct tune_ourses *out)
{
	struct str text __cleanup_str = STR_INIT;
	int rc = read_text(s, OURS_FILE, OURS_MAX, &text);

	*out = (struct tune_ourses){ 0 };
	if (!rc)
		rc = tune_ours_parse(str_get(&text), text.len, boot, out);
	return rc == -ESTALE ? -ENOENT : rc;
}

/* ------------------------------------------------------------------ */
/* what everybody may read						*/

void tune_told_fini(struct tune_told *t)
{
	free(t->v);
	*t = (struct tune_told){ 0 };
}

/* A field of a line: what would end either becomes a blank. */
static void add_field(struct str *out, const char *text, char end)
{
	for (; *text; text++)
		str_addc(out, (unsigned char)*text < ' ' ? ' ' : *text);
	str_addc(out, end);
}

int tune_told_format(const struct tune_told *t, struct str *out)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct tune_told_proc *p = &t->v[i];

		str_addf(out, "%d\t%" PRIu64 "\t%" PRId64 "\t", (int)p->id.pid,
			 p->id.start_ticks, p->since_s);
		add_field(out, p->state, '\t');
		add_field(out, p->rule, '\t');
		add_field(out, p->reason, '\n');
	}
	if (t->more)
		str_add(out, "more\n");
	return str_err(out);
}

static int take_told(char *line, struct tune_told *out)
{
	struct tune_told_proc p = { 0 };
	const char *f[6];
	uint64_t pid;

	if (!strcmp(line, "more")) {
		out->more = true;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(f); i++) {
		f[i] = i + 1 < ARRAY_SIZE(f) ? strsep(&line, "\t") : line;
		if (!f[i])
			return -EPROTO;
	}
	if (num_u64(f[0], &pid) || !pid || pid > INT32_MAX || num_u64(f[1], &p.id.start_ticks) ||
	    num_s64(f[2], &p.since_s))
		return -EPROTO;
	p.id.pid = (pid_t)pid;
	snprintf(p.state, sizeof(p.state), "%s", f[3]);
	snprintf(p.rule, sizeof(p.rule), "%s", f[4]);
	snprintf(p.reason, sizeof(p.reason), "%s", f[5]);
	if (vec_room(out->v, out->n, out->cap))
		return -ENOMEM;
	out->v[out->n++] = p;
	return 0;
}

int tune_told_parse(const char *text, size_t len, struct tune_told *out)
{
	struct lines l = { .at = text, .end = text + len };
	int rc = 0;

	*out = (struct tune_told){ 0 };
	while (!rc && (rc = next_line(&l)) == 1)
		rc = out->n < TUNE_TOLD_MAX ? take_told(l.line, out) : -EPROTO;
	return rc;
}

int tune_store_put_told(const struct tune_store *s, const char *text, size_t len)
{
	return ksm_run_write_for_all(s->dir, KSM_TUNER_TOLD, text, len);
}

int tune_told_read(struct ksm *k, struct tune_told *out)
{
	struct str text __cleanup_str = STR_INIT;
	int rc = ksm_tuner_read_told(k, &text);

	*out = (struct tune_told){ 0 };
	return rc ? rc : tune_told_parse(str_get(&text), text.len, out);
}
