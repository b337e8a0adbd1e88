#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# advise-attach.bats - ksm-advise -p: running processes are changed, or refused
# with the reason.  How gently, is tested in tests/inject.

load ../lib/helpers
load advise

setup() { need_injection; }

@test "on, and off again" {
	target
	is_merging "$spawned" off || skip "merging is on for this shell"
	expect 0 ksm-advise -p "$spawned"
	stdout_is ""
	stderr_is ""
	is_merging "$spawned" on
	expect 0 ksm-advise -d -p "$spawned"
	stdout_is ""
	stderr_is ""
	is_merging "$spawned" off
	asleep "$spawned"
}

@test "what is done is told on demand" {
	target
	expect 0 ksm-advise -v -p "$spawned"
	stderr_has "ksm-advise: $spawned: merging enabled (prctl, stopped for "
	expect 0 ksm-advise -v -d -p "$spawned"
	stderr_has "ksm-advise: $spawned: merging disabled (prctl, stopped for "
	expect 0 ksm-advise -v -d -p "$spawned"
	stderr_has "ksm-advise: $spawned: nothing to do: merging is off"
	stdout_is ""
}

@test "mapping by mapping, as old kernels need it" {
	target
	expect 0 ksm-advise -v -m inject -p "$spawned"
	stderr_has "ksm-advise: $spawned: merging enabled (madvise on "
	is_merging "$spawned" on
	expect 0 ksm-advise -v -m inject -p "$spawned"
	stderr_has "ksm-advise: $spawned: nothing to do: no mapping could be merged that is not already"
	# Not undone by the prctl, which has not done it.
	expect 0 ksm-advise -v -d -m inject -p "$spawned"
	stderr_has "ksm-advise: $spawned: merging disabled (madvise, "
	is_merging "$spawned" off
}

@test "what the program asked for itself stays, unless all is to go" {
	target
	expect 0 ksm-advise -m inject -p "$spawned"
	expect 1 ksm-advise -d -p "$spawned"
	stdout_is ""
	stderr_is "ksm-advise: $spawned: cannot disable merging: the program itself asked for it, by madvise (--madvised disables that too)"
	is_merging "$spawned" on
	expect 0 ksm-advise -c -d -n -o ACTION -p "$spawned"
	stdout_is "refused: the program itself asked for it (--madvised)"
	expect 0 ksm-advise -c -d --all -n -o ACTION -p "$spawned"
	stdout_has "disable by madvise ("
	expect 0 ksm-advise -d --all -p "$spawned"
	stderr_is ""
	is_merging "$spawned" off
}

# half_done: merging of $spawned, which has much to look at, is being switched off.
half_done() {
	local marked
	target "$KSM_BUILDDIR/tests/advise/grow" wide
	expect 0 ksm-advise -p "$spawned"
	marked=$(marks "$spawned")
	# It ends between two portions, by whatever ends it.
	ksm-advise -v -d -p "$spawned" 2>"$BATS_TEST_TMPDIR/said" 3>&- &
	until [[ $(marks "$spawned") -lt $marked ]]; do
		kill -0 $! || break
	done
	kill -TERM $!
	local status=0
	wait $! || status=$?
	[[ $status == 143 ]] || skip "it was done before it was interrupted"
}

# marks PID: KiB that are mergeable.
marks() {
	awk '/^Size:/ { size = $2 } /^VmFlags:.* mg/ { sum += size } END { print sum + 0 }' \
		"/proc/$1/smaps"
}

@test "interrupted, it can be gone on with, or taken back" {
	half_done
	grep -q "$spawned: unmerging 0 B: about .* in .* pieces" "$BATS_TEST_TMPDIR/said"
	grep -q "$spawned: interrupted: 0 B of 0 B unmerged (the same command goes on from there)" \
		"$BATS_TEST_TMPDIR/said"
	left=$(marks "$spawned")
	((left > 0))
	expect 0 ksm-advise -p "$spawned"
	stderr_is ""
	[[ $(marks "$spawned") -gt $left ]]
	expect 0 ksm-advise -v -d -p "$spawned"
	stderr_has "ksm-advise: $spawned: merging disabled (prctl, 0 B unmerged in "
	is_merging "$spawned" off
	asleep "$spawned"
}

