/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * banned.h - calls that this project does without, as compile errors.
 *
 * Included by every tools/ file from the command line (-include), so that a
 * banned name fails where it is written.  Add a name together with the call
 * that replaces it.
 */
#ifndef KSM_UTIL_BANNED_H
#define KSM_UTIL_BANNED_H

/* Headers first: what they declare must not meet the poison. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* Bounded forms exist (snprintf, str_add), or the strict parsers of num.h. */
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets
#pragma GCC poison atoi atol atoll atof sscanf
/* Static state: use strtok_r, localtime_r, strsep, strerror_r users: cli. */
#pragma GCC poison strtok asctime ctime gmtime localtime
/* They follow the locale; keys do not: use util/ascii.h (check-style has the rest of ctype). */
#undef tolower
#undef toupper
#pragma GCC poison tolower toupper strcasecmp strncasecmp strcasestr
/* A shell between us and the program is a hole. */
#pragma GCC poison system popen tmpnam tempnam mktemp

#endif /* KSM_UTIL_BANNED_H */
