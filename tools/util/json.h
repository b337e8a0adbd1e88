/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json.h - read a JSON document (RFC 8259) that somebody else wrote: checked as a
 * whole, then asked for single members.  Nothing is allocated, and no more is nested
 * than JSON_DEPTH_MAX.
 */
#ifndef KSM_UTIL_JSON_H
#define KSM_UTIL_JSON_H

#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 64

/* A value in the text of a document that json_parse() has checked. */
struct json {
	const char *s;
	size_t len;
};

/**
 * json_parse() - check a document
 * @text: need not end in NUL
 * @out: its value, borrowed from @text
 *
 * Return: 0; -EINVAL where it is none, -E2BIG where it is nested too deeply; then @out->s
 * is where that shows.
 */
int json_parse(const char *text, size_t len, struct json *out);

/**
 * json_member() - a member of an object
 * @key: as it is without escapes
 *
 * Return: 0; -ENOENT when there is none, or @object is no object; -EEXIST when there are
 * two, of which readers may take either.
 */
int json_member(struct json object, const char *key, struct json *out);

/* A string without its escapes: 0; -EINVAL: no string, or with a NUL; -ENOSPC, and cut. */
int json_string(struct json value, char *out, size_t len);
/* A number without a fraction: 0, -EINVAL, -ERANGE. */
int json_s64(struct json value, int64_t *out);

#endif /* KSM_UTIL_JSON_H */
