/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * notify.h - what the service manager and the journal are told, where there are any.
 *
 * Without NOTIFY_SOCKET, or built without libsystemd, all of this does nothing.
 */
#ifndef KSM_AUTOTUNE_NOTIFY_H
#define KSM_AUTOTUNE_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* --- the service manager (sd_notify(3)) --- */

/*
 * It runs, or runs again with another configuration.  @status is a sentence for
 * "systemctl status"; NULL: it stays as it was.
 */
void tune_notify_ready(const char *status);
void tune_notify_status(const char *status);
/* From now until tune_notify_ready(), the configuration is read anew. */
void tune_notify_reloading(void);
void tune_notify_stopping(const char *status);
/* It is alive. */
void tune_notify_watchdog(void);
/*
 * What is asked for takes long, and goes on: the service manager is to wait another five
 * minutes.  May be called as often as one likes.
 */
void tune_notify_busy(void);
/* How often the service manager is to be told so, by half of its limit; 0: not at all. */
uint64_t tune_notify_watchdog_ns(void);

/* --- the journal --- */

/**
 * tune_journal_is() - does what is written to a descriptor end in the journal?
 * @fd: standard error
 *
 * By JOURNAL_STREAM, as systemd.exec(5) tells: a pipe or a file in its place is not it.
 */
bool tune_journal_is(int fd);

/**
 * tune_journal_send() - one entry, with fields
 * @priority: as those of syslog(3)
 * @text: one sentence
 * @fields: "NAME=value" until NULL, 16 at most; or NULL
 *
 * For where tune_journal_is() says so: libsystemd takes a journal that does not run for
 * one that has read it.
 * Return: 0; -EOPNOTSUPP without libsystemd; -ENOMEM; -errno of the journal.  It is not
 * in the journal then, and is to be said on standard error.
 */
int tune_journal_send(int priority, const char *text, const char *const *fields);

#endif /* KSM_AUTOTUNE_NOTIFY_H */
