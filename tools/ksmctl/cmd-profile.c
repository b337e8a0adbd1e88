// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd-profile.c - ksmctl save, restore, diff, profile: all settings as a file.
 *
 * A profile is a file of the format that save writes, by name.  The
 * administrator's directory comes before the shipped one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/xalloc.h"
#include "ksmctl/ksmctl.h"
#include "util/dirs.h"

/* --- files --- */

static void parse_set(const struct str *text, const char *name, struct ksm_attrset *out)
{
	struct ksm_parse_error err;

	if (ksm_attrset_parse(str_get(text), text->len, out, &err))
		cli_die(CLI_FAIL, 0, "%s: line %u: %s", name, err.line, err.what);
}

static void read_set(const char *file, struct ksm_attrset *out)
{
	struct str text __cleanup_str = STR_INIT;
	const char *name = ctl_read_file(file, "a file of settings", &text);

	parse_set(&text, name, out);
}

/* --- save --- */

static const char *const save_synopsis[] = { "[options] [FILE]", NULL };
const struct cli_cmd ctl_cmd_save = {
	.name = "ksmctl save",
	.synopsis = save_synopsis,
	.about = "Write all settings to FILE, or to standard output.",
	.common = cli_common_options,
	.see = "ksmctl(8)",
};

static void set_text(const struct ksm_attrset *set, struct str *out)
{
	char text[KSM_ATTR_TEXT_MAX];

	str_add(out, "# KSM settings, written by ksmctl save; read by ksmctl restore\n");
	ksm_for_each_attr(id) {
		const struct ksm_value *v = &set->value[id];

		/* The advisor's own choice is no setting: restoring it would be refused. */
		if (v->state != KSM_VALUE || (id == KSM_ATTR_PAGES_TO_SCAN &&
					      set->value[KSM_ATTR_ADVISOR_MODE].state == KSM_VALUE &&
					      set->value[KSM_ATTR_ADVISOR_MODE].v != 0))
			continue;
		/* The offlining bit belongs to the moment, not to the settings. */
		if (id == KSM_ATTR_RUN)
			str_addf(out, "run %lld\n", (long long)(v->v & ~(int64_t)KSM_RUN_OFFLINING));
		else
			str_addf(out, "%s %s\n", ksm_attr_info(id)->name,
				 ksm_attr_format(id, v, text, sizeof(text)));
	}
}

int ctl_save(struct ctl *ctl, int argc, char **argv)
{
	struct cli_parse p = { .argc = argc, .argv = argv };
	struct str text __cleanup_str = STR_INIT;
	struct ksm_attrset set;
	const char *file = NULL;
	int key, rc;

	while ((key = cli_opts_next(&p, &ctl_cmd_save)) != -1)
		ctl_option(ctl, key, p.arg);
	if (p.ind < argc)
		file = argv[p.ind++];
	ctl_no_operands(&p, argv);
	ctl_open_ksm(ctl);
	rc = ksm_attrset_read(ctl->k, &set);
	if (rc)
		cli_die(CLI_FAIL, rc, "%s: cannot read", ksm_errpath(ctl->k));
	/* A file of half the settings would pass for all of them. */
	ksm_for_each_attr(id)
		if (set.value[id].state == KSM_DENIED)
			ctl_attr_missing(ctl, id, KSM_DENIED);
	set_text(&set, &text);
	if (str_err(&text))
		cli_die(CLI_FAIL, -ENOMEM, "allocate");
	if (!file || !strcmp(file, "-"))
		fputs(str_get(&text), stdout);
	else
		ctl_write_file(file, &text, 0);
	return CLI_OK;
}

/* --- restore --- */

static const char *const restore_synopsis[] = { "[options] FILE", NULL };
static const struct cli_opt restore_opts[] = {
	{ .key = 'N' },
	{ .key = 'n', .means = 'N' },
	{ 'k', "keep-merged", NULL,
	  "do not unmerge where a setting needs it: fail instead", 0, 0 },
	{ 0 },
};
const struct cli_cmd ctl_cmd_restore = {
	.name = "ksmctl restore",
	.synopsis = restore_synopsis,
	.about = "Write the settings of FILE (- is standard input) in the order that the kernel\n"
		 "accepts.  When a write fails, all settings are put back as they were.",
	.opts = restore_opts,
	.common = cli_common_options,
	.see = "ksmctl(8)",
};

