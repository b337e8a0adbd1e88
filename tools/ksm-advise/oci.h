/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * oci.h - what the state of a container, as its runtime tells it to hooks, asks for.
 */
#ifndef KSM_ADVISE_OCI_H
#define KSM_ADVISE_OCI_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define ADV_OCI_MERGE	 "org.ksm-utils.merge"
#define ADV_OCI_REQUIRED "org.ksm-utils.required"

/* Annotations of a pod may have 256 KiB together, and twice as much with escapes. */
#define ADV_OCI_STATE_MAX (1U << 20)

struct adv_oci {
	char id[128];		/* of the container, raw; cut */
	pid_t pid;		/* 0: the state tells none */
	bool running;		/* its program has begun */
	bool said;		/* an annotation says whether to merge */
	bool merge;
	bool required;		/* it must not start without */
};

/**
 * adv_oci_parse() - the state of a container (runtime-spec, runtime.md)
 * @always: merge is what is wanted where no annotation says otherwise
 * @out: what could be read, also on failure
 * @why: what is wrong; may hold foreign text
 *
 * Whoever asks for nothing is held to nothing: the other members are looked at only where
 * merging is asked for.
 *
 * Return: 0 or -EINVAL.
 */
int adv_oci_parse(const char *text, size_t len, bool always, struct adv_oci *out, char *why,
		  size_t why_len);

#endif /* KSM_ADVISE_OCI_H */
