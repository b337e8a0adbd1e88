// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * t-top-pty.c - the real ksmtop on a real terminal: what it leaves behind however
 * it ends, resizing while processes come and go, and that nothing but what it
 * means to write ever reaches the terminal.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/root.h"
#include "../unit/tap.h"
#include "cli/cli.h"
#include "pty.h"

#define ALT_ON	   "\033[?1049h"
#define ALT_OFF	   "\033[?1049l"
#define CURSOR_OFF "\033[?25l"
#define CURSOR_ON  "\033[?25h"
#define MOUSE_ON   "1000h"
#define MOUSE_OFF  "1000l"
#define F10	   "\033[21~"

static struct root config;	/* for the settings file, and files with evil names */
static char ksmtop[512];

/* A word that is on each screen of the table. */
#define HEADING "COMMAND"

struct run {
	struct pty p;
	struct root root;
	bool has_root;
	char env_config[300];
};

/* @root: of tests/data, or NULL for the running system.  @args, @env: more of them. */
static void start(struct run *r, const char *root, const char *const *args,
		  const char *const *env, int cols, int rows)
{
	const char *argv[16] = { ksmtop }, *all[16] = { 0 };
	size_t n = 1, e = 0;

	memset(r, 0, sizeof(*r));
	/* No settings of an earlier run. */
	if (root_has(&config, "ksm-utils"))
		root_rm(&config, "ksm-utils");
	if (root) {
		root_copy(&r->root, root);
		r->has_root = true;
		argv[n++] = "-s";
		argv[n++] = r->root.dir;
	}
	while (args && *args && n + 1 < ARRAY_SIZE(argv))
		argv[n++] = *args++;
	snprintf(r->env_config, sizeof(r->env_config), "XDG_CONFIG_HOME=%s", config.dir);
	all[e++] = r->env_config;
	all[e++] = "TERM=xterm-256color";
	all[e++] = "LC_ALL=C.UTF-8";
	all[e++] = "NO_COLOR";
	all[e++] = "LINES";
	all[e++] = "COLUMNS";
	while (env && *env && e + 1 < ARRAY_SIZE(all))
		all[e++] = *env++;
	pty_start(&r->p, &(struct pty_setup){ argv, all, cols, rows });
}

static void finish(struct run *r)
{
	pty_fini(&r->p);
	if (r->has_root)
		root_free(&r->root);
}

/* Draw all of the screen, and wait for a word that is on it then. */
static bool see(struct run *r, const char *word)
{
	pty_mark(&r->p);
	for (int i = 0; i < 600; i++) {
		pty_keys(&r->p, "\014");
		for (int k = 0; k < 10; k++) {
			pty_drain(&r->p, 20);
			if (pty_has_text(&r->p, word))
				return true;
		}
		if (r->p.ended)
			return false;
	}
	return false;
}

/* Where @text stands last, or -1. */
static ssize_t last_of(const struct str *out, const char *text)
{
	const size_t n = strlen(text);

	for (size_t i = out->len; i >= n; i--)
		if (!memcmp(out->s + i - n, text, n))
			return (ssize_t)(i - n);
	return -1;
}

/* How often @text came since the mark. */
static int times_of(const struct pty *p, const char *text)
{
	const size_t n = strlen(text);
	int times = 0;

	for (size_t i = p->mark; i + n <= p->out.len; i++)
		times += !memcmp(p->out.s + i, text, n);
	return times;
}

/* What was switched on is off again, and the modes are the old ones. */
static void check_restored(struct pty *p)
{
	CHECK(last_of(&p->out, ALT_ON) >= 0);
	CHECK(last_of(&p->out, ALT_OFF) > last_of(&p->out, ALT_ON));
	CHECK(last_of(&p->out, CURSOR_OFF) >= 0);
	CHECK(last_of(&p->out, CURSOR_ON) > last_of(&p->out, CURSOR_OFF));
	CHECK(last_of(&p->out, MOUSE_ON) >= 0);
	CHECK(last_of(&p->out, MOUSE_OFF) > last_of(&p->out, MOUSE_ON));
	CHECK(pty_same_modes(p));
}

/* ------------------------------------------------------------------ */
/* what may reach a terminal						*/

