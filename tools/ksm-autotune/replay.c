// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * replay.c - what would be decided about what was seen at another time: by the clock
 * of that time, and with nothing done.
 */
#include <errno.h>
#include <stdio.h>

#include "cli/cli.h"
#include "ksm-autotune/autotune.h"

enum { KEY_TIME = CLI_OPT_LONG };

static const char *const synopsis[] = { "[options] FILE...", NULL };
static const struct cli_opt opts[] = {
	{ 'C', "config", "FILE", "this file, and no other", 0, 0 },
	{ KEY_TIME, "time", NULL, "print the second of each line, from the first look", 0, 0 },
	{ 0 },
};
const struct cli_cmd auto_cmd_replay = {
	.name = "ksm-autotune replay",
	.synopsis = synopsis,
	.about = "Print what is decided about what was recorded, or about dumps.",
	.opts = opts,
	.common = cli_common_options,
	.see = "ksm-autotune(8)",
};

struct replay {
	struct tune t;
	bool time;
	bool begun;
	uint64_t first_ns, now_ns;	/* of the looks */
};

/* What was recorded may be anybody's. */
static void on_tell(const char *text, void *arg)
{
	struct replay *r = arg;
	struct str line __cleanup_str = STR_INIT;

	if (r->time)
		printf("[%9.1f] ", (double)(int64_t)(r->now_ns - r->first_ns) / 1e9);
	cli_safe(&line, text, (size_t)-1);
	puts(str_get(&line));
}

static int cannot_open(const char *path, int rc)
{
	cli_error(0, "%s: cannot open: %s", path, ksm_open_why(path, rc));
	return CLI_FAIL;
}

static void look(struct replay *r, const struct tune_sample *s)
{
	if (!r->begun)
		r->first_ns = s->stats.when_ns;
	r->begun = true;
	r->now_ns = s->stats.when_ns;
	tune_replay(&r->t, s);
}

/* To its end; the exit code. */
static int play(struct replay *r, struct tune_player *p, const char *path)
{
	struct tune_sample s = { 0 };
	uint64_t looks = 0;
	int rc;

	while ((rc = tune_player_next(p, &s)) == 1) {
		look(r, &s);
		looks++;
	}
	cli_note("%s: %llu look%s", path, (unsigned long long)looks, looks == 1 ? "" : "s");
	if (rc == -EOPNOTSUPP) {
		cli_error(0, "%s: the kernel that was looked at has no KSM (CONFIG_KSM)", path);
		return CLI_UNSUPPORTED;
	}
	if (rc) {
		cli_error(0, "%s: %s", path, tune_player_error(p));
		return CLI_FAIL;
	}
	if (!looks) {
		cli_error(0, "%s: there is no whole look in it", path);
		return CLI_FAIL;
	}
	if (!tune_player_cut(p))
		return CLI_OK;
	cli_error(0, "%s: %s; what is whole was replayed", path, tune_player_error(p));
	return CLI_PARTIAL;
}

static int play_path(struct replay *r, const char *path)
{
	struct tune_player *p;
	int rc = tune_player_open(path, r->t.cfg.interval_ns, &p);

	if (rc)
		return cannot_open(path, rc);
	rc = play(r, p, path);
	tune_player_close(p);
	return rc;
}

static void parse(struct auto_args *a, struct replay *r, struct cli_parse *p)
{
	int key;

	while ((key = cli_opts_next(p, &auto_cmd_replay)) != -1)
		switch (key) {
		case 'C':
			a->config = p->arg;
			break;
		case KEY_TIME:
			r->time = true;
			break;
		default:
			cli_common_option(key, p->arg, &a->root);
		}
	if (a->root)
		cli_usage_error("replay: name the dump as a FILE, and not with --sysroot");
	if (p->ind == p->argc)
		cli_usage_error("replay: which FILE?");
}

int auto_verb_replay(int argc, char **argv)
{
	struct cli_parse p = { .argc = argc, .argv = argv };
	struct replay r = { .t = { .dry = true, .tell = on_tell } };
	struct auto_args a = { 0 };
	int rc, code = CLI_OK;

	parse(&a, &r, &p);
	rc = auto_config_load(&a, &r.t.cfg);
	if (rc)
		return rc;
	r.t.arg = &r;
	tune_prepare(&r.t);
	/* They are one story: what follows upon a part that is missing would be another. */
	for (int i = p.ind; i < argc && (code == CLI_OK || code == CLI_PARTIAL); i++) {
		rc = play_path(&r, argv[i]);
		code = rc ? rc : code;
	}
	tune_close(&r.t);
	tune_config_fini(&r.t.cfg);
	return code;
}
