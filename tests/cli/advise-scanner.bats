#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# advise-scanner.bats - ksm-advise --scanner and --wait: KSM runs as long as it is
# needed and is then as it was found.  The files are not the kernel's but stand in
# for them, in a namespace of the test's own.

load ../lib/helpers
load advise

setup() { need_fake_ksm; }

# Run with run set to $1; $2 is what the command sees and what is left, one a line.
scanner() {
	expect 0 fake_ksm "echo $1 >\$KSM/run; ksm-advise -q -S -- sh -c 'echo \$(cat \$KSM/run)'; show"
	stdout_is "$2"
	stderr_is ""
}

@test "started, and stopped again" {
	scanner 0 "1
0"
}

@test "running before, running after" {
	scanner 1 "1
1"
}

@test "unmerging before, unmerging after" {
	scanner 2 "1
2"
}

@test "not put back to unmerging where memory would not suffice" {
	expect 0 fake_ksm '
		echo 2 >$KSM/run; echo 1000000000000 >$KSM/pages_sharing
		ksm-advise -S -- true; show'
	stdout_is 0
	stderr_is "ksm-advise: warning: run: set to stopped, not back to unmerging: there is not enough memory for that"
}

@test "what somebody else set is left alone" {
	expect 0 fake_ksm 'echo 0 >$KSM/run; ksm-advise -q -S -- sh -c "echo 2 >\$KSM/run"; show'
	stdout_is 2
	stderr_is ""
}

@test "put back when the command is not there, or ends by a signal" {
	expect 0 fake_ksm '
		echo 0 >$KSM/run
		ksm-advise -q -S -- no-such-command 2>/dev/null; echo $?; show
		ksm-advise -q -S -- sh -c "kill -TERM \$\$"; echo $?; show
		ksm-advise -q -S --report=/nonexistent/file -- true 2>/dev/null; echo $?; show'
	stdout_is "127
0
143
0
125
0"
}

@test "put back when ksm-advise is told to end" {
	for sig in TERM USR1; do
		expect 0 fake_ksm "
			echo 0 >\$KSM/run; rm -f \$KSM/ready
			ksm-advise -q -S -- sh -c 'cat \$KSM/run >\$KSM/ready; exec sleep 1000' &
			until [ -s \$KSM/ready ]; do sleep 0.01; done
			cat \$KSM/ready; kill -$sig \$!; wait \$!; echo \$?; show" 2>/dev/null
		stdout_is "1$((128 + $(kill -l $sig)))
0"
	done
}

@test "the last of several puts back, whoever ends first" {
	mkfifo "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two"
	expect 0 fake_ksm '
		cd "$BATS_TEST_TMPDIR"
		echo 0 >$KSM/run
		ksm-advise -q -S -- sh -c ": >ready1; cat one" & one=$!
		until [ -e ready1 ]; do sleep 0.01; done; show
		ksm-advise -q -S -- sh -c ": >ready2; cat two" & two=$!
		until [ -e ready2 ]; do sleep 0.01; done; show
		: >one; wait $one; show
		: >two; wait $two; show'
	stdout_is "1
1
1
0"
	stderr_is ""
}

@test "one that was killed leaves KSM running and spoils nothing" {
	expect 0 fake_ksm '
		echo 0 >$KSM/run
		ksm-advise -q -S -- sh -c "echo \$\$ >$KSM/ready; exec sleep 1000" & one=$!
		until [ -s $KSM/ready ]; do sleep 0.01; done
		kill -KILL $one; wait $one; kill $(cat $KSM/ready)
		show
		ksm-advise -q -S -- true; show
		echo 0 >$KSM/run; ksm-advise -q -S -- true; show' 2>/dev/null
	stdout_is "1
1
0"
}

@test "not permitted" {
	need_root
	need_unprivileged
	expect 0 fake_ksm '
		echo 0 >$KSM/run; chmod 644 $KSM/run; chmod 755 /run
		setpriv --reuid=65534 --regid=65534 --clear-groups -- ksm-advise -S -- echo ran
		echo $?; show'
	stdout_is "125
0"
	stderr_is "ksm-advise: /sys/kernel/mm/ksm/run: cannot start KSM: Permission denied (needs root, or CAP_DAC_OVERRIDE)"
}

@test "wait: settled when a pass adds nothing more" {
	need_injection
	need_outside
	target
	expect 0 fake_ksm "
		echo 1 >\$KSM/run; echo 10 >\$KSM/full_scans
		passes & ksm-advise -v --wait -p $spawned; echo \$?; kill \$!" 2>/dev/null
	stdout_is 0
	stderr_has "settled after 2 passes"
	is_merging "$spawned" on
}

@test "wait: with the scanner, which is put back" {
	need_injection
	need_outside
	target
	expect 0 fake_ksm "
		echo 0 >\$KSM/run; echo 10 >\$KSM/full_scans
		passes & ksm-advise -q -w -S -p $spawned; echo \$?; show; kill \$!" 2>/dev/null
	stdout_is "0
0"
	stderr_is ""
}

@test "wait: given up" {
	need_injection
	need_outside
	target
	expect 0 fake_ksm "
		echo 1 >\$KSM/run
		ksm-advise -w --timeout 200ms -p $spawned; echo \$?
		echo 0 >\$KSM/run
		ksm-advise -w -p $spawned; echo \$?
		ksm-advise -w -S --timeout 200ms -p $spawned; echo \$?; show"
	stdout_is "1
1
1
0"
	stderr_is "ksm-advise: merging has not settled within the timeout
ksm-advise: KSM is not running: merging will not settle (ksmctl start, or --scanner)
ksm-advise: merging has not settled within the timeout"
}

@test "wait: a signal ends it, and the scanner is put back" {
	need_injection
	need_outside
	target
	expect 0 fake_ksm "
		echo 0 >\$KSM/run
		ksm-advise -q -w -S -p $spawned &
		until [ x\$(cat \$KSM/run) = x1 ]; do kill -0 \$! || exit; sleep 0.01; done
		kill -TERM \$!; wait \$!; echo \$?; show" 2>/dev/null
	stdout_is "143
0"
}

@test "wait: the process ends meanwhile" {
	need_injection
	need_outside
	target
	expect 0 fake_ksm "
		echo 1 >\$KSM/run
		ksm-advise -q -w -p $spawned &
		until grep -q '^VmFlags:.* mg' /proc/$spawned/smaps; do
			kill -0 \$! || exit
			sleep 0.01
		done
		kill $spawned; wait \$!; echo \$?"
	stdout_is 1
	stderr_is "ksm-advise: all processes ended before merging had settled"
}