/* Length of the sequence at @s that curses may write, or 0. */
static size_t known_sequence(const char *s, size_t len)
{
	static const char *const others[] = { "\033(B", "\033(0", "\033)0", "\0337", "\0338",
					      "\033=",	"\033>",  "\033M",
					      "\033[22;0;0t", "\033[23;0;0t" };
	size_t i = 2;

	for (size_t k = 0; k < ARRAY_SIZE(others); k++)
		if (len >= strlen(others[k]) && !memcmp(s, others[k], strlen(others[k])))
			return strlen(others[k]);
	if (len < 3 || s[1] != '[')
		return 0;
	while (i < len && ((s[i] >= '0' && s[i] <= '9') || s[i] == ';' || s[i] == '?' || s[i] == '>'))
		i++;
	/* Reports (c, n), titles (t but for xterm's own) and the like are not among them. */
	return i < len && strchr("ABCDGHJKLMPSTX@bdfhlmr", s[i]) ? i + 1 : 0;
}

/* Printable UTF-8 of RFC 3629 beyond the C1 controls; its length, or 0. */
static size_t printable(const char *s, size_t len)
{
	uint32_t cp;
	size_t n = cli_utf8_next(s, len, &cp);

	return n && cp >= 0x20 && !(cp >= 0x7f && cp < 0xa0) && !(cp >= 0x200b && cp <= 0x200f) &&
	       !(cp >= 0x202a && cp <= 0x202e) ? n : 0;
}

static void check_stream(const struct str *out, bool ascii)
{
	size_t i = 0;

	while (i < out->len) {
		const char *s = out->s + i;
		size_t n;

		if (*s == '\033')
			n = known_sequence(s, out->len - i);
		else if (*s == '\r' || *s == '\n' || *s == '\b' || *s == '\t' || *s == 0x0e || *s == 0x0f)
			n = 1;
		else
			n = ascii && (unsigned char)*s >= 0x80 ? 0 : printable(s, out->len - i);
		/* The last one may be cut by a signal. */
		if (!n && out->len - i > 16) {
			tap_check(false, __FILE__, __LINE__, "byte %zu of %zu: %02x %02x %02x %02x", i,
				  out->len, (unsigned char)s[0], (unsigned char)s[1],
				  (unsigned char)s[2], (unsigned char)s[3]);
			return;
		}
		i += n ? n : 1;
	}
}

/* ------------------------------------------------------------------ */
/* the end								*/

static void quits(void)
{
	static const char *const keys[] = { "q", F10, "\003" };
	struct run r;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		tap_row("%zu", i);
		start(&r, "6.12-busy", NULL, NULL, 80, 24);
		CHECK(pty_wait_text(&r.p, HEADING));
		pty_keys(&r.p, keys[i]);
		CHECK(pty_wait_end(&r.p));
		CHECK(WIFEXITED(r.p.status) && !WEXITSTATUS(r.p.status));
		check_restored(&r.p);
		check_stream(&r.p.out, false);
		finish(&r);
	}
}

static void signals(void)
{
	static const struct {
		int sig;
		bool dies;	/* by that signal; else it leaves in order */
	} rows[] = {
		{ SIGTERM, false }, { SIGHUP, false }, { SIGINT, false }, { SIGSEGV, true },
		{ SIGABRT, true },  { SIGBUS, true },  { SIGILL, true },  { SIGFPE, true },
		{ SIGQUIT, true },
	};
	struct run r;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("signal %d", rows[i].sig);
		start(&r, "6.12-busy", NULL, NULL, 80, 24);
		CHECK(pty_wait_text(&r.p, HEADING));
		kill(r.p.pid, rows[i].sig);
		CHECK(pty_wait_end(&r.p));
		if (rows[i].dies)
			CHECK(WIFSIGNALED(r.p.status) && WTERMSIG(r.p.status) == rows[i].sig);
		else
			CHECK(WIFEXITED(r.p.status) ||
			      (WIFSIGNALED(r.p.status) && WTERMSIG(r.p.status) == rows[i].sig));
		check_restored(&r.p);
		finish(&r);
	}
}

