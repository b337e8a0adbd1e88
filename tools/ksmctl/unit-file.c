// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unit-file.c - the text of systemd's units, as far as opt-in needs it: pure.
 *
 * It follows systemd's own reading: lines that end in a backslash go on, comments in
 * between are skipped, an empty ExecStart= forgets the ones before, and a lone ";"
 * begins another command (systemd.service(5), "Command lines").
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ksmctl/unit.h"
#include "util/ascii.h"
#include "util/macros.h"
#include "util/num.h"
#include "util/vec.h"

#define SUFFIX ".service"
#define BLANKS " \t\n\r"
#define PREFIXES "-@:+!"	/* of a command; "|" came later and is left alone */

/* --- names --- */

static bool is_name_char(char c)
{
	return ascii_is_digit(c) || ascii_is_alpha(c) ||
	       (c && strchr(":_.\\@-", c));
}

static bool ends_in(const char *s, const char *suffix)
{
	const size_t n = strlen(s), m = strlen(suffix);

	return n >= m && !strcmp(s + n - m, suffix);
}

static const char *const other_kinds[] = {
	".automount", ".device", ".mount", ".path", ".scope", ".slice", ".socket", ".swap",
	".target", ".timer",
};

const char *unit_name_check(const char *typed, char *out)
{
	const char *at, *end;
	size_t n = strlen(typed);

	for (size_t i = 0; i < ARRAY_SIZE(other_kinds); i++)
		if (ends_in(typed, other_kinds[i]))
			return "not a service";
	if (!n || n + strlen(SUFFIX) >= UNIT_NAME_MAX)
		return "not the name of a unit";
	for (size_t i = 0; i < n; i++)
		if (!is_name_char(typed[i]))
			return "not the name of a unit";
	memcpy(out, typed, n + 1);
	if (!ends_in(typed, SUFFIX)) {
		memcpy(out + n, SUFFIX, strlen(SUFFIX) + 1);
		n += strlen(SUFFIX);
	}
	end = out + n - strlen(SUFFIX);
	at = strchr(out, '@');
	if (end == out || at == out || *out == '.')
		return "not the name of a unit";
	if (at && at + 1 == end)
		return "a template, which stands for all its instances: name one of them";
	if ((at && at < end ? at[-1] : end[-1]) == '-')
		return "it would hold for all units that begin so";
	return NULL;
}

bool unit_template(const char *name, char *out)
{
	const char *at = strchr(name, '@');

	if (!at)
		return false;
	memcpy(out, name, at + 1 - name);
	memcpy(out + (at + 1 - name), SUFFIX, strlen(SUFFIX) + 1);
	return true;
}

unsigned int unit_systemd_version(const char *text)
{
	static const char *const before[] = { "systemd ", "libsystemd-shared-" };

	for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
		const char *s = text + strlen(before[i]);
		uint64_t v;

		if (!strncmp(text, before[i], strlen(before[i])) && !num_take_u64(&s, 10, &v) &&
		    v < 100000)
			return (unsigned int)v;
	}
	return 0;
}

/* --- lines --- */

/* Behind the word at @s: quotes hold blanks together, a backslash takes what follows it. */
static const char *word_end(const char *s)
{
	char quote = 0;

	for (; *s; s++) {
		if (*s == '\\' && s[1])
			s++;
		else if (quote)
			quote = *s == quote ? 0 : quote;
		else if (*s == '"' || *s == '\'')
			quote = *s;
		else if (strchr(BLANKS, *s))
			break;
	}
	return s;
}

static int add_exec(struct unit *u, const char *s, const char *end)
{
	while (end > s && strchr(BLANKS, end[-1]))
		end--;
	if (end == s)
		return 0;
	if (vec_room(u->exec, u->n, u->cap))
		return -ENOMEM;
	u->exec[u->n] = strndup(s, end - s);
	return u->exec[u->n++] ? 0 : -ENOMEM;
}

static int take_exec(struct unit *u, const char *value)
{
	const char *begin = value, *s = value;

	if (!*value) {
		unit_fini(u);
		return 0;
	}
	while (*(s += strspn(s, BLANKS))) {
		const char *end = word_end(s);

		if (end == s + 1 && *s == ';') {
			int rc = add_exec(u, begin, s);

			if (rc)
				return rc;
			begin = end + strspn(end, BLANKS);
		}
		s = end;
	}
	return add_exec(u, begin, s);
}