/* Would applying the set give every process its own pages again on the way? */
static bool plans_unmerge(struct ctl *ctl, const struct ksm_attrset *want, unsigned int flags)
{
	struct ksm_apply plan;

	ksm_attrset_apply(ctl->k, want, flags | KSM_APPLY_DRY_RUN, &plan);
	for (size_t i = 0; i < plan.n_written; i++)
		if (plan.written[i] == KSM_ATTR_RUN && plan.to[i].v == KSM_RUN_UNMERGING)
			return true;
	return false;
}

int ctl_restore(struct ctl *ctl, int argc, char **argv)
{
	unsigned int flags = KSM_APPLY_SKIP_ABSENT | KSM_APPLY_UNMERGE;
	struct cli_parse p = { .argc = argc, .argv = argv };
	struct ksm_attrset want;
	int key;

	while ((key = cli_opts_next(&p, &ctl_cmd_restore)) != -1) {
		if (key == 'N')
			flags |= KSM_APPLY_DRY_RUN;
		else if (key == 'k')
			flags &= ~KSM_APPLY_UNMERGE;
		else
			ctl_option(ctl, key, p.arg);
	}
	if (p.ind == argc)
		cli_usage_error("restore: no file named");
	read_set(argv[p.ind++], &want);
	ctl_no_operands(&p, argv);
	ctl_open_ksm(ctl);
	if (flags & KSM_APPLY_UNMERGE && plans_unmerge(ctl, &want, flags))
		ctl_unmerge_check(ctl, false, false);
	return ctl_apply(ctl, &want, flags, true);
}

/* --- diff --- */

static const char *const diff_synopsis[] = { "[options] FILE", NULL };
const struct cli_cmd ctl_cmd_diff = {
	.name = "ksmctl diff",
	.synopsis = diff_synopsis,
	.about = "Compare the settings of FILE with those in force.  Exit 0 when they are the\n"
		 "same, 1 when they differ.",
	.more = cli_table_options,
	.common = cli_common_options,
	.see = "ksmctl(8)",
};

struct diff_row {
	const char *name;
	char file[KSM_ATTR_TEXT_MAX];
	char now[KSM_ATTR_TEXT_MAX];
	enum ksm_state state;	/* of the value in force */
};

static void diff_name(const void *row, struct cli_cell *out)
{
	out->str = ((const struct diff_row *)row)->name;
}

static void diff_file(const void *row, struct cli_cell *out)
{
	out->str = ((const struct diff_row *)row)->file;
}

static void diff_now(const void *row, struct cli_cell *out)
{
	const struct diff_row *r = row;

	out->str = r->now;
	if (r->state != KSM_VALUE)
		out->state = r->state == KSM_DENIED ? CLI_DENIED : CLI_ABSENT;
}

static const struct cli_col diff_columns[] = {
	{ .name = "NAME", .help = "attribute", .get = diff_name },
	{ .name = "FILE", .help = "its value in the file", .get = diff_file },
	{ .name = "NOW", .help = "the value in force", .get = diff_now },
	{ 0 },
};

/* The rate is the advisor's where the file turns it on: applying leaves it alone. */
static bool is_advised(enum ksm_attr id, const struct ksm_attrset *want,
		       const struct ksm_attrset *now)
{
	const struct ksm_value *mode = &want->value[KSM_ATTR_ADVISOR_MODE];

	return id == KSM_ATTR_PAGES_TO_SCAN && mode->state == KSM_VALUE && mode->v != 0 &&
	       now->value[KSM_ATTR_ADVISOR_MODE].state == KSM_VALUE;
}

/* A setting of the set that is not in force; what the advisor chooses is none. */
static bool differs(enum ksm_attr id, const struct ksm_attrset *want, const struct ksm_attrset *now)
{
	char a[KSM_ATTR_TEXT_MAX], b[KSM_ATTR_TEXT_MAX];

	if (want->value[id].state != KSM_VALUE || is_advised(id, want, now))
		return false;
	return strcmp(ksm_attr_format(id, &want->value[id], a, sizeof(a)),
		      ksm_attr_format(id, &now->value[id], b, sizeof(b))) != 0;
}