/* In the middle of drawing, again and again. */
static void signals_any_time(void)
{
	static const int sigs[] = { SIGTERM, SIGSEGV };
	struct run r;

	for (int i = 0; i < 10; i++) {
		tap_row("try %d", i);
		start(&r, "7.3-hksm", NULL, NULL, 200, 60);
		CHECK(pty_wait_text(&r.p, ALT_ON));
		for (int k = 0; k < i; k++)
			pty_keys(&r.p, "tg");
		kill(r.p.pid, sigs[i % 2]);
		CHECK(pty_wait_end(&r.p));
		CHECK(last_of(&r.p.out, ALT_OFF) > last_of(&r.p.out, ALT_ON));
		CHECK(last_of(&r.p.out, CURSOR_ON) > last_of(&r.p.out, CURSOR_OFF));
		CHECK(pty_same_modes(&r.p));
		finish(&r);
	}
}

static void hang_up(void)
{
	struct run r;

	start(&r, "6.12-busy", NULL, NULL, 80, 24);
	CHECK(pty_wait_text(&r.p, HEADING));
	pty_hang_up(&r.p);
	CHECK(pty_wait_end(&r.p));
	finish(&r);
}

/* ------------------------------------------------------------------ */
/* suspending								*/

static void suspends(void)
{
	struct run r;

	start(&r, "6.12-busy", NULL, NULL, 80, 24);
	CHECK(pty_wait_text(&r.p, HEADING));
	for (int i = 0; i < 3; i++) {
		tap_row("round %d", i);
		pty_keys(&r.p, "\032");
		if (!CHECK(pty_wait_stop(&r.p)))
			break;
		pty_drain(&r.p, 50);
		check_restored(&r.p);
		CHECK_INT(times_of(&r.p, ALT_ON), 1);
		CHECK_INT(times_of(&r.p, ALT_OFF), 1);
		pty_continue(&r.p);
		CHECK(pty_wait_text(&r.p, ALT_ON));
		CHECK(pty_wait_text(&r.p, HEADING));
		CHECK(!pty_same_modes(&r.p));
	}
	pty_keys(&r.p, "q");
	CHECK(pty_wait_end(&r.p));
	check_restored(&r.p);
	finish(&r);
}

/* SIGSTOP cannot be caught; afterwards the screen is drawn anew. */
static void stopped(void)
{
	struct run r;

	start(&r, "6.12-busy", NULL, NULL, 80, 24);
	CHECK(pty_wait_text(&r.p, HEADING));
	kill(r.p.pid, SIGSTOP);
	CHECK(pty_wait_stop(&r.p));
	tcsetattr(r.p.slave, TCSANOW, &r.p.before);
	pty_continue(&r.p);
	CHECK(pty_wait_text(&r.p, HEADING));
	CHECK(!pty_same_modes(&r.p));
	pty_keys(&r.p, "q");
	CHECK(pty_wait_end(&r.p));
	check_restored(&r.p);
	finish(&r);
}

/* ------------------------------------------------------------------ */
/* sizes								*/

/* Children that live for as long as it takes to be seen, or not even that. */
static void churn(int n)
{
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
}

static unsigned int seed = 1;

static int random_to(int n)
{
	seed = seed * 1103515245 + 12345;
	return (int)((seed >> 16) % (unsigned int)n);
}

static void resizes(void)
{
	/* None of them acts on anything; in the settings, Enter twice would write a value. */
	static const char *const keys[] = { "j", "k", "t", "g", "r", ">", "h", "q", "/", "\r", "G", "m",
					    "\033[6~", "\033[5~", "\033[C", "\033[D", " ", "U", "+", "-" };
	static const char *const args[] = { "-d", "100ms", NULL };
	struct run r;
	int done = 0;

	start(&r, NULL, args, NULL, 80, 24);
	CHECK(pty_wait_text(&r.p, ALT_ON));
	for (; done < 300 && !r.p.ended; done++) {
		const int key = random_to(ARRAY_SIZE(keys));

		pty_resize(&r.p, 1 + random_to(done % 10 ? 120 : 400), 1 + random_to(done % 10 ? 50 : 120));
		/* "q" closes a pane, and would end it in the table. */
		if (strcmp(keys[key], "q"))
			pty_keys(&r.p, keys[key]);
		if (done % 3 == 0)
			churn(3);
		pty_drain(&r.p, done % 5 ? 0 : 10);
		if (done % 40 == 0)
			pty_keys(&r.p, "\033");
	}
	CHECK_INT(done, 300);
	pty_resize(&r.p, 80, 24);
	/* Out of whatever it is in, and it still answers. */
	for (int i = 0; i < 4; i++) {
		pty_keys(&r.p, "\033");
		pty_drain(&r.p, 100);
	}
	pty_keys(&r.p, "h");
	CHECK(see(&r, "Moving"));
	pty_keys(&r.p, F10);
	CHECK(pty_wait_end(&r.p));
	CHECK(WIFEXITED(r.p.status) && !WEXITSTATUS(r.p.status));
	check_restored(&r.p);
	check_stream(&r.p.out, false);
	finish(&r);
}

