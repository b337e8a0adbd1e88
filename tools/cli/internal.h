/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * internal.h - what the files of this room share and nobody else sees.
 *
 * Grouped by the file that owns it.  A prototype that a tool needs belongs
 * into cli.h.
 */
#ifndef KSM_CLI_INTERNAL_H
#define KSM_CLI_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"

/* msg.c */

/* End the program well after what --help and its like print. */
void cli_finish(void) __attribute__((noreturn));
/* The command that "Try '... --help'" names; kept, not copied. */
void cli_set_try(const char *command);
/* Keep the reason of a failed write to stdout, which stdio itself forgets. */
int cli_write_failed(int rc);

/* shared.c */

/* The row of the shared table; NULL when no option in common has that key. */
const struct cli_opt *cli_shared_option(int key);

/* safe.c */

/* Does it control the terminal, turn the direction of text, or hide itself? */
bool cli_is_treacherous(uint32_t cp);

/* invisible.c: generated, ascending */
struct cli_range {
	uint32_t from, to;
};

extern const struct cli_range cli_invisible[];
extern const size_t cli_n_invisible;

#endif /* KSM_CLI_INTERNAL_H */
