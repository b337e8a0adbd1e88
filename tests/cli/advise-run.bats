#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# advise-run.bats - ksm-advise runs a command: that merging is on in it, and that
# nothing else about it is different.

load ../lib/helpers
load advise

same_as_env() { same_probe ksm-advise "$@" --; }

@test "merging is on in the command" {
	need_prctl
	expect 0 ksm-advise -- grep -c '^VmFlags:.* mg' /proc/self/smaps
	((output > 0)) || fail "$output"
	stderr_is ""
	run grep -c '^VmFlags:.* mg' /proc/self/smaps
	[[ $output == 0 ]] || skip "merging is on for this shell as well"
}

@test "and in what the command starts" {
	need_prctl
	expect 0 ksm-advise -- sh -c 'grep -c "^VmFlags:.* mg" /proc/self/smaps; exit $?'
	((output > 0)) || fail "$output"
}

@test "by injection after exec" {
	need_injection
	spawn ksm-advise -q -m inject -- sleep 1000
	wait_until is_called "$spawned" sleep
	wait_until is_merging "$spawned" on
}

@test "verified, and said so" {
	need_prctl
	spawn ksm-advise -v -- sleep 1000 2>"$BATS_TEST_TMPDIR/said"
	wait_until grep -qx 'ksm-advise: sleep: verified: merging is on' "$BATS_TEST_TMPDIR/said"
}

@test "marks of its own are not taken for the setting" {
	need_injection
	need_mounts
	# The kernel says that it is off, and that some mapping is mergeable.
	printf 'ksm_merge_any: no\nksm_mergeable: yes\n' >"$BATS_TEST_TMPDIR/stat"
	spawn unshare -m bash -c 'mount --bind "$0" /proc/$$/ksm_stat && exec ksm-advise -v -- sleep 1000' \
		"$BATS_TEST_TMPDIR/stat" 2>"$BATS_TEST_TMPDIR/said"
	wait_until grep -q verified "$BATS_TEST_TMPDIR/said"
	contains stderr "$(<"$BATS_TEST_TMPDIR/said")" "it was set again"
}

# seems STAT: what stands where ksm_stat of the command is read, and no mapping beside it.
seems() {
	printf '%b' "$1" >"$BATS_TEST_TMPDIR/stat"
	spawn unshare -m bash -c 'mount --bind "$0" /proc/$$/ksm_stat &&
		mount --bind /dev/null /proc/$$/smaps && exec ksm-advise -v -- sleep 1000' \
		"$BATS_TEST_TMPDIR/stat" 2>"$BATS_TEST_TMPDIR/said"
	wait_until grep -q 'verified' "$BATS_TEST_TMPDIR/said"
}

@test "lost, and set again" {
	need_injection
	need_mounts
	seems 'ksm_merge_any: no\nksm_mergeable: no\n'
	contains stderr "$(<"$BATS_TEST_TMPDIR/said")" "it was set again"
}

@test "a state that cannot be known" {
	need_injection
	need_mounts
	seems ''
	contains stderr "$(<"$BATS_TEST_TMPDIR/said")" "not verified: its state may not be read"
}

@test "traced, so it cannot be set after exec" {
	need_injection
	need_plain
	command -v strace >/dev/null || skip "needs strace"
	said=$BATS_TEST_TMPDIR/said
	# No longer than a minute, if it is not ended.
	spawn strace -f -o /dev/null -e trace=none ksm-advise -v -m inject -- sleep 60 2>"$said"
	wait_until grep -q "runs without merging" "$said"
	# The file ends without a new line.
	read -r child <"/proc/$spawned/task/$spawned/children" || :
	kill "$child"
	contains stderr "$(<"$said")" \
		"sleep: runs without merging: it cannot be set after exec: traced by $spawned"
}

@test "children that it inherits are not lost to it" {
	need_prctl
	for i in 1 2 3 4 5; do
		expect 0 "$KSM_BUILDDIR/tests/advise/heirs" ksm-advise -v -- "$KSM_BUILDDIR/tests/advise/heirs" wait
		stdout_is 3
	done
}

@test "off where it would be inherited" {
	need_prctl
	expect 1 ksm-advise -- ksm-advise -d -- grep -c '^VmFlags:.* mg' /proc/self/smaps
	stdout_is 0
	stderr_is ""
}

@test "the command cannot tell: plain" {
	need_prctl
	same_as_env
	same_as_env -m prctl
}

@test "the command cannot tell: injected, verified, held" {
	need_injection
	same_as_env -q -m inject
	same_as_env --strict
	same_as_env --strict -m inject
}