@test "several at a time" {
	target; one=$spawned
	target; two=$spawned
	target; three=$spawned
	expect 0 ksm-advise -p "$one,$two" -p "$three"
	stderr_is ""
	for pid in "$one" "$two" "$three"; do is_merging "$pid" on; done
}

@test "a tree" {
	spawn sh -c 'sleep 1000 & sh -c "sleep 1000; :" & wait'
	children() { [[ $(pids_below "$spawned" | wc -l) == 4 ]]; }
	pids_below() {
		local pid
		echo "$1"
		for pid in $(<"/proc/$1/task/$1/children"); do pids_below "$pid"; done
	}
	wait_until children
	tree=$(pids_below "$spawned")
	expect 0 ksm-advise --tree -p "$spawned"
	stderr_is ""
	for pid in $tree; do is_merging "$pid" on; done
	# shellcheck disable=SC2086
	kill $tree
}

@test "by command line, and never ourselves" {
	target sleep 98765.4321
	expect 0 ksm-advise -v --match '^sleep 98765\.4321$'
	stderr_has "$spawned: merging enabled"
	is_merging "$spawned" on
	expect 1 ksm-advise --match 'no-such-argument-anywhere'
	stdout_is ""
	stderr_is "ksm-advise: no process matches"
}

@test "by user and command line" {
	need_root
	need_unprivileged
	spawn_unprivileged sleep 98765.1
	wait_until is_called "$spawned" sleep
	expect 0 ksm-advise -v --user 65534 --match '^sleep 98765\.1$'
	stderr_has "$spawned: merging enabled"
	expect 1 ksm-advise --user 0 --match '^sleep 98765\.1$'
	stderr_is "ksm-advise: no process matches"
}

@test "by control group" {
	target sleep 98765.2
	group=$(awk -F: '$1 == "0" { print $3 }' "/proc/$spawned/cgroup")
	[[ $group == /?* ]] || skip "this shell is in no control group (version 2) of its own"
	expect 0 ksm-advise -v --cgroup "$group" --match '^sleep 98765\.2$'
	stderr_has "$spawned: merging enabled"
}

@test "a stopped process stays stopped" {
	target
	kill -STOP "$spawned"
	stopped() { [[ $(cut -d' ' -f3 "/proc/$spawned/stat") == T ]]; }
	wait_until stopped
	expect 0 ksm-advise -p "$spawned"
	stderr_is ""
	is_merging "$spawned" on
	stopped
	kill -CONT "$spawned"
	wait_until asleep "$spawned"
}

