/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pattern.h - regular expressions on texts that anybody may choose.
 */
#ifndef KSM_LIBKSM_PATTERN_H
#define KSM_LIBKSM_PATTERN_H

#include <regex.h>
#include <stdbool.h>

struct ksm_pattern {
	regex_t whole;		/* for all of a line: takes no longer than its length */
	regex_t plain;		/* as it was given, where the above cannot be made of it */
	bool has_whole;
};

/* 0, or what regcomp(3) returns, for regerror(3) with ->plain. */
int ksm_pattern_init(struct ksm_pattern *p, const char *text);
void ksm_pattern_fini(struct ksm_pattern *p);
/* @line ends in NUL; it may be written to. */
bool ksm_pattern_match(const struct ksm_pattern *p, char *line);

#endif /* KSM_LIBKSM_PATTERN_H */
