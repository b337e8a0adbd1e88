# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# live.bash - tests on the KSM of this machine: only as root, only where it is idle,
# one file at a time, and everything is put back.
#
# setup_file: live_begin, and live_hold for processes with memory; setup: live_setup;
# teardown: live_teardown; teardown_file: live_end.

# shellcheck disable=SC2034	# the files that load this use it
ksm=/sys/kernel/mm/ksm

# live_lock: the machine's KSM is ours until descriptor 7 is closed.  The lock is that
# of tests/kernel/run-host.  Whoever has it is another file of the same "make check", as
# a rule, and done in a minute or two: to skip at once would leave most of these out.
live_lock() {
	local lock=${KSM_TEST_LOCK-}

	if [[ -z $lock ]]; then
		lock=/run/lock/ksm-utils-test.lock
		[[ -w ${lock%/*} ]] || lock=/tmp/ksm-utils-test.lock
	fi
	exec 7>"$lock"
	flock -w 400 7
}

# live_begin: takes the machine's KSM for this file, or sets KSM_LIVE_SKIP.
live_begin() {
	KSM_LIVE_SKIP=
	export KSM_LIVE_SKIP
	if ((EUID)); then
		KSM_LIVE_SKIP="needs root"
	elif [[ ! -w $ksm/run ]]; then
		KSM_LIVE_SKIP="no KSM that can be written to"
	elif ! command -v "${CC%% *}" >/dev/null && ! command -v cc >/dev/null; then
		KSM_LIVE_SKIP="no compiler for the process that merges"
	fi
	[[ -z $KSM_LIVE_SKIP ]] || return 0

	# It ends with this file.
	live_lock || { KSM_LIVE_SKIP="another test has this machine's KSM"; return 0; }
	# As for tests/kernel: 1 says that nobody else is on this machine.
	if [[ ${KSM_TEST_MACHINE-} != 1 && $(<"$ksm/run") != 0 ]]; then
		KSM_LIVE_SKIP="this machine uses its KSM"
		return 0
	fi
	ksmctl save "$BATS_FILE_TMPDIR/settings"
	KSM_LIVE_SHARED=$(<"$ksm/pages_shared")
	export KSM_LIVE_SHARED
	guard
	HOLD=$BATS_FILE_TMPDIR/hold
	export HOLD
	${CC:-cc} -O1 -I"$KSM_SRCDIR/tests/kernel" -o "$HOLD" \
		"$KSM_SRCDIR/tests/kernel/cases/help-hold.c" "$KSM_SRCDIR/tests/kernel/case.c" \
		-pthread
}

# guard: puts the settings back when the last process of this file is gone, however
# it went; until then it holds the lock.
guard() {
	local settings

	settings=$(<"$BATS_FILE_TMPDIR/settings")
	exec 6> >(
		trap '' HUP INT TERM
		exec 3>&- 4>&- >/dev/null 2>&1
		cat
		ksmctl restore - <<<"$settings"
	)
}

live_end() {
	exec 6>&- 7>&-
}

# live_prune: what was merged of processes that have ended is counted until a scan finds
# them gone; the next test would take it for memory of others, and skip.
live_prune() {
	local tries

	(($(<"$ksm/pages_shared") > KSM_LIVE_SHARED)) || return 0
	ksmctl set -q run 1
	for ((tries = 0; tries < 100; tries++)); do
		(($(<"$ksm/pages_shared") > KSM_LIVE_SHARED)) || break
		sleep 0.1
	done
}

live_setup() {
	[[ -z $KSM_LIVE_SKIP ]] || skip "$KSM_LIVE_SKIP"
}

live_teardown() {
	reap_spawned
	[[ -z $KSM_LIVE_SKIP ]] || return 0
	live_prune
	ksmctl restore -q "$BATS_FILE_TMPDIR/settings"
}

# start COMMAND...: spawn, without the descriptors that the guard waits for.
start() { spawn "$@" 6>&- 7>&-; }

has() { [[ -e $ksm/$1 ]]; }
