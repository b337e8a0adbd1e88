#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# helpers.bats - the helpers fail when they should: a comparison that always
# agrees would make every test that uses it worthless.

load ../lib/helpers

setup() {
	KSM_EXPECTED=$BATS_TEST_TMPDIR/expected
	KSM_DATA=$BATS_TEST_TMPDIR/data
	mkdir -p "$KSM_DATA/some/sys"
	echo 1 >"$KSM_DATA/some/sys/run"
	ln -s /nowhere "$KSM_DATA/some/link"
	chmod 0444 "$KSM_DATA/some/sys/run"
	chmod 0555 "$KSM_DATA/some/sys"
	use_root some
}

# bats removes only what it may write.
teardown() {
	chmod -R u+w "$BATS_TEST_TMPDIR"
	reap_spawned
}

both() {
	printf '%s\n' "$1"
	printf '%s\n' "$2" >&2
	return "$3"
}

fails() {
	if ("$@") 2>/dev/null; then
		echo "should have failed: $*" >&2
		return 1
	fi
}

@test "expect: the status must be that one" {
	expect 3 both out err 3
	fails expect 0 both out err 3
	fails expect 3 both out err 0
}

@test "a test that fails tells the line, in a function and in a subshell too" {
	# bats takes a line with its word for a test, also here.
	sed "s/^TEST/@test/" >"$BATS_TEST_TMPDIR/some.bats" <<-END
		load $KSM_SRCDIR/tests/lib/helpers
		inner() {
			[[ a == b ]]
		}
		TEST "function" {
			:
			inner
			:
		}
		TEST "command" {
			wait_until true
			(exit 3)
		}
		TEST "expectation" {
			expect 0 false
		}
	END
	run bats --tap "$BATS_TEST_TMPDIR/some.bats"
	((status == 1))
	stdout_has "from function \`inner' in file "
	stdout_has ", line 3,"
	stdout_has "some.bats, line 7)"
	stdout_has "some.bats, line 12)"
	stdout_has "(exit 3)' failed with status 3"
	stdout_has "some.bats, line 15)"
	stdout_has "status:  1, expected 0"
}

@test "streams are kept apart and compared whole" {
	expect 0 both out err 0
	stdout_is out
	stderr_is err
	fails stdout_is ou
	fails stderr_is out
	stdout_has u
	fails stdout_has err
	fails stderr_has out
}

@test "a difference is shown" {
	expect 0 both $'a\nb' "" 0
	run stdout_is $'a\nc'
	((status == 1))
	[[ $output == *$'\n a\n-c\n+b'* ]]
}

@test "use_root: a writable copy, links as they are, the data untouched" {
	[[ -L $ROOT/link ]]
	root_unchanged some
	echo 2 >"$ROOT/sys/run"
	file_is sys/run 2
	fails file_is sys/run 1
	fails root_unchanged some
	[[ $(cat "$KSM_DATA/some/sys/run") == 1 ]]
	fails use_root none
}

@test "golden: missing, equal, different, updated" {
	expect 0 both one "" 0
	stderr=
	fails golden case
	UPDATE=1 golden case
	golden case
	output=two
	fails golden case
	output=one stderr=oops
	fails golden case
	UPDATE=1 golden case
	golden case
	stderr=
	fails golden case
	UPDATE=1 golden case
	[[ ! -e $KSM_EXPECTED/helpers/case.err ]]
}

@test "valid_json: one document, one a line, and none" {
	output='{"a": [1, null]}'
	valid_json
	output=$'{"a": 1}\n{"a": 2}'
	valid_json
	output='{"a": 1,}'
	fails valid_json
}

@test "clean_text: control characters and bytes beyond ASCII" {
	output=$'plain\ntext' stderr='\x1b[2J'
	clean_text
	output=$'a\e[2J'
	fails clean_text
	output=$'a\tb'
	fails clean_text
	output=$'a\x9b'
	fails clean_text
	output='' stderr=$'\x7f'
	fails clean_text
}

@test "unprivileged: mode bits hold, for root too" {
	need_unprivileged
	chmod 0444 "$ROOT/sys/run"
	expect 0 unprivileged cat "$ROOT/sys/run"
	stdout_is 1
	chmod 0 "$ROOT/sys/run"
	expect 1 unprivileged cat "$ROOT/sys/run"
	stderr_has "Permission denied"
}

@test "spawn and wait_until" {
	spawn sleep 1000
	kill -0 "$spawned"
	wait_until test -e "/proc/$spawned"
	reap_spawned
	[[ ! -e /proc/$spawned ]]
}
