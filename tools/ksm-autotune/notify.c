// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * notify.c - what the service manager and the journal are told, where there are any.
 *
 * What cannot be told is no reason to stop merging, so failures to tell are left.
 */
#include "ksm-autotune/notify.h"

#include <errno.h>

#ifdef HAVE_LIBSYSTEMD

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>
#include <time.h>

#include "cli/cli.h"
#include "util/macros.h"
#include "util/num.h"
#include "util/str.h"

#define STATUS_MAX 512	/* bytes; a notification has room for 4096, once they are escaped */
#define FIELDS_MAX 16
#define BUSY_EVERY_S 10

/* --- the service manager --- */

/*
 * A status has names of processes in it: a line feed would begin an assignment of its
 * own, and what is not UTF-8 is refused.
 */
static void notify(const char *state, const char *status)
{
	struct str text __cleanup_str = STR_INIT;

	str_add(&text, state);
	if (status) {
		str_add(&text, *state ? "\nSTATUS=" : "STATUS=");
		cli_safe(&text, status, strnlen(status, STATUS_MAX));
	}
	if (!str_err(&text))
		(void)sd_notify(false, str_get(&text));
}

void tune_notify_ready(const char *status)
{
	notify("READY=1", status);
}

void tune_notify_status(const char *status)
{
	notify("", status);
}

void tune_notify_reloading(void)
{
	struct timespec now;

	/* Type=notify-reload takes a message for that of an earlier reload without this. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	(void)sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
			 (uint64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void tune_notify_stopping(const char *status)
{
	notify("STOPPING=1", status);
}

void tune_notify_watchdog(void)
{
	notify("WATCHDOG=1", NULL);
}

void tune_notify_busy(void)
{
	static time_t told;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (told && now.tv_sec - told < BUSY_EVERY_S)
		return;
	told = now.tv_sec;
	notify("EXTEND_TIMEOUT_USEC=300000000", NULL);
}

uint64_t tune_notify_watchdog_ns(void)
{
	uint64_t us;

	return sd_watchdog_enabled(false, &us) > 0 ? us * 1000 / 2 : 0;
}

/* --- the journal --- */

bool tune_journal_is(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	const char *colon = stream ? strchr(stream, ':') : NULL;
	uint64_t dev, ino;
	char text[24];
	struct stat st;

	if (!colon || (size_t)(colon - stream) >= sizeof(text))
		return false;
	memcpy(text, stream, colon - stream);
	text[colon - stream] = '\0';
	return !num_u64(text, &dev) && !num_u64(colon + 1, &ino) && !fstat(fd, &st) &&
	       st.st_dev == dev && st.st_ino == ino;
}

int tune_journal_send(int priority, const char *text, const char *const *fields)
{
	struct str message __cleanup_str = STR_INIT;
	char level[] = "PRIORITY=0";
	struct iovec v[FIELDS_MAX + 2];
	int n = 0;

	if (str_addf(&message, "MESSAGE=%s", text))
		return -ENOMEM;
	level[sizeof(level) - 2] += (char)(priority & 7);
	v[n++] = (struct iovec){ message.s, message.len };
	v[n++] = (struct iovec){ level, strlen(level) };
	for (size_t i = 0; fields && fields[i] && i < FIELDS_MAX; i++)
		v[n++] = (struct iovec){ (void *)fields[i], strlen(fields[i]) };
	return sd_journal_sendv(v, n);
}

#else /* !HAVE_LIBSYSTEMD */

#include "util/macros.h"

void tune_notify_ready(const char *status __unused)
{
}

void tune_notify_status(const char *status __unused)
{
}

void tune_notify_reloading(void)
{
}

void tune_notify_stopping(const char *status __unused)
{
}

void tune_notify_watchdog(void)
{
}

void tune_notify_busy(void)
{
}

uint64_t tune_notify_watchdog_ns(void)
{
	return 0;
}

bool tune_journal_is(int fd __unused)
{
	return false;
}

int tune_journal_send(int priority __unused, const char *text __unused,
		      const char *const *fields __unused)
{
	return -EOPNOTSUPP;
}

#endif