@test "refused: none, a zombie, a kernel thread, ourselves" {
	expect 1 ksm-advise -p 4194304
	stdout_is ""
	stderr_is "ksm-advise: 4194304: cannot enable merging: no such process"
	expect 1 ksm-advise -d -p 4194304
	stderr_is "ksm-advise: 4194304: cannot disable merging: no such process"
	if ((EUID == 0)) && [[ $(cat /proc/2/comm) == kthreadd ]]; then
		expect 1 ksm-advise -p 2
		stderr_is "ksm-advise: 2: cannot enable merging: it is a kernel thread"
	fi
	expect 1 bash -c 'exec ksm-advise -p $$'
	stderr_has ": cannot enable merging: it is the calling process"
	# bash would reap it: it ends when its parent is something else.
	spawn bash -c 'until read -r c </proc/$$/comm && [[ $c == sleep ]]; do sleep 0.01; done &
		exec sleep 1000'
	zombie() {
		pid=$(<"/proc/$spawned/task/$spawned/children")
		pid=${pid// /}
		[[ -n $pid && $(cut -d' ' -f3 "/proc/$pid/stat") == Z ]]
	}
	wait_until zombie
	expect 1 ksm-advise -p "$pid"
	stderr_is "ksm-advise: $pid: cannot enable merging: it has ended and waits for its parent"
}

@test "refused: somebody else's" {
	need_root
	need_unprivileged
	target
	expect 1 unprivileged ksm-advise -p "$spawned"
	stdout_is ""
	stderr_has "ksm-advise: $spawned: cannot enable merging: "
	stderr_has "("
	is_merging "$spawned" off
}

@test "refused: traced by another" {
	command -v strace >/dev/null || skip "needs strace"
	target
	spawn strace -qq -o /dev/null -e trace=none -p "$spawned"
	tracer=$spawned target=${SPAWNED[0]}
	traced() { [[ $(awk '/^TracerPid:/ { print $2 }' "/proc/$target/status") == "$tracer" ]]; }
	wait_until traced
	expect 1 ksm-advise -p "$target"
	stdout_is ""
	stderr_is "ksm-advise: $target: cannot enable merging: traced by $tracer"
	expect 0 ksm-advise -c -n -o ACTION -p "$target"
	stdout_is "refused: traced by $tracer"
	is_merging "$target" off
}

@test "some done, some not: 4" {
	target
	expect 4 ksm-advise -p "4194304,$spawned"
	stdout_is ""
	stderr_is "ksm-advise: 4194304: cannot enable merging: no such process"
	is_merging "$spawned" on
}

@test "disabling asks for the memory first" {
	need_fake_ksm
	target
	expect 0 ksm-advise -p "$spawned"
	# A machine without memory, and a process that has merged some.
	printf 'MemTotal: 1000 kB\nMemAvailable: 0 kB\n' >"$BATS_TEST_TMPDIR/meminfo"
	printf 'ksm_rmap_items 100\nksm_zero_pages 0\nksm_merging_pages 100\nksm_process_profit 1\nksm_merge_any: yes\nksm_mergeable: yes\n' \
		>"$BATS_TEST_TMPDIR/stat"
	fake="mount --bind $BATS_TEST_TMPDIR/meminfo /proc/meminfo &&
		mount --bind $BATS_TEST_TMPDIR/stat /proc/$spawned/ksm_stat &&"
	unshare "${UNSHARE[@]}" sh -c "$fake true" 2>/dev/null || skip "cannot mount over /proc"
	expect 1 unshare "${UNSHARE[@]}" sh -c "$fake exec ksm-advise -d -p $spawned"
	stdout_is ""
	stderr_has "ksm-advise: not disabled: it may need "
	stderr_has "(free some, or use --force)"
	is_merging "$spawned" on
	need_outside
	expect 0 unshare "${UNSHARE[@]}" sh -c "$fake exec ksm-advise -d -f -m prctl -p $spawned" ||
		[[ $stderr == *"going on as --force says"* ]]
	is_merging "$spawned" off
}

@test "in another pid namespace" {
	need_root
	spawn unshare -fp --kill-child sleep 1000
	inner() {
		pid=$(<"/proc/$spawned/task/$spawned/children")
		pid=${pid// /}
		[[ -n $pid && $(<"/proc/$pid/comm") == sleep ]]
	}
	wait_until inner
	wait_until asleep "$pid"
	expect 0 ksm-advise -p "$pid"
	stderr_is ""
	is_merging "$pid" on
}

@test "many threads" {
	target "$KSM_BUILDDIR/tests/advise/grow" threads
	expect 0 ksm-advise -p "$spawned"
	stderr_is ""
	is_merging "$spawned" on
}

@test "without KSM in the kernel" {
	use_root no-ksm
	expect 3 ksm-advise -s "$ROOT" -p 1
	stdout_is ""
}