int ctl_diff(struct ctl *ctl, int argc, char **argv)
{
	struct cli_parse p = { .argc = argc, .argv = argv };
	struct diff_row rows[__KSM_ATTR_N];
	const void *ptrs[__KSM_ATTR_N];
	struct ksm_attrset want, now;
	size_t n = 0;
	int key, rc;

	while ((key = cli_opts_next(&p, &ctl_cmd_diff)) != -1)
		ctl_option(ctl, key, p.arg);
	if (p.ind == argc)
		cli_usage_error("diff: no file named");
	cli_table_check(diff_columns, &ctl->table);
	read_set(argv[p.ind++], &want);
	ctl_no_operands(&p, argv);
	ctl_open_ksm(ctl);
	rc = ksm_attrset_read(ctl->k, &now);
	if (rc)
		cli_die(CLI_FAIL, rc, "%s: cannot read", ksm_errpath(ctl->k));
	ksm_for_each_attr(id) {
		struct diff_row *r = &rows[n];

		if (!differs(id, &want, &now))
			continue;
		r->name = ksm_attr_info(id)->name;
		r->state = now.value[id].state;
		ksm_attr_format(id, &want.value[id], r->file, sizeof(r->file));
		ksm_attr_format(id, &now.value[id], r->now, sizeof(r->now));
		ptrs[n++] = r;
	}
	if (n || ctl->table.format == CLI_JSON)
		rc = cli_table_print("differences", diff_columns, ptrs, n, &ctl->table);
	if (rc)
		return ctl_printed(rc);
	return n ? CLI_FAIL : CLI_OK;
}

/* --- profile --- */

/*
 * The profiles beside a program that was not installed: it stands in the top of a
 * build tree.  Whoever can put a directory there could put another program there.
 */
static bool tree_dir(char *out, size_t len)
{
	char *slash;

	if (ksm_self_program(out, len))
		return false;
	slash = strrchr(out, '/');
	if (!slash || (size_t)snprintf(slash, len - (slash - out), "/tools/ksmctl/profiles") >=
			      len - (slash - out))
		return false;
	return !access(out, R_OK | X_OK);
}

/*
 * The administrator's own come first, then the shipped ones.  KSM_PROFILES is in
 * place of both.
 */
static const char *profile_dir(int i)
{
	static char tree[4096];
	const char *env = getenv("KSM_PROFILES");

	if (env)
		return i ? NULL : env;
	if (!i)
		return SYSCONFDIR "/ksm-utils/profiles";
	if (i > 1)
		return NULL;
	return tree_dir(tree, sizeof(tree)) ? tree : PKGDATADIR "/profiles";
}

struct profile {
	char *name;
	char *path;
	char *about;	/* first comment of the file */
	enum ksm_state known;	/* is it known whether... */
	bool in_force;		/* ...all of it that this kernel has is set so */
};

static void profile_about(struct profile *pr)
{
	FILE *f __cleanup_file = fopen(pr->path, "re");
	char line[256] = "";

	if (f && fgets(line, sizeof(line), f) && line[0] == '#') {
		line[strcspn(line, "\n")] = '\0';
		pr->about = xstrdup(line + strspn(line, "# "));
	}
}

static int profile_order(const void *a, const void *b)
{
	return strcmp(((const struct profile *)a)->name, ((const struct profile *)b)->name);
}

static bool profile_known(const struct profile *all, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(all[i].name, name))
			return true;
	return false;
}

static size_t profiles_read(struct profile **out)
{
	struct profile *all = NULL;
	const char *dir;
	size_t n = 0;

	for (int i = 0; (dir = profile_dir(i)); i++) {
		DIR *d __cleanup_dir = opendir(dir);
		struct dirent *e;

		while (d && (e = readdir(d))) {
			struct str path = STR_INIT;

			/* Editors' leftovers are no profiles. */
			if (e->d_name[0] == '.' || strchr(e->d_name, '~') ||
			    profile_known(all, n, e->d_name))
				continue;
			if (str_addf(&path, "%s/%s", dir, e->d_name))
				cli_die(CLI_FAIL, -ENOMEM, "allocate");
			all = xreallocarray(all, n + 1, sizeof(*all));
			all[n] = (struct profile){ .name = xstrdup(e->d_name),
						   .path = str_steal(&path) };
			profile_about(&all[n++]);
		}
	}
	if (n)
		qsort(all, n, sizeof(*all), profile_order);
	*out = all;
	return n;
}

static void profiles_free(struct profile *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(all[i].name);
		free(all[i].path);
		free(all[i].about);
	}
	free(all);
}

