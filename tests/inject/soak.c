// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * soak.c - inject into running programs, very often: run by hand.
 *
 *	soak COUNT PID...
 *
 * Switches merging on and off COUNT times in each of the processes in turn, or,
 * on a kernel without that call, just asks for it.  Prints what did not work,
 * and the times.  That the programs are well afterwards is for them to say:
 * soak-run starts some that can.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "inject/inject.h"
#include "util/macros.h"

int main(int argc, char **argv)
{
	unsigned long count = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned long done = 0, failed = 0;
	uint64_t longest = 0, sum = 0;
	struct ksm *k;

	if (!count || ksm_open(NULL, &k)) {
		fprintf(stderr, "usage: soak COUNT PID...\n");
		return 2;
	}
	for (unsigned long i = 0; i < count; i++) {
		for (int a = 2; a < argc; a++) {
			pid_t pid = strtol(argv[a], NULL, 10);
			struct ksm_inject_info info;
			int rc = ksm_inject_merge_set(k, KSM_CHILD(pid), i % 2 == 0, &info);

			if (rc && info.why != KSM_INJECT_NO_CALL) {
				failed++;
				printf("%d: round %lu: %d, %s\n", pid, i, rc,
				       ksm_inject_why_text(info.why));
				if (info.why == KSM_INJECT_GONE)
					return 1;
				continue;
			}
			done++;
			sum += info.stop_ns;
			longest = MAX(longest, info.stop_ns);
		}
	}
	printf("%lu done, %lu failed, held %.1f us on average, %.1f us at most\n", done, failed,
	       done ? sum / 1e3 / done : 0.0, longest / 1e3);
	ksm_close(k);
	return failed != 0;
}
