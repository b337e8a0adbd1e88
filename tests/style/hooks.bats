#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hooks.bats - kernel/scripts/check-hooks: the patches of the engine stay small and
# change no file that is not on the list, and what it says of those that do not.

load ../lib/helpers

# The script with a series of its own, of one patch that changes mm/Kconfig.
setup() {
	K=$BATS_TEST_TMPDIR/kernel
	mkdir -p "$K/scripts" "$K/patches/6.12"
	cp "$KSM_SRCDIR/kernel/scripts/check-hooks" "$K/scripts"
	echo 0001-one.patch >"$K/patches/6.12/series"
	hook mm/Kconfig 3
}

# hook FILE LINES: a patch that adds so many lines to a file.
hook() {
	{
		printf -- '--- a/%s\n+++ b/%s\n@@ -1,0 +1,%d @@\n' "$1" "$1" "$2"
		yes +line | head -n "$2"
	} >"$K/patches/6.12/0001-one.patch"
}

made_up() { expect "$1" "$K/scripts/check-hooks"; }

@test "hooks: those of the engine, for each version, and README tells how many" {
	expect 0 "$KSM_SRCDIR/kernel/scripts/check-hooks"
	stderr_is ""
	for version in "$KSM_SRCDIR"/kernel/patches/*/; do
		version=$(basename "$version")
		lines=$(sed -n "s/^ *\([0-9]*\) changed lines for Linux $version .*/\1/p" <<<"$output")
		grep -q "check-hooks  *$lines changed lines in " "$KSM_SRCDIR/kernel/README" ||
			fail "kernel/README does not say that $lines lines change Linux $version"
	done
}

@test "hooks: a series that holds to the rules" {
	made_up 0
	stdout_is "   3 0001-one.patch
   3 changed lines for Linux 6.12 (budget 150)"
	stderr_is ""
}

@test "hooks: a file that is not on the list" {
	hook mm/page_alloc.c 1
	made_up 1
	stderr_is "check-hooks: 0001-one.patch: mm/page_alloc.c: not on the list"
}

@test "hooks: a file that a patch removes is one that it changes" {
	printf -- '--- a/mm/ksm.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-line\n' >"$K/patches/6.12/0001-one.patch"
	made_up 1
	stderr_is "check-hooks: 0001-one.patch: mm/ksm.c: not on the list"
}

@test "hooks: more lines than the budget, in one patch or in all" {
	hook mm/Kconfig 151
	made_up 1
	stderr_is "check-hooks: Linux 6.12: 151 changed lines are more than 150"
	hook mm/Kconfig 100
	cp "$K/patches/6.12/0001-one.patch" "$K/patches/6.12/0002-two.patch"
	echo 0002-two.patch >>"$K/patches/6.12/series"
	made_up 1
	stderr_is "check-hooks: Linux 6.12: 200 changed lines are more than 150"
}

@test "hooks: a patch that no series names" {
	cp "$K/patches/6.12/0001-one.patch" "$K/patches/6.12/0002-two.patch"
	made_up 1
	stderr_is "check-hooks: 6.12/0002-two.patch: not in the series"
}