static bool is_yes(const char *s)
{
	static const char *const words[] = { "1", "yes", "y", "true", "t", "on" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (ascii_equal(s, words[i]))
			return true;
	return false;
}

/* With one of them, ksm-advise may not be there, or may not be run. */
static const struct {
	const char *key;
	const char *none;	/* the value that hides nothing; so does the empty one */
} hiding[] = {
	{ "RootDirectory", "/" },
	{ "RootImage", "" },
	{ "NoExecPaths", "" },
	{ "ExecPaths", "" },
};

static int take_setting(struct unit *u, const char *key, const char *value)
{
	if (!strcmp(key, "ExecStart"))
		return take_exec(u, value);
	if (!strcmp(key, "MemoryKSM"))
		u->memory_ksm = is_yes(value);
	for (size_t i = 0; i < ARRAY_SIZE(hiding); i++) {
		if (strcmp(key, hiding[i].key))
			continue;
		if (!*value || !strcmp(value, hiding[i].none))
			u->hides &= ~(1U << i);
		else
			u->hides |= 1U << i;
	}
	return 0;
}

const char *unit_hides(const struct unit *u)
{
	for (size_t i = 0; i < ARRAY_SIZE(hiding); i++)
		if (u->hides & 1U << i)
			return hiding[i].key;
	return NULL;
}

/* Blanks around are gone; the text is cut where it ends. */
static char *strip(char *s)
{
	char *end;

	s += strspn(s, BLANKS);
	end = s + strlen(s);
	while (end > s && strchr(BLANKS, end[-1]))
		end--;
	*end = 0;
	return s;
}

/* A whole line, continued ones put together. */
static int take_line(struct unit *u, char *line, bool *in_service)
{
	char *eq;

	line = strip(line);
	if (*line == '[') {
		*in_service = !strcmp(line, "[Service]");
		return 0;
	}
	eq = strchr(line, '=');
	if (!*in_service || !eq)
		return 0;
	*eq = 0;
	return take_setting(u, strip(line), strip(eq + 1));
}

static bool goes_on(const char *line, size_t len)
{
	bool escaped = false;

	for (size_t i = 0; i < len; i++)
		escaped = !escaped && line[i] == '\\';
	return escaped;
}

int unit_parse(struct unit *u, const char *text, size_t len)
{
	struct str whole __cleanup_str = STR_INIT;
	bool in_service = false;
	int rc = 0;

	if (memchr(text, 0, len))
		return -EINVAL;
	for (const char *s = text, *next; !rc && s < text + len; s = next) {
		const char *nl = memchr(s, '\n', text + len - s);
		const size_t n = (nl ? nl : text + len) - s;
		const size_t blank = strspn(s, " \t\r");

		next = s + n + !!nl;
		if (blank < n && strchr("#;", s[blank]))
			continue;
		if (goes_on(s, n)) {
			str_addmem(&whole, s, n - 1);
			str_addc(&whole, ' ');
			if (next < text + len)
				continue;
		} else {
			str_addmem(&whole, s, n);
		}
		rc = str_err(&whole);
		if (!rc && whole.len)
			rc = take_line(u, whole.s, &in_service);
		str_reset(&whole);
	}
	return rc;
}

void unit_fini(struct unit *u)
{
	for (size_t i = 0; i < u->n; i++)
		free(u->exec[i]);
	free(u->exec);
	u->exec = NULL;
	u->n = u->cap = 0;
}

/* --- commands --- */

static bool is_advise(const char *word, size_t n)
{
	static const char name[] = "ksm-advise";
	const size_t m = sizeof(name) - 1;

	return n >= m && !strncmp(word + n - m, name, m) && (n == m || word[n - m - 1] == '/');
}

/*
 * The path of a program is taken as it is, and an argument is not: "$" stands for a
 * variable there, unless the prefix ":" says otherwise.
 */
static void add_path(struct str *out, const char *s, size_t n, bool plain)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '$' && !plain)
			str_addc(out, '$');
		str_addc(out, s[i]);
	}
}

/* Quoted where a blank or a special character would end or change it. */
static void add_program(struct str *out, const char *path)
{
	str_addc(out, '"');
	for (const char *s = path; *s; s++) {
		if (*s == '"' || *s == '\\')
			str_addc(out, '\\');
		else if (*s == '%')
			str_addc(out, '%');
		str_addc(out, *s);
	}
	str_addc(out, '"');
}

enum unit_wrap unit_wrap(const char *command, const char *advise, struct str *out)
{
	const size_t prefixes = strspn(command, PREFIXES);
	const char *path = command + prefixes;
	const char *end = word_end(path), *rest = end;
	bool renamed = false, plain = false;

	if (end == path || *path == '|')
		return UNIT_UNKNOWN;
	if (is_advise(path, end - path))
		return UNIT_THROUGH;
	for (size_t i = 0; i < prefixes; i++) {
		renamed |= command[i] == '@';
		plain |= command[i] == ':';
		if (command[i] != '@')
			str_addc(out, command[i]);
	}
	if (renamed)
		rest = word_end(rest + strspn(rest, BLANKS));
	if (strpbrk(advise, BLANKS "\"'\\%"))
		add_program(out, advise);
	else
		str_add(out, advise);
	str_add(out, " -- ");
	add_path(out, path, end - path, plain);
	str_add(out, rest);
	return renamed ? UNIT_WRAPPED_NAME : UNIT_WRAPPED;
}