/* A terminal that claims to be enormous, or nothing. */
static void absurd_sizes(void)
{
	static const int sizes[][2] = { { 65535, 65535 }, { 0, 0 }, { 1, 1 }, { 65535, 1 }, { 1, 65535 },
					{ 2, 2 } };
	struct run r;

	start(&r, "6.12-busy", NULL, NULL, 80, 24);
	CHECK(pty_wait_text(&r.p, HEADING));
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		tap_row("%dx%d", sizes[i][0], sizes[i][1]);
		pty_resize(&r.p, sizes[i][0], sizes[i][1]);
		pty_drain(&r.p, 300);
		pty_resize(&r.p, 80, 24);
		CHECK(see(&r, HEADING));
	}
	pty_keys(&r.p, "q");
	CHECK(pty_wait_end(&r.p));
	check_restored(&r.p);
	finish(&r);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		tap_row("begun at %dx%d", sizes[i][0], sizes[i][1]);
		start(&r, "6.12-busy", NULL, NULL, sizes[i][0], sizes[i][1]);
		CHECK(pty_wait_text(&r.p, CURSOR_OFF));
		pty_resize(&r.p, 80, 24);
		CHECK(see(&r, HEADING));
		pty_keys(&r.p, "q");
		CHECK(pty_wait_end(&r.p));
		check_restored(&r.p);
		finish(&r);
	}
}

/* ------------------------------------------------------------------ */
/* hostile								*/

/* A child with a name made to harm, and a mapping of a file with such a name. */
static pid_t evil_child(const char *comm, const char *file)
{
	char path[512];
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(ready))
		return -1;
	pid = fork();
	if (pid) {
		close(ready[1]);
		if (read(ready[0], &c, 1) != 1)
			pid = -1;
		close(ready[0]);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, comm);
	snprintf(path, sizeof(path), "%s/%s", config.dir, file);
	FILE *f = fopen(path, "w+");
	if (f) {
		fputs("x", f);
		fflush(f);
		mmap(NULL, 1, PROT_READ, MAP_PRIVATE, fileno(f), 0);
	}
	if (write(ready[1], "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static pid_t evil_command(const char *argv0)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl("/bin/sleep", argv0, "1000", (char *)NULL);
		_exit(127);
	}
	return pid;
}