static void profile_name(const void *row, struct cli_cell *out)
{
	out->str = ((const struct profile *)row)->name;
}

static void profile_path(const void *row, struct cli_cell *out)
{
	out->str = ((const struct profile *)row)->path;
}

static void profile_text(const void *row, struct cli_cell *out)
{
	out->str = ((const struct profile *)row)->about;
	if (!out->str)
		out->state = CLI_ABSENT;
}

static void profile_in_force(const void *row, struct cli_cell *out)
{
	const struct profile *pr = row;

	out->num = pr->in_force;
	if (pr->known != KSM_VALUE)
		out->state = pr->known == KSM_DENIED ? CLI_DENIED : CLI_ABSENT;
}

static const struct cli_col profile_columns[] = {
	{ .name = "NAME", .help = "name of the profile", .get = profile_name },
	{ .name = "FILE", .help = "where it is", .hidden = true, .get = profile_path },
	{ .name = "NOW", .help = "whether the settings are so now", .kind = CLI_BOOL,
	  .get = profile_in_force },
	{ .name = "ABOUT", .help = "first line of the file", .get = profile_text },
	{ 0 },
};

enum { KEY_PERSIST = CLI_OPT_LONG, KEY_FORGET };

static const char *const profile_synopsis[] = { "[options]", "[options] NAME",
						"--persist NAME", "--forget", NULL };
static const struct cli_opt profile_opts[] = {
	{ .key = 'N' },
	{ KEY_PERSIST, "persist", NULL, "keep the profile for the next boot; do not apply it now", 1,
	  0 },
	{ KEY_FORGET, "forget", NULL, "keep none for the next boot", 1, 0 },
	{ 0 },
};
const struct cli_cmd ctl_cmd_profile = {
	.name = "ksmctl profile",
	.synopsis = profile_synopsis,
	.about = "List the profiles and show which one is in force, or apply one.  What is kept is\n"
		 "applied at boot where ksm-utils.service is enabled.",
	.opts = profile_opts,
	.more = cli_table_options,
	.common = cli_common_options,
	.see = "ksmctl(8)",
};

static const struct profile *profile_find(const struct profile *all, size_t n, const char *name)
{
	const char **known = xcalloc(n, sizeof(*known)), *near[1];
	size_t found;

	for (size_t i = 0; i < n; i++) {
		if (!strcmp(all[i].name, name)) {
			free(known);
			return &all[i];
		}
		known[i] = all[i].name;
	}
	found = cli_nearest(name, known, n, near, 1);
	free(known);
	if (found)
		cli_die(CLI_USAGE, 0, "%s: unknown profile (did you mean: %s)", name, near[0]);
	cli_die(CLI_USAGE, 0, "%s: unknown profile (see: ksmctl profile)", name);
}

/* A profile that cannot be read is in force no more than known. */
static void profile_compare(struct profile *pr, const struct ksm_attrset *now)
{
	struct str text __cleanup_str = STR_INIT;
	int fd __cleanup_fd = open(pr->path, O_RDONLY | O_CLOEXEC);
	struct ksm_parse_error err;
	struct ksm_attrset want;
	char buf[4096];
	ssize_t n;

	while (fd >= 0 && text.len <= CTL_FILE_LIMIT && (n = read(fd, buf, sizeof(buf))) > 0)
		str_addmem(&text, buf, n);
	if (fd < 0 || str_err(&text) || ksm_attrset_parse(str_get(&text), text.len, &want, &err))
		return;
	pr->known = KSM_VALUE;
	pr->in_force = true;
	ksm_for_each_attr(id) {
		/* What this kernel lacks is left out when the profile is applied, too. */
		if (now->value[id].state == KSM_ABSENT)
			continue;
		if (now->value[id].state == KSM_DENIED && want.value[id].state == KSM_VALUE)
			pr->known = KSM_DENIED;
		else if (differs(id, &want, now))
			pr->in_force = false;
	}
}

static int list_profiles(struct ctl *ctl, struct profile *all, size_t n)
{
	const void **ptrs = xcalloc(n, sizeof(*ptrs));
	struct ksm_attrset now;
	int rc;

	/* The list is of use where there is no KSM, too. */
	ctl_open(ctl);
	if (ksm_present(ctl->k) == KSM_VALUE && !ksm_attrset_read(ctl->k, &now))
		for (size_t i = 0; i < n; i++)
			profile_compare(&all[i], &now);
	for (size_t i = 0; i < n; i++)
		ptrs[i] = &all[i];
	rc = cli_table_print("profiles", profile_columns, ptrs, n, &ctl->table);
	free(ptrs);
	return ctl_printed(rc);
}

