// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tuner.c - the note on the running ksm-autotune: its text, both ways, and its reading.
 *
 * One table of keys serves writer and reader.  A rule=NAME line begins a rule, to which
 * the keys behind it belong.
 */
#include "libksm/tuner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "libksm/internal.h"
#include "libksm/parse.h"
#include "libksm/run.h"
#include "util/macros.h"
#include "util/num.h"

#define LINE_MAX_LEN 512	/* what is longer is cut: only a reason comes near */

#define LATE_S 60

/* Beyond it doubles keep no thousandths. */
#define THOUSANDTHS_MAX INT64_C(1000000000000000)

enum kind {
	PID,
	TICKS,
	BOOL,
	UINT,
	INT,
	SHARE,		/* a double, noted as percent */
	KNOWN,		/* a double, left out below 0 */
};

struct key {
	const char *name;
	enum kind kind;
	size_t at;
};

#define OF_TUNER(field) offsetof(struct ksm_tuner, field)
#define OF_RULE(field)	offsetof(struct ksm_tuner_rule, field)

static const struct key keys[] = {
	{ "pid", PID, OF_TUNER(id.pid) },
	{ "start", TICKS, OF_TUNER(id.start_ticks) },
	{ "dry", BOOL, OF_TUNER(dry) },
	{ "since", INT, OF_TUNER(since_s) },
	{ "decided", INT, OF_TUNER(decided_s) },
	{ "next", INT, OF_TUNER(next_s) },
	{ "due_ns", TICKS, OF_TUNER(due_ns) },
	{ "cpu_pct", SHARE, OF_TUNER(cpu) },
	{ "need", BOOL, OF_TUNER(need) },
	{ "settled", BOOL, OF_TUNER(settled) },
	{ "price_ms", KNOWN, OF_TUNER(price_ms) },
	{ "available_pct", KNOWN, OF_TUNER(available_pct) },
	{ "some_pct", KNOWN, OF_TUNER(some_pct) },
	{ "full_pct", KNOWN, OF_TUNER(full_pct) },
	{ "breaks_s", KNOWN, OF_TUNER(breaks_s) },
	{ "pass_saved_bytes", INT, OF_TUNER(pass_saved_bytes) },
	{ "pass_cpu_ms", INT, OF_TUNER(pass_cpu_ms) },
};

static const struct key rule_keys[] = {
	{ "processes", UINT, OF_RULE(processes) },
	{ "advised", UINT, OF_RULE(advised) },
	{ "waits", UINT, OF_RULE(waits) },
	{ "left", UINT, OF_RULE(left) },
	{ "saved_bytes", INT, OF_RULE(saved_bytes) },
	{ "meta_bytes", INT, OF_RULE(meta_bytes) },
	{ "users", UINT, OF_RULE(users) },
};

static const char want_prefix[] = "want.";

/* ------------------------------------------------------------------ */
/* to text								*/

static void add_thousandths(struct str *out, const char *name, double v)
{
	const double max = (double)THOUSANDTHS_MAX;
	const int64_t n = llround(fmax(0, fmin(v * 1000, max)));

	str_addf(out, "%s=%" PRId64 ".%03" PRId64 "\n", name, n / 1000, n % 1000);
}

static void add_key(struct str *out, const struct key *key, const void *base)
{
	const void *at = (const char *)base + key->at;

	switch (key->kind) {
	case PID:
		str_addf(out, "%s=%d\n", key->name, (int)*(const pid_t *)at);
		break;
	case TICKS:
		str_addf(out, "%s=%" PRIu64 "\n", key->name, *(const uint64_t *)at);
		break;
	case BOOL:
		str_addf(out, "%s=%d\n", key->name, *(const bool *)at);
		break;
	case UINT:
		str_addf(out, "%s=%u\n", key->name, *(const unsigned int *)at);
		break;
	case INT:
		str_addf(out, "%s=%" PRId64 "\n", key->name, *(const int64_t *)at);
		break;
	case SHARE:
		add_thousandths(out, key->name, *(const double *)at * 100);
		break;
	case KNOWN:
		if (!(*(const double *)at < 0))
			add_thousandths(out, key->name, *(const double *)at);
	}
}

static void add_text(struct str *out, const char *name, const char *text, size_t max)
{
	str_addf(out, "%s=", name);
	for (size_t i = 0; i < max && text[i]; i++)
		str_addc(out, (unsigned char)text[i] < ' ' ? ' ' : text[i]);
	str_addc(out, '\n');
}

