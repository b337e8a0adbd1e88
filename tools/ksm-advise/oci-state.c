// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * oci-state.c - the state of a container, which its runtime writes to the standard input
 * of a hook: what its annotations ask for, and of which process.  Pure.
 *
 * The runtime is trusted, what it passes on is not: annotations are whatever the image's
 * author and whoever started the container wrote.
 */
#include "ksm-advise/oci.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "util/json.h"
#include "util/num.h"

#define VALUE_MAX 32

/* 0, also when it is not there: then *out stays. */
static int parse_switch(struct json annotations, const char *name, bool *out, bool *said, char *why,
			size_t why_len)
{
	char text[VALUE_MAX];
	struct json value;
	int rc = json_member(annotations, name, &value);

	if (rc == -ENOENT)
		return 0;
	if (rc) {
		snprintf(why, why_len, "annotation %s: it is there twice", name);
		return -EINVAL;
	}
	rc = json_string(value, text, sizeof(text));
	if (!rc)
		rc = num_bool(text, out);
	if (rc) {
		snprintf(why, why_len, "annotation %s: \"%s\": neither yes nor no", name, text);
		return -EINVAL;
	}
	if (said)
		*said = true;
	return 0;
}

static int parse_annotations(struct json state, struct adv_oci *out, char *why, size_t why_len)
{
	struct json annotations;
	int rc = json_member(state, "annotations", &annotations);

	/* A container without any may have null there, or nothing. */
	if (rc == -ENOENT || (!rc && *annotations.s == 'n'))
		return 0;
	if (rc || *annotations.s != '{') {
		snprintf(why, why_len, "annotations: not an object, or there twice");
		return -EINVAL;
	}
	/* First, for what else is wrong is told by the status where this says so. */
	rc = parse_switch(annotations, ADV_OCI_REQUIRED, &out->required, NULL, why, why_len);
	return rc ? rc : parse_switch(annotations, ADV_OCI_MERGE, &out->merge, &out->said, why,
				      why_len);
}

static int parse_process(struct json state, struct adv_oci *out, char *why, size_t why_len)
{
	struct json value;
	char status[VALUE_MAX];
	int64_t pid;

	if (json_member(state, "pid", &value) || json_s64(value, &pid) || pid < 1 ||
	    pid > INT_MAX) {
		snprintf(why, why_len, "pid: missing, or not the number of a process");
		return -EINVAL;
	}
	out->pid = (pid_t)pid;
	if (!json_member(state, "status", &value) && !json_string(value, status, sizeof(status)))
		out->running = !strcmp(status, "running");
	return 0;
}

int adv_oci_parse(const char *text, size_t len, bool always, struct adv_oci *out, char *why,
		  size_t why_len)
{
	struct json state, id;
	int rc;

	*out = (struct adv_oci){ .merge = always };
	*why = '\0';
	rc = json_parse(text, len, &state);
	if (rc) {
		snprintf(why, why_len, rc == -E2BIG ? "nested too deeply at byte %zu" :
						      "not JSON at byte %zu",
			 (size_t)(state.s - text) + 1);
		return -EINVAL;
	}
	if (*state.s != '{') {
		snprintf(why, why_len, "not a JSON object");
		return -EINVAL;
	}
	/* For messages: one that is too long is cut, and one that is none is "". */
	if (!json_member(state, "id", &id))
		(void)json_string(id, out->id, sizeof(out->id));
	rc = parse_annotations(state, out, why, why_len);
	if (rc || !out->merge)
		return rc;
	return parse_process(state, out, why, why_len);
}
