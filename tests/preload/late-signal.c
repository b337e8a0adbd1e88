// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * late-signal.c - preloaded: the process gets SIGINT just before its first ppoll(2),
 * behind whatever it looked at to decide that it may wait.
 */
#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *t, const sigset_t *mask)
{
	int (*real)(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
	void *sym = dlsym(RTLD_NEXT, "ppoll");
	static int done;

	/* ISO C has no conversion from an object pointer. */
	memcpy(&real, &sym, sizeof(real));
	if (!done++)
		raise(SIGINT);
	return real(fds, n, t, mask);
}