static void end_child(pid_t pid)
{
	if (pid > 0) {
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
}

static void hostile_live(void)
{
	const char *args[] = { "-d", "100ms", "-p", NULL, NULL };
	char pids[64];
	struct run r;
	pid_t one = evil_child("\033]0;own\007\x9b" "2J", "ev\033]0;il\007\xe2\x80\xae\n");
	pid_t two = evil_command("\033[2J\033]52;c;x\007\xc2\x9b" "31m\xff");

	if (!CHECK(one > 0 && two > 0))
		return;
	snprintf(pids, sizeof(pids), "%d,%d", (int)one, (int)two);
	args[3] = pids;
	start(&r, NULL, args, NULL, 200, 60);
	/* The second has not executed it yet, perhaps; the first shows its name in its details. */
	CHECK(pty_wait_text(&r.p, "\\x1b[2J\\x1b]52;c;x\\x07\\xc2\\x9b31m\\xff"));
	for (int i = 0; i < 2; i++) {
		pty_keys(&r.p, "\r");
		CHECK(see(&r, "ADDRESS"));
		pty_keys(&r.p, "\033OF");
		CHECK(see(&r, "stack"));
		pty_keys(&r.p, "\033OH");
		CHECK(see(&r, "ADDRESS"));
		pty_keys(&r.p, "q");
		CHECK(see(&r, HEADING));
		pty_keys(&r.p, "j");
	}
	CHECK(last_of(&r.p.out, "\\x1b]0;own\\x07\\x9b") >= 0);
	CHECK(last_of(&r.p.out, "ev\\x1b]0;il\\x07") >= 0 || last_of(&r.p.out, "ev\\\\033]0;il") >= 0 ||
	      geteuid());
	for (int i = 0; i < 6; i++)
		pty_keys(&r.p, "g\r");
	pty_keys(&r.p, F10);
	CHECK(pty_wait_end(&r.p));
	check_restored(&r.p);
	check_stream(&r.p.out, false);
	finish(&r);
	end_child(one);
	end_child(two);
}

static void hostile_dump(void)
{
	static const char *const env[] = { "LC_ALL=C", NULL };
	struct run r;

	for (int c_locale = 0; c_locale < 2; c_locale++) {
		tap_row("%s", c_locale ? "C" : "UTF-8");
		start(&r, "hostile", NULL, c_locale ? env : NULL, 160, 50);
		CHECK(pty_wait_text(&r.p, "\\x1b[2J"));
		for (int i = 0; i < 6; i++) {
			pty_keys(&r.p, "g\rj\rj\rt");
			pty_drain(&r.p, 20);
		}
		pty_keys(&r.p, "/\033[2J\xff\xc2\x9b" "0m\r");
		pty_drain(&r.p, 50);
		pty_keys(&r.p, F10);
		CHECK(pty_wait_end(&r.p));
		check_restored(&r.p);
		check_stream(&r.p.out, c_locale);
		finish(&r);
	}
}

/* Bytes that no keyboard sends, whole and in parts. */
static void random_input(void)
{
	struct run r;
	char buf[64];

	start(&r, "7.3-hksm", NULL, NULL, 80, 24);
	CHECK(pty_wait_text(&r.p, HEADING));
	for (int i = 0; i < 200 && !r.p.ended; i++) {
		const int n = 1 + random_to(sizeof(buf) - 1);

		for (int k = 0; k < n; k++) {
			do
				buf[k] = (char)(random_to(3) ? random_to(256) : "\033[O<;M0123"[random_to(10)]);
			while (strchr("q\003\032\034\023\021\020\026\017", buf[k]));
		}
		/* F10 by chance would be "\033[21~". */
		for (int k = 0; k < n; k++)
			if (buf[k] == '~')
				buf[k] = '!';
		pty_type(&r.p, buf, (size_t)n);
		pty_drain(&r.p, 1);
	}
	CHECK(!r.p.ended);
	/* It may be within a report of the mouse, which M or m ends. */
	for (int i = 0; i < 100 && !r.p.ended; i++) {
		pty_keys(&r.p, "Mm\033");
		pty_drain(&r.p, 100);
		pty_keys(&r.p, F10);
		pty_end_soon(&r.p, 200);
	}
	CHECK(r.p.ended);
	CHECK(WIFEXITED(r.p.status) && !WEXITSTATUS(r.p.status));
	check_restored(&r.p);
	check_stream(&r.p.out, false);
	finish(&r);
}

/* ------------------------------------------------------------------ */
/* terminals								*/

static bool has_colour(const struct str *out, const char *prefix)
{
	return out->len && memmem(out->s, out->len, prefix, strlen(prefix));
}

/* SGR 30 to 47 and 90 to 107, in whatever place of a sequence. */
static bool any_colour(const struct str *out)
{
	for (size_t i = 0; i + 4 < out->len; i++) {
		const char *s = out->s + i;
		size_t n = s[0] == '\033' && s[1] == '[' ? strspn(s + 2, "0123456789;") : 0;

		if (!n || s[2 + n] != 'm')
			continue;
		for (size_t k = 2; k < 2 + n; k++)
			if ((s[k - 1] == '[' || s[k - 1] == ';') && (s[k] == '3' || s[k] == '4') &&
			    s[k + 1] >= '0' && s[k + 1] <= '8')
				return true;
	}
	return false;
}

static void colours(void)
{
	static const struct {
		const char *env[4];
		const char *args[2];
		bool want_256, want_any;
	} rows[] = {
		{ { "TERM=xterm-256color" }, { NULL }, true, true },
		{ { "TERM=xterm" }, { NULL }, false, true },
		{ { "TERM=screen" }, { NULL }, false, true },
		{ { "TERM=vt100" }, { NULL }, false, false },
		{ { "TERM=xterm-256color", "NO_COLOR=1" }, { NULL }, false, false },
		{ { "TERM=xterm-256color" }, { "--no-color" }, false, false },
	};
	struct run r;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%s %s %s", rows[i].env[0], rows[i].env[1] ? rows[i].env[1] : "",
			rows[i].args[0] ? rows[i].args[0] : "");
		start(&r, "6.12-busy", rows[i].args, rows[i].env, 80, 24);
		CHECK(pty_wait_text(&r.p, HEADING));
		pty_keys(&r.p, "q");
		CHECK(pty_wait_end(&r.p));
		CHECK(WIFEXITED(r.p.status) && !WEXITSTATUS(r.p.status));
		CHECK_INT(has_colour(&r.p.out, "38;5;"), rows[i].want_256);
		CHECK_INT(any_colour(&r.p.out), rows[i].want_any);
		CHECK(pty_same_modes(&r.p));
		finish(&r);
	}
}

