// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * attrset.c - several attributes as one thing: read, parse, apply, put back.
 *
 * The order of the writes is the knowledge here.  The kernel refuses
 * pages_to_scan while its advisor is on, and resets it whenever advisor_mode
 * changes (mm/ksm.c 6.12, set_advisor_defaults); it refuses
 * merge_across_nodes and max_page_sharing while pages are merged.
 */
#include "libksm/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libksm/parse.h"

/*
 * A setting as it can be written back: run shows 4 more while memory goes offline
 * (ksm_memory_callback() in mm/ksm.c), and no kernel takes that from users.
 */
static int read_setting(struct ksm *k, enum ksm_attr id, struct ksm_value *out)
{
	int rc = ksm_attr_read(k, id, out);

	if (!rc && id == KSM_ATTR_RUN)
		out->v &= ~(int64_t)KSM_RUN_OFFLINING;
	return rc;
}

int ksm_attrset_read(struct ksm *k, struct ksm_attrset *out)
{
	int rc;

	memset(out, 0, sizeof(*out));
	ksm_for_each_attr(id) {
		if (ksm_attr_info(id)->kind != KSM_KIND_KNOB)
			continue;
		rc = read_setting(k, id, &out->value[id]);
		if (rc)
			return rc;
	}
	return 0;
}

static int parse_fail(struct ksm_parse_error *err, unsigned int line, const char *why,
		      const char *word)
{
	err->line = line;
	if (word)
		snprintf(err->what, sizeof(err->what), "%s \"%.80s\"", why, word);
	else
		snprintf(err->what, sizeof(err->what), "%s", why);
	return -EINVAL;
}

static const char blank[] = " \t\r";

/* What a line says without its comment, and without blanks around it. */
static struct span trim(const char *s, size_t n)
{
	const char *hash = memchr(s, '#', n);

	if (hash)
		n = hash - s;
	while (n && strchr(blank, s[n - 1]))
		n--;
	while (n && strchr(blank, *s)) {
		s++;
		n--;
	}
	return (struct span){ s, n };
}

/* One trimmed line; it is cut into words in place. */
static int parse_line(char *line, unsigned int nr, struct ksm_attrset *out,
		      struct ksm_parse_error *err)
{
	char *name = line, *val, *end;
	int id, rc;

	if (!*name)
		return 0;
	end = name + strcspn(name, " \t\r=");
	val = end + strspn(end, blank);
	if (*val == '=')
		val++;
	val += strspn(val, blank);
	*end = '\0';
	end = val + strcspn(val, blank);
	if (end[strspn(end, blank)])
		return parse_fail(err, nr, "more than one value for", name);
	*end = '\0';
	id = ksm_attr_find(name);
	if (id < 0)
		return parse_fail(err, nr, "unknown attribute", name);
	if (!*val)
		return parse_fail(err, nr, "no value for", name);
	if (out->value[id].state == KSM_VALUE)
		return parse_fail(err, nr, "named twice:", name);
	/* It may be of a later kernel, whose choices only that kernel knows. */
	rc = ksm_attr_parse_noted(id, val, &out->value[id]);
	switch (rc) {
	case 0:
		return 0;
	case -EROFS:
		return parse_fail(err, nr, "not a writable attribute:", name);
	case -ERANGE:
		return parse_fail(err, nr, "value out of range for", name);
	default:
		return parse_fail(err, nr, "not a value for it:", val);
	}
}

int ksm_attrset_parse(const char *buf, size_t len, struct ksm_attrset *out,
		      struct ksm_parse_error *err)
{
	unsigned int nr = 0;
	struct span text;
	char line[256];
	size_t n;
	int rc;

	memset(out, 0, sizeof(*out));
	*err = (struct ksm_parse_error){ 0 };
	for (size_t at = 0; at < len; at += n + 1) {
		const char *nl = memchr(buf + at, '\n', len - at);

		nr++;
		n = nl ? (size_t)(nl - (buf + at)) : len - at;
		if (memchr(buf + at, '\0', n))
			return parse_fail(err, nr, "not a text file", NULL);
		text = trim(buf + at, n);
		if (text.len >= sizeof(line))
			return parse_fail(err, nr, "line too long", NULL);
		memcpy(line, text.s, text.len);
		line[text.len] = '\0';
		rc = parse_line(line, nr, out, err);
		if (rc)
			return rc;
	}
	return 0;
}

/* One run of ksm_attrset_apply(): what was found, what holds now, what was done. */
struct apply {
	struct ksm *k;
	unsigned int flags;
	struct ksm_attrset found;
	struct ksm_attrset now;
	struct ksm_apply *res;
};