@test "the command cannot tell: signals blocked and ignored" {
	need_prctl
	trap '' USR1 CHLD PIPE
	same_as_env
	same_as_env --strict
	same_probe -x '^parent ' ksm-advise --report=/dev/null --
	trap - USR1 CHLD PIPE
}

@test "the command cannot tell: an odd environment" {
	need_prctl
	export LD_PRELOAD='' ODD=$'a\nb'
	same_as_env
	unset LD_PRELOAD
}

@test "closed descriptors stay closed" {
	need_prctl
	out=$BATS_TEST_TMPDIR/out
	for way in "" "-m inject" --strict; do
		# shellcheck disable=SC2086
		ksm-advise $way -- "$PROBE" >"$out" <&- 2>&-
		grep -q '^fd 1:' "$out"
		run ! grep -E '^fd (0|2):' "$out"
	done
}

@test "the name of the command is as typed" {
	need_prctl
	ln -s "$PROBE" "$BATS_TEST_TMPDIR/alias"
	cd "$BATS_TEST_TMPDIR"
	expect 0 ksm-advise ./alias
	stdout_has "argument: ./alias"
	PATH=$BATS_TEST_TMPDIR:$PATH expect 0 ksm-advise alias
	stdout_has "argument: alias"
	stderr_is ""
}

@test "a script without a first line" {
	printf 'echo script $1\n' >"$BATS_TEST_TMPDIR/script"
	chmod +x "$BATS_TEST_TMPDIR/script"
	expect 0 ksm-advise -q "$BATS_TEST_TMPDIR/script" ran
	stdout_is "script ran"
	stderr_is ""
}

@test "exit status" {
	for way in "" --report=/dev/null; do
		# shellcheck disable=SC2086
		expect 0 ksm-advise -q $way -- true
		# shellcheck disable=SC2086
		expect 42 ksm-advise -q $way -- sh -c 'exit 42'
		# shellcheck disable=SC2086
		expect 143 ksm-advise -q $way -- sh -c 'kill -TERM $$'
		# shellcheck disable=SC2086
		expect 137 ksm-advise -q $way -- sh -c 'kill -KILL $$'
	done
}

@test "exit status: the command is not there, or not a program" {
	need_prctl
	: >"$BATS_TEST_TMPDIR/file"
	# It is still held when it ends.
	! sanitized || export ASAN_OPTIONS=detect_leaks=0
	for way in "" "-q -m inject" "-q --strict" --report=/dev/null; do
		# shellcheck disable=SC2086
		expect 127 ksm-advise $way -- no-such-command
		stderr_is "ksm-advise: no-such-command: cannot run: No such file or directory"
		# shellcheck disable=SC2086
		expect 126 ksm-advise $way -- "$BATS_TEST_TMPDIR/file"
		stderr_is "ksm-advise: $BATS_TEST_TMPDIR/file: cannot run: Permission denied"
		stdout_is ""
	done
}

@test "nothing stays: no process, and no parent in between" {
	need_prctl
	# bats' own shell, not the one that it runs commands in.
	run sh -c 'ksm-advise -q -- sh -c "echo \$PPID"; echo $$'
	[[ ${lines[0]} == "${lines[1]}" ]] || fail "$output"
	spawn ksm-advise -q -- sleep 1000
	wait_until is_called "$spawned" sleep
	[[ -z $(<"/proc/$spawned/task/$spawned/children") ]]
	! grep -qs '^ksm-advise$' /proc/[0-9]*/task/*/comm || {
		# A zombie waits for init, and another's may run.
		for comm in /proc/[0-9]*/comm; do
			[[ $(cat "$comm" 2>/dev/null) == ksm-advise ]] || continue
			cmp -s "${comm%comm}environ" "/proc/$spawned/environ" &&
				fail "left behind: $comm"
		done
		:
	}
}

@test "without root" {
	need_prctl
	need_unprivileged
	for way in "" --strict "-m inject"; do
		# shellcheck disable=SC2086
		expect 0 unprivileged ksm-advise -q $way -- sh -c "$UNTIL_MERGING"
		stdout_is merging
		stderr_is ""
	done
}

