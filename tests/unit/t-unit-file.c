// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names, lines and commands of systemd's units: text in, what systemd makes of it out.
 */
#include "ksmctl/unit.h"

#include <errno.h>

#include "tap.h"

static void names(void)
{
	static const struct {
		const char *typed, *want;	/* NULL: refused */
	} rows[] = {
		{ "a", "a.service" },
		{ "a.service", "a.service" },
		{ "a@b", "a@b.service" },
		{ "a@b@c", "a@b@c.service" },
		{ "app-foo\\x2dbar", "app-foo\\x2dbar.service" },
		{ "a.b", "a.b.service" },		/* a kind that there is not */
		{ "a@b-", "a@b-.service" },		/* the instance may end so */
		{ "", NULL },
		{ ".service", NULL },
		{ "@b", NULL },
		{ "a@", NULL },				/* a template */
		{ "a-", NULL },				/* a prefix of others */
		{ "a-@b", NULL },
		{ "a/b", NULL },
		{ "a\nb", NULL },
		{ "a\xc3\xa4", NULL },
		{ "a.socket", NULL },
	};
	char longest[UNIT_NAME_MAX + 2], out[UNIT_NAME_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *why = unit_name_check(rows[i].typed, out);

		tap_row("\"%s\"", rows[i].typed);
		CHECK_INT(!why, !!rows[i].want);
		if (!why && rows[i].want)
			CHECK_STR(out, rows[i].want);
	}
	/* With its suffix and the NUL, the longest fills the room. */
	for (size_t n = UNIT_NAME_MAX - 12; n < UNIT_NAME_MAX + 1; n++) {
		memset(longest, 'a', n);
		longest[n] = 0;
		tap_row("%zu letters", n);
		CHECK_INT(!unit_name_check(longest, out), n + strlen(".service") < UNIT_NAME_MAX);
	}
	CHECK(unit_template("a@b@c.service", out));
	CHECK_STR(out, "a@.service");
	CHECK(!unit_template("a.service", out));
}

static void versions(void)
{
	CHECK_INT(unit_systemd_version("systemd 252 (252.39-1)\n+PAM"), 252);
	CHECK_INT(unit_systemd_version("libsystemd-shared-257.9-1.so"), 257);
	CHECK_INT(unit_systemd_version("systemd 254"), 254);
	CHECK_INT(unit_systemd_version("systemd v254"), 0);
	CHECK_INT(unit_systemd_version("systemd 99999999999999999999"), 0);
	CHECK_INT(unit_systemd_version("elogind 252"), 0);
	CHECK_INT(unit_systemd_version(""), 0);
}

/* All commands, one a line. */
static const char *commands(const struct unit *u)
{
	static char text[512];

	text[0] = 0;
	for (size_t i = 0; i < u->n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\n", u->exec[i]);
	return text;
}

static void lines(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "[Service]\nExecStart=/a\n", "/a\n" },
		{ "[Service]\nExecStart=/a", "/a\n" },
		{ "ExecStart=/a\n", "" },
		{ "[Unit]\nExecStart=/a\n", "" },
		{ "[service]\nExecStart=/a\n", "" },
		{ "[Service]\r\nExecStart=/a\r\n", "/a\n" },
		{ "[Service]\nexecstart=/a\nExecStartPre=/b\n", "" },
		{ "[Service]\nExecStart=/a\nExecStart=/b\n", "/a\n/b\n" },
		{ "[Service]\nExecStart=/a\nExecStart=\n", "" },
		{ "[Service]\nExecStart=/a\nExecStart=\nExecStart=/b\n", "/b\n" },
		{ "[Service]\nExecStart=/a\\\n/b\n", "/a /b\n" },
		{ "[Service]\nExecStart=/a \\\n#c\n;d\n\te\n", "/a  \te\n" },
		{ "[Service]\nExecStart=/a \\\n\nExecStart=/b\n", "/a\n/b\n" },	/* an empty line ends it */
		{ "[Service]\nExecStart=/a \\\\\nExecStart=/b\n", "/a \\\\\n/b\n" },
		{ "[Service]\nExecStart=/a \\", "/a\n" },
		{ "[Service]\n# ExecStart=/c \\\nExecStart=/a\n", "/a\n" },	/* comments do not go on */
		{ "[Service]\nExecStart=/a ; /b;c ;d ; /e\n", "/a\n/b;c ;d\n/e\n" },
		{ "[Service]\nExecStart=/a \";\" ';' \\; \" ; \"\n", "/a \";\" ';' \\; \" ; \"\n" },
		{ "[Service]\nExecStart=; ; /a ;\n", "/a\n" },
		{ "[Service]\nExecStart=/a \"b ; c\n", "/a \"b ; c\n" },	/* never closed */
		{ "[Service]\nExecStart\n=\n[\n[]\n=x\n", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct unit u = { 0 };

		tap_row("row %zu", i);
		CHECK_INT(unit_parse(&u, rows[i].text, strlen(rows[i].text)), 0);
		CHECK_STR(commands(&u), rows[i].want);
		unit_fini(&u);
	}
}

