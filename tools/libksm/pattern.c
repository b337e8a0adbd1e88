// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pattern.c - regular expressions on command lines, which anybody may choose.
 *
 * regexec() begins anew at each byte of a line, and an expression as plain as
 * "x.*y" runs to the end of the line each time: 22 s for 64 KiB of x (glibc 2.36),
 * which any user can present to root.  With "^.*" in front all beginnings are
 * tried in one run, in 8 ms for 128 KiB.
 */
#include "libksm/pattern.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "util/str.h"

/* How much of a line is looked at by an expression that cannot be made so. */
#define PLAIN_MAX 4096

/* Behind the bracket expression that begins at @s. */
static const char *skip_bracket(const char *s)
{
	s += s[1] == '^' ? 2 : 1;
	/* A first ] stands for itself; [:alpha:], [.x.] and [=x=] have one of their own. */
	if (*s == ']')
		s++;
	while (*s && *s != ']') {
		if (*s == '[' && s[1] && strchr(":.=", s[1])) {
			const char end[] = { s[1], ']', '\0' };
			const char *to = strstr(s + 2, end);

			s = to ? to + 2 : s + 1;
		} else {
			s++;
		}
	}
	return *s ? s + 1 : s;
}

/*
 * Can it be put into parentheses?  Not when it counts its own (\1), nor when it
 * closes one that it has not opened, which stands for itself.
 */
static bool can_wrap(const char *s)
{
	unsigned int depth = 0;

	while (*s) {
		if (*s == '[') {
			s = skip_bracket(s);
			continue;
		}
		if (*s == '\\') {
			if (!s[1] || (s[1] >= '0' && s[1] <= '9'))
				return false;
			s++;
		} else if (*s == '(') {
			depth++;
		} else if (*s == ')' && !depth--) {
			return false;
		}
		s++;
	}
	return true;
}

int ksm_pattern_init(struct ksm_pattern *p, const char *text)
{
	struct str whole __cleanup_str = STR_INIT;
	int rc = regcomp(&p->plain, text, REG_EXTENDED | REG_NOSUB);

	p->has_whole = false;
	if (rc || !can_wrap(text))
		return rc;
	str_addf(&whole, "^.*(%s)", text);
	p->has_whole = !str_err(&whole) &&
		       !regcomp(&p->whole, str_get(&whole), REG_EXTENDED | REG_NOSUB);
	return 0;
}

void ksm_pattern_fini(struct ksm_pattern *p)
{
	regfree(&p->plain);
	if (p->has_whole)
		regfree(&p->whole);
}

/* No expression but the one that names it matches a byte that is no character. */
static void replace_bad(char *line)
{
	size_t left = strlen(line);
	mbstate_t state = { 0 };

	while (left) {
		size_t n = mbrlen(line, left, &state);

		if (n > left) {
			*line = '?';
			n = 1;
			state = (mbstate_t){ 0 };
		}
		line += n;
		left -= n;
	}
}

bool ksm_pattern_match(const struct ksm_pattern *p, char *line)
{
	if (p->has_whole) {
		replace_bad(line);
		return !regexec(&p->whole, line, 0, NULL, 0);
	}
	if (strlen(line) > PLAIN_MAX)
		line[PLAIN_MAX] = '\0';
	return !regexec(&p->plain, line, 0, NULL, 0);
}