int ksm_tuner_format(const struct ksm_tuner *t, struct str *out)
{
	char buf[KSM_ATTR_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		add_key(out, &keys[i], t);
	add_text(out, "reason", t->reason, sizeof(t->reason) - 1);
	ksm_for_each_attr(id)
		if (t->want.value[id].state == KSM_VALUE)
			str_addf(out, "%s%s=%s\n", want_prefix, ksm_attr_info(id)->name,
				 ksm_attr_format(id, &t->want.value[id], buf, sizeof(buf)));
	for (size_t i = 0; i < MIN(t->n_rules, (size_t)KSM_TUNER_RULES); i++) {
		const struct ksm_tuner_rule *r = &t->rule[i];

		add_text(out, "rule", r->name, sizeof(r->name) - 1);
		for (size_t j = 0; j < ARRAY_SIZE(rule_keys); j++)
			add_key(out, &rule_keys[j], r);
	}
	return str_err(out);
}

/* ------------------------------------------------------------------ */
/* from text								*/

static bool take_thousandths(const char *value, double *out)
{
	double v;

	if (num_factor(value, &v) || v * 1000 > (double)THOUSANDTHS_MAX)
		return false;
	*out = v;
	return true;
}

static bool take_value(const struct key *key, void *base, const char *value)
{
	void *at = (char *)base + key->at;
	uint64_t u;

	switch (key->kind) {
	case PID:
		if (num_u64(value, &u) || !u || u > INT32_MAX)
			return false;
		*(pid_t *)at = u;
		return true;
	case TICKS:
		return !num_u64(value, at);
	case BOOL:
		if (num_u64(value, &u) || u > 1)
			return false;
		*(bool *)at = u;
		return true;
	case UINT:
		if (num_u64(value, &u) || u > UINT32_MAX)
			return false;
		*(unsigned int *)at = u;
		return true;
	case INT:
		return !num_s64(value, at);
	case SHARE:
		if (!take_thousandths(value, at))
			return false;
		*(double *)at /= 100;
		return true;
	case KNOWN:
		return take_thousandths(value, at);
	}
	return false;
}

/* False only when a key that is known has no value of its kind. */
static bool take_key(const struct key *known, size_t n, void *base, const char *name,
		     const char *value)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(known[i].name, name))
			return take_value(&known[i], base, value);
	return true;
}

static void take_text(char *out, size_t len, const char *value)
{
	const size_t n = strnlen(value, len - 1);

	memcpy(out, value, n);
	out[n] = '\0';
}

/* A setting of a kernel that we do not know is nobody's mistake. */
static bool take_want(struct ksm_attrset *want, const char *name, const char *value)
{
	int id = ksm_attr_find(name);

	return id < 0 || !ksm_attr_parse_noted(id, value, &want->value[id]);
}

/* Where a line belongs to. */
struct place {
	struct ksm_tuner *t;
	struct ksm_tuner_rule *rule;
	bool beyond;		/* in a rule for which there is no room */
};

static bool take_line(struct place *p, const char *name, const char *value)
{
	struct ksm_tuner *t = p->t;

	if (!strcmp(name, "rule")) {
		p->beyond = t->n_rules == KSM_TUNER_RULES;
		if (p->beyond)
			return true;
		p->rule = &t->rule[t->n_rules++];
		take_text(p->rule->name, sizeof(p->rule->name), value);
		return true;
	}
	if (p->beyond)
		return true;
	if (p->rule)
		return take_key(rule_keys, ARRAY_SIZE(rule_keys), p->rule, name, value);
	if (!strcmp(name, "reason")) {
		take_text(t->reason, sizeof(t->reason), value);
		return true;
	}
	if (!strncmp(name, want_prefix, sizeof(want_prefix) - 1))
		return take_want(&t->want, name + sizeof(want_prefix) - 1, value);
	return take_key(keys, ARRAY_SIZE(keys), t, name, value);
}

int ksm_tuner_parse(const char *text, size_t len, struct ksm_tuner *out)
{
	struct place p = { .t = out };
	struct span rest = { text, len }, line;
	char buf[LINE_MAX_LEN];

	*out = (struct ksm_tuner){
		.id.start_ticks = KSM_START_NONE,
		.price_ms = -1,
		.available_pct = -1,
		.some_pct = -1,
		.full_pct = -1,
		.breaks_s = -1,
	};
	if (!len || text[len - 1] != '\n' || memchr(text, '\0', len))
		return -EPROTO;
	while (span_line(&rest, &line)) {
		const size_t n = MIN(line.len, sizeof(buf) - 1);
		char *value;

		memcpy(buf, line.s, n);
		buf[n] = '\0';
		value = strchr(buf, '=');
		if (!value)
			return -EPROTO;
		*value++ = '\0';
		if (!take_line(&p, buf, value))
			return -EPROTO;
	}
	return out->id.pid && out->id.start_ticks < KSM_START_ANY ? 0 : -EPROTO;
}