@test "a set-user-ID program" {
	need_prctl
	need_root
	need_unprivileged
	cp "$(command -v sleep)" "$BATS_TEST_TMPDIR/sleeper"
	chmod 4755 "$BATS_TEST_TMPDIR/sleeper"
	spawn_unprivileged ksm-advise -v -- "$BATS_TEST_TMPDIR/sleeper" 1000
	wait_until is_called "$spawned" sleeper
	[[ $(awk '/^Uid:/ { print $3 }' "/proc/$spawned/status") == 0 ]] ||
		skip "set-user-ID programs do not work here"
	is_merging "$spawned" on
	expect 125 unprivileged ksm-advise --strict -- "$BATS_TEST_TMPDIR/sleeper" 0
	stderr_is "ksm-advise: $BATS_TEST_TMPDIR/sleeper: not run: it changes its user or group and cannot be verified (as root, or without --strict)"
}

@test "as process 1 there is nobody to leave a helper to" {
	need_prctl
	need_mounts
	expect 0 unshare -fpm --mount-proc ksm-advise -v -- sh -c 'echo $$; exec <&-; exit 0'
	stdout_is 1
	stderr_has "not verified: it would become the parent of the verifier"
}

@test "strict: run or not run" {
	need_injection
	expect 7 ksm-advise -q --strict -- sh -c 'grep -c "^VmFlags:.* mg" /proc/$$/smaps; exit 7'
	((output > 0)) || fail "$output"
	expect 125 ksm-advise -q --strict -m preload -- echo ran
	stdout_is ""
	stderr_is "ksm-advise: echo: not run: the preload library, as asked for, which --strict does not accept"
}

@test "strict: traced, so it cannot be held" {
	need_injection
	need_plain
	command -v strace >/dev/null || skip "needs strace"
	expect 125 strace -f -o /dev/null -e trace=none ksm-advise --strict -- echo ran
	stdout_is ""
	stderr_is "ksm-advise: echo: not run: cannot be held for verification (is ksm-advise itself being traced?)"
}

@test "without /proc it runs all the same" {
	need_prctl
	need_plain
	need_mounts
	expect 0 unshare -m sh -c 'mount -t tmpfs none /proc && exec ksm-advise -- echo ran'
	stdout_is ran
	expect 125 unshare -m sh -c 'mount -t tmpfs none /proc && exec ksm-advise --strict -- echo ran'
	stdout_is ""
	stderr_is "ksm-advise: echo: not run: without /proc it cannot be verified"
}

@test "KSM is stopped: a hint, if one is asked for" {
	need_prctl
	need_fake_ksm
	expect 0 fake_ksm 'echo 0 >$KSM/run; ksm-advise -v -- true'
	stderr_has "KSM is stopped: nothing is merged until it runs (ksmctl start)"
	expect 0 fake_ksm 'echo 0 >$KSM/run; ksm-advise -- true'
	stderr_is ""
	expect 0 fake_ksm 'echo 1 >$KSM/run; ksm-advise -v -- true'
	[[ $stderr != *"KSM is"* ]] || fail "$stderr"
}

# need_filters: $B runs a command whose calls a filter refuses.
need_filters() {
	B=$KSM_BUILDDIR/tests/advise/barred
	run "$B" 1 true
	((status != 99)) || skip "no seccomp filters here"
}

@test "a seccomp filter is not an old kernel" {
	need_prctl
	need_plain
	need_filters
	refused="a seccomp filter refuses prctl(PR_SET_MEMORY_MERGE)"
	# EPERM, ENOSYS, and EINVAL as the kernel itself would say it
	for err in 1 38 22 "-s 1"; do
		# shellcheck disable=SC2086
		KSM_ADVISE_PRELOAD=/none expect 0 "$B" $err ksm-advise -v -- echo ran
		stdout_is ran
		stderr_has "$refused"
		# shellcheck disable=SC2086
		expect 125 "$B" $err ksm-advise -m prctl -- echo ran
		stdout_is ""
		stderr_is "ksm-advise: echo: cannot enable merging: $refused"
		# shellcheck disable=SC2086
		expect 125 "$B" $err ksm-advise -m inject -r -- echo ran
		stderr_is "ksm-advise: echo: cannot enable merging: $refused"
		# shellcheck disable=SC2086
		expect 125 "$B" $err ksm-advise --strict -- echo ran
		stdout_is ""
		stderr_has "$refused"
	done
}

@test "a seccomp filter: nothing to say where it is off already" {
	need_prctl
	need_plain
	need_filters
	expect 0 "$B" -s 1 ksm-advise -d -- echo ran
	stderr_is ""
	expect 0 ksm-advise -- "$B" -s 1 ksm-advise -d -- echo ran
	stdout_is ran
	stderr_is "ksm-advise: warning: echo: merging may be inherited: a seccomp filter refuses prctl(PR_SET_MEMORY_MERGE): Operation not permitted"
}
