// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fail.c - what went wrong: the handle's record of the last failure, what an
 * errno says of a figure, and lines for those who look for a reason.
 *
 * Opens nothing, so that path.c, the only opener, can tell its failures here.
 */
#include "libksm/internal.h"

#include <errno.h>
#include <string.h>

enum ksm_state ksm_state_of(int rc)
{
	switch (rc) {
	case -EACCES:
	case -EPERM:
		return KSM_DENIED;
	case -ENOENT:
	case -ENOTDIR:
	case -ESRCH:
		return KSM_ABSENT;
	default:
		return KSM_VALUE;
	}
}

int ksm_fail(struct ksm *k, int rc, const char *verb, const char *fmt, ...)
{
	va_list ap;

	k->err = rc;
	k->err_verb = verb;
	k->err_path[0] = '/';
	va_start(ap, fmt);
	vsnprintf(k->err_path + 1, sizeof(k->err_path) - 1, fmt, ap);
	va_end(ap);
	ksm_log(k, KSM_LOG_PATH, "%s %s: %s", verb, k->err_path, strerror(-rc));
	return rc;
}

const char *ksm_errmsg(struct ksm *k)
{
	str_reset(&k->err_text);
	if (k->err)
		str_addf(&k->err_text, "%s %s: %s", k->err_verb, k->err_path, strerror(-k->err));
	return str_get(&k->err_text);
}

const char *ksm_errpath(struct ksm *k)
{
	return k->err ? k->err_path : "";
}

void ksm_set_log(struct ksm *k, ksm_log_fn fn, void *arg, unsigned int mask)
{
	k->log = fn;
	k->log_arg = arg;
	k->log_mask = mask;
}

void ksm_log(struct ksm *k, enum ksm_log area, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	if (!k->log || !(k->log_mask & area))
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	k->log(k->log_arg, area, line);
}

unsigned int ksm_log_parse(const char *words)
{
	static const struct {
		const char *word;
		unsigned int mask;
	} known[] = {
		{ "all", ~0U },
		{ "path", KSM_LOG_PATH },
		{ "proc", KSM_LOG_PROC },
		{ "netlink", KSM_LOG_NETLINK },
		{ "inject", KSM_LOG_INJECT },
		{ "engine", KSM_LOG_ENGINE },
	};
	unsigned int mask = 0;
	size_t n;

	for (; words && *words; words += n + (words[n] == ',')) {
		n = strcspn(words, ",");
		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			if (strlen(known[i].word) == n && !strncmp(words, known[i].word, n))
				mask |= known[i].mask;
	}
	return mask;
}