/* What else changes when this attribute is written. */
static void note_effects(struct apply *a, enum ksm_attr id, const struct ksm_value *v)
{
	a->now.value[id] = *v;
	/* The advisor's default for "none" is 100; for others it follows advisor_min. */
	if (id == KSM_ATTR_ADVISOR_MODE && a->now.value[KSM_ATTR_PAGES_TO_SCAN].state == KSM_VALUE) {
		if (a->flags & KSM_APPLY_DRY_RUN)
			a->now.value[KSM_ATTR_PAGES_TO_SCAN].v =
				v->v == 0 ? 100 : a->now.value[KSM_ATTR_ADVISOR_MIN_PAGES].v;
		else
			ksm_attr_read(a->k, KSM_ATTR_PAGES_TO_SCAN,
				      &a->now.value[KSM_ATTR_PAGES_TO_SCAN]);
	}
}

static int apply_one(struct apply *a, enum ksm_attr id, const struct ksm_value *v)
{
	struct ksm_apply *res = a->res;
	int rc = 0;

	if (a->now.value[id].state == KSM_ABSENT) {
		if (a->flags & KSM_APPLY_SKIP_ABSENT) {
			res->skipped[id] = true;
			return 0;
		}
		rc = -EOPNOTSUPP;
	} else if (ksm_value_same(&a->now.value[id], v)) {
		return 0;
	} else if (!(a->flags & KSM_APPLY_DRY_RUN)) {
		rc = ksm_attr_write(a->k, id, v);
	}
	if (rc) {
		res->failed = id;
		res->rc = rc;
		res->failed_value = *v;
		return rc;
	}
	if (res->n_written < ARRAY_SIZE(res->written)) {
		res->written[res->n_written] = id;
		res->to[res->n_written] = *v;
		res->n_written++;
	}
	note_effects(a, id, v);
	return 0;
}

static bool structure_differs(const struct apply *a, const struct ksm_attrset *want)
{
	static const enum ksm_attr structure[] = { KSM_ATTR_MERGE_ACROSS_NODES,
						   KSM_ATTR_MAX_PAGE_SHARING };

	for (size_t i = 0; i < ARRAY_SIZE(structure); i++) {
		const struct ksm_value *w = &want->value[structure[i]];
		const struct ksm_value *n = &a->now.value[structure[i]];

		if (w->state == KSM_VALUE && n->state == KSM_VALUE && !ksm_value_same(w, n))
			return true;
	}
	return false;
}

/* Merged pages stand in the way of a change of structure; run goes back afterwards. */
static int apply_unmerge(struct apply *a)
{
	struct ksm_value shared;
	const struct ksm_value two = { .state = KSM_VALUE, .v = KSM_RUN_UNMERGING };
	int rc;

	rc = ksm_attr_read(a->k, KSM_ATTR_PAGES_SHARED, &shared);
	if (rc || shared.state != KSM_VALUE || shared.v == 0)
		return rc;
	/* Writing 2 where 2 stands does nothing (mm/ksm.c run_store): leave it first. */
	if (a->now.value[KSM_ATTR_RUN].v == KSM_RUN_UNMERGING) {
		const struct ksm_value zero = { .state = KSM_VALUE, .v = KSM_RUN_STOPPED };

		rc = apply_one(a, KSM_ATTR_RUN, &zero);
		if (rc)
			return rc;
	}
	return apply_one(a, KSM_ATTR_RUN, &two);
}

/* Order of the writes; advisor_mode none goes first, any other mode at its place here. */
static const enum ksm_attr order[] = {
	KSM_ATTR_MERGE_ACROSS_NODES,
	KSM_ATTR_MAX_PAGE_SHARING,
	KSM_ATTR_USE_ZERO_PAGES,
	KSM_ATTR_SMART_SCAN,
	KSM_ATTR_PRUNE_MILLISECS,
	KSM_ATTR_ONE_PASS,
	KSM_ATTR_ZERO_ONLY,
	KSM_ATTR_SPLIT_MIN,
	KSM_ATTR_SCANNERS,
	KSM_ATTR_MAX_METADATA,
	KSM_ATTR_SLEEP_MILLISECS,
	KSM_ATTR_ADVISOR_MAX_CPU,
	KSM_ATTR_ADVISOR_MIN_PAGES,
	KSM_ATTR_ADVISOR_MAX_PAGES,
	KSM_ATTR_ADVISOR_TARGET,
	KSM_ATTR_ADVISOR_MODE,
	KSM_ATTR_PAGES_TO_SCAN,
	KSM_ATTR_RUN,
};

