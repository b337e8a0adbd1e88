#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# layers.bats - kernel/scripts/check-layers: the engine's headers, and what it says
# of an engine that is made up and breaks a rule.

load ../lib/helpers

CHECK=$KSM_SRCDIR/kernel/scripts/check-layers

# An engine of two files that holds to its layers.
setup() {
	S=$BATS_TEST_TMPDIR/s O=$BATS_TEST_TMPDIR/o
	mkdir "$S" "$O"
	echo 'int hksm_slot_find(void);' >"$S/slot.h"
	echo '#include "slot.h"' >"$S/scan.h"
	slot 'return 0;'
	printf '%s\n' '#include "scan.h"' 'int hksm_scan_batch(void) { return hksm_slot_find(); }' \
		>"$S/scan.c"
}

# slot LINE...: what the lower file does.
slot() {
	printf '%s\n' '#include "slot.h"' 'int hksm_scan_batch(void);' \
		"int hksm_slot_find(void) { $* }" >"$S/slot.c"
}

# made_up STATUS: what becomes of it.
made_up() {
	local f

	for f in "$S"/*.c; do
		# shellcheck disable=SC2086 # it may be a command with options
		${CC:-cc} -O0 -c -o "$O/$(basename "$f" .c).o" "$f"
	done
	expect "$1" "$CHECK" -s "$S" "$O"
}

@test "layers: no file of the engine includes what stands above it" {
	expect 0 "$CHECK"
	stderr_is ""
}

@test "layers: files that hold to them" {
	made_up 0
	stderr_is ""
}

@test "layers: a call upwards" {
	slot 'return hksm_scan_batch();'
	made_up 1
	stderr_is "slot.o uses hksm_scan_batch of scan.o, which is not below it"
}

@test "layers: an address that is taken of what stands above" {
	slot 'int (*volatile f)(void) = hksm_scan_batch; return f();'
	made_up 1
	stderr_is "slot.o uses hksm_scan_batch of scan.o, which is not below it"
}

@test "layers: a call between files of one layer" {
	echo 'int hksm_stats(void) { return 0; }' >"$S/stats.c"
	echo 'int hksm_stats(void); int hksm_rmap(void) { return hksm_stats(); }' >"$S/rmap.c"
	made_up 1
	stderr_is "rmap.o uses hksm_stats of stats.o, which is not below it"
}

@test "layers: a header that includes one from above" {
	echo '#include "scan.h"' >"$S/slot.h"
	: >"$S/scan.h"
	expect 1 "$CHECK" -s "$S"
	stderr_is "slot.h includes scan.h, which is not below it"
}

@test "layers: a file that has none" {
	echo 'int hksm_new(void) { return 0; }' >"$S/new.c"
	made_up 1
	stderr_is "new.o has no layer"
}

@test "layers: a directory without objects is no success" {
	expect 1 "$CHECK" -s "$S" "$O"
	stderr_is "$O: no objects of the engine"
}
