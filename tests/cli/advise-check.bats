#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# advise-check.bats - ksm-advise --check: on dumps, so the same on every machine.

load ../lib/helpers
load advise

all=1001,1002,1003,1010,2001,2002,2003,2150,2300,2301,2302,2310,2,58,812

@test "a busy 6.12" {
	use_root 6.12-busy
	expect 0 ksm-advise -s "$ROOT" -c -p $all
	golden busy
	root_unchanged 6.12-busy
}

@test "switching off" {
	use_root 6.12-busy
	expect 0 ksm-advise -s "$ROOT" -c -d -p $all
	golden busy-off
	root_unchanged 6.12-busy
}

@test "a kernel that tells, and JSON" {
	use_root 7.3-busy
	expect 0 ksm-advise -s "$ROOT" -c -J -b --output-all -p 1
	valid_json
	golden json-7.3
}

@test "a kernel without the prctl: mapping by mapping" {
	use_root 5.15-old
	expect 0 ksm-advise -s "$ROOT" -c --match . -n -o PID,STATE,ACTION
	golden old
}

@test "a kernel without KSM" {
	use_root no-ksm
	expect 0 ksm-advise -s "$ROOT" -c --match . -n -o PID,STATE,ACTION
	golden no-ksm
}

@test "hostile names reach nobody's terminal" {
	use_root hostile
	expect 0 ksm-advise -s "$ROOT" -c --match . --output-all
	clean_text
	golden hostile
}

@test "columns: chosen, added, without headings" {
	use_root 6.12-busy
	expect 0 ksm-advise -s "$ROOT" -c -p 2301 -n -o PID,MERGING -b
	stdout_has "2301"
	expect 0 ksm-advise -s "$ROOT" -c -p 2301 -o +THREADS
	stdout_has "THREADS"
	stderr_is ""
}

@test "one that is gone" {
	use_root 6.12-busy
	expect 1 ksm-advise -s "$ROOT" -c -p 77777
	stdout_is ""
	stderr_is "ksm-advise: 77777: cannot check: no such process"
	expect 4 ksm-advise -s "$ROOT" -c -n -o PID -p 77777,2301
	stderr_is "ksm-advise: 77777: cannot check: no such process"
	stdout_has 2301
}

@test "nothing matches" {
	use_root 6.12-busy
	expect 1 ksm-advise -s "$ROOT" -c --match '^no-such-program$'
	stdout_is ""
	stderr_is "ksm-advise: no process matches"
}

@test "selection: tree, pattern and user together" {
	use_root 6.12-busy
	expect 0 ksm-advise -s "$ROOT" -c -n -o PID --tree -p 1
	[[ $(wc -l <<<"$output") -gt 5 ]]
	expect 0 ksm-advise -s "$ROOT" -c -n -o PID --match qemu
	golden qemu
}

@test "a full disk" {
	[[ -w /dev/full ]] || skip "no /dev/full"
	use_root 6.12-busy
	expect 1 bash -c "ksm-advise -s '$ROOT' -c -p 1 >/dev/full"
	stderr_is "ksm-advise: standard output: cannot write: No space left on device"
}

@test "live: one's own process, without root" {
	need_prctl
	need_unprivileged
	spawn_unprivileged sleep 1000
	wait_until is_called "$spawned" sleep
	expect 0 unprivileged ksm-advise -c -n -o PID,STATE -p "$spawned"
	[[ $(tr -s ' ' <<<"${output# }") == *"$spawned off" ]] || fail "$output"
	stderr_is ""
}

@test "live: what is refused, and why" {
	need_prctl
	expect 0 bash -c 'exec ksm-advise -c -n -o ACTION -p $$'
	stdout_is "refused: it is the calling process"
	if ((EUID == 0)); then
		need_unprivileged
		expect 0 unprivileged ksm-advise -c -n -o ACTION -p $$
		stdout_is "refused: no permission to trace it (needs CAP_SYS_PTRACE, or its owner with all capabilities that it has)"
	fi
	stderr_is ""
}

@test "a descendant that ends while it is looked at is no error" {
	local parent
	bash -c 'while :; do (:); done' >/dev/null 2>&1 3>&- &
	parent=$!
	for _ in 1 2 3 4 5; do
		ksm-advise --check --tree -p "$parent" >"$BATS_TEST_TMPDIR/out" \
			2>"$BATS_TEST_TMPDIR/err" || break
	done
	kill "$parent"
	[ ! -s "$BATS_TEST_TMPDIR/err" ]
}

@test "live: a process whose main thread has ended is one like others" {
	need_injection
	spawn "$GROW" leaderless
	ended() { [[ $(cut -d' ' -f3 "/proc/$spawned/stat") == Z ]]; }
	wait_until ended
	expect 0 ksm-advise -c -n -o STATE,ACTION -p "$spawned"
	[[ $(tr -s ' ' <<<"$output") == *"off enable by prctl" ]] || fail "$output"
	expect 0 ksmctl procs -n -b -o PID,RSS -p "$spawned"
	read -r pid rss <<<"$output"
	[[ $pid == "$spawned" ]] && ((rss >= 8 << 20)) || fail "$output"
	expect 0 ksm-estimate -p "$spawned"
	# Frames are for root to see.
	((EUID)) && stderr_has "the kernel hides frame numbers (" || stderr_is ""
	expect 0 ksm-advise -p "$spawned"
	expect 0 ksm-advise -c -n -o STATE,ACTION -p "$spawned"
	[[ $(tr -s ' ' <<<"$output") == *"any nothing: merging is on" ]] || fail "$output"
}
