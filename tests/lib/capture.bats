#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# capture.bats - dumps of machines: complete, and without names when so asked.

load helpers

capture() { "$KSM_SRCDIR/tests/lib/capture" "$@"; }

@test "capture: a root copied with all processes is the same root" {
	for root in 5.15-old 6.1 6.12-busy 6.12-tuned 7.3-hksm arm64-16k cgroup-v1 hostile no-ksm; do
		expect 0 capture -a -s "$KSM_DATA/$root" "$BATS_TEST_TMPDIR/$root"
		diff -r "$KSM_DATA/$root" "$BATS_TEST_TMPDIR/$root"
	done
}

@test "capture: by itself it takes those that take part, and ksmd" {
	expect 0 capture -s "$KSM_DATA/6.12-busy" "$BATS_TEST_TMPDIR/out"
	same pids "$(cd "$BATS_TEST_TMPDIR/out/proc" && echo [0-9]*)" \
		"1001 1002 1003 1010 2001 2002 2003 2150 58"
	stdout_is "$BATS_TEST_TMPDIR/out: 9 processes"
	# Of 7.3 also those that were not scanned yet.
	expect 0 capture -s "$KSM_DATA/7.3-busy" "$BATS_TEST_TMPDIR/out2"
	[[ -d $BATS_TEST_TMPDIR/out2/proc/2100 && -d $BATS_TEST_TMPDIR/out2/proc/2101 ]]
	[[ ! -e $BATS_TEST_TMPDIR/out2/proc/2300 ]]
}

@test "capture: who sets the scanner is taken, and without names by a number" {
	local note=run/ksm-autotune/decision
	use_root 6.12-tuned
	sed 's/900 (ksm-autotune)/700 (ksmtuned)/' "$ROOT/proc/900/stat" >"$BATS_TEST_TMPDIR/stat"
	cp -R "$ROOT/proc/900" "$ROOT/proc/700"
	cp "$BATS_TEST_TMPDIR/stat" "$ROOT/proc/700/stat"
	expect 0 capture -p 2001 -s "$ROOT" "$BATS_TEST_TMPDIR/out"
	same pids "$(cd "$BATS_TEST_TMPDIR/out/proc" && echo [0-9]*)" "2001 58 700 900"
	same note "$(cat "$BATS_TEST_TMPDIR/out/$note")" "$(cat "$ROOT/$note")"
	expect 0 capture -n -s "$ROOT" "$BATS_TEST_TMPDIR/anon"
	same rules "$(grep ^rule= "$BATS_TEST_TMPDIR/anon/$note")" $'rule=rule1\nrule=rule2'
	expect 0 ksmctl -s "$BATS_TEST_TMPDIR/anon" status
	stdout_has "decides    ksm-autotune (pid 900) since "
}

@test "capture: what khugepaged fills is taken" {
	local thp=sys/kernel/mm/transparent_hugepage
	use_root 6.12-busy
	mkdir -p "$ROOT/$thp/khugepaged"
	echo 511 >"$ROOT/$thp/khugepaged/max_ptes_none"
	expect 0 capture -s "$ROOT" "$BATS_TEST_TMPDIR/out"
	same value "$(cat "$BATS_TEST_TMPDIR/out/$thp/khugepaged/max_ptes_none")" 511
}

@test "capture: a process that calls itself ksmd is not taken for it" {
	expect 0 capture -p 3001 -s "$KSM_DATA/hostile" "$BATS_TEST_TMPDIR/out"
	same pids "$(cd "$BATS_TEST_TMPDIR/out/proc" && echo [0-9]*)" "3001 58"
}