static void no_text(void)
{
	static const char text[] = "[Service]\nExecStart=/a\0b\n";
	struct unit u = { 0 };

	CHECK_INT(unit_parse(&u, text, sizeof(text) - 1), -EINVAL);
	CHECK_INT(unit_parse(&u, "", 0), 0);
	CHECK_INT(u.n, 0);
	unit_fini(&u);
}

static void settings(void)
{
	static const struct {
		const char *line, *hides;
		bool ksm;
	} rows[] = {
		{ "MemoryKSM=yes", NULL, true },
		{ "MemoryKSM = On", NULL, true },
		{ "MemoryKSM=1\nMemoryKSM=", NULL, false },
		{ "MemoryKSM=no", NULL, false },
		{ "RootDirectory=/x", "RootDirectory", false },
		{ "RootDirectory=/", NULL, false },
		{ "RootDirectory=/x\nRootDirectory=", NULL, false },
		{ "RootImage=/x.raw", "RootImage", false },
		{ "NoExecPaths=/", "NoExecPaths", false },
		{ "ExecPaths=/usr", "ExecPaths", false },
		{ "RootDirectoryStartOnly=yes", NULL, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct unit u = { 0 };
		char text[128];

		snprintf(text, sizeof(text), "[Service]\n%s\n", rows[i].line);
		tap_row("%s", rows[i].line);
		CHECK_INT(unit_parse(&u, text, strlen(text)), 0);
		CHECK_INT(u.memory_ksm, rows[i].ksm);
		CHECK_STR(unit_hides(&u) ? unit_hides(&u) : "", rows[i].hides ? rows[i].hides : "");
		unit_fini(&u);
	}
}

static void wrapping(void)
{
	static const struct {
		const char *command;
		enum unit_wrap how;
		const char *want;
	} rows[] = {
		{ "/a", UNIT_WRAPPED, "/x -- /a" },
		{ "a b", UNIT_WRAPPED, "/x -- a b" },
		{ "-/a  b", UNIT_WRAPPED, "-/x -- /a  b" },
		{ "!!/a", UNIT_WRAPPED, "!!/x -- /a" },
		{ "+:-/a$b $c", UNIT_WRAPPED, "+:-/x -- /a$b $c" },
		{ "/a$b $c", UNIT_WRAPPED, "/x -- /a$$b $c" },
		{ "\"/a b\" c", UNIT_WRAPPED, "/x -- \"/a b\" c" },
		{ "/a\\ b c", UNIT_WRAPPED, "/x -- /a\\ b c" },
		{ "@/a b c", UNIT_WRAPPED_NAME, "/x -- /a c" },
		{ "@/a \"b c\" d", UNIT_WRAPPED_NAME, "/x -- /a d" },
		{ "-@/a", UNIT_WRAPPED_NAME, "-/x -- /a" },
		{ "/usr/bin/ksm-advise -- /a", UNIT_THROUGH, "" },
		{ "-ksm-advise /a", UNIT_THROUGH, "" },
		{ "/usr/bin/my-ksm-advise /a", UNIT_WRAPPED, "/x -- /usr/bin/my-ksm-advise /a" },
		{ "/usr/bin/ksm-advised /a", UNIT_WRAPPED, "/x -- /usr/bin/ksm-advised /a" },
		{ "|/a", UNIT_UNKNOWN, "" },
		{ "-|/a", UNIT_UNKNOWN, "" },
		{ "-", UNIT_UNKNOWN, "" },
		{ "- /a", UNIT_UNKNOWN, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct str out = STR_INIT;

		tap_row("%s", rows[i].command);
		CHECK_INT(unit_wrap(rows[i].command, "/x", &out), rows[i].how);
		CHECK_STR(str_get(&out), rows[i].want);
		str_fini(&out);
	}
}

static void odd_program(void)
{
	struct str out = STR_INIT;

	CHECK_INT(unit_wrap("/a", "/o p/100%\"\\x", &out), UNIT_WRAPPED);
	CHECK_STR(str_get(&out), "\"/o p/100%%\\\"\\\\x\" -- /a");
	str_fini(&out);
}

TAP_MAIN(TAP_CASE(names), TAP_CASE(versions), TAP_CASE(lines), TAP_CASE(no_text),
	 TAP_CASE(settings), TAP_CASE(wrapping), TAP_CASE(odd_program))