/* ------------------------------------------------------------------ */
/* the file								*/

int ksm_tuner_dir(const char *dir)
{
	return ksm_run_open_for_all(dir ? dir : KSM_TUNER_DIR);
}

int ksm_tuner_write(int dirfd, const struct ksm_tuner *t)
{
	struct str text __cleanup_str = STR_INIT;
	int rc = ksm_tuner_format(t, &text);

	return rc ? rc : ksm_run_write_for_all(dirfd, KSM_TUNER_FILE, str_get(&text), text.len);
}

/* Only root's word, or one's own, is taken for what the daemon says. */
static int check_owner(const struct ksm *k, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EPERM;
	/* Files of a dump belong to whoever unpacked it. */
	if (k->live && ((st.st_uid && st.st_uid != geteuid()) || (st.st_mode & 022)))
		return -EPERM;
	return 0;
}

static bool is_alive(struct ksm *k, const struct ksm_ident *id)
{
	struct ksm_proc p;
	int rc = ksm_proc_read_same(k, id, 0, &p);

	if (!rc)
		return p.state != 'Z' && p.state != 'X';
	/* /proc may hide others' processes from us: then whoever has its number is taken for it. */
	return rc != -ESRCH || (k->live && kill(id->pid, 0) && errno == EPERM);
}

/*
 * A look that is not done by then is no longer one that a busy machine delays.  The
 * clock is one that nobody sets, and that stands still while the machine sleeps.
 */
static int64_t late_s(const struct ksm *k, const struct ksm_tuner *t)
{
	const uint64_t now = k->live ? ksm_now_ns() : k->meta_when_ns;
	const int64_t interval = num_add_sat(t->next_s, num_mul_sat(t->decided_s, -1));
	int64_t late;

	if (!t->alive || !t->due_ns || now <= t->due_ns)
		return 0;
	late = (int64_t)((now - t->due_ns) / 1000000000);
	return late > LATE_S && late / 2 > interval ? late : 0;
}

int ksm_tuner_read_text(struct ksm *k, enum ksm_file file, struct str *out)
{
	char path[KSM_FILE_NAME_MAX];
	int fd __cleanup_fd = ksm_path_open(k, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, "%s",
					    ksm_file_path(file, 0, path));
	int rc;

	if (fd < 0)
		return fd == -ELOOP ? -EPERM : fd == -ENOTDIR ? -ENOENT : fd;
	rc = check_owner(k, fd);
	if (!rc)
		rc = ksm_path_read_fd(fd, file, out);
	return rc ? ksm_fail(k, rc, "read", "%s", path) : 0;
}

int ksm_tuner_read_told(struct ksm *k, struct str *out)
{
	return ksm_tuner_read_text(k, KSM_FILE_TOLD, out);
}

int ksm_tuner_read(struct ksm *k, struct ksm_tuner *out)
{
	struct str text __cleanup_str = STR_INIT;
	int rc = ksm_tuner_read_text(k, KSM_FILE_NOTE, &text);

	if (rc)
		return rc;
	rc = ksm_tuner_parse(str_get(&text), text.len, out);
	if (rc)
		return ksm_fail(k, rc, "read", "%s", KSM_TUNER_BELOW "/" KSM_TUNER_FILE);
	out->alive = is_alive(k, &out->id);
	out->late_s = late_s(k, out);
	return 0;
}

bool ksm_tuner_is_roots(struct ksm *k, const struct ksm_proc *p, const char *name,
			struct ksm_proc *out)
{
	struct ksm_proc q;

	/* Whose it is, is asked only of those that are called so. */
	if (strcmp(p->comm, name) || ksm_proc_read(k, p->pid, KSM_PROC_UID, &q) ||
	    strcmp(q.comm, name) || q.uid || q.kthread || q.state == 'Z')
		return false;
	*out = q;
	return true;
}

bool ksm_tuner_is_rival(struct ksm *k, const struct ksm_proc *p, struct ksm_proc *out)
{
	return ksm_tuner_is_roots(k, p, "ksmtuned", out);
}

int ksm_tuner_rival(struct ksm *k, struct ksm_proc *out)
{
	struct ksm_procs *it;
	struct ksm_proc p;
	pid_t pid;
	int rc = ksm_procs_open(k, &it);

	if (rc)
		return rc;
	while ((rc = ksm_procs_next(it, &pid)) == 1)
		if (!ksm_proc_read(k, pid, 0, &p) && ksm_tuner_is_rival(k, &p, out))
			break;
	ksm_procs_close(it);
	return rc == 1 ? 0 : rc ? rc : -ENOENT;
}