static void characters(void)
{
	static const char *const ascii[] = { "--ascii", NULL };
	static const char *const c_locale[] = { "LC_ALL=C", NULL };
	struct run r;

	start(&r, "6.12-busy", NULL, NULL, 80, 24);
	CHECK(pty_wait_text(&r.p, HEADING));
	CHECK(pty_wait_text(&r.p, "\xe2\x94\x80"));
	pty_keys(&r.p, "q");
	CHECK(pty_wait_end(&r.p));
	finish(&r);
	for (int i = 0; i < 2; i++) {
		tap_row("%s", i ? "C" : "--ascii");
		start(&r, "6.12-busy", i ? NULL : ascii, i ? c_locale : NULL, 80, 24);
		CHECK(pty_wait_text(&r.p, HEADING));
		pty_keys(&r.p, "tths");
		pty_keys(&r.p, F10);
		CHECK(pty_wait_end(&r.p));
		check_stream(&r.p.out, true);
		finish(&r);
	}
}

static void unfit_terminals(void)
{
	static const struct {
		const char *env[3];
		const char *says;
	} rows[] = {
		{ { "TERM=dumb" }, "-b" },
		{ { "TERM" }, "-b" },
		/* curses leaks a little when it finds no such terminal. */
		{ { "TERM=no-such-terminal", "ASAN_OPTIONS=detect_leaks=0" }, "no-such-terminal" },
	};
	struct run r;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tap_row("%s", rows[i].env[0]);
		start(&r, "6.12-busy", NULL, rows[i].env, 80, 24);
		CHECK(pty_wait_end(&r.p));
		pty_drain(&r.p, 50);
		CHECK(WIFEXITED(r.p.status) && WEXITSTATUS(r.p.status) == 1);
		CHECK(last_of(&r.p.out, rows[i].says) >= 0);
		CHECK(!memchr(r.p.out.s, '\033', r.p.out.len));
		CHECK(pty_same_modes(&r.p));
		finish(&r);
	}
}

static void set_up(void)
{
	const char *build = getenv("KSM_BUILDDIR");

	snprintf(ksmtop, sizeof(ksmtop), "%s/ksmtop", build ? build : ".");
	if (access(ksmtop, X_OK)) {
		printf("Bail out! %s: %s\n", ksmtop, strerror(errno));
		exit(99);
	}
	root_new(&config);
	/* A hung-up terminal must not end the test. */
	signal(SIGPIPE, SIG_IGN);
}

static const struct tap_case cases[] = {
	TAP_CASE(quits), TAP_CASE(signals), TAP_CASE(signals_any_time), TAP_CASE(hang_up),
	TAP_CASE(suspends), TAP_CASE(stopped), TAP_CASE(resizes), TAP_CASE(absurd_sizes),
	TAP_CASE(hostile_live), TAP_CASE(hostile_dump), TAP_CASE(random_input), TAP_CASE(colours),
	TAP_CASE(characters), TAP_CASE(unfit_terminals),
};

int main(void)
{
	int rc;

	set_up();
	rc = tap_run(cases, ARRAY_SIZE(cases));
	root_free(&config);
	return rc;
}