/* --- what is set at boot --- */

/* The file that ksm-utils.service applies.  KSM_CONF is in its place. */
static const char *boot_file(void)
{
	return getenv("KSM_CONF") ?: SYSCONFDIR "/ksm-utils/ksm.conf";
}

/* The directory that a file is to be in, but not what that is in. */
static void make_dir_of(const char *file)
{
	char *dir __cleanup_free = xstrdup(file);
	char *slash = strrchr(dir, '/');

	if (!slash || slash == dir)
		return;
	*slash = '\0';
	if (mkdir(dir, 0755) && errno != EEXIST)
		cli_die(CLI_FAIL, -errno, "%s: cannot create", dir);
}

/* A copy: what is set at boot does not change because a package is upgraded. */
static int persist(const struct profile *pr, bool dry_run)
{
	struct str text __cleanup_str = STR_INIT, out __cleanup_str = STR_INIT;
	struct str clean __cleanup_str = STR_INIT;
	const char *name = ctl_read_file(pr->path, "a file of settings", &text);
	const char *file = boot_file();
	struct ksm_attrset set;

	parse_set(&text, name, &set);
	cli_safe(&clean, pr->name, (size_t)-1);
	str_addf(&out, "# Profile %s, kept by ksmctl profile --persist; ksm-utils.service applies it\n",
		 str_get(&clean));
	str_addmem(&out, str_get(&text), text.len);
	if (str_err(&out))
		cli_die(CLI_FAIL, -ENOMEM, "allocate");
	if (dry_run) {
		fputs(str_get(&out), stdout);
		return CLI_OK;
	}
	make_dir_of(file);
	ctl_write_file(file, &out, 0);
	str_reset(&clean);
	cli_safe(&clean, file, (size_t)-1);
	printf("%s: profile %s; applied at boot where ksm-utils.service is enabled\n",
	       str_get(&clean), pr->name);
	return CLI_OK;
}

static int forget(bool dry_run)
{
	const char *file = boot_file();
	const int rc = access(file, F_OK) ? -errno : 0;

	if (rc == -ENOENT) {
		cli_note("%s: not there", file);
		return CLI_OK;
	}
	if (!dry_run && unlink(file))
		cli_die(CLI_FAIL, -errno, "%s: cannot remove", file);
	if (dry_run)
		printf("remove %s\n", file);
	return CLI_OK;
}

int ctl_profile(struct ctl *ctl, int argc, char **argv)
{
	unsigned int flags = KSM_APPLY_SKIP_ABSENT;
	struct cli_parse p = { .argc = argc, .argv = argv };
	struct ksm_attrset want;
	struct profile *all;
	int key, rc, kept = 0;
	size_t n;

	while ((key = cli_opts_next(&p, &ctl_cmd_profile)) != -1) {
		if (key == 'N')
			flags |= KSM_APPLY_DRY_RUN;
		else if (key == KEY_PERSIST || key == KEY_FORGET)
			kept = key;
		else
			ctl_option(ctl, key, p.arg);
	}
	cli_table_check(profile_columns, &ctl->table);
	if (kept && ctl->sysroot)
		cli_die(CLI_UNSUPPORTED, 0, "%s: a dump does not boot", ctl->sysroot);
	if (kept == KEY_FORGET) {
		ctl_no_operands(&p, argv);
		return forget(flags & KSM_APPLY_DRY_RUN);
	}
	if (kept && p.ind == argc)
		cli_usage_error("--persist: no profile named");
	n = profiles_read(&all);
	if (kept) {
		const struct profile *pr = profile_find(all, n, argv[p.ind++]);

		ctl_no_operands(&p, argv);
		rc = persist(pr, flags & KSM_APPLY_DRY_RUN);
	} else if (p.ind < argc) {
		read_set(profile_find(all, n, argv[p.ind++])->path, &want);
		ctl_no_operands(&p, argv);
		ctl_open_ksm(ctl);
		rc = ctl_apply(ctl, &want, flags, true);
	} else {
		rc = list_profiles(ctl, all, n);
	}
	profiles_free(all, n);
	return rc;
}
