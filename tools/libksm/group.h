/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * group.h - what container.c knows of the names in control groups, and group.c needs too.
 */
#ifndef KSM_LIBKSM_GROUP_H
#define KSM_LIBKSM_GROUP_H

#include "libksm/parse.h"

#define KSM_CONTAINER_ID_LEN   64	/* hexadecimal digits in docker, podman, containerd */
#define KSM_CONTAINER_ID_SHOWN 12	/* this many tell it apart, as in "docker ps" */

/* The place of a container's number in a component, or its length. */
size_t ksm_find_container_id(struct span c);

/* systemd writes bytes that are special in unit names as \xNN (systemd.unit(5)). */
void ksm_unit_unescape(struct span unit, char *out, size_t len);
#endif /* KSM_LIBKSM_GROUP_H */
