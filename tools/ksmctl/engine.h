/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine.h - ksmctl engine: what its two files share.
 */
#ifndef KSMCTL_ENGINE_H
#define KSMCTL_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctl;

/* What the user wants of a change of engines. */
struct ctl_change {
	const char *file;	/* the module; NULL: modprobe finds it */
	uint64_t timeout_ns;	/* 0: the default */
	bool force;		/* also where unmerging may not fit into memory */
	bool dry;		/* only say how much memory it takes */
};

/*
 * Change to hksm and back, with the settings. They return an exit status, or end the
 * program with a message; when a change is not over in time, it goes on by itself.
 */
int ctl_engine_load(struct ctl *ctl, struct ctl_change *c);
int ctl_engine_unload(struct ctl *ctl, struct ctl_change *c);

/* "PID (NAME)" of a process that a change waits for; @on: a change to hksm. */
void ctl_engine_awaited(struct ctl *ctl, bool on, char *out, size_t len);

#endif /* KSMCTL_ENGINE_H */