@test "capture: without names, none is left and the figures stay" {
	local out=$BATS_TEST_TMPDIR/out name
	expect 0 capture -a -n -s "$KSM_DATA/6.12-busy" "$out"
	for name in systemd nginx web01 web02 'db' build python3 worker redis bash firefox Web \
		libc.so qemu-ring kvm-vcpu 41001 41002 41003 41004 41005; do
		! grep -raw -- "$name" "$out/proc" || fail "$name is still there"
	done
	same figures "$(cat "$out"/proc/*/ksm_stat)" "$(cat "$KSM_DATA"/6.12-busy/proc/*/ksm_stat)"
	same mappings "$(grep -h : "$out/proc/1001/smaps" | cut -c 1-72 | grep kB)" \
		"$(grep -h : "$KSM_DATA/6.12-busy/proc/1001/smaps" | cut -c 1-72 | grep kB)"
	# The same name is the same alias, so that groups stay groups.
	same cgroups "$(cat "$out/proc/812/cgroup")" "$(cat "$out/proc/813/cgroup")"
	[[ $(cat "$out/proc/812/cgroup") != "$(cat "$out/proc/2150/cgroup")" ]]
	[[ $(cat "$out/proc/58/stat") == "58 (ksmd) "* ]]
	[[ $(cat "$out/proc/1001/cgroup") == '0::/machine.slice/machine-qemu\x2d1\x2dguest1.scope'* ]]
}

@test "capture: which boot it was, but not without names" {
	expect 0 capture -s "$KSM_DATA/seq-boost/0" "$BATS_TEST_TMPDIR/out"
	same "boot" "$(cat "$BATS_TEST_TMPDIR/out/proc/sys/kernel/random/boot_id")" \
		"$(cat "$KSM_DATA/seq-boost/0/proc/sys/kernel/random/boot_id")"
	expect 0 capture -n -s "$KSM_DATA/seq-boost/0" "$BATS_TEST_TMPDIR/anon"
	[[ ! -e $BATS_TEST_TMPDIR/anon/proc/sys ]]
}

@test "capture: hostile names neither break it nor get through" {
	local out=$BATS_TEST_TMPDIR/out
	expect 0 capture -a -n -s "$KSM_DATA/hostile" "$out"
	same pids "$(cd "$out/proc" && echo [0-9]*)" "$(cd "$KSM_DATA/hostile/proc" && echo [0-9]*)"
	! LC_ALL=C grep -ra $'[\x01-\x08\x0b-\x1f\x7f-\xff]' "$out" || fail "raw bytes"
}

@test "capture: what may not be read is named in modes" {
	need_unprivileged
	use_root denied
	chmod 0 "$ROOT/sys/kernel/mm/ksm/run" "$ROOT/proc/2001/ksm_stat"
	mkdir "$BATS_TEST_TMPDIR/made"
	chmod 777 "$BATS_TEST_TMPDIR/made"
	expect 0 unprivileged "$KSM_SRCDIR/tests/lib/capture" -p 2001 -s "$ROOT" \
		"$BATS_TEST_TMPDIR/made/out"
	same modes "$(sort "$BATS_TEST_TMPDIR/made/out/modes")" \
		"$(printf '0000 %s\n' proc/2001/ksm_stat sys/kernel/mm/ksm/run)"
	[[ -e $BATS_TEST_TMPDIR/made/out/proc/2001/ksm_stat ]]
	stdout_has "2 files that may not be read"
}

@test "capture: this machine, with this process" {
	local out=$BATS_TEST_TMPDIR/out
	expect 0 capture -p $$ "$out"
	[[ $(cat "$out/proc/$$/stat") == "$$ ("* ]]
	grep -qx "page_size $(getconf PAGESIZE)" "$out/meta"
	grep -qx "release $(uname -r)" "$out/meta"
	grep -qx 'when_ns [1-9][0-9]*0000000' "$out/meta"
}

@test "capture: mistakes" {
	expect 2 capture
	stderr_has "name one directory"
	expect 2 capture -x "$BATS_TEST_TMPDIR/out"
	stderr_has "unknown option -x"
	expect 2 capture -p 12x "$BATS_TEST_TMPDIR/out"
	stderr_has "12x: not a pid"
	expect 1 capture -p 999999999 "$BATS_TEST_TMPDIR/out"
	stderr_has "process 999999999: not there"
	expect 1 capture "$BATS_TEST_TMPDIR"
	stderr_has "exists"
	expect 1 capture -s /nonexistent "$BATS_TEST_TMPDIR/out3"
	stderr_has "no proc there"
	expect 0 capture -h
	stdout_has "Usage: capture"
}
