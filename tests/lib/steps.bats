#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# steps.bats - how ./check runs its steps: what is counted, what is told.

load helpers

setup() { B=$BATS_TEST_TMPDIR/build; }

# steps STATUS LINE...: these steps run as ./check runs them; what it prints of them
# follows, and the totals.
steps() {
	local want=$1
	shift
	expect "$want" bash -c '
		set -euo pipefail
		unset CHECK_STEPS
		. "$0/tests/lib/setup.bash"
		B=$1 logs=$1/log skips=$1/skipped
		mkdir -p "$logs"
		: >"$skips"
		. "$0/tests/lib/steps.bash"
		shift
		total=$(printf "%s\n" "$@" | grep -c "|")
		says() { printf "%b\n" "$@"; }
		fails() { says "$@"; return 1; }
		hangs() { echo $BASHPID >"$B/pid"; while :; do sleep 0.1; done; }
		run_steps < <(printf "%s\n" "$@")
		echo "$passed passed, $failed failed, $skipped skipped"
		[ "$failed" -eq 0 ]
	' "$KSM_SRCDIR" "$B" "$@"
	output=$(sed -E "s/ +[0-9]+\\.[0-9] s( |\$)/ N s\\1/" <<<"$output")
}

@test "each way of counting" {
	mkdir -p "$B"/made/sub
	printf ':test-result: PASS a\n:test-result: SKIP b\n' >"$B/made/sub/x.trs"
	steps 0 "a heading" "1 one true | a test by itself" \
		"1 tap says ok\\x201\\x20-\\x20x ok\\x202\\x20#\\x20SKIP\\x20y | points" \
		"1 total says 7\\x20passed,\\x200\\x20failed,\\x202\\x20skipped | a total" \
		"1 trs:made true | results of automake"
	stdout_is "a heading
 1/4 a test by itself                       ok N s
 2/4 points                                 ok N s   1 passed, 1 skipped
 3/4 a total                                ok N s   7 passed, 2 skipped
 4/4 results of automake                    ok N s   1 passed, 1 skipped
10 passed, 0 failed, 4 skipped"
}

@test "a step that fails, and one in which nothing ran" {
	steps 1 "1 one fails it\\x20is\\x20broken | broken" "1 tap true | empty"
	stdout_has " 1/2 broken                                 FAILED N s"
	stdout_has "      | it is broken"
	stdout_has " 2/2 empty                                  FAILED N s"
	stdout_has "0 passed, 2 failed, 0 skipped"
}

@test "a step that takes too long has a word of its own, and is gone" {
	steps 1 "0 one hangs | slow"
	stdout_has " 1/1 slow                                   TIMEOUT N s"
	stdout_has "      | check: not done after 0 s, which is too long here"
	! kill -0 "$(cat "$B/pid")" 2>/dev/null || fail "it still runs"
}

@test "limits grow with the time of the first build and with the load" {
	expect 0 bash -c '
		. "$0/tests/lib/setup.bash"
		. "$0/tests/lib/steps.bash"
		nproc() { echo 1000000; }
		limit_s 10
		set_scale $((3 * BUILD_IDLE_S))
		limit_s 10
		set_scale 1
		limit_s 10
	' "$KSM_SRCDIR"
	stdout_is "600
1800
600"
}

is_gone() { ! kill -0 "$1" 2>/dev/null; }

@test "programs under valgrind end with what runs them" {
	mkdir -p "$B"
	printf '#!/bin/sh\necho $$ >"%s/pid"\nexec sleep 300\n' "$B" >"$B/valgrind"
	chmod +x "$B/valgrind"
	PATH=$B:$PATH spawn "$KSM_SRCDIR/tests/lib/valgrind" one >/dev/null
	wait_until test -s "$B/pid"
	SPAWNED+=("$(cat "$B/pid")")
	kill -TERM "$spawned"
	wait_until is_gone "${SPAWNED[1]}"
}