size_t ksm_attr_write_order(const enum ksm_attr **out)
{
	*out = order;
	return ARRAY_SIZE(order);
}

static int apply_all(struct apply *a, const struct ksm_attrset *want)
{
	const struct ksm_value *mode = &want->value[KSM_ATTR_ADVISOR_MODE];
	bool unmerged = false;
	int rc;

	if (mode->state == KSM_VALUE && mode->v == 0) {
		rc = apply_one(a, KSM_ATTR_ADVISOR_MODE, mode);
		if (rc)
			return rc;
	}
	if ((a->flags & KSM_APPLY_UNMERGE) && structure_differs(a, want)) {
		rc = apply_unmerge(a);
		if (rc)
			return rc;
		unmerged = a->now.value[KSM_ATTR_RUN].v == KSM_RUN_UNMERGING;
	}
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		const struct ksm_value *v = &want->value[order[i]];

		if (v->state != KSM_VALUE)
			continue;
		/* A set that turns the advisor on cannot hold the rate as well. */
		if (order[i] == KSM_ATTR_PAGES_TO_SCAN && mode->state == KSM_VALUE &&
		    mode->v != 0 && a->now.value[KSM_ATTR_ADVISOR_MODE].state == KSM_VALUE)
			continue;
		rc = apply_one(a, order[i], v);
		if (rc)
			return rc;
	}
	if (unmerged && want->value[KSM_ATTR_RUN].state != KSM_VALUE)
		return apply_one(a, KSM_ATTR_RUN, &a->found.value[KSM_ATTR_RUN]);
	return 0;
}

/*
 * Put back what was written, last first.  The rate is looked at once more: it
 * moves with advisor_mode.  What cannot be put back is named, and the rest is
 * still tried.
 */
static void roll_back(struct apply *a)
{
	struct ksm_apply *res = a->res;
	bool mode_touched = false;

	res->rolled_back = true;
	for (size_t i = res->n_written; i-- > 0;) {
		enum ksm_attr id = res->written[i];

		if (id == KSM_ATTR_PAGES_TO_SCAN && mode_touched)
			continue;
		mode_touched |= id == KSM_ATTR_ADVISOR_MODE;
		if (ksm_attr_write(a->k, id, &a->found.value[id])) {
			res->rolled_back = false;
			res->rollback_failed = id;
		}
	}
	if (mode_touched && a->found.value[KSM_ATTR_ADVISOR_MODE].v == 0 &&
	    a->found.value[KSM_ATTR_PAGES_TO_SCAN].state == KSM_VALUE &&
	    ksm_attr_write(a->k, KSM_ATTR_PAGES_TO_SCAN,
			   &a->found.value[KSM_ATTR_PAGES_TO_SCAN])) {
		res->rolled_back = false;
		res->rollback_failed = KSM_ATTR_PAGES_TO_SCAN;
	}
}

/*
 * An attribute that this table cannot read, as that of a later kernel may be,
 * stands only in the way of its own change.
 */
static int read_found(struct apply *a, const struct ksm_attrset *want)
{
	ksm_for_each_attr(id) {
		const bool needed = want->value[id].state == KSM_VALUE ||
				    (id == KSM_ATTR_RUN && (a->flags & KSM_APPLY_UNMERGE));
		int rc = 0;

		if (ksm_attr_info(id)->kind == KSM_KIND_KNOB)
			rc = read_setting(a->k, id, &a->found.value[id]);
		if (!rc || !needed)
			continue;
		a->res->failed = id;
		a->res->rc = rc;
		a->res->failed_value = want->value[id];
		return rc;
	}
	return 0;
}

int ksm_attrset_apply(struct ksm *k, const struct ksm_attrset *want, unsigned int flags,
		      struct ksm_apply *res)
{
	struct apply a = { .k = k, .flags = flags, .res = res };
	int rc;

	*res = (struct ksm_apply){ .failed = -1, .rollback_failed = -1 };
	if (ksm_present(k) != KSM_VALUE)
		return ksm_present(k) == KSM_DENIED ? -EACCES : -EOPNOTSUPP;
	rc = read_found(&a, want);
	if (rc)
		return rc;
	a.now = a.found;
	rc = apply_all(&a, want);
	if (rc && !(flags & KSM_APPLY_DRY_RUN) && res->n_written) {
		/* The hint looks at the state and the record at the failure: keep both. */
		char path[sizeof(k->err_path)];
		const char *verb = k->err_verb;

		memcpy(path, k->err_path, sizeof(path));
		roll_back(&a);
		k->err = rc;
		k->err_verb = verb;
		memcpy(k->err_path, path, sizeof(path));
	}
	return rc;
}
