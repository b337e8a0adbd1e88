#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# libvirt-hook.bats - the hook of libvirt, called as libvirt calls it: when it kicks the
# daemon, and that a guest's start never waits for it or fails by it.

load ../lib/helpers

HOOK=$KSM_SRCDIR/tools/packaging/libvirt/ksm-autotune

# In place of ksm-autotune stands what says how it was called, then does $KICK.
setup() {
	cd "$BATS_TEST_TMPDIR" || return
	mkdir bin
	cat >bin/ksm-autotune <<-'END'
		#!/bin/sh
		held=$(for fd in 0 1 2; do readlink /proc/$$/fd/$fd; done)
		echo "$held" >held
		printf '%s\n' "$#" "$@" >args
		eval "${KICK-}"
		echo done >>called
	END
	chmod +x bin/ksm-autotune
	PATH=$PWD/bin:$PATH
	echo '<domain/>' >xml
}

# hook ARG...: as libvirt calls it; it ends with 0 and prints nothing, always.
hook() {
	expect 0 sh "$HOOK" "$@" <xml
	stdout_is ""
	stderr_is ""
}

kicked() { [[ -e called && $(wc -l <called) -eq $1 ]]; }

@test "it may be executed" {
	[[ -x $HOOK ]] || fail "mode $(stat -c %a "$HOOK")"
}

@test "a guest that has started or is gone: one kick, quietly, with nothing of libvirt's open" {
	local n=0 operation
	for operation in "started begin -" "release end shutdown" "attach begin -"; do
		# shellcheck disable=SC2086
		hook guest1 $operation
		wait_until kicked $((++n))
		same "its arguments" "$(<args)" $'2\nkick\n-q'
		same "what it has open" "$(<held)" $'/dev/null\n/dev/null\n/dev/null'
	done
}

@test "at other times nothing is called" {
	local operation
	for operation in "prepare begin -" "start begin -" "stopped end -" "migrate begin -" \
		"restore begin -" "reconnect begin -" "nonsense begin -" ""; do
		# shellcheck disable=SC2086
		hook guest1 $operation
	done
	hook
	# What would have been called before is called before this.
	hook guest1 started begin -
	wait_until kicked 1
	[[ ! -e called || $(wc -l <called) -eq 1 ]] || fail "called $(wc -l <called) times"
}

@test "names of guests are not looked at" {
	local n=0 name
	# shellcheck disable=SC2016
	for name in '$(touch harm)' '`touch harm`' '; touch harm' '-e' '--' '*' 'a b' $'a\nb' \
		$'\e[2J' '' "$(printf '%0100000d' 1)"; do
		hook "$name" started begin -
		wait_until kicked $((++n))
		same "its arguments" "$(<args)" $'2\nkick\n-q'
	done
	hook 'release' prepare begin 'started'
	[[ ! -e harm ]] || fail "a name was executed"
}

@test "XML of any size, or none, or a writer that never ends it" {
	yes '<metadata>guest</metadata>' | head -c 20000000 >xml
	hook guest1 started begin -
	wait_until kicked 1
	expect 0 sh "$HOOK" guest1 started begin - <&-
	stdout_is ""
	wait_until kicked 2
	mkfifo pipe
	spawn sh -c 'exec sleep 1000 >pipe'
	expect 0 sh "$HOOK" guest1 started begin - <pipe
	stdout_is ""
	wait_until kicked 3
}

@test "a kick that fails or talks: not a word, and no failure" {
	export KICK='echo "<domain>evil</domain>"; echo "ksm-autotune: no daemon runs" >&2; echo >>called; exit 1'
	hook guest1 started begin -
	wait_until kicked 1
}

@test "a kick that hangs: the guest does not wait, and in the end it is killed" {
	mkfifo never
	export KICK='trap "" TERM; echo $$ >pid; read -r x <never'
	hook guest1 started begin -
	wait_until test -s pid
	same "what became of it" "$(cat called 2>&1)" "cat: called: No such file or directory"
	command -v timeout >/dev/null || skip "no timeout(1)"
	wait_until eval '! kill -0 "$(<pid)" 2>/dev/null'
	[[ ! -e called ]] || fail "it went on"
}

@test "without the daemon's package, or a timeout(1): nothing, or no deadline" {
	rm bin/ksm-autotune
	mkdir bare
	# Not one of this machine, which may be there.
	PATH=$PWD/bare expect 0 "$(command -v sh)" "$HOOK" guest1 started begin - <xml
	stdout_is ""
	stderr_is ""
	printf '#!%s\necho "$@" >called\n' "$(command -v sh)" >bare/ksm-autotune
	chmod +x bare/ksm-autotune
	PATH=$PWD/bare expect 0 "$(command -v sh)" "$HOOK" guest1 started begin - <xml
	wait_until test -s called
	same "its arguments" "$(<called)" "kick -q"
}
